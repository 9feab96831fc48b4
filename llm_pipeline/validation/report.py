"""What one validation run did, in numbers; pure.

Belongs here: the tally that grows batch by batch, and the report that assets and commands show. Whether the numbers
are good enough is decided by the checks (`llm_pipeline/defs/validation/checks.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date

from llm_pipeline.validation.verdict import Verdict

STATUSES = ("pass", "flag", "reject")
WEIGHT = {"info": 1, "warning": 2, "critical": 3}


@dataclass(frozen=True)
class Undecided:
    """A disclosure that stays pending, and why."""

    disclosure_id: str
    error_class: str
    message: str


@dataclass(frozen=True)
class WorstFlag:
    """One row of the table of worst flags; higher `weight` is worse."""

    weight: int
    disclosure_id: str
    status: str
    issue_type: str
    field: str
    description: str


def worst_flags(verdict: Verdict) -> list[WorstFlag]:
    """A verdict's issues as rows of that table; those of a rejected disclosure come before all others."""
    base = 10 if verdict.status == "reject" else 0
    return [
        WorstFlag(
            weight=base + WEIGHT[issue.severity],
            disclosure_id=verdict.record_id,
            status=verdict.status,
            issue_type=issue.issue_type,
            field=issue.field,
            description=issue.description,
        )
        for issue in verdict.issues
    ]


@dataclass(frozen=True)
class ModelCall:
    """One attempted call as the tally needs it: tokens are None where the server did not say."""

    attempt: int
    ok: bool
    cache_hit: bool
    latency_ms: int
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float
    model: str


@dataclass
class ValidationReport:
    """Numbers of one run over the disclosures of the days [start, end).

    `stopped` says why no further call was made; `snapshot` is the database's when the run began, `capped` whether it
    took on no more than its cap: both explain what is still pending (`WindowAccount.waiting`). `prompt_version` is the
    version that was asked with.
    """

    start: date
    end: date
    selected: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    issues: Counter[str] = field(default_factory=Counter)
    undecided: list[Undecided] = field(default_factory=list)
    worst: list[WorstFlag] = field(default_factory=list)
    decided_elsewhere: int = 0
    batches: int = 0
    calls: int = 0
    cache_hits: int = 0
    first_attempts: int = 0
    first_attempts_valid: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    claims: int = 0
    latencies_ms: list[int] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None
    snapshot: str | None = None
    capped: bool = False
    prompt_version: str | None = None

    KEPT_WORST = 15

    @property
    def decided(self) -> int:
        """Disclosures that got a verdict in this run."""
        return sum(self.statuses[status] for status in STATUSES)

    @property
    def counts_reconcile(self) -> bool:
        """Every selected disclosure is decided, undecided with a reason, or was decided by somebody else."""
        return self.selected == self.decided + len(self.undecided) + self.decided_elsewhere

    @property
    def first_attempt_validity(self) -> float | None:
        """Share of first attempts whose answer was valid at once; None when no call was made."""
        return self.first_attempts_valid / self.first_attempts if self.first_attempts else None

    @property
    def reject_share(self) -> float | None:
        """Rejected among decided; None when nothing was decided."""
        return self.statuses["reject"] / self.decided if self.decided else None

    def add_calls(self, calls: Iterable[ModelCall]) -> None:
        """Count attempted calls, answers from the cache included."""
        for call in calls:
            self.calls += 1
            self.models[call.model] += 1
            self.cost_usd += call.cost_usd
            if call.cache_hit:
                self.cache_hits += 1
                continue
            self.latencies_ms.append(call.latency_ms)
            self.input_tokens += call.input_tokens or 0
            self.output_tokens += call.output_tokens or 0
            if call.attempt == 1:
                self.first_attempts += 1
                self.first_attempts_valid += call.ok

    def add_worst(self, flags: Iterable[WorstFlag]) -> None:
        """Keep the worst flags only, so that a long run's report stays small."""
        self.worst = sorted([*self.worst, *flags], key=lambda flag: (-flag.weight, flag.disclosure_id, flag.field))[
            : self.KEPT_WORST
        ]

    def latency_ms(self, quantile: float) -> int | None:
        """Nearest-rank quantile of the latencies of real calls in milliseconds; None without calls."""
        if not self.latencies_ms:
            return None
        ordered = sorted(self.latencies_ms)
        return ordered[min(len(ordered) - 1, int(quantile * len(ordered)))]


@dataclass(frozen=True)
class WindowAccount:
    """Where every disclosure of a window stands in the database after a run.

    `failed` could not be decided and the reason is stored; `waiting` came after the run had begun or was left by its
    cap; `unexplained` is pending without any reason.
    """

    total: int
    passed: int
    flagged: int
    rejected: int
    failed: int
    waiting: int
    superseded: int
    deleted: int
    unexplained: int
    unexplained_ids: tuple[str, ...]
    rejected_without_quarantine: int
    flagged_without_issue: int

    @property
    def conserved(self) -> bool:
        """Exactly one verdict or a named reason for each, and the reasons of every verdict are stored."""
        named = self.passed + self.flagged + self.rejected + self.failed + self.waiting + self.superseded + self.deleted
        return (
            self.unexplained == 0
            and named == self.total
            and self.rejected_without_quarantine == 0
            and self.flagged_without_issue == 0
        )
