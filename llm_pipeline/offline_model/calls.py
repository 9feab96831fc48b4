"""Counters of what the server was asked, for tests and benchmarks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from llm_pipeline.offline_model.answers import Json


class CallLog:
    """How many calls, how many at once at most, and how often each record was asked about."""

    def __init__(self) -> None:
        self.calls = 0
        self.abandoned = 0
        self.in_flight = 0
        self.in_flight_max = 0
        self.prompt_tokens = 0
        self.by_status: Counter[str] = Counter()
        self.by_interrogation: Counter[str] = Counter()
        self.records: Counter[str] = Counter()

    def begin(self) -> None:
        """A chat request arrived."""
        self.calls += 1
        self.in_flight += 1
        self.in_flight_max = max(self.in_flight_max, self.in_flight)

    def end(self, status: int) -> None:
        """It was answered with this status; 0: the client left, or was left, before anything was sent."""
        self.in_flight -= 1
        if status:
            self.by_status[str(status)] += 1
        else:
            self.abandoned += 1

    def asked(self, interrogation: str, record_ids: Iterable[str], tokens: int) -> None:
        """It asked this interrogation about these records."""
        self.by_interrogation[interrogation] += 1
        self.records.update(list(record_ids))  # a mapping would be added up by its values
        self.prompt_tokens += tokens

    def as_json(self) -> Json:
        """The counters, as GET /offline/calls gives them."""
        return {
            "calls": self.calls,
            "abandoned": self.abandoned,
            "in_flight": self.in_flight,
            "in_flight_max": self.in_flight_max,
            "prompt_tokens": self.prompt_tokens,
            "by_status": dict(self.by_status),
            "by_interrogation": dict(self.by_interrogation),
            "records": dict(self.records),
        }
