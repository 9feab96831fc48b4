"""Reading CSV and JSON files row by row, with the place of each row that cannot be read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, BinaryIO, Generic, TypeVar

from llm_pipeline.disclosures.readers.location import SourceDocument, SourceError, find_documents, open_document

T = TypeVar("T")
Cells = dict[str, str]
Maker = Callable[[Cells], T]

CSV_PATTERNS = ("*.csv", "*.csv.gz")
JSON_PATTERNS = ("*.json", "*.json.gz")
SHOWN_TEXT = 60
SHOWN_PROBLEMS = 5


@dataclass(frozen=True)
class Reading(Generic[T]):
    """What a source gave: its rows in order, and one line for each row that could not be read."""

    rows: list[T] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def strict(reading: Reading[T]) -> list[T]:
    """The rows of a reading without problems.

    Raises:
        SourceError: there is a problem; the message has the first few.
    """
    if reading.problems:
        more = len(reading.problems) - SHOWN_PROBLEMS
        shown = "; ".join(reading.problems[:SHOWN_PROBLEMS]) + (f"; and {more} more" if more > 0 else "")
        raise SourceError(shown)
    return reading.rows


def day_of(text: str, what: str) -> date:
    """A day as ISO text.

    Raises:
        ValueError: it is none; the message names the column.
    """
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise ValueError(f"{what} {shown(text)} is no date (YYYY-MM-DD)") from None


def text_of(cells: Cells, column: str) -> str:
    """A cell that must not be empty.

    Raises:
        ValueError: it is.
    """
    text = cells[column].strip()
    if not text:
        raise ValueError(f"{column} is empty")
    return text


def shown(value: object) -> str:
    """A value as it may stand in a message: quoted, without line breaks, not too long."""
    return repr(str(value)[:SHOWN_TEXT])


def matching_documents(location: str | Path, patterns: Sequence[str]) -> list[SourceDocument]:
    """The documents of a location whose names fit, also where they are named one by one; maybe none.

    A name without any extension fits, too: not every URL ends like a file.

    Raises:
        SourceError: the location names nothing at all.
    """
    found = find_documents(location, tuple(patterns))
    return [d for d in found if "." not in d.name or any(fnmatch(d.name.split("~")[0].lower(), p) for p in patterns)]


def open_csv(document: SourceDocument, stream: BinaryIO) -> tuple[list[str], Iterator[tuple[int, list[str]]]]:
    """The header of a CSV file and its rows with their line numbers.

    Raises:
        SourceError: there is no header; while rows are read also: not UTF-8, or a field beyond csv's limit.
    """
    reader = csv.reader(io.TextIOWrapper(stream, encoding="utf-8-sig", newline=""))

    def rows() -> Iterator[tuple[int, list[str]]]:
        while True:
            try:
                row = next(reader, None)
            except (UnicodeDecodeError, csv.Error) as error:
                raise SourceError(f"{document.name} line {reader.line_num + 1}: {error}") from error
            if row is None:
                return
            if row:
                yield reader.line_num, row

    lines = rows()
    _, header = next(lines, (0, []))
    if not header:
        raise SourceError(f"{document.where} is empty; a header line is expected")
    return [name.strip() for name in header], lines


def require_columns(document: SourceDocument, header: Sequence[str], columns: Sequence[str]) -> None:
    """See that a file has its columns.

    Raises:
        SourceError: one is missing; the message names those found.
    """
    missing = [column for column in columns if column not in header]
    if missing:
        raise SourceError(f"{document.where} lacks the column {', '.join(missing)}; it has {', '.join(header)[:300]}")


def read_csv(
    location: str | Path,
    choose: Callable[[SourceDocument, list[str]], Maker[T]],
    key: Callable[[T], object],
    patterns: Sequence[str] = CSV_PATTERNS,
) -> Reading[T]:
    """Every row of the CSV files at a location, made by what `choose` gives for a file's header.

    A row whose key came before is a problem: the first one stays.

    Raises:
        SourceError: nothing is there, or a file cannot be read as a whole.
    """
    documents = matching_documents(location, patterns)
    if not documents:
        raise SourceError(f"{location} names no file {' or '.join(patterns)}; give a file, folder, glob or URL")
    reading: Reading[T] = Reading()
    seen: dict[object, str] = {}
    for document in documents:
        with open_document(document) as stream:
            header, lines = open_csv(document, stream)
            make = choose(document, header)
            for line, row in lines:
                place = f"{document.name} line {line}"
                if len(row) != len(header):
                    reading.problems.append(f"{place}: {len(row)} cells, the header has {len(header)}")
                    continue
                try:
                    made = make(dict(zip(header, row, strict=True)))
                except ValueError as error:
                    reading.problems.append(f"{place}: {error}")
                    continue
                if (before := seen.setdefault(key(made), place)) != place:
                    reading.problems.append(f"{place}: repeats {before}")
                else:
                    reading.rows.append(made)
    return reading


def columns_of(*columns: str) -> Callable[[Maker[T]], Callable[[SourceDocument, list[str]], Maker[T]]]:
    """For files of one kind: what `read_csv` takes, from the columns needed and the maker of a row."""

    def with_maker(make: Maker[T]) -> Callable[[SourceDocument, list[str]], Maker[T]]:
        def choose(document: SourceDocument, header: list[str]) -> Maker[T]:
            require_columns(document, header, columns)
            return make

        return choose

    return with_maker


def read_json_entries(documents: Sequence[SourceDocument], make: Callable[[Any], list[T]]) -> Reading[T]:
    """Every entry of JSON files that hold one list each; `make` may give several rows for an entry.

    Raises:
        SourceError: a file is no JSON or no list.
    """
    reading: Reading[T] = Reading()
    for document in documents:
        with open_document(document) as stream:
            try:
                entries = json.load(io.TextIOWrapper(stream, encoding="utf-8-sig"))
            except (ValueError, RecursionError) as error:
                raise SourceError(f"{document.where} is no JSON: {error}") from error
        if not isinstance(entries, list):
            raise SourceError(f"{document.where} holds no JSON list but {type(entries).__name__}")
        for number, entry in enumerate(entries, 1):
            try:
                reading.rows.extend(make(entry))
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
                reading.problems.append(f"{document.name} entry {number}: {what}")
    return reading
