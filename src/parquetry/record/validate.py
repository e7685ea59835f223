"""Rows -> rows that the JSON Schema accepts.

This is the only gate. `suspects` looks at whole columns, and `judge` decides about the rows that it cannot clear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.record.judge import Verdict, judge
from parquetry.record.rules import mask
from parquetry.record.suspects import suspects
from parquetry.sources.conform import documents
from parquetry.words.errors import pointer
from parquetry.words.records import LINE, SOURCE, Mask, Removed, Sifted
from parquetry.words.schema import Schema


def validate(
    batch: pa.RecordBatch, schema: Schema, ids: Sequence[str] = (), table: str = "", sources: Sequence[str] = ()
) -> Sifted:
    """Split a batch into the rows that satisfy the schema and have an id, and the others.

    Args:
        batch: Rows with the columns of the schema; `LINE` and `SOURCE` beside them if they come from a source.
        schema: The rules.
        ids: Columns that identify a row; none of them may be null or empty.
        table, sources: What the removed rows are said to come from; `SOURCE` is an index of ``sources``.
    """
    rows = batch.select([field.name for field in schema.fields])
    looked = np.flatnonzero(suspects(rows, schema) | _unnamed(rows, ids))
    if not len(looked):
        return Sifted(batch)
    fine, removed = np.ones(batch.num_rows, bool), list[Removed]()
    for index, record in zip(looked.tolist(), documents(schema.fields, rows.take(pa.array(looked))), strict=True):
        if verdict := judge(record, schema) or _nameless(record, ids):
            fine[index] = False
            source, line = _place(batch, index, sources)
            removed.append(Removed(verdict.code, table, source, line, verdict.pointer, verdict.message, record))
    return Sifted(batch.filter(pa.array(fine)) if removed else batch, tuple(removed))


def _place(batch: pa.RecordBatch, index: int, sources: Sequence[str]) -> tuple[str, int]:
    """Source and line of a row; of one without, its number in the batch."""
    line = batch.column(LINE.name)[index].as_py() if LINE.name in batch.schema.names else index + 1
    return sources[batch.column(SOURCE.name)[index].as_py()] if sources else "", line


def _unnamed(batch: pa.RecordBatch, ids: Sequence[str]) -> Mask:
    """The rows that may have no id."""
    found = np.zeros(batch.num_rows, bool)
    for name in ids:
        column = batch.column(name)
        empty = pc.equal(column, "") if column.type == pa.string() else column.is_null()
        found |= mask(pc.fill_null(empty, True))
    return found


def _nameless(row: Mapping[str, Any], ids: Sequence[str]) -> Verdict | None:
    empty = next((name for name in ids if row.get(name) in (None, "")), None)
    return Verdict("ID_EMPTY", pointer(empty), "the id is null or empty") if empty is not None else None
