from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from spaner_core.errors import ConfigError
from spaner_core.pretrained.locations import fetching, is_local, local_path, model_file

MODEL = "someone/some-model"


@pytest.mark.parametrize("model", ["./bert", "../bert", "/models/bert", ".", "./a folder/ü"])
def test_what_starts_with_a_dot_or_a_slash_is_a_folder(model: str) -> None:
    assert is_local(model)


@pytest.mark.parametrize("model", ["bert-base-uncased", MODEL, "hashed", "models/bert"])
def test_everything_else_is_a_name_on_the_hub(model: str) -> None:
    assert not is_local(model)


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    assert local_path(str(tmp_path)) == tmp_path
    with pytest.raises(ConfigError, match=r"adapter '.*lora': there is no such folder or file"):
        local_path(str(tmp_path / "lora"), what="adapter")
    os.mkfifo(tmp_path / "lora")
    with pytest.raises(ConfigError, match=r"lora': it is a pipe"):
        local_path(str(tmp_path / "lora"), what="adapter")


def test_a_file_of_a_folder_is_found_and_a_missing_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling/config.json").write_text("{}", encoding="utf-8")
    assert model_file(str(tmp_path), "1_Pooling/config.json") == tmp_path / "1_Pooling/config.json"
    assert model_file(str(tmp_path), "modules.json") is None
    assert model_file(str(tmp_path), "1_Pooling") is None


def test_a_name_that_cannot_be_fetched_says_what_and_what_to_do() -> None:
    with (
        pytest.raises(ConfigError, match=r"not in the cache .* modules.json .* adapter: ./folder"),
        fetching(MODEL, files="modules.json", what="adapter"),
    ):
        model_file(MODEL, "modules.json")


@pytest.mark.parametrize("model", ["no one/has this", "a/b/c", "hashd:latest"])
def test_what_cannot_be_a_name_is_a_wrong_option(model: str) -> None:
    with pytest.raises(ConfigError, match=r"model '.*Correct the name") as caught, fetching(model):
        model_file(model, "modules.json")
    assert "\n" not in str(caught.value)


def test_a_damaged_folder_says_what_was_expected_there(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match=r"cannot be loaded .no luck.; expected weights there"),
        fetching(str(tmp_path), files="weights"),
    ):
        raise OSError("no\nluck")


def test_a_folder_written_like_a_name_is_not_taken_by_chance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-bert").mkdir()
    monkeypatch.chdir(tmp_path)
    with (
        pytest.raises(ConfigError, match=r"a folder here.*write ./my-bert for the folder"),
        fetching("my-bert"),
    ):
        pass


@pytest.mark.parametrize("whole", [False, True], ids=["in part", "as a whole"])
def test_the_hubs_cache_is_used_and_remembers_what_is_not_there(
    tmp_path: Path, whole: bool
) -> None:
    """The cache is laid out as the Hub's library does, which reads its settings at import."""
    cache, commit = tmp_path / "models--someone--some-model", "0" * 40
    for folder in ("refs", f"snapshots/{commit}", f".no_exist/{commit}"):
        (cache / folder).mkdir(parents=True)
    (cache / "refs/main").write_text(commit, encoding="ascii")
    (cache / "snapshots" / commit / "config.json").write_text("{}", encoding="utf-8")
    (cache / ".no_exist" / commit / "modules.json").touch()
    if whole:  # as `hf download` leaves it
        (cache / "snapshots" / commit / ".gitattributes").touch()
    code = (
        "from spaner_core.pretrained.locations import model_file\n"
        f"print(model_file({MODEL!r}, 'config.json').name, model_file({MODEL!r}, 'modules.json'))\n"
        "try:\n"
        f"    print(model_file({MODEL!r}, 'unknown.json'))\n"
        "except OSError:\n"
        "    print('unknown')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HUB_CACHE": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.splitlines() == ["config.json None", "None" if whole else "unknown"]
