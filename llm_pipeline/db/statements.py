"""Cuts an SQL file into statements, each with its line, so that an error can name the line it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What a semicolon may hide in. Order matters: the first alternative that matches at a place wins. Not known
# here: nested block comments and functions with a BEGIN ATOMIC body; the migrations use neither.
TOKEN = re.compile(
    r"""
      --[^\n]*                                   # comment to the end of the line
    | /\*.*?\*/                                  # block comment
    | (?<![A-Za-z0-9_$])[eE]'(?:[^'\\]|\\.|'')*' # string with backslash escapes
    | '(?:[^']|'')*'                             # string
    | "(?:[^"]|"")*"                             # quoted name
    | (?<![A-Za-z0-9_$])\$(?P<tag>[A-Za-z_][A-Za-z0-9_]*)?\$.*?\$(?(tag)(?P=tag))\$   # dollar-quoted string
    | ;
    """,
    re.VERBOSE | re.DOTALL,
)
BLANK = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*", re.DOTALL)


@dataclass(frozen=True)
class Statement:
    """One statement without leading blanks and comments; `line` counts from 1 in the file."""

    text: str
    line: int


def split_statements(text: str) -> list[Statement]:
    """The statements of a file in order; joined, they hold everything but semicolons and leading comments."""
    statements = []
    start = 0
    ends = [match.start() for match in TOKEN.finditer(text) if match[0] == ";"]
    for end in [*ends, len(text)]:
        blank = BLANK.match(text, start, end)
        begin = blank.end() if blank else start
        if begin < end:
            statements.append(Statement(text[begin:end].rstrip(), text.count("\n", 0, begin) + 1))
        start = end + 1
    return statements
