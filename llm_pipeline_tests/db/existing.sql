-- A database as an older product left it: other types, extra columns, own checks, keys, triggers, soft deletes.
CREATE TABLE politicians (
    id text PRIMARY KEY,
    first_name varchar(60), last_name varchar(60), full_name varchar(120) NOT NULL,
    role varchar(40) CHECK (role IN ('Senator', 'Representative')),
    party char(1), state_or_country varchar(2), district varchar(4), bioguide_id varchar(7) UNIQUE,
    slug text NOT NULL DEFAULT 'unknown',
    is_active boolean NOT NULL DEFAULT true
);
COMMENT ON TABLE politicians IS 'their own words';
INSERT INTO politicians (id, full_name, role, bioguide_id) VALUES
    ('p-1', 'Ann Example', 'Senator', 'E000001'), ('p-2', 'Bob Sample', 'Representative', 'S000002');

CREATE TABLE trading_disclosures (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    politician_id text NOT NULL REFERENCES politicians (id) ON DELETE CASCADE,
    transaction_date timestamptz, disclosure_date timestamptz NOT NULL,
    transaction_type varchar(20) NOT NULL CHECK (transaction_type <> ''),
    asset_name varchar(200) NOT NULL, asset_ticker varchar(10), asset_type varchar(40),
    amount_range_min integer, amount_range_max integer, amount_exact integer,
    source_url varchar(500), source_document_id varchar(64), raw_data json,
    status varchar(20) NOT NULL DEFAULT 'processed', processing_notes text,
    created_at timestamptz NOT NULL DEFAULT '2020-01-01', updated_at timestamptz NOT NULL DEFAULT '2020-01-01',
    deleted_at timestamptz,
    source varchar(20),
    importance smallint NOT NULL DEFAULT 3,
    search tsvector GENERATED ALWAYS AS (to_tsvector('simple', asset_name)) STORED,
    CONSTRAINT amounts_in_order CHECK (amount_range_min <= amount_range_max)
);
CREATE INDEX td_search ON trading_disclosures USING gin (search);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN NEW.updated_at := now(); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE UPDATE ON trading_disclosures FOR EACH ROW EXECUTE FUNCTION touch();
INSERT INTO trading_disclosures (id, politician_id, transaction_date, disclosure_date, transaction_type, asset_name,
    amount_range_min, amount_range_max, source_document_id, raw_data, deleted_at, source)
SELECT ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid, 'p-' || (1 + n % 2),
    '2020-02-01 23:30-05', '2020-03-01 12:00Z', 'purchase', 'Asset {{' || n || '}} ‹é›', 1001, 15000,
    'doc-' || n / 2, '{"b": 1, "a":  [2]}', CASE n % 5 WHEN 0 THEN timestamptz '2021-01-01' END, 'old-import'
FROM generate_series(1, 40) AS n;

CREATE TABLE data_quality_issues (
    id bigserial PRIMARY KEY, severity varchar(10) NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
    issue_type varchar(50) NOT NULL, table_name varchar(50), record_id uuid, field_name varchar(50),
    expected_value text, actual_value text, description text, status varchar(20) DEFAULT 'open',
    detected_at timestamptz NOT NULL DEFAULT '2020-01-01'
);
INSERT INTO data_quality_issues (severity, issue_type, record_id)
VALUES ('warning', 'odd', '00000000-0000-4000-8000-000000000001');
CREATE TABLE data_quality_quarantine (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), table_name text, original_record_id uuid, quarantine_reason text,
    issue_ids bigint[], original_data jsonb NOT NULL DEFAULT '{}', suggested_corrections jsonb, status text,
    reviewed_by uuid, reviewed_at timestamptz, review_notes text
);
INSERT INTO data_quality_quarantine (table_name, issue_ids) VALUES ('trading_disclosures', '{1}');
CREATE TABLE data_quality_corrections (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(), issue_id bigint REFERENCES data_quality_issues (id),
    table_name text, record_id uuid, field_name text, correction_type text, old_value text, new_value text,
    corrected_by text, confidence_score real, approved_by text, approved_at timestamptz,
    can_rollback boolean NOT NULL DEFAULT true, rolled_back boolean NOT NULL DEFAULT false
);
INSERT INTO data_quality_corrections (issue_id, field_name, confidence_score) VALUES (1, 'asset_ticker', 0.5);
CREATE TABLE trading_signals (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ticker varchar(10) NOT NULL, asset_name text,
    signal_type varchar(12) NOT NULL, signal_strength real, confidence_score real, generated_at timestamptz,
    model_version text, disclosure_ids uuid[], features json, is_active boolean NOT NULL DEFAULT true, notes text,
    target_price money
);
INSERT INTO trading_signals (ticker, signal_type, target_price) VALUES ('AAA', 'buy', 12), ('BBB', 'sell', 3);
CREATE TABLE positions (
    id serial PRIMARY KEY, signal bigint REFERENCES trading_signals (id), symbol text NOT NULL, shares numeric
);
INSERT INTO positions (signal, symbol) VALUES (1, 'AAA');
