-- What detection looked at and decided, day by day, so that an old as-of date can be run again to the same result.

CREATE TABLE trade_evaluations (
    disclosure_id text COLLATE "C" PRIMARY KEY,
    as_of_date date NOT NULL,
    excluded text COLLATE "C",
    thresholds_version text COLLATE "C" NOT NULL,
    evaluated_at timestamptz NOT NULL
);
CREATE INDEX trade_evaluations_by_date ON trade_evaluations (as_of_date);
COMMENT ON TABLE trade_evaluations IS 'Every validated trade that detection has looked at: on the day it became public.';
COMMENT ON COLUMN trade_evaluations.excluded IS
    'Why it is no evidence (same trade in another source, replaced before it counted, a field missing); NULL: it is.';

CREATE TABLE anomaly_sightings (
    candidate_id text COLLATE "C" NOT NULL,
    as_of_date date NOT NULL,
    candidate jsonb NOT NULL,
    PRIMARY KEY (candidate_id, as_of_date)
);
CREATE INDEX anomaly_sightings_by_date ON anomaly_sightings (as_of_date);
COMMENT ON TABLE anomaly_sightings IS
    'An episode on each day on which it was seen, with the evidence of that day. anomaly_candidates has the first.';

CREATE TABLE anomaly_decisions (
    candidate_id text COLLATE "C" PRIMARY KEY,
    as_of_date date NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('signal', 'rejected', 'ungrounded', 'failed')),
    explanation text,
    evidence_sha256 text COLLATE "C" NOT NULL,
    audit_trail_id uuid,
    decided_at timestamptz NOT NULL
);
CREATE INDEX anomaly_decisions_by_date ON anomaly_decisions (as_of_date);
COMMENT ON TABLE anomaly_decisions IS 'What became of each candidate: upheld, rejected, refused as ungrounded, or no answer.';
COMMENT ON COLUMN anomaly_decisions.explanation IS 'The mundane explanation of a rejection, or why there is no signal.';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['trade_evaluations', 'anomaly_sightings', 'anomaly_decisions'] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
            EXECUTE format('CREATE POLICY llm_pipeline_service ON %I TO service_role USING (true) WITH CHECK (true)',
                           name);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO service_role', name);
        END IF;
    END LOOP;
END $$;
