"""Checks that an aligner takes training rows a batch at a time."""

from __future__ import annotations

import torch
from safetensors.torch import load
from torch import Tensor

from spaner_core.conformance.comparing import TOLERANCE, check_same_numbers
from spaner_core.conformance.fitted import FittedAligner
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.features.rows import FeatureRows, load_in_batches

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
