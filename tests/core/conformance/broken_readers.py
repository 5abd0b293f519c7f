"""Toys whose reader, or whose aligner's answer, is not what it should be."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tests.core.conformance.broken import aligner_with, answer_with, toy_with


def fail(*given: Any, **named: Any) -> Any:
    raise RuntimeError("out of order")


def leave(*given: Any, **named: Any) -> Any:
    sys.exit(0)


def replaced(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
    return aligner_with(lambda aligner: setattr(aligner, name, method))


def without_fit(features: Any) -> Any:
    import torch

    return torch.nn.Linear(features.dim, 16)


cannot_be_fitted = toy_with(
    "check_alignment",
    "raised RuntimeError: out of order",
    spaner_build_aligner=replaced("fit_statistics", fail),
)
cannot_be_used = toy_with(
    "check_alignment",
    "raised RuntimeError: out of order",
    spaner_build_aligner=replaced("forward", fail),
)
exits_when_fitted = toy_with(
    "check_alignment",
    "raised SystemExit: 0",
    spaner_build_aligner=replaced("fit_statistics", leave),
)
has_no_fit = toy_with(
    "check_alignment",
    "the aligner, a Linear, has no fit_statistics",
    also=("check_unknown_options",),
    spaner_build_aligner=without_fit,
)
one_vector_a_batch = toy_with(
    "check_alignment",
    "against 4 anchors the aligner gives embedding (1, 16); expected finite (3, 16)",
    spaner_build_aligner=answer_with(lambda g: type(g)(*(part[:1] for part in g))),
)
one_mean_a_batch = toy_with(
    "check_alignment",
    "gives embedding (16,); expected finite (3, 16)",
    spaner_build_aligner=answer_with(lambda g: g._replace(embedding=g.embedding.mean(0))),
)
wider_than_the_space = toy_with(
    "check_alignment",
    "gives embedding (3, 32); expected finite (3, 16)",
    spaner_build_aligner=answer_with(lambda g: g._replace(embedding=g.embedding.repeat(1, 2))),
)


def reader_with(**methods: Any) -> Callable[..., Any]:
    """A hook whose reader takes the mean of the real tokens, with other methods or attributes."""

    def spaner_build_reader(features: Any, options: Any) -> Any:
        import torch

        own = {"name": "own", "options": {}, "width": features.dim, "fit": nothing}
        kind = type("OwnReader", (torch.nn.Module,), {**own, "forward": mean, **methods})
        return kind()

    return spaner_build_reader


def nothing(self: Any, rows: Any) -> None: ...


def mean(self: Any, features: Any, mask: Any) -> Any:
    return (features * mask.unsqueeze(-1)).sum(1) / mask.sum(1, True)


def one_for_all(self: Any, features: Any, mask: Any) -> Any:
    return mean(self, features, mask).mean(0, True)


def centred(self: Any, features: Any, mask: Any) -> Any:
    means = mean(self, features, mask)
    return means - means.amax(0)


def endless(self: Any, features: Any, mask: Any) -> Any:
    return mean(self, features, mask) / 0


def no_module(features: Any, options: Any) -> Any:
    return lambda features, mask: features.mean(1)


def of_three_segments(features: Any, options: Any) -> Any:
    from spaner_core import PoolTokens

    reader = PoolTokens(features, segments=3)
    reader.name = "stretches"  # type: ignore[misc]
    reader.options = {"segments": 5}
    return reader


reader_cannot_be_fitted = toy_with(
    "check_reader",
    "raised RuntimeError: out of order",
    spaner_build_reader=reader_with(fit=fail),
)
reader_cannot_read = toy_with(
    "check_reader",
    "raised RuntimeError: out of order",
    spaner_build_reader=reader_with(forward=fail),
)
reader_exits = toy_with(
    "check_reader", "raised SystemExit: 0", spaner_build_reader=reader_with(forward=leave)
)
reader_says_another_width = toy_with(
    "check_reader",
    "the reader gives (3, 3) for 3 rows; expected finite (3, 5), as its width says",
    spaner_build_reader=reader_with(width=5),
)
reader_gives_one_vector = toy_with(
    "check_reader",
    "the reader gives (1, 3) for 3 rows",
    spaner_build_reader=reader_with(forward=one_for_all),
)
reader_is_not_finite = toy_with(
    "check_reader",
    "the reader gives (3, 3) for 3 rows; expected finite",
    spaner_build_reader=reader_with(forward=endless),
)
reader_sees_others = toy_with(
    "check_reader",
    "what is read differ when rows come one at a time",
    also=("check_fitting_in_any_batch", "check_rows_alone"),
    spaner_build_reader=reader_with(forward=centred),
)
reader_takes_all_tokens = toy_with(
    "check_reader",
    "what is read differ with more padding",
    also=("check_padding", "check_padding_when_fitting", "check_fitting_in_any_batch"),
    spaner_build_reader=reader_with(forward=lambda self, features, mask: features.mean(1)),
)
reader_is_a_function = toy_with(
    "check_reader", "spaner_build_reader gives a function", spaner_build_reader=no_module
)
reader_without_fit = toy_with(
    "check_reader",
    "gives a OwnReader; expected a torch.nn.Module with the name, options, width and fit",
    spaner_build_reader=lambda features, options: lacking_fit(features, options),
)


def lacking_fit(features: Any, options: Any) -> Any:
    reader = reader_with()(features, options)
    del type(reader).fit
    return reader


numbered = iter(range(1, 1000))
reader_of_the_moment = toy_with(
    "check_recorded_reader",
    "gives another reader; expected the one that a space recorded",
    spaner_build_reader=lambda features, options: reader_with(options={"segments": next(numbered)})(
        features, options
    ),
)
reader_of_no_json = toy_with(
    "check_recorded_reader",
    "the reader's name and options are",
    spaner_build_reader=reader_with(options={"kept": (1, 2)}),
)


def with_layer(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A hook whose aligner has one more layer, which `forward(layer, alignment)` uses."""

    def add(aligner: Any) -> None:
        import torch

        layer = aligner.extra = torch.nn.Linear(16, 16, bias=False)
        aligner.register_forward_hook(lambda _, __, given: forward(layer, given))

    return aligner_with(add)


def add_detached(layer: Any, given: Any) -> Any:
    moved = given.embedding + 1e-7 * layer(given.embedding).detach()
    return given._replace(embedding=moved / moved.norm(dim=1, keepdim=True))


def add_nothing(layer: Any, given: Any) -> Any:
    return given._replace(embedding=given.embedding + 0 * layer(given.embedding))


def starts_at_zero(aligner: Any) -> None:
    import torch

    down, up = torch.nn.Linear(16, 2, bias=False), torch.nn.Linear(2, 16, bias=False)
    torch.nn.init.zeros_(up.weight)
    aligner.down, aligner.up = down, up

    def add(_: Any, __: Any, given: Any) -> Any:
        moved = given.embedding + up(down(given.embedding))
        return given._replace(embedding=moved / moved.norm(dim=1, keepdim=True))

    aligner.register_forward_hook(add)


idle_layer = toy_with(
    "check_gradients",
    "extra.weight of the aligner should train and no gradient reaches them",
    spaner_build_aligner=with_layer(lambda layer, given: given),
)
detached_layer = toy_with(
    "check_gradients",
    "extra.weight of the aligner should train",
    spaner_build_aligner=with_layer(add_detached),
)
layer_times_zero = toy_with(
    "check_gradients",
    "extra.weight of the aligner should train",
    spaner_build_aligner=with_layer(add_nothing),
)
