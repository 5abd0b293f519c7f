"""Several processes on one store, and encoders that misbehave there."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from spaner_core.features.freshness import SAMPLE_ROWS

from tests.app.feature_projects import TOY, ToyProject, counts, refused, rows_kept
from tests.app.plugin_site import PluginSite
from tests.process import Process

CALL = "        tokens = torch.zeros(len(batch)"
LOG = """
        with open("encoded.txt", "a") as log:
            log.writelines(f"{window}\\n" for window in batch)
"""
NAMED = '        self.fingerprint = fingerprint_options("toy", 1, options)\n'
WEIGHTS = "        import torch; self.norm = torch.nn.BatchNorm1d(1)\n"
DRIFTING = "        self.norm.running_mean += 1\n"
INPUTS = [f"{number} 0 {number % 5}" for number in range(300)]


@pytest.fixture
def site(tmp_path: Path) -> PluginSite:
    """The toy, which logs what it encodes."""
    found = PluginSite(tmp_path / "site")
    found.add("toy", TOY.replace(CALL, LOG + CALL))
    return found


def held_up(project: ToyProject, *arguments: str, at: str = "encoded.txt") -> Process:
    """Start a command and return when it is about to encode; it goes on when its end is awaited."""
    process = project.start(*arguments, stops=at)
    assert process.stopped(), process.end()
    return process


def waits(project: ToyProject, *arguments: str) -> Process:
    """Start a command that has to say that it waits for another."""
    process = project.start(*arguments)
    assert process.line().startswith("note: waiting for another process that writes in ")
    return process


def end(process: Process) -> str:
    ended = process.end()
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def encoded(*projects: ToyProject) -> Counter[str]:
    logs = [project.folder / "encoded.txt" for project in projects]
    return Counter(line for log in logs if log.exists() for line in log.read_text().splitlines())


def test_two_that_extract_the_same_rows_extract_each_once_and_one_says_that_it_waits(
    tmp_path: Path, site: PluginSite
) -> None:
    project = ToyProject(tmp_path / "a", site, INPUTS)
    first = held_up(project, "extract", "--json")
    second = waits(project, "extract", "--json")
    done = [counts(end(process))["toy"] for process in (first, second)]
    assert [(count["extracted"], count["reused"]) for count in done] == [(300, 0), (0, 300)]
    assert set(encoded(project).values()) == {1}
    assert len(rows_kept(project.store)) == len(set(rows_kept(project.store))) == 300


def test_two_whose_rows_overlap_leave_each_once_and_none_missing(
    tmp_path: Path, site: PluginSite
) -> None:
    one = ToyProject(tmp_path / "a", site, INPUTS[:200])
    other = ToyProject(tmp_path / "b", site, INPUTS[100:])
    first = held_up(one, "extract", "--json")
    second = waits(other, "extract", "--json")
    assert counts(end(first))["toy"]["extracted"] == 200
    count = counts(end(second))["toy"]
    assert (count["extracted"], count["reused"]) == (100, 100)
    assert encoded(one, other).most_common(1)[0][1] == 1
    assert len(rows_kept(one.store)) == len(set(rows_kept(one.store))) == 300


def test_many_at_once_on_an_empty_store(tmp_path: Path, site: PluginSite) -> None:
    projects = [
        ToyProject(tmp_path / str(number), site, INPUTS[number * 50 : 150 + number * 50])
        for number in range(4)
    ]
    started = [project.start("extract", "--json") for project in projects]
    done = [counts(end(process))["toy"] for process in started]
    assert sum(count["extracted"] for count in done) == 300
    assert all(count["quarantined"] == 0 for count in done)
    assert len(rows_kept(projects[0].store)) == len(set(rows_kept(projects[0].store))) == 300
    compared = SAMPLE_ROWS * len(projects)  # with what is stored by then
    assert encoded(*projects).total() <= 300 + compared


def test_who_needs_nothing_new_does_not_wait(tmp_path: Path, site: PluginSite) -> None:
    project = ToyProject(tmp_path / "a", site, INPUTS[:50])
    other = ToyProject(tmp_path / "b", site, INPUTS)
    assert project.counts()["extracted"] == 50
    first = held_up(other, "extract")
    assert project.counts()["reused"] == 50
    end(first)


def test_a_killed_extraction_holds_up_nobody(tmp_path: Path, site: PluginSite) -> None:
    project = ToyProject(tmp_path / "a", site, INPUTS)
    first = held_up(project, "extract")
    second = waits(project, "extract", "--json")
    first.kill()
    assert counts(end(second))["toy"]["rows"] == 300
    assert len(rows_kept(project.store)) == len(set(rows_kept(project.store))) == 300


@pytest.fixture
def slow_to_train(tmp_path: Path) -> ToyProject:
    """A project whose training can be stopped when its features are there and not yet read."""
    site = PluginSite(tmp_path / "site")
    busy = """

built = []

@hookimpl
def spaner_build_reader(features):
    built.append(features.dim)
    if built.count(3) == 2:  # the first is named in the record, before features are looked for
        open("busy", "w").close()
"""
    site.add("toy", TOY + busy)
    return ToyProject(tmp_path / "a", site, INPUTS)


@pytest.mark.parametrize("used", [True, False])
def test_a_training_ends_well_while_its_store_is_pruned_or_says_why_not(
    slow_to_train: ToyProject, tmp_path: Path, used: bool
) -> None:
    other = ToyProject(tmp_path / "b", slow_to_train.site, INPUTS[::2])
    assert other.counts()["extracted"] == 150
    assert slow_to_train.counts()["extracted"] == 150
    training = held_up(slow_to_train, "train", at="busy")
    if not used:
        (slow_to_train.folder / "plugins.yaml").rename(tmp_path / "away.yaml")
    pruned = json.loads(other.spaner("extract", "--prune", "--json").stdout)["pruned"]
    assert pruned["rows"] == (0 if used else 150)
    ended = training.end()
    if used:
        assert ended.returncode == 0, ended.stderr
    else:
        refused(ended, "pruned meanwhile? Run the command again")
        assert not (slow_to_train.folder / "space").exists()


def test_a_pruning_that_waits_for_an_extraction_keeps_what_that_brought(
    tmp_path: Path, site: PluginSite
) -> None:
    one = ToyProject(tmp_path / "a", site, INPUTS)
    other = ToyProject(tmp_path / "b", site, INPUTS[:10])
    assert other.counts()["extracted"] == 10
    # not where it encodes: a few of those ten are encoded again before it begins
    extracting = held_up(one, "extract", "--json", at="plan.json")
    pruning = waits(other, "extract", "--prune", "--json")
    assert counts(end(extracting))["toy"]["extracted"] == 290
    assert json.loads(end(pruning))["pruned"]["rows"] == 0
    assert one.counts()["reused"] == 300


def test_an_encoder_that_changes_its_own_weights_leaves_nothing_in_the_store(
    tmp_path: Path,
) -> None:
    site = PluginSite(tmp_path / "site")
    site.add("toy", TOY.replace(NAMED, NAMED + WEIGHTS).replace(CALL, DRIFTING + CALL))
    project = ToyProject(tmp_path / "a", site, INPUTS)
    refused(project.spaner("extract"), "changed its own weights")
    assert list(project.store.rglob("*.arrow")) == []


def test_features_too_large_for_16_bits_are_put_aside_and_kept_in_32(
    tmp_path: Path, site: PluginSite
) -> None:
    project = ToyProject(tmp_path / "a", site, [*INPUTS, "70000 0 0"])
    assert project.counts()["quarantined"] == 1
    reasons = (project.folder / "space.quarantine.csv").read_text(encoding="utf-8")
    assert "70000 0 0" in reasons
    assert "its features reach 7e+04" in reasons
    assert "set features.dtype to float32 in plugins.yaml" in reasons
    project.write([*INPUTS, *(f"{number} 0 0" for number in range(70_000, 70_010))])
    beyond = project.spaner("extract")
    assert beyond.returncode == 2
    assert "10 of 310 inputs cannot be used" in beyond.stderr
    assert "'70003 0 0': its features reach 7e+04" in beyond.stderr
    project.configure(dtype="float32")
    assert project.counts()["extracted"] == 310
