"""What past calls are compared with: a model and a version of the prompt. Reads templates, sends nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.prompts import Messages, PromptError, PromptTemplate, parse_prompt
from llm_pipeline.replay.errors import CandidateError, EvidenceNotRecoveredError
from llm_pipeline.replay.evidence import recover_variables
from llm_pipeline.replay.stored_request import StoredRequest
from llm_pipeline.replay.subjects import Subject
from llm_pipeline.settings import Settings, project_folder


@dataclass(frozen=True)
class Templates:
    """The known templates of one interrogation: those that were registered, and the file."""

    key: str
    by_sha256: Mapping[str, PromptTemplate]
    by_version: Mapping[str, PromptTemplate]
    active: PromptTemplate

    def of_version(self, version: str) -> PromptTemplate:
        """The template of a version.

        Raises:
            CandidateError: none is known.
        """
        if version not in self.by_version:
            known = ", ".join(sorted(self.by_version))
            raise CandidateError(f"no version {version!r} of {self.key} is registered; there are {known}")
        return self.by_version[version]

    def of_sha256(self, sha256: str, version: str) -> PromptTemplate:
        """The template that a call was rendered from.

        Raises:
            EvidenceNotRecoveredError: it is not known any more.
        """
        if sha256 not in self.by_sha256:
            raise EvidenceNotRecoveredError(
                f"no text of {self.key} {version} with SHA-256 {sha256} is known, neither in prompt_versions nor in "
                "prompts/"
            )
        return self.by_sha256[sha256]


def known_templates(key: str, registered: list[tuple[str, str, str, str]]) -> Templates:
    """From rows of prompt_versions (version, SHA-256, status, text) and `prompts/<key>.txt`.

    A registered text that does not have its hash is left out: it is not what was asked.

    Raises:
        PromptError: the file is not a usable template.
        CandidateError: there is no template at all.
    """
    name = f"{key}.txt"
    templates: dict[str, PromptTemplate] = {}
    active: PromptTemplate | None = None
    for _, sha256, status, text in registered:
        data = text.encode()
        if sha256_hex(data) == sha256:
            templates[sha256] = parse_prompt(data, name)
            active = templates[sha256] if status == "active" else active
    file = project_folder("prompts") / name
    if file.is_file():
        own = parse_prompt(file.read_bytes(), name)
        templates.setdefault(own.sha256, own)
        active = active or own
    if active is None:
        raise CandidateError(f"{key} has no active prompt: neither in prompt_versions nor as prompts/{name}")
    # A registered text goes before the file's where both have the version.
    by_version = {one.version: one for one in reversed(templates.values())}
    return Templates(key, templates, by_version, active)


def template_from_file(key: str, file: Path) -> PromptTemplate:
    """A candidate's template from a file of any name.

    Raises:
        CandidateError: it is not a usable template of this interrogation.
    """
    try:
        return parse_prompt(file.read_bytes(), f"{key}.txt")
    except (OSError, PromptError) as error:
        raise CandidateError(f"{file} is no template of {key}: {error}") from error


def choose_candidate(
    subject: Subject,
    settings: Settings,
    templates: Templates,
    *,
    model: str | None = None,
    version: str | None = None,
    file: Path | None = None,
) -> Interrogation:
    """The interrogation with the candidate's model and template; the model and version in use where none is named.

    Raises:
        CandidateError: the version is unknown, the file is no template, or both are given.
    """
    if version and file:
        raise CandidateError("name a version or a template file, not both")
    if file:
        template = template_from_file(subject.key, file)
    else:
        template = templates.of_version(version) if version else templates.active
    return Interrogation(
        subject.key, template, subject.contract, model or subject.model(settings), subject.options(settings)
    )


def candidate_messages(
    request: StoredRequest, then: PromptTemplate, candidate: Interrogation, schema: Mapping[str, Any]
) -> Messages:
    """The evidence of a past call as the candidate's prompt asks about it.

    Raises:
        EvidenceNotRecoveredError: the evidence cannot be read back, or the candidate's template wants a variable that
            it does not have.
    """
    variables = recover_variables(then, request.messages, schema)
    try:
        return candidate.render(**variables)
    except PromptError as error:
        raise EvidenceNotRecoveredError(f"the candidate's template cannot be filled: {error}") from error
