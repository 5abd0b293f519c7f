from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.data.matches import Labels, SamplePositives, positives

IDS = st.lists(st.integers(-1, 3), min_size=1, max_size=8)


@settings(deadline=None, max_examples=80)
@given(IDS, IDS, st.data())
def test_positives_follow_the_rule_and_are_symmetric(
    concepts_a: list[int], concepts_b: list[int], data: st.DataObject
) -> None:
    def items(n: int) -> list[int]:
        return data.draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n))

    items_a, items_b = items(len(concepts_a)), items(len(concepts_b))
    a = torch.tensor(concepts_a), torch.tensor(items_a)
    b = torch.tensor(concepts_b), torch.tensor(items_b)
    found = positives(*a, *b)
    for i, (c, t) in enumerate(zip(concepts_a, items_a, strict=True)):
        for j, (d, u) in enumerate(zip(concepts_b, items_b, strict=True)):
            expected = c == d if c != -1 and d != -1 else (t == u and t != -1)
            assert bool(found[i, j]) == expected
    assert torch.equal(found, positives(*b, *a).T)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.booleans(), st.booleans(), st.integers(1, 4))
def test_samples_belong_together_when_any_of_their_rows_do(
    seed: int, several_a: bool, several_b: bool, step: int
) -> None:
    random = torch.Generator().manual_seed(seed)

    def draw(several: bool) -> Labels:
        concepts, items, samples = torch.randint(-1, 5, (3, 9), generator=random)
        return Labels(concepts=concepts, items=items, samples=samples if several else None)

    def samples_of(labels: Labels) -> list[list[int]]:
        if labels.samples is None:
            return [[row] for row in range(9)]
        numbers = labels.samples.tolist()
        return [[r for r in range(9) if numbers[r] == n] for n in sorted(set(numbers))]

    a, b = draw(several_a), draw(several_b)
    by_row = positives(a.concepts, a.items, b.concepts, b.items)
    expected = [
        [any(by_row[i, j] for i in rows for j in others) for others in samples_of(b)]
        for rows in samples_of(a)
    ]
    found = SamplePositives(a, b)
    assert tuple(found.shape) == (len(expected), len(expected[0]))
    parts = [found[start : start + step] for start in range(0, len(expected), step)]
    assert torch.cat(parts).tolist() == expected
    assert a.first_rows().tolist() == [rows[0] for rows in samples_of(a)]


def test_positives_refuse_rows_that_do_not_fit() -> None:
    three, two = torch.tensor([0, 1, 2]), torch.tensor([0, 1])
    with pytest.raises(ValueError, match="3 and 2 ids"):
        positives(three, two, two, two)
    with pytest.raises(ValueError, match="float32"):
        Labels(concepts=two.float(), items=two)
