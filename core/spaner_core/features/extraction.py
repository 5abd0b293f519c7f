"""Extracts features to the store, each input once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from spaner_core.contract.transform import Transform
from spaner_core.errors import FailedInput, TooManyUnusable, UnusableInput
from spaner_core.features.batch_files import fitting
from spaner_core.features.encoding import EncodedSample, encode_samples
from spaner_core.features.hashes import FileHashes
from spaner_core.features.inputs import KeyedInput, key_inputs
from spaner_core.features.rows import RowSource
from spaner_core.features.stream import FeatureStream
from spaner_core.features.unusable import named_problems, reason_of, summarise
from spaner_core.pretrained.freeze import FrozenEncoder
from spaner_core.progress import shows_progress, spent


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """Features of the sources that can be used, and why the others cannot.

    Row i of `rows` belongs to source `usable[i]`, (m,) int64; `unusable` maps the places of the
    other sources to reasons. Every source is in one of them. `keys` are those of the usable ones;
    `extracted` counts the sources whose features this call brought to the store.
    """

    rows: RowSource
    keys: tuple[str, ...]
    usable: Tensor
    unusable: Mapping[int, str]
    extracted: int


def extract_stored(
    stream: FeatureStream,
    encoder: FrozenEncoder,
    transform: Transform,
    sources: Sequence[Path | str],
    *,
    max_unusable: int,
    again: bool = False,
    title: str = "",
) -> Extraction:
    """Bring the features of `sources` to the store, where they are not there already.

    What was refused before is not tried again, unless `again` is true or too much was refused.

    Interrupted at any moment, the next call goes on where this one was, and ends with the same
    files. `max_unusable` is how many distinct sources may be put aside: beyond it nothing more is
    encoded, the others are only looked at. Raises `TooManyUnusable` then, `PluginError` as
    `extract`, and `DataError` where the store cannot be written.
    """
    inputs, unusable = _key_all(sources, stream.hashes)
    known = {s: stream.refused[i.key] for s, i in inputs.items() if i.key in stream.refused}
    if again or len(unusable) + len(known) > max_unusable:
        known = {}
    inputs_to_try = {s: given for s, given in inputs.items() if s not in known}
    unusable |= known
    missing = _missing(inputs_to_try, stream)
    if not missing:
        stream.settle()
    else:
        with stream.writing():
            missing = _missing(inputs_to_try, stream)  # others may have written, or removed
            progress = tqdm(
                total=len(missing), desc=title, unit="row", disable=not shows_progress()
            )
            with progress, stream.proven(encoder):
                most = max_unusable - len(unusable)
                refused = _fill(stream, encoder, transform, missing, most=most, bar=progress)
        unusable |= {s: refused[given.key] for s, given in inputs.items() if given.key in refused}
    put_aside = {p: unusable[s] for p, s in enumerate(sources) if s in unusable}
    if len(unusable) > max_unusable:
        problems = named_problems({sources[place]: why for place, why in put_aside.items()})
        among = len(dict.fromkeys(sources))
        raise TooManyUnusable(
            summarise(problems, among=among, max_unusable=max_unusable), put_aside
        )
    usable = [place for place, source in enumerate(sources) if source not in unusable]
    keys = [inputs[sources[place]].key for place in usable]
    return Extraction(
        rows=stream.rows(keys),
        keys=tuple(keys),
        usable=torch.tensor(usable).long(),
        unusable=put_aside,
        extracted=sum(key in missing for key in keys),
    )


def _missing(
    inputs: Mapping[Path | str, KeyedInput], stream: FeatureStream
) -> dict[str, KeyedInput]:
    return {given.key: given for given in inputs.values() if given.key not in stream}


def _key_all(
    sources: Sequence[Path | str], hashes: FileHashes
) -> tuple[dict[Path | str, KeyedInput], dict[Path | str, str]]:
    inputs: dict[Path | str, KeyedInput] = {}
    unusable: dict[Path | str, str] = {}
    with spent("store"):
        distinct = list(dict.fromkeys(sources))
        for source, given in zip(distinct, key_inputs(distinct, hashes.hash_file), strict=True):
            if isinstance(given, UnusableInput):
                unusable[source] = reason_of(given)
            else:
                inputs[source] = given
        hashes.save()
    return inputs, unusable


def _fill(
    stream: FeatureStream,
    encoder: FrozenEncoder,
    transform: Transform,
    missing: Mapping[str, KeyedInput],
    *,
    most: int,
    bar: tqdm[None],
) -> dict[str, str]:
    """Extract the missing inputs, a planned batch at a time; return why keys were refused."""
    refused: dict[str, str] = {}
    passing: set[str] = set()
    for batch in stream.plan(missing):
        inputs = [missing[key] for key in batch]
        if len(refused) > most:
            refused |= _look_at(transform, inputs, bar=bar)
            continue
        samples: dict[str, EncodedSample] = {}
        encoding = encode_samples(encoder, transform, [given.source for given in inputs])
        for place, encoded in encoding:
            key = batch[place]
            try:
                inputs[place].check_unchanged()
            except UnusableInput as error:  # which says nothing of the content that was meant
                passing.add(key)
                encoded = error
            if isinstance(encoded, EncodedSample):
                encoded = fitting(encoded, dtype=stream.identity.dtype)
            if isinstance(encoded, UnusableInput):
                refused[key] = reason_of(encoded)
            else:
                samples[key] = encoded
            if isinstance(encoded, FailedInput):  # the plugin may be mended, the input the same
                passing.add(key)
            bar.update()
        stream.write(batch, samples)
    if len(refused) <= most:
        stream.refuse({key: why for key, why in refused.items() if key not in passing})
        stream.finish()
    return refused


def _look_at(
    transform: Transform, inputs: Sequence[KeyedInput], *, bar: tqdm[None]
) -> dict[str, str]:
    """Decode inputs for their problems alone."""
    refused = {}
    for given in inputs:
        try:
            with spent("decode"):
                transform.prepare(transform.decode(given.source))
        except UnusableInput as error:
            refused[given.key] = reason_of(error)
        bar.update()
    return refused
