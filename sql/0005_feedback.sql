-- What became of the signals, and what a model proposes to change because of it. NULL means no data, never 0.

CREATE TABLE signal_outcomes (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    signal_id text COLLATE "C" NOT NULL,
    trading_signal_id text COLLATE "C",
    ticker text COLLATE "C" NOT NULL,
    direction text NOT NULL CHECK (direction IN ('long', 'short', 'neutral')),
    status text NOT NULL CHECK (status IN ('closed', 'open', 'no_price')),
    entry_date date,
    entry_price numeric,
    exit_date date,
    exit_price numeric,
    holding_days integer,
    return_pct double precision,
    benchmark_return_pct double precision,
    alpha_pct double precision,
    max_drawdown_pct double precision,
    hit boolean,
    basis text NOT NULL DEFAULT 'prices' CHECK (basis IN ('prices', 'position')),
    computed_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (signal_id, ticker)
);
COMMENT ON TABLE signal_outcomes IS 'Per signal and ticker; entry is the first close after the disclosure, not the trade.';
COMMENT ON COLUMN signal_outcomes.alpha_pct IS 'return_pct minus benchmark_return_pct, in percentage points.';

CREATE TABLE scorecards (
    period_start date NOT NULL,
    period_end date NOT NULL,
    classification text COLLATE "C" NOT NULL CHECK (classification IN
        ('ALL', 'FREQUENCY_SPIKE', 'SECTOR_CLUSTER', 'TIMING_ANOMALY', 'AMOUNT_ANOMALY', 'COORDINATED_PATTERN')),
    n integer NOT NULL CHECK (n >= 0),
    hit_rate double precision,
    alpha_rate double precision,
    false_positive_rate double precision,
    mean_confidence_winners double precision,
    mean_confidence_losers double precision,
    brier double precision,
    calibration jsonb,
    intervals jsonb,
    computed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (period_start, period_end, classification),
    CHECK (period_start < period_end)
);
COMMENT ON TABLE scorecards IS 'Per period [start, end) and classification; ALL is the overall one.';
COMMENT ON COLUMN scorecards.false_positive_rate IS 'Share of closed signals with confidence 7 or more that lost.';
COMMENT ON COLUMN scorecards.intervals IS '95 % Wilson intervals of the rates: {"hit_rate": [low, high], ...}.';

CREATE TABLE llm_prompt_recommendations (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    created_at timestamptz NOT NULL DEFAULT now(),
    feedback_id text COLLATE "C" NOT NULL UNIQUE,
    analysis_period_start date,
    analysis_period_end date,
    scorecard jsonb NOT NULL,
    failure_patterns jsonb,
    prompt_recommendations jsonb,
    threshold_adjustments jsonb,
    data_quality_feedback jsonb,
    meta_confidence integer CHECK (meta_confidence BETWEEN 0 AND 10),
    status text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'approved', 'rejected', 'applied')),
    reviewed_by text,
    reviewed_at timestamptz,
    audit_trail_id uuid
);
COMMENT ON TABLE llm_prompt_recommendations IS 'Proposals only: nothing changes a prompt or threshold until a human approves.';
