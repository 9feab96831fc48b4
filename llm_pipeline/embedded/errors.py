"""The one error of the embedded server."""

from __future__ import annotations


class EmbeddedPostgresError(RuntimeError):
    """The embedded server could not be started, reached or stopped; the message says where and what to do."""
