"""Lists of sectors as files write them: GICS names with semicolons between."""

from __future__ import annotations

from llm_pipeline.reference.readers.rows import shown
from llm_pipeline.reference.records import GICS_SECTORS


def sectors_of(text: str) -> tuple[str, ...]:
    """The sectors in the order of GICS_SECTORS, each once.

    Raises:
        ValueError: one of them is no GICS sector.
    """
    named = {part.strip() for part in text.split(";") if part.strip()}
    if unknown := sorted(named - set(GICS_SECTORS)):
        raise ValueError(f"{shown(unknown[0])} is no GICS sector")
    return tuple(sector for sector in GICS_SECTORS if sector in named)


def sector_of(text: str) -> str | None:
    """The sector of a ticker, None where the cell is empty.

    Raises:
        ValueError: it is no GICS sector, or there are several.
    """
    sectors = sectors_of(text)
    if len(sectors) > 1:
        raise ValueError(f"a ticker has one sector, not {len(sectors)}")
    return sectors[0] if sectors else None
