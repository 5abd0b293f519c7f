"""The benchmarks of few and wrong labels run; no figure is judged here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = pytest.mark.slow


def printed(script: str, *arguments: str) -> str:
    command = [sys.executable, f"benchmarks/{script}", *arguments, "--quick"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def test_strangers_are_forgotten_and_figures_are_kept(tmp_path: Path) -> None:
    kept = tmp_path / "kept.jsonl"
    table = printed("labels.py", "strangers", "--keep", str(kept))
    assert re.findall(r"^\| (motions|third) \| 4 \| 0% \| (given|pool) \|", table, re.M) == [
        ("motions", "given"), ("motions", "pool"), ("third", "given"), ("third", "pool"),
    ]  # fmt: skip
    lines = kept.read_text(encoding="utf-8").splitlines()
    changed = [json.loads(line) for line in lines]
    for line in changed:
        line["figures"] = dict.fromkeys(line["figures"], 0.25)
    kept.write_text("".join(json.dumps(line) + "\n" for line in changed), encoding="utf-8")
    again = printed("labels.py", "strangers", "--keep", str(kept))
    assert set(re.findall(r"\| (0\.\d+) \|", again)) == {"0.250"}


def test_doubted_labels_are_judged_by_the_factorys_own_mess() -> None:
    table = printed("doubts.py", "--data", "factory", "--shots", "0")
    assert re.search(r"^\| all \| 0% \| all \| both \| [1-9]", table, re.M)
