"""JSON Schemas of answers, kept to what Ollama's grammar really enforces. Pure.

Measured on 0.5.4 and 0.32: everything outside this subset is ignored silently, refused, or kills the server.
Enforced: objects whose fields are all required, enums, bounded non-negative integers, strings with
`maxLength` up to 1,000, ISO dates, arrays with `maxItems` up to 500, `X | None`, anchored ASCII patterns
with explicit classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel

from llm_pipeline.llm.unsafe_schema import MAX_ENUM, MAX_ITEMS, unsafe_features

Schema = dict[str, Any]


class UnsafeSchemaError(ValueError):
    """A contract uses schema features that a server does not enforce; the message names them."""


def json_schema(contract: type[BaseModel]) -> Schema:
    """The schema of a contract as it is sent: titles and defaults removed, order of fields kept.

    Raises:
        UnsafeSchemaError: the contract leaves the subset that servers enforce.
    """
    schema = _lean(contract.model_json_schema())
    if problems := unsafe_features(schema):
        raise UnsafeSchemaError(f"the contract {contract.__name__} is not enforceable: " + "; ".join(problems))
    return schema


def bind_ids(schema: Schema, ids: Sequence[str], *, array: str = "records", field: str = "record_id") -> Schema:
    """The schema for one call: exactly `len(ids)` entries, each `field` one of `ids`.

    Each id exactly once cannot be said in the enforced subset; `runner.py` checks that. Ids with quotes,
    backslashes or control characters are left to that check too: 0.5.4 drops the whole grammar for such an
    enum.

    Args:
        array: name of the top-level array.
        field: name of the id in its entries.

    Raises:
        KeyError: the schema has no such array or field.
        ValueError: no ids, or more than a grammar takes (500).
    """
    if not 0 < len(ids) <= MAX_ITEMS:
        raise ValueError(f"a call asks for 1 to {MAX_ITEMS} entries, not {len(ids)}")
    entries = {**schema["properties"][array], "minItems": len(ids), "maxItems": len(ids)}
    bound = {**schema, "properties": {**schema["properties"], array: entries}}
    name = entries["items"].get("$ref", "").removeprefix("#/$defs/")
    entry = schema["$defs"][name] if name else entries["items"]
    known = entry["properties"][field]
    if all(_plain(one) for one in ids):
        known = {"type": "string", "enum": list(ids)}
    entry = {**entry, "properties": {**entry["properties"], field: known}}
    if name:
        bound["$defs"] = {**schema["$defs"], name: entry}
    else:
        entries["items"] = entry
    return bound


def bind_constant(schema: Schema, field: str, value: str) -> Schema:
    """The schema for one call in which a top-level text field can only be `value`.

    Raises:
        KeyError: the schema has no such field.
    """
    if field not in schema["properties"]:
        raise KeyError(field)
    if not _plain(value):
        return schema
    return {
        **schema,
        "properties": {**schema["properties"], field: {"type": "string", "enum": [value]}},
    }


def bind_choice(schema: Schema, definition: str, field: str, values: Sequence[str]) -> Schema:
    """The schema for one call in which a field of a nested object, a text or a list of texts, holds only `values`.

    Values that a grammar does not take (see `bind_ids`) leave the field as it is; the caller checks the answer anyway.

    Args:
        definition: name of the nested object's model.

    Raises:
        KeyError: the schema has no such object or field.
    """
    nested = schema["$defs"][definition]
    known = nested["properties"][field]
    if not 0 < len(values) <= MAX_ENUM or not all(_plain(one) for one in values):
        return schema
    one_of: Schema = {"type": "string", "enum": list(values)}
    bound = {**known, "items": one_of} if known.get("type") == "array" else one_of
    properties = {**nested["properties"], field: bound}
    return {**schema, "$defs": {**schema["$defs"], definition: {**nested, "properties": properties}}}


def _plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and not set(text) & set("\"'\\")


def _lean(node: Any, names: bool = False) -> Any:
    """Without titles and defaults; `names`: the keys of this object are field names, not keywords."""
    if isinstance(node, list):
        return [_lean(item) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: value
        if key in ("enum", "const") and not names
        else _lean(value, key in ("properties", "$defs") and not names)
        for key, value in node.items()
        if names or key not in ("title", "default")
    }
