"""A model's words against the contract. Pure."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from llm_pipeline.llm.answer_text import answer_json
from llm_pipeline.llm.errors import SchemaInvalid

Answer = TypeVar("Answer", bound=BaseModel)
SHOWN_ERRORS = 10


def validated(text: str, contract: type[Answer]) -> Answer:
    """The answer in a model's text.

    Raises:
        NotJson, Refusal: there is no JSON object in it.
        SchemaInvalid: it breaks the contract; the message is fit to be shown to the model.
    """
    found = answer_json(text)
    try:
        return contract.model_validate_json(found)
    except ValidationError as error:
        told = [f"- {'.'.join(map(str, one['loc'])) or '(top level)'}: {one['msg']}" for one in error.errors()]
        more = [f"- and {len(told) - SHOWN_ERRORS} more"] if len(told) > SHOWN_ERRORS else []
        raise SchemaInvalid("The answer breaks the schema:\n" + "\n".join(told[:SHOWN_ERRORS] + more)) from error
