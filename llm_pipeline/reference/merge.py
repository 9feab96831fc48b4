"""Writing a set of rows into a table so that rows which are the same already are not touched at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import Cursor, sql

from llm_pipeline.db.bulk import copy_into


@dataclass(frozen=True)
class Changes:
    """What a load did: rows new, rewritten, left alone, and ended or removed because the source says otherwise."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    ended: int = 0

    def __add__(self, other: Changes) -> Changes:
        return Changes(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.ended + other.ended,
        )

    @property
    def anything(self) -> bool:
        """Whether a row was written."""
        return bool(self.new or self.changed or self.ended)


def incoming(cur: Cursor[Any], table: str, columns: Sequence[str]) -> str:
    """Make an empty temporary table with these columns of a table; it goes with the transaction. Returns its name."""
    name = f"incoming_{table}"
    cur.execute(sql.SQL("DROP TABLE IF EXISTS pg_temp.{}").format(sql.Identifier(name)))
    cur.execute(
        sql.SQL("CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA").format(
            sql.Identifier(name), _names(columns), sql.Identifier(table)
        )
    )
    return name


def merge_incoming(
    cur: Cursor[Any], table: str, key: Sequence[str], values: Sequence[str], now: datetime | None
) -> Changes:
    """Bring the rows of `incoming_<table>` into the table: new keys are inserted, other values rewritten.

    An `ON CONFLICT DO UPDATE ... WHERE` alone would lock, and so write, every row that stays the same.
    """
    source, loaded = sql.Identifier(f"incoming_{table}"), [sql.Identifier("loaded_at")] if now else []
    cur.execute(sql.SQL("ANALYZE {}").format(source))
    cur.execute(sql.SQL("SELECT count(*) FROM {}").format(source))
    (total,) = cur.fetchone() or (0,)
    same_key = sql.SQL(" AND ").join(sql.SQL("s.{0} = i.{0}").format(sql.Identifier(name)) for name in key)
    columns = [sql.Identifier(name) for name in (*key, *values)]
    update = [sql.SQL("{0} = EXCLUDED.{0}").format(column) for column in (*columns[len(key) :], *loaded)]
    statement = sql.SQL(
        """WITH written AS (
               INSERT INTO {table} ({columns})
               SELECT {given} FROM {source} i LEFT JOIN {table} s ON {same_key}
               WHERE s.{first} IS NULL OR ({stored}) IS DISTINCT FROM ({new})
               ON CONFLICT ({key}) DO UPDATE SET {update}
               RETURNING xmax = 0 AS inserted)
           SELECT count(*) FILTER (WHERE inserted), count(*) FILTER (WHERE NOT inserted) FROM written"""
    ).format(
        table=sql.Identifier(table),
        source=source,
        columns=sql.SQL(", ").join([*columns, *loaded]),
        given=sql.SQL(", ").join(
            [*(sql.SQL("i.{}").format(column) for column in columns), *([sql.Placeholder()] if now else [])]
        ),
        same_key=same_key,
        first=columns[0],
        stored=sql.SQL(", ").join(sql.SQL("s.{}").format(column) for column in columns[len(key) :]),
        new=sql.SQL(", ").join(sql.SQL("i.{}").format(column) for column in columns[len(key) :]),
        key=_names(key),
        update=sql.SQL(", ").join(update),
    )
    cur.execute(statement, [now] if now else [])
    new, changed = cur.fetchone() or (0, 0)
    return Changes(new, changed, total - new - changed)


def merge_rows(
    cur: Cursor[Any],
    table: str,
    key: Sequence[str],
    values: Sequence[str],
    rows: Iterable[Sequence[Any]],
    now: datetime | None,
) -> Changes:
    """`merge_incoming` for rows in the order key, values. The caller holds a transaction."""
    name = incoming(cur, table, (*key, *values))
    copy_into(cur, name, (*key, *values), rows)
    return merge_incoming(cur, table, key, values, now)


def _names(columns: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))
