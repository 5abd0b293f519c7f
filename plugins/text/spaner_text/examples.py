"""Writes examples for the conformance kit."""

from __future__ import annotations

from pathlib import Path

from spaner_core import Examples

PHRASES = ("a handwritten seven on paper", "SEVEN!", "número siete, 七")


def write_examples(folder: Path) -> Examples:
    """Write a phrase as a file and give others as themselves."""
    file = folder / "phrase.txt"
    file.write_text("someone is running\nà l'étage", encoding="utf-8")
    return Examples(
        inputs=[*PHRASES, file],
        objects=PHRASES,
        changing={"dim": 256, "shortest_ngram": 3, "longest_ngram": 5, "encoding": "latin-1"},
        neutral={"model": "hashed"},  # other models have other options
    )
