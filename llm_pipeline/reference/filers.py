"""Which legislator a filer is, by name; pure. Two people whom nothing tells apart are nobody."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta

from llm_pipeline.disclosures.names import name_key
from llm_pipeline.reference.records import Legislator

REPORTS_AFTER_LEAVING = timedelta(days=366)
"""A member who leaves still reports: a last transaction report within 45 days, and amendments after that."""
COMMON_LETTERS = 3

_SHORT_FORMS = (
    "andrew andy drew",
    "anthony tony",
    "christopher chris",
    "daniel dan",
    "deborah debbie",
    "donald don",
    "edward ed ted",
    "elizabeth liz beth",
    "james jim",
    "john jack johnny",
    "joseph joe",
    "lawrence larry",
    "margaret maggie peggy",
    "michael mike",
    "patricia pat patty",
    "richard rick dick",
    "robert bob rob",
    "theodore ted",
    "thomas tom",
    "timothy tim",
    "william bill will",
)


def _alike(one: str, other: str) -> bool:
    """Whether two given names may be one person's: the same beginning, or a usual short form."""
    if len(one) >= COMMON_LETTERS and one[:COMMON_LETTERS] == other[:COMMON_LETTERS]:
        return True
    return any({one, other} <= set(forms.split()) for forms in _SHORT_FORMS)


def _given_names(name: str) -> set[str]:
    """All words of a name but the last, nicknames in brackets included, without initials."""
    words = re.findall(r"[^\W\d_]{2,}", name.casefold())
    return set(words) - {name_key(name).rpartition(" ")[2]}


class FilerIndex:
    """Legislators by the key of each of their names."""

    def __init__(self, legislators: Iterable[Legislator]) -> None:
        self._by_id: dict[str, Legislator] = {}
        self._by_name: dict[str, set[str]] = defaultdict(set)
        self._by_last_name: dict[str, set[str]] = defaultdict(set)
        for legislator in legislators:
            self._by_id[legislator.bioguide] = legislator
            for name in (legislator.full_name, *legislator.other_names):
                key = name_key(name)
                self._by_name[key].add(legislator.bioguide)
                self._by_last_name[key.rpartition(" ")[2]].add(legislator.bioguide)

    def knows(self, bioguide: str) -> bool:
        """Whether it is the id of one of them."""
        return bioguide in self._by_id

    def find(
        self, name: str, *, chamber: str | None = None, state: str | None = None, day: date | None = None
    ) -> str | None:
        """The bioguide id of the only legislator of this name among those whom chamber, state and day allow.

        With a day also the only one of this last name with a given name that is alike ("Mitchell" and "Mitch",
        "William" and "Bill").

        day: a day on which the filer reported or traded; who was not in office then, or within a year before, is
        left out. Facts not given do not count.
        """
        key = name_key(name)
        if not key:
            return None
        found = self._allowed(self._by_name.get(key, set()), chamber, state, day)
        if not found and day is not None:
            namesakes = self._allowed(self._by_last_name.get(key.rpartition(" ")[2], set()), chamber, state, day)
            found = {bioguide for bioguide in namesakes if self._given_name_fits(bioguide, name)}
        return next(iter(found)) if len(found) == 1 else None

    def _given_name_fits(self, bioguide: str, name: str) -> bool:
        legislator = self._by_id[bioguide]
        known = set().union(*map(_given_names, (legislator.full_name, *legislator.other_names)))
        return any(_alike(one, other) for one in _given_names(name) for other in known)

    def _allowed(self, bioguides: set[str], chamber: str | None, state: str | None, day: date | None) -> set[str]:
        return {
            bioguide
            for bioguide in bioguides
            if any(
                (chamber is None or term.chamber == chamber)
                and (state is None or term.state == state)
                and (day is None or term.start <= day <= term.end + REPORTS_AFTER_LEAVING)
                for term in self._by_id[bioguide].terms
            )
        }
