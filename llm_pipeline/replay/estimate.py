"""What a shadow run will cost, from what the original calls cost. Pure."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Expected:
    """What one call is expected to need, from its original.

    Attributes:
        input_tokens: of the original, scaled by how much longer or shorter the candidate's prompt is.
        output_tokens, latency_ms: of the original.
        paid_before: the answer is in the cache.
    """

    input_tokens: int
    output_tokens: int
    latency_ms: int
    paid_before: bool


@dataclass(frozen=True)
class Estimate:
    """Expectations of a run. `seconds` is as the originals took, with as many calls in flight as are configured;
    another model may be slower or faster."""

    calls: int
    in_cache: int
    input_tokens: int
    output_tokens: int
    seconds: float
    usd: float

    def as_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    def line(self) -> str:
        """The estimate in one line."""
        return (
            f"{self.calls} calls, {self.in_cache} of them answered from the cache; expected: "
            f"{self.input_tokens} input and {self.output_tokens} output tokens, {self.seconds:.0f} s at the speed of "
            f"the original calls, {self.usd:.4f} USD"
        )


def scaled(tokens: int | None, estimated_then: int, estimated_now: int) -> int:
    """Tokens of a prompt that grew or shrank from one estimate to the other; the estimate where none were counted."""
    return round(tokens * estimated_now / estimated_then) if tokens and estimated_then else estimated_now


def add_up(
    expected: list[Expected], in_flight: int, usd_per_million_input: float, usd_per_million_output: float
) -> Estimate:
    """The estimate of a run with `in_flight` calls at a time; what is in the cache costs nothing."""
    paid = [one for one in expected if not one.paid_before]
    tokens_in, tokens_out = sum(one.input_tokens for one in paid), sum(one.output_tokens for one in paid)
    return Estimate(
        calls=len(expected),
        in_cache=len(expected) - len(paid),
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        seconds=round(sum(one.latency_ms for one in paid) / 1000 / in_flight, 3),
        usd=round((tokens_in * usd_per_million_input + tokens_out * usd_per_million_output) / 1_000_000, 6),
    )
