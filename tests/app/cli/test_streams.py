"""Standard streams that are closed, that nobody reads or that are full, and what passes them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from spaner.cli.output import say_json
from spaner.cli.streams import SafeStream, plain

STEERING = "a\x1b]0;title\x07b\x9b31mc\u202ed"


def shell(command: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of shell in which "$0" is `spaner`'s program."""
    name = str(Path(sys.executable).with_name("spaner"))
    return subprocess.run(
        ["/bin/sh", "-c", command, name], cwd=cwd, capture_output=True, text=True, check=False
    )


def test_a_stream_that_is_closed_or_full_changes_no_exit_code(tmp_path: Path) -> None:
    said = shell('"$0" plugins --json >&-', tmp_path)
    assert (said.returncode, said.stdout, said.stderr) == (0, "", "")
    said = shell('"$0" verify --space none 2>&-', tmp_path)
    assert (said.returncode, said.stdout) == (2, "")
    said = shell('"$0" verify --space none 2>/dev/full', tmp_path)
    assert (said.returncode, said.stdout) == (2, "")
    said = shell('"$0" plugins >/dev/full', tmp_path)
    assert said.returncode == 2
    (line,) = said.stderr.splitlines()
    assert line.startswith("error: ")


@pytest.mark.parametrize(("arguments", "code"), [("--help", 0), ("verify --space none", 2)])
def test_whoever_reads_may_have_seen_enough(tmp_path: Path, arguments: str, code: int) -> None:
    reads, writes = os.pipe()
    os.close(reads)
    stream = {"stdout" if code == 0 else "stderr": writes}
    done = subprocess.run(
        [sys.executable, "-m", "spaner", *arguments.split()], cwd=tmp_path, check=False,
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **stream},
    )  # type: ignore[call-overload]  # fmt: skip
    os.close(writes)
    assert (done.returncode, (done.stdout or b"") + (done.stderr or b"")) == (code, b"")


def test_whoever_prints_cannot_steer_the_terminal(tmp_path: Path) -> None:
    with (tmp_path / "said").open("wb") as file, SafeStream(file, encoding="utf-8") as stream:
        print(f"{STEERING}\tend", file=stream)
        print("\r\x1b[32m50%\x1b[0m", end="", file=stream)
    said = (tmp_path / "said").read_bytes().decode()
    assert said == "a\ufffd]0;title\ufffdb\ufffd31mc\ufffdd\tend\n\r\x1b[32m50%\x1b[0m"


@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_json_says_signs_that_steer_by_their_codes(
    encoding: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {"name": STEERING, "flag": "\U0001f3f4\U000e0067", "half": "\udc9b", "plain": "é 二"}
    path = tmp_path / "said"
    with path.open("w", encoding=encoding) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        say_json(given)
    text = path.read_text(encoding=encoding)
    assert "\\u009b" in text
    assert plain(text) == text
    assert json.loads(text) == given


def test_scripts_that_need_signs_without_a_shape_keep_them() -> None:
    words = "می\u200cشود \U0001f469\u200d\U0001f52c 東\u3000京\ttab\nline"
    assert plain(words) == words
