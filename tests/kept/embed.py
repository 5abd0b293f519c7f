"""Embeds the kept inputs in the kept spaces; prints a safetensors file.

    cd tests/kept/project && python ../embed.py > ../embeddings.safetensors

Run by the tests in a process of its own, with the arithmetic that every processor has.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import spaner
from safetensors.numpy import save

SPACES = ("plain", "extended")
STRENGTHS = {"own": None, "0": 0.0, "1": 1.0}
TEXTS = [
    "two",
    "eins",
    "wir laufen",
    "somebody is walking",
    "station debout",
    "Ω 8½: nothing known",
]


def main() -> None:
    """Embed texts and the kept files of the other modalities, at three strengths each."""
    inputs: dict[str, list[str] | list[Path]] = {
        "text": TEXTS,
        "vision": sorted(Path("vision").rglob("*.png")),
        "sensor": sorted(Path("sensor").rglob("*.csv")),
    }
    embeddings: dict[str, np.ndarray] = {}
    for folder in SPACES:
        space = spaner.load(folder)
        for modality, several in inputs.items():
            for name, strength in STRENGTHS.items():
                vectors = space.encode(several, modality=modality, strength=strength)
                embeddings[f"{folder}.{modality}.{name}"] = vectors
    sys.stdout.buffer.write(save(embeddings))


if __name__ == "__main__":
    main()
