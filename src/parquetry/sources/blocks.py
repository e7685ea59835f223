"""Many lines at once -> rows in the exact types of their columns, or where to look closer.

This is the fast path of `lines`: Arrow's own reader, told the types. It answers for whole blocks of lines, and only
where its answer is surely that of `strict_json` and `conform`, which define it. What it is not sure of it hands back;
then those two read line by line, and say what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from parquetry.sources.conform import DAYS
from parquetry.words.fields import Field
from parquetry.words.records import Mask
from parquetry.words.schema import Schema
from parquetry.words.strict_json import Limits

#: The usual form of an instant, as an expression; Arrow reads it as the exact path does.
INSTANT = r"^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,6})?(Z|[+-]([01]\d|2[0-3]):[0-5]\d)$"
#: Kinds that Arrow reads as the exact path does, and what it is told to read them as.
_READ = {"string": pa.string(), "boolean": pa.bool_(), "date": pa.string(), "date-time": pa.string()}
_READ |= {"number": pa.float64(), "float64": pa.float64()}
_READ |= {kind: pa.int64() for kind in ("integer", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")}
#: The row that Arrow could not read, as it says.
_ROW = re.compile(r" in row (\d+)$")
#: The text that is no UTF-8, and the number that is none of its column, as Arrow says them.
_STRING, _NUMBER = re.compile(r" at string index (\d+)$"), re.compile(r"couldn't parse:(\S+)$")


class Wrong(NamedTuple):
    """Why lines are not read, as far as it is known."""

    row: int = -1  #: Index of a line that is at fault.
    text: bytes = b""  #: What stands in a line that is at fault, and perhaps in others.


class Parsed(NamedTuple):
    """Lines as rows."""

    rows: pa.RecordBatch  #: With the columns of the schema.
    unsure: Mask  #: Rows that the exact path may read in another way.
    longest: int  #: Bytes of the longest line.

    def surely(self, most: int) -> bool:
        """Whether all rows are right, and no line is longer than the most bytes that one may have."""
        return self.longest <= most and not self.unsure.any()


def readable(schema: Schema, limits: Limits) -> bool:
    """Whether Arrow can be trusted with records of this schema at all."""
    levels = max((_levels(field) for field in schema.fields), default=0)
    return schema.closed and levels < limits.depth and all(_simple(field) for field in schema.fields)


def parse(text: memoryview, schema: Schema, limits: Limits) -> Parsed | Wrong:
    """Lines as rows, or else what is known about the reason why not.

    Args:
        text: Whole lines with their ends; the last may be without.
        schema: One that is `readable`.
        limits: Of the structure of a record.
    """
    if bytes(text[-2:]) == b"\r\n":
        text = memoryview(bytes(text).replace(b"\r\n", b"\n"))
    if (lengths := _lengths(np.frombuffer(text, np.uint8))) is None:
        return Wrong()
    crowded = int(lengths.max()) // 5 > limits.fields  # a member has five bytes at least: "":0,
    if crowded and (any(map(_repeats, schema.fields)) or _members(schema.fields) > limits.fields):
        return Wrong()
    try:
        table = pj.read_json(
            pa.BufferReader(pa.py_buffer(text)),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(text) + 1),
            parse_options=pj.ParseOptions(explicit_schema=_asked(schema), unexpected_field_behavior="error"),
        )
        if table.num_rows != len(lengths):
            return Wrong()
        unsure = np.zeros(len(lengths), bool)
        batch = table.combine_chunks().to_batches()[0]
        columns = [exact(field, batch.column(index), unsure) for index, field in enumerate(schema.fields)]
    except pa.ArrowInvalid as error:
        row, number = _ROW.search(str(error)), _NUMBER.search(str(error))
        return Wrong(int(row[1]) if row else -1, number[1].encode() if number else b"")
    except _Unsure:
        return Wrong()
    return Parsed(pa.RecordBatch.from_arrays(columns, schema=schema.arrow), unsure, int(lengths.max()))


class _Unsure(Exception):
    """The exact path may read this in another way, and it is not known which row."""


def _lengths(text: np.ndarray[Any, np.dtype[np.uint8]]) -> np.ndarray[Any, np.dtype[np.int64]] | None:
    """Bytes of each line; None if one of them may not be one JSON object, and nothing else.

    Each line must begin and end with a brace, so that no value goes on in the next line: a line feed between ``}`` and
    ``{`` stands between two values, or in a string, where Arrow refuses it. A bare ``null`` makes Arrow 26 read where
    there is no memory, and a NUL makes it stop without a word.
    """
    if not len(text) or text.min() < 10:  # a line feed is the lowest that may stand here; Arrow judges the others
        return None
    ends = np.flatnonzero(text == 10)
    if not len(ends) or ends[-1] != len(text) - 1:
        ends = np.append(ends, len(text))
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths: np.ndarray[Any, np.dtype[np.int64]] = ends - starts
    if lengths.min() < 2 or (text[starts] != ord("{")).any() or (text[ends - 1] != ord("}")).any():
        return None
    return lengths


@lru_cache(maxsize=64)
def _asked(schema: Schema) -> pa.Schema:
    """The types that Arrow is told to read."""
    return pa.schema([(field.name, _read_as(field)) for field in schema.fields])


def exact(field: Field, column: pa.Array, unsure: Mask | None) -> pa.Array:
    """A column as Arrow read it in the exact type of the schema.

    Args:
        field: The column.
        column: As it was read.
        unsure: Where to mark rows that are not surely right; None inside lists and objects.
    """
    nulls = column.is_null() if column.null_count else None
    if field.kind == "list":
        return pa.ListArray.from_arrays(column.offsets, exact(field.fields[0], column.values, None), mask=nulls)
    if field.kind == "struct":
        parts = [exact(inner, column.field(index), None) for index, inner in enumerate(field.fields)]
        return pa.StructArray.from_arrays(parts, fields=list(field.arrow), mask=nulls)
    if field.kind in ("number", "float64"):
        column = sure(column, pc.less(pc.abs(column), 2.0**53), unsure)  # false for what is not finite, too
    elif field.kind == "date":
        column = sure(column, pc.equal(pc.binary_length(column), 10), unsure)
        column = _days(column, field, unsure)
    elif field.kind == "date-time":
        column = sure(column, pc.match_substring_regex(column, INSTANT), unsure)
        column = _days(column, field, unsure)
    elif field.kind == "string":
        column = _text(column, unsure)
    return column.cast(field.arrow)


def _text(column: pa.Array, unsure: Mask | None) -> pa.Array:
    """A column of texts; not sure are those that are no UTF-8, or have U+0000, at neither of which Arrow looks."""
    if unsure is None:
        column.validate(full=True)
    else:
        _mark_undecodable(column, unsure)
    raw = np.frombuffer(column.buffers()[2] or b"", np.uint8)
    if len(raw) and not raw.min():
        if unsure is None:
            raise _Unsure
        ends = np.frombuffer(column.buffers()[1], np.int32)[column.offset + 1 : column.offset + len(column) + 1]
        unsure[np.searchsorted(ends, np.flatnonzero(raw == 0), side="right")] = True
    return column


def _mark_undecodable(column: pa.Array, unsure: Mask) -> None:
    """Mark the rows whose text is no UTF-8: Arrow names the first, so it is asked again about those behind it."""
    start = 0
    while start < len(column):
        try:
            column.slice(start).validate(full=True)
            break
        except pa.ArrowInvalid as error:
            if not (place := _STRING.search(str(error))):
                raise
            start += int(place[1]) + 1
            unsure[start - 1] = True


def _days(column: pa.Array, field: Field, unsure: Mask | None) -> pa.Array:
    """Texts that have the form of days or instants as such; those that no calendar has are not sure."""
    try:
        typed = column.cast(field.arrow)
    except pa.ArrowInvalid:
        if unsure is None:
            raise
        right = [value is None or _there(value, field) for value in column.to_pylist()]
        typed = sure(column, pa.array(right, pa.bool_()), unsure).cast(field.arrow)
    days = typed.cast(pa.int32()) if field.kind == "date" else pc.divide(typed.cast(pa.int64()), 86_400_000_000)
    return sure(typed, pc.and_(pc.greater(days, DAYS[0]), pc.less(days, DAYS[1])), unsure)


def _there(value: str, field: Field) -> bool:
    try:
        pa.array([value]).cast(field.arrow)
    except pa.ArrowInvalid:
        return False
    return True


def sure(column: pa.Array, right: pa.Array, unsure: Mask | None) -> pa.Array:
    """A column with null in place of the values that are not right, whose rows are marked; null is no value."""
    right = pc.fill_null(right, True)
    if not pc.all(right).as_py():
        if unsure is None:
            raise _Unsure
        unsure |= ~right.to_numpy(zero_copy_only=False)
        column = pc.if_else(right, column, pa.scalar(None, column.type))
    return column


def _read_as(field: Field) -> pa.DataType:
    if field.kind == "list":
        return pa.list_(_read_as(field.fields[0]))
    if field.kind == "struct":
        return pa.struct([(inner.name, _read_as(inner)) for inner in field.fields])
    return _READ[field.kind]


def _within(field: Field) -> Iterator[Field]:
    """A field and all inside it."""
    yield field
    for inner in field.fields:
        yield from _within(inner)


def _simple(field: Field) -> bool:
    return all(one.kind in _READ or (one.kind in ("list", "struct") and one.fields) for one in _within(field))


def _levels(field: Field) -> int:
    return 1 + max((_levels(inner) for inner in field.fields), default=0)


def _repeats(field: Field) -> bool:
    """Whether objects stand in a list, so that a record can have any number of members."""
    return any(one.kind == "list" and any(i.kind == "struct" for i in _within(one)) for one in _within(field))


def _members(fields: Sequence[Field]) -> int:
    return sum(one.kind != "list" for field in fields for one in _within(field))
