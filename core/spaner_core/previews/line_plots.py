"""Draws values over time as a small picture."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from spaner_core.previews.time_axis import name_seconds, round_step_s

Values: TypeAlias = NDArray[np.floating]

SIDE = 256
"""Pixels of a picture's longer side."""

_AXIS = 16
_GUTTER = 58
_FINER = 4
"""Lines are drawn so many times larger, then reduced: Pillow draws them with steps."""

_PAPER, _GRID, _INK, _NAMES = (255, 255, 255), (226, 229, 233), (27, 98, 165), (70, 74, 80)


def draw_traces(traces: Mapping[str, Values], *, length_s: float, around_zero: bool) -> Image.Image:
    """Draw finite values (steps,) by name, each in a lane of its own, above an axis of time.

    All span `length_s` seconds. A lane reaches from the least value to the largest, or as far up as
    down where it is `around_zero`. A single trace needs no name. With more than eight, none can be
    read.
    """
    gutter = _GUTTER if len(traces) > 1 else 0
    lane = 80 if len(traces) == 1 else min(40, (SIDE - _AXIS) // len(traces))
    picture = Image.new("RGB", (SIDE, lane * len(traces) + _AXIS), _PAPER)
    draw = ImageDraw.Draw(picture)
    _draw_axis(draw, length_s, left=gutter, bottom=lane * len(traces))
    for number, (name, values) in enumerate(traces.items()):
        drawn = _draw_lane(values, (SIDE - gutter, lane), around_zero=around_zero)
        picture.paste(Image.new("RGB", drawn.size, _INK), (gutter, number * lane), drawn)
        if number:
            draw.line([(0, number * lane), (SIDE, number * lane)], fill=_GRID)
        if gutter:
            text = _shortened(draw, name, width=gutter - 6)
            draw.text((4, number * lane + lane / 2), text, _NAMES, _font(), anchor="lm")
    return picture


def _draw_axis(draw: ImageDraw.ImageDraw, length_s: float, *, left: int, bottom: int) -> None:
    step_s = round_step_s(length_s, most=5)
    for tick in range(int(length_s / step_s * (1 + 1e-9)) + 1):
        x = left + (SIDE - 1 - left) * tick * step_s / length_s
        draw.line([(x, 0), (x, bottom + 3)], fill=_GRID)
        text = name_seconds(tick * step_s, step_s=step_s) + (" s" if tick == 0 else "")
        half = draw.textlength(text, _font()) / 2
        draw.text((min(max(x, half + 1), SIDE - half - 1), bottom + 3), text, _NAMES, _font(), "ma")
    draw.line([(left, bottom), (SIDE, bottom)], fill=_GRID)


def _draw_lane(values: Values, size: tuple[int, int], *, around_zero: bool) -> Image.Image:
    """Return how much of each pixel a trace covers, a grey picture of `size`."""
    width, height = size[0] * _FINER, size[1] * _FINER
    largest = float(np.abs(values).max(initial=0))
    low, high = (-largest, largest) if around_zero else (float(values.min()), float(values.max()))
    flat = np.full(values.shape, 0.5)
    scaled = flat if low == high else (values.astype(np.float64) - low) / (high - low)
    margin = 3 * _FINER
    ys = (height - 1 - margin) - scaled * (height - 1 - 2 * margin)
    picture = Image.new("L", (width, height))
    draw = ImageDraw.Draw(picture)
    if len(ys) <= size[0]:
        ys = np.repeat(ys, 2) if len(ys) == 1 else ys  # a point is shown as a line
        xs = np.linspace(0, width - 1, len(ys))
        lines = [list(zip(xs.tolist(), ys.tolist(), strict=True))]
    else:
        columns = np.linspace(0, len(ys), size[0] + 1).astype(int)[:-1]
        xs = np.linspace(_FINER / 2, width - _FINER / 2, size[0])
        upper = list(zip(xs.tolist(), np.minimum.reduceat(ys, columns).tolist(), strict=True))
        lower = list(zip(xs.tolist(), np.maximum.reduceat(ys, columns).tolist(), strict=True))
        draw.polygon([*upper, *reversed(lower)], fill=255)
        lines = [upper, lower]
    for line in lines:
        draw.line(line, fill=255, width=round(1.3 * _FINER), joint="curve")
    return picture.resize(size, Image.Resampling.BOX)


def _shortened(draw: ImageDraw.ImageDraw, name: str, *, width: int) -> str:
    text = " ".join(name.split())
    shown, length = text, len(text)
    while length and draw.textlength(shown, _font()) > width:
        length -= 1
        shown = text[:length] + "…"
    return shown


def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=10)
