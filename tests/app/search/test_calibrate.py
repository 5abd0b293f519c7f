"""`spaner calibrate` says what scores are worth, and `spaner search` uses it while it fits."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from spaner.commands import Project

from tests.app.search.calibrations import (
    FILE,
    FIND,
    OF_QUERY,
    RATE,
    document,
    pair_of,
    write_document,
)

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]
Tree = Callable[[Path], dict[str, str]]
KEYS = {"rank", "score", "id", "modality", "input", "concept", "exact"}


def only_json(done: subprocess.CompletedProcess[str]) -> Any:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def change(folder: Path, edit: Callable[[dict[str, Any]], None]) -> None:
    content = document(folder / FILE)
    edit(content)
    write_document(folder / FILE, content)


def test_it_writes_one_file_beside_the_space_and_says_what_each_pair_reached(
    attached: Path, spaner: Run, tree: Tree
) -> None:
    before = tree(attached)
    report = only_json(spaner("calibrate", *RATE, "--json", cwd=attached))
    new = {name for name in tree(attached).keys() - before.keys() if ".features" not in name}
    assert new == {FILE}
    assert spaner("verify", cwd=attached).returncode == 0
    stored = document(attached / FILE)
    assert report["path"] == FILE
    assert report["calibration"] == {k: v for k, v in stored.items() if k != "format_version"}
    assert {key["strength"] for key in stored["keys"].values()} == {0.5}
    pair = pair_of(stored, "text", "audio")
    assert (pair["queries"], pair["gallery"]) == (24, 12)
    assert pair["threshold"]["false_accept_rate"] <= 0.2

    told = spaner("calibrate", *RATE, "--overwrite", cwd=attached)
    assert told.returncode == 0, told.stderr
    assert max(map(len, told.stdout.splitlines())) <= 80
    row, _ = [line for line in told.stdout.splitlines() if line.startswith("│ text   │ audio")]
    for name in ("false_accept_rate", "false_reject_rate"):
        assert f" {pair['threshold'][name]:.3f} " in row
    assert document(attached / FILE) == stored


def test_hits_get_a_probability_that_grows_with_the_score(calibrated: Path, spaner: Run) -> None:
    hits = only_json(spaner(*FIND, "audio", "-k", "20", "--json", cwd=calibrated))
    assert all(set(hit) == {*KEYS, *OF_QUERY, "probability", "match"} for hit in hits)
    values = [hit["probability"] for hit in hits]
    assert values == sorted(values, reverse=True)
    assert 0 <= values[-1] < values[0] <= 1
    matches = [hit["match"] for hit in hits]
    assert matches == sorted(matches, reverse=True), "a better hit is refused, a worse one not"

    shown = spaner(*FIND, "audio,vision", "-k", "3", cwd=calibrated)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "probability" in shown.stdout


def test_hits_are_otherwise_those_without_a_calibration(
    calibrated: Path, attached: Path, spaner: Run
) -> None:
    find = (*FIND, "audio", "--json")
    plain = only_json(spaner(*find, cwd=attached))
    hits = only_json(spaner(*find, cwd=calibrated))
    assert [{key: hit[key] for key in KEYS} for hit in hits] == plain


def test_below_every_threshold_the_answer_is_no_match(calibrated: Path, spaner: Run) -> None:
    def refuse_audio(content: dict[str, Any]) -> None:
        pair_of(content, "text", "audio")["threshold"]["cosine"] = 1.5

    change(calibrated, refuse_audio)
    told = spaner(*FIND, "audio", cwd=calibrated)
    assert told.stdout.startswith("no match: ")
    assert "false-accept rate 0.2" in told.stdout.splitlines()[0]
    hits = only_json(spaner(*FIND, "audio", "--json", cwd=calibrated))
    assert [hit["match"] for hit in hits] == [False] * 10

    # another modality's threshold is its own
    def accept_vision(content: dict[str, Any]) -> None:
        pair_of(content, "text", "vision")["threshold"]["cosine"] = -1.5

    change(calibrated, accept_vision)
    both = spaner(*FIND, "audio,vision", "-k", "100", cwd=calibrated)
    assert "no match" not in both.stdout


def test_a_match_has_the_nearest_anchor_of_the_query_where_the_calibration_says_so(
    calibrated: Path, spaner: Run
) -> None:
    def pass_all(content: dict[str, Any]) -> None:
        threshold = pair_of(content, "text", "audio")["threshold"]
        threshold.update(cosine=-1.5, growth=0.0, same_anchor=True)

    change(calibrated, pass_all)
    space = Project(calibrated / "plugins.yaml").space
    every = (*FIND, "audio", "-k", "100", "--json")
    hits = only_json(spaner(*every, cwd=calibrated))
    rows = [calibrated / hit["input"] for hit in hits]
    vectors = [space.encode("two", modality="text"), space.encode(rows, modality="audio")]
    query, *found = (np.concatenate(vectors) @ space.prompt.anchors.numpy().T).argmax(axis=1)
    assert [hit["match"] for hit in hits] == sorted((one == query for one in found), reverse=True)
    assert {True, False} == {hit["match"] for hit in hits}
    assert spaner("index", cwd=calibrated).returncode == 0
    assert only_json(spaner(*every, cwd=calibrated)) == hits

    def as_before(content: dict[str, Any]) -> None:
        del pair_of(content, "text", "audio")["threshold"]["same_anchor"]

    change(calibrated, as_before)
    hits = only_json(spaner(*every, cwd=calibrated))
    assert {hit["match"] for hit in hits} == {True}, "earlier calibrations do not ask for it"


def test_a_pair_without_a_threshold_is_never_no_match(attached: Path, spaner: Run) -> None:
    done = spaner("calibrate", cwd=attached)
    assert done.returncode == 0, done.stderr
    lacking = [line for line in done.stderr.splitlines() if "vision → text" in line]
    assert len(lacking) == 1
    assert "got 10 queries to choose a false-accept rate of 0.05" in lacking[0]
    picture = next((attached / "vision" / "test").iterdir())
    find = ("search", picture, "--from", "vision", "--to", "text")
    hits = only_json(spaner(*find, "--json", cwd=attached))
    assert {hit["match"] for hit in hits} == {None}
    assert all(0 <= hit["probability"] <= 1 for hit in hits)
    assert "no match" not in spaner(*find, cwd=attached).stdout


def test_a_pair_that_is_not_calibrated_is_named_and_a_modality_itself_is_not(
    calibrated: Path, spaner: Run
) -> None:
    change(
        calibrated,
        lambda content: content["pairs"].remove(pair_of(content, "text", "audio")),
    )
    done = spaner(*FIND, "audio", "--json", cwd=calibrated)
    assert all(set(hit) == {*KEYS, *OF_QUERY} for hit in only_json(done))
    (note,) = done.stderr.splitlines()
    assert "'text' → 'audio'" in note
    alone = spaner(*FIND, "text", "--json", cwd=calibrated)
    assert all(set(hit) == {*KEYS, *OF_QUERY} for hit in only_json(alone))
    assert alone.stderr == ""


def test_another_pull_strength_is_not_calibrated(calibrated: Path, spaner: Run) -> None:
    find = (*FIND, "audio,vision", "--json", "--strength", "0.7")
    done = spaner(*find, cwd=calibrated)
    assert all(set(hit) == {*KEYS, *OF_QUERY} for hit in only_json(done))
    note, turns = done.stderr.splitlines()
    assert "not used for hits of 'audio', 'vision': it holds at pull strength 0.5, not 0.7" in note
    assert "turns" in turns
    renew = note.rpartition("`spaner ")[2].strip("`").split()
    assert renew == ["calibrate", "--overwrite", "--strength", "0.7"]
    hardly = spaner(*FIND, "audio", "--json", "--strength", "0.5000001", cwd=calibrated)
    assert "pull strength 0.5, not 0.5000001;" in hardly.stderr
    assert "--strength 0.5000001`" in hardly.stderr
    assert spaner(*renew, *RATE, cwd=calibrated).returncode == 0
    done = spaner(*find, cwd=calibrated)
    assert done.stderr == ""
    assert "probability" in only_json(done)[0]


def test_an_aligner_trained_anew_makes_its_own_pairs_stale_and_no_others(
    calibrated: Path, spaner: Run
) -> None:
    again = spaner("attach", "sensor", "--replace", "--seed", "5", "--quiet", cwd=calibrated)
    assert again.returncode == 0, again.stderr
    done = spaner(*FIND, "sensor,audio", "-k", "100", "--json", cwd=calibrated)
    for hit in only_json(done):
        assert (hit["probability"] is None) == (hit["modality"] == "sensor")
    note, turns = done.stderr.splitlines()
    assert "'text' → 'sensor'" in turns
    assert f"{FILE} is stale and not used for hits of 'sensor': 'sensor' has another" in note
    assert "spaner calibrate --overwrite`" in note
    assert spaner(*FIND, "audio,vision", cwd=calibrated).stderr == ""
    assert spaner(*FIND, "sensor", "--quiet", cwd=calibrated).stderr == ""


def test_links_bind_calibrating_and_searching(
    attached: Path, spaner: Run, refuses: Refuses, configure: Configure
) -> None:
    configure(attached, {"text": ["audio"], "vision": []}, "policy", "links")
    report = only_json(spaner("calibrate", *RATE, "--json", cwd=attached))
    pairs = [(pair["source"], pair["target"]) for pair in report["calibration"]["pairs"]]
    assert pairs == [("text", "audio")]
    refuses(*FIND, "vision", cwd=attached, says=("may not find 'vision'",))
    configure(attached, {}, "policy", "links")
    refuses("calibrate", "--overwrite", cwd=attached, says=("policy.links",))
