-- Everything about calls of a model: prompts, calls, their stored requests and answers, and what was not believed.

CREATE TABLE prompt_versions (
    interrogation text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    template_sha256 text COLLATE "C" NOT NULL,
    template text NOT NULL,
    origin text NOT NULL DEFAULT 'file' CHECK (origin IN ('file', 'recommendation', 'variant')),
    status text NOT NULL DEFAULT 'candidate' CHECK (status IN ('active', 'candidate', 'archived')),
    created_at timestamptz NOT NULL DEFAULT now(),
    activated_at timestamptz,
    PRIMARY KEY (interrogation, version)
);
CREATE UNIQUE INDEX prompt_versions_one_active ON prompt_versions (interrogation) WHERE status = 'active';
COMMENT ON TABLE prompt_versions IS 'Every prompt text that was ever used; at most one active version an interrogation.';

CREATE FUNCTION refuse_changed_template() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION 'prompt % version % already has another text', OLD.interrogation, OLD.version
        USING ERRCODE = 'integrity_constraint_violation', HINT = 'Give the changed template a new version.';
END $$;
CREATE TRIGGER template_is_fixed BEFORE UPDATE ON prompt_versions FOR EACH ROW
    WHEN ((OLD.interrogation, OLD.version, OLD.template, OLD.template_sha256)
          IS DISTINCT FROM (NEW.interrogation, NEW.version, NEW.template, NEW.template_sha256))
    EXECUTE FUNCTION refuse_changed_template();

CREATE TABLE llm_audit_trail (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    service_name text COLLATE "C" NOT NULL,
    prompt_version text COLLATE "C",
    prompt_hash text COLLATE "C",
    model_used text,
    input_tokens integer,
    output_tokens integer,
    latency_ms integer,
    request_context jsonb,
    raw_response text,
    parsed_output jsonb,
    parse_success boolean NOT NULL DEFAULT false,
    error_message text,
    provider text,
    endpoint text,
    model_digest text COLLATE "C",
    server_version text,
    resolved_prompt_sha256 text COLLATE "C",
    schema_sha256 text COLLATE "C",
    options jsonb,
    done_reason text,
    metrics jsonb,
    attempt integer NOT NULL DEFAULT 1,
    cache_hit boolean NOT NULL DEFAULT false,
    cache_key text COLLATE "C",
    cost_usd numeric,
    status text NOT NULL CHECK (status IN ('ok', 'invalid', 'ungrounded', 'truncated', 'refused', 'error')),
    job_id uuid,
    dagster_run_id text COLLATE "C",
    asset_key text COLLATE "C",
    partition_key text COLLATE "C",
    request_artifact_id uuid,
    response_artifact_id uuid
);
CREATE INDEX llm_audit_trail_cache ON llm_audit_trail (cache_key)
    WHERE status IN ('ok', 'ungrounded') AND NOT cache_hit;
CREATE INDEX llm_audit_trail_by_time ON llm_audit_trail (created_at);
CREATE INDEX llm_audit_trail_by_run ON llm_audit_trail (dagster_run_id);
COMMENT ON TABLE llm_audit_trail IS 'One row per attempted model call, answers from the cache included.';
COMMENT ON COLUMN llm_audit_trail.prompt_hash IS 'SHA-256 of the template file; resolved_prompt_sha256 is of what was sent.';
COMMENT ON COLUMN llm_audit_trail.model_used IS 'The model that answered, as the server names it.';
COMMENT ON COLUMN llm_audit_trail.cost_usd IS 'US dollars at the configured rates; 0 on own hardware.';

CREATE TABLE llm_artifacts (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    -- Deferred: a call's audit row and artifacts may be written in either order within a transaction.
    audit_trail_id uuid NOT NULL REFERENCES llm_audit_trail (id) DEFERRABLE INITIALLY DEFERRED,
    artifact_type text NOT NULL
        CHECK (artifact_type IN ('request_json', 'response_json', 'evidence_bundle', 'prompt_text', 'parsed_output')),
    content_sha256 text COLLATE "C" NOT NULL,
    byte_count bigint NOT NULL CHECK (byte_count >= 0),
    lake_uri text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX llm_artifacts_by_call ON llm_artifacts (audit_trail_id);
COMMENT ON TABLE llm_artifacts IS 'Files in the lake that belong to a model call; the hash is verified on every read.';
COMMENT ON COLUMN llm_artifacts.content_sha256 IS 'SHA-256 of the content before any compression.';

CREATE TABLE ungrounded_claims (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    audit_trail_id uuid,
    interrogation text COLLATE "C" NOT NULL,
    claim jsonb NOT NULL,
    reason_code text COLLATE "C" NOT NULL,
    detail text
);
CREATE INDEX ungrounded_claims_by_call ON ungrounded_claims (audit_trail_id);
COMMENT ON TABLE ungrounded_claims IS 'What a model asserted and code could not confirm.';

CREATE TABLE validation_failures (
    disclosure_id text COLLATE "C" PRIMARY KEY,
    attempts integer NOT NULL DEFAULT 1 CHECK (attempts > 0),
    last_error text,
    last_error_class text,
    first_at timestamptz NOT NULL DEFAULT now(),
    last_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE validation_failures IS 'Disclosures that the gate could not decide and that are therefore still pending.';
