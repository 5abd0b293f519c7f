"""Notices weights that timm leaves at random.

timm tells only its log which names found nothing to load.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

_LOADER = "timm.models._builder"
_MISSING = re.compile(r"Missing keys \((?P<names>.*)\) discovered", re.DOTALL)


class _Listener(logging.Filter):
    """Notes what is told, and lets through what would be shown without it."""

    def __init__(self, shown_from: int) -> None:
        super().__init__()
        self.shown_from = shown_from
        self.missing: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        told = _MISSING.search(record.getMessage())
        self.missing += told["names"].split(", ") if told else []
        return record.levelno >= self.shown_from


@contextmanager
def noting_missing_weights() -> Iterator[list[str]]:
    """Give a list that holds, after the block, the names of weights that were not loaded."""
    logger = logging.getLogger(_LOADER)
    level, shown_from = logger.level, logger.getEffectiveLevel()
    listener = _Listener(shown_from)
    logger.addFilter(listener)
    logger.setLevel(min(shown_from, logging.INFO))
    try:
        yield listener.missing
    finally:
        logger.setLevel(level)
        logger.removeFilter(listener)
