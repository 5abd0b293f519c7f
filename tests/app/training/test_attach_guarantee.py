"""Attaching a modality changes no byte of what was there, nor of what it gives."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.process import python

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Tree = Callable[[Path], dict[str, str]]

EMBED = """
import sys
from pathlib import Path
import numpy as np
import spaner

space = spaner.load("space")
queries = {
    "text": ["two", "wir laufen", "the digit one", "walking"],
    "vision": sorted(Path("vision/test").iterdir()),
    "audio": sorted(Path("audio/test").glob("*/*.flac")),
}
for strength in (None, 0.0, 1.0):
    for name, inputs in queries.items():
        vectors = space.encode(inputs, modality=name, strength=strength)
        assert vectors.dtype == np.float32 and len(vectors) == len(inputs) > 3
        sys.stdout.buffer.write(vectors.tobytes())
"""


def embed(folder: Path) -> str:
    """What a process of its own gives for the same queries, each byte a character."""
    done = python(EMBED, cwd=folder, encoding="latin-1")
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_old_modalities_give_the_same_bytes_after_attaching(
    trained: Path, spaner: Run, tree: Tree
) -> None:
    files, vectors = tree(trained / "space"), embed(trained)
    assert len(vectors) == 3 * (4 + 10 + 12) * 128 * 4

    result = spaner("attach", "sensor", "--seed", "7", cwd=trained)
    assert result.returncode == 0, result.stderr

    assert embed(trained) == vectors
    after = tree(trained / "space")
    added = {name for name in after if name.startswith("aligners/sensor")}
    assert added == after.keys() - files.keys()
    assert {name: after[name] for name in files} == files

    receipt = json.loads((trained / "space/aligners/sensor/receipt.json").read_text())
    listed = {name: value for name, value in files.items() if value}
    assert receipt["others_before"] == receipt["others_after"] == listed
    assert receipt["others_unchanged"] is True
    assert receipt["own"]["model.safetensors"] == after["aligners/sensor/model.safetensors"]
    assert spaner("verify", cwd=trained).returncode == 0


def test_one_flipped_bit_anywhere_is_found_and_named(
    attached: Path, spaner: Run, tree: Tree
) -> None:
    names = [name for name, value in tree(attached / "space").items() if value]
    assert len(names) == 20
    for number, name in enumerate(names):
        path = attached / "space" / name
        content = path.read_bytes()
        place = (number * 7919) % len(content)
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        result = spaner("verify", "--json", cwd=attached)
        assert result.returncode == 2, name
        assert any(name in problem for problem in json.loads(result.stdout)["problems"]), name
        path.write_bytes(content)
    assert spaner("verify", cwd=attached).returncode == 0


@pytest.mark.parametrize("place", ["first", "last"])
def test_the_message_of_verify_names_the_file(attached: Path, spaner: Run, place: str) -> None:
    path = attached / "space/aligners/audio/model.safetensors"
    content = bytearray(path.read_bytes())
    content[0 if place == "first" else -1] ^= 1
    path.write_bytes(content)
    result = spaner("verify", cwd=attached)
    assert result.returncode == 2
    told = [line for line in (result.stdout + result.stderr).splitlines() if "changed" in line]
    assert told
    assert all("aligners/audio/model.safetensors" in line for line in told)


def test_a_missing_and_an_added_file_are_found(attached: Path, spaner: Run) -> None:
    (attached / "space/prompt/README.md").unlink()
    (attached / "space/aligners/text/notes.txt").write_text("mine")
    (attached / "space/more.txt").write_text("mine")
    problems = json.loads(spaner("verify", "--json", cwd=attached).stdout)["problems"]
    assert len(problems) == 3
    for name in ("prompt/README.md", "aligners/text/notes.txt", "more.txt"):
        assert any(problem.startswith(f"{name}: ") for problem in problems)


def test_a_removed_aligner_is_found(attached: Path, spaner: Run) -> None:
    shutil.rmtree(attached / "space/aligners/audio")
    result = spaner("verify", cwd=attached)
    assert result.returncode == 2
    assert "aligners/audio/model.safetensors: missing" in result.stdout + result.stderr


def test_a_receipt_kept_elsewhere_finds_a_forger(
    attached: Path, small_project: Path, spaner: Run, tmp_path: Path
) -> None:
    kept = Path(
        shutil.copyfile(attached / "space/aligners/sensor/receipt.json", tmp_path / "kept.json")
    )
    assert spaner("verify", "--receipt", kept, cwd=attached).returncode == 0

    # the forger trains another space with the program itself: its receipts agree with each other
    forged = Path(shutil.copytree(small_project, tmp_path / "forged"))
    for command in (("train", "text", "vision", "audio"), ("attach", "sensor")):
        assert spaner(*command, "--seed", "5", "--quiet", cwd=forged).returncode == 0
    assert spaner("verify", cwd=forged).returncode == 0
    result = spaner("verify", "--receipt", kept, cwd=forged)
    assert result.returncode == 2
    assert "prompt/model.safetensors" in result.stdout + result.stderr
    assert str(kept) in result.stdout + result.stderr


@pytest.mark.parametrize("content", [None, "{}", "no json", '{"part": 3, "checksum": "0"}'])
def test_a_copy_that_is_no_receipt_is_refused(
    attached: Path, spaner: Run, tmp_path: Path, content: str | None
) -> None:
    kept = tmp_path / "kept.json"
    if content is not None:
        kept.write_text(content)
    result = spaner("verify", "--receipt", kept, cwd=attached)
    assert result.returncode == 2
    assert str(kept) in result.stdout + result.stderr
    assert "Traceback" not in result.stderr


def test_a_second_modality_is_attached_after_the_first(
    project: Path, spaner: Run, tree: Tree
) -> None:
    assert spaner("train", "text", "vision", "--quiet", cwd=project).returncode == 0
    for name in ("audio", "sensor"):
        before = tree(project / "space")
        assert spaner("attach", name, "--quiet", cwd=project).returncode == 0
        after = tree(project / "space")
        assert {name: after[name] for name in before} == before
    assert spaner("verify", cwd=project).returncode == 0
