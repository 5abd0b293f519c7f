"""The factory project: what it holds, how far it is messy, and that it is written whole."""

from __future__ import annotations

import json
import shutil
from collections import Counter, defaultdict
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from spaner.demo.factory.mess import BROKEN, WRONG_LABEL, Entry
from spaner.demo.factory.products import PRODUCTS
from spaner.demo.factory.project import planned, write_factory
from spaner.demo.factory.sheets import sheet
from spaner.demo.factory.units import SPLIT_OF_TURN
from spaner_core.data.manifest import read_manifest

from tests import process
from tests.app.conftest import MadeOnce, Run

MODALITIES = ("text", "vision", "audio", "sensor")


@pytest.fixture(scope="module")
def plan() -> list[Entry]:
    return planned()


@pytest.fixture(scope="session")
def small_factory(made_once: MadeOnce) -> Path:
    """Five products of five families, with a configuration; not to be changed."""

    def make(folder: Path) -> None:
        write_factory(folder, products=5)
        config = (files("spaner.demo.factory") / "plugins.yaml").read_text(encoding="utf-8")
        more = "training: {max_steps: 30, per_device_train_batch_size: 32}\n"
        (folder / "plugins.yaml").write_text(config + more, encoding="utf-8")

    return made_once("factory", make)


def contents(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_four_hundred_units_of_forty_products_of_eight_families(plan: list[Entry]) -> None:
    assert len({entry.unit.item for entry in plan}) == 400
    assert len({entry.unit.product.concept for entry in plan}) == 40
    assert Counter(product.family.kind for product in PRODUCTS).most_common()[0][1] == 5
    assert len({product.family for product in PRODUCTS}) == 8
    assert len({entry.unit.serial for entry in plan}) == 400


def test_a_unit_is_in_one_split_and_a_product_in_all_three(plan: list[Entry]) -> None:
    of_item, of_product = defaultdict(set), defaultdict(set)
    for entry in plan:
        of_item[entry.unit.item].add(entry.unit.split)
        of_product[entry.unit.product.concept].add(entry.unit.split)
    assert {len(splits) for splits in of_item.values()} == {1}
    assert all(splits == set(SPLIT_OF_TURN) for splits in of_product.values())
    units = Counter({entry.unit.item: entry.unit.split for entry in plan}.values())
    assert units == {"train": 240, "validation": 80, "test": 80}


def test_a_tenth_is_messy(plan: list[Entry]) -> None:
    shown = Counter(entry.modality for entry in plan)
    units = {name: {entry.unit.item for entry in plan if entry.modality == name} for name in shown}
    assert {name: len(found) for name, found in units.items()} == dict.fromkeys(MODALITIES, 384)
    lacking = Counter(
        item for found in units.values() for item in set.union(*units.values()) - found
    )
    assert set(lacking.values()) == {1}, "a unit lacks two modalities"

    broken = Counter(entry.modality for entry in plan if entry.mess == BROKEN)
    assert broken == {name: round(0.02 * rows) for name, rows in shown.items()}

    training = [entry for entry in plan if entry.unit.split == "train" and entry.mess != BROKEN]
    wrong = [entry for entry in plan if entry.concept != entry.unit.product.concept]
    assert wrong == [entry for entry in plan if entry.mess == WRONG_LABEL]
    assert {entry.unit.split for entry in wrong} == {"train"}
    assert len(wrong) == round(0.04 * len(training))


def test_the_manifest_says_what_is_true_and_that_all_is_synthetic(small_factory: Path) -> None:
    rows = read_manifest(small_factory / "manifest.csv").rows
    assert {row.metadata["origin"] for row in rows} == {"synthetic, spaner demo --factory"}
    assert "**Everything here is synthetic.**" in (small_factory / "README.md").read_text()
    wrong = [row for row in rows if row.metadata["true_concept"] != row.concept]
    assert wrong
    assert {row.metadata["mess"] for row in wrong} == {WRONG_LABEL}
    truths = defaultdict(set)
    for row in rows:
        truths[row.item].add(row.metadata["true_concept"])
        assert row.metadata["true_concept"].startswith(row.metadata["family"])
    assert {len(found) for found in truths.values()} == {1}


def test_what_is_not_spoilt_opens_and_differs(small_factory: Path) -> None:
    rows = [
        row
        for row in read_manifest(small_factory / "manifest.csv").rows
        if row.metadata.get("mess") != BROKEN
    ]
    assert len({(small_factory / row.input).read_bytes() for row in rows}) == len(rows)
    for row in rows:
        path = small_factory / row.input
        if row.modality == "vision":
            with Image.open(path) as image:
                assert (image.mode, image.size) == ("RGB", (160, 160))
                assert b"synthetic" in image.info["comment"]
                assert np.asarray(image).std() > 10, "an empty picture"
        elif row.modality == "audio":
            samples, rate_hz = soundfile.read(path)
            assert (rate_hz, len(samples)) == (16_000, 16_000)
            assert 0.3 < np.abs(samples).max() < 1, "silent or clipped"
        elif row.modality == "sensor":
            values = np.loadtxt(path, delimiter=",", skiprows=1)
            assert values.shape == (2_000, 3)
            assert np.isfinite(values).all()


def test_check_finds_the_spoilt_files_and_no_others(small_factory: Path, spaner: Run) -> None:
    result = spaner("check", "--deep", "--json", cwd=small_factory)
    assert result.returncode == 0, result.stderr
    assert "repeat" not in result.stderr, "a unit of the test is in the training, too"
    found = {row["input"] for row in json.loads(result.stdout)["unusable"]}
    rows = read_manifest(small_factory / "manifest.csv").rows
    assert found == {row.input for row in rows if row.metadata.get("mess") == BROKEN}


def test_a_sheet_says_in_words_what_other_modalities_show() -> None:
    units = [entry.unit for entry in planned(products=8) if entry.modality == "text"]
    for unit in units:
        text = sheet(unit)
        shown = (unit.colour, unit.mount, unit.box_side, unit.load, unit.product.rotor)
        assert all(word in text for word in (*shown, unit.product.drawing, unit.serial)), text
        assert f"{unit.speed_rpm:.0f} rpm" in text
    assert len({sheet(unit).split()[0] for unit in units}) > 3, "all in one layout"


def test_writing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    write_factory(tmp_path / "first", products=2)
    write_factory(tmp_path / "second", products=2)
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_a_killed_writing_leaves_no_manifest_and_can_be_done_again(tmp_path: Path) -> None:
    code = (
        "import sys, pathlib; from spaner.demo.factory.project import write_factory;"
        "write_factory(pathlib.Path(sys.argv[1]), products=2)"
    )
    whole = contents(write_factory(tmp_path / "whole", products=2).parent)
    for first in (1, 2):  # before it is written, before it takes its name
        folder = tmp_path / f"killed-{first}"
        running = process.start_python(code, folder, cwd=tmp_path, stops="run-0003", first=first)
        assert running.stopped()
        running.kill()
        left = {name: content for name, content in contents(folder).items() if "/." not in name}
        assert "text/sheet-0003.txt" in left
        assert left.keys() < whole.keys() - {"manifest.csv", "audio/run-0003.wav"}
        assert all(whole[name] == content for name, content in left.items())
        write_factory(folder, products=2)
        assert contents(folder) == whole


def test_three_modalities_train_a_fourth_is_attached(
    small_factory: Path, spaner: Run, tmp_path: Path
) -> None:
    folder = shutil.copytree(small_factory, tmp_path / "factory")
    for command in (("train", "text", "vision", "audio"), ("attach", "sensor")):
        result = spaner(*command, "--quiet", cwd=folder)
        assert result.returncode == 0, result.stderr
    result = spaner("evaluate", "--split", "test", "--json", cwd=folder)
    figures = json.loads(result.stdout)
    for pair in ("text_to_vision", "vision_to_text", "audio_to_text", "sensor_to_text"):
        assert figures[f"{pair}_map"] > 0.4, "five products: chance is about .3"
