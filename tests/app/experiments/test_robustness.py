"""Corrupted inputs in a trained space, and the report that is written of it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from statistics import fmean

import pytest
from spaner.cli.output import say_table
from spaner.evaluation.evaluate import evaluate
from spaner.experiments.robustness.corrupted_inputs import InputRobustness, measure_inputs
from spaner.experiments.robustness.report import (
    RobustnessReport,
    check_report_output,
    measure_robustness,
    write_report,
)
from spaner.experiments.robustness.tables_and_curves import draw_curves, inputs_tables
from spaner.project import Project
from spaner.result_tables import synthetic_modalities
from spaner.splits import split_rows
from spaner_core.errors import ConfigError, OutputExists
from spaner_registry.config.settings import read_config

from tests.app.projects import rows_of, write_rows

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Refuses = Callable[..., str]
PNG = b"\x89PNG\r\n\x1a\n"


def open_small(folder: Path) -> Project:
    return Project(read_config(folder / "plugins.yaml"), device="cpu")


@pytest.fixture(scope="module")
def opened(attached_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The attached project; a text and a picture of one concept and place show one item."""
    folder = tmp_path_factory.mktemp("robust") / "project"
    shutil.copytree(attached_project, folder)
    rows, seen = rows_of(folder), Counter[tuple[str, ...]]()
    for row in rows:
        place = (row["modality"], row["split"], row["concept"])
        paired = row["modality"] in ("text", "vision")
        row["item"] = f"{row['split']} {row['concept']} {seen[place]}" if paired else ""
        seen[place] += 1
    write_rows(folder, rows)
    return open_small(folder)


@pytest.fixture(scope="module")
def report(opened: Project) -> InputRobustness:
    return measure_inputs(opened)


def test_severity_0_is_what_evaluate_says(opened: Project, report: InputRobustness) -> None:
    told = evaluate(opened, "test")
    assert set(report.modalities) == {"text", "vision", "audio", "sensor"}
    for name, curves in report.modalities.items():
        offered = [corruption.name for corruption in opened.assembly.corruptions(name)]
        assert list(curves) == offered
        for curve in curves.values():
            assert [point.severity for point in curve] == [0, 1, 2, 3, 4, 5]
            clean = curve[0].figures
            pairs = {key: value for key, value in clean.items() if "_to_" in key}
            assert pairs == {key: told[key] for key in pairs}
            assert {key.split("_to_")[0] for key in pairs} >= {name}


def test_means_are_over_the_other_modalities(report: InputRobustness) -> None:
    figures = report.modalities["audio"]["noise"][5].figures
    asked = [figures[f"audio_to_{other}_map"] for other in ("text", "vision", "sensor")]
    found = [figures[f"{other}_to_audio_map"] for other in ("text", "vision", "sensor")]
    assert figures["as_query_map"] == pytest.approx(fmean(value or 0 for value in asked))
    assert figures["as_gallery_map"] == pytest.approx(fmean(value or 0 for value in found))


def test_rows_with_items_have_a_table_of_their_own(
    opened: Project, report: InputRobustness
) -> None:
    told = evaluate(opened, "test")
    clean = next(iter(report.modalities["text"].values()))[0].figures
    assert clean["as_query_item_recall@1"] == told["text_to_vision_item_recall@1"]
    assert clean["as_gallery_item_recall@1"] == told["vision_to_text_item_recall@1"]
    titles = [table.title for table in inputs_tables(report)]
    for name, tables in {"text": 2, "vision": 2, "audio": 1, "sensor": 1}.items():
        own = [title for title in titles if f"inputs of {name} " in title]
        assert len(own) == tables
        assert any("item R@1 by severity" in title for title in own) == (tables == 2)


def test_severe_corruption_costs_something(report: InputRobustness) -> None:
    for curves in report.modalities.values():
        worst = min(curve[5].figures["as_query_map"] or 0 for curve in curves.values())
        clean = next(iter(curves.values()))[0].figures["as_query_map"]
        assert clean is not None
        assert worst < clean


def test_the_report_is_written_whole(
    report: InputRobustness, tmp_path: Path, opened: Project
) -> None:
    whole = RobustnessReport(inputs=report, training=None)
    folder = tmp_path / "runs" / "robustness"
    write_report(whole, folder)

    pictures = sorted(path.name for path in folder.glob("*.png"))
    assert pictures == ["audio.png", "sensor.png", "text.png", "vision.png"]
    assert all((folder / name).read_bytes().startswith(PNG) for name in pictures)
    written = json.loads((folder / "robustness.json").read_text(encoding="utf-8"))
    assert written == json.loads(json.dumps(asdict(whole)))
    tables = (folder / "tables.md").read_text(encoding="utf-8")
    assert "| noise | query | " in tables
    assert all(f"\n- {notice}\n" in tables for notice in whole.notices)

    with pytest.raises(OutputExists, match="--overwrite"):
        write_report(whole, folder)
    write_report(whole, folder, overwrite=True)
    assert [path.name for path in folder.parent.iterdir()] == ["robustness"]


def test_titles_say_what_was_measured_and_which_rows_are_made_up(
    report: InputRobustness, opened: Project, tmp_path: Path
) -> None:
    rows = len(split_rows(opened.manifest, "audio", "test"))
    (title,) = [table.title for table in inputs_tables(report) if "of audio" in table.title]
    assert f"(split test, {rows} rows, seed 0; synthetic: audio)" in title, "as its origin says"
    real = replace(report, synthetic=())
    assert all(", seed 0)" in table.title for table in inputs_tables(real))
    for name, one in {"real": real, "made-up": report}.items():
        draw_curves(one, "audio", output=tmp_path / name)
    assert (tmp_path / "real").read_bytes() != (tmp_path / "made-up").read_bytes()


def test_a_modality_is_called_synthetic_by_the_origin_of_its_rows(opened: Project) -> None:
    row = replace(split_rows(opened.manifest, "audio", "test")[0], metadata={})
    origins = {"spoken": "synthetic speech", "drawn": "Synthetic", "real": "not synthetic"}
    rows = {name: [row, replace(row, metadata={"origin": o})] for name, o in origins.items()}
    assert synthetic_modalities({**rows, "unknown": [row]}) == ("spoken", "drawn")


def test_rows_that_a_corruption_leaves_out_are_counted_beside_its_name(
    report: InputRobustness,
) -> None:
    curve = report.modalities["audio"]["noise"]
    short = (*curve[:5], replace(curve[5], left_out=2))
    (table,) = inputs_tables(replace(report, modalities={"audio": {"noise": short, "hum": curve}}))
    assert [row[0] for row in table.rows] == ["noise, 2 left out"] * 2 + ["hum"] * 2


def test_no_word_is_broken_on_a_terminal_of_80_columns(
    report: InputRobustness, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for table in inputs_tables(report):
        say_table(table.columns, table.rows)
        shown = capsys.readouterr().out
        assert max(map(len, shown.splitlines())) <= 80
        for cell in (*table.columns, *(cell for row in table.rows for cell in row)):
            assert all(word in shown for word in cell.split())


def test_nothing_else_is_ever_overwritten(tmp_path: Path, report: InputRobustness) -> None:
    whole = RobustnessReport(inputs=report, training=None)
    write_report(whole, tmp_path / "out")
    (tmp_path / "out" / "thesis.tex").write_text("years of work", encoding="utf-8")
    (tmp_path / "file").write_text("", encoding="utf-8")
    write_report(whole, tmp_path / "pictures")
    (tmp_path / "pictures" / "map.png").write_bytes(b"a picture of the user's")
    for name in ("out", "file", "pictures"):
        with pytest.raises(OutputExists, match="no robustness report"):
            write_report(whole, tmp_path / name, overwrite=True)
    assert (tmp_path / "out" / "thesis.tex").is_file()


def test_a_report_that_cannot_be_written_leaves_nothing(
    tmp_path: Path, report: InputRobustness
) -> None:
    curves = report.modalities["audio"]
    broken = replace(
        report, modalities={"audio": curves, "no/such": curves}, rows={"audio": 1, "no/such": 1}
    )
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "out"))):
        write_report(RobustnessReport(inputs=broken, training=None), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_without_matplotlib_it_is_said_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ConfigError, match=r"spaner\[map\]"):
        check_report_output(tmp_path / "out", overwrite=False, curves=True)
    check_report_output(tmp_path / "out", overwrite=False, curves=False)


def test_one_of_both_must_be_asked_for(opened: Project) -> None:
    with pytest.raises(ConfigError, match="--no-inputs"):
        measure_robustness(opened, inputs=False, training=False)


def test_the_command_writes_and_tells_the_same(attached: Path, spaner: Run, tree: Tree) -> None:
    before = tree(attached / "space")
    asked = ("robustness", "--no-training", "--output", "out", "--json")
    told = spaner(*asked, cwd=attached)
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout) == json.loads((attached / "out/robustness.json").read_text())
    assert "note: report written to out" in told.stderr
    assert tree(attached / "space") == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--no-inputs", "--no-training"), ("--no-inputs",)),
        (("--split", "train"), ("'train'", "trained on")),
        (("--split", "tset"), ("'tset'", "test")),
        (("--output", "space"), ("in the space",)),
        (("--output", "space", "--overwrite"), ("in the space",)),
        (("--space", "none", "--no-training"), ("none", "no space")),
        (("--seeds", "0"), ("--seeds",)),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_wrong_request_is_refused(
    arguments: tuple[str, ...], says: tuple[str, ...], attached: Path, refuses: Refuses
) -> None:
    refuses("robustness", *arguments, cwd=attached, says=says)
