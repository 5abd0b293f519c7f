"""Strangers: how many inputs of another world are called unfamiliar, and how many test rows.

    .venv/bin/python benchmarks/strangers.py --emoji emoji   # a project of scripts/make_emoji.py
    .venv/bin/python benchmarks/strangers.py --quick         # what needs no packages

The demonstration's space, calibrated as `spaner calibrate` does, at a rate of .05. Strangers are
people saying letters and syllables (Debian's klettres-data; the space knows synthetic voices saying
digits and activities), pictures of Noto Color Emoji (fonts-noto-color-emoji), words of the American
dictionary (wamerican), and sentences of licences (base-files): 200 drawn of each, packages that are
not there left out. Beside the shares stand 95% intervals over inputs (Wilson). `trusted before` is
the share whose best hit among the demonstration's rows had a probability above .5 when nothing was
called unfamiliar, `now` the share that still has one. Series are not judged: the demonstration's
eight validation rows of them are too few for a rate of .05.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from datasets import configure
from page import as_section, progress
from scipy.stats import binomtest
from spaner.commands import Project
from spaner.demo.dataset import write_dataset
from spaner.result_tables import NOTHING, Table
from spaner.search.calibration_file import calibration_path, read_calibration, read_familiar
from spaner.search.judged_query import Judgement, judge
from spaner.splits import TEST_SPLIT
from spaner_core.evaluation.ranking import SCORE_STEPS, cosine_steps
from spaner_core.features.rows import RowSource

VOICES = Path("/usr/share/klettres")
WORDS = Path("/usr/share/dict/american-english")
LICENCES = Path("/usr/share/common-licenses")
SAMPLE = Path(__file__).parents[1] / "tests" / "emoji"
DRAWN = 200
ANOTHER = {"text": "vision", "vision": "text", "audio": "vision", "sensor": "audio"}
"""Where the hits of each modality are looked for."""


def main() -> None:
    """Make the space, judge strangers and test rows, and print the table."""
    given = arguments((__doc__ or "").splitlines()[0]).parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_dataset(folder)
        project = Project(configure(folder, quick=given.quick))
        project.train()
        project.calibrate()
        lines = [_line(*judged) for judged in _all_judged(project, given)]
    heads = ("modality", "inputs", "number", "unfamiliar", "95% interval")
    table = Table("Called unfamiliar", (*heads, "trusted before", "now"), lines)
    sys.stdout.write(as_section(table))


def arguments(about: str) -> argparse.ArgumentParser:
    """Take where strangers are, and whether the run is a quick one."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--emoji", type=Path, default=SAMPLE, help="a project of make_emoji.py")
    parser.add_argument("--klettres", type=Path, default=VOICES, help="its folder of voices")
    parser.add_argument("--words", type=Path, default=WORDS, help="a list of words")
    parser.add_argument("--quick", action="store_true", help="a short training")
    return parser


Judged = tuple[str, str, Sequence[Judgement], Sequence[float]]
"""Modality, what was judged, what was said of each, and how probable its best hit is."""


def _all_judged(project: Project, given: argparse.Namespace) -> Iterator[Judged]:
    path = calibration_path(project.config.space)
    for name in (one for one in project.space.modalities if read_familiar(path, one)):
        rows = project.features(name, project.manifest.select(name, TEST_SPLIT).samples)
        yield _judge(project, name, "test rows", rows.features)
    for name, what, inputs in read_strangers(given):
        progress(f"{what}: {len(inputs)} inputs")
        drawn = random.Random(0).sample(inputs, min(DRAWN, len(inputs)))
        if drawn:
            yield _judge(project, name, what, project.space.extract(name, drawn))


def read_strangers(given: argparse.Namespace) -> Iterator[tuple[str, str, list[str | Path]]]:
    """Give inputs of other worlds: of which modality, what they are, and all of them."""
    yield "audio", "people's voices", sorted(given.klettres.rglob("*.ogg"))
    yield "vision", "emoji", sorted((given.emoji / "vision").rglob("*.png"))
    words = given.words.read_text("utf-8").split() if given.words.exists() else []
    yield "text", "words", sorted({word for word in words if word.isalpha() and word.islower()})
    yield "text", "sentences", _sentences()


def _sentences() -> list[str | Path]:
    """Cut the licences into sentences of 30 to 120 letters."""
    whole = [path.read_text("utf-8", "replace") for path in sorted(LICENCES.glob("*-[0-9]*"))]
    parts = re.split(r"(?<=[.;:])\s+", " ".join(" ".join(whole).split()))
    return sorted({part for part in parts if 30 <= len(part) <= 120 and part[0].isalpha()})


def _judge(project: Project, modality: str, what: str, rows: RowSource) -> Judged:
    path, target = calibration_path(project.config.space), ANOTHER[modality]
    familiar, pair = read_familiar(path, modality), read_calibration(path).pair(modality, target)
    assert familiar, f"the demonstration says what is familiar to {modality}"
    gallery = project.features(target, project.manifest.select(target).samples).features
    found, known = project.space.embed(modality, rows), project.space.embed(target, gallery)
    best = cosine_steps(found, known).max(axis=1) / SCORE_STEPS
    probability = pair.probability if pair else None
    sure = [probability.at(float(one)) for one in best] if probability else []
    return modality, what, judge(project, modality, rows, familiar), sure


def _line(modality: str, what: str, said: Sequence[Judgement], sure: Sequence[float]) -> list[str]:
    strange = [one.unfamiliar for one in said]
    span = binomtest(sum(strange), len(strange)).proportion_ci(method="wilson")
    before = [one > 0.5 for one in sure]
    now = [one and not other for one, other in zip(before, strange, strict=False)]
    trusted = [f"{sum(part) / len(part):.3f}" if part else NOTHING for part in (before, now)]
    share = f"{sum(strange) / len(strange):.3f}"
    return [modality, what, str(len(said)), share, f"{span.low:.3f} to {span.high:.3f}", *trusted]


if __name__ == "__main__":
    main()
