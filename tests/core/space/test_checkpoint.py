"""A space is saved, loaded, attached to and replaced, whole or not at all."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from spaner_core.errors import OutputExists, SpaceError
from spaner_core.files.replacing import replaced_at_end
from spaner_core.space.destination import check_attachable
from spaner_core.space.receipts import verify
from spaner_core.space.saving import save_space

from tests.core import stored
from tests.core.stored import open_and_use


def embed_directly(saved: stored.Saved, name: str, *, strength: float = 0.4) -> bytes:
    given = stored.rows(name)
    with torch.no_grad():
        alignment = saved.aligners[name](
            given.values,
            given.mask,
            saved.prompt.anchors,
            beta=saved.prompt.beta,
            strength=strength,
        )
    found: bytes = alignment.embedding.numpy().tobytes()
    return found


class Stubborn(torch.nn.Module):
    """An aligner that cannot be saved."""

    def state_dict(self, *_: Any, **__: Any) -> Any:
        raise RuntimeError("no state today")


def test_what_is_loaded_embeds_byte_for_byte_as_what_was_saved(tmp_path: Path) -> None:
    saved = stored.save(tmp_path / "space")
    space = stored.load(tmp_path / "space")
    assert space.modalities == ("first", "second")
    for name in space.modalities:
        found = space.embed(name, stored.rows(name))
        assert found.tobytes() == embed_directly(saved, name)
        pulled = space.embed(name, stored.rows(name), strength=0.9)
        assert pulled.tobytes() == embed_directly(saved, name, strength=0.9)
    for key, value in saved.prompt.state_dict().items():
        assert torch.equal(space.prompt.state_dict()[key], value)
    assert not any(p.requires_grad for p in space.prompt.parameters())
    assert not any(p.requires_grad for p in space.aligner("first").parameters())
    assert not space.aligner("first").training


def test_equal_spaces_are_equal_files(tmp_path: Path) -> None:
    stored.save(tmp_path / "a")
    stored.save(tmp_path / "b")
    assert stored.contents(tmp_path / "a") == stored.contents(tmp_path / "b")


def test_records_come_back_as_they_were(tmp_path: Path) -> None:
    stored.save(tmp_path)
    space = stored.load(tmp_path)
    expected = stored.aligner_record("first", prompt_fingerprint=space.fingerprint)
    assert space.records["first"] == expected
    assert space.record == stored.prompt_record()


def test_every_part_has_a_card_that_says_what_it_is(tmp_path: Path) -> None:
    stored.save(tmp_path)
    fingerprint = stored.load(tmp_path).fingerprint
    card = (tmp_path / "prompt/README.md").read_text(encoding="utf-8")
    assert all(f"- {concept}\n" in card for concept in stored.CONCEPTS)
    assert fingerprint in card
    assert "`first`" in card
    card = (tmp_path / "aligners/second/README.md").read_text(encoding="utf-8")
    for said in ("second", "spaner-toy", "1.2.3", fingerprint[:12], "drei, one", "4 tokens of 7"):
        assert said in card
    assert "two words" not in card  # it has no rows of that concept


def test_attaching_adds_one_folder_and_changes_no_byte(tmp_path: Path) -> None:
    saved = stored.save(tmp_path)
    before = stored.contents(tmp_path)
    receipt = stored.attach(tmp_path)
    after = stored.contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert {name.rsplit("/", 1)[0] for name in after.keys() - before} == {"aligners/third"}
    assert receipt == tmp_path / "aligners/third/receipt.json"
    space = stored.load(tmp_path)
    assert space.modalities == ("first", "second", "third")
    found = space.embed("first", stored.rows("first"))
    assert found.tobytes() == embed_directly(saved, "first")
    assert space.embed("third", stored.rows("third")).shape == (9, stored.DIM)


def test_an_attached_modality_is_not_overwritten(tmp_path: Path) -> None:
    stored.save(tmp_path)
    stored.attach(tmp_path)
    before = stored.contents(tmp_path)
    with pytest.raises(OutputExists, match="'third' already"):
        stored.attach(tmp_path)
    with pytest.raises(OutputExists, match="'third' already"):
        check_attachable(tmp_path, "third", having=stored.load(tmp_path).modalities)
    check_attachable(tmp_path, "fourth", having=stored.load(tmp_path).modalities)
    assert stored.contents(tmp_path) == before


def test_an_existing_space_is_refused_and_overwritten_only_when_asked(tmp_path: Path) -> None:
    folder = tmp_path / "space"
    stored.save(folder)
    stored.attach(folder)
    before = stored.contents(folder)
    with pytest.raises(OutputExists, match="--overwrite"):
        stored.save(folder)
    assert stored.contents(folder) == before
    stored.save(folder, overwrite=True, seed=1)
    assert stored.load(folder).modalities == ("first", "second")
    assert verify(folder) == []
    assert [path.name for path in tmp_path.iterdir()] == ["space"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_folder_of_something_else_is_never_overwritten(tmp_path: Path, overwrite: bool) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputExists, match="is no space"):
        stored.save(folder, overwrite=overwrite)
    assert stored.contents(folder) == {"chapter.txt": b"mine"}
    with pytest.raises(OutputExists):
        stored.save(folder / "chapter.txt", overwrite=overwrite)


def test_an_empty_folder_may_become_a_space(tmp_path: Path) -> None:
    (tmp_path / "space").mkdir()
    stored.save(tmp_path / "space")
    assert verify(tmp_path / "space") == []


@pytest.mark.parametrize("existing", [False, True])
def test_a_crash_while_saving_leaves_everything_as_it_was(tmp_path: Path, existing: bool) -> None:
    folder = tmp_path / "space"
    if existing:
        stored.save(folder)
    before = stored.contents(tmp_path)
    broken: dict[str, Any] = {
        "first": (stored.fitted("first"), stored.aligner_record("first")),
        "second": (Stubborn(), stored.aligner_record("second")),
    }
    with pytest.raises(RuntimeError, match="no state today"):
        save_space(folder, stored.prompt(1), stored.prompt_record(), broken, overwrite=existing)
    assert stored.contents(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == (["space"] if existing else [])


def test_a_crash_while_attaching_leaves_everything_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "space"
    stored.save(folder)
    before = stored.contents(tmp_path)
    with pytest.raises(RuntimeError, match="no state today"):
        stored.attach(folder, Stubborn())  # type: ignore[arg-type]
    assert stored.contents(tmp_path) == before
    assert not (folder / "aligners/third").exists()
    assert verify(folder) == []


def test_a_failed_last_step_keeps_the_space_that_was_to_be_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "space"
    stored.save(folder)
    before = stored.contents(folder)
    # nothing was written into the temporary folder, so it cannot be renamed into place
    with pytest.raises(FileNotFoundError), replaced_at_end(folder):
        pass
    assert stored.contents(folder) == before


def test_what_is_no_space_is_not_opened(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(SpaceError, match="is no space"):
            stored.load(folder)


def test_a_space_behind_a_link_is_replaced_where_it_lies(tmp_path: Path) -> None:
    stored.save(tmp_path / "real")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    stored.save(link, seed=1, overwrite=True)
    assert link.is_symlink()
    assert stored.load(tmp_path / "real").modalities
    assert {path.name for path in tmp_path.iterdir()} == {"real", "link"}


@pytest.mark.parametrize("place", ["circle", "circle/below"])
def test_a_circle_of_links_is_no_place_for_a_space(tmp_path: Path, place: str) -> None:
    (tmp_path / "circle").symlink_to("circle")
    with pytest.raises(OSError, match="circle"):
        stored.save(tmp_path / place)
    with pytest.raises(SpaceError, match="is no space"):
        stored.load(tmp_path / place)


def test_every_file_of_a_space_is_readable_for_whom_the_umask_allows(tmp_path: Path) -> None:
    stored.save(tmp_path / "space")
    (tmp_path / "plain").touch()
    usual = (tmp_path / "plain").stat().st_mode & 0o777
    files = [path for path in (tmp_path / "space").rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {usual}


def test_what_an_interrupted_replacement_set_aside_is_put_back(tmp_path: Path) -> None:
    stored.save(tmp_path / "space")
    before = stored.contents(tmp_path / "space")
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    (tmp_path / "space").rename(tmp_path / f".space.replaced-{ended.pid}")
    open_and_use(tmp_path / "space")
    assert stored.contents(tmp_path / "space") == before
    assert [path.name for path in tmp_path.iterdir()] == ["space"]
