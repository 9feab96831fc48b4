"""From stored rows to the frame of trades that detection reads: sides, ranges, filers, one source a trade. Pure.

Belongs here: what of a stored row counts, and why a row does not. Reading rows is in `store.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from functools import reduce
from typing import Any

import polars as pl

from llm_pipeline.anomalies.detection.book import SCHEMA
from llm_pipeline.anomalies.detection.trade import Trade, side_of
from llm_pipeline.disclosures.amounts import RANGES, SPOUSE_OR_CHILD_OVER_1M
from llm_pipeline.reference.asof import Reference

STORED = pl.Schema(
    {
        "record_id": pl.String,
        "politician_id": pl.String,
        "transaction_date": pl.Date,
        "disclosure_date": pl.Date,
        "withdrawn_on": pl.Date,
        "ticker": pl.String,
        "asset_description": pl.String,
        "asset_type": pl.String,
        "transaction_type": pl.String,
        "amount_low": pl.Int64,
        "amount_high": pl.Int64,
        "owner": pl.String,
        "source_url": pl.String,
        "source": pl.String,
    }
)
"""Columns of a stored row. disclosure_date: the day it became public; withdrawn_on: the day its amendment did."""

PEOPLE = pl.Schema(
    {
        "politician_id": pl.String,
        "name": pl.String,
        "bioguide": pl.String,
        "chamber": pl.String,
        "state": pl.String,
    }
)
"""Columns of a stored politician."""

NO_FILER = "no_filer"
NO_TRADE_DATE = "no_trade_date"
UNKNOWN_SIDE = "unknown_side"
REPLACED = "replaced_when_published"
OTHER_SOURCE = "same_trade_in_another_source"


def frame_of_stored(rows: pl.DataFrame, people: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Stored rows with the columns of `book.SCHEMA` and `excluded`: why a row is no evidence, null where it is.

    Args:
        rows: with the columns of `STORED`, those of validated disclosures.
        people: with the columns of `PEOPLE`.
    """
    frame = (
        rows.join(_filers(people, reference), on="politician_id", how="left")
        .with_columns(
            ticker=pl.col("ticker").str.strip_chars().replace("", None),
            side=_mapped("transaction_type", rows, side_of),
            amount_index=_amount_index(),
        )
        .with_columns(asset=pl.coalesce("ticker", "asset_description", pl.lit("unnamed asset")))
    )
    return with_sectors(_with_exclusions(frame), reference)


def book_frame(frame: pl.DataFrame) -> pl.DataFrame:
    """What detection reads: the rows that count, in the columns of `book.SCHEMA`."""
    return frame.filter(pl.col("excluded").is_null()).select(pl.col(name).cast(kind) for name, kind in SCHEMA.items())


def trades_of(frame: pl.DataFrame) -> list[Trade]:
    """The rows of a frame as trades; rows without side or date are left out."""
    columns = (
        "record_id",
        "filer",
        "filer_key",
        "chamber",
        "transaction_date",
        "disclosure_date",
        "ticker",
        "asset_description",
        "asset_type",
        "side",
        "amount_index",
        "amount_low",
        "amount_high",
        "owner",
        "source_url",
        "withdrawn_on",
    )
    usable = frame.filter(pl.col("side").is_not_null() & pl.col("transaction_date").is_not_null())
    return [Trade(**row) for row in usable.select(columns).iter_rows(named=True)]


def _filers(people: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """Key and name of each filer: the bioguide id where it is known, else the politician's own id.

    Two spellings of one member are one filer, under the legislator's published name. Two filers of one name are told
    apart by their key.
    """
    official = {one.bioguide: one.full_name for one in reference.legislators}
    found: list[tuple[str, str, str, str]] = []
    names: dict[str, str] = {}
    for row in people.sort("politician_id").iter_rows(named=True):
        name = (row["name"] or "").strip() or row["politician_id"]
        bioguide = reference.bioguide_of(name, bioguide=row["bioguide"], chamber=row["chamber"], state=row["state"])
        key = bioguide or row["politician_id"]
        names.setdefault(key, official.get(key, name))
        found.append((row["politician_id"], key, "", row["chamber"] or ""))
    namesakes = {name for name in names.values() if list(names.values()).count(name) > 1}
    shown = {key: f"{name} ({key})" if name in namesakes else name for key, name in names.items()}
    return pl.DataFrame(
        [(politician, key, shown[key], chamber) for politician, key, _, chamber in found],
        schema={"politician_id": pl.String, "filer_key": pl.String, "filer": pl.String, "chamber": pl.String},
        orient="row",
    )


def _mapped(column: str, rows: pl.DataFrame, function: Any) -> pl.Expr:
    known = {value: function(value) for value in rows[column].unique().to_list() if value is not None}
    return pl.col(column).replace_strict(known, default=None, return_dtype=pl.String)


def _amount_index() -> pl.Expr:
    bands = [*RANGES, SPOUSE_OR_CHILD_OVER_1M]
    high = pl.col("amount_high")
    return reduce(
        lambda found, band: (
            pl.when((pl.col("amount_low") == band.low) & (high.is_null() if band.high is None else high == band.high))
            .then(band.index)
            .otherwise(found)
        ),
        bands,
        pl.lit(None, dtype=pl.Int64),
    )


def _with_exclusions(frame: pl.DataFrame) -> pl.DataFrame:
    """`excluded` by the first reason that applies.

    The same trade in two sources (a report and an export of such reports) counts once, as the source had it that
    published it first: later rows never displace an earlier one, so an old as-of date stays what it was. The n-th
    row of a trade in one source is the n-th in the other: the same trade listed twice in one report is two trades.
    """
    frame = frame.with_columns(
        excluded=pl.when(pl.col("filer_key").is_null())
        .then(pl.lit(NO_FILER))
        .when(pl.col("transaction_date").is_null())
        .then(pl.lit(NO_TRADE_DATE))
        .when(pl.col("side").is_null())
        .then(pl.lit(UNKNOWN_SIDE))
        .when(pl.col("withdrawn_on") <= pl.col("disclosure_date"))
        .then(pl.lit(REPLACED))
    )
    usable = frame.filter(pl.col("excluded").is_null())
    if usable["source"].n_unique() < 2:
        return frame
    trade = ["filer_key", "transaction_date", pl.col("asset").str.to_lowercase(), "side", "amount_low"]
    repeated = (
        usable.sort("disclosure_date", "record_id")
        .with_columns(nth=pl.int_range(pl.len()).over([*trade, pl.col("source").fill_null("")]))
        .sort("disclosure_date", "source", "record_id", nulls_last=True)
        .with_columns(place=pl.int_range(pl.len()).over([*trade, "nth"]))
        .filter(pl.col("place") > 0)
        .select("record_id", repeated=pl.lit(OTHER_SOURCE))
    )
    return (
        frame.join(repeated, on="record_id", how="left")
        .with_columns(excluded=pl.coalesce("excluded", "repeated"))
        .drop("repeated")
    )


def with_sectors(frame: pl.DataFrame, reference: Reference) -> pl.DataFrame:
    """The sector of each trade's company on its day; day by day only for tickers whose answer depends on the day."""
    if not (reference.ticker_sectors or reference.earlier_ticker_sectors):
        return frame.with_columns(sector=pl.lit(None, dtype=pl.String))
    known = frame["ticker"].drop_nulls().unique().sort()
    moving = [ticker for ticker in known if reference.sector_depends_on_day(ticker)]
    steady = frame.filter(pl.col("ticker").is_not_null() & ~pl.col("ticker").is_in(moving))
    first_days = steady.group_by("ticker").agg(pl.col("transaction_date").min())
    by_ticker = {ticker: reference.sector_of(ticker, day) for ticker, day in first_days.drop_nulls().iter_rows()}
    pairs = frame.filter(pl.col("ticker").is_in(moving)).select("ticker", "transaction_date").unique()
    by_day = pl.DataFrame(
        [
            (ticker, day, reference.sector_of(ticker, day))
            for ticker, day in pairs.drop_nulls().sort(pl.all()).iter_rows()
        ],
        schema={"ticker": pl.String, "transaction_date": pl.Date, "sector_then": pl.String},
        orient="row",
    )
    return (
        frame.join(by_day, on=["ticker", "transaction_date"], how="left")
        .with_columns(
            sector=pl.coalesce(
                "sector_then", pl.col("ticker").replace_strict(by_ticker, default=None, return_dtype=pl.String)
            )
        )
        .drop("sector_then")
    )


def by_id(trades: Iterable[Trade]) -> Mapping[str, Trade]:
    """Trades by their id."""
    return {trade.record_id: trade for trade in trades}


def newest_first(trades: Iterable[Trade], as_of: date) -> list[Trade]:
    """The trades that counted on a day, the newest first: what is shown as context."""
    known = (
        one for one in trades if one.disclosure_date <= as_of and (one.withdrawn_on is None or one.withdrawn_on > as_of)
    )
    return sorted(known, key=lambda one: (one.transaction_date, one.record_id), reverse=True)
