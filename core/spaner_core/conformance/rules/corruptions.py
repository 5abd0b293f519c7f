"""Checks corruptions: named noise of five severities."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise, product

import torch
from torch import Tensor

from spaner_core.conformance.comparing import contents, difference, forms
from spaner_core.conformance.noted_transform import name_of
from spaner_core.conformance.subject import Subject
from spaner_core.conformance.verdict import BrokenRule
from spaner_core.contract.modality import Corruption
from spaner_core.contract.transform import Sample

SEVERITIES = (1, 2, 3, 4, 5)
SEEDS = (0, 1, 2)
SLACK = 0.05
"""How much less a severity may disturb than the one before, as a share: chance, not direction."""

NONE = "offers none"


def check_corruption_names(subject: Subject) -> str:
    """Each corruption has a name of its own."""
    names = [corruption.name for corruption in offered_corruptions(subject)]
    wrong = [name for name in names if not isinstance(name, str) or not name.strip()]
    twice = sorted({name for name in names if names.count(name) > 1})
    if wrong or twice:
        raise BrokenRule(
            f"corruptions are named {', '.join(map(repr, names))}",
            "a name for each, and each once",
            "rename them: tables and curves are read by these names",
        )
    return ", ".join(names) or NONE


def check_corrupted_samples(subject: Subject) -> str:
    """A corruption returns a sample of the same kind, the same for a seed, and leaves the first."""
    offered, fixed = offered_corruptions(subject), []
    for corruption in offered:
        samples = list(subject.samples())
        for sample, severity in product(samples, SEVERITIES):
            _check_sample(corruption, sample, severity=severity)
        if not any(_differs_by_seed(corruption, sample) for sample in samples):
            fixed.append(corruption.name)
    if fixed:
        return f"the same for every seed: {', '.join(fixed)}"
    return "each seed gives another" if offered else NONE


def _check_sample(corruption: Corruption, sample: Sample, *, severity: int) -> None:
    what = f"{corruption.name!r} at severity {severity}"
    before = contents(sample)
    given = corruption.apply(sample, severity=severity, seed=0)
    if (place := difference(sample, before)) is not None:
        raise BrokenRule(f"{what} changes the sample it is given ({place})", "a copy", "copy first")
    if forms(given) != forms(sample):
        raise BrokenRule(
            f"{what} makes {forms(given)} of {forms(sample)}",
            "a sample of the same type and shape",
            "bring it back to what it was",
        )
    again = corruption.apply(sample, severity=severity, seed=0)
    if (place := difference(again, contents(given))) is not None:
        raise BrokenRule(
            f"{what} gives two results for one seed (differing in {place})",
            "the same for the same seed",
            "draw from a generator that is made from the seed",
        )


def _differs_by_seed(corruption: Corruption, sample: Sample) -> bool:
    one, other = (corruption.apply(sample, severity=5, seed=seed) for seed in SEEDS[:2])
    return difference(one, contents(other)) is not None


def check_severities(subject: Subject) -> str:
    """The higher the severity, the more a corruption disturbs features."""
    said = []
    _ = subject.features  # of examples that have none, one rule tells
    for corruption in offered_corruptions(subject):
        curve = [_disturbance(subject, corruption, severity=s) for s in SEVERITIES]
        falls = [later < (1 - SLACK) * earlier for earlier, later in pairwise(curve)]
        if not curve[-1] > curve[0] or any(falls):
            shown = ", ".join(f"{value:.3g}" for value in curve)
            raise BrokenRule(
                f"{corruption.name!r} moves features by {shown} at severities 1 to 5",
                "more at 5 than at 1, and never less as severity grows",
                "correct the order of its strengths",
            )
        said.append(f"{corruption.name} {curve[0]:.2g} to {curve[-1]:.2g}")
    return ", ".join(said) or NONE


def _disturbance(subject: Subject, corruption: Corruption, *, severity: int) -> float:
    """How far features move, as a share of their length: over all inputs and a few seeds."""
    moved, size = 0.0, 0.0
    for source, sample in zip(subject.examples.inputs, subject.samples(), strict=True):
        known = _vector(subject, sample)
        for seed in SEEDS:
            disturbed = corruption.apply(sample, severity=severity, seed=seed)
            given = _vector(subject, disturbed)
            if not torch.isfinite(given).all():
                raise BrokenRule(
                    f"{corruption.name!r} at severity {severity} makes features of "
                    f"{name_of(source)} NaN or infinite",
                    "finite ones: noise, and still an input that can be used",
                    "keep the disturbed numbers within what prepare and the encoder take",
                )
            moved += float((given - known).norm())
            size += float(known.norm())
    return moved / size


def _vector(subject: Subject, sample: Sample) -> Tensor:
    """Return a sample's tokens side by side where their number is fixed, else their mean."""
    encoder, transform = subject.built.encoder, subject.built.transform
    tokens: Tensor
    tokens, mask = encoder(encoder.collate(list(transform.prepare(sample))))
    return tokens[mask].mean(dim=0) if encoder.features.tokens is None else tokens.flatten()


def offered_corruptions(subject: Subject) -> Sequence[Corruption]:
    """Ask the plugin for its corruptions; none where it has no such hook."""
    offered: Sequence[Corruption] | None = subject.ask(
        "spaner_corruptions", options=subject.examples.options
    )
    return tuple(offered or ())
