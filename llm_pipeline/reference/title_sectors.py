"""Which GICS sectors a hearing or vote concerns, by words of its title; pure.

The table is short on purpose and errs on the side of naming nothing: an event without a sector is only not related to
a trade, while a wrong one would be evidence against somebody. Words are matched whole and in any case.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from llm_pipeline.reference.codes import committee_code, main_committee
from llm_pipeline.reference.records import GICS_SECTORS

_WORDS: Mapping[str, str] = {
    "Communication Services": "broadband, spectrum policy, spectrum auction, telecommunications, 5G, broadcasting, "
    "social media, federal communications commission, wireless, online platforms",
    "Consumer Discretionary": "automobile, automobiles, automotive, automakers, autonomous vehicles, vehicle safety, "
    "retailers, e-commerce, tourism, travel industry, gaming industry",
    "Consumer Staples": "agriculture, agricultural, farm, farms, farmers, food, nutrition, tobacco, dairy, livestock, "
    "meatpacking",
    "Energy": "energy, oil, natural gas, pipeline, pipelines, petroleum, offshore drilling, coal, "
    "nuclear regulatory commission, LNG",
    "Financials": "bank, banks, banking, financial, securities and exchange commission, credit union, credit unions, "
    "federal reserve, monetary policy, insurance, capital markets, commodity futures, cryptocurrency, "
    "digital assets, stablecoins, export-import, lending, mortgage, mortgages",
    "Health Care": "health, healthcare, medicare, medicaid, drug prices, drug pricing, prescription drugs, vaccine, "
    "vaccines, covid-19, coronavirus, pandemic, hospital, hospitals, pharmaceutical, medical, disease, "
    "diseases, opioid, food and drug administration, alzheimer's, cancer, telehealth",
    "Industrials": "defense, military, aviation, aerospace, airline, airlines, transportation, infrastructure, "
    "highway, highways, railroad, railroads, shipbuilding, navy, air force, army, weapons, manufacturing",
    "Information Technology": "cyber, cybersecurity, semiconductor, semiconductors, data privacy, privacy, "
    "artificial intelligence, software, internet, quantum computing, cloud computing",
    "Materials": "mining, minerals, steel, aluminum, chemical, chemicals, rare earth, rare earths, forestry",
    "Real Estate": "housing, mortgage, mortgages, real estate, homeownership, rental assistance",
    "Utilities": "electricity, electric grid, power grid, utilities, hydropower, drinking water, water infrastructure",
}

# Phrases in which one of the words means something else, and what is read in their place.
_READ_AS: Mapping[str, str] = {
    "health insurance": "health",
    "unemployment insurance": "",
    "talent pipeline": "",
    "school-to-prison pipeline": "",
}


def _pattern(words: str) -> re.Pattern[str]:
    choices = "|".join(re.escape(word.strip()) for word in words.split(","))
    return re.compile(rf"(?<!\w)(?:{choices})(?!\w)", re.IGNORECASE)


_PATTERNS = {sector: _pattern(words) for sector, words in _WORDS.items()}
_PHRASES = _pattern(", ".join(_READ_AS))


def sectors_in_title(title: str) -> tuple[str, ...]:
    """The sectors whose words the title has, in the order of GICS_SECTORS."""
    text = _PHRASES.sub(lambda found: _READ_AS[found.group().lower()], title)
    return tuple(sector for sector in GICS_SECTORS if _PATTERNS[sector].search(text))


def event_sectors(
    title: str, committee_codes: Iterable[str], committee_sectors: Mapping[str, tuple[str, ...]]
) -> tuple[str, ...]:
    """The sectors an event without tags of its own concerns: by its title, or else those of its committees."""
    if found := sectors_in_title(title):
        return found
    named = {sector for code in committee_codes for sector in sectors_of_committee(code, committee_sectors)}
    return tuple(sector for sector in GICS_SECTORS if sector in named)


def sectors_of_committee(code: str, committee_sectors: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """The sectors of a committee; a subcommittee that is not listed has those of its committee."""
    code = committee_code(code)
    return committee_sectors.get(code, committee_sectors.get(main_committee(code), ()))
