"""Source text to plain text: HTML, entities, control characters and form footers taken away.

Belongs here: what is true of every text field of every source. What a field means is decided elsewhere; the
raw text is kept beside whatever these functions return."""

from __future__ import annotations

import html
import re

_SCRIPT = re.compile(r"(?is)<(script|style)\b.*?</\1\s*>|<!--.*?-->")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")
_SPACES = re.compile(r"\s+")

# C0 and C1 controls, zero-width and bidirectional marks, BOM and lone surrogates: invisible in a report,
# and able to break a write (NUL) or to make two equal names differ.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)

# What text extraction of the Clerk's form drags into the last field of a row: the check-box glyphs (font
# letters "gfedc", "nmlkj"), then the next row's label or the page's header and footer.
_FOOTER = re.compile(
    r"gfedc|nmlkj|FS\s*:\s*New|filing\s*status\s*:|sub\s*holding\s*of\s*:|filing\s*id\s*#|id\s*owner\s*asset"
    r"|\*\s*for\s*the\s*complete\s*list|digitally\s*signed\s*:",
    re.IGNORECASE,
)


def drop_invisible(text: str) -> str:
    """The text without control characters, zero-width marks and lone surrogates; line ends become spaces."""
    return _INVISIBLE.sub("", text)


def plain_text(markup: str | None) -> str:
    """One line of readable text from a cell that may hold HTML: tags become spaces, entities characters."""
    if not markup:
        return ""
    text = drop_invisible(markup)
    if "<" in text:
        text = _TAG.sub(" ", _SCRIPT.sub(" ", text))
    for _ in range(2):  # the Senate's pages escape some names twice: "S&amp;amp;P 500"
        if "&" in text:
            text = drop_invisible(html.unescape(text))
    return _SPACES.sub(" ", text).strip()


def without_footer(text: str) -> str:
    """The text up to where the form's own footer or the next row's label was glued to it."""
    found = _FOOTER.search(text)
    return text[: found.start()].rstrip() if found else text


def field_text(cell: str | None) -> str | None:
    """A field as filed, readable: plain text without footer; None where the source says nothing ("", "--",
    "N/A")."""
    text = without_footer(plain_text(cell))
    return None if text.lower() in {"", "--", "-", "n/a", "none", "null"} else text
