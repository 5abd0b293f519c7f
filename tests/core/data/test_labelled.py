from __future__ import annotations

from pathlib import Path

import torch
from spaner_core.data.manifest import read_manifest
from spaner_core.data.matches import number_rows, numbers_of
from spaner_core.features.labelled import LabelledRows
from spaner_core.features.rows import FeatureRows


def test_values_become_places_and_unknown_or_absent_ones_minus_one() -> None:
    numbers = numbers_of(["b", None, "zzz", "a", "b", ""], ("a", "b"))
    assert numbers.tolist() == [1, -1, -1, 0, 1, -1]
    assert numbers.dtype == torch.int64
    assert numbers_of([], ("a",)).shape == (0,)
    assert numbers_of([], ("a",)).dtype == torch.int64


def test_taking_rows_keeps_features_and_labels_together() -> None:
    mask = torch.tensor([[1, 1], [1, 0], [1, 1]]).bool()
    rows = LabelledRows(
        features=FeatureRows(values=torch.arange(12.0).reshape(3, 2, 2), mask=mask),
        concepts=torch.tensor([5, 6, 7]),
        items=torch.tensor([1, -1, 3]),
    )
    taken = rows.take(torch.tensor([2, 0, 2]))
    assert len(taken) == 3
    assert taken.concepts.tolist() == [7, 5, 7]
    assert taken.items.tolist() == [3, 1, 3]
    assert torch.equal(taken.features.values, rows.features.values[[2, 0, 2]])
    assert torch.equal(taken.features.mask, mask[[2, 0, 2]])
    assert len(rows.take(torch.zeros(0, dtype=torch.int64))) == 0


def test_rows_of_several_modalities_get_the_same_numbers(tmp_path: Path) -> None:
    """A sample's rows share a number; an unknown concept and an absent label are -1."""
    path = tmp_path / "data.csv"
    path.write_text(
        "id,modality,input,concept,item\n"
        "z,a,one,pear,\nz,a,one,fig,\ny,a,two,,left\nx,b,three,fig,left\nw,b,four,,right\n"
    )
    manifest = read_manifest(path)
    assert (manifest.concepts, manifest.items) == (("fig", "pear"), ("left", "right"))
    first = number_rows(manifest.select("a"), manifest)
    second = number_rows(manifest.select("b"), manifest)
    assert first.concepts.tolist() == [1, 0, -1]
    assert second.concepts.tolist() == [0, -1]
    assert (first.items.tolist(), second.items.tolist()) == ([-1, -1, 0], [0, 1])
    assert first.samples is not None
    assert first.samples.tolist() == [1, 1, 0]
    known = number_rows(manifest.select("a"), manifest, concepts=["fig", "kiwi"])
    assert known.concepts.tolist() == [-1, 0, -1]
    assert first.first_rows().tolist() == [2, 0]
