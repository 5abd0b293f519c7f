"""Encodes series as `rocket`: random dilated convolutions, nothing fitted.

Follows Dempster, Petitjean and Webb, "ROCKET: exceptionally fast and accurate time series
classification using random convolutional kernels" (2020), arXiv 1910.13051, with channels chosen
at random for series of several channels. Unlike its successor MiniRocket it takes its biases from
the seed, so the encoder is the same for everyone's data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from spaner_core import FeatureSpec, fingerprint_options
from torch import Tensor, nn
from torch.nn import functional

from spaner_sensor.encoders.windows import rocket_windows
from spaner_sensor.options import KERNEL_LENGTHS, RocketOptions

ALGORITHM_VERSION = 1
"""Raised whenever the same series would give other features."""


class RocketEncoder(nn.Module):
    """One token a window: of each kernel's response, its share above zero and its maximum.

    A window enters as sign(x)·log(1 + |x|), a fixed function that keeps how strong a movement is
    and that it is still, while units and outliers matter little. Measured on BasicMotions, 1-NN
    and nearest class mean at 1 shot, ridge on all: 1.00, .99, 1.00; raw values .98, 1.00, .98;
    each channel of a window standardised, which forgets strength, .86 and .85.
    """

    def __init__(self, options: RocketOptions) -> None:
        super().__init__()
        self.windows = rocket_windows(options)
        self.features = FeatureSpec(dim=2 * options.kernels)
        self.fingerprint = fingerprint_options("sensor/rocket", ALGORITHM_VERSION, options.settings)
        self.groups = nn.ModuleList(
            KernelGroup(kernels)
            for kernels in draw_kernels(
                options.kernels,
                channels=len(options.channels),
                steps=options.window_steps,
                seed=options.seed,
            )
        )

    def collate(self, inputs: Sequence[Tensor]) -> Tensor:
        """Join windows (channels, steps) into (B, channels, steps)."""
        return torch.stack(list(inputs))

    def forward(self, batch: Tensor) -> tuple[Tensor, Tensor]:
        """Return tokens (B, 1, E) and mask (B, 1) for windows (B, channels, steps).

        Responses are computed in float64: in float32, rounding that differs with the batch or the
        machine could carry one over zero and change the share above it by a whole step.
        """
        values = batch.to(next(self.buffers()))
        values = values.sign() * values.abs().log1p()
        token = torch.cat([group(values) for group in self.groups], dim=1)  # (B, E)
        tokens = token.float().unsqueeze(1)
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)


@dataclass(frozen=True, kw_only=True)
class Kernels:
    """K kernels of one shape: `weight` (K, channels, length) and `bias` (K,)."""

    weight: NDArray[np.float64]
    bias: NDArray[np.float64]
    dilation: int
    padding: int


def draw_kernels(count: int, *, channels: int, steps: int, seed: int) -> list[Kernels]:
    """Draw `count` kernels for windows of `steps` steps, grouped so that a group runs at once."""
    # RandomState's stream is frozen for good, which numpy's newer generators do not promise
    random = np.random.RandomState(seed)
    groups: dict[tuple[int, int, int], list[tuple[NDArray[np.float64], float]]] = {}
    for _ in range(count):
        length = int(KERNEL_LENGTHS[random.randint(len(KERNEL_LENGTHS))])
        dilation = int(2 ** random.uniform(0, np.log2((steps - 1) / (length - 1))))
        padding = (length - 1) * dilation // 2 if random.randint(2) else 0
        weight = _draw_weight(random, channels=channels, length=length)
        drawn = groups.setdefault((length, dilation, padding), [])
        drawn.append((weight, random.uniform(-1, 1)))
    return [
        Kernels(
            weight=np.stack([weight for weight, _ in drawn]),
            bias=np.array([bias for _, bias in drawn]),
            dilation=dilation,
            padding=padding,
        )
        for (_, dilation, padding), drawn in sorted(groups.items(), key=lambda item: item[0])
    ]


def _draw_weight(
    random: np.random.RandomState, *, channels: int, length: int
) -> NDArray[np.float64]:
    """Draw centred weights (channels, length), zero on the channels the kernel does not see."""
    used = int(2 ** random.uniform(0, np.log2(min(channels, length) + 1)))
    seen = random.permutation(channels)[:used]
    drawn = random.normal(size=(len(seen), length))
    weight = np.zeros((channels, length))
    weight[seen] = drawn - drawn.mean(axis=1, keepdims=True)
    return weight


class KernelGroup(nn.Module):
    """Applies one group of kernels; weights are buffers, there is nothing to train."""

    weight: Tensor
    bias: Tensor

    def __init__(self, kernels: Kernels) -> None:
        super().__init__()
        self.dilation = kernels.dilation
        self.padding = kernels.padding
        self.register_buffer("weight", torch.from_numpy(kernels.weight))
        self.register_buffer("bias", torch.from_numpy(kernels.bias))

    def forward(self, values: Tensor) -> Tensor:
        """Return (B, 2K), share above zero and maximum of each kernel, for (B, channels, steps)."""
        response = functional.conv1d(
            values, self.weight, self.bias, dilation=self.dilation, padding=self.padding
        )  # (B, K, steps')
        above = (response > 0).to(response.dtype).mean(dim=-1)
        return torch.stack([above, response.amax(dim=-1)], dim=-1).flatten(1)
