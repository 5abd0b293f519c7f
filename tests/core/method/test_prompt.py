from __future__ import annotations

import hashlib
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.errors import ConfigError
from spaner_core.method.prompt import (
    AnchorSet,
    SharedPrompt,
    anchors_from_labels,
    chain_fingerprint,
    label_informativeness,
    map_to_anchors,
    random_anchors,
)
from torch import Tensor

SIZES = ((2, 8, 4), (5, 20, 16), (14, 6, 32), (9, 30, 4), (30, 30, 8))  # C, P, D


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def embeddings(count: int, width: int, seed: int = 0) -> Tensor:
    alike = 5 * torch.randn(width, generator=seeded(seed + 1))  # names stand close together
    return alike + torch.randn(count, width, generator=seeded(seed))


def from_labels(raw: Tensor, dim: int, *, whitening: float = 0.1, seed: int = 0) -> AnchorSet:
    return anchors_from_labels(raw, dim=dim, whitening=whitening, generator=seeded(seed))


@pytest.mark.parametrize(("count", "width", "dim"), SIZES)
def test_anchors_have_unit_length_and_as_many_rows_as_concepts(
    count: int, width: int, dim: int
) -> None:
    for made in (
        from_labels(embeddings(count, width), dim),
        random_anchors(count, dim=dim, generator=seeded()),
    ):
        assert made.anchors.shape == (count, dim)
        torch.testing.assert_close(made.anchors.norm(dim=-1), torch.ones(count))


@pytest.mark.parametrize(("count", "width", "dim"), SIZES)
@pytest.mark.parametrize("whitening", [0.01, 0.1, 1.0])
def test_whitening_is_the_formula(count: int, width: int, dim: int, whitening: float) -> None:
    raw = embeddings(count, width)
    made = from_labels(raw, dim, whitening=whitening)
    e = raw.double().numpy()
    e = e - e.mean(axis=0)
    e = e / np.linalg.norm(e, axis=1, keepdims=True)
    u, s, _ = np.linalg.svd(e, full_matrices=False)
    r = min(count - 1, dim, width)
    gram = (u[:, :r] * (s[:r] ** 2 / (s[:r] ** 2 + (whitening * s[0]) ** 2)) ** 2) @ u[:, :r].T
    length = np.sqrt(np.diag(gram))
    # R's rows are orthonormal, so the anchors' cosines do not depend on how they were drawn
    expected = gram / np.outer(length, length)
    cosines = (made.anchors @ made.anchors.T).numpy()
    np.testing.assert_allclose(cosines, expected, atol=2e-4)


def test_names_are_mapped_to_anchors_that_are_there() -> None:
    raw = embeddings(5, 20)
    centred = torch.nn.functional.normalize(raw - raw.mean(dim=0), dim=-1)
    made = from_labels(raw, 16, whitening=0.01)
    for anchors in (made.anchors, random_anchors(5, dim=16, generator=seeded()).anchors):
        mapped = centred @ map_to_anchors(raw, anchors, whitening=0.01)
        cosines = torch.nn.functional.cosine_similarity(mapped, anchors)
        assert cosines.min() > 0.99
    again = map_to_anchors(raw, made.anchors, whitening=0.01)
    assert torch.nn.functional.cosine_similarity(again.T, made.label_map.T).min() > 0.9


def test_the_stored_map_makes_the_anchors_from_the_stored_names() -> None:
    raw = embeddings(6, 12)
    made = from_labels(raw, 16)
    assert torch.equal(made.label_embeddings, raw)
    centred = torch.nn.functional.normalize(raw - made.label_mean, dim=-1)
    again = torch.nn.functional.normalize(centred @ made.label_map, dim=-1)
    torch.testing.assert_close(again, made.anchors)
    assert made.label_map.shape == (12, 16)


def test_whitening_spreads_names_that_are_spelt_alike() -> None:
    raw = torch.randn(1, 24, generator=seeded()) + 0.3 * embeddings(8, 24, seed=3)
    raw[4:] += 4 * torch.randn(24, generator=seeded(9))  # two groups of names

    def nearest(whitening: float) -> float:
        anchors = from_labels(raw, 32, whitening=whitening).anchors
        return float((anchors @ anchors.T - 2 * torch.eye(8)).max())

    assert nearest(0.05) < 0.9 < nearest(1.0)


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 20), st.integers(0, 12), st.integers(0, 1000))
def test_random_anchors_are_a_simplex(count: int, spare: int, seed: int) -> None:
    anchors = random_anchors(count, dim=count + spare, generator=seeded(seed)).anchors
    cosines = (anchors @ anchors.T)[~torch.eye(count).bool()]
    torch.testing.assert_close(
        cosines, torch.full_like(cosines, -1 / (count - 1)), atol=1e-5, rtol=0
    )


def test_more_concepts_than_dimensions_still_get_different_anchors() -> None:
    for made in (
        random_anchors(40, dim=8, generator=seeded()),
        from_labels(embeddings(40, 60), 8),
    ):
        cosines = made.anchors @ made.anchors.T - 2 * torch.eye(40)
        assert cosines.max() < 0.999


def test_same_seed_same_bytes_other_seed_other_bytes() -> None:
    raw = embeddings(5, 9)
    for make in (
        lambda seed: from_labels(raw, 16, seed=seed).anchors,
        lambda seed: random_anchors(5, dim=16, generator=seeded(seed)).anchors,
    ):
        assert make(3).numpy().tobytes() == make(3).numpy().tobytes()
        assert not torch.equal(make(3), make(4))


def test_names_that_are_all_alike_are_refused() -> None:
    with pytest.raises(ConfigError, match="all alike"):
        from_labels(torch.ones(4, 6), 8)


@pytest.mark.parametrize("shift", [0.0, 7.0])
def test_rows_at_their_own_names_are_wholly_informative(shift: float) -> None:
    labels = torch.eye(5) * 3
    concepts = torch.tensor([0, 1, 2, 3, 4, 4, 0])
    balanced = torch.arange(5)
    # a shift common to all rows is the modality's own and says nothing
    assert label_informativeness(labels + shift, balanced, labels) == 1.0
    assert label_informativeness(labels[concepts], concepts, labels) == 1.0


def test_informativeness_is_the_share_of_rows_nearest_their_own_name() -> None:
    labels = torch.eye(4)
    assert label_informativeness(labels, torch.tensor([1, 2, 3, 0]), labels) == 0.0
    assert label_informativeness(labels, torch.tensor([0, 1, 3, 2]), labels) == 0.5
    unlabelled = torch.tensor([0, -1, 3, -1])  # one right, one wrong, two that do not count
    assert label_informativeness(labels, unlabelled, labels) == 0.5


def test_informativeness_without_a_labelled_row_is_a_number() -> None:
    share = label_informativeness(torch.eye(3), torch.full((3,), -1), torch.eye(3))
    assert 0 <= share <= 1


def chained(previous: str, weights: bytes, config: bytes) -> str:
    digests = (hashlib.sha256(part).digest() for part in (weights, config))
    return chain_fingerprint(previous, *digests)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=6), st.binary(max_size=6), st.binary(max_size=6), st.integers(0, 2))
def test_a_chain_fingerprint_changes_with_each_part(
    previous: str, weights: bytes, config: bytes, part: int
) -> None:
    parts: list[str | bytes] = [previous, weights, config]
    changed = list(parts)
    changed[part] = previous + "x" if part == 0 else bytes(parts[part]) + b"x"  # type: ignore[arg-type]
    assert chained(*parts) != chained(*changed)  # type: ignore[arg-type]
    assert chained(*parts) == chained(*parts)  # type: ignore[arg-type]


def test_moving_bytes_between_parts_changes_the_chain_fingerprint() -> None:
    text = b"abcdef"
    cuts = itertools.combinations_with_replacement(range(len(text) + 1), 2)
    made = {chained(text[:i].decode(), text[i:j], text[j:]) for i, j in cuts}
    assert len(made) == 28


@pytest.mark.parametrize(("asked", "given_back"), [(5.0, 5.0), (50.0, 50.0), (1e4, 50.0)])
def test_beta_stops_at_fifty(asked: float, given_back: float) -> None:
    prompt = SharedPrompt(random_anchors(3, dim=4, generator=seeded()), beta=asked)
    assert prompt.beta.item() == pytest.approx(given_back, rel=1e-5)


def test_anchors_never_train_and_a_frozen_prompt_trains_nothing() -> None:
    prompt = SharedPrompt(from_labels(embeddings(3, 5), 4))
    assert {n for n, p in prompt.named_parameters()} == {"log_beta"}
    assert not any(p.requires_grad for p in prompt.freeze().parameters())
    assert set(prompt.state_dict()) >= {"anchors", "label_map", "label_mean", "label_embeddings"}
