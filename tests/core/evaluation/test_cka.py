from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group
from spaner_core.data.matches import Labels
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.cka import cka_by_modality, linear_cka
from torch import Tensor

SEEDS = st.integers(0, 10**6)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def hsic_cka(a: Tensor, b: Tensor) -> float:
    """The definition by Gram matrices (n, n), as in the paper's equations 3 to 5."""
    n = len(a)
    centring = np.eye(n) - np.ones((n, n)) / n
    x, y = a.double().numpy(), b.double().numpy()
    k, m = centring @ x @ x.T @ centring, centring @ y @ y.T @ centring
    return np.trace(k @ m) / np.sqrt(np.trace(k @ k) * np.trace(m @ m))


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(3, 20), st.integers(1, 6), st.integers(1, 40))  # wider than n as well
def test_cka_equals_the_definition_by_gram_matrices(seed: int, n: int, d: int, f: int) -> None:
    a = draw(seed, n, d) + 3
    b = draw(seed + 1, n, f) + a[:, :1]
    found = linear_cka(a, b)
    assert found == pytest.approx(hsic_cka(a, b), abs=1e-9)
    assert linear_cka(b, a) == pytest.approx(found)
    assert -1e-9 <= found <= 1 + 1e-9


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.integers(2, 6), st.floats(0.01, 100), st.floats(-10, 10))
def test_rotation_scale_shift_and_order_of_rows_do_not_matter(
    seed: int, dim: int, scale: float, shift: float
) -> None:
    a, b = draw(seed, 12, dim).double(), draw(seed + 1, 12, 4)
    turned = scale * a @ torch.from_numpy(ortho_group.rvs(dim, random_state=seed)) + shift
    assert linear_cka(turned, b) == pytest.approx(linear_cka(a, b), abs=1e-9)
    assert linear_cka(turned, a) == pytest.approx(1)
    order = torch.randperm(12, generator=torch.Generator().manual_seed(seed))
    assert linear_cka(a[order], b[order]) == pytest.approx(linear_cka(a, b))


def test_a_map_that_is_no_rotation_does_matter() -> None:
    a = draw(0, 200, 4)
    assert linear_cka(a, a * torch.tensor([10.0, 1.0, 1.0, 1.0])) < 0.7


def test_views_without_a_common_direction_have_none() -> None:
    a = torch.tensor([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 0.0]])
    b = torch.tensor([[2.0], [2.0], [-1.0], [-3.0]])
    assert linear_cka(a, b) == 0
    assert linear_cka(draw(0, 4000, 3), draw(1, 4000, 5)) < 0.01


@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_a_constant_view_gives_none(noise: float) -> None:
    constant = torch.full((9, 3), 0.7) + noise * draw(0, 9, 3)
    assert linear_cka(constant, draw(1, 9, 4)) is None
    assert linear_cka(draw(1, 9, 4), constant) is None
    assert linear_cka(torch.zeros(9, 3), draw(1, 9, 4)) is None


@pytest.mark.parametrize("rows", [0, 1, 2])
def test_rows_that_any_two_views_arrange_alike_give_none(rows: int) -> None:
    assert linear_cka(draw(0, rows, 4), draw(1, rows, 3)) is None


@pytest.mark.parametrize("width", [3, 50])
def test_blocks_do_not_change_the_figure(monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    a, b = draw(0, 17, 4), draw(1, 17, width)
    whole = linear_cka(a, b)
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", 28)  # a few rows a block
    assert linear_cka(a, b) == pytest.approx(whole)


def test_wrong_input_is_refused() -> None:
    a = draw(0, 6, 4)
    with pytest.raises(ValueError, match="6 and 5 rows; expected the same rows"):
        linear_cka(a, a[:5])
    with pytest.raises(ValueError, match=r"\(6,\) with 0 entries of NaN"):
        linear_cka(a, a[:, 0])
    with pytest.raises(ValueError, match=r"\(6, 4\) with 1 entries of NaN"):
        linear_cka(a, a.index_put((torch.tensor(2), torch.tensor(3)), torch.tensor(torch.nan)))


def test_each_modality_is_compared_with_its_own_encoder_and_a_repeated_sample_counts_once() -> None:
    embeddings = {"red": draw(0, 9, 4), "green": draw(1, 9, 4)}
    references = {"red": draw(2, 9, 30)}
    none = torch.full((9,), -1)
    labels = {name: Labels(concepts=none, items=none) for name in embeddings}
    figures = cka_by_modality(embeddings, references, labels)
    assert figures == {"red_linear_cka": linear_cka(embeddings["red"], references["red"])}

    rows = torch.tensor([0, *range(9), 0, 0])
    labels["red"] = Labels(concepts=rows, items=rows, samples=rows)
    again = {"red": embeddings["red"][rows], "green": embeddings["green"]}
    repeated = cka_by_modality(again, {"red": references["red"][rows]}, labels)
    assert repeated == pytest.approx(figures)
    with pytest.raises(ValueError, match="same modalities and rows"):
        cka_by_modality(again, references, labels)
