"""JSON Lines -> batches of rows.

A line that holds no record of the schema's shape is set aside here, with its place and the reason; whether the record
is *right* is `validate`'s business.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from parquetry.sources import blocks, conform
from parquetry.sources.encodings import decoded, legible, refused, utf8_stream, wide
from parquetry.sources.partitions import Piece
from parquetry.sources.streams import Stream
from parquetry.words import strict_json
from parquetry.words.recipe import Limits, Table
from parquetry.words.records import LINE, Removed, Sifted
from parquetry.words.schema import Schema

#: Bytes of text held in memory at a time by each worker: what fits a processor's cache. They do not change the output.
BLOCK_BYTES = 2 << 20
#: So few lines are read one by one.
FEW = 8
#: A byte order mark: at the start of a file, or where two files were joined. It is no part of a text.
BOM = b"\xef\xbb\xbf"
#: Anything but white space.
_INK = re.compile(rb"\S")
#: How an object begins in UTF-16 without a byte order mark.
_BARE = {b'{\0"\0': "16-le", b'\0{\0"': "16-be"}


class Line(NamedTuple):
    """A line of a file, without its end."""

    number: int  #: From 1, in its piece.
    text: bytes
    whole: bool = True  #: Or cut, because it is longer than the limit.


class Block(NamedTuple):
    """Some whole lines of a file, or the first bytes of one that is too long."""

    text: memoryview
    whole: bool = True


def read(piece: Piece, schema: Schema, rules: Table, limits: Limits) -> Iterator[Sifted]:
    """Yield the records of a piece in batches, with numbers of lines that count from the start of the piece.

    Raises:
        InputError: The file is empty, is not what its name says or in no such encoding, or cannot be decompressed.
    """
    encoding, first = rules.read.encoding, 1
    reader = Reader(piece.name, schema, limits, nul=rules.read.nul == "keep", encoding=encoding)
    with Stream(piece, limits.decompression_ratio) as stream:
        for block in cut(utf8_stream(stream, encoding, piece.name), limits.line_bytes):
            start = bytes(block.text[:4]) if first == 1 and not piece.start else b""
            if bits := wide(start, encoding) or _BARE.get(start):
                raise refused(f"utf-{bits}", encoding, piece.name)
            batch = reader.block(first, block)
            first += batch.lines
            yield batch._replace(position=stream.position)


class Reader:
    """Reads lines as records: many at once where that is surely right, else one by one."""

    def __init__(
        self, source: str, schema: Schema, limits: Limits, *, nul: bool = False, encoding: str = "utf-8"
    ) -> None:
        self.source, self.schema, self.limits, self.encoding = source, schema, limits, encoding
        self.structure = strict_json.Limits(limits.depth, limits.fields, nul)
        self.columns = pa.schema([*schema.arrow, LINE])
        self.fast = blocks.readable(schema, self.structure)

    def block(self, first: int, block: Block) -> Sifted:
        """The records of a block whose first line has this number, and what is none."""
        found = blocks.parse(block.text, self.schema, self.structure) if block.whole and self.fast else blocks.Wrong()
        if isinstance(found, blocks.Parsed) and found.surely(self.limits.line_bytes):
            rows = found.rows.num_rows
            return Sifted(self.numbered(found.rows, range(first, first + rows)), lines=rows)
        some, count = written(first, block, self.limits.line_bytes)
        known = found if len(some) == count else None
        return self.lines(some, known)._replace(blank=count - len(some), lines=count)

    def lines(self, lines: list[Line], known: blocks.Parsed | blocks.Wrong | None = None) -> Sifted:
        """The records of some lines, and what is none; ``known`` is what was found when all of them were read."""
        if not self.fast or len(lines) < FEW:
            return self.exactly(lines)
        if odd := [i for i, line in enumerate(lines) if not _plain(line)]:
            return self._apart(lines, odd)
        if known is None:
            text = b"\n".join(line.text for line in lines)
            known = blocks.parse(memoryview(text), self.schema, self.structure)
        if isinstance(known, blocks.Parsed):
            unsure = np.flatnonzero(known.unsure).tolist()
            rows = self.numbered(known.rows, [line.number for line in lines])
            if not unsure:
                return Sifted(rows)
            return joined([Sifted(rows.filter(pa.array(~known.unsure))), self.exactly([lines[i] for i in unsure])])
        return self._closer(lines, known)

    def _closer(self, lines: list[Line], known: blocks.Wrong) -> Sifted:
        """The records of lines of which some are wrong: what is known of one helps only where they are few.

        Each step leaves parts that are shorter by a share, so that any number of wrong lines is found in few steps.
        """
        if len(lines) // 8 <= known.row < len(lines):  # those before it are read, but for what Arrow looks at last
            before, after = lines[: known.row], lines[known.row + 1 :]
            return joined([self.lines(before), self.exactly([lines[known.row]]), self.lines(after)])
        odd = [line for line in lines if known.text in line.text] if known.text else []
        if not 0 < len(odd) < len(lines) // 8:
            odd = []
        numbers = {line.number for line in odd}
        others = [line for line in lines if line.number not in numbers]
        middle = len(others) // 2
        return joined([self.exactly(odd), self.lines(others[:middle]), self.lines(others[middle:])])

    def _apart(self, lines: list[Line], odd: list[int]) -> Sifted:
        """Some lines one by one, the others together."""
        wrong = set(odd)
        others = [line for i, line in enumerate(lines) if i not in wrong]
        return joined([self.lines(others), self.exactly([lines[i] for i in odd])])

    def numbered(self, rows: pa.RecordBatch, numbers: Sequence[int]) -> pa.RecordBatch:
        """Rows with the numbers of their lines."""
        return pa.RecordBatch.from_arrays([*rows.columns, pa.array(numbers, LINE.type)], schema=self.columns)

    def exactly(self, lines: list[Line]) -> Sifted:
        """The records of some lines, one by one: the definition."""
        rows, removed = list[dict[str, Any]](), list[Removed]()
        for number, raw, whole in lines:
            value: Any = legible(raw, self.encoding)
            try:
                if not whole:
                    what = f"longer than {self.limits.line_bytes} bytes; what follows them is not kept"
                    raise strict_json.NotJson("LINE_TOO_LONG", what)
                decoded(raw, self.encoding, "record")
                value = strict_json.loads(raw, self.structure)
                rows.append(conform.record(self.schema, value) | {LINE.name: number})
            except strict_json.NotJson as error:
                removed.append(Removed(error.code, "", self.source, number, error.pointer, error.what, value))
        return Sifted(pa.RecordBatch.from_pylist(rows, schema=self.columns), tuple(removed))


def _plain(line: Line) -> bool:
    """Whether a line may be an object, and is whole."""
    return line.whole and line.text[:1] == b"{" and line.text[-1:] == b"}"


def joined(parts: list[Sifted]) -> Sifted:
    """Several batches as one, in the order of their lines."""
    kept = [part.kept for part in parts if part.kept.num_rows]
    rows = pa.concat_batches(kept) if kept else parts[0].kept
    numbers = rows.column(LINE.name).to_numpy()
    if (np.diff(numbers) < 0).any():
        rows = rows.take(pa.array(np.argsort(numbers, kind="stable")))
    return Sifted(rows, tuple(sorted((row for part in parts for row in part.removed), key=lambda row: row.line)))


def written(first: int, block: Block, most: int) -> tuple[list[Line], int]:
    """The lines of a block that are not blank, without ends and byte order marks; and how many lines it has."""
    text = bytes(block.text)
    found, at, number = list[Line](), 0, first
    while ink := _INK.search(text, at):  # so that millions of empty lines cost nothing
        start = text.rfind(b"\n", at, ink.start()) + 1 or at
        found += _long(number, text[at:start], most)
        number += text.count(b"\n", at, start)
        end = text.find(b"\n", start) if block.whole else len(text)
        end = end if end >= 0 else len(text)
        line = _line(number, text[start:end], most)
        if line.text.strip() or not line.whole:
            found.append(line)
        at, number = end + 1, number + 1
    found += _long(number, text[at:], most)
    if not block.whole:
        found = [line._replace(whole=False) for line in found]
    return found, text.count(b"\n") + (not text.endswith(b"\n"))


def _line(number: int, text: bytes, most: int) -> Line:
    bare = text.removesuffix(b"\r")
    return Line(number, bare.removeprefix(BOM)[: most + 2], len(bare) <= most)


def _long(first: int, text: bytes, most: int) -> list[Line]:
    """Of blank lines those that are too long even so."""
    if len(text) <= most:
        return []
    ends = np.append(np.flatnonzero(np.frombuffer(text, np.uint8) == 10), len(text))
    starts = np.concatenate([[0], ends[:-1] + 1])
    long = np.flatnonzero(ends - starts > most).tolist()
    lines = (_line(first + index, text[starts[index] : ends[index]], most) for index in long)
    return [line for line in lines if not line.whole]


def cut(stream: io.RawIOBase, most: int) -> Iterator[Block]:
    """The text of a stream, cut behind ends of lines. The memory of a block is used again for the next.

    Args:
        stream: The text.
        most: Bytes of the longest line that is of interest.
    """
    buffer, held = bytearray(BLOCK_BYTES), 0
    while count := stream.readinto(memoryview(buffer)[held:]) or 0:
        end = held + count
        cut = buffer.rfind(b"\n", held, end) + 1
        if cut:
            yield Block(memoryview(buffer)[:cut])
            buffer[: end - cut], held = buffer[cut:end], end - cut
        elif end > most + len(BOM) + 2:
            yield Block(memoryview(buffer)[: most + len(BOM) + 2], whole=False)
            held = _skipped(stream, buffer)
        else:
            held = end
            if held == len(buffer):
                buffer = buffer + bytearray(len(buffer))
    if held:
        yield Block(memoryview(buffer)[:held])


def _skipped(stream: io.RawIOBase, buffer: bytearray) -> int:
    """Read over the rest of a line; what was read behind it is moved to the start of the buffer."""
    while count := stream.readinto(memoryview(buffer)):
        if end := buffer.find(b"\n", 0, count) + 1:
            buffer[: count - end] = buffer[end:count]
            return count - end
    return 0
