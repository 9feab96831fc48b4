-- Outcomes at more than one horizon, and scorecards of prompt versions and models as well as of classifications.
-- Both tables were made by 0005 and have row level security and policies since 0007.

ALTER TABLE signal_outcomes
    ADD COLUMN horizon_days integer CHECK (horizon_days > 0),
    ADD COLUMN evaluated_to date,
    ADD COLUMN as_of_date date,
    ADD COLUMN benchmark text COLLATE "C",
    ADD COLUMN reason text COLLATE "C";
-- 21 trading days, a month, is what a row without a horizon would have meant.
UPDATE signal_outcomes o SET
    horizon_days = 21,
    evaluated_to = COALESCE(exit_date, computed_at::date),
    as_of_date = COALESCE((SELECT s.as_of_date FROM llm_anomaly_signals s WHERE s.signal_id = o.signal_id),
                          entry_date, computed_at::date);
ALTER TABLE signal_outcomes
    ALTER COLUMN horizon_days SET NOT NULL,
    ALTER COLUMN evaluated_to SET NOT NULL,
    ALTER COLUMN as_of_date SET NOT NULL,
    DROP CONSTRAINT signal_outcomes_signal_id_ticker_key,
    ADD CONSTRAINT signal_outcomes_one_a_horizon UNIQUE (signal_id, ticker, horizon_days),
    ADD CONSTRAINT signal_outcomes_no_price_no_numbers
        CHECK (status <> 'no_price' OR num_nonnulls(return_pct, alpha_pct, max_drawdown_pct, hit, exit_date) = 0),
    ADD CONSTRAINT signal_outcomes_closed_has_numbers
        CHECK (status <> 'closed' OR num_nulls(return_pct, entry_date, exit_date) = 0),
    ADD CONSTRAINT signal_outcomes_hit_is_decided
        CHECK (hit IS NULL OR (status = 'closed' AND direction <> 'neutral'));
CREATE INDEX signal_outcomes_by_date ON signal_outcomes (as_of_date);

COMMENT ON TABLE signal_outcomes IS
    'Per signal, ticker and horizon; entry is the first close after the disclosure became public, not the trade.';
COMMENT ON COLUMN signal_outcomes.ticker IS 'As the signal suggests it; "--" where it suggests none.';
COMMENT ON COLUMN signal_outcomes.horizon_days IS 'Trading days from entry to exit. A position ends when it ends.';
COMMENT ON COLUMN signal_outcomes.evaluated_to IS
    'Last day whose closes the row depends on: the exit of a closed one, the day on which no_price was certain, the last
day of the newest week for an open one. A week before that day never rewrites the row.';
COMMENT ON COLUMN signal_outcomes.as_of_date IS 'Day on which the disclosures became public; entry is strictly later.';
COMMENT ON COLUMN signal_outcomes.return_pct IS
    'Of a position in the direction of the signal, in percent: a short one gains what the price falls; neutral counts as
long. Of an open one: up to its last close.';
COMMENT ON COLUMN signal_outcomes.benchmark_return_pct IS
    'Of the same position in the benchmark over the same days.';
COMMENT ON COLUMN signal_outcomes.benchmark IS 'Ticker, or equal_weighted_universe: the mean of all tickers priced.';
COMMENT ON COLUMN signal_outcomes.max_drawdown_pct IS
    'Deepest fall of the position below its highest value so far, in percent of that value: 0 or more.';
COMMENT ON COLUMN signal_outcomes.holding_days IS 'Calendar days from entry to exit, or to the last close.';
COMMENT ON COLUMN signal_outcomes.hit IS 'return_pct > 0 of a closed long or short; NULL for open, no_price and neutral.';
COMMENT ON COLUMN signal_outcomes.reason IS 'Why there is no price.';

ALTER TABLE scorecards
    ADD COLUMN prompt_version text COLLATE "C" NOT NULL DEFAULT 'ALL',
    ADD COLUMN model text COLLATE "C" NOT NULL DEFAULT 'ALL',
    ADD COLUMN horizon_days integer CHECK (horizon_days > 0),
    ADD COLUMN benchmark text COLLATE "C",
    ADD COLUMN signals integer CHECK (signals >= 0),
    ADD COLUMN open integer CHECK (open >= 0),
    ADD COLUMN no_price integer CHECK (no_price >= 0),
    ADD COLUMN neutral integer CHECK (neutral >= 0),
    ADD COLUMN ece double precision,
    ADD COLUMN mean_alpha_pct double precision,
    ADD COLUMN random_signals jsonb,
    ADD COLUMN scorecard jsonb,
    DROP CONSTRAINT scorecards_pkey,
    ADD PRIMARY KEY (period_start, period_end, classification, prompt_version, model),
    ADD CONSTRAINT scorecards_reconcile CHECK (signals = n + open + no_price + neutral);
CREATE INDEX scorecards_by_end ON scorecards (period_end);

COMMENT ON TABLE scorecards IS
    'How the signals that became public in [period_start, period_end) did, as known at its end: of all, of each
classification, of each prompt version, of each model. ALL in a column: not divided by it.';
COMMENT ON COLUMN scorecards.n IS 'Closed signals with a direction; a signal of several tickers is their mean, and one.';
COMMENT ON COLUMN scorecards.hit_rate IS 'Share of the n whose return in their direction was above 0.';
COMMENT ON COLUMN scorecards.alpha_rate IS 'Share of the closed signals with a benchmark that did better than it.';
COMMENT ON COLUMN scorecards.no_price IS 'Signals not one of whose tickers has prices: left out, never counted as 0.';
COMMENT ON COLUMN scorecards.neutral IS 'Signals without a direction: neither right nor wrong.';
COMMENT ON COLUMN scorecards.brier IS 'Mean squared difference between confidence / 10 and hit.';
COMMENT ON COLUMN scorecards.ece IS 'Expected calibration error over the bins of calibration.';
COMMENT ON COLUMN scorecards.intervals IS
    '95 % intervals as [low, high]: Wilson for the rates, a block bootstrap over entry weeks for mean_alpha_pct.';
COMMENT ON COLUMN scorecards.random_signals IS
    'The same signals with other tickers drawn from the trades public then: their mean alpha, and how rare ours is.';
COMMENT ON COLUMN scorecards.scorecard IS 'The whole scorecard as it is shown to people and models.';
