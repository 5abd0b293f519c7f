"""Puts several kinds of data in one searchable space, on frozen encoders.

    import spaner
    space = spaner.load("runs/base")
    photo = space.encode("photo.png", modality="vision")
    space.similarity(photo, space.encode(["seven", "eight"], modality="text"))

Names are imported at first use, so that `import spaner` takes no time and loads no torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spaner_core.contract.transform import Content
    from spaner_core.errors import SpanerError
    from spaner_core.space.embeddings import VectorKey
    from spaner_core.space.encode import Encoded
    from spaner_core.space.one_modality import SpaceModality

    from spaner.commands import Project
    from spaner.labelling.request import Propagation
    from spaner.open_space import load
    from spaner.space import Space

_LAZY = {
    "Content": "spaner_core.contract.transform",
    "Encoded": "spaner_core.space.encode",
    "Project": "spaner.commands",
    "Propagation": "spaner.labelling.request",
    "Space": "spaner.space",
    "SpaceModality": "spaner_core.space.one_modality",
    "SpanerError": "spaner_core.errors",
    "VectorKey": "spaner_core.space.embeddings",
    "load": "spaner.open_space",
}

__version__ = "0.1.0"
__all__ = [
    "Content",
    "Encoded",
    "Project",
    "Propagation",
    "Space",
    "SpaceModality",
    "SpanerError",
    "VectorKey",
    "load",
]


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
