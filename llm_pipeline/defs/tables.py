"""Small tables as metadata of a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import dagster as dg


def table(columns: dict[str, str], rows: Sequence[dict[str, Any]]) -> dg.TableMetadataValue:
    """A table with the columns named, each with its type."""
    return dg.MetadataValue.table(
        records=[dg.TableRecord(row) for row in rows],
        schema=dg.TableSchema([dg.TableColumn(name, kind) for name, kind in columns.items()]),
    )
