"""Finds inputs that have the same content, whatever their files are called."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from spaner_core.errors import UnusableInput
from spaner_core.features.inputs import KeyedInput, file_of, key_inputs


def find_copies(sources: Sequence[Path | str], among: Sequence[Path | str]) -> dict[int, int]:
    """Return the places of `sources` whose content `among` has, each with its first place there.

    Of files only those are read whose size a file on the other side has; one that cannot be read
    is a copy of nothing but itself.
    """
    names: dict[Path | str, int] = {}
    for place, other in enumerate(among):
        names.setdefault(other, place)
    new = [source for source in sources if source not in names]
    keys, others = _keys_of_common_sizes(new, names)
    contents: dict[str, int] = {}
    for other, place in names.items():
        if other in others:
            contents.setdefault(others[other], place)
    places = names | {source: contents[key] for source, key in keys.items() if key in contents}
    return {place: places[source] for place, source in enumerate(sources) if source in places}


_Keys = dict[Path | str, str]


def _keys_of_common_sizes(
    first: Iterable[Path | str], second: Iterable[Path | str]
) -> tuple[_Keys, _Keys]:
    """Key those files of two sides that have the size of one on the other side."""
    sizes = [_sizes(side) for side in (first, second)]
    common = set(sizes[0].values()) & set(sizes[1].values())
    wanted = [[path for path, size in side.items() if size in common] for side in sizes]
    one, other = (
        {given.source: given.key for given in key_inputs(paths) if isinstance(given, KeyedInput)}
        for paths in wanted
    )
    return one, other


def _sizes(sources: Iterable[Path | str]) -> dict[Path, int]:
    """Look up the sizes of files in bytes; a text is no file's copy, and has no other name."""
    found = {}
    for source in sources:
        if isinstance(source, Path):
            try:
                found[source] = file_of(source)[0].stat().st_size
            except (OSError, ValueError, UnusableInput):  # not there, or no file can be
                continue
    return found
