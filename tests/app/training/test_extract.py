"""`spaner extract`: features once, kept, and used by every other command."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.feature_projects import STORE, counts, refused, rows_kept
from tests.app.training.extracting import NONE, extract, extracted

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Tree = Callable[[Path], dict[str, str]]
Configure = Callable[..., None]


def inputs(folder: Path, modality: str, *, split: str | None = None) -> list[str]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [
            row["input"]
            for row in csv.DictReader(file)
            if row["modality"] == modality and split in (None, row["split"])
        ]


def test_everything_is_extracted_once_and_reused_from_then_on(
    project: Path, spaner: Run, tree: Tree
) -> None:
    first = extract(spaner, project)
    assert list(first) == ["text", "vision", "audio", "sensor"]
    for name, count in first.items():
        assert count["extracted"] == count["rows"] == len(inputs(project, name))
    kept = tree(project / STORE)
    assert extracted(spaner, project) == NONE
    assert tree(project / STORE) == kept
    distinct = {name: len(set(inputs(project, name))) for name in first}
    streams = [row.split("-")[0] for row in rows_kept(project / STORE)]
    assert {name: streams.count(name) for name in first} == distinct


def test_people_are_told_where_and_as_what_numbers(project: Path, spaner: Run) -> None:
    told = spaner("extract", "vision", cwd=project)
    assert told.returncode == 0, told.stderr
    assert f"{STORE}: features, kept as float16" in told.stdout
    assert "vision" in told.stdout
    assert "text" not in told.stdout
    report = json.loads(spaner("extract", "vision", "--json", cwd=project).stdout)
    assert (report["store"], report["dtype"]) == (STORE, "float16")
    assert spaner("extract", "--quiet", cwd=project).stdout == ""


def test_trainings_and_searches_extract_nothing_that_is_there_and_give_the_same(
    project: Path, spaner: Run, tree: Tree, attached: Path
) -> None:
    extract(spaner, project)
    kept = tree(project / STORE)
    commands = [
        ("train", "text", "vision", "audio", "--quiet"),
        ("attach", "sensor", "--quiet"),
        ("evaluate", "--split", "test"),
        ("search", inputs(project, "vision")[0], "--from", "vision", "--to", "sensor"),
    ]
    for command in commands:
        done = spaner(*command, cwd=project)
        assert done.returncode == 0, done.stderr
    assert tree(project / STORE) == kept
    assert tree(project / "space") == tree(attached / "space")  # which extracted as it trained


def test_a_training_keeps_what_it_extracted(project: Path, spaner: Run) -> None:
    assert spaner("train", "text", "vision", "--quiet", cwd=project).returncode == 0
    count = extract(spaner, project)
    assert count["vision"]["reused"] == len(inputs(project, "vision", split="train"))
    assert count["vision"]["extracted"] == count["vision"]["rows"] - count["vision"]["reused"] > 0
    assert count["audio"]["reused"] == 0


def test_new_rows_alone_are_extracted_and_known_content_is_not(project: Path, spaner: Run) -> None:
    extract(spaner, project)
    old = project / inputs(project, "vision")[0]
    shutil.copy(old, project / "same.png")
    shutil.copy(old, project / "same.PNG")
    (project / "new.txt").write_text("a new text", encoding="utf-8")
    (project / "known.txt").write_text(inputs(project, "text")[0], encoding="utf-8")
    rows = ["vision,same.png", "vision,same.PNG", "text,new.txt", "text,known.txt"]
    with (project / "manifest.csv").open("a", encoding="utf-8") as file:
        file.writelines(f"new-{n},{row},one,train,,,,,\n" for n, row in enumerate(rows))
    # a text that equals a file's content is another input: the one is read, the other is it
    assert extracted(spaner, project) == {**NONE, "text": 2}


def test_a_file_changed_in_place_is_extracted_anew(project: Path, spaner: Run) -> None:
    extract(spaner, project)
    first, second = (project / name for name in inputs(project, "vision")[:2])
    before = first.read_bytes()
    os.utime(first)  # touched, not changed
    assert extracted(spaner, project) == NONE
    shutil.copy(second, first)  # the other's content, which is there
    assert extracted(spaner, project) == NONE
    first.write_bytes(before + b"\0")
    assert extracted(spaner, project) == {**NONE, "vision": 1}


@pytest.mark.parametrize(("option", "value"), [("kernels", 60), ("hop_s", 2.0)])
def test_another_option_of_an_encoder_is_another_stream(
    project: Path, spaner: Run, configure: Configure, option: str, value: float
) -> None:
    extract(spaner, project)
    configure(project, value, "modalities", "sensor", "encoder", option)
    assert extracted(spaner, project) == {**NONE, "sensor": len(inputs(project, "sensor"))}
    assert len(list((project / STORE).glob("sensor-*"))) == 2


def test_numbers_of_32_bits_are_kept_apart_from_those_of_16(
    project: Path, spaner: Run, configure: Configure
) -> None:
    narrow = extract(spaner, project)
    configure(project, "float32", "features", "dtype")
    told = spaner("extract", "--json", cwd=project)
    assert json.loads(told.stdout)["dtype"] == "float32"
    assert counts(told.stdout) == narrow
    assert len(list((project / STORE).glob("vision-*"))) == 2
    configure(project, "float16", "features", "dtype")
    assert extracted(spaner, project) == NONE


@pytest.mark.parametrize("damage", ["truncated", "empty", "noise", "footer", "foreign"])
def test_a_damaged_file_is_extracted_again(
    project: Path, spaner: Run, tree: Tree, damage: str
) -> None:
    rows = extract(spaner, project)["vision"]["rows"]
    kept = tree(project / STORE)
    (path,) = (project / STORE).glob("vision-*/*.arrow")
    content = path.read_bytes()
    spoilt = {
        "truncated": content[:-100],
        "empty": b"",
        "noise": bytes(range(256)) * 40,
        "footer": content[:-60] + bytes([content[-60] ^ 64]) + content[-59:],
        "foreign": next((project / STORE).glob("audio-*/*.arrow")).read_bytes(),
    }
    path.write_bytes(spoilt[damage])
    assert extracted(spaner, project) == {**NONE, "vision": rows}
    assert tree(project / STORE) == kept

    path.write_bytes(spoilt[damage])
    done = spaner("train", "text", "vision", "--quiet", cwd=project)
    assert (done.returncode, done.stderr) == (0, "")
    assert spaner("extract", "--prune", cwd=project).returncode == 0
    keys = rows_kept(project / STORE)
    assert len(keys) == len(set(keys))
    assert sum(key.startswith("vision") for key in keys) == rows


def test_a_folder_where_a_file_should_be_is_one_clear_line(project: Path, spaner: Run) -> None:
    extract(spaner, project)
    (path,) = (project / STORE).glob("vision-*/*.arrow")
    path.unlink()
    path.mkdir()
    refused(spaner("extract", cwd=project), "features cannot be kept there", "features.store")


def spoil(path: Path) -> bytes:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return content


def test_within_what_is_allowed_the_rest_is_kept_and_beyond_it_mending_extracts_what_is_missing(
    project: Path, spaner: Run, configure: Configure
) -> None:
    paths = [project / name for name in inputs(project, "vision")[:2]]
    contents = [spoil(path) for path in paths]
    refused_lines = spaner("extract", cwd=project)
    assert refused_lines.returncode == 2
    assert "error: 2 of 30 inputs cannot be used" in refused_lines.stderr
    assert "Traceback" not in refused_lines.stderr
    configure(project, 0.1, "data", "max_unusable")
    count = extract(spaner, project)["vision"]
    assert (count["rows"], count["quarantined"]) == (30, 2)
    assert (project / "space.quarantine.csv").exists()
    before = len(rows_kept(project / STORE))
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    count = extract(spaner, project)["vision"]
    assert (count["quarantined"], count["extracted"], count["reused"]) == (0, 2, 28)
    assert len(rows_kept(project / STORE)) == before + 2
    assert not (project / "space.quarantine.csv").exists()
    assert list((project / STORE).glob("*/plan.json")) == []


def test_a_profile_says_where_the_time_of_a_training_went(project: Path, spaner: Run) -> None:
    command = ("train", "text", "vision", "--profile")
    report = json.loads(spaner(*command, "--json", cwd=project).stdout)["profile_s"]
    assert {"decode", "encode", "store", "statistics", "step"} <= report.keys()
    assert list(report)[-1] == "everything else"
    assert all(seconds >= 0 for seconds in report.values())
    told = spaner(*command, "--overwrite", cwd=project)
    assert "where the time went" in told.stdout
    assert "profile_s" not in spaner("train", "text", "vision", "--overwrite", "--json",
                                     cwd=project).stdout  # fmt: skip
