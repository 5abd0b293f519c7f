"""Files written whole or not at all: what a killed writer leaves goes, and errors name the file."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest
from spaner_core.files.atomic import written_at_end
from spaner_core.files.locks import locked

WRITER = """
import os, signal, sys
from pathlib import Path
from spaner_core.files import atomic

def end(descriptor):
    if sys.argv[2] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    print("at work", flush=True)
    sys.stdin.readline()

atomic.os.fsync = end
with atomic.written_at_end(Path(sys.argv[1])) as partial:
    partial.write_text("another's")
"""


def writer(path: Path, then: str) -> subprocess.Popen[str]:
    """Begin to write a file in a process that dies or waits when all but the name is there."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), then],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write(path: Path, text: str) -> None:
    with written_at_end(path) as partial:
        partial.write_text(text, encoding="utf-8")


def test_the_next_write_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    for name in ("c.csv", "d.csv"):
        with writer(tmp_path / name, "die") as process:
            assert process.wait() == -signal.SIGKILL
    assert [name[:14] for name in names(tmp_path)] == [".c.csv.partial", ".d.csv.partial"]

    write(tmp_path / "c.csv", "mine")
    assert [name[:14] for name in names(tmp_path)] == [".d.csv.partial", "c.csv"], "its own alone"
    assert (tmp_path / "c.csv").read_text(encoding="utf-8") == "mine"


def test_what_a_process_is_still_writing_stays(tmp_path: Path) -> None:
    path = tmp_path / "[c].csv"
    with writer(path, "wait") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "at work\n"
        write(path, "mine")
        assert path.read_text(encoding="utf-8") == "mine"
        process.communicate("go on\n")
    assert process.returncode == 0
    assert path.read_text(encoding="utf-8") == "another's"
    assert names(tmp_path) == [path.name]


def test_what_is_being_written_where_no_process_can_be_seen_stays_until_that_ends(
    tmp_path: Path,
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    left = tmp_path / f".c.csv.partial-{ended.pid}"
    left.write_text("another's", encoding="utf-8")
    with locked(left) as at_work:
        assert at_work
        write(tmp_path / "c.csv", "mine")
        assert names(tmp_path) == [left.name, "c.csv"]
    write(tmp_path / "c.csv", "mine")
    assert names(tmp_path) == ["c.csv"]


def test_threads_that_write_one_file_each_write_it_whole(tmp_path: Path) -> None:
    path, texts = tmp_path / "c.csv", [str(number) * 9 for number in range(8)]
    together = Barrier(len(texts))

    def write_with_the_others(text: str) -> None:
        with written_at_end(path) as partial:
            together.wait(60)
            partial.write_text(text, encoding="utf-8")
            together.wait(60)

    with ThreadPoolExecutor(len(texts)) as threads:
        list(threads.map(write_with_the_others, texts))
    assert path.read_text(encoding="utf-8") in texts
    assert names(tmp_path) == [path.name]


def test_files_of_a_user_are_nothing_left_over(tmp_path: Path) -> None:
    mine = [".c.csv.partial-mine", ".c.csv.partial-2024-old", ".c.csv.partial-0123456789abcdefg"]
    for name in mine[:2]:
        (tmp_path / name).write_text("mine", encoding="utf-8")
    (tmp_path / mine[2]).mkdir()
    write(tmp_path / "c.csv", "mine")
    assert names(tmp_path) == sorted([*mine, "c.csv"])


def test_an_error_of_the_system_names_the_file_and_not_the_hidden_one(tmp_path: Path) -> None:
    folder = tmp_path / "taken.json"
    folder.mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write(folder, "mine")
    assert str(caught.value) == f"[Errno {errno.EISDIR}] Is a directory: '{folder}'"

    with pytest.raises(OSError, match="No space left") as full, written_at_end(tmp_path / "c.csv"):
        raise OSError(errno.ENOSPC, "No space left on device")  # as a file's write says it
    assert full.value.filename == str(tmp_path / "c.csv")
    assert names(tmp_path) == ["taken.json"]


def test_an_error_about_another_file_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, written_at_end(tmp_path / "c.csv") as partial:
        partial.write_bytes((tmp_path / "source").read_bytes())
    assert caught.value.filename == str(tmp_path / "source")
    assert names(tmp_path) == []
