"""One attempt at a job: input -> evidence -> bundle -> question -> answer -> grounding -> what is to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any
from uuid import uuid4

import psycopg
from pydantic import BaseModel

from llm_pipeline.hashing import sha256_hex
from llm_pipeline.interrogations.queued import Evidence, Grounded, JobRef, QueuedInterrogation
from llm_pipeline.interrogations.registry import Registry
from llm_pipeline.jobs.backoff import pause_s
from llm_pipeline.jobs.evidence import bundle_bytes
from llm_pipeline.jobs.job import ClaimedJob
from llm_pipeline.jobs.settling import Settlement
from llm_pipeline.jobs.store import JobEnd
from llm_pipeline.jobs.trouble import Trouble, end_of, trouble_of_claims, trouble_of_model
from llm_pipeline.llm.audit import Attempt
from llm_pipeline.llm.gateway import Gateway
from llm_pipeline.llm.interrogation import Interrogation
from llm_pipeline.llm.lake import Artifact, Lake
from llm_pipeline.llm.prompts import PromptTemplate
from llm_pipeline.llm.reply import Reply


@dataclass(frozen=True)
class Prepared:
    """A job whose evidence was gathered and stored."""

    job: ClaimedJob
    asked: QueuedInterrogation
    input: BaseModel
    evidence: Evidence
    bundle: dict[str, Any]


def prepare(conn: psycopg.Connection[Any], lake: Lake, registry: Registry, job: ClaimedJob, now: datetime) -> Prepared:
    """Check the input, gather the evidence in one read-only snapshot, and store the bundle.

    Raises:
        UnknownInterrogationError, InvalidInputError, EvidenceMissingError, EvidenceTooLargeError: hopeless.
        LakeError: the bundle could not be stored; nobody is asked from evidence that is not kept.
        psycopg.Error: the database refused or went away.
    """
    asked = registry.get(job.interrogation_key)
    given = registry.checked(job.interrogation_key, job.input_json)
    with conn.transaction():
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        evidence = asked.gather(conn, given, now)
    content = bundle_bytes(asked.key, evidence)
    bundle = {
        "sha256": sha256_hex(content),
        "byte_count": len(content),
        "lake_uri": lake.write_content("evidence_bundle", content),
    }
    return Prepared(job, asked, given, evidence, bundle)


class Answering:
    """Asks for jobs through one gateway; knows the templates, models and seeds."""

    def __init__(self, gateway: Gateway, templates: Mapping[str, PromptTemplate], random: Random) -> None:
        self._gateway, self._templates, self._random = gateway, templates, random
        self._interrogations: dict[tuple[str, str, str], Interrogation] = {}

    def model_of(self, asked: QueuedInterrogation, job: ClaimedJob) -> tuple[str, bool]:
        """The model to ask, and whether the job named it. The offline model stands in for all of them."""
        settings = self._gateway.settings
        if job.model_hint and settings.ollama_base_url is not None:
            return job.model_hint, True
        return asked.model(settings), False

    async def answer(self, prepared: Prepared) -> Settlement:
        """Ask, and say what is to be written.

        Raises:
            PromptError: the template and the evidence do not fit together.
        """
        job, asked, evidence = prepared.job, prepared.asked, prepared.evidence
        model, hinted = self.model_of(asked, job)
        interrogation = self._interrogation(asked, model)
        messages = interrogation.render(**evidence.variables)
        overflow = await self._gateway.overflow(interrogation, messages)
        if overflow is not None:
            return self._troubled(prepared, trouble_of_model(overflow, hinted), ())
        reply: Reply[Any] = await self._gateway.ask(
            interrogation,
            messages,
            asked.bind(interrogation.schema, evidence),
            request_context={
                "job_id": job.job_id,
                "interrogation": asked.key,
                "job_attempt": job.attempt,
                "fencing_token": job.fencing_token,
                "evidence_sha256": prepared.bundle["sha256"],
            },
            seed_offset=job.unusable_answers,
        )
        attempts = tuple(self._with_bundle(of_job(one, asked.key, job.job_id), prepared) for one in reply.attempts)
        if reply.error is not None:
            return self._troubled(prepared, trouble_of_model(reply.error, hinted), attempts)
        assert reply.answer is not None
        try:
            grounded = asked.ground(evidence, reply.answer)
        except Exception as error:  # noqa: BLE001 - the call was made: its audit row is written with the reason
            trouble = Trouble(f"the answer could not be grounded: {type(error).__name__}: {error}")
            return self._troubled(prepared, trouble, attempts)
        return self._grounded(prepared, grounded, attempts)

    def troubled(self, job: ClaimedJob, trouble: Trouble) -> Settlement:
        """What is to be written when nobody could be asked."""
        return Settlement(job, end_of(trouble, job, self._pause(job), None))

    def not_stored(self, done: Settlement, error: Exception) -> Settlement:
        """What is to be written instead of a settlement whose result could not be stored."""
        assert done.how is not None
        trouble = Trouble(f"{type(error).__name__}: {error}")
        how = end_of(trouble, done.job, self._pause(done.job), done.how.audit_id)
        return replace(done, how=how, store=None)

    def _grounded(self, prepared: Prepared, grounded: Grounded, attempts: tuple[Attempt, ...]) -> Settlement:
        audit_id = attempts[-1].id
        if grounded.claims or grounded.result is None:
            attempts = (*attempts[:-1], replace(attempts[-1], status="ungrounded"))
        if grounded.result is None:
            return self._troubled(prepared, trouble_of_claims(grounded.claims), attempts, grounded)
        job = prepared.job
        ref = JobRef(job.job_id, job.fencing_token, prepared.input, job.idempotency_key)

        def store(cur: psycopg.Cursor[Any], audit_id: str, now: datetime) -> None:
            prepared.asked.store(cur, ref, prepared.evidence, grounded, audit_id, now)

        end = JobEnd("SUCCEEDED", audit_id=audit_id)
        return Settlement(job, end, attempts, grounded.claims, prepared.bundle, store)

    def _troubled(
        self,
        prepared: Prepared,
        trouble: Trouble,
        attempts: tuple[Attempt, ...],
        grounded: Grounded | None = None,
    ) -> Settlement:
        job, claims = prepared.job, grounded.claims if grounded else ()
        if trouble.waits:
            return Settlement(job, None, attempts, claims, prepared.bundle, why=trouble.reason)
        audit_id = attempts[-1].id if attempts else None
        how = end_of(trouble, job, self._pause(job), audit_id)
        return Settlement(job, how, attempts, claims, prepared.bundle)

    def _pause(self, job: ClaimedJob) -> float:
        settings = self._gateway.settings
        return pause_s(job.attempt, settings.jobs_backoff_s, settings.jobs_backoff_cap_s, self._random)

    def _interrogation(self, asked: QueuedInterrogation, model: str) -> Interrogation:
        template = self._templates[asked.key]
        name = (asked.key, model, template.sha256)
        if name not in self._interrogations:
            options = asked.options(self._gateway.settings)
            self._interrogations[name] = Interrogation(asked.key, template, asked.contract, model, options)
        return self._interrogations[name]

    def _with_bundle(self, attempt: Attempt, prepared: Prepared) -> Attempt:
        bundle = prepared.bundle
        artifact = Artifact(
            id=str(uuid4()),
            audit_trail_id=attempt.id,
            artifact_type="evidence_bundle",
            content_sha256=bundle["sha256"],
            byte_count=bundle["byte_count"],
            lake_uri=bundle["lake_uri"],
            created_at=attempt.created_at,
        )
        return replace(attempt, artifacts=(*attempt.artifacts, artifact))


def of_job(attempt: Attempt, key: str, job_id: str) -> Attempt:
    """The audit row of a call that was made for a job; one gateway asks for many."""
    return replace(attempt, service_name=key, job_id=job_id)
