"""Encodes inputs to tokens, a batch of windows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import Tensor

from spaner_core.contract.modality import Encoder, FeatureSpec
from spaner_core.contract.sources import check_ordinary
from spaner_core.contract.transform import Given, Sample, TakenSample, Transform
from spaner_core.errors import FailedInput, PluginError, UnusableInput
from spaner_core.progress import spent

WINDOW_BATCH = 64
"""Windows that are encoded together."""

POOLED_WINDOWS = 256
"""Windows of different lengths that wait for one another, and are cut into batches by length.

In batches of 32, texts of 4 to 40 words are then padded by 6% of their tokens, and by 20% where
they are cut by letters.
"""


class EncodedSample(NamedTuple):
    """Tokens (N, E) float32 of one sample and their mask (N,) bool."""

    values: Tensor
    mask: Tensor


_Placed: TypeAlias = tuple[int, EncodedSample | UnusableInput]


def encode_samples(
    encoder: Encoder,
    transform: Transform,
    sources: Sequence[Given],
    *,
    batch_size: int = WINDOW_BATCH,
) -> Iterator[_Placed]:
    """Decode, prepare and encode sources; yield each one's place with its tokens, or why not.

    Windows of several samples are encoded together, `batch_size` at a time, those of like length
    where lengths differ, and those of one sample are joined along N. No more windows wait in memory
    than a batch has, or `POOLED_WINDOWS`. A sample that its plugin fails on comes as `FailedInput`.
    Raises `PluginError` where the encoder fails on windows together, each of which it takes alone.
    """
    waiting = _WaitingWindows(encoder, batch_size)
    for place, source in enumerate(sources):
        try:
            with spent("decode"):
                check_ordinary(source)
                windows = list(transform.prepare(_sample_of(source, transform)))
                _check_windows(len(windows), encoder)
        except UnusableInput as error:
            yield place, error
            continue
        yield from waiting.add(place, windows)
    yield from waiting.finish()


def _sample_of(source: Given, transform: Transform) -> Sample:
    return source.sample if isinstance(source, TakenSample) else transform.decode(source)


@dataclass(eq=False)
class _OpenSample:
    """A sample whose windows are not all encoded yet: tokens by window, and how many it has."""

    place: int
    windows: int
    done: dict[int, EncodedSample | FailedInput] = field(default_factory=dict)


class _Window(NamedTuple):
    """A window that waits: the number that it has in its sample, and its length, if it has one."""

    sample: _OpenSample
    number: int
    length: int
    given: Any


class _WaitingWindows:
    """Prepared windows that wait for a batch to be full, or for others of their length."""

    def __init__(self, encoder: Encoder, batch_size: int) -> None:
        self.encoder, self.batch_size = encoder, batch_size
        self._waiting: list[_Window] = []

    def add(self, place: int, windows: Sequence[Any]) -> Iterator[_Placed]:
        """Take a sample's windows; yield the samples that are complete."""
        sample = _OpenSample(place, len(windows))
        self._waiting += [_Window(sample, n, _length(w), w) for n, w in enumerate(windows)]
        alike = len({window.length for window in self._waiting}) == 1
        if len(self._waiting) >= max(self.batch_size, 0 if alike else POOLED_WINDOWS):
            yield from self._encode(len(self._waiting) // self.batch_size)

    def finish(self) -> Iterator[_Placed]:
        """Encode what is left; yield the samples that are complete."""
        yield from self._encode(-(-len(self._waiting) // self.batch_size))

    def _encode(self, batches: int) -> Iterator[_Placed]:
        """Encode some batches, the longest windows first: a batch is padded to its longest."""
        self._waiting.sort(key=lambda window: window.length, reverse=True)
        for _ in range(batches):
            batch = self._waiting[: self.batch_size]
            del self._waiting[: self.batch_size]
            encoded = self._one_by_one([window.given for window in batch])
            for window, given in zip(batch, encoded, strict=True):
                sample = window.sample
                sample.done[window.number] = given
                if len(sample.done) == sample.windows:
                    parts = [sample.done[number] for number in range(sample.windows)]
                    yield sample.place, _join_windows(parts, self.encoder.features)

    def _one_by_one(self, batch: list[Any]) -> list[EncodedSample | FailedInput]:
        """Encode windows together; where that fails, alone, to find the one that is to blame."""
        try:
            return list(_encode_windows(self.encoder, batch))
        except FailedInput as error:
            if len(batch) == 1:
                return [error]
            alone = [found for window in batch for found in self._one_by_one([window])]
            if any(isinstance(found, FailedInput) for found in alone):
                return alone
            raise PluginError(str(error)) from error


def _length(window: Any) -> int:
    """Return how long a window is, 0 for one that does not say; it is an object of a plugin's."""
    try:
        return len(window)
    except Exception:
        return 0


def _encode_windows(encoder: Encoder, batch: list[Any]) -> Iterator[EncodedSample]:
    with spent("encode"):
        values, mask = encoder(encoder.collate(batch))
        _check_output(values, mask, encoder, windows=len(batch))
    values, mask = values.float().cpu(), mask.cpu()
    return map(EncodedSample, values.masked_fill(~mask.unsqueeze(-1), 0), mask)


def _join_windows(
    windows: Sequence[EncodedSample | FailedInput], spec: FeatureSpec
) -> EncodedSample | UnusableInput:
    """Put the real tokens of a sample's windows side by side; fixed ones keep their places."""
    good = [window for window in windows if isinstance(window, EncodedSample)]
    for window in windows:
        if isinstance(window, FailedInput):
            return window
    if spec.tokens is not None:
        # a copy: a view would keep its whole batch in memory
        sample = EncodedSample(good[0].values.clone(), good[0].mask.clone())
    else:
        values = torch.cat([window.values[window.mask] for window in good])
        sample = EncodedSample(values, torch.ones(len(values), dtype=torch.bool))
    return sample if bool(sample.mask.any()) else UnusableInput("it gave no token")


def _check_windows(count: int, encoder: Encoder) -> None:
    spec = encoder.features
    if count == 0:
        raise FailedInput(
            f"the transform{_of(encoder)} prepared no window for it; it must give one or refuse "
            "the input. Report it to the plugin's author"
        )
    if spec.tokens is not None and count > 1:
        raise FailedInput(
            f"the transform{_of(encoder)} prepared {count} windows, whose tokens are joined; its "
            f"encoder's FeatureSpec promises {spec.tokens} tokens a sample. Report it to the "
            "plugin's author"
        )


def fits_spec(values: Tensor, mask: Tensor, spec: FeatureSpec, *, windows: int) -> bool:
    """Tell whether tokens (B, N, E) and mask (B, N) of B windows are what `spec` promises."""
    return (
        values.ndim == 3
        and values.shape[0] == windows
        and values.shape[2] == spec.dim
        and mask.shape == values.shape[:2]
        and (spec.tokens is None or values.shape[1] == spec.tokens)
    )


def _check_output(values: Tensor, mask: Tensor, encoder: Encoder, *, windows: int) -> None:
    spec = encoder.features
    if not fits_spec(values, mask, spec, windows=windows):
        raise FailedInput(
            f"the encoder{_of(encoder)} gave tokens {tuple(values.shape)} and mask "
            f"{tuple(mask.shape)} for {windows} windows; its FeatureSpec promises {spec}. Report "
            "it to the plugin's author"
        )
    if not torch.isfinite(values[mask]).all():
        raise FailedInput(
            f"the encoder{_of(encoder)} gave NaN or infinite features; report it to its author"
        )


def _of(encoder: Encoder) -> str:
    """Name the plugin that an encoder comes from, where that is known."""
    code = getattr(encoder, "code", None)
    return f" of {code}" if code is not None else ""
