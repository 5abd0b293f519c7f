"""What `spaner evaluate` measures: every figure documented, by item too, and readable."""

from __future__ import annotations

import csv
import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from spaner.cli.metric_tables import RETRIEVAL
from spaner_core.evaluation.retrieval import retrieval

Run = Callable[..., subprocess.CompletedProcess[str]]
Figures = dict[str, float | None]

METRICS = (Path(__file__).parents[3] / "docs/metrics.md").read_text(encoding="utf-8")
NAMES = ("audio", "sensor", "text", "vision")

JSON_ALONE = {"recall@10"}
"""Figures of a pair for which the table has no room."""


def measured(spaner: Run, folder: Path) -> Figures:
    done = spaner("evaluate", "--json", cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    figures: Figures = json.loads(done.stdout)
    return figures


def give_items(folder: Path, modalities: tuple[str, ...]) -> Counter[str]:
    """Write an item to every second test row of each concept; count those left without one."""
    path = folder / "manifest.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    seen: Counter[tuple[str, str]] = Counter()
    without: Counter[str] = Counter()
    for row in rows:
        if row["split"] != "test" or row["modality"] not in modalities:
            continue
        place = (row["modality"], row["concept"])
        seen[place] += 1
        if seen[place] % 2:
            row["item"] = f"{row['concept']}-{seen[place]}"
        else:
            without[row["modality"]] += 1
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, [*rows[0], *(() if "item" in rows[0] else ("item",))])
        table.writeheader()
        table.writerows(rows)
    return without


def documented() -> list[str]:
    """The keys of docs/metrics.md's tables of figures, in their order."""
    figures = METRICS.partition("## What is a score worth?")[0]
    return re.findall(r"^\| `([^`]+)` \|", figures, re.MULTILINE)


def pattern(key: str) -> re.Pattern[str]:
    name = f"({'|'.join(NAMES)})"
    return re.compile(re.sub(r"\\\{(src|dst|a|b|name)\\\}", name, re.escape(key))
                      .replace(r"\{k\}", "(1|5|10)"))  # fmt: skip


def test_every_figure_is_documented_and_every_documented_one_comes_out(
    attached: Path, spaner: Run
) -> None:
    give_items(attached, ("text", "vision"))
    figures = measured(spaner, attached)
    keys = documented()
    assert len(keys) == len(set(keys)) > 30
    for figure in figures:
        lines = [key for key in keys if pattern(key).fullmatch(figure)]
        assert len(lines) == 1, f"{figure}: describe it in one line of a table in docs/metrics.md"
    for key in keys:
        measured_now = any(pattern(key).fullmatch(figure) for figure in figures)
        assert measured_now, f"{key} in docs/metrics.md: nothing measures it; remove its line"
    assert all(value is None or isinstance(value, int | float) for value in figures.values())


def test_by_item_is_measured_beside_concepts_where_both_modalities_have_items(
    attached: Path, spaner: Run
) -> None:
    before = measured(spaner, attached)
    assert not [key for key in before if "_item_" in key]

    without = give_items(attached, ("text", "vision"))
    after = measured(spaner, attached)
    assert after.pop("item_strength") == after["strength"] == 0.5  # no item was trained on
    by_item = {key: value for key, value in after.items() if "_item_" in key}
    assert {key: value for key, value in after.items() if key not in by_item} == before
    assert {key.partition("_item_")[0] for key in by_item} == {
        "text_to_vision",
        "vision_to_text",
        "mean",
    }
    # an item of a text may be missing among the pictures, but not the other way round
    assert by_item["vision_to_text_item_unanswerable"] == without["vision"] > 0
    assert by_item["text_to_vision_item_unanswerable"] >= without["text"]
    for key in ("text_to_vision_{}map", "text_to_vision_{}recall@1"):
        # one picture is the right one instead of a handful
        assert by_item[key.format("item_")] < after[key.format("")]


def test_shares_of_places_and_of_relevant_rows_are_whole(attached: Path, spaner: Run) -> None:
    figures = measured(spaner, attached)
    for source in NAMES:
        for what in ("relevant", "places@1", "places@5", "places@10"):
            shares = [figures[f"{source}_among_all_{name}_{what}"] for name in NAMES]
            assert sum(shares) == pytest.approx(1), (source, what)
    # pictures show digits, series motions
    assert figures["sensor_among_all_vision_relevant"] == 0


def test_every_figure_of_a_pair_is_a_column_for_people_or_left_to_json() -> None:
    figures = retrieval(torch.eye(2), torch.eye(2), torch.eye(2).bool()).named()
    assert set(figures) == RETRIEVAL.keys() | JSON_ALONE, (
        "RETRIEVAL in cli/metric_tables.py, or JSON_ALONE"
    )


def test_people_read_a_few_tables_of_eighty_columns(attached: Path, spaner: Run) -> None:
    give_items(attached, ("text", "vision"))
    done = spaner("evaluate", cwd=attached)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum(line.startswith("┏") for line in lines) == 5
    assert "Retrieval by item" in done.stdout
    assert "Hubs" not in done.stdout
    assert re.search(r"Clusters follow concepts [01]\.\d{3}, modalities [01]\.\d{3}", done.stdout)
    own = re.search(r"^│ vision +│ [\d.]+ │ [\d.]+ │.* (\d+)/\d+ +│$", done.stdout, re.MULTILINE)
    figures = measured(spaner, attached)
    places = figures["vision_among_all_vision_places@10"]
    assert own is not None
    assert own[1] == f"{places:.0%}".removesuffix("%")
    assert "--json" in lines[-1]
    assert "--details" in lines[-1]


def test_details_show_hubs_and_alignment_too(attached: Path, spaner: Run) -> None:
    done = spaner("evaluate", "--details", cwd=attached)
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert "Retrieval by item" not in done.stdout
    figures = measured(spaner, attached)
    hubs = done.stdout.partition("Hubs")[2]
    never = figures["audio_to_text_never_found@10"]
    skewness = figures["audio_to_text_hub_skewness@10"]
    cell = f"{skewness:.1f}/{never:.0%}".removesuffix("%")
    assert re.search(rf"^│ audio .* {re.escape(cell)} ", hubs, re.MULTILINE)
    assert re.search(
        r"│ audio +│ text .* {:.3f} │".format(figures["audio_to_text_alignment"]), hubs
    )
