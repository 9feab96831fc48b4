"""Waiting in tests for what another thread, process or server does."""

from __future__ import annotations

import time
from collections.abc import Callable

from llm_pipeline.db.connection import connect


def until(true: Callable[[], bool], patience_s: float = 240.0) -> None:
    """Wait for something to become true; a test whose something never does fails here instead of hanging.

    Patience is for a machine that is busy with other tests; nothing here measures how long a thing takes.
    """
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, f"still untrue after {patience_s:.0f} s"
        time.sleep(0.02)


def until_settled(url: str, relation: str = "trading_disclosures", xid: str = "ingest_xid") -> None:
    """Rows count as arrived once every older transaction of the whole server, also of tests beside this, has ended."""
    unsettled = f"""SELECT count(*) FROM {relation} WHERE {xid} >= pg_snapshot_xmin(pg_current_snapshot())
                                                     AND {xid} < pg_snapshot_xmax(pg_current_snapshot())"""
    with connect(url, autocommit=True) as conn:
        until(lambda: conn.execute(unsettled).fetchone() == (0,))
