"""Sources that cannot be used, encoders that change, features that do not fit: what is kept."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from spaner_core.errors import DataError, PluginError
from spaner_core.features.stream import FeatureStream
from spaner_core.features.stream_records import BATCH_ROWS, PLAN

from tests.core.features.extracting import MANY, SOURCES, Recording, contents, stored
from tests.core.features.stored_samples import identity
from tests.toy_modality import ToyOptions, ToyTransform, Window


class Meddling(ToyTransform):
    """Does something to the file that it has just read, once."""

    def __init__(self, meddle: Any) -> None:
        super().__init__(ToyOptions())
        self.meddle = meddle

    def decode(self, source: Path | str) -> list[Window]:
        sample = super().decode(source)
        if isinstance(source, Path) and self.meddle is not None:
            self.meddle(source)
            self.meddle = None
        return sample


@pytest.mark.parametrize(
    "meddle",
    [
        lambda path: path.write_text("7 7 7 ", encoding="utf-8"),
        lambda path: os.utime(path, ns=(0, 0)),
        lambda path: path.unlink(),
        lambda path: path.rename(path.with_name("elsewhere.toy")),
    ],
    ids=["written", "touched", "removed", "moved"],
)
def test_a_file_changed_while_it_is_read_is_put_aside_and_its_features_are_not_kept(
    tmp_path: Path, meddle: Any
) -> None:
    path = tmp_path / "a.toy"
    path.write_text("1 2 3", encoding="utf-8")
    transform = Meddling(meddle)
    found = stored(tmp_path / "s", [path, "4 5 6"], transform=transform, max_unusable=1)
    assert "changed while it was read" in found.unusable[0]
    assert found.usable.tolist() == [1]
    path.write_text("1 2 3", encoding="utf-8")
    found = stored(tmp_path / "s", [path, "4 5 6"])
    assert found.extracted == 1
    assert found.rows.load().values.tolist() == [[[1, 2, 3]], [[4, 5, 6]]]


def test_unusable_sources_are_put_aside_with_their_reasons_and_the_rest_is_stored(
    tmp_path: Path,
) -> None:
    sources: list[Path | str] = ["1 2 3", "one", tmp_path / "gone.toy", "4 5 6", "one", "1 2"]
    found = stored(tmp_path / "s", sources, max_unusable=3)
    assert found.usable.tolist() == [0, 3]
    assert sorted(found.unusable) == [1, 2, 4, 5]
    assert "no such file" in found.unusable[2]
    assert found.extracted == len(found.rows) == 2
    assert PLAN not in contents(tmp_path / "s")
    again = stored(tmp_path / "s", sources, max_unusable=3)
    assert (again.extracted, again.unusable) == (0, found.unusable)


def test_two_files_of_the_same_bad_content_count_as_two(tmp_path: Path) -> None:
    for name in ("a.toy", "b.toy"):
        (tmp_path / name).write_text("bad", encoding="utf-8")
    sources = [tmp_path / "a.toy", tmp_path / "b.toy", "1 2 3"]
    with pytest.raises(DataError, match="2 of 3 inputs"):
        stored(tmp_path / "s", sources, max_unusable=1)
    assert sorted(stored(tmp_path / "s", sources, max_unusable=2).unusable) == [0, 1]


def test_beyond_what_is_allowed_all_problems_are_told_and_mending_extracts_what_is_missing(
    tmp_path: Path,
) -> None:
    paths = [tmp_path / f"{number}.toy" for number in range(2 * BATCH_ROWS)]
    for number, path in enumerate(paths):
        path.write_text(f"{number:04d} 0 0", encoding="utf-8")
    bad = paths[5::200]
    for path in bad:
        path.write_text(f"all of {path.name} is bad", encoding="utf-8")
    first = Recording()
    with pytest.raises(DataError, match=rf"^{len(bad)} of 512 inputs .* allows 1"):
        stored(tmp_path / "s", paths, encoder=first, max_unusable=1)
    assert 0 < len(first.given) < BATCH_ROWS
    for number, path in enumerate(bad):
        path.write_text(f"{number} 1 1", encoding="utf-8")
    second = Recording()
    found = stored(tmp_path / "s", paths, encoder=second)
    assert len(first.given) + len(second.given) == len(paths)
    assert found.extracted == len(second.given)
    assert not any(window in second.given for window in first.given)


def test_an_encoder_that_changes_itself_leaves_nothing_but_what_was_there(tmp_path: Path) -> None:
    stored(tmp_path, SOURCES[:2])
    before = contents(tmp_path)
    with pytest.raises(PluginError, match="changed its own weights"):
        stored(tmp_path, MANY, encoder=Recording(drifts=True))
    after = {name: what for name, what in contents(tmp_path).items() if name != PLAN}
    assert after == before
    assert stored(tmp_path, MANY).extracted == len(MANY)


def test_features_too_large_for_16_bits_stop_the_work_and_32_bits_take_them(
    tmp_path: Path,
) -> None:
    sources = [*MANY, "70000 0 0"]
    with pytest.raises(DataError, match=r"set features\.dtype to float32"):
        stored(tmp_path, sources)
    stream = FeatureStream(tmp_path / "wide", identity(dtype="float32"))
    found = stored(tmp_path, sources, stream=stream)
    assert float(found.rows.load().values.max()) == 70000
