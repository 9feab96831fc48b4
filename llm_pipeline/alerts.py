"""Telling somebody outside that a run failed: one JSON POST to a webhook."""

from __future__ import annotations

import httpx

TIMEOUT_S = 10.0


def post_alert(url: str, text: str, fields: dict[str, str]) -> None:
    """POST `{"text": ..., **fields}`, the shape that Slack, Mattermost and most relays take.

    Raises:
        httpx.HTTPError: the webhook could not be reached or did not answer with success. The message of the error
            names neither the URL's path nor its query, which hold the webhook's secret.
    """
    try:
        answer = httpx.post(url, json={"text": text, **fields}, timeout=TIMEOUT_S)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise httpx.HTTPError(f"FAILURE_WEBHOOK_URL cannot be reached: {type(error).__name__}") from None
    if not answer.is_success:  # redirects are not followed, so nothing was delivered
        raise httpx.HTTPError(f"FAILURE_WEBHOOK_URL answered {answer.status_code}")
