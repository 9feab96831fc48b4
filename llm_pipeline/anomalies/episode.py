"""An episode over time: the days on which its evidence had grown so much that a model is asked again. Pure.

Belongs here: what "grown" means, nothing of how episodes are found (`candidates.py`). An episode is asked about at its
first sight, and again on each later sight whose evidence is materially more than what was asked about last:

- half as many trades again, and at least three more, or
- a filer who joined, or
- a hearing or vote after the trades where there was none before.

Numbers that merely move with the window are no reason: every sight has others. The rule looks at sightings alone, so
days run one by one, in any order or in one backfill ask the same questions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llm_pipeline.anomalies.detection.candidates import Candidate

GROWTH_SHARE = 0.5
"""New trades as a share of those asked about last: below that a reader's picture hardly changes."""
GROWTH_TRADES = 3
"""New trades at least: two more trades of two are no new pattern."""


def growth(asked: Candidate, seen: Candidate) -> tuple[str, ...]:
    """What is materially more in a later sight of an episode than in the one asked about; empty: nothing."""
    more = len(set(seen.trade_ids) - set(asked.trade_ids))
    joined = set(seen.filer_keys) - set(asked.filer_keys)
    reasons = []
    if more >= max(GROWTH_TRADES, GROWTH_SHARE * len(asked.trade_ids)):
        reasons.append(f"{more} more trades")
    if joined:
        reasons.append(f"{len(joined)} more filers")
    if _leads_to_an_event(seen) and not _leads_to_an_event(asked):
        reasons.append("trades before a related event")
    return tuple(reasons)


def stages(sightings: Iterable[Candidate]) -> list[Candidate]:
    """The sights of ONE episode that a model is asked about, by day; later sights never change earlier stages."""
    asked: list[Candidate] = []
    for seen in sorted(sightings, key=lambda one: one.as_of_date):
        if not asked or growth(asked[-1], seen):
            asked.append(seen)
    return asked


def stages_by_episode(sightings: Sequence[Candidate]) -> dict[str, list[Candidate]]:
    """The stages of several episodes, by candidate id."""
    found: dict[str, list[Candidate]] = {}
    for seen in sightings:
        found.setdefault(seen.candidate_id, []).append(seen)
    return {candidate_id: stages(found[candidate_id]) for candidate_id in sorted(found)}


def _leads_to_an_event(candidate: Candidate) -> bool:
    return any(near.trades_before for near in candidate.events)
