"""What the gateway itself costs, measured in a process of its own: memory over 800 calls."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from llm_pipeline_tests.llm.conversation import good_text, ids_of
from llm_pipeline_tests.llm.scripted_server import Steps, answer, scripted_server

ROOT = Path(__file__).resolve().parents[2]
MEASURE = """
import asyncio, resource, sys
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
asyncio.run(run(100))
before = peak_kb()
asyncio.run(run(800))
print(peak_kb() - before)
"""


def growth_kb(home: Path) -> int:
    def play(request: dict[str, Any], _: int) -> Steps:
        server.calls.clear()
        return answer(good_text(ids_of(request)), pieces=8)

    with scripted_server(play) as server:
        command = [sys.executable, "-c", MEASURE, server.url, str(home)]
        run = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return int(run.stdout)


def test_800_calls_take_no_more_memory_than_100(tmp_path: Path) -> None:
    assert growth_kb(tmp_path) < 12_000, "800 batches hold 20,000 ids of their own, some 3 MB"
