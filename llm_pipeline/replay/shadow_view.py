"""A shadow run as it is shown: by `shadow show`, and by the asset."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from psycopg import Connection

from llm_pipeline.replay import store
from llm_pipeline.replay.agreement import Agreement, agreement_of

SHOWN = 20


@dataclass(frozen=True)
class ShadowView:
    """A row of shadow_runs, how far the decisions agree, and the first of those that differ."""

    run: dict[str, Any]
    agreement: Agreement
    disagreements: list[dict[str, Any]]

    def as_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        run: dict[str, Any] = json.loads(json.dumps(self.run, default=str))
        return run | {"agreement": self.agreement.as_json(), "disagreements": self.disagreements}

    def baseline(self) -> str:
        """What had answered, in words."""
        told = [f"{one['model']} with version {one['version']} ({one['calls']} calls)" for one in self.run["baseline"]]
        return ", ".join(told) or "nothing"

    def candidate(self) -> str:
        """What was asked now, in words."""
        return f"{self.run['candidate_model']} with version {self.run['candidate_version']}"

    def lines(self) -> list[str]:
        """For a person."""
        run = self.run
        lines = [
            f"shadow run {run['id']}, {run['interrogation']}, {run['status']}",
            f"calls from {run['window_start']:%Y-%m-%d %H:%M} to {run['window_end']:%Y-%m-%d %H:%M} UTC: {run['calls']}"
            f", and {len(run['refused'])} whose evidence was not recovered",
            f"baseline: {self.baseline()}",
            f"candidate: {self.candidate()}, template {run['candidate_template_sha256'][:12]}",
            self.agreement.headline(),
            "",
            *self.agreement.markdown().splitlines(),
        ]
        if self.disagreements:
            lines += ["", f"decided differently (the first {len(self.disagreements)}):"]
            lines += [
                f"  {one['item_id']}: {one['baseline_label']} -> {one['candidate_label']}" for one in self.disagreements
            ]
        lines += [f"not recovered: call {one}: {why}" for one, why in list(run["refused"].items())[:SHOWN]]
        return [*lines, f"stopped: {run['error']}"] if run["error"] else lines


def view_run(conn: Connection[Any], run_id: str) -> ShadowView:
    """Read a shadow run.

    Raises:
        UnknownCallError: there is none.
    """
    run = store.read_run(conn, run_id)
    return ShadowView(run, agreement_of(store.label_pairs(conn, run_id)), store.disagreements(conn, run_id, SHOWN))
