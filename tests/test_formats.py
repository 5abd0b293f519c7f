"""docs/formats.md followed word for word, on a small project that is really trained and extracted.

A block of `text` is what the block before it prints, line by line: "…" stands for anything.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import polars
import pytest
from PIL import Image
from sklearn.datasets import load_digits
from spaner.quarantine import COLUMNS
from spaner.search.calibration_file import CalibratedPair, Calibration
from spaner.search.familiar_rows import FamiliarRows
from spaner_core.data.manifest import KNOWN
from spaner_core.evaluation.calibration import HitProbability
from spaner_core.training.monitoring import LOG, TRACES
from spaner_core.training.validation import FIGURES

from tests import process
from tests.doc_blocks import WRITE, blocks_of, check_printed
from tests.plugins.pdf_files import pdf_of

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/formats.md").read_text(encoding="utf-8")

DRAWING, MEASUREMENT = "a stream: what one encoder gives", "spaner demo"
STORE = "data/manifest.features"
ENVIRONMENT = {
    **os.environ,
    "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    "OMP_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
}


def run(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def type_line(line: str, folder: Path) -> str:
    """Run a line of a shell; return what it printed."""
    if not line.startswith("spaner "):
        return run(["sh", "-e", "-c", line], folder)
    done = process.spaner(*shlex.split(line)[1:], cwd=folder)
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def write_inputs(folder: Path) -> None:
    """What the page's manifest names: handwritten digits, a letter, a picture that is cut off."""
    digits = load_digits()
    for name, place in {"zero": 0, "one": 1, "one (2)": 11}.items():
        picture = Image.fromarray((digits.images[place] * 15).astype("uint8"))
        picture.save(folder / f"data/pictures/{name}.png")
    whole = (folder / "data/pictures/zero.png").read_bytes()
    (folder / "data/pictures/cut off.png").write_bytes(whole[: len(whole) // 2])
    (folder / "data/scans/letter.pdf").write_bytes(pdf_of(["Dear sir", "Yours"]))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's project after all that the page does, each block checked by what it prints."""
    folder = tmp_path_factory.mktemp("project")
    for inside in ("data/pictures", "data/scans"):
        (folder / inside).mkdir(parents=True)
    write_inputs(folder)
    printed = ""
    for block in blocks_of(PAGE):
        if block.kind == "sh" and not block.content.startswith(MEASUREMENT):
            printed = "".join(type_line(line, folder) for line in block.content.splitlines())
        elif block.kind == "python":
            printed = run([sys.executable, "-W", "error", "-c", block.content], folder)
        elif block.kind == "text" and DRAWING not in block.content:
            check_printed(block.content, printed)
        elif named := WRITE.search(block.words):
            (folder / named[1]).write_text(block.content, encoding="utf-8")
        else:
            assert DRAWING in block.content or block.content.startswith(MEASUREMENT), block
    return folder


def first_column(heading: str) -> list[str]:
    """Names in the first column of the first table below a heading."""
    _, _, below = PAGE.partition(f"# {heading}\n")
    table = re.search(r"(?:^\|.*\n)+", below, re.M)
    assert table is not None
    return re.findall(r"`(\w+)`", "".join(re.findall(r"^\|([^|]*)\|", table[0], re.M)))


def stream_of(folder: Path, modality: str, *, dtype: str = "float16") -> Path:
    (stream,) = [
        path.parent
        for path in (folder / STORE).glob(f"{modality}-*/stream.json")
        if json.loads(path.read_text())["dtype"] == dtype
    ]
    return stream


def features(folder: Path, modality: str, *, dtype: str = "float16") -> polars.DataFrame:
    stream = stream_of(folder, modality, dtype=dtype)
    return polars.read_ipc(stream / "*.arrow").sort("key")


def test_no_block_of_the_page_is_overlooked() -> None:
    assert len(list(blocks_of(PAGE))) == PAGE.count("```") / 2 > 20


def test_the_pages_links_lead_somewhere() -> None:
    targets = re.findall(r"\]\(([\w.-]*)#([^)]+)\)", PAGE)
    assert len(targets) == PAGE.count("](") > 5
    for name, place in targets:
        page = (ROOT / "docs" / (name or "formats.md")).read_text(encoding="utf-8")
        headings = [re.sub(r"[^\w -]", "", h) for h in re.findall(r"^#+ (.*)$", page, re.M)]
        assert place in {heading.lower().replace(" ", "-") for heading in headings}, name


def test_the_page_describes_what_is_there(project: Path) -> None:
    assert sorted(first_column("The manifest")) == sorted(KNOWN)
    for path in (project / STORE).glob("*/stream.json"):
        assert first_column("Folders") == list(json.loads(path.read_text()))
    assert first_column("Columns") == features(project, "text").columns
    for path in (project / STORE / "uses").iterdir():
        assert ", ".join(f"`{key}`" for key in json.loads(path.read_text())) in PAGE
    assert (project / "space.quarantine.csv").read_text().startswith(",".join(COLUMNS) + "\n")
    parts = [path.parent for path in (project / "space").rglob("config.json")]
    assert len(parts) == 3
    for part in parts:
        files = {path.name for path in part.iterdir() if path.is_file()}
        assert all(f"| `{name}` |" in PAGE for name in files)
        assert len(files) == 4


def test_the_page_names_all_that_is_written_beside_a_space() -> None:
    keys = [field.name for field in fields(Calibration)]
    assert first_column("The calibration") == ["calibration", "familiar", "ids"]
    assert first_column("What is said of pairs") == ["format_version", *keys]
    familiar = next(line for line in PAGE.splitlines() if line.startswith("| `familiar` |"))
    assert all(f"`{field.name}`" in familiar for field in fields(FamiliarRows))
    pair, _, _ = PAGE.partition("| key of a pair |")[2].partition("## ")
    parts = (CalibratedPair, HitProbability)
    assert all(f"`{field.name}`" in pair for part in parts for field in fields(part))
    figures = ", ".join(f"`{name}`" for name in ("step", "loss", "learning_rate", *FIGURES))
    assert f"| `{LOG}` | one row for each measurement: {figures} and" in PAGE
    assert all(f"| `{name}` |" in PAGE for name in TRACES)


def test_rounding_to_float16_costs_what_the_page_says(project: Path) -> None:
    wide = (project / "plugins.yaml").read_text() + "features: {dtype: float32}\n"
    (project / "wide.yaml").write_text(wide)
    type_line("spaner extract -c wide.yaml", project)
    for modality in ("text", "vision"):
        both = [features(project, modality, dtype=dtype) for dtype in ("float16", "float32")]
        assert both[0]["key"].equals(both[1]["key"])
        half, full = (frame["values"].explode().to_numpy().astype("float64") for frame in both)
        assert (abs(half - full) <= (abs(full) * 2**-11).clip(min=2**-25)).all()
        assert (half != full).any() or modality == "text"  # counts of letters are whole numbers


def test_what_the_page_lets_people_delete_comes_back_as_it_was(project: Path) -> None:
    before, stream = features(project, "vision"), stream_of(project, "vision")
    for path in stream.iterdir():
        path.unlink()
    (stream / "plan.json").write_text("[", encoding="utf-8")
    type_line("spaner extract vision", project)
    assert features(project, "vision").equals(before)
    assert not (stream / "plan.json").exists()


@pytest.mark.slow
def test_retrieval_does_not_notice_float16(tmp_path: Path) -> None:
    (measurement,) = [block for block in blocks_of(PAGE) if block.content.startswith(MEASUREMENT)]
    run(["sh", "-e", "-c", measurement.content], tmp_path)
    half, full = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("half", "full"))
    recalls = [name for name in half if "recall@" in name]
    assert len(recalls) > 30
    for name in half:
        if "recall@" in name and half[name] is not None:
            assert half[name] == pytest.approx(full[name], abs=0.01), name  # a row or two
        if name.endswith("_map") and half[name] is not None:
            assert half[name] == pytest.approx(full[name], abs=0.001), name
