-- The prompt registry: which version is active and how it came to be, what each was measured to be worth, and the
-- labelled cases that every version has to stand.

ALTER TABLE prompt_versions
    ADD COLUMN created_by text,
    ADD COLUMN why text,
    ADD COLUMN recommendation_id text COLLATE "C";
COMMENT ON COLUMN prompt_versions.status IS
    'active: production uses it. candidate: never active so far. archived: was active. Changed by activations only.';
COMMENT ON COLUMN prompt_versions.recommendation_id IS 'The approved recommendation that the version carries out.';

CREATE TABLE labelled_cases (
    interrogation text COLLATE "C" NOT NULL,
    case_id text COLLATE "C" NOT NULL,
    record jsonb NOT NULL,
    facts jsonb,
    label jsonb NOT NULL,
    origin text NOT NULL CHECK (origin IN ('review', 'synthetic', 'file')),
    source_id text COLLATE "C",
    created_by text NOT NULL,
    why text NOT NULL,
    created_at timestamptz NOT NULL,
    withdrawn_by text,
    withdrawn_why text,
    withdrawn_at timestamptz,
    PRIMARY KEY (interrogation, case_id)
);
COMMENT ON TABLE labelled_cases IS
    'Cases whose right answer a human gave; every later evaluation of a prompt includes them, unless withdrawn.';
COMMENT ON COLUMN labelled_cases.facts IS 'What code had computed when the case was added; NULL: computed anew each time.';
COMMENT ON COLUMN labelled_cases.source_id IS 'The review decision, or the disclosure, that the case was made from.';

CREATE TABLE prompt_evaluations (
    id uuid PRIMARY KEY,
    interrogation text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    against text COLLATE "C" NOT NULL,
    model text NOT NULL,
    model_digest text COLLATE "C",
    sets jsonb NOT NULL,
    repeats integer NOT NULL CHECK (repeats > 0),
    metrics jsonb NOT NULL,
    verdict text NOT NULL CHECK (verdict IN ('passed', 'worse', 'unclear')),
    reasons jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    FOREIGN KEY (interrogation, version) REFERENCES prompt_versions (interrogation, version),
    FOREIGN KEY (interrogation, against) REFERENCES prompt_versions (interrogation, version)
);
CREATE INDEX prompt_evaluations_by_version ON prompt_evaluations (interrogation, version, created_at);
COMMENT ON TABLE prompt_evaluations IS
    'Append-only: a version measured beside the active one on the same labelled cases, model and seeds.';
COMMENT ON COLUMN prompt_evaluations.sets IS 'Name, SHA-256 and number of cases of each labelled set that was used.';
COMMENT ON COLUMN prompt_evaluations.verdict IS
    'passed: shown to be no worse on every guarded figure. worse: shown to be worse on one. unclear: neither was shown.';

CREATE TABLE prompt_evaluation_cases (
    evaluation_id uuid NOT NULL REFERENCES prompt_evaluations (id),
    set_name text NOT NULL,
    case_id text COLLATE "C" NOT NULL,
    kind text,
    right_of_version integer NOT NULL,
    right_of_against integer NOT NULL,
    undecided_of_version integer NOT NULL,
    undecided_of_against integer NOT NULL,
    PRIMARY KEY (evaluation_id, set_name, case_id)
);
COMMENT ON TABLE prompt_evaluation_cases IS 'Append-only: how many repeats of each case came out right, on both sides.';
COMMENT ON COLUMN prompt_evaluation_cases.kind IS 'Kind of the labelled defect or pattern; NULL: a clean case.';

CREATE TABLE prompt_activations (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    interrogation text COLLATE "C" NOT NULL,
    version text COLLATE "C" NOT NULL,
    previous_version text COLLATE "C",
    kind text NOT NULL CHECK (kind IN ('bootstrap', 'file', 'activate', 'rollback')),
    activated_at timestamptz NOT NULL,
    activated_by text NOT NULL,
    why text NOT NULL,
    evaluation_id uuid REFERENCES prompt_evaluations (id),
    FOREIGN KEY (interrogation, version) REFERENCES prompt_versions (interrogation, version),
    CHECK (kind <> 'activate' OR evaluation_id IS NOT NULL)
);
COMMENT ON COLUMN prompt_activations.kind IS
    'bootstrap: the first version of an installation. file: of a prompt that no labelled set examines.';
CREATE INDEX prompt_activations_by_prompt ON prompt_activations (interrogation, seq);
COMMENT ON TABLE prompt_activations IS
    'Append-only: every change of the active version, by whom and why; an activation names the evaluation it rests on.';

INSERT INTO prompt_activations (interrogation, version, kind, activated_at, activated_by, why)
SELECT interrogation, version, 'bootstrap', COALESCE(activated_at, created_at), 'migration', 'active before the registry'
FROM prompt_versions
WHERE status = 'active';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['labelled_cases', 'prompt_evaluations', 'prompt_evaluation_cases',
                                'prompt_activations'] LOOP
        IF name <> 'labelled_cases' THEN
            EXECUTE format('CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON %I '
                           'FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()', name);
            EXECUTE format('ALTER TABLE %I ENABLE ALWAYS TRIGGER append_only', name);
        END IF;
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
            EXECUTE format('CREATE POLICY llm_pipeline_service ON %I TO service_role USING (true) WITH CHECK (true)',
                           name);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO service_role', name);
        END IF;
    END LOOP;
END $$;
