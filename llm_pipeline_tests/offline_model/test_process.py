"""The server as a process: it is there at once, and never outlives the process that started it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import httpx
import pytest

from llm_pipeline.offline_model.api import Behaviour
from llm_pipeline.offline_model.faults import Fault, FaultPlan
from llm_pipeline.offline_model.process import OfflineModelStartError, running, start, stop
from llm_pipeline_tests.offline_model.asking import ask
from llm_pipeline_tests.waiting import until

PARENT = """
import sys, time
from llm_pipeline.offline_model.process import start
child, url = start()
sys.stdout.write(f"{{child.pid}} {{url}}\\n")
sys.stdout.flush()
{middle}
time.sleep(600)
"""


def alive(url: str) -> bool:
    try:
        return httpx.get(f"{url}/api/version", timeout=60, trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def test_it_answers_when_the_block_begins_and_is_gone_when_it_ends():
    with running() as url:
        assert ask(url).status_code == 200
    assert not alive(url)


def test_latency_slots_faults_and_control_reach_the_process():
    plan = FaultPlan((Fault("http_503", first_calls=1),))
    with running(latency_ms=50, slots=1, faults=plan, control=True) as url:
        assert [ask(url).status_code for _ in range(2)] == [503, 200]
        assert httpx.post(f"{url}/offline/faults", json=[], trust_env=False).status_code == 200


def test_two_can_run_side_by_side():
    with running() as one, running() as two:
        assert one != two
        assert alive(one)
        assert alive(two)


@pytest.mark.parametrize("middle", ["", "import os; os.fork()"], ids=["alone", "while a fork holds the pipe open"])
def test_kill_minus_nine_of_the_parent_leaks_nothing(middle):
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(middle=middle)], stdout=subprocess.PIPE, start_new_session=True
    )
    assert parent.stdout is not None
    _, url = parent.stdout.readline().decode().split()
    assert alive(url)
    parent.kill()
    parent.wait()
    try:
        until(lambda: not alive(url))
    finally:
        os.killpg(parent.pid, signal.SIGKILL) if middle else None
        parent.stdout.close()


def test_ctrl_c_of_the_terminal_leaves_it_to_its_parent():
    child, url = start()
    try:
        assert os.getpgid(child.pid) != os.getpgid(0)
        assert alive(url)
    finally:
        stop(child)
    assert child.returncode == 0


def test_a_taken_port_is_told_and_nothing_is_left_running():
    with running() as url:
        port = int(url.rpartition(":")[2])
        with pytest.raises(OfflineModelStartError, match=r"cannot listen on 127.0.0.1"):
            start(port=port)


def test_wrong_values_are_refused_before_anything_starts():
    with pytest.raises(ValueError, match="slots"):
        Behaviour(slots=0)
    with pytest.raises(ValueError, match="latency_ms"):
        Behaviour(latency_ms=-1)


def test_wrong_arguments_exit_with_two_and_say_why():
    done = subprocess.run(
        [sys.executable, "-m", "llm_pipeline.offline_model", "--faults", '[{"kind": "meteor"}]'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "unknown fault kind 'meteor'" in done.stderr


def test_starting_it_imports_nothing_heavy():
    script = "import sys, llm_pipeline.offline_model.__main__; print(' '.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"dagster", "pandas", "httpx", "pydantic", "starlette", "uvicorn", "psycopg"} & set(loaded)
