"""What the rules know beside the records themselves.

Belongs here: FactContext, its construction from plain data. Does not belong here: reading that data from
a database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property

from llm_pipeline.validation.garbled import GarbleDetector
from llm_pipeline.validation.record import ValidationRecord
from llm_pipeline.validation.tickers import ReportedNames, TickerNames


@dataclass(frozen=True)
class FactContext:
    """Knowledge for one run of `compute_facts`; build it once per run, its name caches live in it.

    now: aware UTC time of the run. neighbours: stored records of the same filers and days (the batch
    itself may be among them). names: ticker knowledge. filers: known filer names with their numbers of
    rows, the batch included. unstated: for a source, the fields its publisher never states; their
    absence is not held against a record.
    """

    now: datetime
    names: TickerNames = field(default_factory=TickerNames)
    neighbours: Sequence[ValidationRecord] = ()
    filers: Mapping[str, int] = field(default_factory=dict)
    unstated: Mapping[str, frozenset[str]] = field(default_factory=dict)

    @cached_property
    def garble(self) -> GarbleDetector:
        """The judge of damaged text for these names and filers."""
        return GarbleDetector(self.names, self.filers)

    def with_neighbours(self, neighbours: Sequence[ValidationRecord]) -> FactContext:
        """The same knowledge for another page of records; judgements about names already made stay cached."""
        page = replace(self, neighbours=tuple(neighbours))
        vars(page)["garble"] = self.garble
        return page


def context_of(
    records: Iterable[ValidationRecord],
    now: datetime,
    *,
    neighbours: Sequence[ValidationRecord] = (),
    unstated: Mapping[str, frozenset[str]] | None = None,
) -> FactContext:
    """A context learned from records alone (a file to evaluate, a sample): their reported names and
    filers.
    """
    known = [*records, *neighbours]
    return FactContext(
        now=now,
        names=TickerNames(ReportedNames.learn(known)),
        neighbours=neighbours,
        filers=Counter(r.filer_name for r in known if r.filer_name),
        unstated=unstated or {},
    )
