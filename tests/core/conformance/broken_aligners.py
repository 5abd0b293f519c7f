"""Toys whose aligner breaks one rule each."""

from __future__ import annotations

from functools import cache
from typing import Any

from spaner_core import Modality

from tests.core.conformance.broken import (
    ChangedEncoder,
    aligner_with,
    answer_with,
    toy_with,
)
from tests.toy_modality import spaner_build_encoder as build_toy


def turned(change: Any) -> Any:
    """Change embedding and direction alike, and bring them back to unit length."""

    def answer(given: Any) -> Any:
        from torch.nn.functional import normalize

        embedding, direction = change(given.embedding), change(given.direction)
        return given._replace(embedding=normalize(embedding), direction=normalize(direction))

    return answer


twice_as_long = toy_with(
    "check_alignment",
    "the aligner gives embedding of 2; expected rows of unit length",
    spaner_build_aligner=answer_with(lambda g: g._replace(embedding=2 * g.embedding)),
)
weights_of_two = toy_with(
    "check_alignment",
    "the aligner gives weights of 2; expected rows that sum to one",
    spaner_build_aligner=answer_with(lambda g: g._replace(weights=2 * g.weights)),
)
too_few_weights = toy_with(
    "check_alignment",
    "weights (3, 3); expected finite (3, 4)",
    spaner_build_aligner=answer_with(lambda g: g._replace(weights=g.weights[:, 1:])),
)
pulled_at_strength_0 = toy_with(
    "check_alignment",
    "with strength 0 the embedding is not the direction",
    spaner_build_aligner=answer_with(lambda g: g._replace(embedding=g.embedding.flip(1))),
)


def refuse_no_anchors(aligner: Any) -> None:
    def look(_: Any, given: Any) -> None:
        given[2].amax()

    aligner.register_forward_pre_hook(look)


needs_anchors = toy_with(
    "check_alignment",
    "RuntimeError: amax(): Expected reduction dim",
    spaner_build_aligner=aligner_with(refuse_no_anchors),
)


def read_all_tokens(aligner: Any) -> None:
    aligner.register_forward_pre_hook(
        lambda _, given: (given[0], given[1].new_ones(given[1].shape), *given[2:])
    )


reads_padding = toy_with(
    "check_padding",
    "embeddings differ with more padding",
    spaner_build_aligner=aligner_with(read_all_tokens),
)
sees_other_rows = toy_with(
    "check_rows_alone",
    "embeddings differ when rows come one at a time",
    spaner_build_aligner=answer_with(turned(lambda e: e + e.mean(0))),
)
sees_earlier_rows = toy_with(
    "check_rows_alone",
    "embeddings differ when rows come in reverse",
    spaner_build_aligner=answer_with(turned(lambda e: e.cumsum(0))),
)


def hide_what_trains(aligner: Any) -> None:
    import torch

    hidden = torch.ones((), requires_grad=True)
    aligner.requires_grad_(False)
    aligner.register_forward_hook(
        lambda _, __, given: given._replace(embedding=given.embedding * hidden)
    )


detached = toy_with(
    "check_gradients",
    "the embedding asks for no gradient",
    spaner_build_aligner=answer_with(lambda g: g._replace(embedding=g.embedding.detach())),
)
trains_what_is_hidden = toy_with(
    "check_gradients",
    "no parameter of the aligner gets a gradient",
    spaner_build_aligner=aligner_with(hide_what_trains),
)
endless_gradient = toy_with(
    "check_gradients",
    "some gradient is NaN or infinite",
    spaner_build_aligner=answer_with(
        lambda g: g._replace(embedding=g.embedding + (0 * g.embedding).abs().sqrt())
    ),
)


@cache
def shared_layer() -> Any:
    import torch

    return torch.nn.utils.skip_init(torch.nn.Linear, 3, 3, bias=False).requires_grad_(False)


def encoder_with_the_layer(options: Any) -> Any:
    shared_layer().weight.fill_(0.5)
    encoder: Any = ChangedEncoder(build_toy(options), lambda t, m, _: (t, m))
    encoder.layer = shared_layer()
    return encoder


trains_the_encoder = toy_with(
    "check_gradients",
    "a weight of the encoder is a parameter of the aligner",
    spaner_build_encoder=encoder_with_the_layer,
    spaner_build_aligner=aligner_with(lambda a: a.register_module("layer", shared_layer())),
)


def remember_in_an_attribute(aligner: Any) -> None:
    fit, remembered = aligner.fit_statistics, []

    def fit_statistics(rows: Any, **given: Any) -> None:
        fit(rows, **given)
        remembered.append(max(batch.features.abs().max() for batch in rows))

    aligner.fit_statistics = fit_statistics
    shift = turned(lambda e: e + sum(remembered))
    aligner.register_forward_hook(lambda _, __, given: shift(given))


forgetful = toy_with(
    "check_saved_aligner",
    "the restored aligner embeds otherwise in the same process",
    also=("check_padding_when_fitting",),
    spaner_build_aligner=aligner_with(remember_in_an_attribute),
)
of_this_process = toy_with(
    "check_saved_aligner_in_a_second_process",
    "the restored aligner embeds otherwise in a second process",
    spaner_build_aligner=answer_with(turned(lambda e: e + hash("toy") / 2**62)),
)


def label_modality(*, inline: bool = True) -> Any:
    return lambda: Modality(
        api_version=2,
        name="toy",
        summary="numbers",
        suffixes=(".toy",),
        inline=inline,
        embeds_labels=True,
    )


labels_are_no_inputs = toy_with(
    "check_labels",
    "embeds_labels is true and inline is false",
    spaner_modality=label_modality(inline=False),
)
cannot_start = toy_with(
    "check_labels",
    "expected an aligner with reader and start_from",
    spaner_modality=label_modality(),
    spaner_build_aligner=aligner_with(lambda a: setattr(a, "start_from", None)),
)
does_not_start = toy_with(
    "check_labels",
    "start_from changes no direction",
    spaner_modality=label_modality(),
    spaner_build_aligner=aligner_with(lambda a: setattr(a, "start_from", lambda label_map: None)),
)


def say_another_width(aligner: Any) -> None:
    fit = aligner.fit_statistics

    def fit_statistics(rows: Any, **given: Any) -> None:
        fit(rows, **given)
        aligner.reader.width = 5

    aligner.fit_statistics = fit_statistics


reads_another_width = toy_with(
    "check_labels",
    "the reader gives (3, 3); expected finite (3, 5)",
    spaner_modality=label_modality(),
    spaner_build_aligner=aligner_with(say_another_width),
)
