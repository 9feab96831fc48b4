"""A gateway with its server: the configured Ollama, or the bundled offline model for as long as the gateway is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from datetime import UTC, datetime

from llm_pipeline.llm.audit import CallContext
from llm_pipeline.llm.cache import AnswerCache
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.lake import Lake
from llm_pipeline.offline_model import MODEL_NAME
from llm_pipeline.offline_model.process import running
from llm_pipeline.settings import Settings

MODEL_SETTINGS = ("llm_validation_model", "llm_anomaly_model", "llm_audit_model", "llm_feedback_model")


def _now() -> datetime:
    return datetime.now(UTC)


@asynccontextmanager
async def open_gateway(
    settings: Settings, context: CallContext, *, cache: AnswerCache | None = None, lake: Lake | None = None
) -> AsyncIterator[Gateway]:
    """A gateway to `OLLAMA_BASE_URL`; without one, to the offline model, and then every model is `offline-rules`.

    `gateway.settings` says which models are really asked.

    Raises:
        OfflineModelStartError: the bundled model does not start.
    """
    with ExitStack() as stack:
        base_url = settings.ollama_base_url
        if base_url is None:
            base_url = stack.enter_context(running())
            settings = settings.model_copy(update=dict.fromkeys(MODEL_SETTINGS, MODEL_NAME))
        async with Gateway(
            settings,
            lake or Lake(settings.lake),
            base_url=base_url,
            context=context,
            clock=_now,
            cache=cache,
        ) as gateway:
            yield gateway
