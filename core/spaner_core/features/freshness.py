"""Compares a few stored rows with what their encoder gives now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import torch

from spaner_core.contract.transform import Transform
from spaner_core.errors import UnusableInput
from spaner_core.features.batch_files import DTYPES
from spaner_core.features.encoding import EncodedSample, encode_samples
from spaner_core.features.inputs import KeyedInput, key_inputs
from spaner_core.features.stream import FeatureStream
from spaner_core.pretrained.freeze import FrozenEncoder
from spaner_core.progress import spent

SAMPLE_ROWS = 3
"""Rows that are encoded anew, unless fewer are asked for."""

FOUND_ROWS = 12
"""Stored rows among which the smallest are chosen: the longest recordings are not among those."""

TOLERANCES = {"float32": 1e-5, "bfloat16": 0.05}
"""What the same encoder may give otherwise next time, relative to a row's largest number.

float32: another order of sums. bfloat16 keeps 8 bits, and in a batch of another size other sums
are rounded; over the twelve layers of a ViT that came to .005.
"""


@dataclass(frozen=True, kw_only=True)
class Change:
    """A stored row that its encoder does not give now: which, and how it differs.

    `steady` says whether the encoder gives at least the same twice in a row.
    """

    source: Path | str
    difference: str
    steady: bool


_Given = EncodedSample | UnusableInput


def find_change(
    stream: FeatureStream,
    encoder: FrozenEncoder,
    transform: Transform,
    sources: Iterable[Path | str],
    *,
    rows: int = SAMPLE_ROWS,
) -> Change | None:
    """Encode `rows` of the `sources` that `stream` holds anew; return the first change, if any.

    Sources are keyed in their order until enough of them are found in the stream; those that
    cannot be read, or are changed meanwhile, prove nothing and are passed over.
    """
    chosen = _choose(stream, sources)[:rows]
    given = _encode(encoder, transform, chosen)
    stored = stored_samples(stream, [known.key for known in chosen])
    rounding, tolerance = rounding_of(stream), TOLERANCES[stream.identity.precision]
    for known, now, kept in zip(chosen, given, stored, strict=True):
        difference = sample_difference(now, kept, rounding=rounding, tolerance=tolerance)
        if difference is None or not _is_unchanged(known):
            continue
        again = _encode(encoder, transform, chosen)[chosen.index(known)]
        steady = sample_difference(again, now, rounding=0, tolerance=tolerance) is None
        return Change(source=known.source, difference=difference, steady=steady)
    return None


def rounding_of(stream: FeatureStream) -> float:
    """Return how much of a number its stream's dtype may take away, relative to it."""
    return torch.finfo(DTYPES[stream.identity.dtype]).eps / 2


def stored_samples(stream: FeatureStream, keys: Iterable[str]) -> Iterator[EncodedSample]:
    """Load the samples of keys that are in the stream, one after the other."""
    for key in keys:
        row = stream.rows([key]).load()
        yield EncodedSample(row.values[0], row.mask[0])


def _choose(stream: FeatureStream, sources: Iterable[Path | str]) -> list[KeyedInput]:
    """List inputs of the stream, small ones of different files first: they cost least."""
    if not stream.files:
        return []
    with spent("store"):
        stored = (
            given
            for source in sources
            for given in key_inputs([source], stream.hashes.hash_file)
            if isinstance(given, KeyedInput) and given.key in stream
        )
        found = {given.key: given for given in islice(stored, FOUND_ROWS)}
    from_file: Counter[int] = Counter()
    ordered = []
    for given in sorted(found.values(), key=lambda given: (given.size_bytes, given.key)):
        file = int(stream.rows([given.key]).places[0, 0])
        ordered.append((from_file[file], given))
        from_file[file] += 1
    return [given for _, given in sorted(ordered, key=lambda pair: pair[0])]


def _encode(
    encoder: FrozenEncoder, transform: Transform, inputs: Sequence[KeyedInput]
) -> list[_Given]:
    encoded = dict(encode_samples(encoder, transform, [given.source for given in inputs]))
    return [encoded[place] for place in range(len(inputs))]


def _is_unchanged(given: KeyedInput) -> bool:
    try:
        given.check_unchanged()
    except UnusableInput:
        return False
    return True


def sample_difference(
    given: _Given, known: _Given, *, rounding: float, tolerance: float
) -> str | None:
    """Say how a sample differs from the one known; None where it is the same.

    Masks are compared exactly. Of numbers (N, E), `rounding` is what storing them may have taken
    from each, relative to it, and `tolerance` is relative to the row's largest.
    """
    if isinstance(given, UnusableInput) or isinstance(known, UnusableInput):
        both = isinstance(given, UnusableInput) and isinstance(known, UnusableInput)
        return None if both else f"it cannot be used ({' '.join(str(given).split())})"
    if given.values.shape != known.values.shape or not torch.equal(given.mask, known.mask):
        return f"{int(given.mask.sum())} tokens instead of {int(known.mask.sum())}"
    values, expected = given.values[given.mask], known.values[known.mask]
    off, largest = (values - expected).abs(), expected.abs().max()
    smallest = 2.0**-14  # of float16: what is smaller loses as much as it does
    if (off <= rounding * expected.abs().clamp_min(smallest) + tolerance * largest).all():
        return None
    return f"by {float(off.max() / largest.clamp_min(smallest)):.1e} of its largest number"
