from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from llm_pipeline.anomalies.detection.baseline import BASELINE_SCHEMA, baselines
from llm_pipeline_tests.anomalies.scenes import SECTOR_OF, book_of, habit, trade

AS_OF = date(2020, 4, 15)


def test_baselines_of_all_filers_agree_with_pandas() -> None:
    trades = [t for filer in "ABCD" for t in habit(filer, n=60, seed=3)] + [
        trade(999, AS_OF - timedelta(days=150), filer="E")
    ]
    table = baselines(book_of(trades), AS_OF, 30)
    assert dict(table.schema) == dict(BASELINE_SCHEMA)
    end = pd.Timestamp(AS_OF - timedelta(days=29))
    start = end - pd.Timedelta(days=365)
    frame = pd.DataFrame([t.__dict__ for t in trades if t.disclosure_date <= AS_OF])
    frame["day"] = pd.to_datetime(frame["transaction_date"])
    assert table["filer_key"].to_list() == ["A", "B", "C", "D", "E"]
    for row in table.to_dicts():
        own = frame[(frame.filer_key == row["filer_key"]) & (frame.day < end)]
        inside = own[own.day >= start].sort_values("day")
        observed = min(365, (end - own.day.min()).days)
        months = [
            int(
                (
                    (inside.day >= end - pd.Timedelta(days=30 * (m + 1)))
                    & (inside.day < end - pd.Timedelta(days=30 * m))
                ).sum()
            )
            for m in range(observed // 30)
        ]
        assert row["n_trades"] == len(inside)
        assert row["months_observed"] == pytest.approx(observed / 30)
        assert row["monthly_mean"] == pytest.approx(np.mean(months))
        assert row["monthly_sd"] == pytest.approx(pd.Series(months).std())
        assert row["amount_index_mean"] == pytest.approx(inside.amount_index.mean())
        assert (row["amount_index_sd"] is None) == (len(inside) < 2)
        if len(inside) > 1:
            assert row["amount_index_sd"] == pytest.approx(inside.amount_index.std())
            assert row["gap_days_mean"] == pytest.approx(inside.day.diff().dt.days.mean())
        assert row["weekday_counts"] == [int((inside.day.dt.weekday == i).sum()) for i in range(7)]
        sectors = inside.ticker.map(SECTOR_OF).value_counts()
        found = dict(zip(row["sector_counts"]["sector"], row["sector_counts"]["n"], strict=True))
        assert found == sectors.to_dict()
    assert table.filter(table["filer_key"] == "E")["short_history"].item() is True


def test_a_baseline_holds_nothing_disclosed_later_or_withdrawn() -> None:
    known = [trade(i, date(2019, 9, 1) + timedelta(days=i)) for i in range(5)]
    later = [trade(10 + i, date(2019, 9, 1), disclosed=AS_OF + timedelta(days=1)) for i in range(3)]
    gone = trade(20, date(2019, 9, 9), withdrawn=AS_OF)
    unknown = trade(30, date(2019, 9, 9), filer="B", disclosed=AS_OF + timedelta(days=1))
    (row,) = baselines(book_of([*known, *later, gone, unknown]), AS_OF, 30).to_dicts()
    assert (row["filer_key"], row["n_trades"]) == ("A", 5)


def test_a_filer_without_trades_in_the_year_has_a_baseline_of_zero() -> None:
    (row,) = baselines(book_of([trade(1, date(2017, 1, 2))]), AS_OF, 90).to_dicts()
    assert (row["n_trades"], row["monthly_mean"], row["monthly_sd"], row["amount_index_mean"]) == (0, 0.0, 0.0, None)
