"""How likely company is when all choose independently, over what is not known of the pooled share. Pure formulas."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy import special

from llm_pipeline.anomalies.detection.history import Floats, Ints
from llm_pipeline.anomalies.detection.tails import poisson_binomial_tails, poisson_tails

_NODES = 12
_EXACT = 200
"""Up to so many filers the tail is exact, which is quadratic in filers; above it is the Poisson limit, within the sum
of p**2 (Le Cam 1960, Pac. J. Math. 10, 1181-1197)."""
_PRODUCTS = np.array([9, 8, 7, 6, 5, 4, 3, 2])


@lru_cache(maxsize=4096)
def gamma_nodes(shape: float) -> tuple[Floats, Floats]:
    """Nodes and weights that integrate over a Gamma distribution of this shape and scale 1 (Gauss-Laguerre).

    From shape 60 on the mean alone: the spread is below 13 %, and the weights would leave the range of a float.
    """
    if shape > 60:
        return np.array([shape]), np.ones(1)
    nodes, weights = special.roots_genlaguerre(_NODES, shape - 1)
    return nodes, weights / weights.sum()


def chance_of_any(share: Floats, trades: Ints) -> Floats:
    """1 - (1 - share) ** trades, by row of shares and filer: the chance that one of so many trades is in it.

    trades: of each filer, at least 1, in descending order: most trade once or twice, and a product is soon made.
    The result is laid out by filer.
    """
    one = np.subtract(1, share.T, order="C")
    none = one.copy()
    many, *at_least = (trades.size - trades[::-1].searchsorted(_PRODUCTS)).tolist()
    none[:many] = one[:many] ** trades[:many, None]
    for n in at_least:
        none[many:n] *= one[many:n]
    return np.subtract(1, none, out=none)


@dataclass(frozen=True)
class Independent:
    """The chances of some filers to be in a group when all choose independently; what is not known of the pooled share
    is integrated over.

    chance: by filer and node; weights: of the nodes.
    """

    chance: Floats
    weights: Floats


def independent(own_same: Ints, own_n: Ints, trades: Ints, same: int, n: int, weight: int) -> Independent:
    """Filer g chooses it with each of trades[g] trades at the share (own_same[g] + weight * s) / (own_n[g] + weight).

    The pooled share s was same of n before and has the Gamma(same + 1/2) / n posterior. All filers share s: a plug-in
    value would make three in a ticker that was never seen before look 15 times less likely than it is.
    """
    busiest = np.argsort(-trades, kind="stable")
    own_same, own_n, trades = own_same[busiest], own_n[busiest], trades[busiest]
    nodes, weights = gamma_nodes(same + 0.5)
    pooled = np.minimum(1.0, nodes / (n + 1))
    share = np.minimum(1.0, (own_same + weight * pooled[:, None]) / (own_n + weight))
    return Independent(chance_of_any(share, trades), weights)


def company_tails(others: Sequence[int], groups: Sequence[Independent]) -> list[float]:
    """P(at least `others` of the filers are in the group), for each group."""
    p = [0.0] * len(groups)
    exact: dict[int, list[int]] = defaultdict(list)
    for i, (k, group) in enumerate(zip(others, groups, strict=True)):
        if len(group.chance) <= _EXACT:
            exact[k].append(i)
        else:
            p[i] = _mean(poisson_tails(k, group.chance.sum(axis=0)), group.weights)
    for k, places in exact.items():
        widths = np.cumsum([groups[i].weights.size for i in places])
        chance = np.zeros((max(len(groups[i].chance) for i in places), int(widths[-1])))
        for i, end in zip(places, widths.tolist(), strict=True):
            filers, nodes = groups[i].chance.shape
            chance[:filers, end - nodes : end] = groups[i].chance
        for i, tails in zip(places, np.split(poisson_binomial_tails(k, chance), widths[:-1]), strict=True):
            p[i] = _mean(tails, groups[i].weights)
    return p


def _mean(tails: Floats, weights: Floats) -> float:
    return min(1.0, float((weights * tails).sum()))
