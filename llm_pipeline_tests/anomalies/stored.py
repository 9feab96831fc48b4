"""Invented filers and their validated disclosures in a real database."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from psycopg import Connection

NAMESPACE = UUID("a4b1c0de-0000-5000-8000-000000000000")
NOW = datetime(2021, 1, 1, tzinfo=UTC)
TICKERS = ("AAPL", "MSFT", "XOM", "JPM", "PFE", "KO", "DIS", "CAT")
BURST = date(2020, 6, 1)
"""Day of the busy filer's burst; it becomes public on `PUBLIC`."""
PUBLIC = date(2020, 6, 15)


def politician_id(name: str) -> str:
    """The id of an invented politician."""
    return str(uuid5(NAMESPACE, name))


def disclosure_id(name: str) -> str:
    """The id of an invented disclosure."""
    return str(uuid5(NAMESPACE, f"disclosure {name}"))


@dataclass(frozen=True)
class Row:
    """A disclosure as stored; `name` makes its id."""

    name: str
    filer: str
    traded: date
    disclosed: date
    ticker: str | None = "AAPL"
    side: str = "Purchase"
    low: int = 1_001
    high: int | None = 15_000
    status: str = "pass"
    source: str = "senate_efd"
    superseded_by: str | None = None
    extra: dict[str, Any] = field(default_factory=dict)


def habit(filer: str, months: int = 15, until: date = BURST) -> list[Row]:
    """One or two small trades a month, each public two weeks later, up to before `until`."""
    rows = []
    for month in range(months, 0, -1):
        for n in range(1 + month % 2):
            day = until - timedelta(days=30 * month - 7 * n)
            side = "Purchase" if (month + n) % 3 else "Sale (Partial)"
            rows.append(
                Row(f"{filer} {month} {n}", filer, day, day + timedelta(days=14), TICKERS[(month * 3 + n) % 8], side)
            )
    return rows


def burst(filer: str, count: int = 16) -> list[Row]:
    """Many trades within eight days, public together."""
    return [
        Row(f"{filer} burst {n}", filer, BURST + timedelta(days=n % 8), PUBLIC, TICKERS[n % 8], low=15_001, high=50_000)
        for n in range(count)
    ]


def calm() -> list[Row]:
    """Eight filers as usual all the while: without others a filer's burst may be a busy time of all."""
    return [
        replace(
            row,
            traded=row.traded + timedelta(days=3 * n),
            disclosed=row.disclosed + timedelta(days=3 * n),
            ticker=f"CALM{n}",
        )
        for n in range(8)
        for row in habit(f"Calm Filer {'ABCDEFGH'[n]}")
    ]


def store(conn: Connection[Any], rows: Iterable[Row]) -> None:
    """Write rows, with their politicians, and commit."""
    rows = list(rows)
    with conn.cursor() as cur:
        for name in sorted({row.filer for row in rows}):
            cur.execute(
                """INSERT INTO politicians (id, full_name, chamber, role, bioguide_id, state_or_country)
                   VALUES (%s, %s, 'Senate', 'Senator', %s, 'VT') ON CONFLICT DO NOTHING""",
                [politician_id(name), name, f"X9{abs(hash_number(name)):05d}"],
            )
        for ordinal, row in enumerate(rows, 1):
            cur.execute(
                """INSERT INTO trading_disclosures (id, politician_id, transaction_date, disclosure_date,
                       transaction_type, asset_name, asset_ticker, asset_type, amount_range_min, amount_range_max,
                       source_url, source_document_id, source, row_ordinal, owner, raw_data, llm_validation_status,
                       llm_validated_at, superseded_by, created_at)
                   VALUES (%s, %s, %s, %s, %s, %s, %s, 'Stock', %s, %s, %s, %s, %s, %s, 'Self', %s, %s, %s, %s, %s)
                   ON CONFLICT (id) DO UPDATE SET superseded_by = EXCLUDED.superseded_by,
                       llm_validation_status = EXCLUDED.llm_validation_status""",
                [
                    disclosure_id(row.name),
                    politician_id(row.filer),
                    row.traded,
                    row.disclosed,
                    row.side,
                    f"{row.ticker} Inc",
                    row.ticker,
                    row.low,
                    row.high,
                    "https://example.org/report",
                    f"doc {row.name}",
                    row.source,
                    ordinal,
                    json.dumps(row.extra),
                    row.status,
                    NOW,
                    row.superseded_by,
                    NOW,
                ],
            )
    conn.commit()


def hash_number(name: str) -> int:
    """A small number from a name, the same in every process."""
    return int(uuid5(NAMESPACE, name)) % 100_000


def dump(conn: Connection[Any], table: str, *left_out: str) -> list[str]:
    """Every row of a table as text, without the columns that hold the time of writing."""
    query = f"SELECT (to_jsonb(t) - %s::text[])::text FROM {table} t ORDER BY 1"
    rows = conn.execute(query, [list(left_out)]).fetchall()
    conn.commit()
    return [row[0] for row in rows]
