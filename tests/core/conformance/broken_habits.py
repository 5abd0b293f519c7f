"""Toys that look right at first: what is wrong shows with other inputs, batches or places."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spaner_core import Examples, FeatureSpec, UnusableInput, read_options

from tests import toy_modality as toy
from tests.core.conformance.broken import (
    ChangedEncoder,
    encoder_with,
    toy_with,
    transform_with,
)


def centred_on_the_first_batch(options: Any) -> Any:
    seen: list[Any] = []

    def centre(tokens: Any, mask: Any, _: Any) -> Any:
        seen.append(tokens[mask].mean(0))
        return tokens - seen[0], mask

    return ChangedEncoder(toy.spaner_build_encoder(options), centre)


def centred_beyond_16(tokens: Any, mask: Any, _: Any) -> Any:
    return tokens - tokens.mean((0, 1)) * (len(tokens) > 16), mask


fitted_to_what_comes_first = toy_with(
    "check_features_at_every_call",
    "between an encoder and one that saw another input first",
    spaner_build_encoder=centred_on_the_first_batch,
)
other_in_large_batches = toy_with(
    "check_features_in_any_batch",
    "between batches of 64 windows and of 5",
    spaner_build_encoder=encoder_with(centred_beyond_16),
)
FIRST: list[Any] = []


def centred_on_the_first_of_all(tokens: Any, mask: Any, _: Any) -> Any:
    FIRST.append(tokens[mask].mean(0))
    return tokens - FIRST[0], mask


fitted_once_a_process = toy_with(
    "check_features_in_a_second_process",
    "which takes the inputs one at a time and the last first",
    spaner_build_encoder=encoder_with(centred_on_the_first_of_all),
)


def same_length(folder: Path) -> Examples:
    return Examples(inputs=["1 2 3; 0 0 1", "4 5 6; 1 1 1", "1 1 0; 0 1 1"], changing={"width": 2})


def of_folders(folder: Path) -> Examples:
    (folder / "series.toy").mkdir()
    return Examples(inputs=["1 2 3", folder / "series.toy", "4 5 6; 1 1 1"], changing={"width": 2})


nothing_to_pad = toy_with(
    "check_examples",
    "FeatureSpec says that the number of tokens varies, and each example has 2",
    spaner_examples=same_length,
)
folder_as_input = toy_with(
    "check_examples", "the example series.toy is a folder", spaner_examples=of_folders
)


READ: dict[str, Any] = {}


def cached_by_name(own: Any, source: Any) -> Any:
    return READ.setdefault(source.name, own(source)) if isinstance(source, Path) else own(source)


def two_files(folder: Path) -> Examples:
    (folder / "one.toy").write_text("1 0 0; 0 1 0", encoding="utf-8")
    inputs = [*toy.spaner_examples(folder).inputs, folder / "one.toy"]
    return Examples(inputs=inputs, changing={"width": 2})


remembers_names = toy_with(
    "check_file_contents",
    "numbers.toy with the content of one.toy has the features of another numbers.toy",
    spaner_build_transform=transform_with(decode=cached_by_name),
    spaner_examples=two_files,
)


def longer_names(own: Any, source: Any) -> Any:
    if not isinstance(source, Path):
        return own(source)
    return [[[n * len(source.name) for n in token] for token in window] for window in own(source)]


def read_beside(own: Any, source: Any) -> Any:
    if isinstance(source, Path) and not source.with_name("numbers.toy").exists():
        raise UnusableInput("there is no numbers.toy beside it; expected one; put it there")
    return own(source)


reads_names = toy_with(
    "check_file_names",
    "features differ when files are copied to another folder and name: by",
    also=("check_sent_contents",),
    spaner_build_transform=transform_with(decode=longer_names),
)
reads_a_neighbour = toy_with(
    "check_file_names",
    "there is no numbers.toy beside it",
    spaner_build_transform=transform_with(decode=read_beside),
    spaner_examples=two_files,
)


class Model:
    """A part of an encoder that keeps its network for itself."""

    def __init__(self) -> None:
        import torch

        self.layer = torch.nn.utils.skip_init(torch.nn.Linear, 3, 3).requires_grad_(False)
        torch.nn.init.eye_(self.layer.weight)
        torch.nn.init.zeros_(self.layer.bias)


def trains_out_of_sight(options: Any) -> Any:
    model = Model()

    def learn(tokens: Any, mask: Any, _: Any) -> Any:
        model.layer.bias += 1e-9
        return tokens, mask

    encoder: Any = ChangedEncoder(toy.spaner_build_encoder(options), learn)
    encoder.model = model
    return encoder


secretly_training = toy_with(
    "check_frozen",
    "using the encoder changes its own weights",
    spaner_build_encoder=trains_out_of_sight,
)


@dataclass(frozen=True, kw_only=True)
class WeightsOptions:
    width: int = 3
    weights: str = ""


def encoder_with_weights(fingerprinted: Any) -> Any:
    """A hook that builds an encoder with weights; `fingerprinted` makes a name of their path."""

    def spaner_build_encoder(options: Mapping[str, object]) -> Any:
        from safetensors.torch import load_file
        from spaner_core import fingerprint_options

        read = read_options(WeightsOptions, options)
        factor = load_file(read.weights)["factor"]
        encoder = ChangedEncoder(
            toy.ToyEncoder(toy.ToyOptions(width=read.width)), lambda t, m, _: (t * factor, m)
        )
        named = WeightsOptions(width=read.width, weights=fingerprinted(Path(read.weights)))
        encoder.fingerprint = fingerprint_options("toy", 1, named)
        return encoder

    return spaner_build_encoder


def transform_without_weights(options: Mapping[str, object]) -> Any:
    return toy.ToyTransform(toy.ToyOptions(width=read_options(WeightsOptions, options).width))


def with_weights(folder: Path) -> Examples:
    import torch
    from safetensors.torch import save_file

    paths = [folder / name for name in ("first.safetensors", "second.safetensors")]
    for number, path in enumerate(paths, 1):
        save_file({"factor": torch.tensor(float(number))}, path)
    first, second = map(str, paths)
    return Examples(
        inputs=toy.spaner_examples(folder).inputs,
        options={"weights": first},
        changing={"width": 2, "weights": second},
    )


def toy_of_weights(says: str, fingerprinted: Any) -> Any:
    return toy_with(
        "check_weights",
        says,
        spaner_build_encoder=encoder_with_weights(fingerprinted),
        spaner_build_transform=transform_without_weights,
        spaner_examples=with_weights,
    )


known_by_their_place = toy_of_weights(
    "first.safetensors' in another folder has another fingerprint", str
)
known_by_their_name = toy_of_weights(
    "first.safetensors' with other weights has the same fingerprint", lambda path: path.name
)


def loud(encoder: Any) -> None:
    from tests.core.conformance import loud_module

    encoder.features = FeatureSpec(dim=int(encoder.features.dim * loud_module.FACTOR))


loud_when_imported = toy_with(
    "check_imports_in_a_second_process",
    "changes which warnings are shown, the handlers of logging, the level of the logger torch, "
    "the handler of SIGUSR1, the function torch.nn.functional.gelu, "
    "torch's random numbers, Python's random numbers; expected",
    spaner_build_encoder=encoder_with(built=loud),
)


def print_the_name(own: Any, source: Any) -> Any:
    print("reading", source)  # noqa: T201  (which is what is wrong with it)
    return own(source)


prints = toy_with(
    "check_prints_in_a_second_process",
    "'reading 1 2 3 reading",
    spaner_build_transform=transform_with(decode=print_the_name),
)
