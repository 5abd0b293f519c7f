"""A Python process of its own: how it ended is told, and it outlives neither limit nor parent."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from spaner_core.child_process import ask_child, run_child

AMPLE_S = 120.0
SHORT_S = 3.0


def _run(code: str, *, time_limit_s: float = AMPLE_S) -> str | None:
    return run_child(["-c", code], time_limit_s=time_limit_s)


def test_a_process_that_ends_well_is_none() -> None:
    assert _run("print('hello')") is None
    assert _run("raise SystemExit") is None


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("import os; os._exit(7)", "ended with exit code 7"),
        (
            "import sys; print('first\\nlast \\n\\n'); sys.exit(7)",
            "ended with exit code 7; its last line: last",
        ),
        ("raise ValueError('bad')", "ended with exit code 1; its last line: ValueError: bad"),
        ("import sys; sys.exit('\\x1b[31mred')", "exit code 1; its last line: [31mred"),
        ("import sys; sys.exit('x' * 9000)", "ended with exit code 1; its last line: xxx"),
        ("print(b'caf\\xe9'.decode('latin-1')); 1 / 0", "ZeroDivisionError: division by zero"),
        ("import os; os.write(1, b'\\xff\\n'); os._exit(1)", "exit code 1; its last line: \ufffd"),
        ("import ctypes; ctypes.string_at(0)", "was killed by signal 11 (SIGSEGV)"),
        ("import os; os.kill(os.getpid(), 9)", "was killed by signal 9 (SIGKILL)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGRTMIN + 3)", "was killed by signal 3"),
        ("import sys; sys.stdin.write('a')", "UnsupportedOperation: not writable"),
    ],
)
def test_how_a_process_ended_is_told_in_one_line(code: str, told: str) -> None:
    said = _run(code) or ""
    assert told in said
    assert said.isprintable()
    assert len(said) < 400


@pytest.mark.parametrize("end", ["", "os.kill(os.getpid(), 9)"], ids=["ended", "killed"])
def test_its_temporary_files_are_gone_with_it(tmp_path: Path, end: str) -> None:
    told = tmp_path / "told"
    code = (
        "import os, pathlib, tempfile; "
        f"made = tempfile.mkdtemp(); pathlib.Path({str(told)!r}).write_text(made); {end}"
    )
    _run(code)
    assert told.read_text(encoding="utf-8")
    assert not Path(told.read_text(encoding="utf-8")).exists()


def test_there_is_nothing_to_read() -> None:
    assert _run("import sys; assert sys.stdin.read() == ''") is None


def test_megabytes_of_output_neither_stall_nor_stay() -> None:
    assert _run("for _ in range(200): print('x' * 100_000)") is None
    said = _run("while True: print('x' * 100_000)") or ""
    assert said.startswith("printed more than 64 MiB and was stopped; its last line: xxx")


def test_what_hangs_is_stopped_with_all_that_it_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import os, signal, subprocess, sys, time\n"
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'a').write(f'{{os.getpid()}} {{child.pid}}\\n')\n"
        "time.sleep(600)\n"
    )
    limit_s = SHORT_S
    while not (pids.exists() and pids.read_text()):  # a busy machine may need longer to get so far
        assert _run(code, time_limit_s=limit_s) == f"took longer than {limit_s:g} s and was stopped"
        limit_s *= 4
    for pid in pids.read_text().split():
        _await_end(int(pid))


def test_what_a_process_leaves_running_is_stopped(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(str(child.pid))\n"
    )
    assert _run(code) is None
    _await_end(int(pids.read_text()))


def _await_end(pid: int) -> None:
    """Return when a process, however distant a relation, has ended; raise where it lives on."""
    with suppress(psutil.NoSuchProcess):
        psutil.Process(pid).wait(timeout=AMPLE_S)


def test_a_process_imports_from_where_this_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "added_at_run_time.py").write_text("")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/json.py").write_text("raise RuntimeError('the wrong json')")
    monkeypatch.chdir(tmp_path / "here")
    assert "ModuleNotFoundError" in (_run("import added_at_run_time, json") or "")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(sys, "path", [*sys.path, b"no text", str(tmp_path)])
    assert _run("import added_at_run_time, json") is None


def test_a_process_may_be_given_variables_of_its_own() -> None:
    code = "import os; assert os.environ['SEED'] == '7'"
    assert run_child(["-c", code], time_limit_s=AMPLE_S, environment={"SEED": "7"}) is None
    assert "SEED" not in os.environ


def test_a_process_ends_with_all_that_it_started_when_its_parent_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pids")
    child = (
        "import os, subprocess, sys\n"
        "from spaner_core.child_process import die_with_parent\n"
        "die_with_parent()\n"
        "other = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        "print(os.getpid(), other.pid, file=open('pids', 'w'))\n"
        "while True: pass\n"
    )
    code = (
        "pids = open('pids', 'w')\n"  # whoever reads there sees the end of all that write
        "from spaner_core.child_process import run_child\n"
        f"run_child(['-c', {child!r}], time_limit_s=600)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path) as parent:
        with (tmp_path / "pids").open() as pids:
            started = pids.readline().split()
        parent.kill()
    assert len(started) == 2
    for pid in started:
        _await_end(int(pid))


def test_a_process_that_was_started_otherwise_goes_on() -> None:
    code = (
        "import os, threading\n"
        "from spaner_core.child_process import die_with_parent\n"
        "os.environ.pop('SPANER_PARENT_PROCESS', None)\n"
        "die_with_parent()\n"
        "assert threading.active_count() == 1\n"
    )
    assert _run(code) is None


ANSWERS = """
import os, signal

def squares(request):
    for number in range(request["count"]):
        yield {"of": number, "is": number**2, "place": os.getcwd()}

def dies(request):
    yield "before"
    os.kill(os.getpid(), signal.SIGKILL)

def leaves(request):
    yield "before"
    os._exit(0)

def raises(request):
    yield "before"
    raise LookupError(request)

def crashes(request):
    yield "before"
    import ctypes
    from spaner_core.crash_notes import note_input
    note_input("left.csv")
    note_input("a.csv")
    ctypes.string_at(0)

def forks(request):
    yield "before"
    child = os.fork()
    if not child:
        os._exit(3)
    os.waitpid(child, 0)
    os.abort()
"""


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module of functions that answer."""
    (tmp_path / "answering.py").write_text(ANSWERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


def test_a_function_answers_a_request_in_a_folder_of_its_own(answering: Path) -> None:
    folder = answering / "elsewhere"
    folder.mkdir()
    told = ask_child("answering:squares", {"count": 2}, time_limit_s=AMPLE_S, folder=folder)
    assert told.ended is None
    place = {"place": str(folder)}
    assert told.answers == ({"of": 0, "is": 0, **place}, {"of": 1, "is": 1, **place})
    assert ask_child("answering:squares", {"count": 0}, time_limit_s=AMPLE_S).answers == ()


@pytest.mark.parametrize(
    ("function", "ended"),
    [
        ("dies", "was killed by signal 9 (SIGKILL) at answering.py, line 10"),
        ("leaves", "ended with exit code 0 before it had finished at answering.py, line 14"),
        (
            "crashes",
            "was killed by signal 11 (SIGSEGV) at answering.py, line 26; the last input it read "
            "was a.csv",
        ),
        ("forks", "was killed by signal 6 (SIGABRT) at answering.py, line 34"),
        ("raises", "ended with exit code 1; its last line: LookupError: the request"),
    ],
)
def test_what_was_answered_before_the_end_is_kept(
    function: str, ended: str, answering: Path
) -> None:
    told = ask_child(f"answering:{function}", "the request", time_limit_s=AMPLE_S)
    assert (told.answers, told.ended) == (("before",), ended)


def test_a_variable_may_be_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEED", "7")
    code = "import os; assert 'SEED' not in os.environ"
    assert run_child(["-c", code], time_limit_s=AMPLE_S, environment={"SEED": None}) is None
