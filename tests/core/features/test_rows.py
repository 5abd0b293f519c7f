from __future__ import annotations

import torch
from spaner_core.features.rows import FeatureRows, join_rows


def rows(*lengths: int, padded_to: int | None = None) -> FeatureRows:
    width = padded_to or max(lengths)
    mask = torch.arange(width) < torch.tensor(lengths).unsqueeze(1)
    values = torch.randn(len(lengths), width, 2, generator=torch.Generator().manual_seed(width))
    return FeatureRows(values=values * mask.unsqueeze(-1), mask=mask)


def test_taking_rows_keeps_their_order() -> None:
    three = rows(2, 3, 1)
    taken = three.take(torch.tensor([2, 0]))
    assert torch.equal(taken.values, three.values[[2, 0]])
    assert torch.equal(taken.mask, three.mask[[2, 0]])
    assert len(taken) == 2


def test_joined_rows_keep_their_tokens_and_pad_with_zero() -> None:
    parts = [rows(2, 1), rows(4), rows(3, 3, 1)]
    joined = join_rows(parts)
    assert joined.values.shape == (6, 4, 2)
    assert joined.mask.sum(dim=1).tolist() == [2, 1, 4, 3, 3, 1]
    assert not joined.values[~joined.mask].any()
    expected = torch.cat([part.values[part.mask] for part in parts])
    assert torch.equal(joined.values[joined.mask], expected)


def test_joining_takes_in_rows_of_no_sample() -> None:
    empty = FeatureRows(values=torch.zeros(0, 1, 2), mask=torch.zeros(0, 1, dtype=torch.bool))
    joined = join_rows([empty, rows(2, 1), empty])
    assert torch.equal(joined.values, rows(2, 1).values)


def test_rows_of_one_length_compare_token_by_token_others_by_their_mean() -> None:
    same = rows(3, 3)
    assert torch.equal(same.flat(), same.values.reshape(2, 6))
    mixed = rows(3, 1)
    expected = torch.stack([mixed.values[0].mean(dim=0), mixed.values[1, 0]])
    torch.testing.assert_close(mixed.flat(), expected)
    longer = rows(3, 1, padded_to=7)
    longer.values[:, :3] = mixed.values
    torch.testing.assert_close(longer.flat(), expected)
