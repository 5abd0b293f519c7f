"""Drift: how often `spaner monitor` is wrong, and how small a change it sees.

    .venv/bin/python benchmarks/drift.py --emoji emoji   # a project of scripts/make_emoji.py
    .venv/bin/python benchmarks/drift.py --quick         # to see that it runs

The demonstration's space. Its validation and test rows are shuffled; half of them are what new data
is compared with, up to 100 of the others are new. **False alarms**: new rows of text, vision and
audio as they are, in one report; the share of such reports that find drift should be at most the
rate that was asked for. **Changes**: new rows of one modality, of which a part is of another world
(words of the American dictionary, pictures of Noto Color Emoji, people's voices, as for strangers;
what is not installed is left out), or which are corrupted as `spaner robustness` does it, every
corruption as often as the others; the share of reports, at a rate of .01, that find drift, and by
which question (clean twins of corrupted rows may be among the held-out ones). *Other sources* are
test rows beside validation rows as they stand: other phrases, writers and voices, but the same
digits and motions. Intervals are Wilson's, 95%, over draws, which are of the same few hundred rows.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path

import torch
from datasets import configure
from page import as_section, progress
from spaner.commands import Project
from spaner.demo.dataset import write_dataset
from spaner.experiments.robustness.embed_corrupted import CorruptedTransform
from spaner.monitoring.compare import compare
from spaner.monitoring.report import ModalityDrift
from spaner.monitoring.seen_rows import SeenRows
from spaner.result_tables import Table
from spaner_core.contract.transform import Source
from spaner_core.evaluation.intervals import share_interval
from spaner_core.features.encoding import EncodedSample, encode_samples
from spaner_core.features.rows import FeatureRows, stack_rows
from strangers import DRAWN, arguments, read_strangers
from worlds import World, draw, joined, look, make_world, some, taken

NAMES = ("text", "vision", "audio")
RATES = (0.01, 0.05, 0.1)
SHARES = (0.05, 0.1, 0.2, 0.5)
SEVERITIES = (1, 2, 3, 4, 5)
QUESTIONS = ("familiarity", "features", "scores", "concepts")


def main() -> None:
    """Make the space, draw reports, and print how many find drift."""
    parser = arguments((__doc__ or "").splitlines()[0])
    parser.add_argument("--draws", type=int, default=200, help="reports of usual rows")
    parser.add_argument("--changes", type=int, default=20, help="reports of each change")
    given = parser.parse_args()
    if given.quick:
        given.draws, given.changes = 5, 2
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder)
        project = Project(configure(folder, quick=given.quick))
        project.train()
        project.calibrate()
        worlds = {name: make_world(project, name) for name in NAMES}
        concepts = dict.fromkeys(NAMES, project.space.concepts)
        sys.stdout.write(as_section(_alarms(worlds, concepts, given.draws)))
        changes = list(_changes(project, worlds, concepts, given))
    heads = ("modality", "new rows", "reports", "find drift", "95% interval", *QUESTIONS)
    sys.stdout.write("\n" + as_section(Table("Changes that are found", heads, changes)))


def _alarms(
    worlds: Mapping[str, World], concepts: Mapping[str, Sequence[str]], draws: int
) -> Table:
    least = []
    for seed in range(draws):
        progress(f"usual rows, report {seed + 1} of {draws}")
        watched = {name: world.watched(*draw(world, seed)) for name, world in worlds.items()}
        calibration = next(iter(worlds.values())).calibration
        found = compare(watched, calibration, concepts=concepts, rate=RATES[0])
        least.append(min(test.adjusted for one in found for _, test in one.tests))
    lines = []
    for rate in RATES:
        alarms = sum(value <= rate for value in least)
        lines.append([f"{rate:g}", str(draws), f"{alarms / draws:.3f}", _interval(alarms, draws)])
    return Table("False alarms", ("asked", "reports", "find drift", "95% interval"), lines)


def _changes(
    project: Project,
    worlds: Mapping[str, World],
    concepts: Mapping[str, Sequence[str]],
    given: argparse.Namespace,
) -> Iterator[list[str]]:
    """Measure every change of every modality."""
    for name, world in worlds.items():
        sources = (
            (taken(test, some(len(test), seed)), world.usual["validation"])
            for test in [world.usual["test"]]
            for seed in range(given.changes)
        )
        yield _line(name, "other sources", world, concepts, sources)
    for name, what, inputs in read_strangers(given):
        drawn = random.Random(0).sample(inputs, min(DRAWN, len(inputs)))
        if not drawn or what == "sentences":
            continue
        progress(what)
        world = worlds[name]
        strange = look(project, name, world, project.space.extract(name, drawn))
        for share in SHARES:
            mixed = (_mixed(world, strange, share, seed) for seed in range(given.changes))
            yield _line(name, f"{share:.0%} {what}", world, concepts, mixed)
    for name, world in worlds.items():
        for severity in SEVERITIES[:: 4 if given.quick else 1]:
            progress(f"{name}, severity {severity}")
            corrupted = list(_corrupted(project, name, world, severity))
            reports = (
                (taken(rows, some(len(rows), seed)), draw(world, seed)[1])
                for rows in corrupted
                for seed in range(max(1, given.changes // len(corrupted)))
            )
            yield _line(name, f"corrupted, severity {severity}", world, concepts, reports)


def _mixed(world: World, strange: SeenRows, share: float, seed: int) -> tuple[SeenRows, SeenRows]:
    """Put strangers in place of a share of the new rows."""
    new, held_out = draw(world, seed)
    count = round(share * len(new))
    others = taken(strange, some(len(strange), seed)[:count])
    return joined([taken(new, torch.arange(count, len(new))), others]), held_out


def _corrupted(project: Project, name: str, world: World, severity: int) -> Iterator[SeenRows]:
    """Corrupt up to 100 test rows of a modality, by each of its corruptions."""
    rows = project.manifest.select(name, "test").samples
    rows = rows.take(some(len(rows), 0).numpy())
    assembled = project.assembly.modality(name)
    sources = project.sources(name, rows)
    seeds: dict[Source, int] = {source: seed for seed, source in enumerate(sources)}
    for corruption in project.assembly.corruptions(name):
        transform = CorruptedTransform(
            assembled.transform, corruption, severity=severity, seeds=seeds
        )
        with redirect_stdout(sys.stderr):
            found = [
                FeatureRows(values=one.values.unsqueeze(0).float(), mask=one.mask.unsqueeze(0))
                for _, one in encode_samples(assembled.encoder, transform, list(seeds))
                if isinstance(one, EncodedSample)
            ]
        yield look(project, name, world, stack_rows(found))


def _line(
    name: str,
    what: str,
    world: World,
    concepts: Mapping[str, Sequence[str]],
    reports: Iterator[tuple[SeenRows, SeenRows]],
) -> list[str]:
    """Make reports of pairs of new and held-out rows; say which share finds drift, and by what."""
    found = [
        compare(
            {name: world.watched(new, old)}, world.calibration, concepts=concepts, rate=RATES[0]
        )[0]
        for new, old in reports
    ]
    drifted = sum(any(test.drifted for _, test in one.tests) for one in found)
    by = [sum(_finds(one, question) for one in found) / len(found) for question in QUESTIONS]
    share = f"{drifted / len(found):.2f}"
    cells = [f"{one:.2f}" for one in by]
    return [name, what, str(len(found)), share, _interval(drifted, len(found)), *cells]


def _finds(one: ModalityDrift, question: str) -> bool:
    if question == "scores":
        return any(part.scores.drifted for part in one.towards)
    if question == "concepts":
        return bool(one.fading)
    return bool(getattr(one, question).drifted)


def _interval(hits: int, count: int) -> str:
    low, high = share_interval(hits, count)
    return f"{low:.3f} to {high:.3f}"


if __name__ == "__main__":
    main()
