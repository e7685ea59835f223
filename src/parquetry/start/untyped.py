"""A file -> its records as they stand there, before there is a schema.

What a line, an element of an array, a CSV record or a row of Parquet says, read by the same rules as in a build. Cells
of CSV stay text, and an empty cell is null. A record that a build would set aside whatever the schema comes out as the
reason.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from parquetry.columnar import batches, values
from parquetry.sources import elements, lines, separated
from parquetry.sources.array import refuse_hidden
from parquetry.sources.cells import opened
from parquetry.sources.encodings import decoded, refused, utf8, utf8_stream, wide
from parquetry.sources.partitions import FORMATS, Piece, unread
from parquetry.sources.streams import Stream
from parquetry.words import strict_json
from parquetry.words.errors import InputError, Problem, RecipeError
from parquetry.words.recipe import Limits, Read
from parquetry.words.schema import Schema
from parquetry.words.strict_json import NotJson

#: A schema that knows no member, and passes over all of them.
OPEN = Schema({}, (), closed=False)
_LIMITS = Limits()


class Record(NamedTuple):
    """One record, or why there is none."""

    line: int  #: From 1; of Parquet and Arrow the number of the row.
    value: dict[str, Any] | NotJson


def piece_of(path: Path) -> Piece:
    """A file that is read.

    Raises:
        RecipeError: There is no such file, or files of its kind are not read.
    """
    if not path.is_file():
        fix = "correct the path" if not path.is_dir() else "name a file in it"
        raise RecipeError(Problem("SOURCE_MISSING", str(path), "there is no such file", fix))
    if (fix := unread(path.name)) or FORMATS[Piece(path, path.name, 0).suffix] == "documents":
        fix = fix or "see docs/SOURCES.md for folders of text; a draft is made from records"
        raise RecipeError(Problem("INPUT_TYPE", str(path), "no records are read from this kind of file", fix))
    return Piece(path, path.name, path.stat().st_size)


def records(piece: Piece, rules: Read) -> Iterator[Record]:
    """Yield the records of a file.

    Raises:
        InputError: As a build would: the file is empty, is not what its name says, or cannot be read.
    """
    kind = FORMATS[piece.suffix]
    if kind == "columns":
        yield from _rows(piece)
        return
    if kind == "cells":
        with opened(piece, rules, _LIMITS) as (text, _):
            names = header(text, rules)
            yield from (Record(one.line, _cells(one, names, rules.encoding)) for one in cells(text))
        return
    with Stream(piece, _LIMITS.decompression_ratio) as stream:
        if kind == "lines":
            yield from _lines(utf8_stream(stream, rules.encoding, piece.name), piece.name, rules.encoding)
        else:
            yield from _elements(elements.Text(utf8(stream, rules.encoding, piece.name), piece.name, _most()))


def columns(piece: Piece) -> pa.Schema:
    """The columns of a Parquet or Arrow file.

    Raises:
        InputError: It cannot be read.
    """
    with batches.opened(piece) as source:
        _check_count(len(source.schema), piece.name)
        return source.schema


def header(text: separated.Text, rules: Read) -> list[str]:
    """The names of the columns of a CSV file.

    Raises:
        InputError: It is broken, a column has no name, or two have one.
    """
    first = next(cells(text, 1), None)
    if first is None:
        fix = "remove it, or fetch it again"
        raise InputError(Problem("INPUT_EMPTY", text.name, "the file holds nothing but empty lines", fix))
    _check_count(len(first.cells), text.name)
    return [field.name for field in separated.header(first, OPEN, text, rules.encoding)]


def _check_count(columns: int, name: str) -> None:
    if columns > _LIMITS.fields:
        what, fix = f"{columns} columns; a table has at most {_LIMITS.fields}", "keep those that are to be published"
        raise InputError(Problem("FIELD_COUNT", name, what, fix))


def cells(text: separated.Text, most: int = 4096) -> Iterator[separated.Record]:
    """The records of a CSV file from here on, empty lines aside; ``most`` are taken at a time."""
    while text.ready():
        if not (some := text.take(most)):
            text.more()
        if full := [one for one in some if not one.blank]:
            yield from full
        elif some:
            text.skip()


def _lines(stream: io.RawIOBase, name: str, encoding: str) -> Iterator[Record]:
    first = 1
    for block in lines.cut(stream, _most()):
        if first == 1 and (bits := wide(bytes(block.text[:4]), encoding)):
            raise refused(f"utf-{bits}", encoding, name)
        some, count = lines.written(first, block, _most())
        for number, text, whole in some:
            if not whole:
                what, fix = f"longer than {_most()} bytes", "a file of one JSON array is called .json"
                raise InputError(Problem("LINE_TOO_LONG", f"{name}:{number}", what, fix))
            yield Record(number, _object(text.strip(b" \t\r\n")))
        first += count


def _elements(text: elements.Text) -> Iterator[Record]:
    text.open()
    while some := text.elements():
        for one in some:
            value = _object(one.text)
            if isinstance(value, NotJson):
                refuse_hidden(one, text.name)
            yield Record(one.line, value)
    text.close()


def _object(text: bytes) -> dict[str, Any] | NotJson:
    try:
        value = strict_json.loads(text)
    except NotJson as error:
        return error
    return value if isinstance(value, dict) else NotJson("JSON_NOT_OBJECT", "a record is a JSON object")


def _cells(record: separated.Record, names: list[str], encoding: str) -> dict[str, Any] | NotJson:
    try:
        decoded(record.text, encoding, "record")
    except NotJson as error:
        return error
    if record.fault[0]:
        return NotJson(*record.fault)
    if len(record.cells) != len(names):
        return NotJson("CSV_FIELD_COUNT", f"expected {len(names)} cells, found {len(record.cells)}")
    if b"\0" in record.text:
        return NotJson("UNICODE_NUL", "the character U+0000 stands in a cell")
    return {name: cell.decode() or None for name, cell in zip(names, record.cells, strict=True)}


def _rows(piece: Piece) -> Iterator[Record]:
    number, limits = 0, strict_json.Limits()
    with batches.opened(piece) as source:
        for batch in batches.batches(source, _LIMITS.decompression_ratio):
            found = [values.values(column, None, limits) for column in batch.columns]
            for index in range(batch.num_rows):
                number += 1
                row = {name: column[index] for name, column in zip(batch.schema.names, found, strict=True)}
                yield Record(number, _checked(row))


def _checked(row: dict[str, Any]) -> dict[str, Any] | NotJson:
    try:
        values.check(row)
    except NotJson as error:
        return error
    return row


def _most() -> int:
    """Bytes of the longest record."""
    return int(_LIMITS.line_bytes)
