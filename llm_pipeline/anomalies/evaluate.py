"""Measures of detection on a labelled set: recall per type, decoys, alert load elsewhere. Pure.

Belongs here: the arithmetic over labels and alerts. Unlabelled real trades are of unknown status: what is raised on
them is load, not error. "No data" is None, never 0.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.detection.trade import Classification

CLASSIFICATION_OF_TYPE: Mapping[str, Classification] = {
    "frequency_spike": "FREQUENCY_SPIKE",
    "amount_escalation": "AMOUNT_ANOMALY",
    "timing_cluster_before_hearing": "TIMING_ANOMALY",
    "timing_cluster_before_floor_vote": "TIMING_ANOMALY",
    "sector_cluster_committee": "SECTOR_CLUSTER",
    "coordinated_trades": "COORDINATED_PATTERN",
}
"""Event types of the labelled sets and the classification that hits them."""


@dataclass(frozen=True)
class Alert:
    """One episode as reported: who (several for a coordinated pattern), what, the days and ids of its trades.

    as_of: the as-of date on which it was first raised.
    """

    filers: tuple[str, ...]
    classification: Classification
    start: date
    end: date
    trade_ids: tuple[str, ...]
    as_of: date

    def as_json(self) -> dict[str, Any]:
        """The published form: `filer` is a name, or a list for a coordinated pattern."""
        return {
            "filer": list(self.filers) if self.classification == "COORDINATED_PATTERN" else self.filers[0],
            "classification": self.classification,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "trade_ids": list(self.trade_ids),
            "as_of": self.as_of.isoformat(),
        }


def alert_of(candidate: Candidate) -> Alert:
    """The alert that an episode is."""
    return Alert(
        candidate.filers,
        candidate.classification,
        candidate.window_start,
        candidate.window_end,
        candidate.trade_ids,
        candidate.first_seen,
    )


@dataclass(frozen=True)
class LabelledEvent:
    """One event of a labelled set: an anomaly to be found, or a decoy to be left alone."""

    event_id: str
    is_anomaly: bool
    type: str
    filers: frozenset[str]
    start: date
    end: date
    trade_ids: frozenset[str]

    def touches(self, alert: Alert) -> bool:
        """Whether the alert is on one of the event's filers and their days overlap."""
        return bool(self.filers & set(alert.filers)) and self.start <= alert.end and alert.start <= self.end

    def hit_by(self, alert: Alert) -> bool:
        """Whether the alert finds this event: it touches it and has its classification."""
        return CLASSIFICATION_OF_TYPE.get(self.type) == alert.classification and self.touches(alert)


def labelled_events(labels: Mapping[str, Any]) -> list[LabelledEvent]:
    """The events of a labels file.

    Raises:
        ValueError: an anomaly of a type that no classification answers to, or an event without its fields.
    """
    events = []
    for number, raw in enumerate(labels.get("events", [])):
        try:
            event = LabelledEvent(
                event_id=str(raw["event_id"]),
                is_anomaly=raw["label"] == "anomaly",
                type=str(raw["type"]),
                filers=frozenset(raw["filer_names"]),
                start=date.fromisoformat(raw["start"]),
                end=date.fromisoformat(raw["end"]),
                trade_ids=frozenset(raw["record_ids"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"event {number} of the labels lacks or garbles a field: {error!r}") from error
        if event.is_anomaly and event.type not in CLASSIFICATION_OF_TYPE:
            raise ValueError(f"event {event.event_id} is of the unknown type {event.type!r}")
        events.append(event)
    return events


@dataclass(frozen=True)
class TypeMeasure:
    """Events of one type, how many were hit, which were not."""

    n: int
    hit: int
    missed: tuple[str, ...]

    @property
    def recall(self) -> float | None:
        """Share of the events that were hit."""
        return self.hit / self.n if self.n else None


@dataclass(frozen=True)
class Measures:
    """What a run over a labelled set showed.

    elsewhere: alerts that touch no labelled anomaly. decoys_alerted: decoys with a trade in an alert elsewhere, or
    touched by one; decoys_sharing_trades: decoys with a trade in any alert, also one that finds a labelled anomaly.
    alert_days: distinct pairs of filer and as-of date on which an alert was first raised (a coordinated pattern counts
    once, with its first filer).
    """

    by_type: Mapping[str, TypeMeasure]
    decoys: int
    decoys_alerted: tuple[str, ...]
    decoys_sharing_trades: tuple[str, ...]
    alerts: int
    elsewhere: int
    elsewhere_by_classification: Mapping[str, int]
    filer_months: float
    alert_days: int
    alert_days_elsewhere: int

    @property
    def per_filer_month(self) -> float | None:
        """Alerts elsewhere per filer and month of the window."""
        return self.elsewhere / self.filer_months if self.filer_months else None

    def as_json(self) -> dict[str, Any]:
        """All measures as plain values."""
        return {
            "recall": {t: {**asdict(m), "recall": m.recall} for t, m in sorted(self.by_type.items())},
            "decoys": {
                "n": self.decoys,
                "alerted": list(self.decoys_alerted),
                "sharing_trades": list(self.decoys_sharing_trades),
            },
            "alerts": self.alerts,
            "elsewhere": {
                "alerts": self.elsewhere,
                "by_classification": dict(self.elsewhere_by_classification),
                "filer_months": self.filer_months,
                "per_filer_month": self.per_filer_month,
            },
            "alert_days": {"all": self.alert_days, "elsewhere": self.alert_days_elsewhere},
        }


def measure_alerts(
    alerts: Sequence[Alert], events: Sequence[LabelledEvent], filers: int, window: tuple[date, date]
) -> Measures:
    """Alerts against labels. filers: how many filers the set has; window: first and last day under test."""
    anomalies, decoys = [e for e in events if e.is_anomaly], [e for e in events if not e.is_anomaly]
    by_type = {}
    for kind in sorted({e.type for e in anomalies}):
        mine = [e for e in anomalies if e.type == kind]
        missed = tuple(e.event_id for e in mine if not any(e.hit_by(alert) for alert in alerts))
        by_type[kind] = TypeMeasure(len(mine), len(mine) - len(missed), missed)
    elsewhere = [a for a in alerts if not any(e.touches(a) for e in anomalies)]
    return Measures(
        by_type=by_type,
        decoys=len(decoys),
        decoys_alerted=tuple(e.event_id for e in decoys if any(_alerts_on(e, a) for a in elsewhere)),
        decoys_sharing_trades=tuple(e.event_id for e in decoys if any(e.trade_ids & set(a.trade_ids) for a in alerts)),
        alerts=len(alerts),
        elsewhere=len(elsewhere),
        elsewhere_by_classification=dict(sorted(Counter(a.classification for a in elsewhere).items())),
        filer_months=round(filers * ((window[1] - window[0]).days + 1) / 30.4375, 2),
        alert_days=len(_alert_days(alerts)),
        alert_days_elsewhere=len(_alert_days(elsewhere)),
    )


def _alerts_on(decoy: LabelledEvent, alert: Alert) -> bool:
    return bool(decoy.trade_ids & set(alert.trade_ids)) or decoy.touches(alert)


def _alert_days(alerts: Iterable[Alert]) -> set[tuple[str, date]]:
    return {(alert.filers[0], alert.as_of) for alert in alerts}
