from __future__ import annotations

import json
import math
from dataclasses import asdict, replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.evaluation import ranking as blocks_module
from spaner_core.evaluation.calibration import TooFewSamples
from spaner_core.evaluation.no_match import MatchThreshold, fit_match_threshold
from torch import Tensor
from torch.nn.functional import normalize


def scene(seed: int, *, noise: float = 0.4, levels: int = 30) -> tuple[Tensor, Tensor, Tensor]:
    """40 queries of four concepts and a fifth that the gallery lacks; few levels make ties."""
    random = torch.Generator().manual_seed(seed)
    mine, theirs = torch.arange(40) % 5, torch.arange(levels) % 4
    a, b = (
        torch.eye(5)[concepts] + noise * torch.randn(len(concepts), 5, generator=random)
        for concepts in (mine, theirs)
    )
    return a, b, mine.unsqueeze(1) == theirs


def slow_best(a: Tensor, b: Tensor, relevant: Tensor) -> tuple[list[float], list[float]]:
    """Best cosines, to six decimals, in the rest of the gallery, and in all of it."""
    cosines = (normalize(a.double()) @ normalize(b.double()).T).tolist()
    absent, present = [], []
    for scores, marks in zip(cosines, relevant.tolist(), strict=True):
        rest = [round(score, 6) for score, hit in zip(scores, marks, strict=True) if not hit]
        absent += [max(rest)] if rest else []
        present += [max(round(score, 6) for score in scores)] if any(marks) else []
    return absent, present


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 10**6),
    st.sampled_from([1, 3, 30]),
    st.sampled_from([0.025, 0.05, 0.1, 0.29, 0.5, 0.975, 0.999]),
)
def test_the_threshold_is_the_lowest_that_keeps_the_rate_and_its_rates_are_true(
    seed: int, levels: int, rate: float
) -> None:
    a, b, relevant = scene(seed, levels=levels)
    absent, present = slow_best(a, b, relevant)
    if len(absent) * rate < 1:
        return
    found = fit_match_threshold(a, b, relevant, false_accept_rate=rate)

    def accepts(threshold: float) -> float:
        return sum(best >= threshold for best in absent) / len(absent)

    assert found.false_accept_rate == pytest.approx(accepts(found.cosine))
    assert found.false_accept_rate <= rate < accepts(found.cosine - 1e-6)
    rejected = sum(best < found.cosine for best in present)
    assert found.false_reject_rate == pytest.approx(rejected / len(present))
    assert (found.absent, found.present) == (len(absent), len(present))
    assert found.asked == rate


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6), st.sampled_from([3, 30]))
def test_order_and_length_of_rows_do_not_matter_and_a_lower_rate_is_stricter(
    seed: int, levels: int
) -> None:
    a, b, relevant = scene(seed, levels=levels)
    found = fit_match_threshold(a, b, relevant, false_accept_rate=0.1)
    order = torch.randperm(levels, generator=torch.Generator().manual_seed(seed))
    mixed = fit_match_threshold(
        3 * a.flip(0), 0.1 * b[order], relevant.flip(0)[:, order], false_accept_rate=0.1
    )
    assert mixed.cosine == pytest.approx(found.cosine, abs=2e-6)  # float32 rounds what it scales
    strict = fit_match_threshold(a, b, relevant, false_accept_rate=0.05)
    assert strict.cosine >= found.cosine
    assert strict.false_reject_rate >= found.false_reject_rate


def test_concepts_far_apart_are_told_without_error() -> None:
    found = fit_match_threshold(*scene(0, noise=0.01), false_accept_rate=0.05)
    assert found.cosine < 0.2
    assert found.false_reject_rate == 0
    assert found.passes(0.9)
    assert not found.passes(0.01)


def test_a_constant_space_gives_no_figure() -> None:
    _, _, relevant = scene(0)
    with pytest.raises(TooFewSamples, match=r"all scores are the same \(1\.000\)"):
        fit_match_threshold(torch.ones(40, 3), torch.ones(30, 3), relevant)


def test_queries_whose_every_row_is_relevant_do_not_count_as_absent() -> None:
    a, b, relevant = scene(0)
    relevant[3:5] = True
    found = fit_match_threshold(a, b, relevant)
    assert (found.absent, found.present) == (38, 33)


def test_without_a_present_query_there_is_no_false_reject_rate() -> None:
    a, b, relevant = scene(0)
    found = fit_match_threshold(a, b, torch.zeros_like(relevant))
    assert (found.absent, found.present, found.false_reject_rate) == (40, 0, None)
    assert found.false_accept_rate == pytest.approx(2 / 40)


def test_the_threshold_comes_back_from_json_unchanged() -> None:
    a, b, relevant = scene(0)
    for marks in (relevant, torch.zeros_like(relevant)):
        found = fit_match_threshold(a, b, marks)
        stored = json.loads(json.dumps(asdict(found), allow_nan=False))
        assert MatchThreshold(**stored) == found


def test_blocks_do_not_change_the_threshold(monkeypatch: pytest.MonkeyPatch) -> None:
    a, b, relevant = scene(2)
    whole = fit_match_threshold(a, b, relevant)
    monkeypatch.setattr(blocks_module, "BLOCK_ENTRIES", 70)  # two queries a block
    assert fit_match_threshold(a, b, relevant) == whole


@pytest.mark.parametrize(("queries", "rate"), [(0, 0.5), (1, 0.9), (19, 0.05), (9, 0.1)])
def test_too_few_queries_for_the_rate_are_refused(queries: int, rate: float) -> None:
    a, b, relevant = scene(0)
    said = f"got {queries} queries .* of {rate} on; expected at least {max(2, round(1 / rate))}"
    with pytest.raises(ValueError, match=said):
        fit_match_threshold(a[:queries], b, relevant[:queries], false_accept_rate=rate)
    if rate < 0.5:
        enough = fit_match_threshold(
            a[: queries + 1], b, relevant[: queries + 1], false_accept_rate=rate
        )
        assert enough.false_accept_rate == pytest.approx(rate)


def test_an_empty_gallery_is_refused() -> None:
    a, b, relevant = scene(0)
    with pytest.raises(ValueError, match="got 0 queries to choose"):
        fit_match_threshold(a, b[:0], relevant[:, :0])


@pytest.mark.parametrize("rate", [0, 1, -0.1, math.nan])
def test_a_rate_that_is_none_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="more than 0 and less than 1"):
        fit_match_threshold(*scene(0), false_accept_rate=rate)


def test_wrong_input_is_refused() -> None:
    a, b, relevant = scene(0)
    with pytest.raises(ValueError, match=r"relevance of \(30, 40\)"):
        fit_match_threshold(a, b, relevant.T)
    with pytest.raises(ValueError, match="calibrate again"):
        replace(fit_match_threshold(a, b, relevant), cosine=math.nan)


def test_a_larger_gallery_needs_a_higher_cosine() -> None:
    def rows(count: int, seed: int) -> torch.Tensor:
        drawn = torch.randn(count, 16, generator=torch.Generator().manual_seed(seed))
        return torch.nn.functional.normalize(drawn, dim=-1)

    queries, nothing = rows(400, 0), torch.zeros(400, 250, dtype=torch.bool)
    found = fit_match_threshold(queries, rows(250, 1), nothing)
    assert found.gallery == 250
    assert found.growth > 0
    assert found.at(10) == found.at(250) == found.cosine
    large = rows(4000, 2)
    best = (queries.double() @ large.double().T).amax(dim=1)
    passed = [float((best >= cosine).double().mean()) for cosine in (found.at(4000), found.cosine)]
    assert passed[0] < 0.1 < passed[1], "the threshold of the small gallery passes far more"
    assert found.passes(found.cosine)
    assert not found.passes(found.cosine, gallery=4000)


def test_queries_that_are_rejected_anyway_let_others_pass_by_a_lower_score() -> None:
    a, b, relevant = scene(0)
    plain = fit_match_threshold(a, b, relevant)
    odd = torch.arange(len(a)) % 2 == 1
    half = fit_match_threshold(a, b, relevant, passing=odd)
    assert half.cosine < plain.cosine
    assert half.false_accept_rate <= 0.05
    present = torch.tensor(slow_best(a[odd], b, relevant[odd])[1])
    found = int((present >= half.cosine).sum()) / int(relevant.any(dim=1).sum())
    assert half.false_reject_rate == pytest.approx(1 - found)
    none = fit_match_threshold(a, b, relevant, passing=torch.zeros(len(a), dtype=torch.bool))
    assert none.false_reject_rate == 1.0


def with_a_misplaced_row() -> tuple[Tensor, Tensor, Tensor, tuple[Tensor, Tensor]]:
    """Rows of three of four concepts at their anchors, one of them at the fourth's anchor."""
    mine, theirs = torch.arange(40) % 4, torch.arange(30) % 3
    places = theirs.clone()
    places[0] = 3
    eye = torch.eye(4)
    return eye[mine], eye[places], mine.unsqueeze(1) == theirs, (mine, theirs)


def test_a_match_has_the_anchor_of_the_query_where_that_costs_little() -> None:
    a, b, relevant, near = with_a_misplaced_row()
    plain = fit_match_threshold(a, b, relevant, false_accept_rate=0.3)
    found = fit_match_threshold(a, b, relevant, false_accept_rate=0.3, anchors=near)
    assert plain.false_accept_rate == 10 / 40, "every query of the fourth finds the misplaced row"
    assert found == replace(plain, same_anchor=True, false_accept_rate=0.0)
    assert not found.passes(1.0, same_anchor=False)
    assert found.passes(1.0, same_anchor=True)
    assert plain.passes(1.0, same_anchor=False)


def test_anchors_are_not_asked_for_where_they_lose_matches_or_nothing_shows_what_they_lose() -> (
    None
):
    a, b, relevant, (mine, theirs) = with_a_misplaced_row()
    plain = fit_match_threshold(a, b, relevant, false_accept_rate=0.3)
    wrong = torch.where(mine == 0, 3, mine)  # a third of the queries lies nearest another anchor
    rate = {"false_accept_rate": 0.3}
    assert fit_match_threshold(a, b, relevant, anchors=(wrong, theirs), **rate) == plain
    a, b, relevant = scene(0)
    nothing, near = torch.zeros_like(relevant), (torch.arange(40) % 5, torch.arange(30) % 4)
    assert not fit_match_threshold(a, b, nothing, anchors=near, **rate).same_anchor


def test_parts_in_which_nothing_passes_do_not_count_as_growth() -> None:
    a = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
    b = torch.randn(64, 8, generator=torch.Generator().manual_seed(1))
    relevant = torch.zeros(50, 64, dtype=torch.bool)
    relevant[0, 1:] = True  # no query without an answer in parts that lack the first row
    passing = torch.arange(50) < 3
    found = fit_match_threshold(a, b, relevant, false_accept_rate=0.05, passing=passing)
    assert -1 < found.cosine < 1
    assert found.growth < 0.2
