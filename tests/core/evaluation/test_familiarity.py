"""How familiar an input is: against a slow count, and on rows that come in groups."""

from __future__ import annotations

import pytest
import torch
from spaner_core.evaluation.calibration import TooFewSamples
from spaner_core.evaluation.familiarity import (
    Familiarity,
    draw_references,
    fit_familiarity,
)
from torch import Tensor
from torch.nn import functional


def unit(*shape: int, seed: int) -> Tensor:
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return functional.normalize(drawn, dim=-1)


def in_groups(
    *, groups: int, rows: int, seed: int = 0, apart: float = 2.0
) -> tuple[Tensor, Tensor]:
    """Rows that resemble those of their own group, about one common direction."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(groups, 1, 16, generator=generator)
    noise = torch.randn(groups, rows, 16, generator=generator)
    found = functional.normalize(2 * centres + noise + 3.0, dim=-1)
    return found.flatten(0, 1), torch.arange(groups).repeat_interleave(rows)


def test_a_p_value_is_what_a_slow_count_says() -> None:
    known, held_out, new = unit(50, 8, seed=0), unit(40, 8, seed=1), unit(30, 8, seed=2)
    found = fit_familiarity(known, held_out, rate=0.1)
    near = [float(max(row @ other for other in known)) for row in held_out]
    for row, p_value in zip(new, found.p_values(new), strict=True):
        mine = float(max(row @ other for other in known))
        assert float(p_value) == pytest.approx(
            (1 + sum(one <= mine for one in near)) / 41, abs=0.03
        )
    assert float(found.p_values(known).min()) == 1.0, "what is known is familiar"


def test_rows_like_the_held_out_ones_are_called_unfamiliar_at_the_rate_and_strangers_mostly() -> (
    None
):
    rows, _ = in_groups(groups=1, rows=1200)
    found = fit_familiarity(rows[:400], rows[400:800], rate=0.05)
    share = float((found.p_values(rows[800:]) <= 0.05).double().mean())
    assert 0.02 < share < 0.08
    assert float((found.p_values(unit(200, 16, seed=3)) <= 0.05).double().mean()) > 0.9


def test_rows_are_compared_with_those_of_other_groups_alone() -> None:
    rows, groups = in_groups(groups=40, rows=10)
    new, _ = in_groups(groups=40, rows=10, seed=1)
    each = torch.arange(len(rows))
    found = [
        fit_familiarity(rows, rows, rate=0.05, groups=(numbers, numbers))
        for numbers in (groups, each)
    ]
    refused = [float((one.p_values(new) <= 0.05).double().mean()) for one in found]
    assert refused[0] < 0.1 < 0.5 < refused[1], "a group's own rows look more alike than new ones"


def test_held_out_rows_of_no_other_group_than_the_references_do_not_count() -> None:
    known, new = unit(50, 8, seed=0), unit(60, 8, seed=1)
    groups = torch.arange(60) // 30  # the first thirty are of the references' group
    found = fit_familiarity(known, new, rate=0.05, groups=(groups, torch.zeros(50).long()))
    alone = fit_familiarity(known, new[30:], rate=0.05)
    assert torch.equal(found.held_out, alone.held_out)


def test_rows_that_tie_with_the_held_out_ones_are_familiar() -> None:
    held_out = torch.cat([torch.full((30,), 0.5), torch.tensor([0.9])])
    known = Familiarity(references=torch.eye(2).half(), held_out=held_out)
    row = functional.normalize(torch.tensor([[0.5, -(0.75**0.5)]]), dim=-1)
    assert float(known.p_values(row)) > 0.9


@pytest.mark.parametrize(("count", "rate"), [(18, 0.05), (9, 0.1 - 1e-6)])
def test_too_few_rows_give_no_figure(count: int, rate: float) -> None:
    rows, new = unit(60, 8, seed=0), unit(count + 1, 8, seed=1)
    with pytest.raises(TooFewSamples, match=f"got {count} rows .* at least {count + 1}"):
        fit_familiarity(rows, new[:count], rate=rate)
    smallest = fit_familiarity(rows, new, rate=rate).p_values(-rows.mean(0, keepdim=True))
    assert float(smallest) <= rate, "with one more the rate can be reached"


def test_one_group_or_rows_that_are_all_alike_give_no_figure() -> None:
    rows, one = unit(60, 8, seed=0), torch.zeros(60).long()
    with pytest.raises(TooFewSamples, match="all rows are of one group"):
        fit_familiarity(rows[:40], rows[40:], rate=0.05, groups=(one[40:], one[:40]))
    with pytest.raises(TooFewSamples, match="equally near"):
        fit_familiarity(rows[:1], rows[1:2].repeat(40, 1), rate=0.05)
    with pytest.raises(TooFewSamples, match="no training rows"):
        fit_familiarity(rows[:0], rows, rate=0.05)


def test_another_width_and_broken_numbers_are_refused() -> None:
    rows = unit(60, 8, seed=0)
    found = fit_familiarity(rows, unit(40, 8, seed=1), rate=0.05)
    with pytest.raises(ValueError, match="expected one width"):
        found.p_values(unit(3, 9, seed=0))
    for broken in (torch.full((40,), torch.nan), torch.zeros(4, 4)):
        with pytest.raises(ValueError, match=r"calibrate again|expected \(R, P\)"):
            Familiarity(references=rows.half(), held_out=broken)


def test_references_are_drawn_alike_and_at_most_so_many() -> None:
    assert draw_references(5).tolist() == [0, 1, 2, 3, 4]
    drawn = draw_references(9000)
    assert len(set(drawn.tolist())) == 2000
    assert torch.equal(drawn, draw_references(9000))
