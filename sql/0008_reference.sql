-- What is known about Congress, its calendar, sectors and prices: loaded from published files, read as of a date.
-- A load writes only rows that differ; rows that a source no longer has are kept, open committee seats are ended.

CREATE TABLE legislators (
    bioguide text COLLATE "C" PRIMARY KEY,
    first_name text NOT NULL,
    last_name text NOT NULL,
    full_name text NOT NULL,
    other_names text[] NOT NULL DEFAULT '{}',
    loaded_at timestamptz NOT NULL
);
COMMENT ON TABLE legislators IS 'Members of Congress by their id in the Biographical Directory, names as published.';
COMMENT ON COLUMN legislators.loaded_at IS 'When the row was last written; an unchanged row keeps its time.';

CREATE TABLE legislator_terms (
    bioguide text COLLATE "C" NOT NULL REFERENCES legislators ON DELETE CASCADE,
    chamber text COLLATE "C" NOT NULL CHECK (chamber IN ('Senate', 'House')),
    start_day date NOT NULL,
    end_day date NOT NULL,
    state text NOT NULL,
    district text,
    party text,
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (bioguide, chamber, start_day),
    CHECK (start_day <= end_day)
);
CREATE INDEX legislator_terms_by_day ON legislator_terms (start_day, end_day);
COMMENT ON TABLE legislator_terms IS 'Terms in office.';
COMMENT ON COLUMN legislator_terms.end_day IS 'Last day of the term, included, as published.';

CREATE TABLE committees (
    code text COLLATE "C" PRIMARY KEY,
    chamber text COLLATE "C" NOT NULL CHECK (chamber IN ('Senate', 'House', 'Joint')),
    name text NOT NULL,
    parent text COLLATE "C",
    jurisdiction text,
    loaded_at timestamptz NOT NULL
);
CREATE INDEX committees_by_parent ON committees (parent) WHERE parent IS NOT NULL;
COMMENT ON TABLE committees IS 'Committees and subcommittees by the code of the unitedstates project (SSBK, SSBK04).';

CREATE TABLE committee_assignments (
    bioguide text COLLATE "C" NOT NULL,
    committee_code text COLLATE "C" NOT NULL,
    start_day date NOT NULL,
    end_day date,
    title text,
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (bioguide, committee_code, start_day),
    CHECK (end_day IS NULL OR end_day > start_day)
);
CREATE INDEX committee_assignments_by_committee ON committee_assignments (committee_code, start_day);
COMMENT ON TABLE committee_assignments IS 'Who sat on which committee when; the spells of one seat do not overlap.';
COMMENT ON COLUMN committee_assignments.end_day IS 'First day on which the seat was no longer held; NULL: still held.';

CREATE TABLE legislative_calendar (
    event_id text COLLATE "C" PRIMARY KEY,
    kind text COLLATE "C" NOT NULL CHECK (kind IN ('hearing', 'floor_vote')),
    day date NOT NULL,
    title text NOT NULL,
    committee_code text COLLATE "C",
    bill text,
    sectors text[] NOT NULL DEFAULT '{}',
    source text NOT NULL,
    known_from date,
    loaded_at timestamptz NOT NULL
);
CREATE INDEX legislative_calendar_by_day ON legislative_calendar (day);
CREATE INDEX legislative_calendar_by_committee ON legislative_calendar (committee_code, day);
CREATE INDEX legislative_calendar_by_sector ON legislative_calendar USING gin (sectors);
COMMENT ON TABLE legislative_calendar IS 'Hearings and floor votes. A floor vote has no committee.';
COMMENT ON COLUMN legislative_calendar.sectors IS 'GICS sectors it concerns; empty: none known.';
COMMENT ON COLUMN legislative_calendar.known_from IS
    'Day from which the public could know of it, the earliest ever reported; NULL: the day itself.';

CREATE TABLE committee_sectors (
    committee_code text COLLATE "C" PRIMARY KEY,
    sectors text[] NOT NULL DEFAULT '{}',
    loaded_at timestamptz NOT NULL
);
COMMENT ON TABLE committee_sectors IS 'GICS sectors a committee''s work concerns; a subcommittee not listed has its parent''s.';

CREATE TABLE ticker_sectors (
    ticker text COLLATE "C" PRIMARY KEY,
    name text,
    sector text,
    quality text,
    loaded_at timestamptz NOT NULL
);
CREATE INDEX ticker_sectors_by_sector ON ticker_sectors (sector);
COMMENT ON TABLE ticker_sectors IS 'GICS sector of a ticker as the source spells it; NULL: known to be unknown.';
COMMENT ON COLUMN ticker_sectors.quality IS 'How surely the sector is known: gics_sp500, approx_nasdaq and so on.';

CREATE TABLE ticker_changes (
    old_ticker text COLLATE "C" NOT NULL,
    day date NOT NULL,
    new_ticker text COLLATE "C" NOT NULL,
    ended boolean NOT NULL DEFAULT false,
    reused boolean NOT NULL DEFAULT false,
    note text,
    loaded_at timestamptz NOT NULL,
    PRIMARY KEY (old_ticker, day)
);
CREATE INDEX ticker_changes_by_new ON ticker_changes (new_ticker, day);
COMMENT ON TABLE ticker_changes IS 'Tickers that became another, or ended, on a day.';
COMMENT ON COLUMN ticker_changes.new_ticker IS 'Empty where nothing followed; after an acquisition the buyer''s.';
COMMENT ON COLUMN ticker_changes.ended IS 'The company was bought or went private: new_ticker is another company''s.';
COMMENT ON COLUMN ticker_changes.reused IS 'From that day on, or later, old_ticker names another company.';

CREATE TABLE market_prices (
    ticker text COLLATE "C" NOT NULL,
    day date NOT NULL,
    adj_close numeric NOT NULL CHECK (adj_close > 0 AND adj_close < 'Infinity'),
    PRIMARY KEY (ticker, day)
);
CREATE INDEX market_prices_by_day ON market_prices (day);
COMMENT ON TABLE market_prices IS 'Daily closes in US dollars, adjusted for splits and dividends as the source had them.';

DO $$
DECLARE
    ours text[] := ARRAY['legislators', 'legislator_terms', 'committees', 'committee_assignments',
        'legislative_calendar', 'committee_sectors', 'ticker_sectors', 'ticker_changes', 'market_prices'];
    has_service_role boolean := EXISTS (SELECT FROM pg_roles WHERE rolname = 'service_role');
    name text;
BEGIN
    FOREACH name IN ARRAY ours LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        IF has_service_role THEN
            EXECUTE format('CREATE POLICY llm_pipeline_service ON %I TO service_role USING (true) WITH CHECK (true)', name);
            EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON %I TO service_role', name);
        END IF;
    END LOOP;
END $$;
