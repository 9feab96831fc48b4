from __future__ import annotations

from datetime import date

import pytest

from llm_pipeline.anomalies.detection.trade import Classification
from llm_pipeline.anomalies.evaluate import Alert, labelled_events, measure_alerts

WINDOW = (date(2020, 1, 1), date(2020, 12, 31))


def event(name: str, label: str, kind: str, start: str, end: str, ids: list[str]) -> dict[str, object]:
    return {
        "event_id": name, "label": label, "type": kind, "filer_names": ["Ann Example"], "start": start, "end": end,
        "record_ids": ids,
    }  # fmt: skip


def alert(kind: Classification, day: int, ids: tuple[str, ...] = (), filer: str = "Ann Example") -> Alert:
    return Alert((filer,), kind, date(2020, 3, day), date(2020, 3, day + 2), ids, date(2020, 4, day))


LABELS = {
    "events": [
        event("e1", "anomaly", "frequency_spike", "2020-03-01", "2020-03-04", ["a", "b"]),
        event("e2", "anomaly", "amount_escalation", "2020-03-01", "2020-03-04", ["c"]),
        event("d1", "decoy", "regular_monthly_purchase", "2020-03-20", "2020-03-22", ["d"]),
    ]
}


def test_a_hit_needs_the_right_kind_on_the_right_filer_in_overlapping_days() -> None:
    events = labelled_events(LABELS)
    measures = measure_alerts([alert("FREQUENCY_SPIKE", 4)], events, 2, WINDOW)
    assert measures.by_type["frequency_spike"].recall == 1.0
    assert measures.by_type["amount_escalation"].missed == ("e2",)
    assert measure_alerts([alert("FREQUENCY_SPIKE", 5)], events, 2, WINDOW).by_type["frequency_spike"].hit == 0
    other = measure_alerts([alert("FREQUENCY_SPIKE", 4, filer="Bob Example")], events, 2, WINDOW)
    assert other.by_type["frequency_spike"].hit == 0
    assert other.elsewhere == 1


def test_decoys_are_alerted_by_days_or_by_trades_of_alerts_that_explain_no_anomaly() -> None:
    events = labelled_events(LABELS)
    assert measure_alerts([alert("SECTOR_CLUSTER", 21)], events, 2, WINDOW).decoys_alerted == ("d1",)
    explained = measure_alerts([alert("FREQUENCY_SPIKE", 3, ("a", "d"))], events, 2, WINDOW)
    assert explained.decoys_alerted == ()
    assert explained.decoys_sharing_trades == ("d1",)


def test_load_is_counted_per_filer_month_and_alert_day() -> None:
    alerts = [alert("SECTOR_CLUSTER", 21), alert("TIMING_ANOMALY", 21), alert("TIMING_ANOMALY", 24)]
    measures = measure_alerts(alerts, labelled_events(LABELS), 2, WINDOW)
    assert (measures.alerts, measures.elsewhere, measures.alert_days) == (3, 3, 2)
    assert measures.per_filer_month == pytest.approx(3 / 24, rel=0.01)
    assert measures.as_json()["elsewhere"]["by_classification"] == {"SECTOR_CLUSTER": 1, "TIMING_ANOMALY": 2}


def test_a_coordinated_alert_names_all_its_filers_and_others_one() -> None:
    group = Alert(("Ann Example", "Bob Example"), "COORDINATED_PATTERN", WINDOW[0], WINDOW[1], (), WINDOW[1])
    assert group.as_json()["filer"] == ["Ann Example", "Bob Example"]
    assert alert("SECTOR_CLUSTER", 1).as_json()["filer"] == "Ann Example"


def test_labels_that_cannot_be_read_say_which() -> None:
    with pytest.raises(ValueError, match="event 0"):
        labelled_events({"events": [{"event_id": "x"}]})
    with pytest.raises(ValueError, match="unknown type"):
        labelled_events({"events": [event("e", "anomaly", "odd", "2020-03-01", "2020-03-04", [])]})
