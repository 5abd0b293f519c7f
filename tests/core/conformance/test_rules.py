"""Each rule fails on a plugin that breaks it, and the others hold for that plugin."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest
from spaner_core.conformance import RULES, Rule, Subject, judge, open_subject
from spaner_core.conformance.process_state import Settings

from tests import process, toy_modality
from tests.core.conformance import (
    broken_aligners,
    broken_encoders,
    broken_extras,
    broken_fitting,
    broken_habits,
    broken_numbers,
    broken_options,
    broken_places,
    broken_plugins,
    broken_readers,
    broken_reading,
    broken_sources,
    broken_unseen,
)
from tests.core.conformance.broken import NONE, BrokenToy

MODULES = (
    broken_plugins,
    broken_encoders,
    broken_numbers,
    broken_options,
    broken_aligners,
    broken_fitting,
    broken_extras,
    broken_habits,
    broken_readers,
    broken_reading,
    broken_sources,
    broken_unseen,
    broken_places,
)
BROKEN = {
    f"{module.__name__}:{name}": toy
    for module in MODULES
    for name, toy in vars(module).items()
    if isinstance(toy, BrokenToy) and toy.rule != NONE
}
ROOT = Path(__file__).parents[3]
BY_NAME = {rule.__name__: rule for rule in RULES}
SLOW = {"check_light_import"} | {name for name in BY_NAME if name.endswith("second_process")}
"""They start processes: tried on the plugins that they are about, and on those that are whole."""

COLD = {
    *("of_this_process", "fingerprint_of_the_process", "of_the_locale", "heavy", "of_one_process"),
    "loud_when_imported",
}
"""Toys whose fault shows in a process that begins anew; others get one forked from a warm one."""

WHOLE = [toy_modality.__name__, f"{broken_extras.__name__}:whole"]


def short(reference: str) -> str:
    return reference.rpartition(".")[2]


@pytest.fixture(autouse=True)
def _the_process_stays_as_it_is() -> Iterator[None]:
    """Undo what broken toys change in this process, which runs other tests afterwards."""
    before = Settings.now()
    yield
    before.restore()


@pytest.fixture(scope="module", params=WHOLE, ids=short)
def whole(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return open_subject("toy", tmp_path_factory.mktemp("toy"), reference=request.param)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_toy_keeps_the_rule(rule: Rule, whole: Subject) -> None:
    rule(whole)


def run_warm(
    arguments: Sequence[str],
    *,
    time_limit_s: float,
    environment: Mapping[str, str | None] | None = None,
    folder: Path | None = None,
) -> str | None:
    """Stand in for `run_child`, with heavy libraries imported already."""
    given = environment or {}
    removed = [name for name, value in given.items() if value is None]
    code = f"import os, time; [os.environ.pop(name, 0) for name in {removed}]; time.tzset()\n"
    ended = process.python(
        code + arguments[1],
        *arguments[2:],
        cwd=folder or Path.cwd(),
        variables={name: value for name, value in given.items() if value is not None},
        path=[ROOT],
    )
    return f"ended with exit code {ended.returncode}" if ended.returncode else None


@pytest.mark.parametrize("reference", BROKEN, ids=short)
def test_a_broken_plugin_breaks_its_rule_and_no_other(
    reference: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy = BROKEN[reference]
    monkeypatch.setenv("TOY_SHIFT", "1")
    if short(reference).partition(":")[2] not in COLD:
        monkeypatch.setattr("spaner_core.child_process.run_child", run_warm)
    subject = open_subject("toy", tmp_path, reference=reference)
    verdict = judge(BY_NAME[toy.rule], subject)
    assert verdict.passed is False
    assert toy.says in verdict.remark
    assert "; expected " in verdict.remark
    assert "\n" not in verdict.remark
    slow = SLOW if toy.rule not in SLOW else {"check_light_import"}
    others = [name for name in BY_NAME if name != toy.rule and name not in slow]
    verdicts = [judge(BY_NAME[name], subject) for name in others]
    assert [verdict.rule for verdict in verdicts if verdict.passed is False] == list(toy.also)


def test_an_author_is_not_sent_to_the_author(tmp_path: Path) -> None:
    reference = f"{broken_unseen.__name__}:wider_now_and_then"
    subject = open_subject("toy", tmp_path, reference=reference)
    remark = judge(BY_NAME["check_features_in_any_batch"], subject).remark
    assert "gave tokens (1, 3, 4)" in remark
    assert "eport it" not in remark


def test_whichever_rule_is_tried_first_a_broken_one_tells_the_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spaner_core.child_process.run_child", run_warm)
    reference = f"{broken_readers.__name__}:cannot_be_fitted"
    subject = open_subject("toy", tmp_path, reference=reference)
    names = ("features_in_a_second_process", "saved_aligner_in_a_second_process", "alignment")
    verdicts = [judge(BY_NAME[f"check_{name}"], subject) for name in names]
    assert [verdict.passed for verdict in verdicts] == [True, False, None]
    assert "out of order" in verdicts[1].remark


def test_every_rule_is_shown_to_fail() -> None:
    assert set(BY_NAME) == {toy.rule for toy in BROKEN.values()}


def test_remarks_tell_what_was_tried(tmp_path: Path) -> None:
    subject = open_subject("toy", tmp_path, reference=WHOLE[1])
    assert BY_NAME["check_preview"](subject) == "8 previews, safe on a page"  # 5 of hostile texts
    assert BY_NAME["check_corruption_names"](subject) == "noise, shift"
    assert BY_NAME["check_corrupted_samples"](subject) == "the same for every seed: shift"
    assert BY_NAME["check_labels"](subject) == "names are read to 3 numbers"


def test_an_option_that_no_example_shows_is_told(tmp_path: Path) -> None:
    subject = open_subject("toy", tmp_path, reference=f"{broken_options.__name__}:idle_option")
    remark = BY_NAME["check_changing_options"](subject)
    assert remark == "2 in a fingerprint; no example shows what scale does"
