"""A process of its own: what a plugin does there is told, and felt nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from spaner.plugins.plugin_check import try_opening
from spaner_registry.plugins.discovery import LOAD_PLUGINS, discover

from tests.light_plugin import SOURCE as LIGHT

Install = Callable[..., Path]
AMPLE_S = 120.0
SHORT_S = 3.0

HOSTILE = {
    "exits": (
        "raise SystemExit(3)",
        "cannot be imported (SystemExit: 3, at plugin_spaner_stranger.py, line 1)",
    ),
    "fails": ("1 / 0", "cannot be imported (ZeroDivisionError: division by zero, at plugin_"),
    "no hooks": ("", "required hooks are missing"),
    "exits hard": (
        "import os; os._exit(3)",
        "its process ended with exit code 3 at plugin_spaner_stranger.py, line 1; expected",
    ),
    "exits hard as if well": (
        "import os; os._exit(0)",
        "its process ended with exit code 0 before it had finished",
    ),
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
    install_plugin("toy", source=LIGHT)
    found = discover()
    said = try_opening(found["stranger"], time_limit_s=AMPLE_S) or ""
    assert said.startswith("plugin 'stranger' of spaner-stranger 6.6")
    assert words in said
    assert said.isprintable()
    assert try_opening(found["toy"], time_limit_s=AMPLE_S) is None


@pytest.mark.parametrize(
    "source",
    [
        "import time; time.sleep(600)",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\nTOY",
    ],
    ids=["on import", "when the program ends"],
)
def test_a_plugin_that_hangs_is_stopped(install_plugin: Install, source: str) -> None:
    install_plugin("stranger", source=source.replace("TOY", LIGHT))
    said = try_opening(discover()["stranger"], time_limit_s=SHORT_S) or ""
    assert "its process took longer than 3 s and was stopped; expected it to live" in said


def test_noise_on_import_is_no_fault(install_plugin: Install) -> None:
    noise = "import sys\nprint('x' * 5_000_000)\nprint('y' * 5_000_000, file=sys.stderr)\n"
    install_plugin("toy", source=noise + LIGHT)
    assert try_opening(discover()["toy"], time_limit_s=AMPLE_S) is None


def test_a_plugin_that_is_ruled_out_is_not_loaded(
    install_plugin: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace = tmp_path / "loaded"
    install_plugin("toy", source=f"open({str(trace)!r}, 'w')")
    assert "policy.allow" in (try_opening(discover([])["toy"], time_limit_s=AMPLE_S) or "")
    monkeypatch.setenv(LOAD_PLUGINS, "")
    assert LOAD_PLUGINS in (try_opening(discover()["toy"], time_limit_s=AMPLE_S) or "")
    assert not trace.exists()


def test_policy_settles_which_of_two_is_probed(install_plugin: Install) -> None:
    install_plugin("toy", distribution="one-toy", source="raise SystemExit")
    install_plugin("toy", source=LIGHT, distribution="two-toy")
    assert try_opening(discover(["two-toy"])["toy"], time_limit_s=AMPLE_S) is None
    assert "SystemExit" in (try_opening(discover(["one-toy"])["toy"], time_limit_s=AMPLE_S) or "")
