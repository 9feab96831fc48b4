"""What an interrogation is: a key, a prompt, an output contract, a model and its options."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from llm_pipeline.llm.prompts import Messages, PromptTemplate
from llm_pipeline.llm.schema import Schema, json_schema
from llm_pipeline.settings import Settings


@dataclass(frozen=True)
class ModelOptions:
    """Options sent with every call, the same for a whole run: another `num_ctx` reloads the model.

    Attributes:
        num_ctx: context window in tokens, prompt and answer together.
        num_predict: longest answer in tokens.
    """

    num_ctx: int
    num_predict: int
    temperature: float
    seed: int

    @classmethod
    def of(cls, settings: Settings) -> ModelOptions:
        """The options that the environment asks for."""
        return cls(settings.llm_num_ctx, settings.llm_num_predict, settings.llm_temperature, settings.llm_seed)

    def sent(self, seed_offset: int = 0) -> dict[str, Any]:
        """As the request's `options`."""
        return {
            "num_ctx": self.num_ctx,
            "num_predict": self.num_predict,
            "temperature": self.temperature,
            "seed": self.seed + seed_offset,
        }


@dataclass(frozen=True)
class Interrogation:
    """One kind of question to a model. `model` is the name asked for; the audit row says which answered."""

    key: str
    template: PromptTemplate
    contract: type[BaseModel]
    model: str
    options: ModelOptions

    @property
    def version(self) -> str:
        """The template's version."""
        return self.template.version

    @cached_property
    def schema(self) -> Schema:
        """The contract's schema, before ids are bound.

        Raises:
            UnsafeSchemaError: the contract asks for what servers do not enforce.
        """
        return json_schema(self.contract)

    def render(self, **variables: Any) -> Messages:
        """The messages of one call (see `PromptTemplate.render`).

        Raises:
            PromptError: a variable is missing or closes the data fence.
        """
        return self.template.render(schema=self.schema, **variables)
