-- Lineage: reports about single disclosures.

CREATE TABLE lineage_reports (
    report_id uuid PRIMARY KEY,
    created_at timestamptz NOT NULL DEFAULT now(),
    disclosure_id text COLLATE "C" NOT NULL,
    status text NOT NULL CHECK (status IN ('verified', 'unattested', 'broken', 'no_provenance')),
    provenance_chain_valid boolean NOT NULL,
    findings jsonb NOT NULL,
    questions jsonb NOT NULL DEFAULT '[]',
    risk_factors jsonb NOT NULL DEFAULT '[]',
    model_trust_score integer NOT NULL CHECK (model_trust_score BETWEEN 0 AND 100),
    trust_score integer NOT NULL CHECK (trust_score BETWEEN 0 AND 100),
    cap_reason text NOT NULL,
    model_action text NOT NULL CHECK (model_action IN ('trust', 'flag_for_review', 'quarantine', 'reject')),
    recommended_action text NOT NULL
        CHECK (recommended_action IN ('trust', 'flag_for_review', 'quarantine', 'reject')),
    narrative text NOT NULL,
    narrative_by text NOT NULL CHECK (narrative_by IN ('model', 'code')),
    evidence_sha256 text COLLATE "C" NOT NULL,
    chain_head text COLLATE "C" NOT NULL,
    audit_trail_id uuid,
    CHECK (trust_score <= model_trust_score),
    CHECK (trust_score <= (findings ->> 'trust_cap')::integer),
    CHECK (provenance_chain_valid = (status = 'verified'))
);
CREATE INDEX lineage_reports_by_disclosure ON lineage_reports (disclosure_id, created_at DESC);
CREATE INDEX lineage_reports_by_call ON lineage_reports (audit_trail_id);
COMMENT ON TABLE lineage_reports IS
    'What code verified of a disclosure''s provenance, and what a model made of it. The findings are code''s.';
COMMENT ON COLUMN lineage_reports.report_id IS
    'Deterministic from disclosure and evidence: asked again about unchanged evidence, the row is replaced.';
COMMENT ON COLUMN lineage_reports.findings IS 'Computed, never the model''s: what holds, the first broken link, the cap.';
COMMENT ON COLUMN lineage_reports.questions IS
    'The model''s verification questions that contradict no finding and cite only what the metadata say.';
COMMENT ON COLUMN lineage_reports.trust_score IS '0-100: the model''s score, at most findings.trust_cap.';
COMMENT ON COLUMN lineage_reports.recommended_action IS 'The model''s action, or findings.least_action where that is stricter.';
COMMENT ON COLUMN lineage_reports.narrative_by IS
    'model, or code where the model''s narrative contradicted a finding or cited what the metadata do not say.';
COMMENT ON COLUMN lineage_reports.evidence_sha256 IS 'Hash over findings, chain head and the row as it stood.';
COMMENT ON COLUMN lineage_reports.chain_head IS 'Last chain hash when it was audited; a chain that grew needs a new report.';

ALTER TABLE lineage_reports ENABLE ROW LEVEL SECURITY;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        CREATE POLICY llm_pipeline_service ON lineage_reports TO service_role USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT, UPDATE, DELETE ON lineage_reports TO service_role;
    END IF;
END $$;
