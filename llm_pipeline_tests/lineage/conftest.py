from __future__ import annotations

from pathlib import Path

import pytest

from llm_pipeline_tests.lineage.stored import Connection, load_sample


@pytest.fixture
def loaded(db: Connection, tmp_path: Path) -> Connection:
    """A database with the small sample, committed."""
    load_sample(db, tmp_path)
    db.commit()
    return db
