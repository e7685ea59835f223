"""Rows -> the few bytes that the steps on the whole corpus need of them.

This runs on every row, in parallel; what it returns is small, because `dedup` and `split` hold the fingerprints of the
whole corpus at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.record.content import KEY, digests, encoded, keys, row_bytes, shortened, worded
from parquetry.record.held_out import HeldOut
from parquetry.record.sketch import SIGNATURE, signed
from parquetry.words.fields import Field
from parquetry.words.recipe import Table
from parquetry.words.records import PLACE, SOURCE
from parquetry.words.schema import Schema
from parquetry.words.splits import Time

#: ``bytes`` of the row as Arrow holds it; 128 bits of a digest each of the whole ``row`` (only if such are dropped), of
#: its ``id``, its ``text`` (what duplicates are judged by) and its ``key`` (what must stay together).
PRINTS = [*PLACE, pa.field("bytes", pa.int64()), pa.field("id", KEY), pa.field("text", KEY), pa.field("key", KEY)]
ROW = pa.field("row", KEY)
#: The index of the split that the time or the file of a row decides, -1 if it is none; only where they do.
SPLIT = pa.field("split", pa.int16())
#: What of a held-out text is in the row, in words, null if nothing is; only where texts are held out.
OVERLAP = pa.field("overlap", pa.string())


def fingerprint(
    batch: pa.RecordBatch, schema: Schema, table: Table, given: Sequence[str] = (), held: HeldOut | None = None
) -> pa.RecordBatch:
    """One line of fingerprints for each row, in the same order; each depends on its row alone, and on its file.

    Args:
        batch, schema, table: The rows, and what is known about them.
        given: The splits that the files of the rows are given for, where others split the sources.
        held: The texts that the rows must not have seen.
    """
    rows = batch.select([field.name for field in schema.fields])
    ids = keys(batch.select(table.id), [schema[name] for name in table.id])
    texts = _texts(rows, schema, table.text)
    columns: dict[str, Any] = {field.name: batch.column(field.name) for field in PLACE}
    columns |= {"bytes": row_bytes(rows), "id": ids, "text": texts}
    columns["key"] = _groups(batch, schema, table, ids if table.split.assigned else texts)
    fields = list(PRINTS)
    if table.exact == "drop":
        columns["row"] = _records(rows, schema, table.text, texts) if table.text else texts
        fields.append(ROW)
    if table.near != "off":
        columns["signature"] = signed(batch.select(table.text))
        fields.append(SIGNATURE)
    if held:
        columns["overlap"] = held.overlaps(batch.select(table.text))
        fields.append(OVERLAP)
    if table.split.time or table.split.given:
        time, names = table.split.time, table.split.names
        columns["split"] = _in_time(batch, time) if time else _in_file(batch, [names.index(name) for name in given])
        fields.append(SPLIT)
    for name in table.references:
        columns[reference(name)] = _pointed(batch.column(name), schema[name])
        fields.append(pa.field(reference(name), pa.list_(KEY)))
    return pa.RecordBatch.from_pydict(columns, schema=pa.schema(fields))


def reference(column: str) -> str:
    """The name of the fingerprint column that holds where a column points to."""
    return f"-> {column}"


def _texts(rows: pa.RecordBatch, schema: Schema, columns: tuple[str, ...]) -> pa.Array:
    """The digest of the text of each row; a row without any text is like no other but its own record."""
    if not columns:
        return keys(rows, schema.fields)
    some = worded(rows.select(columns))
    texts = keys(rows.select(columns), [schema[column] for column in columns])
    return texts if some.all() else pc.if_else(pa.array(some), texts, keys(rows, schema.fields))


def _records(rows: pa.RecordBatch, schema: Schema, columns: tuple[str, ...], texts: pa.Array) -> pa.Array:
    """The digest of each whole row: of the digest of its text, and of its other columns."""
    others = [encoded(field, rows.column(field.name)) for field in schema.fields if field.name not in columns]
    return shortened(digests([texts.cast(pa.binary()), *others]))


def _groups(batch: pa.RecordBatch, schema: Schema, table: Table, otherwise: pa.Array) -> pa.Array:
    """The digest of each row's group if it has one, else what is given ``otherwise``."""
    columns = table.split.group_by
    if not columns:
        return otherwise
    grouped = np.zeros(batch.num_rows, bool)
    for column in columns:
        grouped |= batch.column(column).is_valid().to_numpy(zero_copy_only=False)
    groups = keys(batch.select(columns), [schema[column] for column in columns])
    return pc.if_else(pa.array(grouped), groups, otherwise)


def _in_time(batch: pa.RecordBatch, time: Time) -> pa.Array:
    """The index of the first split whose boundary each row comes before; -1 if there is none."""
    column = batch.column(time.column)
    bounds = pa.array(time.bounds, pa.timestamp("us", "UTC")).cast(column.type)
    whole = pa.int32() if pa.types.is_date(column.type) else pa.int64()
    moments = pc.fill_null(column.cast(whole), 0).to_numpy()
    codes = np.searchsorted(bounds.cast(whole).to_numpy(), moments, side="right")
    codes[(codes == len(time.ends)) | column.is_null().to_numpy(zero_copy_only=False)] = -1
    return pa.array(codes, SPLIT.type)


def _in_file(batch: pa.RecordBatch, splits: Sequence[int]) -> pa.Array:
    """The index of the split that the file of each row is given for."""
    return pa.array(np.array(splits, np.int16)[batch.column(SOURCE.name).to_numpy()])


def _pointed(column: pa.Array, field: Field) -> pa.Array:
    """The ids that a reference holds in each row, as digests; null is none, alone or in a list."""
    inner, values, owners = field, column, np.arange(len(column))
    if field.kind == "list":
        inner, values = field.fields[0], column.flatten()
        owners = pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    owners = owners[values.is_valid().to_numpy(zero_copy_only=False)]
    ids = keys(pa.record_batch([values.drop_null()], names=["id"]), [inner])
    counts = np.bincount(owners, minlength=len(column))
    return pa.ListArray.from_arrays(pa.array(np.concatenate([[0], np.cumsum(counts)]), pa.int32()), ids)
