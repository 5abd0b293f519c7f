"""Which file, or which text, a row's input means."""

from __future__ import annotations

from pathlib import Path

from spaner_core.data.manifest import source_of


def test_a_file_input_is_relative_to_the_manifest(tmp_path: Path) -> None:
    found = source_of("pictures/a.png", tmp_path, inline=False, suffixes=(".png",))
    assert found == tmp_path / "pictures" / "a.png"
    absolute = str(tmp_path / "b.bin")
    assert source_of(absolute, Path("elsewhere"), inline=False, suffixes=()) == tmp_path / "b.bin"


def test_an_inline_input_is_a_file_where_one_exists_or_its_spelling_says_so(tmp_path: Path) -> None:
    for name in ("note.TXT", "note.md"):
        (tmp_path / name).write_text("a cat")
    (tmp_path / "folder.txt").mkdir()

    def found(given: str) -> Path | str:
        return source_of(given, tmp_path, inline=True, suffixes=(".txt",))

    for path in ("note.TXT", "gone.txt", "folder.txt", "my notes/gone.txt"):
        assert found(path) == tmp_path / path  # a missing file is no text that is its name
    plain = ("note.md", "see note.txt", "see nul\0.txt", "long " * 999 + ".txt")
    for text in plain:
        assert found(text) == text
