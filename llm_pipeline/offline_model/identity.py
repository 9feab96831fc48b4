"""What the server says about itself: version, model list, model details, loaded models.

Belongs here: the bodies of /api/version, /api/tags, /api/show and /api/ps. The name is `offline-rules`
everywhere.
"""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

from llm_pipeline.offline_model import MODEL_NAME, answers
from llm_pipeline.offline_model.answers import Json, known_interrogations, rules_digest

VERSION = f"0.32.15-{MODEL_NAME}"
"""The Ollama release whose HTTP behaviour is followed, and that this is not Ollama."""

CONTEXT_LENGTH = 1_048_576
"""Rules have no window; the number only keeps a client's check of num_ctx content."""

_TAG = f"{MODEL_NAME}:latest"
_DETAILS: Json = {
    "parent_model": "",
    "format": "rules",
    "family": MODEL_NAME,
    "families": [MODEL_NAME],
    "parameter_size": "0",
    "quantization_level": "none",
}


@cache
def _files() -> tuple[int, str]:
    paths = list(Path(answers.__file__).parent.glob("*.py"))
    changed = max(path.stat().st_mtime for path in paths)
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(changed))
    return sum(path.stat().st_size for path in paths), stamp


def _entry() -> Json:
    size, _ = _files()
    return {"name": _TAG, "model": _TAG, "size": size, "digest": rules_digest(), "details": _DETAILS}


def tags() -> Json:
    """The model list: one model, its digest taken over the rules' source."""
    return {"models": [{**_entry(), "modified_at": _files()[1]}]}


def show() -> Json:
    """What /api/show tells about the model."""
    return {
        "modelfile": f"# {MODEL_NAME}: rules over computed facts, not a language model\n",
        "template": "",
        "details": _DETAILS,
        "model_info": {
            "general.architecture": MODEL_NAME,
            "general.parameter_count": 0,
            f"{MODEL_NAME}.context_length": CONTEXT_LENGTH,
            f"{MODEL_NAME}.interrogations": list(known_interrogations()),
        },
        "capabilities": ["completion"],
        "modified_at": _files()[1],
    }


def loaded_models(num_ctx: int | None) -> Json:
    """What /api/ps tells: the model with the window of its last call, or nothing before the first."""
    if num_ctx is None:
        return {"models": []}
    never = "2319-01-01T00:00:00Z"
    return {"models": [{**_entry(), "expires_at": never, "size_vram": 0, "context_length": num_ctx}]}
