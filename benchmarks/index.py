"""An index against faiss's: a query, its growth with the rows, and what indexing takes.

    .venv/bin/python benchmarks/index.py

**A query** asks for the ten nearest rows of synthetic vectors of width 128, at the pull strengths
0, 0.5 and 1. SPANER serves all of them by one index, mapped from its files; faiss-cpu has one for
each strength, in memory. Its flat index is exact, as SPANER's is, and every answer is compared; its
IVF index is not: it has √rows lists, of which it looks at 16, and the table says how many of the
ten it finds. All run on two threads and take turns, in a process of their own. A ratio is
SPANER's time over faiss's, below 1 where SPANER is faster; p50 is over its aim in milliseconds.

**Indexing** takes a project of made-up texts, whose hashed features (14 tokens of 512 numbers of 16
bits, or fewer) are stored already, to an index, in a process of its own: manifest, proof that the
features still hold, embedding, writing. Peak memory is VmHWM of /proc/self/status, less VmHWM after
its imports.

**A search of a fresh process** is `spaner search` on that project's index, from reading its
arguments to printing its table, beyond imports, as in the section on the first search.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import faiss
import first_search
import numpy as np
import torch
from made_index import WIDTH, anchors_of, make_index, make_project, near
from page import progress
from side_by_side import Comparison, median_of, median_ratio, show, take_turns
from spaner.commands import Project
from spaner.index.files import ModalityIndex
from spaner.index.scan import Nearest, find_nearest
from torch import Tensor

STRENGTHS = (0.0, 0.5, 1.0)
FOUND, PROBES = 10, 16
SIZES, QUICK_SIZES = (10_000, 100_000, 200_000, 1_000_000), (400, 600, 800, 1000)
AIMS_MS = {2: 40, 3: 120}
"""By the place of a size: p50 of a query at every strength."""
INDEXING_S, SEARCH_MS = 60, 300
THREADS = 2


def measure(rows: int, *, turns: int) -> dict[str, Any]:
    """Ask an index of so many rows and faiss's in turn; return what was measured by strength."""
    progress(f"{rows:,} rows")
    anchors = anchors_of(torch.Generator().manual_seed(0))
    wanted = near(anchors, count=turns, generator=torch.Generator().manual_seed(1))
    with tempfile.TemporaryDirectory() as name:
        index = make_index(Path(name), rows=rows)
        return {f"{strength:g}": _ask(index, wanted, strength=strength) for strength in STRENGTHS}


def _ask(index: ModalityIndex, wanted: Tensor, *, strength: float) -> dict[str, Any]:
    """Ask each way by each of `wanted` (Q, D), and check the answers."""
    queries = [wanted[place : place + 1] for place in range(len(wanted))]
    vectors = torch.cat(
        [shard.parts(torch.arange(len(shard))).at(strength) for shard in index.shards]
    ).numpy()
    flat, ivf = faiss.IndexFlatIP(WIDTH), _ivf(vectors) if strength == 0.5 else None
    flat.add(vectors)

    def ask(query: Tensor) -> Nearest:
        return find_nearest(index, query, strength=strength, k=FOUND)[0]

    taken, shares = [], []
    for turn, query in enumerate(queries):
        ways: dict[str, Callable[[], object]] = {
            "ours": partial(ask, query),
            "flat": partial(flat.search, query.numpy(), FOUND),
        }
        _check(ask(query), flat.search(query.numpy(), FOUND))
        if ivf is not None:
            ways["ivf"] = partial(ivf.search, query.numpy(), FOUND)
            near_enough = set(ivf.search(query.numpy(), FOUND)[1][0].tolist())
            shares.append(len(near_enough & set(ask(query).places.tolist())) / FOUND)
        taken.append(take_turns(ways, turn=turn))
    start = time.process_time()
    for query in queries:
        ask(query)
    return {
        "taken": taken,
        "processor_ms": 1000 * (time.process_time() - start) / len(queries),
        "found": statistics.mean(shares) if shares else None,
    }


def _ivf(vectors: np.ndarray[Any, Any]) -> Any:
    lists = max(1, round(math.sqrt(len(vectors))))
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(WIDTH), WIDTH, lists, faiss.METRIC_INNER_PRODUCT)
    index.train(vectors[: 50 * lists])
    index.add(vectors)
    index.nprobe = PROBES
    return index


def _check(ours: Nearest, theirs: Sequence[Any]) -> None:
    """End where faiss's flat index finds rows with other cosines."""
    if np.abs(ours.steps.numpy() / 1e6 - theirs[0][0]).max() > 1e-5:
        raise SystemExit("SPANER and faiss found different rows")


def measure_indexing(config: Path) -> dict[str, float]:
    """Index a project in this process, its features stored."""
    import spaner.index.build  # noqa: F401 (so that it counts among the imports)
    import spaner_text.encoders.hashed  # noqa: F401

    imported = _peak_bytes()
    clock, processor = time.perf_counter(), time.process_time()
    Project(config).index(overwrite=True)
    return {
        "seconds": time.perf_counter() - clock,
        "processor_s": time.process_time() - processor,
        "above_imports_bytes": _peak_bytes() - imported,
    }


def _peak_bytes() -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def _apart(*arguments: str) -> dict[str, Any]:
    """Measure in a process of its own, whose idle threads sleep: else faiss's slow ours down."""
    ended = subprocess.run(
        [sys.executable, __file__, *arguments],
        env={**os.environ, "OMP_WAIT_POLICY": "passive"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    measured: dict[str, Any] = json.loads(ended.stdout)
    return measured


def compare_queries(sizes: Sequence[int], *, turns: int) -> tuple[list[Comparison], list[str]]:
    """Ask indexes of several sizes; return the table's rows and notes."""
    rows, notes = [], []
    measured = _apart("--measure", *map(str, sizes), "--turns", str(turns))
    for place, size in enumerate(sizes):
        found = measured[str(size)]
        for strength in found if place in AIMS_MS else ["0.5"]:
            rows.append(_against(found[strength], "flat", f"{size:,} rows, strength {strength}"))
        at_half = found["0.5"]
        rows.append(_against(at_half, "ivf", f"{size:,} rows, strength 0.5, faiss not exact"))
        if aim := AIMS_MS.get(place):
            slowest = max(median_of(one["taken"], "ours") for one in found.values()) * 1000
            rows.append(
                Comparison(
                    what=f"{size:,} rows, p50 at the slowest strength",
                    ours=f"{slowest:.1f} ms",
                    other=f"aim: {aim} ms",
                    ratio=slowest / aim,
                    at_most=1,
                )
            )
        times = ", ".join(f"{one['processor_ms']:.1f}" for one in found.values())
        notes.append(
            f"{size:,} rows: {times} ms of processor time a query, at strengths 0, 0.5 and 1; the "
            f"IVF index finds {at_half['found']:.0%} of the ten"
        )
    return rows, notes


def _against(found: Mapping[str, Any], other: str, what: str) -> Comparison:
    taken = found["taken"]
    return Comparison(
        what=what,
        ours=f"{1000 * median_of(taken, 'ours'):.1f} ms",
        other=f"faiss {other}: {1000 * median_of(taken, other):.1f} ms",
        ratio=median_ratio(taken, "ours", other),
    )


def compare_project(folder: Path, *, rows: int, processes: int) -> tuple[list[Comparison], str]:
    """Index a project and search it; return the table's rows and a note."""
    config = make_project(folder, rows=rows)
    for command in (["train", "text", "--quiet"], ["extract", "--quiet"]):
        progress(f"spaner {command[0]}, {rows:,} rows")
        command = [sys.executable, "-m", "spaner", *command, "--config", str(config)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    progress("indexing")
    indexing = _apart("--project", str(config))
    progress("searching")
    modules = first_search.search_apart(config, [], target="text").modules
    searches = [first_search.search_apart(config, modules, target="text") for _ in range(processes)]
    clock = statistics.median(one.clock_ms for one in searches)
    processor = statistics.median(one.processor_ms for one in searches)
    store = sum(path.stat().st_size for path in folder.glob("manifest.features/*/*.arrow"))
    peak = indexing["above_imports_bytes"]
    table = [
        Comparison(
            what=f"indexing {rows:,} rows from stored features",
            ours=f"{indexing['seconds']:.1f} s",
            other=f"aim: {INDEXING_S} s",
            ratio=indexing["seconds"] / INDEXING_S,
            at_most=1,
        ),
        Comparison(
            what="peak memory of that above its imports",
            ours=f"{peak / 1e9:.2f} GB",
            other=f"the features: {store / 1e9:.2f} GB",
            ratio=peak / store,
        ),
        Comparison(
            what=f"`spaner search` among {rows:,} rows, beyond imports",
            ours=f"{clock:.0f} ms",
            other=f"aim: {SEARCH_MS} ms",
            ratio=clock / SEARCH_MS,
            at_most=1,
        ),
    ]
    note = (
        f"processor time: {indexing['processor_s']:.1f} s for indexing, {processor:.0f} ms for the "
        "search"
    )
    return table, note


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="few rows, to see that it runs")
    parser.add_argument("--measure", type=int, nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--turns", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--project", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measure:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:THREADS])
        faiss.omp_set_num_threads(THREADS)
        found = {size: measure(size, turns=given.turns) for size in given.measure}
        sys.stdout.write(json.dumps(found))
        return
    if given.project:
        sys.stdout.write(json.dumps(measure_indexing(given.project)))
        return
    sizes = QUICK_SIZES if given.quick else SIZES
    rows, notes = compare_queries(sizes, turns=3 if given.quick else 31)
    with tempfile.TemporaryDirectory() as name:
        processes = 1 if given.quick else 9
        table, note = compare_project(Path(name), rows=sizes[2], processes=processes)
    show([*rows, *table], notes=[*notes, note])


if __name__ == "__main__":
    main()
