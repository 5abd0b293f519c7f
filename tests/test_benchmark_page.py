"""The page of benchmarks: some sections anew and others kept, failures, wins and losses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from page import Benchmark, make_page, page_arguments
from spaner_core.evaluation.intervals import Interval
from standing import against_best, gathered, standing

SCRIPT = """\
'''Title of {name}.

What {name} measures.
'''

from pathlib import Path

assert not Path("broken").exists()
print("### Wins and losses\\n\\n| measured |\\n| --- |\\n| {name} {words} |\\n")
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    write(tmp_path, "first", "one")
    write(tmp_path, "second", "two")
    return tmp_path


def write(place: Path, name: str, words: str) -> None:
    text = SCRIPT.format(name=name, words=words)
    (place / f"{name}.py").write_text(text, encoding="utf-8")


def make(place: Path, *flags: str) -> str:
    page = place / "page.md"
    benchmarks = [Benchmark(str(place / f"{name}.py")) for name in ("first", "second")]
    given = page_arguments(page).parse_args(flags)
    try:
        make_page("# Page\n", benchmarks, given, place=place, at_once=2, summary=gathered)
    finally:
        text = page.read_text(encoding="utf-8") if page.exists() else ""
    return text


def test_some_sections_are_made_anew_and_the_summary_has_all(place: Path) -> None:
    whole = make(place)
    assert whole.index("## Title of first") < whole.index("## Title of second")
    write(place, "first", "changed")
    write(place, "second", "changed")
    some = make(place, "--only", str(place / "second"))
    assert some.count("| first one |") == some.count("| second changed |") == 2
    assert "second two" not in some
    assert some.count("What first measures.") == 1


def test_the_machine_of_a_whole_run_stays_when_a_section_is_made_anew(place: Path) -> None:
    make(place)
    page = place / "page.md"
    table = "| machine | |\n|---|---|\n| hardware | another, 99 cores |\n\nTests ran meanwhile.\n\n"
    text = page.read_text(encoding="utf-8")
    page.write_text(
        re.sub(r"\| machine .*?(?=## )", table, text, count=1, flags=re.DOTALL), encoding="utf-8"
    )
    some = make(place, "--only", str(place / "second"))
    assert some.count(table) == 1
    assert "99 cores" not in some[some.index("## Title of second") :]
    assert len(re.findall(r"^Measured on .* cores, \d+ GiB\.$", some, re.MULTILINE)) == 2
    assert table not in make(place)


def test_a_benchmark_that_fails_keeps_its_section_and_the_others_are_written(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(place)
    (place / "first.py").write_text("'''Title of first.'''\nraise OSError", encoding="utf-8")
    write(place, "second", "changed")
    with pytest.raises(SystemExit, match="1"):
        make(place)
    assert "failed: Title of first" in capsys.readouterr().err
    page = (place / "page.md").read_text(encoding="utf-8")
    assert "first one" in page
    assert "second changed" in page


def test_a_benchmark_that_is_none_is_refused(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        make(place, "--only", "third")
    assert "--only third.py: no such benchmark; give some of" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(0.01, 0.1, "wins"), (-0.2, -0.1, "**loses**"), (-0.01, 0.1, "level"), (-0.02, 0.1, "open")],
)
def test_an_interval_says_where_spaner_stands(low: float, high: float, said: str) -> None:
    assert standing(Interval(mean=(low + high) / 2, low=low, high=high, runs=3)) == said


def test_the_best_other_way_is_that_of_each_figure() -> None:
    ways = {
        "SPANER": {0: {"a": 0.5, "b": 0.5}, 1: {"a": 0.6, "b": 0.6}},
        "one": {0: {"a": 0.6, "b": 0.1}, 1: {"a": 0.7, "b": 0.2}},
        "other": {0: {"a": 0.1, "b": 0.4}, 1: {"a": 0.2, "b": 0.5}},
    }
    table = against_best({"x": ways}, "SPANER", {"a": "A", "b": "B"})
    assert [(row[1], row[3], row[5], row[6]) for row in table.rows] == [
        ("A", "one", "-0.100 ±0.000", "**loses**"),
        ("B", "other", "+0.100 ±0.000", "wins"),
    ]
