"""The offline model `offline-rules`: a small server that speaks Ollama's HTTP API and answers by rules.

It is not a language model and never says it is one. It stands in where no model server is configured, and it
is the test double that can be told to misbehave. It listens on loopback only.

This package imports neither dagster, a database nor third-party code: a start costs about 0.1 s, and it can
be started by every short-lived process that needs it.
"""

from __future__ import annotations

MODEL_NAME = "offline-rules"
"""The only model that the server lists, and what audit rows show as the model that answered."""
