from __future__ import annotations

from collections.abc import Sequence

import pytest
import torch
from spaner_core.contract.modality import Encoder, FeatureSpec
from spaner_core.errors import PluginError
from spaner_core.pretrained.fingerprint import fingerprint_module
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import Tensor, nn

from tests.toy_modality import ToyEncoder, ToyOptions


class TrainableEncoder(nn.Module):
    """An encoder as careless authors write it: trainable, with dropout and batch statistics."""

    features = FeatureSpec(dim=4)
    fingerprint = "careless"

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(3, 4)
        self.normalise = nn.BatchNorm1d(4)
        self.dropout = nn.Dropout(0.5)

    def collate(self, inputs: Sequence[Tensor]) -> Tensor:
        return torch.stack(list(inputs))

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        tokens = self.dropout(self.normalise(self.layer(batch).transpose(1, 2)).transpose(1, 2))
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool)


class CountingEncoder(TrainableEncoder):
    """Changes one of its buffers each time it is used."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("uses", torch.tensor(0))

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        self.uses += 1
        return super().forward(batch)


class WakingEncoder(TrainableEncoder):
    """Puts itself into training mode each time it is used."""

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        self.train()
        return super().forward(batch)


class LearningEncoder(TrainableEncoder):
    """Moves its own weights each time it is used."""

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        self.layer.weight.data.add_(1e-3)
        return super().forward(batch)


def batch() -> Tensor:
    return torch.randn(6, 2, 3, generator=torch.Generator().manual_seed(1))


def test_nothing_trains_and_nothing_moves_while_it_is_used() -> None:
    frozen = FrozenEncoder(TrainableEncoder())
    assert not any(p.requires_grad for p in frozen.parameters())
    before = fingerprint_module(frozen)
    first, mask = frozen(batch())
    second, _ = frozen(batch())
    frozen.prove()
    assert torch.equal(first, second)
    assert not first.requires_grad
    assert not first.is_inference()
    assert mask.dtype == torch.bool
    assert fingerprint_module(frozen) == before


def test_training_mode_is_refused_from_outside_and_undone_from_within() -> None:
    frozen = FrozenEncoder(TrainableEncoder())
    expected, _ = frozen(batch())
    frozen.train()
    assert not any(module.training for module in frozen.modules())
    nn.ModuleDict({"x": frozen}).train()
    assert not any(module.training for module in frozen.modules())
    frozen.encoder.train()
    again, _ = frozen(batch())
    assert torch.equal(again, expected)
    assert not any(module.training for module in frozen.modules())


@pytest.mark.parametrize("kind", [CountingEncoder, LearningEncoder])
def test_an_encoder_that_changes_itself_is_found(kind: type[TrainableEncoder]) -> None:
    frozen = FrozenEncoder(kind())
    with pytest.raises(PluginError, match=f"{kind.__name__} changed its own") as caught:
        frozen(batch())
    assert "\n" not in str(caught.value)


def test_an_encoder_whose_first_use_failed_its_proof_gives_nothing_later() -> None:
    frozen = FrozenEncoder(LearningEncoder())
    for _ in range(2):
        with pytest.raises(PluginError, match="changed its own"):
            frozen(batch())


@pytest.mark.parametrize("change", ["in place", "replaced", "behind autograd"])
def test_a_later_change_is_found_when_it_is_asked_for(change: str) -> None:
    frozen = FrozenEncoder(TrainableEncoder())
    frozen(batch())
    frozen.prove()
    layer = frozen.encoder.layer
    if change == "in place":
        layer.bias[0] += 1
    elif change == "replaced":
        layer.bias = nn.Parameter(torch.ones(4), requires_grad=False)
    else:
        layer.bias.data[0] += 1
    with pytest.raises(PluginError, match="changed its own"):
        frozen.prove()


def test_an_encoder_cannot_wake_its_batch_statistics() -> None:
    frozen = FrozenEncoder(WakingEncoder())
    frozen(batch())
    frozen.prove()


class SleeplessEncoder(TrainableEncoder):
    """Puts itself into training mode when used; no buffer tells."""

    def __init__(self) -> None:
        super().__init__()
        self.normalise = nn.Identity()  # type: ignore[assignment]

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        self.train()
        return super().forward(batch)


class HoldingEncoder:
    """No module itself, but holds one."""

    features = FeatureSpec(dim=4)
    fingerprint = "holding"

    def __init__(self) -> None:
        self.held = TrainableEncoder()
        self.collate = self.held.collate

    def __call__(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        tokens, mask = self.held(batch)
        return tokens, mask


def test_an_encoder_that_wakes_itself_gives_the_same_features_each_time() -> None:
    frozen = FrozenEncoder(SleeplessEncoder())
    assert torch.equal(frozen(batch())[0], frozen(batch())[0])


def test_an_encoder_that_holds_a_module_gives_the_same_features_each_time() -> None:
    frozen = FrozenEncoder(HoldingEncoder())
    assert torch.equal(frozen(batch())[0], frozen(batch())[0])


def test_features_come_as_float32_and_the_mask_as_bool() -> None:
    class HalfEncoder(TrainableEncoder):
        def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
            return batch.half(), torch.ones(batch.shape[:2], dtype=torch.int64)

    values, mask = FrozenEncoder(HalfEncoder())(batch())
    assert (values.dtype, mask.dtype) == (torch.float32, torch.bool)


def test_an_encoder_without_weights_passes_through() -> None:
    plain = ToyEncoder(ToyOptions())
    frozen = FrozenEncoder(plain)
    assert isinstance(frozen, Encoder)
    assert frozen.features == plain.features
    assert frozen.fingerprint == plain.fingerprint
    windows = [torch.ones(2, 3), torch.ones(1, 3)]
    values, mask = frozen(frozen.collate(windows))
    frozen.prove()
    assert torch.equal(values, plain(windows)[0])
    assert mask.tolist() == [[True, True], [True, False]]
