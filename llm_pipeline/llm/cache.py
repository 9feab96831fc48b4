"""Exact answers from before: an identical question to the identical model is never paid twice.

The key is the SHA-256 of: the model's digest (not its name, which can be pulled anew), interrogation and
prompt version, every message, the schema, and the options with their first seed. The prompt version is in
the key although the messages hold the whole prompt, so that raising a version asks anew. Nothing is
normalised: one other byte is another question. Without a digest there is no key and no caching.

The store is llm_audit_trail itself: the newest row of that key with status `ok` that was not itself from the
cache. Its answer passes the same checks as one that just arrived. `retry` and re-ask answers are stored
under the question's key, so a question that needed two calls needs none next time.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg_pool import AsyncConnectionPool

from llm_pipeline.hashing import hash_of
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.prompts import Messages

log = logging.getLogger(__name__)

_LOOKUP = """
SELECT DISTINCT ON (cache_key) cache_key, id::text, raw_response, model_used, input_tokens, output_tokens,
       request_artifact_id::text, response_artifact_id::text
FROM llm_audit_trail
WHERE cache_key = ANY(%s) AND status IN ('ok', 'ungrounded') AND NOT cache_hit AND raw_response IS NOT NULL
ORDER BY cache_key, created_at DESC
"""


@dataclass(frozen=True)
class CachedAnswer:
    """An earlier answer: the audit row it came from, its words, and where its exact bytes are."""

    audit_id: str
    raw_response: str
    model_used: str
    input_tokens: int | None = None
    output_tokens: int | None = None
    request_artifact_id: str | None = None
    response_artifact_id: str | None = None


def cache_key(
    digest: str | None,
    interrogation: Interrogation,
    messages: Messages,
    schema_sha256: str,
    options: Mapping[str, Any],
) -> str | None:
    """The key of a question, None when the model's digest is unknown."""
    if not digest:
        return None
    return hash_of(
        {
            "digest": digest,
            "interrogation": interrogation.key,
            "prompt_version": interrogation.version,
            "messages": messages,
            "schema": schema_sha256,
            "options": {name: str(value) for name, value in options.items()},
        }
    )


def lookup(conn: psycopg.Connection[Any], keys: Sequence[str]) -> dict[str, CachedAnswer]:
    """The newest good answer for each key that has one, in one statement."""
    return _found(conn.execute(_LOOKUP, (list(keys),)).fetchall())


async def lookup_async(conn: psycopg.AsyncConnection[Any], keys: Sequence[str]) -> dict[str, CachedAnswer]:
    """As `lookup`, on an async connection."""
    return _found(await (await conn.execute(_LOOKUP, (list(keys),))).fetchall())


def _found(rows: Iterable[Any]) -> dict[str, CachedAnswer]:
    return {key: CachedAnswer(*rest) for key, *rest in rows}


Lookup = Callable[[Sequence[str]], Mapping[str, CachedAnswer] | Awaitable[Mapping[str, CachedAnswer]]]


class AnswerCache:
    """What a gateway asks before it calls: answers fetched together beforehand, others one by one.

    An answer (or the fact that there is none) is handed out once and then forgotten, so memory stays flat.
    """

    def __init__(self, find: Lookup) -> None:
        self._lookup = find
        self._known: dict[str, CachedAnswer | None] = {}

    async def preload(self, keys: Iterable[str | None]) -> int:
        """Fetch the answers of many questions in one statement; how many there are."""
        wanted = [key for key in dict.fromkeys(keys) if key]
        if not wanted:
            return 0
        answers = await self._fetch(wanted)
        self._known.update({key: answers.get(key) for key in wanted})
        return len(answers)

    async def find(self, key: str) -> CachedAnswer | None:
        """The answer of one question, None when there is none."""
        if key in self._known:
            return self._known.pop(key)
        return (await self._fetch([key])).get(key)

    async def _fetch(self, keys: Sequence[str]) -> Mapping[str, CachedAnswer]:
        try:
            found = self._lookup(keys)
            return await found if inspect.isawaitable(found) else found
        except psycopg.Error as error:  # without the database the question is asked anew
            log.warning("no cached answers, the lookup failed: %s", error)
            return {}


def pool_cache(pool: AsyncConnectionPool[Any]) -> AnswerCache:
    """The answers in the database of a pool that is, or will be, open."""

    async def find(keys: Sequence[str]) -> dict[str, CachedAnswer]:
        async with pool.connection() as conn:
            return await lookup_async(conn, keys)

    return AnswerCache(find)
