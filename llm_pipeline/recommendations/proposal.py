"""From an approved recommendation to the text of a candidate version. Pure.

Belongs here: where a new sentence stands in a template. A rule or a piece of context is one sentence and is added to a
section of its own, so that a reader sees which instructions came from experience; anything else needs a person's edit.
"""

from __future__ import annotations

import re

HEADING = "REVIEWED RULES"
ADDED = ("add_rule", "add_context")
"""Kinds of change that can be made without a person's edit."""
_BEFORE = re.compile(r"^(ANSWER|SCHEMA|USER:)[ \t]*$", re.MULTILINE)
_SECTION = re.compile(rf"^{HEADING}[ \t]*\n(?:- .*\n)*", re.MULTILINE)


class ProposalError(ValueError):
    """The recommendation cannot become a candidate version; the message says why and what to do."""


def with_rule(template_text: str, rule: str) -> str:
    """The template with a rule added to its section `REVIEWED RULES`, which is made where it is missing.

    Raises:
        ProposalError: the rule is not one line, is there already, or the template has no place for it.
    """
    rule = rule.strip()
    if not rule or "\n" in rule or "\r" in rule:
        raise ProposalError("a rule is one line of text")
    if "{{" in rule or "{%" in rule or "{#" in rule:
        raise ProposalError("a rule cannot hold what a template would obey")
    line = f"- {rule}\n"
    if line in template_text:
        raise ProposalError("the active version has this rule already")
    section = _SECTION.search(template_text)
    if section:
        return template_text[: section.end()] + line + template_text[section.end() :]
    place = _BEFORE.search(template_text)
    if place is None:
        raise ProposalError("the template has no line ANSWER, SCHEMA or USER: to put a rule before")
    return f"{template_text[: place.start()]}{HEADING}\n{line}\n{template_text[place.start() :]}"
