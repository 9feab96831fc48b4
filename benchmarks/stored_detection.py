"""Detection as the assets run it, on one as-of date of a million stored trades: reading, computing and storing.

The floor copies the same rows out of the table and parses them, in the same process. Without reference data: nobody
has a seat, no ticker a sector; what those cost is in the table of `benchmarks.anomalies`.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from io import BytesIO
from multiprocessing import get_context
from pathlib import Path

import polars as pl

from benchmarks.anomalies import AS_OF, invented
from llm_pipeline.anomalies.detection.thresholds import Thresholds
from llm_pipeline.anomalies.service import compute_baselines, find_candidates
from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline.disclosures.amounts import RANGES
from llm_pipeline.embedded.postgres import EmbeddedPostgres

TRADES = 1_000_000
END = AS_OF + timedelta(days=1)

_COLUMNS = """transaction_date, disclosure_date, transaction_type, asset_name, asset_ticker, asset_type,
    amount_range_min, amount_range_max, source, source_document_id, row_ordinal, llm_validation_status"""
_FLOOR = f"""COPY (SELECT id, politician_id, {_COLUMNS} FROM trading_disclosures ORDER BY id)
             TO STDOUT (FORMAT csv, HEADER)"""


def fill(url: str, trades: int) -> None:
    """Store invented trades as validated disclosures, each with a filing of its own."""
    low, high = ({one.index: getattr(one, side) for one in RANGES} for side in ("low", "high"))
    frame = invented(trades).select(
        pl.col("filer_key"),
        "transaction_date",
        "disclosure_date",
        pl.when(pl.col("side") == "buy").then(pl.lit("Purchase")).otherwise(pl.lit("Sale (Full)")).alias("type"),
        pl.col("asset").alias("name"),
        "ticker",
        pl.lit("Stock").alias("kind"),
        pl.col("amount_index").replace_strict(low).alias("low"),
        pl.col("amount_index").replace_strict(high).alias("high"),
        pl.lit("senate_efd").alias("source"),
        pl.col("record_id"),
        pl.lit(1).alias("ordinal"),
        pl.lit("pass").alias("status"),
    )
    data = BytesIO()
    frame.write_csv(data)
    with connect(url, autocommit=True) as conn, conn.transaction(), conn.cursor() as cur:
        cur.execute("CREATE TEMP TABLE incoming (filer_key text, LIKE trading_disclosures) ON COMMIT DROP")
        cur.execute("ALTER TABLE incoming ALTER COLUMN id DROP NOT NULL, ALTER COLUMN ingest_seq DROP NOT NULL")
        with cur.copy(f"COPY incoming (filer_key, {_COLUMNS}) FROM STDIN (FORMAT csv, HEADER)") as copy:
            copy.write(data.getvalue())
        cur.execute(
            """INSERT INTO politicians (full_name, bioguide_id, chamber)
               SELECT DISTINCT 'Filer ' || filer_key, filer_key, 'Senate' FROM incoming"""
        )
        cur.execute(
            f"""INSERT INTO trading_disclosures (politician_id, {_COLUMNS})
                SELECT p.id, {", ".join(f"i.{one.strip()}" for one in _COLUMNS.split(","))}
                FROM incoming i JOIN politicians p ON p.bioguide_id = i.filer_key"""
        )
    with connect(url, autocommit=True) as conn:
        conn.execute("VACUUM ANALYZE")


def floor_seconds(url: str) -> float:
    """Seconds to copy the rows out and parse them."""
    began = time.perf_counter()
    data = BytesIO()
    with connect(url) as conn, conn.cursor() as cur, cur.copy(_FLOOR) as copy:
        for block in copy:
            data.write(block)
    data.seek(0)
    pl.read_csv(data, try_parse_dates=True)
    return time.perf_counter() - began


def apart(url: str) -> tuple[float, float, float, str, int]:
    """(seconds of the floor, of the baselines, of the candidates, what was stored, peak MB) in this process."""
    floor_seconds(url)
    floor = floor_seconds(url)
    now = datetime.now(UTC)
    with connect(url) as conn:
        began = time.perf_counter()
        baselines = compute_baselines(conn, AS_OF, END, now=now, thresholds=Thresholds())
        between = time.perf_counter()
        candidates = find_candidates(conn, AS_OF, END, now=now, thresholds=Thresholds())
        ended = time.perf_counter()
    stored = f"{baselines.written:,} baselines, {candidates.trades:,} trades evaluated"
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return floor, between - began, ended - between, stored, peak


def main(trades: int = TRADES) -> None:
    """Print the table of benchmarks/README.md."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)).running() as url:
        migrate(url)
        fill(url, trades)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            floor, baselines, candidates, stored, peak = pool.submit(apart, url).result()
    print("| stored trades | floor s | baselines s | candidates s | each / floor | stored | peak MB |")
    print("|---|---|---|---|---|---|---|")
    print(
        f"| {trades:,} | {floor:.1f} | {baselines:.1f} | {candidates:.1f} | {baselines / floor:.1f}, "
        f"{candidates / floor:.1f} | {stored} | {peak} |"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
