"""Whether an input is of a kind that is known: against a slow count, and on kinds left out."""

from __future__ import annotations

import pytest
import torch
from spaner_core.evaluation.calibration import TooFewSamples
from spaner_core.evaluation.known_kinds import KnownKinds, fit_known_kinds
from torch import Tensor
from torch.nn import functional


def scene(
    *, seed: int, kinds: int = 12, each: int = 30, noise: float = 1.0
) -> tuple[Tensor, Tensor]:
    """Rows about a centre of each kind, the same centres for all seeds."""
    centres = torch.randn(kinds, 1, 24, generator=torch.Generator().manual_seed(7))
    drawn = torch.randn(kinds, each, 24, generator=torch.Generator().manual_seed(seed))
    rows = functional.normalize(centres + noise * drawn, dim=-1)
    return rows.flatten(0, 1), torch.arange(kinds).repeat_interleave(each)


def slow(row: Tensor, references: Tensor, concepts: Tensor, left_out: int = -1) -> float:
    best: dict[int, float] = {}
    for other, concept in zip(references, concepts.tolist(), strict=True):
        if concept != left_out:
            best[concept] = max(best.get(concept, -1.0), float(row @ other))
    first, *rest = sorted(best.values(), reverse=True)
    return first - sum(rest[:3]) / 3


def test_it_is_what_a_slow_count_says() -> None:
    (known, concepts), (rows, own) = scene(seed=0, each=4), scene(seed=1, each=2)
    found = fit_known_kinds(known, concepts, rows, own)
    strange = [slow(r, known, concepts, c) for r, c in zip(rows, own.tolist(), strict=True)]
    assert found.strange.tolist() == pytest.approx(sorted(strange), abs=1e-5)
    assert found.known.tolist() == pytest.approx(
        sorted(slow(row, known, concepts) for row in rows), abs=1e-5
    )
    new, _ = scene(seed=2, each=1)
    for row, p_value in zip(new, found.p_values(new).tolist(), strict=True):
        as_much = sum(one >= slow(row, known, concepts) for one in strange)
        assert p_value == pytest.approx((1 + as_much) / (len(strange) + 1))


def test_kinds_that_were_never_seen_pass_at_most_twice_as_often_as_asked_for() -> None:
    (known, concepts), (rows, own), (new, kinds) = (scene(seed=seed) for seed in range(3))
    seen = concepts < 9
    found = fit_known_kinds(known[seen], concepts[seen], rows[own < 9], own[own < 9])
    passed = found.p_values(new) <= 0.05
    assert float(passed[kinds >= 9].double().mean()) < 0.1
    assert float(passed[kinds < 9].double().mean()) > 0.5


def test_rows_are_compared_with_references_of_other_groups() -> None:
    rows, own = scene(seed=0, each=10)
    groups = torch.arange(len(rows)) % 10
    apart = fit_known_kinds(rows, own, rows, own, groups=(groups, groups))
    together = fit_known_kinds(rows, own, rows, own)
    assert float(together.known.max()) > float(apart.known.max()), "each row found itself"
    first = apart.p_values(rows[:1], groups=(groups[:1], groups))
    others = groups != groups[0]
    elsewhere = KnownKinds(
        references=rows[others], concepts=own[others], known=apart.known, strange=apart.strange
    )
    assert torch.equal(first, elsewhere.p_values(rows[:1]))
    alone = torch.zeros(len(rows)).long()
    assert float(apart.p_values(rows[:1], groups=(alone[:1], alone))) == 1.0, "nothing is left"


def test_rows_without_a_concept_count_for_nothing() -> None:
    (known, concepts), (rows, own) = scene(seed=0), scene(seed=1)
    found = fit_known_kinds(known, concepts, rows, own)
    with_none = torch.cat([concepts, torch.full((40,), -1)])
    again = fit_known_kinds(
        torch.cat([known, rows[:40]]), with_none, torch.cat([rows, rows[:9]]),
        torch.cat([own, torch.full((5,), -1), torch.full((4,), 99)]),
    )  # fmt: skip
    assert torch.allclose(again.strange, found.strange)


def test_few_concepts_or_no_known_row_give_no_figure() -> None:
    rows, own = scene(seed=0, kinds=4)
    with pytest.raises(TooFewSamples, match=r"got references of 4 concepts.* at least 5"):
        fit_known_kinds(rows, own, rows, own)
    rows, own = scene(seed=0)
    with pytest.raises(TooFewSamples, match="no row of a concept"):
        fit_known_kinds(rows, own, rows, torch.full_like(own, -1))


def test_what_does_not_fit_is_refused() -> None:
    rows, own = scene(seed=0)
    ordered = torch.linspace(-1, 1, 40)
    with pytest.raises(ValueError, match="got references of"):
        KnownKinds(references=rows, concepts=own[:-1], known=ordered, strange=ordered)
    for broken in (ordered[:0], torch.full((40,), torch.nan)):
        with pytest.raises(ValueError, match=r"got known and strange|calibrate again"):
            KnownKinds(references=rows, concepts=own, known=broken, strange=broken)
