"""Fixtures that every plugin's tests use: the plugin as its entry point gives it, run for real."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pluggy
import pytest
import torch
from spaner_core import hookspecs
from spaner_core.pretrained.freeze import FrozenEncoder
from torch import Tensor

HEAVY = ("torch", "torchaudio", "skimage", "sklearn", "soundfile", "PIL", "pyarrow", "numpy")


class Hooks:
    """One plugin's hooks, called through pluggy as the registry calls them."""

    def __init__(self, name: str) -> None:
        (entry,) = entry_points(group=hookspecs.ENTRY_POINT_GROUP, name=name)
        manager = pluggy.PluginManager("spaner")
        manager.add_hookspecs(hookspecs)
        manager.register(entry.load(), name)
        manager.check_pending()
        self.name = name
        self.hook = manager.hook

    def build(self, options: Mapping[str, object] | None = None) -> tuple[FrozenEncoder, Any]:
        options = options or {}
        encoder = FrozenEncoder(self.hook.spaner_build_encoder(options=options))
        return encoder, self.hook.spaner_build_transform(encoder=encoder, options=options)

    def tokens(
        self, sources: Sequence[Path | str], options: Mapping[str, object] | None = None
    ) -> list[Tensor]:
        """Encode all windows of all sources in one batch; return each window's real tokens."""
        encoder, transform = self.build(options)
        windows = [w for source in sources for w in transform.prepare(transform.decode(source))]
        values, mask = encoder(encoder.collate(windows))
        assert values.dtype == torch.float32
        assert mask.dtype == torch.bool
        assert values.shape == (*mask.shape, encoder.features.dim)
        assert not values[~mask].any(), "padding is zero"
        return [row[real] for row, real in zip(values, mask, strict=True)]

    def fingerprints(self, options: Mapping[str, object] | None = None) -> tuple[str, str]:
        encoder, transform = self.build(options)
        return encoder.fingerprint, transform.fingerprint


@pytest.fixture
def load() -> Callable[[str], Hooks]:
    return Hooks


@pytest.fixture
def check_batching() -> Callable[[Hooks, Sequence[Path | str]], None]:
    """Each source's features are the same alone, among all others, and in another order."""

    def check(hooks: Hooks, sources: Sequence[Path | str]) -> None:
        alone = [hooks.tokens([source]) for source in sources]
        for order in (1, -1):
            together = hooks.tokens(sources[::order])
            expected = [window for windows in alone[::order] for window in windows]
            for one, other in zip(together, expected, strict=True):
                assert one.shape == other.shape
                torch.testing.assert_close(one, other, rtol=1e-5, atol=1e-7)

    return check


@pytest.fixture
def check_fingerprints() -> Callable[[Hooks, Sequence[Mapping[str, object]]], None]:
    """Fingerprints repeat in another process and differ for each set of options."""

    def check(hooks: Hooks, variants: Sequence[Mapping[str, object]]) -> None:
        code = (
            f"import spaner_{hooks.name} as p; o = {{}}; e = p.spaner_build_encoder(o); "
            "print(e.fingerprint, p.spaner_build_transform(options=o).fingerprint)"
        )
        here = hooks.fingerprints()
        assert tuple(_run(code).split()) == here
        encoders = [hooks.fingerprints(options)[0] for options in variants]
        assert len({here[0], *encoders}) == 1 + len(variants)

    return check


@pytest.fixture
def check_light() -> Callable[[str], None]:
    """Importing a plugin and asking what it is loads no heavy library."""

    def check(name: str) -> None:
        loaded = _run(
            f"import sys, spaner_{name}; m = spaner_{name}.spaner_modality(); assert m.name == "
            f"{name!r}; print([h for h in {HEAVY!r} if h in sys.modules])"
        )
        assert loaded == "[]"

    return check


@pytest.fixture
def check_frozen() -> Callable[[Hooks, Path | str], None]:
    """Nothing trains in the encoder, and using it changes none of its buffers."""

    def check(hooks: Hooks, source: Path | str) -> None:
        built = hooks.hook.spaner_build_encoder(options={})
        if isinstance(built, torch.nn.Module):
            assert list(built.parameters()) == []
        encoder, transform = hooks.build()
        with encoder.unchanged():
            encoder(encoder.collate(transform.prepare(transform.decode(source))))

    return check


@pytest.fixture
def check_aligner() -> Callable[[Hooks, Sequence[Path | str]], None]:
    """The aligner takes the encoder's features, embeds them, and survives saving and loading."""

    def check(hooks: Hooks, sources: Sequence[Path | str]) -> None:
        encoder, transform = hooks.build()
        samples = [transform.prepare(transform.decode(source))[0] for source in sources]
        features, mask = encoder(encoder.collate(samples))
        build = hooks.hook.spaner_build_aligner
        aligner = build(features=encoder.features, prompt_dim=8, options={"hidden": 16})
        concepts = torch.arange(len(sources))
        aligner.fit_statistics(features, mask, concepts, concept_count=len(sources))
        anchors = torch.nn.functional.normalize(torch.randn(len(sources), 8), dim=-1)
        aligner.eval()
        given = aligner(features, mask, anchors, beta=torch.tensor(5.0), strength=0.5)
        assert given.embedding.shape == (len(sources), 8)
        torch.testing.assert_close(given.embedding.norm(dim=-1), torch.ones(len(sources)))
        again = build(features=encoder.features, prompt_dim=8, options={"hidden": 16}).eval()
        again.load_state_dict(aligner.state_dict())
        repeated = again(features, mask, anchors, beta=torch.tensor(5.0), strength=0.5)
        assert torch.equal(repeated.embedding, given.embedding)

    return check


def _run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()
