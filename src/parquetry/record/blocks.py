"""Many lines at once -> rows in the exact types of their columns, or nothing.

This is the fast path of `sources`: Arrow's own reader, told the types. It answers for whole blocks of lines, and only
where its answer is surely that of `strict_json` and `conform`, which define it. What it is not sure of it hands back;
then those two read line by line, and say what is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from parquetry.words.fields import Field
from parquetry.words.schema import Schema
from parquetry.words.strict_json import Limits

_DATE = r"^\d{4}-\d\d-\d\d$"
_INSTANT = r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$"
#: Kinds that Arrow reads as the exact path does, and what it is told to read them as.
_READ = {"string": pa.string(), "boolean": pa.bool_(), "date": pa.string(), "date-time": pa.string()}
_READ |= {"number": pa.float64(), "float64": pa.float64()}
_READ |= {kind: pa.int64() for kind in ("integer", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32")}
#: First day of year 1, in days since 1970, and the same in microseconds: Python knows none before.
_FIRST_DAY, _FIRST_INSTANT = -719_162, -719_162 * 86_400_000_000


def readable(schema: Schema, limits: Limits) -> bool:
    """Whether Arrow can be trusted with records of this schema at all."""
    levels = max((_levels(field) for field in schema.fields), default=0)
    return levels < limits.depth and all(_simple(field) for field in schema.fields)


def parse(lines: Sequence[bytes], schema: Schema, limits: Limits) -> pa.RecordBatch | None:
    """Lines as rows with the columns of the schema; None unless all of them are surely read right.

    Args:
        lines: Without line ends.
        schema: One that is `readable`.
        limits: Of the structure of a record.
    """
    if not all(line.startswith(b"{") for line in lines):  # a bare null makes Arrow 26 read where there is no memory
        return None
    block = b"\n".join(lines)
    controls = np.count_nonzero(np.frombuffer(block, np.uint8) < ord(" "))
    if controls >= len(lines) or b"\\u0000" in block:  # line feeds aside, none belongs here, or Arrow splits at it
        return None
    crowded = max(map(len, lines)) // 5 > limits.fields  # a member has five bytes at least: "":0,
    if crowded and (any(map(_repeats, schema.fields)) or _members(schema.fields) > limits.fields):
        return None
    try:
        block.decode("utf-8")  # Arrow takes text that is no UTF-8
        table = pj.read_json(
            pa.BufferReader(block),
            read_options=pj.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=pj.ParseOptions(
                explicit_schema=pa.schema([(f.name, _read_as(f)) for f in schema.fields]),
                unexpected_field_behavior="error",
            ),
        )
        if table.num_rows != len(lines):
            return None
        batch = table.combine_chunks().to_batches()[0]
        columns = [_exact(field, batch.column(index)) for index, field in enumerate(schema.fields)]
    except (pa.ArrowInvalid, UnicodeDecodeError, _Unsure):
        return None
    return pa.RecordBatch.from_arrays(columns, schema=schema.arrow)


class _Unsure(Exception):
    """The exact path may read this in another way."""


def _exact(field: Field, column: pa.Array) -> pa.Array:
    """A column as Arrow read it in the exact type of the schema."""
    if field.kind == "list":
        values = _exact(field.fields[0], column.values)
        return pa.ListArray.from_arrays(column.offsets, values, mask=column.is_null() if column.null_count else None)
    if field.kind == "struct":
        parts = [_exact(inner, column.field(index)) for index, inner in enumerate(field.fields)]
        fields = [pa.field(inner.name, inner.arrow) for inner in field.fields]
        return pa.StructArray.from_arrays(parts, fields=fields, mask=column.is_null() if column.null_count else None)
    if field.kind in ("number", "float64"):
        _check(column, pc.less(pc.abs(column), 2.0**53))  # false for what is not finite, too
    elif field.kind in ("date", "date-time"):
        _check(column, pc.match_substring_regex(column, _DATE if field.kind == "date" else _INSTANT))
        column = column.cast(field.arrow)
        first = _FIRST_DAY if field.kind == "date" else _FIRST_INSTANT
        _check(column, pc.greater_equal(column.cast(pa.int32() if field.kind == "date" else pa.int64()), first))
    return column.cast(field.arrow)


def _check(column: pa.Array, sure: pa.Array) -> None:
    """Go on only if this holds of all values; null is no value."""
    if pc.all(pc.fill_null(sure, True)).as_py() is False:
        raise _Unsure


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
