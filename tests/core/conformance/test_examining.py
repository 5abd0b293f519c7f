"""The kit as people use it: opening a plugin, examining it, and the process behind the command."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core.conformance import RULES, Subject, examine, open_subject
from spaner_core.contract.modality import Examples
from spaner_core.errors import PluginError

TOY = "tests.toy_modality"
BROKEN = "tests.core.conformance"


def toy(folder: Path, reference: str = TOY, **given: Any) -> Subject:
    return open_subject("toy", folder, reference=reference, **given)


def test_an_installed_plugin_is_found_by_its_name(tmp_path: Path) -> None:
    subject = open_subject("text", tmp_path)
    assert subject.reference == "spaner_text"
    assert subject.modality.name == "text"


def test_a_record_left_over_from_another_version_hides_no_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = tmp_path / "spaner_text-0.0.1.dist-info"
    stale.mkdir()
    (stale / "METADATA").write_text("Metadata-Version: 2.1\nName: spaner-text\nVersion: 0.0.1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert open_subject("text", tmp_path).reference == "spaner_text"


def test_a_plugin_that_is_not_installed_is_refused_with_what_is(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match=r"no plugins named 'smell' .*audio, sensor, text") as no:
        open_subject("smell", tmp_path)
    assert "pip" not in str(no.value)


@pytest.mark.parametrize("reference", ["no_such_package", f"{TOY}:nothing", "not a reference"])
def test_a_plugin_that_cannot_be_imported_is_refused(tmp_path: Path, reference: str) -> None:
    with pytest.raises(PluginError, match="cannot be imported") as caught:
        toy(tmp_path, reference)
    assert "\n" not in str(caught.value)


def test_there_is_a_verdict_on_every_rule_whatever_the_earlier_ones_said(tmp_path: Path) -> None:
    verdicts = list(examine(toy(tmp_path, f"{BROKEN}.broken_plugins:incomplete")))
    assert [verdict.rule for verdict in verdicts] == [rule.__name__ for rule in RULES]
    assert not verdicts[0].passed
    assert all(verdict.asks.endswith(".") and "\n" not in verdict.asks for verdict in verdicts)
    assert {v.rule for v in verdicts if v.passed} > {"check_description"}


def test_other_examples_may_stand_in_for_the_plugins_own(tmp_path: Path) -> None:
    given = Examples(inputs=["1 2", "3 4; 5 6"], options={"width": 2}, changing={"width": 3})
    verdicts = {v.rule: v for v in examine(toy(tmp_path, examples=given))}
    broken = [name for name, verdict in verdicts.items() if not verdict.passed]
    assert broken == ["check_examples"]  # two are too few
    assert "width 2" in verdicts["check_feature_spec"].remark


def state() -> tuple[Any, ...]:
    settings = torch.get_num_threads(), torch.get_default_dtype(), Path.cwd()
    return torch.get_rng_state().tolist(), random.getstate(), settings


def test_examining_leaves_the_process_as_it_was(tmp_path: Path) -> None:
    before = state()
    assert all(verdict.passed for verdict in examine(toy(tmp_path)))
    assert state() == before
