"""The table prompt_versions: every prompt ever used, one text a version, one active version a prompt."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import psycopg

from llm_pipeline.llm.prompts import PromptError, PromptTemplate

_ARCHIVE_OTHERS = """
UPDATE prompt_versions p SET status = 'archived'
FROM unnest(%(keys)s::text[], %(versions)s::text[]) AS g (interrogation, version)
WHERE p.interrogation = g.interrogation AND p.version <> g.version AND p.status = 'active'
"""

_ADD = """
INSERT INTO prompt_versions
    (interrogation, version, template_sha256, template, origin, status, created_at, activated_at)
SELECT g.interrogation, g.version, g.sha256, g.template, 'file', 'active', %(now)s, %(now)s
FROM unnest(%(keys)s::text[], %(versions)s::text[], %(hashes)s::text[], %(texts)s::text[])
    AS g (interrogation, version, sha256, template)
ON CONFLICT (interrogation, version) DO UPDATE SET status = 'active', activated_at = EXCLUDED.activated_at
WHERE prompt_versions.status <> 'active' AND prompt_versions.template_sha256 = EXCLUDED.template_sha256
"""

_CLASHES = """
SELECT p.interrogation, p.version, p.created_at
FROM prompt_versions p
JOIN unnest(%(keys)s::text[], %(versions)s::text[], %(hashes)s::text[]) AS g (interrogation, version, sha256)
    ON p.interrogation = g.interrogation AND p.version = g.version
WHERE p.template_sha256 <> g.sha256
ORDER BY p.interrogation
"""


class PromptVersionConflictError(PromptError):
    """A registered version has another text now."""


def register_prompts(conn: psycopg.Connection[Any], templates: Iterable[PromptTemplate], now: datetime) -> None:
    """Remember these templates and make them the active versions, in one (sub)transaction.

    Raises:
        PromptVersionConflictError: a version is registered with another text; nothing was changed.
    """
    given = list(templates)
    values = {
        "keys": [template.key for template in given],
        "versions": [template.version for template in given],
        "hashes": [template.sha256 for template in given],
        "texts": [template.text.replace("\x00", "\u2400") for template in given],
        "now": now,
    }
    with conn.transaction():
        clashes = conn.execute(_CLASHES, values).fetchall()
        if clashes:
            told = "; ".join(
                f"prompts/{key}.txt says version {version}, registered with another text on {at:%Y-%m-%d}"
                for key, version, at in clashes
            )
            raise PromptVersionConflictError(f"{told}. Raise its `# Version:` line.")
        conn.execute(_ARCHIVE_OTHERS, values)
        conn.execute(_ADD, values)
