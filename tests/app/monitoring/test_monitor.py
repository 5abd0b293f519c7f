"""What `spaner monitor` says of new data, and what it leaves alone."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import spaner as product
from spaner_core.evaluation.intervals import share_interval

Run = Callable[..., subprocess.CompletedProcess[str]]
Row = dict[str, str]
NAMES = ("text", "vision", "audio")


@pytest.fixture(scope="module")
def calibrated(tmp_path_factory: pytest.TempPathFactory, trained_project: Path) -> Path:
    """A project whose space is calibrated on few rows, with a folder for new data."""
    folder = Path(shutil.copytree(trained_project, tmp_path_factory.mktemp("monitor") / "project"))
    product.Project(folder / "plugins.yaml").calibrate(unfamiliar_rate=0.1)
    (folder / "new").mkdir()
    return folder


def read(folder: Path, split: str, *names: str) -> list[Row]:
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = [row for row in rows if row["split"] == split and row["modality"] in names]
    return [
        {"modality": row["modality"], "input": row["input"]}
        if row["modality"] == "text"
        else {"modality": row["modality"], "input": f"../{row['input']}"}
        for row in found
    ]


def write(path: Path, rows: Sequence[Row]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(rows[-1]))
        table.writeheader()
        table.writerows(rows)
    return path


def texts(*given: str) -> list[Row]:
    return [{"modality": "text", "input": text} for text in given]


def report(run: Run, *arguments: object, cwd: Path) -> Any:
    done = run("monitor", *arguments, "--json", cwd=cwd)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_rows_of_the_usual_sort_are_compared_and_nothing_else_changes(
    calibrated: Path, spaner: Run, tree: Callable[[Path], dict[str, str]]
) -> None:
    rows = read(calibrated, "test", *NAMES)
    (calibrated / "new/broken.png").write_bytes(b"no picture")
    write(calibrated / "new/day.csv", [*rows, {"modality": "vision", "input": "broken.png"}])
    before = tree(calibrated)
    found = report(spaner, "new/day.csv", "--output", "day.json", cwd=calibrated)
    after = tree(calibrated)
    assert {path: after[path] for path in before if "features" not in path} == {
        path: digest for path, digest in before.items() if "features" not in path
    }
    added = {path for path in after.keys() - before.keys() if "features" not in path}
    assert added == {"day.json"}, "the table of unusable rows is the project's own"
    written = json.loads((calibrated / "day.json").read_text("utf-8"))
    assert written.items() <= found.items()
    assert not found["passed"]
    assert {one["modality"]: (one["rows"], one["unusable"]) for one in found["modalities"]} == {
        "text": (24, 0),
        "vision": (11, 1),
        "audio": (12, 0),
    }
    assert any("1 of 11 rows of 'vision' cannot be used" in note for note in found["notices"])
    for one in found["modalities"]:
        share = one["unfamiliar"]
        used = one["rows"] - one["unusable"]
        assert (share["low"], share["high"]) == share_interval(round(share["new"] * used), used)
        assert share["held_out"] <= 0.1
        assert [part["target"] for part in one["towards"]]
        assert sum(part["new"] for part in one["concepts"]) == pytest.approx(1)
    assert report(spaner, "new/day.csv", cwd=calibrated)["modalities"] == found["modalities"]


def test_strangers_pass_the_bounds_that_were_asked_for(calibrated: Path, spaner: Run) -> None:
    strange = [f"qxv {n} jqz wkq, yyk {n * n}?" for n in range(40)]
    write(calibrated / "new/strange.csv", texts(*strange))
    found = report(spaner, "new/strange.csv", cwd=calibrated)
    (one,) = found["modalities"]
    assert one["unfamiliar"]["new"] > 0.5
    assert found["drifted"]
    assert one["features"]["drifted"]
    assert one["familiarity"]["drifted"]

    asked = ("monitor", "new/strange.csv", "--max-unfamiliar", "0.5", "--max-no-match", "1")
    done = spaner(*asked, cwd=calibrated)
    assert done.returncode == 3
    assert "of the rows of 'text' are unfamiliar, more than 0.5" in done.stderr
    assert "no match" in done.stdout
    assert "Drift was found" in done.stdout
    assert spaner(*asked[:2], "--fail-on-drift", cwd=calibrated).returncode == 3
    assert spaner(*asked[:2], "--max-unfamiliar", "1", cwd=calibrated).returncode == 0


def test_rows_like_the_known_ones_are_no_drift_and_a_concept_that_fades_is(
    calibrated: Path,
) -> None:
    project = product.Project(calibrated / "plugins.yaml")
    usual = read(calibrated, "validation", "text")
    found = project.monitor(write(calibrated / "new/usual.csv", usual), max_unfamiliar=0.2)
    assert not found.drifted
    assert not found.passed
    assert repr(found).startswith("DriftReport of ")
    assert any("have the content of held-out rows" in note for note in project.notices)

    # what the space itself takes for "one", so that aligners trained for moments do not matter
    nearest = [project.attention(row["input"], modality="text", k=1).weights for row in usual]
    of_one = [row for row, best in zip(usual, nearest, strict=True) if next(iter(best)) == "one"]
    assert 0 < len(of_one) < len(usual)
    many = [{**row, "id": str(number)} for number, row in enumerate(of_one * 60)]
    found = project.monitor(write(calibrated / "new/one.csv", many))
    (text,) = found.modalities
    fading = {one.concept for one in text.fading}
    assert fading
    assert "one" not in fading
    assert found.drifted
    drifted = {one["of"] for one in found.as_dicts() if one["drifted"]}
    assert {f"fading of {concept}" for concept in fading} <= drifted


def test_only_named_modalities_are_looked_at(calibrated: Path, spaner: Run) -> None:
    rows = [*read(calibrated, "test", "text"), {"modality": "sensor", "input": "../gone.csv"}]
    write(calibrated / "new/mixed.csv", rows)
    found = report(spaner, "new/mixed.csv", "text", cwd=calibrated)
    assert [one["modality"] for one in found["modalities"]] == ["text"]


@pytest.mark.parametrize(
    ("rows", "flags", "says"),
    [
        ("mixed", (), ("1 rows are of modality 'sensor'", "which the space")),
        ("few", (), ("3 rows of 'text' can be used", "at least 8")),
        ("usual", ("vision",), ("no row of modality 'vision'", "it has rows of text")),
        ("usual", ("--max-unfamiliar", "2"), ("max-unfamiliar is 2", "0 to 1")),
        ("usual", ("--false-alarms", "0"), ("the false-alarm rate is 0", "0.0001")),
        ("usual", ("--output", "new/report.txt"), ("ends in .json",)),
        ("usual", ("--output", "space/report.json"), ("in the space",)),
        ("absent", (), ("new/absent.csv", "No such file")),
        ("headless", (), ("headless.csv", "modality")),
        ("../manifest", (), ("the project's own manifest",)),
    ],
)
def test_what_cannot_be_watched_is_refused(
    rows: str, flags: tuple[str, ...], says: tuple[str, ...], calibrated: Path,
    refuses: Callable[..., str],
) -> None:  # fmt: skip
    usual = read(calibrated, "test", "text")
    write(calibrated / "new/usual.csv", usual)
    write(calibrated / "new/few.csv", usual[:3])
    write(calibrated / "new/mixed.csv", [*usual, {"modality": "sensor", "input": "../gone.csv"}])
    (calibrated / "new/headless.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    refuses("monitor", f"new/{rows}.csv", *flags, cwd=calibrated, says=says)


def test_a_calibration_that_does_not_fit_is_refused(
    trained: Path, spaner: Run, refuses: Callable[..., str]
) -> None:
    (trained / "new").mkdir()
    write(trained / "new/usual.csv", read(trained, "test", "text"))
    ask = ("monitor", "new/usual.csv")
    refuses(*ask, cwd=trained, says=("no calibration", "`spaner calibrate`"))
    assert spaner("calibrate", "--quiet", cwd=trained).returncode == 0
    refuses("monitor", "manifest2.csv", cwd=trained, says=("manifest2.csv",))
    again = ("train", "text", "vision", "audio", "--overwrite", "--seed", "1", "--quiet")
    assert spaner(*again, cwd=trained).returncode == 0
    refuses(*ask, cwd=trained, says=("is stale", "'text'", "`spaner calibrate --overwrite`"))
