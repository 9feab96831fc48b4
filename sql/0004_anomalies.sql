-- Baselines, candidates and the signals a model upheld. Everything is as of a date: only what was public then counts.

CREATE TABLE baseline_stats (
    filer text COLLATE "C" NOT NULL,
    as_of_date date NOT NULL,
    window_days integer NOT NULL CHECK (window_days > 0),
    politician_id text COLLATE "C",
    n_trades integer NOT NULL CHECK (n_trades >= 0),
    months_observed double precision NOT NULL,
    monthly_mean double precision,
    monthly_sd double precision,
    amount_index_mean double precision,
    amount_index_sd double precision,
    sector_shares jsonb NOT NULL DEFAULT '{}',
    weekday_distribution jsonb NOT NULL DEFAULT '{}',
    inter_trade_gaps jsonb NOT NULL DEFAULT '{}',
    computed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (filer, as_of_date, window_days)
);
CREATE INDEX baseline_stats_by_date ON baseline_stats (as_of_date);
COMMENT ON TABLE baseline_stats IS 'What is usual for a filer: statistics of the window_days before as_of_date.';
COMMENT ON COLUMN baseline_stats.amount_index_mean IS 'Mean of the amount ranges'' index, 1 (up to $1,000) to 11 (over $50,000,000).';

CREATE TABLE anomaly_candidates (
    candidate_id text COLLATE "C" PRIMARY KEY,
    filers text[] NOT NULL CHECK (cardinality(filers) > 0),
    classification text NOT NULL CHECK (classification IN
        ('FREQUENCY_SPIKE', 'SECTOR_CLUSTER', 'TIMING_ANOMALY', 'AMOUNT_ANOMALY', 'COORDINATED_PATTERN')),
    as_of_date date NOT NULL,
    window_days integer NOT NULL CHECK (window_days > 0),
    window_start date NOT NULL,
    window_end date NOT NULL,
    trade_ids text[] NOT NULL,
    evidence jsonb NOT NULL,
    legislative_context jsonb NOT NULL DEFAULT '{}',
    first_seen date NOT NULL,
    last_seen date NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CHECK (window_start <= window_end),
    CHECK (first_seen <= last_seen)
);
CREATE INDEX anomaly_candidates_by_date ON anomaly_candidates (as_of_date);
COMMENT ON TABLE anomaly_candidates IS 'Patterns that the computed evidence supports, before a model sees them.';
COMMENT ON COLUMN anomaly_candidates.candidate_id IS 'Deterministic: the same episode found again has the same id.';
COMMENT ON COLUMN anomaly_candidates.evidence IS 'Every number with its n and its method.';

CREATE TABLE llm_anomaly_signals (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    signal_id text COLLATE "C" NOT NULL UNIQUE,
    candidate_id text COLLATE "C",
    as_of_date date,
    filer text NOT NULL,
    classification text NOT NULL CHECK (classification IN
        ('FREQUENCY_SPIKE', 'SECTOR_CLUSTER', 'TIMING_ANOMALY', 'AMOUNT_ANOMALY', 'COORDINATED_PATTERN')),
    severity text NOT NULL CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    confidence integer NOT NULL CHECK (confidence BETWEEN 0 AND 10),
    trades_involved jsonb NOT NULL,
    legislative_context jsonb,
    statistical_evidence jsonb,
    reasoning text,
    trading_signal jsonb,
    self_verification_notes text,
    analysis_window_start date,
    analysis_window_end date,
    audit_trail_id uuid,
    review_status text NOT NULL DEFAULT 'pending' CHECK (review_status IN ('pending', 'approved', 'rejected')),
    reviewed_by text,
    reviewed_at timestamptz,
    review_notes text,
    status text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'withdrawn')),
    last_seen date
);
CREATE INDEX llm_anomaly_signals_by_date ON llm_anomaly_signals (as_of_date);
CREATE INDEX llm_anomaly_signals_by_candidate ON llm_anomaly_signals (candidate_id);
CREATE INDEX llm_anomaly_signals_to_review ON llm_anomaly_signals (created_at) WHERE review_status = 'pending';
COMMENT ON TABLE llm_anomaly_signals IS 'Candidates that a model upheld and whose every claim code confirmed. Leads, not accusations.';
COMMENT ON COLUMN llm_anomaly_signals.signal_id IS 'Deterministic from the candidate: an episode seen again is not a new signal.';
