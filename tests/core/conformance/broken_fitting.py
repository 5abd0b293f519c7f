"""Toys whose aligner is fitted to something else than the real tokens of all training rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.core.conformance.broken import aligner_with, toy_with


def reader_around(centre: Callable[[Any], Any]) -> Callable[..., Any]:
    """A hook whose aligner reads the mean of the real tokens, less `centre(rows)` when fitted."""

    def replace_reader(aligner: Any) -> None:
        import torch

        class Reader(torch.nn.Module):
            width = 3

            def __init__(self) -> None:
                super().__init__()
                self.register_buffer("centre", torch.zeros(3))

            def fit(self, rows: Any) -> None:
                self.centre = centre(rows)

            def forward(self, features: Any, mask: Any) -> Any:
                return means(features, mask) - self.centre

        aligner.reader = Reader()

    return aligner_with(replace_reader)


def means(features: Any, mask: Any) -> Any:
    return (features * mask.unsqueeze(-1)).sum(1) / mask.sum(1, True)


def mean_of_all_tokens(rows: Any) -> Any:
    return sum(b.features.sum((0, 1)) for b in rows) / sum(b.mask.numel() for b in rows)


def mean_of_the_first(rows: Any) -> Any:
    first = next(iter(rows))
    return means(first.features, first.mask).mean(0)


def mean_of_means(rows: Any) -> Any:
    centres = [means(batch.features, batch.mask).mean(0) for batch in rows]
    return sum(centres) / len(centres)


def mean_of_so_many(rows: Any) -> Any:
    return sum(means(batch.features, batch.mask).mean(0) for batch in rows) / len(rows)


def keep_the_last(aligner: Any) -> None:
    fit = aligner.fit_statistics

    def fit_statistics(rows: Any, **given: Any) -> None:
        for batch in rows:
            fit([batch], **given)

    aligner.fit_statistics = fit_statistics


def keep_sizes(aligner: Any) -> None:
    import torch

    fit = aligner.fit_statistics
    aligner.register_buffer("sizes", torch.zeros(1))

    def fit_statistics(rows: Any, **given: Any) -> None:
        fit(rows, **given)
        aligner.sizes = torch.tensor([float(len(batch.features)) for batch in rows])

    aligner.fit_statistics = fit_statistics


fitted_to_padding = toy_with(
    "check_padding_when_fitting",
    "the reader's vectors differ when the aligner is fitted with more padding",
    also=("check_fitting_in_any_batch",),
    spaner_build_aligner=reader_around(mean_of_all_tokens),
)
fitted_to_the_first_batch = toy_with(
    "check_fitting_in_any_batch",
    "centre differs when training rows come one at a time",
    spaner_build_aligner=reader_around(mean_of_the_first),
)
fitted_to_the_last_batch = toy_with(
    "check_fitting_in_any_batch",
    "centre differs when training rows come one at a time",
    spaner_build_aligner=aligner_with(keep_the_last),
)
counts_batches_alike = toy_with(
    "check_fitting_in_any_batch",
    "centre differs when training rows come two at a time",
    spaner_build_aligner=reader_around(mean_of_means),
)
needs_the_number_of_batches = toy_with(
    "check_alignment",
    "has no len()",
    spaner_build_aligner=reader_around(mean_of_so_many),
)
keeps_sizes_of_batches = toy_with(
    "check_fitting_in_any_batch",
    "sizes is (3,) when training rows come one at a time; expected (1,), as in one batch",
    spaner_build_aligner=aligner_with(keep_sizes),
)
