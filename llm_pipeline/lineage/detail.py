"""The detail of a step as read back: its value with its canonical JSON, worked out once for equal texts. Pure.

Five of the eight details of a disclosure are the same in many others (a filer's name, a range of amounts); parsing and
encoding each anew takes half of the time of a verification.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from llm_pipeline.hashing import canonical_json, canonical_of_text, hash_of, sha256_hex

_OUT = b'{"out":'


class ReadDetail(dict[str, Any]):
    """A detail; not to be changed, because equal ones are one object.

    Attributes:
        canonical: its canonical JSON.
        out_sha256: the hash over what a normalisation gave out.
    """

    __slots__ = ("canonical", "out_sha256")

    def __init__(self, value: dict[str, Any], canonical: bytes) -> None:
        super().__init__(value)
        self.canonical = canonical
        alone = len(value) == 1 and canonical.startswith(_OUT)
        self.out_sha256 = sha256_hex(canonical[len(_OUT) : -1]) if alone else hash_of(value.get("out"))


def checked_detail(value: Any) -> ReadDetail | None:
    """A detail ready to be hashed; None for one that we cannot have written: no object, or with a float in it."""
    if isinstance(value, ReadDetail):
        return value
    try:
        return ReadDetail(value, canonical_json(value)) if isinstance(value, dict) else None
    except TypeError:
        return None


@lru_cache(maxsize=1 << 15)
def read_detail(text: str) -> Any:
    """The detail in a jsonb value's text; as it is where it cannot be one of ours."""
    try:
        value, canonical = canonical_of_text(text)
    except TypeError:
        return json.loads(text)
    return ReadDetail(value, canonical) if isinstance(value, dict) else value
