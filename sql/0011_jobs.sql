-- The queue: what a claim and a retry need beyond 0006, and the results of the interrogation entity_facts.

ALTER TABLE llm_jobs
    ADD COLUMN unusable_answers integer NOT NULL DEFAULT 0 CHECK (unusable_answers >= 0),
    ADD COLUMN finished_at timestamptz;
COMMENT ON COLUMN llm_jobs.unusable_answers IS
    'Answers that were refused or broke the contract; each moves the seed on, and a replay does not start again.';
COMMENT ON COLUMN llm_jobs.finished_at IS 'When the job succeeded or was dead-lettered.';
COMMENT ON COLUMN llm_jobs.status IS
    'NEW; RUNNING: held by a worker; FAILED: waits for its next attempt; SUCCEEDED; DEADLETTER: waits for a person.';
COMMENT ON COLUMN llm_jobs.locked_by IS 'The worker that holds the job, or held it last.';
COMMENT ON COLUMN llm_jobs.evidence_ref_json IS 'The evidence bundle of the last attempt: its SHA-256, size and file in the lake.';
CREATE INDEX llm_jobs_leases ON llm_jobs (lease_expires_at) WHERE status = 'RUNNING';

-- Once a statement, so that thousands of new jobs are one message.
CREATE FUNCTION notify_of_new_jobs() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    NOTIFY llm_jobs;
    RETURN NULL;
END $$;
CREATE TRIGGER new_jobs_wake_workers AFTER INSERT ON llm_jobs
    FOR EACH STATEMENT EXECUTE FUNCTION notify_of_new_jobs();

CREATE TABLE redaction_key (
    single boolean PRIMARY KEY DEFAULT true CHECK (single),
    secret bytea NOT NULL
);
-- Two random UUIDs: 244 random bits.
INSERT INTO redaction_key (secret)
VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
COMMENT ON TABLE redaction_key IS
    'Key of the hashes that stand for redacted text: without it, a social security number could be found by trying all.';

CREATE TABLE entity_facts (
    id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL,
    job_id uuid NOT NULL,
    ordinal integer NOT NULL CHECK (ordinal > 0),
    entity_kind text COLLATE "C" NOT NULL CHECK (entity_kind IN ('filer', 'company')),
    entity_name text NOT NULL,
    statement text NOT NULL,
    citations jsonb NOT NULL,
    confidence integer NOT NULL CHECK (confidence BETWEEN 0 AND 10),
    audit_trail_id uuid NOT NULL,
    UNIQUE (job_id, ordinal)
);
CREATE INDEX entity_facts_by_entity ON entity_facts (entity_kind, entity_name);
COMMENT ON TABLE entity_facts IS
    'Statements about a filer or company that a model drew from given texts; each cites words that stand there.';
COMMENT ON COLUMN entity_facts.citations IS 'Evidence ids, each with the words quoted from it; code found them there.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['redaction_key', 'entity_facts'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
            EXECUTE format('CREATE POLICY llm_pipeline_service ON %I TO service_role USING (true) WITH CHECK (true)',
                           name);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO service_role', name);
        END IF;
    END LOOP;
END $$;
