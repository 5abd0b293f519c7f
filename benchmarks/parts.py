"""Switches parts of the method off, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import torch
from datasets import Dataset
from spaner_core import CrossAttentionAligner
from spaner_core.features.labelled import LabelledRows
from spaner_core.method.losses import AlignmentLoss
from spaner_core.method.prompt import AnchorSet, SharedPrompt
from spaner_core.method.statistics import ConceptMeans, ConceptSums
from spaner_core.recipe import Recipe
from spaner_core.training import batches, joint, trainer
from spaner_core.training.names import judge_names
from spaner_text.reader import HashedWords
from torch import Tensor, nn
from torch.nn import functional

Patch = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, kw_only=True)
class Part:
    """How a training goes without a part of the method: other settings, or a patch.

    `prompt`, `loss`, `training` and `options` are settings of the recipe and of aligners; `change`
    changes each aligner once it is built; `patches` hold while it trains and is measured. A part
    that is off by default is `added` by these instead. Data sets that are not in `only` have no
    such part.
    """

    prompt: Mapping[str, Any] = field(default_factory=dict)
    loss: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)
    change: Callable[[Any], None] | None = None
    patches: Sequence[Patch] = ()
    added: bool = False
    only: Collection[str] = ("digits", "emoji")

    def recipe(self) -> Recipe:
        """Return the usual recipe but for the part."""
        usual = Recipe()
        return Recipe(
            prompt=replace(usual.prompt, **self.prompt),
            loss=replace(usual.loss, **self.loss),
            training=replace(usual.training, **self.training),
        )

    def dataset(self, dataset: Dataset) -> Dataset:
        """Have aligners built without the part."""
        if self.options:
            dataset = dataset.with_options(**self.options)
        if self.change is None:
            return dataset
        built = {
            name: replace(part, build=partial(_changed, part.build, self.change))
            for name, part in dataset.material.modalities.items()
        }
        return replace(dataset, material=replace(dataset.material, modalities=built))

    @contextmanager
    def off(self) -> Any:
        """Hold the patches."""
        with ExitStack() as stack:
            for each in self.patches:
                stack.enter_context(each())
            yield


def _changed(build: Callable[[], Any], change: Callable[[Any], None]) -> Any:
    aligner = build()
    change(aligner)
    return aligner


def _patch(owner: object, name: str, value: object) -> Patch:
    return lambda: patch.object(owner, name, value)


class _NoMlp(nn.Module):
    def forward(self, point: Tensor) -> float:
        return 0.0


def _without_mlp(aligner: CrossAttentionAligner) -> None:
    del aligner.mlp
    aligner.mlp = _NoMlp()  # type: ignore[assignment]


def _keep_scale(aligner: Any) -> None:
    aligner.reader.keeps_scale = True


def _undamped(means: ConceptMeans, sums: ConceptSums, fit: Any = ConceptMeans.fit) -> None:
    fit(means, sums)
    if (known := means.support > 0).any():
        means.sharpness *= 1 + float(means.support[known].mean()) / 4


def _uncentred(aligner: CrossAttentionAligner, raw: Tensor) -> Tensor:
    return functional.normalize(raw / aligner.scale, dim=-1)


def _rotated_names(
    label_embeddings: Tensor, *, dim: int, whitening: float, generator: torch.Generator
) -> AnchorSet:
    """Make anchors of names as they are, only turned into D dimensions."""
    mean = label_embeddings.mean(dim=0)
    centred = functional.normalize(label_embeddings - mean, dim=-1)
    right = torch.linalg.svd(centred, full_matrices=False).Vh[: len(centred) - 1]
    turn = torch.linalg.qr(torch.randn(dim, len(right), generator=generator)).Q.T
    label_map = right.T @ turn
    return AnchorSet(
        anchors=functional.normalize(centred @ label_map, dim=-1),
        label_map=label_map,
        label_mean=mean,
        label_embeddings=label_embeddings,
    )


def _no_rows_of_names(*given: Any, judge: Any = judge_names, **more: Any) -> Any:
    return replace(judge(*given, **more), as_rows=False)


class _FixedReadOut(SharedPrompt):
    def __init__(self, *given: Any, **more: Any) -> None:
        super().__init__(*given, **more)
        self.log_beta.requires_grad_(False)


class _IndependentDraw:
    """Draws rows of every part by itself."""

    def __init__(self, parts: Sequence[LabelledRows]) -> None:
        self.counts = [len(part) for part in parts]

    def places(self, size: int, *, generator: torch.Generator) -> list[Tensor]:
        return [torch.randperm(n, generator=generator)[:size] for n in self.counts]


def _drawn_strength(strength: float) -> Patch:
    return _patch(trainer, "torch", SimpleNamespace(rand=lambda _: torch.tensor(strength)))


def _no_rows(loss: AlignmentLoss, concepts: Tensor) -> Tensor:
    return torch.zeros_like(concepts, dtype=torch.bool)


WHOLE = "whole"
NAMED = ["digits"]
"""Where names say enough of rows to make the anchors."""

PARTS: Mapping[str, Part] = {
    WHOLE: Part(),
    "contrast of kinds": Part(patches=[_patch(AlignmentLoss, "_in_kinds", _no_rows)]),
    "contrast of things": Part(loss={"item_weight": 0.0}, only=["emoji"]),
    "map of items": Part(options={"item_gain": 0.0}, only=["emoji"]),
    "anchor loss": Part(loss={"anchor_weight": 0.0}),
    "class means": Part(options={"mean_sharpness": 0.0}),
    "class means fade with more labels": Part(patches=[_patch(ConceptMeans, "fit", _undamped)]),
    "direction in the read-out": Part(
        patches=[_patch(SharedPrompt, "beta", property(lambda _: torch.zeros(())))]
    ),
    "pull at use": Part(prompt={"strength": 0.0}),
    "pull in training": Part(patches=[_drawn_strength(0.0)]),
    "drawn strength (against 0.5)": Part(patches=[_drawn_strength(0.5)]),
    "anchors from names": Part(prompt={"anchors": "random"}, only=NAMED),
    "whitening of anchors": Part(
        patches=[_patch(joint, "anchors_from_labels", _rotated_names)], only=NAMED
    ),
    "names as training rows": Part(patches=[_patch(joint, "judge_names", _no_rows_of_names)]),
    "start from the names' map": Part(
        patches=[_patch(CrossAttentionAligner, "start_from", lambda *_: None)], only=NAMED
    ),
    "MLP": Part(change=_without_mlp),
    "dropout of features": Part(options={"dropout": 0.0}),
    "dropout in the MLP": Part(options={"hidden_dropout": 0.0}),
    "centring": Part(patches=[_patch(CrossAttentionAligner, "_unit", _uncentred)]),
    "scaling": Part(change=_keep_scale),
    "frequency of words": Part(
        patches=[_patch(HashedWords, "fit", lambda *_: None)], only=["digits"]
    ),
    "learned beta": Part(patches=[_patch(joint, "SharedPrompt", _FixedReadOut)]),
    "warm-up": Part(training={"warmup_steps": 0}),
    "rows drawn together": Part(patches=[_patch(batches, "SharedDraw", _IndependentDraw)]),
    "token attention (added)": Part(options={"token_attention": True}, added=True, only=["digits"]),
}
"""By name; the first is the method as it is."""
