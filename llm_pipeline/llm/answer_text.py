"""From the text a model wrote to the JSON in it: thinking, code fences and polite prose taken away. Pure.

Nothing is repaired or guessed: what is left must be one JSON object exactly as the model wrote it.
"""

from __future__ import annotations

import json
import re

from pydantic_core import from_json

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
_DECODER = json.JSONDecoder()


def answer_json(text: str) -> str:
    """The one JSON object in a model's answer, as written.

    A text that is JSON already is returned unchanged (stripped), whatever its strings contain.

    Raises:
        Refusal: prose that declines, without any JSON object.
        NotJson: no JSON object, more than one, or a broken one.
    """
    bare = text.strip().removeprefix("\ufeff").strip()
    if _is_json(bare):
        return bare
    spoken = _OPEN_THOUGHT.sub("", _THOUGHT_TAIL.sub("", _THOUGHT.sub("", bare))).strip()
    if _is_json(spoken):
        return spoken
    fenced = [block.strip() for block in _FENCE.findall(spoken) if block.strip()]
    if len(fenced) == 1 and _is_json(fenced[0]):
        return fenced[0]
    return _object_in_prose(spoken, whole=bare)


def _is_json(text: str) -> bool:
    if not text.startswith(("{", "[")):
        return False
    try:
        from_json(text, allow_inf_nan=False)
    except ValueError:
        return False
    return True


def _object_in_prose(spoken: str, whole: str) -> str:
    start = spoken.find("{")
    if start < 0:
        if not spoken:
            raise NotJson(
                "the answer is empty" if not whole else "the answer is thinking only, without an answer"
            )
        if _REFUSAL.search(spoken[:400]):
            raise Refusal(f"the model declined: {_shown(spoken)}")
        raise NotJson(f"the answer is prose, not JSON: {_shown(spoken)}")
    try:
        _, end = _DECODER.raw_decode(spoken, start)
    except (ValueError, RecursionError) as error:
        raise NotJson(f"the JSON is broken ({error}): {_shown(spoken[start:])}") from error
    found = spoken[start:end]
    if "{" in spoken[end:]:
        raise NotJson(f"the answer holds more than one JSON object: {_shown(spoken[end:])}")
    if not _is_json(found):
        raise NotJson(f"the JSON holds a value that JSON does not have (NaN, Infinity): {_shown(found)}")
    return found


def _shown(text: str) -> str:
    return repr(text[:120]) + ("…" if len(text) > 120 else "")
