"""What a worker did, as counts and reasons. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from llm_pipeline.jobs.settling import Settlement, Written

SHOWN = 20


@dataclass
class WorkReport:
    """Filled while a worker works.

    Attributes:
        outcomes: by (interrogation, what): SUCCEEDED, FAILED (waits for another attempt), DEADLETTER, released, stale
            (somebody else had the job by then), lost (the database stayed away; the lease will bring it back).
        dead: reasons by job id, the first `SHOWN`.
        unusable: why an interrogation was left alone, by its key.
    """

    outcomes: Counter[tuple[str, str]] = field(default_factory=Counter)
    dead: dict[str, str] = field(default_factory=dict)
    unusable: dict[str, str] = field(default_factory=dict)
    claimed: int = 0
    calls: int = 0
    cache_hits: int = 0
    taken_back: int = 0

    def add(self, done: Settlement, written: Written | None) -> None:
        """One attempt; `written` None: the database stayed away."""
        what: str = written or "lost"
        if written == "written":
            what = done.how.status if done.how is not None else "released"
            if done.how is not None and done.how.status == "DEADLETTER" and len(self.dead) < SHOWN:
                self.dead[done.job.job_id] = done.how.error or ""
        self.outcomes[done.job.interrogation_key, what] += 1
        hits = sum(one.cache_hit for one in done.attempts)
        self.cache_hits += hits
        self.calls += len(done.attempts) - hits

    def total(self, what: str) -> int:
        """Of one outcome, over all interrogations."""
        return sum(count for (_, outcome), count in self.outcomes.items() if outcome == what)

    @property
    def by_interrogation(self) -> dict[str, dict[str, int]]:
        """Counts by interrogation and outcome."""
        found: dict[str, dict[str, int]] = {}
        for (key, what), count in sorted(self.outcomes.items()):
            found.setdefault(key, {})[what] = count
        return found

    def as_json(self) -> dict[str, Any]:
        """For `--json` and metadata."""
        return {
            "claimed": self.claimed,
            "succeeded": self.total("SUCCEEDED"),
            "failed": self.total("FAILED"),
            "dead": self.total("DEADLETTER"),
            "released": self.total("released"),
            "stale": self.total("stale"),
            "lost": self.total("lost"),
            "calls": self.calls,
            "cache_hits": self.cache_hits,
            "taken_back": self.taken_back,
            "by_interrogation": self.by_interrogation,
            "dead_reasons": self.dead,
            "unusable": self.unusable,
        }
