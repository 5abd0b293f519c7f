"""Training from features on the disk: its memory, and its speed against features in memory.

    .venv/bin/python benchmarks/streaming.py

**The store** holds 4 GB of synthetic features, 50 tokens of 384 numbers of 16 bits a row, written
as an extraction writes them. If less than 12 GB of disk are free it is smaller, and the table says
so.

**Memory.** A process of its own fits an aligner's statistics on all rows and trains it for 250
steps, straight from the store. Its peak resident memory is VmHWM of /proc/self/status, less VmHWM
after its imports. Pages of the store that are mapped count; the system's file cache does not.
(`getrusage` would not do: after a fork it starts from the parent's peak.)

**Speed.** The same statistics and the same training on the same rows, all loaded into memory before
the clock starts, as float32; if memory is short they stay float16 and are converted when drawn.
The processes take turns, on one thread as SPANER trains, with the store in the file cache as far as
the machine's memory allows: it was just written.

**Shuffled reading.** Batches of 96 rows drawn from all files and loaded into memory as float32,
against the same rows from safetensors shards that hold the same batches: one `safe_open` for each
shard, kept open, and one `get_slice` for each row. Both know their files before the clock starts.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import torch
from made_store import CONCEPTS, ROW_BYTES, SPEC, hold, keys_of, open_stream, shard_path, write_both
from page import progress
from safetensors import safe_open
from side_by_side import Comparison, median_of, median_ratio, show, take_turns
from spaner_core.devices import one_thread
from spaner_core.features.labelled import LabelledBatches, LabelledRows
from spaner_core.features.rows import RowSource
from spaner_core.features.stream_records import BATCH_ROWS
from spaner_core.method.aligner import build_aligner
from spaner_core.method.prompt import SharedPrompt, random_anchors
from spaner_core.recipe import LossRecipe, TrainingRecipe
from spaner_core.training.trainer import train_jointly
from spaner_vision.reader import build_reader
from torch import Tensor

DRAWN = 96


def train(folder: Path, where: str, *, rows: int, steps: int) -> dict[str, Any]:
    """Train an aligner in this process, its features in the store or in memory."""
    imported_bytes = _peak_bytes()
    start = time.perf_counter()
    features: RowSource = open_stream(folder).rows(keys_of(rows))
    if where != "store":
        features = hold(features, torch.float32 if where == "float32" else torch.float16)
    opened = time.perf_counter()
    concepts = torch.arange(rows) % CONCEPTS
    labelled = LabelledRows(
        features=features, concepts=concepts, items=torch.full_like(concepts, -1)
    )
    generator = torch.Generator().manual_seed(0)
    prompt = SharedPrompt(random_anchors(CONCEPTS, dim=128, generator=generator))
    torch.manual_seed(0)
    aligner = build_aligner(
        SPEC, 128, {}, own_reader=lambda features, options: build_reader(features)
    )
    began = time.perf_counter()
    with one_thread():
        aligner.fit_statistics(LabelledBatches(labelled), concept_count=CONCEPTS)
    fitted = time.perf_counter()
    training = TrainingRecipe(max_steps=steps)
    train_jointly(
        prompt.freeze(),
        {"synthetic": aligner},
        {"synthetic": labelled},
        names={},
        loss=LossRecipe(),
        training=training,
        device="cpu",
    )
    ended = time.perf_counter()
    return {
        "opening": opened - start,
        "statistics": fitted - began,
        "steps": ended - fitted,
        "whole": ended - began,
        "above_imports_bytes": _peak_bytes() - imported_bytes,
    }


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _train_apart(folder: Path, where: str, *, rows: int, steps: int) -> dict[str, Any]:
    """Train in a process of its own; return what it measured."""
    progress(f"training, features in {where}")
    numbers = ["--rows", str(rows), "--steps", str(steps)]
    command = [sys.executable, __file__, "--train", where, "--folder", str(folder), *numbers]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    measured: dict[str, Any] = json.loads(ended.stdout)
    return measured


def compare_trainings(folder: Path, *, rows: int, steps: int, turns: int) -> list[Comparison]:
    """Train from the store and from memory in turn."""
    room = psutil.virtual_memory().available
    memory = "float32" if room > 3 * rows * ROW_BYTES else "float16"  # twice the store, and some
    streamed, held = [], []
    for _ in range(turns):
        streamed.append(_train_apart(folder, "store", rows=rows, steps=steps))
        held.append(_train_apart(folder, memory, rows=rows, steps=steps))
    store, above = rows * ROW_BYTES, max(run["above_imports_bytes"] for run in streamed)
    speeds = [
        Comparison(
            what=what,
            ours=f"{median_of(streamed, part):.1f} s",
            other=f"in memory as {memory}: {median_of(held, part):.1f} s",
            ratio=statistics.median(
                b[part] / a[part] for a, b in zip(streamed, held, strict=True)
            ),
            at_least=aim,
        )
        for part, what, aim in (
            ("whole", "statistics and training, speed", 0.5),
            ("statistics", "of that the statistics", None),
            ("steps", f"of that {steps} steps of {DRAWN} rows", None),
        )
    ]  # fmt: skip
    peak = Comparison(
        what="peak memory of a training above its imports, in GB",
        ours=f"{above / 1e9:.2f} GB",
        other=f"the store: {store / 1e9:.2f} GB",
        ratio=above / 1e9,
        at_most=1.0,
    )
    return [peak, *speeds]


def compare_reading(folder: Path, *, rows: int, batches: int) -> Comparison:
    """Read the same shuffled batches from the store and from shards, in turn."""
    progress("shuffled reading")
    stored = open_stream(folder).rows(keys_of(rows))
    shards: Sequence[Any] = [
        safe_open(shard_path(folder, number), framework="pt")
        for number in range(-(-rows // BATCH_ROWS))
    ]
    slices = [shard.get_slice("values") for shard in shards]
    generator = torch.Generator().manual_seed(0)

    def from_shards(index: Tensor) -> Tensor:
        places = [divmod(row, BATCH_ROWS) for row in index.tolist()]
        return torch.stack([slices[shard][row] for shard, row in places]).float()

    def from_store(index: Tensor) -> Tensor:
        return stored.take(index).load().values

    turns = []
    with one_thread():
        for turn in range(batches):
            index = torch.randint(rows, (DRAWN,), generator=generator)
            if turn == 0 and not from_store(index).equal(from_shards(index)):
                raise SystemExit("the store and the shards hold different rows")
            ways = {"ours": partial(from_store, index), "shards": partial(from_shards, index)}
            turns.append(take_turns(ways, turn=turn))
    return Comparison(
        what=f"shuffled reading, batches of {DRAWN} rows",
        ours=f"{1e3 * median_of(turns, 'ours'):.2f} ms",
        other=f"safetensors shards: {1e3 * median_of(turns, 'shards'):.2f} ms",
        ratio=median_ratio(turns, "shards", "ours"),
        at_least=0.7,
    )


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a small store, to see that it runs")
    for name, kind in (("train", str), ("folder", Path), ("rows", int), ("steps", int)):
        parser.add_argument(f"--{name}", type=kind, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.train:
        measured = train(given.folder, given.train, rows=given.rows, steps=given.steps)
        sys.stdout.write(json.dumps(measured))
        return
    with tempfile.TemporaryDirectory() as name:
        free = shutil.disk_usage(name).free
        rows = 2 * BATCH_ROWS if given.quick else min(4_000_000_000, free // 3) // ROW_BYTES
        progress(f"writing {rows:,} rows")
        write_both(Path(name), rows=rows)
        reading = compare_reading(Path(name), rows=rows, batches=5 if given.quick else 200)
        steps, turns = (5, 1) if given.quick else (250, 2)
        trainings = compare_trainings(Path(name), rows=rows, steps=steps, turns=turns)
    short = f"only {free / 1e9:.0f} GB of disk were free, so the store is smaller than 4 GB"
    show([*trainings, reading], notes=[short] if free < 12_000_000_000 else [])


if __name__ == "__main__":
    main()
