"""Many disclosures that wait for validation, ready for the tables: for load tests and benchmarks.

Belongs here: rows as the ingest would store them, made without files or a database. Loading them is the
caller's work (values are JSON values; `db.bulk` takes them as they are).
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid5

from llm_pipeline.sample.assets import STOCKS, Asset
from llm_pipeline.sample.filings import BANDS, HOUSE, SENATE
from llm_pipeline.sample.people import REPRESENTATIVES, SENATORS, Filer
from llm_pipeline.sample.senate_format import ticker_cell
from llm_pipeline.sample.trading_days import open_day_before

NAMESPACE = UUID("b2e7c9a4-52d1-5c38-8f0e-64a1d37f9c05")
"""Of the ids of load rows; another one than the ingest's, so that the two never meet."""

ROWS_PER_FILING = 5
_LIMITS = ((1001, 15000), (15001, 50000), (50001, 100000), (100001, 250000))

Row = dict[str, Any]


@dataclass(frozen=True)
class PendingSet:
    """Rows for `politicians` and `trading_disclosures`; `defects` counts the rows that cannot pass."""

    politicians: tuple[Row, ...]
    disclosures: tuple[Row, ...]
    defects: int


@cache
def _id_of(filer: Filer) -> str:
    return str(uuid5(NAMESPACE, filer.full_name))


def _politician(filer: Filer) -> Row:
    return {
        "id": _id_of(filer),
        "first_name": filer.first_name,
        "last_name": filer.last_name.split(",")[0].strip(),
        "full_name": filer.full_name,
        "role": "Senator" if filer.chamber == "Senate" else "Representative",
        "state_or_country": filer.state,
        "district": filer.district or None,
        "bioguide_id": filer.bioguide or None,
        "chamber": filer.chamber,
    }


def _disclosure(n: int, filer: Filer, asset: Asset, traded: date, rng: random.Random, defect: bool) -> Row:
    document, ordinal = f"load-{n // ROWS_PER_FILING:07d}", n % ROWS_PER_FILING + 1
    disclosed = traded + timedelta(days=rng.randrange(5, 31))
    senate = filer.chamber == "Senate"
    source = SENATE if senate else HOUSE
    number = uuid5(NAMESPACE, document)
    url = (
        f"https://efdsearch.senate.gov/search/view/ptr/{number}/"
        if senate
        else f"https://disclosures-clerk.house.gov/public_disc/ptr-pdfs/{disclosed.year}/{number.int % 10**8:08d}.pdf"
    )
    band = rng.randrange(len(_LIMITS))
    low, high = _LIMITS[band]
    day = "02/30/2020" if defect else f"{traded:%m/%d/%Y}"
    as_filed = {
        "transaction_date": day,
        "disclosure_date": f"{disclosed:%m/%d/%Y}",
        "transaction_type": "Purchase",
        "amount_range": BANDS[band],
        "ticker": asset.ticker,
        "asset_type": asset.kind if senate else None,
        "owner": "Self",
    }
    row = {**as_filed, "ticker": ticker_cell(str(asset.ticker)), "asset_description": asset.name, "comment": "--"}
    return {
        "id": str(uuid5(NAMESPACE, f"{source}|{document}|{ordinal}")),
        "politician_id": _id_of(filer),
        "transaction_date": None if defect else traded.isoformat(),
        "disclosure_date": disclosed.isoformat(),
        "transaction_type": "Purchase",
        "asset_name": asset.name,
        "asset_ticker": asset.ticker,
        "asset_type": asset.kind if senate else None,
        "amount_range_min": low,
        "amount_range_max": high,
        "source_url": url,
        "source_document_id": document,
        "raw_data": {"source_row": row, "as_filed": as_filed, "notes": []},
        "status": "active",
        "llm_validation_status": "pending",
        "owner": "Self",
        "source": source,
        "row_ordinal": ordinal,
        "extraction_method": "file",
        "extraction_ts": f"{disclosed + timedelta(days=1)}T06:00:00+00:00",
    }


def pending_set(n: int, *, end: date, seed: int = 7, defect_share: float = 0.0) -> PendingSet:
    """`n` pending disclosures that became public before `end`, no two of them the same trade.

    Args:
        n: how many; 20,000 take about a second.
        end: day after the last disclosure date.
        seed: of amounts and filing days.
        defect_share: share of rows with an impossible date, spread evenly; the others are clean.

    Raises:
        ValueError: `n` is negative or `defect_share` not within 0 and 1.
    """
    if n < 0 or not 0 <= defect_share <= 1:
        raise ValueError(f"n must not be negative and defect_share within 0 and 1: {n}, {defect_share}")
    rng = random.Random(seed)
    filers = (*SENATORS, *REPRESENTATIVES)
    per_day = len(filers) * len(STOCKS)
    day = open_day_before(end - timedelta(days=31))
    rows: list[Row] = []
    defects = 0
    for k in range(n):
        if k and k % per_day == 0:
            day = open_day_before(day)
        block = k // ROWS_PER_FILING
        # Every filing is one filer's; a filer goes through all stocks before the next day begins.
        filer = filers[block % len(filers)]
        asset = STOCKS[(block // len(filers) * ROWS_PER_FILING + k % ROWS_PER_FILING) % len(STOCKS)]
        defect = int((k + 1) * defect_share) > int(k * defect_share)
        defects += defect
        rows.append(_disclosure(k, filer, asset, day, rng, defect))
    return PendingSet(tuple(map(_politician, filers)), tuple(rows), defects)
