"""Is what is stored what was read? Chains, Merkle roots and rows of a partition checked against each other.

Belongs here: reading them from the database and naming what does not hold. The rules are in `provenance` and
`merkle`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Any

from psycopg import Connection, Cursor

from llm_pipeline.disclosures import store
from llm_pipeline.disclosures.filing import raw_json
from llm_pipeline.disclosures.merkle import merkle_root
from llm_pipeline.disclosures.provenance import Break, ProvenanceStep, first_break
from llm_pipeline.disclosures.record import COLUMNS, fingerprint_of
from llm_pipeline.hashing import sha256_hex

_CASTS = {"politician_id": "text", "transaction_date": "date", "disclosure_date": "date"}
# The inner select turns the ids into the type of the table's own id column, so that its index is used.
_ROWS = """
SELECT id::text, raw_data, {} FROM trading_disclosures WHERE id IN (
    SELECT (jsonb_populate_record(NULL::trading_disclosures, jsonb_build_object('id', wanted))).id
    FROM unnest(%s::text[]) AS wanted)
""".format(", ".join(f"{name}::{_CASTS[name]}" if name in _CASTS else name for name in COLUMNS))  # noqa: S608


@dataclass(frozen=True)
class Attestation:
    """The result for one partition: how many disclosures were checked, the root in force, everything
    broken."""

    source: str
    day: date
    disclosures: int
    root: str | None
    breaks: tuple[Break, ...]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else str(value)
    return value.isoformat() if isinstance(value, date) else value


def _fingerprint(columns: dict[str, Any], raw: dict[str, Any]) -> str:
    source_row = raw.get("source_row_json") or raw_json(raw["source_row"])
    return fingerprint_of(columns, raw["as_filed"], raw["notes"], sha256_hex(source_row))


def _row_break(identifier: str, columns: dict[str, Any], raw: Any, steps: Sequence[ProvenanceStep]) -> Break | None:
    load = next((step for step in reversed(steps) if step.step == "load"), None)
    if load is None or not isinstance(raw, dict) or not {"source_row", "as_filed", "notes"} <= raw.keys():
        return Break(identifier, 0, "the stored row lost its raw data, or its chain has no load")
    if _fingerprint(columns, raw) == load.output_hash:
        return None
    read = {name: value for step in steps for name, value in step.detail.get("out", {}).items()}
    other = sorted(name for name in COLUMNS if name in read and read[name] != columns[name])
    what = f"in {', '.join(other)}" if other else "in what it keeps of the source"
    return Break(identifier, load.step_no, f"the stored row differs from what was loaded {what}")


def verify_disclosures(cur: Cursor[Any], disclosure_ids: Sequence[str]) -> list[Break]:
    """The first thing broken in each of these disclosures' chains, or between chain and stored row."""
    steps = list(store.read_chains(cur, disclosure_ids))
    chains = {key: list(chain) for key, chain in groupby(steps, key=lambda step: step.disclosure_id)}
    cur.execute(_ROWS, (list(disclosure_ids),))
    rows = {row[0]: (dict(zip(COLUMNS, map(_plain, row[2:]), strict=True)), row[1]) for row in cur}
    breaks = []
    for identifier in disclosure_ids:
        chain = chains.get(identifier, [])
        broken = first_break(chain) if chain else Break(identifier, 0, "there is no step at all")
        if broken is None and identifier in rows:
            broken = _row_break(identifier, *rows[identifier], chain)
        elif broken is None:
            broken = Break(identifier, 0, "the chain has no stored row")
        if broken is not None:
            breaks.append(broken)
    return breaks


def verify_partition(conn: Connection[Any], source: str, day: date) -> Attestation:
    """Check every disclosure of a source's day, and that their chain heads give the Merkle root in force.

    A row that a person has corrected since differs from what was loaded; that is reported, not judged.
    """
    with conn.cursor() as cur:
        heads = store.heads_by_day(cur, source, [day])[day]
        cur.execute(
            """SELECT id::text FROM trading_disclosures
               WHERE source = %s AND disclosure_date::date = %s ORDER BY 1""",
            (source, day),
        )
        identifiers = [row[0] for row in cur]
        breaks = verify_disclosures(cur, identifiers)
        cur.execute(
            """SELECT merkle_root FROM provenance_roots
               WHERE source = %s AND partition_date = %s ORDER BY seq DESC LIMIT 1""",
            (source, day),
        )
        found = cur.fetchone()
    root = found[0] if found else None
    if identifiers and root is None:
        breaks.append(Break("", 0, f"{source} {day} has disclosures and no Merkle root"))
    elif root is not None and merkle_root(heads) != root:
        breaks.append(Break("", 0, f"the chains of {source} {day} do not give the Merkle root in force"))
    return Attestation(source, day, len(identifiers), root, tuple(breaks))
