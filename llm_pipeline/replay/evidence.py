"""From a rendered prompt back to the variables it was rendered from. Pure.

The inverse of `PromptTemplate.render`: the template's literal text is found in the user message, what stands between
is the values. Inside the fence a value is one JSON value, whose end is certain; outside it is a short trusted text.
A result counts only when it is the only one and renders to the very same bytes again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from jinja2 import nodes
from jinja2.sandbox import SandboxedEnvironment

from llm_pipeline.llm.prompts import BEGIN_DATA, END_DATA, Messages, PromptError, PromptTemplate
from llm_pipeline.replay.errors import EvidenceNotRecoveredError

_DECODER = json.JSONDecoder()
_ENVIRONMENT = SandboxedEnvironment(keep_trailing_newline=True)


@dataclass(frozen=True)
class _Literal:
    text: str


@dataclass(frozen=True)
class _Value:
    name: str
    fenced: bool


_Piece = _Literal | _Value


def recover_variables(template: PromptTemplate, messages: Messages, schema: Mapping[str, Any]) -> dict[str, Any]:
    """The variables of the template, as they were given when `messages` were rendered.

    Args:
        messages: of the stored request; the first two are what was rendered, later ones are a re-ask.
        schema: of the contract today; that the system message comes out the same proves it is the one of then.

    Raises:
        EvidenceNotRecoveredError: the message is not the template's, can be read in two ways, or does not render to
            the same bytes.
    """
    name = f"{template.key} {template.version}"
    if [one.get("role") for one in messages[:2]] != ["system", "user"]:
        raise EvidenceNotRecoveredError(f"the request does not start with a system and a user message of {name}")
    variables = _read(template, messages[1]["content"], name)
    try:
        rendered = template.render(schema=schema, **variables)
    except PromptError as error:
        raise EvidenceNotRecoveredError(f"the evidence read back does not render: {error}") from error
    if rendered[1] != messages[1]:
        raise EvidenceNotRecoveredError(f"the evidence read back does not render to the same user message with {name}")
    if rendered[0] != messages[0]:
        raise EvidenceNotRecoveredError(
            f"the system message of {name} comes out differently today: the contract's schema is not the one of then"
        )
    return variables


def _read(template: PromptTemplate, user: str, name: str) -> dict[str, Any]:
    readings = list(islice(_readings(user, _pieces(template, name), 0, {}), 2))
    if not readings:
        raise EvidenceNotRecoveredError(f"the user message does not have the form of {name}")
    if len(readings) > 1:
        raise EvidenceNotRecoveredError(f"the user message can be read in more than one way with {name}")
    return readings[0]


def _pieces(template: PromptTemplate, name: str) -> list[_Piece]:
    """The user part as literals and placeholders, blank at both ends as `render` leaves it."""
    pieces: list[_Piece] = []
    fenced = False
    for node in _ENVIRONMENT.parse(template.user).body:
        for part in node.nodes if isinstance(node, nodes.Output) else (node,):
            if isinstance(part, nodes.TemplateData):
                pieces.append(_Literal(part.data))
                lines = [line.strip() for line in part.data.splitlines()]
                fenced = (fenced or BEGIN_DATA in lines) and END_DATA not in lines
            elif isinstance(part, nodes.Name):
                pieces.append(_Value(part.name, fenced))
            else:
                raise EvidenceNotRecoveredError(
                    f"the USER part of {name} holds more than plain placeholders ({type(part).__name__})"
                )
    if pieces and isinstance(pieces[0], _Literal):
        pieces[0] = _Literal(pieces[0].text.lstrip())
    if pieces and isinstance(pieces[-1], _Literal):
        pieces[-1] = _Literal(pieces[-1].text.rstrip())
    return pieces


def _readings(text: str, pieces: Sequence[_Piece], at: int, found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every way to read the text from `at` on."""
    if not pieces:
        if at == len(text):
            yield found
        return
    piece, rest = pieces[0], pieces[1:]
    if isinstance(piece, _Literal):
        if text.startswith(piece.text, at):
            yield from _readings(text, rest, at + len(piece.text), found)
        return
    read = False
    if piece.fenced:
        for reading in _with(text, piece, rest, _json(text, at), found):
            read = True
            yield reading
    if not read:  # inside the fence a text only where no reading as JSON leads to the end
        yield from _with(text, piece, rest, _texts(text, rest, at), found)


def _with(
    text: str, piece: _Value, rest: Sequence[_Piece], values: Iterator[tuple[Any, int]], found: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    for value, end in values:
        if piece.name not in found or found[piece.name] == value:
            yield from _readings(text, rest, end, {**found, piece.name: value})


def _json(text: str, at: int) -> Iterator[tuple[Any, int]]:
    try:
        value, end = _DECODER.raw_decode(text, at)
    except (ValueError, RecursionError):
        return
    # A text is inserted as it is: what stands there in quotes was given in quotes.
    yield (text[at:end] if isinstance(value, str) else value), end


def _texts(text: str, rest: Sequence[_Piece], at: int) -> Iterator[tuple[Any, int]]:
    following = rest[0].text if rest and isinstance(rest[0], _Literal) else ""
    if not following:
        yield text[at:], len(text)
        return
    end = text.find(following, at)
    while end >= 0:
        yield text[at:end], end
        end = text.find(following, end + 1)
