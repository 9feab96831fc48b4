"""Prompt templates: files `prompts/<key>.txt`, read, checked and rendered. Pure but for reading the files.

A file starts with `# Version: x.y.z` and `# Service: <key>`, then a `SYSTEM:` and a `USER:` part with `{{
name }}` placeholders. What does not change from call to call stands first (servers reuse the computed
prefix), data stand last, as one line of JSON between the lines `BEGIN UNTRUSTED DATA` and `END UNTRUSTED
DATA`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment

from llm_pipeline.hashing import sha256_hex

BEGIN_DATA = "BEGIN UNTRUSTED DATA"
END_DATA = "END UNTRUSTED DATA"

_HEADER = re.compile(
    r"\A\ufeff?# Version: *(?P<version>\d+\.\d+\.\d+) *\r?\n# Service: *(?P<key>[a-z][a-z0-9_]*) *\r?\n"
)
_PARTS = re.compile(r"^SYSTEM:[ \t]*\r?\n(?P<system>.*?)^USER:[ \t]*\r?\n(?P<user>.*)\Z", re.MULTILINE | re.DOTALL)

Messages = tuple[dict[str, str], ...]
"""A conversation: dicts with `role` (system, user, assistant) and `content`."""


class PromptError(ValueError):
    """A template or its variables are not usable; the message names the file and what to change."""


@dataclass(frozen=True)
class PromptTemplate:
    """One version of one prompt. `sha256` is of the file's bytes, `text` the file's text."""

    key: str
    version: str
    system: str
    user: str
    text: str
    sha256: str

    def render(self, *, schema: Mapping[str, Any], **variables: Any) -> Messages:
        """The system and the user message of one call.

        Args:
            schema: the contract's schema *before* ids are bound, so that the system message stays the same
                from call to call; the template sees it as `schema_json`.
            variables: text is inserted as it is (for trusted, short values as dates); everything else as one
                line of JSON (see `data_json`). Neither is ever searched for placeholders.

        Raises:
            PromptError: a placeholder has no value, or a value closes the fence around the untrusted data.
        """
        values = {name: value if isinstance(value, str) else data_json(value) for name, value in variables.items()}
        shown = json.dumps(schema, ensure_ascii=False, separators=(",", ":"))
        try:
            system = _compiled(self.system).render(schema_json=shown, **values).strip()
            user = _compiled(self.user).render(schema_json=shown, **values).strip()
        except TemplateError as error:
            raise PromptError(f"prompts/{self.key}.txt, version {self.version}: {error}") from error
        lines = [line for line in user.splitlines() if line in (BEGIN_DATA, END_DATA)]
        if lines != [BEGIN_DATA, END_DATA]:
            raise PromptError(f"prompts/{self.key}.txt: a value opens or closes the untrusted data; pass it as data")
        return (
            {"role": "system", "content": f"Interrogation: {self.key}\n{system}"},
            {"role": "user", "content": user},
        )


def data_json(value: Any) -> str:
    """Untrusted data as one line of ASCII JSON that cannot close the fence nor hold a chat template's marks.

    `<` and `>` are escaped because texts such as `<|im_end|>` are control tokens to a model server.

    Raises:
        TypeError, ValueError: the value is not JSON (an unknown type, NaN, infinity).
    """
    text = json.dumps(value, ensure_ascii=True, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e")


def parse_prompt(data: bytes, name: str) -> PromptTemplate:
    """Read one template file.

    Args:
        name: of the file, for messages; its stem must be the key in the header.

    Raises:
        PromptError: header, parts or fence are missing or wrong.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise PromptError(f"{name} is not UTF-8: {error}") from error
    if "\x00" in text:  # the registry could not keep it
        raise PromptError(f"{name} holds a NUL character")
    header = _HEADER.match(text)
    if not header:
        raise PromptError(f"{name} must start with the lines `# Version: x.y.z` and `# Service: <key>`")
    if header["key"] != Path(name).stem:
        raise PromptError(f"{name} says `# Service: {header['key']}`; the file's name and the key must be the same")
    parts = _PARTS.search(text, header.end())
    if not parts:
        raise PromptError(f"{name} needs a line `SYSTEM:` and after it a line `USER:`")
    fence = [line.strip() for line in parts["user"].splitlines() if line.strip() in (BEGIN_DATA, END_DATA)]
    if fence != [BEGIN_DATA, END_DATA]:
        raise PromptError(f"{name}: the USER part needs one line `{BEGIN_DATA}` and after it one line `{END_DATA}`")
    try:
        _compiled(parts["system"]), _compiled(parts["user"])
    except TemplateError as error:
        raise PromptError(f"{name}: {error}") from error
    return PromptTemplate(header["key"], header["version"], parts["system"], parts["user"], text, sha256_hex(data))


def load_prompts(folder: Path) -> dict[str, PromptTemplate]:
    """All templates of a folder by key.

    Raises:
        PromptError: one of them is not usable.
    """
    templates = (parse_prompt(file.read_bytes(), file.name) for file in sorted(folder.glob("*.txt")))
    return {template.key: template for template in templates}


_ENVIRONMENT = SandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)


@lru_cache(maxsize=64)
def _compiled(source: str) -> Any:
    return _ENVIRONMENT.from_string(source)
