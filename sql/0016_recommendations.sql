-- From a recommendation to a measured effect: which evidence a proposal rests on, and what replaced it.

ALTER TABLE llm_prompt_recommendations
    ADD COLUMN next_review_date date,
    ADD COLUMN evidence jsonb,
    ADD COLUMN review_notes text,
    ADD COLUMN superseded_by text COLLATE "C";
CREATE INDEX llm_prompt_recommendations_to_review ON llm_prompt_recommendations (created_at)
    WHERE status = 'pending' AND superseded_by IS NULL;
COMMENT ON COLUMN llm_prompt_recommendations.feedback_id IS
    'Made from period, evidence and prompt versions: the same evidence asked about again is the same row.';
COMMENT ON COLUMN llm_prompt_recommendations.prompt_recommendations IS
    'Each with a recommendation_id, which a candidate version of a prompt names as its origin.';
COMMENT ON COLUMN llm_prompt_recommendations.evidence IS 'What the model was shown: signals, groups, parameters.';
COMMENT ON COLUMN llm_prompt_recommendations.superseded_by IS
    'feedback_id of a later answer about the same period, made from newer outcomes, while this one was pending.';
