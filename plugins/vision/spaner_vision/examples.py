"""Writes examples for the conformance kit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from spaner_core import Examples


def write_examples(folder: Path) -> Examples:
    """Draw a ring, a triangle and a cross, in pictures of different sizes, modes and formats."""
    ring = Image.new("RGB", (48, 48), "white")
    ImageDraw.Draw(ring).ellipse((10, 6, 38, 42), outline="navy", width=4)
    triangle = Image.new("L", (80, 60), 255)
    ImageDraw.Draw(triangle).polygon([(40, 8), (10, 50), (70, 50)], fill=30)
    cross = Image.new("RGBA", (33, 64), (0, 0, 0, 0))
    ImageDraw.Draw(cross).line([(4, 4), (28, 60)], fill=(200, 0, 0, 255), width=5)
    ImageDraw.Draw(cross).line([(28, 4), (4, 60)], fill=(200, 0, 0, 255), width=5)
    drawn = {"ring.png": ring, "triangle.jpg": triangle, "cross.webp": cross}
    for name, image in drawn.items():
        image.save(folder / name)
    return Examples(
        inputs=[folder / name for name in drawn],
        objects=[*drawn.values(), np.asarray(ring)],
        changing={"image_size": 40, "orientations": 8},
        neutral={"model": "hog"},  # there is no other yet
    )
