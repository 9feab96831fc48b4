"""What a reader is: a name, the files it looks for in a folder, and a function from bytes to filings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import BinaryIO

from llm_pipeline.disclosures.filing import Filing, broken_filing
from llm_pipeline.disclosures.readers.location import SourceError, find_documents, open_document

STOCK_ACT_REPORTS = date(2012, 1, 1)
"""Periodic transaction reports exist since the STOCK Act, Pub. L. 112-105 of 2012; an earlier date is a
mistake."""


@dataclass(frozen=True)
class Reader:
    """A source's reader.

    `read(name, stream)` yields one Filing per report and never raises for one bad report; it raises
    ValueError where the file as a whole is not what it should be. `earliest` is the first day the source
    can have published."""

    source: str
    patterns: tuple[str, ...]
    read: Callable[[str, BinaryIO], Iterator[Filing]]
    earliest: date = STOCK_ACT_REPORTS

    def filings(self, location: str | Path) -> Iterator[Filing]:
        """Every filing at a location.

        One unreadable file among several is a broken filing "NAME#0" and the others go on.

        Raises:
            SourceError: the location names nothing, or its only file cannot be read.
        """
        documents = find_documents(location, self.patterns)
        for document in documents:
            try:
                with open_document(document) as stream:
                    yield from self.read(document.name, stream)
            except (SourceError, ValueError) as error:
                message = str(error) if isinstance(error, SourceError) else f"cannot read {document.where}: {error}"
                if len(documents) == 1:
                    raise SourceError(message) from error
                yield broken_filing(self.source, f"{document.name}#0", document.where, message)
