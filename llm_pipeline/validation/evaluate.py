"""Measures of the gate on labelled records: recall and precision per kind, false alarms on clean
records.

Belongs here: the arithmetic over labels and verdicts. A label's `accept` lists every status that counts
as right ("accept" there is the gate's "pass"). "No data" is None, never 0.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from llm_pipeline.validation.verdict import Verdict

ISSUE_TYPES_OF_KIND: dict[str, frozenset[str]] = {
    "missing_field": frozenset({"missing_field"}),
    "impossible_date": frozenset({"impossible_date", "implausible_date"}),
    "wrong_enum": frozenset({"wrong_enum"}),
    "nonstandard_amount": frozenset({"nonstandard_amount"}),
    "bad_source_url": frozenset({"bad_source_url"}),
    "garbled_ocr": frozenset({"garbled_text", "ticker_syntax"}),
    "ticker_asset_mismatch": frozenset({"ticker_asset_mismatch"}),
    "late_filing_over_45d": frozenset({"late_filing"}),
    "filing_before_trade": frozenset({"filing_before_trade"}),
    "nontrading_day": frozenset({"nontrading_day"}),
    "extraction_before_filing": frozenset({"extraction_before_filing"}),
    "duplicate_in_batch": frozenset({"duplicate", "near_duplicate", "repeated_in_filing"}),
    "contradictory_pair": frozenset({"contradiction"}),
}
"""Kinds of the labelled sets and the issue types of the gate that name them."""

NAMED_BY_DOUBT = frozenset({"ticker_asset_mismatch", "no_asset_name"})
"""Kinds that a doubt of the model about the ticker or the description names as well; it does not tell them apart."""


@dataclass(frozen=True)
class LabelledVerdict:
    """One line of a labelled set with the verdict on it; `kind` None = clean."""

    kind: str | None
    accepted: frozenset[str]
    verdict: Verdict

    @property
    def right(self) -> bool:
        """Whether the verdict's status is one that the label accepts."""
        return self.verdict.status in self.accepted


def labelled(label: Mapping[str, Any], verdict: Verdict) -> LabelledVerdict:
    """A verdict beside its label.

    Raises:
        ValueError: the label has no list `accept` and no `expected`.
    """
    accept = label.get("accept") or ([label["expected"]] if label.get("expected") else None)
    if not accept:
        raise ValueError(f"the label of record {verdict.record_id} says neither `accept` nor `expected`")
    accepted = frozenset("pass" if word == "accept" else str(word) for word in accept)
    kind = str(label.get("kind") or "defect") if label.get("is_defect") else None
    return LabelledVerdict(kind, accepted, verdict)


@dataclass(frozen=True)
class KindMeasure:
    """One kind: n labelled, caught (accepted status), named (an issue of that kind), wrongly named
    elsewhere.
    """

    n: int
    caught: int
    named: int
    named_elsewhere: int

    @property
    def recall(self) -> float | None:
        """Share of the labelled records with an accepted status."""
        return self.caught / self.n if self.n else None

    @property
    def precision(self) -> float | None:
        """Of the records that the gate gave an issue of this kind, the share that has the label."""
        said = self.named + self.named_elsewhere
        return self.named / said if said else None


@dataclass(frozen=True)
class GateMeasures:
    """All figures of one evaluation. `right` counts accepted statuses over all lines, clean ones included."""

    n: int
    right: int
    clean: int
    false_alarms: int
    defects: int
    caught: int
    alarms: int
    kinds: dict[str, KindMeasure] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """For `gate evaluate --json`; rates are rounded to four places."""
        counts = {k: v for k, v in asdict(self).items() if k != "kinds"}
        return {
            **counts,
            "accuracy": _rate(self.right, self.n),
            "false_alarm_rate": _rate(self.false_alarms, self.clean),
            "recall": _rate(self.caught, self.defects),
            "precision": _rate(self.alarms - self.false_alarms, self.alarms),
            "kinds": {
                kind: {**asdict(m), "recall": _rounded(m.recall), "precision": _rounded(m.precision)}
                for kind, m in sorted(self.kinds.items())
            },
        }


def _rate(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def measure(lines: Iterable[LabelledVerdict]) -> GateMeasures:
    """The figures over all labelled lines."""
    rows = list(lines)
    clean = [row for row in rows if row.kind is None]
    defects = [row for row in rows if row.kind is not None]
    by_kind: dict[str, list[LabelledVerdict]] = defaultdict(list)
    for row in defects:
        by_kind[str(row.kind)].append(row)
    return GateMeasures(
        n=len(rows),
        right=sum(row.right for row in rows),
        clean=len(clean),
        false_alarms=sum(not row.right for row in clean),
        defects=len(defects),
        caught=sum(row.right for row in defects),
        alarms=sum(row.verdict.status != "pass" for row in rows),
        kinds={kind: _measure_kind(kind, members, rows) for kind, members in by_kind.items()},
    )


def _names(row: LabelledVerdict, kind: str) -> bool:
    types = ISSUE_TYPES_OF_KIND.get(kind, frozenset({kind}))
    doubted = ("ticker", "asset_description") if kind in NAMED_BY_DOUBT else ()
    return any(
        issue.issue_type in types or (issue.issue_type == "model_doubt" and issue.field in doubted)
        for issue in row.verdict.issues
    )


def _measure_kind(kind: str, members: list[LabelledVerdict], rows: list[LabelledVerdict]) -> KindMeasure:
    alike = NAMED_BY_DOUBT if kind in NAMED_BY_DOUBT else frozenset({kind})
    return KindMeasure(
        n=len(members),
        caught=sum(row.right for row in members),
        named=sum(_names(row, kind) for row in members),
        named_elsewhere=sum(_names(row, kind) for row in rows if row.kind not in alike),
    )
