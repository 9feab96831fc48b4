"""Which prompt a run asked with, as Dagster shows it."""

from __future__ import annotations


def prompt_metadata(version: str | None, newer: str | None) -> dict[str, str]:
    """The version that ran, and the newest candidate above it that waits for its evaluation and activation."""
    shown = {} if version is None else {"prompt_version": version}
    return shown if newer is None else shown | {"newer_prompt_waiting": newer}
