"""Every value comes back identical, in every reader; what readers cannot hold is known."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import datasets
import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import SHARED
from hypothesis import given, settings
from strategies import schemas_with_matching, table

from parquetry.files.shards import writer
from parquetry.record.read import read
from parquetry.sources.conform import record
from parquetry.sources.partitions import Partition, Piece
from parquetry.words.recipe import Files, Limits, Split, Table
from parquetry.words.schema import Schema

Rows = list[dict[str, Any]]
RULES = Table(schema="s", sources=("s",), id=("id",), split=Split(only="train"))


def published(schema: Schema, rows: Rows, folder: Path) -> Path:
    """A Parquet file of ours with these rows, which came in as JSON Lines."""
    source, file = folder / "a.jsonl", folder / "a.parquet"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    part = Partition("t", 0, "lines", (Piece(source, "a.jsonl", source.stat().st_size),))
    batches = [batch.kept.select(schema.arrow.names) for batch in read(part, schema, RULES, Limits())]
    with writer(file, schema, Files()) as sink:
        sink.write_table(pa.Table.from_batches(batches).cast(schema.arrow))
    return file


def with_datasets(file: Path) -> Rows:
    return list(datasets.load_dataset("parquet", data_files=str(file), split="train", streaming=True))


def with_pandas(file: Path) -> Rows:
    frame = pandas.read_parquet(file, dtype_backend="pyarrow")
    return pa.Table.from_pandas(frame, preserve_index=False).to_pylist()


def with_duckdb(file: Path) -> Rows:
    return duckdb.read_parquet(str(file)).to_arrow_table().to_pylist()


READERS: dict[str, Callable[[Path], Rows]] = {
    "pyarrow": lambda file: pq.read_table(file).to_pylist(),
    "datasets": with_datasets,
    "polars": lambda file: polars.read_parquet(file).to_dicts(),
    "pandas": with_pandas,
    "duckdb": with_duckdb,
}
readers = pytest.mark.parametrize("reader", READERS)


def same(value: Any) -> Any:
    """A value as all readers can say it: instants in UTC."""
    if isinstance(value, dict):
        return {name: same(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [same(inner) for inner in value]
    return value.astimezone(UTC) if hasattr(value, "astimezone") else value


@readers
@given(schemas_with_matching())
@settings(max_examples=40)
def test_every_value_comes_back_identical(reader: str, case: tuple[Schema, Rows]) -> None:
    schema, rows = case
    if not rows:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = published(schema, rows, Path(folder))
        found = READERS[reader](file)
    expected = [record(schema.fields, row) for row in rows]
    assert [repr(same(row)) for row in found] == [repr(same(row)) for row in expected]


EDGES = table(
    text={"type": ["string", "null"]},
    whole={"type": ["integer", "null"]},
    large={"type": ["integer", "null"], "x-arrow": "uint64"},
    number={"type": ["number", "null"]},
    day={"type": ["string", "null"], "format": "date"},
    at={"type": ["string", "null"], "format": "date-time"},
    flags={"type": ["array", "null"], "items": {"type": ["boolean", "null"]}},
    part={
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {"x": {"type": ["string", "null"]}},
    },
)
ROWS: Rows = [
    {"text": "", "whole": -(2**63), "large": 2**64 - 1, "number": -0.0, "day": "0001-01-01", "flags": []},
    {"text": None, "whole": 2**63 - 1, "large": 0, "number": 5e-324, "day": "9999-12-31", "flags": [None, True]},
    {"text": "\u2028\u0085\ufeff\U0001f600\u202e\u0301", "number": 1.7976931348623157e308, "flags": None},
    {"text": "NA", "at": "2020-02-29T23:59:59.000001Z", "part": {"x": None}},
    {"text": "null", "at": "1677-09-21T00:12:43Z", "part": None},
    {"text": " leading and trailing ", "at": "2262-04-12T00:00:00Z", "part": {"x": ""}},
    {"text": "x" * 300_000, "at": "1969-12-31T23:59:59.999999Z"},
]


@readers
def test_what_stands_at_the_edge_comes_back_identical(reader: str, tmp_path: Path) -> None:
    found = READERS[reader](published(EDGES, ROWS, tmp_path))
    expected = [record(EDGES.fields, row) for row in ROWS]
    assert [repr(same(row)) for row in found] == [repr(same(row)) for row in expected]


@readers
def test_naughty_strings_come_back_identical(reader: str, tmp_path: Path) -> None:
    path = SHARED / "test-material/blns/blns.json"
    if not path.exists():
        pytest.skip("the list of naughty strings is not beside this repository")
    texts = [text for text in json.loads(path.read_text("utf-8")) if "\0" not in text]
    schema = table(text={"type": "string"})
    found = READERS[reader](published(schema, [{"text": text} for text in texts], tmp_path))
    assert [row["text"] for row in found] == texts


def test_what_readers_cannot_hold_is_known(tmp_path: Path) -> None:
    """docs/READERS.md lists these; a reader that learns better shows here."""
    schema = table(n={"type": ["integer", "null"]}, at={"type": ["string", "null"], "format": "date-time"})
    file = published(schema, [{"n": 2**53 + 1}, {"n": None, "at": "2020-01-01T00:00:00Z"}], tmp_path)
    assert pandas.read_parquet(file)["n"].tolist()[0] == 2**53  # a column of integers with a null becomes floats
    assert pandas.read_parquet(file, dtype_backend="pyarrow")["n"].tolist()[0] == 2**53 + 1
