"""Holds what the files of a prompt say against one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from spaner_core.devices import one_thread
from spaner_core.errors import SpaceError
from spaner_core.method.prompt import READER_PREFIX
from spaner_core.space.records import BlockRecord, PromptRecord
from spaner_core.space.weights import Described, Header

_UNIT = 1 + 1e-3  # no anchor is longer, whatever was rounded


def check_prompt_header(path: Path, header: Header, record: PromptRecord) -> None:
    """Raise `SpaceError` unless the weights at `path` are those that config.json describes."""
    count, dim, labelled = len(record.concepts), record.dim, record.anchors == "labels"
    names = {name for name in header if name.startswith(READER_PREFIX) and labelled}
    width = _read_width(header) if labelled else 0
    _check_header(
        path,
        {name: tensor for name, tensor in header.items() if name not in names},
        {
            "anchors": (count, dim),
            "log_beta": (),
            "log_scale": (),
            "label_map": (width, dim) if labelled else (0, 0),
            "label_mean": (width,),
            "label_embeddings": (count, width) if labelled else (0, 0),
        },
    )


def check_block_header(
    path: Path, header: Header, record: BlockRecord, *, dim: int, width: int
) -> None:
    """Raise `SpaceError` unless a later block's weights are those that config.json describes.

    `dim` is D, and `width` that of the first block's label mean, P.
    """
    count = len(record.concepts)
    labels = (count, width) if record.anchors == "labels" else (0, 0)
    _check_header(path, header, {"anchors": (count, dim), "label_embeddings": labels})


@one_thread()
def check_numbers(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Raise `SpaceError` where numbers are not finite, or anchors longer than unit vectors."""
    for name, tensor in tensors.items():
        # what a plugin's reader keeps may mean something by infinity, and by no other such number
        wrong = torch.isnan if name.startswith(READER_PREFIX) else _not_finite
        if tensor.is_floating_point() and wrong(tensor.double()).any():
            raise _wrong(path, f"{name} holds NaN or infinite numbers", "finite ones")
    if (tensors["anchors"].norm(dim=-1) > _UNIT).any():
        raise _wrong(path, "an anchor is longer than 1", "unit vectors")


def check_concepts(folder: Path, blocks: Sequence[Sequence[str]]) -> None:
    """Raise `SpaceError` where two blocks of the prompt have a concept in common."""
    seen: set[str] = set()
    for concepts in blocks:
        if again := sorted(seen.intersection(concepts)):
            raise _wrong(folder, f"{again[0]!r} has an anchor in two blocks", "one a concept")
        seen.update(concepts)


def _not_finite(tensor: Tensor) -> Tensor:
    return ~torch.isfinite(tensor)


def _read_width(header: Header) -> int:
    """Return P, 1 where the header does not say it: no other width would fit either."""
    shape = header["label_mean"].shape if "label_mean" in header else ()
    return max(1, shape[0]) if len(shape) == 1 else 1


def _check_header(path: Path, header: Header, expected: Mapping[str, tuple[int, ...]]) -> None:
    for name in sorted(header.keys() | expected.keys()):
        found = header.get(name)
        wanted = Described("F32", expected[name]) if name in expected else None
        if found != wanted:
            raise _wrong(path, f"{name} is {found or 'missing'}", str(wanted or "no such tensor"))


def _wrong(path: Path, given: str, expected: str) -> SpaceError:
    return SpaceError(
        f"{path} does not fit its config.json: {given}; expected {expected}; restore both from a "
        "copy, or train anew"
    )
