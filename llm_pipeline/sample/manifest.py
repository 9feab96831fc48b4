"""What a sample contains and what the pipeline should make of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

Status = Literal["pass", "flag", "reject"]
FilingState = Literal["parsed", "empty", "failed", "superseded"]


@dataclass(frozen=True, order=True)
class RowIdentity:
    """One row of one filing, as the pipeline identifies it; `row_ordinal` counts from 1."""

    source: str
    source_document_id: str
    row_ordinal: int


@dataclass(frozen=True)
class PlantedRow:
    """A row that is not ordinary. `accept` are all verdicts that count as right, `expected` the best one."""

    row: RowIdentity
    kind: str
    expected: Status
    accept: tuple[Status, ...]
    detail: str = ""


@dataclass(frozen=True)
class PlantedAnomaly:
    """A pattern over several trades that detection should find. Days are transaction dates, both
    inclusive."""

    kind: str
    classification: str
    filers: tuple[str, ...]
    start: date
    end: date
    rows: tuple[RowIdentity, ...]
    detail: str = ""


@dataclass(frozen=True)
class SampleFiling:
    """One filing of the sample and the state in which the ingest ledger should show it."""

    source: str
    source_document_id: str
    disclosed: date
    rows: int
    state: FilingState


@dataclass(frozen=True)
class SampleManifest:
    """Everything there is to know about a written sample; also in `manifest.json` beside the two folders."""

    seed: int
    start: date
    end: date
    filings: tuple[SampleFiling, ...]
    planted: tuple[PlantedRow, ...]
    anomalies: tuple[PlantedAnomaly, ...]
    folder: Path = field(compare=False)

    @property
    def senate(self) -> Path:
        """Location to give to the source senate_efd."""
        return self.folder / "senate"

    @property
    def house(self) -> Path:
        """Location to give to the sources house_stock_watcher and house_ptr."""
        return self.folder / "house"

    @property
    def disclosures(self) -> int:
        """Rows that end up in the table of disclosures, superseded ones included."""
        return sum(filing.rows for filing in self.filings)

    def planted_row(self, source: str, source_document_id: str, row_ordinal: int) -> PlantedRow | None:
        """What was planted there; None for an ordinary row, which should pass."""
        return self._by_row().get(RowIdentity(source, source_document_id, row_ordinal))

    def _by_row(self) -> dict[RowIdentity, PlantedRow]:
        return {planted.row: planted for planted in self.planted}

    def counts(self) -> dict[str, int]:
        """Planted rows per kind."""
        return dict(Counter(planted.kind for planted in self.planted))

    def as_json(self) -> dict[str, Any]:
        """The manifest without the folder; days as ISO text."""
        value = asdict(self)
        del value["folder"]
        return {**value, "disclosures": self.disclosures}
