"""What stands in a file is given back as it was, or not at all."""

from __future__ import annotations

import random
import shutil
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from pyarrow import ipc
from spaner_core.errors import DataError
from spaner_core.features.batch_files import copy_batch_file, read_batch_file, write_batch_file
from spaner_core.features.encoding import EncodedSample
from spaner_core.features.stream import FeatureStream

from tests.core.features.stored_samples import IDENTITY, filled, identity, key, samples

DESCRIBED = asdict(IDENTITY)


def written(path: Path, given: dict[str, EncodedSample], *, dtype: str = "float16") -> Path:
    described = asdict(identity(dtype=dtype, dim=next(iter(given.values())).values.shape[1]))
    write_batch_file(path, given, dtype=dtype, identity=described)
    return path


def padded() -> dict[str, EncodedSample]:
    given = samples(1, 3, 2, 3, 4)
    list(given.values())[1].mask[[0, 2]] = False
    return given


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_tokens_and_padding_are_given_back(tmp_path: Path, dtype: str) -> None:
    given = padded()
    path = written(tmp_path / "a.arrow", given, dtype=dtype)
    file = read_batch_file(path, identity=asdict(identity(dtype=dtype)))
    content = path.read_bytes()
    assert file.keys == tuple(given)
    assert file.padding == ((), (0, 2), (), (), ())
    for place, sample in enumerate(given.values()):
        start, stop = file.span_bytes(place)
        kept = torch.frombuffer(bytearray(content[start:stop]), dtype=getattr(torch, dtype))
        assert file.tokens(place) == len(sample.values)
        assert torch.equal(kept.view(-1, file.dim), sample.values.to(kept.dtype))


def test_the_same_samples_make_the_same_bytes(tmp_path: Path) -> None:
    first, second = (written(tmp_path / name, padded()) for name in ("a.arrow", "b.arrow"))
    assert first.read_bytes() == second.read_bytes()


def test_anyone_can_read_a_file_with_pyarrow(tmp_path: Path) -> None:
    given = samples(2, 1)
    with ipc.open_file(written(tmp_path / "a.arrow", given)) as reader:
        table = reader.read_all()
    assert table["key"].to_pylist() == list(given)
    assert [len(tokens) for tokens in table["values"].to_pylist()] == [2, 1]
    assert table["values"].type == pa.list_(pa.list_(pa.float16(), 3))


@pytest.mark.parametrize("size", [7e4, -7e4, 65520.0])
def test_features_too_large_for_16_bits_are_refused_and_nothing_is_written(
    tmp_path: Path, size: float
) -> None:
    given = samples(1, 2)
    next(iter(given.values())).values[0, 1] = size
    with pytest.raises(DataError, match=r"set features\.dtype to float32") as caught:
        written(tmp_path / "a.arrow", given)
    assert f"{abs(size):.3g}" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
    written(tmp_path / "a.arrow", given, dtype="float32")


@pytest.mark.parametrize(
    "other",
    [{"encoder": "x"}, {"transform": "x"}, {"modality": "x"}, {"dtype": "float32"}, {"dim": 4}],
)
def test_features_of_another_identity_are_refused(tmp_path: Path, other: dict[str, Any]) -> None:
    path = written(tmp_path / "a.arrow", samples(1, 2))
    with pytest.raises(ValueError, match="another encoder"):
        read_batch_file(path, identity=asdict(identity(**other)))


def test_files_that_are_none_of_ours_are_refused(tmp_path: Path) -> None:
    plain = pa.table({"key": ["a"], "values": [[1.0]]})
    described = plain.replace_schema_metadata({"spaner": "{}"})
    tables = {"plain": plain, "described": described, "empty": plain.slice(0, 0)}
    for name, table in tables.items():
        with ipc.new_file(str(tmp_path / name), table.schema) as writer:
            writer.write_table(table)
    for name, content in {"nothing": b"", "noise": random.Random(0).randbytes(5000)}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder").mkdir()
    for name in (*tables, "nothing", "noise", "folder", "gone"):
        with pytest.raises(ValueError, match="damaged"):
            read_batch_file(tmp_path / name, identity=DESCRIBED)


def test_a_copy_of_some_samples_holds_them_bit_by_bit(tmp_path: Path) -> None:
    given = padded()
    source = written(tmp_path / "a.arrow", given)
    kept = [list(given)[place] for place in (1, 4)]
    copy_batch_file(source, tmp_path / "b.arrow", keys=set(kept), identity=DESCRIBED)
    directly = written(tmp_path / "c.arrow", {k: given[k] for k in kept})
    assert (tmp_path / "b.arrow").read_bytes() == directly.read_bytes()


def given_by(folder: Path, keys: Sequence[str]) -> dict[str, tuple[Any, Any]]:
    stream = FeatureStream(folder, IDENTITY)
    found = [name for name in keys if name in stream]
    rows = stream.rows(found)
    assert rows.even in (True, False)
    loaded = rows.load()
    return {
        name: (loaded.values[row][loaded.mask[row]].tolist(), int(loaded.mask[row].sum()))
        for row, name in enumerate(found)
    }


def damaged(content: bytes, place: int, bit: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :]


def test_a_flipped_bit_in_the_footer_never_gives_other_features(tmp_path: Path) -> None:
    given = padded()
    stream = filled(tmp_path / "s", given)
    (file,) = stream.files
    whole, content = given_by(tmp_path / "s", list(given)), file.path.read_bytes()
    footer = len(content) - 10 - int.from_bytes(content[-10:-6], "little")
    draw, refused = random.Random(0), 0
    for place in range(footer, len(content)):
        file.path.write_bytes(damaged(content, place, draw.randrange(8)))
        found = given_by(tmp_path / "s", list(given))
        assert found in ({}, whole), f"byte {place}"
        refused += not found
    assert refused > 100


def test_a_flipped_bit_anywhere_ends_in_no_traceback(tmp_path: Path) -> None:
    given = padded()
    stream = filled(tmp_path / "s", given)
    (file,) = stream.files
    content, draw = file.path.read_bytes(), random.Random(1)
    for _ in range(400):
        file.path.write_bytes(damaged(content, draw.randrange(len(content)), draw.randrange(8)))
        for kept, tokens in given_by(tmp_path / "s", list(given)).values():
            assert len(kept) == tokens


def test_a_flipped_bit_in_keys_lengths_or_padding_gives_no_row(tmp_path: Path) -> None:
    given = padded()
    stream = filled(tmp_path / "s", given)
    (file,) = stream.files
    content = file.path.read_bytes()
    keys = content.index(next(iter(given)).encode())
    lengths = file.offset_bytes - 24  # six places of four bytes, just before the tokens
    for place in (keys, keys + 100, *range(lengths, file.offset_bytes)):
        file.path.write_bytes(damaged(content, place, 0))
        assert given_by(tmp_path / "s", list(given)) == {}, f"byte {place}"


def test_numbers_that_begin_elsewhere_are_noticed(tmp_path: Path) -> None:
    """Found by flipping bits: a record batch's header says where the numbers lie."""
    given = samples(*[4] * 16, seed=3)
    path = written(tmp_path / "a.arrow", given)
    whole = path.read_bytes()
    expected = read_batch_file(path, identity=asdict(identity())).span_bytes(0)
    draw = random.Random(2)
    for _ in range(3000):
        path.write_bytes(damaged(whole, draw.randrange(len(whole)), draw.randrange(8)))
        try:
            file = read_batch_file(path, identity=asdict(identity()))
        except ValueError:
            continue
        assert file.span_bytes(0) == expected


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file_gives_no_row(tmp_path: Path, share: float) -> None:
    given = padded()
    stream = filled(tmp_path / "s", given)
    (file,) = stream.files
    content = file.path.read_bytes()
    file.path.write_bytes(content[: int(share * len(content))])
    assert given_by(tmp_path / "s", list(given)) == {}


def test_a_file_copied_from_another_encoders_stream_is_not_used(tmp_path: Path) -> None:
    given = samples(2, 2, 2)
    own = filled(tmp_path / "own", samples(1, 1, seed=1))
    foreign = filled(tmp_path / "foreign", given, of=identity(encoder="another"))
    shutil.copy(foreign.files[0].path, own.folder)
    again = FeatureStream(own.folder, IDENTITY)
    assert len(again.files) == 1
    assert not any(name in again for name in given)
    assert key("1-0") in again
