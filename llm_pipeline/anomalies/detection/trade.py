"""One reported trade as the detectors see it; pure. Reading trades from tables or files happens elsewhere."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

Classification = Literal["FREQUENCY_SPIKE", "SECTOR_CLUSTER", "TIMING_ANOMALY", "AMOUNT_ANOMALY", "COORDINATED_PATTERN"]
"""What kind of unusual a pattern is."""

Side = Literal["buy", "sell", "exchange"]

SIDES: tuple[Side, ...] = ("buy", "sell", "exchange")


@dataclass(frozen=True)
class Trade:
    """A validated trade of a filer.

    filer_key: bioguide id, or a key made from the name where there is none; filer: the name as shown.
    amount_index: 1-11 of the statutory ranges (5 U.S.C. 13104(d)(1)), None when the range is not a standard one;
    amount_low, amount_high: whole dollars.
    withdrawn_on: the day on which an amendment that replaces this row was disclosed. From then on the row does not
    count; before, it was all the public knew.
    """

    record_id: str
    filer: str
    filer_key: str
    chamber: str
    transaction_date: date
    disclosure_date: date
    ticker: str | None
    asset_description: str
    asset_type: str
    side: Side
    amount_index: int | None
    amount_low: int | None
    amount_high: int | None
    owner: str | None
    source_url: str | None
    withdrawn_on: date | None = None

    @property
    def asset(self) -> str:
        """What was traded: the ticker, else the description."""
        return self.ticker or self.asset_description


def side_of(transaction_type: str) -> Side | None:
    """The side of a trade from the sources' own words (`Purchase`, `Sale (Partial)`, `Exchange`); None when unknown."""
    word = transaction_type.strip().lower()
    if word.startswith("purchase"):
        return "buy"
    if word.startswith("sale"):
        return "sell"
    return "exchange" if word.startswith("exchange") else None
