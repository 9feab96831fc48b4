"""The statistics of the regression gate, against other implementations and by simulation."""

from __future__ import annotations

from statistics import fmean

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.stats import binom
from statsmodels.stats.contingency_tables import mcnemar

from llm_pipeline.prompt_registry.comparison import (
    FEWEST_OF_KIND,
    KIND_MARGIN,
    Comparison,
    Z,
    compare,
    paired_interval,
    score,
)
from llm_pipeline.prompt_registry.trial import Asked, Side, Tally, TrialCase

Case = tuple[str | None, int, int]
"""Kind, right repeats, undecided repeats."""


def side(cases: list[Case], repeats: int = 3, *, fitting: int = 1, tokens: int = 100, latency_ms: int = 50) -> Side:
    """A version that did so on these cases, asked in batches of one."""
    tallies = {
        ("set", str(n)): Tally(TrialCase("set", str(n), kind), right, undecided)
        for n, (kind, right, undecided) in enumerate(cases)
    }
    asked = {
        str(n): Asked(str(n), 1, fitting, repeats, latency_ms * repeats, tokens, 0, 0.0) for n in range(len(cases))
    }
    return Side(repeats, tallies, asked)


def standings(found: Comparison) -> dict[str, str]:
    return {one.name: one.standing for one in found.figures}


GOOD: list[Case] = [(None, 3, 0)] * 200 + [("late", 3, 0)] * 40 + [("garbled", 3, 0)] * 60


@given(st.lists(st.sampled_from([-1.0, 0.0, 1.0]), min_size=1, max_size=120))
def test_a_version_is_worse_exactly_when_mcnemars_test_says_so(differences: list[float]) -> None:
    lower, upper = paired_interval(differences)
    lost, won = differences.count(-1.0), differences.count(1.0)
    p = mcnemar([[0, lost], [won, 0]], exact=False, correction=False).pvalue if lost + won else 1.0
    if abs(p - 0.10) > 1e-9:  # two sides of 5 %
        assert (upper < 0 or lower > 0) == (p < 0.10)
        assert (upper < 0) == (p < 0.10 and lost > won)


@pytest.mark.parametrize(("won", "lost", "n"), [(0, 0, 30), (1, 4, 40), (7, 2, 25), (0, 12, 50), (3, 3, 100)])
@pytest.mark.parametrize("supposed", [-0.3, -0.1, 0.05, 0.2])
def test_the_error_is_that_of_the_likeliest_shares_under_the_supposed_difference(
    won: int, lost: int, n: int, supposed: float
) -> None:
    def unlikelihood(share_lost: float) -> float:
        shares = (share_lost + supposed, share_lost, 1 - 2 * share_lost - supposed)
        return -sum(
            count * np.log(share) for count, share in zip((won, lost, n - won - lost), shares, strict=True) if count
        )

    found = minimize_scalar(
        unlikelihood, bounds=(max(0, -supposed), (1 - supposed) / 2), method="bounded", options={"xatol": 1e-10}
    )
    error = np.sqrt(n * (2 * found.x + supposed - supposed**2))
    assert score(won, lost, n, supposed) == pytest.approx((won - lost - n * supposed) / error, rel=1e-3)


@given(st.lists(st.sampled_from([-1, -2 / 3, -0.5, -1 / 3, 0, 1 / 3, 0.5, 1]), min_size=1, max_size=200))
def test_the_bounds_lie_around_the_mean_and_change_sides_with_the_versions(differences: list[float]) -> None:
    lower, upper = paired_interval(differences)
    assert -1 <= lower <= fmean(differences) + 1e-9
    assert fmean(differences) - 1e-9 <= upper <= 1
    assert paired_interval([-one for one in differences]) == pytest.approx((-upper, -lower))


def test_equal_results_of_few_cases_are_no_proof_and_of_many_they_are() -> None:
    assert paired_interval([0.0] * (FEWEST_OF_KIND - 1))[0] < -KIND_MARGIN < paired_interval([0.0] * FEWEST_OF_KIND)[0]


@pytest.mark.parametrize(("n", "margin"), [(16, 0.15), (32, 0.15), (64, 0.15), (120, 0.05)])
@pytest.mark.parametrize("won", [0.0, 0.01, 0.05])
def test_a_version_that_is_worse_by_the_margin_passes_about_one_time_in_twenty(
    n: int, margin: float, won: float
) -> None:
    """Exactly, over every outcome: so many cases are lost that the share falls by the margin, and a few are won."""
    passes = 0.0
    for lost in range(n + 1):
        likely = binom.pmf(lost, n, margin + won)
        for gained in range(n - lost + 1) if likely > 1e-9 else ():
            if score(gained, lost, n, -margin) > Z:
                passes += likely * binom.pmf(gained, n - lost, won / (1 - margin - won))
    assert passes <= 0.08


def test_repeats_of_a_case_are_no_further_cases() -> None:
    before = [("late", 3, 0)] * 20
    once = compare(side([("late", 2, 0)] * 4 + before[4:]), side(before))
    often = compare(side([("late", 20, 0)] * 4 + [("late", 30, 0)] * 16, 30), side([("late", 30, 0)] * 20, 30))
    bounds = [[(f.lower, f.upper) for f in found.figures if f.name == "recall"] for found in (once, often)]
    assert bounds[0] == [pytest.approx(bounds[1][0])]


def test_the_same_results_pass() -> None:
    found = compare(side(GOOD), side(GOOD))
    assert (found.verdict, found.reasons) == ("passed", ())
    assert standings(found)["recall of late"] == "no_worse"


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ([(None, 2, 0)] * 30 + GOOD[30:], "false alarms on clean cases"),
        ([*GOOD[:200], *[("late", 0, 0)] * 15, *GOOD[215:]], "recall of late"),
        ([(None, 0, 3)] * 20 + GOOD[20:], "undecided"),
    ],
)
def test_what_got_worse_is_named_and_nothing_else_makes_up_for_it(changed: list[Case], named: str) -> None:
    found = compare(side(changed), side(GOOD))
    assert found.verdict == "worse"
    assert any(reason.startswith(f"worse: {named}: ") for reason in found.reasons)
    better = compare(side(GOOD), side(changed))
    assert better.verdict == "passed"


def test_answers_that_fit_less_often_tokens_and_slow_calls_are_guarded() -> None:
    plain = side(GOOD)
    assert standings(compare(side(GOOD, fitting=0), plain))["first answers that fit the schema"] == "worse"
    assert compare(side(GOOD, tokens=149), plain).verdict == "passed"
    assert standings(compare(side(GOOD, tokens=151), plain))["tokens a case"] == "worse"
    assert standings(compare(side(GOOD, latency_ms=900), plain))["milliseconds a call"] == "reported"
    assert standings(compare(side(GOOD, latency_ms=1_200), plain))["milliseconds a call"] == "worse"


def test_too_few_cases_to_tell_is_said_and_does_not_pass() -> None:
    few: list[Case] = [(None, 3, 0)] * 5 + [("late", 3, 0)] * 5
    found = compare(side(few), side(few))
    assert found.verdict == "unclear"
    assert any("recall: 1 against 1 over 5" in reason and "too few cases to tell" in reason for reason in found.reasons)
    clean = compare(side([(None, 3, 0)] * 200), side([(None, 3, 0)] * 200))
    assert any("recall: no data against no data" in reason for reason in clean.reasons)


def test_a_kind_with_few_cases_counts_in_recall_alone_unless_it_is_plainly_worse() -> None:
    few: list[Case] = [*GOOD, *[("rare", 3, 0)] * 4]
    assert standings(compare(side(few), side(few)))["recall of rare"] == "reported"
    lost: list[Case] = [*GOOD, *[("rare", 0, 0)] * 4]
    assert standings(compare(side(lost), side(few)))["recall of rare"] == "worse"


def test_a_case_that_a_human_labelled_must_not_be_lost() -> None:
    def with_reviewed(right: int) -> Side:
        plain = side(GOOD)
        case = TrialCase("reviewed", "r-1", "reviewed_flag", reviewed=True)
        return Side(3, {**plain.tallies, ("reviewed", "r-1"): Tally(case, right, 0)}, plain.asked)

    lost = compare(with_reviewed(0), with_reviewed(3))
    assert standings(lost)["reviewed cases lost (r-1)"] == "worse"
    assert compare(with_reviewed(3), with_reviewed(0)).verdict == "passed"


def test_sides_that_were_asked_other_things_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="same cases"):
        compare(side(GOOD), side(GOOD[1:]))
    with pytest.raises(ValueError, match="equally often"):
        compare(side(GOOD), side(GOOD, 2))


def test_the_figures_are_plain_means_of_the_cases() -> None:
    found = compare(side([("late", 1, 0), ("late", 3, 0), (None, 2, 1)]), side([("late", 3, 0)] * 2 + [(None, 3, 0)]))
    figures = {one.name: one for one in found.figures}
    assert figures["recall"].version == pytest.approx(fmean([1 / 3, 1]))
    assert figures["false alarms on clean cases"].version == 0
    assert figures["undecided"].version == pytest.approx(1 / 9)
