from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from spaner_core.data.matches import Labels
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.held_back import choose_threshold, expect_accuracy, measure_carried
from spaner_core.evaluation.propagation import Carried, carry_labels, concept_marks
from torch import Tensor
from torch.nn.functional import normalize, one_hot


def scene(seed: int, *, noise: float = 0.5) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Noisy targets and sources of four concepts, and which concepts they have."""
    random = torch.Generator().manual_seed(seed)
    theirs, ours = torch.arange(30) % 4, torch.arange(45) % 4
    a, b = (
        torch.eye(4)[concepts] + noise * torch.randn(len(concepts), 4, generator=random)
        for concepts in (theirs, ours)
    )
    return a, b, one_hot(theirs, 4).bool(), one_hot(ours, 4).bool()


def slow(
    a: Tensor, b: Tensor, marks: Tensor, barred: Tensor, k: int
) -> list[tuple[int, float, int]]:
    """Concept, confidence and nearest source of each target, one pair at a time."""
    cosines = (normalize(a.double()) @ normalize(b.double()).T).round(decimals=6)
    answers = []
    for target in range(len(a)):
        voting = [s for s in range(len(b)) if not barred[target, s]]
        votes = []
        for concept in range(marks.shape[1]):
            own = [float(cosines[target, s]) for s in voting if marks[s, concept]]
            first = sorted(own, reverse=True)[:k]
            votes.append(float(np.mean([math.exp(c / 0.07) for c in first])) if first else 0.0)
        best = int(np.argmax(votes))
        nearest = max(voting, key=lambda s: float(cosines[target, s]))
        answers.append((best, votes[best] / sum(votes), nearest))
    return answers


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.floats(0.1, 1.5), st.integers(1, 20))
def test_carried_labels_equal_a_slow_loop(seed: int, noise: float, k: int) -> None:
    a, b, _, marks = scene(seed, noise=noise)
    random = torch.Generator().manual_seed(seed)
    marks |= torch.rand(marks.shape, generator=random) < 0.1  # some have several concepts
    barred = torch.rand(len(a), len(b), generator=random) < 0.3
    found = carry_labels(a, b, marks, left_out=barred, k=k)
    expected = slow(a, b, marks, barred, k)
    assert found.concepts.tolist() == [concept for concept, _, _ in expected]
    assert found.nearest.tolist() == [nearest for _, _, nearest in expected]
    assert found.confidences.tolist() == pytest.approx([c for _, c, _ in expected], abs=1e-6)
    assert found.confidences.min() >= 0.25, "the best of four has a quarter of the votes at least"
    assert found.confidences.max() <= 1


def test_a_confidence_ranks_errors_where_all_nearest_rows_agree() -> None:
    # one tight cluster a concept: the ten nearest of all always agree, however near another lies
    clusters = normalize(torch.tensor([[1.0, 0.2], [0.2, 1.0]]))
    marks = one_hot(torch.arange(40) % 2, 2).bool()
    angles = torch.tensor([0.0, 0.3, 0.6, 0.75])
    targets = torch.stack([angles.cos(), angles.sin()], dim=1)
    found = carry_labels(targets, clusters[torch.arange(40) % 2], marks)
    assert found.concepts.tolist() == [0, 0, 0, 0]
    assert found.confidences.tolist() == sorted(found.confidences.tolist(), reverse=True)
    assert found.confidences[0] > 0.99
    assert found.confidences[-1] < 0.8


def test_a_concept_of_many_rows_does_not_outvote_a_nearer_one() -> None:
    sources = torch.cat([torch.tensor([[0.9, 0.44]]).repeat(100, 1), torch.tensor([[1.0, 0.0]])])
    marks = one_hot(torch.tensor([0] * 100 + [1]), 2).bool()
    found = carry_labels(torch.tensor([[1.0, 0.0]]), sources, marks)
    assert found.concepts.tolist() == [1]
    assert found.nearest.tolist() == [100]


def test_the_evidence_are_the_nearest_sources_that_may_give_a_label() -> None:
    targets, sources = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1], [1, 1], [1, 0], [1, 1]])
    marks = torch.ones(4, 2).bool()
    barred = torch.tensor([[False, False, True, False]])
    assert carry_labels(targets, sources, marks).evidence.tolist() == [[2, 1, 3]]
    assert carry_labels(targets, sources, marks, left_out=barred).evidence.tolist() == [[1, 3, 0]]
    few = carry_labels(targets, sources[:2], marks[:2])
    assert few.evidence.tolist() == [[1, 0, -1]]


def test_labels_taken_back_count_as_not_kept_in_the_accuracy_to_expect() -> None:
    found = carried([0, 1, 1, 0], [1.0, 0.9, 0.85, 0.5])
    truth = torch.tensor([[1, 0], [1, 0], [0, 1], [1, 0]]).bool()
    expected = expect_accuracy(found, truth, threshold=0.8)
    assert (expected.rows, expected.kept, expected.accuracy) == (4, 3, pytest.approx(2 / 3))
    span = binomtest(2, 3).proportion_ci(method="wilson")
    assert (expected.low, expected.high) == pytest.approx((span.low, span.high))

    without = found.without(torch.tensor([False, True, False, False]))
    expected = expect_accuracy(without, truth, threshold=0.8)
    assert (expected.rows, expected.kept, expected.accuracy) == (4, 2, 1.0)
    assert expected.low == pytest.approx(binomtest(2, 2).proportion_ci(method="wilson").low)
    none = expect_accuracy(found, truth, threshold=1.1)
    assert (none.kept, none.accuracy, none.low, none.high) == (0, None, 0.0, 1.0)


def test_a_target_to_which_nobody_may_give_a_label_gets_none_at_any_threshold() -> None:
    a, b, truth, marks = scene(0)
    barred = torch.zeros(30, 45).bool()
    barred[7] = True
    found = carry_labels(a, b, marks, left_out=barred)
    assert (found.concepts[7], found.confidences[7], found.nearest[7]) == (-1, 0, -1)
    assert not found.kept(0)[7]
    assert found.kept(0).sum() == 29
    assert not found.right(truth)[7]
    assert not found.right(torch.ones_like(truth))[7]


def test_without_sources_nobody_gets_a_label() -> None:
    found = carry_labels(torch.ones(3, 4), torch.zeros(0, 4), torch.zeros(0, 2).bool())
    assert found.concepts.tolist() == [-1, -1, -1]
    assert measure_carried(found, torch.ones(3, 2).bool(), threshold=0).kept == 0


def test_blocks_and_the_sources_order_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, _, marks = scene(3)
    whole = carry_labels(a, b, marks)
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", 140)  # three targets a block
    order = torch.randperm(45, generator=torch.Generator().manual_seed(0))
    mixed = carry_labels(a, b[order], marks[order])
    assert torch.equal(mixed.concepts, whole.concepts)
    assert torch.equal(mixed.confidences, whole.confidences)
    assert torch.equal(order[mixed.nearest], whole.nearest)


def carried(concepts: list[int], confidences: list[float]) -> Carried:
    return Carried(
        concepts=torch.tensor(concepts),
        confidences=torch.tensor(confidences, dtype=torch.float64),
        evidence=torch.zeros(len(concepts), 3).long(),
    )


def test_measured_labels_by_hand() -> None:
    found = carried([0, 1, 1, 0, -1], [1.0, 0.9, 0.85, 0.5, 0.0])
    truth = torch.tensor([[1, 0], [1, 1], [1, 0], [1, 0], [1, 0]]).bool()
    measured = measure_carried(found, truth, threshold=0.85)
    assert (measured.rows, measured.kept, measured.coverage) == (5, 3, 0.6)
    assert measured.accuracy == pytest.approx(2 / 3)
    filled = [(b.low, b.high, b.rows, b.accuracy) for b in measured.bins if b.rows]
    assert filled == [(0.0, 0.1, 1, 0.0), (0.5, 0.6, 1, 1.0), (0.8, 0.9, 1, 0.0), (0.9, 1.0, 2, 1)]
    nothing = measure_carried(found, truth, threshold=1.1)
    assert (nothing.kept, nothing.coverage, nothing.accuracy) == (0, 0, None)
    assert measure_carried(carried([], []), truth[:0], threshold=0).coverage is None


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.integers(0, 10), st.booleans()), min_size=5, max_size=40),
    st.sampled_from([0.5, 0.75, 0.8]),
)
def test_the_threshold_is_the_lowest_that_reaches_the_accuracy(
    rows: list[tuple[int, bool]], accuracy: float
) -> None:
    found = carried([int(right) for _, right in rows], [sure / 10 for sure, _ in rows])
    truth = torch.tensor([[False, True]]).repeat(len(rows), 1)
    fewest = round(1 / (1 - accuracy))
    reaching = []
    for threshold in {sure / 10 for sure, _ in rows}:
        kept = [right for sure, right in rows if sure / 10 >= threshold]
        if len(kept) >= fewest and sum(kept) / len(kept) >= accuracy:
            reaching.append(threshold)
    if reaching:
        assert choose_threshold(found, truth, accuracy=accuracy) == min(reaching)
    else:
        with pytest.raises(ValueError, match="ask for less"):
            choose_threshold(found, truth, accuracy=accuracy)


def test_a_threshold_needs_rows_that_can_tell_the_accuracy() -> None:
    truth = torch.ones(20, 1).bool()
    assert choose_threshold(carried([0] * 20, [0.5] * 20), truth, accuracy=0.95) == 0.5
    with pytest.raises(ValueError, match=r"got 19 rows .* at least 20"):
        choose_threshold(carried([0] * 19 + [-1], [0.5] * 20), truth, accuracy=0.95)
    for wrong in (0.0, 1.0, float("nan")):
        with pytest.raises(ValueError, match="more than 0 and less than 1"):
            choose_threshold(carried([0] * 20, [0.5] * 20), truth, accuracy=wrong)


def test_a_sample_has_the_concepts_of_all_its_rows() -> None:
    labels = Labels(
        concepts=torch.tensor([2, 0, -1, 1]),
        items=torch.full((4,), -1),
        samples=torch.tensor([0, 1, 2, 0]),
    )
    assert concept_marks(labels, count=3).int().tolist() == [[0, 1, 1], [1, 0, 0], [0, 0, 0]]


def test_wrong_input_is_refused() -> None:
    a, b, _, marks = scene(0)
    with pytest.raises(ValueError, match="k = 0"):
        carry_labels(a, b, marks, k=0)
    with pytest.raises(ValueError, match="45 sources; expected a concept"):
        carry_labels(a, b, marks & (torch.arange(45) > 0).unsqueeze(1))
    with pytest.raises(ValueError, match=r"marks of \(44, 4\)"):
        carry_labels(a, b, marks[1:])
    with pytest.raises(ValueError, match="one width"):
        carry_labels(a[:, :3], b, marks)
