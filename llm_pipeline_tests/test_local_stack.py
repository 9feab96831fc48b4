"""Running everything on one machine: the UI as a child, ports, the folder of Dagster's own state."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import dagster as dg
import httpx
import pytest
from dagster import DagsterExecutionInterruptedError, raise_execution_interrupts

from llm_pipeline import local_stack
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline.settings import PROJECT_ROOT, load_settings
from llm_pipeline_tests.commands import SCRIPT

START_TIMEOUT_S = 300.0


@pytest.fixture
def home():
    folder = Path(tempfile.mkdtemp(prefix="llm-pipeline-up-"))
    yield folder
    EmbeddedPostgres(folder).stop()
    shutil.rmtree(folder, ignore_errors=True)


def alive_with(text):
    """Command lines of living processes whose environment holds a text (Linux) or whose arguments do."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if text.encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:120])
        except OSError:
            continue
    return found


def wait_for_ui(port, child):
    end = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < end:
        assert child.poll() is None, "the command ended before the UI answered"
        try:
            return httpx.get(f"http://{local_stack.LOOPBACK}:{port}/server_info", timeout=60)
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError(f"the UI did not answer within {START_TIMEOUT_S:.0f} s")


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finding every process of a command needs /proc")
def test_up_serves_the_ui_on_loopback_and_sigterm_ends_all_of_it(home, tmp_path):
    port = local_stack.free_port(24500)  # below the ports that outgoing connections are given
    log = tmp_path / "up.log"
    with log.open("wb") as out:
        child = subprocess.Popen(
            [SCRIPT, "up", "--port", str(port)],
            env={**os.environ, "LLM_PIPELINE_HOME": str(home)}, stdout=out, stderr=out,
        )  # fmt: skip
    try:
        answer = wait_for_ui(port, child)
        assert answer.json()["dagster_version"].startswith("1.13.")
        with socket.socket() as probe:  # on loopback only
            probe.settimeout(1)
            outside = socket.gethostbyname(socket.gethostname())
            assert outside.startswith("127.") or probe.connect_ex((outside, port)) != 0
        assert EmbeddedPostgres(home).is_running()
        assert len(alive_with(str(home))) > 4
    finally:
        child.send_signal(signal.SIGTERM)
        code = child.wait(timeout=240)
    assert code == 0
    assert alive_with(str(home)) == []
    assert not EmbeddedPostgres(home).is_running()
    said = log.read_text()
    assert f"Dagster UI: http://127.0.0.1:{port}" in said
    assert "superseded" not in said


def test_the_next_port_is_taken_when_the_wanted_one_is_not_free():
    with socket.socket() as taken:
        taken.bind((local_stack.LOOPBACK, 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert local_stack.free_port(port) > port
        with pytest.raises(local_stack.PortTakenError, match="say another with --port"):
            local_stack.free_port(port, tries=1)


class Told:
    """Is told to stop while it is destroyed: nothing that is raised then gets any further."""

    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.2)


@pytest.mark.parametrize("handling", [nullcontext, raise_execution_interrupts], ids=["ours", "Dagster's"])
def test_sigterm_unwinds_a_block_also_when_it_comes_inside_a_destructor(handling):
    def work():
        with local_stack.orderly_end(), handling():
            Told()
            time.sleep(60)

    before = signal.getsignal(signal.SIGTERM), sys.unraisablehook
    with pytest.raises((SystemExit, DagsterExecutionInterruptedError)):
        work()
    assert (signal.getsignal(signal.SIGTERM), sys.unraisablehook) == before


def test_dagsters_home_uses_the_projects_one_configuration():
    settings = load_settings()
    link = local_stack.dagster_home(settings) / "dagster.yaml"
    assert link.resolve() == PROJECT_ROOT / "dagster.yaml"
    link.unlink()
    link.write_text("storage: {}")
    assert (local_stack.dagster_home(settings) / "dagster.yaml").resolve() == PROJECT_ROOT / "dagster.yaml"


def test_dagster_yaml_loads_and_limits_model_steps_to_one_at_a_time(monkeypatch, database_url):
    monkeypatch.setenv("DATABASE_URL", database_url)
    with dg.DagsterInstance.from_config(str(PROJECT_ROOT)) as instance:
        assert not instance.telemetry_enabled
        assert instance.run_retries_max_retries == 1
        assert not instance.run_retries_retry_on_asset_or_op_failure
        assert instance.run_monitoring_enabled
        pools = instance.get_concurrency_config().pool_config
        assert (pools.default_pool_limit, pools.pool_granularity.value) == (1, "op")
