from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from spaner_core.errors import ConfigError, SpaceError
from spaner_core.features.rows import BATCH_ROWS
from spaner_core.space.encoders import check_fits
from spaner_core.space.records import Same
from spaner_core.space.saving import save_space
from spaner_core.space.space import Space

from tests.core import stored


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    folder = tmp_path_factory.mktemp("runs") / "space"
    stored.save(folder)
    return stored.load(folder)


def test_no_rows_give_no_embeddings_of_the_right_width(space: Space) -> None:
    none = stored.rows("first").take(torch.zeros(0, dtype=torch.int64))
    found = space.embed("first", none)
    assert found.shape == (0, stored.DIM)
    assert found.dtype == np.float32


def test_rows_beyond_one_batch_keep_their_order(space: Space) -> None:
    many = stored.rows("first", BATCH_ROWS + 5)
    found = space.embed("first", many)
    assert found.shape == (BATCH_ROWS + 5, stored.DIM)
    np.testing.assert_allclose(np.linalg.norm(found, axis=-1), 1, rtol=1e-5)
    for place in (0, BATCH_ROWS - 1, BATCH_ROWS, BATCH_ROWS + 4):
        alone = space.embed("first", many.take(torch.tensor([place])))
        np.testing.assert_allclose(alone[0], found[place], rtol=1e-5, atol=1e-6)


def test_strength_is_the_spaces_own_unless_given(space: Space) -> None:
    rows = stored.rows("second")
    own = space.embed("second", rows)
    assert np.array_equal(space.embed("second", rows, strength=0.4), own)
    assert not np.array_equal(space.embed("second", rows, strength=0.0), own)
    weights = torch.cat([part.weights for part in space.align("second", rows)])
    full = torch.nn.functional.normalize(weights @ space.prompt.anchors, dim=-1)
    pulled = torch.from_numpy(space.embed("second", rows, strength=1.0))
    torch.testing.assert_close(pulled, full)


def test_things_and_kinds_have_strengths_of_their_own(tmp_path: Path) -> None:
    stored.save(tmp_path)
    space, rows = stored.load(tmp_path), stored.rows("second")
    strengths: dict[Same, float] = {"thing": 0.0, "kind": 0.7}
    space.record = replace(space.record, strengths=strengths)
    for same, strength in strengths.items():
        asked = space.embed("second", rows, strength=same)
        assert np.array_equal(asked, space.embed("second", rows, strength=strength))
        assert space.vector_key("second", strength=same).strength == strength
    assert np.array_equal(space.embed("second", rows), space.embed("second", rows, strength=0.4))


def test_a_space_of_an_earlier_version_knows_kinds_at_its_own_strength(space: Space) -> None:
    assert space.record.strengths is None
    assert space.vector_key("second", strength="kind").strength == 0.4
    with pytest.raises(ConfigError, match=r"the same thing .* knows no items.* give a strength"):
        space.embed("second", stored.rows("second"), strength="thing")


def test_a_modality_attached_by_pairs_makes_a_space_of_kinds_know_things(tmp_path: Path) -> None:
    stored.save(tmp_path)
    space, rows = stored.load(tmp_path), stored.rows("second")
    space.records["second"] = replace(space.records["second"], pairs={"first": 3})
    assert np.array_equal(
        space.embed("second", rows, strength="thing"), space.embed("second", rows, strength=0.0)
    )
    assert space.vector_key("second").strength == 0.4


def test_embeddings_may_be_used_in_training_of_something_else(space: Space) -> None:
    (found,) = space.align("first", stored.rows("first"))
    for tensor in found:
        assert not tensor.is_inference()
        assert not tensor.requires_grad


def test_the_callers_threads_are_given_back(space: Space) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        space.embed("first", stored.rows("first"))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


def test_an_unknown_modality_names_those_that_are_there(space: Space) -> None:
    with pytest.raises(SpaceError, match=r"'third'.*first, second.*spaner attach third"):
        space.embed("third", stored.rows("third"))


@pytest.mark.parametrize("what", ["encoder", "transform"])
def test_another_encoder_or_preparation_is_refused(space: Space, what: str) -> None:
    record = replace(space.records["first"], **{f"{what}_fingerprint": "another"})
    said = "encoder" if what == "encoder" else "input preparation"
    with pytest.raises(SpaceError, match=f"the {said} of 'first' at hand") as caught:
        check_fits(stored.Encoders().modality("first"), record)
    assert "\n" not in str(caught.value)


def test_concepts_are_compared_composed_and_stay_on_disk_as_they_are_written(
    tmp_path: Path,
) -> None:
    apart, whole = "cafe\u0301", "caf\u00e9"
    written = replace(
        stored.prompt_record(),
        concepts=(apart, "one", "two words"),
        label_texts={apart: (apart,), "one": ("one",), "two words": ("zwei",)},
    )
    record = replace(stored.aligner_record("first"), concepts=(apart, "one"))
    folder = tmp_path / "space"
    save_space(folder, stored.prompt(), written, {"first": (stored.fitted("first"), record)})
    before = stored.contents(folder)
    space = stored.load(folder)
    assert space.concepts == (whole, "one", "two words")
    assert space.unseen("first", [whole, "two words"]) == ["two words"]
    assert space.label_texts[whole] == (apart,)  # what its anchor was made of
    assert space.embed("first", stored.rows("first")).shape == (9, stored.DIM)
    assert stored.contents(folder) == before
    assert apart in before["prompt/config.json"].decode()


def test_a_prompt_that_has_both_forms_of_a_concept_keeps_two(tmp_path: Path) -> None:
    apart, whole = "cafe\u0301", "caf\u00e9"
    written = replace(
        stored.prompt_record(),
        concepts=(apart, whole, "one"),
        label_texts={apart: (apart,), whole: ("coffee",), "one": ("one",)},
    )
    record = replace(stored.aligner_record("first"), concepts=(apart, "one"))
    save_space(
        tmp_path / "space", stored.prompt(), written, {"first": (stored.fitted("first"), record)}
    )
    space = stored.load(tmp_path / "space")
    assert space.concepts == (apart, whole, "one")
    assert space.label_texts == written.label_texts
    assert space.unseen("first", [whole, "one"]) == [whole]
