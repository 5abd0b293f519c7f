"""An audit log's chain: what was done to it is found, and writers that were killed harm nothing."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from spaner.audit.lines import Entry, Line, as_bytes, now, read_line, sealed, written_time
from spaner.audit.log import AuditLog
from spaner.audit.readable import read_parts
from spaner.audit.verify import Head, read_log, verify_log
from spaner.audit.who import acting_as, who_acts
from spaner_core import ConfigError, DataError

from tests import process

Change = Callable[[list[bytes]], Sequence[bytes]]


def entry(action: str = "search") -> Entry:
    return Entry(action=action, outcome="done", who=who_acts(), at=now())


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    """A log of six lines."""
    log = AuditLog(tmp_path / "audit.jsonl", keep_days=183)
    for number in range(6):
        log.append(entry(), {"query": f"query {number}"})
    return log


def changed(line: bytes, **new: object) -> bytes:
    """A line that says something else, and is sealed anew, as a forger would."""
    said = json.loads(line) | new
    place = {name: said.pop(name) for name in ("n", "previous", "hash", "format_version")}
    before = Line(**said, n=place["n"] - 1, previous="", hash=place["previous"])
    return as_bytes(sealed(Entry(**said), before=before))


TAMPERED: dict[str, Change] = {
    "a word": lambda lines: [lines[0], lines[1].replace(b"search", b"export"), *lines[2:]],
    "a blank": lambda lines: [lines[0], lines[1].replace(b":", b": ", 1), *lines[2:]],
    "a line sealed anew": lambda lines: [lines[0], changed(lines[1], who="eve"), *lines[2:]],
    "a line removed": lambda lines: [*lines[:2], *lines[3:]],
    "the first line removed": lambda lines: lines[1:],
    "a line twice": lambda lines: [*lines[:3], *lines[2:]],
    "a line inserted": lambda lines: [*lines[:3], changed(lines[3], who="eve"), *lines[3:]],
    "lines in another order": lambda lines: [lines[0], lines[2], lines[1], *lines[3:]],
    "no JSON": lambda lines: [*lines[:2], b"{}\n", *lines[3:]],
}


@pytest.mark.parametrize("change", TAMPERED.values(), ids=TAMPERED)
def test_what_was_changed_in_the_log_is_found(log: AuditLog, change: Change) -> None:
    lines = log.path.read_bytes().splitlines(keepends=True)
    assert verify_log(log.path).intact
    log.path.write_bytes(b"".join(change(lines)))
    assert not verify_log(log.path).intact


def test_a_cut_tail_shows_against_a_head_alone(log: AuditLog) -> None:
    head = verify_log(log.path).head
    assert head is not None
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.append(entry())
    assert verify_log(log.path, head=head).intact, "a log that went on has the head"
    log.path.write_bytes(b"".join(lines[:4]))
    assert verify_log(log.path).intact
    (said,) = verify_log(log.path, head=head).problems
    assert "its tail was cut" in said
    log.append(entry())
    log.append(entry())
    (said,) = verify_log(log.path, head=head).problems
    assert "written anew" in said
    assert verify_log(log.path, head=Head(n=4, hash=read_line(lines[3][:-1]).hash)).intact


def test_what_can_be_read_is_bound_and_can_be_erased(log: AuditLog) -> None:
    assert log.erase(lambda part: part.content["query"] != "query 2") == 1
    assert b"query 2" not in log.readable.read_bytes()
    found = verify_log(log.path)
    assert (found.intact, found.lines, found.readable) == (True, 6, 5)
    log.readable.write_bytes(log.readable.read_bytes().replace(b"query 4", b"query 5"))
    (said,) = verify_log(log.path).problems
    assert said == "what can be read of line 5 was changed"
    log.readable.unlink()
    assert verify_log(log.path).intact


def test_what_can_be_read_goes_when_it_is_old(log: AuditLog) -> None:
    parts = list(read_parts(log.readable))
    for days, kept in ((100, 7), (183.5, 8), (185, 1)):
        aged = written_time(datetime.now(UTC) - timedelta(days=days)).encode()
        old = [log.readable.read_bytes().replace(part.at.encode(), aged) for part in parts[:1]]
        assert old
        content = log.readable.read_bytes()
        for part in read_parts(log.readable):
            content = content.replace(part.at.encode(), aged)
        log.readable.write_bytes(content)
        log.append(entry(), {"query": "new"})
        assert len(list(read_parts(log.readable))) == kept
    assert verify_log(log.path).lines == 9


@pytest.mark.parametrize("file", ["audit.jsonl", "audit.readable.jsonl"])
def test_a_line_cut_anywhere_is_mended(log: AuditLog, tmp_path: Path, file: str) -> None:
    whole = (tmp_path / file).read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    for left in (1, 2, last // 2, last - 2, last - 1):
        place = Path(shutil.copytree(tmp_path, tmp_path.with_name(f"{left} {file}")))
        torn = AuditLog(place / "audit.jsonl", keep_days=183)
        (place / file).write_bytes(whole[: len(whole) - last + left])
        assert len(list(read_log(torn.path))) in (5, 6), "reading does not fail"
        assert verify_log(torn.path).intact
        torn.append(entry(), {"query": "next"})
        found = verify_log(torn.path)
        assert (found.intact, found.torn_bytes) == (True, 0)
        mends = [line.counts for line in read_log(torn.path) if line.action == "mend"]
        is_cut = file == "audit.jsonl" and left < last - 1
        assert mends == ([{"bytes": left}] if is_cut else [])
        assert "next" in (place / "audit.readable.jsonl").read_text("ascii")


KILLED = """
import os, signal, sys
from pathlib import Path
from spaner.audit.lines import Entry, now
from spaner.audit.log import AuditLog
write, left = os.write, [int(sys.argv[1])]

def dying(file, content):
    left[0] -= 1
    if left[0] == 0:
        write(file, content[: int(len(content) * float(sys.argv[2]))])
        os.kill(os.getpid(), signal.SIGKILL)
    return write(file, content)

os.write = dying
log = AuditLog(Path("audit.jsonl"), keep_days=183)
log.append(Entry(action="search", outcome="done", who="x", at=now()), {"query": "killed"})
"""


@pytest.mark.parametrize("share", ["0", ".5", "1"])
@pytest.mark.parametrize("number", ["1", "2"], ids=["readable", "line"])
def test_a_writer_that_is_killed_harms_nothing(log: AuditLog, number: str, share: str) -> None:
    killed = process.python(KILLED, number, share, cwd=log.path.parent)
    assert killed.returncode == -9, killed.stderr
    log.append(entry("index"), {"query": "next"})
    found, actions = verify_log(log.path), [line.action for line in read_log(log.path)]
    assert found.intact
    survived = {"0": [], ".5": ["mend"], "1": ["search"]}[share] if number == "2" else []
    assert actions == ["search"] * 6 + survived + ["index"]


WRITING = """
import os, threading
from pathlib import Path
from spaner.audit.lines import Entry, now
from spaner.audit.log import AuditLog
log = AuditLog(Path("audit.jsonl"), keep_days=183)

def write(thread):
    for number in range(25):
        said = {"query": f"{os.getpid()} {thread} {number}"}
        log.append(Entry(action="search", outcome="done", who="x", at=now()), said)

threads = [threading.Thread(target=write, args=[thread]) for thread in range(2)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
"""


def test_processes_and_threads_write_one_chain(tmp_path: Path) -> None:
    processes = [process.start_python(WRITING, cwd=tmp_path) for _ in range(8)]
    assert [done.end().returncode for done in processes] == [0] * 8
    found = verify_log(tmp_path / "audit.jsonl")
    assert (found.intact, found.lines, found.readable) == (True, 400, 400)
    said = [part.content["query"] for part in read_parts(tmp_path / "audit.readable.jsonl")]
    assert len(set(said)) == 400


def test_a_log_that_cannot_be_continued_is_refused(log: AuditLog, tmp_path: Path) -> None:
    lines = log.path.read_bytes().splitlines(keepends=True)
    log.path.write_bytes(b"".join(lines[:-1]) + b"{}\n")
    with pytest.raises(ConfigError, match="its last line is damaged"):
        log.append(entry())
    with pytest.raises(ConfigError, match="cannot be written"):
        AuditLog(log.path / "audit.jsonl", keep_days=1).append(entry())
    with pytest.raises(DataError, match="no audit log yet"):
        verify_log(tmp_path / "other.jsonl")


def test_names_cannot_steer_what_shows_the_log(log: AuditLog) -> None:
    with acting_as("eve\n\x1b[2J\x7f\u202e{}" + "x" * 500):
        line = log.append(entry(), {"query": "\n{}\x1b"})
    assert line.who.startswith("eve\N{REPLACEMENT CHARACTER}")
    assert line.who.isprintable()
    assert len(line.who) == 100
    assert len(log.path.read_bytes().splitlines()) == 7
    assert verify_log(log.path).intact
    assert who_acts() != line.who
