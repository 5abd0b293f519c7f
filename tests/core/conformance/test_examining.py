"""The kit as people use it: opening a plugin, examining it, and the process behind the command."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core.conformance import RULES, Subject, Verdict, examine, open_subject
from spaner_core.errors import PluginError
from spaner_core.modality import Examples

TOY = "tests.toy_modality"
BROKEN = "tests.core.conformance"


def toy(folder: Path, reference: str = TOY, **given: Any) -> Subject:
    return open_subject("toy", folder, reference=reference, **given)


def report(reference: str, folder: Path, *, name: str = "toy") -> tuple[list[Any], int]:
    """Run the process behind the command; return the lines of its report and its exit code."""
    file = folder / "report.jsonl"
    command = [sys.executable, "-W", "error", "-m", "spaner_core.conformance"]
    done = subprocess.run([*command, name, reference, str(file)], capture_output=True, text=True)
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()], (
        done.returncode
    )


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
    assert {v.rule for v in verdicts if v.passed} > {"check_description", "check_fingerprints"}


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


def test_the_report_has_two_lines_a_rule_and_a_last_one(tmp_path: Path) -> None:
    (*lines, last), code = report(f"{BROKEN}.broken_plugins:two_lines", tmp_path)
    assert code == 0
    assert last == {"finished": True}
    assert [line["rule"] for line in lines[::2]] == ["check_opens", *(r.__name__ for r in RULES)]
    for begun, ended in zip(lines[::2], lines[1::2], strict=True):
        assert set(begun) == {"rule", "asks"}
        assert begun.items() < ended.items()
        Verdict(**ended)
    assert [line["rule"] for line in lines if line.get("passed") is False] == ["check_description"]


def test_a_plugin_that_does_not_open_is_a_verdict(tmp_path: Path) -> None:
    (*lines, last), code = report("no_such_package", tmp_path)
    assert (last, code) == ({"finished": True}, 0)
    assert [line["rule"] for line in lines] == ["check_opens", "check_opens"]
    assert lines[-1]["passed"] is False
    assert "No module named 'no_such_package'" in lines[-1]["remark"]


def test_the_report_tells_during_which_rule_the_process_died(tmp_path: Path) -> None:
    lines, code = report("tests.core.conformance.broken_options:dying", tmp_path)
    assert code == 9
    assert lines[-1]["rule"] == "check_unknown_options"
    assert "passed" not in lines[-1]
    assert all(line["passed"] for line in lines[1:-1:2])
