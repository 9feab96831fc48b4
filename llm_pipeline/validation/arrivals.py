"""New rows in `trading_disclosures` since a cursor, in an order in which none can be missed.

Sequence numbers alone would lose rows: a transaction that took a lower number may commit later. Rows count as arrived
once every transaction older than theirs has ended (see view `settled_disclosures` in `sql/`), in the order
(transaction id, sequence number).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from typing import Any, LiteralString

from psycopg import Connection

from llm_pipeline.validation.statements import PARTITION_DAY, WAITS

# A cursor in the future is one of another server: begin again. A row of the future was restored from another server
# (a dump keeps the number of its transaction); such rows stand before all others, at transaction 0.
_ARRIVALS: LiteralString = f"""
    WITH place AS (
        SELECT CASE WHEN foreign_cursor THEN '0'::xid8 ELSE %(xid)s::xid8 END AS xid,
               CASE WHEN foreign_cursor THEN 0 ELSE %(seq)s END AS seq
        FROM (SELECT %(xid)s::xid8 >= pg_snapshot_xmax(pg_current_snapshot()) AS foreign_cursor) AS given
    ), arrived AS (
        SELECT * FROM (
            SELECT d.ingest_xid AS xid, d.ingest_seq AS seq, {PARTITION_DAY} AS day, {WAITS} AS waits
            FROM trading_disclosures d, place
            WHERE (d.ingest_xid, d.ingest_seq) > (place.xid, place.seq)
              AND d.ingest_xid < pg_snapshot_xmin(pg_current_snapshot())
            UNION ALL
            SELECT '0'::xid8, d.ingest_seq, {PARTITION_DAY}, {WAITS}
            FROM trading_disclosures d, place
            WHERE place.xid = '0'::xid8 AND d.ingest_seq > place.seq
              AND d.ingest_xid >= pg_snapshot_xmax(pg_current_snapshot())
        ) AS settled
        ORDER BY xid, seq
        LIMIT %(limit)s
    ), last AS (SELECT xid, seq FROM arrived ORDER BY xid DESC, seq DESC LIMIT 1)
    SELECT day, count(*) AS seen, count(*) FILTER (WHERE waits) AS waiting,
           (SELECT xid::text FROM last) AS xid, (SELECT seq FROM last) AS seq
    FROM arrived GROUP BY day"""  # noqa: S608


@dataclass(frozen=True)
class Cursor:
    """A place in the order of ingestion."""

    xid: int = 0
    seq: int = 0

    def __str__(self) -> str:
        return f"{self.xid}.{self.seq}"

    @classmethod
    def parse(cls, text: str | None) -> Cursor:
        """The cursor that `str` wrote; the beginning for None.

        Raises:
            ValueError: the text is no cursor; the message says how to mend it.
        """
        if not text:
            return cls()
        match = re.fullmatch(r"([0-9]+)\.([0-9]+)", text)
        if not match:
            raise ValueError(f"sensor cursor {text!r} is not <transaction>.<sequence>; reset it in the UI")
        return cls(int(match[1]), int(match[2]))


@dataclass(frozen=True)
class Arrivals:
    """What arrived after a cursor: how many rows, how many of them pending by daily partition, and the new cursor."""

    seen: int
    pending_by_day: dict[date, int]
    cursor: Cursor


def read_arrivals(conn: Connection[Any], cursor: Cursor, limit: int) -> Arrivals:
    """The next rows after the cursor, at most `limit`."""
    rows = conn.execute(_ARRIVALS, {"xid": str(cursor.xid), "seq": cursor.seq, "limit": limit}).fetchall()
    if not rows:
        return Arrivals(0, {}, cursor)
    return Arrivals(
        seen=sum(row[1] for row in rows),
        pending_by_day={row[0]: row[2] for row in rows if row[2]},
        cursor=Cursor(int(rows[0][3]), rows[0][4]),
    )
