"""Puts a unit together: its family's shape and its own parts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from spaner.demo.factory.families import BRIGHT, DARK, METALS, RUBBER, SHAPES, Frame, Part
from spaner.demo.factory.shapes import Point, block, tube
from spaner.demo.factory.units import COLOURS, Unit


def body(unit: Unit, *, start: float) -> list[Part]:
    """Return a unit's parts, standing on z = 0 about the origin; `start` is the shaft's angle."""
    largest = max(unit.length_mm, unit.diameter_mm)
    frame = Frame(
        unit=unit,
        length=unit.length_mm / largest,
        radius=unit.diameter_mm / largest / 2,
        paint=COLOURS[unit.colour],
        metal=METALS[unit.product.material],
        start=start,
    )
    parts = list(SHAPES[unit.product.family.letter](frame))
    parts += _terminal_box(frame)
    lowest = min(part.quads[..., 2].min() for part in parts)
    feet = list(_mount(frame, -lowest))
    rise = -min([lowest, *(part.quads[..., 2].min() for part in feet)])
    return [
        Part(part.quads + np.array([0, 0, rise]), part.colour, part.gloss) for part in parts + feet
    ]


def _terminal_box(frame: Frame) -> list[Part]:
    """Return the box of sockets, on the side that the unit was ordered with."""
    letter, length, radius = frame.unit.product.family.letter, frame.length, frame.radius
    place: Mapping[str, Point]
    if letter in "FB":  # their round side is in front
        side = radius + 0.03
        place = {"left": (-side, 0, 0), "right": (side, 0, 0), "top": (0, 0, side)}
    else:
        front, z = (0.7 * radius, 0.72 * length) if letter == "A" else (radius, 0.02)
        top = 1.05 * length if letter == "A" else radius + 0.04
        middle = 0.0 if letter == "A" else -0.05
        shift = 0.12 if letter == "A" else 0.26 * length
        place = {
            "left": (middle - shift, -front * 0.9, z),
            "right": (middle + shift, -front * 0.9, z),
            "top": (middle - 0.13 * length, 0, top),
        }
    centre = place[frame.unit.box_side]
    lid = (centre[0], centre[1] - 0.085, centre[2])
    return [
        Part(block(centre, (0.2, 0.16, 0.16)), frame.paint, 0.25),
        Part(block(lid, (0.15, 0.02, 0.11), pieces=1), DARK, 0.3),
    ]


def _mount(frame: Frame, depth: float) -> Iterator[Part]:
    """Feet below the lowest part, or a flange at the end of the shaft's side."""
    wide = frame.radius * 0.9 if frame.unit.product.family.letter in "FB" else frame.length * 0.36
    width, across = max(wide, 0.16), max(frame.radius * 0.7, 0.16)
    if frame.unit.mount == "flange":
        yield Part(block((0, 0, -depth - 0.03), (1.0, across * 2.6, 0.05), pieces=3), BRIGHT, 0.5)
        return
    for x in (-width, width):
        for y in (-across, across):
            if frame.unit.mount == "rigid feet":
                yield Part(block((x, y, -depth - 0.04), (0.16, 0.14, 0.1)), frame.metal, 0.3)
            else:
                yield Part(tube((x, y, -depth - 0.2), (x, y, -depth), 0.06, 0.085), RUBBER, 0.1)
