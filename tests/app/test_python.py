"""Python and the command line are equal doors: the same figures, files and refusals."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import spaner as product
from spaner_core.errors import ConfigError

from tests.app.answers import only_json
from tests.app.projects import picture

Run = Callable[..., subprocess.CompletedProcess[str]]
Tree = Callable[[Path], dict[str, str]]
Refuses = Callable[..., str]

TEXT_TO_VISION = product.Propagation(source="text", target="vision", check=True, split="test")
DOORS: dict[str, tuple[tuple[str, ...], Callable[[product.Project], Any]]] = {
    "evaluate": (("--split", "test"), lambda project: dict(project.evaluate(split="test"))),
    "check": (("--deep",), lambda project: asdict(project.check(deep=True))),
    "prompt": ((), lambda project: asdict(project.prompt())),
    "propagate": (
        ("--from", "text", "--to", "vision", "--check", "--split", "test"),
        lambda project: asdict(project.propagate(TEXT_TO_VISION)),
    ),
    "calibrate": (("--overwrite",), lambda project: asdict(project.calibrate(overwrite=True))),
    "verify": ((), lambda project: asdict(project.verify())),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, trained_project: Path) -> Path:
    """A copy of the trained project that nothing trains anew."""
    return Path(shutil.copytree(trained_project, tmp_path_factory.mktemp("doors") / "project"))


@pytest.fixture
def opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> product.Project:
    monkeypatch.chdir(folder)
    return product.Project("plugins.yaml")


@pytest.mark.parametrize("command", DOORS)
def test_a_call_finds_what_the_command_finds(
    command: str, opened: product.Project, spaner: Run, folder: Path
) -> None:
    flags, call = DOORS[command]
    told = only_json(spaner(command, *flags, "--json", cwd=folder))
    found = json.loads(json.dumps(call(opened), default=str))
    for measured in (found, told):
        measured.pop("expected_s", None)  # which is measured anew each time
    assert found == {name: told[name] for name in found}
    assert {name for name in told if name not in found} <= {"notices", "output", "sample"}


def test_trainings_of_one_seed_give_the_same_bytes(quick: Path, spaner: Run, tree: Tree) -> None:
    project = product.Project(quick / "plugins.yaml", space=quick / "mine", seed=3)
    report = project.train("text", "vision")
    assert spaner("train", "text", "vision", "--seed", "3", cwd=quick).returncode == 0
    weights = [tree(quick / name) for name in ("mine", "space")]
    mine, commands = (
        {path: digest for path, digest in one.items() if path.endswith(".safetensors")}
        for one in weights
    )
    assert mine == commands
    assert len(mine) > 2
    assert project.space.modalities == tuple(report.rows) == ("text", "vision")
    assert project.extend("three").concepts == ("three",)
    assert "three" in project.space.concepts, "the space is read anew"
    few = project.few_shot(shots=[1], seeds=1)
    assert list(few.to_pandas()["shots"]) == [1, "all"]
    assert "| labelled rows a concept |" in repr(few)


def test_results_are_shown_in_short_and_as_data_frames(opened: product.Project) -> None:
    figures = opened.evaluate(split="test")
    assert repr(figures).splitlines()[0] == "Evaluation of split test"
    frame = figures.to_pandas()
    assert len(frame) == 6  # ordered pairs of three modalities
    (best,) = frame[(frame["query"] == "text") & (frame["finds"] == "audio")]["recall@1"]
    assert best == figures["text_to_audio_recall@1"]
    carried = opened.propagate(TEXT_TO_VISION)
    assert list(carried.to_pandas()["id"]) == [label.id for label in carried.labels]
    assert f"labels: {len(carried.labels)}\n" in repr(carried)
    assert len(repr(carried).splitlines()) < 20
    frame = opened.calibrate(overwrite=True).to_pandas()
    assert {"same", "source", "target", "threshold.cosine"} <= set(frame.columns)
    hits = opened.search("two", source="text", targets="vision", k=3)
    assert list(hits.to_pandas()["rank"]) == [1, 2, 3]
    assert list(opened.index("text").to_pandas()["modality"]) == ["text"]


def test_a_result_without_rows_has_no_data_frame(opened: product.Project) -> None:
    with pytest.raises(ConfigError, match="Verification has no rows"):
        opened.verify().to_pandas()


def test_without_pandas_one_line_says_what_to_install(
    opened: product.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    hits = opened.search("two", source="text", targets="vision", k=1)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ConfigError, match=r"^[^\n]*pip install pandas$"):
        hits.to_pandas()


def test_files_that_exist_stay_and_new_ones_are_whole(opened: product.Project) -> None:
    kept = opened.config.path.parent / "kept"
    for name, write in {
        ".csv": lambda path: opened.propagate(TEXT_TO_VISION, output=path),
        ".png": lambda path: opened.evaluate(split="test", map_file=path),
        ".html": lambda path: opened.preview("two", modality="text", output=path),
    }.items():
        path = kept.with_suffix(name)
        path.write_bytes(b"mine")
        with pytest.raises(product.SpanerError, match="exists"):
            write(str(path))
        assert path.read_bytes() == b"mine"
        path.unlink()
        write(path)
        assert path.stat().st_size > 100


def test_one_input_is_looked_at(opened: product.Project, folder: Path, spaner: Run) -> None:
    sample = str(picture(folder))
    asked = ("prompt", "--sample", sample, "--from", "vision", "--json")
    told = only_json(spaner(*asked, cwd=folder))["sample"]
    assert json.loads(json.dumps(asdict(opened.attention(sample, modality="vision")))) == told
    shown = opened.preview(sample)
    assert (shown.modality, shown.preview.png is None) == ("vision", False)
    assert len(repr(shown)) < 500


def test_a_changed_byte_is_found(trained: Path) -> None:
    opened = product.Project(trained / "plugins.yaml")
    assert opened.verify().intact
    weights = trained / "space/aligners/vision/model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    found = opened.verify()
    assert not found.intact
    assert "vision" in found.problems[0]


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        (lambda p: p.search("two", source="text", targets="vision", k=0), "k is 0"),
        (lambda p: p.search("two", source="text", targets="visoin"), "did you mean 'vision'"),
        (lambda p: p.search(targets="vision"), "nothing was asked for"),
        (lambda p: p.search("two", source="text", targets="vision", where="one"), "COLUMN OP"),
        (lambda p: p.evaluate("text"), "only 'text' was named"),
        (lambda p: p.evaluate("text", "visoin"), "did you mean 'vision'"),
        (lambda p: p.attach("smell"), "'smell' is not declared"),
        (lambda p: p.calibrate(split="test"), "--split test"),
        (lambda p: p.calibrate(false_accept_rate=2), "false-accept rate is 2"),
        (lambda p: p.few_shot(seeds=0), "seeds is 0"),
        (lambda p: p.robustness(inputs=False, training=False), "neither inputs nor training"),
        (lambda p: p.tune(trials=0), "trials is 0"),
        (lambda p: product.Project(p.config, seed=-1), "seed is -1"),
        (lambda p: product.Project(p.config, space="/"), "space /: expected"),
        (lambda p: product.Project("none.yaml"), "none.yaml"),
        (lambda p: p.search("two", source="text", targets="vision", k="3"), "k is '3'"),
        (lambda p: p.search("two", source="text", targets="vision", k=2.5), "k is 2.5"),
        (lambda p: p.search("two", source="text", targets="vision", k=True), "k is True"),
        (lambda p: p.search("two", source="text", targets=None), "targets is None"),
        (lambda p: p.search("two", source=7, targets="vision"), "source is 7"),
        (lambda p: p.search("two", source="text", targets="vision", where=7), "where is 7"),
        (lambda p: p.search("two", source="text", targets="vision", weights="a"), "weights is 'a'"),
        (lambda p: p.search(like=[7], targets="vision"), "like is [7]"),
        (lambda p: p.explain("two", "vision-1", source="text"), "hit is a str"),
        (lambda p: p.index(["vision"]), "modality ['vision'] is not declared"),
        (lambda p: p.check_index(queries=-1), "queries is -1"),
        (lambda p: p.export("vision", None), "None was given for a path"),
        (lambda p: p.train("txt"), "did you mean 'text'"),
        (lambda p: p.attach(7), "modality 7 is not declared"),
        (lambda p: p.extend(), "no concept was named"),
        (lambda p: p.extend(7), "concepts is (7,)"),
        (lambda p: p.calibrate(false_accept_rate="a"), "rate is 'a'"),
        (lambda p: p.few_shot(shots="a"), "shots is 'a'"),
        (lambda p: p.tune(seconds="a"), "seconds is 'a'"),
        (lambda p: p.propagate(None), "spaner.Propagation"),
        (lambda p: p.space.similarity("a", "b"), "give embeddings"),
        (lambda p: product.Project(None), "None was given for a path"),
        (lambda p: product.load(7), "7 was given for a path"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(
    opened: product.Project, ask: Callable[[product.Project], object], says: str
) -> None:
    with pytest.raises(product.SpanerError) as refused:
        ask(opened)
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_policy_of_a_configuration_binds_its_space(
    trained: Path, configure: Callable[..., None]
) -> None:
    configure(trained, {"text": ["audio"]}, "policy", "links")
    space = product.load(trained / "plugins.yaml")
    assert space.search("two", source="text", targets="audio", k=1)
    with pytest.raises(product.SpanerError, match="'text' may not find 'vision'"):
        space.search("two", source="text", targets="vision")
