"""A run in a process of its own, for a test that kills it: arguments are database URL, model URL, home folder."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from llm_pipeline_tests.validation.service.runs import settings, validating

if __name__ == "__main__":
    database_url, model_url, home = sys.argv[1:]
    asyncio.run(validating(database_url, settings(Path(home), model_url), run_id="killed"))
