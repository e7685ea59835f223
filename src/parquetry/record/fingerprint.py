"""Rows -> the few bytes that the steps on the whole corpus need of them.

This runs on every row, in parallel; what it returns is small, because `dedup` and `split` hold the fingerprints of the
whole corpus at once.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from parquetry.record.content import contents, keys, row_bytes
from parquetry.words.fields import Field
from parquetry.words.recipe import Table
from parquetry.words.records import LINE
from parquetry.words.schema import Schema

#: ``bytes`` of the row as Arrow holds it; ``row`` its content digest; ``id``, ``text`` (what duplicates are judged by)
#: and ``key`` (what must stay together) 128 bits of a digest each; a column of such ids for each reference.
PRINTS = [
    LINE,
    pa.field("bytes", pa.int64()),
    pa.field("row", pa.binary(32)),
    pa.field("id", pa.binary(16)),
    pa.field("text", pa.binary(16)),
    pa.field("key", pa.binary(16)),
]


def fingerprint(batch: pa.RecordBatch, schema: Schema, table: Table) -> pa.RecordBatch:
    """One line of fingerprints for each row, in the same order; each depends on its row alone."""
    rows = batch.select([field.name for field in schema.fields])
    records = contents(rows, schema.fields)
    ids = _keys(batch, schema, table.id)
    texts = _texts(batch, schema, table.text, [digest[:16] for digest in records])
    columns: dict[str, Any] = {
        LINE.name: batch.column(LINE.name),
        "bytes": row_bytes(rows),
        "row": records,
        "id": ids,
        "text": texts,
        "key": _groups(batch, schema, table, ids if table.split.assigned else texts),
    }
    for name in table.references:
        columns[reference(name)] = _pointed(batch.column(name), schema[name])
    references = [pa.field(reference(name), pa.list_(pa.binary(16))) for name in table.references]
    return pa.RecordBatch.from_pydict(columns, schema=pa.schema([*PRINTS, *references]))


def reference(column: str) -> str:
    """The name of the fingerprint column that holds where a column points to."""
    return f"-> {column}"


def _keys(batch: pa.RecordBatch, schema: Schema, columns: tuple[str, ...]) -> list[bytes]:
    return keys(batch.select(columns), [schema[column] for column in columns])


def _texts(batch: pa.RecordBatch, schema: Schema, columns: tuple[str, ...], records: list[bytes]) -> list[bytes]:
    """The digest of the text of each row; a row without any text is like no other but its own record."""
    if not columns:
        return records
    given = [pc.fill_null(pc.greater(pc.binary_length(batch.column(column)), 0), False) for column in columns]
    some = zip(*(column.to_pylist() for column in given), strict=True)
    return [
        text if any(one) else own for text, one, own in zip(_keys(batch, schema, columns), some, records, strict=True)
    ]


def _groups(batch: pa.RecordBatch, schema: Schema, table: Table, otherwise: list[bytes]) -> list[bytes]:
    """The digest of each row's group if it has one, else what is given ``otherwise``."""
    columns = table.split.group_by
    if not columns:
        return otherwise
    grouped = zip(*(batch.column(column).is_valid().to_pylist() for column in columns), strict=True)
    groups = _keys(batch, schema, columns)
    return [group if any(some) else own for group, some, own in zip(groups, grouped, otherwise, strict=True)]


def _pointed(column: pa.Array, field: Field) -> pa.Array:
    """The ids that a reference holds in each row, as digests; null is none, alone or in a list."""
    inner = field.fields[0] if field.kind == "list" else field
    lists = (
        [[one for one in row or () if one is not None] for row in column.to_pylist()]
        if field.kind == "list"
        else [[] if value is None else [value] for value in column.to_pylist()]
    )
    flat = pa.array([one for row in lists for one in row], inner.arrow)
    ids = pa.array(keys(pa.record_batch([flat], names=["id"]), [inner]), pa.binary(16))
    return pa.ListArray.from_arrays(pa.array([0, *accumulate(map(len, lists))], pa.int32()), ids)
