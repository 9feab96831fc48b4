"""The table prompt_versions: every prompt text there is, one text a version, one active version a prompt.

The active version in the database is what production asks with. A file `prompts/<key>.txt` only brings a version in: as
the active one where there is none yet (a new installation), else as a candidate that waits for its activation
(`llm_pipeline/prompt_registry`). Only of a prompt that nothing examines is the file's version always the active one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, LiteralString

import psycopg

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.llm.prompts import PromptError, PromptTemplate, parse_prompt

Origin = Literal["file", "recommendation", "variant"]

ONE_AT_A_TIME: LiteralString = "SELECT pg_advisory_xact_lock(hashtext('prompt_versions'))"
"""Versions are added and activated one after the other; held until the transaction ends."""

_ADD: LiteralString = """
WITH given AS (
    SELECT g.*, NOT EXISTS (SELECT FROM prompt_versions p
                            WHERE p.interrogation = g.interrogation AND p.status = 'active') AS first
    FROM unnest(%(keys)s::text[], %(versions)s::text[], %(hashes)s::text[], %(texts)s::text[])
        AS g (interrogation, version, sha256, template)
), added AS (
    INSERT INTO prompt_versions
        (interrogation, version, template_sha256, template, origin, status, created_at, activated_at)
    SELECT interrogation, version, sha256, template, 'file', CASE WHEN first THEN 'active' ELSE 'candidate' END,
        %(now)s, CASE WHEN first THEN %(now)s::timestamptz END
    FROM given
    ON CONFLICT (interrogation, version) DO UPDATE SET status = 'active', activated_at = EXCLUDED.activated_at
        WHERE EXCLUDED.status = 'active'
    RETURNING interrogation, version, status
)
INSERT INTO prompt_activations (interrogation, version, previous_version, kind, activated_at, activated_by, why)
SELECT a.interrogation, a.version, before.version, CASE WHEN before.version IS NULL THEN 'bootstrap' ELSE 'file' END,
    %(now)s, 'installation', CASE WHEN before.version IS NULL THEN 'the first version of this installation'
                                  ELSE 'the version of the file: nothing examines this prompt' END
FROM added a
LEFT JOIN LATERAL (SELECT version FROM prompt_activations b WHERE b.interrogation = a.interrogation
                   ORDER BY seq DESC LIMIT 1) before ON true
WHERE a.status = 'active'
"""

_ARCHIVE_OTHERS: LiteralString = """
UPDATE prompt_versions p SET status = 'archived'
FROM unnest(%(keys)s::text[], %(versions)s::text[]) AS g (interrogation, version)
WHERE p.interrogation = g.interrogation AND p.version <> g.version AND p.status = 'active'
"""

_CLASHES: LiteralString = """
SELECT p.interrogation, p.version, p.created_at
FROM prompt_versions p
JOIN unnest(%(keys)s::text[], %(versions)s::text[], %(hashes)s::text[]) AS g (interrogation, version, sha256)
    ON p.interrogation = g.interrogation AND p.version = g.version
WHERE p.template_sha256 <> g.sha256
ORDER BY p.interrogation
"""

_ADD_CANDIDATE: LiteralString = """
INSERT INTO prompt_versions
    (interrogation, version, template_sha256, template, origin, status, created_at, created_by, why, recommendation_id)
VALUES (%s, %s, %s, %s, %s, 'candidate', %s, %s, %s, %s)
"""

_NUMBERS: LiteralString = "SELECT version FROM prompt_versions WHERE interrogation = %s"

_TEXT: LiteralString = "SELECT template, template_sha256 FROM prompt_versions WHERE interrogation = %s"

_WAITING: LiteralString = """
SELECT version FROM prompt_versions
WHERE interrogation = %s AND status = 'candidate'
  AND string_to_array(version, '.')::numeric[] > string_to_array(%s, '.')::numeric[]
ORDER BY string_to_array(version, '.')::numeric[] DESC LIMIT 1
"""


class PromptVersionConflictError(PromptError):
    """A registered version has another text now."""


class UnknownPromptError(PromptError):
    """The registry has no such prompt, version or active version; the message says what it has."""


class VersionOrderError(PromptError):
    """A new version is not higher than every registered one of its prompt."""


@dataclass(frozen=True)
class CandidateVersion:
    """A version that was added and waits for its evaluation and activation."""

    interrogation: str
    version: str
    sha256: str


def register_prompts(
    conn: psycopg.Connection[Any], templates: Iterable[PromptTemplate], now: datetime, *, examined: bool = True
) -> None:
    """Bring in the versions of files, in one (sub)transaction: unknown ones as candidates, or as the active version
    of a prompt that has none.

    Args:
        examined: False for prompts that no labelled set examines, so that no version of theirs could ever be shown to
            be no worse: then the version of the file is the active one, and its activation is on record as such.

    Raises:
        PromptVersionConflictError: a version is registered with another text; nothing was changed.
    """
    given = list(templates)
    values = _values(given) | {"now": now}
    with conn.transaction():
        conn.execute(ONE_AT_A_TIME)
        _refuse_clashes(conn, values)
        if not examined:
            conn.execute(_ARCHIVE_OTHERS, values)
        conn.execute(_ADD, values)


def add_candidate(
    conn: psycopg.Connection[Any],
    template_text: str,
    *,
    origin: Origin,
    by: str,
    why: str,
    now: datetime,
    recommendation_id: str | None = None,
) -> CandidateVersion:
    """Register a template's text as a candidate; production goes on with the active version.

    Args:
        template_text: a whole template, its header naming the prompt and a version higher than every registered one
            (see `next_version` and `with_version`).
        recommendation_id: of the approved recommendation that it carries out.

    Raises:
        PromptError: the text is no usable template.
        PromptVersionConflictError: the version is registered, with this or another text.
        VersionOrderError: a registered version is higher.
    """
    template = template_of(template_text)
    with conn.transaction():
        conn.execute(ONE_AT_A_TIME)
        known = [version for (version,) in conn.execute(_NUMBERS, [template.key])]
        if template.version in known:
            raise PromptVersionConflictError(
                f"{template.key} has a version {template.version} already. Raise the `# Version:` line."
            )
        highest = max(known, key=number_of, default=None)
        if highest is not None and number_of(template.version) < number_of(highest):
            raise VersionOrderError(
                f"version {template.version} of {template.key} is below {highest}, which is registered. "
                "Raise the `# Version:` line."
            )
        told = [template.sha256, template.text, origin, now, by, why, recommendation_id]
        conn.execute(_ADD_CANDIDATE, [template.key, template.version, *told])
    return CandidateVersion(template.key, template.version, template.sha256)


def active_template(conn: psycopg.Connection[Any], key: str) -> PromptTemplate:
    """The template that production asks with.

    Raises:
        UnknownPromptError: the prompt has no active version (`register_prompts` gives it its first).
        PromptError: the stored text is not what was registered.
    """
    return _stored(conn.execute(_TEXT + " AND status = 'active'", [key]).fetchone(), key, "active version")


async def active_template_async(conn: psycopg.AsyncConnection[Any], key: str) -> PromptTemplate:
    """As `active_template`, on an async connection."""
    found = await conn.execute(_TEXT + " AND status = 'active'", [key])
    return _stored(await found.fetchone(), key, "active version")


def stored_template(conn: psycopg.Connection[Any], key: str, version: str) -> PromptTemplate:
    """The template of one version.

    Raises:
        UnknownPromptError: there is no such version.
        PromptError: the stored text is not what was registered.
    """
    return _stored(conn.execute(_TEXT + " AND version = %s", [key, version]).fetchone(), key, f"version {version}")


def waiting_version(conn: psycopg.Connection[Any], key: str, version: str) -> str | None:
    """The highest candidate above a version, None where none waits."""
    row = conn.execute(_WAITING, [key, version]).fetchone()
    return row[0] if row else None


def next_version(conn: psycopg.Connection[Any], key: str) -> str:
    """A free version: the highest registered one with its second number raised, as 1.4.2 to 1.5.0.

    Raises:
        UnknownPromptError: no version of the prompt is registered.
    """
    known = [version for (version,) in conn.execute(_NUMBERS, [key])]
    if not known:
        raise UnknownPromptError(f"no version of {key} is registered")
    major, minor, _ = max(map(number_of, known))
    return f"{major}.{minor + 1}.0"


def with_version(template_text: str, version: str) -> str:
    """The text with another version in its header.

    Raises:
        PromptError: the text is no usable template.
    """
    template_of(template_text)
    return re.sub(r"(# Version: *)[0-9.]+", rf"\g<1>{version}", template_text, count=1)


def template_of(text: str) -> PromptTemplate:
    """A template from its text alone; its header names the prompt.

    Raises:
        PromptError: the text is no usable template.
    """
    key = next((line[len("# Service:") :].strip() for line in text.splitlines()[:2] if "# Service:" in line), "text")
    return parse_prompt(text.encode("utf-8", "surrogatepass"), f"{key}.txt")


def number_of(version: str) -> tuple[int, int, int]:
    """A version's three numbers, to compare by."""
    major, minor, patch = (int(part) for part in version.split("."))
    return major, minor, patch


def _values(templates: list[PromptTemplate]) -> dict[str, list[str]]:
    return {
        "keys": [template.key for template in templates],
        "versions": [template.version for template in templates],
        "hashes": [template.sha256 for template in templates],
        "texts": [template.text for template in templates],
    }


def _refuse_clashes(conn: psycopg.Connection[Any], values: dict[str, Any]) -> None:
    clashes = conn.execute(_CLASHES, values).fetchall()
    if clashes:
        told = "; ".join(
            f"prompts/{key}.txt says version {version}, registered with another text on {at:%Y-%m-%d}"
            for key, version, at in clashes
        )
        raise PromptVersionConflictError(f"{told}. Raise its `# Version:` line.")


def _stored(row: Any, key: str, what: str) -> PromptTemplate:
    if row is None:
        raise UnknownPromptError(f"the registry has no {what} of {key}; `llm-pipeline prompts list` shows what it has")
    text, sha256 = row
    if sha256_hex(text.encode()) != sha256:
        raise PromptError(f"the stored {what} of {key} is not the text that was registered: its SHA-256 differs")
    return parse_prompt(text.encode(), f"{key}.txt")
