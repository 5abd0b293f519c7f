"""Shows a slice of a file as a file of its own."""

from __future__ import annotations

import io
from typing import BinaryIO


def read_at(file: BinaryIO, place: int, count: int) -> bytes:
    """Read at most `count` bytes from `place` on."""
    file.seek(place)
    return file.read(count)


class FileSlice(io.RawIOBase):
    """`head`, then the bytes `start` to `end` of `file`; read only."""

    def __init__(self, file: BinaryIO, *, start: int, end: int, head: bytes = b"") -> None:
        super().__init__()
        self._file, self._start, self._head = file, start, head
        self._size = len(head) + max(0, end - start)
        self._place = 0

    def readable(self) -> bool:
        """Be read from."""
        return True

    def seekable(self) -> bool:
        """Be read in any order."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, counted from the beginning, from here or from the end."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(0, origin + offset)
        return self._place

    def tell(self) -> int:
        """Return where the next byte will be read."""
        return self._place

    def readinto(self, buffer: bytearray | memoryview, /) -> int:  # type: ignore[override]
        """Read into `buffer` as much as there is without a break; return how much."""
        count = min(len(buffer), max(0, self._size - self._place))
        behind = self._place - len(self._head)
        if behind < 0:
            block = self._head[self._place :][:count]
        else:
            block = read_at(self._file, self._start + behind, count)
        buffer[: len(block)] = block
        self._place += len(block)
        return len(block)
