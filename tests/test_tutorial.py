"""docs/tutorial.md followed word for word, in folders as people have them.

How a block is meant is said by the line above it: a file's name means that it is written, "below"
a key that it is put there. A command ends well unless that line says that it refuses. A block of
`text` is what has been printed, line by line: "…" stands for anything.
"""

from __future__ import annotations

import csv
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from scripts.make_messy_folders import make_messy_folders
from tests.app import conftest
from tests.doc_blocks import BLOCK, WRITE, blocks_of, check_printed
from tests.plugins import text_models, vision_models

Run = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TUTORIAL = (ROOT / "docs/tutorial.md").read_text(encoding="utf-8")

INSERT = re.compile(r"below `([^`]+)` in `([^`]+)`:$")
CLAIMED = re.compile(r"^\| (\w+) \| (\w+) \| (\d?\.\d+) \|$", re.M)
MEASURED = re.compile(r"^│ (\w+) +│ (\w+) +│ (\d\.\d+) │", re.M)
REFUSES = "refuses"

SHELL = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
}
spaner = conftest.spaner


def save_models(folder: Path) -> None:
    """Models of the user's own: tiny and with random weights, so only their loading is tried."""
    words = text_models.save_bert(folder / "words")
    text_models.save_adapter(folder / "words-adapter", words, targets=("query", "value"))
    vision_models.save_folder(folder / "eyes", vision_models.make("test_vit"))


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """A user's folders with everything that is wrong with them."""
    folder = tmp_path / "collected"
    make_messy_folders(folder)
    save_models(folder / "models")
    return folder


def run(block: str, folder: Path, spaner: Run, *, code: int) -> str:
    """Type a block's lines; return what was printed. `code` is how `spaner` is to end."""
    printed = ""
    for line in block.splitlines():
        name, *arguments = shlex.split(line)
        if ours := name == "spaner":
            done = spaner(*arguments, cwd=folder)
        else:
            shell = ["sh", "-c", line]
            done = subprocess.run(shell, cwd=folder, env=SHELL, capture_output=True, text=True)
        assert done.returncode == (code if ours else 0), f"$ {line}\n{done.stdout}\n{done.stderr}"
        printed += done.stdout + done.stderr
    return printed


def insert(content: str, path: Path, *, below: str) -> None:
    before = path.read_text(encoding="utf-8")
    assert before.count(f"\n{below}\n") == 1
    path.write_text(before.replace(f"\n{below}\n", f"\n{below}\n{content}"), encoding="utf-8")


def follow(folder: Path, spaner: Run) -> str:
    """Do what the tutorial says; return everything that was printed."""
    printed = [""]
    for block in blocks_of(TUTORIAL):
        if block.kind == "sh":
            code = 2 if REFUSES in block.words else 0
            printed.append(run(block.content, folder, spaner, code=code))
        elif block.kind == "text":
            check_printed(block.content, printed[-1])
        elif named := INSERT.search(block.words):
            insert(block.content, folder / named[2], below=named[1])
        elif named := WRITE.search(block.words):
            (folder / named[1]).write_text(block.content, encoding="utf-8")
        else:
            raise AssertionError(f"nothing says what to do with\n{block.content}")
    return "".join(printed)


def test_no_block_of_the_tutorial_is_overlooked() -> None:
    assert len(list(blocks_of(TUTORIAL))) == TUTORIAL.count("```") / 2 > 20


def test_the_tutorials_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", BLOCK.sub("", TUTORIAL)):
        assert (ROOT / "docs" / target).is_file(), target


def test_the_tutorial_leads_from_messy_folders_to_a_search(folders: Path, spaner: Run) -> None:
    before = {path: path.read_bytes() for path in folders.rglob("*") if path.is_file()}
    printed = follow(folders, spaner)

    changed = {path.name for path, content in before.items() if path.read_bytes() != content}
    assert changed == {"zero.txt", "running-05.csv"}  # what mend.py mends, and nothing else
    with (folders / "space.quarantine.csv").open(encoding="utf-8", newline="") as file:
        put_aside = {Path(row["input"]).name for row in csv.DictReader(file)}
    assert put_aside == {"shopping list.png", "digit-0004.png", "memo.wav", "walking-03.csv"}
    with Image.open(folders / "map.png") as drawn:
        assert min(drawn.size) > 500
    measured = {(source, target): float(r1) for source, target, r1 in MEASURED.findall(printed)}
    claimed = CLAIMED.findall(TUTORIAL)
    assert len(claimed) > 3
    for source, target, figure in claimed:
        assert measured[source, target] == pytest.approx(float(figure), abs=0.1)
