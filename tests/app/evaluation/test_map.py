from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from spaner.evaluation.embedded_rows import EmbeddedRows
from spaner.evaluation.map import draw_map
from spaner_core.data.manifest import read_manifest


@pytest.mark.parametrize("concepts", [4, 45, 120])
def test_a_map_names_its_concepts_within_the_picture(concepts: int, tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.csv"
    lines = [f"text,words {place},a product numbered {place}" for place in range(concepts)]
    manifest.write_text("\n".join(["modality,input,concept", *lines]) + "\n")
    rows = read_manifest(manifest).rows
    embedded = torch.nn.functional.normalize(torch.randn(len(rows), 8), dim=-1)
    output = draw_map(
        {
            "text": EmbeddedRows(
                rows=rows,
                embeddings=embedded,
                of_things=embedded,
                encoder_vectors=embedded,
                strengths={"kind": 0.5, "thing": 0.0},
            )
        },
        tmp_path / "map.png",
    )
    with Image.open(output) as image:
        pixels = np.asarray(image.convert("L"))
    legend = pixels[:, -pixels.shape[1] // 4 :]
    assert (legend < 128).any(), "no names"
    for border in (legend[:3], legend[-3:], legend[:, -3:]):
        assert (border == 255).all(), "names are cut off"
