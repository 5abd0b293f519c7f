"""Why this hit: whether the part that speaks for it lies where the truth was planted.

    .venv/bin/python benchmarks/why.py                     # 200 hits a modality
    .venv/bin/python benchmarks/why.py --split validation  # the rows that chose the mechanism

Two test rows of different concepts become one input: pictures side by side, words and sentences,
recordings and series one behind the other. A search with it gives as hit the first row of one of
the two concepts. Its part whose cover costs the most score, as `explain` names it, should lie in
that concept's half. "First hit" is how often the very first row is of one of the two: where it
hardly is, the encoder does not see two things, and there is no right answer to find. "Half in all"
is how often all parts of that half together cost more score than those of the other.

The demonstration's pictures and recordings are one digit or word each, and HOG and logmel stretch
whatever they are given over the same places: two digits squeezed into one frame are no digits to
them. In the space of halves they are trained where a digit or a word fills one half, and the other
is empty. Intervals are Wilson's, 95%, over hits of one space.
"""

from __future__ import annotations

import argparse
import csv
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import spaner
from page import as_section, progress
from PIL import Image
from scipy.stats import binomtest
from spaner.demo.dataset import put, table, write_dataset
from spaner.result_tables import Table

Row = dict[str, str]

TARGETS = {"text": "vision", "vision": "text", "audio": "text", "sensor": "text"}
"""What is found by joined inputs of each modality."""

ENCODERS = {"text": "hashed", "vision": "hog", "audio": "logmel", "sensor": "rocket"}

SPACES = {
    "halves": ("halves.csv", ("text", "vision", "audio", "sensor")),
    "demonstration": ("manifest.csv", ("vision", "audio")),
}
"""Manifests that spaces are trained on, and whose joined inputs are explained there."""

CONFIG = """\
space: {name}
data: {{manifest: {manifest}}}
features: {{store: features}}
prompt: {{labels_from: text, labels: labels.csv}}
modalities:
  text: {{encoder: {{model: hashed}}}}
  vision: {{encoder: {{model: hog}}}}
  audio: {{encoder: {{model: logmel}}}}
  sensor: {{encoder: {{model: rocket, kernels: 100}}}}
training: {{max_steps: {steps}}}
"""


@dataclass(frozen=True)
class Joined:
    """An input of two rows, and where the second begins, as the places of its parts count."""

    given: str
    border: float


def join(modality: str, inputs: Sequence[str], *, folder: Path, name: str) -> Joined:
    """Write two inputs of a modality as one."""
    if modality == "text":
        return Joined(" ".join(inputs), len(inputs[0]) + 0.5)
    paths = [folder / given for given in inputs]
    if modality == "vision":
        return join_pictures([Image.open(path) for path in paths], folder / f"{name}.png")
    if modality == "audio":
        return join_recordings([soundfile.read(path) for path in paths], folder / f"{name}.wav")
    lines = [path.read_text(encoding="utf-8").splitlines() for path in paths]
    target = folder / f"{name}.csv"
    put(target, "\n".join([*lines[0], *lines[1][1:], ""]).encode())
    return Joined(str(target), len(lines[0]) - 1)


def join_pictures(pictures: Sequence[Image.Image], target: Path) -> Joined:
    """Write two pictures side by side."""
    left, right = pictures
    joined = Image.new("L", (left.width + right.width, max(left.height, right.height)))
    joined.paste(left, (0, 0))
    joined.paste(right, (left.width, 0))
    target.parent.mkdir(parents=True, exist_ok=True)
    joined.save(target)
    return Joined(str(target), left.width)


def join_recordings(recordings: Sequence[tuple[Any, int]], target: Path) -> Joined:
    """Write two recordings one behind the other."""
    (first, rate_hz), (second, _) = recordings
    target.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(target, np.concatenate([first, second]), rate_hz, subtype="PCM_16")
    return Joined(str(target), len(first))


def read_rows(folder: Path, split: str | None = None) -> list[Row]:
    """Read the manifest's rows, or those of a split."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if split in (None, row["split"])]


def write_halves(folder: Path, *, draws: int) -> None:
    """Write pictures and recordings that fill one half, training recordings `draws` times each.

    The empty half of a recording is as long as another one.
    """
    generator = random.Random(0)
    rows = read_rows(folder)
    lengths = {
        row["input"]: soundfile.info(folder / row["input"]).frames
        for row in rows
        if row["modality"] == "audio"
    }
    halves = [row for row in rows if row["modality"] not in ("vision", "audio")]
    for row in rows:
        if row["modality"] in ("vision", "audio"):
            times = draws if row["modality"] == "audio" and row["split"] == "train" else 1
            for number in range(times):
                order = generator.sample((0, 1), 2)
                silent = generator.choice(list(lengths.values()))
                halves.append(_half(folder, row, order, number=number, silent=silent))
    put(folder / "halves.csv", table(tuple(rows[0]), halves))


def _half(folder: Path, row: Row, order: Sequence[int], *, number: int, silent: int) -> Row:
    """Write a row's input beside an empty one, in an order."""
    given = Path(row["input"])
    name = given.parent / f"{given.stem}-half-{number}"
    if row["modality"] == "vision":
        picture = Image.open(folder / given).convert("L")
        pair: list[Any] = [picture, Image.new("L", picture.size)]
        target = name.with_suffix(".png")
        join_pictures([pair[place] for place in order], folder / target)
    else:
        sound, rate_hz = soundfile.read(folder / given)
        pair = [(sound, rate_hz), (np.zeros(silent), rate_hz)]
        target = name.with_suffix(".wav")
        join_recordings([pair[place] for place in order], folder / target)
    return {**row, "id": f"{row['id']}-{number}", "input": target.as_posix()}


@dataclass(frozen=True)
class Found:
    """What one joined input gave.

    `first`: the very first row is of one of both; `named`: the part lies in its half; `whole`: the
    parts of that half cost more score than those of the other.
    """

    first: bool
    named: bool
    whole: bool


def measure(
    project: Any, rows: Sequence[Row], modality: str, *, hits: int, split: str
) -> Iterator[Found]:
    """Explain the hits of `hits` joined inputs."""
    folder, target = project.config.path.parent, TARGETS[modality]
    generator = random.Random(0)
    known = {row["concept"] for row in rows if row["modality"] == target}
    own = [row for row in rows if row["modality"] == modality and row["concept"] in known]
    transform = project.assembly.modality(modality).transform
    for number in range(hits):
        pair = generator.sample(own, 2)
        while pair[0]["concept"] == pair[1]["concept"]:
            pair = generator.sample(own, 2)
        name = f"joined/{modality}-{number}"
        joined = join(modality, [row["input"] for row in pair], folder=folder, name=name)
        concepts = [row["concept"] for row in pair]
        found = project.search(
            joined.given, source=modality, targets=target, k=len(rows), split=split
        )
        hit = next(hit for hit in found if hit.concept in concepts)
        found_parts = project.explain(joined.given, hit, source=modality).query.parts
        source = joined.given if modality == "text" else Path(joined.given)
        places = {p.label: p.place for p in transform.parts(transform.decode(source))}
        half = concepts.index(hit.concept)
        within = [
            (_middle(modality, places[part.label]) > joined.border) == half for part in found_parts
        ]
        weighed = sum(
            part.fall if own else -part.fall for part, own in zip(found_parts, within, strict=True)
        )
        yield Found(first=found[0].concept in concepts, named=within[0], whole=weighed > 0)


def _middle(modality: str, place: Any) -> float:
    if modality == "vision":
        return float(place.left + place.right) / 2
    start, end = (place.start, place.end) if modality == "sensor" else place
    return float(start + end) / 2


def _line(space: str, modality: str, found: Sequence[Found]) -> tuple[str, ...]:
    encoder = f"{modality} by {ENCODERS[modality]}"
    shares = [_share([getattr(one, what) for one in found]) for what in ("first", "named", "whole")]
    return space, encoder, TARGETS[modality], str(len(found)), *shares


def _share(marks: Sequence[bool]) -> str:
    interval = binomtest(sum(marks), len(marks)).proportion_ci(method="wilson")
    return f"{sum(marks) / len(marks):.3f} ({interval.low:.2f} to {interval.high:.2f})"


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--hits", type=int, default=200, help="hits a modality")
    parser.add_argument("--split", default="test", choices=("validation", "test"))
    parser.add_argument("--quick", action="store_true", help="2 hits, hardly any training")
    given = parser.parse_args()
    hits = 2 if given.quick else given.hits
    lines = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder)
        write_halves(folder, draws=1 if given.quick else 6)
        for space, (manifest, modalities) in list(SPACES.items())[: 1 if given.quick else None]:
            config = CONFIG.format(name=space, manifest=manifest, steps=20 if given.quick else 250)
            (folder / f"{space}.yaml").write_text(config, encoding="utf-8")
            project = spaner.Project(folder / f"{space}.yaml", device="cpu")
            project.train()
            project.index(*{*modalities, *(TARGETS[modality] for modality in modalities)})
            rows = read_rows(folder, given.split)
            for modality in modalities:
                progress(f"{space}, {modality}")
                found = list(measure(project, rows, modality, hits=hits, split=given.split))
                lines.append(_line(space, modality, found))
    columns = ("space", "joined", "finds", "hits", "first hit", "part in its half", "half in all")
    sys.stdout.write(as_section(Table(f"Split {given.split}", columns, lines)) + "\n")


if __name__ == "__main__":
    main()
