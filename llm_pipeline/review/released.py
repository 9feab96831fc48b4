"""What decisions release: the days to run again after a cursor, in an order in which no decision can be missed.

The order is that of `arrivals.py`: decisions count once every transaction older than theirs has ended (see view
`settled_review_decisions` in `sql/`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection

from llm_pipeline.validation.arrivals import Cursor

# A cursor in the future is one of another server: begin again. A decision of the future was restored from another
# server and stands before all others, at transaction 0.
_RELEASED: LiteralString = """
    WITH place AS (
        SELECT CASE WHEN foreign_cursor THEN '0'::xid8 ELSE %(xid)s::xid8 END AS xid,
               CASE WHEN foreign_cursor THEN 0 ELSE %(seq)s END AS seq
        FROM (SELECT %(xid)s::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) AS foreign_cursor) AS given
    ), ordered AS (
        SELECT CASE WHEN r.xid >= pg_snapshot_xmax(pg_current_snapshot()) THEN '0'::xid8 ELSE r.xid END AS xid, r.seq,
               r.releases, r.release_days
        FROM settled_review_decisions r
    )
    SELECT o.xid::text, o.seq, o.releases, o.release_days
    FROM ordered o, place
    WHERE (o.xid, o.seq) > (place.xid, place.seq)
    ORDER BY o.xid, o.seq
    LIMIT %(limit)s"""


@dataclass(frozen=True)
class Released:
    """What the decisions after a cursor ask for.

    Attributes:
        decisions: how many there are.
        anomalies, trading_signals: days to run, with how many decisions ask for each.
    """

    decisions: int
    anomalies: dict[date, int]
    trading_signals: dict[date, int]
    cursor: Cursor


def read_released(conn: Connection[Any], cursor: Cursor, limit: int) -> Released:
    """The next decisions after the cursor, at most `limit`."""
    values = {"xid": str(cursor.xid), "seq": cursor.seq, "limit": limit}
    rows = conn.execute(_RELEASED, values).fetchall()
    if not rows:
        return Released(0, {}, {}, cursor)
    asked = [(row[2], row[3]) for row in rows]
    return Released(
        len(rows), _days(asked, "anomalies"), _days(asked, "trading_signals"), Cursor(int(rows[-1][0]), rows[-1][1])
    )


def _days(asked: Iterable[tuple[str | None, list[date]]], what: str) -> dict[date, int]:
    return dict(Counter(day for releases, days in asked if releases == what for day in days))
