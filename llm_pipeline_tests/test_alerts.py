"""Alerts over real HTTP: what is sent, and what is never said when it fails."""

from __future__ import annotations

import sys

import httpx
import pytest
from dagster._utils.error import serializable_error_info_from_exc_info

from llm_pipeline.alerts import post_alert
from llm_pipeline_tests.webhooks import receiving


def everything_said(error):
    """The error with its causes and traceback, as Dagster would store it."""
    try:
        raise error
    except httpx.HTTPError:
        return serializable_error_info_from_exc_info(sys.exc_info()).to_string()


def test_an_alert_is_one_json_post():
    with receiving() as hook:
        post_alert(hook.url, "run 1 failed", {"run_id": "1", "job": "validation"})
    assert hook.received == [
        ("/hook/geheim?token=geheim", {"text": "run 1 failed", "run_id": "1", "job": "validation"}),
    ]


@pytest.mark.parametrize("status", [302, 404, 500])
def test_anything_but_success_is_an_error_without_the_address(status):
    with receiving(status) as hook, pytest.raises(httpx.HTTPError, match=str(status)) as caught:
        post_alert(hook.url, "run 1 failed", {})
    assert len(hook.received) == 1
    assert "geheim" not in everything_said(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/geheim", "hooks.example.org/geheim", "http://[geheim", "http://127.0.0.1:port/geheim"],
)
def test_an_address_that_cannot_be_reached_is_not_repeated(url):
    with pytest.raises(httpx.HTTPError, match="FAILURE_WEBHOOK_URL cannot be reached") as caught:
        post_alert(url, "run 1 failed", {})
    assert "geheim" not in everything_said(caught.value)
