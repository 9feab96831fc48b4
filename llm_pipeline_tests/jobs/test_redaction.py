"""What is personal is taken out of evidence, and is nowhere in what is kept."""

from __future__ import annotations

import hmac
from dataclasses import asdict
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.jobs.redaction import redacted

KEY = b"k" * 32


@pytest.mark.parametrize(
    ("kind", "secret", "text"),
    [
        ("email", "jane.doe+x@mail.example.org", "write to jane.doe+x@mail.example.org, please"),
        ("ssn", "123-45-6789", "her number 123-45-6789 is"),
        ("ssn", "123 45 6789", "her number 123 45 6789."),
        ("ssn", "123456789", "SSN: 123456789"),
        ("card", "4111 1111 1111 1111", "paid with 4111 1111 1111 1111 today"),
        ("iban", "DE89 3704 0044 0532 0130 00", "to DE89 3704 0044 0532 0130 00 at"),
        ("account", "00012345678", "Schwab account no. 00012345678 (spouse)"),
        ("account", "xxxx-4321", "account ending in xxxx-4321"),
        ("account", "987654", "acct# 987654"),
        ("phone", "(202) 224-3121", "call (202) 224-3121 now"),
        ("phone", "202-224-3121", "call 202-224-3121 now"),
        ("phone", "+44 20 7946 0958", "call +44 20 7946 0958 now"),
    ],
)
def test_a_personal_number_is_taken_out_and_only_its_hash_and_place_are_kept(kind: str, secret: str, text: str) -> None:
    left, found = redacted(text, KEY)
    assert left == text.replace(secret, f"[redacted: {kind}]")
    (one,) = found
    assert (one.kind, text[one.start : one.end]) == (kind, secret)
    assert one.hmac_sha256 == hmac.new(KEY, secret.encode(), sha256).hexdigest()
    assert secret not in str(asdict(one))


@pytest.mark.parametrize(
    "text",
    [
        "bought 15,001 shares of AAPL on 2024-01-02 for $1,001 - $15,000",
        "CUSIP 037833100, filed 2024-03-04T05:06:07Z, id 00000000-0000-4000-8000-000000000000",
        "a trust account held by the spouse, 401(k) plan, Form 4, 10-K",
        "sha 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_amounts_dates_and_ids_are_left_alone(text: str) -> None:
    assert redacted(text, KEY) == (text, ())


def test_the_same_words_have_another_hash_under_another_key() -> None:
    text = "123-45-6789"
    assert redacted(text, KEY)[1][0].hmac_sha256 != redacted(text, b"other")[1][0].hmac_sha256
    assert redacted(text, KEY)[1][0].hmac_sha256 != sha256(text.encode()).hexdigest()


SECRETS = st.sampled_from(["a@b.example", "123-45-6789", "4111-1111-1111-1111", "(202) 224-3121", "account 12345678"])


@given(st.lists(st.one_of(SECRETS, st.text(max_size=12)), max_size=8))
def test_everything_outside_the_spans_stays_and_the_spans_do_not_overlap(parts: list[str]) -> None:
    text = " ".join(parts)
    left, found = redacted(text, KEY)
    at, expected = 0, ""
    for one in found:
        assert at <= one.start < one.end
        expected += text[at : one.start] + f"[redacted: {one.kind}]"
        at = one.end
    assert left == expected + text[at:]
    assert redacted(left, KEY)[0] == left
