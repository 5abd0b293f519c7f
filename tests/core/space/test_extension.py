"""Concepts appended to a stored prompt: a chain of blocks that changes nothing before it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from spaner_core.errors import ConfigError, OutputExists, SpaceError
from spaner_core.space.prompts import save_extension
from spaner_core.space.receipts import RECEIPT, verify
from spaner_core.space.records import BlockRecord
from spaner_core.space.saving import save_attached

from tests.core import stored


def embeddings(folder: Path) -> bytes:
    space = stored.load(folder)
    return b"".join(
        space.embed(name, stored.rows(name), strength=strength).tobytes()
        for name in ("first", "second")
        for strength in (0.0, 0.4, 1.0)
    )


def test_an_extension_adds_one_folder_and_old_embeddings_keep_every_byte(tmp_path: Path) -> None:
    stored.save(tmp_path)
    before, vectors = stored.contents(tmp_path), embeddings(tmp_path)
    receipt = stored.extend(tmp_path, "vier", "fünf")
    after = stored.contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert {name.rsplit("/", 1)[0] for name in after.keys() - before} == {"prompt/block-0002"}
    assert receipt == tmp_path / "prompt/block-0002" / RECEIPT
    assert embeddings(tmp_path) == vectors
    assert verify(tmp_path) == []


def test_an_old_aligner_reads_the_anchors_it_was_trained_with_and_no_more(tmp_path: Path) -> None:
    stored.save(tmp_path)
    stored.extend(tmp_path, "vier")
    space = stored.load(tmp_path)
    for part in space.align("first", stored.rows("first")):
        assert part.weights.shape == (9, 3)
    assert space.prompt.anchors.shape == (4, stored.DIM)
    assert space.concepts == (*stored.CONCEPTS, "vier")
    assert space.label_texts["vier"] == ("vier", "a vier")
    assert space.label_texts["drei"] == ("three", "drei")


def test_a_later_anchor_is_made_as_the_first_ones_were(tmp_path: Path) -> None:
    made = stored.save(tmp_path).prompt
    again = made.later_anchors(made.label_embeddings)
    torch.testing.assert_close(again, made.anchors)
    read = stored.load(tmp_path).prompt
    assert {k: v.tolist() for k, v in read.label_reader.items()} == {
        "idf": [0, 1, 2, 3, 4, 5],
        "deep.scale": 2,
    }


def test_a_name_that_says_nothing_gives_no_anchor(tmp_path: Path) -> None:
    made = stored.save(tmp_path).prompt
    with pytest.raises(ConfigError, match="give it other texts"):
        made.later_anchors(made.label_mean.unsqueeze(0))


def test_blocks_form_a_chain_in_which_aligners_have_their_places(tmp_path: Path) -> None:
    stored.save(tmp_path)
    fingerprints = [stored.load(tmp_path).fingerprint]
    stored.extend(tmp_path, "vier")
    stored.extend(tmp_path, "fünf", "sechs")
    space = stored.load(tmp_path)
    fingerprints += [block.fingerprint for block in space.blocks[1:]]
    assert len(set(fingerprints)) == 3
    assert space.fingerprint == fingerprints[-1]
    assert space.records["first"].prompt_fingerprint == fingerprints[0]
    stored.attach(tmp_path, stored.fitted("third", concept_count=6))
    space = stored.load(tmp_path)
    assert space.records["third"].prompt_fingerprint == fingerprints[-1]
    assert space.embed("third", stored.rows("third")).shape == (9, stored.DIM)
    assert verify(tmp_path) == []


def test_what_was_trained_before_an_extension_may_be_attached_after_it(tmp_path: Path) -> None:
    stored.save(tmp_path)
    record = stored.aligner_record("third", prompt_fingerprint=stored.load(tmp_path).fingerprint)
    stored.extend(tmp_path, "vier")
    save_attached(tmp_path, stored.fitted("third"), record)
    assert stored.load(tmp_path).embed("third", stored.rows("third")).shape == (9, stored.DIM)


def test_two_prompts_of_equal_content_after_different_ones_are_different(tmp_path: Path) -> None:
    for name, first in (("a", "vier"), ("b", "neun")):
        stored.save(tmp_path / name)
        stored.extend(tmp_path / name, first)
        stored.extend(tmp_path / name, "zehn")
    ends = [stored.load(tmp_path / name).fingerprint for name in "ab"]
    assert ends[0] != ends[1]


def test_a_prompt_that_has_changed_meanwhile_is_not_extended(tmp_path: Path) -> None:
    stored.save(tmp_path)
    record = BlockRecord(
        concepts=("vier",),
        label_texts={"vier": ("vier",)},
        anchors="labels",
        previous=stored.load(tmp_path).fingerprint,
    )
    stored.extend(tmp_path, "fünf")
    before = stored.contents(tmp_path)
    with pytest.raises(SpaceError, match="has changed since it was read"):
        save_extension(
            tmp_path, record, anchors=torch.eye(1, stored.DIM), label_embeddings=torch.zeros(0, 0)
        )
    assert stored.contents(tmp_path) == before


def test_a_block_that_another_process_wrote_meanwhile_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "space"
    stored.save(folder)
    shutil.copytree(folder, tmp_path / "other")
    stored.extend(tmp_path / "other", "fünf")
    write_card = "spaner_core.space.prompts.write_card"

    def overtaken(*_: object) -> None:
        shutil.copytree(tmp_path / "other/prompt/block-0002", folder / "prompt/block-0002")

    monkeypatch.setattr(write_card, overtaken)
    with pytest.raises(OutputExists, match="by another process meanwhile"):
        stored.extend(folder, "vier")
    assert stored.contents(folder) == stored.contents(tmp_path / "other")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "space"]


def remove_second(space: Path) -> None:
    shutil.rmtree(space / "prompt/block-0002")


def swap(space: Path) -> None:
    first, second = space / "prompt/block-0002", space / "prompt/block-0003"
    first.rename(space / "aside")
    second.rename(first)
    (space / "aside").rename(second)


def change_weights(space: Path) -> None:
    path = space / "prompt/block-0002/model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "anchors": -tensors["anchors"]}, path)


def cut_weights(space: Path) -> None:
    path = space / "prompt/block-0003/model.safetensors"
    tensors = load_file(path)
    save_file({**tensors, "anchors": tensors["anchors"][:0]}, path)


def change_concept(space: Path) -> None:
    path = space / "prompt/block-0002/config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**config, "concepts": ["acht"]}), encoding="utf-8")


def rename_anchors(space: Path) -> None:
    path = space / "prompt/block-0003/model.safetensors"
    save_file({"other": torch.zeros(1)}, path)


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (remove_second, "block-0002 is missing, but there is block-0003"),
        (swap, "block-0002 does not continue the prompt before it"),
        (change_weights, "block-0003 does not continue the prompt before it"),
        (change_concept, "block-0002/config.json was changed"),
        (rename_anchors, "block-0003/model.safetensors does not fit .*: anchors is missing"),
        (cut_weights, r"block-0003/model.safetensors does not fit .*: anchors is F32 \(0, 8\)"),
    ],
)
def test_a_damaged_chain_is_refused_and_found(
    tmp_path: Path, damage: Callable[[Path], None], says: str
) -> None:
    stored.save(tmp_path)
    stored.extend(tmp_path, "vier")
    stored.extend(tmp_path, "fünf")
    damage(tmp_path)
    with pytest.raises(SpaceError, match=says):
        stored.load(tmp_path)
    assert any("prompt/block-000" in problem for problem in verify(tmp_path))
