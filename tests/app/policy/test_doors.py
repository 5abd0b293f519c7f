"""Every door through which modalities are linked asks the policy, for every ordered pair."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
import spaner as product

from tests.app.policy.doors import (
    ASKING,
    COMMANDS,
    COMMANDS_LINKING_NOTHING,
    LINKING_NOTHING,
)
from tests.app.projects import picture
from tests.surface import kept

Configure, Refuses = Callable[..., None], Callable[..., str]
Project = product.Project

NAMES = ("text", "vision", "audio")
PAIRS = list(permutations(NAMES, 2))
SOME = {"text": ["vision"], "vision": ["audio", "text"], "audio": []}
OTHERS = {"text": ["audio"], "vision": [], "audio": ["text", "vision"]}
POLICIES = [SOME, OTHERS]
"""Together they permit and refuse every ordered pair once."""


def test_every_call_says_whether_it_links_modalities() -> None:
    inside, found = False, set()
    for line in kept("names"):
        if not line.startswith(" "):
            inside = line in ("spaner.Project", "spaner.Space", "spaner.SpaceModality")
        elif inside:
            found.add(re.split(r"\W", line.strip()[1:])[0])
    assert found == {*ASKING, *LINKING_NOTHING}, "a new call is to be tried here, or links nothing"
    assert not LINKING_NOTHING & set(ASKING)


def test_every_command_says_whether_it_links_modalities() -> None:
    found = {line.split()[1] for line in kept("commands") if line.startswith("spaner ")}
    known = COMMANDS | COMMANDS_LINKING_NOTHING
    assert found == known - {"explain"}, "a new command is to be tried here, or links nothing"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, trained_project: Path) -> Path:
    """A copy of the trained project whose policy alone changes."""
    return Path(shutil.copytree(trained_project, tmp_path_factory.mktemp("doors") / "project"))


@pytest.fixture(params=POLICIES, ids=["some", "others"])
def links(request: pytest.FixtureRequest) -> dict[str, list[str]]:
    return dict(request.param)


def bound(folder: Path, configure: Configure, links: Any, purpose: str) -> Project:
    """Open the project with links for one purpose; all others are permitted everything."""
    by_purpose = {
        name: {
            one: list(links[name] if one == purpose else NAMES)
            for one in ("search", "propagate", "measure", "export")
        }
        for name in NAMES
    }
    configure(folder, by_purpose, "policy", "links")
    return Project(folder / "plugins.yaml")


def query(folder: Path, name: str) -> str:
    return {
        "text": "two",
        "vision": str(picture(folder)),
        "audio": str(next((folder / "audio/test").rglob("*.flac"))),
    }[name]


@pytest.mark.parametrize("call", ["search", "explain", "similarity", "propagate"])
def test_one_pair_at_a_time(
    call: str, folder: Path, links: dict[str, list[str]], configure: Configure
) -> None:
    project = bound(folder, configure, dict.fromkeys(NAMES, NAMES), "search")
    hits = {n: project.search("two", source="text", targets=n, k=1) for n in NAMES}
    project = bound(folder, configure, links, ASKING[call])
    space = project.space
    vectors = {n: space.encode(query(folder, n), modality=n) for n in NAMES}
    for source, target in PAIRS:
        given = query(folder, source)
        doors: dict[str, Callable[[str, str, str], object]] = {
            "search": lambda a, b, given: project.search(given, source=a, targets=b, k=1),
            "explain": lambda a, b, given: space.explain(given, hits[b][0], source=a, budget=1),
            "similarity": lambda a, b, _: space.similarity(vectors[a], vectors[b][:1]),
            "propagate": lambda a, b, _: project.propagate(
                product.Propagation(source=b, target=a, check=True, split="test")
            ),
        }
        if target in links[source]:
            assert doors[call](source, target, given) is not None
        else:
            with pytest.raises(product.SpanerError, match=f"'{source}' may not .* '{target}'"):
                doors[call](source, target, given)


def test_rows_as_queries_ask_too(folder: Path, configure: Configure) -> None:
    project = bound(folder, configure, SOME, "search")
    (row, *_) = project.manifest.select("text")
    assert len(project.search(like=row.id, targets="vision", k=1))
    with pytest.raises(product.SpanerError, match="'text' may not find 'audio'"):
        project.search(like=row.id, targets="audio")
    with pytest.raises(product.SpanerError, match="'text' may not find 'audio'"):
        project.search("two", source="text", targets=["vision", "audio"])


@pytest.mark.parametrize("call", ["evaluate", "few_shot", "robustness"])
def test_refused_pairs_are_not_measured(
    call: str, folder: Path, links: dict[str, list[str]], configure: Configure
) -> None:
    project = bound(folder, configure, links, "measure")
    doors: dict[str, Callable[[], list[Any]]] = {
        "evaluate": lambda: [project.evaluate(split="test")],
        "few_shot": lambda: [
            part.runs[0]
            for report in [project.few_shot(shots=[1], seeds=1)]
            for part in (*report.shots.values(), report.all_labels)
        ],
        "robustness": lambda: [
            {key: value for part in parts for key, value in part.figures.items()}
            for curves in [project.robustness(training=False).inputs]
            if curves is not None
            for kinds in curves.modalities.values()
            for parts in kinds.values()
        ],
    }
    for figures in doors[call]():
        known = {name for name in figures if re.fullmatch("[a-z]+_to_[a-z]+_map", name)}
        assert known
        for source, target in PAIRS:
            names = [name for name in _ordered_figures(source, target) if name in figures]
            measured = [name for name in names if figures[name] is not None]
            assert bool(measured) == (target in links[source] and bool(names)), (source, target)
    said = " ".join(project.notices)
    assert all((f"{a} → {b}" in said) == (b not in links[a]) for a, b in PAIRS)


def _ordered_figures(source: str, target: str) -> Iterator[str]:
    for name in ("recall@1", "map", "mrr@10", "item_map", "hub_skewness@10", "never_found@10"):
        yield f"{source}_to_{target}_{name}"


def test_what_is_symmetric_is_measured_where_one_way_is(folder: Path, configure: Configure) -> None:
    alone = {"text": ["vision"], "vision": [], "audio": []}
    figures = bound(folder, configure, alone, "measure").evaluate(split="test")
    assert figures["text_to_vision_modality_gap"] is not None
    for name in ("modality_gap", "matched_cosine", "alignment"):
        assert figures[f"audio_to_text_{name}"] is None
    assert figures["concept_v_measure"] is None
    assert figures["text_among_all_map"] is None
    assert figures["mean_map"] == figures["text_to_vision_map"]


def test_a_calibration_has_the_pairs_that_may_search(
    folder: Path, links: dict[str, list[str]], configure: Configure
) -> None:
    project = bound(folder, configure, links, "search")
    pairs = project.calibrate(overwrite=True).calibration.pairs
    assert pairs
    assert all(pair.target in links[pair.source] for pair in pairs)
    for path in folder.glob("space.calibration*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def test_new_rows_are_watched_where_their_modality_may_be_measured(
    folder: Path, links: dict[str, list[str]], configure: Configure
) -> None:
    bound(folder, configure, dict.fromkeys(NAMES, NAMES), "search").calibrate(
        unfamiliar_rate=0.1, overwrite=True
    )
    lines = (folder / "manifest.csv").read_text("utf-8").splitlines(keepends=True)
    new = folder / "new.csv"
    new.write_text("".join(line for line in lines if ",validation," not in line), encoding="utf-8")
    project = bound(folder, configure, links, "measure")
    found = {one.modality: one for one in project.monitor(new, *NAMES).modalities}
    assert found.keys() == {name for name in NAMES if links[name]}
    for name, one in found.items():
        assert [part.target for part in one.towards] == sorted(links[name])
    (barred,) = set(NAMES) - found.keys()
    assert any(barred in note and "measured with nothing" in note for note in project.notices)
    with pytest.raises(product.SpanerError, match=f"'{barred}' may not be measured with"):
        project.monitor(new, barred)
    project = bound(folder, configure, links, "search")
    for name in found:
        (one,) = project.monitor(new, name).modalities
        assert [part.target for part in one.towards] == sorted(links[name])
    (folder / "space.calibration.safetensors").unlink()
    new.unlink()


def test_where_nothing_may_be_measured_all_is_refused(
    folder: Path, configure: Configure, refuses: Refuses
) -> None:
    project = bound(folder, configure, dict.fromkeys(NAMES, ()), "measure")
    for ask in (
        lambda: project.evaluate(split="test"),
        lambda: project.few_shot(shots=[1], seeds=1),
        lambda: project.robustness(training=False),
        lambda: project.robustness(inputs=False, seeds=1),
        lambda: project.tune(trials=1, output=folder / "tuned.yaml"),
        lambda: project.report(folder / "report.html"),
    ):
        with pytest.raises(product.SpanerError, match="may not be measured with"):
            ask()
    assert not project.prompt(split="test").modalities
    refuses("evaluate", "--split", "test", cwd=folder, says=("policy", "Ask whoever keeps"))


def test_a_map_shows_none_that_may_not_be_compared(
    folder: Path, configure: Configure, tmp_path: Path
) -> None:
    links = {"text": ["vision"], "vision": ["audio"], "audio": []}
    project, picture_file = bound(folder, configure, links, "measure"), tmp_path / "map.png"
    with pytest.raises(product.SpanerError, match="'text' may not be measured with 'audio'"):
        project.evaluate(split="test", map_file=picture_file)
    assert not picture_file.exists()
    project.evaluate("text", "vision", split="test", map_file=picture_file)
    assert picture_file.exists()


def test_who_may_find_nothing_learns_no_concepts(folder: Path, configure: Configure) -> None:
    project = bound(folder, configure, {**SOME, "audio": []}, "search")
    with pytest.raises(product.SpanerError, match="'audio' may find nothing"):
        project.attention(query(folder, "audio"), modality="audio")
    assert project.attention("two", modality="text").weights


def test_what_nothing_may_find_is_neither_indexed_nor_exported(
    folder: Path, configure: Configure, tmp_path: Path
) -> None:
    links = {"text": ["vision"], "vision": ["vision"], "audio": ["vision"]}
    project = bound(folder, configure, dict.fromkeys(NAMES, NAMES), "search")
    project.index()
    project = bound(folder, configure, links, "search")
    assert [one.modality for one in project.index().modalities] == ["vision"]
    assert [one.modality for one in project.check_index().modalities] == ["vision"]
    assert not (folder / "space.index/text.json").exists()
    for ask in (project.index, project.check_index):
        with pytest.raises(product.SpanerError, match="nothing may find 'text'"):
            ask("text")
    shutil.rmtree(folder / "space.index")
    project = bound(folder, configure, links, "export")
    assert project.export("vision", tmp_path / "vision.parquet").rows
    with pytest.raises(product.SpanerError, match="'text', so they may not be exported"):
        project.export("text", tmp_path / "text.parquet")


def test_the_short_form_holds_for_all_purposes(folder: Path, configure: Configure) -> None:
    configure(folder, {"text": ["vision"]}, "policy", "links")
    project = Project(folder / "plugins.yaml")
    assert len(project.search("two", source="text", targets="vision", k=1))
    carried = product.Propagation(source="vision", target="text", check=True, split="test")
    assert project.propagate(carried).givers
    configure(folder, {"text": {"search": ["vision"]}}, "policy", "links")
    with pytest.raises(product.SpanerError, match="'text' may not take labels from 'vision'"):
        Project(folder / "plugins.yaml").propagate(carried)
