"""Where Dagster keeps its runs and events: schema `dagster` of the project's own database.

One dagster.yaml serves the embedded server and production, because this class (and not the file) chooses:
it takes `DATABASE_URL`, or else starts or attaches to the embedded server. The schema of its own keeps
Dagster's `runs` and `jobs` out of the way of other tables of those names.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy
from dagster._config.config_schema import UserConfigSchema
from dagster._core.storage.base_storage import DagsterStorage
from dagster._serdes import ConfigurableClass, ConfigurableClassData
from dagster_postgres import PostgresEventLogStorage, PostgresRunStorage, PostgresScheduleStorage
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy.engine import URL, Engine

from llm_pipeline.db.connection import connect, libpq_url, resolve_url
from llm_pipeline.settings import load_settings

SCHEMA = "dagster"
LOCK = 0x64616773
POLL_S = 0.1


def sqlalchemy_url(url: str) -> str:
    """The same database for SQLAlchemy: psycopg 2 as the driver, the search path set to schema `dagster`.

    psycopg 2 is named because Dagster's NOTIFY fails with psycopg 3. A Unix socket's folder stays a parameter
    (`@/db?host=/folder`), the only form that both SQLAlchemy and libpq take.
    """
    parts = {name: str(value) for name, value in conninfo_to_dict(libpq_url(url)).items() if value is not None}
    options = f"{parts.pop('options', '')} -csearch_path={SCHEMA}".strip()
    address = URL.create(
        "postgresql+psycopg2", username=parts.pop("user", None), password=parts.pop("password", None),
        database=parts.pop("dbname", None), query={**parts, "options": options},
    )  # fmt: skip
    return address.render_as_string(hide_password=False)


class EventLog(PostgresEventLogStorage):
    """Dagster's event log; ends the shared pool's connections with the Dagster instance."""

    def dispose(self) -> None:
        super().dispose()
        self._engine.dispose()


class ProjectStorage(DagsterStorage, ConfigurableClass):
    """Dagster's storage in the project's database; for `storage: custom:` of dagster.yaml."""

    def __init__(self, url: str, inst_data: ConfigurableClassData | None = None) -> None:
        self._inst_data = inst_data
        address = sqlalchemy_url(url)
        with _tables_lock(url):
            self._run_storage = PostgresRunStorage(address)
            self._event_log_storage = EventLog(address)
            self._schedule_storage = PostgresScheduleStorage(address)
        engine = _pooled_engine(address)
        for storage in (self._run_storage, self._event_log_storage, self._schedule_storage):
            storage._engine = engine
        super().__init__()

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        return {}

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> ProjectStorage:
        return cls(resolve_url(load_settings()), inst_data)

    @property
    def run_storage(self) -> PostgresRunStorage:
        return self._run_storage

    @property
    def event_log_storage(self) -> PostgresEventLogStorage:
        return self._event_log_storage

    @property
    def schedule_storage(self) -> PostgresScheduleStorage:
        return self._schedule_storage

    # Descriptions of the three parts on their own, which only instances configured part by part need.
    @property
    def run_storage_data(self) -> ConfigurableClassData | None:
        return None

    @property
    def event_storage_data(self) -> ConfigurableClassData | None:
        return None

    @property
    def schedule_storage_data(self) -> ConfigurableClassData | None:
        return None


def _pooled_engine(address: str) -> Engine:
    """One kept connection, more for the time they are needed.

    Dagster's own engines open a connection per event. `pool_pre_ping` notices that the server was restarted.
    """
    return sqlalchemy.create_engine(
        address, isolation_level="AUTOCOMMIT", pool_size=1, max_overflow=-1, pool_pre_ping=True
    )


@contextmanager
def _tables_lock(url: str) -> Iterator[None]:
    """Webserver, daemon and runs may start at once on an empty database; only one of them makes the tables.

    The lock is polled, so that nobody waits inside a statement while another creates an index concurrently.
    """
    with connect(url, autocommit=True) as connection:
        while connection.execute("SELECT WHERE pg_try_advisory_lock(%s)", [LOCK]).fetchone() is None:
            time.sleep(POLL_S)
        if connection.execute("SELECT FROM pg_namespace WHERE nspname = %s", [SCHEMA]).fetchone() is None:
            connection.execute(f"CREATE SCHEMA {SCHEMA}")
        yield
        connection.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
