from __future__ import annotations

import pytest

from llm_pipeline.validation.source_urls import read_source_url
from llm_pipeline_tests.validation.records import CLERK, EFD, UUID


@pytest.mark.parametrize(
    "url",
    [
        EFD,
        EFD.rstrip("/"),
        EFD.replace(UUID, UUID.upper()).replace("ptr", "paper"),
        EFD.replace("ptr", "annual"),
        CLERK,
        CLERK.replace("20045678", "8220123"),
    ],
)
def test_official_addresses_are_sound(url: str) -> None:
    assert read_source_url(url).fault is None


@pytest.mark.parametrize(
    "url",
    [
        EFD.replace("https", "http"),
        EFD.replace("https://", ""),
        EFD.replace("https://", "htp:/"),
        EFD.replace("https:", "https"),
        EFD.replace("senate.gov", "senate.gov.mirror.example"),
        EFD.replace("senate.gov", "senate.gov@mirror.example"),
        EFD.replace("senate.gov", "senate.gov:8443"),
        EFD.replace("efdsearch", "efd-search"),
        EFD.replace("/ptr/", "/"),
        EFD.replace(UUID, UUID[:10]),
        EFD.replace(UUID, UUID[:-1] + "z"),
        EFD.replace(UUID, ""),
        EFD + "?copy=1",
        "https://efdsearch.senate.gov/search/home/",
        f"http://example.com/ptr/{UUID}",
        f"efdsearch/view/ptr/{UUID}",
        CLERK.replace(".pdf", ""),
        CLERK.replace("2023/", ""),
        CLERK.replace("20045678", "2004"),
        CLERK.replace(".house.gov", ".house.com"),
        "file:///tmp/20045678.pdf",
        "not an address",
    ],
)
def test_damaged_foreign_and_cut_addresses_have_a_fault(url: str) -> None:
    assert read_source_url(url).fault


def test_the_host_tells_the_chamber() -> None:
    assert (read_source_url(EFD).chamber, read_source_url(CLERK).chamber) == ("Senate", "House")
