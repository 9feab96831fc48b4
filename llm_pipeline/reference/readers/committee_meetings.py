"""Committee meetings from api.congress.gov, version 3: list pages of ids, then one item a meeting.

As documented in LibraryOfCongress/api.congress.gov, Documentation/CommitteeMeetingEndpoint.md. 5,000 requests an hour
are allowed. The key goes into a header, never into an address, so that no log, error or redirect can carry it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import httpx
from pydantic import SecretStr

from llm_pipeline.disclosures.readers.location import SourceError
from llm_pipeline.reference.codes import committee_code
from llm_pipeline.reference.readers.rows import Reading, shown
from llm_pipeline.reference.records import CalendarEvent
from llm_pipeline.reference.title_sectors import event_sectors

ENDPOINT = "/committee-meeting"
PAGE = 250
"""The most items the API puts on a list page."""
LONGEST_WAIT_S = 900.0
"""The API counts requests by the hour; a longer pause is somebody else's decision."""
TRIES = 5

_WASHINGTON = ZoneInfo("America/New_York")
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
_NOT_HELD = frozenset({"canceled", "cancelled", "postponed"})
# The Senate calls every meeting "Meeting"; in the House that is an organisational one, neither hearing nor markup.
_HOUSE_KINDS = frozenset({"hearing", "markup"})


def is_meetings_address(location: str) -> bool:
    """Whether a location is this API, or a server that speaks like it."""
    parts = urlsplit(location)
    return parts.scheme in ("http", "https") and f"{ENDPOINT}/" in f"{parts.path}/"


@dataclass(frozen=True)
class MeetingsApi:
    """Where meetings are asked for and how patiently. `address` may name a congress and a chamber:
    https://api.congress.gov/v3/committee-meeting/118/house."""

    address: str
    key: SecretStr | None
    sleep: Callable[[float], None] = time.sleep

    def read(
        self, committee_sectors: Mapping[str, tuple[str, ...]] | None = None, updated_since: datetime | None = None
    ) -> Reading[CalendarEvent]:
        """The hearings and markups that were not called off; several committees of one meeting are several events.

        Sectors come from the title, or else from the committee. A meeting counts as known from the day of its
        last update, or from its own day if that is earlier: the API keeps no date of first notice.

        Raises:
            SourceError: no key, the key is refused, the limit is used up for longer than LONGEST_WAIT_S, or the
                server does not answer as documented.
        """
        if self.key is None:
            raise SourceError(f"{self.address} needs a key: set CONGRESS_API_KEY (free at api.congress.gov/sign-up)")
        reading: Reading[CalendarEvent] = Reading()
        base = self.address.split("?")[0].rstrip("/")
        root = base[: base.index(ENDPOINT) + len(ENDPOINT)]
        headers = {"X-Api-Key": self.key.get_secret_value(), "Accept": "application/json"}
        seen: set[str] = set()
        with httpx.Client(headers=headers, timeout=_TIMEOUT, follow_redirects=False) as client:
            for path in self._listed(client, base, updated_since):
                if path in seen:  # a meeting that was updated while we turned pages is listed again
                    continue
                seen.add(path)
                answer = self._get(client, f"{root}/{path}", {"format": "json"})
                try:
                    reading.rows.extend(_events(answer["committeeMeeting"], committee_sectors or {}))
                except (ValueError, KeyError, TypeError, AttributeError) as error:
                    what = f"{error.args[0]} is missing" if isinstance(error, KeyError) else error
                    reading.problems.append(f"{root}/{path}: {what}")
        return reading

    def _listed(self, client: httpx.Client, base: str, since: datetime | None) -> Iterator[str]:
        """Paths of items below the endpoint. They are built from the fields, not taken from the answer's `url`, so
        that the key goes to the configured server alone."""
        offset, total = 0, 1
        while offset < total:
            parameters: dict[str, str | int] = {"format": "json", "limit": PAGE, "offset": offset}
            if since is not None:
                parameters["fromDateTime"] = since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            answer = self._get(client, base, parameters)
            try:
                items = _items(answer["committeeMeetings"])
                total = int(answer["pagination"]["count"])
                for item in items:
                    yield f"{int(item['congress'])}/{str(item['chamber']).lower()}/{int(item['eventId'])}"
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise SourceError(
                    f"{base}: the page at offset {offset} is not as documented ({type(error).__name__}: {error})"
                ) from error
            if not items and offset < total:
                raise SourceError(f"{base}: {total} meetings are announced, the page at offset {offset} is empty")
            offset += len(items)

    def _get(self, client: httpx.Client, url: str, parameters: Mapping[str, str | int]) -> Any:
        problem, pause = "", 0.0
        for attempt in range(TRIES):
            if attempt:
                self.sleep(pause)
            pause = min(2.0**attempt, 60.0)
            try:
                answer = client.get(url, params=dict(parameters))
            except httpx.HTTPError as error:
                problem = str(error) or type(error).__name__
                continue
            if answer.status_code == httpx.codes.TOO_MANY_REQUESTS:
                problem = "the hourly limit of requests is used up"
                pause = max(pause, _wait(answer.headers.get("Retry-After")))
                if pause > LONGEST_WAIT_S:
                    raise SourceError(f"{url}: {problem}; the server asks to wait {pause:.0f} s, try again then")
                continue
            if answer.status_code in (401, 403):
                raise SourceError(f"{url} refused the key ({answer.status_code}); check CONGRESS_API_KEY")
            if answer.status_code >= 500:
                problem = f"it answered {answer.status_code}"
                continue
            if answer.status_code != httpx.codes.OK:
                raise SourceError(f"{url} answered {answer.status_code}; check the address")
            try:
                return answer.json()
            except ValueError as error:
                raise SourceError(f"{url} answered with no JSON: {error}") from error
        raise SourceError(f"{url} failed {TRIES} times: {problem}")


def _wait(text: str | None) -> float:
    """Seconds from a Retry-After header, which has a number or a date (RFC 9110, section 10.2.3)."""
    if not text:
        return 0.0
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def _items(value: Any) -> list[Any]:
    """A list that may come plain or, as translated from XML, below `item`."""
    if isinstance(value, dict):
        value = value.get("item", value.get("bill", []))
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"expected a list, found {type(value).__name__}")
    return value


def _events(meeting: Any, committee_sectors: Mapping[str, tuple[str, ...]]) -> list[CalendarEvent]:
    if str(meeting.get("meetingStatus") or "").strip().lower() in _NOT_HELD:
        return []
    chamber = str(meeting["chamber"])
    if chamber == "House" and str(meeting.get("type") or "").strip().lower() not in _HOUSE_KINDS:
        return []
    title = " ".join(str(meeting["title"] or "").split())
    if not title:
        raise ValueError("title is empty")
    codes = [committee_code(str(one["systemCode"])) for one in _items(meeting["committees"])]
    day = _day(str(meeting["date"]))
    updated = _day(str(meeting["updateDate"])) if meeting.get("updateDate") else day
    congress, number = int(meeting["congress"]), int(meeting["eventId"])
    bills = _items((meeting.get("relatedItems") or {}).get("bills"))
    event = CalendarEvent(
        event_id=f"meeting-{congress}-{chamber.lower()}-{number}",
        kind="hearing",
        day=day,
        title=title,
        committee_code=codes[0] if codes else None,
        bill=";".join(f"{bill['type']}{bill['number']}" for bill in bills) or None,
        sectors=event_sectors(title, codes, committee_sectors),
        source=f"https://www.congress.gov/event/{_ordinal(congress)}-congress/{chamber.lower()}-event/{number}",
        known_from=min(updated, day),
    )
    others = (replace(event, event_id=f"{event.event_id}:{code}", committee_code=code) for code in codes[1:])
    return [event, *others]


def _ordinal(number: int) -> str:
    """118th, 121st: as addresses of congress.gov count."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def _day(text: str) -> date:
    """The day in Washington. Midnight UTC is how the API writes a day without a time."""
    try:
        moment = datetime.fromisoformat(text.replace(" ", "T", 1) if "T" not in text else text)
    except ValueError:
        raise ValueError(f"date {shown(text)} is no time") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    if moment.astimezone(UTC).time().replace(tzinfo=None) == datetime.min.time():
        return moment.astimezone(UTC).date()
    return moment.astimezone(_WASHINGTON).date()
