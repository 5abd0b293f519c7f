from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.calibration import HitProbability, TooFewSamples, fit_hit_probability
from torch import Tensor
from torch.nn.functional import normalize


def scene(
    seed: int, *, noise: float = 0.5, queries: int = 60, gallery: int = 40
) -> tuple[Tensor, Tensor, Tensor]:
    """Noisy rows of four concepts."""
    random = torch.Generator().manual_seed(seed)
    mine, theirs = torch.arange(queries) % 4, torch.arange(gallery) % 4
    a, b = (
        torch.eye(4)[concepts] + noise * torch.randn(len(concepts), 4, generator=random)
        for concepts in (mine, theirs)
    )
    return a, b, mine.unsqueeze(1) == theirs


def hits_of(a: Tensor, b: Tensor, relevant: Tensor, k: int) -> tuple[np.ndarray, np.ndarray]:
    cosines = normalize(a.double()) @ normalize(b.double()).T
    first = cosines.topk(k, dim=1)
    return first.values.flatten().numpy(), relevant.gather(1, first.indices).flatten().numpy()


def platt(cosines: np.ndarray, marks: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Scikit-learn's sigmoid calibration of a classifier whose score is linear in the cosine."""
    column = cosines[:, np.newaxis]
    scorer = FrozenEstimator(LogisticRegression().fit(column, marks))
    calibrated = CalibratedClassifierCV(scorer, method="sigmoid").fit(column, marks)
    return calibrated.predict_proba(asked[:, np.newaxis])[:, 1]


@pytest.mark.parametrize(
    ("seed", "noise", "k"), [(0, 0.5, 10), (1, 0.3, 20), (2, 1.0, 10), (3, 0.2, 15)]
)
def test_probabilities_equal_scikit_learns_sigmoid_calibration(
    seed: int, noise: float, k: int
) -> None:
    a, b, relevant = scene(seed, noise=noise)
    found = fit_hit_probability(a, b, relevant, k=k)
    cosines, marks = hits_of(a, b, relevant, k)
    asked = np.linspace(-1, 1, 41)
    expected = platt(cosines, marks, asked)
    assert [found.at(float(c)) for c in asked] == pytest.approx(expected.tolist(), abs=1e-4)
    assert found.hits == pytest.approx(60 * k)
    assert found.relevant_share == pytest.approx(marks.mean())


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.floats(0.1, 1.5))
def test_the_map_grows_and_its_mean_over_hits_is_their_relevant_share(
    seed: int, noise: float
) -> None:
    a, b, relevant = scene(seed, noise=noise)
    found = fit_hit_probability(a, b, relevant, k=15)
    values = [found.at(c / 50) for c in range(-50, 51)]
    assert values == sorted(values)
    assert 0 <= values[0] <= values[-1] <= 1
    cosines, marks = hits_of(a, b, relevant, 15)
    # Platt's targets move the mean by less than one hit in each kind
    assert np.mean([found.at(c) for c in cosines]) == pytest.approx(
        marks.mean(), abs=2 / len(marks)
    )


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_the_gallerys_order_does_not_matter_even_with_ties(seed: int) -> None:
    a, b, relevant = scene(seed)
    b = b[torch.arange(40) % 12]  # rows of equal score, of which some are relevant
    order = torch.randperm(40, generator=torch.Generator().manual_seed(seed))
    found = fit_hit_probability(a, b, relevant, k=5)
    mixed = fit_hit_probability(a.flip(0), b[order], relevant.flip(0)[:, order], k=5)
    assert asdict(mixed) == pytest.approx(asdict(found), rel=1e-4)


@pytest.mark.parametrize("k", [4, 40])
def test_equal_scores_give_no_figure(k: int) -> None:
    _, _, relevant = scene(0)
    with pytest.raises(TooFewSamples, match=r"all scores are the same \(1\.000\)"):
        fit_hit_probability(torch.ones(60, 3), torch.ones(40, 3), relevant, k=k)


def test_a_space_that_ranks_the_wrong_way_gets_a_level_map() -> None:
    a, b, relevant = scene(0)
    found = fit_hit_probability(a, b, ~relevant, k=20)
    assert found.slope == 0
    assert found.at(1.0) == pytest.approx(found.relevant_share, abs=0.01)


def test_hits_told_apart_without_error_get_no_certainty() -> None:
    a, b, relevant = scene(0, noise=0.01)
    found = fit_hit_probability(a, b, relevant, k=20)
    assert 0.99 < found.at(1.0) < 1
    assert 0 < found.at(0.0) < 0.01


def test_the_map_comes_back_from_json_unchanged() -> None:
    found = fit_hit_probability(*scene(0))
    stored = json.loads(json.dumps(asdict(found), allow_nan=False))
    assert HitProbability(**stored) == found


def test_probabilities_beyond_what_exponents_can_hold_are_zero_and_one() -> None:
    steep = HitProbability(slope=1e6, intercept=-5e5, hits=20, relevant_share=0.5)
    assert (steep.at(-1.0), steep.at(0.5), steep.at(1.0)) == (0, 0.5, 1)


def test_blocks_do_not_change_the_map(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, relevant = scene(2)
    whole = fit_hit_probability(a, b, relevant)
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", 130)  # three queries a block
    assert asdict(fit_hit_probability(a, b, relevant)) == pytest.approx(asdict(whole), rel=1e-5)


@pytest.mark.parametrize(
    ("queries", "gallery", "said"),
    [
        (0, 40, "0 relevant and 0 other hits among the first 10 of 0"),
        (5, 0, "0 relevant and 0 other"),
        (1, 40, "of 1 queries; expected at least 10 of each"),
    ],
)
def test_too_few_hits_are_refused(queries: int, gallery: int, said: str) -> None:
    a, b, relevant = scene(0, queries=queries, gallery=gallery)
    with pytest.raises(ValueError, match=said):
        fit_hit_probability(a, b, relevant)


def test_ten_hits_of_a_kind_are_enough_and_nine_are_not() -> None:
    a, b = torch.ones(20, 3), torch.ones(3, 3)  # every place is shared by three
    a[::2, 0] = 0.5
    marks = torch.zeros(20, 3).bool()
    marks[:10] = True
    assert fit_hit_probability(a, b, marks, k=1).hits == 20
    marks[9] = False
    with pytest.raises(ValueError, match="got 9 relevant and 11 other hits"):
        fit_hit_probability(a, b, marks, k=1)


def test_wrong_input_is_refused() -> None:
    a, b, relevant = scene(0)
    with pytest.raises(ValueError, match=r"relevance of \(40, 60\)"):
        fit_hit_probability(a, b, relevant.T)
    with pytest.raises(ValueError, match="k = 0"):
        fit_hit_probability(a, b, relevant, k=0)
    for slope in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="calibrate again"):
            HitProbability(slope=slope, intercept=0.0, hits=20.0, relevant_share=0.5)
