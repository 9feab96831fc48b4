"""The runner: each file once, in order, all or nothing, from any number of processes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from llm_pipeline.db.connection import connect
from llm_pipeline.db.migrations import LOCK, TABLE, MigrationError, migrate, read_folder, status
from llm_pipeline.settings import project_folder

FILES = [migration.name for migration in read_folder(project_folder("sql"))]


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "sql"
    folder.mkdir()
    (folder / "0001_first.sql").write_text("CREATE TABLE first (n int);\nINSERT INTO first VALUES (1);\n")
    (folder / "0002_second.sql").write_text("CREATE TABLE second (n int);\n")
    return folder


def tables(url):
    with connect(url) as connection:
        rows = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        return [name for (name,) in rows if name != TABLE]


def test_an_empty_database_gets_every_file_once(empty_database_url):
    assert [applied.name for applied in migrate(empty_database_url)] == FILES
    assert migrate(empty_database_url) == []


def test_status_tells_what_is_applied_without_changing_anything(empty_database_url, folder):
    assert [s.applied_at for s in status(empty_database_url, folder)] == [None, None]
    assert tables(empty_database_url) == []
    migrate(empty_database_url, folder)
    assert all(s.applied_at.utcoffset().total_seconds() == 0 for s in status(empty_database_url, folder))


def test_four_at_once_apply_each_file_once(empty_database_url):
    with ThreadPoolExecutor(4) as threads:
        results = list(threads.map(migrate, [empty_database_url] * 4))
    assert sorted(applied.name for result in results for applied in result) == FILES


def test_a_runner_that_was_killed_leaves_no_lock(empty_database_url, folder):
    code = (
        "import sys, time; from llm_pipeline.db.connection import connect\n"
        "c = connect(sys.argv[1]); c.execute('SELECT pg_advisory_xact_lock(%s)', [int(sys.argv[2])])\n"
        "print('held', flush=True); time.sleep(600)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, empty_database_url, str(LOCK)], stdout=subprocess.PIPE)
    assert holder.stdout.readline() == b"held\n"
    with ThreadPoolExecutor(1) as threads:
        waiting = threads.submit(migrate, empty_database_url, folder)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.5)
        holder.kill()
        assert len(waiting.result(timeout=240)) == 2
    holder.wait()
    holder.stdout.close()


def test_an_edited_file_is_an_error_that_names_it(empty_database_url, folder):
    migrate(empty_database_url, folder)
    (folder / "0001_first.sql").write_text("CREATE TABLE other (n int);")
    for run in (migrate, status):
        with pytest.raises(MigrationError, match=r"0001_first\.sql was edited"):
            run(empty_database_url, folder)


def test_windows_line_ends_are_no_edit(empty_database_url, folder):
    migrate(empty_database_url, folder)
    path = folder / "0001_first.sql"
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert migrate(empty_database_url, folder) == []


def test_a_removed_or_renamed_file_is_an_error_that_names_it(empty_database_url, folder):
    migrate(empty_database_url, folder)
    (folder / "0002_second.sql").rename(folder / "0002_zweite.sql")
    with pytest.raises(MigrationError, match=r"0002_second\.sql was applied .* not in the folder"):
        migrate(empty_database_url, folder)


@pytest.mark.parametrize("name", ["0004_gap.sql", "0002_double.sql", "3_short.sql", "0003-dash.sql"])
def test_a_wrong_number_is_an_error_that_names_the_file(empty_database_url, folder, name):
    (folder / name).write_text("SELECT 1")
    with pytest.raises(MigrationError, match=f"{name[:4]}|0002_second"):
        migrate(empty_database_url, folder)
    assert tables(empty_database_url) == []


@pytest.mark.parametrize(
    ("bad", "line"),
    [
        ("SELEKT 1;", 6),
        ("SELECT 1,\n       nowhere;", 7),
        ("-- comment ; with 'quote\n\nSELECT 1 / 0;", 8),
        ("DO $$ BEGIN\n  RAISE EXCEPTION 'it;s bad';\nEND $$;", 6),
        ("CREATE TABLE first (n int);", 6),
        ("SELECT 'unclosed", 6),
    ],
)
def test_a_failing_file_rolls_back_and_says_file_and_line(empty_database_url, folder, bad, line):
    good = "CREATE TABLE third (n int); -- ok\n/* a ; in\n a comment */\nINSERT INTO third VALUES (1);\n\n"
    (folder / "0003_third.sql").write_text(good + bad)
    with pytest.raises(MigrationError, match=rf"0003_third\.sql line {line}: .*; nothing of it was applied"):
        migrate(empty_database_url, folder)
    assert tables(empty_database_url) == ["first", "second"]
    (folder / "0003_third.sql").write_text(good)
    assert [applied.version for applied in migrate(empty_database_url, folder)] == [3]


def test_a_percent_sign_and_a_dollar_body_are_taken_literally(empty_database_url, folder):
    (folder / "0003_third.sql").write_text(
        "CREATE FUNCTION f() RETURNS text LANGUAGE plpgsql AS $body$\n"
        "BEGIN RETURN 'a;b %s' || $$x;y$$; END $body$;\nCREATE TABLE \"odd;name\" (t text DEFAULT E'\\';');"
    )
    migrate(empty_database_url, folder)
    with connect(empty_database_url) as connection:
        assert connection.execute("SELECT f()").fetchone() == ("a;b %sx;y",)


def test_a_table_in_use_is_an_error_not_an_endless_wait(empty_database_url, folder, monkeypatch):
    monkeypatch.setattr("llm_pipeline.db.migrations.LOCK_TIMEOUT", "200ms")
    migrate(empty_database_url, folder)
    (folder / "0003_alter.sql").write_text("ALTER TABLE first ADD COLUMN more int;")
    with psycopg.connect(empty_database_url) as reader:
        reader.execute("SELECT * FROM first")
        with pytest.raises(MigrationError, match=r"0003_alter\.sql line 1: .*lock timeout"):
            migrate(empty_database_url, folder)
    assert len(migrate(empty_database_url, folder)) == 1


def test_an_older_copy_of_the_project_refuses_a_newer_database(empty_database_url, tmp_path):
    migrate(empty_database_url)
    older = tmp_path / "older"
    shutil.copytree(project_folder("sql"), older)
    (older / FILES[-1]).unlink()
    with pytest.raises(MigrationError, match="older version of the project"):
        migrate(empty_database_url, older)
