"""What a detection run did, in numbers; pure. Whether they are good enough is decided by the checks."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.llm.audit import Attempt


@dataclass(frozen=True)
class BaselineReport:
    """Baselines of the as-of dates [start, end): rows in all, rows written anew, filers, those of short history."""

    start: date
    end: date
    rows: int
    written: int
    filers: int
    short_history: int


@dataclass(frozen=True)
class CandidateReport:
    """What was looked at and found on the as-of dates [start, end).

    trades: became known in the window and were evaluated; excluded: by reason; sightings: candidates of all days, an
    episode once a day; new: the candidates first seen in the window. filer_months: months with a disclosure, per filer.
    """

    start: date
    end: date
    days: int
    trades: int
    excluded: Counter[str]
    sightings: int
    new: tuple[Candidate, ...]
    filer_months: int

    @property
    def by_classification(self) -> Counter[str]:
        """New candidates by classification."""
        return Counter(one.classification for one in self.new)

    @property
    def load(self) -> float | None:
        """New candidates per filer and month with a disclosure; None without any."""
        return len(self.new) / self.filer_months if self.filer_months else None


@dataclass
class SignalReport:
    """What became of the candidates first seen on the as-of dates [start, end) in one run.

    candidates: all of them, and the episodes that grew in the window; decided_before: those whose decision stands,
    about which no model was asked; grown: asked about because an episode grew.
    prompt_version: the version that was asked with, None where no model was asked.
    """

    start: date
    end: date
    candidates: int = 0
    decided_before: int = 0
    grown: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    claims: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)
    cases: int = 0
    calls: int = 0
    cache_hits: int = 0
    most_tokens: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    latencies_ms: list[int] = field(default_factory=list)
    models: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None
    prompt_version: str | None = None

    @property
    def decided(self) -> int:
        """Candidates that got an outcome other than a failure in this run."""
        return sum(count for outcome, count in self.outcomes.items() if outcome != "failed")

    @property
    def reconciles(self) -> bool:
        """Candidates = decided before + signals + rejected + refused + failed."""
        return self.candidates == self.decided_before + sum(self.outcomes.values())

    def add_attempts(self, attempts: tuple[Attempt, ...]) -> None:
        """Count attempted calls, answers from the cache apart."""
        for one in attempts:
            self.models[one.model_used] += 1
            if one.cache_hit:
                self.cache_hits += 1
                continue
            self.calls += 1
            self.latencies_ms.append(one.latency_ms)
            self.cost_usd += one.cost_usd
            self.input_tokens += one.input_tokens or 0
            self.output_tokens += one.output_tokens or 0
            self.most_tokens = max(self.most_tokens, (one.input_tokens or 0) + (one.output_tokens or 0))
