"""A report says what was measured, and can be compared with the space."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import spaner as product
import torch
from spaner.report.check import read_numbers
from spaner.report.first_hits import FirstHits, mean_over_pairs

from tests.app.projects import rows_of, write_rows

Refuses = Callable[..., str]


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory, trained_project: Path) -> Path:
    """A copy of the trained project with a report; not to be changed."""
    folder = Path(shutil.copytree(trained_project, tmp_path_factory.mktemp("report") / "project"))
    project = product.Project(folder / "plugins.yaml")
    project.report(folder / "report.html", question="Is <b>it</b> worth 3 €?", value_per_hit=2)
    return folder


def test_figures_are_those_of_evaluate(reported: Path) -> None:
    project = product.Project(reported / "plugins.yaml")
    numbers = read_numbers(reported / "report.html")
    assert numbers["figures"] == json.loads(json.dumps(dict(project.evaluate())))
    for pair, own in numbers["kinds"]["pairs"].items():
        recall = numbers["figures"][f"{pair.replace(' to ', '_to_')}_recall@1"]
        assert own["recall@1"] == pytest.approx(recall)
        assert own["interval"][0] <= recall <= own["interval"][1]
    mean = numbers["kinds"]["mean"]
    assert mean["mean"] == pytest.approx(numbers["figures"]["mean_recall@1"])
    assert mean["low"] <= mean["mean"] <= mean["high"]


def test_the_page_needs_nothing_else_and_escapes_what_users_wrote(reported: Path) -> None:
    page = (reported / "report.html").read_text(encoding="utf-8")
    assert "Is &lt;b&gt;it&lt;/b&gt; worth 3 €?" in page
    assert "<b>it" not in page
    assert not any(word in page for word in ("http://", "https://", 'src="/', "@import"))
    assert str(reported) not in page
    assert "At 2 for each right first hit" in page


def test_check_names_a_figure_that_no_longer_holds(reported: Path, tmp_path: Path) -> None:
    project = product.Project(reported / "plugins.yaml")
    assert project.check_report(reported / "report.html").holds
    page = (reported / "report.html").read_text(encoding="utf-8")
    value = read_numbers(reported / "report.html")["figures"]["text_to_vision_map"]
    true = f'"text_to_vision_map": {value!r}'
    changed = tmp_path / "changed.html"
    changed.write_text(page.replace(true, '"text_to_vision_map": 0.123'), encoding="utf-8")
    (only,) = project.check_report(changed).changed
    assert only.startswith("figures.text_to_vision_map: the report says 0.123, it is ")


def test_what_cannot_be_measured_is_said_in_a_whole_report(trained: Path) -> None:
    rows = rows_of(trained)
    write_rows(
        trained, [row for row in rows if row["modality"] == "text" or row["split"] == "train"]
    )
    written = product.Project(trained / "plugins.yaml").report(trained / "report.html")
    assert written.word == "Cannot be said"
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert "Retrieval was not measured" in page
    assert page.rstrip().endswith("</html>")


def test_concepts_in_any_script_and_a_missing_calibration(trained: Path) -> None:
    rows = rows_of(trained)
    first = rows[0]["concept"]
    for row in rows:
        if row["concept"] == first and row["split"] == "test":
            row["concept"] = "ثلاثة 🦊 </script>"
    write_rows(trained, rows)
    written = product.Project(trained / "plugins.yaml").report(trained / "report.html")
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert any("no calibration fits the space" in line for line in written.lacking)
    assert page.count("</script>") == page.count("<script")


def test_wrong_requests_are_refused(reported: Path, refuses: Refuses) -> None:
    refuses("report", cwd=reported, says=("--output", "--check"))
    refuses("report", "--output", "report.html", cwd=reported, says=("exists", "--overwrite"))
    refuses("report", "--output", "report.pdf", cwd=reported, says=(".html",))
    refuses("report", "--check", "plugins.yaml", cwd=reported, says=("no figures stand in it",))
    refuses("report", "--check", "gone.html", cwd=reported, says=("No such file",))
    refuses(
        *("report", "--output", "new.html", "--value-per-hit", "nan"),
        cwd=reported,
        says=("value_per_hit",),
    )


def test_intervals_of_means_count_things_not_rows() -> None:
    right = torch.tensor([True, False] * 20)
    at = torch.arange(40)
    alone = FirstHits(queries=at, right=right, groups=[str(n) for n in range(40)])
    doubled = FirstHits(
        queries=at, right=right.repeat_interleave(2)[:40], groups=[str(n // 2) for n in range(40)]
    )
    narrow, wide = (mean_over_pairs({("a", "b"): one}) for one in (alone, doubled))
    assert narrow is not None
    assert wide is not None
    assert wide.mean == narrow.mean == 0.5
    assert wide.high - wide.low > 1.3 * (narrow.high - narrow.low)
