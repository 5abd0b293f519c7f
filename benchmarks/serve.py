"""A service under load: queries a second, how long they take, and what HTTP costs.

    .venv/bin/python benchmarks/serve.py

`spaner serve` runs in a process of its own on the demonstration's project, and on made-up texts
where a number of rows is given. Sixteen clients ask it for the 20 images nearest to a text, each as
soon as it has its answer. They take turns with `project.search` in this process, one text after the
other, and with the service's worker alone, given 32 texts at once. Everything has two threads at
most; no text comes twice. Clients are threads of this process and take a part of the machine.

Processor time is that of the process which answers, so it hardly depends on what else the machine
does; queries a second and how long they take do. Each figure is the median over turns.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

from first_search import make_demo
from made_index import make_project
from page import progress
from side_by_side import Comparison, show
from spaner.commands import Project
from spaner.serve.answers import answer_search, ask_search
from spaner.serve.opened import Opened
from spaner.serve.requests import SearchRequest
from spaner.serve.worker import Worker

CLIENTS, TOGETHER, FOUND = 16, 32, 20
AIM_RATE, AIM_P99_MS, AIM_P50_MS = 50, 500, 150
CONNECTING = "serving at http://"

_number = itertools.count()


class Load(NamedTuple):
    """What answering took: processor time a query, queries a second, and each query's wait."""

    processor_ms: float
    rate: float
    waits_ms: list[float]


def asked(target: str) -> SearchRequest:
    """Make a search by a text that was not asked before."""
    text = f"a handwritten seven, number {next(_number)}"
    return SearchRequest.model_validate({"query": [{"text": text}], "to": [target], "k": FOUND})


@contextmanager
def serving(config: Path) -> Iterator[tuple[int, str]]:
    """Run a service; give its process number and its address."""
    command = [sys.executable, "-m", "spaner", "serve", "-c", str(config), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = next((one for one in process.stderr if CONNECTING in one), None)
    if line is None:
        raise SystemExit("the service did not begin")
    try:
        yield process.pid, line.partition(CONNECTING)[2].partition(";")[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate()


def over_http(pid: int, address: str, target: str, *, queries: int) -> Load:
    """Let several clients ask until so many queries are answered."""
    before, start = processor_s(pid), time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as clients:
        share = queries // CLIENTS
        found = clients.map(lambda _: list(ask(address, target, share)), range(CLIENTS))
        waits = [wait for client in found for wait in client]
    spent = time.perf_counter() - start
    used = processor_s(pid) - before
    return Load(used / len(waits) * 1000, len(waits) / spent, waits)


def ask(address: str, target: str, queries: int) -> Iterator[float]:
    """Ask one query after the other on a connection; give how long each took, in ms."""
    connection = http.client.HTTPConnection(address, timeout=300)
    headers = {"content-type": "application/json"}
    for _ in range(queries):
        body = asked(target).model_dump_json(exclude_none=True)
        start = time.perf_counter()
        connection.request("POST", "/search", body, headers)
        answer = connection.getresponse()
        content = json.load(answer)
        yield (time.perf_counter() - start) * 1000
        if answer.status != 200:
            raise SystemExit(f"{answer.status}: {content}")
    connection.close()


def processor_s(pid: int) -> float:
    """Return the processor time of a process and its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def alone(project: Project, target: str, *, queries: int) -> float:
    """Search in this process, one query after the other; return processor time a query, in ms."""
    start = time.process_time()
    for _ in range(queries):
        (sent,) = asked(target).query
        project.search(sent.text, source="text", targets=target, k=FOUND)
    return (time.process_time() - start) / queries * 1000


def together(worker: Worker, target: str, *, queries: int) -> float:
    """Let the worker answer many at once; return processor time a query, in ms."""
    start = time.process_time()
    for first in range(0, queries, TOGETHER):
        waiting = []
        for _ in range(min(TOGETHER, queries - first)):
            sent = asked(target)
            waiting.append(
                worker.ask(partial(ask_search, asked=sent), partial(answer_search, asked=sent))
            )
        for one in waiting:
            one.result()
    return (time.process_time() - start) / queries * 1000


def measure(config: Path, target: str, what: str, *, turns: int, queries: int) -> list[Comparison]:
    """Compare the service with calls in this process; return rows of the table."""
    with serving(config) as (pid, address):
        open_project: Callable[[], Project] = partial(Project, config)
        project, worker = open_project(), Worker(Opened(open_project))
        worker.start()
        for warm in (partial(alone, project), partial(together, worker)):
            warm(target, queries=TOGETHER)
        over_http(pid, address, target, queries=2 * CLIENTS)
        loads, singles, many = [], [], []
        for turn in range(turns):
            progress(f"{what}: turn {turn + 1} of {turns}")
            loads.append(over_http(pid, address, target, queries=queries))
            singles.append(alone(project, target, queries=queries))
            many.append(together(worker, target, queries=queries))
        worker.close(within_s=60)
    served = statistics.median(load.processor_ms for load in loads)
    single, batched = statistics.median(singles), statistics.median(many)
    rate = statistics.median(load.rate for load in loads)
    waits = [statistics.quantiles(load.waits_ms, n=100) for load in loads]
    p50, p99 = (statistics.median(wait[place] for wait in waits) for place in (49, 98))
    return [
        Comparison(
            what=f"{what}: processor time of a query over HTTP, {CLIENTS} clients",
            ours=f"{served:.1f} ms",
            other=f"{single:.1f} ms, `project.search`",
            ratio=served / single,
        ),
        Comparison(
            what=f"{what}: processor time of a query, the worker alone, {TOGETHER} at once",
            ours=f"{batched:.1f} ms",
            other=f"{single:.1f} ms, `project.search`",
            ratio=batched / single,
        ),
        Comparison(
            what=f"{what}: queries a second over HTTP",
            ours=f"{rate:.0f}",
            other=f"{AIM_RATE}, the aim",
            ratio=rate / AIM_RATE,
            at_least=1,
        ),
        Comparison(
            what=f"{what}: p50 of {CLIENTS} clients that ask without a pause",
            ours=f"{p50:.0f} ms",
            other=f"{AIM_P50_MS} ms, the aim for one client",
            ratio=p50 / AIM_P50_MS,
        ),
        Comparison(
            what=f"{what}: p99 of {CLIENTS} clients that ask without a pause",
            ours=f"{p99:.0f} ms",
            other=f"{AIM_P99_MS} ms, the aim",
            ratio=p99 / AIM_P99_MS,
            at_most=1,
        ),
    ]


def prepared(config: Path, *commands: str) -> Path:
    """Run commands on a project."""
    for command in commands:
        progress(f"spaner {command}")
        run = [sys.executable, "-m", "spaner", *command.split(), "-c", str(config), "--quiet"]
        subprocess.run(run, check=True, stdout=subprocess.DEVNULL)
    return config


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--config", type=Path, help="plugins.yaml that `spaner demo` wrote")
    parser.add_argument("--rows", type=int, default=20_000, help="texts of the second project")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--queries", type=int, default=320, help="of a turn")
    parser.add_argument("--quick", action="store_true", help="few of everything")
    given = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "2")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = 400 if given.quick else given.rows
        much = {"turns": 1, "queries": 32} if given.quick else {}
        much = much or {"turns": given.turns, "queries": given.queries}
        demo = given.config or make_demo(folder / "demo")
        prepared(demo, "index", "calibrate --overwrite")
        found = measure(demo, "vision", "the demonstration", **much)
        (folder / "made").mkdir()
        made = make_project(folder / "made", rows=rows)
        prepared(made, "train text", "extract", "index")
        found += measure(made, "text", f"{rows:,} texts", **much)
    show(found)


if __name__ == "__main__":
    main()
