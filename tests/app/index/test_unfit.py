"""An index, or an encoder, that does not fit the space is refused; other modalities serve on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import spaner as product

from tests.app.answers import only_json

Run = Callable[..., subprocess.CompletedProcess[str]]
Reports = Callable[..., dict[str, dict[str, Any]]]

ASKED = ("search", "one", "--from", "text", "--to", "vision,audio", "-k", "8", "--json", "--quiet")


def test_an_index_that_does_not_fit_is_refused_and_the_others_serve(
    indexed: Path, spaner: Run, reports: Reports
) -> None:
    (indexed / "space.index").rename(indexed / "aside")
    done = spaner("attach", "vision", "--replace", "--seed", "5", "--quiet", cwd=indexed)
    assert done.returncode == 0, done.stderr
    assert not (indexed / "space.index").exists()
    (indexed / "aside").rename(indexed / "space.index")
    both = spaner(*ASKED[:-1], cwd=indexed)
    assert {hit["modality"] for hit in only_json(both)} == {"audio"}
    assert "`spaner index vision`" in both.stderr
    alone = spaner("search", "one", "--from", "text", "--to", "vision", cwd=indexed)
    assert (alone.returncode, alone.stdout) == (2, "")
    assert "another aligner" in alone.stderr

    audio = (indexed / "space.index" / "audio.json").read_bytes()
    assert reports(indexed, "vision")["vision"]["embedded"] > 0
    assert (indexed / "space.index" / "audio.json").read_bytes() == audio
    hits = only_json(spaner(*ASKED, cwd=indexed))
    assert {hit["modality"] for hit in hits} == {"audio", "vision"}


def test_a_modality_whose_encoder_is_declared_anew_is_refused_and_the_others_serve(
    indexed: Path, spaner: Run, configure: Callable[..., None]
) -> None:
    encoder = ("modalities", "vision", "encoder")
    configure(indexed, {"model": "hog", "orientations": 9}, *encoder)  # its default, spelt out
    same = only_json(spaner(*ASKED, cwd=indexed))
    assert {hit["modality"] for hit in same} == {"audio", "vision"}
    configure(indexed, {"model": "hog", "orientations": 8}, *encoder)
    both = spaner(*ASKED[:-1], cwd=indexed)
    assert {hit["modality"] for hit in only_json(both)} == {"audio"}
    alone = spaner("search", "one", "--from", "text", "--to", "vision", cwd=indexed)
    assert (alone.returncode, alone.stdout, alone.stderr.count("\n")) == (2, "", 1)
    assert "the encoder of 'vision'" in alone.stderr
    mends = "`spaner attach vision --replace`"
    row = product.Project(indexed / "plugins.yaml").manifest.select("vision")[0].id
    like = spaner("search", "--like", row, "--to", "audio", cwd=indexed)
    assert mends in like.stderr
    assert mends in both.stderr
    assert mends in alone.stderr
    done = spaner("attach", "vision", "--replace", "--quiet", cwd=indexed)
    assert done.returncode == 0, done.stderr
    hits = only_json(spaner(*ASKED, cwd=indexed))
    assert {hit["modality"] for hit in hits} == {"audio", "vision"}
