-- What a ticker's sector was on earlier days, from dated lists of constituents: GICS moves companies in between.

CREATE TABLE earlier_ticker_sectors (
    ticker text COLLATE "C" NOT NULL,
    until date NOT NULL,
    sector text NOT NULL,
    name text,
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (ticker, until)
);
COMMENT ON TABLE earlier_ticker_sectors IS
    'GICS sector of a ticker''s company on a list of an earlier day. ticker_sectors has today''s.';
COMMENT ON COLUMN earlier_ticker_sectors.ticker IS 'As it was on the list''s day, share class after a hyphen.';
COMMENT ON COLUMN earlier_ticker_sectors.until IS
    'Day of the list: the sector holds up to it, that day included, back to the list before.';
COMMENT ON COLUMN earlier_ticker_sectors.loaded_at IS 'When the row was last written; an unchanged row keeps its time.';

ALTER TABLE earlier_ticker_sectors ENABLE ROW LEVEL SECURITY;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role') THEN
        CREATE POLICY llm_pipeline_service ON earlier_ticker_sectors TO service_role USING (true) WITH CHECK (true);
        GRANT SELECT, INSERT, UPDATE, DELETE ON earlier_ticker_sectors TO service_role;
    END IF;
    -- Default privileges hand every new relation to anon; row security hides rows, but TRUNCATE knows none.
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anon') THEN
        REVOKE ALL ON earlier_ticker_sectors FROM anon;
    END IF;
END $$;
