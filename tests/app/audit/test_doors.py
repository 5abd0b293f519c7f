"""Every door through which rows are linked or shown writes to the audit log, or stays shut."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import spaner as product
from spaner.audit.doors import DOOR
from spaner.audit.lines import Line
from spaner.audit.verify import read_log, verify_log
from spaner.audit.who import acting_as, who_acts

from tests import process
from tests.app.policy.doors import ASKING, LINKING_NOTHING, LOGGED_BESIDES
from tests.app.projects import picture

Configure, Refuses = Callable[..., None], Callable[..., str]
Project, Call = product.Project, Callable[[product.Project], object]

NAMES = ("text", "vision", "audio")
WRITTEN_OUT = {"similarity", "forget"}
"""Doors that are no calls with a report, or whose arguments the log must not have."""


@pytest.fixture(scope="module")
def folder(
    tmp_path_factory: pytest.TempPathFactory, trained_project: Path, configure: Configure
) -> Path:
    folder = Path(shutil.copytree(trained_project, tmp_path_factory.mktemp("log") / "project"))
    configure(folder, "runs/audit.jsonl", "policy", "audit_log")
    return folder


@pytest.fixture(autouse=True)
def new_log(folder: Path) -> Iterator[None]:
    yield
    shutil.rmtree(folder / "runs", ignore_errors=True)


def lines_of(folder: Path) -> list[Line]:
    log = folder / "runs/audit.jsonl"
    assert verify_log(log).intact
    return list(read_log(log))


def test_every_call_that_links_or_shows_rows_is_a_door() -> None:
    for name in (*ASKING, *LOGGED_BESIDES):
        owner = Project if hasattr(Project, name) else product.Space
        assert hasattr(getattr(owner, name), DOOR) == (name not in WRITTEN_OUT), name
    for name in LINKING_NOTHING - LOGGED_BESIDES:
        for owner in (Project, product.Space, product.SpaceModality):
            assert not hasattr(getattr(owner, name, None), DOOR), name


def carried(**more: object) -> product.Propagation:
    return product.Propagation(source="text", target="vision", check=True, split="test")


def measured(project: Project) -> object:
    space = project.space
    texts, images = (
        space.encode(given, modality=name)
        for given, name in (("two", "text"), (str(picture(project.config.path.parent)), "vision"))
    )
    return space.similarity(texts, images)


def explained(project: Project) -> object:
    (hit, *_) = project.search("two", source="text", targets="vision", k=1)
    return project.explain("two", hit, source="text", budget=1)


LINKING: dict[str, tuple[Call, set[tuple[str, str]]]] = {
    "search": (
        lambda project: project.search("two", source="text", targets="vision", k=2),
        {("text", "vision")},
    ),
    "explain": (explained, {("text", "vision")}),
    "similarity": (measured, {("text", "vision")}),
    "propagate": (lambda project: project.propagate(carried()), {("vision", "text")}),
    "evaluate": (
        lambda project: project.evaluate("text", "audio", split="test"),
        {("text", "audio"), ("audio", "text")},
    ),
    "attention": (lambda project: project.attention("two", modality="text"), set()),
    "prompt": (lambda project: project.prompt(split="test"), set()),
    "check_index": (lambda project: project.check_index("text", queries=1), set()),
}


def test_what_is_linked_is_logged_with_what_was_asked(folder: Path) -> None:
    project = Project(folder / "plugins.yaml")
    project.index("text")
    for name, (call, pairs) in LINKING.items():
        call(project)
        line = lines_of(folder)[-1]
        assert (line.action, line.outcome, set(line.pairs)) == (name, "done", pairs)
        assert (line.purpose, line.who) == (ASKING[name], who_acts())
        assert line.prompt == project.space.fingerprint or name == "similarity"
        assert {one for pair in pairs for one in pair} <= set(line.modalities)
    search = next(one for one in project.audit(action="search").lines)
    assert search.content is not None
    assert search.content["query"] == "two"
    assert len(search.content["rows"]) == search.line.counts["hits"] == 2
    assert search.line.aligners["text"] == project.space.vector_key("text").aligner
    shutil.rmtree(folder / "space.index")


def test_what_changes_files_is_logged_before_and_after(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "project"))
    project = Project(copy / "plugins.yaml")
    changing: dict[str, Call] = {
        "extract": lambda project: project.extract("vision"),
        "attach": lambda project: project.attach("sensor"),
        "extend": lambda project: project.extend("swimming"),
        "index": lambda project: project.index("vision"),
        "calibrate": lambda project: project.calibrate(),
        "export": lambda project: project.export("vision", copy / "vision.parquet"),
        "propagate": lambda project: project.propagate(carried(), output=copy / "carried.csv"),
        "train": lambda project: project.train("text", "vision", overwrite=True),
    }
    for name, call in changing.items():
        call(project)
        begun, done = lines_of(copy)[-2:]
        assert (begun.action, begun.outcome, done.action) == (name, "begun", name)
        assert (done.outcome, done.begun) == ("done", begun.n)
    assert done.prompt == project.space.fingerprint
    with pytest.raises(product.SpanerError):
        project.train("text", "vision")
    assert [line.outcome for line in lines_of(copy)[-2:]] == ["begun", "failed"]


def test_what_the_policy_refuses_is_logged(
    folder: Path, configure: Configure, refuses: Refuses
) -> None:
    (hit, *_) = Project(folder / "plugins.yaml").search("two", source="text", targets="vision", k=1)
    configure(folder, {}, "policy", "links")
    project = Project(folder / "plugins.yaml")
    refused: dict[str, Call] = {
        **{name: call for name, (call, _) in LINKING.items() if name != "prompt"},
        "explain": lambda project: project.explain("two", hit, source="text"),
        "index": lambda project: project.index("text"),
        "few_shot": lambda project: project.few_shot(shots=[1], seeds=1),
        "robustness": lambda project: project.robustness(training=False),
        "tune": lambda project: project.tune(trials=1, output=folder / "tuned.yaml"),
        "export": lambda project: project.export("text", folder / "text.parquet"),
        "report": lambda project: project.report(folder / "report.html"),
        "check_report": lambda project: project.check_report(folder / "report.html"),
        "monitor": lambda project: project.monitor(
            shutil.copyfile(folder / "manifest.csv", folder / "new.csv"), "text"
        ),
    }
    assert {*refused, "prompt", "calibrate"} == set(ASKING), "what asks is tried here"
    for name, call in refused.items():
        with pytest.raises(product.SpanerError, match="policy"):
            call(project)
        line = lines_of(folder)[-1]
        assert (line.action, line.outcome) == (name, "refused")
    before = len(lines_of(folder))
    process.spaner("search", "two", "--from", "text", "--to", "vision", cwd=folder)
    process.spaner("propagate", "--from", "text", "--to", "vision", "--check", cwd=folder)
    asked = [(one.action, one.outcome, one.pairs) for one in lines_of(folder)[before:]]
    assert asked == [
        ("search", "refused", (("text", "vision"),)),
        ("propagate", "refused", (("vision", "text"),)),
    ]
    configure(folder, {name: list(NAMES) for name in NAMES}, "policy", "links")


def test_nothing_is_shown_where_it_cannot_be_logged(
    folder: Path, configure: Configure, refuses: Refuses
) -> None:
    ask = ("search", "two", "--from", "text", "--to", "vision")
    configure(folder, "manifest.csv/audit.jsonl", "policy", "audit_log")
    refuses(*ask, cwd=folder, says=("audit log", "manifest.csv/audit.jsonl", "nothing is done"))
    configure(folder, "runs/audit.jsonl", "policy", "audit_log")
    Project(folder / "plugins.yaml").search("two", source="text", targets="vision")
    log = folder / "runs/audit.jsonl"
    before = log.read_bytes()
    room = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({len(before)},) * 2)\n"
    full = process.python(room + process.MAIN, *ask, cwd=folder)
    assert (full.returncode, full.stdout) == (2, "")
    assert "cannot be written" in full.stderr
    assert log.read_bytes() == before


def test_a_service_names_who_asks(folder: Path) -> None:
    project = Project(folder / "plugins.yaml")
    with acting_as("token of alice"):
        project.search("two", source="text", targets="vision", k=1)
    project.search("two", source="text", targets="vision", k=1)
    first, second = lines_of(folder)
    assert (first.who, second.who) == ("token of alice", who_acts())


def test_the_log_is_shown_filtered_and_verified(folder: Path, refuses: Refuses) -> None:
    project = Project(folder / "plugins.yaml")
    project.search("two", source="text", targets="vision", k=1)
    project.evaluate("text", "audio", split="test")
    told = process.spaner("audit", "--json", "--action", "search", cwd=folder)
    (line,) = json.loads(told.stdout)
    assert (line["n"], line["content"]["query"]) == (1, "two")
    for flags, found in (
        (("--modality", "audio"), 1),
        (("--modality", "text"), 2),
        (("--who", "nobody"), 0),
        (("--since", line["at"][:10], "--until", line["at"][:10]), 2),
        (("--until", "2020-01-01"), 0),
        (("--last", "1"), 1),
    ):
        told = process.spaner("audit", "--json", *flags, cwd=folder)
        assert len(json.loads(told.stdout)) == found, flags
    assert "text → vision" in process.spaner("audit", cwd=folder).stdout
    refuses("audit", "--since", "yesterday", cwd=folder, says=("--since yesterday", "2026-01-31"))
    refuses("audit", "--verify", "--who", "x", cwd=folder, says=("whole log",))

    saved = process.spaner("audit", "--save-head", "head.json", cwd=folder)
    assert saved.returncode == 0, saved.stderr
    refuses("audit", "--save-head", "head.json", cwd=folder, says=("head.json exists",))
    refuses("audit", "--head", "plugins.yaml", cwd=folder, says=("no head",))
    log = folder / "runs/audit.jsonl"
    log.write_bytes(log.read_bytes().splitlines(keepends=True)[0])
    assert process.spaner("audit", "--verify", cwd=folder).returncode == 0
    refuses("audit", "--head", "head.json", cwd=folder, says=("its tail was cut",))
    log.write_bytes(log.read_bytes().replace(b"search", b"export"))
    refuses("audit", "--verify", cwd=folder, says=("line 1 was changed",))
    found = process.spaner("audit", "--verify", "--json", cwd=folder)
    assert (found.returncode, json.loads(found.stdout)["intact"]) == (2, False)
    (folder / "head.json").unlink()


def test_a_project_without_a_log_writes_none(folder: Path, trained: Path, refuses: Refuses) -> None:
    Project(trained / "plugins.yaml").search("two", source="text", targets="vision", k=1)
    assert not list(trained.glob("**/audit*"))
    refuses("audit", cwd=trained, says=("asks for no audit log", "audit_log:"))
