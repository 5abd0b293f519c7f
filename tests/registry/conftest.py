"""Real plugin distributions, written to a folder: a module and its metadata, as pip lays them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from spaner_core import ConfigError
from spaner_registry.config.settings import read_config
from spaner_registry.plugins.discovery import LOAD_PLUGINS

TOY = """
from dataclasses import dataclass
import torch
from spaner_core import FeatureSpec, Modality, Preview, hookimpl, read_options


@dataclass(frozen=True)
class Options:
    width: int = 3


class Encoder:
    def __init__(self, options):
        self.features = FeatureSpec(dim=options.width, tokens=1)
        self.fingerprint = f"toy-{options.width}"

    def collate(self, inputs):
        return torch.stack(list(inputs)).unsqueeze(1)  # (B, 1, E)

    def __call__(self, batch):
        return batch, torch.ones(batch.shape[:2], dtype=torch.bool)


class Transform:
    fingerprint = "toy"

    def __init__(self, encoder):
        self.encoder = encoder

    def decode(self, source):
        return source

    def prepare(self, sample):
        return [torch.tensor([float(number) for number in sample.split()])]


class Aligner(torch.nn.Module):
    def __init__(self, *given):
        super().__init__()
        self.given = given

    def forward(self, features, mask, anchors, *, beta, strength):
        raise NotImplementedError

    def fit_statistics(self, rows, *, concept_count):
        raise NotImplementedError


class Noise:
    name = "noise"

    def apply(self, sample, *, severity, seed):
        return sample


@hookimpl
def spaner_modality():
    return Modality(name="NAME", api_version=2, summary="a toy for tests", suffixes=(".toy",))


@hookimpl
def spaner_build_encoder(options):
    return Encoder(read_options(Options, options))


@hookimpl
def spaner_build_transform(encoder):
    return Transform(encoder)


@hookimpl
def spaner_build_aligner(features, prompt_dim, options):
    return Aligner("NAME", features.dim, prompt_dim, dict(options))
"""

InstallPlugin = Callable[..., Path]
Refused = Callable[[str | bytes], list[str]]


@pytest.fixture(autouse=True)
def _no_restriction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(LOAD_PLUGINS, raising=False)


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InstallPlugin]:
    """Install a distribution in a folder of its own at the front of `sys.path`."""
    modules: set[str] = set()

    def install(
        name: str,
        *,
        source: str = TOY,
        distribution: str | None = None,
        version: str = "0.1.0",
        target: str | None = None,
        folder: str | None = None,
        metadata: bytes | None = None,
        entry_points: bytes | None = None,
    ) -> Path:
        distribution = distribution or f"spaner-{name}"
        module = target or f"plugin_{distribution}".replace("-", "_").replace(".", "_")
        modules.add(module)
        root = tmp_path / (folder or f"{distribution}-{version}")
        info = root / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (root / f"{module}.py").write_text(source.replace("NAME", name))
        if metadata is None:
            told = f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
            metadata = told.encode()
        if metadata:  # empty: as an interrupted uninstall leaves it, without the file
            (info / "METADATA").write_bytes(metadata)
        declared = entry_points or f"[spaner]\n{name} = {module}\n".encode()
        (info / "entry_points.txt").write_bytes(declared)
        monkeypatch.syspath_prepend(str(root))
        return root

    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def toy_source() -> str:
    """Source of a plugin that keeps the contract, to be spoiled by a test."""
    return TOY


@pytest.fixture
def refused(tmp_path: Path) -> Refused:
    """Write a plugins.yaml that must be refused; gives the message's lines without the path."""

    def refuse(content: str | bytes) -> list[str]:
        path = tmp_path / "plugins.yaml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        with pytest.raises(ConfigError) as caught:
            read_config(path)
        lines = str(caught.value).split("\n")
        assert [line for line in lines if not line.startswith(f"{path}:")] == []
        assert [line for line in lines if not line.isprintable() or len(line) > 500] == []
        return [line.removeprefix(f"{path}:") for line in lines]

    return refuse
