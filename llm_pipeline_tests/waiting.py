"""Waiting in tests for what another thread, process or server does."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(true: Callable[[], bool], patience_s: float = 120.0) -> None:
    """Wait for something to become true; a test whose something never does fails here instead of hanging.

    Patience is for a machine that is busy with other tests; nothing here measures how long a thing takes.
    """
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, f"still untrue after {patience_s:.0f} s"
        time.sleep(0.02)
