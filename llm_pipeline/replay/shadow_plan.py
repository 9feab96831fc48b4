"""The shapes of a shadow run: its window, its plan, what it did. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid5

from llm_pipeline.hashing import canonical_json
from llm_pipeline.llm.audit import Attempt
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.replay.estimate import Estimate
from llm_pipeline.replay.past_call import CallRow

NAMESPACE = UUID("6f1b6a52-8b5e-5d0c-9d7e-3c0f2f6f8a13")


@dataclass(frozen=True)
class Window:
    """Original calls made in [start, end), the first `most` of them; None takes all."""

    start: datetime
    end: datetime
    most: int | None = None


@dataclass(frozen=True)
class Plan:
    """What a shadow run will do.

    Attributes:
        originals: calls whose evidence was recovered, oldest first.
        refused: by audit id, why a call's evidence could not be recovered; nothing is asked about it.
    """

    run_id: str
    candidate: Interrogation
    digest: str | None
    window: Window
    options: dict[str, Any]
    originals: tuple[CallRow, ...]
    refused: dict[str, str]
    estimate: Estimate

    def row(self, now: datetime) -> dict[str, Any]:
        """The columns of shadow_runs at the start of the run."""
        seen = Counter(
            (one.prompt_version, one.prompt_hash, one.model_used, one.model_digest) for one in self.originals
        )
        return {
            "id": self.run_id,
            "interrogation": self.candidate.key,
            "candidate_model": self.candidate.model,
            "candidate_digest": self.digest,
            "candidate_version": self.candidate.version,
            "candidate_template_sha256": self.candidate.template.sha256,
            "options": self.options,
            "baseline": [
                {"version": version, "template_sha256": sha256, "model": model, "digest": digest, "calls": calls}
                for (version, sha256, model, digest), calls in sorted(seen.items(), key=lambda one: str(one[0]))
            ],
            "window_start": self.window.start,
            "window_end": self.window.end,
            "call_limit": self.window.most,
            "status": "running",
            "calls": len(self.originals),
            "refused": self.refused,
            "estimate": self.estimate.as_json(),
            "started_at": now,
        }


@dataclass
class ShadowReport:
    """What a run did.

    Attributes:
        calls: that reached for the server; answers from the cache are none.
        failures: by audit id of the original, why the candidate has no answer.
        stopped: why no further call could succeed; None where the run reached its end.
    """

    plan: Plan
    calls: int = 0
    cache_hits: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)
    stopped: str | None = None

    def add(self, attempts: Sequence[Attempt]) -> None:
        """Count attempts."""
        for one in attempts:
            self.calls += not one.cache_hit
            self.cache_hits += one.cache_hit
            if not one.cache_hit:
                self.input_tokens += one.input_tokens or 0
                self.output_tokens += one.output_tokens or 0
            self.cost_usd += one.cost_usd


def run_id_of(candidate: Interrogation, digest: str | None, options: dict[str, Any], window: Window) -> str:
    """The same candidate over the same window is the same run."""
    identity = [
        candidate.key,
        candidate.model,
        digest,
        candidate.version,
        candidate.template.sha256,
        {name: str(value) for name, value in options.items()},
        window.start,
        window.end,
        window.most,
    ]
    return str(uuid5(NAMESPACE, canonical_json(identity).decode()))
