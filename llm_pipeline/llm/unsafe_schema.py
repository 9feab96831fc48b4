"""Finding the parts of a JSON Schema that a model server ignores, refuses or crashes on. Pure.

The rules are measurements (25 seeds on Ollama 0.32.15, 15 on 0.5.4, random weights), not the JSON Schema
standard.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

MAX_ITEMS = 500
MAX_LENGTH = 1000
MAX_ENUM = 500

_FORMATS = frozenset({"date", "date-time", "time", "uuid"})
_HARMLESS = frozenset({"title", "description", "default", "examples", "$schema", "$id", "$comment"})
_STRUCTURE = frozenset(
    {"type", "properties", "required", "additionalProperties", "items", "$ref", "$defs", "definitions"}
)
_CHOICE = frozenset({"enum", "const", "anyOf", "oneOf", "allOf", "discriminator"})
_SIZES = frozenset({"minItems", "maxItems", "minLength", "maxLength"})
_BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_KNOWN = _HARMLESS | _STRUCTURE | _CHOICE | _SIZES | _BOUNDS | {"format", "pattern"}
_CLASS_ESCAPE = re.compile(r"\\[dDwWsSbBpP]")


def unsafe_features(schema: Any) -> list[str]:
    """Every feature outside the enforced subset, as `path: what`; empty when the schema is safe to send."""
    if not isinstance(schema, dict):
        return ["#: a schema must be an object"]
    found = list(_walk(schema, "#", schema))
    if schema.get("type") != "object" and "$ref" not in schema:
        found.insert(0, "#: the top level must be an object")
    return found


def _walk(node: Any, path: str, root: Mapping[str, Any]) -> Iterator[str]:
    if not isinstance(node, dict):
        yield f"{path}: true, false or a non-object is refused as a schema"
        return
    for key in sorted(node.keys() - _KNOWN):
        yield f"{path}: `{key}` is ignored"
    for name in ("$defs", "definitions"):
        for key, value in node.get(name, {}).items():
            yield from _walk(value, f"{path}/{name}/{key}", root)
    if "$ref" in node:
        yield from _reference(node, path, root)
    elif "enum" in node or "const" in node:
        yield from _values(node, path)
    elif branches := [key for key in ("anyOf", "oneOf", "allOf") if key in node]:
        for key in branches:
            for number, branch in enumerate(node[key]):
                yield from _walk(branch, f"{path}/{key}/{number}", root)
    else:
        yield from _typed(node, path, root)


def _reference(node: Mapping[str, Any], path: str, root: Mapping[str, Any]) -> Iterator[str]:
    beside = sorted(node.keys() - _HARMLESS - {"$ref", "$defs", "definitions"})
    if beside:
        yield f"{path}: {', '.join(beside)} beside $ref is ignored"
    parts = str(node["$ref"]).split("/")
    if len(parts) != 3 or parts[0] != "#" or parts[1] not in ("$defs", "definitions"):
        yield f"{path}: $ref must point into #/$defs"
    elif parts[2] not in root.get(parts[1], {}):
        yield f"{path}: $ref {node['$ref']} points to nothing"


def _values(node: Mapping[str, Any], path: str) -> Iterator[str]:
    values = node["enum"] if "enum" in node else [node["const"]]
    if not isinstance(values, list) or not values:
        yield f"{path}: an enum needs values"
        return
    if len(values) > MAX_ENUM:
        yield f"{path}: an enum of {len(values)} values is dropped by 0.5.4 (most: {MAX_ENUM})"
    for value in values:
        if isinstance(value, str) and (not value.isprintable() or set(value) & set('"\\')):
            yield f"{path}: the enum value {value!r} needs escapes, 0.5.4 then drops the grammar"
        elif value != [] and isinstance(value, float | list | dict):  # [] says "empty": `maxItems: 0` drops the grammar
            yield f"{path}: the enum value {value!r} is not a text, integer, boolean, null or empty list"


def _typed(node: Mapping[str, Any], path: str, root: Mapping[str, Any]) -> Iterator[str]:
    kinds = node.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        match kind:
            case "object":
                yield from _object(node, path, root)
            case "array":
                yield from _array(node, path, root)
            case "string":
                yield from _string(node, path)
            case "integer":
                yield from _integer(node, path)
            case "number":
                yield f"{path}: bounds of a number are ignored; use a scaled integer"
            case "boolean" | "null":
                pass
            case None:
                yield f"{path}: no type, so any value passes"
            case _:
                yield f"{path}: unknown type {kind!r}"


def _object(node: Mapping[str, Any], path: str, root: Mapping[str, Any]) -> Iterator[str]:
    properties, required = node.get("properties", {}), node.get("required", [])
    if not properties:
        yield f"{path}: an object needs named properties"
    if node.get("additionalProperties", False) is not False:
        yield f"{path}: additionalProperties lets any key through"
    for name in properties:
        if name not in required:
            yield f"{path}/properties/{name}: optional fields are left out; require it and allow null"
    for name in required:
        if name not in properties:
            yield f"{path}: the required field {name!r} is not among the properties and is ignored"
    for name, value in properties.items():
        yield from _walk(value, f"{path}/properties/{name}", root)


def _array(node: Mapping[str, Any], path: str, root: Mapping[str, Any]) -> Iterator[str]:
    most = node.get("maxItems")
    if not isinstance(most, int) or not 1 <= most <= MAX_ITEMS:
        yield f"{path}: maxItems must be 1 to {MAX_ITEMS}, it is {most}"
    if "items" in node:
        yield from _walk(node["items"], f"{path}/items", root)
    else:
        yield f"{path}: an array needs items"


def _string(node: Mapping[str, Any], path: str) -> Iterator[str]:
    kind, pattern, most = node.get("format"), node.get("pattern"), node.get("maxLength")
    if kind is not None and kind not in _FORMATS:
        yield f"{path}: format {kind} is ignored"
    if pattern is not None:
        yield from (f"{path}: pattern {pattern!r} {why}" for why in _pattern_faults(str(pattern)))
    elif kind is None and (not isinstance(most, int) or not 0 < most <= MAX_LENGTH):
        yield f"{path}: maxLength must be 1 to {MAX_LENGTH}, it is {most}"


def _integer(node: Mapping[str, Any], path: str) -> Iterator[str]:
    low = node.get("minimum", node.get("exclusiveMinimum"))
    high = node.get("maximum", node.get("exclusiveMaximum"))
    if not isinstance(low, int) or low < 0:
        yield f"{path}: an integer needs a minimum of 0 or more (below 0 JSON may break), it is {low}"
    if not isinstance(high, int) or high < 0:
        yield f"{path}: an integer needs a maximum, it is {high}"


def _pattern_faults(pattern: str) -> Iterator[str]:
    if not (pattern.startswith("^") and pattern.endswith("$")):
        yield "must be anchored with ^ and $"
    if _CLASS_ESCAPE.search(pattern):
        yield r"uses \d, \w, \s or alike: write the class out, as [0-9]"
    if "(?" in pattern:
        yield "uses lookaround or flags, which kill an old server"
    bare = re.sub(r"\\.", "", pattern)
    if "." in bare or "[^" in bare or '"' in bare:
        yield "lets a raw quote through (dot, negated class or quote)"
    if not pattern.isascii():
        yield "is not ASCII"
