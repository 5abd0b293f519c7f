"""A process of its own: what a plugin does there is told, and felt nowhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from spaner_registry.child import run_child
from spaner_registry.discovery import LOAD_PLUGINS, discover
from spaner_registry.probe import probe

Install = Callable[..., Path]
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
        f"open({str(pids)!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)\n"
    )
    assert _run(code, time_limit_s=SHORT_S) == "took longer than 3 s and was stopped"
    assert [pid for pid in pids.read_text().split() if _lives(int(pid))] == []


def test_what_a_process_leaves_running_is_stopped(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])\n"
        f"open({str(pids)!r}, 'w').write(str(child.pid))\n"
    )
    assert _run(code) is None
    assert not _lives(int(pids.read_text()))


def _lives(pid: int) -> bool:
    """Tell whether a process runs; one that was killed may take a moment to be gone."""
    for _ in range(100):
        with suppress(psutil.NoSuchProcess):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.05)
                continue
        return False
    return True


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


HOSTILE = {
    "exits": ("raise SystemExit(3)", "cannot be imported (SystemExit: 3)"),
    "fails": ("1 / 0", "cannot be imported (ZeroDivisionError: division by zero)"),
    "no hooks": ("", "required hooks are missing"),
    "exits hard": ("import os; os._exit(3)", "its process ended with exit code 3; expected"),
    "exits hard as if well": ("import os; os._exit(0)", "its process ended before it had been"),
    "crashes": ("import ctypes; ctypes.string_at(0)", "its process was killed by signal 11 (SIG"),
    "floods": ("while True: print('x' * 99_999)", "its process printed more than 64 MiB and was"),
    "writes to its input": ("import sys; sys.stdin.write('a')", "UnsupportedOperation: not writ"),
    "reads its input": ("input()", "EOFError"),
    "closes its output": ("import os; os.close(1); os.close(2); 1 / 0", "ZeroDivisionError"),
}


@pytest.mark.parametrize(("source", "words"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_plugin_is_told_and_the_next_is_well(
    install_plugin: Install, source: str, words: str
) -> None:
    install_plugin("stranger", source=source, version="6.6")
    install_plugin("toy")
    found = discover()
    said = probe(found["stranger"], time_limit_s=AMPLE_S) or ""
    assert said.startswith("plugin 'stranger' of spaner-stranger 6.6")
    assert words in said
    assert said.isprintable()
    assert probe(found["toy"], time_limit_s=AMPLE_S) is None


@pytest.mark.parametrize(
    "source",
    [
        "import time; time.sleep(600)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nTOY",
    ],
    ids=["on import", "when the program ends"],
)
def test_a_plugin_that_hangs_is_stopped(
    install_plugin: Install, toy_source: str, source: str
) -> None:
    install_plugin("stranger", source=source.replace("TOY", toy_source))
    said = probe(discover()["stranger"], time_limit_s=SHORT_S) or ""
    assert "its process took longer than 3 s and was stopped; expected it to load" in said


def test_noise_on_import_is_no_fault(install_plugin: Install, toy_source: str) -> None:
    noise = "import sys\nprint('x' * 5_000_000)\nprint('y' * 5_000_000, file=sys.stderr)\n"
    install_plugin("toy", source=noise + toy_source)
    assert probe(discover()["toy"], time_limit_s=AMPLE_S) is None


def test_a_plugin_that_is_ruled_out_is_not_loaded(
    install_plugin: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "loaded"
    install_plugin("toy", source=f"open({str(trace)!r}, 'w')")
    assert "policy.allow" in (probe(discover([])["toy"], time_limit_s=AMPLE_S) or "")
    monkeypatch.setenv(LOAD_PLUGINS, "")
    assert LOAD_PLUGINS in (probe(discover()["toy"], time_limit_s=AMPLE_S) or "")
    assert not trace.exists()


def test_policy_settles_which_of_two_is_probed(install_plugin: Install) -> None:
    install_plugin("toy", distribution="one-toy", source="raise SystemExit")
    install_plugin("toy", distribution="two-toy")
    assert probe(discover(["two-toy"])["toy"], time_limit_s=AMPLE_S) is None
    assert "SystemExit" in (probe(discover(["one-toy"])["toy"], time_limit_s=AMPLE_S) or "")
