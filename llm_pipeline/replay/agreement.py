"""How far two sets of decisions agree: the matrix of labels, the agreement rate with its interval, Cohen's kappa. Pure.

Items that the candidate gave no answer for are counted beside the matrix; the rate and kappa are over the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

MOST_LABELS = 12
"""More labels than this are hashes of whole answers, and a matrix of them says nothing."""


@dataclass(frozen=True)
class Agreement:
    """Decisions of a baseline against those of a candidate.

    Attributes:
        cells: how many items have (baseline label, candidate label).
        unanswered: items by baseline label that the candidate gave no usable answer for.
    """

    cells: Mapping[tuple[str, str], int]
    unanswered: Mapping[str, int]

    @property
    def n(self) -> int:
        """Items that both have decided."""
        return sum(self.cells.values())

    @property
    def agreed(self) -> int:
        """Items with the same label."""
        return sum(count for (then, now), count in self.cells.items() if then == now)

    @property
    def rate(self) -> float | None:
        """The share of the decided items with the same label; None without any."""
        return self.agreed / self.n if self.n else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """The rate's 95 % interval by Wilson's score; None without any item."""
        if not self.n:
            return None
        from scipy.stats import binomtest  # 0.3 s to import

        found = binomtest(self.agreed, self.n).proportion_ci(0.95, method="wilson")
        return float(found.low), float(found.high)

    @property
    def kappa(self) -> float | None:
        """Cohen's kappa, (p_o - p_e) / (1 - p_e), with p_e from both margins (Cohen 1960).

        None where it is not defined: without items, and where both give every item one and the same label.
        """
        if not self.n:
            return None
        then, now = Counter[str](), Counter[str]()
        for (left, right), count in self.cells.items():
            then[left] += count
            now[right] += count
        by_chance = sum(then[label] * now[label] for label in then)
        if by_chance == self.n**2:
            return None
        return (self.agreed * self.n - by_chance) / (self.n**2 - by_chance)

    @property
    def labels(self) -> list[str]:
        """Every label of either side, sorted."""
        return sorted({label for pair in self.cells for label in pair} | set(self.unanswered))

    def as_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {
            "items": self.n,
            "agreed": self.agreed,
            "unanswered": sum(self.unanswered.values()),
            "agreement_rate": self.rate,
            "agreement_interval_95": self.interval,
            "cohens_kappa": self.kappa,
            "matrix": [
                {"baseline": then, "candidate": now, "items": count}
                for (then, now), count in sorted(self.cells.items())
            ]
            + [
                {"baseline": then, "candidate": None, "items": count} for then, count in sorted(self.unanswered.items())
            ],
        }

    def headline(self) -> str:
        """The agreement in one line."""
        if self.rate is None or self.interval is None:
            return f"no item was decided by both; {sum(self.unanswered.values())} without an answer of the candidate"
        low, high = self.interval
        kappa = "not defined" if self.kappa is None else f"{self.kappa:.3f}"
        return (
            f"{self.agreed} of {self.n} items agree: {self.rate:.1%} (95 % interval {low:.1%} to {high:.1%}), "
            f"kappa {kappa}, {sum(self.unanswered.values())} without an answer of the candidate"
        )

    def markdown(self) -> str:
        """The matrix as a Markdown table, baseline labels down, candidate labels across."""
        labels = self.labels
        if len(labels) > MOST_LABELS:
            return f"{len(labels)} different answers: no matrix"
        if not labels:
            return "nothing to compare"
        lines = [
            "| baseline \\ candidate | " + " | ".join(map(_cell, labels)) + " | no answer |",
            "|---|" + "---:|" * (len(labels) + 1),
        ]
        for then in labels:
            counts = [self.cells.get((then, now), 0) for now in labels]
            lines.append(f"| {_cell(then)} | " + " | ".join(map(str, counts)) + f" | {self.unanswered.get(then, 0)} |")
        return "\n".join(lines)


def _cell(label: str) -> str:
    """A label that cannot leave its cell."""
    return " ".join(label.split()).replace("|", "\\|")[:60]


def agreement_of(pairs: Iterable[tuple[str, str | None, int]]) -> Agreement:
    """From (baseline label, candidate label or None, how many items)."""
    cells, unanswered = Counter[tuple[str, str]](), Counter[str]()
    for then, now, count in pairs:
        if now is None:
            unanswered[then] += count
        else:
            cells[then, now] += count
    return Agreement(dict(cells), dict(unanswered))
