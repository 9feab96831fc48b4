-- Every decision about an episode, not only the standing one: an episode that grew is put to the model again, and what
-- was decided on the earlier evidence stays on record.

CREATE TABLE anomaly_decision_history (
    candidate_id text COLLATE "C" NOT NULL,
    evidence_as_of date NOT NULL,
    evidence_sha256 text COLLATE "C" NOT NULL,
    outcome text NOT NULL CHECK (outcome IN ('signal', 'rejected', 'ungrounded', 'failed')),
    explanation text,
    signal jsonb,
    audit_trail_id uuid,
    decided_at timestamptz NOT NULL,
    superseded_at timestamptz,
    PRIMARY KEY (candidate_id, evidence_as_of, evidence_sha256),
    CHECK ((outcome = 'signal') = (signal IS NOT NULL))
);
CREATE INDEX anomaly_decision_history_by_date ON anomaly_decision_history (evidence_as_of);
COMMENT ON TABLE anomaly_decision_history IS
    'What was decided on each stage of an episode. anomaly_decisions and llm_anomaly_signals hold the standing one.';
COMMENT ON COLUMN anomaly_decision_history.evidence_as_of IS 'As-of date of the evidence that was put to the model.';
COMMENT ON COLUMN anomaly_decision_history.signal IS 'The signal as it was written then, where the model upheld it.';
COMMENT ON COLUMN anomaly_decision_history.superseded_at IS
    'When it was found that the evidence under it is not what was asked about any more; NULL: it still is.';

ALTER TABLE anomaly_decisions ADD COLUMN evidence_as_of date;
ALTER TABLE llm_anomaly_signals ADD COLUMN evidence_as_of date;
UPDATE anomaly_decisions SET evidence_as_of = as_of_date;
UPDATE llm_anomaly_signals SET evidence_as_of = as_of_date;
COMMENT ON COLUMN anomaly_decisions.evidence_as_of IS 'As-of date of the evidence decided on: the first sight, or later.';
COMMENT ON COLUMN llm_anomaly_signals.evidence_as_of IS
    'As-of date of the evidence that the signal is about; later than as_of_date where the episode grew.';

INSERT INTO anomaly_decision_history (candidate_id, evidence_as_of, evidence_sha256, outcome, explanation, signal,
    audit_trail_id, decided_at)
SELECT d.candidate_id, d.as_of_date, d.evidence_sha256, d.outcome, d.explanation,
    CASE d.outcome WHEN 'signal' THEN to_jsonb(s) END, d.audit_trail_id, d.decided_at
FROM anomaly_decisions d
LEFT JOIN llm_anomaly_signals s ON s.candidate_id = d.candidate_id AND s.status = 'active'
WHERE d.outcome <> 'signal' OR s.id IS NOT NULL;

ALTER TABLE anomaly_decision_history ENABLE ROW LEVEL SECURITY;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        CREATE POLICY llm_pipeline_service ON anomaly_decision_history TO service_role
            USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT, UPDATE, DELETE ON anomaly_decision_history TO service_role;
    END IF;
END $$;
