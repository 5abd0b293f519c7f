"""Renders photos of units: camera, lamp, floor, faults of the picture."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import cos, radians, sin

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

from spaner.demo.factory.bodies import body
from spaner.demo.factory.families import Part
from spaner.demo.factory.shapes import Quads, normals
from spaner.demo.factory.units import TAGS, Unit

SIDE = 160
"""Width and height of a photo in pixels; it is drawn twice as large."""

DRAWN = 2 * SIDE
VIEWS = ("a", "b")
"""Names of a unit's photos."""

FLOORS = {"bench": (150, 138, 120), "concrete": (128, 128, 126), "cloth": (70, 88, 112),
          "paper": (206, 204, 198)}  # fmt: skip

SHADE = (20, 20, 24)

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Camera:
    """Where a photo is taken from: unit vectors to the right, upwards and forwards, a place."""

    right: Vector
    up: Vector
    ahead: Vector
    place: Vector
    zoom: float

    def project(self, points: Quads) -> tuple[Quads, Vector]:
        """Return pixels (..., 2) of points (..., 3), and how far away (...) they are."""
        seen = points - self.place
        depth = seen @ self.ahead
        flat = np.stack([seen @ self.right, -(seen @ self.up)], axis=-1)
        return DRAWN / 2 + self.zoom * DRAWN * flat / depth[..., None], depth


def photo(unit: Unit, view: str) -> Image.Image:
    """Return a photo of a unit, RGB, from a place and in a light of its own."""
    random = unit.random(f"photo {view}")
    parts = body(unit, start=random.uniform(0, 6.3))
    quads = np.concatenate([part.quads for part in parts])
    camera = _camera(quads, random)
    lamp = _direction(random.uniform(-70, 70), random.uniform(35, 70))
    floor = _floor(random)
    floor.paste(SHADE, mask=_shadow(quads, camera, lamp, random))
    scene = floor.resize((DRAWN, DRAWN), Image.Resampling.BILINEAR)
    drawn = ImageDraw.Draw(scene)
    _draw_faces(drawn, parts, camera, lamp, ambient=random.uniform(0.28, 0.45))
    _mark(drawn, unit, quads, camera)
    return _developed(scene, random)


def jpeg(unit: Unit, view: str) -> bytes:
    """Return a photo as a JPEG file."""
    content = io.BytesIO()
    photo(unit, view).save(content, format="JPEG", quality=88, comment=b"synthetic, rendered")
    return content.getvalue()


def _direction(azimuth_deg: float, elevation_deg: float) -> Vector:
    """Return the unit vector from the origin towards a place in front, which is towards -y."""
    azimuth, elevation = radians(azimuth_deg), radians(elevation_deg)
    return np.array([sin(azimuth) * cos(elevation), -cos(azimuth) * cos(elevation), sin(elevation)])


def _camera(quads: Quads, random: np.random.Generator) -> Camera:
    """Look at the middle of the unit, from the front, with the horizon a little askew."""
    low, high = quads.min(axis=(0, 1)), quads.max(axis=(0, 1))
    towards = _direction(random.uniform(-36, 36), random.uniform(12, 36))
    ahead = -towards
    right = np.cross(ahead, (0, 0, 1))
    right /= np.linalg.norm(right)
    up = np.cross(right, ahead)
    roll = radians(random.uniform(-4, 4))
    right, up = cos(roll) * right + sin(roll) * up, cos(roll) * up - sin(roll) * right
    size = float(np.linalg.norm(high - low))
    middle = (low + high) / 2 + random.uniform(-0.05, 0.05, 3) * size
    return Camera(right, up, ahead, middle + 2.6 * size * towards, zoom=random.uniform(2.1, 2.65))


def _floor(random: np.random.Generator) -> Image.Image:
    """Paint floor and wall, blotched, at the photo's size: neither has fine detail."""
    colour = np.array(FLOORS[tuple(FLOORS)[int(random.integers(len(FLOORS)))]], dtype=float)
    rows = np.linspace(1.0, 0.0, SIDE)[:, None, None]
    wall = colour * 0.55 + 70
    share = np.clip((rows - random.uniform(0.5, 0.8)) * 12 + 0.5, 0, 1)
    grain = random.normal(0, 5, (SIDE // 8, SIDE // 8)).astype(np.float32)
    blotches = Image.fromarray(grain).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    painted = share * wall + (1 - share) * colour * (1.05 - 0.3 * rows)
    painted = painted + np.asarray(blotches)[..., None]
    return Image.fromarray(np.clip(painted, 0, 255).astype(np.uint8))


def _shadow(quads: Quads, camera: Camera, lamp: Vector, random: np.random.Generator) -> Image.Image:
    """Return how far (L) the unit keeps the lamp's light from the floor, at the photo's size."""
    fallen = quads - quads[..., 2:] / lamp[2] * lamp
    shadow = Image.new("L", (SIDE, SIDE))
    drawn = ImageDraw.Draw(shadow)
    for corners in (camera.project(fallen)[0] * (SIDE / DRAWN)).reshape(-1, 8).tolist():
        drawn.polygon(corners, fill=150)
    return shadow.filter(ImageFilter.GaussianBlur(random.uniform(1.5, 4.5)))


def _draw_faces(
    drawn: ImageDraw.ImageDraw, parts: list[Part], camera: Camera, lamp: Vector, *, ambient: float
) -> None:
    """Draw what looks towards the camera, the farthest first, in Lambert and Blinn-Phong light."""
    quads = np.concatenate([part.quads for part in parts])
    colours = np.concatenate([np.tile(part.colour, (len(part.quads), 1)) for part in parts])
    gloss = np.concatenate([np.full(len(part.quads), part.gloss) for part in parts])
    facing, centres = normals(quads), quads.mean(axis=1)
    sight = camera.place - centres
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    half = sight + lamp
    half /= np.linalg.norm(half, axis=1, keepdims=True)
    lit = np.clip(facing @ lamp, 0, None)
    shine = np.clip((facing * half).sum(axis=1), 0, None) ** 24 * gloss
    shaded = colours * (ambient + (1 - ambient) * lit)[:, None] + 190 * shine[:, None]
    fills = np.clip(shaded, 0, 255).astype(int).tolist()
    flat, _ = camera.project(quads)
    distance = np.linalg.norm(camera.place - centres, axis=1)
    visible = (facing * sight).sum(axis=1) > 0
    pixels = flat.reshape(-1, 8).tolist()
    for place in np.argsort(-distance, kind="stable"):
        if visible[place]:
            drawn.polygon(pixels[place], fill=tuple(fills[place]))


def _mark(drawn: ImageDraw.ImageDraw, unit: Unit, quads: Quads, camera: Camera) -> None:
    """Stick on the inspection tag, and draw the scratch or crack that a unit has."""
    random = unit.random("marks")
    low, high = quads.min(axis=(0, 1)), quads.max(axis=(0, 1))

    def pixel(x: float, z: float) -> tuple[float, float]:
        share = np.array([x, 0.25, z])
        return tuple(camera.project(low + share * (high - low))[0].tolist())

    x, z = random.uniform(0.4, 0.6), random.uniform(0.42, 0.58)
    corners = [pixel(x + dx, z + dz) for dx, dz in ((0, 0), (0.09, 0), (0.09, 0.07), (0, 0.07))]
    drawn.polygon(corners, fill=TAGS[unit.tag], outline=(60, 60, 60))
    if unit.defect not in ("scratch", "crack"):
        return
    start, end = random.uniform(0.25, 0.4), random.uniform(0.6, 0.75)
    bend = 0.01 if unit.defect == "scratch" else 0.05
    height = random.uniform(0.3, 0.6)
    line = [
        pixel(along, height + bend * random.standard_normal())
        for along in np.linspace(start, end, 9)
    ]
    light = unit.defect == "scratch"
    drawn.line(line, fill=(235, 232, 226) if light else (12, 10, 10), width=2 if light else 4)


def _developed(scene: Image.Image, random: np.random.Generator) -> Image.Image:
    """Expose the picture, tint it, and give it the grain and blur of a small camera."""
    small = scene.resize((SIDE, SIDE), Image.Resampling.BOX)
    small = small.filter(ImageFilter.GaussianBlur(random.uniform(0.2, 0.8)))
    values = np.asarray(small, dtype=float) * random.uniform(0.75, 1.2)
    values = values * (1 + random.uniform(-0.06, 0.06, 3))
    values += random.normal(0, random.uniform(2, 7), values.shape)
    return Image.fromarray(np.clip(values, 0, 255).round().astype(np.uint8))
