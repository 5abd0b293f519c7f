"""Hits of several modalities: one list by probability, or the best of each in turn."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spaner.search.calibration_file import CalibratedPair, Calibration
from spaner.search.hit_order import Nearest, in_order, turn_notices
from spaner_core.data.manifest import Row
from spaner_core.evaluation.calibration import HitProbability
from spaner_core.evaluation.no_match import MatchThreshold
from spaner_core.space.embeddings import VectorKey

Run = Callable[..., subprocess.CompletedProcess[str]]
FIND = ("search", "two", "--from", "text", "-k", "6")


def nearest(modality: str, *cosines: float) -> list[Nearest]:
    return [
        Nearest(Row(id=f"{modality}-{place}", modality=modality, input="x", concept=None, item=None,
                    split=None, metadata={}, line=place), cosine)
        for place, cosine in enumerate(cosines)
    ]  # fmt: skip


def calibrated(
    thresholds: dict[str, MatchThreshold] | None = None, **intercepts: float | None
) -> Calibration:
    """A calibration of text with each target: none of its hits' probability where None is given."""
    key = VectorKey(modality="any", encoder="", transform="", aligner="", prompt="", strength=0.5)
    return Calibration(
        split="validation",
        false_accept_rate=0.05,
        keys=dict.fromkeys(["text", *intercepts], key),
        pairs=tuple(
            CalibratedPair(
                source="text",
                target=target,
                queries=9,
                gallery=9,
                threshold=(thresholds or {}).get(target),
                probability=None if level is None else HitProbability(
                    slope=10, intercept=level, hits=20, relevant_share=0.5
                ),
            )
            for target, level in intercepts.items()
        ),
    )  # fmt: skip


FOUND = {"text": nearest("text", 0.9, 0.8, 0.7), "audio": nearest("audio", 0.3, 0.1)}


def ranked(calibration: Calibration | None, **more: Any) -> list[tuple[int, str]]:
    asked = {"source": "text", "k": 4, **more}
    return [(rank, hit.row.id) for rank, hit in in_order(FOUND, calibration, **asked)]


def names(listed: list[tuple[int, str]]) -> list[str]:
    assert [rank for rank, _ in listed] == list(range(1, len(listed) + 1))
    return [name for _, name in listed]


def test_hits_stand_by_probability_whatever_their_scores() -> None:
    calibration = calibrated(text=-8.5, audio=-2.0)  # 0.9 means 0.62 in text, 0.3 0.73 in audio
    assert names(ranked(calibration)) == ["audio-0", "text-0", "text-1", "audio-1"]
    assert turn_notices(calibration, source="text", targets=list(FOUND)) == ()


def test_a_match_stands_before_likelier_rows_of_a_gallery_in_which_none_is_told() -> None:
    def threshold(growth: float) -> MatchThreshold:
        return MatchThreshold(
            cosine=0.25, asked=0.05, false_accept_rate=0.05, false_reject_rate=None,
            absent=9, present=0, gallery=9, growth=growth,
        )  # fmt: skip

    calibration = calibrated(
        {"text": threshold(0.4), "audio": threshold(0.0)}, text=-2.0, audio=-2.0
    )
    small, large = {"text": 9, "audio": 9}, {"text": 9_000, "audio": 9_000}
    assert names(ranked(calibration, sizes=small))[:3] == ["text-0", "text-1", "text-2"]
    assert names(ranked(calibration, sizes=large)) == ["audio-0", "text-0", "text-1", "text-2"]


@pytest.mark.parametrize("calibration", [None, calibrated(text=1), calibrated(text=1, audio=None)])
def test_without_probabilities_the_best_of_each_come_in_turn(
    calibration: Calibration | None,
) -> None:
    assert names(ranked(calibration)) == ["text-0", "audio-0", "text-1", "audio-1"]
    assert names(ranked(calibration, k=9))[4:] == ["text-2"], "one has no more"
    (said,) = turn_notices(calibration, source="text", targets=list(FOUND))
    assert "'audio'" in said
    assert turn_notices(calibration, source="text", targets=["audio", "audio"]) == ()


def test_each_gives_k_of_every_modality_ranked_by_themselves() -> None:
    for calibration in (None, calibrated(text=-8.5, audio=-2.0)):
        listed = ranked(calibration, k=2, each=True)
        assert listed == [(1, "text-0"), (2, "text-1"), (1, "audio-0"), (2, "audio-1")]


def test_the_command_says_how_it_orders(
    tmp_path: Path, attached_project: Path, spaner: Run
) -> None:
    folder = Path(shutil.copytree(attached_project, tmp_path / "project"))

    def hits(*arguments: str) -> tuple[list[dict[str, Any]], str]:
        done = spaner(*FIND, *arguments, "--json", cwd=folder)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout), done.stderr

    found, said = hits("--to", "text,audio")
    assert [hit["modality"] for hit in found] == ["text", "audio"] * 3
    assert "take turns" in said
    listed, said = hits("--to", "text,audio", "--each")
    assert [(hit["rank"], hit["modality"]) for hit in listed] == [
        (rank, name) for name in ("text", "audio") for rank in range(1, 7)
    ]
    assert said == ""
    done = spaner("calibrate", "--false-accept", "0.2", "--quiet", cwd=folder)
    assert done.returncode == 0, done.stderr
    found, said = hits("--to", "audio,vision")
    values = [hit["probability"] for hit in found]
    assert values == sorted(values, reverse=True)
    assert said == ""
    assert set(found[0]) == {"rank", "score", "id", "modality", "input", "concept", "exact",
                             "probability", "match", "familiarity", "unfamiliar",
                             "unknown_kind"}  # fmt: skip
