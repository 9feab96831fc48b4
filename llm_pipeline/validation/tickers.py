"""Which names a ticker is known by, and whether a ticker and an asset name belong together.

Belongs here: the SEC's ticker table (shipped inside the edgartools package), names learned from
disclosures, and the verdict on a pair. The SEC table is a snapshot of today, disclosures are up to 14
years old: tickers are renamed, delisted and reused, so a pair is called a mismatch only on positive
evidence, never because it is unknown.
"""

from __future__ import annotations

import importlib.util
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from rapidfuzz import fuzz

from llm_pipeline.validation.issue import NameMatch
from llm_pipeline.validation.names import LONGEST_NAME, all_words, core_words, resemblance
from llm_pipeline.validation.record import ValidationRecord, is_missing
from llm_pipeline.validation.renames import FORMER_NAMES

RESEMBLES = 0.6
STRANGE = 0.35
SAME_NAME = 0.75
MISSPELT = 0.5

_FUND_WORDS = frozenset({"fund", "funds", "etf", "etfs", "etn", "trust", "ishares", "spdr", "portfolio", "index"})

_PREFERRED = re.compile(r"^([A-Z]+)\$([A-Z]?)$")


def ticker_key(text: str) -> str:
    """One spelling per ticker: upper case, the class after a hyphen ("brk.b" is BRK-B, the preferred
    "BAC$K" BAC-PK).
    """
    key = _PREFERRED.sub(r"\1-P\2", text.strip().upper())
    return key.replace(".", "-").replace("/", "-").replace(" ", "-")


@cache
def sec_names() -> Mapping[str, str]:
    """Ticker -> company name from the SEC's company_tickers file, about 10,000 rows, read once.

    Raises:
        FileNotFoundError: the edgartools package or its table is not installed.
    """
    spec = importlib.util.find_spec("edgar")  # found, not imported: importing edgar takes seconds
    for folder in spec.submodule_search_locations or () if spec else ():
        path = Path(folder) / "reference" / "data" / "company_tickers.parquet"
        if path.exists():
            import pandas

            table = pandas.read_parquet(path, columns=["ticker", "name"]).dropna()
            return {ticker_key(t): str(n) for t, n in zip(table["ticker"], table["name"], strict=True)}
    raise FileNotFoundError(
        "the SEC ticker table edgar/reference/data/company_tickers.parquet was not found; "
        "install the project's dependencies (edgartools)"
    )


class ReportedNames:
    """Which asset names were filed under which ticker, how often and by how many filers."""

    def __init__(self) -> None:
        self.by_ticker: dict[str, Counter[tuple[str, ...]]] = defaultdict(Counter)
        self.by_name: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        self.filers: dict[tuple[str, tuple[str, ...]], set[str]] = defaultdict(set)
        self.words: Counter[str] = Counter()

    def add(self, ticker: str, name: str, *, filer: str = "", rows: int = 1) -> None:
        """Count `rows` filed rows of this ticker under this name."""
        key, core = ticker_key(ticker), core_words(name)
        self.by_ticker[key][core] += rows
        self.by_name[core][key] += rows
        self.filers[key, core].add(filer)
        for word in all_words(name):
            self.words[word] += rows

    @classmethod
    def learn(cls, records: Iterable[ValidationRecord]) -> ReportedNames:
        """Count the rows of these records; bonds and the like, filed without a ticker, teach only their
        words.
        """
        reported = cls()
        for record in records:
            if is_missing(record.asset_description):
                continue
            name = str(record.asset_description)
            if is_missing(record.ticker, "ticker"):
                reported.words.update(all_words(name))
            else:
                reported.add(str(record.ticker), name, filer=record.filer_name or "")
        return reported


class ListedNames:
    """A ticker table with its indexes: by distinctive words, by word, and how many names hold a word."""

    def __init__(self, table: Mapping[str, tuple[str, ...]]) -> None:
        self.names = table
        self.by_name: dict[tuple[str, ...], set[str]] = defaultdict(set)
        self.by_word: dict[str, set[str]] = defaultdict(set)
        self.word_count: Counter[str] = Counter()
        for ticker, name in ((t, n) for t, names in table.items() for n in names):
            core = core_words(name)
            self.by_name[core].add(ticker)
            self.word_count.update(set(all_words(name)))
            for word in core:
                self.by_word[word].add(ticker)

    @classmethod
    @cache
    def of_sec(cls) -> ListedNames:
        """The SEC's table, indexed once (0.2 s)."""
        return cls({ticker: (name,) for ticker, name in sec_names().items()})


class TickerNames:
    """Everything known about names of tickers: listed (SEC) and reported. Answers are cached."""

    def __init__(self, reported: ReportedNames | None = None) -> None:
        self.reported = reported or ReportedNames()
        self.listed = ListedNames.of_sec()
        self.word_count = self.listed.word_count
        self._cache: dict[tuple[str, str], NameMatch] = {}

    def weight(self, word: str) -> float:
        """How much a word tells: 1 for a rare one, 0.3 for one in hundreds of names ("international")."""
        return 1 / (1 + 0.45 * math.log(1 + self.word_count[word] / 2))

    def listed_names(self, ticker: str) -> list[str]:
        """Names of a ticker in the tables; for a preferred or class line also those of the base ticker."""
        key = ticker_key(ticker)
        keys = [key, key.split("-")[0]] if "-" in key else [key]
        return [name for k in keys for name in self.listed.names.get(k, ())]

    def is_known(self, ticker: str) -> bool:
        """Whether the ticker is in a table or was reported at least twice."""
        key = ticker_key(ticker)
        return bool(self.listed_names(key)) or sum(self.reported.by_ticker.get(key, {}).values()) >= 2

    def fits(self, ticker: str, name: str) -> bool:
        """Whether some known name of the ticker, listed or reported, resembles this name."""
        key, core = ticker_key(ticker), core_words(name)
        known = self.listed_names(key) + [" ".join(c) for c in self.reported.by_ticker.get(key, {}) if c != core]
        return any(self._alike(name, other) >= RESEMBLES for other in known)

    def owners(self, name: str) -> set[str]:
        """Tickers of companies with (nearly) exactly this name."""
        core = core_words(name)
        found = set(self.listed.by_name.get(core, ()))
        found |= {t for t, rows in self.reported.by_name.get(core, {}).items() if rows >= 2}
        if found or not core:
            return found
        rarest = min(core, key=lambda w: len(self.listed.by_word.get(w, ())) or 99_999)
        for ticker in self.listed.by_word.get(rarest, ()):
            for listed in self.listed_names(ticker):
                if resemblance(name, listed, self.weight, of_longer=True) >= SAME_NAME:
                    found.add(ticker)
        return found

    def _alike(self, a: str, b: str) -> float:
        best = resemblance(a, b, self.weight)
        if best < MISSPELT and fuzz.ratio("".join(core_words(a)), "".join(core_words(b))) >= 78:
            best = MISSPELT  # "Nivida", "Regeron": a typing error is no other company
        for old, new in FORMER_NAMES:
            if best < RESEMBLES and (
                (_speaks_of(a, old) and _speaks_of(b, new)) or (_speaks_of(a, new) and _speaks_of(b, old))
            ):
                return 1.0
        return best

    def judge(self, ticker: str, name: str) -> NameMatch:
        """Whether a ticker and an asset name belong together, see the module's rule on evidence."""
        pair = (ticker_key(ticker), name[:LONGEST_NAME])
        if pair not in self._cache:
            self._cache[pair] = self._judge(*pair)
        return self._cache[pair]

    def _judge(self, key: str, name: str) -> NameMatch:
        core = core_words(name)
        if not core:
            return "unknown"
        reported = self.reported.by_ticker.get(key, Counter())
        listed = self.listed_names(key)
        others = [(" ".join(c), rows) for c, rows in reported.items() if c != core]
        best = max((self._alike(name, n) for n in [*listed, *(n for n, _ in others)]), default=0.0)
        if best >= RESEMBLES or _names_itself(key, name):
            return "match"
        if reported[core] >= 2 and (not others or reported[core] >= max(rows for _, rows in others) / 3):
            return "match"  # filed so again and again: a renamed or delisted company
        if best >= STRANGE:
            return "unknown"
        return "mismatch" if self._contradicted(key, name, bool(listed), others) else "unknown"

    def _contradicted(self, key: str, name: str, listed: bool, others: list[tuple[str, int]]) -> bool:
        owners = self.owners(name)
        if key in owners:
            return False
        rows = sum(n for _, n in others)
        listed_as = self.listed_names(key)
        if any(self._alike(other, n) >= RESEMBLES for other, _ in others for n in listed_as):
            return True  # a filing and the table agree on whose ticker it is, years apart
        if owners and (listed or rows >= 2):
            return True  # the ticker is another company's, and the name is known under another ticker
        elsewhere = [c for c in self.reported.by_ticker.get(key, Counter()) if c != core_words(name)]
        filers = set().union(*(self.reported.filers[key, core] for core in elsewhere))
        if rows >= 3 or len(filers) >= 2:
            return True  # the ticker is well known from many filings, none of which speaks of this company
        if listed and _is_fund(name) and not any(map(_is_fund, self.listed_names(key))) and not rows:
            return True  # a fund under the ticker of an operating company
        same_stem = any(len(o) == len(key) == 5 and o[:4] == key[:4] for o in owners)  # DISCA and DISCK
        return bool(owners) and not same_stem and not _could_be_another_line(key, name, owners)


def _speaks_of(name: str, words: str) -> bool:
    return words in " ".join(all_words(name))


def _names_itself(key: str, name: str) -> bool:
    """The description quotes the ticker: "TWTR - Twitter Inc"."""
    return len(key) >= 3 and key in name.upper().replace("(", " ").replace(")", " ").replace(":", " ").split()


def _is_fund(name: str) -> bool:
    return not _FUND_WORDS.isdisjoint(all_words(name))


def _is_foreign_line(key: str) -> bool:
    """ADRs and foreign ordinaries end in Y or F with five letters."""
    return len(key) == 5 and key[-1] in "YF"


def _could_be_another_line(key: str, name: str, owners: set[str]) -> bool:
    """Whether an unknown ticker may be a former, foreign or fund line of the company of this name.

    Foreign listings carry a suffix ("RDSA.AS"); a company with a foreign line has or had others (SNP beside
    SNPMF); mutual fund tickers end in X with five letters. And tickers are made from names: the same first
    letter and the rest in order (FISV of Fiserv yes, MPW of Medical Properties no).
    """
    if "-" in key or any(map(_is_foreign_line, owners)) or (len(key) == 5 and key[-1] == "X" and _is_fund(name)):
        return True
    joined = "".join(all_words(name)).upper()
    letters = iter(joined)
    stem = key[:-1] if _is_foreign_line(key) else key
    return joined[:1] == key[:1] and all(c in letters for c in stem)
