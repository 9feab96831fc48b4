-- Row-level security. Never FORCEd: the owner, who runs the pipeline, bypasses it. Without a policy nobody else reads
-- our tables. Policies name service_role and anon, so they are made only where those roles exist when this runs.

DO $$
DECLARE
    ours text[] := ARRAY['ingest_ledger', 'disclosure_provenance', 'provenance_roots', 'prompt_versions',
        'llm_audit_trail', 'llm_artifacts', 'ungrounded_claims', 'validation_failures', 'baseline_stats',
        'anomaly_candidates', 'llm_anomaly_signals', 'signal_outcomes', 'scorecards', 'llm_prompt_recommendations',
        'llm_jobs'];
    -- These may have been found with their own policies; a policy for service_role is added where security is on.
    shared text[] := ARRAY['politicians', 'trading_disclosures', 'data_quality_issues', 'data_quality_quarantine',
        'data_quality_corrections', 'trading_signals', 'positions'];
    has_service_role boolean := EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role');
    name text;
BEGIN
    FOREACH name IN ARRAY ours LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
    END LOOP;
    IF has_service_role THEN
        FOREACH name IN ARRAY ours || shared LOOP
            IF (SELECT relrowsecurity FROM pg_class WHERE oid = name::regclass) THEN
                EXECUTE format('CREATE POLICY llm_pipeline_service ON %I TO service_role USING (true) WITH CHECK (true)',
                               name);
                EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO service_role', name);
            END IF;
        END LOOP;
    END IF;
END $$;

-- Reads with its owner's rights, so that anonymous readers need no access to the table itself.
CREATE VIEW approved_trading_signals WITH (security_barrier = true) AS
SELECT id, ticker, asset_name, signal_type, signal_strength, confidence_score, generated_at, model_version,
       disclosure_ids, features, is_active, anomaly_signal_id
FROM trading_signals
WHERE review_status = 'approved';
COMMENT ON VIEW approved_trading_signals IS 'What may be shown in public: signals that a human approved.';

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        GRANT SELECT ON approved_trading_signals, settled_disclosures TO service_role;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon') THEN
        RETURN;
    END IF;
    -- Default privileges (Supabase sets them) hand new relations to anon; an owner's view bypasses row security.
    REVOKE ALL ON settled_disclosures, approved_trading_signals FROM anon;
    GRANT SELECT ON approved_trading_signals TO anon;
    IF (SELECT relrowsecurity FROM pg_class WHERE oid = 'trading_signals'::regclass) THEN
        CREATE POLICY llm_pipeline_anon_reads_approved ON trading_signals FOR SELECT TO anon
            USING (review_status = 'approved');
    ELSE
        -- A found table without row security: switch it on without taking anything from anybody, so that the
        -- restriction below can hide our unreviewed rows.
        ALTER TABLE trading_signals ENABLE ROW LEVEL SECURITY;
        CREATE POLICY llm_pipeline_as_before ON trading_signals USING (true) WITH CHECK (true);
    END IF;
    CREATE POLICY llm_pipeline_anon_not_unreviewed ON trading_signals AS RESTRICTIVE FOR SELECT TO anon
        USING (review_status = 'approved'
               OR (review_status IS NULL AND source IS DISTINCT FROM 'llm_anomaly_detection'));
END $$;
