"""What a server says about itself and one model, and what an operator should know about that. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

THINKING_FIXED_IN = (0, 31, 2)
TRUNCATE_SINCE = (0, 12, 6)


@dataclass(frozen=True)
class ModelFacts:
    """None and empty where the server did not say.

    Attributes:
        digest: sha256 of the model's manifest: weights, template and parameters.
        context_length: tokens the model was trained for.
    """

    server_version: str | None = None
    digest: str | None = None
    capabilities: tuple[str, ...] = ()
    context_length: int | None = None


def model_facts(model: str, version: Mapping[str, Any], tags: Mapping[str, Any], show: Mapping[str, Any]) -> ModelFacts:
    """Facts from the answers of /api/version, /api/tags and /api/show; empty where there was none."""
    info, named, capabilities = show.get("model_info"), version.get("version"), show.get("capabilities")
    lengths = [
        value
        for key, value in (info.items() if isinstance(info, dict) else ())
        if key.endswith(".context_length") and isinstance(value, int) and value > 0
    ]
    return ModelFacts(
        server_version=named if isinstance(named, str) else None,
        digest=_digest(tags.get("models"), model),
        capabilities=tuple(str(name) for name in capabilities) if isinstance(capabilities, list) else (),
        context_length=lengths[0] if lengths else None,
    )


def server_warnings(model: str, facts: ModelFacts, num_ctx: int) -> tuple[str, ...]:
    """What is amiss with this server and model, in sentences; empty when all is well."""
    told, at = [], facts.server_version
    version = _version(at)
    if "thinking" in facts.capabilities and version and version < THINKING_FIXED_IN:
        told.append(f"{model} thinks, and Ollama {at} may ignore the schema then: use 0.31.2 or newer")
    if version and version < TRUNCATE_SINCE:
        told.append(f"Ollama {at} cuts long prompts silently (noticed afterwards): use 0.12.6 or newer")
    if facts.context_length and facts.context_length < num_ctx:
        told.append(f"{model} knows {facts.context_length} tokens of context: LLM_NUM_CTX is reduced to that")
    return tuple(told)


def _digest(models: Any, model: str) -> str | None:
    """From /api/tags, where `x` is `x:latest` and names are compared without case."""
    wanted = _full_name(model)
    for entry in models if isinstance(models, list) else ():
        if isinstance(entry, dict) and _full_name(str(entry.get("model") or entry.get("name"))) == wanted:
            digest = entry.get("digest")
            return digest if isinstance(digest, str) and digest else None
    return None


def _full_name(model: str) -> str:
    name = model.casefold()
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def _version(text: str | None) -> tuple[int, ...] | None:
    """A version such as `0.5.4-ipexllm-20250407`, leniently; None for unknown and development builds."""
    numbers = tuple(int(part) for part in (text or "").split("-")[0].split(".") if part.isdecimal())
    return numbers if any(numbers) else None
