"""Readers of a timm model's places, measured on emoji: the smallest that is level is the default.

    .venv/bin/python benchmarks/readers.py --seeds 10              # chooses, on validation items
    .venv/bin/python benchmarks/readers.py --seeds 10 --test       # judges the choice, once

EfficientNet-lite0 gives 7x7 places of 1,280 numbers; texts are read by MiniLM, always the same way.
Every seed draws the measured quarter of the items that are not in the test split, the weights and,
below "all", the labelled items; with `--test` it trains on all of them and measures the test split.
Concepts are measured at strength 0.5, items at strength 0, as means of both directions, with 95%
t-intervals over seeds; differences to quarters of the picture are paired by seed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, ClassVar

import torch
from digits import interval, progress
from emoji import (
    Emoji,
    Figures,
    draw_split,
    fit,
    keep_labels,
    load_emoji,
    measure,
    write_emoji,
    write_quick,
)
from spaner.training.plan import count_parameters
from spaner_core import (
    Aligner,
    AlignerOptions,
    CrossAttentionAligner,
    FeatureSpec,
    MeanTokens,
    Reader,
    RowBatches,
)
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows
from spaner_text.reader import build_reader as read_text
from spaner_vision.reader import ReadPages
from torch import Tensor, nn

PROMPT_DIM = 128
BASE = "quarters"
KEYS = ("concept R@1", "concept mAP", "item R@1", "item MRR")


class _Reading(nn.Module):
    """A reader that is tried here alone: `parts` times as wide as a token."""

    name: ClassVar[str] = "tried"
    options: ClassVar[Mapping[str, object]] = {}
    parts = 1

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__()
        self.features = features
        self.width = self.parts * features.dim

    def fit(self, rows: RowBatches) -> None:
        """Need nothing of the training rows."""


class MeanAndQuarters(_Reading):
    """The mean of all places beside those of the quarters."""

    parts = 5

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__(features)
        self.quarters = ReadPages(features)
        self.mean = MeanTokens(features)

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, 5·E)."""
        return torch.cat([self.mean(features, mask), self.quarters(features, mask)], dim=1)


class MeanAndMaximum(_Reading):
    """The mean of all places beside the largest value of each feature."""

    parts = 2

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, 2·E)."""
        largest = features.masked_fill(~mask.unsqueeze(-1), -torch.inf).amax(dim=1)
        weights = mask.unsqueeze(-1).to(features.dtype)
        return torch.cat([(features * weights).sum(1) / weights.sum(1), largest], dim=1)


class GeneralisedMean(_Reading):
    """The cube root of the mean cube of each feature: between mean and maximum."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E)."""
        weights = mask.unsqueeze(-1).to(features.dtype)
        cubes = (features.clamp_min(1e-6).pow(3) * weights).sum(1) / weights.sum(1)
        return cubes.pow(1 / 3)


class NormAttention(_Reading):
    """The mean of all places, each weighted by its own length."""

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E)."""
        lengths: Tensor = torch.linalg.vector_norm(features, dim=-1, keepdim=True)
        weights = lengths * mask.unsqueeze(-1)
        return (features * weights).sum(1) / weights.sum(1).clamp_min(1e-6)


class LearnedAttention(_Reading):
    """Attention with one learned query, zero at first: then it is the mean of all places."""

    def __init__(self, features: FeatureSpec) -> None:
        super().__init__(features)
        self.query = nn.Parameter(torch.zeros(features.dim))

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Return (B, E)."""
        directions = nn.functional.normalize(features, dim=-1)
        logits = (directions @ self.query).masked_fill(~mask, -torch.inf)
        return (logits.softmax(dim=-1).unsqueeze(1) @ features).squeeze(1)


WAYS: Mapping[str, tuple[Callable[[FeatureSpec], Reader], AlignerOptions]] = {
    BASE: (ReadPages, AlignerOptions()),
    "mean": (MeanTokens, AlignerOptions()),
    "mean and quarters": (MeanAndQuarters, AlignerOptions()),
    "mean and maximum": (MeanAndMaximum, AlignerOptions()),
    "generalised mean": (GeneralisedMean, AlignerOptions()),
    "attention by length": (NormAttention, AlignerOptions()),
    "learned attention": (LearnedAttention, AlignerOptions()),
    "mean with token attention": (MeanTokens, AlignerOptions(token_attention=True)),
}


class TriedAligner(CrossAttentionAligner):
    """The usual aligner, whose reader may learn: what is fitted before is what it reads then."""

    @torch.no_grad()
    def fit_statistics(self, rows: RowBatches, *, concept_count: int) -> None:
        """Set centre, scale and class means, which stay."""
        super().fit_statistics(rows, concept_count=concept_count)


def read_once(emoji: Emoji, way: str) -> tuple[Emoji, Mapping[str, Callable[[], TriedAligner]]]:
    """Return what builds both aligners, that of pictures with the reader that is tried.

    Where neither it nor its aligner learns from places, pictures are read here, once for all
    trainings: their features are then a single token.
    """
    kind, options = WAYS[way]
    text, vision = emoji.features["text"], emoji.features["vision"]
    reader: Any = kind(vision)
    if not options.token_attention and not list(reader.parameters()):
        known, test = (_read(part["vision"], reader) for part in (emoji.known, emoji.test))
        emoji = replace(
            emoji,
            known={**emoji.known, "vision": known},
            test={**emoji.test, "vision": test},
            features={"text": text, "vision": FeatureSpec(dim=reader.width, tokens=1)},
        )
        kind, vision = MeanTokens, emoji.features["vision"]
    common = {"prompt_dim": PROMPT_DIM}
    return emoji, {
        "text": lambda: TriedAligner(
            read_text(text, {}), features=text, options=AlignerOptions(), **common
        ),
        "vision": lambda: TriedAligner(kind(vision), features=vision, options=options, **common),
    }


def _read(rows: LabelledRows, reader: Reader) -> LabelledRows:
    loaded = rows.features.load()
    read = reader(loaded.values, loaded.mask).unsqueeze(1)  # (n, 1, P)
    mask = torch.ones(read.shape[:2], dtype=torch.bool)
    return replace(rows, features=FeatureRows(values=read, mask=mask))


def run(
    emoji: Emoji,
    builders: Mapping[str, Callable[[], Aligner]],
    *,
    shots: str,
    seed: int,
    test: bool,
    steps: int | None = None,
) -> Figures:
    """Train and measure once; the seconds and parameters of it are among the figures."""
    train, measured = (emoji.known, emoji.test) if test else draw_split(emoji, seed)
    if shots != "all":
        train = keep_labels(train, int(shots), seed)
    start = time.process_time()
    space = fit(emoji, train, builders, seed=seed, steps=steps)
    seconds = time.process_time() - start
    parameters = count_parameters(space.aligner("vision"))
    return measure(space, measured) | {"seconds": seconds, "parameters": float(parameters)}


def report(runs: Mapping[str, Mapping[str, list[Figures]]]) -> str:
    """Lay out figures, and differences to the base, of every way at every number of shots."""
    lines = []
    for shots, by_way in runs.items():
        lines += [f"\n### {shots} labelled items a concept\n"]
        lines += [f"| reader | {' | '.join(KEYS)} | parameters | CPU seconds |"]
        lines += [f"|{'---|' * (len(KEYS) + 3)}"]
        for way, figures in by_way.items():
            cells = [interval([one[key] for one in figures]) for key in KEYS]
            cost = f"{figures[0]['parameters']:,.0f} | {fmean(f['seconds'] for f in figures):.1f}"
            lines.append(f"| {way} | {' | '.join(cells)} | {cost} |")
        lines += [f"\n| minus {BASE} | {' | '.join(KEYS)} |", f"|{'---|' * (len(KEYS) + 1)}"]
        for way, figures in by_way.items():
            if way != BASE:
                pairs = list(zip(figures, by_way[BASE], strict=True))
                apart = [interval([a[key] - b[key] for a, b in pairs]) for key in KEYS]
                lines.append(f"| {way} | {' | '.join(apart)} |")
    return "\n".join(lines).lstrip() + "\n"


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--shots", default="4,all")
    parser.add_argument("--readers", default=",".join(WAYS), help="readers, commas between")
    parser.add_argument("--project", type=Path, help="what scripts/make_emoji.py has written")
    parser.add_argument("--test", action="store_true", help="measure the test split")
    parser.add_argument("--json", type=Path, help="append each reader's raw figures to this file")
    parser.add_argument("--quick", action="store_true", help="a small sample, to see that it runs")
    given = parser.parse_args()
    seeds, shots = (1, ["all"]) if given.quick else (given.seeds, given.shots.split(","))
    steps = 20 if given.quick else None
    with tempfile.TemporaryDirectory() as name:
        if given.project:
            config = given.project / "plugins.yaml"
        else:
            config = (write_quick if given.quick else write_emoji)(Path(name) / "emoji")
        emoji = load_emoji(config)
    runs: dict[str, dict[str, list[Figures]]] = {}
    for way in dict.fromkeys([BASE, *given.readers.split(",")]):
        read, builders = read_once(emoji, way)
        for count in shots:
            progress(f"{way}, {count} labelled items a concept")
            runs.setdefault(count, {})[way] = [
                run(read, builders, shots=count, seed=seed, test=given.test, steps=steps)
                for seed in range(seeds)
            ]
            if given.json:
                line = {"reader": way, "shots": count, "test": given.test}
                with given.json.open("a", encoding="utf-8") as file:
                    file.write(json.dumps({**line, "runs": runs[count][way]}) + "\n")
    sys.stdout.write(report(runs))


if __name__ == "__main__":
    main()
