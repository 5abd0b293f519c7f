"""docs/writing-a-plugin.md followed word for word: every file written, every command run."""

from __future__ import annotations

import inspect
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core import FeatureSpec, RowBatch, conformance
from spaner_core.contract import hookspecs
from spaner_core.contract.hook_checks import KNOWN_HOOKS

from tests.doc_blocks import BLOCK, WRITE, blocks_of

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs/writing-a-plugin.md").read_text(encoding="utf-8")

APPEND = re.compile(r"At the end of `([^`]+)`:")
DRAWING, PRINTED = "transform            your model", "It prints"


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A new environment that sees what is installed here, and takes installations of its own."""
    home = tmp_path_factory.mktemp("environment") / "venv"
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    places = {"base": str(home), "platbase": str(home)}
    (Path(sysconfig.get_path("purelib", vars=places)) / "here.pth").write_text(
        f"import site; site.addsitedir({sysconfig.get_path('purelib')!r})\n", encoding="utf-8"
    )
    program = home / "bin/spaner"
    program.write_text(f"#!{home}/bin/python\nfrom spaner.__main__ import main\nmain()\n", "utf-8")
    program.chmod(0o755)
    return {
        **os.environ,
        "PATH": f"{home / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_NO_INDEX": "1",
        "PIP_NO_BUILD_ISOLATION": "0",  # pip reads 0 as "no isolation"
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "COLUMNS": "80",
    }


def run(command: str, folder: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-e", "-c", command], cwd=folder, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, f"$ {command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def follow(folder: Path, environment: dict[str, str]) -> None:
    printed = ""
    for block in blocks_of(GUIDE):
        if block.kind == "sh":
            printed = run(block.content, folder, environment)
        elif block.words == PRINTED:
            assert block.content in printed
        elif named := WRITE.fullmatch(block.words):
            (folder / named[1]).write_text(block.content, encoding="utf-8")
        elif named := APPEND.fullmatch(block.words):
            with (folder / named[1]).open("a", encoding="utf-8") as file:
                file.write(block.content)
        else:
            assert DRAWING in block.content, f"nothing says what to do with\n{block.content}"


def first_column(heading: str) -> list[str]:
    """Names in the first column of the first table below a heading, without arguments."""
    _, _, below = GUIDE.partition(f"\n## {heading}\n")
    table = re.search(r"(?:^\|.*\n)+", below, re.M)
    assert table is not None
    return re.findall(r"^\| `(\w+)", table[0], re.M)


def test_no_block_of_the_guide_is_overlooked() -> None:
    assert len(list(blocks_of(GUIDE))) == GUIDE.count("```") / 2 > 10


def test_the_guide_says_why_each_rule_is_there_in_the_order_of_the_kit() -> None:
    names = [rule.__name__ for rule in conformance.RULES]
    assert first_column("The rules") == ["check_opens", *names]


def test_the_guide_names_every_hook_with_its_arguments() -> None:
    assert sorted(first_column("What a plugin is")) == sorted(KNOWN_HOOKS)
    for name in KNOWN_HOOKS:
        arguments = ", ".join(inspect.signature(getattr(hookspecs, name)).parameters)
        assert f"| `{name}({arguments})` |" in GUIDE


def test_the_guides_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", BLOCK.sub("", GUIDE)):
        name, _, place = target.partition("#")
        page = (ROOT / "docs" / name).read_text(encoding="utf-8") if name else GUIDE
        headings = re.findall(r"^#+ (.*)$", page, re.M)
        assert place in ("", *(heading.lower().replace(" ", "-") for heading in headings)), target


def written_with(text: str) -> dict[str, Any]:
    """Run the module of the guide that has `text` in it; return its names."""
    (block,) = [block for block in blocks_of(GUIDE) if text in block.content]
    written: dict[str, Any] = {"__name__": "written"}
    exec(block.content, written)
    return written


def test_the_guides_windows_leave_out_nothing_of_a_film() -> None:
    written = written_with("window_starts(len(sample)")
    film = torch.arange(37.0)[:, None, None].expand(37, 4, 4)
    windows = written["prepare"](film)
    assert {len(window) for window in windows} == {16}
    assert {int(frame) for window in windows for frame in window[:, 0, 0]} == {*range(37)}
    assert [len(window) for window in written["prepare"](film[:5])] == [5]
    parts = written["parts"](film)
    assert torch.equal(torch.cat([film[part.place] for part in parts]), film)
    assert parts[1].label == "1 to 2 s"
    assert written["build_reader"]().width == 4 * 32


def test_the_guides_reader_learns_the_same_from_any_batches() -> None:
    written = written_with("class UnusualTokens")
    features = torch.randn(5, 3, 2, generator=torch.Generator().manual_seed(0))
    mask = torch.arange(3) < torch.tensor([1, 2, 3, 3, 1]).unsqueeze(1)
    whole = RowBatch(features, mask, torch.full((5,), -1))

    read = []
    for size in (5, 2, 1):
        reader = written["UnusualTokens"](FeatureSpec(dim=2))
        parts = zip(*(part.split(size) for part in whole), strict=True)
        reader.fit([RowBatch(*part) for part in parts])
        read.append(reader(features, mask))
    tokens = [row[real] for row, real in zip(features, mask, strict=True)]
    usual = torch.cat(tokens).mean(0)
    distances = [(row - usual).norm(dim=1) for row in tokens]
    weighed = [d @ row / d.sum() for d, row in zip(distances, tokens, strict=True)]
    for given in read:
        torch.testing.assert_close(given, torch.stack(weighed))


@pytest.mark.slow
def test_the_guide_leads_a_stranger_to_a_plugin_that_works(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    follow(tmp_path, environment)

    use = "-c demo/plugins.yaml --json"
    figures = json.loads(run(f"spaner evaluate {use}", tmp_path, environment))
    assert figures["thermal_to_text_map"] > 0.8
    assert figures["thermal_to_audio_recall@1"] > 0.8
    for check in ("ruff check .", "ruff format --check .", "mypy"):
        run(f"python -m {check}", tmp_path / "spaner-thermal", environment)
