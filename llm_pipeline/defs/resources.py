"""Wiring of resources and the executor; nothing about what they do."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import dagster as dg
from psycopg import Connection
from psycopg_pool import AsyncConnectionPool
from pydantic import Field

from llm_pipeline.db.connection import async_pool, connect, resolve_url
from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.cache import pool_cache
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.open_gateway import open_gateway
from llm_pipeline.settings import Settings, load_settings

MODEL_POOL = "ollama"


class PostgresResource(dg.ConfigurableResource):
    """The database: `DATABASE_URL`, or else the embedded PostgreSQL. The address never appears in the UI."""

    @contextmanager
    def connect(self) -> Iterator[Connection[Any]]:
        """A connection whose transaction is committed at the end, or rolled back on an error."""
        with connect(resolve_url(load_settings())) as conn:
            yield conn

    def pool(self, size: int) -> AsyncConnectionPool:
        """An unopened pool of up to `size` connections."""
        return async_pool(resolve_url(load_settings()), size)


class OllamaResource(dg.ConfigurableResource):
    """Calls models: the server at `OLLAMA_BASE_URL`, or else the bundled offline-rules model.

    Every field left at its default takes the environment's setting; the API key comes from the environment alone.
    """

    base_url: str = Field(default="", description="Ollama server; empty: OLLAMA_BASE_URL, or the offline-rules model")
    validation_model: str = Field(default="", description="empty: LLM_VALIDATION_MODEL")
    concurrency: int = Field(default=0, description="model calls in flight; 0: LLM_CONCURRENCY")

    def settings(self) -> Settings:
        """The environment's settings with this resource's overrides."""
        overrides: dict[str, Any] = {
            "ollama_base_url": self.base_url or None,
            "llm_validation_model": self.validation_model or None,
            "llm_concurrency": self.concurrency or None,
        }
        return load_settings().model_copy(update={k: v for k, v in overrides.items() if v is not None})

    @asynccontextmanager
    async def gateway(self, context: CallContext, pool: AsyncConnectionPool) -> AsyncIterator[Gateway]:
        """The gateway, with its server reachable while the context is open; the pool's database is its cache."""

        async with open_gateway(self.settings(), context, cache=pool_cache(pool)) as gateway:
            yield gateway


@dg.definitions
def resources() -> dg.Definitions:
    """Resources by the names under which assets ask for them.

    In-process execution: a step process costs about 3 s of imports, and the work waits for HTTP and SQL anyway.
    """
    return dg.Definitions(
        resources={"postgres": PostgresResource(), "ollama": OllamaResource()},
        executor=dg.in_process_executor,
    )
