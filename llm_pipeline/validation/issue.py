"""What a rule found on a record, and everything that was computed about it.

Belongs here: the shapes Issue and RecordFacts and their order of severity. Does not belong here: any rule.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Step = Literal["schema", "semantic", "temporal", "cross_record"]
Severity = Literal["info", "warning", "critical"]
Kind = Literal["defect", "finding"]
Action = Literal["accept", "flag", "reject"]
NameMatch = Literal["match", "mismatch", "unknown"]

ACTION_RANK: dict[str, int] = {"accept": 0, "flag": 1, "reject": 2}

EXPECTATIONS: dict[str, str] = {
    "missing_field": "a value",
    "wrong_enum": "a word of the source's vocabulary",
    "impossible_date": "a real calendar day",
    "implausible_date": "a day between the STOCK Act (2012-04-04) and today",
    "nonstandard_amount": "a statutory amount range",
    "ticker_syntax": "a ticker symbol",
    "bad_source_url": "the complete official address of the report",
    "garbled_text": "undamaged text",
    "ticker_asset_mismatch": "a ticker that belongs to the named asset",
    "extraction_method_url": "a method that can read this kind of document",
    "filing_before_trade": "a filing on or after the trade",
    "late_filing": "a filing within 45 days of the trade",
    "nontrading_day": "a day on which the exchange was open",
    "extraction_before_filing": "an extraction on or after the filing day",
    "duplicate": "each trade once",
    "near_duplicate": "each trade once",
    "repeated_in_filing": "each trade once per account",
    "contradiction": "one side and one amount per trade",
}
"""Every issue type that rules raise, with what a sound record has in its place."""


@dataclass(frozen=True)
class Issue:
    """One rule's finding. A defect means the data are wrong; a finding means they are right and
    noteworthy.
    """

    step: Step
    field: str
    issue_type: str
    severity: Severity
    kind: Kind
    action: Action
    detail: str


@dataclass(frozen=True)
class RecordFacts:
    """All that code computed about one record.

    days_to_filing: calendar days from trade to filing, None where a date is unknown. trading_day:
    whether the NYSE was open on the transaction date, None outside its calendar. near: ids of records
    that may be the same trade.
    """

    record_id: str
    issues: tuple[Issue, ...] = ()
    days_to_filing: int | None = None
    trading_day: bool | None = None
    exchange_traded: bool = False
    name_match: NameMatch = "unknown"
    near: tuple[str, ...] = ()

    @property
    def action(self) -> Action:
        """The worst action of the issues; accept where there are none."""
        return max((i.action for i in self.issues), key=ACTION_RANK.__getitem__, default="accept")

    def to_json(self) -> dict[str, Any]:
        """The facts as the prompt and the store carry them (`prompting` shortens them)."""
        return {
            "issues": [asdict(issue) for issue in self.issues],
            "days_to_filing": self.days_to_filing,
            "trading_day": self.trading_day,
            "exchange_traded": self.exchange_traded,
            "name_match": self.name_match,
            "near": list(self.near),
        }


def reject(step: Step, field: str, issue_type: str, detail: str) -> Issue:
    """A defect that no model can overrule: the record cannot be used."""
    return Issue(step, field, issue_type, "critical", "defect", "reject", detail)


def doubt(step: Step, field: str, issue_type: str, detail: str, severity: Severity = "warning") -> Issue:
    """A defect or a doubt that a person should look at; the record is kept."""
    return Issue(step, field, issue_type, severity, "defect", "flag", detail)


def finding(step: Step, field: str, issue_type: str, detail: str, severity: Severity = "info") -> Issue:
    """Right and noteworthy: flagged, kept, used downstream."""
    return Issue(step, field, issue_type, severity, "finding", "flag", detail)
