"""One spelling for committee codes and tickers; pure. Sources disagree in case, in dots and in trailing zeros."""

from __future__ import annotations

MAIN_CODE_LENGTH = 4


def committee_code(text: str) -> str:
    """The code as the unitedstates project writes it: "ssbk00" (api.congress.gov) is SSBK, "hsii24" is HSII24."""
    code = text.strip().upper()
    return code[:MAIN_CODE_LENGTH] if len(code) == MAIN_CODE_LENGTH + 2 and code.endswith("00") else code


def main_committee(code: str) -> str:
    """The committee that a subcommittee belongs to; a main committee is its own."""
    return committee_code(code)[:MAIN_CODE_LENGTH]


def ticker_code(text: str) -> str:
    """Upper case, the share class after a hyphen: "brk.b" and "BRK/B" are BRK-B."""
    return text.strip().upper().replace(".", "-").replace("/", "-").replace(" ", "-")
