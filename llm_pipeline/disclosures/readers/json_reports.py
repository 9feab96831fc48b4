"""JSON files of reports: an array, one object, or JSON lines. Shared by the readers whose sources are
JSON."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any, BinaryIO, NoReturn


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def parse_json(text: str) -> Any:
    """The value of a JSON text; NaN and Infinity, which are not JSON and no database takes, are refused.

    Raises:
        ValueError: the text is not JSON.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def json_values(name: str, stream: BinaryIO) -> Iterator[tuple[str, str, Any, str | None]]:
    """(position "NAME#n" from 1, text, value, error) of every report in a file; value is None where error
    is set.

    Raises:
        ValueError: the file is empty, or is a JSON array that does not parse, so that no report can be told
        apart.
    """
    lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="surrogateescape", newline="\n")
    first = ""
    number = 0
    for first in lines:
        number += 1
        if first.strip():
            break
    if not first.strip():
        raise ValueError("the file is empty")
    if first.lstrip().startswith("["):
        reports = parse_json(first + lines.read())
        for index, value in enumerate(reports, start=1):
            yield f"{name}#{index}", "", value, None
        return
    try:
        parse_json(first)
    except ValueError:
        # One report over several lines, or a bad first line among good ones: the whole text tells.
        whole = first + lines.read()
        try:
            yield f"{name}#1", whole, parse_json(whole), None
            return
        except ValueError:
            rest: Iterator[str] = iter(whole.splitlines(keepends=True))
    else:
        rest = _chained(first, lines)
    for line_no, line in enumerate(rest, start=number):
        if not line.strip():
            continue
        position = f"{name}#{line_no}"
        try:
            yield position, line, parse_json(line), None
        except ValueError as error:
            yield position, line, None, f"line {line_no} of {name} is not JSON: {error}"


def _chained(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest
