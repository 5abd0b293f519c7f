from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group
from spaner_core.data.matches import Labels
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.uniformity import alignment, alignment_and_uniformity, uniformity
from torch import Tensor
from torch.nn import functional

SEEDS = st.integers(0, 10**6)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def rotation(seed: int, dim: int) -> Tensor:
    return torch.from_numpy(ortho_group.rvs(dim, random_state=seed)).float()


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_figures_equal_the_two_lines_of_the_paper(seed: int) -> None:
    a, b = (functional.normalize(draw(seed + i, 12, 4).double()) for i in range(2))
    expected = (a - b).norm(dim=1).pow(2).mean()
    assert alignment(a, b, torch.eye(12).bool()) == pytest.approx(float(expected))
    expected = torch.pdist(a, p=2).pow(2).mul(-2).exp().mean().log()
    assert uniformity(a) == pytest.approx(float(expected))


@settings(deadline=None, max_examples=40)
@given(SEEDS)
def test_alignment_equals_a_slow_loop_over_the_matched_pairs(seed: int) -> None:
    a, b, matched = draw(seed, 5, 3), draw(seed + 1, 7, 3), draw(seed + 2, 5, 7) > 0
    distances = [
        sum((x / a[i].norm() - y / b[j].norm()) ** 2 for x, y in zip(a[i], b[j], strict=True))
        for i in range(5)
        for j in range(7)
        if matched[i, j]
    ]
    expected = float(sum(distances)) / len(distances)
    assert alignment(a, b, matched) == pytest.approx(expected, rel=1e-5)
    assert alignment(b, a, matched.T) == pytest.approx(alignment(a, b, matched))


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(2, 6), st.floats(0.01, 100))
def test_rotation_order_and_length_do_not_matter(seed: int, dim: int, length: float) -> None:
    a, b, matched = draw(seed, 9, dim), draw(seed + 1, 9, dim), torch.eye(9).bool()
    turn = rotation(seed, dim)
    assert uniformity(length * a.flip(0) @ turn) == pytest.approx(uniformity(a), abs=1e-4)
    turned = alignment(length * a @ turn, b @ turn, matched)
    assert turned == pytest.approx(alignment(a, b, matched), abs=1e-4)
    assert -8 <= uniformity(a) <= 0
    assert 0 <= alignment(a, b, matched) <= 4


def test_a_collapsed_space_is_aligned_and_not_uniform() -> None:
    constant = torch.full((6, 3), 0.7)
    assert alignment(constant, constant, torch.eye(6).bool()) == pytest.approx(0)
    assert uniformity(constant) == pytest.approx(0)
    assert uniformity(torch.zeros(6, 3)) == 0


def test_opposite_rows_are_at_the_other_end() -> None:
    pair = torch.tensor([[1.0, 0.0], [-2.0, 0.0]])
    assert uniformity(pair) == pytest.approx(-8)
    assert alignment(pair, -pair, torch.eye(2).bool()) == pytest.approx(4)
    # two pairs at distance 2 and four at √2 of the six
    cross = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    assert uniformity(cross) == pytest.approx(math.log((2 * math.exp(-8) + 4 * math.exp(-4)) / 6))


@pytest.mark.parametrize("rows", [0, 1])
def test_too_few_rows_give_none(rows: int) -> None:
    vectors = draw(0, rows, 4)
    assert uniformity(vectors) is None
    assert alignment(vectors, draw(1, 3, 4), torch.zeros(rows, 3).bool()) is None


def test_blocks_do_not_change_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    vectors = draw(0, 17, 4)
    whole = uniformity(vectors)
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", 70)  # four rows a block
    assert uniformity(vectors) == pytest.approx(whole)


def test_each_pair_and_each_modality_is_measured_and_a_repeated_sample_counts_once() -> None:
    concepts = torch.arange(8) % 3
    samples = {"red": draw(0, 8, 4), "green": draw(1, 8, 4)}
    rows = torch.tensor([0, *range(8), 0])
    labels = {
        "red": Labels(concepts=concepts, items=torch.full((8,), -1)),
        "green": Labels(concepts=concepts[rows], items=torch.full((10,), -1), samples=rows),
    }
    figures = alignment_and_uniformity({**samples, "green": samples["green"][rows]}, labels)
    matched = concepts.unsqueeze(1) == concepts
    assert figures == pytest.approx(
        {
            "green_to_red_alignment": alignment(samples["green"], samples["red"], matched),
            "red_uniformity": uniformity(samples["red"]),
            "green_uniformity": uniformity(samples["green"]),
        }
    )


def test_wrong_input_is_refused() -> None:
    a = draw(0, 3, 4)
    with pytest.raises(ValueError, match=r"mask \(2, 3\)"):
        alignment(a, a, torch.ones(2, 3).bool())
    with pytest.raises(ValueError, match="1 of 3 vectors with NaN"):
        uniformity(a.index_fill(0, torch.tensor([1]), torch.inf))
