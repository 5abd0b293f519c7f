"""Concepts that come later: `spaner extend`, then `spaner attach NAME --replace`."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import spaner as spaner_package
import torch
from safetensors.torch import load_file
from spaner.project import Project
from spaner.training.extend import extend
from spaner_core.errors import PluginError
from spaner_registry.config.settings import read_config

from tests.process import python

Result = subprocess.CompletedProcess[str]
Run = Callable[..., Result]
Tree = Callable[[Path], dict[str, str]]
Refuses = Callable[..., str]

EMBED = """
import sys
from pathlib import Path
import spaner

space = spaner.load("space")
for strength in (None, 0.0, 1.0):
    for name, inputs in (
        ("text", ["two", "wir laufen", "tai chi", "walking"]),
        ("vision", sorted(Path("vision/test").iterdir())),
        ("sensor", sorted(Path("sensor/test").iterdir())),
    ):
        vectors = space.encode(inputs, modality=name, strength=strength)
        if name != sys.argv[-1]:
            sys.stdout.buffer.write(vectors.tobytes())
"""


def embed(folder: Path, *, without: str = "") -> str:
    """What a process of its own gives for the same queries, each byte a character."""
    done = python(EMBED, without, cwd=folder, encoding="latin-1")
    assert done.returncode == 0, done.stderr
    return done.stdout


def rename_concept(folder: Path, modality: str, old: str, new: str) -> None:
    """Say in the manifest that rows of a modality show another concept."""
    path = folder / "manifest.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[0]))
        table.writeheader()
        for row in rows:
            if (row["modality"], row["concept"]) == (modality, old):
                row["concept"] = new
            table.writerow(row)


def test_old_embeddings_keep_every_byte_over_extension_and_replacement(
    attached: Path, spaner: Run, tree: Tree
) -> None:
    files, vectors = tree(attached / "space"), embed(attached)
    others = embed(attached, without="sensor")
    assert len(vectors) > len(others) > 10_000

    result = spaner("extend", "tai chi", cwd=attached)
    assert result.returncode == 0, result.stderr
    assert embed(attached) == vectors
    after = tree(attached / "space")
    assert {name: after[name] for name in files} == files
    assert {name.rsplit("/", 1)[0] for name in after.keys() - files.keys()} == {
        "prompt",
        "prompt/block-0002",
    }

    rename_concept(attached, "sensor", "walking", "tai chi")
    result = spaner("attach", "sensor", "--replace", cwd=attached)
    assert result.returncode == 0, result.stderr
    assert embed(attached, without="sensor") == others
    assert embed(attached) != vectors
    now = tree(attached / "space")
    changed = {name for name in after if now[name] != after[name]}
    assert {name.rsplit("/", 1)[0] for name in changed} == {"aligners/sensor"}
    assert spaner("verify", cwd=attached).returncode == 0


def test_extending_says_who_has_not_seen_the_concept_and_what_to_do(
    attached: Path, spaner: Run
) -> None:
    result = spaner("extend", "tai chi", "karate", cwd=attached)
    assert result.returncode == 0, result.stderr
    assert "no row of tai chi, karate was seen by audio, sensor, text, vision" in result.stderr
    assert "spaner attach NAME --replace" in result.stderr
    assert "anchors appended for 2 concepts, made from names" in result.stdout
    assert "each has the SHA-256 it had before" in result.stdout
    assert "prompt/block-0002/receipt.json" in result.stdout.replace("\n", "")


def test_extending_gives_one_json_value_and_reads_the_label_file(
    attached: Path, spaner: Run
) -> None:
    with (attached / "labels.csv").open("a", encoding="utf-8") as file:
        file.write("karate,a karate kick\nkarate,空手\n")
    result = spaner("extend", "karate", "judo", "--json", cwd=attached)
    report = json.loads(result.stdout)
    assert report["concepts"] == ["karate", "judo"]
    assert report["label_texts"] == {"karate": ["a karate kick", "空手"], "judo": ["judo"]}
    assert report["anchors"] == "labels"
    opened = spaner_package.load(attached / "space")
    assert opened.concepts == ("one", "running", "two", "walking", "karate", "judo")


def test_replaced_modalities_find_the_concept_and_the_others_are_said_not_to(
    attached: Path, spaner: Run
) -> None:
    assert spaner("extend", "tai chi", "--quiet", cwd=attached).returncode == 0
    for name in ("audio", "sensor"):
        rename_concept(attached, name, "walking", "tai chi")
        result = spaner("attach", name, "--replace", cwd=attached)
        assert result.returncode == 0, result.stderr
        assert "no row of tai chi was seen by " in result.stderr
        assert "embeddings of" in result.stderr
        assert "SOME CHANGED" not in result.stdout
    assert "no row of tai chi was seen by text, vision" in result.stderr  # audio has, by now
    told = spaner("evaluate", "--split", "test", "--json", cwd=attached)
    assert json.loads(told.stdout)["sensor_to_audio_recall@1"] > 0.8
    assert "do not trust" not in told.stderr
    rename_concept(attached, "text", "walking", "tai chi")
    told = spaner("evaluate", "--split", "test", cwd=attached)
    assert "'text' has seen no labelled row of tai chi: do not trust its figures" in told.stderr


def test_a_later_name_is_read_alike_whether_the_label_modality_was_replaced_or_not(
    attached: Path, tmp_path: Path, spaner: Run
) -> None:
    other = Path(shutil.copytree(attached, tmp_path / "other"))
    rename_concept(other, "text", "one", "two")  # another share of words in its training rows
    assert spaner("attach", "text", "--replace", "--quiet", cwd=other).returncode == 0
    anchors = []
    for folder in (attached, other):
        assert spaner("extend", "karate", "--quiet", cwd=folder).returncode == 0
        anchors.append(load_file(folder / "space/prompt/block-0002/model.safetensors"))
    assert torch.equal(anchors[0]["anchors"], anchors[1]["anchors"])
    torch.testing.assert_close(anchors[0]["anchors"].norm(dim=-1), torch.ones(1))


def test_random_anchors_are_followed_by_random_ones_that_differ_by_block(
    project: Path, spaner: Run, configure: Callable[..., None]
) -> None:
    configure(project, "random", "prompt", "anchors")
    configure(project, 2, "training", "max_steps")
    configure(project, 0, "training", "warmup_steps")
    assert spaner("train", "text", "vision", "--quiet", cwd=project).returncode == 0
    for concept in ("karate", "judo"):
        told = spaner("extend", concept, "--json", "--quiet", cwd=project)
        assert json.loads(told.stdout)["anchors"] == "random"
    blocks = [
        load_file(project / f"space/prompt/block-000{n}/model.safetensors")["anchors"]
        for n in (2, 3)
    ]
    assert blocks[0].shape == blocks[1].shape == (1, 128)
    assert abs(float((blocks[0] * blocks[1]).sum())) < 0.5


def test_names_that_are_read_alike_are_said_to_be_hard_to_tell_apart(
    attached: Path, spaner: Run
) -> None:
    result = spaner("extend", "Karate!", "karate", cwd=attached)
    assert result.returncode == 0, result.stderr
    assert "the anchor of 'Karate!' lies close to that of 'karate' (cosine 1.00)" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["running"], "has an anchor for 'running' already; leave it out"),
        (["judo", "judo"], "concept 'judo' is given twice; give it once"),
        ([" judo"], "begins or ends with a blank; give a name"),
        (["ju\x1bdo"], "control character"),
        ([""], "begins or ends with a blank; give a name"),
        ([], "Missing argument"),
        (["judo", "--space", "nowhere"], "nowhere is no space"),
        (["judo", "-c", "missing.yaml"], "missing.yaml: there is no such file"),
    ],
)
def test_what_cannot_be_extended_is_refused_in_a_line(
    attached: Path, refuses: Refuses, arguments: list[str], says: str
) -> None:
    assert says in refuses("extend", *arguments, cwd=attached)


def test_another_encoder_than_the_first_names_had_is_refused(
    attached: Path, refuses: Refuses, configure: Callable[..., None]
) -> None:
    configure(attached, 64, "modalities", "text", "encoder", "dim")
    told = refuses("extend", "judo", cwd=attached)
    assert "is not the one that embedded the names of the first concepts" in told
    assert "label_source in prompt/config.json" in told


def test_unknown_concepts_name_the_command_that_appends_them(
    trained: Path, refuses: Refuses
) -> None:
    rename_concept(trained, "sensor", "walking", "tai chi")
    told = refuses("attach", "sensor", cwd=trained)
    assert "the prompt has no anchor for 'tai chi'. Append anchors with `spaner extend" in told
    assert "spaner extend 'tai chi'`" in told


def test_replacing_what_is_not_there_is_refused(trained: Path, refuses: Refuses) -> None:
    told = refuses("attach", "sensor", "--replace", cwd=trained)
    assert "no modality 'sensor' to replace; it has audio, text, vision" in told


def test_kept_vectors_are_refused_once_their_modality_was_replaced(
    attached: Path, spaner: Run
) -> None:
    space = spaner_package.load(attached / "space")
    keys = {name: space.vector_key(name) for name in ("text", "sensor")}
    kept = space.encode(["two", "running"], modality="text")
    assert spaner("extend", "judo", "--quiet", cwd=attached).returncode == 0
    assert spaner("attach", "sensor", "--replace", "--quiet", cwd=attached).returncode == 0
    now = spaner_package.load(attached / "space")
    now.check_vectors(keys["text"])
    assert np.array_equal(now.encode(["two", "running"], modality="text"), kept)
    with pytest.raises(spaner_package.SpanerError, match="embeddings of 'sensor' are stale"):
        now.check_vectors(keys["sensor"])


def test_names_read_by_an_encoder_that_changed_never_reach_the_prompt(
    attached: Path, tree: Tree
) -> None:
    project = Project(read_config(attached / "plugins.yaml"))
    encoder = project.assembly.modality("text").encoder
    assert len(project.space.encode("two", modality="text")) == 1
    encoder.register_buffer("uses", torch.ones(1))
    before = tree(attached)
    with pytest.raises(PluginError, match="changed its own weights or buffers"):
        extend(project, ["tai chi"])
    assert tree(attached) == before
