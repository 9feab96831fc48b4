"""An SQL file is cut exactly where the server would cut it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.db.migrations import read_folder
from llm_pipeline.db.statements import split_statements
from llm_pipeline.settings import project_folder

WHOLE = [
    "SELECT 1",
    "SELECT 'a;b', 'it''s; -- no comment'",
    r"SELECT E'\';', e'a''b;'",
    'SELECT 1 AS "odd;""name"',
    "SELECT $$a;'b$$",
    "SELECT $t1$ $$;$$ $t2$; $t1$",
    "SELECT 1 -- comment; 'here\n + 1",
    "SELECT /* a; ' \n */ 1",
    "SELECT a$b, c$d$e FROM x",
    "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS $_$\nSELECT 1;\nSELECT 2;\n$_$",
]


@pytest.mark.parametrize("statement", WHOLE)
def test_a_semicolon_inside_something_does_not_cut(statement):
    assert [s.text for s in split_statements(f"{statement};\n{statement}")] == [statement] * 2


@given(st.lists(st.tuples(st.sampled_from(WHOLE), st.sampled_from([" ", "\n", "\n-- ; '\n", "/* ;\n */\n"]))))
def test_the_line_of_each_statement_is_right(parts):
    text = "".join(f"{gap}{statement};" for statement, gap in parts)
    found = split_statements(text)
    assert [s.text for s in found] == [statement for statement, _ in parts]
    for statement in found:
        assert statement.text.split("\n")[0] in text.split("\n")[statement.line - 1]


@pytest.mark.parametrize("text", ["", " \n", "-- only\n/* comments */", ";;\n;"])
def test_nothing_is_no_statement(text):
    assert split_statements(text) == []


def test_every_file_of_the_project_is_cut_into_statements_that_begin_with_a_verb():
    verbs = {"CREATE", "ALTER", "COMMENT", "DO", "GRANT", "REVOKE", "INSERT", "UPDATE", "DROP"}
    for migration in read_folder(project_folder("sql")):
        assert {s.text.split()[0] for s in split_statements(migration.text)} <= verbs, migration.name
