"""Trains from a feature store and prints by how many bytes the process grew meanwhile.

Not a test: `test_streaming.py` writes the store and starts it.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import torch
from spaner_core.contract.modality import FeatureSpec
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows, RowSource
from spaner_core.features.stream import FeatureStream
from spaner_core.method.aligner import build_aligner
from spaner_core.recipe import PromptRecipe, Recipe, TrainingRecipe
from spaner_core.training.joint import fit_space
from spaner_core.training.material import Material, ModalityMaterial

from tests.core.features.stored_samples import identity
from tests.core.training.synthetic import record

WIDTH = 1024
RECIPE = Recipe(
    prompt=PromptRecipe(dim=16),
    training=TrainingRecipe(max_steps=12, warmup_steps=1, per_device_train_batch_size=48),
)


def build() -> Any:
    return build_aligner(FeatureSpec(dim=WIDTH), 16, {"hidden": 16})


def train(features: RowSource) -> None:
    rows = LabelledRows(
        features=features,
        concepts=torch.arange(len(features)) % 4,
        items=torch.full((len(features),), -1),
    )
    toy = ModalityMaterial(record=record("toy"), build=build, rows=rows)
    texts = {concept: (concept,) for concept in "abcd"}
    material = Material(modalities={"toy": toy}, label_texts=texts, names=None)
    fit_space(material, recipe=RECIPE, device="cpu")


def resident_bytes(field: str) -> int:
    """Return what /proc says of this process: VmRSS now, VmHWM at most so far."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    found = re.search(rf"{field}:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


def main() -> None:
    torch.set_num_threads(1)
    few = FeatureRows(values=torch.randn(64, 2, WIDTH), mask=torch.ones(64, 2, dtype=torch.bool))
    train(few)  # what a training imports and allocates besides features
    stream = FeatureStream(Path(sys.argv[1]), identity(dim=WIDTH))
    keys = [key for file in stream.files for key in file.keys]
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # VmHWM starts anew
    before = resident_bytes("VmRSS")
    train(stream.rows(keys))
    sys.stdout.write(str(resident_bytes("VmHWM") - before))


if __name__ == "__main__":
    main()
