from __future__ import annotations

import json
import statistics
from collections.abc import Mapping
from itertools import product

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.data.matches import Labels, positives
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.mixed_gallery import (
    MixedRetrieval,
    mixed_retrieval,
    mixed_retrieval_by_modality,
)
from spaner_core.evaluation.retrieval import retrieval
from torch import Tensor
from torch.nn.functional import cosine_similarity

NAMES = ("red", "green", "blue")
KS = (1, 3, 20)  # the gallery has 12 rows beside the query


def labelled(concepts: list[int], items: list[int] | None = None) -> Labels:
    return Labels(
        concepts=torch.tensor(concepts, dtype=torch.int64),
        items=torch.tensor(items or [-1] * len(concepts), dtype=torch.int64),
    )


def scene(seed: int, *, levels: int = 20) -> tuple[dict[str, Tensor], dict[str, Labels]]:
    """Random rows and labels of three modalities; few `levels` make equal scores."""
    random = torch.Generator().manual_seed(seed)
    distinct = torch.randn(levels, 4, generator=random)
    embeddings, labels = {}, {}
    for name, rows in zip(NAMES, (7, 1, 5), strict=True):
        embeddings[name] = distinct[torch.randint(levels, (rows,), generator=random)]
        concepts, items = torch.randint(-1, 3, (2, rows), generator=random)
        labels[name] = Labels(concepts=concepts, items=items)
    return embeddings, labels


def slow(
    embeddings: Mapping[str, Tensor], labels: Mapping[str, Labels], source: str
) -> MixedRetrieval:
    """One query at a time: `retrieval` in a gallery that was copied without the query."""
    owner = [name for name in embeddings for _ in range(len(embeddings[name]))]
    gallery = torch.cat(list(embeddings.values()))
    concepts = torch.cat([known.concepts for known in labels.values()])
    items = torch.cat([known.items for known in labels.values()])
    found, relevant, places = [], [], []
    for query in [row for row, name in enumerate(owner) if name == source]:
        rest = [row for row in range(len(owner)) if row != query]
        marks = positives(concepts[[query]], items[[query]], concepts[rest], items[rest])
        if not marks.any():
            continue
        found.append(retrieval(gallery[[query]], gallery[rest], marks, ks=KS))
        hits = [owner[row] for row, hit in zip(rest, marks[0].tolist(), strict=True) if hit]
        relevant.append({name: hits.count(name) / len(hits) for name in embeddings})
        cosines = cosine_similarity(gallery[query].double(), gallery[rest].double())
        scores = [round(float(score) * 1e6) for score in cosines]
        places.append({k: slow_places(scores, [owner[row] for row in rest], k) for k in KS})

    def mean(values: list[float]) -> float | None:
        return statistics.fmean(values) if values else None

    return MixedRetrieval(
        recall={k: mean([one.recall[k] for one in found]) for k in KS},
        mean_average_precision=mean([one.mean_average_precision for one in found]),
        relevant={name: mean([one[name] for one in relevant]) for name in embeddings},
        places={n: {k: mean([one[k].get(n, 0) for one in places]) for k in KS} for n in embeddings},
        queries=owner.count(source),
        unanswerable=owner.count(source) - len(found),
    )


def slow_places(scores: list[int], owner: list[str], k: int) -> dict[str, float]:
    k = min(k, len(scores))
    last = sorted(scores, reverse=True)[k - 1]
    left = k - sum(score > last for score in scores)
    shares: dict[str, float] = {}
    for score, name in zip(scores, owner, strict=True):
        part = 1.0 if score > last else left / scores.count(last) if score == last else 0.0
        shares[name] = shares.get(name, 0) + part / k
    return shares


def assert_equal(found: MixedRetrieval, expected: MixedRetrieval) -> None:
    assert (found.queries, found.unanswerable) == (expected.queries, expected.unanswerable)
    assert found.recall == pytest.approx(expected.recall)
    assert found.mean_average_precision == pytest.approx(expected.mean_average_precision)
    assert found.relevant == pytest.approx(expected.relevant)
    for name, by_k in expected.places.items():
        assert found.places[name] == pytest.approx(by_k)


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.sampled_from([1, 2, 4, 20]), st.sampled_from(NAMES))
def test_figures_equal_one_search_at_a_time_with_and_without_ties(
    seed: int, levels: int, source: str
) -> None:
    embeddings, labels = scene(seed, levels=levels)
    found = mixed_retrieval(embeddings, labels, source=source, ks=KS)
    assert_equal(found, slow(embeddings, labels, source))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6))
def test_shares_sum_to_one_and_do_not_depend_on_the_order_of_modalities(seed: int) -> None:
    embeddings, labels = scene(seed, levels=6)
    found = mixed_retrieval(embeddings, labels, source="red", ks=KS)
    turned = {name: embeddings[name] for name in reversed(NAMES)}
    assert_equal(mixed_retrieval(turned, labels, source="red", ks=KS), found)
    if found.queries > found.unanswerable:
        assert sum(found.relevant.values()) == pytest.approx(1)
        for k in KS:
            assert sum(by_k[k] for by_k in found.places.values()) == pytest.approx(1)


def test_modalities_that_lie_apart_crowd_each_other_out() -> None:
    concepts = [0, 0, 0, 1, 1, 1]
    labels = {name: labelled(concepts) for name in ("red", "green")}
    one_hot = torch.eye(2)[torch.tensor(concepts)]
    apart = {
        "red": torch.cat([one_hot, torch.full((6, 1), 3.0)], dim=1),
        "green": torch.cat([one_hot, torch.full((6, 1), -3.0)], dim=1),
    }
    found = mixed_retrieval(apart, labels, source="red", ks=(2, 5))
    assert found.recall[2] == 1
    assert found.relevant == {"red": pytest.approx(2 / 5), "green": pytest.approx(3 / 5)}
    assert found.places["red"] == {2: 1.0, 5: 1.0}
    assert found.places["green"] == {2: 0.0, 5: 0.0}
    together = dict.fromkeys(apart, one_hot)
    shared = mixed_retrieval(together, labels, source="red", ks=(5,))
    assert shared.mean_average_precision == 1
    for name, share in shared.relevant.items():
        assert shared.places[name][5] == pytest.approx(share)


def test_a_query_does_not_find_itself_but_finds_its_copy() -> None:
    embeddings = {"red": torch.tensor([[1.0, 0.0], [0.0, 1.0]]), "green": torch.eye(2)}
    labels = {"red": labelled([0, 1]), "green": labelled([1, 0])}
    assert mixed_retrieval(embeddings, labels, source="red").recall[1] == 0
    embeddings["green"] = embeddings["green"].flip(0)
    assert mixed_retrieval(embeddings, labels, source="red").recall[1] == 1


def test_a_sample_of_several_concepts_is_one_query_and_one_hit() -> None:
    one_hot = torch.eye(3)
    # the second and third row of `red` are one sample of the concepts 1 and 2
    red = Labels(
        concepts=torch.tensor([0, 1, 2]),
        items=torch.full((3,), -1),
        samples=torch.tensor([7, 4, 4]),
    )
    embeddings = {"red": one_hot[[0, 1, 1]], "green": one_hot[[0, 1, 1]]}
    labels = {"red": red, "green": labelled([0, 1, 2])}
    found = mixed_retrieval(embeddings, labels, source="red", ks=(1, 2))
    assert (found.queries, found.recall, found.mean_average_precision) == (2, {1: 1, 2: 1}, 1)
    assert mixed_retrieval(embeddings, labels, source="green").unanswerable == 0


def test_relevance_is_by_item_where_a_concept_is_missing() -> None:
    embeddings = {"red": torch.eye(2), "green": torch.eye(2)}
    labels = {"red": labelled([-1, -1], [5, -1]), "green": labelled([0, 1], [5, 6])}
    found = mixed_retrieval(embeddings, labels, source="red")
    assert (found.recall[1], found.unanswerable) == (1, 1)
    assert found.relevant == {"red": 0, "green": 1}


@pytest.mark.parametrize(("red", "green"), [([], [0, 1]), ([0], []), ([-1, 0], [1]), ([], [])])
def test_without_an_answerable_query_figures_are_none(red: list[int], green: list[int]) -> None:
    labels = {"red": labelled(red), "green": labelled(green)}
    embeddings = {name: torch.ones(len(known), 3) for name, known in labels.items()}
    found = mixed_retrieval(embeddings, labels, source="red", ks=(1,))
    assert found == MixedRetrieval(
        recall={1: None},
        mean_average_precision=None,
        relevant={"red": None, "green": None},
        places={"red": {1: None}, "green": {1: None}},
        queries=len(red),
        unanswerable=len(red),
    )


def test_blocks_do_not_change_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    embeddings, labels = scene(3, levels=6)
    whole = mixed_retrieval(embeddings, labels, source="red")
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", 26)  # two queries a block
    assert_equal(mixed_retrieval(embeddings, labels, source="red"), whole)


def test_the_flat_dict_holds_every_source_and_the_mean_of_those_with_answers() -> None:
    embeddings, labels = scene(4)
    labels["green"] = labelled([-1])
    figures = mixed_retrieval_by_modality(embeddings, labels, ks=(1, 10))
    red = mixed_retrieval(embeddings, labels, source="red", ks=(1, 10))
    blue = mixed_retrieval(embeddings, labels, source="blue", ks=(1, 10))
    assert figures["red_among_all_recall@10"] == red.recall[10]
    assert figures["red_among_all_unanswerable"] == red.unanswerable
    assert figures["red_among_all_blue_relevant"] == red.relevant["blue"]
    assert figures["blue_among_all_red_places@10"] == blue.places["red"][10]
    assert figures["green_among_all_map"] is None
    expected = (red.mean_average_precision + blue.mean_average_precision) / 2
    assert figures["mean_among_all_map"] == pytest.approx(expected)
    assert figures.keys() == {
        *(f"{source}_among_all_{name}" for source in embeddings for name in red.averaged()),
        *(f"{source}_among_all_unanswerable" for source in embeddings),
        *(
            f"{source}_among_all_{other}_{what}"
            for source, other in product(embeddings, repeat=2)
            for what in ("relevant", "places@1", "places@10")
        ),
        *(f"mean_among_all_{name}" for name in red.averaged()),
    }
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    assert mixed_retrieval_by_modality({}, {}, ks=(1,))["mean_among_all_map"] is None


def test_wrong_input_is_refused() -> None:
    embeddings, labels = scene(0)
    with pytest.raises(ValueError, match="'pink' as the source; expected one of red, green, blue"):
        mixed_retrieval(embeddings, labels, source="pink")
    with pytest.raises(ValueError, match="k = 0"):
        mixed_retrieval(embeddings, labels, source="red", ks=(1, 0))
    with pytest.raises(ValueError, match=r"ks \[5, 5\]; expected different ones"):
        mixed_retrieval(embeddings, labels, source="red", ks=(5, 5))
    with pytest.raises(ValueError, match="same modalities and rows"):
        mixed_retrieval({**embeddings, "red": embeddings["red"][:-1]}, labels, source="red")
