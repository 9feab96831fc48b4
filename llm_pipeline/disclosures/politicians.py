"""The table of politicians: which row a filer is, and a new row for a filer it does not know.

The table may be somebody else's, with ids of their type and rows of their making; found rows are matched
and left as they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from psycopg import Cursor

from llm_pipeline.db.bulk import as_jsonb_rows
from llm_pipeline.disclosures.identity import Person
from llm_pipeline.disclosures.names import name_key

_ROLES = {"Senate": "Senator", "House": "Representative"}
_CHAMBERS = {"senate": "Senate", "senator": "Senate", "house": "House", "representative": "House"}


def _chamber(chamber: str | None, role: str | None) -> str | None:
    return chamber or _CHAMBERS.get((role or "").strip().lower())


class PoliticianDirectory:
    """The politicians of a database, matched by bioguide, by our own id, then by chamber, name and state."""

    def __init__(self, cur: Cursor[Any]) -> None:
        self._by_id: set[str] = set()
        self._by_bioguide: dict[str, str] = {}
        self._by_name: dict[tuple[str | None, str, str | None], set[str]] = {}
        cur.execute(
            """SELECT id::text, bioguide_id, coalesce(nullif(full_name, ''), concat_ws(' ', first_name,
            last_name)),
                      state_or_country, chamber, role
               FROM politicians ORDER BY id::text"""
        )
        for identifier, bioguide, name, state, chamber, role in cur:
            self._remember(identifier, bioguide, _chamber(chamber, role), name_key(name), state)

    def _remember(
        self, identifier: str, bioguide: str | None, chamber: str | None, key: str, state: str | None
    ) -> None:
        self._by_id.add(identifier)
        if bioguide:
            self._by_bioguide.setdefault(bioguide.strip().upper(), identifier)
        if key:
            self._by_name.setdefault((chamber, key, state), set()).add(identifier)
            self._by_name.setdefault((chamber, key, None), set()).add(identifier)

    def find(self, person: Person) -> str | None:
        """The id of the person's row as text, or None. Two people of one name and state match neither."""
        if person.bioguide in self._by_bioguide:
            return self._by_bioguide[person.bioguide]
        if person.politician_id in self._by_id:
            return person.politician_id
        if person.bioguide:
            return None  # a person with another bioguide, or none on record, may only be a namesake
        named = self._by_name.get((person.chamber, person.name_key, person.state), set())
        return next(iter(named)) if len(named) == 1 else None

    def resolve(self, cur: Cursor[Any], people: Iterable[Person]) -> dict[str, str]:
        """{person key: politician id} for all people; those without a row get one."""
        found: dict[str, str] = {}
        fresh: dict[str, Person] = {}
        for person in people:
            identifier = self.find(person)
            if identifier is None and person.key not in fresh:
                fresh[person.key] = person
            found[person.key] = identifier or person.politician_id
        if fresh:
            self._insert(cur, fresh.values())
        return found

    def _insert(self, cur: Cursor[Any], people: Iterable[Person]) -> None:
        rows = []
        for person in people:
            rows.append(
                {
                    "id": person.politician_id,
                    "first_name": person.first_name,
                    "last_name": person.last_name,
                    "full_name": person.full_name,
                    "role": _ROLES.get(person.chamber or ""),
                    "state_or_country": person.state,
                    "district": person.district,
                    "bioguide_id": person.bioguide,
                    "chamber": person.chamber,
                }
            )
            self._remember(person.politician_id, person.bioguide, person.chamber, person.name_key, person.state)
        cur.execute(
            """INSERT INTO politicians (id, first_name, last_name, full_name, role, state_or_country,
            district,
                                        bioguide_id, chamber)
               SELECT id, first_name, last_name, full_name, role, state_or_country, district, bioguide_id,
               chamber FROM jsonb_populate_recordset(NULL::politicians, %s)""",
            (as_jsonb_rows(rows),),
        )
