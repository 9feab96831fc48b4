"""Every environment variable of the project, once, typed. Nothing else reads the environment.

Import is free of side effects; call `load_settings()` where the values are needed, so that tests and
long-lived processes see the environment as it is now.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parent.parent


def project_folder(name: str) -> Path:
    """The top-level folder `prompts` or `sql`: beside the package in a checkout, inside it in a wheel.

    Raises:
        FileNotFoundError: neither place holds the folder.
    """
    for folder in (PROJECT_ROOT / name, Path(__file__).resolve().parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"the project's folder {name}/ is neither beside nor inside the package")


class Settings(BaseSettings):
    """All settings; each field's upper-case name is its environment variable."""

    model_config = SettingsConfigDict(env_ignore_empty=True, extra="ignore", frozen=True)

    # Where things live
    llm_pipeline_home: Path = Field(
        PROJECT_ROOT / ".llm_pipeline",
        description="all local state: embedded Postgres, lake, Dagster home, logs",
    )
    database_url: SecretStr | None = Field(None, description="PostgreSQL to use; unset: the embedded one")
    lake_url: str | None = Field(None, description="folder or fsspec URL of model artifacts; unset: HOME/lake")

    # Sources of disclosures: paths, globs or URLs, several separated by commas
    senate_disclosures_source: str | None = Field(None, description="Senate daily report JSON: file, folder or URL")
    house_disclosures_source: str | None = Field(None, description="House export: file, folder or URL")

    # Sources of reference data: paths, folders, globs or URLs, several separated by commas
    legislators_source: str | None = Field(None, description="legislators JSON (unitedstates/congress-legislators)")
    committee_assignments_source: str | None = Field(
        None, description="CSV of committee spells, and JSON of committees"
    )
    committee_sectors_source: str | None = Field(None, description="CSV: committee to GICS sectors")
    legislative_calendar_source: str | None = Field(
        None, description="CSV of hearings and floor votes, or https://api.congress.gov/v3/committee-meeting/..."
    )
    ticker_sectors_source: str | None = Field(None, description="CSV: ticker to GICS sector")
    earlier_ticker_sectors_source: str | None = Field(None, description="CSV lists of constituents of earlier days")
    ticker_changes_source: str | None = Field(None, description="CSV of renamed and ended tickers")
    market_prices_source: str | None = Field(None, description="CSV of daily adjusted closes")
    congress_api_key: SecretStr | None = Field(None, description="key of api.congress.gov")

    # Model server
    ollama_base_url: str | None = Field(None, description="Ollama server; unset: the bundled offline-rules model")
    ollama_api_key: SecretStr | None = Field(None, description="sent as a Bearer token, for servers behind a proxy")
    llm_validation_model: str = Field("qwen3:8b", description="model of validation_gate")
    llm_anomaly_model: str = Field("gemma3:12b-it-qat", description="model of anomaly_detection")
    llm_audit_model: str = Field("deepseek-r1:7b", description="model of lineage_audit")
    llm_feedback_model: str = Field("gemma3:12b-it-qat", description="model of feedback_loop")
    llm_concurrency: Annotated[int, Field(ge=1, le=256, description="model calls in flight")] = 8
    llm_connect_timeout_s: Annotated[float, Field(gt=0, description="seconds to open a connection")] = 5.0
    llm_idle_timeout_s: Annotated[float, Field(gt=0, description="seconds without a byte before giving up")] = 300.0
    llm_total_timeout_s: Annotated[float, Field(gt=0, description="seconds for one whole call")] = 900.0
    llm_num_ctx: Annotated[int, Field(ge=512, description="context window in tokens, the same for every call")] = 16384
    llm_num_predict: Annotated[int, Field(ge=64, description="longest answer in tokens")] = 6144
    llm_seed: int = Field(7, description="seed sent with every call")
    llm_temperature: Annotated[float, Field(ge=0, le=2, description="sampling temperature")] = 0.0
    llm_keep_alive: str = Field("10m", description="how long the server keeps the model loaded")
    llm_max_attempts: Annotated[int, Field(ge=1, le=10, description="tries of one call that can still succeed")] = 3
    llm_backoff_s: Annotated[float, Field(ge=0, description="first pause between tries; it doubles each time")] = 2.0
    llm_usd_per_million_input_tokens: Annotated[float, Field(ge=0, description="0 for your own hardware")] = 0.0
    llm_usd_per_million_output_tokens: Annotated[float, Field(ge=0, description="0 for your own hardware")] = 0.0

    # Validation
    validation_batch_size: Annotated[int, Field(ge=1, le=200, description="records in one model call")] = 25
    validation_run_cap: Annotated[int, Field(ge=1, description="most records one scheduled run takes on")] = 5000
    validation_lookback_hours: Annotated[int, Field(ge=1, description="what validation_hourly calls recent")] = 2
    validation_pending_hours: Annotated[int, Field(ge=1, description="a record pending longer is overdue")] = 24
    validation_max_reject_share: Annotated[float, Field(ge=0, le=1, description="above it the check warns")] = 0.10

    # Queue of interrogations
    jobs_lease_s: Annotated[float, Field(gt=0, description="a worker not heard of for so long loses its jobs")] = 60.0
    jobs_backoff_s: Annotated[float, Field(ge=0, description="longest pause after a job's first failure; doubles")] = (
        10.0
    )
    jobs_backoff_cap_s: Annotated[float, Field(ge=0, description="longest pause between attempts at a job")] = 600.0
    jobs_poll_s: Annotated[float, Field(gt=0, description="how often an idle worker looks without being notified")] = (
        5.0
    )

    # Feedback
    feedback_horizons: Annotated[
        str, Field(pattern=r"^\s*[1-9]\d{0,2}\s*(,\s*[1-9]\d{0,2}\s*)*$", description="trading days, by commas")
    ] = "5,21,63"
    feedback_primary_horizon: Annotated[int, Field(ge=1, description="the horizon that scorecards use")] = 21
    feedback_benchmark: str = Field("SPY", description="ticker; without prices of it, the mean of all tickers")
    feedback_window_weeks: Annotated[int, Field(ge=1, le=520, description="weeks that a scorecard looks back")] = 52

    # Automation
    llm_pipeline_automation: bool = Field(False, description="schedules and sensors start switched on")
    failure_webhook_url: SecretStr | None = Field(None, description="POSTed to when a run fails")

    @field_validator("llm_pipeline_home", mode="after")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        return value.expanduser().absolute()

    @property
    def lake(self) -> str:
        """Where artifacts go: `LAKE_URL`, or the folder `lake` under `LLM_PIPELINE_HOME`."""
        return self.lake_url or str(self.llm_pipeline_home / "lake")


def load_settings() -> Settings:
    """The settings as the environment has them now.

    Raises:
        pydantic.ValidationError: a variable has a value that its type does not allow; the message names it.
    """
    return Settings()
