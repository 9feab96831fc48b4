from __future__ import annotations

from datetime import date

from llm_pipeline.disclosures.amendments import Version, plan_replacements, split_title

KEY = ("filer", "Periodic Transaction Report for 03/31/2020")


def version(document: str, amendment: int = 0, day: int = 1, rows: int = 1, first: int = 0) -> Version:
    return Version(document, amendment, date(2020, 4, day), tuple((str(n),) for n in range(first, first + rows)))


def pairs(*versions: Version) -> list[tuple[str, str]]:
    return [(r.old, r.new) for r in plan_replacements({KEY: versions})]


def test_a_title_names_its_amendment() -> None:
    assert split_title("Periodic Transaction Report for 11/18/2019 (Amendment 2)") == (
        "Periodic Transaction Report for 11/18/2019",
        2,
    )
    assert split_title("Periodic Transaction Report for 11/18/2019") == (
        "Periodic Transaction Report for 11/18/2019",
        0,
    )
    assert split_title(None) == (None, 0)


def test_each_amendment_replaces_the_one_before() -> None:
    assert pairs(version("a"), version("b", 1, 2), version("c", 2, 3)) == [("a", "b"), ("b", "c")]


def test_a_second_amendment_replaces_the_original_where_the_first_is_unknown() -> None:
    assert pairs(version("a"), version("c", 2, 3)) == [("a", "c")]


def test_of_two_reports_of_one_day_the_one_sharing_rows_is_replaced() -> None:
    # Happened on 2020-03-31: 5 and 42 rows under one title, the amendment restated the 42.
    small, large = version("small", rows=5, first=100), version("large", rows=42)
    assert pairs(small, large, version("new", 1, 2, rows=42)) == [("large", "new")]


def test_where_rows_do_not_decide_nothing_is_hidden() -> None:
    assert pairs(version("a"), version("b"), version("new", 1, 2)) == []


def test_an_amendment_does_not_replace_what_was_filed_after_it() -> None:
    assert pairs(version("a", day=9), version("new", 1, 2)) == []
