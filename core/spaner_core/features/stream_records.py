"""Keeps what a stream says of itself: identity, plan, refused inputs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from spaner_core.features.inputs import KeyedInput
from spaner_core.files.documents import read_or, write_json
from spaner_core.files.ordinary import LARGEST_LIST

FORMAT_VERSION = 1
DESCRIPTION, PLAN, REFUSED = "stream.json", "plan.json", "refused.json"

BATCH_ROWS = 256
BATCH_BYTES = 256 * 2**20
"""Bytes of inputs in a batch, so that long recordings make small batches."""


@dataclass(frozen=True, kw_only=True)
class StreamIdentity:
    """Whose features a stream holds; those of any other identity are never given.

    `precision` is what the encoder computed in: a GPU's bfloat16 gives other numbers than float32.
    `format_version` is that of the files, raised when older ones can no longer be read.
    """

    modality: str
    encoder: str
    transform: str
    dtype: str
    dim: int
    precision: str = "float32"
    format_version: int = FORMAT_VERSION

    @property
    def folder(self) -> str:
        """Name of the stream's folder."""
        whole = json.dumps(asdict(self), sort_keys=True)
        return f"{self.modality}-{hashlib.sha256(whole.encode()).hexdigest()[:16]}"


def read_plan(folder: Path) -> list[list[str]]:
    """Return the plan of an extraction that has not come to its end, empty where there is none."""
    return read_or([], folder / PLAN, kind=list[list[str]], largest=LARGEST_LIST)


def write_plan(folder: Path, missing: Mapping[str, KeyedInput]) -> list[list[str]]:
    """Cut missing inputs into batches of like size, the largest first, and keep that plan.

    Batches of an interrupted plan stay as they were, so that its end gives the same files.
    """
    kept = [batch for batch in read_plan(folder) if all(key in missing for key in batch)]
    planned = {key for batch in kept for key in batch}
    batches = kept + _cut([given for key, given in missing.items() if key not in planned])
    write_json(folder / PLAN, batches, indent=None)
    return batches


def _cut(inputs: Iterable[KeyedInput]) -> list[list[str]]:
    """Cut inputs into batches, the largest first: those of like length are encoded together."""
    batches: list[list[str]] = []
    size_bytes = 0
    for given in sorted(inputs, key=lambda given: (-given.size_bytes, given.key)):
        size_bytes += given.size_bytes
        if not batches or len(batches[-1]) == BATCH_ROWS or size_bytes > BATCH_BYTES:
            batches.append([])
            size_bytes = given.size_bytes
        batches[-1].append(given.key)
    return batches


def read_refused(folder: Path) -> dict[str, str]:
    """Return reasons by key; none where they are not there, or damaged: all is tried again then."""
    return read_or({}, folder / REFUSED, kind=dict[str, str], largest=LARGEST_LIST)


def write_refused(folder: Path, reasons: Mapping[str, str]) -> None:
    """Keep reasons by key, in place of those kept before."""
    if not reasons:
        (folder / REFUSED).unlink(missing_ok=True)
        return
    write_json(folder / REFUSED, reasons)
