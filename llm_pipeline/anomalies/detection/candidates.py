"""From trials to candidates: the family of one as-of date, and episodes instead of daily repeats. Pure.

A candidate is a pattern the evidence supports. Seen again on a later as-of date, with more trades or the same, it is
the same episode: it keeps its id and first_seen, and only grows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from llm_pipeline.anomalies.detection.amount import examine_amount
from llm_pipeline.anomalies.detection.book import TradeBook, day_of
from llm_pipeline.anomalies.detection.congress import Congress
from llm_pipeline.anomalies.detection.coordination import examine_coordination
from llm_pipeline.anomalies.detection.crowd import crowd_on
from llm_pipeline.anomalies.detection.fdr import adjusted_p_values
from llm_pipeline.anomalies.detection.frequency import examine_frequency
from llm_pipeline.anomalies.detection.history import CLASS_BITS
from llm_pipeline.anomalies.detection.proximity import examine_proximity
from llm_pipeline.anomalies.detection.sector import examine_sector
from llm_pipeline.anomalies.detection.timing import examine_timing
from llm_pipeline.anomalies.detection.trade import Classification
from llm_pipeline.anomalies.detection.trial import Finding, Measure, NearEvent, Trial, rounded
from llm_pipeline.hashing import canonical_json, hash_of

NO_EPISODES: Mapping[str, Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True)
class Candidate:
    """A pattern with its evidence. `as_of_date` is the day of the latest evidence, `first_seen` of the first.

    window_start, window_end: first and last transaction date of the trades. p_value: of the trial;
    adjusted_p: after false-discovery control over the `family_size` trials of the as-of date.
    """

    candidate_id: str
    classification: Classification
    detector: str
    subject: str
    filer_keys: tuple[str, ...]
    filers: tuple[str, ...]
    as_of_date: date
    window_start: date
    window_end: date
    trade_ids: tuple[str, ...]
    p_value: Decimal
    adjusted_p: Decimal
    family_size: int
    measures: tuple[Measure, ...]
    cautions: tuple[str, ...]
    events: tuple[NearEvent, ...]
    proximity_score: Decimal | None
    thresholds_version: str
    thresholds_fingerprint: str
    first_seen: date
    last_seen: date

    def as_json(self) -> dict[str, Any]:
        """Every field as plain values; numbers are Decimals, dates are dates."""
        return asdict(self)


def canonical_candidates(candidates: Iterable[Candidate]) -> bytes:
    """The one encoding of a day's candidates, by id: equal candidates, equal bytes."""
    return canonical_json([c.as_json() for c in sorted(candidates, key=lambda c: c.candidate_id)])


def trials_on(
    book: TradeBook, congress: Congress, as_of: date, reported: Mapping[str, Mapping[str, int]] = NO_EPISODES
) -> list[Trial]:
    """All trials of an as-of date: seven for each filer with something newly known, by filer.

    reported: per filer and trade id, `CLASS_BITS` of the episodes of earlier as-of dates.
    """
    thresholds = book.thresholds
    crowd = crowd_on(book, as_of, thresholds)
    shares = crowd.sector_shares(thresholds.baseline_days)
    everybody = book.histories(book.filers_disclosing_on(as_of), as_of, reported)
    company = examine_coordination(everybody, crowd, thresholds)
    by_detector = (
        examine_frequency(everybody, crowd, thresholds),
        examine_amount(everybody, crowd, thresholds),
        examine_timing(everybody, crowd, thresholds),
        examine_sector(everybody, congress, crowd, shares, thresholds),
        examine_proximity(everybody, congress, crowd, thresholds),
        company["ticker"],
        company["sector"],
    )
    return [trial for trials in zip(*by_detector, strict=True) for trial in trials]


def candidates_on(
    book: TradeBook, congress: Congress, as_of: date, earlier: Sequence[Candidate] = ()
) -> list[Candidate]:
    """The candidates of an as-of date, by id. `earlier`: the episodes of the as-of dates before it, as last seen."""
    episodes = [c for c in earlier if c.last_seen < as_of]
    trials = [trial for trial in trials_on(book, congress, as_of, _reported(episodes)) if trial.possible]
    weights = [book.thresholds.trial_weights.of(trial.detector) for trial in trials]
    adjusted = adjusted_p_values([trial.p_value for trial in trials], weights)
    found: dict[str, Candidate] = {}
    for trial, adjusted_p in zip(trials, adjusted, strict=True):
        if adjusted_p > book.thresholds.level or not trial.large_enough or trial.describe is None:
            continue
        new = _candidate(book, trial.describe(), as_of, trial.p_value, adjusted_p, len(trials))
        known = _episode_of(new, [*found.values(), *episodes], book.thresholds.episode_gap_days)
        merged = new if known is None else _grown(known, new)
        found[merged.candidate_id] = merged
    return sorted(found.values(), key=lambda c: c.candidate_id)


def _reported(episodes: Iterable[Candidate]) -> dict[str, dict[str, int]]:
    bits: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for episode in episodes:
        for key in episode.filer_keys:
            for trade_id in episode.trade_ids:
                bits[key][trade_id] |= CLASS_BITS[episode.classification]
    return bits


def _candidate(
    book: TradeBook, finding: Finding, as_of: date, p_value: float, adjusted_p: float, family: int
) -> Candidate:
    days = book.day[list(finding.rows)]
    start, end = day_of(days.min()), day_of(days.max())
    trade_ids = tuple(sorted(book.record_ids(finding.rows)))
    identity = {
        "classification": finding.classification,
        "detector": finding.detector,
        "subject": finding.subject,
        "filers": list(finding.filer_keys),
        "as_of": as_of,
        "trades": list(trade_ids),
    }
    return Candidate(
        candidate_id=f"cand-{hash_of(identity)[:24]}",
        classification=finding.classification,
        detector=finding.detector,
        subject=finding.subject,
        filer_keys=finding.filer_keys,
        filers=tuple(book.name_of(key, finding.rows) for key in finding.filer_keys),
        as_of_date=as_of,
        window_start=start,
        window_end=end,
        trade_ids=trade_ids,
        p_value=rounded(p_value),
        adjusted_p=rounded(adjusted_p),
        family_size=family,
        measures=finding.measures,
        cautions=finding.cautions,
        events=finding.events,
        proximity_score=finding.proximity_score,
        thresholds_version=book.thresholds.version,
        thresholds_fingerprint=book.thresholds.fingerprint,
        first_seen=as_of,
        last_seen=as_of,
    )


def _episode_of(new: Candidate, known: Iterable[Candidate], gap_days: int) -> Candidate | None:
    """The episode that a pattern continues: same kind, a filer in common, dates that meet within the gap."""
    gap = timedelta(days=gap_days)
    for candidate in known:
        if (
            candidate.classification == new.classification
            and (new.classification != "COORDINATED_PATTERN" or candidate.subject == new.subject)
            and set(candidate.filer_keys) & set(new.filer_keys)
            and candidate.window_start - gap <= new.window_end
            and new.window_start - gap <= candidate.window_end
        ):
            return candidate
    return None


def _grown(known: Candidate, new: Candidate) -> Candidate:
    """The episode with the newest evidence: its id and first_seen, all its filers and trades so far."""
    names = dict(zip(known.filer_keys, known.filers, strict=True)) | dict(zip(new.filer_keys, new.filers, strict=True))
    keys = tuple(sorted(names))
    return replace(
        new,
        candidate_id=known.candidate_id,
        filer_keys=keys,
        filers=tuple(names[key] for key in keys),
        window_start=min(known.window_start, new.window_start),
        window_end=max(known.window_end, new.window_end),
        trade_ids=tuple(sorted({*known.trade_ids, *new.trade_ids})),
        first_seen=known.first_seen,
    )
