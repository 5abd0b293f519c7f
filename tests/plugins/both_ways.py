"""Reads what tests read as a file and as an upload, and compares."""

from __future__ import annotations

import dataclasses
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from spaner_core import Content, UnusableInput
from torch import Tensor


class BothWays:
    """A transform that reads each file twice: from its place, and as an upload that is in none.

    Both must give the same sample, or be refused in the same words.
    """

    def __init__(self, transform: Any) -> None:
        self._transform = transform

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transform, name)

    def decode(self, source: Any) -> Any:
        return self._both("decode", source)

    def check_header(self, source: Any) -> None:
        self._both("check_header", source)

    def _both(self, method: str, source: Any) -> Any:
        read = getattr(self._transform, method)
        file, name = self._file(source)
        if file is None:
            return read(source)
        upload = Content(file.read_bytes(), name=name, suffix=file.suffix.lower())
        logging.disable(logging.WARNING)  # said of the file below
        try:
            expected, words = read(upload), ""
        except UnusableInput as error:
            expected, words = None, str(error)
        finally:
            logging.disable(logging.NOTSET)
        if words:
            with pytest.raises(UnusableInput, match=f"^{re.escape(words)}$"):
                read(source)
            raise UnusableInput(words)
        sample = read(source)
        assert same(sample, expected)
        return sample

    @staticmethod
    def _file(source: Any) -> tuple[Path | None, str]:
        """Return the file that a source stands for, where there is one, and its name."""
        if not isinstance(source, Path) or "\0" in str(source) or len(source.name) > 200:
            return None, ""
        if source.is_file():
            return source, source.name.replace("#", "-")  # of an upload, # always names a part
        part = source.name.rpartition("#")[0]
        if part and source.with_name(part).is_file():
            return source.with_name(part), source.name
        return None, ""


def same(one: Any, other: Any) -> bool:
    """Tell whether two samples are the same: texts, pictures, waveforms, series."""
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, Image.Image):
        return (one.mode, one.size, one.tobytes()) == (other.mode, other.size, other.tobytes())
    if dataclasses.is_dataclass(one):
        names = [field.name for field in dataclasses.fields(one)]
        return all(same(getattr(one, name), getattr(other, name)) for name in names)
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    return bool(one == other)
