"""The reader of api.congress.gov against a real server that answers as documented, with invented meetings."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pydantic import SecretStr

from llm_pipeline.reference.readers import SourceError
from llm_pipeline.reference.readers.committee_meetings import MeetingsApi, is_meetings_address

KEY = "k3y-of-nobody"


def meeting(number: int, **more: Any) -> dict[str, Any]:
    return {
        "chamber": "House",
        "committees": [{"name": "On Lamps", "systemCode": "hsla00", "url": "https://elsewhere.example/"}],
        "congress": 118,
        "date": "2023-03-24T14:00:00Z",
        "eventId": str(number),
        "meetingStatus": "Scheduled",
        "relatedItems": {"bills": [{"congress": 118, "number": "77", "type": "HR"}]},
        "title": f"Hearing on\r\n vaccines {number}",
        "type": "Hearing",
        "updateDate": "2023-03-10 04:44:57+00:00",
        **more,
    }


@dataclass
class Congress:
    """What the server has, what it was asked, and what it answers first: (status, headers)."""

    meetings: list[dict[str, Any]]
    first: list[tuple[int, dict[str, str]]] = field(default_factory=list)
    page: int = 250
    total: int | None = None
    requests: list[tuple[str, dict[str, list[str]], str | None]] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def congress() -> Iterator[Congress]:
    state = Congress([meeting(115538)])

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = parse_qs(parts.query)
            state.requests.append((parts.path, query, self.headers.get("X-Api-Key")))
            if state.first:
                status, headers = state.first.pop(0)
                self.answer(status, {"error": {"code": "X"}}, headers)
            elif self.headers.get("X-Api-Key") != KEY:
                self.answer(403, {"error": {"code": "API_KEY_INVALID"}}, {})
            elif parts.path.count("/") == 5:
                number = parts.path.rsplit("/", 1)[1]
                found = next(one for one in state.meetings if str(one["eventId"]) == number)
                self.answer(200, {"committeeMeeting": found, "request": {}}, {})
            else:
                offset, limit = int(query["offset"][0]), min(int(query["limit"][0]), state.page)
                items = [
                    {
                        "chamber": one["chamber"],
                        "congress": one["congress"],
                        "eventId": one["eventId"],
                        "updateDate": "2023-03-10 04:44:57+00:00",
                        "url": "https://elsewhere.example/v3/committee-meeting/118/house/1?format=json",
                    }
                    for one in state.meetings[offset : offset + limit]
                ]
                count = len(state.meetings) if state.total is None else state.total
                self.answer(200, {"committeeMeetings": items, "pagination": {"count": count}, "request": {}}, {})

        def answer(self, status: int, body: Any, headers: dict[str, str]) -> None:
            data = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    state.url = f"http://127.0.0.1:{server.server_address[1]}/v3/committee-meeting/118/house"
    yield state
    server.shutdown()
    server.server_close()


def api(congress: Congress, waits: list[float] | None = None, key: str | None = KEY) -> MeetingsApi:
    log = [] if waits is None else waits
    return MeetingsApi(congress.url, SecretStr(key) if key else None, sleep=log.append)


def test_a_meeting_becomes_an_event(congress: Congress) -> None:
    (event,) = api(congress).read().rows
    assert event.event_id == "meeting-118-house-115538"
    assert (event.kind, event.day, event.known_from) == (
        "hearing",
        date(2023, 3, 24),
        date(2023, 3, 9),
    )  # updated 23:44 EST
    assert (event.committee_code, event.bill) == ("HSLA", "HR77")
    assert (event.title, event.sectors) == ("Hearing on vaccines 115538", ("Health Care",))
    assert event.source == "https://www.congress.gov/event/118th-congress/house-event/115538"
    congress.meetings = [meeting(1, congress=121), meeting(2, congress=112)]
    assert [e.source.split("/")[4] for e in api(congress).read().rows] == ["121st-congress", "112th-congress"]


def test_all_pages_are_read_and_the_key_goes_in_a_header_to_this_server_only(congress: Congress) -> None:
    congress.meetings = [meeting(number) for number in range(1, 8)]
    congress.page = 3
    assert len(api(congress).read(updated_since=datetime(2023, 1, 1, tzinfo=UTC)).rows) == 7
    lists = [query for path, query, _ in congress.requests if path.endswith("/house")]
    assert [query["offset"] for query in lists] == [["0"], ["3"], ["6"]]
    assert {tuple(query["fromDateTime"]) for query in lists} == {("2023-01-01T00:00:00Z",)}
    assert {key for *_, key in congress.requests} == {KEY}
    assert not any(KEY in str(query) for _, query, _ in congress.requests)


def test_what_was_called_off_or_is_no_hearing_is_left_out(congress: Congress) -> None:
    congress.meetings = [
        meeting(1, meetingStatus="Canceled"),
        meeting(2, meetingStatus="Postponed"),
        meeting(3, type="Meeting"),
        meeting(4, type="Markup"),
        meeting(5, chamber="Senate", type="Meeting"),
        meeting(6, meetingStatus="Rescheduled"),
    ]
    assert [event.event_id.rsplit("-", 1)[1] for event in api(congress).read().rows] == ["4", "5", "6"]


def test_a_joint_meeting_is_an_event_of_each_committee(congress: Congress) -> None:
    both = {"item": [{"systemCode": "hsla00"}, {"systemCode": "hsxx04"}]}
    congress.meetings = [meeting(9, title="Business", committees=both, relatedItems=None)]
    events = api(congress).read({"HSXX": ("Energy",)}).rows
    assert [(e.event_id, e.committee_code) for e in events] == [
        ("meeting-118-house-9", "HSLA"),
        ("meeting-118-house-9:HSXX04", "HSXX04"),
    ]
    assert {event.sectors for event in events} == {("Energy",)}


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2023-03-24T00:00:00Z", date(2023, 3, 24)),  # a day without a time
        ("2023-03-25T01:30:00Z", date(2023, 3, 24)),  # half past nine in the evening in Washington
        ("2023-03-24", date(2023, 3, 24)),
    ],
)
def test_the_day_is_the_one_in_washington(congress: Congress, text: str, day: date) -> None:
    congress.meetings = [meeting(1, date=text)]
    assert api(congress).read().rows[0].day == day


def test_a_meeting_that_is_not_as_documented_is_named_and_the_others_stay(congress: Congress) -> None:
    broken = meeting(2)
    del broken["committees"]
    congress.meetings = [meeting(1), broken, meeting(3, title=""), meeting(4, date="soon")]
    reading = api(congress).read()
    assert len(reading.rows) == 1
    assert [problem.split("committee-meeting/")[1] for problem in reading.problems] == [
        "118/house/2: committees is missing",
        "118/house/3: title is empty",
        "118/house/4: date 'soon' is no time",
    ]


def test_the_limit_is_respected_and_a_faltering_server_asked_again(congress: Congress) -> None:
    waits: list[float] = []
    congress.first = [(429, {"Retry-After": "7"}), (503, {}), (429, {})]
    assert len(api(congress, waits).read().rows) == 1
    assert waits == [7.0, 2.0, 4.0]


def test_a_limit_that_lasts_longer_than_we_wait_ends_the_reading(congress: Congress) -> None:
    congress.first = [(429, {"Retry-After": "3600"})]
    with pytest.raises(SourceError, match="hourly limit of requests is used up; the server asks to wait 3600 s"):
        api(congress).read()


def test_a_server_that_never_recovers_is_an_error_not_an_empty_list(congress: Congress) -> None:
    congress.first = [(500, {})] * 5
    with pytest.raises(SourceError, match="failed 5 times: it answered 500"):
        api(congress).read()
    congress.total = 3
    with pytest.raises(SourceError, match="3 meetings are announced, the page at offset 1 is empty"):
        api(congress).read()


def test_the_key_is_asked_for_and_never_shown(congress: Congress, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with pytest.raises(SourceError, match="set CONGRESS_API_KEY"):
        api(congress, key=None).read()
    wrong = "not-the-right-one"
    with pytest.raises(SourceError, match=r"refused the key \(403\); check CONGRESS_API_KEY") as refused:
        api(congress, key=wrong).read()
    congress.first = [(302, {"Location": "https://elsewhere.example/"})]
    with pytest.raises(SourceError, match="answered 302"):
        api(congress).read()
    api(congress).read()
    for secret in (KEY, wrong):
        assert secret not in caplog.text
        assert secret not in str(refused.value)
        assert secret not in repr(api(congress, key=secret))


def test_an_address_of_the_api_is_known_by_its_path() -> None:
    assert is_meetings_address("https://api.congress.gov/v3/committee-meeting/118/house")
    assert is_meetings_address("https://api.congress.gov/v3/committee-meeting?x=1")
    assert not is_meetings_address("https://files.example/calendar.csv")
    assert not is_meetings_address("/data/committee-meeting/a.csv")
