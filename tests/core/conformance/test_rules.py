"""Each rule fails on a plugin that breaks it, and the others hold for that plugin."""

from __future__ import annotations

from pathlib import Path

import pytest
from spaner_core.conformance import RULES, Rule, Subject, judge, open_subject

from tests import toy_modality
from tests.core.conformance import (
    broken_aligners,
    broken_encoders,
    broken_extras,
    broken_fitting,
    broken_habits,
    broken_options,
    broken_plugins,
)
from tests.core.conformance.broken import NONE, BrokenToy

MODULES = (
    broken_plugins,
    broken_encoders,
    broken_options,
    broken_aligners,
    broken_fitting,
    broken_extras,
    broken_habits,
)
BROKEN = {
    f"{module.__name__}:{name}": toy
    for module in MODULES
    for name, toy in vars(module).items()
    if isinstance(toy, BrokenToy) and toy.rule != NONE
}
BY_NAME = {rule.__name__: rule for rule in RULES}
SLOW = {"check_light_import"} | {name for name in BY_NAME if name.endswith("second_process")}
"""They start processes: tried on the plugins that they are about, and on those that are whole."""

WHOLE = [toy_modality.__name__, f"{broken_extras.__name__}:whole"]


def short(reference: str) -> str:
    return reference.rpartition(".")[2]


@pytest.fixture(scope="module", params=WHOLE, ids=short)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return open_subject("toy", tmp_path_factory.mktemp("toy"), reference=request.param)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_toy_keeps_the_rule(rule: Rule, whole: Subject) -> None:
    rule(whole)


@pytest.mark.parametrize("reference", BROKEN, ids=short)
def test_a_broken_plugin_breaks_its_rule_and_no_other(reference: str, tmp_path: Path) -> None:
    toy = BROKEN[reference]
    subject = open_subject("toy", tmp_path, reference=reference)
    verdict = judge(BY_NAME[toy.rule], subject)
    assert verdict.passed is False
    assert toy.says in verdict.remark
    assert "; expected " in verdict.remark
    assert "\n" not in verdict.remark
    slow = SLOW if toy.rule not in SLOW else set()
    others = [name for name in BY_NAME if name != toy.rule and name not in slow]
    broken = [name for name in others if judge(BY_NAME[name], subject).passed is False]
    assert broken == list(toy.also)


def test_every_rule_is_shown_to_fail() -> None:
    assert set(BY_NAME) == {toy.rule for toy in BROKEN.values()}


def test_remarks_tell_what_was_tried(tmp_path: Path) -> None:
    subject = open_subject("toy", tmp_path, reference=WHOLE[1])
    assert BY_NAME["check_preview"](subject) == "7 previews, safe on a page"  # 4 of hostile texts
    assert BY_NAME["check_corruption_names"](subject) == "noise, shift"
    assert BY_NAME["check_corrupted_samples"](subject) == "the same for every seed: shift"
    assert BY_NAME["check_labels"](subject) == "names are read to 3 numbers"


def test_an_option_that_no_example_shows_is_told(tmp_path: Path) -> None:
    subject = open_subject("toy", tmp_path, reference=f"{broken_options.__name__}:idle_option")
    remark = BY_NAME["check_changing_options"](subject)
    assert remark == "2 in a fingerprint; no example shows what scale does"
