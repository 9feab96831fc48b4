"""A bundle as one HTML page and one JSON file, each complete in itself: no script, no address is fetched."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Any

from llm_pipeline.anomalies.bundle import Bundle
from llm_pipeline.db.bulk import clean_json

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1d2330;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin-bottom:.2rem}h2{font-size:1.1rem;margin-top:2rem;border-bottom:1px solid #d8dbe2}
table{border-collapse:collapse;width:100%;font-size:.85rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem;border-bottom:1px solid #e6e8ee}
th{font-weight:600;color:#4b5468}
code{font-size:.8rem;word-break:break-all}
.notice{background:#fdf4dc;padding:.6rem .9rem;border-left:4px solid #c99a1a}.cited{background:#f3f7ff}
svg,img{max-width:100%;height:auto}.num{text-align:right;font-variant-numeric:tabular-nums}
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_SAFE_ADDRESS = re.compile(r"https?://[^\s\"'<>]+\Z", re.IGNORECASE)


def write_bundle(bundle: Bundle, folder: Path) -> tuple[Path, Path]:
    """Write `<signal id>.html` and `<signal id>.json` into a folder that is made if missing.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = re.sub(r"[^A-Za-z0-9_-]", "_", bundle.signal_id)
    page, data = folder / f"{name}.html", folder / f"{name}.json"
    page.write_text(render_page(bundle), encoding="utf-8")
    text = json.dumps(clean_json(bundle.document), default=_plain, ensure_ascii=False, indent=1)
    data.write_text(text + "\n", encoding="utf-8")
    return page, data


def render_page(bundle: Bundle) -> str:
    """The page. All text from filings and models is escaped; only http(s) addresses become links."""
    from llm_pipeline.anomalies.plot import data_uri, draw_evidence  # matplotlib takes 0.4 s to import

    document = clean_json(bundle.document)
    signal, review, model = document["signal"], document["review"], document["model"]
    own = frozenset(bundle.candidate.trade_ids)
    svg = draw_evidence(bundle.trades, own, bundle.candidate.events, bundle.candidate.as_of_date)
    advice = signal["trading_signal"]
    parts = [
        f"<h1>{_text(signal['classification'])}: {_text(signal['filer'])}</h1>",
        f"<p>First seen as of {_text(signal['as_of_date'])}, evidence as of {_text(signal['evidence_as_of'])}, last "
        f"seen {_text(signal['last_seen'])} · severity "
        f"<b>{_text(signal['severity'])}</b> · confidence <b>{_text(signal['confidence'])}</b> of 10 · review: "
        f"<b>{_text(review['review_status'])}</b> · {_text(signal['status'])}</p>",
        f"<p class=notice>{_text(document['notice'])}</p>",
        _withdrawn(signal["status"]),
        f"<p>{_text(signal['reasoning'])}</p><p><i>{_text(signal['self_verification_notes'])}</i></p>",
        f"<img alt='Trades over time and counts per 30 days' src='{data_uri(svg, 'svg')}'>",
        "<h2>Numbers</h2>",
        _table(
            ("what", "value", "n", "method"),
            [(one["name"], one["value"], one["n"], one["method"]) for one in document["numbers"]],
            numeric=(1, 2),
        ),
        _list(document["cautions"]),
        f"<p>Thresholds {_text(document['thresholds']['version'])} "
        f"<code>{_text(document['thresholds']['sha256'])}</code></p>",
        "<h2>Trades</h2><p>Shaded: cited by the model.</p>",
        _trades(document["trades"]),
        "<h2>Events</h2>",
        _events(document["events"]),
        f"<p>Legislative proximity score: {_text(document['proximity_score'])}</p>",
        "<h2>What was not found</h2>",
        _list(document["not_found"]),
        "<h2>What an outsider could do</h2>",
        f"<p>{_text(advice['direction'])}, {_text(', '.join(advice['suggested_tickers']) or 'no ticker')}, "
        f"{_text(advice['time_horizon'].replace('_', ' '))}, conviction {_text(advice['conviction'])} of 10. "
        "Not investment advice.</p>",
        "<h2>Model and review</h2>",
        _table(("what", "value"), [(k, v) for k, v in model.items() if k != "claims_refused"]),
        f"<p>Other claims of the same answer that were refused: {len(model['claims_refused'])}.</p>",
        _table(("what", "value"), list(review.items())),
        "<h2>Seen on</h2>",
        _table(("as of", "trades"), [(one["as_of_date"], one["trades"]) for one in document["sightings"]]),
        "<h2>Decisions so far</h2>",
        _table(
            ("evidence as of", "decided", "outcome", "severity", "confidence", "why", "evidence replaced"),
            [
                (
                    one["evidence_as_of"],
                    one["decided_at"],
                    one["outcome"],
                    one["severity"],
                    one["confidence"],
                    one["explanation"],
                    one["superseded_at"],
                )
                for one in document["decisions"]
            ],
        ),
        f"<p>Grounding checked again when this page was written ({_text(document['written_at'])}): "
        f"{len(document['checks']['grounding_problems'])} problems.</p>",
        _list(document["checks"]["grounding_problems"]),
        f"<p>Signal <code>{_text(signal['signal_id'])}</code>, "
        f"candidate <code>{_text(signal['candidate_id'])}</code></p>",
    ]
    title = _text(f"{signal['classification']}: {signal['filer']}")
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv=Content-Security-Policy content="{_POLICY}">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body>" + "\n".join(parts) + "</body></html>\n"
    )


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, date | datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form: {value!r}")


def _text(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, Decimal):
        return escape(f"{value:.4g}" if value != value.to_integral_value() else f"{int(value):,}")
    if isinstance(value, dict | list):
        return escape(json.dumps(value, default=_plain, ensure_ascii=False))
    return escape(str(value), quote=True)


def _withdrawn(status: str) -> str:
    if status != "withdrawn":
        return ""
    return (
        "<p class=notice><b>Withdrawn.</b> This signal does not stand any more: its evidence changed, or a later "
        "decision did not uphold it. Decisions so far are below.</p>"
    )


def _table(head: tuple[str, ...], rows: list[tuple[Any, ...]], numeric: tuple[int, ...] = ()) -> str:
    lines = ["<table><tr>" + "".join(f"<th>{_text(name)}</th>" for name in head) + "</tr>"]
    for row in rows:
        cells = (
            f"<td{' class=num' if column in numeric else ''}>{_text(value)}</td>" for column, value in enumerate(row)
        )
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return "\n".join((*lines, "</table>"))


def _list(items: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{_text(item)}</li>" for item in items) + "</ul>" if items else ""


def _link(address: str | None, words: str) -> str:
    if address and _SAFE_ADDRESS.match(address):
        return f"<a rel=noreferrer href='{_text(address)}'>{_text(words)}</a>"
    return _text(words)


def _trades(trades: list[dict[str, Any]]) -> str:
    head = ("made", "public", "filer", "asset", "side", "amount", "report", "validated", "hashes")
    lines = ["<table><tr>" + "".join(f"<th>{name}</th>" for name in head) + "</tr>"]
    for one in trades:
        chain = one["provenance"]
        hashes = (
            "none"
            if chain is None
            else f"source <code>{_text(chain['source_hash'])}</code><br>row <code>{_text(chain['loaded_hash'])}</code>"
            f"<br>chain of {_text(chain['steps'])} <code>{_text(chain['chain_hash'])}</code>"
        )
        report = (
            f"{one['source'] or 'unknown source'} {one['source_document_id'] or ''} row {one['row_ordinal'] or '?'}"
        )
        cells = (
            _text(one["date"]),
            _text(one["disclosed"]),
            _text(one["filer"]),
            f"<b>{_text(one['ticker'] or '')}</b> {_text(one['asset'])}",
            _text(one["side"]),
            _text(one["amount"]),
            f"{_link(one['source_url'], report)}<br><code>{_text(one['record_id'])}</code>",
            _text(one["validation_status"]) + (" (since replaced)" if one["superseded_by"] else ""),
            hashes,
        )
        shade = " class=cited" if one["cited"] else ""
        lines.append(f"<tr{shade}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join((*lines, "</table>"))


def _events(events: list[dict[str, Any]]) -> str:
    if not events:
        return "<p>None on record near these trades.</p>"
    lines = ["<table><tr><th>day</th><th>what</th><th>trades before / after</th><th>nearest</th><th>source</th></tr>"]
    for one in events:
        nearest = f"{abs(one['days_before'])} days {'before' if one['days_before'] >= 0 else 'after'}"
        cells = (
            _text(one["date"]),
            f"{_text(one['kind'].replace('_', ' '))} {_text(one['committee'] or '')}: {_text(one['title'])}<br>"
            f"{_text(', '.join(one['sectors']))} <code>{_text(one['event_id'])}</code>",
            f"{_text(one['trades_before'])} / {_text(one['trades_after'])}",
            _text(nearest),
            _link(one["source"], one["source"]),
        )
        shade = " class=cited" if one["cited"] else ""
        lines.append(f"<tr{shade}>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "\n".join((*lines, "</table>"))
