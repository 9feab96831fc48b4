from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.disclosures.filing import Filing, FilingRow
from llm_pipeline.disclosures.identity import identify
from llm_pipeline.disclosures.provenance import (
    GENESIS,
    ProvenanceStep,
    StepDraft,
    chain_hash,
    extend_chain,
)
from llm_pipeline.disclosures.record import make_record
from llm_pipeline.hashing import canonical_json, sha256_hex

NOW = datetime(2024, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def chain(loads: int = 1) -> list[ProvenanceStep]:
    steps: list[ProvenanceStep] = []
    for number in range(loads):
        filing = Filing("senate_efd", "doc", "file#1", f"{number:064}")
        row = FilingRow(1, {"amount": f"${number}"}, ticker="ACME", amount=f"${number}")
        record = make_record(filing, row, identify(filing.filer), "pid")
        previous = steps[-1].chain_hash if steps else None
        more = {"last_step_no": len(steps), "previous_hash": previous} if previous else {}
        steps += extend_chain(record.id, record.drafts, ts=NOW, **more)  # type: ignore[arg-type]
    return steps


def test_a_whole_chain_holds() -> None:
    steps = chain()
    assert [s.step for s in steps] == [
        "extract",
        "parse",
        "normalise_names",
        "normalise_ticker",
        "normalise_amount",
        "normalise_dates",
        "normalise_terms",
        "load",
    ]


def test_a_continued_chain_holds() -> None:
    steps = chain(loads=3)
    assert [s.step_no for s in steps] == list(range(1, 25))
    assert [s.previous_hash for s in steps] == [GENESIS, *(s.chain_hash for s in steps[:-1])]


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(TypeError):
        extend_chain("id", [StepDraft("extract", "a", "b", {"when": datetime(2024, 1, 1)})], ts=NOW)  # noqa: DTZ001


@given(st.text(), st.text(), st.dictionaries(st.text(), st.integers() | st.text() | st.none()))
def test_a_chain_hash_is_over_the_canonical_json_of_the_step_whatever_its_texts(
    step: str, version: str, detail: dict[str, object]
) -> None:
    (made,) = extend_chain("id", [StepDraft("extract", "in", "out")], ts=NOW)
    made = made._replace(step=step, step_version=version, detail=detail)
    body = {name: getattr(made, name) for name in made._fields if name not in ("previous_hash", "chain_hash")}
    body["ts"] = NOW.isoformat(timespec="microseconds")
    try:
        expected = sha256_hex(b"before" + canonical_json(body))
    except UnicodeEncodeError:
        return
    assert chain_hash("before", made) == expected
