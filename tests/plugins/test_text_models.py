"""Every rule of the conformance kit holds for every family of text models."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from spaner_core import Examples
from spaner_core.conformance import RULES, Rule, Subject, open_subject

from tests.plugins.text_models import (
    FAMILIES,
    LINES,
    LONG_TEXT,
    save_adapter,
    save_bert,
)

QUICK = [rule for rule in RULES if "second_process" not in rule.__name__]
"""Rules that start processes cost seconds, and are tried on the first family."""

PAIRS = [
    pytest.param(family, rule, id=f"{family}-{rule.__name__}")
    for number, family in enumerate(FAMILIES)
    for rule in (QUICK if number else RULES)
    # random weights know no order of severities: to them, more noise is not farther away
    if rule.__name__ != "check_severities"
]


@pytest.fixture(scope="module")
def subject_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Subject]:
    """The plugin with a family's model chosen, opened once for all rules."""

    @cache
    def subject_of(family: str) -> Subject:
        folder = tmp_path_factory.mktemp(family)
        return open_subject("text", folder, examples=write_examples(family, folder))

    return subject_of


def write_examples(family: str, folder: Path) -> Examples:
    model = FAMILIES[family](folder / "model")
    target = "q" if family == "t5" else "query"
    file = folder / "long.md"
    file.write_text(LONG_TEXT, encoding="utf-8")
    return Examples(
        inputs=[*LINES, file],
        objects=list(LINES),
        options={"model": model},
        changing={
            "model": save_bert(folder / "other", seed=1),
            "adapter": save_adapter(folder / "adapter", model, targets=(target,)),
            "window_tokens": 12,
            "overlap": 0.5,
            "prefix": "query: ",
            "encoding": "latin-1",
        },
        neutral={"trust_remote_code": True},  # these come without code
    )


@pytest.mark.parametrize(("family", "rule"), PAIRS)
def test_the_family_keeps_the_rule(
    family: str, rule: Rule, subject_of: Callable[[str], Subject]
) -> None:
    rule(subject_of(family))
