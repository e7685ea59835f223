"""Rows -> rows that the JSON Schema accepts.

This is the only gate. `suspects` looks at whole columns, and `judge` decides about the rows that it cannot clear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.record.conform import document
from parquetry.record.judge import Verdict, judge
from parquetry.record.suspects import suspects
from parquetry.words.errors import pointer
from parquetry.words.records import LINE, Removed, Sifted
from parquetry.words.schema import Schema


def validate(
    batch: pa.RecordBatch, schema: Schema, ids: Sequence[str] = (), table: str = "", source: str = ""
) -> Sifted:
    """Split a batch into the rows that satisfy the schema and have an id, and the others.

    Args:
        batch: Rows with the columns of the schema; `LINE` beside them if they come from a source.
        schema: The rules.
        ids: Columns that identify a row; none of them may be null or empty.
        table, source: What the removed rows are said to come from.
    """
    rows = batch.select([field.name for field in schema.fields])
    looked = suspects(rows, schema) | _unnamed(rows, ids)
    fine = np.ones(batch.num_rows, bool)
    removed: list[Removed] = []
    for index in np.flatnonzero(looked).tolist():
        row = batch.slice(index, 1).to_pylist()[0]
        record = document(schema.fields, row)
        if verdict := judge(record, schema) or _nameless(row, ids):
            fine[index] = False
            place = (table, source, row.get(LINE.name, index + 1))
            removed.append(Removed(verdict.code, *place, verdict.pointer, verdict.message, record))
    return Sifted(batch.filter(pa.array(fine)) if removed else batch, tuple(removed))


def _unnamed(batch: pa.RecordBatch, ids: Sequence[str]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """The rows that may have no id."""
    found = np.zeros(batch.num_rows, bool)
    for name in ids:
        column = batch.column(name)
        empty = pc.equal(column, "") if column.type == pa.string() else column.is_null()
        found |= np.array(pc.fill_null(empty, True).to_pylist(), bool)
    return found


def _nameless(row: Mapping[str, Any], ids: Sequence[str]) -> Verdict | None:
    empty = next((name for name in ids if row[name] in (None, "")), None)
    return Verdict("ID_EMPTY", pointer(empty), "the id is null or empty") if empty is not None else None
