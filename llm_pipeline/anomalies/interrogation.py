"""The interrogation `anomaly_detection`: its template, contract and model, and how a case is asked.

Pure but for reading the template.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llm_pipeline.anomalies.case import Case
from llm_pipeline.anomalies.contract import AnomalyAnswer, RejectedCandidate, SignalAnswer
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.prompting import case_variables
from llm_pipeline.llm.batch import BatchQuestion, Collected, collect_by_id
from llm_pipeline.llm.interrogation import Interrogation, ModelOptions
from llm_pipeline.llm.prompts import PromptTemplate, parse_prompt
from llm_pipeline.llm.runner import BatchWork
from llm_pipeline.llm.schema import Schema
from llm_pipeline.settings import Settings, project_folder

KEY = "anomaly_detection"

SHORTEST_TEXT = 10
"""Characters of a reason, at least."""
LONGEST_NOTES_ON_ONE = 200
"""Characters of the notes on what candidates have in common, where there is one."""

Judgement = SignalAnswer | RejectedCandidate


def anomaly_template() -> PromptTemplate:
    """The prompt `prompts/anomaly_detection.txt`.

    Raises:
        PromptError: the file is not a usable template.
    """
    file = project_folder("prompts") / f"{KEY}.txt"
    return parse_prompt(file.read_bytes(), file.name)


def anomaly_interrogation(settings: Settings, template: PromptTemplate | None = None) -> Interrogation:
    """The interrogation with the model and options that the settings name.

    Args:
        template: the version to ask with; the file's where no registry is at hand.
    """
    return Interrogation(
        key=KEY,
        template=template or anomaly_template(),
        contract=AnomalyAnswer,
        model=settings.llm_anomaly_model,
        options=ModelOptions.of(settings),
    )


def case_work(interrogation: Interrogation, case: Case) -> BatchWork[Candidate, Judgement]:
    """How the candidates of one case are asked about and how an answer is read."""

    def build(items: Sequence[Candidate]) -> BatchQuestion:
        asked = case.only(item.candidate_id for item in items)
        return BatchQuestion(
            messages=interrogation.render(**case_variables(asked)),
            schema=bound_schema(interrogation.schema, asked),
            request_context={
                "case_id": asked.case_id,
                "as_of_date": asked.as_of.isoformat(),
                "candidate_ids": [one.candidate_id for one in asked.candidates],
            },
        )

    def collect(answer: AnomalyAnswer, ids: Sequence[str]) -> Collected[Judgement]:
        judged: list[Judgement] = [*answer.signals, *answer.rejected_candidates]
        return collect_by_id(judged, ids, _candidate_id)

    return BatchWork(identify=_candidate_id, build=build, collect=collect)


def _candidate_id(one: Candidate | Judgement) -> str:
    return one.candidate_id


def bound_schema(schema: Schema, case: Case) -> Schema:
    """The schema for one call: ids, tickers and classifications can only be those of the case.

    That each stands where it belongs cannot be said in a schema; `grounding.py` checks it.
    """
    candidates = [one.candidate_id for one in case.candidates]
    trades = sorted({trade for ids in case.shown.values() for trade in ids})
    tickers = sorted({case.trades[i].ticker or "" for i in trades} - {""})
    events = [near.event.event_id for near in case.events]
    kinds = sorted({one.classification for one in case.candidates})
    defs = schema["$defs"]
    signal = _bound(defs["SignalAnswer"], "candidate_id", _one_of(candidates))
    signal = _bound(signal, "classification", {"type": "string", "enum": kinds})
    trade = _bound(defs["TradeInvolved"], "record_id", _one_of(trades))
    context, trading = defs["LegislativeContext"], defs["TradingSignal"]
    if ticker := _one_of(tickers):
        trade = _bound(trade, "ticker", {"anyOf": [ticker, {"type": "null"}]})
        trading = _bound(trading, "suggested_tickers", _items(trading, "suggested_tickers", ticker))
    if event := _one_of(events):
        context = _bound(context, "related_events", _items(context, "related_events", event))
    return {
        **_complete(schema, len(candidates)),
        "$defs": {
            **defs,
            "SignalAnswer": _bound(
                _worded(signal, "reasoning", "self_verification_notes"),
                "trades_involved",
                {**signal["properties"]["trades_involved"], "minItems": 1, "maxItems": max(1, len(trades))},
            ),
            "RejectedCandidate": _worded(
                _bound(defs["RejectedCandidate"], "candidate_id", _one_of(candidates)), "mundane_explanation"
            ),
            "TradeInvolved": trade,
            "LegislativeContext": context,
            "TradingSignal": trading,
        },
    }


def _complete(schema: Schema, count: int) -> Schema:
    """The schema with both lists together as long as there are candidates.

    Said as a choice: no signal and `count` rejections, one signal and `count` - 1, and so on. With one candidate a
    model cannot leave it out; with several the runner asks again for those that it did. Servers take the choice and
    ignore the properties beside it, which say the same less exactly.
    """
    listed = schema["properties"]
    if count == 1:
        notes = {**listed["market_context_notes"], "maxLength": LONGEST_NOTES_ON_ONE}
        listed = {**listed, "market_context_notes": notes}
    choices = [
        {
            "type": "object",
            "properties": {
                **listed,
                "signals": _exactly(listed["signals"], upheld),
                "rejected_candidates": _exactly(listed["rejected_candidates"], count - upheld),
            },
            "required": schema["required"],
            "additionalProperties": False,
        }
        for upheld in range(count, -1, -1)
    ]
    most = {name: {**listed[name], "maxItems": max(1, count)} for name in ("signals", "rejected_candidates")}
    return {**schema, "properties": {**listed, **most}, "anyOf": choices}


def _exactly(array: Schema, count: int) -> Schema:
    return {**array, "minItems": count, "maxItems": count} if count else {"enum": [[]]}


def _one_of(values: Sequence[str]) -> Schema | None:
    """An enum, where a server takes it (500 plain values at most), else None."""
    plain = all(one.isascii() and one.isprintable() and not set(one) & set("\"'\\") for one in values)
    return {"type": "string", "enum": list(values)} if values and plain and len(values) <= 500 else None


def _bound(node: Schema, field: str, known: Schema | None) -> Schema:
    if known is None:
        return node
    return {**node, "properties": {**node["properties"], field: known}}


def _worded(node: Schema, *fields: str) -> Schema:
    """With texts that are not left empty."""
    for field in fields:
        node = _bound(node, field, {**node["properties"][field], "minLength": SHORTEST_TEXT})
    return node


def _items(node: Schema, field: str, known: Schema) -> dict[str, Any]:
    return {**node["properties"][field], "items": known}
