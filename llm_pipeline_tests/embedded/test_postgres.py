"""The embedded server is started, shared, killed, moved and stopped; no acknowledged row is ever lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from llm_pipeline.embedded import account, postgres
from llm_pipeline.embedded.endpoint import SOCKET, socket_folder
from llm_pipeline.embedded.errors import EmbeddedPostgresError
from llm_pipeline.embedded.postgres import EmbeddedPostgres
from llm_pipeline.embedded.postmaster import read_pid_file, serves
from llm_pipeline_tests.waiting import until

START = (
    "import sys, pathlib; from llm_pipeline.embedded.postgres import EmbeddedPostgres\n"
    "print(EmbeddedPostgres(pathlib.Path(sys.argv[1])).ensure().started)"
)


@pytest.fixture
def embedded(tmp_path):
    embedded = EmbeddedPostgres(tmp_path / "home")
    yield embedded
    embedded.stop()


def postmaster(embedded):
    return read_pid_file(embedded.data).pid


def kill_hard(pid):
    os.kill(pid, signal.SIGKILL)
    for child in postgres._children.values():
        if child.pid == pid:
            child.wait()


def start_elsewhere(embedded, **options):
    return subprocess.Popen([sys.executable, "-c", START, embedded.home], stdout=subprocess.PIPE, text=True, **options)


def test_it_starts_once_is_attached_to_and_stops(embedded):
    assert not embedded.is_running()
    assert embedded.stop() is False
    first, second = embedded.ensure(), embedded.ensure()
    assert (first.started, second.started) == (True, False)
    assert first.url == second.url
    with psycopg.connect(first.url) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("UTF8",)
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert connection.execute("SELECT current_database()").fetchone() == ("llm_pipeline",)
        assert connection.execute("SHOW data_checksums").fetchone() == ("on",)
    assert embedded.stop() is True
    assert not embedded.is_running()
    assert embedded.stop() is False


def test_a_block_stops_the_server_only_if_it_started_it(embedded):
    with embedded.running():
        with embedded.running():
            pass
        assert embedded.is_running()
    assert not embedded.is_running()


def test_four_processes_starting_at_once_give_one_server(embedded):
    starters = [start_elsewhere(embedded) for _ in range(4)]
    started = [starter.communicate(timeout=240)[0].strip() for starter in starters]
    assert sorted(started) == ["False", "False", "False", "True"]
    assert embedded.log.read_text().count("starting PostgreSQL") == 1


def test_the_server_outlives_its_starter_and_anybody_may_stop_it(embedded):
    assert start_elsewhere(embedded).communicate(timeout=240)[0] == "True\n"
    assert embedded.ensure().started is False
    assert embedded.stop() is True


def test_two_homes_are_two_installations(embedded, tmp_path):
    other = EmbeddedPostgres(tmp_path / "other")
    with embedded.running() as first, other.running() as second:
        with psycopg.connect(first, autocommit=True) as connection:
            connection.execute("CREATE TABLE mine (n int)")
        with psycopg.connect(second) as connection:
            assert connection.execute("SELECT to_regclass('mine')").fetchone() == (None,)


def test_no_acknowledged_row_is_lost_when_the_server_is_killed_under_writes(embedded):
    url = embedded.ensure().url
    acknowledged: list[int] = []
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE written (n int)")

    def write(worker):
        with psycopg.connect(url, autocommit=True) as connection:
            for number in range(worker, 10**9, 3):
                try:
                    connection.execute("INSERT INTO written VALUES (%s)", [number])
                except psycopg.OperationalError:
                    return
                acknowledged.append(number)

    for _ in range(2):
        threads = [threading.Thread(target=write, args=[len(acknowledged) + worker]) for worker in range(3)]
        before = len(acknowledged)
        for thread in threads:
            thread.start()
        until(lambda goal=before + 300: len(acknowledged) >= goal)
        kill_hard(postmaster(embedded))
        assert embedded.ensure().started is True
        for thread in threads:
            thread.join()
        with psycopg.connect(url) as connection:
            kept = {number for (number,) in connection.execute("SELECT n FROM written")}
        assert set(acknowledged) - kept == set()


def test_a_pid_file_whose_number_now_belongs_to_a_stranger_does_not_matter(embedded):
    embedded.ensure()
    kill_hard(postmaster(embedded))
    stranger = subprocess.Popen(["sleep", "900"])
    path = embedded.data / "postmaster.pid"
    path.write_text("\n".join([str(stranger.pid), *path.read_text().split("\n")[1:]]))
    assert embedded.stop() is False
    assert stranger.poll() is None
    assert embedded.ensure().started is True
    assert embedded.stop() is True
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_zombie_is_not_a_server(embedded):
    """The incident guarded against: a killed server, not yet reaped, looked alive; its address was dead."""
    embedded.ensure()
    pid = postmaster(embedded)
    os.kill(pid, signal.SIGKILL)
    until(lambda: not serves(pid, embedded.data))
    assert embedded.ensure().started is True


@pytest.mark.parametrize("moment", [0.05, 0.2, 0.4, 0.6, 0.8])
def test_a_starter_killed_at_any_moment_leaves_nothing_that_blocks_the_next(embedded, moment):
    starter = start_elsewhere(embedded, start_new_session=True)
    time.sleep(moment)
    os.killpg(starter.pid, signal.SIGKILL)
    starter.communicate()
    with psycopg.connect(embedded.ensure().url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_killed_initdb_leaves_no_half_made_data(embedded):
    left = embedded.home / "postgres.init-0000"
    left.mkdir(parents=True)
    (left / "PG_VERSION").write_text("18\n")
    assert embedded.ensure().started is True
    assert not left.exists()


@pytest.mark.parametrize("name", ["x" * 120, "a b,c 'é% ;{{"])
def test_a_long_or_odd_path_is_no_obstacle(tmp_path, name):
    embedded = EmbeddedPostgres(tmp_path / name)
    with embedded.running() as url:
        with psycopg.connect(url) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        folder = socket_folder(embedded.data)
        assert folder != embedded.data
        assert folder.stat().st_mode & 0o777 == 0o700
        assert (folder / SOCKET).exists()
    assert not folder.exists()


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path):
    embedded = EmbeddedPostgres(tmp_path / ("y" * 120))
    folder = socket_folder(embedded.data)
    folder.mkdir(mode=0o755)
    try:
        with pytest.raises(EmbeddedPostgresError, match=r"not a private folder .* shorter LLM_PIPELINE_HOME"):
            embedded.ensure()
    finally:
        folder.rmdir()


def test_a_symbolic_link_to_the_home_is_the_same_installation(embedded, tmp_path):
    embedded.ensure()
    (tmp_path / "link").symlink_to(embedded.home)
    assert EmbeddedPostgres(tmp_path / "link").ensure().started is False


def test_data_of_another_version_are_refused_with_what_to_do(embedded):
    embedded.data.mkdir(parents=True)
    (embedded.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(EmbeddedPostgresError, match="made by PostgreSQL 16, the installed one is 18: move"):
        embedded.ensure()


def test_a_folder_with_something_else_in_it_is_left_alone(embedded):
    embedded.data.mkdir(parents=True)
    (embedded.data / "diary.txt").write_text("mine")
    with pytest.raises(EmbeddedPostgresError, match="not a PostgreSQL data folder: move it away"):
        embedded.ensure()
    assert (embedded.data / "diary.txt").read_text() == "mine"


def test_a_home_that_cannot_be_written_is_an_error_that_says_so(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddedPostgresError, match=r"cannot write to .*file.* set LLM_PIPELINE_HOME"):
        EmbeddedPostgres(tmp_path / "file" / "home").ensure()


def test_a_server_that_cannot_start_shows_its_own_words(embedded):
    with embedded.running():
        pass
    (embedded.data / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedPostgresError, match=r"did not start .*no_such_setting"):
        embedded.ensure()


def test_a_foreign_pgdata_in_the_environment_does_not_matter(embedded, monkeypatch):
    monkeypatch.setenv("PGDATA", "/nowhere")
    monkeypatch.setenv("PGPORT", "1")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert embedded.ensure().started is True
    assert (socket_folder(embedded.data) / SOCKET).exists()  # elsewhere than in the data folder for a long path


def test_a_full_start_and_stop_by_threads_of_one_process(embedded):
    with ThreadPoolExecutor(4) as threads:
        attached = list(threads.map(lambda _: embedded.ensure(), range(8)))
    assert [a.started for a in attached].count(True) == 1


as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it is about what root may do")


@as_root
def test_root_without_user_namespaces_uses_setpriv_and_may_change_back(embedded, monkeypatch):
    with embedded.running() as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    namespace = account.server_account()
    if namespace.prefix != account.NAMESPACE or not account._works(account.CAPABILITY):
        pytest.skip("this machine offers only one of unshare and setpriv")
    monkeypatch.setattr(postgres, "server_account", lambda: account.Account(account.CAPABILITY, account.NOBODY))
    with embedded.running() as url, psycopg.connect(url, autocommit=True) as connection:
        assert embedded.data.stat().st_uid == account.NOBODY
        connection.execute("INSERT INTO kept VALUES (1)")
    monkeypatch.setattr(postgres, "server_account", lambda: namespace)
    with embedded.running() as url, psycopg.connect(url) as connection:
        assert embedded.data.stat().st_uid == 0
        assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


@as_root
def test_an_ordinary_user_runs_it_directly(tmp_path):
    """As user 65534, in a folder of its own; Python and the project must be readable by others."""
    drop = ["setpriv", f"--reuid={account.NOBODY}", f"--regid={account.NOBODY}", "--clear-groups"]
    if subprocess.run([*drop, sys.executable, "-c", "import llm_pipeline"], check=False).returncode != 0:
        pytest.skip("setpriv is missing, or an ordinary user cannot read this Python environment")
    with subprocess.Popen(["mktemp", "-d", "/tmp/llm-pipeline-nobody-XXXX"], stdout=subprocess.PIPE, text=True) as made:
        home = made.communicate()[0].strip()
    os.chown(home, account.NOBODY, account.NOBODY)
    code = (
        "import os, sys, pathlib; from llm_pipeline.embedded.postgres import EmbeddedPostgres\n"
        "e = EmbeddedPostgres(pathlib.Path(sys.argv[1]) / 'home')\n"
        "with e.running(): print(os.geteuid(), e.data.stat().st_uid, e.is_running())"
    )
    done = subprocess.run([*drop, sys.executable, "-c", code, home], capture_output=True, text=True, check=False)
    subprocess.run(["rm", "-rf", home], check=True)
    assert (done.stdout, done.stderr) == ("65534 65534 True\n", "")


@as_root
def test_root_changes_nothing_outside_the_home(embedded, tmp_path):
    tmp_path.chmod(0o700)
    embedded.ensure()
    assert tmp_path.stat().st_mode & 0o777 == 0o700
    assert embedded.data.stat().st_uid == 0
