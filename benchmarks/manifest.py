"""Opens a manifest of a million rows, and measures what a search costs beyond imports.

    .venv/bin/python benchmarks/manifest.py [--rows 1000000] [--project demo/plugins.yaml]

The manifest is made up: sentences and names of files that do not exist. Every reading runs in a
process of its own; resident memory is counted beyond that of the imports. Hashes of files are those
of the project's gallery, read anew and as remembered.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from spaner.__main__ import SETTINGS
from spaner.cli.output import say

COLUMNS = ("id", "modality", "input", "concept", "item", "split", "source")
RUNS = 5


def made_up(rows: int) -> Iterator[tuple[str, ...]]:
    """Give rows of two modalities, 500 concepts and three splits."""
    rng = random.Random(0)
    for n in range(rows):
        given = (f"sound/part-{n % 1000:03d}/{n:07d}.flac", f"a made-up sentence, number {n}")
        modality = n % 2
        split = rng.choice(("train",) * 8 + ("validation", "test"))
        concept = f"concept {rng.randrange(500)}"
        name = ("sound", "text")[modality]
        yield f"s{n:07d}", name, given[modality], concept, f"item-{n // 3}", split, "made up"


def write_manifests(folder: Path, rows: int) -> list[Path]:
    """Write the same rows as CSV, JSON Lines and Parquet."""
    table = pa.table(dict(zip(COLUMNS, zip(*made_up(rows), strict=True), strict=True)))
    paths = [folder / f"manifest.{kind}" for kind in ("csv", "jsonl", "parquet")]
    with paths[0].open("w", encoding="utf-8") as csv, paths[1].open("w", encoding="utf-8") as lines:
        csv.write(",".join(COLUMNS) + "\n")
        for batch in table.to_batches(max_chunksize=10_000):
            for row in batch.to_pylist():
                csv.write(",".join(f'"{row[name]}"' for name in COLUMNS) + "\n")
                lines.write(json.dumps(row) + "\n")
    pq.write_table(table, paths[2])
    return paths


def open_one(path: Path) -> dict[str, float]:
    """Open a manifest in this process; return seconds, and MB beyond the imports."""
    from spaner_core.data.manifest import read_manifest

    before = peak_mb()
    wall, work = time.perf_counter(), time.process_time()
    manifest = read_manifest(path)
    wall, work = time.perf_counter() - wall, time.process_time() - work
    begun = time.perf_counter()
    chosen = manifest.select("text", "test").samples
    return {
        "rows": len(manifest.rows),
        "seconds": wall,
        "processor seconds": work,
        "MB": peak_mb() - before,
        f"seconds to choose {len(chosen)} rows": time.perf_counter() - begun,
    }


def peak_mb() -> float:
    """Return the most resident memory that this process has had, in MB (Linux)."""
    # not getrusage: its figure begins with what the process had that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM"))


def search_seconds(config: Path) -> tuple[float, float]:
    """Return the best seconds of a search, and of a process that imports the same modules."""
    asked = ["search", "a handwritten seven", "--from", "text", "--to", "vision", "-c", str(config)]
    listed = subprocess.run(
        [sys.executable, "-c", _LISTING, *asked], capture_output=True, text=True, check=True
    )
    modules = listed.stderr.splitlines()[-1].removeprefix("modules: ")
    commands = (
        [sys.executable, "-m", "spaner", *asked],
        [sys.executable, "-c", _IMPORTING, modules],
    )
    spent: tuple[list[float], list[float]] = ([], [])
    for _ in range(RUNS):
        for seconds, command in zip(spent, commands, strict=True):
            begun = time.perf_counter()
            subprocess.run(command, capture_output=True, check=True, env=os.environ | SETTINGS)
            seconds.append(time.perf_counter() - begun)
    return min(spent[0]), min(spent[1])


_LISTING = """
import sys
from spaner.cli.running import run
run(sys.argv[1:])
print("modules: " + ",".join(sys.modules), file=sys.stderr)
"""
_IMPORTING = """
import sys
from contextlib import suppress
from importlib import import_module
for name in sys.argv[1].split(","):
    with suppress(Exception):
        name in sys.modules or name == "__main__" or import_module(name)
"""


def gallery_seconds(config: Path) -> tuple[int, float, float]:
    """Key the files of the project's images: read anew, and as remembered."""
    from spaner.project import Project
    from spaner_core.features.inputs import hash_file, key_inputs
    from spaner_registry.config.settings import read_config

    project = Project(read_config(config))
    sources = project.sources("vision", project.manifest.select("vision"))
    spent = []
    for hash_one in (hash_file, project.store.hashes.hash_file):
        list(key_inputs(sources, hash_one))  # now the system has files at hand, and we hashes
        begun = time.perf_counter()
        list(key_inputs(sources, hash_one))
        spent.append(time.perf_counter() - begun)
    return len(sources), spent[0], spent[1]


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--project", type=Path)
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.one:
        say(json.dumps(open_one(asked.one)))
        return
    with tempfile.TemporaryDirectory() as folder:
        for path in write_manifests(Path(folder), asked.rows):
            command = [sys.executable, __file__, "--one", str(path)]
            found = json.loads(subprocess.check_output(command))
            figures = ", ".join(f"{name} {value:.3g}" for name, value in found.items())
            say(f"{path.suffix}: {figures}")
    if asked.project:
        count, fresh, remembered = gallery_seconds(asked.project)
        say(
            f"{count} files: {fresh:.3f} s read, {remembered:.3f} s remembered, "
            f"ratio {fresh / remembered:.1f}"
        )
        searched, imported = search_seconds(asked.project)
        say(
            f"search {searched:.2f} s, its imports {imported:.2f} s, "
            f"beyond them {searched - imported:.2f} s (best of {RUNS})"
        )


if __name__ == "__main__":
    main()
