"""Ingestion of a source over a window of disclosure dates: the use case that the assets call.

One transaction holds rows, provenance, ledger and roots of a load: either all of it is there or none.
Running it again over an unchanged source writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

from psycopg import Connection

from llm_pipeline.disclosures.filing import Filing
from llm_pipeline.disclosures.load import Load
from llm_pipeline.disclosures.readers import reader_for
from llm_pipeline.disclosures.report import IngestReport

CHUNK_ROWS = 2_000
CHUNK_FILINGS = 500
CHUNK_BYTES = 16 << 20
"""What is held in memory and written at once; one filing above the limits still goes in as one."""

Progress = Callable[[int, int], None]
"""Called after each chunk with (filings read so far, rows in them)."""


def _weight(filing: Filing) -> int:
    return sum(len(value) for row in filing.rows for value in row.raw.values() if isinstance(value, str))


def _chunks(filings: Iterator[Filing]) -> Iterator[list[Filing]]:
    chunk: list[Filing] = []
    rows = size = 0
    for filing in filings:
        chunk.append(filing)
        rows += len(filing.rows)
        size += _weight(filing)
        if rows >= CHUNK_ROWS or len(chunk) >= CHUNK_FILINGS or size >= CHUNK_BYTES:
            yield chunk
            chunk, rows, size = [], 0, 0
    if chunk:
        yield chunk


def ingest(
    conn: Connection[Any],
    source: str,
    location: str | Path,
    start: date,
    end: date,
    *,
    now: datetime,
    run_id: str | None = None,
    progress: Progress | None = None,
) -> IngestReport:
    """Bring the filings of a source whose disclosure date lies in [start, end) into the database.

    Args:
        conn: a connection outside a transaction (the load then commits itself; inside one it becomes part
        of it). source: a name of `readers.READERS`. location: file, folder, glob or http(s) URL, several
        separated by commas; .gz is fine. now: aware time of this load; disclosure dates after it are
        refused as impossible. run_id: the Dagster run, kept with the Merkle roots.

    Returns:
        What was read and what that changed. A filing that cannot be read is in `failures` and on the
        ledger; a filing without a usable disclosure date is failed whatever the window, because it belongs
        to no other.

    Raises:
        SourceError: the source is unknown or as a whole not readable; nothing is written then.
        ValueError: the window is empty or `now` has no zone.
    """
    if now.tzinfo is None:
        raise ValueError("now must be an aware time")
    if start >= end:
        raise ValueError(f"the window [{start}, {end}) is empty")
    reader = reader_for(source)
    with conn.transaction(), conn.cursor() as cur:
        load = Load(cur, reader, start, end, now=now, run_id=run_id)
        for chunk in _chunks(reader.filings(location)):
            load.take(chunk)
            if progress is not None:
                progress(load.filings_read, load.rows_read)
        return load.finish(str(location))
