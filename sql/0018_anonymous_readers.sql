-- Nothing of ours is an anonymous reader's but the approved views. 0012 says so for what there was by then.

DO $$
DECLARE
    name text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon') THEN
        RETURN;
    END IF;
    -- Default privileges hand every new relation to anon; row security hides rows, but TRUNCATE knows none.
    FOREACH name IN ARRAY ARRAY['lineage_reports', 'redaction_key', 'entity_facts', 'replay_comparisons', 'shadow_runs',
        'shadow_comparisons', 'labelled_cases', 'prompt_evaluations', 'prompt_evaluation_cases', 'prompt_activations',
        'anomaly_decision_history', 'legislators', 'legislator_terms', 'committees', 'committee_assignments',
        'legislative_calendar', 'committee_sectors', 'ticker_sectors', 'ticker_changes', 'market_prices',
        'llm_schema_migrations'] LOOP
        EXECUTE format('REVOKE ALL ON %I FROM anon', name);
    END LOOP;
END $$;
