from __future__ import annotations

import math

import pytest
import torch
from spaner_core.method.label_odds import fit_odds, wrong_probabilities


def margins(count: int, mean: float, *, deviation: float = 0.1, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return mean + deviation * torch.randn(count, generator=generator, dtype=torch.float64)


def test_odds_are_the_quotient_of_two_normal_densities() -> None:
    odds = fit_odds(margins(20_000, 0.3), margins(20_000, -0.2, seed=1))
    assert odds is not None
    asked = torch.tensor([-0.3, 0.0, 0.05, 0.4])
    slow = [(-((one - 0.3) ** 2) + (one + 0.2) ** 2) / (2 * 0.1**2) for one in asked.tolist()]
    assert odds.of(asked).tolist() == pytest.approx(slow, abs=1.0)


def test_a_few_wrong_labels_among_those_given_move_the_odds_little() -> None:
    right, changed = margins(1000, 0.3), margins(1000, -0.2, seed=1)
    clean = fit_odds(right, changed)
    mixed = fit_odds(torch.cat([right, margins(100, -0.2, seed=2)]), changed)
    assert clean is not None
    assert mixed is not None
    assert mixed.middle == pytest.approx(clean.middle, abs=0.02)
    assert mixed.slope > 0.75 * clean.slope


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        (margins(50, -0.2), margins(50, 0.1)),  # changed labels fit better
        (torch.full((5,), 0.2), torch.full((5,), 0.2)),
        (margins(1, 0.3), margins(50, -0.2)),
        (margins(50, 0.3), margins(0, -0.2)),
    ],
)
def test_a_modality_that_cannot_tell_changed_labels_says_nothing(
    given: torch.Tensor, changed: torch.Tensor
) -> None:
    assert fit_odds(given, changed) is None


@pytest.mark.parametrize("share", [0.02, 0.3])
def test_how_many_are_wrong_is_found_with_which(share: float) -> None:
    wrong = int(share * 1000)
    odds = fit_odds(margins(1000, 0.3), margins(1000, -0.2, seed=1))
    assert odds is not None
    every = torch.cat([margins(1000 - wrong, 0.3, seed=2), margins(wrong, -0.2, seed=3)])
    found = wrong_probabilities(odds.of(every))
    assert float(found.mean()) == pytest.approx(share, abs=0.01)
    assert found[-wrong:].mean() > 0.9
    assert found[:-wrong].mean() < 0.02


def test_right_labels_alone_are_not_doubted() -> None:
    found = wrong_probabilities(torch.full((100,), 4.0))
    assert found.max() < 0.01
    assert len(wrong_probabilities(torch.zeros(0))) == 0
    assert math.isfinite(float(wrong_probabilities(torch.zeros(1))))
