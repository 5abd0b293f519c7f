"""Builds solids from quadrilaterals: blocks, tubes, balls, blades and toothed wheels."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import pi

import numpy as np
from numpy.typing import NDArray

Quads = NDArray[np.float64]
"""(F, 4, 3): corners of each face, counter-clockwise as seen from outside."""

Point = tuple[float, float, float]
Colour = tuple[int, int, int]

AXES = {"x": 0, "y": 1, "z": 2}


def block(centre: Point, size: Point, *, pieces: int = 2) -> Quads:
    """Return a box whose faces are cut into `pieces` squared, so that they sort well by depth."""
    placed: Quads = _cube(pieces) * np.array(size) + np.array(centre)
    return placed


@cache
def _cube(pieces: int) -> Quads:
    steps = np.linspace(-0.5, 0.5, pieces + 1)
    faces = []
    for axis in range(3):
        for side in (-0.5, 0.5):
            for a, b in pairwise(steps):
                for c, d in pairwise(steps):
                    corners = np.full((4, 3), side)
                    corners[:, (axis + 1) % 3] = (a, b, b, a)
                    corners[:, (axis + 2) % 3] = (c, c, d, d)
                    faces.append(corners)
    return _outwards(np.array(faces))


def tube(
    start: Point,
    end: Point,
    radius: float,
    end_radius: float | None = None,
    *,
    sides: int = 22,
    pieces: int = 2,
    open_ended: bool = False,
) -> Quads:
    """Return a cylinder, or a cone's piece; one that is `open_ended` is hollow, without lids."""
    origin, along = np.array(start), np.array(end) - np.array(start)
    first, second = _across(along)
    angles = np.linspace(0, 2 * pi, sides + 1)
    circle = np.cos(angles)[:, None] * first + np.sin(angles)[:, None] * second  # (sides + 1, 3)
    radii = np.linspace(radius, radius if end_radius is None else end_radius, pieces + 1)
    shares = np.linspace(0, 1, pieces + 1)
    rings = [origin + t * along + r * circle for t, r in zip(shares, radii, strict=True)]
    mantle = np.concatenate([_between(a, b) for a, b in pairwise(rings)])
    if open_ended:
        outside = _outwards(mantle)
        return np.concatenate([outside, outside[:, ::-1]])
    lids = [
        _between(np.broadcast_to(ring.mean(axis=0), ring.shape), ring)
        for ring in (rings[0], rings[-1])
    ]
    return _outwards(np.concatenate([mantle, *lids]))


def ball(centre: Point, radius: float, *, flat: float = 1.0, axis: str = "z") -> Quads:
    """Return a ball, pressed to `flat` of its height along an axis."""
    angles, heights = np.linspace(0, 2 * pi, 19), np.linspace(-pi / 2, pi / 2, 8)
    rings = []
    for height in heights:
        ring = np.stack([np.cos(angles), np.sin(angles), 0 * angles], axis=1) * np.cos(height)
        ring[:, 2] = np.sin(height) * flat
        rings.append(np.roll(ring, AXES[axis] + 1, axis=1))
    faces = [_between(a, b) for a, b in pairwise(rings)]
    placed: Quads = _outwards(np.concatenate(faces)) * radius + np.array(centre)
    return placed


def blades(
    centre: Point, *, count: int, inner: float, outer: float, axis: str, start: float, width: float
) -> Quads:
    """Return flat blades on a hub, twisted out of their plane, seen from both sides.

    `width` is the share of the circle that they cover.
    """
    faces = []
    half = pi * width / count
    for place in range(count):
        angle = start + 2 * pi * place / count
        low, high = angle - half, angle + half
        lift = 0.18 * outer
        corners = [(inner, low, -lift / 2), (outer, low, -lift), (outer, high, lift),
                   (inner, high, lift / 2)]  # fmt: skip
        faces.append([(r * np.cos(a), r * np.sin(a), z) for r, a, z in corners])
    flat = np.roll(np.array(faces), AXES[axis] + 1, axis=2)
    both: Quads = np.concatenate([flat, flat[:, ::-1]]) + np.array(centre)
    return both


def toothed_wheel(
    centre: Point, *, teeth: int, radius: float, thickness: float, start: float
) -> Quads:
    """Return a wheel that turns about x, its teeth a twelfth of its radius high."""
    x, y, z = centre
    body = tube((x - thickness / 2, y, z), (x + thickness / 2, y, z), radius, sides=30, pieces=1)
    parts = [body]
    pitch = 2 * pi / teeth
    for place in range(teeth):
        angle = start + pitch * place
        profile = [(radius * 0.98, -pitch / 3.4), (radius * 1.09, -pitch / 6),
                   (radius * 1.09, pitch / 6), (radius * 0.98, pitch / 3.4)]  # fmt: skip
        flat = [(y + r * np.cos(angle + a), z + r * np.sin(angle + a)) for r, a in profile]
        front = np.array([(x - thickness / 2, *point) for point in flat])
        back = np.array([(x + thickness / 2, *point) for point in flat])
        parts.append(_outwards(np.concatenate([[front, back], _between(front, back)])))
    return np.concatenate(parts)


def normals(quads: Quads) -> NDArray[np.float64]:
    """Return each face's unit normal (F, 3); zero where a face has no area."""
    crossed = np.cross(quads[:, 2] - quads[:, 0], quads[:, 3] - quads[:, 1])
    length = np.linalg.norm(crossed, axis=1, keepdims=True)
    unit: NDArray[np.float64] = crossed / np.maximum(length, 1e-12)
    return unit


def _between(first: Quads, second: Quads) -> Quads:
    """Return the faces between two lines (n, 3) of points, (n - 1, 4, 3)."""
    return np.stack([first[:-1], first[1:], second[1:], second[:-1]], axis=1)


def _outwards(quads: Quads) -> Quads:
    """Turn the faces of a convex solid so that all look away from its middle."""
    middle = quads.reshape(-1, 3).mean(axis=0)
    inside = (normals(quads) * (quads.mean(axis=1) - middle)).sum(axis=1) < 0
    return np.where(inside[:, None, None], quads[:, ::-1], quads)


def _across(along: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return two unit vectors at right angles to a direction, and to each other."""
    direction = along / np.linalg.norm(along)
    aside = np.array([0.0, 0.0, 1.0]) if abs(direction[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    first = np.cross(direction, aside)
    first /= np.linalg.norm(first)
    return first, np.cross(direction, first)
