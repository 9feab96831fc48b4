"""What a disclosure's address should look like.

Belongs here: the official addresses of filed reports. Senate reports are on eFD (efdsearch.senate.gov, a
report named by its UUID), House reports are PDF files of the Clerk (disclosures-clerk.house.gov, a file
named by its document id under the filing year). Anything else is a copy, a truncation or a typing error.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

SENATE_HOST = "efdsearch.senate.gov"
HOUSE_HOST = "disclosures-clerk.house.gov"

_ADDRESS = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>[^/?#]*)(?P<path>/[^?#]*)?(?P<rest>[?#].*)?")
_UUID = r"[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}"
_SENATE_PATH = re.compile(rf"/search/(?:view|print)/(?:ptr|paper|annual)/{_UUID}/?")
_HOUSE_PATH = re.compile(r"/public_disc/(?:ptr-pdfs|financial-pdfs)/(?P<year>20[0-9]{2})/[0-9]{7,8}\.pdf")


class SourceUrl(NamedTuple):
    """What an address says: `chamber` by its host (None = neither), `fault` in words (None = complete
    and official).
    """

    chamber: str | None
    fault: str | None


@lru_cache(maxsize=65_536)
def read_source_url(text: str) -> SourceUrl:
    """Judge one address. Letter case of scheme, host and UUID, and the final slash of eFD, do not matter."""
    found = _ADDRESS.fullmatch(text.strip())
    if not found:
        return SourceUrl(None, "not a web address")
    host, path = found["host"].lower(), found["path"] or "/"
    chamber = {SENATE_HOST: "Senate", HOUSE_HOST: "House"}.get(host)
    if chamber is None:
        return SourceUrl(None, f"the host is neither {SENATE_HOST} nor {HOUSE_HOST}")
    if found["scheme"].lower() != "https":
        return SourceUrl(chamber, "the scheme is not https")
    if found["rest"]:
        return SourceUrl(chamber, "a report's address has no query or fragment")
    if chamber == "Senate" and not _SENATE_PATH.fullmatch(path):
        return SourceUrl(chamber, "not the address of one eFD report with its complete UUID")
    if chamber == "House" and not _HOUSE_PATH.fullmatch(path):
        return SourceUrl(chamber, "not the address of one Clerk PDF with its year and document id")
    return SourceUrl(chamber, None)
