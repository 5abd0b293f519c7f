"""The first search of a fresh process on the demonstration's project, beyond imports.

    .venv/bin/python benchmarks/first_search.py

Each process first imports whatever an earlier one had imported by the end of its search. Then
`spaner search "the number seven" --from text --to vision` runs once, from reading its arguments to
printing its table: configuration, plugins, manifest, space, the proof that stored features still
hold, and all 1,797 pictures of the gallery, whose files are looked at but not read again. The
project is one that `spaner demo` has made, here or earlier (`--config demo/plugins.yaml`).

Processor time is that of all threads. On a machine that is busy with other work it says more than
the clock, and the least of several processes says more than their median.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from spaner.__main__ import SETTINGS

QUERY = "the number seven"
PROCESSES = 9
AIM_MS = 300
HEAD = "| what | least | median | most | aim |\n|---|---|---|---|---|"


class Searched(NamedTuple):
    """What a search took, by the clock and of the processor, and the modules imported by then."""

    clock_ms: float
    processor_ms: float
    modules: list[str]


def search(config: Path, modules: Sequence[str], *, target: str = "vision") -> Searched:
    """Import `modules`, then search `target` once."""
    for name in modules:
        with contextlib.suppress(Exception):  # some are only there once others have made them
            import_module(name)
    from spaner.cli.running import invoke

    command = ["search", QUERY, "--from", "text", "--to", target, "--config", str(config)]
    clock, processor = time.perf_counter(), time.process_time()
    with contextlib.redirect_stdout(io.StringIO()):
        invoke(command)
    clock, processor = time.perf_counter() - clock, time.process_time() - processor
    return Searched(clock * 1000, processor * 1000, list(sys.modules))


def search_apart(config: Path, modules: Sequence[str], *, target: str = "vision") -> Searched:
    """Search in a process of its own, with the settings that the program gives itself."""
    ended = subprocess.run(
        [sys.executable, __file__, "--once", "--config", str(config), "--to", target],
        env={**SETTINGS, **os.environ},
        input=json.dumps(modules),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return Searched(*json.loads(ended.stdout))


def compare(config: Path, *, processes: int) -> str:
    """Search in several processes, one after the other; return a table of what they took."""
    modules = search_apart(config, []).modules  # which also hashes files that were young
    taken = [search_apart(config, modules) for _ in range(processes)]
    clock = [one.clock_ms for one in taken]
    verdict = "met" if statistics.median(clock) <= AIM_MS else "**missed**"
    return "\n".join(
        [
            HEAD,
            _row("by the clock, in ms", clock, aim=f"≤ {AIM_MS}: {verdict}"),
            _row("processor time, in ms", [one.processor_ms for one in taken], aim="none"),
        ]
    )


def _row(what: str, taken: Sequence[float], *, aim: str) -> str:
    least, median, most = min(taken), statistics.median(taken), max(taken)
    return f"| {what} | {least:.0f} | {median:.0f} | {most:.0f} | {aim} |"


def make_demo(folder: Path) -> Path:
    """Make the demonstration's project; return its configuration's path."""
    sys.stderr.write("making the demonstration\n")
    command = [sys.executable, "-m", "spaner", "demo", str(folder)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return folder / "plugins.yaml"


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", type=Path, help="plugins.yaml that `spaner demo` wrote")
    parser.add_argument("--processes", type=int, default=PROCESSES, help="how many search")
    parser.add_argument("--to", default="vision", help=argparse.SUPPRESS)
    parser.add_argument("--once", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.once:
        found = search(given.config, json.load(sys.stdin), target=given.to)
        sys.stdout.write(json.dumps(found))
        return
    with tempfile.TemporaryDirectory() as name:
        config = given.config or make_demo(Path(name) / "demo")
        sys.stdout.write(compare(config, processes=given.processes) + "\n")


if __name__ == "__main__":
    main()
