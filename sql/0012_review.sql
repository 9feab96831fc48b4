-- Review: who decided what, when and why; and what anonymous readers see because of it.

CREATE TABLE review_decisions (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('quarantine', 'flagged', 'signal', 'recommendation')),
    item_id text COLLATE "C" NOT NULL,
    decision text COLLATE "C" NOT NULL CHECK (decision IN ('approved', 'rejected')),
    reviewed_by text NOT NULL CHECK (reviewed_by <> ''),
    reviewed_at timestamptz NOT NULL,
    why text NOT NULL CHECK (why <> ''),
    previous_state text NOT NULL,
    content jsonb NOT NULL,
    content_sha256 text COLLATE "C" NOT NULL,
    audit_trail_id uuid,
    disclosure_id text COLLATE "C",
    gate_verdict text COLLATE "C" CHECK (gate_verdict IN ('pass', 'flag', 'reject')),
    human_verdict text COLLATE "C" CHECK (human_verdict IN ('pass', 'flag', 'reject')),
    status_after text COLLATE "C" CHECK (status_after IN ('flag', 'reject')),
    effects jsonb NOT NULL DEFAULT '{}',
    releases text COLLATE "C" CHECK (releases IN ('anomalies', 'trading_signals')),
    release_days date[] NOT NULL DEFAULT '{}',
    CHECK ((kind IN ('quarantine', 'flagged')) = (disclosure_id IS NOT NULL)),
    CHECK ((disclosure_id IS NULL) = (human_verdict IS NULL) AND (disclosure_id IS NULL) = (status_after IS NULL)),
    CHECK ((releases IS NULL) = (cardinality(release_days) = 0))
);
CREATE INDEX review_decisions_by_item ON review_decisions (kind, item_id, seq DESC);
CREATE INDEX review_decisions_by_disclosure ON review_decisions (disclosure_id, seq DESC) WHERE disclosure_id IS NOT NULL;
COMMENT ON TABLE review_decisions IS
    'Append-only: every decision of a human. One taken again is a further row; the one with the highest seq counts.';
COMMENT ON COLUMN review_decisions.item_id IS
    'Quarantine row, disclosure, llm_anomaly_signals.signal_id or llm_prompt_recommendations.feedback_id.';
COMMENT ON COLUMN review_decisions.previous_state IS 'What the item was before: pending, open, approved, rejected.';
COMMENT ON COLUMN review_decisions.content IS
    'What was decided on. Of a disclosure: record (the fields that the gate judges, as gate evaluate reads them), '
    'issues and reason.';
COMMENT ON COLUMN review_decisions.content_sha256 IS
    'Of a disclosure: disclosure_content_sha256 of its row; else SHA-256 of content. Another hash now: it has changed.';
COMMENT ON COLUMN review_decisions.audit_trail_id IS 'The model call that the item rests on.';
COMMENT ON COLUMN review_decisions.gate_verdict IS 'Verdict of the gate on this content, whatever humans said since.';
COMMENT ON COLUMN review_decisions.human_verdict IS
    'What the gate should have said: reject; flag where findings hold; pass where nothing holds.';
COMMENT ON COLUMN review_decisions.status_after IS 'llm_validation_status that the decision set.';
COMMENT ON COLUMN review_decisions.effects IS 'What else the decision changed at once, such as signals withdrawn.';
COMMENT ON COLUMN review_decisions.releases IS 'What is to be run for release_days because of the decision.';

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON review_decisions
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
ALTER TABLE review_decisions ENABLE ALWAYS TRIGGER append_only;

-- What the sensor review_released reads; see settled_disclosures for why a sequence number alone loses rows.
CREATE VIEW settled_review_decisions WITH (security_invoker = true) AS
SELECT xid, seq, id, kind, item_id, decision, releases, release_days
FROM review_decisions
WHERE xid < pg_snapshot_xmin(pg_current_snapshot()) OR xid >= pg_snapshot_xmax(pg_current_snapshot());
COMMENT ON VIEW settled_review_decisions IS
    'Decisions below which no other can still appear: read in the order (xid, seq) and keep that pair as the cursor.';

CREATE FUNCTION disclosure_content_sha256(disclosure jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
    SELECT encode(sha256(convert_to(jsonb_build_object(
        'politician_id', disclosure -> 'politician_id', 'transaction_date', disclosure -> 'transaction_date',
        'disclosure_date', disclosure -> 'disclosure_date', 'transaction_type', disclosure -> 'transaction_type',
        'asset_name', disclosure -> 'asset_name', 'asset_ticker', disclosure -> 'asset_ticker',
        'asset_type', disclosure -> 'asset_type', 'amount_range_min', disclosure -> 'amount_range_min',
        'amount_range_max', disclosure -> 'amount_range_max', 'amount_exact', disclosure -> 'amount_exact',
        'source_url', disclosure -> 'source_url', 'owner', disclosure -> 'owner',
        'as_filed', disclosure #> '{raw_data,as_filed}')::text, 'UTF8')), 'hex')
$$;
COMMENT ON FUNCTION disclosure_content_sha256 IS
    'SHA-256 over what a disclosure says, of to_jsonb of its row: equal hashes are the same question to a reviewer.';

-- A trading signal is never more public than the signal it was made from, whoever changes that one.
CREATE FUNCTION trading_signals_follow() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS $$
BEGIN
    UPDATE trading_signals AS t
    SET review_status = followed.review_status, is_active = t.is_active AND followed.is_active
    FROM (SELECT CASE WHEN NEW.status = 'withdrawn' AND NEW.review_status = 'approved' THEN 'pending'
                      ELSE NEW.review_status END AS review_status,
                 NEW.status = 'active' AND NEW.review_status <> 'rejected' AS is_active) AS followed
    WHERE t.anomaly_signal_id = NEW.signal_id AND t.source = 'llm_anomaly_detection'
      AND (t.review_status IS DISTINCT FROM followed.review_status OR (t.is_active AND NOT followed.is_active));
    RETURN NULL;
END $$;
COMMENT ON FUNCTION trading_signals_follow IS
    'Review and withdrawal of a signal reach its trading signals in the same transaction.';
CREATE TRIGGER trading_signals_follow AFTER UPDATE OF review_status, status ON llm_anomaly_signals
    FOR EACH ROW EXECUTE FUNCTION trading_signals_follow();

-- Reads with its owner's rights, so that readers need no access to the table itself.
CREATE VIEW approved_anomaly_signals WITH (security_barrier = true) AS
SELECT signal_id, as_of_date, last_seen, filer, classification, severity, confidence, trades_involved,
       legislative_context, statistical_evidence, reasoning, analysis_window_start, analysis_window_end, reviewed_at
FROM llm_anomaly_signals
WHERE review_status = 'approved' AND status = 'active';
COMMENT ON VIEW approved_anomaly_signals IS
    'Signals that a human approved and that still stand, with their evidence; who approved them stays inside.';

DO $$
DECLARE
    name text;
BEGIN
    ALTER TABLE review_decisions ENABLE ROW LEVEL SECURITY;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        CREATE POLICY llm_pipeline_service ON review_decisions TO service_role USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT ON review_decisions TO service_role;
        GRANT SELECT ON settled_review_decisions, approved_anomaly_signals TO service_role;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon') THEN
        RETURN;
    END IF;
    -- Default privileges (Supabase sets them) hand every new relation to anon. Row security hides the rows; TRUNCATE
    -- knows no row security.
    FOREACH name IN ARRAY ARRAY['ingest_ledger', 'disclosure_provenance', 'provenance_roots', 'prompt_versions',
        'llm_audit_trail', 'llm_artifacts', 'ungrounded_claims', 'validation_failures', 'baseline_stats',
        'anomaly_candidates', 'llm_anomaly_signals', 'signal_outcomes', 'scorecards', 'llm_prompt_recommendations',
        'llm_jobs', 'trade_evaluations', 'anomaly_sightings', 'anomaly_decisions', 'review_decisions',
        'settled_review_decisions', 'approved_anomaly_signals'] LOOP
        EXECUTE format('REVOKE ALL ON %I FROM anon', name);
    END LOOP;
    GRANT SELECT ON approved_anomaly_signals TO anon;
END $$;
