"""The footer of a Parquet file -> what it says of each row group and each of its columns.

Arrow knows all of this, too, but stops the whole process when it is asked about a column that is encrypted or whose
statistics are damaged. So the footer is read here: a struct of Thrift's compact protocol, of which parquet.thrift of
apache/parquet-format says what its fields mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa

_TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(1, 13)
#: The fields that are read, by their numbers, and what they hold: ColumnMetaData, ColumnChunk, RowGroup, FileMetaData.
_METADATA = {1: int, 2: [int], 3: [bytes], 5: int, 6: int, 7: int, 9: int, 11: int}
_CHUNK: Mapping[int, Any] = {3: _METADATA, 8: {}}
_FILE: Mapping[int, Any] = {4: [{1: [_CHUNK]}]}
#: The same of PageHeader, which holds the bytes of a page before and after compression, and how many values it has.
_PAGE: Mapping[int, Any] = {2: int, 3: int, 5: {1: int}, 8: {1: int}}
_HEADERS = (1 << 8, 1 << 14, 1 << 24)  #: Bytes that are read of a page for its header, until it is whole.
_BOOLEAN, _TEXTS = 0, (6, 7)  #: Physical types: the one of a bit, and those of bytes.
_DICTIONARY, _DELTA = (2, 8), 7  #: Encodings: by a dictionary, and by what is new after the value before.


class Chunk(NamedTuple):
    """One column of a row group."""

    path: str  #: The steps to it, with dots.
    bytes: int  #: Before compression, encoded.
    stored: int  #: After it, as the file has them.
    values: int
    start: int  #: Place of its first page, which is that of its dictionary if it has one.
    kind: int
    encodings: tuple[int, ...]

    @property
    def promised(self) -> int:
        """Bytes of its values, at least: however well they are encoded, each takes some memory."""
        return max(self.bytes, self.values // 8 if self.kind == _BOOLEAN else self.values * 4)

    @property
    def is_text(self) -> bool:
        """Whether its values are texts or bytes."""
        return self.kind in _TEXTS

    @property
    def has_dictionary(self) -> bool:
        """Whether its values may stand in a dictionary."""
        return any(one in _DICTIONARY for one in self.encodings)

    @property
    def has_prefixes(self) -> bool:
        """Whether a value may repeat all of the one before it."""
        return _DELTA in self.encodings


def groups(path: Path) -> list[list[Chunk]] | None:
    """The columns of each row group of a file; None if some of them are encrypted.

    Raises:
        ArrowInvalid: The footer is damaged.
    """
    with path.open("rb") as file:
        end = file.seek(0, 2)
        file.seek(max(end - 8, 0))
        count = int.from_bytes(file.read(4), "little")
        file.seek(max(end - 8 - count, 0))
        footer = file.read(min(count, end))
    try:
        found = [group[1] for group in _Reader(footer).struct(_FILE).get(4, [])]
        if any(8 in chunk for group in found for chunk in group):
            return None
        return [[_chunk(chunk[3]) for chunk in group] for group in found]
    except (IndexError, KeyError, RecursionError, UnicodeDecodeError) as error:
        raise pa.ArrowInvalid("the footer is damaged") from error


def pages(file: BinaryIO, chunk: Chunk) -> Iterator[tuple[int, int]]:
    """The bytes of each page of a column, before and after compression, as the page itself says.

    Raises:
        ArrowInvalid: The header of a page is damaged.
    """
    place, values = chunk.start, 0
    while values < chunk.values and place < chunk.start + chunk.stored:
        header, length = _header(file, place)
        data = header.get(5) or header.get(8) or {}
        if min(header.get(2, -1), header.get(3, -1), data.get(1, 0)) < 0:
            raise pa.ArrowInvalid("the header of a page is damaged")
        yield header[2], header[3]
        place, values = place + length + header[3], values + data.get(1, 0)


def _header(file: BinaryIO, place: int) -> tuple[dict[int, Any], int]:
    """The header of the page at a place, and how long it is."""
    for most in _HEADERS if 0 <= place < 1 << 62 else ():
        file.seek(place)
        reader = _Reader(file.read(most))
        with suppress(IndexError, RecursionError):
            return reader.struct(_PAGE), reader.place
    raise pa.ArrowInvalid("the header of a page is damaged")


def _chunk(fields: dict[int, Any]) -> Chunk:
    path = ".".join(step.decode() for step in fields[3])
    dictionary, data = fields.get(11, 0), fields[9]
    start = dictionary if 0 < dictionary < data else data
    return Chunk(path, fields[6], fields[7], fields[5], start, fields[1], tuple(fields[2]))


class _Reader:
    """Reads what is asked for, and skips the rest. What is not of the type that is asked for is an IndexError."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.place = raw, 0

    def struct(self, shape: Mapping[int, Any]) -> dict[int, Any]:
        """The fields of a struct that a shape names."""
        found = {}
        for number, kind in self._fields():
            if number in shape:
                found[number] = self._value(kind, shape[number])
            else:
                self._skip(kind)
        return found

    def _value(self, kind: int, shape: Any) -> Any:
        if kind == _LIST and isinstance(shape, list):
            count, inner = self._count()
            return [self._value(inner, shape[0]) for _ in range(count)]
        if kind == _STRUCT and isinstance(shape, Mapping):
            return self.struct(shape)
        if kind in (_I16, _I32, _I64) and shape is int:
            return self._integer()
        if kind == _BINARY and shape is bytes:
            return self._bytes()
        raise IndexError

    def _fields(self) -> Iterator[tuple[int, int]]:
        """The number and type of each field, which the caller reads before it asks for the next."""
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            yield number, kind

    def _skip(self, kind: int, *, listed: bool = False) -> None:
        if kind in (_TRUE, _FALSE):
            self.place += listed  # in a struct, the type is the value
        elif kind in (_BYTE, _DOUBLE):
            self.place += 1 if kind == _BYTE else 8
        elif kind == _BINARY:
            self._bytes()
        elif kind in (_LIST, _SET):
            count, inner = self._count()
            for _ in range(count):
                self._skip(inner, listed=True)
        elif kind == _MAP:
            count = self._varint()
            kinds = self._byte() if count else 0
            for _ in range(count):
                self._skip(kinds >> 4, listed=True)
                self._skip(kinds & 15, listed=True)
        elif kind == _STRUCT:
            for _, inner in self._fields():
                self._skip(inner)
        elif kind in (_I16, _I32, _I64):
            self._varint()
        else:
            raise IndexError
        if self.place > len(self.raw):
            raise IndexError

    def _bytes(self) -> bytes:
        count = self._varint()
        self.place += count
        return self.raw[self.place - count : self.place]

    def _count(self) -> tuple[int, int]:
        """How many items a list has, and of what type."""
        head = self._byte()
        return (self._varint() if head >> 4 == 15 else head >> 4), head & 15

    def _integer(self) -> int:
        value = self._varint()
        return (value >> 1) ^ -(value & 1)

    def _varint(self) -> int:
        value = shift = 0
        while (byte := self._byte()) >= 0x80:
            value |= (byte & 0x7F) << shift
            shift += 7
        return value | byte << shift

    def _byte(self) -> int:
        self.place += 1
        return self.raw[self.place - 1]
