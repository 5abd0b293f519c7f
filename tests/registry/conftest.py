"""Real plugin distributions, written to a folder: a module and its metadata, as pip lays them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TOY = """
from dataclasses import dataclass
from spaner_core import FeatureSpec, Modality, Preview, hookimpl, read_options


@dataclass(frozen=True)
class Options:
    width: int = 3


class Encoder:
    def __init__(self, options):
        self.features = FeatureSpec(dim=options.width, tokens=1)
        self.fingerprint = f"toy-{options.width}"


class Transform:
    def __init__(self, encoder):
        self.encoder = encoder


class Noise:
    name = "noise"


@hookimpl
def spaner_modality():
    return Modality(name="NAME", summary="a toy for tests", suffixes=(".toy",))


@hookimpl
def spaner_build_encoder(options):
    return Encoder(read_options(Options, options))


@hookimpl
def spaner_build_transform(encoder):
    return Transform(encoder)


@hookimpl
def spaner_build_aligner(features, prompt_dim, options):
    return ("NAME", features.dim, prompt_dim, dict(options))
"""

InstallPlugin = Callable[..., Path]


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
        metadata: bool = True,
    ) -> Path:
        distribution = distribution or f"spaner-{name}"
        module = target or f"plugin_{distribution}".replace("-", "_").replace(".", "_")
        modules.add(module)
        root = tmp_path / (folder or f"{distribution}-{version}")
        info = root / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(parents=True)
        (root / f"{module}.py").write_text(source.replace("NAME", name))
        if metadata:
            (info / "METADATA").write_text(
                f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n"
            )
        (info / "entry_points.txt").write_text(f"[spaner]\n{name} = {module}\n")
        monkeypatch.syspath_prepend(str(root))
        return root

    yield install
    for module in modules:
        sys.modules.pop(module, None)


@pytest.fixture
def toy_source() -> str:
    """Source of a plugin that keeps the contract, to be spoiled by a test."""
    return TOY
