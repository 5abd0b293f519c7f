"""Remembers which modality embeddings in a caller's hands are of."""

from __future__ import annotations

import weakref
from collections import defaultdict

import numpy as np
from numpy.typing import ArrayLike
from spaner_core.errors import ConfigError
from spaner_core.space.encode import Embeddings


class Origins:
    """Arrays by the modality they are of, for as long as somebody holds them.

    Slices, views and tensors share an array's memory, and are known by that; copies are not.
    """

    def __init__(self) -> None:
        self._known: defaultdict[str, list[weakref.ref[Embeddings]]] = defaultdict(list)

    def note(self, modality: str, embeddings: Embeddings) -> None:
        """Remember an array that is given away, and forget it when nobody holds it any more."""
        # what owns the memory lives as long as any view of it
        owner = embeddings if embeddings.base is None else embeddings.base
        if isinstance(owner, np.ndarray):
            known = self._known[modality]
            known.append(weakref.ref(owner, known.remove))

    def of(self, given: ArrayLike) -> str | None:
        """Return the modality of an array, None where that is not known."""
        array = np.asarray(given)
        for modality, known in self._known.items():
            for reference in tuple(known):
                owner = reference()
                if owner is not None and np.may_share_memory(owner, array):
                    return modality
        return None


def unknown_origin() -> ConfigError:
    """Say that the policy cannot judge a comparison."""
    return ConfigError(
        "the policy binds what may be compared, and this space cannot tell of which modality "
        "these embeddings are; compare what its encode returned, not copies of it"
    )
