"""Speak the concepts of the embedded data with forty synthetic voices of eSpeak NG.

    python scripts/make_speech.py [--espeak espeak-ng] [--output FOLDER] [--overwrite]

Writes <split>/<voice>/<concept>.flac (16 kHz, one channel, 16 bit) and voices.csv. Every voice
has a timbre of its own (a variant of eSpeak NG that no other voice uses) and belongs to one split.
The same version of the program gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import io
import logging
import math
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import soundfile as sf
from scipy.signal import resample_poly
from spaner.demo.texts import CONCEPTS

SAMPLE_RATE_HZ = 16_000
SILENCE_BELOW_PEAK = 0.01  # -40 dB: below it the ends of a recording count as silence
MARGIN_S = 0.03
DEFAULT_OUTPUT = Path(__file__).parents[1] / "app" / "spaner" / "demo" / "data" / "speech"

Waveform = np.ndarray[Any, np.dtype[np.float64]]

logger = logging.getLogger("make_speech")


class Voice(NamedTuple):
    """One speaker: eSpeak NG's variant (timbre), accent, pitch 0..99, speed and loudness 0..200."""

    split: str
    variant: str
    accent: str
    pitch: int
    words_per_minute: int
    amplitude: int

    @property
    def name(self) -> str:
        """The voice's name in file names and ids."""
        return self.variant.lower()


VOICES = (
    Voice("train", "m1", "en-us", 45, 165, 90),
    Voice("train", "m2", "en", 35, 150, 70),
    Voice("train", "m4", "en-gb-scotland", 30, 180, 85),
    Voice("train", "m6", "en-gb-x-rp", 55, 140, 60),
    Voice("train", "m8", "en-us-nyc", 25, 170, 100),
    Voice("train", "f1", "en", 60, 160, 80),
    Voice("train", "f3", "en-us", 70, 190, 70),
    Voice("train", "f5", "en-gb-x-gbcwmd", 50, 145, 90),
    Voice("train", "Alicia", "en-gb-x-rp", 45, 175, 60),
    Voice("train", "belinda", "en-029", 55, 165, 90),
    Voice("train", "linda", "en-us", 40, 200, 75),
    Voice("train", "steph", "en-gb-scotland", 65, 155, 50),
    Voice("train", "Alex", "en-gb-x-gbclan", 50, 185, 80),
    Voice("train", "Denis", "en-us", 30, 145, 95),
    Voice("train", "ed", "en", 40, 175, 40),
    Voice("train", "edward", "en-us-nyc", 65, 160, 60),
    Voice("train", "Gene", "en-gb-x-rp", 45, 190, 45),
    Voice("train", "norbert", "en-029", 35, 155, 60),
    Voice("train", "sandro", "en-us", 55, 170, 50),
    Voice("train", "klatt2", "en", 50, 165, 80),
    Voice("train", "grandpa", "en-gb-x-gbclan", 40, 135, 80),
    Voice("train", "announcer", "en-us", 35, 150, 85),
    Voice("train", "Marco", "en-gb-x-gbcwmd", 60, 205, 40),
    Voice("train", "zac", "en-us", 75, 180, 60),
    Voice("validation", "m5", "en-us", 40, 170, 80),
    Voice("validation", "f4", "en-gb-x-rp", 55, 150, 70),
    Voice("validation", "Michael", "en-gb-scotland", 45, 185, 60),
    Voice("validation", "aunty", "en", 60, 165, 80),
    Voice("validation", "marcelo", "en-029", 50, 145, 65),
    Voice("validation", "miguel", "en-us-nyc", 35, 195, 50),
    Voice("test", "m3", "en", 50, 175, 75),
    Voice("test", "m7", "en-us", 60, 150, 65),
    Voice("test", "f2", "en-us", 55, 170, 85),
    Voice("test", "Andrea", "en", 45, 160, 60),
    Voice("test", "Annie", "en-gb-x-gbclan", 50, 190, 95),
    Voice("test", "max", "en-gb-scotland", 35, 165, 85),
    Voice("test", "pablo", "en-us-nyc", 45, 155, 55),
    Voice("test", "quincy", "en-gb-x-rp", 65, 180, 80),
    Voice("test", "victor", "en-029", 40, 140, 90),
    Voice("test", "Lee", "en-gb-x-gbcwmd", 30, 170, 75),
)


def version_of(espeak: str) -> str:
    """Ask the program for its version, which goes into every file it speaks."""
    try:
        answer = subprocess.run([espeak, "--version"], capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise SystemExit(
            f"{espeak!r} does not run ({error}); expected eSpeak NG; "
            "install the Debian package espeak-ng or name the program with --espeak"
        ) from error
    return "eSpeak NG " + answer.stdout.partition("text-to-speech:")[2].split()[0]


def speak(espeak: str, text: str, *, voice: Voice) -> Waveform:
    """Say `text` and return it at 16 kHz without the silence around it."""
    command = [espeak, "--stdout", "-v", f"{voice.accent}+{voice.variant}", "-p", str(voice.pitch)]
    command += ["-s", str(voice.words_per_minute), "-a", str(voice.amplitude), text]
    spoken = subprocess.run(command, capture_output=True, check=True)
    if not spoken.stdout or spoken.stderr:
        raise SystemExit(
            f"voice {voice.name!r} failed: {spoken.stderr.decode().strip() or 'no sound'}; "
            f"expected {voice.accent}+{voice.variant}; install espeak-ng-data with all voices"
        )
    samples, rate_hz = sf.read(io.BytesIO(spoken.stdout))
    common = math.gcd(SAMPLE_RATE_HZ, rate_hz)
    return trim(resample_poly(samples, SAMPLE_RATE_HZ // common, rate_hz // common))


def check_variant(espeak: str, voice: Voice) -> None:
    """Refuse a voice whose variant is not heard.

    The program drops the variant without a word for some names of accents (`en-gb`, though not
    for `en`, which is the same accent), and every such voice would be the same speaker.
    """
    plain = ["--stdout", "-v", voice.accent, CONCEPTS[0]]
    with_variant = ["--stdout", "-v", f"{voice.accent}+{voice.variant}", CONCEPTS[0]]
    spoken = [
        subprocess.run([espeak, *arguments], capture_output=True, check=True).stdout
        for arguments in (plain, with_variant)
    ]
    if spoken[0] == spoken[1]:
        raise SystemExit(
            f"voice {voice.name!r} sounds like plain {voice.accent!r}; expected the variant "
            f"{voice.variant!r} to be heard; name the accent in another way"
        )


def trim(samples: Waveform) -> Waveform:
    """Cut silence off both ends, leaving a short margin."""
    loud = np.flatnonzero(np.abs(samples) >= SILENCE_BELOW_PEAK * np.abs(samples).max())
    margin = round(MARGIN_S * SAMPLE_RATE_HZ)
    trimmed: Waveform = samples[max(loud[0] - margin, 0) : loud[-1] + 1 + margin]
    return trimmed


def write_flac(
    path: Path, samples: Waveform, *, comment: str, rate_hz: int = SAMPLE_RATE_HZ
) -> None:
    """Write a small FLAC file whose own comment says what it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    kind = {"format": "FLAC", "subtype": "PCM_16", "compression_level": 1.0}
    with sf.SoundFile(path, "w", samplerate=rate_hz, channels=1, **kind) as file:
        file.comment = comment
        file.write(samples)


def write_voices(path: Path, *, synthesiser: str) -> None:
    """Write the table of voices that dataset and documentation read."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["voice", *Voice._fields, "synthesiser"])
        table.writerows([voice.name, *voice, synthesiser] for voice in VOICES)


def make_speech(espeak: str, output: Path) -> int:
    """Speak everything into a folder beside `output`, then swap it in; return the bytes written."""
    synthesiser = version_of(espeak)
    partial = output.with_name(f".{output.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    for voice in VOICES:
        check_variant(espeak, voice)
        for concept in CONCEPTS:
            path = partial / voice.split / voice.name / f"{concept}.flac"
            comment = f"synthetic speech, {synthesiser}, voice {voice.accent}+{voice.variant}"
            write_flac(path, speak(espeak, concept, voice=voice), comment=comment)
    write_voices(partial / "voices.csv", synthesiser=synthesiser)
    if output.exists():
        shutil.rmtree(output)
    partial.rename(output)
    return sum(path.stat().st_size for path in output.rglob("*.flac"))


def main() -> None:
    """Read the command line and speak."""
    parser = argparse.ArgumentParser(description="Speak the concepts with synthetic voices.")
    parser.add_argument("--espeak", default="espeak-ng", help="the program, by name or path")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT)
    parser.add_argument("--overwrite", action="store_true", help="replace an existing output")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    if arguments.output.exists() and not arguments.overwrite:
        raise SystemExit(f"{arguments.output} exists; expected a new folder; give --overwrite")
    size = make_speech(arguments.espeak, arguments.output)
    count = len(VOICES) * len(CONCEPTS)
    logger.info("wrote %d recordings, %.1f MB, to %s", count, size / 1e6, arguments.output)


if __name__ == "__main__":
    main()
