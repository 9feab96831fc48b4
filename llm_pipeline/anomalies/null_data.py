"""Data without anomalies, made from real or invented trades, and how often they alert. Pure.

Dates and filers are dealt out anew among the trades: no filer, ticker, sector or amount has anything to do with a day
any more, while busy days, busy filers, common tickers and large amounts stay as frequent as they were.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

from llm_pipeline.anomalies.detection.trade import Trade

Disclosure = Literal["same_lag", "monthly_batch"]
"""When a dealt trade becomes known: as long after it as before, or with all of the filer's month on one day."""


def dealt_anew(trades: Sequence[Trade], seed: int, disclosure: Disclosure) -> list[Trade]:
    """The trades with transaction dates and filers shuffled. A batch comes on a random day of the month after."""
    rng = random.Random(seed)  # noqa: S311
    dates = [t.transaction_date for t in trades]
    filers = [(t.filer, t.filer_key) for t in trades]
    rng.shuffle(dates)
    rng.shuffle(filers)
    dealt = []
    for t, day, (name, key) in zip(trades, dates, filers, strict=True):
        known = day + (t.disclosure_date - t.transaction_date)
        if disclosure == "monthly_batch":
            of_month = random.Random(f"{seed}{key}{day:%Y%m}")  # noqa: S311
            known = _month_after(day) + timedelta(days=of_month.randrange(28))
        dealt.append(replace(t, transaction_date=day, disclosure_date=known, filer=name, filer_key=key))
    return dealt


def _month_after(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


@dataclass(frozen=True)
class AlertRate:
    """As-of days with new disclosures, and those of them with any alert."""

    days: int
    alerted: int

    @property
    def rate(self) -> float | None:
        """Share of the days with an alert; None without days."""
        return self.alerted / self.days if self.days else None

    def interval(self, z: float = 1.959964) -> tuple[float, float]:
        """Wilson's score interval of the share, 95 % by default (Wilson 1927, J. Am. Stat. Assoc. 22, 209-212).

        Raises:
            ValueError: there are no days.
        """
        if not self.days:
            raise ValueError("no as-of day was evaluated")
        n, p = self.days, self.alerted / self.days
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)
