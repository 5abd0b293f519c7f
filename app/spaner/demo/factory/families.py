"""Shapes the eight families, each in sizes of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from math import pi

import numpy as np

from spaner.demo.factory.products import ALUMINIUM, IRON, PLASTIC, STEEL
from spaner.demo.factory.shapes import Colour, Quads, ball, blades, block, toothed_wheel, tube
from spaner.demo.factory.units import Unit

METALS: Mapping[str, Colour] = {
    IRON: (92, 92, 96),
    ALUMINIUM: (186, 190, 196),
    STEEL: (158, 164, 172),
    PLASTIC: (62, 64, 58),
}
BRIGHT: Colour = (205, 208, 212)
DARK: Colour = (38, 38, 42)
RUBBER: Colour = (22, 22, 24)


@dataclass(frozen=True)
class Part:
    """Faces of one colour; `gloss` from 0 (matt) to 1 (polished)."""

    quads: Quads
    colour: Colour
    gloss: float


@dataclass(frozen=True)
class Frame:
    """Sizes that a family builds with, in lengths of the unit: 1 is the longer of its two sides."""

    unit: Unit
    length: float
    radius: float
    paint: Colour
    metal: Colour
    start: float

    @property
    def elements(self) -> int:
        """Blades, teeth and so on."""
        return self.unit.product.elements


def _pump(frame: Frame) -> Iterator[Part]:
    half, radius = frame.length / 2, frame.radius
    yield from _finned(frame, -half, half * 0.25, radius * 0.72, fins=7)
    yield Part(
        tube((half * 0.3, 0, 0), (half * 0.3 + radius * 0.7, 0, 0), radius), frame.metal, 0.3
    )
    nose = half * 0.3 + radius * 0.7
    yield Part(tube((nose, 0, 0), (half + 0.1, 0, 0), radius * 0.4), frame.metal, 0.3)
    yield Part(tube((half + 0.1, 0, 0), (half + 0.14, 0, 0), radius * 0.62), BRIGHT, 0.6)
    x = half * 0.3 + radius * 0.35
    top = radius * (1.15 + 0.12 * frame.elements)
    yield Part(tube((x, 0, radius * 0.6), (x, 0, top), radius * 0.32), frame.metal, 0.3)
    yield Part(tube((x, 0, top), (x, 0, top + 0.04), radius * 0.52), BRIGHT, 0.6)


def _fan(frame: Frame) -> Iterator[Part]:
    depth, radius = frame.length / 2, frame.radius
    yield Part(
        tube((0, -depth / 2, 0), (0, depth / 2, 0), radius, sides=30, open_ended=True),
        frame.paint, 0.2,
    )  # fmt: skip
    yield Part(
        blades(
            (0, 0, 0), count=frame.elements, inner=radius * 0.22, outer=radius * 0.94,
            axis="y", start=frame.start, width=0.62,
        ),
        frame.metal, 0.5,
    )  # fmt: skip
    yield Part(tube((0, -depth * 0.3, 0), (0, depth * 0.9, 0), radius * 0.24), DARK, 0.2)
    yield Part(block((0, 0, -radius - 0.02), (1.5 * radius, depth, 0.07)), frame.paint, 0.2)


def _gear(frame: Frame) -> Iterator[Part]:
    length, height = frame.length * 0.72, frame.radius * 2
    yield Part(block((0, 0, 0), (length, height * 0.62, height * 0.8), pieces=3), frame.paint, 0.2)
    yield Part(
        block((0, 0, 0.02), (length * 1.06, height * 0.72, 0.05), pieces=3), frame.metal, 0.4
    )
    yield Part(block((0, 0, height * 0.42), (length * 0.5, height * 0.4, 0.05)), frame.metal, 0.4)
    yield Part(tube((-length / 2, 0, 0.14), (-length * 0.8, 0, 0.14), 0.05), BRIGHT, 0.8)
    wheel = length / 2 + 0.07
    yield Part(tube((length / 2, 0, 0), (length / 2 + 0.2, 0, 0), 0.06), BRIGHT, 0.8)
    yield Part(
        toothed_wheel(
            (wheel, 0, 0), teeth=frame.elements, radius=height * 0.4, thickness=0.07,
            start=frame.start,
        ),
        BRIGHT, 0.7,
    )  # fmt: skip


def _motor(frame: Frame) -> Iterator[Part]:
    half = frame.length / 2
    yield from _finned(frame, -half * 0.7, half * 0.7, frame.radius, fins=5 + frame.elements // 2)
    yield Part(tube((half * 0.7, 0, 0), (half * 1.25, 0, 0), 0.05), BRIGHT, 0.9)
    yield Part(tube((-half, 0, 0), (-half * 0.7, 0, 0), frame.radius * 0.96), DARK, 0.15)


def _compressor(frame: Frame) -> Iterator[Part]:
    length, radius = frame.length * 0.75, frame.radius
    yield Part(block((0, 0, 0), (length, radius * 1.2, radius * 0.9), pieces=3), frame.paint, 0.2)
    across = length / frame.elements
    for place in range(frame.elements):
        x, width = (place + 0.5) * across - length / 2, min(across * 0.42, radius * 0.6)
        base = radius * 0.45
        yield Part(tube((x, 0, base), (x, 0, base + radius * 1.1), width * 0.7), frame.metal, 0.3)
        for fin in range(4):
            z = base + radius * (0.2 + 0.22 * fin)
            yield Part(tube((x, 0, z), (x, 0, z + 0.018), width, pieces=1), frame.metal, 0.3)
        yield Part(block((x, 0, base + radius * 1.14), (width * 1.6, width * 1.6, 0.04)), DARK, 0.2)
    yield Part(
        tube((length / 2 + 0.03, 0, 0), (length / 2 + 0.11, 0, 0), radius * 0.85, sides=28),
        DARK, 0.4,
    )  # fmt: skip
    yield Part(tube((length / 2, 0, 0), (length / 2 + 0.15, 0, 0), radius * 0.2), BRIGHT, 0.8)


def _blower(frame: Frame) -> Iterator[Part]:
    depth, radius = frame.length * 0.36, frame.radius * 0.9
    yield Part(tube((0, -depth / 2, 0), (0, depth / 2, 0), radius, sides=30), frame.metal, 0.35)
    yield Part(
        tube((0, -depth / 2 - 0.05, 0), (0, -depth / 2, 0), radius * 0.5, radius * 0.7),
        frame.metal, 0.35,
    )  # fmt: skip
    ribs = frame.elements // 3
    for place in range(ribs):
        angle = 2 * pi * place / ribs
        x, z = 0.84 * radius * np.cos(angle), 0.84 * radius * np.sin(angle)
        yield Part(block((x, -depth / 2 - 0.012, z), (0.035, 0.03, 0.035), pieces=1), DARK, 0.2)
    yield Part(tube((0, depth / 2, 0), (0, depth / 2 + 0.35, 0), radius * 0.55), frame.paint, 0.2)
    for side in (-1, 1):
        x = side * radius * 0.55
        yield Part(tube((x, 0, -radius * 0.6), (x, -0.3, -radius * 0.75), 0.11), frame.paint, 0.2)


def _valve(frame: Frame) -> Iterator[Part]:
    half, radius = frame.length / 2, frame.radius
    yield Part(tube((-half * 0.6, 0, 0), (half * 0.6, 0, 0), radius * 0.85), frame.metal, 0.35)
    for side in (-1, 1):
        z = side * radius * 1.15
        yield Part(block((0, 0, z * 0.75), (half, radius * 1.1, radius * 0.7)), frame.metal, 0.35)
        yield Part(block((0, 0, z), (half * 1.3, radius * 1.7, 0.05)), BRIGHT, 0.6)
        x = side * half * 0.6
        yield Part(tube((x, 0, 0), (x + side * 0.05, 0, 0), radius * 0.95), DARK, 0.25)
    bolts = frame.elements
    for place in range(bolts):
        angle = 2 * pi * place / bolts
        y, z = 0.78 * radius * np.cos(angle), 0.78 * radius * np.sin(angle)
        yield Part(block((half * 0.6 + 0.06, y, z), (0.03, 0.05, 0.05), pieces=1), BRIGHT, 0.7)
    yield Part(tube((-half * 0.65, 0, 0), (-half * 1.3, 0, 0), radius * 0.42), frame.paint, 0.2)


def _agitator(frame: Frame) -> Iterator[Part]:
    height, radius = frame.length, frame.radius * 1.4
    yield Part(tube((0, 0, height * 0.5), (0, 0, height * 0.95), radius * 0.5), frame.paint, 0.2)
    yield Part(ball((0, 0, height * 0.95), radius * 0.5, flat=0.4), frame.paint, 0.2)
    yield Part(block((0, 0, height * 0.46), (radius * 1.9, radius * 1.5, 0.06)), frame.metal, 0.4)
    yield Part(tube((0, 0, -0.05), (0, 0, height * 0.44), 0.03, pieces=4), BRIGHT, 0.8)
    yield Part(
        blades(
            (0, 0, 0.05), count=frame.elements, inner=0.02, outer=radius, axis="z",
            start=frame.start, width=0.12 * frame.elements ** 0.5,
        ),
        BRIGHT, 0.6,
    )  # fmt: skip
    for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        foot = (x * radius * 0.85, y * radius * 0.65)
        yield Part(tube((*foot, height * 0.44), (*foot, -0.1), 0.022, sides=8, pieces=4), DARK, 0.2)


SHAPES: Mapping[str, Callable[[Frame], Iterator[Part]]] = {
    "P": _pump, "F": _fan, "G": _gear, "M": _motor,
    "C": _compressor, "B": _blower, "V": _valve, "A": _agitator,
}  # fmt: skip


def _finned(frame: Frame, start: float, end: float, radius: float, *, fins: int) -> Iterator[Part]:
    yield Part(tube((start, 0, 0), (end, 0, 0), radius * 0.88, pieces=3), frame.paint, 0.2)
    for fin in range(fins):
        x = start + (end - start) * (fin + 0.5) / fins
        yield Part(tube((x - 0.012, 0, 0), (x + 0.012, 0, 0), radius, pieces=1), frame.paint, 0.2)
