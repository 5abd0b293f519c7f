from __future__ import annotations

import pytest
import torch
from spaner_core.features.rows import (
    FeatureRows,
    JoinedRows,
    flat_vectors,
    load_in_batches,
    stack_rows,
)


def rows(*lengths: int, padded_to: int | None = None) -> FeatureRows:
    width = padded_to or max(lengths)
    mask = torch.arange(width) < torch.tensor(lengths).unsqueeze(1)
    values = torch.randn(len(lengths), width, 2, generator=torch.Generator().manual_seed(width))
    return FeatureRows(values=values * mask.unsqueeze(-1), mask=mask)


EMPTY = FeatureRows(values=torch.zeros(0, 1, 2), mask=torch.zeros(0, 1, dtype=torch.bool))

NONE = torch.zeros(0, dtype=torch.int64)


def same(first: FeatureRows, second: FeatureRows) -> bool:
    return torch.equal(first.values, second.values) and torch.equal(first.mask, second.mask)


def test_taking_rows_keeps_their_order() -> None:
    three = rows(2, 3, 1)
    taken = three.take(torch.tensor([2, 0]))
    assert torch.equal(taken.values, three.values[[2, 0]])
    assert torch.equal(taken.mask, three.mask[[2, 0]])
    assert len(taken) == 2


def test_stacked_rows_keep_their_tokens_and_pad_with_zero() -> None:
    parts = [rows(2, 1), rows(4), rows(3, 3, 1)]
    stacked = stack_rows(parts)
    assert stacked.values.shape == (6, 4, 2)
    assert stacked.mask.sum(dim=1).tolist() == [2, 1, 4, 3, 3, 1]
    assert not stacked.values[~stacked.mask].any()
    expected = torch.cat([part.values[part.mask] for part in parts])
    assert torch.equal(stacked.values[stacked.mask], expected)


def test_stacking_takes_in_rows_of_no_sample() -> None:
    stacked = stack_rows([EMPTY, rows(2, 1), EMPTY])
    assert torch.equal(stacked.values, rows(2, 1).values)


def test_joined_rows_are_those_of_their_parts_one_below_the_other() -> None:
    parts = [rows(2, 1), EMPTY, rows(4), rows(3, 3, 1), EMPTY]
    joined = JoinedRows(parts)
    assert len(joined) == 6
    assert same(joined.load(), stack_rows(parts))


@pytest.mark.parametrize("index", [[5, 0, 3], [2, 2, 1], [4], [0, 1, 2, 3, 4, 5]])
def test_joined_rows_are_taken_in_any_order_and_more_than_once(index: list[int]) -> None:
    joined = JoinedRows([rows(2, 1), EMPTY, rows(4), rows(3, 3, 1)])
    expected = joined.load().take(torch.tensor(index))
    taken = joined.take(torch.tensor(index)).load()
    longest = taken.values.shape[1]
    assert not expected.mask[:, longest:].any()
    assert torch.equal(taken.values, expected.values[:, :longest])
    assert torch.equal(taken.mask, expected.mask[:, :longest])
    again = joined.take(torch.tensor(index)).take(torch.tensor([0]))
    assert torch.equal(again.load().values[0], taken.values[0, : again.load().values.shape[1]])


def test_joined_rows_of_joined_rows() -> None:
    inner = JoinedRows([rows(2, 1), rows(3)])
    outer = JoinedRows([rows(1), inner.take(torch.tensor([2, 0]))])
    assert outer.load().mask.sum(dim=1).tolist() == [1, 3, 2]


def test_joined_rows_are_even_where_all_their_parts_are_so_alike() -> None:
    assert JoinedRows([rows(2, 2), EMPTY, rows(2)]).even
    assert not JoinedRows([rows(2, 2), rows(3)]).even
    assert not JoinedRows([rows(2, 2), rows(2, 1)]).even
    assert JoinedRows([EMPTY]).even


def test_no_joined_rows_load_as_none_of_their_width() -> None:
    for joined in (JoinedRows([EMPTY, EMPTY]), JoinedRows([rows(2), rows(3)]).take(NONE)):
        assert len(joined) == 0
        assert joined.load().values.shape[::2] == (0, 2)


@pytest.mark.parametrize("size", [1, 2, 4, 5, 100])
def test_rows_go_through_memory_a_batch_at_a_time(size: int) -> None:
    whole = rows(2, 3, 1, 3, 2)
    batches = list(load_in_batches(whole, size=size))
    assert max(map(len, batches)) == min(size, 5)
    assert same(stack_rows(batches), whole)


def test_rows_of_one_length_compare_token_by_token_others_by_their_mean() -> None:
    even = rows(3, 3)
    assert torch.equal(flat_vectors(even), even.values.reshape(2, 6))
    mixed = rows(3, 1)
    expected = torch.stack([mixed.values[0].mean(dim=0), mixed.values[1, 0]])
    torch.testing.assert_close(flat_vectors(mixed), expected)
    longer = rows(3, 1, padded_to=7)
    longer.values[:, :3] = mixed.values
    torch.testing.assert_close(flat_vectors(longer), expected)


def test_more_rows_than_a_batch_compare_as_they_do_together() -> None:
    many = rows(*[1 + number % 3 for number in range(300)])
    weights = many.mask.unsqueeze(-1)
    expected = (many.values * weights).sum(dim=1) / weights.sum(dim=1)
    torch.testing.assert_close(flat_vectors(many), expected)
    assert len(flat_vectors(EMPTY)) == 0
