"""Which interrogations can be queued: every folder of this package, with its template. Pure but for reading files."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from llm_pipeline.interrogations.queued import QueuedInterrogation
from llm_pipeline.llm.prompts import PromptTemplate, parse_prompt
from llm_pipeline.llm.schema import UnsafeSchemaError, json_schema
from llm_pipeline.settings import project_folder

PACKAGE = "llm_pipeline.interrogations"


class RegistryError(ValueError):
    """A folder is no usable interrogation; the message names it and says what is missing."""


class UnknownInterrogationError(ValueError):
    """No folder has this key; the message lists those there are."""


class InvalidInputError(ValueError):
    """An input is not what the interrogation takes; the message names the fields."""


@dataclass(frozen=True)
class Registry:
    """The interrogations by key, and the templates of their files."""

    interrogations: Mapping[str, QueuedInterrogation]
    templates: Mapping[str, PromptTemplate]

    def get(self, key: str) -> QueuedInterrogation:
        """The interrogation of this key.

        Raises:
            UnknownInterrogationError: there is none.
        """
        if key not in self.interrogations:
            known = ", ".join(sorted(self.interrogations)) or "none"
            raise UnknownInterrogationError(f"no interrogation is called {key!r}; there are: {known}")
        return self.interrogations[key]

    def checked(self, key: str, input_json: Any) -> BaseModel:
        """An input as the interrogation takes it, defaults filled in.

        Raises:
            UnknownInterrogationError: there is no such interrogation.
            InvalidInputError: it takes something else.
        """
        try:
            return self.get(key).input_model.model_validate(input_json)
        except ValidationError as error:
            told = [f"{'.'.join(map(str, one['loc'])) or '(input)'}: {one['msg']}" for one in error.errors()]
            raise InvalidInputError(f"{key} does not take this input: {'; '.join(told[:5])}") from error


def discover(package: str = PACKAGE, prompts: Path | None = None) -> Registry:
    """Every interrogation in the folders of a package.

    Args:
        prompts: folder of the templates; the project's own unless given.

    Raises:
        RegistryError: a folder has no `INTERROGATION` of its own name, or an answer that servers cannot enforce.
        PromptError: its template is not usable.
    """
    found: dict[str, QueuedInterrogation] = {}
    templates: dict[str, PromptTemplate] = {}
    folder = prompts or project_folder("prompts")
    for module in pkgutil.iter_modules(import_module(package).__path__):
        if not module.ispkg:
            continue
        one = getattr(import_module(f"{package}.{module.name}"), "INTERROGATION", None)
        if not isinstance(one, QueuedInterrogation) or one.key != module.name:
            raise RegistryError(f"{package}.{module.name} needs an INTERROGATION with the key {module.name!r}")
        try:
            json_schema(one.contract)
        except UnsafeSchemaError as error:
            raise RegistryError(f"{package}.{module.name}: {error}") from error
        file = folder / f"{one.key}.txt"
        if not file.is_file():
            raise RegistryError(f"{package}.{module.name} needs its template {file}")
        found[one.key] = one
        templates[one.key] = parse_prompt(file.read_bytes(), file.name)
    return Registry(found, templates)
