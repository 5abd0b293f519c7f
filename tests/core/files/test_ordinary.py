"""Pipes, devices and sockets where files are expected: told at once, nothing of them is read."""

from __future__ import annotations

import os
import shutil
import signal
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType

import pytest
from spaner import load
from spaner.search.calibration_file import read_calibration
from spaner_core.data.label_texts import read_label_texts
from spaner_core.data.manifest import read_manifest
from spaner_core.errors import SpaceError, SpanerError
from spaner_core.features.inputs import key_input
from spaner_core.features.store import USES, FeatureStore
from spaner_core.features.stream_records import DESCRIPTION, PLAN, REFUSED, read_plan
from spaner_core.files.documents import DEEPEST, parse_json
from spaner_core.files.ordinary import UnfitFile, open_ordinary, read_small
from spaner_core.space.receipts import RECEIPT, hash_tree, read_receipt, verify
from spaner_registry.config.settings import read_config

from tests.core import stored
from tests.core.features.stored_samples import filled, samples

PATIENCE_S = 60  # of a test whose read waits for ever


@pytest.fixture(autouse=True)
def never_waiting() -> Iterator[None]:
    def fail(_: int, __: FrameType | None) -> None:
        pytest.fail("it waits for what nobody writes")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(PATIENCE_S)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def link_to_device(path: Path) -> None:
    path.symlink_to("/dev/null")  # as good as an endless one, where it is read all the same


KINDS = {"a pipe": make_pipe, "a device": link_to_device}


def put(kind: str, path: Path) -> Path:
    """Let something else than a file stand at `path`."""
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    KINDS[kind](path)
    return path


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_named_and_never_read(tmp_path: Path, kind: str) -> None:
    path = put(kind, tmp_path / "given")
    with pytest.raises(UnfitFile, match=f"given: it is {kind}"):
        open_ordinary(path)
    with pytest.raises(UnfitFile, match=kind):
        read_small(path)


def test_sockets_and_folders_are_no_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("given")
    with pytest.raises(OSError, match="given"):
        open_ordinary(tmp_path / "given")
    with pytest.raises(IsADirectoryError):
        read_small(tmp_path)


def test_a_link_to_a_file_is_read_as_the_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    (tmp_path / "link").symlink_to("file")
    assert read_small(tmp_path / "link", largest=3) == b"abc"


def test_a_file_beyond_its_bound_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"abcd")
    with pytest.raises(UnfitFile, match="larger than 3 bytes"):
        read_small(path, largest=3)
    os.truncate(path, 2**40)  # no disk, and no memory, holds it
    with pytest.raises(UnfitFile, match="large"):
        read_small(path)


def test_a_file_without_a_size_is_read_to_its_end() -> None:
    path = Path("/proc/self/status")  # the system writes it as it is read
    assert path.stat().st_size == 0
    assert read_small(path).startswith(b"Name:")
    with pytest.raises(UnfitFile):
        read_small(path, largest=20)


READERS: dict[str, Callable[[Path], object]] = {
    "plugins.yaml": read_config,
    "labels.csv": read_label_texts,
    "manifest.csv": read_manifest,
    "manifest.jsonl": read_manifest,
    "manifest.parquet": read_manifest,
    "space.calibration.json": read_calibration,
    "space.calibration.safetensors": read_calibration,
    RECEIPT: read_receipt,
    "input.png": key_input,
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", READERS)
def test_every_reader_says_what_stands_in_place_of_its_file(
    tmp_path: Path, name: str, kind: str
) -> None:
    path = put(kind, tmp_path / name)
    with pytest.raises(SpanerError) as caught:
        READERS[name](path)
    said = str(caught.value)
    assert "\n" not in said
    assert "pipe" in said or "device" in said


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_an_aligner_of_no_files_is_damaged_and_the_others_work(
    tmp_path: Path, name: str, kind: str
) -> None:
    stored.save(tmp_path)
    put(kind, tmp_path / "aligners/second" / name)
    space = stored.load(tmp_path)
    assert len(space.embed("first", stored.rows("first"))) == 9
    assert set(space.damaged) == {"second"}
    with pytest.raises(SpaceError, match=kind):
        space.aligner("second")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_prompt_of_no_files_closes_the_space(tmp_path: Path, name: str, kind: str) -> None:
    stored.save(tmp_path)
    put(kind, tmp_path / "prompt" / name)
    with pytest.raises(SpaceError, match=kind) as caught:
        stored.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["config.json", RECEIPT, "stranger"])
def test_verifying_names_what_is_no_file(tmp_path: Path, name: str, kind: str) -> None:
    stored.save(tmp_path)
    put(kind, tmp_path / "aligners/second" / name)
    assert any(f"aligners/second/{name}" in problem for problem in verify(tmp_path))
    assert f"aligners/second/{name}" not in hash_tree(tmp_path)


@pytest.mark.parametrize("kind", KINDS)
def test_a_store_gives_what_its_ordinary_files_hold(tmp_path: Path, kind: str) -> None:
    first, second = samples(2, 3), samples(4, seed=1)
    stream = filled(tmp_path / "made", first, second)
    lost = stream.files[0]
    folder = tmp_path / "store" / stream.identity.folder
    shutil.copytree(stream.folder, folder)
    for name in (lost.path.name, DESCRIPTION, REFUSED, PLAN):
        put(kind, folder / name)
    put(kind, tmp_path / "store" / USES / "toy.json")
    store = FeatureStore(tmp_path / "store")
    opened = store.stream(stream.identity)
    kept = {*first, *second} - set(lost.keys)
    assert {key for key in (*first, *second) if key in opened} == kept
    assert len(opened.rows(sorted(kept)).load()) == len(kept)
    assert (opened.refused, read_plan(folder), store.uses()) == ({}, [], {})
    assert list(store.streams()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_a_space_is_not_copied_with_what_is_no_file(tmp_path: Path, kind: str) -> None:
    stored.save(tmp_path / "space")
    put(kind, tmp_path / "space/aligners/second/README.md")
    with pytest.raises(SpaceError, match=f"README.md.*{kind}"):
        load(tmp_path / "space").save_pretrained(tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'{"a": 1, "b": {"c": 1, "c": 1}}', "'c' twice"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "deeper"),
        (b"[" * 100_000 + b"]" * 100_000, "too deep"),
        (b"\xff", "utf-8"),
        (b"{", "Expecting"),
    ],
)
def test_json_that_may_be_read_in_two_ways_or_not_at_all(content: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_json(content)


def test_a_copy_of_a_receipt_with_other_line_ends_is_not_that_receipt(tmp_path: Path) -> None:
    stored.save(tmp_path)
    path = tmp_path / "prompt" / RECEIPT
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    with pytest.raises(SpaceError, match="changed"):
        read_receipt(path)
