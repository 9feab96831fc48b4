-- Where every disclosure came from: the ledger of filings and the append-only provenance chain.
-- Our tables name a disclosure by its id as text, without a foreign key: the id of a found table may be uuid or text.

CREATE TABLE ingest_ledger (
    source text COLLATE "C" NOT NULL,
    source_document_id text COLLATE "C" NOT NULL,
    partition_date date NOT NULL,
    state text NOT NULL CHECK (state IN ('parsed', 'empty', 'failed', 'superseded')),
    row_count integer NOT NULL DEFAULT 0 CHECK (row_count >= 0),
    content_sha256 text COLLATE "C",
    error text,
    detail jsonb,
    ts timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (source, source_document_id),
    CHECK (state <> 'empty' OR row_count = 0),
    CHECK (state <> 'failed' OR error IS NOT NULL)
);
CREATE INDEX ingest_ledger_by_partition ON ingest_ledger (source, partition_date);
COMMENT ON TABLE ingest_ledger IS
    'One row per filing seen in a source index. Parsed with 0 rows is empty, never silently nothing.';
COMMENT ON COLUMN ingest_ledger.partition_date IS 'Disclosure date of the filing: the daily partition it belongs to.';
COMMENT ON COLUMN ingest_ledger.content_sha256 IS 'SHA-256 of the filing as read; a changed one is a changed filing.';

CREATE TABLE disclosure_provenance (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    disclosure_id text COLLATE "C" NOT NULL,
    step_no integer NOT NULL CHECK (step_no >= 0),
    step text COLLATE "C" NOT NULL,
    step_version text COLLATE "C" NOT NULL,
    input_hash text COLLATE "C" NOT NULL,
    output_hash text COLLATE "C" NOT NULL,
    previous_hash text COLLATE "C",
    chain_hash text COLLATE "C" NOT NULL,
    detail jsonb NOT NULL DEFAULT '{}',
    ts timestamptz NOT NULL DEFAULT now(),
    UNIQUE (disclosure_id, step_no)
);
COMMENT ON TABLE disclosure_provenance IS
    'Append-only: what was done to a disclosure, step by step, each hashed over the one before.';
COMMENT ON COLUMN disclosure_provenance.chain_hash IS 'SHA-256 of previous_hash followed by the canonical JSON of this step.';

CREATE TABLE provenance_roots (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    source text COLLATE "C" NOT NULL,
    partition_date date NOT NULL,
    disclosure_count integer NOT NULL CHECK (disclosure_count >= 0),
    merkle_root text COLLATE "C" NOT NULL,
    dagster_run_id text COLLATE "C",
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX provenance_roots_by_partition ON provenance_roots (source, partition_date, seq DESC);
COMMENT ON TABLE provenance_roots IS
    'Append-only: Merkle root over the chain hashes of one partition load; the highest seq of a partition is in force.';

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the table is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation', HINT = 'Append a further row instead.';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON disclosure_provenance
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON provenance_roots
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
-- ALWAYS: also when session_replication_role is replica, which switches ordinary triggers off.
ALTER TABLE disclosure_provenance ENABLE ALWAYS TRIGGER append_only;
ALTER TABLE provenance_roots ENABLE ALWAYS TRIGGER append_only;
