"""Calls made together: what one of them raises is what the caller sees."""

from __future__ import annotations

import asyncio

import pytest

from llm_pipeline.llm.together import together


def test_the_first_error_is_raised_itself_and_the_others_are_cancelled() -> None:
    ended: list[str] = []

    async def waits() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def fails() -> None:
        raise LookupError("gone")

    async def both() -> None:
        async with together() as group:
            group.create_task(waits())
            group.create_task(fails())

    with pytest.raises(LookupError, match="gone"):
        asyncio.run(both())
    assert ended == ["cancelled"]


def test_a_caller_that_is_cancelled_is_cancelled_and_no_error() -> None:
    async def stopped() -> None:
        async def run() -> None:
            async with together() as group:
                group.create_task(asyncio.Event().wait())

        task = asyncio.create_task(run())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(stopped())
