"""From the text a model wrote to the JSON in it: thinking, code fences and polite prose taken away. Pure.

Nothing is repaired or guessed: what is left must be one JSON object exactly as the model wrote it.
"""

from __future__ import annotations

import json
import re

from pydantic_core import from_json

from llm_pipeline.db.bulk import REPLACEMENT, SURROGATE, json_text
from llm_pipeline.llm.errors import NotJson, Refusal

_THOUGHT = re.compile(r"<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_THOUGHT_TAIL = re.compile(r"^.*</think(?:ing)?>", re.DOTALL | re.IGNORECASE)
_OPEN_THOUGHT = re.compile(r"<think(?:ing)?>.*$", re.DOTALL | re.IGNORECASE)
_FENCE = re.compile(r"```[a-zA-Z0-9_-]*[ \t]*\r?\n?(.*?)```", re.DOTALL)
_REFUSAL = re.compile(
    r"\b(?:i\s*(?:'|’)?\s*a?m\s+(?:sorry|unable|not able)"
    r"|i\s+(?:can(?:'|’)?t|can\s?not|won(?:'|’)?t|will not|must decline)"
    r"|i\s+apologi[sz]e|as an ai\b|against my (?:guidelines|policy))",
    re.IGNORECASE,
)
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


def answer_json(text: str) -> str:
    """The one JSON object in a model's answer, as written.

    A text that is JSON already is returned unchanged (stripped), whatever its strings contain; only lone
    surrogates, which no UTF-8 text can carry, become U+FFFD.

    Raises:
        Refusal: prose that declines, without any JSON object.
        NotJson: no JSON object, more than one, or a broken one.
    """
    bare = SURROGATE.sub(REPLACEMENT, text).strip().removeprefix("\ufeff").strip()
    if found := _json_or_none(bare):
        return found
    spoken = _OPEN_THOUGHT.sub("", _THOUGHT_TAIL.sub("", _THOUGHT.sub("", bare))).strip()
    if found := _json_or_none(spoken):
        return found
    fenced = [block.strip() for block in _FENCE.findall(spoken) if block.strip()]
    if len(fenced) == 1 and (found := _json_or_none(fenced[0])):
        return found
    return _object_in_prose(spoken, whole=bare)


def _json_or_none(text: str) -> str | None:
    if not text.startswith(("{", "[")):
        return None
    try:
        from_json(text, allow_inf_nan=False)
    except ValueError:
        return _without_lone_surrogates(text)
    return text


def _without_lone_surrogates(text: str) -> str | None:
    """Models do write the escape of half a character; the strict parser then refuses the whole answer."""
    if not _ESCAPED_SURROGATE.search(text):
        return None
    try:
        value = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return _json_or_none(json_text(value))


def _object_in_prose(spoken: str, whole: str) -> str:
    start = spoken.find("{")
    if start < 0:
        if not spoken:
            raise NotJson("the answer is empty" if not whole else "the answer is thinking only, without an answer")
        if _REFUSAL.search(spoken[:400]):
            raise Refusal(f"the model declined: {_shown(spoken)}")
        raise NotJson(f"the answer is prose, not JSON: {_shown(spoken)}")
    try:
        _, end = _DECODER.raw_decode(spoken, start)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"the JSON is broken ({error}): {_shown(spoken[start:])}") from error
    if "{" in spoken[end:]:
        raise NotJson(f"the answer holds more than one JSON object: {_shown(spoken[end:])}")
    if found := _json_or_none(spoken[start:end]):
        return found
    raise NotJson(f"the JSON holds a value that JSON does not have: {_shown(spoken[start:end])}")


def _shown(text: str) -> str:
    return repr(text[:120]) + ("…" if len(text) > 120 else "")
