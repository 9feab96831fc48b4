"""Readers of published reference files, one module a kind; each takes a path, folder, glob or URL, maybe .gz.

Belongs here: what the bytes mean. A row that cannot be read is one line in `Reading.problems` that names file and
line, and the others go on; a file that is not what it should be is a SourceError.
"""

from llm_pipeline.reference.readers.rows import Reading, SourceError, strict

__all__ = ["Reading", "SourceError", "strict"]
