"""Everything that stands behind one signal, read from the database: what `llm-pipeline evidence` writes.

Belongs here: the reading, and the words for what was not found. How it looks is in `evidence_page.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, LiteralString

from psycopg import Connection
from psycopg.rows import dict_row

from llm_pipeline.anomalies.account import ungrounded_signals
from llm_pipeline.anomalies.detection.candidates import Candidate
from llm_pipeline.anomalies.detection.trade import Trade
from llm_pipeline.anomalies.interrogation import KEY
from llm_pipeline.anomalies.service import trades_of_candidate
from llm_pipeline.anomalies.stored_candidate import candidate_from_json
from llm_pipeline.disclosures.amounts import label_for

_SIGNAL: LiteralString = """
    SELECT s.signal_id, s.candidate_id, s.filer, s.classification, s.severity, s.confidence, s.reasoning,
           s.self_verification_notes, s.trading_signal, s.trades_involved, s.legislative_context,
           s.statistical_evidence, s.as_of_date, s.last_seen,
           COALESCE(s.evidence_as_of, s.as_of_date) AS evidence_as_of, s.review_status, s.reviewed_by, s.reviewed_at,
           s.review_notes, s.status, s.audit_trail_id::text AS audit_id, s.created_at,
           a.model_used, a.model_digest, a.provider, a.prompt_version, a.prompt_hash, a.resolved_prompt_sha256,
           a.endpoint, a.options, a.created_at AS asked_at
    FROM llm_anomaly_signals s LEFT JOIN llm_audit_trail a ON a.id = s.audit_trail_id
    WHERE s.signal_id = %s"""

_PROVENANCE: LiteralString = """
    SELECT disclosure_id, count(*) AS steps, (array_agg(step ORDER BY step_no DESC))[1] AS last_step,
           (array_agg(chain_hash ORDER BY step_no DESC))[1] AS chain_hash,
           (array_agg(input_hash ORDER BY step_no))[1] AS source_hash,
           (array_agg(output_hash ORDER BY step_no DESC) FILTER (WHERE step = 'load'))[1] AS loaded_hash
    FROM disclosure_provenance WHERE disclosure_id = ANY(%s) GROUP BY 1"""

_HISTORY: LiteralString = """
    SELECT evidence_as_of, decided_at, outcome, signal ->> 'severity' AS severity,
           (signal ->> 'confidence')::integer AS confidence, explanation, audit_trail_id::text AS audit_id,
           superseded_at
    FROM anomaly_decision_history WHERE candidate_id = %s ORDER BY evidence_as_of, decided_at, evidence_sha256"""

_STATUS: LiteralString = """
    SELECT id::text AS id, llm_validation_status AS status, superseded_by, source, source_document_id, row_ordinal
    FROM trading_disclosures WHERE id::text = ANY(%s)"""


class UnknownSignalError(LookupError):
    """There is no signal of this id."""


@dataclass(frozen=True)
class Bundle:
    """A signal with its evidence. `document` is plain JSON; the rest is what pictures are drawn from."""

    document: dict[str, Any]
    candidate: Candidate
    trades: tuple[Trade, ...]

    @property
    def signal_id(self) -> str:
        """The signal's id."""
        return str(self.document["signal"]["signal_id"])


def read_bundle(conn: Connection[Any], signal_id: str, *, now: datetime) -> Bundle:
    """Everything stored about a signal.

    Raises:
        UnknownSignalError: there is no such signal.
        psycopg.Error: the database refused.
    """
    with conn.cursor(row_factory=dict_row) as cur:
        signal = cur.execute(_SIGNAL, [signal_id]).fetchone()
        if signal is None:
            raise UnknownSignalError(
                f"there is no signal {signal_id!r}; the column signal_id of llm_anomaly_signals lists them"
            )
        sightings = cur.execute(
            "SELECT as_of_date, candidate FROM anomaly_sightings WHERE candidate_id = %s ORDER BY as_of_date",
            [signal["candidate_id"]],
        ).fetchall()
        sight = next((one for one in sightings if one["as_of_date"] == signal["evidence_as_of"]), None)
        if sight is None:
            raise UnknownSignalError(
                f"signal {signal_id!r} was withdrawn: its evidence as of {signal['evidence_as_of']} is not found any "
                "more"
            )
        candidate = candidate_from_json(sight["candidate"])
        history = cur.execute(_HISTORY, [signal["candidate_id"]]).fetchall()
        trades = tuple(trades_of_candidate(conn, candidate))
        own = [one for one in trades if one.record_id in candidate.trade_ids]
        ids = [one.record_id for one in own]
        chains = {row["disclosure_id"]: row for row in cur.execute(_PROVENANCE, [ids]).fetchall()}
        rows = {row["id"]: row for row in cur.execute(_STATUS, [ids]).fetchall()}
        refused = cur.execute(
            "SELECT reason_code, claim, detail FROM ungrounded_claims WHERE audit_trail_id::text = %s ORDER BY id",
            [signal["audit_id"]],
        ).fetchall()
    as_of: date = signal["evidence_as_of"]
    problems = [
        one for one in ungrounded_signals(conn, as_of, as_of + timedelta(days=1)) if one.startswith(f"{signal_id}:")
    ]
    document = {
        "written_at": now,
        "notice": "A lead for review. Not an accusation and not investment advice. 5 U.S.C. 13107(c) bars commercial "
        "use of disclosure reports, news media excepted.",
        "signal": {
            name: signal[name]
            for name in (
                "signal_id",
                "candidate_id",
                "filer",
                "classification",
                "severity",
                "confidence",
                "reasoning",
                "self_verification_notes",
                "trading_signal",
                "as_of_date",
                "evidence_as_of",
                "last_seen",
                "status",
            )
        },
        "review": {name: signal[name] for name in ("review_status", "reviewed_by", "reviewed_at", "review_notes")},
        "model": {
            "interrogation": KEY,
            **{
                name: signal[name]
                for name in (
                    "model_used",
                    "model_digest",
                    "provider",
                    "endpoint",
                    "prompt_version",
                    "prompt_hash",
                    "resolved_prompt_sha256",
                    "options",
                    "audit_id",
                    "asked_at",
                )
            },
            "confidence_said": signal["statistical_evidence"].get("confidence_said", signal["confidence"]),
            "claims_refused": refused,
        },
        "numbers": [
            {"name": one.name, "value": one.value, "n": one.n, "method": one.method} for one in candidate.measures
        ]
        + [
            {
                "name": "adjusted_p",
                "value": candidate.adjusted_p,
                "n": candidate.family_size,
                "method": "Benjamini-Hochberg over all tests of the as-of date",
            }
        ],
        "cautions": list(candidate.cautions),
        "thresholds": {"version": candidate.thresholds_version, "sha256": candidate.thresholds_fingerprint},
        "trades": [_trade(one, signal, chains, rows) for one in sorted(own, key=_by_day)],
        "events": [
            {
                "event_id": near.event.event_id,
                "kind": near.event.kind,
                "date": near.event.day,
                "title": near.event.title,
                "committee": near.event.committee_code,
                "bill": near.event.bill,
                "sectors": list(near.event.sectors),
                "source": near.event.source,
                "days_before": near.days_before,
                "trades_before": near.trades_before,
                "trades_after": near.trades_after,
                "cited": near.event.event_id in signal["legislative_context"]["related_events"],
            }
            for near in candidate.events
        ],
        "proximity_score": candidate.proximity_score,
        "sightings": [
            {"as_of_date": row["as_of_date"], "trades": len(row["candidate"]["trade_ids"])} for row in sightings
        ],
        "decisions": history,
        "checks": {"grounding_problems": problems},
    }
    return Bundle(document | {"not_found": _not_found(document, candidate)}, candidate, trades)


def _by_day(trade: Trade) -> tuple[date, str]:
    return trade.transaction_date, trade.record_id


def _trade(trade: Trade, signal: dict[str, Any], chains: dict[str, Any], rows: dict[str, Any]) -> dict[str, Any]:
    chain, row = chains.get(trade.record_id), rows[trade.record_id]
    return {
        "record_id": trade.record_id,
        "filer": trade.filer,
        "date": trade.transaction_date,
        "disclosed": trade.disclosure_date,
        "ticker": trade.ticker,
        "asset": trade.asset_description,
        "side": trade.side,
        "amount": label_for(trade.amount_low, trade.amount_high) or None,
        "owner": trade.owner,
        "source_url": trade.source_url,
        "source": row["source"],
        "source_document_id": row["source_document_id"],
        "row_ordinal": row["row_ordinal"],
        "validation_status": row["status"],
        "superseded_by": row["superseded_by"],
        "cited": any(one["record_id"] == trade.record_id for one in signal["trades_involved"]),
        "provenance": None
        if chain is None
        else {name: chain[name] for name in ("steps", "last_step", "source_hash", "loaded_hash", "chain_hash")},
    }


def _not_found(document: dict[str, Any], candidate: Candidate) -> list[str]:
    """What a reader would look for and there is none of."""
    absent: list[str] = []
    gone = len(candidate.trade_ids) - len(document["trades"])
    if gone:
        absent.append(f"{gone} of the {len(candidate.trade_ids)} trades were deleted or rejected since.")
    if not candidate.events:
        absent.append("No hearing of the filer's committees and no related floor vote near these trades is on record.")
    elif not any(near.trades_before for near in candidate.events):
        absent.append("None of these trades came before a related event; all came after.")
    if candidate.proximity_score is None:
        absent.append("No legislative proximity score was computed for this kind of pattern.")
    without = [one.name for one in candidate.measures if one.value is None]
    if without:
        absent.append(f"Not computable from this history: {', '.join(without)}.")
    if any(one["provenance"] is None for one in document["trades"]):
        absent.append("Some trades have no provenance chain: they were written by somebody else than this pipeline.")
    if any(not one["source_url"] for one in document["trades"]):
        absent.append("Some trades name no address of their report.")
    if any(one["superseded_by"] for one in document["trades"]):
        absent.append("Some trades were replaced by an amendment after the as-of date.")
    if document["model"]["model_used"] is None:
        absent.append("The audit row of the model call is not in this database.")
    if document["review"]["review_status"] == "pending":
        absent.append("No human has reviewed this signal yet.")
    absent.append("Nothing here says why the trades were made, or what anybody knew.")
    return absent
