"""Extracts features anew beside the stored ones, then replaces these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from spaner_core.contract.transform import Transform
from spaner_core.errors import DataError
from spaner_core.features.extraction import Extraction, extract_stored
from spaner_core.features.freshness import (
    TOLERANCES,
    find_change,
    rounding_of,
    sample_difference,
    stored_samples,
)
from spaner_core.features.stream import FeatureStream
from spaner_core.features.stream_records import read_plan
from spaner_core.pretrained.freeze import FrozenEncoder

BEGUN = "again"
"""Folder in a stream's own where features that are extracted anew wait for the last of them."""


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """Features that took the place of others; `changed` counts inputs whose features differ.

    Where an earlier renewal may have been killed as it let old features go, `changed` counts
    those that are gone, too.
    """

    extraction: Extraction
    changed: int


def begun_renewal(stream: FeatureStream) -> FeatureStream:
    """Open what an interrupted renewal of `stream` left; mostly there is nothing."""
    folder = stream.folder / BEGUN / stream.folder.name
    return FeatureStream(folder, stream.identity, hashes=stream.hashes)


def renew_stored(
    stream: FeatureStream,
    encoder: FrozenEncoder,
    transform: Transform,
    sources: Sequence[Path | str],
    *,
    max_unusable: int,
    superseding: Callable[[], None] = lambda: None,
    title: str = "",
) -> Renewal:
    """Extract the features of `sources` anew; all that `stream` held goes when they are complete.

    Old and new features never stand together: until the end everybody reads the old ones.
    Interrupted, the next call goes on where this one was, unless the encoder changed meanwhile.
    Where features have changed, `superseding` is called before the first of the old ones goes.
    Raises what `extract_stored` raises; the old features stay then.
    """
    begun = begun_renewal(stream)
    was_complete = bool(begun.files) and not read_plan(begun.folder)
    if find_change(begun, encoder, transform, sources) is not None:
        discard_renewal(stream)
    found = extract_stored(
        begun, encoder, transform, sources, max_unusable=max_unusable, again=True, title=title
    )
    with stream.writing():
        if not all(key in begun for key in found.keys):
            raise DataError(_overtaken(stream))
        keys = set(found.keys)
        changed = _count_changed(stream, begun, keys)
        if was_complete:  # and perhaps killed as it took over: what is gone cannot be compared
            changed += sum(key not in stream for key in keys)
        if changed:
            superseding()
        stream.take_over(begun)
    discard_renewal(stream)
    return Renewal(extraction=replace(found, rows=stream.rows(found.keys)), changed=changed)


def discard_renewal(stream: FeatureStream) -> None:
    """Remove what a renewal of `stream` has left, if there is anything."""
    begun = begun_renewal(stream)
    if begun.folder.is_dir():
        begun.keep(set)
        with suppress(OSError):  # something of another's is in it
            begun.folder.parent.rmdir()


def _count_changed(old: FeatureStream, new: FeatureStream, keys: Iterable[str]) -> int:
    """Count keys whose features differ; of those that only one has there is nothing to compare."""
    known = sorted(key for key in keys if key in old)
    rounding, tolerance = 2 * rounding_of(old), TOLERANCES[old.identity.precision]
    pairs = zip(stored_samples(new, known), stored_samples(old, known), strict=True)
    differences = (
        sample_difference(given, kept, rounding=rounding, tolerance=tolerance)
        for given, kept in pairs
    )
    return sum(difference is not None for difference in differences)


def _overtaken(stream: FeatureStream) -> str:
    return (
        f"{stream.folder}: another process extracted these features anew meanwhile; run the "
        "command again"
    )
