"""Deciding: one item, one transaction - the decision is kept, and the item is what was decided.

Belongs here: putting the parts together; what the commands call.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal, LiteralString

from psycopg import Connection, Cursor
from psycopg.rows import dict_row

from llm_pipeline.anomalies.signal_store import LEAST_CONFIDENCE
from llm_pipeline.db.bulk import clean_text, json_text
from llm_pipeline.review.disclosures import apply_to_disclosure
from llm_pipeline.review.item import (
    KINDS,
    Decision,
    Item,
    Kind,
    ReviewError,
    UnknownItemError,
    check_decidable,
)
from llm_pipeline.review.items import find_item, read_item
from llm_pipeline.review.meaning import meaning_of

Releases = Literal["anomalies", "trading_signals"]

# `trading_signals` follow in the database (see trading_signals_follow in sql/).
_SIGNAL: LiteralString = """
    UPDATE llm_anomaly_signals
    SET review_status = %(decision)s, reviewed_by = %(by)s, reviewed_at = %(now)s, review_notes = %(why)s
    WHERE signal_id = %(id)s
    RETURNING confidence, as_of_date"""

_RECOMMENDATION: LiteralString = """
    UPDATE llm_prompt_recommendations SET status = %(decision)s, reviewed_by = %(by)s, reviewed_at = %(now)s
    WHERE feedback_id = %(id)s"""

_KEEP: LiteralString = """
    INSERT INTO review_decisions (kind, item_id, decision, reviewed_by, reviewed_at, why, previous_state, content,
        content_sha256, audit_trail_id, disclosure_id, gate_verdict, human_verdict, status_after, effects, releases,
        release_days)
    VALUES (%(kind)s, %(id)s, %(decision)s, %(by)s, %(now)s, %(why)s, %(previous)s, %(content)s, %(content_sha256)s,
        %(audit_id)s, %(disclosure_id)s, %(gate_verdict)s, %(human_verdict)s, %(status_after)s, %(effects)s,
        %(releases)s, %(days)s)"""


@dataclass(frozen=True)
class Decided:
    """A decision that was kept.

    Attributes:
        releases: which assets are to be run for `days` because of it; None: nothing.
        withdrawn: signals that stood on a rejected record.
    """

    kind: Kind
    item_id: str
    decision: Decision
    previous_state: str
    releases: Releases | None = None
    days: tuple[date, ...] = ()
    withdrawn: tuple[str, ...] = field(default=())
    verdicts: dict[str, str | None] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "kind": self.kind,
            "id": self.item_id,
            "decision": self.decision,
            "previous_state": self.previous_state,
            "releases": self.releases,
            "days": [str(day) for day in self.days],
            "withdrawn_signals": list(self.withdrawn),
        }


def show(conn: Connection[Any], item_id: str, kind: Kind | None = None) -> Item:
    """An item whole, with the decisions on it.

    Raises:
        UnknownItemError: there is none, or the id alone is ambiguous.
    """
    with conn.cursor(row_factory=dict_row) as cur:
        return find_item(cur, item_id, KINDS if kind is None else (kind,))


def decide(
    conn: Connection[Any],
    item_id: str,
    decision: Decision,
    *,
    by: str,
    why: str,
    now: datetime,
    kind: Kind | None = None,
    again: bool = False,
    seen: str | None = None,
) -> Decided:
    """Take a decision, in a transaction of its own (a savepoint where the caller holds one).

    Of two reviewers at once the second waits for the first and is told that it is decided.

    Args:
        again: it may have been decided before; both decisions are kept.
        seen: see `check_decidable`.

    Raises:
        ReviewError: nobody decided it now: unknown, decided before, changed since it was seen, or no name or reason.
        psycopg.Error: the database refused; nothing is changed.
    """
    by, why = clean_text(by).strip(), clean_text(why).strip()
    if not by or not why:
        raise ReviewError("a decision needs the reviewer's name and a reason")
    with conn.transaction(), conn.cursor(row_factory=dict_row) as cur:
        which = kind or find_item(cur, item_id).kind
        item = read_item(cur, which, item_id, lock=True)
        if item is None:
            raise UnknownItemError(f"there is no {which} {item_id!r}; `llm-pipeline review list` shows what waits")
        check_decidable(item, again=again, seen=seen)
        decided = _apply(cur, item, decision, by, why, now)
        cur.execute(_KEEP, _kept(item, decided, by, why, now))
    return decided


def _apply(cur: Cursor[dict[str, Any]], item: Item, decision: Decision, by: str, why: str, now: datetime) -> Decided:
    values = {"id": item.item_id, "decision": decision, "by": by, "why": why, "now": now}
    if item.kind == "signal":
        row = cur.execute(_SIGNAL, values).fetchone()
        published = decision == "approved" and row and row["confidence"] >= LEAST_CONFIDENCE and row["as_of_date"]
        return Decided(
            item.kind,
            item.item_id,
            decision,
            item.state,
            releases="trading_signals" if published else None,
            days=(row["as_of_date"],) if row and published else (),
        )
    if item.kind == "recommendation":
        cur.execute(_RECOMMENDATION, values)
        return Decided(item.kind, item.item_id, decision, item.state)
    meaning = meaning_of(decision, [issue["kind"] for issue in item.content["issues"]])
    effect = apply_to_disclosure(cur, item, decision, meaning, by, why, now)
    return Decided(
        item.kind,
        item.item_id,
        decision,
        item.state,
        releases="anomalies" if effect.days else None,
        days=effect.days,
        withdrawn=effect.withdrawn,
        verdicts={
            "gate_verdict": _gate_verdict(item),
            "human_verdict": meaning.human_verdict,
            "status_after": meaning.status,
        },
    )


def _gate_verdict(item: Item) -> str | None:
    """What the gate said of this content: its verdict before any human's."""
    earlier = (one.gate_verdict for one in item.history if one.content_sha256 == item.content_sha256)
    return next(earlier, item.verdict)


def _kept(item: Item, decided: Decided, by: str, why: str, now: datetime) -> dict[str, Any]:
    return {
        "kind": item.kind,
        "id": item.item_id,
        "decision": decided.decision,
        "by": by,
        "now": now,
        "why": why,
        "previous": item.state,
        "content": json_text(item.content),
        "content_sha256": item.content_sha256,
        "audit_id": item.audit_trail_id,
        "disclosure_id": item.disclosure_id,
        "gate_verdict": None,
        "human_verdict": None,
        "status_after": None,
        **decided.verdicts,
        "effects": json_text({"withdrawn_signals": list(decided.withdrawn)} if decided.withdrawn else {}),
        "releases": decided.releases,
        "days": list(decided.days),
    }
