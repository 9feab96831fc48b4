"""The parameters of detection that a recommendation may name, with their real values and the range they may take. Pure.

Belongs here: which numbers are up for discussion. They are the scalar fields of `Thresholds`; an approved adjustment
is made there by a person, with a new version.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from llm_pipeline.anomalies.detection.thresholds import Thresholds

WIDEST = 4
"""A value is moved by at most this factor at once: beyond it, it is another method."""


@dataclass(frozen=True)
class Parameter:
    """One number that decides what is unusual. `whole`: fractions make no sense."""

    name: str
    value: Decimal
    lowest: Decimal
    highest: Decimal
    whole: bool
    meaning: str

    @property
    def text(self) -> str:
        """The value as it is shown and must be restated."""
        return format(self.value, "f")


def known_parameters(thresholds: Thresholds) -> tuple[Parameter, ...]:
    """Every scalar number of the thresholds in use, in their order."""
    found = []
    for name, field in type(thresholds).model_fields.items():
        value = getattr(thresholds, name)
        if isinstance(value, bool) or not isinstance(value, int | Decimal):
            continue
        whole, exact = isinstance(value, int), Decimal(value)
        low, high = exact / WIDEST, exact * WIDEST
        if name.endswith("_level"):
            high = min(high, Decimal("0.2"))
        low = max(Decimal(1), low.to_integral_value()) if whole else low
        found.append(Parameter(name, exact, low, high, whole, field.description or name))
    return tuple(found)
