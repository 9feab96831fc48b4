"""Signals, prices and trades planted in a real database, and an account of them by pandas alone."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from uuid import UUID, uuid5

import pandas as pd
from psycopg import Connection

from llm_pipeline.feedback.signal import Signal
from llm_pipeline.reference.records import PriceSeries
from llm_pipeline.reference.store import store_prices, store_ticker_changes
from llm_pipeline_tests.anomalies.stored import Row, store
from llm_pipeline_tests.feedback.scenes import FIRST, LAST, signal, walk

NAMESPACE = UUID("feedbacc-0000-5000-8000-000000000000")
NOW = datetime(2021, 2, 1, tzinfo=UTC)
TICKERS = tuple(f"T{n:02d}" for n in range(16))
UNPRICED = ("NOPE", "GONE")
CLASSES = ("FREQUENCY_SPIKE", "SECTOR_CLUSTER", "TIMING_ANOMALY", "AMOUNT_ANOMALY", "COORDINATED_PATTERN")


@cache
def _walks() -> tuple[PriceSeries, ...]:
    return (*(walk(one, "stored") for one in TICKERS), walk("SPY", "stored", 0.01))


def plant_prices(conn: Connection[Any], *others: Any) -> None:
    """A walk for each ticker and SPY over 2020, and other series."""
    with conn.cursor() as cur:
        store_prices(cur, [*_walks(), *others])
    conn.commit()


def plant_changes(conn: Connection[Any], *changes: Any) -> None:
    """Changes of tickers."""
    with conn.cursor() as cur:
        store_ticker_changes(cur, changes, NOW)
    conn.commit()


def plant_signals(conn: Connection[Any], signals: Iterable[Signal]) -> None:
    """Active signals with the audit row of the answer that made each."""
    for one in signals:
        audit = uuid5(NAMESPACE, f"{one.prompt_version} {one.model}")
        conn.execute(
            """INSERT INTO llm_audit_trail (id, service_name, prompt_version, model_used, status)
               VALUES (%s, 'anomaly_detection', %s, %s, 'ok') ON CONFLICT DO NOTHING""",
            [audit, one.prompt_version, one.model],
        )
        conn.execute(
            """INSERT INTO llm_anomaly_signals (signal_id, candidate_id, as_of_date, filer, classification, severity,
                   confidence, trades_involved, trading_signal, audit_trail_id)
               VALUES (%s, %s, %s, 'Quillon A Featherbarrow', %s, 'low', %s, '[]', %s, %s)""",
            [
                one.signal_id,
                f"c {one.signal_id}",
                one.as_of_date,
                one.classification,
                one.confidence,
                json.dumps({"direction": one.direction, "suggested_tickers": list(one.tickers)}),
                audit,
            ],
        )
    conn.commit()


def plant_trades(conn: Connection[Any], first: date = FIRST, last: date = LAST) -> None:
    """A disclosure of every ticker each 30 days, for random signals to draw from."""
    rows, day = [], first
    while day <= last:
        rows += [Row(f"{day} {one}", "Quillon A Featherbarrow", day - timedelta(days=9), day, one) for one in TICKERS]
        day += timedelta(days=30)
    store(conn, rows)


def year_of_signals(count: int = 90, seed: int = 5) -> list[Signal]:
    """Signals of every kind over the year."""
    own = random.Random(seed)
    return [
        signal(
            f"s{n:03d}",
            as_of_date=FIRST + timedelta(days=own.randrange(0, 350)),
            classification=own.choice(CLASSES),
            direction=own.choices(("long", "short", "neutral"), (5, 3, 1))[0],
            tickers=tuple(own.sample((*TICKERS, *UNPRICED), own.randrange(1, 4))),
            confidence=own.randrange(3, 11),
            prompt_version=own.choice(("1.0.0", "1.1.0")),
            model=own.choice(("one", "two")),
        )
        for n in range(count)
    ]


def accounted(conn: Connection[Any], signals: Iterable[Signal], end: date, horizon: int) -> pd.DataFrame:
    """What became of signals by `end`, from the table of prices alone: one row a signal."""
    rows = conn.execute("SELECT day, ticker, adj_close::double precision FROM market_prices").fetchall()
    closes = pd.DataFrame(rows, columns=["day", "ticker", "close"]).pivot(index="day", columns="ticker", values="close")
    closes = closes[closes.index < end]
    found = []
    for one in signals:
        sign = -1 if one.direction == "short" else 1
        after = closes[closes.index > one.as_of_date]
        priced = [ticker for ticker in one.tickers if ticker in closes]
        row: dict[str, Any] = {
            "classification": one.classification,
            "prompt_version": one.prompt_version,
            "model": one.model,
            "confidence": one.confidence,
            "neutral": one.direction == "neutral",
            "ret": None,
            "alpha": None,
            # a week without a close of it, and the price is given up
            "unpriced": not priced and len(after) > 0 and after.index[0] + timedelta(days=7) < end,
        }
        given_up = all(t in closes or (len(after) and after.index[0] + timedelta(days=7) < end) for t in one.tickers)
        if priced and given_up and len(after) > horizon:
            growth = after.iloc[horizon] / after.iloc[0] - 1
            row["ret"] = sign * 100 * growth[priced].mean()
            row["alpha"] = sign * 100 * (growth[priced] - growth["SPY"]).mean()
        found.append(row)
    frame = pd.DataFrame(found).astype({"ret": float, "alpha": float})
    frame["closed"] = frame["ret"].notna() & ~frame["neutral"]
    frame["hit"] = frame["ret"] > 0
    return frame
