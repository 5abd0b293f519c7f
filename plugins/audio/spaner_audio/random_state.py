"""Restores random states that libraries use without need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def kept_random_state() -> Iterator[None]:
    """Leave numpy's random numbers as they are, whatever the block draws and throws away.

    CLAP's feature extractor draws which of a batch to call long, Wav2Vec2's adapter whether to
    skip a layer, were it in training.
    """
    state = np.random.get_state()
    try:
        yield
    finally:
        np.random.set_state(state)
