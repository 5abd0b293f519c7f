"""Closed-form maps of items: what they solve, what they find, and how they are kept."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge
from spaner_core import CrossAttentionAligner, FeatureSpec
from spaner_core.method.aligner import build_aligner
from spaner_core.method.item_maps import ItemView, shared_places
from spaner_core.method.statistics import ConceptSums
from torch import Tensor
from torch.nn import functional


def sums_of(rows: Tensor, items: Tensor, *, count: int) -> ConceptSums:
    sums = ConceptSums(rows.shape[1], concept_count=count)
    sums.add(rows, items)
    return sums


def noisy_views(count: int, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Two views of `count` items, (count, 24) and (count, 40), that share 8 dimensions."""
    drawn = torch.Generator().manual_seed(seed)
    shown = torch.randn(count, 8, generator=drawn)
    maps = torch.Generator().manual_seed(99)
    views = []
    for width in (24, 40):
        noise = torch.randn(count, width, generator=drawn)
        views.append(shown @ torch.randn(8, width, generator=maps) + noise)
    return views[0], views[1]


def views_of(*rows: Tensor, items: Tensor) -> list[ItemView]:
    return [ItemView.of(sums_of(part, items, count=len(items)), shrinkage=0.5) for part in rows]


def found_first(queries: Tensor, gallery: Tensor) -> float:
    cosines = functional.normalize(queries, dim=-1) @ functional.normalize(gallery, dim=-1).T
    return float((cosines.argmax(dim=1) == torch.arange(len(queries))).float().mean())


def test_a_map_is_the_ridge_regression_of_places_on_the_items_means() -> None:
    rows = torch.randn(60, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    items = torch.arange(60) % 20  # three rows an item
    places = torch.randn(20, 4, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    places -= places.mean(dim=0)
    shrinkage = 0.6
    weight, offset = ItemView.of(sums_of(rows, items, count=20), shrinkage=shrinkage).map_to(places)

    means = rows.reshape(3, 20, 7).mean(dim=0)
    spread = float((means - means.mean(dim=0)).square().sum()) / 7
    ridge = Ridge(alpha=shrinkage / (1 - shrinkage) * spread).fit(means.numpy(), places.numpy())
    np.testing.assert_allclose(weight.T.numpy(), ridge.coef_, atol=1e-10)
    np.testing.assert_allclose(offset.numpy(), ridge.intercept_, atol=1e-10)


def test_maps_of_two_views_find_partners_that_they_were_not_fitted_to() -> None:
    count = 400
    first, second = noisy_views(count)
    items = torch.arange(count)
    views = views_of(first, second, items=items)
    places = shared_places(views, torch.zeros(count, 8))
    unseen = noisy_views(100, seed=5)
    mapped = []
    for view, rows in zip(views, unseen, strict=True):
        weight, offset = view.map_to(places)
        mapped.append(rows.double() @ weight + offset)

    assert found_first(*mapped) > 0.8
    shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(3))
    broken = [views[0], ItemView.of(sums_of(second, shuffled, count=count), shrinkage=0.5)]
    places = shared_places(broken, torch.zeros(count, 8))
    mapped = [
        rows.double() @ view.map_to(places)[0] for view, rows in zip(broken, unseen, strict=True)
    ]
    assert found_first(*mapped) < 0.2  # partners that are none teach nothing


def test_places_are_turned_to_the_trained_directions() -> None:
    count = 100
    first, second = noisy_views(count)
    items = torch.arange(count)
    views = views_of(first, second, items=items)
    trained = torch.randn(count, 16, generator=torch.Generator().manual_seed(4))
    places = shared_places(views, trained)

    def likeness(turned: Tensor) -> float:
        return float((turned * trained).sum())

    for seed in range(5):
        other = torch.randn(16, 16, generator=torch.Generator().manual_seed(seed))
        turn = torch.linalg.qr(other.double())[0]
        assert likeness(places) > likeness(places @ turn)


@pytest.mark.parametrize("count", [1, 3, 12])
def test_fewer_items_than_dimensions_are_enough_for_a_map(count: int) -> None:
    first, second = noisy_views(count)
    views = views_of(first, second, items=torch.arange(count))
    trained = torch.randn(count, 16, generator=torch.Generator().manual_seed(4))
    weight, offset = views[0].map_to(shared_places(views, trained))

    assert (weight.shape, offset.shape) == ((24, 16), (16,))
    assert torch.isfinite(weight).all()


def test_an_item_that_a_modality_does_not_show_leaves_its_map_as_it_was() -> None:
    first, _ = noisy_views(30)
    items = torch.arange(30)
    places = torch.randn(30, 3, dtype=torch.float64)
    places -= places.mean(dim=0)
    alone = ItemView.of(sums_of(first, items, count=30), shrinkage=0.5).map_to(places)
    strangers = torch.cat([places, 9 * torch.ones(5, 3, dtype=torch.float64)])
    beside = ItemView.of(sums_of(first, items, count=35), shrinkage=0.5).map_to(strangers)

    torch.testing.assert_close(beside, alone)


@pytest.mark.parametrize("gain", [0.0, 1.0])
def test_a_map_moves_directions_by_its_gain_and_is_kept_with_the_weights(gain: float) -> None:
    spec = FeatureSpec(dim=6, tokens=1, grid=None, prefix_tokens=0)

    def build() -> CrossAttentionAligner:
        torch.manual_seed(0)
        return build_aligner(spec, 4, {"item_gain": gain}).eval()

    aligner, given = build(), (torch.randn(5, 1, 6), torch.ones(5, 1, dtype=torch.bool))
    anchors = functional.normalize(torch.randn(3, 4), dim=-1)
    options = {"beta": torch.tensor(5.0), "strength": 0.0}
    aligner.concept_means.fit(ConceptSums(6, concept_count=3))
    plain = aligner(*given, anchors, **options)
    assert not any(name.startswith("item_map") for name in aligner.state_dict())
    aligner.item_map.fit(torch.randn(6, 4, dtype=torch.float64), torch.randn(4))
    moved = aligner(*given, anchors, **options)

    assert torch.equal(moved.direction, plain.direction) == (gain == 0)
    assert torch.equal(moved.weights, plain.weights)  # anchors pull as they were trained to
    assert moved.direction.norm(dim=-1).allclose(torch.ones(5))
    other = build()
    other.item_map.make_room()
    other.load_state_dict(aligner.state_dict())
    assert torch.equal(other(*given, anchors, **options).embedding, moved.embedding)
    torch.testing.assert_close(moved.embedding, moved.direction)  # at strength 0
