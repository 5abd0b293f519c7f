from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import skew
from sklearn.neighbors import NearestNeighbors
from spaner_core.data.matches import Labels
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.hubness import Hubness, hubness, hubness_by_pair, k_occurrence
from torch import Tensor

NOTHING = Hubness(skewness=None, never_found=None)


def draw(seed: int, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(("seed", "k"), [(0, 1), (1, 3), (2, 10), (3, 39)])
def test_counts_and_figures_equal_scikit_learn_and_scipy(seed: int, k: int) -> None:
    queries, gallery = draw(seed, 50, 5), draw(seed + 9, 40, 5)
    search = NearestNeighbors(n_neighbors=k, metric="cosine").fit(gallery.numpy())
    found = search.kneighbors(queries.numpy(), return_distance=False)
    expected = np.bincount(found.ravel(), minlength=40)
    assert k_occurrence(queries, gallery, k=k).tolist() == expected.tolist()
    figures = hubness(queries, gallery, k=k)
    assert figures.skewness == pytest.approx(skew(expected))
    assert figures.never_found == pytest.approx(np.mean(expected == 0))


def test_one_hub_takes_every_query_and_the_others_are_never_found() -> None:
    gallery = torch.cat([torch.ones(1, 3), -torch.ones(9, 3) + 0.1 * draw(0, 9, 3)])
    queries = torch.ones(20, 3) + 0.1 * draw(1, 20, 3)
    assert k_occurrence(queries, gallery, k=1).tolist() == [20.0] + [0.0] * 9
    figures = hubness(queries, gallery, k=1)
    assert figures.never_found == pytest.approx(0.9)
    assert figures.skewness == pytest.approx(skew([20] + [0] * 9))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 12), st.sampled_from([2, 4, 9]))
def test_order_and_length_of_rows_do_not_matter_and_counts_sum_up(
    seed: int, k: int, levels: int
) -> None:
    queries = draw(seed, 11, 4)
    # few distinct rows, hence ties
    random = torch.Generator().manual_seed(seed)
    gallery = draw(seed + 1, levels, 4)[torch.randint(levels, (9,), generator=random)]
    order = torch.randperm(9, generator=random)
    counts = k_occurrence(queries, gallery, k=k)
    assert float(counts.sum()) == pytest.approx(11 * min(k, 9))
    mixed = k_occurrence(2 * queries.flip(0), 0.5 * gallery[order], k=k)
    assert mixed.tolist() == pytest.approx(counts[order].tolist())


def test_copies_share_the_finds_of_the_row_they_copy() -> None:
    queries, gallery = torch.tensor([[1.0, 0.0]]).repeat(4, 1), torch.eye(2)[[0, 0, 1]]
    assert k_occurrence(queries, gallery, k=1).tolist() == [2, 2, 0]
    assert k_occurrence(queries, gallery, k=2).tolist() == [4, 4, 0]
    # half a find each is more than none
    assert hubness(queries[:1], gallery, k=1).never_found == pytest.approx(1 / 3)


@pytest.mark.parametrize("noise", [0.0, 1e-7])
def test_a_constant_embedding_has_neither_hubs_nor_rows_left_out(noise: float) -> None:
    constant = torch.full((7, 3), 0.7) + noise * draw(0, 7, 3)
    # four times 3/7 is not the mean of seven such sums, by rounding
    assert hubness(constant[:4], constant, k=3) == Hubness(skewness=None, never_found=0.0)


@pytest.mark.parametrize(("queries", "gallery"), [(0, 8), (8, 0), (8, 1), (8, 3), (0, 0), (1, 2)])
def test_where_every_row_or_none_must_be_found_figures_are_none(queries: int, gallery: int) -> None:
    assert hubness(draw(0, queries, 4), draw(1, gallery, 4), k=3) == NOTHING


def test_one_query_leaves_all_but_k_rows_unfound() -> None:
    assert hubness(draw(0, 1, 4), draw(1, 8, 4), k=2).never_found == pytest.approx(6 / 8)


def test_blocks_do_not_change_the_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    queries, gallery = draw(0, 17, 4), draw(1, 12, 4)
    whole = hubness(queries, gallery, k=3)
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", 50)  # four queries a block
    assert hubness(queries, gallery, k=3) == whole


def test_every_ordered_pair_is_measured_and_a_repeated_sample_counts_once() -> None:
    samples = {"red": draw(0, 14, 4), "green": draw(1, 12, 4)}
    rows = torch.tensor([0, *range(12), 0, 0])
    embeddings = {**samples, "green": samples["green"][rows]}
    labels = {
        "red": Labels(concepts=torch.zeros(14).long(), items=torch.zeros(14).long()),
        "green": Labels(concepts=rows, items=rows, samples=rows),
    }
    figures = hubness_by_pair(embeddings, labels, k=3)
    there, back = (
        hubness(samples[a], samples[b], k=3) for a, b in (("red", "green"), ("green", "red"))
    )
    assert figures == {
        "red_to_green_hub_skewness@3": there.skewness,
        "red_to_green_never_found@3": there.never_found,
        "green_to_red_hub_skewness@3": back.skewness,
        "green_to_red_never_found@3": back.never_found,
    }
    assert there.skewness != back.skewness


def test_wrong_input_is_refused() -> None:
    queries, gallery = draw(0, 5, 4), draw(1, 12, 4)
    with pytest.raises(ValueError, match="4 and 3 wide; expected one width"):
        hubness(queries, gallery[:, :3])
    with pytest.raises(ValueError, match="k = 0"):
        hubness(queries, gallery, k=0)
    with pytest.raises(ValueError, match="1 of 5 vectors with NaN"):
        hubness(queries.index_fill(0, torch.tensor([2]), torch.nan), gallery)
