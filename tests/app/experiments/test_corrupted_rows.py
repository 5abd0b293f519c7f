"""Rows are corrupted one by one, each with a seed of its own, and embedded."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from spaner.evaluation.embedded_rows import embed_split
from spaner.experiments.robustness.embed_corrupted import CorruptedTransform, embed_corrupted
from spaner.project import Project
from spaner.splits import split_rows
from spaner_core.contract.plugin_code import GuardedCorruption, PluginCode
from spaner_core.data.columns import TEXT
from spaner_core.data.manifest import Rows
from spaner_core.errors import PluginError, UnusableInput
from spaner_core.space.records import Same
from spaner_registry.config.settings import read_config

STRENGTHS: dict[Same, float] = {"kind": 0.5, "thing": 0.0}

corrupt = partial(embed_corrupted, strengths=STRENGTHS)


def open_small(folder: Path) -> Project:
    return Project(read_config(folder / "plugins.yaml"), device="cpu")


@dataclass
class Watched:
    """Leaves samples as they are and notes what it was asked; refuses some, or fails."""

    name: str = "watched"
    refuse: tuple[int, ...] = ()
    fail: bool = False
    asked: list[tuple[int, int]] = field(default_factory=list)

    def apply(self, sample: Any, *, severity: int, seed: int) -> Any:
        self.asked.append((severity, seed))
        if self.fail:
            raise ZeroDivisionError("division by zero")
        if len(self.asked) - 1 in self.refuse:
            raise UnusableInput("it cannot be corrupted")
        return sample


@pytest.fixture(scope="module")
def opened(attached_project: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("robust") / "project"
    return open_small(Path(shutil.copytree(attached_project, folder)))


@pytest.mark.parametrize("name", ["text", "vision", "audio", "sensor"])
def test_what_a_corruption_leaves_alone_is_embedded_as_clean_rows_are(
    opened: Project, name: str
) -> None:
    clean = embed_split(opened, "test")[name]
    places, found = corrupt(
        opened, name, clean.rows, corruption=Watched(), severity=1, strengths=clean.strengths
    )
    assert places.tolist() == list(range(len(clean.rows)))
    assert torch.allclose(found.of_kinds, clean.embeddings, atol=1e-4)
    assert torch.allclose(found.of_things, clean.of_things, atol=1e-4)


def test_each_row_has_a_seed_of_its_own_the_same_for_every_severity(opened: Project) -> None:
    rows = split_rows(opened.manifest, "audio", "test")
    noise = Watched()
    for severity in (1, 5):
        corrupt(opened, "audio", rows, corruption=noise, severity=severity)
    slight, severe = noise.asked[: len(rows)], noise.asked[len(rows) :]
    assert [severity for severity, _ in noise.asked] == [1] * len(rows) + [5] * len(rows)
    assert [seed for _, seed in slight] == [seed for _, seed in severe]
    assert len({seed for _, seed in slight}) == len(rows)


def test_a_rows_seed_follows_its_id_not_its_place(opened: Project) -> None:
    rows = split_rows(opened.manifest, "audio", "test")
    whole, last = Watched(), Watched()
    corrupt(opened, "audio", rows, corruption=whole, severity=1)
    corrupt(opened, "audio", rows[-1:], corruption=last, severity=1)
    renamed = Watched()
    cells = {**rows[-1:].cells, "id": pa.array(["another"], TEXT)}
    other = Rows(cells, rows[-1:].lines)
    corrupt(opened, "audio", other, corruption=renamed, severity=1)
    assert last.asked == whole.asked[-1:] != renamed.asked


def test_rows_that_cannot_be_corrupted_are_left_out(opened: Project) -> None:
    clean = embed_split(opened, "test")["vision"]
    picky = Watched(refuse=(0, 2))
    places, found = corrupt(opened, "vision", clean.rows, corruption=picky, severity=3)
    assert places.tolist() == [1, *range(3, len(clean.rows))]
    assert torch.allclose(found.of_kinds, clean.embeddings[places], atol=1e-4)


def test_a_corruption_that_fails_is_named(opened: Project) -> None:
    rows = split_rows(opened.manifest, "audio", "test")
    failing = GuardedCorruption(Watched(fail=True), PluginCode("audio", "acme-audio", "1.0"))
    with pytest.raises(PluginError, match=r"severity 2.*\.flac: .*acme-audio.*ZeroDivisionError"):
        corrupt(opened, "audio", rows, corruption=failing, severity=2)


def test_a_corrupted_transform_is_never_taken_for_another(opened: Project) -> None:
    transform = opened.assembly.modality("vision").transform

    def fingerprint(name: str = "a", *, severity: int = 1, seed: int = 0) -> str:
        corrupted = CorruptedTransform(
            transform, Watched(name), severity=severity, seeds={"x": seed}
        )
        return corrupted.fingerprint

    others = [fingerprint("b"), fingerprint(severity=2), fingerprint(seed=1), transform.fingerprint]
    assert fingerprint() == fingerprint()
    assert len({fingerprint(), *others}) == 5
