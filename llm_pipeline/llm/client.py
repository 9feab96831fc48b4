"""HTTP to an Ollama server: one call in, one `Exchange` out. No retries, no judgement of the model's words.

Streams, because without streaming no byte arrives before the end and an idle timeout could not be told from
a slow answer. Closing the connection (cancellation, a timeout) makes the server stop generating.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from llm_pipeline.llm.errors import ConnectionCut, LlmError, ResponseTooLarge, Timeout, Unreachable
from llm_pipeline.llm.model_facts import ModelFacts, model_facts

RESPONSE_LIMIT = 32 * 1024 * 1024
"""Bytes of one response. A streamed token costs about 130 bytes, so this is some 250,000 tokens."""


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, without a byte, and for a whole call."""

    connect: float = 5.0
    idle: float = 300.0
    total: float = 900.0


@dataclass(frozen=True)
class Exchange:
    """What came back from one request: everything that arrived, also when the transfer failed.

    Attributes:
        http_status: 0 when no response began.
        body: the exact bytes that arrived.
        fault: what ended the transfer early; None when the response is complete (of whatever status).
    """

    http_status: int = 0
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    latency_ms: int = 0
    fault: LlmError | None = None

    @property
    def content_type(self) -> str:
        """The header's value, "" when absent."""
        return self.headers.get("content-type", "")


def is_loopback(base_url: str) -> bool:
    """Whether the address is this machine, so that proxy variables of the environment must not apply."""
    host = urlsplit(base_url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def endpoint_label(base_url: str) -> str:
    """The address as it may be stored: scheme, host, port and path, never user, password or query."""
    parts = urlsplit(base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else (parts.hostname or "")
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


class OllamaClient:
    """One connection pool to one server. Use as an async context manager."""

    def __init__(
        self,
        base_url: str,
        *,
        timeouts: Timeouts,
        api_key: SecretStr | None = None,
        connections: int = 8,
        response_limit: int = RESPONSE_LIMIT,
    ) -> None:
        self.endpoint = endpoint_label(base_url)
        self._timeouts = timeouts
        self._limit = response_limit
        headers = {"accept": "application/x-ndjson, application/json", "content-type": "application/json"}
        if api_key:
            headers["authorization"] = f"Bearer {api_key.get_secret_value()}"
        self._http = httpx.AsyncClient(
            base_url=base_url.rstrip("/"),
            headers=headers,
            timeout=httpx.Timeout(timeouts.idle, connect=timeouts.connect, pool=None),
            limits=httpx.Limits(max_connections=connections + 2, max_keepalive_connections=connections + 2),
            trust_env=not is_loopback(base_url),
            # reading the certificate store costs 20 ms; plain HTTP needs none
            verify=ssl.create_default_context()
            if base_url.startswith("https")
            else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def chat(self, body: bytes) -> Exchange:
        """POST a request body to /api/chat. Never raises for a fault of network or server."""
        return await self._request("POST", "/api/chat", body, self._timeouts.total)

    async def facts(self, model: str) -> ModelFacts:
        """Version, digest and capabilities. What the server does not tell stays None; calls decide."""
        limit = min(30.0, self._timeouts.total)
        version, tags, show = await asyncio.gather(
            self._json("GET", "/api/version", b"", limit),
            self._json("GET", "/api/tags", b"", limit),
            self._json("POST", "/api/show", json.dumps({"model": model}).encode(), limit),
        )
        return model_facts(model, version, tags, show)

    async def _json(self, method: str, path: str, body: bytes, total: float) -> dict[str, Any]:
        exchange = await self._request(method, path, body, total)
        if exchange.fault or exchange.http_status != 200:
            return {}
        try:
            value = json.loads(exchange.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    async def _request(self, method: str, path: str, body: bytes, total: float) -> Exchange:
        started = time.monotonic()
        status, headers, parts, size = 0, {}, [], 0
        fault: LlmError | None = None
        where = f"{self.endpoint}{path}"
        try:
            async with asyncio.timeout(total):
                async with self._http.stream(method, path, content=body) as response:
                    status, headers = response.status_code, dict(response.headers)
                    async for part in response.aiter_bytes():
                        parts.append(part)
                        size += len(part)
                        if size > self._limit:
                            fault = ResponseTooLarge(f"{where} sent more than {self._limit} bytes", http_status=status)
                            break
        except TimeoutError:
            fault = Timeout(f"{where}: no complete answer within {total:g} s")
        except (
            httpx.ConnectError,
            httpx.ConnectTimeout,
            httpx.PoolTimeout,
            httpx.UnsupportedProtocol,
        ) as error:
            fault = Unreachable(f"{where}: no connection ({_reason(error)}); is the model server running?")
        except httpx.TimeoutException:
            fault = Timeout(f"{where}: no byte for {self._timeouts.idle:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            fault = ConnectionCut(f"{where}: the connection was lost ({_reason(error)})")
        return Exchange(status, b"".join(parts), headers, round((time.monotonic() - started) * 1000), fault)


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
