"""Write a project of emoji: pictures, English names and keywords, spoken names.

    python scripts/make_emoji.py FOLDER            # all, with EfficientNet-lite0 and MiniLM
    python scripts/make_emoji.py FOLDER --light    # all, with the encoders that need no weights
    python scripts/make_emoji.py tests/emoji --sample --light    # the sixty that the tests use

Everything comes from packages: Debian's fonts-noto-color-emoji, unicode-data, unicode-cldr-core and
espeak-ng, and for the encoders those of scripts/real_encoders.py. **The speech is synthetic.** An
item is an emoji, a concept its Unicode subgroup. Same packages, same bytes.
"""

from __future__ import annotations

import argparse
import logging
import random
import shutil
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

from fontTools.ttLib import TTFont
from make_speech import (
    SAMPLE_RATE_HZ,
    VOICES,
    Voice,
    check_variant,
    speak,
    version_of,
    write_flac,
)
from real_encoders import VISION, copy_minilm, write_efficientnet
from scipy.signal import resample_poly
from spaner.demo.dataset import put, table
from unicode_emoji import ANNOTATIONS, TABLE, Emoji, read_emoji

FONT = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
PACKAGES = {
    "fonts-noto-color-emoji": FONT,
    "unicode-data": TABLE,
    "unicode-cldr-core": ANNOTATIONS,
}
COPYRIGHT = "/usr/share/doc/{package}/copyright"

FEWEST = 12
"""Emoji that a subgroup must have."""

SHARES = {"train": 0.5, "validation": 0.2, "test": 0.3}
SAMPLE = ("animal-bird", "drink", "food-fruit", "household", "tool", "transport-ground")
SAMPLE_ITEMS = 10
FORMS = (
    "{name}: {keywords}",
    "{name} ({keywords})",
    "a picture of {name}, {keywords}",
    "{keywords}: {name}",
    "the {name} emoji; think of {keywords}",
)
COLUMNS = ("id", "modality", "input", "concept", "item", "split", "name", "voice", "origin")

Row = Mapping[str, str]
logger = logging.getLogger("make_emoji")


def choose(emoji: Sequence[Emoji], *, sample: bool) -> list[Emoji]:
    """Keep large subgroups, or a sample of some, and draw the split of every emoji."""
    chosen = []
    for subgroup in dict.fromkeys(one.subgroup for one in emoji):
        members = [one for one in emoji if one.subgroup == subgroup]
        if subgroup not in SAMPLE if sample else len(members) < FEWEST:
            continue
        random.Random(subgroup).shuffle(members)
        if sample:
            members = members[:SAMPLE_ITEMS]
        train = round(SHARES["train"] * len(members))
        seen = train + round(SHARES["validation"] * len(members))
        for place, one in enumerate(members):
            split = "train" if place < train else "validation" if place < seen else "test"
            chosen.append(one._replace(split=split))
    return chosen


def write_project(folder: Path, *, sample: bool, espeak: str) -> int:
    """Write pictures, speech, manifest, names of concepts, origins; return how many emoji."""
    font = TTFont(FONT)
    glyphs = font["CBDT"].strikeData[0]
    named = font.getBestCmap().items()
    strike = {chr(point): glyphs[name] for point, name in named if name in glyphs}
    emoji = choose(read_emoji(strike), sample=sample)
    synthesiser = version_of(espeak)
    rate_hz = SAMPLE_RATE_HZ // 2 if sample else SAMPLE_RATE_HZ
    voices = {split: cycle(_heard(espeak, split)) for split in SHARES}
    rows: list[Row] = []
    for one, form in zip(emoji, cycle(FORMS), strict=False):
        voice = next(voices[one.split])
        picture, sound = f"vision/{one.item}.png", f"audio/{one.item}.flac"
        put(folder / picture, strike[one.character].imageData)
        spoken = resample_poly(speak(espeak, one.name, voice=voice), rate_hz, SAMPLE_RATE_HZ)
        said = f"synthetic speech, {synthesiser}, voice {voice.accent}+{voice.variant}"
        write_flac(folder / sound, spoken, comment=said, rate_hz=rate_hz)
        shared = {"item": one.item, "concept": one.subgroup, "split": one.split, "name": one.name}
        rows += [
            {**shared, "id": f"{modality}-{one.item}", "modality": modality, **own}
            for modality, own in {
                "text": {"input": one.text(form), "origin": "CLDR"},
                "vision": {"input": picture, "origin": "Noto Color Emoji"},
                "audio": {"input": sound, "voice": voice.name, "origin": said},
            }.items()
        ]
    put(folder / "manifest.csv", table(COLUMNS, rows))
    concepts = dict.fromkeys(one.subgroup for one in emoji)
    names = ({"concept": concept, "text": concept.replace("-", " ")} for concept in concepts)
    put(folder / "labels.csv", table(("concept", "text"), names))
    _write_origins(folder, font, synthesiser, count=len(emoji))
    return len(emoji)


def _heard(espeak: str, split: str) -> list[Voice]:
    """Return the voices of a split, each of which was heard to be one of its own."""
    voices = [voice for voice in VOICES if voice.split == split]
    for voice in voices:
        check_variant(espeak, voice)
    return voices


def write_configuration(folder: Path, *, light: bool) -> None:
    """Write plugins.yaml and, unless `light`, the weights of real encoders that it names."""
    text = vision = ""
    if not light:
        copy_minilm(folder / "models" / "minilm")
        write_efficientnet(folder / "models" / "efficientnet.safetensors")
        text = " {encoder: {model: ./models/minilm}}"
        weights = "checkpoint: ./models/efficientnet.safetensors"
        vision = f" {{encoder: {{model: {VISION}, {weights}}}}}"
    put(
        folder / "plugins.yaml",
        (
            "space: space\ndata: {manifest: manifest.csv}\n"
            "prompt: {labels_from: text, labels: labels.csv}\n"
            f"modalities:\n  text:{text}\n  vision:{vision}\n  audio:\n"
        ).encode(),
    )


def _write_origins(folder: Path, font: TTFont, synthesiser: str, *, count: int) -> None:
    """Say where everything comes from, and put the packages' licences beside it."""
    font_version = font["name"].getDebugName(5).partition(";")[0].removeprefix("Version ")
    table_version = next(
        line.partition(": ")[2]
        for line in TABLE.read_text(encoding="utf-8").splitlines()
        if line.startswith("# Version: ")
    )
    lines = (
        f"# {count} emoji in pictures, words and synthetic speech",
        "",
        "Written by `scripts/make_emoji.py` of SPANER from packages of Debian. An item is an emoji "
        "of one code point, a concept its Unicode subgroup, and no item is in two splits.",
        "",
        "- `vision/`: the pictures of the font Noto Color Emoji "
        f"{font_version}, byte for byte; copyright 2022 Google Inc. The package "
        "fonts-noto-color-emoji gives the font under the SIL Open Font License 1.1 and the images "
        "it is built from under Apache-2.0.",
        "- Names and keywords in `manifest.csv`, put into forms of our own: English annotations of "
        "Unicode CLDR, package unicode-cldr-core; Unicode-DFS-2016.",
        "- Which emoji there are, and their subgroups: emoji-test.txt, version "
        f"{table_version}, package unicode-data; Unicode-DFS-2016.",
        "- `audio/`: **synthetic speech**; no person was recorded. Each name is spoken by one "
        f"voice of {synthesiser}, and no voice is in two splits. The program is licensed under the "
        "GPL, version 3 or later; no part of it is contained here, and the sound is passed on "
        "under Apache-2.0.",
        "",
        "The licences in full, as the packages carry them: `licences/`.",
    )
    put(folder / "README.md", ("\n".join(lines) + "\n").encode())
    for package in PACKAGES:
        terms = Path(COPYRIGHT.format(package=package))
        put(folder / "licences" / f"{package}.txt", terms.read_bytes())


def main() -> None:
    """Read the command line and write the project beside its place, then move it there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--light", action="store_true", help="encoders that need no weights")
    parser.add_argument("--sample", action="store_true", help="ten emoji of each of six subgroups")
    parser.add_argument("--espeak", default="espeak-ng", help="the program, by name or path")
    parser.add_argument("--overwrite", action="store_true", help="replace an existing folder")
    given = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    folder: Path = given.folder
    for package, file in PACKAGES.items():
        for needed in (file, Path(COPYRIGHT.format(package=package))):
            if not needed.is_file():
                raise SystemExit(f"{needed} is missing; install the Debian package {package}")
    if folder.exists() and not given.overwrite:
        raise SystemExit(f"{folder} exists; expected a new folder; give --overwrite")
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        write_configuration(partial, light=given.light)
        count = write_project(partial, sample=given.sample, espeak=given.espeak)
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    logger.info("wrote %d emoji to %s", count, folder)


if __name__ == "__main__":
    main()
