"""Which rows a training step sees: decided by seed and step, not by where features are kept."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from spaner_core.contract.modality import RowBatch
from spaner_core.features.encoding import EncodedSample
from spaner_core.features.labelled import LabelledBatches, LabelledRows, join_labelled
from spaner_core.features.rows import FeatureRows, stack_rows
from spaner_core.features.stream import FeatureStream
from spaner_core.recipe import TrainingRecipe
from spaner_core.training.batches import StepBatches

from tests.core.features.stored_samples import filled, identity, samples
from tests.core.training.synthetic import WIDTHS, build

COUNT = 60
WIDTH = WIDTHS["first"]


def labelled(features: Any) -> LabelledRows:
    return LabelledRows(
        features=features,
        concepts=torch.arange(len(features)) % 3,
        items=torch.full((len(features),), -1),
    )


def given_samples() -> list[dict[str, EncodedSample]]:
    lengths = [1 + number % 4 for number in range(20)]
    return [samples(*lengths, dim=WIDTH, seed=seed) for seed in range(3)]


def stored(folder: Path) -> LabelledRows:
    batches = given_samples()
    keys = [key for batch in batches for key in batch]
    of = identity(dim=WIDTH, dtype="float32")
    stream = FeatureStream(folder, of)
    return labelled((stream if stream.files else filled(folder, *batches, of=of)).rows(keys))


def in_memory() -> LabelledRows:
    rows = [
        FeatureRows(values=sample.values.unsqueeze(0), mask=sample.mask.unsqueeze(0))
        for batch in given_samples()
        for sample in batch.values()
    ]
    return labelled(stack_rows(rows))


def steps(rows: LabelledRows, *, seed: int = 0, count: int = 30, **more: Any) -> list[Any]:
    recipe = TrainingRecipe(
        max_steps=count, warmup_steps=1, per_device_train_batch_size=8, seed=seed
    )
    batches = StepBatches({"first": rows}, more.get("names", {}), recipe)
    return [batches[step]["first"] for step in range(len(batches))]


def drawn(parts: list[Any]) -> list[list[float]]:
    """Tell rows apart by their first number."""
    return [part["features"][:, 0, 0].tolist() for part in parts]


def test_the_same_rows_are_drawn_from_memory_and_from_the_store(tmp_path: Path) -> None:
    for kept, loaded in zip(steps(in_memory()), steps(stored(tmp_path)), strict=True):
        longest = loaded["features"].shape[1]
        assert torch.equal(kept["features"][:, :longest], loaded["features"])
        assert torch.equal(kept["mask"][:, :longest], loaded["mask"])
        assert not kept["mask"][:, longest:].any()
        assert torch.equal(kept["concepts"], loaded["concepts"])


def test_a_seed_draws_the_same_rows_again_and_another_seed_others(tmp_path: Path) -> None:
    rows = stored(tmp_path)
    first, again, other = (drawn(steps(rows, seed=seed)) for seed in (3, 3, 4))
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True))


def test_steps_may_be_drawn_in_any_order(tmp_path: Path) -> None:
    recipe = TrainingRecipe(max_steps=9, warmup_steps=1, per_device_train_batch_size=8)
    batches = StepBatches({"first": stored(tmp_path)}, {}, recipe)
    backwards = [batches[step]["first"] for step in reversed(range(9))]
    assert drawn(list(reversed(backwards))) == drawn(steps(stored(tmp_path), count=9))


def test_every_row_is_drawn_about_as_often_and_never_twice_in_a_step(tmp_path: Path) -> None:
    counts = Counter()
    whole = steps(stored(tmp_path), count=300)
    for values in drawn(whole):
        assert len(set(values)) == 8
        counts.update(values)
    assert len(counts) == COUNT
    assert min(counts.values()) > 300 * 8 / COUNT / 2
    assert max(counts.values()) < 300 * 8 / COUNT * 2


def test_steps_mix_rows_of_all_files(tmp_path: Path) -> None:
    files = {
        float(sample.values[0, 0]): number
        for number, batch in enumerate(given_samples())
        for sample in batch.values()
    }
    mixed = [len({files[value] for value in values}) for values in drawn(steps(stored(tmp_path)))]
    assert sum(mixed) / len(mixed) > 2.5


def test_rows_without_concept_and_item_are_never_drawn(tmp_path: Path) -> None:
    rows = stored(tmp_path)
    rows.concepts[::2] = -1
    rows.items[0] = 7
    concepts = torch.cat([part["concepts"] for part in steps(rows, count=100)])
    items = torch.cat([part["items"] for part in steps(rows, count=100)])
    assert ((concepts >= 0) | (items >= 0)).all()
    assert (items == 7).any()


def test_names_of_concepts_join_every_batch_behind_the_rows(tmp_path: Path) -> None:
    names = labelled(FeatureRows(values=torch.ones(2, 1, WIDTH), mask=torch.ones(2, 1).bool()))
    for part in steps(stored(tmp_path), names={"first": names}):
        assert torch.equal(part["features"][-2:, 0], torch.ones(2, WIDTH))
        assert sorted(part["concepts"][-2:].tolist()) == [0, 1]
        assert len(part["features"]) == 10


@pytest.mark.parametrize("size", [1000])
def test_a_batch_larger_than_the_data_is_all_of_it(tmp_path: Path, size: int) -> None:
    recipe = TrainingRecipe(max_steps=1, warmup_steps=0, per_device_train_batch_size=size)
    part = StepBatches({"first": stored(tmp_path)}, {}, recipe)[0]["first"]
    assert len(part["features"]) == COUNT


def statistics(batches: Any) -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    aligner = build("first")
    aligner.fit_statistics(batches, concept_count=3)
    state = aligner.state_dict()
    return {name: state[name] for name in state if "weight" not in name and "bias" not in name}


@settings(deadline=None, max_examples=30)
@given(cuts=st.lists(st.integers(1, COUNT - 1), max_size=12, unique=True).map(sorted))
def test_statistics_do_not_depend_on_how_rows_are_cut_into_batches(cuts: list[int]) -> None:
    rows = in_memory()
    edges = zip([0, *cuts], [*cuts, COUNT], strict=True)
    parts = [rows.take(torch.arange(start, stop)) for start, stop in edges]
    cut = [RowBatch(p.features.load().values, p.features.load().mask, p.concepts) for p in parts]
    whole = [RowBatch(rows.features.load().values, rows.features.load().mask, rows.concepts)]
    expected, found = statistics(whole), statistics(cut)
    assert {"centre", "scale", "concept_means.means"} <= expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-5, atol=1e-6, msg=name)


def test_statistics_from_the_store_are_those_from_memory(tmp_path: Path) -> None:
    expected = statistics(LabelledBatches(in_memory()))
    joined = join_labelled([stored(tmp_path).take(torch.arange(k, k + 20)) for k in (0, 20, 40)])
    for name, value in statistics(LabelledBatches(joined)).items():
        torch.testing.assert_close(value, expected[name], rtol=1e-5, atol=1e-6, msg=name)
