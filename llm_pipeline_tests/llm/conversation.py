"""A small interrogation for tests: colours of balls, named by id, and what is needed to ask it."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.batch import BatchQuestion, Collected, collect_by_id
from llm_pipeline.llm.cache import AnswerCache
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation, ModelOptions
from llm_pipeline.llm.lake import Lake
from llm_pipeline.llm.prompts import parse_prompt
from llm_pipeline.llm.runner import BatchWork
from llm_pipeline.llm.schema import bind_ids
from llm_pipeline.settings import Settings

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)

TEMPLATE = b"""# Version: 1.2.3
# Service: ball_colours
SYSTEM:
You name the colours of balls. Answer as JSON: {{ schema_json }}
USER:
BEGIN UNTRUSTED DATA
{{ batch_json }}
END UNTRUSTED DATA
"""


class Ball(BaseModel):
    model_config = ConfigDict(extra="forbid")

    record_id: str = Field(max_length=64)
    colour: Literal["red", "green"]


class Balls(BaseModel):
    model_config = ConfigDict(extra="forbid")

    records: list[Ball] = Field(max_length=500)


def settings(home: Path, **given: Any) -> Settings:
    """Settings of a quick test: no pauses between tries. Timeouts bear a machine that stands still for a while."""
    quick: dict[str, Any] = {
        "llm_pipeline_home": home,
        "llm_backoff_s": 0.001,
        "llm_connect_timeout_s": 60.0,
        "llm_idle_timeout_s": 60.0,
        "llm_total_timeout_s": 120.0,
        "llm_num_ctx": 8192,
        "llm_num_predict": 2048,
    }
    return Settings(**(quick | given))


def interrogation(used: Settings, model: str = "scripted", **options: Any) -> Interrogation:
    template = parse_prompt(TEMPLATE, "ball_colours.txt")
    return Interrogation("ball_colours", template, Balls, model, ModelOptions.of(used))


def gateway(
    used: Settings,
    url: str,
    *,
    cache: AnswerCache | None = None,
    sleep: Callable[[float], Awaitable[None]] | None = None,
) -> Gateway:
    context = CallContext("ball_colours", dagster_run_id="run-1", asset_key="balls", partition_key="2026-03-04")
    more = {} if sleep is None else {"sleep": sleep}
    return Gateway(used, Lake(used.lake), base_url=url, context=context, clock=lambda: NOW, cache=cache, **more)


def build(asked: Interrogation) -> Callable[[Sequence[str]], BatchQuestion]:
    """The question for some ids."""

    def question(ids: Sequence[str]) -> BatchQuestion:
        records = [{"record_id": one, "text": f"ball {one}"} for one in ids]
        messages = asked.render(batch_json={"records": records})
        return BatchQuestion(messages, bind_ids(asked.schema, ids), {"ids": list(ids)})

    return question


def collect(answer: Balls, ids: Sequence[str]) -> Collected[Ball]:
    return collect_by_id(answer.records, ids, lambda ball: ball.record_id)


def work(asked: Interrogation) -> BatchWork[str, Ball]:
    """Items are their own ids."""
    return BatchWork(identify=lambda one: one, build=build(asked), collect=collect)


def ids_of(request: dict[str, Any]) -> list[str]:
    """The ids a request asks about, read from the fenced data as a model would."""
    user = next(m["content"] for m in request["messages"] if m["role"] == "user")
    found = re.search(r"^BEGIN UNTRUSTED DATA\n(.*)\nEND UNTRUSTED DATA$", user, re.MULTILINE)
    assert found
    return [record["record_id"] for record in json.loads(found[1])["records"]]


def good_text(ids: Sequence[str]) -> str:
    """The right answer: even last character red, odd green."""
    return json.dumps({"records": [{"record_id": one, "colour": colour_of(one)} for one in ids]})


def colour_of(one: str) -> str:
    return "red" if ord(one[-1]) % 2 == 0 else "green"
