"""Schemas kept to what servers enforce, in the contracts of this project too."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import date
from typing import Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel, ConfigDict, Field

import llm_pipeline
from llm_pipeline.llm.schema import UnsafeSchemaError, bind_constant, bind_ids, json_schema
from llm_pipeline.llm.unsafe_schema import unsafe_features
from llm_pipeline_tests.llm.conversation import Balls


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str = Field(max_length=20)
    default: Literal["a", "b"]
    on: date
    score: int = Field(ge=0, le=10)
    remark: str | None = Field(max_length=100)


class Safe(BaseModel):
    model_config = ConfigDict(extra="forbid")

    inner: list[Inner] = Field(max_length=5)


def contracts() -> list[type[BaseModel]]:
    """Every model defined in a module called `contract`."""
    found = []
    for module in pkgutil.walk_packages(llm_pipeline.__path__, "llm_pipeline."):
        if module.name.endswith(".contract"):
            loaded = importlib.import_module(module.name)
            found += [
                value
                for value in vars(loaded).values()
                if isinstance(value, type)
                and issubclass(value, BaseModel)
                and value.__module__ == module.name
                and value.model_fields
            ]
    return found


def test_every_contract_of_the_project_stays_inside_the_enforced_subset() -> None:
    for contract in [*contracts(), Safe, Balls]:
        json_schema(contract)


def test_fields_called_title_or_default_survive_the_removal_of_such_keywords() -> None:
    schema = json_schema(Safe)
    assert list(schema["$defs"]["Inner"]["properties"]) == ["title", "default", "on", "score", "remark"]
    assert "title" not in schema
    assert "title" not in schema["$defs"]["Inner"]["properties"]["score"]


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "what"),
    [
        (_object(a={"type": "number", "minimum": 0}), "number"),
        (_object(a={"type": "integer"}), "minimum"),
        (_object(a={"type": "integer", "minimum": -5, "maximum": -1}), "minimum"),
        (_object(a={"type": "integer", "minimum": 0, "maximum": 9, "multipleOf": 3}), "multipleOf"),
        (_object(a={"type": "string"}), "maxLength"),
        (_object(a={"type": "string", "maxLength": 2000}), "maxLength"),
        (_object(a={"type": "string", "format": "email"}), "format"),
        (_object(a={"type": "string", "pattern": "[A-Z]+"}), "anchored"),
        (_object(a={"type": "string", "pattern": r"^\d+$"}), "write the class out"),
        (_object(a={"type": "string", "pattern": "^(?=a)a$"}), "lookaround"),
        (_object(a={"type": "string", "pattern": "^.$"}), "raw quote"),
        (_object(a={"type": "string", "pattern": "^[^a]$"}), "raw quote"),
        (_object(a={"type": "array", "items": {"type": "null"}}), "maxItems"),
        (_object(a={"type": "array", "maxItems": 0, "items": {"type": "null"}}), "maxItems"),
        (_object(a={"type": "array", "maxItems": 3}), "needs items"),
        (
            _object(a={"type": "array", "maxItems": 3, "items": {"type": "null"}, "uniqueItems": True}),
            "unique",
        ),
        (_object(a={}), "no type"),
        (_object(a=True), "true, false"),
        (_object(a={"enum": ['quote"d']}), "escapes"),
        (_object(a={"enum": [str(n) for n in range(501)]}), "501"),
        (_object(a={"enum": [[1]]}), "empty list"),
        (_object(a={"$ref": "#/$defs/X"}), "points to nothing"),
        (_object(a={"$ref": "#/$defs/X", "minimum": 3}) | {"$defs": {"X": {"type": "null"}}}, "beside"),
        (_object(a={"not": {"type": "null"}, "type": "null"}), "`not`"),
        (_object(a={"type": "string", "maxLength": 3, "nullable": True}), "nullable"),
        ({"type": "object", "properties": {"a": {"type": "null"}}}, "optional"),
        (_object(a={"type": "null"}) | {"additionalProperties": True}, "additionalProperties"),
        (_object(a={"type": "null"}) | {"required": ["a", "b"]}, "'b'"),
        ({"type": "array", "maxItems": 3, "items": {"type": "null"}}, "top level"),
        (_object(a={"anyOf": [{"type": "string"}, {"type": "null"}]}), "anyOf/0"),
        ("object", "must be an object"),
    ],
)
def test_what_servers_ignore_or_refuse_is_found_wherever_it_hides(schema: Any, what: str) -> None:
    deep = _object(x={"type": "array", "maxItems": 2, "items": schema})
    for walked in (schema, deep) if what != "top level" and not isinstance(schema, str) else (schema,):
        assert any(what in one for one in unsafe_features(walked)), unsafe_features(walked)


def test_an_unsafe_contract_is_refused_with_the_place() -> None:
    class Loose(BaseModel):
        share: float

    with pytest.raises(UnsafeSchemaError, match=r"Loose.*#/properties/share"):
        json_schema(Loose)


def test_bound_ids_leave_the_contracts_schema_alone_and_stay_safe() -> None:
    schema = json_schema(Balls)
    before = repr(schema)
    bound = bind_ids(schema, ["a", "b"])
    assert repr(schema) == before
    assert unsafe_features(bound) == []
    good = {"records": [{"record_id": "a", "colour": "red"}, {"record_id": "b", "colour": "red"}]}
    jsonschema.validate(good, bound)
    foreign = {"records": [*good["records"][:1], {"record_id": "c", "colour": "red"}]}
    for bad in ({"records": good["records"][:1]}, foreign):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, bound)


def test_ids_that_would_disarm_an_old_server_are_not_bound() -> None:
    bound = bind_ids(json_schema(Balls), ['quote"d'])
    assert bound["$defs"]["Ball"]["properties"]["record_id"] == {"maxLength": 64, "type": "string"}
    assert bound["properties"]["records"]["minItems"] == 1


def test_a_constant_can_be_bound() -> None:
    schema = bind_constant(_object(batch_id={"type": "string", "maxLength": 9}), "batch_id", "b-1")
    assert schema["properties"]["batch_id"] == {"type": "string", "enum": ["b-1"]}
    with pytest.raises(KeyError):
        bind_constant(schema, "other", "x")


def test_an_empty_list_can_be_said_as_an_enum_and_not_as_a_length():
    assert unsafe_features(_object(a={"enum": [[]]})) == []
    assert unsafe_features(_object(a={"type": "array", "maxItems": 0, "items": {"type": "null"}})) != []
