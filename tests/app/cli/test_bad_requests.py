"""What is wrong with flags, a query, an output or a space is refused in a line, nothing written."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
Refuses = Callable[..., str]
Configure = Callable[..., None]
Tree = Callable[[Path], dict[str, str]]

FIND = ("search", "two", "--from", "text", "--to", "audio")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((*FIND, "--strength", "2"), ("--strength", "2", "1")),
        ((*FIND, "--strength", "nan"), ("--strength", "nan")),
        (("evaluate", "--strength", "-0.1"), ("--strength", "0.1")),
        ((*FIND, "-k", "0"), ("-k", "0")),
        ((*FIND, "-k", "many"), ("-k", "many")),
        ((*FIND, "--split", "tset"), ("'tset'", "test")),
        (("evaluate", "--split", "tset"), ("no row has split 'tset'; expected one of: train, ",)),
        (("evaluate", "--split", ""), ("split",)),
        (("search", "two", "--to", "audio"), ("--from",)),
        (("search", "two", "--from", "text"), ("--to",)),
        (("search", "two", "--from", "text", "--to", ","), ("no modality was named",)),
        (("search", "two", "--from", "smell", "--to", "audio"), ("'smell'", "text")),
        (("search", "two", "--from", "text", "--to", "smell"), ("'smell'", "text")),
        (("search", "two", "--from", "text", "--to", "audio,smell"), ("'smell'",)),
        (("search", "", "--from", "text", "--to", "audio"), ("''",)),
        (("search", "...", "--from", "text", "--to", "audio"), ("'...'",)),
        (("search", "\udcff", "--from", "text", "--to", "audio"), ("UTF-8",)),
        (("search", "none.png", "--from", "vision", "--to", "text"), ("none.png",)),
        (("search", "vision", "--from", "vision", "--to", "text"), ("vision",)),
        (("search", "manifest.csv", "--from", "audio", "--to", "text"), ("manifest.csv",)),
        (("train", "--seed", "-1", "--overwrite"), ("--seed", "-1")),
        (("train", "--seed", "4294967296", "--overwrite"), ("--seed",)),
        (
            ("train", "--device=tpu", "--overwrite"),
            ("for '--device': Input should be 'auto', 'cpu' or 'cuda', not tpu. See",),
        ),
        ((*FIND, "--same", "other"), ("'--same': Input should be 'thing' or 'kind', not other.",)),
        (("train", "--device", "cuda", "--overwrite"), ("device 'cuda'", "cpu")),
        (("train", "vision", "--overwrite"), ("labels_from", "text")),
        (("attach",), ("name",)),
        (("attach", "smell"), ("'smell'",)),
        (("attach", "text"), ("'text'",)),
        (("attach", "sensor"), ("'sensor'", "already")),
        (("train",), ("space", "attach", "--overwrite")),
        (("fly",), ("fly",)),
        (("train", "--sed", "1"), ("--sed",)),
    ],
    ids=lambda words: " ".join(words),
)
def test_a_wrong_request(
    arguments: tuple[str, ...], says: tuple[str, ...], attached: Path, refuses: Refuses
) -> None:
    refuses(*arguments, cwd=attached, says=says)


def test_train_refuses_an_existing_space_before_reading_anything(
    trained: Path, refuses: Refuses
) -> None:
    shutil.rmtree(trained / "vision")
    refuses("train", cwd=trained, says=("space", "attach"))


@pytest.mark.parametrize(
    "command",
    [("evaluate",), FIND, ("attach", "sensor"), ("verify",)],
    ids=lambda command: str(command[0]),
)
def test_a_folder_that_is_no_space(
    command: tuple[str, ...], project: Path, refuses: Refuses
) -> None:
    said = refuses(*command, "--space", "vision", cwd=project, says=("vision", "no space"))
    assert len(said.splitlines()) == 1
    refuses(*command, "--space", "nowhere", cwd=project, says=("nowhere",))
    refuses(*command, "--space", "labels.csv", cwd=project, says=("labels.csv",))


def test_the_working_folder_is_no_place_for_a_space(project: Path, refuses: Refuses) -> None:
    for place in (".", "..", ""):
        refuses("train", "text", "vision", "--space", place, "--overwrite", cwd=project,
                says=("no space",))  # fmt: skip


@pytest.mark.parametrize("place", ["/", "circle", "circle/below"])
def test_a_place_at_which_nothing_can_be_kept(project: Path, refuses: Refuses, place: str) -> None:
    (project / "circle").symlink_to("circle")
    for flag in ("--space", "--manifest"):
        refuses("check", flag, place, cwd=project, says=(f"{flag} {place}: expected",))
    refuses("verify", "--space", place, cwd=project, says=(place,))


def test_a_new_plugin_in_a_circle_of_links(tmp_path: Path, refuses: Refuses) -> None:
    (tmp_path / "circle").symlink_to("circle")
    refuses("plugins", "new", "thermal", "--folder", "circle", cwd=tmp_path, says=("circle",))


def test_an_empty_working_folder_takes_a_space(project: Path, spaner: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = spaner("train", "text", "vision", "-c", project / "plugins.yaml", "--space", ".",
                  cwd=tmp_path / "empty")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert spaner("verify", "--space", tmp_path / "empty", cwd=tmp_path).returncode == 0


def test_a_text_longer_than_any_file_name_is_a_text(attached: Path, spaner: Run) -> None:
    done = spaner("search", "two " * 1000 + ".txt", *FIND[2:], cwd=attached)
    assert done.returncode == 0, done.stderr[-200:]


def test_a_target_named_twice_is_searched_once(attached: Path, spaner: Run) -> None:
    done = spaner(*FIND[:-1], "audio,audio", "-k", "6", "--json", cwd=attached)
    assert done.returncode == 0, done.stderr
    found = [hit["id"] for hit in json.loads(done.stdout)]
    assert len(found) == len(set(found))


def test_train_overwrites_nothing_but_a_space(project: Path, refuses: Refuses) -> None:
    for place in ("vision", "labels.csv"):
        refuses("train", "text", "vision", "--space", place, "--overwrite", cwd=project,
                says=(place, "no space"))  # fmt: skip


def test_outputs_that_cannot_be_written(project: Path, attached: Path, refuses: Refuses) -> None:
    refuses("train", "text", "vision", "--space", "labels.csv/space", cwd=project,
            says=("labels.csv",))  # fmt: skip
    refuses("evaluate", "--map", "labels.csv/map.png", cwd=attached, says=("labels.csv",))
    refuses("evaluate", "--map", "vision", cwd=attached, says=("vision",))


@pytest.mark.parametrize(
    ("modality", "option", "value"),
    [("vision", "orientations", 7), ("text", "dim", 256), ("audio", "bands", 32)],
)
def test_a_space_made_by_another_encoder(
    modality: str,
    option: str,
    value: int,
    attached: Path,
    refuses: Refuses,
    configure: Configure,
) -> None:
    configure(attached, value, "modalities", modality, "encoder", option)
    refuses("evaluate", cwd=attached, says=(repr(modality), "train"))
    series = next((attached / "sensor" / "test").iterdir())
    find = ("--from", "sensor", "--to", modality)
    refuses("search", series, *find, cwd=attached, says=(repr(modality),))


def test_other_modalities_stay_usable_beside_another_encoder(
    attached: Path, spaner: Run, configure: Configure
) -> None:
    configure(attached, 7, "modalities", "vision", "encoder", "orientations")
    assert spaner(*FIND, cwd=attached).returncode == 0


def test_an_aligner_of_another_prompt(attached: Path, refuses: Refuses, spaner: Run) -> None:
    done = spaner("train", "text", "audio", "--seed", "9", "--space", "other", cwd=attached)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(attached / "space/aligners/audio")
    shutil.copytree(attached / "other/aligners/audio", attached / "space/aligners/audio")
    refuses(*FIND, cwd=attached, says=("aligners/audio", "another prompt"))
    told = spaner("evaluate", "--json", cwd=attached)
    assert told.returncode == 0, told.stderr
    assert "'audio' is left out: " in told.stderr
    assert "another prompt" in told.stderr
    assert not any("audio" in name for name in json.loads(told.stdout))


@pytest.mark.parametrize("part", ["prompt", "aligners/text"])
@pytest.mark.parametrize("file", ["config.json", "model.safetensors"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\xff\xfe\x00"])
def test_a_damaged_space(
    part: str, file: str, content: bytes | None, attached: Path, refuses: Refuses
) -> None:
    path = attached / "space" / part / file
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content)
    refuses(*FIND, cwd=attached, says=(f"space/{part}",))


@pytest.mark.parametrize(
    ("key", "value"),
    [("features", {}), ("features", 3), ("concepts", None), ("anchor_count", "many"),
     ("modality", "vision"), ("format_version", 99)],
)  # fmt: skip
def test_an_aligner_whose_record_was_edited(
    key: str, value: object, attached: Path, refuses: Refuses
) -> None:
    path = attached / "space/aligners/text/config.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**record, key: value}), encoding="utf-8")
    refuses(*FIND, cwd=attached, says=("aligners/text",))


def test_evaluate_needs_two_modalities(attached: Path, refuses: Refuses) -> None:
    for name in ("audio", "vision", "sensor"):
        shutil.rmtree(attached / "space/aligners" / name)
    refuses("evaluate", cwd=attached, says=("text", "two"))


def test_policy_links_bind_search(attached: Path, refuses: Refuses, configure: Configure) -> None:
    configure(attached, {"audio": ["text"]}, "policy", "links")
    refuses(*FIND, cwd=attached, says=("plugins.yaml:", "'text'", "'audio'"))
    sound = next(iter(sorted(attached.glob("audio/test/*/two.flac"))))
    refuses("search", sound, "--from", "audio", "--to", "text,vision", cwd=attached,
            says=("'vision'",))  # fmt: skip


def test_policy_links_leave_what_they_list(
    attached: Path, spaner: Run, configure: Configure
) -> None:
    configure(attached, {"text": ["audio"]}, "policy", "links")
    assert spaner(*FIND, cwd=attached).returncode == 0


def test_policy_allow_binds_search(attached: Path, refuses: Refuses, configure: Configure) -> None:
    configure(attached, ["spaner-text"], "policy", "allow")
    refuses(*FIND, cwd=attached, says=("audio", "policy"))


def test_a_modality_that_the_configuration_no_longer_declares(
    attached: Path, refuses: Refuses
) -> None:
    path = attached / "plugins.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    start = lines.index("  audio:")
    path.write_text("\n".join(lines[:start] + lines[start + 3 :]), encoding="utf-8")
    rows = (attached / "manifest.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    kept = [row for row in rows if not row.startswith("audio-")]
    (attached / "manifest.csv").write_text("".join(kept), encoding="utf-8")
    refuses(*FIND, cwd=attached, says=("'audio'", "declare"))
