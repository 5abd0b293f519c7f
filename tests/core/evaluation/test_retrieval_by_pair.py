from __future__ import annotations

import json
import statistics
from itertools import permutations

import pytest
import torch
from spaner_core.data.matches import Labels, positives
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.retrieval import (
    Retrieval,
    retrieval,
    retrieval_by_item,
    retrieval_by_pair,
)
from torch import Tensor


def pair_scene() -> tuple[dict[str, Tensor], dict[str, Labels]]:
    random = torch.Generator().manual_seed(3)
    sizes = {"red": 12, "green": 15, "blue": 9}
    embeddings = {name: torch.randn(n, 6, generator=random) for name, n in sizes.items()}
    labels = {
        name: Labels(
            concepts=torch.randint(-1, 3, (n,), generator=random),
            items=torch.randint(-1, 4, (n,), generator=random),
        )
        for name, n in sizes.items()
    }
    return embeddings, labels


def assert_named(figures: dict[str, float | None], prefix: str, expected: Retrieval) -> None:
    assert figures[f"{prefix}recall@5"] == pytest.approx(expected.recall[5])
    assert figures[f"{prefix}mrr@10"] == pytest.approx(expected.mrr)
    assert figures[f"{prefix}map"] == pytest.approx(expected.mean_average_precision)
    assert figures[f"{prefix}median_rank"] == expected.median_rank
    assert figures[f"{prefix}unanswerable"] == expected.unanswerable


def assert_whole(figures: dict[str, float | None], *, by: str = "") -> None:
    """Check that every ordered pair has the same figures, and that means are of such figures."""
    pairs = [f"{src}_to_{dst}_{by}" for src, dst in permutations(("red", "green", "blue"), 2)]
    names = {key.removeprefix(pairs[0]) for key in figures if key.startswith(pairs[0])}
    means = {name for name in names if f"mean_{by}{name}" in figures}
    expected = {pair + name for pair in pairs for name in names}
    assert figures.keys() == expected | {f"mean_{by}{name}" for name in means}
    assert {"recall@1", "recall@5", "recall@10", "mrr@10", "map"} <= means < names


def test_every_ordered_pair_is_measured_and_averaged() -> None:
    embeddings, labels = pair_scene()
    figures = retrieval_by_pair(embeddings, labels)
    expected_map = []
    for src in embeddings:
        for dst in embeddings.keys() - {src}:
            relevant = positives(
                labels[src].concepts, labels[src].items, labels[dst].concepts, labels[dst].items
            )
            found = retrieval(embeddings[src], embeddings[dst], relevant)
            assert_named(figures, f"{src}_to_{dst}_", found)
            expected_map.append(found.mean_average_precision)
    assert figures["mean_map"] == pytest.approx(statistics.fmean(expected_map))
    assert figures["primary_metric"] == figures["mean_map"]
    assert_whole({name: value for name, value in figures.items() if name != "primary_metric"})


def test_pairs_that_share_nothing_are_none_and_leave_the_mean_alone() -> None:
    concepts = {"red": [0, 0, 1, 1], "green": [0, 1, 2, 3], "blue": [2, 2, 3, 3]}
    labels = {
        name: Labels(concepts=torch.tensor(ids), items=torch.full((4,), -1))
        for name, ids in concepts.items()
    }
    embeddings = {name: torch.eye(4)[labels[name].concepts] for name in labels}
    figures = retrieval_by_pair(embeddings, labels)
    assert figures["red_to_blue_map"] is None
    assert figures["red_to_blue_unanswerable"] == 4
    assert figures["green_to_red_unanswerable"] == 2
    assert figures["primary_metric"] == 1
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    alone = retrieval_by_pair({"red": embeddings["red"]}, {"red": labels["red"]})
    assert set(alone.values()) == {None}


@pytest.mark.parametrize("block_entries", [1 << 22, 3])
def test_a_sample_with_two_concepts_counts_once_and_answers_both(
    monkeypatch: pytest.MonkeyPatch, block_entries: int
) -> None:
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", block_entries)
    # the second and third row of `red` are one sample of the concepts 1 and 2
    red = Labels(
        concepts=torch.tensor([0, 1, 2]),
        items=torch.full((3,), -1),
        samples=torch.tensor([7, 4, 4]),
    )
    green = Labels(concepts=torch.tensor([0, 1, 2]), items=torch.full((3,), -1))
    embeddings = {"red": torch.eye(2)[[0, 1, 1]], "green": torch.eye(2)[[0, 1, 1]]}
    figures = retrieval_by_pair(embeddings, {"red": red, "green": green})
    assert figures["green_to_red_recall@1"] == 1
    assert figures["red_to_green_map"] == 1
    copies = Labels(concepts=red.concepts, items=red.items)
    assert retrieval_by_pair(embeddings, {"red": copies, "green": green})["mean_recall@1"] < 1


def test_labels_that_do_not_fit_the_embeddings_are_refused() -> None:
    embeddings, labels = pair_scene()
    with pytest.raises(ValueError, match="same modalities and rows"):
        retrieval_by_pair({**embeddings, "red": embeddings["red"][:-1]}, labels)
    with pytest.raises(ValueError, match="one width"):
        retrieval_by_pair({**embeddings, "red": embeddings["red"][:, :-1]}, labels)


def test_by_item_only_the_same_item_counts_whatever_the_concepts() -> None:
    embeddings, labels = pair_scene()
    figures = retrieval_by_item(embeddings, labels)
    expected_map = []
    for src in embeddings:
        for dst in embeddings.keys() - {src}:
            items, others = labels[src].items, labels[dst].items
            relevant = (items.unsqueeze(1) == others) & (items > -1).unsqueeze(1)
            found = retrieval(embeddings[src], embeddings[dst], relevant)
            assert found.unanswerable >= int((items == -1).sum()) > 0
            assert_named(figures, f"{src}_to_{dst}_item_", found)
            expected_map.append(found.mean_average_precision)
    assert figures["mean_item_map"] == pytest.approx(statistics.fmean(expected_map))
    assert_whole(figures, by="item_")
    assert not figures.keys() & retrieval_by_pair(embeddings, labels).keys()


def test_by_item_modalities_without_items_take_no_part() -> None:
    embeddings, labels = pair_scene()
    labels["green"] = Labels(concepts=labels["green"].concepts, items=torch.full((15,), -1))
    figures = retrieval_by_item(embeddings, labels)
    assert {key.rpartition("_item_")[0] for key in figures} == {
        "red_to_blue",
        "blue_to_red",
        "mean",
    }
    labels["blue"] = Labels(concepts=labels["blue"].concepts, items=torch.full((9,), -1))
    assert retrieval_by_item(embeddings, labels) == {}
