"""What the gateway itself costs, measured in a process of its own: processor time, and memory over 800 calls."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from llm_pipeline_tests.llm.conversation import good_text, ids_of
from llm_pipeline_tests.llm.scripted_server import Steps, answer, scripted_server

ROOT = Path(__file__).resolve().parents[2]
MEASURE = """
import asyncio, json, resource, sys, time
from pathlib import Path
from llm_pipeline.llm.runner import run_batches
from llm_pipeline_tests.llm.conversation import gateway, interrogation, settings, work

async def run(count):
    used = settings(Path(sys.argv[2]))
    asked, answered = interrogation(used), 0
    batches = [[f"{b:04}-aaaa-bbbb-cccc-{i:012}" for i in range(25)] for b in range(count)]
    async with gateway(used, sys.argv[1]) as open_gateway:
        async for outcome in run_batches(open_gateway, asked, batches, work(asked)):
            answered += len(outcome.answers)
    assert answered == 25 * count

def peak_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

asyncio.run(run(2))
started = time.process_time()
asyncio.run(run(40))
seconds = time.process_time() - started
asyncio.run(run(100))
before = peak_kb()
asyncio.run(run(800))
print(json.dumps({"seconds_of_40": seconds, "growth_kb": peak_kb() - before}))
"""


def measure(home: Path) -> dict[str, Any]:
    def play(request: dict[str, Any], _: int) -> Steps:
        server.calls.clear()
        return answer(good_text(ids_of(request)), pieces=8)

    with scripted_server(play) as server:
        command = [sys.executable, "-c", MEASURE, server.url, str(home)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return json.loads(run.stdout)


def test_40_calls_cost_little_processor_time_and_800_no_more_memory(tmp_path: Path) -> None:
    cost = measure(tmp_path)
    assert cost["seconds_of_40"] < 0.5, "0.17 to 0.18 s were measured on two shared cores"
    assert cost["growth_kb"] < 12_000, "800 batches hold 20,000 ids of their own, some 3 MB"
