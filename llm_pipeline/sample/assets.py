"""What the invented filers trade: well-known listed companies by sector, and papers without a ticker.

Names are spelt as the companies themselves do, so that a name check finds nothing to say about a clean row.
"""

from __future__ import annotations

from dataclasses import dataclass

_STOCKS = {
    "Information Technology": """
AAPL|Apple Inc.  MSFT|Microsoft Corporation  NVDA|NVIDIA Corporation  ORCL|Oracle Corporation
CSCO|Cisco Systems, Inc.  INTC|Intel Corporation  IBM|International Business Machines Corporation
QCOM|QUALCOMM Incorporated  TXN|Texas Instruments Incorporated  ADBE|Adobe Inc.""",
    "Health Care": """
JNJ|Johnson & Johnson  PFE|Pfizer Inc.  MRK|Merck & Co., Inc.  ABBV|AbbVie Inc.
LLY|Eli Lilly and Company  AMGN|Amgen Inc.  GILD|Gilead Sciences, Inc.  MDT|Medtronic plc
UNH|UnitedHealth Group Incorporated""",
    "Financials": """
JPM|JPMorgan Chase & Co.  BAC|Bank of America Corporation  WFC|Wells Fargo & Company
GS|The Goldman Sachs Group, Inc.  MS|Morgan Stanley  C|Citigroup Inc.  USB|U.S. Bancorp
AXP|American Express Company""",
    "Energy": """
XOM|Exxon Mobil Corporation  CVX|Chevron Corporation  COP|ConocoPhillips  SLB|Schlumberger Limited
EOG|EOG Resources, Inc.  OXY|Occidental Petroleum Corporation  VLO|Valero Energy Corporation
PSX|Phillips 66  HAL|Halliburton Company  DVN|Devon Energy Corporation""",
    "Industrials": """
BA|The Boeing Company  LMT|Lockheed Martin Corporation  NOC|Northrop Grumman Corporation
GD|General Dynamics Corporation  CAT|Caterpillar Inc.  DE|Deere & Company
HON|Honeywell International Inc.  UPS|United Parcel Service, Inc.  FDX|FedEx Corporation""",
    "Consumer Discretionary": """
AMZN|Amazon.com, Inc.  HD|The Home Depot, Inc.  MCD|McDonald's Corporation  NKE|NIKE, Inc.
SBUX|Starbucks Corporation  LOW|Lowe's Companies, Inc.  TSLA|Tesla, Inc.  F|Ford Motor Company""",
    "Consumer Staples": """
PG|The Procter & Gamble Company  KO|The Coca-Cola Company  PEP|PepsiCo, Inc.  WMT|Walmart Inc.
COST|Costco Wholesale Corporation  CL|Colgate-Palmolive Company  GIS|General Mills, Inc.""",
    "Communication Services": """
T|AT&T Inc.  VZ|Verizon Communications Inc.  DIS|The Walt Disney Company  NFLX|Netflix, Inc.
CMCSA|Comcast Corporation""",
    "Utilities": """
NEE|NextEra Energy, Inc.  DUK|Duke Energy Corporation  SO|The Southern Company  D|Dominion Energy, Inc.
EXC|Exelon Corporation""",
    "Materials": """
LIN|Linde plc  FCX|Freeport-McMoRan Inc.  NEM|Newmont Corporation  DOW|Dow Inc.  NUE|Nucor Corporation""",
    "Real Estate": """
PLD|Prologis, Inc.  O|Realty Income Corporation  SPG|Simon Property Group, Inc.  PSA|Public Storage""",
}

_BONDS = (
    "Marrowdale TX Indpt Sch Dist Rfdg|4.00%|08/15/2037",
    "Fennel County OH Wtr & Swr Rev|3.25%|12/01/2041",
    "Tarn Valley CA Uni Sch Dist|5.0%|02/01/2034",
    "Osprey Harbor WA Port Auth Rev|3.50%|06/01/2039",
)
_PRIVATE = (
    "Lantern & Sedge Holdings, LLC|Duluth, MN|Regional craft distillery",
    "Kestrel Loom Analytics, Inc.|Boise, ID|Agricultural data company",
)


@dataclass(frozen=True)
class Asset:
    """A paper. `kind` is eFD's asset type; `notes` are the label and text pairs that eFD prints below the
    name."""

    name: str
    kind: str
    ticker: str | None = None
    sector: str = ""
    notes: tuple[tuple[str, str], ...] = ()


def _stocks() -> dict[str, tuple[Asset, ...]]:
    return {
        sector: tuple(
            Asset(name, "Stock", ticker, sector)
            for line in block.strip().splitlines()
            for ticker, name in (entry.split("|") for entry in line.split("  "))
        )
        for sector, block in _STOCKS.items()
    }


STOCKS_BY_SECTOR = _stocks()
STOCKS: tuple[Asset, ...] = tuple(asset for assets in STOCKS_BY_SECTOR.values() for asset in assets)
BONDS: tuple[Asset, ...] = tuple(
    Asset(name, "Municipal Security", notes=(("Rate/Coupon:", rate), ("Matures:", matures)))
    for name, rate, matures in (bond.split("|") for bond in _BONDS)
)
PRIVATE: tuple[Asset, ...] = tuple(
    Asset(name, "Non-Public Stock", notes=(("Company:", f"{name} ({place})"), ("Description:", what)))
    for name, place, what in (firm.split("|") for firm in _PRIVATE)
)
