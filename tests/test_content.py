"""Whole columns give the same bytes as value by value."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from strategies import schemas_with_matching

from parquetry.record.content import content, contents, encode, encoded, key, keys
from parquetry.sources.conform import record
from parquetry.words.schema import Schema

Case = tuple[Schema, list[dict[str, Any]]]


@given(schemas_with_matching(), st.data())
def test_a_column_is_encoded_as_each_of_its_values(case: Case, data: st.DataObject) -> None:
    schema, documents = case
    rows = [record(schema.fields, one) for one in documents]
    batch = pa.RecordBatch.from_pylist(rows, schema=schema.arrow)
    start = data.draw(st.integers(0, len(rows)))  # a slice of a batch must not show either
    batch, rows = batch.slice(start), rows[start:]
    for field, column in zip(schema.fields, batch.columns, strict=True):
        assert encoded(field, column).to_pylist() == [encode(field, row[field.name]) for row in rows]
    assert contents(batch, schema.fields) == [content(row, schema.fields) for row in rows]
    first = schema.fields[0]
    assert keys(batch.select([first.name]), [first]) == [key([first], [row[first.name]]) for row in rows]
