"""Whole columns give the same bytes as value by value."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import schemas_with_matching

from parquetry.record import content as contents_of
from parquetry.record.content import content, contents, digests, encode, encoded, key, keys
from parquetry.sources.conform import record
from parquetry.words.fields import Field
from parquetry.words.schema import Schema

#: The compiled kernel, if there is one.
NATIVE = contents_of.digest_rows
Case = tuple[Schema, list[dict[str, Any]]]


@given(schemas_with_matching(), st.data())
def test_a_column_is_encoded_as_each_of_its_values(case: Case, data: st.DataObject) -> None:
    schema, documents = case
    rows = [record(schema, one) for one in documents]
    batch = pa.RecordBatch.from_pylist(rows, schema=schema.arrow)
    start = data.draw(st.integers(0, len(rows)))  # a slice of a batch must not show either
    batch, rows = batch.slice(start), rows[start:]
    for field, column in zip(schema.fields, batch.columns, strict=True):
        assert encoded(field, column).to_pylist() == [encode(field, row[field.name]) for row in rows]
    first = schema.fields[0]
    for native in (NATIVE, None):  # with the compiled kernel, and without it
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(contents_of, "digest_rows", native)
            assert contents(batch, schema.fields) == b"".join(content(row, schema.fields) for row in rows)
            own = keys(batch.select([first.name]), [first])
            assert own.to_pylist() == [key([first], [row[first.name]]) for row in rows]


@pytest.mark.parametrize("native", [NATIVE, None], ids=["compiled", "plain"])
def test_a_row_may_have_any_number_of_columns(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contents_of, "digest_rows", native)
    columns = [pa.array([b"x", b"yz"], pa.binary())] * 3000
    assert digests(columns) == hashlib.sha256(b"x" * 3000).digest() + hashlib.sha256(b"yz" * 3000).digest()


@pytest.mark.skipif(NATIVE is None, reason="there was no compiler when this was installed")
@given(st.lists(st.binary(max_size=300), min_size=1, max_size=40), st.data())
def test_the_compiled_digest_is_that_of_the_library(texts: list[bytes], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(texts)))
    column = pa.array(texts, pa.binary()).slice(start)
    assert digests([column]) == b"".join(hashlib.sha256(text).digest() for text in texts[start:])


@pytest.mark.skipif(NATIVE is None, reason="there was no compiler when this was installed")
def test_every_length_around_a_block_is_digested_right() -> None:
    texts = [b"x" * length for length in (*range(301), 1 << 16, (1 << 20) + 55)]
    assert digests([pa.array(texts, pa.binary())]) == b"".join(hashlib.sha256(text).digest() for text in texts)


TEXT = Field("a", "", "string", True, False)
#: Ways in which a column of texts comes about.
WAYS: dict[str, Callable[[pa.Array, list[int]], pa.Array]] = {
    "whole": lambda column, _some: column,
    "slice": lambda column, some: column.slice(min([*some, len(column)])),
    "take": lambda column, some: column.take(pa.array(some, pa.int64())),
    "joined": lambda column, some: pa.concat_arrays([column.slice(1), column.take(pa.array(some, pa.int64()))]),
}


@pytest.mark.parametrize("way", WAYS)
@given(st.lists(st.none() | st.text(max_size=80), max_size=20), st.data())
def test_texts_are_digested_alike_with_and_without_the_compiled_kernel(
    way: str, texts: list[str | None], data: st.DataObject
) -> None:
    some = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=8)) if texts else []
    one, two = (WAYS[way](pa.array(column, pa.string()), some) for column in (texts, [*reversed(texts)]))
    rows = zip(one.to_pylist(), two.to_pylist(), strict=True)
    expected = b"".join(hashlib.sha256(encode(TEXT, a) + encode(TEXT, b)).digest() for a, b in rows)
    for native in (NATIVE, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(contents_of, "digest_rows", native)
            assert digests([one, two]) == digests([one, encoded(TEXT, two)]) == expected
