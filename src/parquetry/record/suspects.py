"""Columns -> the rows that need a closer look.

This is the fast path of `validate`: a column at a time, and each value of a column once. It may suspect too many rows,
never too few. A schema whose rules reach across columns makes all rows suspects.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.record.conform import plain
from parquetry.record.judge import compiled
from parquetry.words.fields import Field
from parquetry.words.schema import Schema, walk

#: Keywords at the top of a schema that say nothing about two columns at once.
_TOP = set("$schema $id $comment $defs title description type properties required additionalProperties".split())
#: Keywords of a field that its column bears out already, being of its type.
_FREE = set("type title description examples default $comment x-unit x-arrow x-feature".split())
_LENGTHS = {"minLength", "maxLength"}
Mask = np.ndarray[Any, np.dtype[np.bool_]]


def suspects(batch: pa.RecordBatch, schema: Schema) -> Mask:
    """For each row of a batch with the columns of the schema whether it may break a rule."""
    found = np.full(batch.num_rows, not _apart(schema))
    for index, field in enumerate(schema.fields if not found.all() else ()):
        column = batch.column(index)
        if field.required and not field.nullable and column.null_count:
            found |= _mask(column.is_null())
        found |= _broken(column, field, schema)
    return found


@lru_cache(maxsize=256)
def _apart(schema: Schema) -> bool:
    """Whether a row is right as soon as each of its columns is."""
    document = schema.document
    parts = [spec for _, spec in walk(document)]
    if any(not str(spec.get("$ref", "#/$defs/")).startswith("#/$defs/") or "$dynamicRef" in spec for spec in parts):
        return False
    if not set(document.get("required", ())) <= document["properties"].keys():
        return False  # no column holds what every row must have
    return document.keys() <= _TOP and document.get("type") == "object" and not document.get("additionalProperties")


def _broken(column: pa.Array, field: Field, schema: Schema) -> Mask:
    """The rows whose value, if they have one, may break a rule of its field."""
    spec = schema.document["properties"][field.name]
    words = spec.keys() - _FREE if isinstance(spec, dict) else {"it is true or false"}
    if field.kind in ("date", "date-time"):
        words = words - {"format"}  # only a day or an instant is in such a column
    if not words and field.kind not in ("list", "struct", "map"):
        return np.zeros(len(column), bool)
    if words <= _LENGTHS and field.kind == "string":
        lengths = pc.utf8_length(column)
        short = pc.less(lengths, spec.get("minLength", 0))
        return _mask(pc.or_(short, pc.greater(lengths, spec.get("maxLength", 2**31 - 1))))
    judge = _judge(schema, field.name)
    if field.kind in ("list", "struct", "map"):
        values = column.to_pylist()
        return np.array([v is not None and not judge.is_valid(plain(field, v)) for v in values], bool)
    coded = column.dictionary_encode()
    wrong = [not judge.is_valid(plain(field, value)) for value in coded.dictionary.to_pylist()]
    return _mask(pa.array(wrong, pa.bool_()).take(coded.indices))


@lru_cache(maxsize=4096)
def _judge(schema: Schema, name: str) -> Any:
    """The judge of one column."""
    parts = {**schema.document.get("$defs", {}), "parquetry:column": schema.document["properties"][name]}
    return compiled({"$ref": "#/$defs/parquetry:column", "$defs": parts})


def _mask(column: pa.Array) -> Mask:
    """A column of true and false as numpy has it; null is false."""
    numbers = pc.fill_null(column, False).cast(pa.uint8())
    return np.frombuffer(numbers.buffers()[1] or b"", np.uint8)[numbers.offset : numbers.offset + len(numbers)].view(
        bool
    )
