"""Dagster's own tables, made through the project's real dagster.yaml."""

from __future__ import annotations

import multiprocessing
import shutil

import dagster as dg
import psycopg
import pytest
from sqlalchemy.engine import make_url

from llm_pipeline.instance_storage import ProjectStorage, sqlalchemy_url
from llm_pipeline.settings import PROJECT_ROOT


@pytest.fixture
def dagster_home(tmp_path, monkeypatch, empty_database_url):
    shutil.copy(PROJECT_ROOT / "dagster.yaml", tmp_path / "dagster.yaml")
    monkeypatch.setenv("DATABASE_URL", empty_database_url)
    return tmp_path


def tables_by_schema(url):
    query = "SELECT schemaname, count(*) FROM pg_tables WHERE schemaname IN ('public', 'dagster') GROUP BY 1"
    with psycopg.connect(url) as connection:
        return dict(connection.execute(query).fetchall())


def test_a_job_runs_on_the_projects_dagster_yaml_and_its_tables_stay_in_their_schema(dagster_home, empty_database_url):
    with psycopg.connect(empty_database_url) as connection:
        connection.execute("CREATE TABLE runs (ours text)")

    @dg.asset
    def small() -> int:
        return 1

    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        result = dg.materialize([small], instance=instance)
        assert result.success
        assert instance.get_run_by_id(result.run_id).status == dg.DagsterRunStatus.SUCCESS
        assert instance.get_latest_materialization_event(dg.AssetKey("small")).run_id == result.run_id

    assert tables_by_schema(empty_database_url) == {"dagster": 22, "public": 1}


def test_another_instance_sees_the_runs_of_the_first(dagster_home):
    @dg.job
    def empty_job():
        pass

    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        run_id = empty_job.execute_in_process(instance=instance).run_id
        with dg.DagsterInstance.from_ref(instance.get_ref()) as other:
            assert other.get_run_by_id(run_id) is not None


def test_a_closed_instance_leaves_no_connection(dagster_home, empty_database_url):
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        instance.get_runs()
    with psycopg.connect(empty_database_url) as connection:
        others = connection.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        ).fetchone()
    assert others == (0,)


def test_events_go_over_one_connection(dagster_home, empty_database_url):
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        before = instance.event_log_storage._engine.pool.checkedin()
        for _ in range(20):
            instance.report_runless_asset_event(dg.AssetMaterialization("thing"))
        assert (before, instance.event_log_storage._engine.pool.checkedin()) == (0, 1)


def test_an_instance_survives_the_loss_of_its_connection(dagster_home, empty_database_url):
    with dg.DagsterInstance.from_config(str(dagster_home)) as instance:
        instance.get_runs()
        with psycopg.connect(empty_database_url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        assert instance.get_runs() == []


def _open(url):
    return ProjectStorage(url).run_storage.get_runs_count()


def test_several_processes_may_make_the_tables_at_once(empty_database_url):
    with multiprocessing.get_context("spawn").Pool(3) as pool:
        assert pool.map(_open, [empty_database_url] * 3) == [0, 0, 0]
    assert tables_by_schema(empty_database_url)["dagster"] == 22


@pytest.mark.parametrize(
    ("url", "host", "database"),
    [
        ("postgresql://postgres@/llm_pipeline?host=/a%20b/postgres", "/a b/postgres", "llm_pipeline"),
        ("postgres://u:p%40ss@db.example.org:6000/x?sslmode=require", "db.example.org", "x"),
        ("postgresql+psycopg://u:p%40ss@db.example.org/x", "db.example.org", "x"),
        ("host=/run/pg dbname=x user=u", "/run/pg", "x"),
    ],
)
def test_the_address_names_psycopg2_and_the_schema(url, host, database):
    address = make_url(sqlalchemy_url(url))
    assert address.drivername == "postgresql+psycopg2"
    assert address.query["host"] == host
    assert address.database == database
    assert address.query["options"] == "-csearch_path=dagster"
    assert address.password in (None, "p@ss")
