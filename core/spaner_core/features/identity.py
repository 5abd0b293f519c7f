"""Names whose features a stream of the store holds."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

FORMAT_VERSION = 1


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
