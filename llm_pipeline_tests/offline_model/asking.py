"""Evidence and requests that the tests of the offline model send, in the project's own prompt form."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import httpx


def issue(action: str = "flag", **changes: Any) -> dict[str, Any]:
    return {
        "step": "temporal",
        "field": "filing_date",
        "issue_type": "late_filing",
        "severity": "info",
        "kind": "finding",
        "action": action,
        "detail": "filed 61 days after the trade",
        **changes,
    }


def record(record_id: str, *issues: dict[str, Any], **changes: Any) -> dict[str, Any]:
    facts = {
        "issues": list(issues),
        "days_to_filing": 12,
        "trading_day": True,
        "exchange_traded": True,
        "name_match": "match",
        "near": [],
    }
    return {
        "record_id": record_id,
        "filer_name": "Quillon A Featherbarrow",
        "ticker": "MSFT",
        "asset_description": "Microsoft Corporation",
        "facts": facts,
        **changes,
    }


RECORDS = [
    record("r-clean"),
    record("r-late", issue()),
    record("r-impossible", issue("reject", step="schema", issue_type="impossible_date")),
    record("r-noted", issue("accept", issue_type="paper_filing")),
]


def messages(records: Iterable[Any], key: str = "validation_gate", **changes: Any) -> list[dict[str, str]]:
    evidence = {"batch_id": "b-1", "records": list(records), **changes}
    return [
        {"role": "system", "content": f"You are a data steward.\nInterrogation: {key}\nDecide."},
        {
            "role": "user",
            "content": f"The data:\nBEGIN UNTRUSTED DATA\n{json.dumps(evidence)}\nEND UNTRUSTED DATA\nAnswer.",
        },
    ]


def body(records: Iterable[Any] = RECORDS, **changes: Any) -> dict[str, Any]:
    return {
        "model": "offline-rules",
        "messages": messages(records),
        "stream": False,
        "think": False,
        "options": {"num_ctx": 16384, "num_predict": 6144, "temperature": 0, "seed": 1},
        **changes,
    }


def ask(url: str, records: Iterable[Any] = RECORDS, **changes: Any) -> httpx.Response:
    return httpx.post(f"{url}/api/chat", json=body(records, **changes), timeout=120, trust_env=False)


def answer_of(response: httpx.Response) -> dict[str, Any]:
    reply = response.json()
    assert (response.status_code, reply["done"], reply["done_reason"]) == (200, True, "stop"), response.text
    return json.loads(reply["message"]["content"])


def statuses(response: httpx.Response) -> dict[str, str]:
    return {r["record_id"]: r["status"] for r in answer_of(response)["records"]}


def lines_of(response: httpx.Response) -> list[dict[str, Any]]:
    return [json.loads(line) for line in response.text.splitlines()]
