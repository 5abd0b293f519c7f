"""Extraction against the obvious loop, a second time, and without its store.

    .venv/bin/python benchmarks/extraction.py

**The loop.** A torch `DataLoader` reads the same inputs in the order of the manifest, decodes and
prepares them in the same way, joins batches of the same size with the encoder's own `collate`, puts
them through the same frozen encoder, and collects the features in a list, which it does not save.
SPANER does more: it hashes inputs, plans batches of inputs of similar size, writes features as they
come, and proves that the encoder did not change. The inputs are cut into four parts; each part goes
through every variant in turn, and the median of the four ratios counts. Above 1, SPANER is faster.
All pictures have the same number of tokens, so they gain nothing from batches of similar size.
Texts are padded to the longest of their batch, and gain more the more their lengths differ. The
audio encoder never pads, and hardly any two clips have the same length.

**A second time.** The whole manifest again, now that its features are stored: everything in a fresh
process except imports (reading the configuration, building the encoder, hashing inputs, opening the
store), against the seconds of the four parts above, whose encoder was built already.

**The store.** The same batches of the same inputs through the same encoder, with no input hashed,
nothing planned and nothing written. The notes below the table give the share of its time that the
extraction itself counted for its store: a ratio is too noisy to show a few percent.

Inputs are synthetic, texts are words from this repository in random order, and the models for
pictures and sound have random weights: nothing here says how good anything is.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

from made_inputs import KINDS, Kind, write_project
from page import progress
from side_by_side import Comparison, median_ratio, show, take_turns, total
from spaner.project import Project
from spaner.splits import split_rows
from spaner.training.extract import extract
from spaner_core.data.manifest import Rows
from spaner_core.features.encoding import WINDOW_BATCH, encode_samples
from spaner_core.features.inputs import key_input
from spaner_core.features.stream_records import BATCH_ROWS
from spaner_core.progress import profiled
from spaner_core.space.encoders import AssembledModality
from spaner_registry.config.settings import read_config
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

PARTS = 4
QUICK = 8
REPEATS = 3

Source = Path | str


class Prepared(Dataset[list[Any]]):
    """The windows of each source, decoded when asked for."""

    def __init__(self, transform: Any, sources: Sequence[Source]) -> None:
        self.transform, self.sources = transform, sources

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, place: int) -> list[Any]:
        return list(self.transform.prepare(self.transform.decode(self.sources[place])))


def obvious_loop(
    assembled: AssembledModality, sources: Sequence[Source], *, workers: int
) -> list[tuple[Tensor, Tensor]]:
    """Encode all sources with a DataLoader and collect their features."""
    encoder = assembled.encoder
    loader = DataLoader(
        Prepared(assembled.transform, sources),
        batch_size=WINDOW_BATCH,
        num_workers=workers,
        collate_fn=lambda samples: encoder.collate([part for sample in samples for part in sample]),
    )
    return [encoder(batch) for batch in loader]


def without_store(assembled: AssembledModality, ordered: Sequence[Source]) -> None:
    """Encode sources in the order and the batches that the store would have planned."""
    for start in range(0, len(ordered), BATCH_ROWS):
        batch = ordered[start : start + BATCH_ROWS]
        dict(encode_samples(assembled.encoder, assembled.transform, batch))
    assembled.encoder.prove()


def planned(sources: Sequence[Source]) -> list[Source]:
    """Return distinct sources as the store takes them, the largest first."""
    keyed = [key_input(source) for source in dict.fromkeys(sources)]
    return [given.source for given in sorted(keyed, key=lambda k: (-k.size_bytes, k.key))]


def compare(folder: Path, kind: Kind, *, quick: bool) -> tuple[list[Comparison], str]:
    """Measure one modality; return its rows of the table and its note."""
    count = QUICK if quick else kind.count
    config = write_project(folder, kind, count=count)
    project = Project(read_config(config), device="cpu")
    rows = split_rows(project.manifest, kind.modality)
    assembled = project.assembly.modality(kind.modality)
    obvious_loop(assembled, project.sources(kind.modality, rows[:4]), workers=0)  # warms up
    turns, booked = [], []
    for turn in range(PARTS):
        progress(f"{kind.inputs}, part {turn + 1} of {PARTS}")
        part = rows[turn * count // PARTS : (turn + 1) * count // PARTS]
        with profiled() as profile:
            turns.append(take_turns(_ways(project, kind.modality, part), turn=turn))
        booked.append(profile.parts()["store"])
    progress(f"{kind.inputs}, a second time")
    seconds = statistics.median(_second_time(config) for _ in range(1 if quick else REPEATS))
    what = f"{count:,} {kind.inputs}, {kind.model}"
    share = sum(booked) / total(turns, "ours")
    note = f"{kind.inputs}: {share:.1%} of an extraction is booked as spent on the store"
    return _table(kind, what, turns, count=count, second_s=seconds), note


def _ways(project: Project, modality: str, rows: Rows) -> dict[str, Callable[[], object]]:
    assembled = project.assembly.modality(modality)
    sources = project.sources(modality, rows)
    ordered = planned(sources)
    return {
        "ours": lambda: project.features(modality, rows),
        "loop": lambda: obvious_loop(assembled, sources, workers=0),
        "unstored": lambda: without_store(assembled, ordered),
        "workers": lambda: obvious_loop(assembled, sources, workers=2),
    }


def _table(
    kind: Kind, what: str, turns: Sequence[dict[str, float]], *, count: int, second_s: float
) -> list[Comparison]:
    def speed(name: str) -> str:
        return f"{count / total(turns, name):.1f} a second"

    first_s = total(turns, "ours")
    return [
        Comparison(
            what=what,
            ours=speed("ours"),
            other=f"loop: {speed('loop')}",
            ratio=median_ratio(turns, "loop", "ours"),
            at_least=0.95 if kind.modality == "vision" else None,
        ),
        Comparison(
            what="the same",
            ours=speed("ours"),
            other=f"loop, two workers: {speed('workers')}",
            ratio=median_ratio(turns, "workers", "ours"),
        ),
        Comparison(
            what="a second time",
            ours=f"{second_s:.2f} s",
            other=f"first time: {first_s:.1f} s",
            ratio=first_s / second_s,
            at_least=50,
        ),
        Comparison(
            what="with its store",
            ours=f"{first_s:.1f} s",
            other=f"without: {total(turns, 'unstored'):.1f} s",
            ratio=median_ratio(turns, "ours", "unstored"),
            at_most=1.03,
        ),
    ]


def _second_time(config: Path) -> float:
    """Extract again in a fresh process; return its seconds without those of imports."""
    ended = subprocess.run(
        [sys.executable, __file__, "--again", str(config)],
        input=json.dumps(list(sys.modules)),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return float(ended.stdout)


def _extract_again(config: Path) -> None:
    """Import what the other process had imported, then extract and print the seconds."""
    for name in json.load(sys.stdin):
        with suppress(Exception):  # some modules are only there once others have made them
            import_module(name)
    start = time.perf_counter()
    report = extract(Project(read_config(config), device="cpu"))
    seconds = time.perf_counter() - start
    if any(modality.extracted for modality in report.modalities):
        raise SystemExit(f"{config}: features that should be stored were extracted again")
    sys.stdout.write(f"{seconds}\n")


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few inputs, to see that it runs")
    parser.add_argument("--again", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.again is not None:
        _extract_again(arguments.again)
        return
    comparisons, notes = [], []
    for kind in KINDS:
        with tempfile.TemporaryDirectory() as name:
            rows, note = compare(Path(name) / "project", kind, quick=arguments.quick)
        comparisons += rows
        notes.append(note)
    show(comparisons, notes=notes)


if __name__ == "__main__":
    main()
