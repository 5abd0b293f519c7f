"""Toys that offer corruptions and previews: one as it should be, others against one rule each."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from typing import Any

from spaner_core import Modality, Preview, UnusableInput

from tests.core.conformance.broken import NONE, toy_with, transform_with

Apply = Callable[..., Any]
Sample = list[list[list[float]]]


class Corruption:
    def __init__(self, name: str, apply: Apply) -> None:
        self.name = name
        self.apply = apply


def noise(sample: Sample, *, severity: float, seed: int) -> Sample:
    draw = random.Random(seed)
    return [
        [[number + 0.1 * severity * draw.gauss() for number in token] for token in window]
        for window in sample
    ]


def fixed(sample: Sample, *, severity: int, seed: int) -> Sample:
    return noise(sample, severity=severity, seed=0)


def in_place(sample: Sample, *, severity: int, seed: int) -> Sample:
    sample[0][0][0] += severity
    return sample


def as_tuple(sample: Sample, *, severity: int, seed: int) -> Any:
    return tuple(noise(sample, severity=severity, seed=seed))


def of_the_moment(sample: Sample, *, severity: int, seed: int) -> Sample:
    moment = 1e-6 * random.SystemRandom().random()
    return noise(sample, severity=severity + moment, seed=seed)


def upside_down(sample: Sample, *, severity: int, seed: int) -> Sample:
    return noise(sample, severity=6 - severity, seed=seed)


def falling_at_4(sample: Sample, *, severity: int, seed: int) -> Sample:
    return noise(sample, severity={4: 2}.get(severity, severity), seed=seed)


def to_nan(sample: Sample, *, severity: int, seed: int) -> Sample:
    return noise(sample, severity=severity if severity < 4 else float("nan"), seed=seed)


def nothing(sample: Sample, *, severity: int, seed: int) -> Sample:
    return [[list(token) for token in window] for window in sample]


def offering(*corruptions: Corruption) -> Callable[[], Any]:
    return lambda: list(corruptions)


two_of_a_name = toy_with(
    "check_corruption_names",
    "corruptions are named 'noise', 'noise'",
    spaner_corruptions=offering(Corruption("noise", noise), Corruption("noise", fixed)),
)
without_a_name = toy_with(
    "check_corruption_names",
    "corruptions are named ' '",
    spaner_corruptions=offering(Corruption(" ", noise)),
)
overwrites = toy_with(
    "check_corrupted_samples",
    "'noise' at severity 1 changes the sample it is given (it[0][0][0])",
    spaner_corruptions=offering(Corruption("noise", in_place)),
)
makes_another_kind = toy_with(
    "check_corrupted_samples",
    "expected a sample of the same type",
    spaner_corruptions=offering(Corruption("noise", as_tuple)),
)
forgets_the_seed = toy_with(
    "check_corrupted_samples",
    "gives two results for one seed",
    spaner_corruptions=offering(Corruption("noise", of_the_moment)),
)
weakens = toy_with(
    "check_severities",
    "expected more at 5 than at 1",
    spaner_corruptions=offering(Corruption("noise", upside_down)),
)
dips = toy_with(
    "check_severities",
    "never less as severity grows",
    spaner_corruptions=offering(Corruption("noise", falling_at_4)),
)
ends_in_nan = toy_with(
    "check_severities",
    "'noise' at severity 4 makes features of '4 0 1; 0 2 1; 3 1 0 | 1 1 5' NaN or infinite",
    spaner_corruptions=offering(Corruption("noise", to_nan)),
)
does_nothing = toy_with(
    "check_severities",
    "'noise' moves features by 0, 0, 0, 0, 0",
    spaner_corruptions=offering(Corruption("noise", nothing)),
)


def png(width: int = 1, height: int = 1) -> bytes:
    """A grey PNG image, written by hand."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        checked = kind + content
        length, check = struct.pack(">I", len(content)), struct.pack(">I", zlib.crc32(checked))
        return length + checked + check

    pixels = zlib.compress((b"\0" + b"\x80" * width) * height)
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", pixels), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


empty = toy_with("check_preview", "the preview is empty", spaner_preview=lambda sample: Preview())
page_of_its_own = toy_with(
    "check_preview",
    "spaner_preview gave a str; expected a spaner_core.Preview",
    spaner_preview=lambda sample: "<b>numbers</b>",
)
no_png = toy_with(
    "check_preview",
    "the image is no PNG",
    spaner_preview=lambda sample: Preview(png=b"<svg onload=alert(1)>"),
)
script_after_header = toy_with(
    "check_preview",
    "the image is no PNG",
    spaner_preview=lambda sample: Preview(png=png()[:33] + b"<script>alert(1)</script>"),
)


def show_in_place(sample: Sample) -> Preview:
    sample[0].sort()
    sample[0][0] = [round(number) for number in sample[0][0]]
    return Preview(text=f"{sample[0][0]}")


shown_in_place = toy_with(
    "check_preview",
    "spaner_preview changes the sample that it shows (it[0]",
    spaner_preview=show_in_place,
)
huge = toy_with(
    "check_preview",
    "the image is 5000 x 1 pixels",
    spaner_preview=lambda sample: Preview(png=png(5000)),
)


endless_text = toy_with(
    "check_preview",
    "a preview cannot be shown (the text has 30000000 bytes; expected at most 262144",
    spaner_preview=lambda sample: Preview(text="x" * 30_000_000),
)
heavy_image = toy_with(
    "check_preview",
    "the image has 300000 bytes; expected at most 262144",
    spaner_preview=lambda sample: Preview(png=png() + bytes(300_000 - len(png()))),
)
steers_the_terminal = toy_with(
    "check_preview",
    "a preview's text has the control characters '\\x1b'",
    spaner_preview=lambda sample: Preview(text="\x1b[31mred"),
)


class Said(list[Any]):
    """A sample that keeps the text it was made of."""

    def __init__(self, windows: Sample, *, text: str) -> None:
        super().__init__(windows)
        self.text = text


def read_anything(own: Any, source: Any) -> Said:
    try:
        return Said(own(source), text=str(source))
    except UnusableInput:
        if not isinstance(source, str):
            raise
        return Said([[[len(source), *[1.0] * (own.__self__.width - 1)]]], text=source)


def show_what_was_said(sample: Any) -> Preview:
    readable = "".join(sign if sign.isprintable() else " " for sign in sample.text)
    return Preview(text=readable, png=png(3, 2))


def describe_everything() -> Modality:
    return Modality(
        api_version=2,
        name="toy",
        summary="numbers",
        suffixes=(".toy",),
        inline=True,
        embeds_labels=True,
    )


def disturb(sample: Any, *, severity: int, seed: int) -> Said:
    return Said(noise(sample, severity=severity, seed=seed), text=sample.text)


def shift(sample: Any, *, severity: int, seed: int) -> Said:
    moved = [[[number + severity for number in token] for token in w] for w in sample]
    return Said(moved, text=sample.text)


whole = toy_with(
    NONE,
    "",
    spaner_modality=describe_everything,
    spaner_build_transform=transform_with(decode=read_anything),
    spaner_corruptions=offering(Corruption("noise", disturb), Corruption("shift", shift)),
    spaner_preview=show_what_was_said,
)
