-- Replays and shadow runs: comparisons only, never production rows.

CREATE TABLE replay_comparisons (
    audit_id uuid PRIMARY KEY,
    original_audit_id uuid NOT NULL,
    interrogation text COLLATE "C" NOT NULL,
    original_request_sha256 text COLLATE "C" NOT NULL,
    request_sha256 text COLLATE "C" NOT NULL,
    request_identical boolean NOT NULL,
    answer_identical boolean NOT NULL,
    original_status text COLLATE "C" NOT NULL,
    status text COLLATE "C" NOT NULL,
    original_model_digest text COLLATE "C",
    model_digest text COLLATE "C",
    original_server_version text,
    server_version text,
    changed_fields jsonb NOT NULL,
    changed_decisions jsonb NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX replay_comparisons_by_original ON replay_comparisons (original_audit_id, created_at);
COMMENT ON TABLE replay_comparisons IS 'A stored request sent again, byte for byte, and how the new answer differs.';
COMMENT ON COLUMN replay_comparisons.request_sha256 IS 'Of the request as it was recorded on the way out this time.';
COMMENT ON COLUMN replay_comparisons.changed_decisions IS 'Items with another label: [{"item", "then", "now"}, ...].';

CREATE TABLE shadow_runs (
    id uuid PRIMARY KEY,
    interrogation text COLLATE "C" NOT NULL,
    candidate_model text NOT NULL,
    candidate_digest text COLLATE "C",
    candidate_version text COLLATE "C" NOT NULL,
    candidate_template_sha256 text COLLATE "C" NOT NULL,
    options jsonb NOT NULL,
    baseline jsonb NOT NULL,
    window_start timestamptz NOT NULL,
    window_end timestamptz NOT NULL,
    call_limit integer CHECK (call_limit > 0),
    status text NOT NULL CHECK (status IN ('running', 'complete', 'stopped')),
    calls integer NOT NULL CHECK (calls >= 0),
    refused jsonb NOT NULL,
    estimate jsonb NOT NULL,
    error text,
    started_at timestamptz NOT NULL,
    finished_at timestamptz,
    CHECK (window_start < window_end)
);
CREATE INDEX shadow_runs_by_interrogation ON shadow_runs (interrogation, started_at);
COMMENT ON TABLE shadow_runs IS
    'Another model or prompt version asked about the evidence of past calls; the same question has the same id.';
COMMENT ON COLUMN shadow_runs.baseline IS 'What had answered: [{"version", "template_sha256", "model", "digest", "calls"}].';
COMMENT ON COLUMN shadow_runs.refused IS 'Original calls whose evidence could not be recovered: {audit id: why}.';
COMMENT ON COLUMN shadow_runs.estimate IS 'Calls, tokens, seconds and US dollars as they were expected before the first call.';

CREATE TABLE shadow_comparisons (
    run_id uuid NOT NULL REFERENCES shadow_runs (id),
    baseline_audit_id uuid NOT NULL,
    item_id text COLLATE "C" NOT NULL,
    baseline_label text COLLATE "C" NOT NULL,
    candidate_label text COLLATE "C",
    agree boolean,
    candidate_audit_id uuid,
    input_tokens integer,
    output_tokens integer,
    latency_ms integer,
    error text,
    PRIMARY KEY (run_id, baseline_audit_id, item_id),
    CHECK ((candidate_label IS NULL) = (agree IS NULL)),
    CHECK ((candidate_label IS NULL) = (error IS NOT NULL))
);
COMMENT ON TABLE shadow_comparisons IS 'One row per original call and item: what was decided, what the candidate would decide.';
COMMENT ON COLUMN shadow_comparisons.candidate_label IS 'NULL: the candidate gave no usable answer, `error` says why.';
COMMENT ON COLUMN shadow_comparisons.candidate_audit_id IS 'The call that gave the answer, also where it came from the cache.';
COMMENT ON COLUMN shadow_comparisons.input_tokens IS 'Tokens and latency are of the whole call, the same for all its items.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['replay_comparisons', 'shadow_runs', 'shadow_comparisons'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
            EXECUTE format('CREATE POLICY llm_pipeline_service ON %I TO service_role USING (true) WITH CHECK (true)',
                           name);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO service_role', name);
        END IF;
    END LOOP;
END $$;
