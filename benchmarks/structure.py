"""Count the rooms of the code, the arrows between them, and what common work walks through.

A room is what `ls` shows in a package: a module, or a folder with all below it. An arrow is one
room importing another, a circle is a set of rooms that reach each other, a floor is a step of the
longest way from a room to one that imports none. A walk counts, of our packages alone, the files
and functions that a piece of work enters and the calls that it makes, imports left out:

    .venv/bin/spaner demo demo
    .venv/bin/python benchmarks/structure.py demo/plugins.yaml

Only counts are printed, no times: they are the same on a busy machine.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import csv
import io
import shutil
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from graphlib import TopologicalSorter
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType

import yaml

PACKAGES = ("spaner_core", "spaner_registry", "spaner")
PLUGINS = ("spaner_text", "spaner_vision", "spaner_audio", "spaner_sensor")
QUERY = "the number seven"
SHORT_FILE = 100  # lines

Arrows = Mapping[str, frozenset[str]]
"""The rooms that each room imports."""


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("config", type=Path, help="plugins.yaml that `spaner demo` wrote")
    config = parser.parse_args().config
    sys.stdout.write("\n".join([*_structure(), "", *_walks(config)]) + "\n")


def _structure() -> Iterator[str]:
    yield f"{'package':16} {'rooms':>6} {'floors':>6} {'arrows':>6} {'circles':>7}  in circles"
    for package in PACKAGES:
        arrows = rooms_of(package)
        circles = circles_of(arrows)
        yield (
            f"{package:16} {len(arrows):6} {floors_of(arrows, circles):6} "
            f"{sum(map(len, arrows.values())):6} {len(circles):7}  "
            f"{'; '.join(', '.join(sorted(circle)) for circle in circles)}"
        )
    lengths = [
        len(path.read_text(encoding="utf-8").splitlines())
        for package in (*PACKAGES, *PLUGINS)
        for path in folder_of(package).rglob("*.py")
    ]
    short = sum(length < SHORT_FILE for length in lengths)
    yield f"{len(lengths)} files, {short} of fewer than {SHORT_FILE} lines, {sum(lengths)} lines"


def _walks(config: Path) -> Iterator[str]:
    yield f"{'walk':30} {'files':>6} {'functions':>9} {'calls':>9}"
    for title, work in walks(config):
        calls = walked(work)
        files = {code.co_filename for code in calls}
        yield f"{title:30} {len(files):6} {len(calls):9} {sum(calls.values()):9,}"


def folder_of(package: str) -> Path:
    """Return where a package's files lie."""
    return Path(str(import_module(package).__file__)).parent


def rooms_of(package: str) -> Arrows:
    """Return a package's rooms, each with the rooms that it imports anywhere in its files."""
    folder = folder_of(package)
    rooms = {
        path.stem: [path] if path.suffix else sorted(path.rglob("*.py"))
        for path in folder.iterdir()
        if (path / "__init__.py").is_file() or path.suffix == ".py"
    }
    del rooms["__init__"]
    return {
        room: frozenset(
            target
            for path in files
            for name in _imported(path)
            if name.split(".")[0] == package
            and (target := name.split(".")[1]) in rooms
            and target != room
        )
        for room, files in rooms.items()
    }


def _imported(path: Path) -> Iterator[str]:
    """Yield the full name of all that a file imports, with a name of nothing at the end."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (f"{alias.name}." for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def circles_of(arrows: Arrows) -> list[frozenset[str]]:
    """Return the sets of two rooms or more that all reach each other."""
    reached = {room: _reached(arrows, room) for room in arrows}
    together = {
        room: frozenset(other for other in reached[room] if room in reached[other])
        for room in arrows
    }
    return sorted({circle for circle in together.values() if len(circle) > 1}, key=sorted)


def _reached(arrows: Arrows, start: str) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = arrows[ahead.pop()] - found
        found |= new
        ahead += new
    return found


def floors_of(arrows: Arrows, circles: list[frozenset[str]]) -> int:
    """Return the number of rooms on the longest way down, each circle taken for one room."""
    whole = {room: min(circle) for circle in circles for room in circle}
    graph: dict[str, set[str]] = {}
    for room, targets in arrows.items():
        name = whole.get(room, room)
        graph.setdefault(name, set()).update({whole.get(t, t) for t in targets} - {name})
    floor: dict[str, int] = {}
    for room in TopologicalSorter(graph).static_order():
        floor[room] = 1 + max((floor[target] for target in graph[room]), default=0)
    return max(floor.values())


def walks(config: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield the pieces of work by their titles; each is done once before it is counted."""
    import spaner

    space = spaner.load(config)
    yield "one search", lambda: _command("search", QUERY, *_search(config))
    yield "one encode of a text", lambda: space.encode([QUERY], modality="text")
    with tempfile.TemporaryDirectory() as folder:
        made, rows = _one_step(config, Path(folder))
        command = ("train", "text", "vision", "--config", str(made), "--overwrite")
        yield f"train on {rows} rows, one step", lambda: _command(*command)


def _search(config: Path) -> tuple[str, ...]:
    return "--from", "text", "--to", "vision", "--config", str(config)


def _one_step(config: Path, folder: Path) -> tuple[Path, int]:
    """Write the demo's project anew with one training step; return it and its training rows."""
    shutil.copytree(config.parent, folder / "demo")
    made = folder / "demo" / config.name
    settings = yaml.safe_load(made.read_text(encoding="utf-8"))
    settings["training"] = {"max_steps": 1, "warmup_steps": 0}
    made.write_text(yaml.safe_dump(settings), encoding="utf-8")
    with (made.parent / "manifest.csv").open(encoding="utf-8", newline="") as manifest:
        kinds = Counter((row["split"], row["modality"]) for row in csv.DictReader(manifest))
    return made, kinds["train", "text"] + kinds["train", "vision"]


def _command(*arguments: str) -> None:
    from spaner.cli import app

    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        app(list(arguments), standalone_mode=False)


def walked(work: Callable[[], object]) -> Counter[CodeType]:
    """Do the work twice; return how often it called each of our functions the second time."""
    roots = tuple(str(folder_of(package)) for package in (*PACKAGES, *PLUGINS))
    calls: Counter[CodeType] = Counter()

    def count(frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        if event == "call" and code.co_name != "<module>" and code.co_filename.startswith(roots):
            calls[code] += 1

    work()
    threading.setprofile(count)
    sys.setprofile(count)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return calls


if __name__ == "__main__":
    main()
