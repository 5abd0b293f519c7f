"""Inputs that cannot be used are counted, named, left out, and never dropped silently."""

from __future__ import annotations

import csv
import errno
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import spaner as spaner_package
from spaner.check import check_project
from spaner.project import Project
from spaner.quarantine import Quarantine
from spaner.training.extract import extract
from spaner_core.data.manifest import read_manifest
from spaner_registry.config.settings import read_config

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Tree = Callable[[Path], dict[str, str]]

TABLE = "space.quarantine.csv"


@pytest.fixture
def lenient(project: Path, configure: Callable[..., None]) -> Path:
    """A project, nothing trained, in which a fifth of the inputs may be unusable."""
    configure(project, 0.2, "data", "max_unusable")
    return project


def inputs(folder: Path, modality: str, split: str) -> list[str]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [r["input"] for r in rows if (r["modality"], r["split"]) == (modality, split)]


def spoil(folder: Path, name: str) -> None:
    path = folder / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / TABLE).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_training_puts_unusable_rows_aside_and_counts_them(lenient: Path, spaner: Run) -> None:
    broken, missing = inputs(lenient, "vision", "train")[1:3]
    spoil(lenient, broken)
    (lenient / missing).unlink()
    whole = len(inputs(lenient, "vision", "train"))
    told = spaner("train", "text", "vision", "--json", cwd=lenient)
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    assert report["rows"]["vision"] == whole - 2
    assert report["put_aside"] == {"vision": 2}
    assert any("2 rows of 'vision' cannot be used" in line for line in report["notices"])
    rows = table(lenient)
    assert {row["input"] for row in rows} == {broken, missing}
    assert {row["modality"] for row in rows} == {"vision"}
    lines = (lenient / "manifest.csv").read_text(encoding="utf-8").splitlines()
    for row in rows:
        assert row["input"] in lines[int(row["line"]) - 1]
        assert row["reason"]


def test_later_work_keeps_what_it_did_not_look_at_and_renews_what_it_did(
    lenient: Path, spaner: Run
) -> None:
    image, sound = inputs(lenient, "vision", "train")[0], inputs(lenient, "audio", "train")[0]
    spoil(lenient, image)
    sound_bytes = (lenient / sound).read_bytes()
    spoil(lenient, sound)
    assert spaner("train", "text", "vision", "--quiet", cwd=lenient).returncode == 0
    assert [row["input"] for row in table(lenient)] == [image]
    assert spaner("attach", "audio", "--quiet", cwd=lenient).returncode == 0
    assert {row["input"] for row in table(lenient)} == {sound, image}
    (lenient / sound).write_bytes(sound_bytes)
    assert spaner("attach", "audio", "--replace", "--quiet", cwd=lenient).returncode == 0
    assert [row["input"] for row in table(lenient)] == [image]
    told = spaner("evaluate", "--split", "test", cwd=lenient)
    assert "cannot be used" not in told.stderr  # the test split is whole
    assert [row["input"] for row in table(lenient)] == [image]


def test_the_table_goes_when_everything_is_usable_again(lenient: Path, spaner: Run) -> None:
    image = inputs(lenient, "vision", "train")[0]
    content = (lenient / image).read_bytes()
    spoil(lenient, image)
    assert spaner("train", "text", "vision", "--quiet", cwd=lenient).returncode == 0
    assert (lenient / TABLE).exists()
    (lenient / image).write_bytes(content)
    command = ("train", "text", "vision", "--quiet", "--overwrite")
    assert spaner(*command, cwd=lenient).returncode == 0
    assert not (lenient / TABLE).exists()


def test_evaluation_and_search_leave_unusable_rows_out_and_say_so(
    attached: Path, spaner: Run, configure: Callable[..., None]
) -> None:
    configure(attached, 0.2, "data", "max_unusable")
    image = inputs(attached, "vision", "test")[0]
    spoil(attached, image)
    told = spaner("evaluate", "--split", "test", cwd=attached)
    assert told.returncode == 0, told.stderr
    assert "1 row of 'vision' cannot be used and was left out" in told.stderr
    query = ("search", "two", "--from", "text", "--to", "vision", "-k", "99", "--json")
    told = spaner(*query, cwd=attached)
    found = [hit["input"] for hit in json.loads(told.stdout)]
    assert image not in found
    assert set(inputs(attached, "vision", "test")[1:]) <= set(found)
    assert "1 row of 'vision'" in told.stderr


def test_a_command_that_fails_leaves_the_table_of_what_it_found(
    lenient: Path, spaner: Run, configure: Callable[..., None]
) -> None:
    configure(lenient, {"default": 0.2, "audio": 0}, "data", "max_unusable")
    image, sounds = inputs(lenient, "vision", "train")[0], inputs(lenient, "audio", "train")
    for name in (image, *sounds):
        spoil(lenient, name)
    failed = spaner("train", "text", "vision", "audio", cwd=lenient)
    assert failed.returncode == 2
    assert f"error: {len(sounds)} of " in failed.stderr
    assert "note: 1 row of 'vision' cannot be used" in failed.stderr
    assert not (lenient / "space").exists()
    assert {row["input"] for row in table(lenient)} == {image, *sounds}, "more than are shown"


def test_check_looks_at_beginnings_and_deep_at_everything(
    lenient: Path, spaner: Run, tree: Tree
) -> None:
    image = inputs(lenient, "vision", "train")[0]
    spoil(lenient, image)  # its header is whole
    before = tree(lenient)
    shallow = json.loads(spaner("check", "--json", cwd=lenient).stdout)
    deep = spaner("check", "--deep", "--json", cwd=lenient)
    assert deep.returncode == 0, deep.stderr
    report = json.loads(deep.stdout)
    assert [row["input"] for row in report["unusable"]] == [image]
    assert report["too_many"] == []
    assert {m["name"]: m["unusable"] for m in report["modalities"]}["vision"] == 1
    assert shallow["unusable"] == []
    assert tree(lenient) == before
    told = spaner("check", "--deep", cwd=lenient)
    assert f"{image}: " in told.stderr
    assert "note: to be left out: 1 of 30 rows of 'vision':" in told.stderr


def test_check_ends_with_an_error_when_too_much_is_unusable(project: Path, spaner: Run) -> None:
    for name in inputs(project, "vision", "train")[:3]:
        (project / name).unlink()
    told = spaner("check", "--json", cwd=project)
    assert told.returncode == 2
    assert "error: more than data.max_unusable allows cannot be used: 3 of " in told.stderr
    report = json.loads(told.stdout)
    assert report["too_many"] == ["vision"]
    assert len(report["unusable"]) == 3


def test_a_modality_may_have_a_share_of_its_own(
    project: Path, configure: Callable[..., None]
) -> None:
    for name in ("vision", "sensor"):
        (project / inputs(project, name, "train")[0]).unlink()

    def too_many(share: object) -> tuple[str, ...]:
        configure(project, share, "data", "max_unusable")
        return check_project(Project(read_config(project / "plugins.yaml"))).too_many

    assert too_many(0.1) == ()
    assert too_many({"default": 0, "sensor": 0.1}) == ("vision",)
    assert too_many({"vision": 0.1}) == ("sensor",), "the others have the default of all"


def test_the_table_takes_any_name(lenient: Path, spaner: Run) -> None:
    old = inputs(lenient, "vision", "train")[0]
    name = 'vision/train/a "b", c\n🐝.png'
    (lenient / old).rename(lenient / name)
    spoil(lenient, name)
    quoted = name.replace('"', '""')
    manifest = (lenient / "manifest.csv").read_text(encoding="utf-8")
    manifest = manifest.replace(old, f'"{quoted}"')
    (lenient / "manifest.csv").write_text(manifest, encoding="utf-8")
    told = spaner("train", "text", "vision", "--quiet", cwd=lenient)
    assert told.returncode == 0, told.stderr
    assert [row["input"] for row in table(lenient)] == [name]


def test_missing_texts_folders_and_pipes_are_named_and_nothing_waits_for_them(
    lenient: Path, spaner: Run, configure: Callable[..., None]
) -> None:
    configure(lenient, 0.9, "data", "max_unusable")
    (lenient / "folder.png").mkdir()
    os.mkfifo(lenient / "pipe.png")
    rows = ["t-1,text,gone.txt", "v-1,vision,folder.png", "v-2,vision,pipe.png"]
    with (lenient / "manifest.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"{row},one,train,,,,,\n" for row in rows)
    told = spaner("check", "--json", cwd=lenient)
    assert told.returncode == 0, told.stderr
    report = json.loads(told.stdout)
    reasons = {row["input"]: row["reason"] for row in report["unusable"]}
    assert reasons.keys() == {"gone.txt", "folder.png", "pipe.png"}
    assert "it is a folder" in reasons["folder.png"]
    assert "it is a pipe" in reasons["pipe.png"]
    told = spaner("train", "text", "vision", "--json", cwd=lenient)
    assert json.loads(told.stdout)["put_aside"] == {"text": 1, "vision": 2}
    promised = {m["name"]: m["training_rows"] for m in report["modalities"]}
    assert json.loads(told.stdout)["rows"] == {n: promised[n] for n in ("text", "vision")}


def test_a_table_that_is_not_there_is_not_removed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file system that is mounted to be read refuses even that."""

    def refuse(path: Path, **_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", str(path))

    monkeypatch.setattr(Path, "unlink", refuse)
    manifest = read_manifest(project / "manifest.csv")
    quarantine = Quarantine(project / "space")
    quarantine.add(manifest.rows, {})
    quarantine.save(manifest)
    assert quarantine.notices == ()


def test_python_gets_the_notices_and_the_table_whatever_ends_its_block(lenient: Path) -> None:
    image = inputs(lenient, "vision", "train")[0]
    spoil(lenient, image)
    project = spaner_package.Project(lenient / "plugins.yaml")

    def work() -> None:
        with project:
            extract(project, ["vision"])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    (said,) = project.notices
    assert said.startswith("1 row of 'vision' cannot be used and was left out: ")
    assert [row["input"] for row in table(lenient)] == [image]
