"""From inputs to features, through one frozen encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm.auto import tqdm

from spaner_core.errors import DataError, PluginError, UnusableInput
from spaner_core.features.rows import FeatureRows, join_rows
from spaner_core.modality import Encoder, FeatureSpec, Transform
from spaner_core.progress import shows_progress

SHOWN_PROBLEMS = 10


@dataclass(frozen=True, kw_only=True)
class Extraction:
    """Features of the sources that can be used, and why the others cannot.

    Row i of `rows` belongs to source `usable[i]`, (m,) int64; `unusable` maps the places of the
    other sources to reasons. Every source is in one of them.
    """

    rows: FeatureRows
    usable: Tensor
    unusable: Mapping[int, str]


def extract(
    encoder: Encoder,
    transform: Transform,
    sources: Sequence[Path | str],
    *,
    batch_size: int = 64,
    title: str = "",
) -> FeatureRows:
    """Decode, prepare and encode `sources`; row i of the result belongs to source i.

    Raises `DataError` naming the sources that cannot be used (the first ten by name), and
    `PluginError` when the encoder's output does not match its own `FeatureSpec`.
    """
    return extract_usable(
        encoder, transform, sources, max_unusable=0, batch_size=batch_size, title=title
    ).rows


def extract_usable(
    encoder: Encoder,
    transform: Transform,
    sources: Sequence[Path | str],
    *,
    max_unusable: int,
    batch_size: int = 64,
    title: str = "",
) -> Extraction:
    """Decode, prepare and encode the `sources` that can be used; put the others aside.

    `max_unusable` is how many of the sources may be put aside; the errors are those of
    `extract`. Windows of one sample are joined along N.
    """
    unusable: dict[int, str] = {}
    parts: list[FeatureRows] = []
    progress = tqdm(total=len(sources), desc=title, unit="row", disable=not shows_progress())
    for start in range(0, len(sources), batch_size):
        windows: list[list[Any]] = []
        for place, source in enumerate(sources[start : start + batch_size], start):
            try:
                check_ordinary(source)
                windows.append(list(transform.prepare(transform.decode(source))))
            except UnusableInput as error:
                unusable[place] = " ".join(str(error).split())
            progress.update()
        if windows and len(unusable) <= max_unusable:  # later ones are only named
            parts.append(_encode(encoder, windows, batch_size))
    progress.close()
    if len(unusable) > max_unusable:
        raise DataError(_summary(unusable, sources, max_unusable))
    usable = [place for place in range(len(sources)) if place not in unusable]
    rows = join_rows(parts) if parts else _no_rows(encoder.features)
    return Extraction(rows=rows, usable=torch.tensor(usable).long(), unusable=unusable)


def _no_rows(spec: FeatureSpec) -> FeatureRows:
    tokens = spec.tokens or 1
    return FeatureRows(
        values=torch.zeros(0, tokens, spec.dim), mask=torch.zeros(0, tokens, dtype=torch.bool)
    )


def check_ordinary(source: Path | str) -> None:
    """Raise `UnusableInput` for a folder, a pipe or a device: reading one may never end."""
    if not isinstance(source, Path):
        return
    try:
        ordinary = source.is_file() or not source.exists()
    except (OSError, ValueError) as error:  # a name that no file can have
        raise UnusableInput(f"no file can have this name ({error}); correct the path") from error
    if not ordinary:
        kind = "a folder" if source.is_dir() else "a pipe or a device"
        raise UnusableInput(f"it is {kind}; expected a file; correct the path")


def describe_source(source: Path | str) -> str:
    """Name an input in a message: a path as it is, a text shortened and quoted."""
    if isinstance(source, Path):
        return str(source)
    return repr(source if len(source) <= 60 else source[:57] + "...")


def _summary(unusable: Mapping[int, str], sources: Sequence[Path | str], max_unusable: int) -> str:
    problems = [f"{describe_source(sources[place])}: {why}" for place, why in unusable.items()]
    if len(problems) == 1:
        return f"{problems[0]}. Mend or remove it; nothing was written"
    shown = "\n  ".join(problems[:SHOWN_PROBLEMS])
    more = len(problems) - SHOWN_PROBLEMS
    rest = f"\n  ... and {more} more" if more > 0 else ""
    allowed = f" (data.max_unusable allows {max_unusable})" if max_unusable else ""
    return (
        f"{len(problems)} of {len(sources)} inputs cannot be used{allowed}; mend or remove them, "
        f"nothing was written:\n  {shown}{rest}"
    )


def _encode(encoder: Encoder, windows: Sequence[list[Any]], batch_size: int) -> FeatureRows:
    flat = [window for sample in windows for window in sample]
    parts: list[FeatureRows] = []
    for start in range(0, len(flat), batch_size):
        batch = flat[start : start + batch_size]
        values, mask = encoder(encoder.collate(batch))
        _check_output(values, mask, encoder.features, windows=len(batch))
        values = values.float().cpu().masked_fill(~mask.cpu().unsqueeze(-1), 0)
        parts.append(FeatureRows(values=values, mask=mask.cpu()))
    counts = [len(sample) for sample in windows]
    _check_windows(counts, encoder.features)
    if encoder.features.tokens is not None:  # masked tokens keep their places
        return join_rows(parts)
    return _join_windows(join_rows(parts), counts)


def _join_windows(rows: FeatureRows, counts: Sequence[int]) -> FeatureRows:
    """Put the real tokens of each sample's windows side by side along N."""
    joined, start = [], 0
    for count in counts:
        stop = start + count
        tokens = rows.values[start:stop][rows.mask[start:stop]].unsqueeze(0)
        joined.append(
            FeatureRows(values=tokens, mask=torch.ones(1, tokens.shape[1], dtype=torch.bool))
        )
        start = stop
    return join_rows(joined)


def _check_windows(counts: Sequence[int], spec: FeatureSpec) -> None:
    if 0 in counts:
        raise PluginError(
            "the transform prepared no window for a sample; it must give one or refuse the input. "
            "Report it to the plugin's author"
        )
    if spec.tokens is not None and max(counts) > 1:
        raise PluginError(
            f"the transform prepared {max(counts)} windows for a sample, whose tokens are joined; "
            f"its encoder's FeatureSpec promises {spec.tokens} tokens a sample. Report it to the "
            "plugin's author"
        )


def _check_output(values: Tensor, mask: Tensor, spec: FeatureSpec, *, windows: int) -> None:
    fits = (
        values.ndim == 3
        and values.shape[0] == windows
        and values.shape[2] == spec.dim
        and mask.shape == values.shape[:2]
        and (spec.tokens is None or values.shape[1] == spec.tokens)
    )
    if not fits:
        raise PluginError(
            f"the encoder gave tokens {tuple(values.shape)} and mask {tuple(mask.shape)} for "
            f"{windows} windows; its FeatureSpec promises {spec}. Report it to the plugin's author"
        )
    if not torch.isfinite(values[mask]).all():
        raise PluginError("the encoder gave NaN or infinite features; report it to its author")
