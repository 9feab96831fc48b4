"""False-discovery control: Benjamini-Hochberg over the trials of one as-of date. Pure.

Why one family per as-of date. Detection walks from day to day and a decision on day D may only use what was public on
D, so one procedure over the whole period is not available. On each as-of date all trials (every filer with new
disclosures x every detector) are one family at level q. If no trial of that day is a true anomaly, the chance of any
alert that day is at most q (Benjamini-Hochberg controls the family-wise error under the global null), so the expected
share of null days with an alert is at most q, for any number of days. Each trade enters when it becomes known, in one
family. Trials of one filer share trades: p-values are positively dependent, under which the procedure holds
(Benjamini & Yekutieli 2001, Ann. Stat. 29, 1165-1188).
Source: Benjamini & Hochberg (1995), J. R. Stat. Soc. B 57, 289-300.

Weights laid down in advance let kinds of trials spend unequal parts of the level: each p is divided by its weight over
the family's mean weight, which keeps the level (Genovese, Roeder & Wasserman 2006, Biometrika 93, 509-524).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def adjusted_p_values(p_values: Sequence[float], weights: Sequence[float] | None = None) -> list[float]:
    """The smallest level at which each hypothesis would be rejected, in the order given; equal weights by default.

    Raises:
        ValueError: a p-value is not within 0 and 1, or a weight is not above 0, or their numbers differ.
    """
    p = np.asarray(p_values, dtype=float)
    if p.size == 0:
        return []
    if not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p-values must lie within 0 and 1: {[x for x in p_values if not 0 <= x <= 1][:5]}")
    weight = np.ones(p.size) if weights is None else np.asarray(weights, dtype=float)
    if weight.size != p.size or not (weight > 0).all():
        raise ValueError(f"{p.size} p-values need as many weights above 0, not {weight.tolist()[:5]}")
    p = p * (weight.mean() / weight)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(stepped[::-1])[::-1])
    return adjusted.tolist()
