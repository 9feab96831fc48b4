"""Calls that are made together, where one that fails for good ends all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def together() -> AsyncIterator[asyncio.TaskGroup]:
    """A task group whose first error is raised itself, not in a group: it made the group cancel the other tasks.

    Callers then name the errors they know (the database went away, nothing can be asked) as from a plain call.
    """
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from errors
