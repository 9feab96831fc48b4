"""The registry of sources: a new source is a new module with a READER, named here."""

from __future__ import annotations

from llm_pipeline.disclosures.readers import house_ptr_parsed, house_stock_watcher, senate_daily_json
from llm_pipeline.disclosures.readers.location import SourceError
from llm_pipeline.disclosures.readers.reader import Reader

READERS: dict[str, Reader] = {
    reader.source: reader for reader in (senate_daily_json.READER, house_stock_watcher.READER, house_ptr_parsed.READER)
}


def reader_for(source: str) -> Reader:
    """The reader of a source.

    Raises:
        SourceError: no such source; the message names those there are.
    """
    if source not in READERS:
        raise SourceError(f"no source is called {source!r}; there are {', '.join(sorted(READERS))}")
    return READERS[source]


__all__ = ["READERS", "Reader", "SourceError", "reader_for"]
