"""Checks that aligners do not see masked tokens."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from spaner_core.conformance.comparing import check_same_numbers
from spaner_core.conformance.subject import Subject
from spaner_core.features.rows import FeatureRows

EXTRA_PADDING = 3
ONE_TOKEN = "one token a row, nothing to mask"


@dataclass(frozen=True, kw_only=True)
class _Padded:
    """The same rows as they are, with more padding, and with numbers in the padding."""

    plain: FeatureRows
    others: dict[str, FeatureRows]


def check_padding(subject: Subject) -> str:
    """Neither what stands at masked tokens nor how many there are changes an embedding."""
    padded = _pad(subject)
    if padded is None:
        return ONE_TOKEN
    known = subject.fitted.align(padded.plain).embedding
    for which, rows in padded.others.items():
        check_same_numbers(
            subject.fitted.align(rows).embedding,
            known,
            what="embeddings",
            when=which,
            advice="let the aligner multiply, mean or attend under the mask",
        )
    return f"{_masked(padded)} masked tokens make no difference"


def check_padding_when_fitting(subject: Subject) -> str:
    """Neither what stands at masked tokens nor how many there are changes what is fitted."""
    padded = _pad(subject)
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


def _pad(subject: Subject) -> _Padded | None:
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
    return _Padded(
        plain=rows if fixed is None else empty,
        others={**others, "with numbers in the padding": filled},
    )


def _masked(padded: _Padded) -> int:
    return max(int((~rows.mask).sum()) for rows in padded.others.values())
