"""An evaluation as `prompts evaluate` tells it: one JSON object, or lines for a person. Pure."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from llm_pipeline.prompt_registry.evaluation import Evaluation

MOST_CASES = 20
"""Cases told to a person of those on which the versions differ."""


def as_json(found: Evaluation) -> dict[str, Any]:
    """Everything, with the share of right repeats of every case."""
    return {
        "evaluation_id": found.id,
        "interrogation": found.interrogation,
        "version": found.version,
        "against": found.against,
        "model": found.model,
        "repeats": found.repeats,
        "sets": [asdict(one) for one in found.sets],
        **found.comparison.as_json(),
        "measures": {"version": list(found.version_side.measures), "against": list(found.against_side.measures)},
        "cases": [
            {
                "set": own.case.set_name,
                "case_id": own.case.case_id,
                "kind": own.case.kind,
                "pass_rate": own.right / found.repeats,
                "pass_rate_against": found.against_side.tallies[key].right / found.repeats,
                "undecided": own.undecided,
            }
            for key, own in found.version_side.tallies.items()
        ],
    }


def summary_lines(found: Evaluation) -> list[str]:
    """Figures with their standing, the cases on which the versions differ most, and the verdict."""
    sets = ", ".join(f"{one.name} ({one.cases} cases)" for one in found.sets)
    lines = [f"{found.interrogation} {found.version} against {found.against}, {found.model}, {sets}"]
    lines += [f"{one.standing.replace('_', ' '):9} {one.sentence()}" for one in found.comparison.figures]
    pairs = [(own, found.against_side.tallies[key]) for key, own in found.version_side.tallies.items()]
    moved = sorted((pair for pair in pairs if pair[0].right != pair[1].right), key=lambda p: p[0].right - p[1].right)
    lines += [
        f"case {own.case.case_id} ({own.case.kind or 'clean'}): right {own.right} of {found.repeats} times, "
        f"was {other.right}"
        for own, other in moved[:MOST_CASES]
    ]
    if len(moved) > MOST_CASES:
        lines.append(f"and {len(moved) - MOST_CASES} more cases differ")
    return [*lines, f"evaluation {found.id}: {found.comparison.verdict}"]
