"""One family a day, deterministic ids, episodes, and the as-of rule: what comes later changes nothing of the past."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llm_pipeline.anomalies.detection.candidates import candidates_on, canonical_candidates, trials_on
from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.detection.walk import episodes_of, walk
from llm_pipeline_tests.anomalies.scenes import (
    THRESHOLDS,
    book_of,
    burst,
    congress_of,
    habit,
    hearing,
    tickers_of,
    trade,
)

DAY = date(2020, 7, 6)
KNOWN = date(2020, 8, 10)
CONGRESS = congress_of([hearing(DAY + timedelta(days=12))])
SCENE = [t for filer in "ABC" for t in habit(filer, n=30)] + burst("A", DAY, [0, 1, 2, 3, 7, 8, 9, 10], known=KNOWN)


def test_a_day_has_seven_trials_for_each_filer_with_new_disclosures() -> None:
    extra = trade(700, DAY, filer="B", disclosed=KNOWN)
    trials = trials_on(book_of([*SCENE, extra]), CONGRESS, KNOWN)
    assert len(trials) == 14
    assert {t.filer_key for t in trials} == {"A", "B"}


def test_a_candidate_carries_everything_a_reader_must_check() -> None:
    found = candidates_on(book_of(SCENE), CONGRESS, KNOWN)
    assert {c.classification for c in found} >= {"FREQUENCY_SPIKE", "SECTOR_CLUSTER", "TIMING_ANOMALY"}
    for candidate in found:
        assert candidate.filers == ("Senator A",)
        assert candidate.adjusted_p <= THRESHOLDS.false_discovery_level
        assert candidate.family_size == 5  # nobody else traded in those days: no company to be judged by
        assert candidate.window_start >= DAY
        assert candidate.window_end <= DAY + timedelta(days=10)
        assert set(candidate.trade_ids) <= {t.record_id for t in SCENE}
        assert candidate.thresholds_fingerprint == THRESHOLDS.fingerprint
        assert {m.name for m in candidate.measures} >= {"z_score", "baseline_deviation_pct", "p_value"}


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(st.sampled_from("ABCD"), st.integers(-300, 60), st.integers(0, 39), st.integers(1, 90)), max_size=25
    ),
    st.lists(st.integers(0, len(SCENE) - 1), max_size=5, unique=True),
)
def test_later_filings_and_amendments_leave_an_as_of_date_byte_for_byte_as_it_was(
    later: list[tuple[str, int, int, int]], amended: list[int]
) -> None:
    before = canonical_candidates(candidates_on(book_of(SCENE), CONGRESS, KNOWN))
    filings = [
        trade(
            5000 + i,
            KNOWN + timedelta(days=gap),
            filer=filer,
            ticker=tickers_of("Energy")[ticker],
            disclosed=KNOWN + timedelta(days=max(lag, gap + 1)),
        )
        for i, (filer, gap, ticker, lag) in enumerate(later)
    ]
    trades: list[Trade] = [
        replace(t, withdrawn_on=KNOWN + timedelta(days=1 + i)) if i in amended else t for i, t in enumerate(SCENE)
    ]
    assert canonical_candidates(candidates_on(book_of([*trades, *filings]), CONGRESS, KNOWN)) == before


def test_another_spelling_of_a_name_disclosed_later_changes_nothing() -> None:
    before = canonical_candidates(candidates_on(book_of(SCENE), CONGRESS, KNOWN))
    older = replace(trade(1, date(2018, 1, 2), disclosed=KNOWN + timedelta(days=3)), filer="Senator A., Jr")
    assert canonical_candidates(candidates_on(book_of([*SCENE, older]), CONGRESS, KNOWN)) == before


def test_an_event_after_the_as_of_date_changes_nothing() -> None:
    before = canonical_candidates(candidates_on(book_of(SCENE), CONGRESS, KNOWN))
    more = congress_of([hearing(DAY + timedelta(days=12)), hearing(KNOWN + timedelta(days=1), name="H2")])
    assert canonical_candidates(candidates_on(book_of(SCENE), more, KNOWN)) == before


def test_a_pattern_that_goes_on_is_one_episode_with_one_id() -> None:
    second = [
        replace(t, record_id=f"{t.record_id}x", disclosure_date=KNOWN + timedelta(days=14))
        for t in burst("A", DAY + timedelta(days=14), [0, 1, 2, 3, 4, 7, 8, 9], known=KNOWN, sector="Utilities")
    ]
    book = book_of(SCENE + second)
    first_day, later = KNOWN, KNOWN + timedelta(days=14)
    days = dict(walk(book, CONGRESS, date(2020, 1, 1), date(2021, 1, 1)))
    first = next(c for c in days[first_day] if c.classification == "FREQUENCY_SPIKE")
    again = next(c for c in days[later] if c.classification == "FREQUENCY_SPIKE")
    assert again.candidate_id == first.candidate_id
    assert (again.first_seen, again.last_seen) == (first_day, later)
    assert set(first.trade_ids) < set(again.trade_ids)
    ids = [c.candidate_id for c in episodes_of(book, CONGRESS, date(2020, 1, 1), date(2021, 1, 1))]
    assert len(ids) == len(set(ids))


def test_ids_are_the_same_on_every_run_and_differ_between_patterns() -> None:
    first, second = (candidates_on(book_of(SCENE), CONGRESS, KNOWN) for _ in range(2))
    assert [c.candidate_id for c in first] == [c.candidate_id for c in second]
    assert len({c.candidate_id for c in first}) == len(first)


def test_a_day_without_disclosures_has_no_candidates() -> None:
    assert candidates_on(book_of(SCENE), CONGRESS, KNOWN + timedelta(days=1)) == []


def test_a_savings_plan_and_two_filers_in_opposite_directions_raise_nothing() -> None:
    plan = [trade(800 + i, date(2020, 1, 6) + timedelta(days=30 * i), ticker="HE4") for i in range(8)]
    opposite = [
        trade(850, DAY, filer="B", ticker="CO9"),
        trade(851, DAY + timedelta(days=1), filer="C", ticker="CO9", side="sell"),
    ]
    book = book_of([t for filer in "ABC" for t in habit(filer, n=30)] + plan + opposite)
    assert episodes_of(book, CONGRESS, date(2020, 1, 1), date(2021, 1, 1)) == []
