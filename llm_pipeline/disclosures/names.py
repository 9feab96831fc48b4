"""Filers' names: one readable spelling, and one key under which all spellings of a person meet.

Belongs here: titles, suffixes, case, commas. Does not belong here: the table of politicians.
"""

from __future__ import annotations

import re
import unicodedata

from llm_pipeline.disclosures.text import plain_text

_TITLES = frozenset(
    [
        "hon",
        "honorable",
        "mr",
        "mrs",
        "ms",
        "miss",
        "dr",
        "rep",
        "representative",
        "sen",
        "senator",
        "congressman",
        "congresswoman",
        "the",
        "md",
        "facs",
        "phd",
        "dds",
    ]
)
_SUFFIXES = {"jr": "Jr.", "sr": "Sr.", "ii": "II", "iii": "III", "iv": "IV", "v": "V"}
_PARTICLES = frozenset({"van", "von", "de", "del", "della", "la", "le", "st", "san", "da", "dos", "di"})


def _bare(token: str) -> str:
    return re.sub(r"[.,'’]", "", token).lower()


def _recased(word: str) -> str:
    """A word of an all-capitals name in reading case: McConnell, O'Brien, Smith-Jones."""
    cased = re.sub(r"[^\W\d_]+", lambda m: m.group().capitalize(), word.lower())
    return re.sub(r"\bMc([a-z])", lambda m: "Mc" + m.group(1).upper(), cased)


def split_full_name(text: str | None) -> tuple[str, str, str]:
    """(first names, last name, suffix) of a full name in natural order; titles and degrees are dropped."""
    words = [w.strip(",") for w in plain_text(text).replace(",", ", ").split()]
    words = [w for w in words if w and _bare(w) not in _TITLES]
    suffix = ""
    if len(words) > 2 and _bare(words[-1]) in _SUFFIXES:
        suffix = _SUFFIXES[_bare(words.pop())]
    if not words:
        return "", "", suffix
    cut = len(words) - 1
    while cut > 1 and _bare(words[cut - 1]) in _PARTICLES:
        cut -= 1
    return " ".join(words[:cut]), " ".join(words[cut:]), suffix


def tidy_name(first: str | None, last: str | None) -> tuple[str, str, str]:
    """(first, last, full) in reading case from the two name fields of a report.

    Stray commas and titles go, a suffix written into the last name ("Perdue , Jr") moves to the end of the
    full name, words in capitals are recased when the whole name is in capitals."""
    joined_last = plain_text(last).replace(",", " , ").split()
    suffix = ""
    tail: list[str] = []
    for word in joined_last:
        if word == ",":
            continue
        if tail and _bare(word) in _SUFFIXES:
            suffix = _SUFFIXES[_bare(word)]
        elif _bare(word) not in _TITLES:
            tail.append(word)
    head = [w.strip(",") for w in plain_text(first).split()]
    head = [w for w in head if w and _bare(w) not in _TITLES]
    if all(w == w.upper() for w in [*head, *tail]):
        head, tail = [_recased(w) for w in head], [_recased(w) for w in tail]
    first_name, last_name = " ".join(head), " ".join(tail)
    full = " ".join(part for part in (first_name, last_name) if part)
    return first_name, last_name, f"{full}, {suffix}" if suffix and full else full


def name_key(full_name: str | None) -> str:
    """The key of a person's name: "first last", ASCII, lower case, without titles, initials, middle names,
    suffix.

    Nicknames in brackets or quotes do not count. An initial is the first name only where nothing longer
    follows it ("A. Mitchell McConnell" is "mitchell mcconnell")."""
    text = re.sub(r"\([^)]*\)|\"[^\"]*\"|“[^”]*”", " ", plain_text(full_name))
    text = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    words = [re.sub(r"[^a-z]", "", w) for w in re.split(r"[\s,\-]+", text.lower().replace("'", ""))]
    words = [w for w in words if w and w not in _TITLES]
    while len(words) > 2 and words[-1] in _SUFFIXES:
        words.pop()
    if len(words) < 2:
        return " ".join(words)
    firsts, last = words[:-1], words[-1]
    first = next((w for w in firsts if len(w) > 1), firsts[0])
    return f"{first} {last}"
