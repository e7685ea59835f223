"""The messages of an Arrow file or stream -> how many bytes their buffers have when they are decompressed.

Arrow allocates what a compressed buffer says it needs, and asks nobody. What is said is read here beforehand, from the
tables (flatbuffers) that describe each message: Message.fbs and File.fbs of apache/arrow.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_DICTIONARY, _ROWS = 2, 3  #: Types of the messages that hold data.


def promised(path: Path) -> int:
    """Bytes of all compressed buffers of a file or stream when they are decompressed.

    The others take as much memory as they take of the file. What is no message counts as nothing: Arrow refuses it.
    """
    total = 0
    with path.open("rb") as file:
        is_file = file.read(6) == b"ARROW1"
        for place in _listed(file) if is_file else _in_turn(file):
            try:
                total += _buffers(file, place)
            except (struct.error, IndexError):
                continue
    return total


def _listed(file: BinaryIO) -> list[int]:
    """Where the messages of a file stand, by its footer."""
    try:
        end = file.seek(-10, os.SEEK_END)
        count = struct.unpack("<i", file.read(4))[0]
        file.seek(max(end - count, 0))
        raw = file.read(max(min(count, end), 0))
        footer = _Table(raw, _root(raw))
        return [struct.unpack_from("<q", raw, at)[0] for field in (2, 3) for at in footer.structs(field, 24)]
    except (OSError, struct.error, IndexError):
        return []


def _in_turn(file: BinaryIO) -> Iterator[int]:
    """Where the messages of a stream stand, one behind the other."""
    place, end = 0, file.seek(0, os.SEEK_END)
    while place < end:
        yield place
        try:
            raw, body = _message(file, place)
            message = _Table(raw, _root(raw))
            place = body + (max(struct.unpack_from("<q", raw, message.at(3))[0], 0) if message.has(3) else 0)
        except (struct.error, IndexError):
            return


def _message(file: BinaryIO, place: int) -> tuple[bytes, int]:
    """The table of a message, and where its body begins."""
    _seek(file, place)
    marker, count = struct.unpack("<Ii", file.read(8))
    if marker != 0xFFFFFFFF or count <= 0:
        raise IndexError
    return file.read(count), place + 8 + count


def _buffers(file: BinaryIO, place: int) -> int:
    """Bytes of the compressed buffers of one message."""
    raw, body = _message(file, place)
    message = _Table(raw, _root(raw))
    kind = raw[message.at(1)]
    if kind not in (_DICTIONARY, _ROWS):
        return 0
    batch = message.table(2)
    batch = batch.table(1) if kind == _DICTIONARY else batch
    total = 0
    for at in batch.structs(2, 16) if batch.has(3) else ():
        offset, count = struct.unpack_from("<qq", raw, at)
        if count >= 8:
            _seek(file, body + offset)
            total += max(struct.unpack("<q", file.read(8))[0], 0)  # -1: it is stored as it is
    return total


def _seek(file: BinaryIO, place: int) -> None:
    if not 0 <= place < os.fstat(file.fileno()).st_size:
        raise IndexError
    file.seek(place)


class _Table:
    """One table of a flatbuffer."""

    def __init__(self, raw: bytes, place: int) -> None:
        self.raw, self.place = raw, place
        self.fields = place - struct.unpack_from("<i", raw, place)[0]
        if place < 0 or self.fields < 0:
            raise IndexError

    def has(self, field: int) -> bool:
        """Whether a field is there."""
        return bool(self._offset(field))

    def at(self, field: int) -> int:
        """Where the value of a field stands."""
        if not (offset := self._offset(field)):
            raise IndexError
        return self.place + offset

    def table(self, field: int) -> _Table:
        """The table that a field holds."""
        return _Table(self.raw, self._follow(field))

    def structs(self, field: int, count: int) -> range:
        """Where the structs of so many bytes stand that a field lists."""
        if not self.has(field):
            return range(0)
        start = self._follow(field)
        found = min(struct.unpack_from("<I", self.raw, start)[0], len(self.raw) // count)
        return range(start + 4, start + 4 + found * count, count)

    def _follow(self, field: int) -> int:
        place = self.at(field)
        return place + int(struct.unpack_from("<I", self.raw, place)[0])

    def _offset(self, field: int) -> int:
        slot = 4 + 2 * field
        if slot >= struct.unpack_from("<H", self.raw, self.fields)[0]:
            return 0
        return int(struct.unpack_from("<H", self.raw, self.fields + slot)[0])


def _root(raw: bytes) -> int:
    return int(struct.unpack_from("<I", raw)[0])
