"""Whether a version of a prompt is no worse than the active one, from the same cases asked with both. Pure.

The unit is the case: its share of right repeats under the one version less that under the other, so repeats of a case
are never counted as independent cases. Of the mean difference a one-sided 95 % bound is taken on either side, by the
score method for matched proportions: T. Tango, "Equivalence test and confidence interval for the difference in
proportions for the paired-sample design", Statistics in Medicine 17 (1998), 891-908. Unlike a bootstrap it does not
take a handful of equal cases for proof. With several repeats, cases that are won or lost in part count in part; that
makes the interval wider than it had to be, never narrower. The upper bound is below zero exactly when McNemar's test
says so.

A guarded figure is *worse* when the interval lies wholly on the bad side, *no worse* when it reaches less than the
figure's margin into it, else *unclear*: there are too few cases to tell. A version passes when every guarded figure is
no worse. Each figure is tested at its own level: that all of them must pass keeps the chance of letting through a
version that is worse than the margin on any of them at 5 % (an intersection-union test).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from math import sqrt
from statistics import NormalDist
from typing import Any, Literal

from llm_pipeline.prompt_registry.trial import Asked, Side, Tally

LEVEL = 0.95
Z = NormalDist().inv_cdf(LEVEL)

RECALL_MARGIN = 0.05
KIND_MARGIN = 0.15
FALSE_ALARM_MARGIN = 0.02
UNDECIDED_MARGIN = 0.02
FITTING_MARGIN = 0.10
FEWEST_OF_KIND = 16
"""Cases of a kind from which equal results show that it is within its margin; rarer kinds count in `recall` alone."""

MOST_TOKENS = 1.5
"""Times the active version's tokens a case; wide, because a better prompt may well be longer."""
MOST_LATENCY = 2.0
"""Times the active version's mean latency of a call; only where calls take a second or more, below that it is noise."""
LATENCY_FLOOR_MS = 1_000

Standing = Literal["no_worse", "worse", "unclear", "reported"]
Verdict = Literal["passed", "worse", "unclear"]


@dataclass(frozen=True)
class Figure:
    """One figure of both versions.

    Attributes:
        n: cases (batches, for what belongs to answers as wholes) that it is taken over.
        version, against: the figure of the examined and of the active version; None: no data.
        lower, upper: interval of the improvement, positive when the examined version is better; None where no interval
            is taken.
        margin: how much worse is still no worse; for a ratio the most that it may be.
    """

    name: str
    n: int
    version: float | None
    against: float | None
    lower: float | None
    upper: float | None
    margin: float | None
    standing: Standing

    def sentence(self) -> str:
        """The figure and what it means, in words."""
        told = f"{self.name}: {_shown(self.version)} against {_shown(self.against)} over {self.n}"
        if self.lower is None or self.upper is None:
            return f"{told}, at most {self.margin:g} times as much" if self.margin and self.n else told
        told += f", improvement {self.lower:+.3f} to {self.upper:+.3f}"
        if self.standing == "unclear":
            return f"{told}; too few cases to tell that it is no more than {self.margin:g} worse"
        return told


@dataclass(frozen=True)
class Comparison:
    """All figures, the verdict, and a sentence for each figure that stands in the way."""

    figures: tuple[Figure, ...]
    verdict: Verdict
    reasons: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """For the table and for `--json`."""
        figures = [asdict(one) for one in self.figures]
        return {"verdict": self.verdict, "reasons": list(self.reasons), "figures": figures}


def paired_interval(differences: Sequence[float]) -> tuple[float, float]:
    """The one-sided 95 % bounds, below and above, of the mean of differences in [-1, 1] (see the module)."""
    n = len(differences)
    won = sum(one for one in differences if one > 0)
    lost = -sum(one for one in differences if one < 0)
    return _lower_bound(won, lost, n), -_lower_bound(lost, won, n)


def _lower_bound(won: float, lost: float, n: int) -> float:
    low, high = -1.0, (won - lost) / n
    for _ in range(50):  # to 1e-15; the score falls steadily as the supposed difference rises
        middle = (low + high) / 2
        low, high = (middle, high) if score(won, lost, n, middle) > Z else (low, middle)
    return low


def score(won: float, lost: float, n: int, supposed: float) -> float:
    """How many standard errors the difference of n matched cases lies above a supposed one; the error is that of the
    supposed difference, with the likeliest share of lost cases under it."""
    a, b = 2 * n, -won - lost + (2 * n - won + lost) * supposed
    c = -lost * supposed * (1 - supposed)
    share_lost = (sqrt(max(b * b - 4 * a * c, 0.0)) - b) / (2 * a)
    variance = n * (2 * share_lost + supposed * (1 - supposed))
    return (won - lost - n * supposed) / sqrt(variance) if variance > 0 else 0.0


def compare(version: Side, against: Side) -> Comparison:
    """The examined version beside the active one.

    Raises:
        ValueError: the sides were not asked about the same cases equally often.
    """
    if version.tallies.keys() != against.tallies.keys() or version.repeats != against.repeats:
        raise ValueError("both versions must be asked about the same cases, equally often")
    pairs = [(one, against.tallies[key]) for key, one in version.tallies.items()]
    figures = [*_accuracy(pairs, version.repeats), *_answers(version, against), *_effort(version, against)]
    bad = [one for one in figures if one.standing in ("worse", "unclear")]
    verdict: Verdict = "passed" if not bad else "worse" if any(one.standing == "worse" for one in bad) else "unclear"
    return Comparison(tuple(figures), verdict, tuple(f"{one.standing}: {one.sentence()}" for one in bad))


def _accuracy(pairs: Sequence[tuple[Tally, Tally]], repeats: int) -> Iterable[Figure]:
    def right(tally: Tally) -> float:
        return tally.right / repeats

    def alarmed(tally: Tally) -> float:
        return (repeats - tally.right - tally.undecided) / repeats

    defects = [pair for pair in pairs if pair[0].case.kind is not None]
    clean = [pair for pair in pairs if pair[0].case.kind is None]
    yield _guarded("recall", [(right(a), right(b)) for a, b in defects], RECALL_MARGIN)
    for kind in sorted({str(a.case.kind) for a, _ in defects}):
        own = [(right(a), right(b)) for a, b in defects if a.case.kind == kind]
        yield _guarded(f"recall of {kind}", own, KIND_MARGIN, fewest=FEWEST_OF_KIND)
    alarms = [(alarmed(a), alarmed(b)) for a, b in clean]
    yield _guarded("false alarms on clean cases", alarms, FALSE_ALARM_MARGIN, higher_is_better=False)
    undecided = [(a.undecided / repeats, b.undecided / repeats) for a, b in pairs]
    yield _guarded("undecided", undecided, UNDECIDED_MARGIN, higher_is_better=False)
    reviewed = [(a, b) for a, b in pairs if a.case.reviewed]
    if reviewed:
        lost = [a.case.case_id for a, b in reviewed if not a.right and b.right == repeats]
        name = "reviewed cases lost" + (f" ({', '.join(lost[:5])})" if lost else "")
        standing: Standing = "worse" if lost else "no_worse"
        yield Figure(name, len(reviewed), float(len(lost)), 0.0, None, None, None, standing)


def _answers(version: Side, against: Side) -> Iterable[Figure]:
    def share(one: Asked) -> float:
        return one.fitting / one.questions if one.questions else 1.0

    shared = sorted(version.asked.keys() & against.asked.keys())
    pairs = [(share(version.asked[key]), share(against.asked[key])) for key in shared]
    yield _guarded("first answers that fit the schema", pairs, FITTING_MARGIN)


def _effort(version: Side, against: Side) -> Iterable[Figure]:
    cases = max(len(version.tallies) * version.repeats, 1)
    told = [(_sum(side, "input_tokens") + _sum(side, "output_tokens")) / cases for side in (version, against)]
    yield _ratio("tokens a case", len(version.tallies), told[0], told[1], MOST_TOKENS)
    spent = [_sum(side, "cost_usd") / cases for side in (version, against)]
    yield Figure("cost a case in USD", len(version.tallies), spent[0], spent[1], None, None, None, "reported")
    calls = [max(_sum(side, "calls"), 1) for side in (version, against)]
    took = [_sum(side, "latency_ms") / n for side, n in zip((version, against), calls, strict=True)]
    limit = MOST_LATENCY if took[0] >= LATENCY_FLOOR_MS else None
    yield _ratio("milliseconds a call", int(calls[0]), took[0], took[1], limit)


def _sum(side: Side, name: str) -> float:
    return float(sum(getattr(one, name) for one in side.asked.values()))


def _ratio(name: str, n: int, version: float, against: float, most: float | None) -> Figure:
    worse = most is not None and version > most * against
    standing: Standing = "reported" if most is None else "worse" if worse else "no_worse"
    return Figure(name, n, version, against, None, None, most, standing)


def _guarded(
    name: str,
    pairs: Sequence[tuple[float, float]],
    margin: float,
    *,
    higher_is_better: bool = True,
    fewest: int = 0,
) -> Figure:
    if not pairs:
        return Figure(name, 0, None, None, None, None, margin, "unclear")
    n, sign = len(pairs), 1 if higher_is_better else -1
    lower, upper = paired_interval([sign * (a - b) for a, b in pairs])
    standing: Standing = "unclear"
    if upper < 0:
        standing = "worse"
    elif lower > -margin:
        standing = "no_worse"
    elif n < fewest:
        standing = "reported"
    return Figure(name, n, sum(a for a, _ in pairs) / n, sum(b for _, b in pairs) / n, lower, upper, margin, standing)


def _shown(value: float | None) -> str:
    return "no data" if value is None else f"{value:.4g}"
