"""Outcomes and scorecards on a real database with planted signals, held against an account by pandas alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from psycopg.rows import dict_row

from llm_pipeline.feedback.account import (
    miscounted_weeks,
    numbers_of_nothing,
    outcomes_ahead,
    signals_without_outcome,
    stored_outcomes,
)
from llm_pipeline.feedback.rules import FeedbackRules
from llm_pipeline.feedback.scorecard import ALL, scorecard_json
from llm_pipeline.feedback.service import compute_outcomes, score_weeks
from llm_pipeline.reference.records import TickerChange
from llm_pipeline_tests.anomalies.stored import dump
from llm_pipeline_tests.feedback.scenes import signal, steady
from llm_pipeline_tests.feedback.stored import (
    NOW,
    accounted,
    plant_changes,
    plant_prices,
    plant_signals,
    plant_trades,
    year_of_signals,
)

RULES = FeedbackRules(draws=100)
START, MIDDLE, END = date(2019, 12, 29), date(2020, 7, 5), date(2021, 1, 3)
LATER = NOW + timedelta(days=1)


@pytest.fixture
def planted(db):
    """90 signals of every kind over 2020, prices of 25 tickers, trades to draw from."""
    plant_prices(db)
    plant_signals(db, year_of_signals())
    plant_trades(db)
    return db


def run(conn, start=START, end=END, now=NOW, rules=RULES):
    outcomes = compute_outcomes(conn, start, end, now=now, rules=rules)
    cards = score_weeks(conn, start, end, now=now, rules=rules)
    conn.commit()
    return outcomes, cards


def stored_cards(conn, end):
    with conn.cursor(row_factory=dict_row) as cur:
        return cur.execute("SELECT * FROM scorecards WHERE period_end = %s", [end]).fetchall()


def expected(frame, group):
    """One scorecard by pandas."""
    for column, value in group.items():
        frame = frame if value == ALL else frame[frame[column] == value]
    closed = frame[frame["closed"]]
    p, y = closed["confidence"] / 10, closed["hit"].astype(float)
    confident = closed[closed["confidence"] >= 7]
    return {
        "signals": len(frame),
        "n": len(closed),
        "neutral": int(frame["neutral"].sum()),
        "no_price": int((frame["unpriced"] & ~frame["neutral"]).sum()),
        "hit_rate": y.mean(),
        "alpha_rate": (closed["alpha"] > 0).mean(),
        "false_positive_rate": (~confident["hit"]).mean(),
        "mean_confidence_winners": closed.loc[closed["hit"], "confidence"].mean(),
        "mean_confidence_losers": closed.loc[~closed["hit"], "confidence"].mean(),
        "brier": ((p - y) ** 2).mean(),
        "ece": sum(len(some) / len(y) * abs(some.mean() - at) for at, some in y.groupby(p)),
        "mean_alpha_pct": closed["alpha"].mean(),
    }


def test_every_scorecard_is_what_pandas_makes_of_the_prices(planted):
    run(planted)
    for week_end in (END, date(2020, 10, 4), date(2020, 4, 12)):
        equals_pandas(planted, week_end)


def equals_pandas(planted, week_end):
    cards = stored_cards(planted, week_end)
    first = week_end - timedelta(weeks=RULES.window_weeks)
    signals = [one for one in year_of_signals() if first <= one.as_of_date < week_end]
    frame = accounted(planted, signals, week_end, RULES.primary)
    assert len(cards) == 1 + 5 + 2 + 2
    for card in cards:
        wanted = expected(frame, {name: card[name] for name in ("classification", "prompt_version", "model")})
        for name, value in wanted.items():
            if isinstance(value, float) and np.isnan(value):
                assert card[name] is None, name
            else:
                assert card[name] == pytest.approx(value, abs=1e-6), name
        assert card["signals"] == card["n"] + card["open"] + card["no_price"] + card["neutral"]
    overall = next(c for c in cards if (c["classification"], c["prompt_version"], c["model"]) == (ALL, ALL, ALL))
    assert overall["n"] > (3 if week_end < MIDDLE else 40)
    assert overall["horizon_days"] == 21


def test_the_checks_find_nothing_and_every_signal_has_an_outcome_at_every_horizon(planted):
    outcomes, cards = run(planted)
    assert signals_without_outcome(planted, END, RULES.horizons) == []
    assert outcomes_ahead(planted, END, NOW) == []
    assert miscounted_weeks(planted, START, END) == []
    assert numbers_of_nothing(planted, START, END) == []
    stored = stored_outcomes(planted, (one.signal_id for one in outcomes.outcomes), RULES.horizons)
    assert stored.total == len(outcomes.outcomes) == 3 * sum(len(one.tickers) for one in year_of_signals())
    assert min(stored.closed, stored.open, stored.no_price) > 0
    assert len(cards.periods) == (END - START).days // 7


def test_a_second_run_changes_nothing_not_even_the_time_of_writing(planted):
    run(planted)
    before = dump(planted, "signal_outcomes"), dump(planted, "scorecards")
    outcomes, cards = run(planted, now=LATER)
    assert (outcomes.written.changed, outcomes.written.removed, cards.changed) == (0, 0, 0)
    assert (dump(planted, "signal_outcomes"), dump(planted, "scorecards")) == before


def test_an_old_week_run_again_takes_nothing_back_and_gives_the_same_bytes(planted):
    run(planted)
    before = dump(planted, "signal_outcomes"), dump(planted, "scorecards")
    outcomes, cards = run(planted, MIDDLE, MIDDLE + timedelta(days=7), now=LATER)
    assert (outcomes.written.changed, cards.changed) == (0, 0)
    assert (dump(planted, "signal_outcomes"), dump(planted, "scorecards")) == before


def test_week_by_week_and_all_at_once_come_to_the_same(planted):
    """The incident guarded against: a backfill that knew, in each week, what the weeks after it brought."""
    run(planted, MIDDLE, END)
    left_out = ("id", "computed_at")
    at_once = dump(planted, "signal_outcomes", *left_out), dump(planted, "scorecards", *left_out)
    planted.execute("TRUNCATE signal_outcomes, scorecards")
    week = MIDDLE
    while week < END:
        run(planted, week, week + timedelta(days=7))
        assert outcomes_ahead(planted, week + timedelta(days=7), NOW) == []
        week += timedelta(days=7)
    assert (dump(planted, "signal_outcomes", *left_out), dump(planted, "scorecards", *left_out)) == at_once


def test_prices_that_arrive_later_change_no_week_before_them(planted):
    run(planted, START, MIDDLE)
    before = dump(planted, "signal_outcomes"), dump(planted, "scorecards")
    planted.execute("UPDATE market_prices SET adj_close = adj_close * 3 WHERE day >= %s", [MIDDLE])
    run(planted, START, MIDDLE, now=LATER)
    assert (dump(planted, "signal_outcomes"), dump(planted, "scorecards")) == before


def test_open_signals_of_earlier_weeks_are_brought_up_to_date(planted):
    run(planted, START, MIDDLE)
    open_then = {row[0] for row in planted.execute("SELECT id FROM signal_outcomes WHERE status = 'open'")}
    run(planted, MIDDLE, END)
    still = {row[0] for row in planted.execute("SELECT id FROM signal_outcomes WHERE status = 'open'")}
    assert len(open_then) > 10
    assert not open_then & still


def test_outcomes_of_a_withdrawn_signal_and_of_a_ticker_no_longer_suggested_go(planted):
    run(planted)
    planted.execute("UPDATE llm_anomaly_signals SET status = 'withdrawn' WHERE signal_id = 's001'")
    planted.execute(
        """UPDATE llm_anomaly_signals SET trading_signal = jsonb_set(trading_signal, '{suggested_tickers}', '["T00"]')
           WHERE signal_id = 's002'"""
    )
    outcomes, _ = run(planted, now=LATER)
    assert outcomes.written.removed > 0
    left = planted.execute("SELECT signal_id, ticker FROM signal_outcomes WHERE signal_id IN ('s001', 's002')")
    assert set(left.fetchall()) == {("s002", "T00")}
    assert miscounted_weeks(planted, START, END) == []


def test_a_signal_of_another_hand_is_read_from_its_trading_signals(db):
    plant_prices(db)
    plant_signals(db, [signal("bare", tickers=())])
    db.execute("UPDATE llm_anomaly_signals SET trading_signal = NULL")
    db.execute(
        """INSERT INTO trading_signals (ticker, signal_type, anomaly_signal_id)
           VALUES ('T03', 'sell', 'bare'), ('T04', 'sell', 'bare')"""
    )
    run(db)
    rows = db.execute("SELECT ticker, direction, status, trading_signal_id IS NOT NULL FROM signal_outcomes").fetchall()
    assert set(rows) == {("T03", "short", "closed", True), ("T04", "short", "closed", True)}


def test_positions_come_from_the_table_whatever_other_columns_it_has(db):
    plant_prices(db)
    plant_signals(db, [signal("taken", tickers=("T03",)), signal("not", tickers=("T04",))])
    db.execute("ALTER TABLE positions ADD COLUMN unrealized_pnl_pct numeric")
    db.execute(
        """INSERT INTO positions (signal_id, ticker, side, entry_price, entry_date, exit_price, exit_date, status)
           VALUES ('taken', 'T03', 'long', 40, '2020-03-05', 30, '2020-03-25', 'closed'),
                  (NULL, 'T04', 'long', 40, '2020-03-05', 30, '2020-03-25', 'closed')"""
    )
    run(db)
    rows = dict(db.execute("SELECT ticker, (basis, return_pct)::text FROM signal_outcomes WHERE horizon_days = 21"))
    assert rows["T03"] == "(position,-25)"
    assert rows["T04"].startswith("(prices,")


def test_corporate_actions_of_the_table_are_heeded(db):
    bought, other = steady("BOUGHT", last=date(2020, 3, 20)), steady("CZR")
    plant_prices(db, bought, other)
    plant_changes(
        db,
        TickerChange("BOUGHT", "BIG", date(2020, 3, 20), ended=True),
        TickerChange("CZR", "CZR", date(2020, 7, 20), ended=True, reused=True),
    )
    plant_signals(db, [signal("a", tickers=("BOUGHT", "CZR"))])
    run(db)
    rows = {
        ticker: (status, reason, exit_date)
        for ticker, status, reason, exit_date in db.execute(
            "SELECT ticker, status, reason, exit_date FROM signal_outcomes WHERE horizon_days = 21"
        )
    }
    assert rows == {
        "BOUGHT": ("closed", None, date(2020, 3, 20)),
        "CZR": ("no_price", "no_price_at_entry", None),
    }


def test_without_signals_there_are_scorecards_without_numbers(db):
    outcomes, cards = run(db)
    assert outcomes.outcomes == ()
    assert (cards.last.overall.counts.signals, cards.last.overall.hit_rate.value) == (0, None)
    assert len(cards.last.cards) == 6
    assert numbers_of_nothing(db, START, END) == []


def test_the_checks_notice_what_they_are_for(planted):
    run(planted)
    planted.execute("DELETE FROM signal_outcomes WHERE signal_id = 's003' AND horizon_days = 5")
    assert signals_without_outcome(planted, END, RULES.horizons) == ["s003 at 5 trading days"]
    planted.execute(
        """UPDATE signal_outcomes SET entry_date = as_of_date
           WHERE id = (SELECT id FROM signal_outcomes WHERE entry_date IS NOT NULL ORDER BY signal_id LIMIT 1)"""
    )
    assert len(outcomes_ahead(planted, END, NOW)) == 1
    # an outcome of another week's run may know more than this week; one of this run may not
    assert len(outcomes_ahead(planted, MIDDLE, LATER)) <= 1
    assert len(outcomes_ahead(planted, MIDDLE, NOW)) > 10
    planted.execute("UPDATE scorecards SET n = n - 1, open = open + 1 WHERE period_end = %s AND n > 0", [END])
    assert [text[:22] for text in miscounted_weeks(planted, START, END)] == [f"week before {END}"]
    planted.execute("UPDATE scorecards SET hit_rate = 0 WHERE n = 0 AND period_end = %s", [date(2020, 1, 5)])
    assert len(numbers_of_nothing(planted, START, END)) > 0


def test_the_stored_json_is_the_scorecard_that_a_model_is_shown(planted):
    _, cards = run(planted)
    shown = scorecard_json(cards.last)
    assert json.loads(json.dumps(shown)) == shown
    assert shown["period"] == {"start": "2020-01-05", "end": "2021-01-03"}
    by_group = {(c["classification"], c["prompt_version"], c["model"]): c for c in shown["scorecards"]}
    for row in stored_cards(planted, END):
        assert by_group[row["classification"], row["prompt_version"], row["model"]] == row["scorecard"]
    overall = by_group[ALL, ALL, ALL]
    assert overall["random_signals"]["draws"] == RULES.draws
    assert overall["alpha_pct"]["low"] < overall["alpha_pct"]["mean"] < overall["alpha_pct"]["high"]


def test_another_primary_horizon_is_another_scorecard(planted):
    run(planted)
    _, cards = run(planted, rules=replace(RULES, primary=5), now=LATER)
    assert cards.last.horizon_days == 5
    wanted = accounted(planted, [s for s in year_of_signals() if s.as_of_date >= date(2020, 1, 5)], END, 5)
    assert cards.last.overall.counts.closed == int(wanted["closed"].sum())
