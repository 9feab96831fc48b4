"""Moving many rows at once, and making any text storable.

PostgreSQL's text and jsonb cannot hold a NUL character, and UTF-8 cannot carry a lone surrogate; filers'
documents contain both. Such characters are replaced, visibly, on the way in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

SYMBOL_FOR_NUL = "\u2400"
REPLACEMENT = "\ufffd"
SURROGATE = re.compile("[\ud800-\udfff]")


def clean_text(text: str) -> str:
    """The text with NUL as U+2400 and every lone surrogate as U+FFFD; anything else unchanged."""
    return SURROGATE.sub(REPLACEMENT, text.replace("\x00", SYMBOL_FOR_NUL))


def clean_json(value: Any) -> Any:
    """The value with `clean_text` applied to all text in it, keys too; tuples become lists."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return {clean_json(key): clean_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [clean_json(item) for item in value]
    return value


def _encode(value: Any) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    raise TypeError(f"{type(value).__name__} cannot be written to the database as JSON: {value!r}")


def json_text(value: Any) -> str:
    """JSON text of a value that PostgreSQL's jsonb takes: cleaned; dates, decimals and UUIDs as strings.

    Raises:
        TypeError: the value holds something else that JSON cannot express.
        ValueError: it holds a NaN or an infinity.
    """
    return json.dumps(clean_json(value), default=_encode, ensure_ascii=False, allow_nan=False)


def as_jsonb_rows(rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as JSON text for `jsonb_populate_recordset(NULL::<table>, %s)`, which casts each value to the
    column's type.

    So one statement writes into tables whose columns have other types than ours (uuid or text ids, and so
    on).
    """
    return json_text(list(rows))


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, Mapping):
        return Jsonb(value, dumps=json_text)
    if isinstance(value, list | tuple):
        return [_storable(item) for item in value]
    return value


def copy_into(cursor: psycopg.Cursor[Any], table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """COPY rows into a table (`name` or `schema.name`); returns how many.

    Text is cleaned. Mappings are written as JSON; lists as arrays, so wrap a list in `Jsonb(value,
    dumps=json_text)` where the column is jsonb.
    """
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    count = 0
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row([_storable(value) for value in row])
            count += 1
    return count
