"""Finds the recordings in a file: several where files were joined.

Decoders stop where the first header says that its recording ends. Of MP3 streams that do not say
it they read as much as the first frame's bit rate suggests.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

from spaner_audio.reading.file_slice import FileSlice, read_at
from spaner_audio.reading.mending import mended_head
from spaner_audio.reading.mpeg import announced_frames, announcing_frame, frames_from, read_frame

_FLAC_HEADS = (b"fLaC\x00\x00\x00\x22", b"fLaC\x80\x00\x00\x22")
"""How a FLAC stream begins; the second where nothing but STREAMINFO stands before the sound."""

_SEARCH_BYTES = 2**20

_MISCOUNTED = 10
"""MP3 frames behind those that were announced which still are an encoder's miscount."""


@dataclass(frozen=True, kw_only=True)
class Segment:
    """A recording in a file: its bytes `start` to `end`, with `head` in place of the first `skip`.

    `samples` are those a channel of an MP3 stream that does not announce them; its `head` does.
    """

    start: int
    end: int
    head: bytes = b""
    skip: int = 0
    samples: int | None = None

    def view(self, file: BinaryIO) -> FileSlice:
        """Show this recording as a file of its own."""
        return FileSlice(file, start=self.start + self.skip, end=self.end, head=self.head)


def first_segment(file: BinaryIO) -> Segment:
    """Return the first recording; to the file's end where its header does not tell its own."""
    following = _following_by_header(file, 0)
    return _segment(file, 0, end=file.seek(0, 2) if following is None else following)


def find_segments(file: BinaryIO) -> Iterator[Segment]:
    """Yield the recordings of a file in their order."""
    start: int | None = 0
    while start is not None:
        following = _following_by_header(file, start) or _following_by_content(file, start)
        yield _segment(file, start, end=file.seek(0, 2) if following is None else following)
        start = following


def _segment(file: BinaryIO, start: int, *, end: int) -> Segment:
    head, skip = mended_head(file, start)
    if head:
        return Segment(start=start, end=end, head=head, skip=skip)
    place = _behind_tags(file, start)
    frame = read_frame(read_at(file, place, 4))
    if frame is None or announced_frames(file, place, frame):
        return Segment(start=start, end=end)
    count = sum(1 for at, _ in frames_from(file, place) if at < end)
    return Segment(
        start=start,
        end=end,
        head=announcing_frame(count, frame),
        skip=place - start,
        samples=count * frame.samples,
    )


def _following_by_header(file: BinaryIO, start: int) -> int | None:
    """Return where the next recording begins if the header of the one at `start` tells it."""
    head = read_at(file, start, 12)
    kind, form = head[:4], head[8:]
    if kind in (b"RIFF", b"FORM"):
        end = start + 8 + int.from_bytes(head[4:8], "little" if kind == b"RIFF" else "big")
        for place in (end, end + 1):  # some programs do not make the length even
            following = read_at(file, place, 12)
            if following[:4] == kind and following[8:] == form:
                return place
    if kind == b".snd":
        end = start + int.from_bytes(head[4:8]) + int.from_bytes(form)
        return end if end > start and read_at(file, end, 4) == kind else None
    return None


def _following_by_content(file: BinaryIO, start: int) -> int | None:
    place = _behind_tags(file, start)
    match read_at(file, place, 4):
        case b"OggS":
            return _following_ogg(file, place)
        case b"fLaC":
            return _following_flac(file, place)
        case _:
            return _following_mp3(file, place)


def _following_ogg(file: BinaryIO, place: int) -> int | None:
    """Return where pages that begin streams follow other pages: the next link of a chain."""
    begun = False
    while len(head := read_at(file, place, 27)) == 27 and head[:4] == b"OggS":
        begins = bool(head[5] & 2)
        if begins and begun:
            return place
        begun = begun or not begins
        lengths = read_at(file, place + 27, head[26])
        place += 27 + len(lengths) + sum(lengths)
    return None


def _following_flac(file: BinaryIO, place: int) -> int | None:
    place += 4
    overlap = len(_FLAC_HEADS[0]) - 1
    while len(block := read_at(file, place, _SEARCH_BYTES)) > overlap:
        found = [at for head in _FLAC_HEADS if (at := block.find(head)) >= 0]
        if found:
            return place + min(found)
        place += len(block) - overlap
    return None


def _following_mp3(file: BinaryIO, place: int) -> int | None:
    """Return where frames go on behind those that the first frame announces."""
    frame = read_frame(read_at(file, place, 4))
    announced = frame and announced_frames(file, place, frame)
    if not announced:
        return None
    last = next(islice(frames_from(file, place), announced, None), None)  # the first has no sound
    if last is None:  # the stream is cut off
        return None
    end = last[0] + last[1].length
    if read_at(file, end, 3) == b"TAG":  # ID3 of version 1
        end += 128
    rest = list(islice(frames_from(file, _behind_tags(file, end)), _MISCOUNTED + 1))
    if not rest:
        return None
    begins_anew = read_at(file, end, 3) == b"ID3" or announced_frames(file, *rest[0])
    return rest[0][0] if begins_anew or len(rest) > _MISCOUNTED else None


def _behind_tags(file: BinaryIO, start: int) -> int:
    """Return where a recording begins behind its ID3 tags, if it has any."""
    while len(head := read_at(file, start, 10)) == 10 and head[:3] == b"ID3":
        length = 0
        for byte in head[6:]:  # 7 bits each
            length = length << 7 | byte & 0x7F
        start += 10 + length + (10 if head[5] & 0x10 else 0)
    return start
