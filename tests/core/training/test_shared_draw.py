"""What a step draws: rows that belong together come together, and none is left out for ever."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows
from spaner_core.training.batches import SharedDraw

SIZE = 24
NONE = -1


def rows(concepts: Sequence[int] | int, items: Sequence[int] | int) -> LabelledRows:
    """Rows without features to speak of; one number stands for as many as the other side has."""
    count = len(concepts if isinstance(concepts, Sequence) else items)  # type: ignore[arg-type]
    both = [
        list(part) if isinstance(part, Sequence) else [part] * count for part in (concepts, items)
    ]
    return LabelledRows(
        features=FeatureRows(values=torch.zeros(count, 1, 1), mask=torch.ones(count, 1).bool()),
        concepts=torch.tensor(both[0]),
        items=torch.tensor(both[1]),
    )


def draws(*parts: LabelledRows, size: int = SIZE, count: int = 40) -> list[list[LabelledRows]]:
    """Give the rows of every part, drawn `count` times."""
    draw, generator = SharedDraw(parts), torch.Generator().manual_seed(0)
    given = [draw.places(size, generator=generator) for _ in range(count)]
    for places in given:
        for at in places:
            assert len(at.unique()) == len(at) <= size
    return [[part.take(at) for part, at in zip(parts, places, strict=True)] for places in given]


def known(numbers: torch.Tensor) -> set[int]:
    return set(numbers.tolist()) - {NONE}


def test_pairs_are_drawn_whole() -> None:
    items = range(2000)
    for first, second in draws(rows(NONE, items), rows(NONE, [*reversed(items)])):
        assert known(first.items) == known(second.items)
        assert len(first.items) == SIZE


def test_of_many_concepts_both_sides_get_the_same() -> None:
    every = [number % 300 for number in range(1500)]
    for first, second in draws(rows(every, NONE), rows(every[:900], NONE)):
        assert known(first.concepts) == known(second.concepts)
        assert len(known(first.concepts)) == SIZE


def test_of_few_concepts_several_rows_each_are_drawn_and_the_same_items() -> None:
    concepts, items = [number % 6 for number in range(600)], range(600)
    for first, second in draws(rows(concepts, items), rows(concepts, items)):
        assert first.concepts.bincount().tolist() == second.concepts.bincount().tolist() == [4] * 6
        assert known(first.items) == known(second.items)


def test_a_partner_without_a_concept_follows_that_of_its_item() -> None:
    concepts, items = [number % 100 for number in range(800)], range(800)
    for labelled, plain in draws(rows(concepts, items), rows(NONE, items)):
        assert known(labelled.items) == known(plain.items)


def test_concepts_meet_where_only_one_side_has_items() -> None:
    concepts = [number % 200 for number in range(800)]
    for first, second in draws(rows(concepts, range(800)), rows(concepts, NONE)):
        assert known(first.concepts) == known(second.concepts)


def test_few_labelled_pairs_come_by_among_many_that_are_not() -> None:
    concepts = [*range(8), *[NONE] * 1000]
    part = rows(concepts, range(len(concepts)))
    for first, second in draws(part, part):
        assert known(first.concepts) == set(range(8))
        assert known(first.items) == known(second.items)
        assert (first.concepts == NONE).sum() == SIZE - 8


def test_one_row_of_each_item_comes_first_and_in_time_every_row() -> None:
    views = rows(NONE, [number // 5 for number in range(200)])
    plain = rows(NONE, range(40))
    seen = set()
    for first, second in draws(views, plain, count=200):
        assert len(known(first.items)) == SIZE
        assert known(first.items) == known(second.items)
    draw, generator = SharedDraw([views, plain]), torch.Generator().manual_seed(1)
    for _ in range(200):
        seen |= set(draw.places(SIZE, generator=generator)[0].tolist())
    assert seen == set(range(200))


def test_rows_without_a_partner_come_by_and_do_not_crowd_out_the_others() -> None:
    shared, alone = [number % 4 for number in range(80)], range(100, 1100)
    first = rows([*shared, *[NONE] * 1000], [*[NONE] * 80, *alone])
    second = rows([*shared, *[5] * 20], NONE)
    counts = [
        (int((one.concepts >= 0).sum()), int((two.concepts == 5).sum()))
        for one, two in draws(first, second)
    ]
    assert {SIZE // 3 <= shared <= 2 * SIZE // 3 for shared, _ in counts} == {True}
    assert all(others for _, others in counts)


def test_three_modalities_that_share_some_things_only() -> None:
    first, second, third = (
        rows(NONE, range(400)), rows(NONE, range(300)), rows(NONE, range(250, 400))
    )  # fmt: skip
    whole = [0, 0]
    for one, two, three in draws(first, second, third, count=100):
        whole[0] += len(known(one.items) & known(two.items))
        whole[1] += len(known(one.items) & known(three.items))
    assert whole[0] / 100 > SIZE * 300 / 400 - 3
    assert whole[1] / 100 > SIZE * 150 / 400 - 3


def test_one_modality_alone_gets_all_its_concepts_evenly() -> None:
    for (part,) in draws(rows([*[0] * 500, *[1] * 20, *[2] * 5], NONE)):
        assert sorted(part.concepts.bincount().tolist()) == [5, 9, 10]
