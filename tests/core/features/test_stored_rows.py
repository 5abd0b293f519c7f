"""Rows in files are what the same rows in memory are."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spaner_core.errors import DataError
from spaner_core.features.encoding import EncodedSample
from spaner_core.features.rows import FeatureRows, flat_vectors, stack_rows
from spaner_core.features.stored_rows import StoredRows
from spaner_core.features.stream import FeatureStream

from tests.core.features.stored_samples import IDENTITY, filled, identity, samples

LENGTHS = (2, 1, 3, 3, 2, 5)


def in_memory(*batches: dict[str, EncodedSample]) -> FeatureRows:
    parts = [s for batch in batches for s in batch.values()]
    return stack_rows(
        [
            FeatureRows(values=s.values.half().float().unsqueeze(0), mask=s.mask.unsqueeze(0))
            for s in parts
        ]
    )


def uneven() -> list[dict[str, EncodedSample]]:
    batches = [samples(*LENGTHS, seed=seed) for seed in range(3)]
    list(batches[1].values())[3].mask[1] = False
    list(batches[1].values())[3].values[1] = 0
    return batches


@given(index=st.lists(st.integers(0, 17), min_size=1, max_size=40))
@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_rows_in_any_order_are_those_in_memory(tmp_path: Path, index: list[int]) -> None:
    batches = uneven()
    expected = in_memory(*batches).take(torch.tensor(index))
    stream = FeatureStream(tmp_path, IDENTITY)
    if not stream.files:
        stream = filled(tmp_path, *batches)
    rows = stream.rows([key for batch in batches for key in batch]).take(torch.tensor(index))
    loaded = rows.load()
    longest = loaded.values.shape[1]
    assert len(rows) == len(index)
    assert loaded.values.dtype == torch.float32
    assert torch.equal(loaded.values, expected.values[:, :longest])
    assert torch.equal(loaded.mask, expected.mask[:, :longest])
    assert not expected.mask[:, longest:].any()


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_what_was_loaded_can_be_changed_without_changing_the_store(
    tmp_path: Path, dtype: str
) -> None:
    given = samples(2, 2)
    stream = filled(tmp_path, given, of=identity(dtype=dtype))
    rows = stream.rows(list(given)[:1])
    before = stream.files[0].path.read_bytes()
    loaded = rows.load()
    kept = loaded.values.clone()
    loaded.values.add_(1)
    assert torch.equal(rows.load().values, kept)
    assert stream.files[0].path.read_bytes() == before


def test_no_rows_load_as_none_of_the_streams_width(tmp_path: Path) -> None:
    stream = filled(tmp_path, samples(2))
    rows = stream.rows([])
    assert len(rows) == 0
    assert rows.load().values.shape == (0, 1, 3)
    assert rows.even


def test_whether_rows_are_even_depends_on_them_and_not_on_their_neighbours(tmp_path: Path) -> None:
    given = samples(2, 3, 2, 1, 2)
    keys = list(given)
    given[keys[4]].mask[0] = False
    stream = filled(tmp_path, given)
    twos = stream.rows([keys[0], keys[2]])
    assert twos.even
    assert torch.equal(flat_vectors(twos), twos.load().values.flatten(1))
    assert not stream.rows(keys[:2]).even
    assert not stream.rows([keys[0], keys[4]]).even  # a token of it is padding
    alone = filled(tmp_path / "alone", {key: given[key] for key in (keys[0], keys[2])})
    assert torch.equal(flat_vectors(alone.rows([keys[0], keys[2]])), flat_vectors(twos))


def test_rows_scattered_over_files_are_read_and_no_file_stays_open(tmp_path: Path) -> None:
    batches = [samples(*[4] * 8, seed=seed) for seed in range(12)]
    stream = filled(tmp_path, *batches)
    places = torch.tensor([(f, s) for s in range(8) for f in range(12)])
    rows = StoredRows(stream.files, places, dim=3)
    expected = in_memory(*batches).values.view(12, 8, 4, 3).transpose(0, 1).reshape(96, 4, 3)
    for start in range(0, 96, 16):
        part = rows.take(torch.arange(start, start + 16)).load()
        assert torch.equal(part.values, expected[start : start + 16])
    opened = [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()]
    assert not [path for path in opened if path.startswith(str(tmp_path))]
    assert str(tmp_path) not in Path("/proc/self/maps").read_text(encoding="utf-8")


def test_a_file_that_went_or_shrank_meanwhile_is_told_in_one_line(tmp_path: Path) -> None:
    first, second = samples(2, 2), samples(2, 2, seed=1)
    stream = filled(tmp_path, first, second)
    rows = stream.rows([*first, *second])
    stream.files[0].path.unlink()
    with pytest.raises(DataError, match="Run the command again") as caught:
        rows.load()
    assert "\n" not in str(caught.value)
    path, whole = stream.files[1].path, stream.files[1].path.read_bytes()
    path.unlink()
    path.write_bytes(whole)  # another file, which may hold other samples at these places
    with pytest.raises(DataError, match="it was written anew"):
        stream.rows(list(second)).load()
    path.write_bytes(whole[:200])
    with pytest.raises(DataError, match="Run the command again"):
        stream.rows(list(second)).load()
    with pytest.raises(DataError, match="Run the command again"):
        stream.rows(list(first)).load()
