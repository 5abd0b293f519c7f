"""Draws convolution kernels, the same for a seed on every machine."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from spaner_sensor.options import KERNEL_LENGTHS


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
