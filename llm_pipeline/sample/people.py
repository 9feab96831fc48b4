"""Invented filers. Names are made up so that nobody is meant; bioguide ids begin with X9, which no real one
does."""

from __future__ import annotations

from dataclasses import dataclass

_SENATORS = """
Quillon A|Featherbarrow|ME  Zephyrine T|Oakmantle|OR  Thaddea|Brindlewick, Jr.|VT  Orsolo M|Mossgrave|IA
Calliope R|Thistlemoor|NV  Barnaby J|Quarrington|OH  Ottoline|Larkspindle|GA
Peregrine D|Hollowmere , III|MT  Isolde|Pennyfarrow|KS  Lysander K|Ashenvale|AZ
Marigold E|Wintersedge|DE  Fenwick|O'Tamarind|ND  Araminta|McFennimore|TN  Evander P|Sorrelbank|WI
Clementia|Duskwater|CO  Rufus O|Gildenmarsh|UT  Hesper L|Tallowby|MN  Ignatius|Broomfallow|AL
Seraphina V|Coldharrow|RI  Tobiah|Ravensleigh|NM"""

_REPRESENTATIVES = """
Winifred|Marblethorne|TX07  Caspian L|Emberstone|CA12  Drusilla|Fogleaf|NY09  Hollis B|Nettlecombe|FL21
Jemima|Siltwood|PA05  Alaric|Vellumby|MI03  Philippa S|Gorseworth|NC04  Ezekiah|Pondlebury|IL10
Rosamund|Tidewhistle|WA01  Leopold G|Harrowgate-Finch|NJ06  Temperance|Bellweather|VA08
Cosmo|Underhedge|CO02  Beatrix N|Snowquill|MA05  Horatio|Plumstead-Vane|AZ04  Millicent|Yarrowden|GA11
Septimus|Crakehill|TN02  Eulalia F|Dovebrook|MD07  Ambrose|Kettlewright|OH13  Verity|Stonecrop|SC01
Gideon H|Marchpane|WI03  Lavinia|Swallowtail|OR04  Phineas|Larchmond|MN08  Cordelia Q|Hazelrigg|IN05
Rupert|Wolfsbane|AL02"""


@dataclass(frozen=True)
class Filer:
    """An invented member of Congress. `district` is empty for senators; `bioguide` is empty where the source
    has none."""

    chamber: str
    first_name: str
    last_name: str
    state: str
    district: str
    bioguide: str

    @property
    def full_name(self) -> str:
        """First and last name without stray commas, as a person would write it."""
        return f"{self.first_name} {self.last_name}".replace(" ,", "").replace(",", "")


def _entries(block: str) -> list[list[str]]:
    return [entry.split("|") for line in block.strip().splitlines() for entry in line.split("  ") if entry]


SENATORS: tuple[Filer, ...] = tuple(
    Filer("Senate", first, last, place, "", f"X9{number:05d}")
    for number, (first, last, place) in enumerate(_entries(_SENATORS), 1)
)
REPRESENTATIVES: tuple[Filer, ...] = tuple(
    Filer("House", first, last, place[:2], place[2:], "") for first, last, place in _entries(_REPRESENTATIVES)
)
