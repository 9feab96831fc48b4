"""The reference assets, materialised in Dagster on a real database with files of the sample."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.defs.reference import assets
from llm_pipeline.defs.resources import PostgresResource
from llm_pipeline.sample.write import write_sample

ASSETS = [
    assets.legislators,
    assets.committee_assignments,
    assets.legislative_calendar,
    assets.ticker_sectors,
    assets.market_prices,
]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample(tmp_path_factory.mktemp("sample"), end=date(2026, 11, 21)).folder


@pytest.fixture
def configured(sample: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url)
    congress, other = sample / "congress", sample / "reference"
    for name, value in {
        "LEGISLATORS": congress / "legislators.json",
        "COMMITTEE_ASSIGNMENTS": f"{congress / 'committee_membership.csv'},{congress / 'committees.json'}",
        "COMMITTEE_SECTORS": congress / "committee_sector_map.csv",
        "LEGISLATIVE_CALENDAR": congress / "calendar.csv",
        "TICKER_SECTORS": other / "ticker_sector.csv",
        "EARLIER_TICKER_SECTORS": other / "constituents_*.csv",
        "TICKER_CHANGES": other / "ticker_renames.csv",
        "MARKET_PRICES": sample / "prices" / "prices_daily_adj.csv.gz",
    }.items():
        monkeypatch.setenv(f"{name}_SOURCE", str(value))
    return database_url


def run(only: list[Any] | None = None, **config: dict[str, str]) -> dg.ExecuteInProcessResult:
    return dg.materialize(
        only or ASSETS,
        resources={"postgres": PostgresResource()},
        run_config={"ops": {name: {"config": values} for name, values in config.items()}},
        raise_on_error=False,
    )


def shown(result: dg.ExecuteInProcessResult) -> dict[str, dict[str, Any]]:
    return {
        event.asset_key.to_user_string(): {key: v.value for key, v in event.materialization.metadata.items()}
        for event in result.get_asset_materialization_events()
        if event.asset_key
    }


def failed(result: dg.ExecuteInProcessResult) -> list[str]:
    return sorted(check.check_name for check in result.get_asset_check_evaluations() if not check.passed)


def test_the_sample_is_loaded_with_every_check_passing_and_a_second_time_nothing_changes(configured: str) -> None:
    first = run()
    assert first.success
    assert failed(first) == []
    metadata = shown(first)
    assert {values["status"] for values in metadata.values()} == {"stored"}
    assert metadata["legislators"]["dagster/row_count"] == 44
    assert metadata["market_prices"]["tickers"] == 81
    assert metadata["ticker_sectors"]["dagster/row_count"] == metadata["ticker_sectors"]["earlier_ticker_sectors"] == 80
    with connect(configured) as conn:
        for table, values in metadata.items():
            row = conn.execute(f"SELECT count(*) FROM {table}").fetchone()
            assert row == (values["dagster/row_count"],)
    assert {values["status"] for values in shown(run()).values()} == {"nothing new"}


def test_without_a_source_there_is_a_status_and_a_warning_but_no_error(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    result = run()
    assert result.success
    for name, values in shown(result).items():
        assert values["status"].startswith(f"no source configured: set {name.upper()}_SOURCE")
        assert values["dagster/row_count"] == 0
    checks = result.get_asset_check_evaluations()
    assert {c.check_name for c in checks if not c.passed} == {"not_empty"}
    assert {c.severity for c in checks if not c.passed} == {dg.AssetCheckSeverity.WARN}


def test_a_row_that_cannot_be_read_fails_a_check_and_the_others_are_stored(configured: str, tmp_path: Path) -> None:
    file = tmp_path / "prices.csv"
    file.write_text("ticker,date,adj_close\nAAA,2020-03-02,1\nAAA,2020-03-03,-1\n")
    result = run([assets.market_prices], market_prices={"location": str(file)})
    assert result.success
    assert failed(result) == ["every_row_read"]
    assert shown(result)["market_prices"]["dagster/row_count"] == 1
    (check,) = (c for c in result.get_asset_check_evaluations() if not c.passed)
    assert check.metadata["examples"].value == ["prices.csv line 3: adj_close '-1' is not positive"]


def test_lists_of_constituents_are_optional_and_a_bad_row_of_one_fails_the_check(
    configured: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EARLIER_TICKER_SECTORS_SOURCE")
    result = run([assets.ticker_sectors])
    assert failed(result) == []
    assert shown(result)["ticker_sectors"]["earlier_ticker_sectors"] == 0
    file = tmp_path / "constituents_2018-08.csv"
    file.write_text("Symbol,Sector\nT,Telecommunication Services\nXOM,Energy\n")
    monkeypatch.setenv("EARLIER_TICKER_SECTORS_SOURCE", str(file))
    result = run([assets.ticker_sectors])
    assert failed(result) == ["every_row_read"]
    assert shown(result)["ticker_sectors"]["earlier_ticker_sectors"] == 1
    with connect(configured, autocommit=True) as conn:
        conn.execute("UPDATE earlier_ticker_sectors SET sector = 'Telecommunication Services'")
    monkeypatch.delenv("EARLIER_TICKER_SECTORS_SOURCE")
    assert failed(run([assets.ticker_sectors])) == ["sectors_are_gics"]


def test_a_source_that_cannot_be_read_fails_the_run_and_writes_nothing(configured: str, tmp_path: Path) -> None:
    result = run([assets.market_prices], market_prices={"location": str(tmp_path / "gone.csv")})
    assert not result.success
    (failure,) = result.get_step_failure_events()
    assert failure.step_failure_data.user_failure_data
    assert "gone.csv names no file" in str(failure.step_failure_data.user_failure_data.description)


def test_the_api_without_a_key_says_which_variable_is_missing(configured: str) -> None:
    address = "https://api.congress.gov/v3/committee-meeting/118/house"
    result = run([assets.legislative_calendar], legislative_calendar={"location": address})
    (failure,) = result.get_step_failure_events()
    assert failure.step_failure_data.user_failure_data
    assert "CONGRESS_API_KEY" in str(failure.step_failure_data.user_failure_data.description)


def test_every_reference_asset_says_what_it_is() -> None:
    for asset in ASSETS:
        spec = next(iter(asset.specs))
        assert spec.group_name == "reference"
        assert spec.description
        assert spec.owners
        assert spec.kinds == {"postgres", "python"}
        assert spec.metadata["dagster/table_name"] == f"public.{spec.key.to_user_string()}"
        assert {"not_empty", "every_row_read"} <= {check.name for check in asset.check_specs}
