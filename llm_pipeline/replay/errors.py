"""Why a past call cannot be asked again. Each message is one line fit for a person: what, where, what to do."""

from __future__ import annotations


class ReplayError(ValueError):
    """A call or a run that cannot be replayed."""


class UnknownCallError(ReplayError):
    """No audit row or shadow run has this id, or its request was never stored."""


class BrokenRequestError(ReplayError):
    """The stored request is no request of the gateway, or not the one that its audit row describes."""


class EvidenceNotRecoveredError(ReplayError):
    """The evidence of a call cannot be read back from its request with certainty."""


class CandidateError(ReplayError):
    """The model, the version or the template to compare with is not usable."""
