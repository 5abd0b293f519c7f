"""Where encoders compute, and what travels there."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest
import torch
from spaner_core.contract.modality import FeatureSpec
from spaner_core.devices import move, pick_device
from spaner_core.errors import ConfigError
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import Tensor, nn

META = torch.device("meta")  # a second device that every machine has


class Pair(NamedTuple):
    tokens: Tensor
    name: str


class Weighted(nn.Module):
    """Says where its batch and its weights are while it encodes."""

    features = FeatureSpec(dim=2)
    fingerprint = "weighted"

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(2, 2)
        self.seen: list[Any] = []

    def collate(self, inputs: list[Tensor]) -> dict[str, Tensor]:
        return {"tokens": torch.stack(inputs)}

    def forward(self, batch: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        self.seen.append(batch["tokens"].device)
        shape = self.linear(batch["tokens"]).shape  # the other device holds no numbers
        return torch.zeros(shape), torch.ones(shape[:2], dtype=torch.bool)


def test_every_tensor_of_a_batch_is_moved_and_nothing_else_changes() -> None:
    batch = {"a": torch.ones(2), "b": [torch.ones(1), "word", (torch.ones(3), None)], "c": 3}
    moved = move(batch, META)
    assert moved["a"].device == moved["b"][0].device == moved["b"][2][0].device == META
    assert moved["b"][1] == "word"
    assert isinstance(moved["b"], list)
    assert isinstance(moved["b"][2], tuple)
    assert (moved["b"][2][1], moved["c"]) == (None, 3)
    assert batch["a"].device.type == "cpu"
    pair = move(Pair(torch.ones(1), "x"), META)
    assert isinstance(pair, Pair)
    assert (pair.tokens.device, pair.name) == (META, "x")


def test_a_batch_goes_where_the_weights_are_and_features_come_back() -> None:
    encoder = FrozenEncoder(Weighted())
    assert encoder.device.type == "cpu"
    encoder(encoder.collate([torch.ones(3, 2)]))  # its proof needs numbers, which META has not
    encoder.encoder.to(META)
    assert encoder.device == META
    tokens, mask = encoder(encoder.collate([torch.ones(3, 2)]))
    assert encoder.encoder.seen == [torch.device("cpu"), META]
    assert tokens.device.type == mask.device.type == "cpu"
    assert tokens.dtype == torch.float32


def test_an_encoder_without_weights_stays_where_it_is() -> None:
    assert FrozenEncoder(nn.Identity()).to("cpu").device.type == "cpu"  # type: ignore[arg-type]


def test_auto_takes_what_there_is_and_cuda_is_refused_where_it_is_absent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for available, expected in ((False, "cpu"), (True, "cuda")):
        monkeypatch.setattr(torch.cuda, "is_available", lambda available=available: available)
        assert pick_device("auto").type == expected
        assert pick_device("cpu").type == "cpu"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ConfigError, match="device 'cuda': no CUDA device is available"):
        pick_device("cuda")
