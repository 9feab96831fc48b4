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

_ARRIVALS: LiteralString = f"""
    WITH place AS (
        SELECT CASE WHEN %(xid)s::xid8 >= pg_snapshot_xmax(pg_current_snapshot())
                    THEN '0'::xid8 ELSE %(xid)s::xid8 END AS xid
    ), arrived AS (
        SELECT d.ingest_xid, d.ingest_seq, {PARTITION_DAY} AS day,
               {WAITS} AS waits
        FROM trading_disclosures d, place
        WHERE (d.ingest_xid, d.ingest_seq) > (place.xid, CASE WHEN place.xid = %(xid)s::xid8 THEN %(seq)s ELSE 0 END)
          AND (d.ingest_xid < pg_snapshot_xmin(pg_current_snapshot())
               OR d.ingest_xid >= pg_snapshot_xmax(pg_current_snapshot()))
        ORDER BY d.ingest_xid, d.ingest_seq
        LIMIT %(limit)s
    ), last AS (SELECT ingest_xid, ingest_seq FROM arrived ORDER BY ingest_xid DESC, ingest_seq DESC LIMIT 1)
    SELECT day, count(*) AS seen, count(*) FILTER (WHERE waits) AS waiting,
           (SELECT ingest_xid::text FROM last) AS xid, (SELECT ingest_seq FROM last) AS seq
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
