"""The one settings object of detection. Every number that decides what is unusual is here, documented and versioned.

Belongs here: numbers and their reasons. Signals record `version` and `fingerprint`, so that each can be traced to the
numbers that made it.
"""

from __future__ import annotations

from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from llm_pipeline.hashing import hash_of


class TrialWeights(BaseModel):
    """Parts of the level by detector (`fdr`): a pattern that says little by itself must be rarer to be raised.

    Three trades in 48 hours and company in a whole sector are no more than order lists and market days in most cases.
    What they leave goes to bursts, which have to stand out from the widely varying habit of one filer alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    frequency: Decimal = Field(default=Decimal(3), gt=0)
    amount: Decimal = Field(default=Decimal(1), gt=0)
    proximity: Decimal = Field(default=Decimal(1), gt=0)
    sector: Decimal = Field(default=Decimal("0.5"), gt=0)
    coordination: Decimal = Field(default=Decimal(1), gt=0)
    timing: Decimal = Field(default=Decimal("0.25"), gt=0)
    sector_coordination: Decimal = Field(default=Decimal("0.25"), gt=0)

    def of(self, detector: str) -> float:
        """The weight of a detector's trials."""
        return float(getattr(self, detector))


class Thresholds(BaseModel):
    """What counts as unusual. Frozen; a changed number needs a changed `version`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str = Field(default="1.3.0", description="Changes with every changed number")
    windows_days: tuple[int, int] = Field(
        default=(30, 90), description="Lengths of the windows under test: a month and a quarter"
    )
    burst_days: int = Field(
        default=14, description="Further window for the number of trades: ten sessions, the length of one burst"
    )
    baseline_days: int = Field(
        default=365, ge=90, description="Prior period that each window is compared with: 12 months"
    )
    false_discovery_level: Decimal = Field(
        default=Decimal("0.05"),
        gt=0,
        lt=1,
        description="Benjamini-Hochberg level over all trials of one as-of date (filers x detectors). If nothing is "
        "unusual, at most this share of as-of dates with new disclosures has any alert",
    )
    trial_weights: TrialWeights = Field(
        default=TrialWeights(), description="How unequally the detectors share the level; only the ratios matter"
    )
    min_z: Decimal = Field(default=Decimal(2), description="A pattern must also be at least 2 standard deviations off")
    dispersion_prior: Decimal = Field(
        default=Decimal("0.5"),
        description="Overdispersion assumed before data: monthly counts vary twice as much as Poisson at 2 a month",
    )
    dispersion_prior_months: int = Field(
        default=12, description="The prior counts as so many months against the up to 12 of the baseline"
    )
    min_baseline_trades: int = Field(
        default=3,
        ge=1,
        description="Fewer decisions in the baseline (for bursts those set apart count, too): no statement about a "
        "filer's own habit",
    )
    min_observed_days: int = Field(
        default=60,
        ge=1,
        description="Days between a filer's first known trade and the window below which no rate is known",
    )
    short_history_days: int = Field(
        default=180, description="Observed for less than this: the evidence carries `short_history`"
    )
    short_history_trades: int = Field(
        default=10, description="Fewer baseline decisions than this: the evidence carries `small_sample`"
    )
    frequency_min_trades: int = Field(
        default=5, description="A frequency spike has at least so many decisions: below that, one order list decides"
    )
    frequency_min_days_z: Decimal = Field(
        default=Decimal("2.5"),
        description="Days with a decision must be at least 2.5 standard deviations above the filer's habit: a few long "
        "order lists are no busy time",
    )
    amount_min_trades: int = Field(default=2, description="One large trade is an event of life; two are a pattern")
    amount_min_steps: Decimal = Field(
        default=Decimal(1), description="Mean range index at least one statutory range above the baseline mean"
    )
    cluster_hours: int = Field(default=48, description="Trades so close count as one cluster; dates only, so 2 days")
    cluster_min_trades: int = Field(
        default=3, ge=3, description="Smallest cluster worth a statement (specification: 3)"
    )
    sector_min_trades: int = Field(default=4, description="Decisions in one sector of the filer's committees")
    sector_prior_weight: int = Field(
        default=10, description="The pooled sector share of all filers counts as so many trades in a filer's base rate"
    )
    hearing_days: int = Field(default=7, description="A hearing of the filer's committee is near within so many days")
    vote_days: int = Field(default=14, description="A floor vote on a related bill is near within so many days")
    run_up_days: int = Field(
        default=14, description="Trades in the event's sector so many days before it, and on its day, form the run-up"
    )
    run_up_min_trades: int = Field(default=3, description="Decisions in a run-up")
    coordination_days: int = Field(
        default=7, description="Filers trade in sync within a week: four sessions across a weekend with a holiday"
    )
    coordination_min_filers: int = Field(
        default=3, description="Two filers in one ticker happen by chance in every month with 300 trades; three do not"
    )
    sector_coordination_min_filers: int = Field(
        default=4, description="Sectors are few: two or three filers meet in one by chance in most weeks"
    )
    coordination_prior_weight: int = Field(
        default=20, description="The pooled share of a ticker counts as so many trades in a filer's own share"
    )
    periodic_gap_days: tuple[int, int] = Field(
        default=(25, 37), description="Trades of one asset, side and range at such gaps are a savings plan, not news"
    )
    periodic_min_trades: int = Field(default=3, description="So many in a row at such gaps make a savings plan")
    episode_gap_days: int = Field(
        default=14, description="A pattern that starts within so many days of an episode's end continues it"
    )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every number, as text."""
        return hash_of(self.model_dump(mode="json"))

    @property
    def level(self) -> float:
        """The false-discovery level as a float for arithmetic."""
        return float(self.false_discovery_level)
