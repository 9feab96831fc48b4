"""The closed vocabularies of the sources, in the sources' own spelling.

Belongs here: which words the Senate's eFD and the Clerk of the House use, and how one source's shorthand
maps to the spelling this project stores. Does not belong here: parsing of free text."""

from __future__ import annotations

CHAMBERS: frozenset[str] = frozenset({"Senate", "House"})

TRANSACTION_TYPES: frozenset[str] = frozenset({"Purchase", "Sale (Full)", "Sale (Partial)", "Sale", "Exchange"})
"""eFD has Purchase, Sale (Full), Sale (Partial), Exchange; "Sale" is the Clerk's S, which does not say how
much."""

OWNERS: frozenset[str] = frozenset({"Self", "Spouse", "Joint", "Child", "Dependent"})
"""eFD writes Child, the Clerk writes Dependent Child (DC): kept apart, as filed."""

EXTRACTION_METHODS: frozenset[str] = frozenset(
    {"api", "html_table", "html_scrape", "pdf_text", "pdf_ocr", "manual", "file"}
)

# Asset types a Senate filer can choose on eFD. Reports print the sub-type alone ("Municipal Security");
# annual reports print the category before it ("Government Securities").
SENATE_ASSET_TYPES: frozenset[str] = frozenset(
    {
        "Stock",
        "Stock Option",
        "Corporate Bond",
        "Non-Public Stock",
        "Municipal Security",
        "US Treasury/Agency Security",
        "Other Securities",
        "Cryptocurrency",
        "Commodities/Futures Contract",
        "Mutual Fund",
        "Exchange Traded Fund/Note",
        "Stable Value Fund",
        "Foreign Bond",
        "American Depository Receipt",
        "Equity Index-Linked Note",
        "Hedge Fund",
        "Private Equity Fund",
        "Investment Club",
        "Bank Deposit",
        "Brokerage/Managed Account",
        "Common Trust Fund of a Bank",
        "Fixed",
        "Variable Annuity",
        "Equity-Indexed",
        "Whole",
        "Universal",
        "Variable",
        "Residential",
        "Commercial",
        "Unimproved Land",
        "Mineral Rights",
        "REIT",
        "Farm",
        "Other Property",
        "Limited Liability Company (LLC)",
        "Limited Partnership (LP)",
        "Limited Liability Limited Partnership (LLLP)",
        "Limited Liability Partnership (LLP)",
        "General Partnership",
        "Joint Venture",
        "Sole Proprietorship",
        "Closely Held Corporation",
        "IRA",
        "401(k), 403(b), or other Defined Contribution Plan.",
        "Defined Benefit Pension Plan",
        "Deferred Compensation",
        "Deferred Compensation - Cash",
        "Deferred Compensation - Other",
        "General Trust",
        "Blind",
        "Excepted",
        "Qualified Blind",
        "Qualified Diversified",
        "529 College Savings Plan",
        "529 Prepaid Tuition Plan",
        "Coverdell Education Savings Account",
        "UGMA/UTMA",
        "From a Business",
        "From an Individual",
        "Copyrights",
        "Patents",
        "Trademarks",
        "Royalties",
        "Other",
    }
)

SENATE_ASSET_CATEGORIES: frozenset[str] = frozenset(
    {
        "Accounts Receivable",
        "Annuity",
        "Business Entity",
        "Corporate Securities",
        "Education Savings Plans",
        "Foreign Bonds",
        "Government Securities",
        "Intellectual Property",
        "Investment Fund",
        "Life Insurance",
        "Mutual Funds",
        "Personal Property",
        "Real Estate",
        "Retirement Plans",
        "Trust",
    }
)

# The Clerk's two-letter codes as printed in square brackets on a House report, and their names.
HOUSE_ASSET_TYPES: dict[str, str] = {
    "4K": "401K and Other Non-Federal Retirement Accounts",
    "5C": "529 College Savings Plan",
    "5F": "529 Portfolio",
    "5P": "529 Prepaid Tuition Plan",
    "AB": "Asset-Backed Securities",
    "BA": "Bank Accounts, Money Market Accounts and CDs",
    "BK": "Brokerage Accounts",
    "CO": "Collectibles",
    "CS": "Corporate Securities (Bonds and Notes)",
    "CT": "Cryptocurrency",
    "DB": "Defined Benefit Pension",
    "DO": "Debts Owed to the Filer",
    "DS": "Delaware Statutory Trust",
    "EF": "Exchange Traded Funds (ETF)",
    "EQ": "Excepted/Qualified Blind Trust",
    "ET": "Exchange Traded Notes",
    "FA": "Farms",
    "FE": "Foreign Exchange Position (Currency)",
    "FN": "Fixed Annuity",
    "FU": "Futures",
    "GS": "Government Securities and Agency Debt",
    "HE": "Hedge Funds & Private Equity Funds (EIF)",
    "HN": "Hedge Funds & Private Equity Funds (non-EIF)",
    "IC": "Investment Club",
    "IH": "IRA (Held in Cash)",
    "IP": "Intellectual Property & Royalties",
    "IR": "IRA",
    "MA": "Managed Accounts (e.g., SMA and UMA)",
    "MF": "Mutual Funds",
    "MO": "Mineral/Oil/Solar Energy Rights",
    "OI": "Ownership Interest (Holding Investments)",
    "OL": "Ownership Interest (Engaged in a Trade or Business)",
    "OP": "Options",
    "OT": "Other",
    "PE": "Pensions",
    "PM": "Precious Metals",
    "PS": "Stock (Not Publicly Traded)",
    "RE": "Real Estate Invest. Trust (REIT)",
    "RF": "REIT (EIF)",
    "RN": "REIT (non-EIF)",
    "RP": "Real Property",
    "RS": "Restricted Stock Units (RSUs)",
    "SA": "Stock Appreciation Right",
    "ST": "Stocks (including ADRs)",
    "TR": "Trust",
    "VA": "Variable Annuity",
    "VI": "Variable Insurance",
    "WU": "Whole/Universal Insurance",
}

ASSET_TYPES: frozenset[str] = (
    SENATE_ASSET_TYPES | SENATE_ASSET_CATEGORIES | frozenset(HOUSE_ASSET_TYPES) | frozenset(HOUSE_ASSET_TYPES.values())
)

_TRANSACTION_SPELLINGS: dict[str, str] = {
    **{word.lower(): word for word in TRANSACTION_TYPES},
    "p": "Purchase",
    "s": "Sale",
    "s (partial)": "Sale (Partial)",
    "s (full)": "Sale (Full)",
    "e": "Exchange",
    "sale_full": "Sale (Full)",
    "sale_partial": "Sale (Partial)",
}

_OWNER_SPELLINGS: dict[str, str] = {
    **{word.lower(): word for word in OWNERS},
    "sp": "Spouse",
    "jt": "Joint",
    "dc": "Dependent",
    "dependent child": "Dependent",
}


def _folded(text: str) -> str:
    return " ".join(text.lower().split())


def transaction_type_of(text: str | None) -> str | None:
    """The stored spelling of a transaction type (House "sale_full", "S (partial)", "P" included), or None."""
    return _TRANSACTION_SPELLINGS.get(_folded(text)) if text else None


def owner_of(text: str | None) -> str | None:
    """The stored spelling of an owner (House "SP", "JT", "DC", "dependent" included), or None.

    The Clerk leaves the owner empty where the filer is the owner, but exports also leave it empty where
    they could not read it; so empty and "--" stay None and are not guessed to be Self."""
    return _OWNER_SPELLINGS.get(_folded(text)) if text else None


_ASSET_SPELLINGS: dict[str, str] = {
    **{word.lower(): word for word in ASSET_TYPES},
    **{code.lower(): name for code, name in HOUSE_ASSET_TYPES.items()},
}


def asset_type_of(text: str | None) -> str | None:
    """The stored spelling of an asset type; the Clerk's codes become their names. None where it is not a
    type."""
    return _ASSET_SPELLINGS.get(_folded(text).strip("[]")) if text else None
