"""Where a rule from experience stands in a template."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_pipeline.llm.prompts import load_prompts, parse_prompt
from llm_pipeline.recommendations.proposal import HEADING, ProposalError, with_rule
from llm_pipeline.settings import project_folder

TEMPLATES = load_prompts(project_folder("prompts"))
RULES = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="{}"), min_size=1)


@pytest.mark.parametrize("key", sorted(TEMPLATES))
def test_every_template_of_the_project_takes_a_rule_before_its_answer_section(key):
    text = with_rule(TEMPLATES[key].text, "Uphold nothing without an event.")
    changed = parse_prompt(text.encode(), f"{key}.txt")
    assert f"{HEADING}\n- Uphold nothing without an event.\n" in changed.system
    assert changed.system.index(HEADING) < changed.system.index("\nANSWER")
    assert changed.user == TEMPLATES[key].user


@given(st.lists(RULES, min_size=1, max_size=4, unique=True))
def test_rules_gather_in_one_section_in_their_order_and_nothing_else_changes(rules):
    text = TEMPLATES["anomaly_detection"].text
    for rule in rules:
        text = with_rule(text, rule)
    assert text.count(HEADING) == 1
    added = "".join(f"- {rule}\n" for rule in rules)
    assert text.replace(f"{HEADING}\n{added}\n", "", 1) == TEMPLATES["anomaly_detection"].text


@pytest.mark.parametrize(
    ("rule", "why"), [("", "one line"), ("a\nUSER: b", "one line"), ("{{ schema_json }}", "would obey")]
)
def test_what_is_no_sentence_is_refused(rule, why):
    with pytest.raises(ProposalError, match=why):
        with_rule(TEMPLATES["validation_gate"].text, rule)


def test_a_rule_is_added_once():
    text = with_rule(TEMPLATES["validation_gate"].text, "Look twice.")
    with pytest.raises(ProposalError, match="already"):
        with_rule(text, "Look twice.")
