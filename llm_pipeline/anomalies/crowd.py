"""All filers together on one as-of date: sector and ticker shares, and who traded what around a day. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from llm_pipeline.anomalies.book import TradeBook, day_number
from llm_pipeline.reference.records import GICS_SECTORS

Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Crowd:
    """Rows of the book known on the as-of date, by day of the trade: `rows` and `days`."""

    book: TradeBook
    as_of: int
    rows: Ints
    days: Ints

    def between(self, first: int, last: int) -> Ints:
        """Known rows with a trade day in [first, last]."""
        low, high = np.searchsorted(self.days, [first, last + 1])
        return self.rows[low:high]

    def sector_shares(self, days: int) -> dict[int, float]:
        """Share of each sector number among the known trades of the last `days` days, those without one included."""
        sector = self.book.sector[self.between(self.as_of - days, self.as_of)]
        counts = np.bincount(sector[sector >= 0], minlength=len(GICS_SECTORS))
        total = max(1, int(sector.size))
        return {i: float(n / total) for i, n in enumerate(counts.tolist())}


def crowd_on(book: TradeBook, as_of: date, days: int) -> Crowd:
    """What was known on that day of the trades of the last `days` days."""
    n = day_number(as_of)
    rows = book.rows_traded_between(n - days, n)
    rows = rows[(book.disclosed[rows] <= n) & (book.withdrawn[rows] > n)]
    return Crowd(book, n, rows, book.day[rows])
