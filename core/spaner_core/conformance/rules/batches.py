"""Checks that neither padding nor batches change what an aligner gives."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from safetensors.torch import load
from torch import Tensor

from spaner_core.conformance.comparing import TOLERANCE, check_same_numbers
from spaner_core.conformance.fitted_aligner import FittedAligner
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.features.rows import FeatureRows, load_in_batches

EXTRA_PADDING = 3
ONE_TOKEN = "one token a row, nothing to mask"


@dataclass(frozen=True, kw_only=True)
class PaddedRows:
    """The same rows as they are, with more padding, and with numbers in the padding."""

    plain: FeatureRows
    others: dict[str, FeatureRows]


def check_padding(subject: Subject) -> str:
    """Neither what stands at masked tokens nor how many there are changes an embedding."""
    padded = pad_rows(subject)
    if padded is None:
        return ONE_TOKEN
    known = subject.fitted.align(padded.plain).embedding
    own_aligner = subject.arguments("spaner_build_aligner")
    at_fault = "aligner multiply, mean or attend" if own_aligner else "reader multiply or mean"
    for which, rows in padded.others.items():
        check_same_numbers(
            subject.fitted.align(rows).embedding,
            known,
            what="embeddings",
            when=which,
            advice=f"let the {at_fault} under the mask",
        )
    return f"{_masked(padded)} masked tokens make no difference"


def check_padding_when_fitting(subject: Subject) -> str:
    """Neither what stands at masked tokens nor how many there are changes what is fitted."""
    padded = pad_rows(subject)
    if padded is None:
        return ONE_TOKEN
    known = subject.fit(padded.plain).results(padded.plain)
    for which, rows in padded.others.items():
        given = subject.fit(rows).results(padded.plain)
        for what, numbers in given.items():
            check_same_numbers(
                numbers,
                known[what],
                what=what,
                when=f"when the aligner is fitted {which}",
                advice="count real tokens alone in fit_statistics and in the reader's fit",
            )
    return f"{_masked(padded)} masked tokens make no difference"


def pad_rows(subject: Subject) -> PaddedRows | None:
    """Mask some tokens where their number is fixed, add masked ones where it is not.

    None where a row has one token, which cannot be masked.
    """
    rows, fixed = subject.features, subject.built.encoder.features.tokens
    values, mask = rows.values, rows.mask.clone()
    if fixed == 1:
        return None
    if fixed is None:
        values = torch.nn.functional.pad(values, (0, 0, 0, EXTRA_PADDING))
        mask = torch.nn.functional.pad(mask, (0, EXTRA_PADDING))
    else:
        mask[:, -(fixed // 2) :] = False
        mask[~mask.any(dim=1), 0] = True
    empty = FeatureRows(values=values.masked_fill(~mask.unsqueeze(-1), 0), mask=mask)
    generator = torch.Generator().manual_seed(0)
    noise = 100 * values.abs().max() * torch.randn(values.shape, generator=generator)
    filled = FeatureRows(values=torch.where(mask.unsqueeze(-1), values, noise), mask=mask)
    others = {"with more padding": empty} if fixed is None else {}
    return PaddedRows(
        plain=rows if fixed is None else empty,
        others={**others, "with numbers in the padding": filled},
    )


def _masked(padded: PaddedRows) -> int:
    return max(int((~rows.mask).sum()) for rows in padded.others.values())


CUTS = {"one at a time": 1, "two at a time": 2}
"""Batches of one size do not show whether each counts by its rows; with three rows, two do."""

ADVICE = "go through all batches in fit_statistics and in the reader's fit, and count by rows"


def check_fitting_in_any_batch(subject: Subject) -> str:
    """What is fitted is the same however the training rows are cut into batches."""
    rows, known = subject.features, subject.fitted
    varies = subject.built.encoder.features.tokens is None
    state, results = _state(known), known.results(rows)
    scale = float(rows.values.abs().max())
    for cut, size in CUTS.items():
        batches = load_in_batches(rows, size=size)
        fitted = subject.fit(*(map(_trim, batches) if varies else batches))
        when = f"when training rows come {cut}"
        _check_same_state(_state(fitted), state, scale=scale, when=when)
        for what, numbers in fitted.results(rows).items():
            check_same_numbers(numbers, results[what], what=what, when=when, advice=ADVICE)
    return f"{len(rows)} rows in one batch, {' and '.join(CUTS)}"


def _trim(rows: FeatureRows) -> FeatureRows:
    """Cut off the padding behind the longest of some rows: no batch has more of it."""
    longest = int(torch.nonzero(rows.mask.any(dim=0)).max()) + 1
    return FeatureRows(values=rows.values[:, :longest], mask=rows.mask[:, :longest])


def _state(fitted: FittedAligner) -> dict[str, Tensor]:
    """Return the aligner's state as it is stored."""
    stored: dict[str, Tensor] = load(fitted.state())
    return stored


def _check_same_state(
    given: dict[str, Tensor], known: dict[str, Tensor], *, scale: float, when: str
) -> None:
    """Raise `BrokenRule` where a part differs, relative to its largest number or else `scale`.

    The mean of what is centred already is nothing but rounding: it has no size of its own.
    """
    nothing = torch.zeros(0)
    for name in sorted(given.keys() | known.keys()):
        one, other = (state.get(name, nothing).double() for state in (given, known))
        if one.shape != other.shape:
            expected = f"{tuple(other.shape)}, as in one batch"
            raise BrokenRule(f"{name} is {tuple(one.shape)} {when}", expected, ADVICE)
        if not torch.equal(one, other):
            largest = max(scale, float(other.abs().max()))
            worst = float((one - other).abs().max()) / largest
            if not worst <= TOLERANCE:
                raise BrokenRule(
                    f"{name} differs {when}, by {worst:.1e}", f"at most {TOLERANCE:.0e}", ADVICE
                )
