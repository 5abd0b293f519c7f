"""Windows wait in memory for a batch to be full, and for no longer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from spaner_core.contract.modality import FeatureSpec
from spaner_core.errors import FailedInput, UnusableInput
from spaner_core.features.encoding import EncodedSample, encode_samples
from torch import Tensor

from tests.toy_modality import ToyEncoder, ToyOptions, ToyTransform, Window

TRANSFORM = ToyTransform(ToyOptions())


class Counting(ToyEncoder):
    """Remembers how many windows it was given each time, and how many tokens with padding."""

    def __init__(self) -> None:
        super().__init__(ToyOptions())
        self.batches: list[int] = []
        self.tokens = 0

    def __call__(self, batch: list[Window]) -> tuple[Tensor, Tensor]:
        self.batches.append(len(batch))
        values, mask = super().__call__(batch)
        self.tokens += mask.numel()
        return values, mask


class Fixed(ToyEncoder):
    """Gives what it is told to, two tokens a sample."""

    def __init__(self, values: Tensor, mask: Tensor) -> None:
        super().__init__(ToyOptions())
        self.features = FeatureSpec(dim=3, tokens=2)
        self.given = values, mask

    def __call__(self, batch: list[Window]) -> tuple[Tensor, Tensor]:
        return self.given


def encoded(sources: Sequence[Path | str], encoder: Any = None, **more: Any) -> dict[int, Any]:
    encoder = encoder or ToyEncoder(ToyOptions())
    return dict(encode_samples(encoder, TRANSFORM, sources, **more))


def test_windows_of_many_samples_are_encoded_together_and_a_long_sample_apart() -> None:
    encoder = Counting()
    long = " | ".join(["1 2 3"] * 10)
    found = encoded(["1 2 3", "4 5 6 | 7 8 9", long, "3 2 1"], encoder, batch_size=4)
    assert encoder.batches == [4, 4, 4, 2]
    assert [len(found[place].values) for place in range(4)] == [1, 2, 10, 1]
    assert found[1].values.tolist() == [[4, 5, 6], [7, 8, 9]]


def test_windows_of_like_length_are_encoded_together_and_each_sample_gets_its_own() -> None:
    encoder = Counting()
    lengths = [1, 9, 2, 8, 3, 7, 4, 6, 1, 9, 2, 8]
    sources = ["; ".join([f"{place} 0 0"] * length) for place, length in enumerate(lengths)]
    joined = ["5 5 5 | " + sources[1], *sources[2:]]
    found = encoded(joined, encoder, batch_size=3)
    assert encoder.batches == [3, 3, 3, 3]
    assert encoder.tokens == 9 * 3 + 8 * 3 + 4 * 3 + 2 * 3
    assert [len(found[place].values) for place in range(11)] == [10, *lengths[2:]]
    assert found[0].values[:2].tolist() == [[5, 5, 5], [1, 0, 0]]
    assert all((found[place].values[:, 0] == place + 1).all() for place in range(1, 11))


def test_nothing_is_decoded_before_it_is_asked_for() -> None:
    sources = [f"{number} 0 0" for number in range(10)] + ["wrong"]
    results = encode_samples(ToyEncoder(ToyOptions()), TRANSFORM, sources, batch_size=2)
    assert [next(results)[0] for _ in range(4)] == [0, 1, 2, 3]


def test_an_unusable_source_is_told_with_its_place_and_the_others_go_on() -> None:
    found = encoded(["1 2 3", "one", "1 2", "4 5 6"], batch_size=2)
    assert sorted(found) == [0, 1, 2, 3]
    assert [isinstance(found[place], UnusableInput) for place in range(4)] == [0, 1, 1, 0]
    assert found[3].values.tolist() == [[4, 5, 6]]


def test_a_sample_without_any_token_is_unusable() -> None:
    values = torch.ones(2, 2, 3)
    mask = torch.tensor([[False, False], [True, False]])
    found = encoded(["1 1 1", "2 2 2"], Fixed(values, mask))
    assert str(found[0]) == "it gave no token"
    assert found[1].mask.tolist() == [True, False]
    assert found[1].values.tolist() == [[1, 1, 1], [0, 0, 0]]


def test_a_sample_that_waits_keeps_no_other_in_memory() -> None:
    values, mask = torch.ones(3, 2, 3), torch.ones(3, 2, dtype=torch.bool)
    found = encoded(["1 1 1", "2 2 2", "3 3 3"], Fixed(values, mask))
    sizes = [sample.values.untyped_storage().nbytes() for sample in found.values()]
    assert sizes == [2 * 3 * 4] * 3


def test_several_windows_for_a_fixed_number_of_tokens_are_the_plugins_fault() -> None:
    encoder = Fixed(torch.ones(2, 2, 3), torch.ones(2, 2, dtype=torch.bool))
    found = encoded(["1 1 1 | 2 2 2"], encoder)
    assert isinstance(found[0], FailedInput)
    assert "promises 2 tokens a sample" in str(found[0])


def test_no_source_needs_no_encoder() -> None:
    encoder = Counting()
    assert encoded([], encoder) == {}
    assert encoded(["wrong"], encoder)[0].args
    assert encoder.batches == []


def test_a_folder_is_not_given_to_the_transform(tmp_path: Path) -> None:
    found = encoded([tmp_path, "1 2 3"])
    assert "it is a folder" in str(found[0])
    assert isinstance(found[1], EncodedSample)
