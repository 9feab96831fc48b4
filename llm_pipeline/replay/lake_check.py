"""Whether the lake holds what llm_artifacts says: every row against its file, every file against its row.

Both sides come in the order of their paths and are merged, so memory stays flat: one page of rows, one folder of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from psycopg import Connection
from psycopg.rows import class_row

from llm_pipeline.llm.lake import UNFINISHED, DamagedArtifactError, Lake, LakeError, inside

LISTED = 1000
"""Places of one kind that a report names; it counts all of them."""
PAGE = 2000
EVERY = 10_000

Kind = Literal["missing", "changed", "orphaned", "unfinished"]

_ROWS = """
SELECT id::text, audit_trail_id::text, content_sha256, byte_count, lake_uri
FROM llm_artifacts
ORDER BY coalesce(substring(lake_uri FROM '.*(llm_runs/.*)'), lake_uri) COLLATE "C", id
"""


@dataclass(frozen=True)
class Problem:
    """One place that is not as it should be; `audit_id` is None for a file without a row."""

    kind: Kind
    place: str
    detail: str
    audit_id: str | None = None


@dataclass
class LakeReport:
    """What a check found.

    Attributes:
        artifacts: rows of llm_artifacts; `intact` of them have their file with the recorded size and hash.
        counts: problems by kind; `listed` names the first of each kind.
    """

    lake: str
    artifacts: int = 0
    intact: int = 0
    byte_count: int = 0
    counts: dict[Kind, int] = field(
        default_factory=lambda: {"missing": 0, "changed": 0, "orphaned": 0, "unfinished": 0}
    )
    listed: list[Problem] = field(default_factory=list)

    @property
    def damaged(self) -> int:
        """Artifacts that cannot be read as they were written."""
        return self.counts["missing"] + self.counts["changed"]

    @property
    def stray(self) -> int:
        """Files that no row names."""
        return self.counts["orphaned"] + self.counts["unfinished"]

    def add(self, problem: Problem) -> None:
        """Count a problem."""
        self.counts[problem.kind] += 1
        if self.counts[problem.kind] <= LISTED:
            self.listed.append(problem)

    def as_json(self) -> dict[str, Any]:
        """As JSON values, problems by kind."""
        listed: dict[str, list[dict[str, Any]]] = {kind: [] for kind in self.counts}
        for one in self.listed:
            listed[one.kind].append({"place": one.place, "detail": one.detail, "audit_id": one.audit_id})
        return {
            "lake": self.lake,
            "artifacts": self.artifacts,
            "intact": self.intact,
            "bytes": self.byte_count,
            "counts": dict(self.counts),
            **listed,
        }

    def line(self) -> str:
        """The report in one line."""
        told = ", ".join(f"{count} {kind}" for kind, count in self.counts.items())
        return f"{self.artifacts} artifacts in {self.lake}: {self.intact} intact, {told}"


@dataclass(frozen=True)
class _Row:
    id: str
    audit_trail_id: str
    content_sha256: str
    byte_count: int
    lake_uri: str


def check_lake(conn: Connection[Any], lake: Lake, progress: Callable[[str], None] | None = None) -> LakeReport:
    """Read every artifact and compare; changes nothing.

    Files of calls whose audit rows are not in the database yet (a run under way, or rows in the spool) are orphaned.

    Raises:
        LakeError: the lake cannot be listed.
    """
    report = LakeReport(lake.location)
    files = lake.files()
    file = next(files, None)
    last = ""
    for row in _rows(conn):
        place = inside(row.lake_uri)
        while file is not None and file < place:
            _stray(report, file, last)
            file = next(files, None)
        last = place
        _check(report, lake, row)
        if progress and report.artifacts % EVERY == 0:
            progress(report.line())
    while file is not None:
        _stray(report, file, last)
        file = next(files, None)
    return report


def _rows(conn: Connection[Any]) -> Iterator[_Row]:
    with conn.cursor(name="artifacts", row_factory=class_row(_Row)) as cur:
        cur.itersize = PAGE
        yield from cur.execute(_ROWS)


def _check(report: LakeReport, lake: Lake, row: _Row) -> None:
    report.artifacts += 1
    report.byte_count += row.byte_count
    try:
        content = lake.read(row.lake_uri, row.content_sha256)
    except DamagedArtifactError as error:
        report.add(Problem("changed", row.lake_uri, str(error), row.audit_trail_id))
    except LakeError as error:
        gone = isinstance(error.__cause__, FileNotFoundError)
        report.add(Problem("missing" if gone else "changed", row.lake_uri, str(error), row.audit_trail_id))
    else:
        if len(content) == row.byte_count:
            report.intact += 1
        else:
            told = f"{row.lake_uri} has {len(content)} bytes, recorded are {row.byte_count}"
            report.add(Problem("changed", row.lake_uri, told, row.audit_trail_id))


def _stray(report: LakeReport, file: str, last: str) -> None:
    """A file before the next row's place: the last row's own, or one that no row names."""
    if file == last:
        return
    if file.endswith(UNFINISHED):
        report.add(Problem("unfinished", file, "left by a process that was killed, or being written now"))
    else:
        report.add(Problem("orphaned", file, "no row of llm_artifacts names it"))
