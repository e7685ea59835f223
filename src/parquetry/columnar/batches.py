"""A Parquet or Arrow file -> batches of its rows, as they are laid out in it.

The file is not trusted. Nothing is mapped into memory; every batch is validated before anything else touches it; what
a batch takes in memory is bounded, however little the file says it is; and whatever Arrow says about a damaged file is
said with its name and a stable code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet as pq
from pyarrow.lib import Alignment

from parquetry.columnar import footers, messages, portions
from parquetry.columnar.portions import Portion
from parquetry.sources import streams
from parquetry.sources.partitions import Piece
from parquetry.words.errors import InputError, Problem

#: Bytes that a batch of Parquet may grow to at worst, if each value is the longest of its dictionary.
_HELD = 200_000_000
#: Bytes of a Parquet file that are read at a time.
_BUFFER = 1 << 20
_AGAIN = "fetch the file again, or write it again"


def opened(piece: Piece) -> Parquet | Arrow:
    """Open the file of a piece, to be used in a ``with`` statement.

    Raises:
        InputError: The file is empty, is not what its name says, or cannot be read.
    """
    return Parquet(piece) if piece.suffix == ".parquet" else Arrow(piece)


def batches(source: Parquet | Arrow, ratio: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a piece in validated batches of at most `portions.ROWS` rows and about `portions.BYTES` bytes.

    Args:
        source: A file, or some row groups of one.
        ratio: Largest ratio of the bytes that are read to the bytes of the file.

    Raises:
        InputError: The file has no rows, is damaged, or grows beyond all measure.
    """
    piece, count, grown, held = source.piece, 0, 0, list[Portion]()
    allowed = max(streams.RATIO_FLOOR, ratio * piece.bytes)
    with refusing(piece, source.code):
        promised = source.promised(ratio)
    if promised > allowed:
        raise _too_large(piece, allowed)
    for part in _parts(source):
        count, grown = count + part.rows.num_rows, grown + part.bytes + part.rows.num_rows
        if grown > allowed:
            raise _too_large(piece, allowed)
        if held and not portions.joins(held, part):
            yield portions.joined(held)
            held = []
        held.append(part)
    if held:
        yield portions.joined(held)
    source.finish(count)


@contextmanager
def refusing(piece: Piece, code: str) -> Iterator[None]:
    """Say what Arrow finds wrong with a file as an error of ours.

    Raises:
        InputError: With this code, or a better one.
    """
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError, OverflowError, RecursionError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        text = str(error).splitlines()[0] if str(error) else type(error).__name__
        if "decrypt" in text:
            what, fix = "the file is encrypted", "decrypt it first"
            raise InputError(Problem("PQ_ENCRYPTED", piece.name, what, fix)) from error
        code = "PQ_CHECKSUM" if "CRC checksum" in text else code
        raise InputError(Problem(code, piece.name, f"cannot be read: {text}", _AGAIN)) from error


class Parquet:
    """A Parquet file."""

    def __init__(self, piece: Piece) -> None:
        _check_ends(piece)
        self.piece, self.code = piece, "PQ_CORRUPT"
        with refusing(piece, "PQ_FOOTER"):
            self.file = self._open([])
            if (groups := footers.groups(piece.path)) is None:
                raise InputError(Problem("PQ_ENCRYPTED", piece.name, "some columns are encrypted", "decrypt it first"))
            self.schema = _readable(self.file.schema_arrow)
            metadata = self.file.metadata
            self.rows = [metadata.row_group(index).num_rows for index in range(metadata.num_row_groups)]
            if [len(group) for group in groups] != [metadata.num_columns] * len(self.rows):
                raise pa.ArrowInvalid("not every row group has every column")
        self.groups = groups
        if min(self.rows, default=0) < 0:
            raise InputError(Problem("PQ_FOOTER", piece.name, "a row group has less than no rows", _AGAIN))
        if not sum(self.rows):
            raise _nothing(piece)

    def __enter__(self) -> Parquet:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The batches as Arrow reads them: so few rows that the longest values of their dictionaries fit."""
        levels = [self.file.schema.column(index).max_repetition_level for index in range(len(self.groups[0]))]
        longest = [_longest(self.piece, group) for group in self.groups]
        if many := sorted(
            {
                name
                for group, lengths in zip(self.groups, longest, strict=True)
                for name in _unbounded(group, lengths, levels)
            }
        ):
            self.file.close()
            self.file = self._open(many)
        for index in range(self.piece.start, self.piece.stop or len(self.groups)):
            worst = sum(length for length, level in zip(longest[index], levels, strict=True) if not level)
            mean = sum(chunk.bytes for chunk in self.groups[index]) // max(self.rows[index], 1)
            rows = min(portions.ROWS, portions.BYTES // max(mean, 1), _HELD // max(worst, 1))
            yield from self.file.iter_batches(max(rows, 1), row_groups=[index], use_threads=False)

    def promised(self, ratio: int) -> int:
        """Bytes that the columns take at least, by the footer and by their pages, which may say something else.

        Raises:
            InputError: A page grows beyond all measure.
        """
        total = sum(chunk.promised for group in self.groups for chunk in group)
        with self.piece.path.open("rb") as file:
            for group in self.groups[self.piece.start : self.piece.stop or None]:
                for chunk in group:
                    found = 0
                    for grown, stored in footers.pages(file, chunk):
                        found += grown
                        if grown > (allowed := max(streams.RATIO_FLOOR, ratio * stored)):
                            raise _too_large(self.piece, allowed)
                    total += max(found - chunk.promised, 0)
        return total

    def finish(self, count: int) -> None:
        """Refuse a file that held other rows than its footer says."""
        promised = sum(self.rows[self.piece.start : self.piece.stop or None])
        if count != promised:
            what = f"the footer promises {promised} rows, the file holds {count}"
            raise InputError(Problem("PQ_CORRUPT", self.piece.name, what, _AGAIN))

    def _open(self, dictionaries: list[str]) -> Any:
        return pq.ParquetFile(
            self.piece.path,
            read_dictionary=dictionaries,
            buffer_size=_BUFFER,
            pre_buffer=False,
            page_checksum_verification=True,
            arrow_extensions_enabled=False,
        )


class Arrow:
    """An Arrow IPC file, or a stream."""

    def __init__(self, piece: Piece) -> None:
        self.piece, self.code = piece, "ARROW_CORRUPT"
        self.rows = list[int]()
        kind = streams.found(piece)
        with piece.path.open("rb") as file:
            stream = file.read(4) == b"\xff\xff\xff\xff"
        if kind != ".arrow" and not stream:
            what = f"the content is {kind.strip('.') or 'no Arrow file'}, the name says {piece.suffix}"
            fix = "give the file its right suffix; Feather files must be of version 2"
            raise InputError(Problem("ARROW_CORRUPT", piece.name, what, fix))
        options = pa.ipc.IpcReadOptions(use_threads=False, ensure_alignment=Alignment.DataTypeSpecific)
        self.source = pa.OSFile(str(piece.path))
        with refusing(piece, self.code):
            self.reader = (pa.ipc.open_stream if stream else pa.ipc.open_file)(self.source, options=options)
            self.schema = _readable(self.reader.schema)

    def __enter__(self) -> Arrow:
        return self

    def __exit__(self, *_: object) -> None:
        self.source.close()

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        if isinstance(self.reader, pa.ipc.RecordBatchFileReader):
            yield from (self.reader.get_batch(index) for index in range(self.reader.num_record_batches))
        else:
            yield from self.reader

    def promised(self, _: int) -> int:
        """Bytes that its messages say they have before compression."""
        return messages.promised(self.piece.path)

    def finish(self, count: int) -> None:
        """Refuse a file without rows."""
        if not count:
            raise _nothing(self.piece)


def _check_ends(piece: Piece) -> None:
    """Refuse what does not begin and end as Parquet does."""
    kind = streams.found(piece)
    with piece.path.open("rb") as file:
        start = file.read(4)
        file.seek(max(piece.path.stat().st_size - 4, 0))
        end = file.read(4)
    if b"PARE" in (start, end):
        raise InputError(Problem("PQ_ENCRYPTED", piece.name, "the file is encrypted", "decrypt it first"))
    if start != b"PAR1":
        what = f"the content is {kind.strip('.') or 'no Parquet file'}, the name says .parquet"
        raise InputError(Problem("PQ_MAGIC", piece.name, what, "give the file its right suffix, or fetch it again"))
    if end != b"PAR1":
        raise InputError(Problem("PQ_FOOTER", piece.name, "the file is cut off: it has no footer", _AGAIN))


def _readable(schema: pa.Schema) -> pa.Schema:
    """A schema of which every name can be read: Arrow decodes a name when it is asked for it, and not before.

    Raises:
        UnicodeDecodeError: A name is not UTF-8.
    """
    todo = list(schema)
    while todo:
        field = todo.pop()
        _ = field.name
        todo += [field.type.field(index) for index in range(field.type.num_fields)]
    return schema


def _longest(piece: Piece, group: list[footers.Chunk]) -> list[int]:
    """For each column of a row group, the bytes that no value from its dictionary exceeds."""
    found = list[int]()
    with piece.path.open("rb") as file:
        for chunk in group:
            longest = 0
            if chunk.is_text and chunk.has_dictionary and 0 <= chunk.start < piece.bytes:
                file.seek(chunk.start)
                longest = _page_bytes(file.read(24)) or chunk.bytes
            if chunk.has_prefixes:
                longest = max(longest, chunk.bytes)
            found.append(longest)
    return found


def _unbounded(group: list[footers.Chunk], longest: list[int], levels: list[int]) -> Iterator[str]:
    """The columns in lists that might not fit into memory if each element were the longest of its dictionary."""
    for chunk, length, level in zip(group, longest, levels, strict=True):
        if level and chunk.values * length > _HELD:
            yield chunk.path


def _page_bytes(header: bytes) -> int:
    """Bytes of a page by its Thrift header: field 1 its type, 2 and 3 its bytes before and after compression; or 0."""
    figures, place = list[int](), 0
    for _ in range(3):
        if header[place : place + 1] != b"\x15":  # the next field, an integer
            return 0
        value = shift = 0
        while (place := place + 1) < len(header):
            value |= (header[place] & 0x7F) << shift
            shift += 7
            if header[place] < 0x80:
                break
        place += 1
        figures.append(value >> 1)
    return max(figures[1:])


def _parts(source: Parquet | Arrow) -> Iterator[Portion]:
    """The batches of a file, validated and cut."""
    rows = iter(source)
    while True:
        with refusing(source.piece, source.code):
            if (batch := next(rows, None)) is None:
                return
            portions.validate(batch)
            parts = list(portions.portions(batch))
        yield from parts


def _too_large(piece: Piece, allowed: int) -> InputError:
    what, fix = f"grew beyond {allowed} bytes", "raise limits.decompression_ratio if this is no attack"
    return InputError(Problem("DECOMPRESSION_RATIO", piece.name, what, fix))


def _nothing(piece: Piece) -> InputError:
    return InputError(Problem("INPUT_EMPTY", piece.name, "the file holds no rows", "remove it, or write it again"))
