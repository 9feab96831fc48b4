"""How many tokens a text will cost, before any server has seen it. Pure.

An estimate by character class, on the side of too many for English JSON with the tokenizers of Qwen, Gemma
and Llama: each digit is a token (Qwen and Gemma split numbers), letters come about four to a token, JSON
punctuation about two, bytes outside ASCII about one and a half. A server that knows better still refuses or
reports a cut, which `server_answer.py` turns into ContextOverflow; the estimate only saves most of those
round trips.
"""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil

_DIGITS = string.digits.encode()
_LETTERS = string.ascii_letters.encode()
_BLANKS = b" \n\r\t"
_ASCII = bytes(range(128))


@dataclass(frozen=True)
class TokenRates:
    """Tokens for each byte of a class; `per_message` for the chat template around each message."""

    digit: float = 1.0
    letter: float = 0.26
    blank: float = 0.1
    punctuation: float = 0.5
    other: float = 0.7
    per_message: int = 8


DEFAULT_RATES = TokenRates()


def estimate_tokens(text: str, rates: TokenRates = DEFAULT_RATES) -> int:
    """Tokens of one text, rounded up."""
    data = text.encode("utf-8", "surrogatepass")
    size = len(data)
    digits = size - len(data.translate(None, _DIGITS))
    letters = size - len(data.translate(None, _LETTERS))
    blanks = size - len(data.translate(None, _BLANKS))
    other = len(data.translate(None, _ASCII))
    punctuation = size - digits - letters - blanks - other
    return ceil(
        digits * rates.digit
        + letters * rates.letter
        + blanks * rates.blank
        + punctuation * rates.punctuation
        + other * rates.other
    )


def estimate_prompt(messages: Iterable[Mapping[str, str]], rates: TokenRates = DEFAULT_RATES) -> int:
    """Tokens of a whole conversation, chat template included."""
    return sum(rates.per_message + estimate_tokens(message["content"], rates) for message in messages)


def fits(
    messages: Iterable[Mapping[str, str]], num_ctx: int, num_predict: int, rates: TokenRates = DEFAULT_RATES
) -> bool:
    """Whether prompt and longest answer stay inside the context window of `num_ctx` tokens."""
    return estimate_prompt(messages, rates) + num_predict <= num_ctx
