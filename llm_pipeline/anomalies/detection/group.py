"""Groups of filers in one window, and how many of each would be in it if all chose independently. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from llm_pipeline.anomalies.detection.company_tail import Independent, chance_of_any, independent
from llm_pipeline.anomalies.detection.history import Floats, Ints
from llm_pipeline.anomalies.detection.side import Window
from llm_pipeline.anomalies.detection.tails import poisson_tail


@dataclass(frozen=True)
class Group:
    """Filers in one ticker or sector (`code`) on one side in the window from day `start` on, beside one of them.

    filer: the one, by number; others: how many besides; expected: under independence, of `active` other filers with a
    trade on that side in the window.
    """

    filer: int
    code: int
    side: int
    start: int
    others: int
    expected: float
    active: int
    pooled_share: float
    pooled_n: int

    @property
    def z(self) -> float:
        """(others - expected) / sqrt(expected)."""
        return (self.others - self.expected) / max(self.expected, 1e-12) ** 0.5

    @property
    def poisson_p(self) -> float:
        """Poisson tail at the expected count (Le Cam 1960, Pac. J. Math. 10, 1181-1197)."""
        return poisson_tail(self.others, self.expected)


@dataclass(frozen=True)
class Groups:
    """The groups of one window, whoever looks at them.

    code, others: of each group, and how many filers are beside each in it; same: trades in its code in the 12 months
    before; own: those of each active filer, by group; weight: the pooled share counts as so many trades.
    """

    window: Window
    code: Ints
    others: Ints
    same: Ints
    own: Ints
    weight: int

    @cached_property
    def pooled(self) -> Floats:
        """(trades in it + 1/2) / (all trades + 1), in the 12 months before."""
        return (self.same + 0.5) / (self.window.before + 1)

    @cached_property
    def chances(self) -> Floats:
        """Of each active filer to be in each group under independence."""
        share = (self.own + self.weight * self.pooled[:, None]) / (self.window.own_n + self.weight)
        return chance_of_any(share, self.window.trades)

    def others_expected(self, group: Ints, filer: Ints) -> Floats:
        """How many others each of these members expects in its group, but for rounding."""
        chances = self.chances
        expected: Floats = chances.sum(axis=0)[group] - chances[self.window.place[filer], group]
        return expected

    def beside(self, i: int, filer: int, side: int, min_z: float) -> Beside | None:
        """Group i as this member sees it; None when it is not `min_z` off."""
        window, others, other = self.window, int(self.others[i]), self.window.filers != filer
        expected = float(self.chances[other, i].sum())
        if others - expected < min_z * expected**0.5:
            return None
        same, own, own_n, trades = int(self.same[i]), self.own[i, other], window.own_n[other], window.trades[other]
        group = Group(
            filer=filer, code=int(self.code[i]), side=side, start=window.start, others=others, expected=expected,
            active=trades.size, pooled_share=float(self.pooled[i]), pooled_n=window.before,
        )  # fmt: skip
        return Beside(group, independent(own, own_n, trades, same, window.before, self.weight))


@dataclass(frozen=True)
class Beside:
    """A group as one of its members sees it, and the chances of the others."""

    group: Group
    others: Independent


def most_expected(others: Ints, min_z: float) -> Floats:
    """How many may be expected, at most, where so many others are `min_z` off: others - e >= min_z * sqrt(e)."""
    return np.square((np.sqrt(min_z**2 + 4 * others) - min_z) / 2)
