"""An aligner that takes another one's place: receipts still hold, old vectors are refused."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from spaner_core.errors import OutputExists, SpaceError
from spaner_core.space.destination import check_attachable
from spaner_core.space.receipts import RECEIPT, read_receipt, verify

from tests.core import stored
from tests.process import start_python

ROOT = Path(__file__).parents[3]


def another(name: str, *, concept_count: int = 3) -> torch.nn.Module:
    aligner: torch.nn.Module = stored.fitted(name, concept_count=concept_count)
    with torch.no_grad():
        for parameter in aligner.parameters():
            parameter.mul_(1.5).add_(0.01)
    return aligner


@pytest.fixture
def space(tmp_path: Path) -> Path:
    """A space of three modalities, the prompt extended by a fourth concept."""
    folder = tmp_path / "space"
    stored.save(folder)
    stored.attach(folder)
    stored.extend(folder, "vier")
    return folder


def replace(space: Path, name: str) -> Path:
    return stored.attach(space, another(name, concept_count=4), name=name, replace=True)  # type: ignore[arg-type]


def test_a_replacement_changes_one_folder_and_every_receipt_still_holds(space: Path) -> None:
    before = stored.contents(space)
    receipt = read_receipt(replace(space, "first"))
    after = stored.contents(space)
    assert after.keys() == before.keys()
    changed = {name for name in before if after[name] != before[name]}
    assert {name.rsplit("/", 1)[0] for name in changed} == {"aligners/first"}
    assert receipt["others_unchanged"] is True
    assert set(receipt["replaced"]) == {"README.md", "config.json", "model.safetensors", RECEIPT}
    assert verify(space) == []
    assert stored.load(space).records["first"].anchor_count == 4


def test_receipts_hold_after_several_replacements_and_attachments(space: Path) -> None:
    replace(space, "third")
    replace(space, "first")
    stored.extend(space, "fünf")
    stored.attach(space, another("third", concept_count=5), name="third", replace=True)  # type: ignore[arg-type]
    assert verify(space) == []
    hashes = read_receipt(space / "aligners/third" / RECEIPT)["replaced"]["model.safetensors"]
    assert len(hashes) == 2


def test_training_anew_to_the_same_bytes_keeps_them_guarded(space: Path) -> None:
    for _ in range(2):
        replace(space, "first")
    path = space / "aligners/first/model.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\0")
    assert any(problem.startswith("aligners/first/model") for problem in verify(space))


def test_the_old_aligner_put_back_in_part_is_found(space: Path) -> None:
    old = (space / "aligners/first/model.safetensors").read_bytes()
    replace(space, "first")
    (space / "aligners/first/model.safetensors").write_bytes(old)
    assert any(problem.startswith("aligners/first/model") for problem in verify(space))


def test_a_receipt_kept_elsewhere_tells_of_a_replacement(space: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.json"
    shutil.copyfile(space / "aligners/third" / RECEIPT, kept)
    replace(space, "first")
    assert verify(space) == []
    told = verify(space, kept=kept)
    assert any("aligners/first/model.safetensors: changed" in problem for problem in told)
    assert all(str(kept) in problem for problem in told)


def test_replacing_needs_to_be_asked_for_and_something_to_replace(space: Path) -> None:
    opened, before = stored.load(space), stored.contents(space)
    with pytest.raises(OutputExists, match="give --replace to train its aligner anew"):
        check_attachable(space, "first", having=opened.modalities)
    check_attachable(space, "first", having=opened.modalities, replace=True)
    with pytest.raises(SpaceError, match="no modality 'fourth' to replace; it has first, second"):
        check_attachable(space, "fourth", having=opened.modalities, replace=True)
    with pytest.raises(OutputExists, match="'first' already"):
        stored.attach(space, name="first")
    assert stored.contents(space) == before


def test_vectors_of_a_replaced_aligner_are_stale_and_all_others_stay_good(space: Path) -> None:
    opened = stored.load(space)
    keys = {name: opened.vector_key(name) for name in opened.modalities}
    vectors = {name: opened.embed(name, stored.rows(name)) for name in opened.modalities}
    replace(space, "first")
    now = stored.load(space)
    with pytest.raises(
        SpaceError, match=r"'first' are stale: .* another aligner and another prompt"
    ):
        now.check_vectors(keys["first"])
    for name in ("second", "third"):
        now.check_vectors(keys[name])
        assert np.array_equal(now.embed(name, stored.rows(name)), vectors[name])
    assert not np.array_equal(now.embed("first", stored.rows("first")), vectors["first"])
    now.check_vectors(now.vector_key("first"))


def test_vectors_stay_good_when_concepts_are_appended(space: Path) -> None:
    keys = [stored.load(space).vector_key(name, strength=0.9) for name in ("first", "third")]
    stored.extend(space, "fünf")
    for key in keys:
        stored.load(space).check_vectors(key)


@pytest.mark.parametrize("field", ["encoder", "transform", "aligner", "prompt"])
def test_vectors_that_differ_in_anything_are_refused_by_its_name(space: Path, field: str) -> None:
    opened = stored.load(space)
    other = dataclasses.replace(opened.vector_key("first"), **{field: "0" * 64})
    with pytest.raises(SpaceError, match=f"made with another {field} than the space has now"):
        opened.check_vectors(other)
    with pytest.raises(SpaceError, match="no modality 'fourth'"):
        opened.check_vectors(dataclasses.replace(other, modality="fourth"))


def test_a_space_that_was_open_during_a_replacement_says_so(space: Path) -> None:
    opened, warm = stored.load(space), stored.load(space)
    vectors = warm.embed("first", stored.rows("first"))
    replace(space, "first")
    with pytest.raises(SpaceError, match="was replaced since the space was opened; open it again"):
        opened.embed("first", stored.rows("first"))
    opened.embed("second", stored.rows("second"))
    assert np.array_equal(warm.embed("first", stored.rows("first")), vectors)


def test_a_replacement_that_fails_leaves_the_old_aligner(space: Path) -> None:
    before = stored.contents(space.parent)

    class Stubborn(torch.nn.Module):
        def state_dict(self, *_: object, **__: object) -> object:  # type: ignore[override]
            raise RuntimeError("no state today")

    with pytest.raises(RuntimeError, match="no state today"):
        stored.attach(space, Stubborn(), name="first", replace=True)  # type: ignore[arg-type]
    assert stored.contents(space.parent) == before
    assert verify(space) == []


@pytest.fixture
def dead() -> int:
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_kill_between_the_two_renames_is_mended_when_the_space_is_opened(
    space: Path, dead: int
) -> None:
    before = stored.contents(space)
    (space / "aligners/first").rename(space.parent / f".space.replaced-{dead}-aligners-first")
    assert stored.load(space).modalities == ("first", "second", "third")
    assert stored.contents(space) == before
    assert [path.name for path in space.parent.iterdir()] == ["space"]
    assert verify(space) == []


def test_a_replacement_after_a_killed_one_leaves_nothing_behind(space: Path, dead: int) -> None:
    aside = space.parent / f".space.replaced-{dead}-aligners-first"
    (space / "aligners/first").rename(aside)
    replace(space, "first")
    assert [path.name for path in space.parent.iterdir()] == ["space"]
    assert verify(space) == []


def test_training_anew_after_a_killed_replacement_leaves_a_space_that_opens(
    space: Path, dead: int
) -> None:
    (space / "aligners/third").rename(space.parent / f".space.replaced-{dead}-aligners-third")
    stored.save(space, overwrite=True)
    assert stored.load(space).modalities == ("first", "second")
    assert [path.name for path in space.parent.iterdir()] == ["space"]
    assert verify(space) == []


def test_two_replacements_and_an_extension_at_once_leave_a_clean_space(space: Path) -> None:
    script = """
import sys
from pathlib import Path
from tests.core import stored
from tests.core.space import test_replacement
space, name = Path(sys.argv[1]), sys.argv[2]
if name == "extend":
    stored.extend(space, sys.argv[3])
else:
    stored.attach(space, test_replacement.another(name, concept_count=4), name=name, replace=True)
"""
    wanted = [("first",), ("first",), ("second",), ("third",)]
    processes = [
        start_python(script, space, *what, cwd=space.parent, path=[ROOT]) for what in wanted
    ]
    for process in processes:
        ended = process.end()
        assert ended.returncode == 0, ended.stderr
    assert verify(space) == []
    stored.extend(space, "fünf")
    assert verify(space) == []


def test_an_interrupt_between_the_two_renames_puts_the_old_aligner_back(
    space: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stored.contents(space.parent)
    rename = Path.rename

    def interrupted_at_the_second(path: Path, target: Path) -> Path:
        if path.parent.name.startswith(".space.partial"):
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted_at_the_second)
    with pytest.raises(KeyboardInterrupt):
        replace(space, "first")
    monkeypatch.undo()
    assert stored.contents(space.parent) == before


def test_what_a_finished_replacement_left_lying_is_cleared_by_the_next_writer(
    space: Path, dead: int
) -> None:
    before = stored.contents(space)
    left = space.parent / f".space.replaced-{dead}-aligners-first"
    left.mkdir()
    stored.load(space)
    assert left.is_dir(), "a reader removed it"
    replace(space, "second")
    assert [path.name for path in space.parent.iterdir()] == ["space"]
    assert stored.contents(space).keys() == before.keys()


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_damaged_aligner_harms_no_other_modality(space: Path, name: str) -> None:
    vectors = stored.load(space).embed("second", stored.rows("second"))
    (space / "aligners/first" / name).unlink()
    opened = stored.load(space)
    assert opened.modalities == ("second", "third")
    assert np.array_equal(opened.embed("second", stored.rows("second")), vectors)
    with pytest.raises(SpaceError, match=name):
        opened.embed("first", stored.rows("first"))
    assert any(f"aligners/first/{name}: missing" in problem for problem in verify(space))
