"""Readers and writers at once, in other containers and threads: nothing at work is taken for left.

A writer in another container has a number that no process here has.
"""

from __future__ import annotations

import logging
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from spaner_core.errors import SpaceError
from spaner_core.files import locks, replacing
from spaner_core.files.atomic import written_at_end
from spaner_core.files.replacing import placed_at_end, writing_alone
from spaner_core.space.receipts import verify

from tests.core import stored

ROOT = Path(__file__).parents[3]

AT_WORK = """
import sys
from pathlib import Path
from spaner_core.files.replacing import writing_alone
with writing_alone(Path(sys.argv[1])) as alone:
    print(alone, flush=True)
    sys.stdin.readline()
    for made, place in zip(sys.argv[2::2], sys.argv[3::2]):
        Path(made).rename(place)
"""


@pytest.fixture
def space(tmp_path: Path) -> Path:
    folder = tmp_path / "runs" / "space"
    stored.save(folder)
    return folder


@pytest.fixture
def unseen() -> int:
    """The number of a process that has ended, as those of other containers look from here."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


class Elsewhere:
    """A process that holds the lock, and at the end renames what it has made to its place."""

    def __init__(self, space: Path, *renames: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", AT_WORK, str(space), *map(str, renames)], cwd=ROOT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "True\n"

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("go on\n")
        self.process.stdin.flush()

    def end(self) -> None:
        self.process.communicate(timeout=60)
        assert self.process.returncode == 0


class OnRecord(logging.Handler):
    """Calls back when a process says that it waits."""

    def __init__(self, call: Any) -> None:
        super().__init__()
        self.call = call

    def emit(self, record: logging.LogRecord) -> None:
        self.call()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_readers_leave_everything_to_a_writer_that_cannot_be_seen(space: Path, unseen: int) -> None:
    partial = space.parent / f".space.partial-{unseen}-x"
    aside = space.parent / f".space.replaced-{unseen}-aligners-first"
    shutil.copytree(space / "prompt", partial / "prompt")
    shutil.copytree(space / "aligners/first", aside)
    elsewhere = Elsewhere(space)
    before = stored.contents(space.parent)
    assert stored.load(space).modalities == ("first", "second")
    assert stored.contents(space.parent) == before
    elsewhere.go_on()
    elsewhere.end()
    stored.load(space)
    assert stored.contents(space.parent) == before, "dead or not, a reader removes nothing"


def test_a_writer_waits_for_one_that_cannot_be_seen_and_removes_nothing_of_it(
    space: Path, unseen: int
) -> None:
    made = space.parent / f".space.partial-{unseen}-x" / "third"
    shutil.copytree(space / "aligners/first", made)
    elsewhere = Elsewhere(space, made, space / "aligners/third")
    waiting = OnRecord(elsewhere.go_on)
    logging.getLogger("spaner_core.files.replacing").addHandler(waiting)
    try:
        stored.extend(space, "vier")
    finally:
        logging.getLogger("spaner_core.files.replacing").removeHandler(waiting)
    elsewhere.end()
    assert (space / "aligners/third/model.safetensors").is_file()
    assert names(space.parent) == ["space"], "its empty folder goes when it is dead"


def test_a_reader_between_the_two_renames_waits_and_finds_everything(
    space: Path, unseen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    arrived = Event()

    @contextmanager
    def arriving(folder: Path, **given: Any) -> Iterator[bool]:
        arrived.set()
        with locks.locked(folder, **given) as alone:
            yield alone

    with ThreadPoolExecutor(1) as readers:
        with writing_alone(space):
            aside = space.parent / f".space.replaced-{unseen}-aligners-first"
            (space / "aligners/first").rename(aside)
            monkeypatch.setattr(replacing, "locked", arriving)
            reading = readers.submit(stored.load, space)
            assert arrived.wait(60)
            aside.rename(space / "aligners/first")
        assert reading.result().modalities == ("first", "second")
    assert names(space.parent) == ["space"]


def test_threads_that_read_harm_no_save_and_find_one_whole_space_or_the_other(space: Path) -> None:
    prompts = {stored.load(space).fingerprint}
    stored.save(space, overwrite=True, seed=1)
    prompts.add(stored.load(space).fingerprint)
    over = Event()

    def read() -> Counter[tuple[object, ...]]:
        found: Counter[tuple[object, ...]] = Counter()
        while not over.is_set():
            opened = stored.load(space)
            found[opened.fingerprint, opened.modalities, *opened.damaged] += 1
        return found

    with ThreadPoolExecutor(2) as readers:
        reading = [readers.submit(read) for _ in range(2)]
        try:
            for number in range(10):
                stored.save(space, overwrite=True, seed=number % 2)
        finally:
            over.set()
        found = reading[0].result() + reading[1].result()
    assert set(found) <= {(prompt, ("first", "second")) for prompt in prompts}
    assert verify(space) == []
    assert names(space.parent) == ["space"]


def test_writers_of_two_folders_side_by_side_leave_each_other_alone(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as writers:
        saves = [
            writers.submit(stored.save, tmp_path / name, overwrite=True)
            for name in ("a", "b", "a", "b", "a", "b")
        ]
        for save in saves:
            save.result()
    assert names(tmp_path) == ["a", "b"]
    assert verify(tmp_path / "a") == verify(tmp_path / "b") == []


def test_a_copy_set_aside_that_cannot_be_put_back_is_named(
    space: Path, unseen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "fcntl", None)  # no locks: nobody can know that its writer is dead
    aside = space.parent / f".space.replaced-{unseen}-aligners-first"
    (space / "aligners/first").rename(aside)
    opened = stored.load(space)
    assert opened.modalities == ("second",)
    assert str(aside) in opened.damaged["first"]
    whole = space.parent / f".space.replaced-{unseen}"
    space.rename(whole)
    with pytest.raises(SpaceError, match=whole.name):
        stored.load(space)
    assert names(space.parent) == sorted([aside.name, whole.name])


def test_without_locks_work_goes_on_and_nothing_is_taken_for_left(
    space: Path, unseen: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    (space.parent / f".space.partial-{unseen}-x").mkdir()
    (space.parent / f".c.csv.partial-{unseen}").write_text("another's", encoding="utf-8")
    before = names(space.parent)
    stored.save(space, overwrite=True, seed=1)
    with written_at_end(space.parent / "c.csv") as partial:
        partial.write_text("mine", encoding="utf-8")
    assert names(space.parent) == sorted([*before, "c.csv"])
    assert verify(space) == []


def test_one_thread_may_write_below_what_it_keeps_for_itself(tmp_path: Path) -> None:
    with (
        writing_alone(tmp_path / "a") as alone,
        writing_alone(tmp_path / "b"),
        placed_at_end(tmp_path / "c") as new,
    ):
        assert alone
        new.mkdir()
        (new / "file").touch()
    assert names(tmp_path) == ["c"]
