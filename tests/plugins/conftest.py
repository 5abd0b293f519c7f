"""What the plugins' own tests use: the plugin as its entry point gives it, run for real."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core import Examples, Modality
from spaner_core.conformance import open_subject
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import Tensor

from tests.plugins.both_ways import BothWays


class Plugin:
    """One plugin's hooks, called as the product calls them."""

    def __init__(self, name: str, folder: Path) -> None:
        self._subject = open_subject(name, folder, examples=Examples(inputs=()))

    @property
    def modality(self) -> Modality:
        return self._subject.modality

    def build(self, options: Mapping[str, object] | None = None) -> tuple[FrozenEncoder, Any]:
        built = self._subject.build(**(options or {}))
        return built.encoder, BothWays(built.transform)

    def tokens(
        self, sources: Sequence[Path | str], options: Mapping[str, object] | None = None
    ) -> list[Tensor]:
        """Encode all windows of all sources in one batch; return each window's real tokens."""
        encoder, transform = self.build(options)
        windows = [w for source in sources for w in transform.prepare(transform.decode(source))]
        values, mask = encoder(encoder.collate(windows))
        assert values.dtype == torch.float32
        assert not values[~mask].any(), "padding is zero"
        return [row[real] for row, real in zip(values, mask, strict=True)]


@pytest.fixture
def load(tmp_path: Path) -> Callable[[str], Plugin]:
    return lambda name: Plugin(name, tmp_path)
