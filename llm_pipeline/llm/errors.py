"""What can go wrong with a model call, and what helps: to retry, to re-ask, to split or to stop.

Belongs here: the hierarchy only. `server_answer.py` decides which class a response is, `gateway.py` retries
and re-asks, `runner.py` splits.

| class | retry | new seed | re-ask | split | fatal | audit status |
|---|---|---|---|---|---|---|
| Unreachable (no connection) | yes | | | | yes, once the tries are used up | error |
| ConnectionCut (lost in the middle) | yes | | | | | error |
| Timeout (idle or total) | once | | | | | error |
| ServerBusy (429, 502, 503, 504) | yes | | | | | error |
| RunnerDied | yes | | | | | error |
| RequestRefused (other 4xx, 500) | | | | | 401, 403, 404 ... | error |
| ModelMissing, RemoteModel | | | | | yes | error |
| ContextOverflow, Truncated | | | | yes | | truncated |
| Aborted, ResponseTooLarge | yes | yes | | yes | | error |
| NotJson, SchemaInvalid | | | once | yes | | invalid |
| Refusal | | | | yes | | refused |
| MissingAnswer, DoubledAnswer | | | | yes | | (of one item; its call was ok) |
"""

# ruff: noqa: N818 - named for what happened, as httpx does; rows store these names
from __future__ import annotations

from typing import ClassVar, Literal

Status = Literal["ok", "invalid", "ungrounded", "truncated", "refused", "error"]


class LlmError(Exception):
    """A model call that gave no usable answer.

    Attributes:
        retry: the same request can succeed later.
        max_tries: most tries of one request whatever the settings allow; None: as the settings say.
        new_seed: a retry must use another seed, the same one would fail the same way.
        reask: showing the model its mistake can help, once.
        split: a smaller question can succeed.
        fatal: every further call of this run with this model would fail too, so stop (see `Gateway`).
        status: what the audit row of the call says.
        http_status: of the response, where there was one.
        retry_after_s: seconds the server asked to wait, where it did.
    """

    retry: ClassVar[bool] = False
    max_tries: ClassVar[int | None] = None
    new_seed: ClassVar[bool] = False
    reask: ClassVar[bool] = False
    split: ClassVar[bool] = False
    status: ClassVar[Status] = "error"

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        fatal: bool = False,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.http_status = http_status
        self.fatal = fatal
        self.retry_after_s = retry_after_s

    @property
    def message(self) -> str:
        """The text without the class name."""
        return str(self)


class Unreachable(LlmError):
    """No connection: refused, no such host, connect timeout. Fatal for the run once retries are used up."""

    retry = True


class ConnectionCut(Unreachable):
    """The connection was lost before the answer was complete; the server may well be alive."""


class Timeout(LlmError):
    """No byte within the idle limit, or no end within the total limit. One retry: the work starts again."""

    retry = True
    max_tries = 2


class ServerBusy(LlmError):
    """429, 502, 503, 504: the server or the proxy before it has no room now."""

    retry = True


class RunnerDied(LlmError):
    """Ollama's model process ended during the call; the next request starts a new one."""

    retry = True


class RequestRefused(LlmError):
    """The server will never accept this request: wrong address, no permission, bad format or option."""


class ModelMissing(RequestRefused):
    """The server does not have the model. Always fatal: `ollama pull` is needed."""


class RemoteModel(RequestRefused):
    """The answer came from another host than the configured server; data must stay there. Always fatal."""


class ContextOverflow(LlmError):
    """The prompt does not fit the context window, or was silently cut to it.

    Attributes:
        prompt_tokens, window: as the server counted them, where it said.
    """

    split = True
    status = "truncated"

    def __init__(
        self,
        message: str,
        *,
        http_status: int | None = None,
        prompt_tokens: int | None = None,
        window: int | None = None,
    ) -> None:
        super().__init__(message, http_status=http_status)
        self.prompt_tokens = prompt_tokens
        self.window = window


class Truncated(LlmError):
    """The answer reached `num_predict` or the window's end: not repaired, asked again in smaller parts."""

    split = True
    status = "truncated"


class Aborted(LlmError):
    """The server gave up generating (repeated tokens, no final line). Another seed or less input helps."""

    retry = True
    new_seed = True
    split = True


class ResponseTooLarge(Aborted):
    """The response passed the size limit and was not read to its end."""


class NotJson(LlmError):
    """The text holds no JSON value."""

    reask = True
    split = True
    status = "invalid"


class SchemaInvalid(LlmError):
    """JSON, but not what the contract asks for; the message lists the violations."""

    reask = True
    split = True
    status = "invalid"


class Refusal(LlmError):
    """The model declined in prose. The same question does not help; one without the offending item may."""

    split = True
    status = "refused"


class MissingAnswer(LlmError):
    """A valid answer left this item out, also when asked again."""

    split = True
    status = "invalid"


class DoubledAnswer(LlmError):
    """A valid answer judged this item twice and differently, also when asked again."""

    split = True
    status = "invalid"
