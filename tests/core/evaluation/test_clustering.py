from __future__ import annotations

import math
from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans
from sklearn.metrics import v_measure_score
from spaner_core.data.matches import Labels
from spaner_core.evaluation import clustering as module
from spaner_core.evaluation.clustering import Clustering, clustering
from torch import Tensor


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def labelled(concepts: Tensor, samples: Tensor | None = None) -> Labels:
    return Labels(concepts=concepts, items=torch.full_like(concepts, -1), samples=samples)


def entropy(values: list[object]) -> float:
    shares = [count / len(values) for count in Counter(values).values()]
    return -sum(share * math.log(share) for share in shares)


def slow_v_measure(classes: list[int], clusters: list[int]) -> float:
    """From entropies: H(a | b) = H(a, b) - H(b)."""
    both = entropy(list(zip(classes, clusters, strict=True)))
    homogeneity = 1 - (both - entropy(clusters)) / entropy(classes)
    completeness = 1 - (both - entropy(classes)) / entropy(clusters)
    return 2 * homogeneity * completeness / (homogeneity + completeness)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_figures_equal_k_means_of_scikit_learn_and_a_slow_v_measure(seed: int) -> None:
    concepts = {"red": torch.arange(20) % 4, "green": torch.arange(16) % 5 - 1}
    embeddings = {name: draw(seed, len(known), 5) for name, known in concepts.items()}
    embeddings["red"] += 2 * torch.eye(5)[concepts["red"]]
    found = clustering(embeddings, {n: labelled(c) for n, c in concepts.items()}, seed=seed)
    kept = [row for row in range(16) if concepts["green"][row] >= 0]
    joined = torch.cat([embeddings["red"], embeddings["green"][kept]]).double()
    joined = joined / joined.norm(dim=1, keepdim=True)
    clusters = KMeans(n_clusters=4, n_init=10, random_state=seed).fit_predict(joined.numpy())
    known = [*concepts["red"].tolist(), *concepts["green"][kept].tolist()]
    modalities = [0] * 20 + [1] * len(kept)
    assert (found.samples, found.concepts) == (len(known), 4)
    expected = (
        slow_v_measure(known, clusters.tolist()),
        slow_v_measure(modalities, clusters.tolist()),
    )
    assert (found.concept_v_measure, found.modality_v_measure) == pytest.approx(expected, abs=1e-9)
    assert found.concept_v_measure == pytest.approx(v_measure_score(known, clusters))


def scene(*, apart: bool) -> tuple[dict[str, Tensor], dict[str, Labels]]:
    """Two concepts in two modalities, whose clusters are modalities where these lie apart."""
    concepts = torch.arange(20) % 2
    embeddings = {}
    for place, name in enumerate(("red", "green")):
        centres = torch.eye(4)[2 * torch.ones(20).long() + place if apart else concepts]
        embeddings[name] = centres + 0.05 * draw(place, 20, 4)
    return embeddings, {name: labelled(concepts) for name in embeddings}


def test_clusters_of_a_shared_space_are_concepts_and_of_a_split_one_modalities() -> None:
    shared = clustering(*scene(apart=False))
    assert shared.concept_v_measure == pytest.approx(1)
    assert shared.modality_v_measure == pytest.approx(0, abs=1e-9)
    split = clustering(*scene(apart=True))
    assert split.modality_v_measure == pytest.approx(1)
    assert split.concept_v_measure == pytest.approx(0, abs=1e-9)


def test_length_of_vectors_does_not_matter_and_a_seed_gives_the_same_again() -> None:
    embeddings = {"red": draw(0, 30, 4), "green": draw(1, 30, 4)}
    labels = {name: labelled(torch.arange(30) % 6) for name in embeddings}
    found = clustering(embeddings, labels, seed=3)
    assert clustering(embeddings, labels, seed=3) == found
    longer = {name: 5 * rows for name, rows in embeddings.items()}
    assert clustering(longer, labels, seed=3) == found


def test_many_samples_of_many_concepts_are_clustered_from_fewer_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    embeddings = {"red": draw(0, 60, 4), "green": draw(1, 60, 4)}
    labels = {name: labelled(torch.arange(60) % 6) for name in embeddings}
    joined = torch.cat([part / part.norm(dim=1, keepdim=True) for part in embeddings.values()])
    known = (torch.arange(120) % 6).tolist()
    by_starts = {}
    for starts, distances in ((10, 10 * 120 * 6), (3, 4 * 120 * 6 - 1), (1, 1)):
        monkeypatch.setattr(module, "MOST_DISTANCES", distances)
        by_starts[starts] = clustering(embeddings, labels).concept_v_measure
        k_means = KMeans(n_clusters=6, n_init=starts, random_state=0)
        clusters = k_means.fit_predict(joined.double().numpy())
        assert by_starts[starts] == pytest.approx(v_measure_score(known, clusters))
    assert len(set(by_starts.values())) > 1


def test_samples_without_a_concept_or_with_several_are_left_out() -> None:
    embeddings, labels = scene(apart=False)
    extra = torch.tensor([[0.0, 0.0, 9.0, 0.0]])
    # a sample of both concepts, one of none, and one whose concept is repeated and once missing
    rows = torch.cat([embeddings["red"], extra, extra, extra, *[embeddings["red"][:1]] * 3])
    concepts = torch.cat([labels["red"].concepts, torch.tensor([0, 1, -1, 0, -1, 0])])
    samples = torch.tensor([*range(20), 90, 90, 91, 92, 92, 92])
    more = {**embeddings, "red": rows}
    found = clustering(more, {**labels, "red": labelled(concepts, samples)})
    assert (found.samples, found.concepts) == (41, 2)
    assert found.concept_v_measure == pytest.approx(1)


def test_a_concept_that_only_one_modality_has_counts_as_a_cluster() -> None:
    concepts = {"red": torch.tensor([0, 0, 7, 7]), "green": torch.tensor([0, 0, 0, 0])}
    embeddings = {name: torch.eye(2)[(known > 0).long()] for name, known in concepts.items()}
    found = clustering(embeddings, {name: labelled(known) for name, known in concepts.items()})
    assert (found.concept_v_measure, found.concepts, found.samples) == (1, 2, 8)
    assert 0 < found.modality_v_measure < 1


def test_a_collapsed_space_has_clusters_of_nothing_and_no_warning() -> None:
    embeddings = {name: torch.ones(6, 3) for name in ("red", "green")}
    labels = {name: labelled(torch.arange(6) % 3) for name in embeddings}
    found = clustering(embeddings, labels)
    assert (found.concept_v_measure, found.modality_v_measure) == (0, 0)


@pytest.mark.parametrize(
    ("red", "green", "concepts"),
    [([], [], 0), ([-1, -1], [-1], 0), ([0, 0, 0], [0, 0], 1), ([0, 1], [2], 3), ([0], [], 1)],
)
def test_where_nothing_can_be_told_apart_figures_are_none(
    red: list[int], green: list[int], concepts: int
) -> None:
    known = {"red": torch.tensor(red).long(), "green": torch.tensor(green).long()}
    embeddings = {name: draw(0, len(rows), 3) for name, rows in known.items()}
    found = clustering(embeddings, {name: labelled(rows) for name, rows in known.items()})
    samples = sum(concept >= 0 for concept in red + green)
    assert found == Clustering(
        concept_v_measure=None, modality_v_measure=None, samples=samples, concepts=concepts
    )


def test_one_modality_has_clusters_by_concept_and_none_by_modality() -> None:
    embeddings, labels = scene(apart=False)
    found = clustering({"red": embeddings["red"]}, {"red": labels["red"]})
    assert found.concept_v_measure == pytest.approx(1)
    assert found.modality_v_measure is None
    assert clustering({}, {}).concepts == 0


def test_wrong_input_is_refused() -> None:
    embeddings, labels = scene(apart=False)
    with pytest.raises(ValueError, match="same modalities and rows"):
        clustering({**embeddings, "red": embeddings["red"][:-1]}, labels)
    embeddings["green"][3, 1] = torch.nan
    with pytest.raises(ValueError, match="1 of 20 vectors with NaN"):
        clustering(embeddings, labels)
