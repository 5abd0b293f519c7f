"""`spaner extract --prune` removes what no manifest uses, and nothing else."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.app.feature_projects import STORE, counts, rows_kept

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Tree = Callable[[Path], dict[str, str]]
Configure = Callable[..., None]


def rows_of(manifest: Path) -> list[dict[str, str]]:
    with manifest.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write_rows(manifest: Path, rows: list[dict[str, str]]) -> None:
    with manifest.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        table.writerows(rows)


def prune(spaner: Run, folder: Path, *more: str) -> dict[str, int]:
    done = spaner("extract", "--prune", "--json", *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    pruned: dict[str, int] = json.loads(done.stdout)["pruned"]
    return pruned


def extracted(spaner: Run, folder: Path, *more: str) -> int:
    done = spaner("extract", "--json", *more, cwd=folder)
    assert done.returncode == 0, done.stderr
    return sum(modality["extracted"] for modality in counts(done.stdout).values())


@pytest.fixture
def two(project: Path, spaner: Run, tmp_path: Path, configure: Configure) -> tuple[Path, Path]:
    """Two projects that share a store; the second has the even rows of the first, and no sound."""
    other = Path(shutil.copytree(project, tmp_path / "other"))
    rows = [row for row in rows_of(other / "manifest.csv") if row["modality"] != "audio"]
    write_rows(other / "manifest.csv", rows[::2])
    for folder in (project, other):
        configure(folder, str(tmp_path / STORE), "features", "store")
        assert spaner("extract", "--quiet", cwd=folder).returncode == 0
    return project, other


def test_where_everything_is_used_nothing_goes(
    two: tuple[Path, Path], spaner: Run, tree: Tree, tmp_path: Path
) -> None:
    kept = tree(tmp_path / STORE)
    for folder in two:
        assert prune(spaner, folder) == {"rows": 0, "bytes": 0}
    assert tree(tmp_path / STORE) == kept


def test_a_row_that_left_its_manifest_goes_and_the_others_are_reused(
    project: Path, spaner: Run, tree: Tree
) -> None:
    assert extracted(spaner, project) > 0
    before, kept = rows_kept(project / STORE), tree(project / STORE)
    rows = rows_of(project / "manifest.csv")
    image = next(row for row in rows if row["modality"] == "vision")
    write_rows(project / "manifest.csv", [row for row in rows if row is not image])
    pruned = prune(spaner, project)
    assert pruned["rows"] == 1
    assert pruned["bytes"] > 0
    left = rows_kept(project / STORE)
    assert len(left) == len(before) - 1
    assert set(left) < set(before)
    assert extracted(spaner, project) == 0
    same = {name: what for name, what in tree(project / STORE).items() if "vision" not in name}
    assert same.items() <= kept.items()
    write_rows(project / "manifest.csv", rows)
    assert extracted(spaner, project) == 1
    assert rows_kept(project / STORE) == before


def test_pruned_features_train_the_same_space(project: Path, spaner: Run, tree: Tree) -> None:
    rows = rows_of(project / "manifest.csv")
    assert extracted(spaner, project) > 0
    kept = [row for number, row in enumerate(rows) if number % 5]
    write_rows(project / "manifest.csv", kept)
    train = ("train", "text", "vision", "--quiet")
    assert spaner(*train, cwd=project).returncode == 0
    expected = tree(project / "space")
    assert prune(spaner, project)["rows"] > 20
    assert spaner(*train, "--overwrite", cwd=project).returncode == 0
    assert tree(project / "space") == expected


def test_what_another_project_uses_stays(
    two: tuple[Path, Path], spaner: Run, tmp_path: Path
) -> None:
    first, other = two
    before = rows_kept(tmp_path / STORE)
    rows = rows_of(first / "manifest.csv")
    images = [row for row in rows if row["modality"] == "vision"]
    write_rows(first / "manifest.csv", [row for row in rows if row not in images])
    shared = {row["input"] for row in rows_of(other / "manifest.csv")}
    unshared = [row for row in images if row["input"] not in shared]
    assert 0 < len(unshared) < len(images)
    assert prune(spaner, first)["rows"] == len(unshared)
    assert extracted(spaner, other) == 0
    assert len(rows_kept(tmp_path / STORE)) == len(before) - len(unshared)


@pytest.mark.parametrize("gone", ["manifest.csv", "plugins.yaml"])
def test_what_only_a_deleted_project_used_goes(
    two: tuple[Path, Path], spaner: Run, tmp_path: Path, gone: str
) -> None:
    first, other = two
    (first / gone).unlink()
    assert prune(spaner, other)["rows"] > 0
    assert not any(key.startswith("audio") for key in rows_kept(tmp_path / STORE))
    assert not list((tmp_path / STORE).glob("audio-*"))
    assert extracted(spaner, other) == 0
    used = json.loads(spaner("extract", "--json", cwd=other).stdout)["modalities"]
    assert len(rows_kept(tmp_path / STORE)) <= sum(modality["rows"] for modality in used)
    uses = [path.read_text(encoding="utf-8") for path in (tmp_path / STORE).glob("uses/*")]
    assert all(str(first) not in use for use in uses)


def test_an_encoder_that_its_project_left_goes_unless_another_has_it(
    two: tuple[Path, Path], spaner: Run, tmp_path: Path, configure: Configure
) -> None:
    first, other = two
    for folder in two:
        configure(folder, 60, "modalities", "sensor", "encoder", "kernels")
        if folder is first:
            assert prune(spaner, folder)["rows"] > 0  # those of the first that the other has not
            assert len(list((tmp_path / STORE).glob("sensor-*"))) == 2
    pruned = prune(spaner, other)["rows"]
    assert pruned == sum(row["modality"] == "sensor" for row in rows_of(other / "manifest.csv"))
    assert len(list((tmp_path / STORE).glob("sensor-*"))) == 1
    assert [extracted(spaner, folder) for folder in two] == [0, 0]


def test_what_the_project_declares_is_used_where_no_use_was_noted(
    project: Path, spaner: Run
) -> None:
    assert extracted(spaner, project) > 0
    before = rows_kept(project / STORE)
    shutil.rmtree(project / STORE / "uses")
    rows = rows_of(project / "manifest.csv")
    text = next(row for row in rows if row["modality"] == "text")
    write_rows(project / "manifest.csv", [row for row in rows if row is not text])
    assert prune(spaner, project, "--again", "vision")["rows"] == 1
    assert len(rows_kept(project / STORE)) == len(before) - 1


def test_another_manifest_given_on_the_command_line_is_used_too(
    project: Path, spaner: Run, configure: Configure
) -> None:
    configure(project, "one", "features", "store")
    rows = rows_of(project / "manifest.csv")
    write_rows(project / "half.csv", rows[::2])
    assert extracted(spaner, project, "--manifest", "half.csv") > 0
    assert extracted(spaner, project) > 0
    write_rows(project / "manifest.csv", rows[1::2])
    assert prune(spaner, project) == {"rows": 0, "bytes": 0}  # what left one is in the other
    (project / "half.csv").unlink()
    assert prune(spaner, project)["rows"] > 0


def test_only_our_own_files_are_touched(project: Path, spaner: Run) -> None:
    assert extracted(spaner, project) > 0
    (stream,) = (project / STORE).glob("vision-*")
    foreign = [
        project / STORE / "notes.txt",
        project / STORE / "mine.arrow",
        project / STORE / "mine/table.arrow",
        project / STORE / "mine/stream.json",
        stream / "notes.txt",
        stream / "deeper/table.arrow",
    ]
    for path in foreign:
        path.parent.mkdir(exist_ok=True)
        path.write_text("{}", encoding="utf-8")
    rows = rows_of(project / "manifest.csv")
    write_rows(project / "manifest.csv", [row for row in rows if row["modality"] != "vision"])
    assert prune(spaner, project)["rows"] == sum(row["modality"] == "vision" for row in rows)
    assert [path.read_text(encoding="utf-8") for path in foreign] == ["{}"] * len(foreign)
    assert list(stream.glob("*.arrow")) == []


def test_there_is_nothing_to_prune_in_a_store_that_is_not_there(
    project: Path, spaner: Run, configure: Configure, tmp_path: Path
) -> None:
    rows = rows_of(project / "manifest.csv")
    write_rows(project / "manifest.csv", [row for row in rows if row["modality"] == "text"])
    configure(project, str(tmp_path / "new"), "features", "store")
    assert prune(spaner, project) == {"rows": 0, "bytes": 0}


def test_people_are_told_what_went(project: Path, spaner: Run) -> None:
    assert extracted(spaner, project) > 0
    rows = rows_of(project / "manifest.csv")
    write_rows(project / "manifest.csv", [row for row in rows if row["modality"] != "audio"])
    told: Any = spaner("extract", "--prune", cwd=project)
    assert "pruned: 36 rows that no manifest uses" in told.stdout
    assert told.stderr == ""
