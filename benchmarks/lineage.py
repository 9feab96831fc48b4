"""Verification of provenance without a model: 100,000 disclosures, 800,000 steps, against reading and hashing alone.

The floor reads the same rows and steps, as many at a time and in one process, and takes SHA-256 over the same bytes;
it knows nothing of JSON, order or accounts.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, date, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import migrate
from llm_pipeline.disclosures.ingest import ingest
from llm_pipeline.disclosures.merkle import merkle_root
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline.lineage.chunk import ROWS
from llm_pipeline.lineage.service import Helpers, VerificationReport, verify_scope
from llm_pipeline.lineage.store import Scope

DISCLOSURES = 100_000
ROWS_A_FILING = 10
FILINGS_A_DAY = 5
FIRST_DAY = date(2015, 1, 1)
AMOUNTS = ("$1,001 - $15,000", "$15,001 - $50,000", "$50,001 - $100,000", "$100,001 - $250,000")

_ROWS = """SELECT *, raw_data::text AS raw FROM trading_disclosures WHERE id = ANY(%s::uuid[])"""
_STEPS = """SELECT disclosure_id, step_no, step, step_version, input_hash, output_hash, previous_hash, chain_hash,
                   detail::text, ts::text
            FROM disclosure_provenance WHERE disclosure_id = ANY(%s) ORDER BY disclosure_id, step_no"""


def filings(disclosures: int) -> Iterator[dict[str, Any]]:
    """Invented Senate reports; every row differs in day, asset and ticker."""
    for number in range(disclosures // ROWS_A_FILING):
        disclosed = FIRST_DAY + timedelta(days=number // FILINGS_A_DAY)
        filer = number % 100
        yield {
            "first_name": "Ada",
            "last_name": f"Sample{chr(97 + filer // 26)}{chr(97 + filer % 26)}",
            "office": "Sample (Senator)",
            "ptr_link": f"https://efdsearch.senate.gov/search/view/ptr/00000000-0000-4000-8000-{number:012d}/",
            "date_recieved": f"{disclosed:%m/%d/%Y}",
            "bioguide": f"X{filer:06d}",
            "transactions": [
                {
                    "transaction_date": f"{disclosed - timedelta(days=20 + row):%m/%d/%Y}",
                    "owner": ("Self", "Spouse", "Joint")[row % 3],
                    "ticker": "".join(chr(65 + (number * 7 + row * 31) // 26**place % 26) for place in range(3)),
                    "asset_description": f"Sample Company {number} of Row {row}",
                    "asset_type": "Stock",
                    "type": ("Purchase", "Sale (Full)")[number % 2],
                    "amount": AMOUNTS[row % 4],
                    "comment": "--",
                }
                for row in range(ROWS_A_FILING)
            ],
        }


def fill(url: str, disclosures: int) -> None:
    """Ingest invented filings."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "filings.jsonl"
        file.write_text("".join(json.dumps(one) + "\n" for one in filings(disclosures)))
        with connect(url, autocommit=True) as conn:
            now = datetime.now(UTC)
            ingest(conn, "senate_efd", file, FIRST_DAY, now.date(), now=now)
            conn.execute("VACUUM ANALYZE")


def floor_seconds(url: str) -> float:
    """Seconds to read the same rows and steps and hash their bytes, and a Merkle tree over the last hashes."""
    began = time.perf_counter()
    heads: dict[str, str] = {}
    with connect(url) as conn:
        ids = [row[0] for row in conn.execute("SELECT id::text FROM trading_disclosures ORDER BY disclosure_date, id")]
        with conn.cursor() as cur:
            for first in range(0, len(ids), ROWS):
                some = ids[first : first + ROWS]
                for row in cur.execute(_ROWS, [some], binary=True):
                    hashlib.sha256(row[-1].encode()).hexdigest()
                for step in cur.execute(_STEPS, [some], binary=True):
                    hashlib.sha256("".join(map(str, step)).encode()).hexdigest()
                    heads[step[0]] = step[7]
    merkle_root(heads)
    return time.perf_counter() - began


def verify_seconds(url: str, processes: int) -> tuple[float, VerificationReport]:
    """Seconds of a verification of everything, opening the connection included."""
    began = time.perf_counter()
    with connect(url) as conn:
        helpers = Helpers(processes, url) if processes > 1 else None
        report = verify_scope(conn, Scope(), now=datetime.now(UTC), helpers=helpers)
    return time.perf_counter() - began, report


def _apart(url: str, processes: int) -> tuple[float, int]:
    seconds, report = verify_seconds(url, processes)
    assert report.holds, report.line
    assert report.verified == DISCLOSURES, report.line
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def main() -> None:
    """Print the table of README.md."""
    with tempfile.TemporaryDirectory() as folder, EmbeddedPostgres(Path(folder)).running() as url:
        migrate(url)
        fill(url, DISCLOSURES)
        floor_seconds(url)  # so that all cases find the pages in memory
        print("| case | disclosures | floor s | seconds | ratio | disclosures a second | peak MB |")
        print("|---|---|---|---|---|---|---|")
        for processes in (1, os.cpu_count() or 1):
            floor = floor_seconds(url)
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as apart:
                seconds, peak = apart.submit(_apart, url, processes).result()
            name = "one process" if processes == 1 else f"{processes} processes"
            print(
                f"| {name} | {DISCLOSURES:,} | {floor:.1f} | {seconds:.1f} | {seconds / floor:.2f} | "
                f"{DISCLOSURES / seconds:,.0f} | {peak} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
