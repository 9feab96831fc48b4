"""How outcomes are measured and scored: horizons, benchmark, window, draws. Typed, from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from llm_pipeline.reference.codes import ticker_code
from llm_pipeline.settings import Settings


class FeedbackRulesError(ValueError):
    """Settings of the feedback loop that contradict each other; the message names them."""


@dataclass(frozen=True)
class FeedbackRules:
    """What the assets of the group `feedback` go by.

    Attributes:
        horizons: trading days from entry to exit, ascending; every signal gets an outcome at each.
        primary: the horizon that scorecards use.
        benchmark: ticker that returns are compared with; without prices of it, the mean of all tickers priced.
        window_weeks: weeks of signals in one scorecard, up to and with the week it is of.
        draws: sets of random signals.
        pool_days: days up to a signal's as-of date from whose disclosures the random tickers are drawn.
        seed: of draws and bootstraps.
    """

    horizons: tuple[int, ...] = (5, 21, 63)
    primary: int = 21
    benchmark: str = "SPY"
    window_weeks: int = 52
    draws: int = 1000
    pool_days: int = 30
    seed: int = 1

    def __post_init__(self) -> None:
        if self.primary not in self.horizons:
            raise FeedbackRulesError(
                f"FEEDBACK_PRIMARY_HORIZON {self.primary} is none of FEEDBACK_HORIZONS {self.horizons}: add it there"
            )


def rules_of(settings: Settings) -> FeedbackRules:
    """The rules that the environment sets.

    Raises:
        FeedbackRulesError: the primary horizon is none of the horizons.
    """
    horizons = {int(text) for text in settings.feedback_horizons.split(",")}
    return FeedbackRules(
        horizons=tuple(sorted(horizons)),
        primary=settings.feedback_primary_horizon,
        benchmark=ticker_code(settings.feedback_benchmark),
        window_weeks=settings.feedback_window_weeks,
    )
