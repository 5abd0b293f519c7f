"""Toys whose encoder breaks one rule each."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from spaner_core import Examples, FeatureSpec

from tests.core.conformance.broken import (
    ChangedEncoder,
    encoder_with,
    toy_with,
    transform_with,
)
from tests.toy_modality import spaner_build_encoder as build_toy


def feature_spec(**fields: Any) -> Callable[..., Any]:
    return encoder_with(built=lambda encoder: vars(encoder).update(features=FeatureSpec(**fields)))


def numpy_width(encoder: Any) -> None:
    import numpy

    encoder.features = FeatureSpec(dim=numpy.int64(3))  # type: ignore[arg-type]


too_wide = toy_with(
    "check_feature_spec",
    "tokens (5, 3, 6) and mask (5, 3) for 5 windows; expected (5, N, 3)",
    also=("check_features",),
    spaner_build_encoder=encoder_with(lambda t, m, _: (t.repeat(1, 1, 2), m)),
)
grid_without_tokens = toy_with(
    "check_feature_spec",
    "grid (2, 2) and prefix_tokens 1 make 5 tokens, and windows have 1, 2, 3",
    spaner_build_encoder=feature_spec(dim=3, grid=(2, 2), prefix_tokens=1),
)
numbers_of_numpy = toy_with(
    "check_feature_spec",
    "plain whole numbers",
    also=("check_saved_aligner",),
    spaner_build_encoder=encoder_with(built=numpy_width),
)

whole_numbers = toy_with(
    "check_features",
    "tokens are torch.int64",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t.long(), m)),
)
mask_of_numbers = toy_with(
    "check_features",
    "the mask is torch.float32",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t, m.float())),
)


def hidden_layer(options: Any) -> Any:
    import torch

    layer = torch.nn.utils.skip_init(torch.nn.Linear, 3, 3)
    torch.nn.init.eye_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    return ChangedEncoder(build_toy(options), lambda t, m, _: (layer(t), m))


def dropout_in_a_list(options: Any) -> Any:
    import torch

    dropout = torch.nn.Dropout(0.5).eval()
    encoder: Any = ChangedEncoder(build_toy(options), lambda t, m, _: (dropout(t), m))
    encoder.parts = {"all": [dropout]}
    return encoder


def counts_its_calls(options: Any) -> Any:
    import torch

    counter = torch.nn.Module()
    counter.register_buffer("calls", torch.zeros(()))

    def count(tokens: Any, mask: Any, _: Any) -> Any:
        counter.calls += 1
        return tokens, mask

    encoder: Any = ChangedEncoder(build_toy(options), count)
    encoder.counter = counter
    return encoder


trainable = toy_with(
    "check_frozen", "features ask for a gradient", spaner_build_encoder=hidden_layer
)
awake = toy_with("check_frozen", "after train() was called", spaner_build_encoder=dropout_in_a_list)
counting = toy_with(
    "check_frozen", "changed its own weights or buffers", spaner_build_encoder=counts_its_calls
)


def grows(options: Any) -> Any:
    calls: list[int] = []

    def grow(tokens: Any, mask: Any, _: Any) -> Any:
        calls.append(1)
        return tokens * len(calls), mask

    return ChangedEncoder(build_toy(options), grow)


def drawn_when_built(options: Any) -> Any:
    factor = random.SystemRandom().random()
    return ChangedEncoder(build_toy(options), lambda t, m, _: (t * (1 + factor), m))


drifting = toy_with(
    "check_features_at_every_call",
    "between one call and the next: by",
    also=(
        "check_frozen",
        "check_features_in_any_batch",
        "check_features_in_any_order",
        "check_file_names",
    ),
    spaner_build_encoder=grows,
)
drawn = toy_with(
    "check_features_at_every_call",
    "between one encoder and a new one",
    spaner_build_encoder=drawn_when_built,
)
centred_on_the_batch = toy_with(
    "check_features_in_any_batch",
    "between batches of 1 and of all together",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t - t.amax((0, 1)), m)),
)
sees_padding = toy_with(
    "check_features_in_any_batch",
    "mask the padding",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t - t.mean(1, keepdim=True), m)),
)
adds_padding = toy_with(
    "check_features_in_any_batch",
    "between batches of 1 and of all together: [4, 3, 1] real tokens a row instead of",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t, m | m.any(0))),
)


def sort_by_length(tokens: Any, mask: Any, _: Any) -> Any:
    order = mask.sum(1).argsort(descending=True, stable=True)
    return tokens[order], mask[order]


def longest_first(folder: Path) -> Examples:
    inputs = ["1 0 0; 0 1 0; 0 0 1", "1 2 3; 3 2 1", "4 0 1"]
    return Examples(inputs=inputs, changing={"width": 2})


sorted_rows = toy_with(
    "check_features_in_any_order",
    "when the inputs come in reverse: [3, 2, 1] real tokens a row instead of [1, 2, 3]",
    spaner_build_encoder=encoder_with(sort_by_length),
    spaner_examples=longest_first,
)
of_this_process = toy_with(
    "check_features_in_a_second_process",
    "features differ in a second process",
    spaner_build_encoder=encoder_with(lambda t, m, _: (t + hash("toy") / 2**60, m)),
)


def dies_elsewhere(tokens: Any, mask: Any, _: Any) -> Any:
    if "TOY_SHIFT" not in os.environ:  # which the test sets for this process alone
        os._exit(7)
    return tokens, mask


dying = toy_with(
    "check_features_in_a_second_process",
    "what works here fails in a second process, which ended with exit code 7 at ",
    spaner_build_encoder=encoder_with(dies_elsewhere),
)


def overwrite(tokens: Any, mask: Any, batch: Any) -> Any:
    batch[0][0][0] += 1.0
    return tokens, mask


changes_inputs = toy_with(
    "check_inputs_are_kept",
    "encoding changes the prepared inputs (it[0][0][0])",
    spaner_build_encoder=encoder_with(overwrite),
)
changes_samples = toy_with(
    "check_inputs_are_kept",
    "prepare changes the sample (it); ",
    spaner_build_transform=transform_with(prepare=lambda own, sample: own([sample.pop()])),
)


def seeds_torch(encoder: Any) -> None:
    import torch

    torch.manual_seed(0)


def draws_from_numpy(tokens: Any, mask: Any, _: Any) -> Any:
    import numpy

    numpy.random.random()
    return tokens, mask


def more_threads(encoder: Any) -> None:
    import torch

    torch.set_num_threads(torch.get_num_threads() + 1)


def set_environment(own: Any, source: Any) -> Any:
    os.environ["TOY_IS_READING"] = "1"
    return own(source)


seeds = toy_with(
    "check_process_state",
    "changes torch's random numbers; ",
    spaner_build_encoder=encoder_with(built=seeds_torch),
)
draws = toy_with(
    "check_process_state",
    "changes numpy's random numbers; ",
    spaner_build_encoder=encoder_with(draws_from_numpy),
)
threads = toy_with(
    "check_process_state",
    "changes torch's number of threads; ",
    spaner_build_encoder=encoder_with(built=more_threads),
)
environment = toy_with(
    "check_process_state",
    "changes the environment variable TOY_IS_READING; ",
    spaner_build_transform=transform_with(decode=set_environment),
)
