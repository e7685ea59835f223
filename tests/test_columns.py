"""Parquet and Arrow files -> batches of rows in the exact types of their columns."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as encryption
import pytest
from conftest import SHARED
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from strategies import schemas_with_matching, schemas_with_records, table

from parquetry.columnar import batches, columns, portions
from parquetry.sources import conform, lines
from parquetry.sources.partitions import Piece
from parquetry.words.errors import InputError
from parquetry.words.fields import Field
from parquetry.words.recipe import Limits, Table
from parquetry.words.records import LINE, Removed
from parquetry.words.schema import Schema

MATERIAL = SHARED / "test-material"
BAD = MATERIAL / "generated-bad-inputs/parquet"
HERE = Path(__file__).parent
NOTE = table(a={"type": "string"}, n={"type": "integer"})
SUFFIXES = (".parquet", ".arrow", ".feather")
shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
needs_material = pytest.mark.skipif(not MATERIAL.is_dir(), reason="needs the test material beside this repository")


def rules(**read: Any) -> Table:
    """A table of a recipe."""
    document = {"schema": "s", "sources": ["s"], "id": "id", "split": {"only": "train"}, "read": read}
    return Table.model_validate_json(json.dumps(document))


def piece(path: Path, start: int = 0, stop: int = 0) -> Piece:
    return Piece(path, path.name, path.stat().st_size, start, stop)


Read = tuple[pa.Table, list[Removed]]


def rows_in(part: Piece) -> list[int]:
    """Rows of each row group of a Parquet file; nothing for an Arrow file."""
    with batches.opened(part) as source:
        return source.rows


def everything(part: Piece, shape: Schema = NOTE, limits: Limits | None = None, **read: Any) -> Read:
    """Kept and removed rows of a file, its batches put together."""
    batches = list(columns.read(part, shape, rules(**read), limits or Limits()))
    removed = [row for batch in batches for row in batch.removed]
    assert sum(batch.kept.num_rows for batch in batches) + len(removed) == sum(batch.lines for batch in batches)
    for batch in batches:
        batch.kept.validate(full=True)
    return pa.Table.from_batches([batch.kept for batch in batches], pa.schema([*shape.arrow, LINE])), removed


def by_lines(path: Path, rows: list[Any], shape: Schema) -> Read:
    """The same of rows that are written as JSON Lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows) or "\n", "utf-8")
    batches = list(lines.read(piece(path), shape, rules(), Limits()))
    kept = pa.Table.from_batches([batch.kept for batch in batches], pa.schema([*shape.arrow, LINE]))
    return kept, [row for batch in batches for row in batch.removed]


def stored(path: Path, data: pa.Table, rows: int = 1000, stream: bool = False) -> Piece:
    """A file of the kind that its suffix says, in row groups or batches of so many rows."""
    if path.suffix == ".parquet":
        pq.write_table(data, path, row_group_size=rows)
        return piece(path)
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(path, data.schema) as writer:
        writer.write_table(data, max_chunksize=rows)
    return piece(path)


def said(part: Piece, shape: Schema = NOTE, limits: Limits | None = None) -> str:
    """The message that refuses a file."""
    with pytest.raises(InputError) as caught:
        everything(part, shape, limits)
    return str(caught.value)


def one(path: Path, spec: dict[str, Any], values: pa.Array, **read: Any) -> tuple[list[Any], list[Removed]]:
    """What is read of one column ``a``, which is asked for so and held so."""
    kept, removed = everything(stored(path, pa.table({"a": values})), table(a=spec), **read)
    return kept.column("a").to_pylist(), removed


def reasons(path: Path, spec: dict[str, Any], values: pa.Array, **read: Any) -> list[tuple[str, int, str, str]]:
    """Why rows of such a column are set aside."""
    removed = one(path, spec, values, **read)[1]
    return [(row.code, row.line, row.pointer, row.message) for row in removed]


def refused(path: Path, spec: dict[str, Any], values: pa.Array) -> str:
    """Why a file with such a column is refused."""
    return said(stored(path, pa.table({"a": values})), table(a=spec))


# The law: the layout of a file does not show.

TEXTS = [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
TEXTS += [pa.dictionary(pa.int64(), pa.large_string()), pa.dictionary(pa.int32(), pa.string_view())]
NUMBERS = [pa.type_for_alias(f"{sign}int{bits}") for sign in ("", "u") for bits in (8, 16, 32, 64)]
NUMBERS += [pa.float32(), pa.float64(), pa.float16(), pa.dictionary(pa.int16(), pa.float64())]
INSTANTS = [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in ("UTC", "Europe/Minsk", "+05:30")]
LAYOUTS = {"string": TEXTS, "map": TEXTS, "date": [pa.date32(), pa.date64(), *TEXTS], "date-time": INSTANTS + TEXTS}


def leaf(draw: st.DrawFn, field: Field, values: list[Any]) -> pa.Array:
    """Values in one of the types that can hold them."""
    kind = draw(st.sampled_from(LAYOUTS.get(field.kind, NUMBERS)))
    exact = pa.array(values, field.arrow)
    plain = [conform.plain(field, value) for value in values] if kind in TEXTS and field.kind != "map" else values
    try:
        if pa.types.is_dictionary(kind):
            held = pa.array(plain, pa.string() if kind in TEXTS else kind.value_type).dictionary_encode()
            return pa.DictionaryArray.from_arrays(
                held.indices.cast(kind.index_type), held.dictionary.cast(kind.value_type)
            )
        held = pa.array(plain, kind)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError, TypeError, ValueError):
        return exact
    if kind in TEXTS or pa.types.is_temporal(kind):
        return held if kind in TEXTS or held.cast(field.arrow, safe=False).equals(exact) else exact
    same = [value if value is None else float(value) for value in held.to_pylist()]
    right = same == [value if value is None else float(value) for value in values]
    return held if right and all(value is None or abs(value) < 2**53 for value in values) else exact


def column(draw: st.DrawFn, field: Field, values: list[Any]) -> pa.Array:
    """Values of a field as one of the columns that say the same."""
    if all(value is None for value in values) and draw(st.booleans()):
        return pa.nulls(len(values))
    nulls = pa.array([value is None for value in values], pa.bool_())
    if field.kind == "list":
        inner = column(draw, field.fields[0], [item for value in values for item in value or ()])
        lengths = [len(value or ()) for value in values]
        if None not in values and len(set(lengths)) == 1 and lengths[0] and draw(st.booleans()):
            return pa.FixedSizeListArray.from_arrays(inner, lengths[0])
        ends = [sum(lengths[:index]) for index in range(len(values) + 1)]
        if draw(st.booleans()):
            return pa.LargeListArray.from_arrays(pa.array(ends, pa.int64()), inner, mask=nulls)
        return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), inner, mask=nulls)
    if field.kind == "struct" and field.fields:
        parts = {f.name: column(draw, f, [value and value[f.name] for value in values]) for f in field.fields}
        names = draw(st.permutations([n for n in parts if parts[n].null_count < len(values) or draw(st.booleans())]))
        names = names or list(parts)
        return pa.StructArray.from_arrays([parts[name] for name in names], names=names, mask=nulls)
    if field.kind in ("boolean", "struct"):
        return pa.array(values, field.arrow)
    return leaf(draw, field, values)


def written(draw: st.DrawFn, folder: Path, data: pa.Table) -> Piece:
    """A table as a file of any of the kinds, cut somehow."""
    suffix, rows, stream = draw(st.sampled_from(SUFFIXES)), draw(st.integers(1, 4)), draw(st.booleans())
    try:
        return stored(folder / f"a{suffix}", data, rows, stream)
    except pa.ArrowNotImplementedError:  # Parquet has no struct without members
        return stored(folder / "a.arrow", data, rows, stream)


@given(st.data(), schemas_with_matching(), st.sampled_from([1, 2, 4096]))
@shared_folder
def test_how_a_column_is_laid_out_does_not_show(
    tmp_path: Path, data: st.DataObject, drawn: tuple[Schema, list[Any]], rows: int
) -> None:
    shape, records = drawn
    kept, _ = by_lines(tmp_path / "a.jsonl", records, shape)
    assume(kept.num_rows)
    kept = kept.set_column(kept.num_columns - 1, LINE, pa.array(range(1, kept.num_rows + 1), LINE.type))

    @st.composite
    def files(draw: st.DrawFn) -> Piece:
        held = {field.name: column(draw, field, kept.column(field.name).to_pylist()) for field in shape.fields}
        return written(draw, tmp_path, pa.table({name: held[name] for name in draw(st.permutations(list(held)))}))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(portions, "ROWS", rows)
        found, removed = everything(data.draw(files()), shape)
    assert removed == []
    assert found.to_pylist() == kept.to_pylist()
    assert found.schema.equals(kept.schema, check_metadata=True)


def without_null(value: Any) -> Any:
    """A JSON value without the members that are null: a column cannot tell them from absent ones."""
    if isinstance(value, list):
        return [without_null(inner) for inner in value]
    if isinstance(value, dict):
        return {name: without_null(inner) for name, inner in value.items() if inner is not None}
    return value


def same(one: Any, other: Any) -> bool:
    """Whether two JSON values are one, 1 and 1.0 and true being three."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other and str(one) == str(other))


@given(st.data(), schemas_with_records())
@shared_folder
def test_what_is_wrong_with_a_row_is_said_as_of_a_line_of_json(
    tmp_path: Path, data: st.DataObject, drawn: tuple[Schema, list[Any]]
) -> None:
    shape, records = drawn
    rows = [{name: value for name, value in without_null(row).items() if name in shape} for row in records]
    try:
        held = pa.table({name: [row.get(name) for row in rows] for name in shape.arrow.names})
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        assume(False)
    assume(same([without_null(row) for row in held.to_pylist()], rows))
    for field in shape.fields:
        if field.kind == "map" and pa.types.is_string(held.schema.field(field.name).type):
            assume(False)  # that would be the text of an object
    kept, removed = by_lines(tmp_path / "a.jsonl", rows, shape)
    found, others = everything(written(data.draw(st.just(data.draw)), tmp_path, held), shape)
    assert found.to_pylist() == kept.to_pylist()
    assert [(r.code, r.line, r.pointer, r.message) for r in others] == [
        (r.code, r.line, r.pointer, r.message) for r in removed
    ]
    assert all(same(one.row, other.row) for one, other in zip(others, removed, strict=True))


# Batches, pieces and places.


@given(st.integers(1, 40), st.integers(1, 9), st.data())
@shared_folder
def test_pieces_of_row_groups_are_the_file(tmp_path: Path, count: int, rows: int, data: st.DataObject) -> None:
    values = [index if index % 7 else -0.5 for index in range(count)]
    whole = stored(tmp_path / "a.parquet", pa.table({"n": pa.array(values, pa.float64())}), rows)
    groups = rows_in(whole)
    assert groups == [min(rows, count - start) for start in range(0, count, rows)]
    cuts = sorted({0, len(groups), *data.draw(st.sets(st.integers(0, len(groups))))})
    parts = [everything(piece(whole.path, *cut)) for cut in pairwise(cuts)]
    kept, removed = everything(whole)
    before = [sum(groups[:start]) for start, _ in pairwise(cuts)]  # a piece counts its own rows
    there = [
        number + first for part, first in zip(parts, before, strict=True) for number in part[0][LINE.name].to_pylist()
    ]
    assert there == kept[LINE.name].to_pylist()
    assert [row["n"] for part in parts for row in part[0].to_pylist()] == kept["n"].to_pylist()
    moved = [row._replace(line=row.line + first) for part, first in zip(parts, before, strict=True) for row in part[1]]
    assert moved == removed
    assert [row.line for row in removed] == list(range(1, count + 1, 7))
    assert kept.column(LINE.name).to_pylist() == [n for n in range(1, count + 1) if n % 7 != 1]


def test_an_arrow_file_has_no_row_groups(tmp_path: Path) -> None:
    assert rows_in(stored(tmp_path / "a.arrow", pa.table({"a": ["x"]}))) == []


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_batches_are_small(tmp_path: Path, suffix: str) -> None:
    long = pa.array(["x" * 1_000_000, "y" * 1_000_000])
    texts = pa.DictionaryArray.from_arrays(pa.array([0, 1] * 10), long)
    part = stored(tmp_path / f"a{suffix}", pa.table({"a": texts, "n": range(20)}))
    batches = [batch.kept for batch in columns.read(part, NOTE, rules(), Limits())]
    assert max(batch.nbytes for batch in batches) < 4_100_000
    assert pa.Table.from_batches(batches).column("n").to_pylist() == list(range(20))
    few = stored(tmp_path / f"b{suffix}", pa.table({"n": range(10_000)}), rows=100_000)
    assert [batch.lines for batch in columns.read(few, NOTE, rules(), Limits())] == [4096, 4096, 1808]


def test_small_row_groups_are_not_joined_beyond_a_batch_nor_left_alone(tmp_path: Path) -> None:
    part = stored(tmp_path / "a.parquet", pa.table({"n": range(5000)}), rows=10)
    assert [batch.lines for batch in columns.read(part, NOTE, rules(), Limits())] == [4090, 910]


# What makes a row unfit.

STRING: dict[str, Any] = {"type": "string"}
INTEGER: dict[str, Any] = {"type": "integer"}
NUMBER: dict[str, Any] = {"type": "number"}
DAY = STRING | {"format": "date"}
INSTANT = STRING | {"format": "date-time"}
UTF8 = pa.array([b"ok", b"a\xff", None, "é".encode()]).view(pa.string())


@pytest.mark.parametrize(
    "values",
    [UTF8, UTF8.cast(pa.large_string()), pa.array([b"ok", b"a\xff", None, "é".encode()], pa.binary_view())],
    ids=["string", "large_string", "string_view"],
)
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_text_that_is_not_utf8_is_a_fault_of_its_row(tmp_path: Path, values: pa.Array, suffix: str) -> None:
    values = values.view(pa.string_view()) if values.type == pa.binary_view() else values
    kept, removed = one(tmp_path / f"a{suffix}", STRING, values)
    assert kept == ["ok", None, "é"]
    assert [tuple(row) for row in removed] == [
        ("UTF8_INVALID", "", f"a{suffix}", 2, "/a", "byte 2 of the text is not UTF-8 (hex ff)", {"a": "a\\xff"})
    ]


def test_text_in_lists_and_objects_that_is_not_utf8_is_a_fault_of_its_row(tmp_path: Path) -> None:
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 4], pa.int32()), UTF8)
    said = [("UTF8_INVALID", 2, "/a/0", "byte 2 of the text is not UTF-8 (hex ff)")]
    assert reasons(tmp_path / "a.parquet", {"type": "array", "items": STRING}, lists) == said
    spec = {"type": "object", "additionalProperties": False, "properties": {"b": STRING}}
    objects = pa.StructArray.from_arrays([UTF8], ["b"])
    said = [("UTF8_INVALID", 2, "/a/b", "byte 2 of the text is not UTF-8 (hex ff)")]
    assert reasons(tmp_path / "b.parquet", spec, objects) == said


def test_u0000_is_refused_unless_it_is_kept(tmp_path: Path) -> None:
    texts, lists = pa.array(["a\0b", "a"]), pa.array([["x"], ["\0"]])
    said = [("UNICODE_NUL", 1, "/a", "the character U+0000 stands in a string")]
    assert reasons(tmp_path / "a.parquet", STRING, texts) == said
    said = [("UNICODE_NUL", 2, "/a/0", "the character U+0000 stands in a string")]
    assert reasons(tmp_path / "b.parquet", {"type": "array", "items": STRING}, lists) == said
    assert one(tmp_path / "c.parquet", STRING, texts, nul="keep") == (["a\0b", "a"], [])
    maps = pa.array(['{"k":"\\u0000"}'])
    assert one(tmp_path / "d.parquet", {"type": "object"}, maps, nul="keep") == (['{"k":"\\u0000"}'], [])


@pytest.mark.parametrize(
    ("spec", "values", "said"),
    [
        (INTEGER, pa.array([1.0, 1.5]), ("SCHEMA_TYPE", "expected integer, found 1.5")),
        (INTEGER, pa.array([1, 2**63], pa.uint64()), ("JSON_NUMBER_RANGE", f"{2**63} is not a value of type int64")),
        (INTEGER | {"x-arrow": "int8"}, pa.array([1, 128]), ("JSON_NUMBER_RANGE", "128 is not a value of type int8")),
        (INTEGER | {"x-arrow": "uint8"}, pa.array([1, -1]), ("JSON_NUMBER_RANGE", "-1 is not a value of type uint8")),
        (
            INTEGER, pa.array([1.0, 2.0**53]),
            ("JSON_NUMBER_RANGE", f"{2.0**53} is not exact beyond 2**53; write integers without point and exponent"),
        ),
        (INTEGER, pa.array([1.0, float("nan")]), ("JSON_NONFINITE", "NaN is not a JSON number")),
        (NUMBER, pa.array([1.0, float("-inf")]), ("JSON_NONFINITE", "-Infinity is not a JSON number")),
        (NUMBER, pa.array([2**53, 2**53 + 1]), ("JSON_NUMBER_RANGE", f"{2**53 + 1} is not a value of type double")),
        (
            NUMBER | {"x-arrow": "float32"}, pa.array([0.1, 1e39]),
            ("JSON_NUMBER_RANGE", "1e+39 is not a value of type float"),
        ),
        (NUMBER, pa.array([None, True]), ("SCHEMA_TYPE", "expected number, found boolean")),
        (STRING, pa.array([None, 1]), ("SCHEMA_TYPE", "expected string, found integer")),
        (INTEGER, pa.array([None, "1"]), ("SCHEMA_TYPE", "expected integer, found string")),
        ({"type": "boolean"}, pa.array([None, 1]), ("SCHEMA_TYPE", "expected boolean, found integer")),
        ({"type": "array", "items": STRING}, pa.array([None, "x"]), ("SCHEMA_TYPE", "expected array, found string")),
        (STRING, pa.array([None, ["x"]]), ("SCHEMA_TYPE", "expected string, found array")),
        (
            DAY, pa.array([0, 3_000_000], pa.date32()),
            ("SCHEMA_FORMAT", "'day 3000000 from 1970-01-01' is not a date (YYYY-MM-DD)"),
        ),
        (DAY, pa.array(["2020-02-29", "2021-02-29"]), ("SCHEMA_FORMAT", "'2021-02-29' is not a date (YYYY-MM-DD)")),
    ],
)  # fmt: skip
def test_a_value_that_does_not_fit_is_a_fault_of_its_row(
    tmp_path: Path, spec: dict[str, Any], values: pa.Array, said: tuple[str, str]
) -> None:
    for suffix in SUFFIXES:
        kept, removed = one(tmp_path / f"a{suffix}", spec, values)
        assert len(kept) == 1
        assert [(row.code, row.line, row.pointer, row.message) for row in removed] == [(said[0], 2, "/a", said[1])]


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_an_instant_is_exact_in_every_unit(tmp_path: Path, unit: str) -> None:
    second = {"s": 1, "ms": 1000, "us": 10**6, "ns": 10**9}[unit]
    values = pa.array([0, -second, 1_600_000_000 * second], pa.int64()).cast(pa.timestamp(unit, "America/Lima"))
    moments = [datetime.fromtimestamp(second, UTC) for second in (0, -1, 1_600_000_000)]
    assert one(tmp_path / "a.arrow", INSTANT, values) == (moments, [])


def test_an_instant_finer_than_a_microsecond_or_out_of_the_calendar_is_refused(tmp_path: Path) -> None:
    form = "is not a date-time (YYYY-MM-DDThh:mm:ss with an offset, at most 6 digits of fraction, no leap second)"
    fine = pa.array([1000, 1001], pa.timestamp("ns", "UTC"))
    said = [("SCHEMA_FORMAT", 2, "/a", f"'1970-01-01T00:00:00.000001001Z' {form}")]
    assert reasons(tmp_path / "a.parquet", INSTANT, fine) == said
    edges = [-62_135_596_800, 253_402_300_799, -62_135_596_801, 253_402_300_800]
    for scale, unit in ((1, "s"), (1000, "ms"), (10**6, "us")):
        kept, removed = one(
            tmp_path / "b.arrow", INSTANT, pa.array([n * scale for n in edges], pa.timestamp(unit, "UTC"))
        )
        assert kept == [datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)]
        assert [(row.code, row.line) for row in removed] == [("SCHEMA_FORMAT", 3), ("SCHEMA_FORMAT", 4)]
        assert removed[0].row == {"a": f"{edges[2] * scale} {unit} from 1970-01-01"}


def test_a_date64_that_is_no_midnight_is_refused(tmp_path: Path) -> None:
    values = pa.array([86_400_000, 1], pa.int64()).cast(pa.date64(), safe=False)
    assert one(tmp_path / "a.arrow", DAY, pa.array([date(1970, 1, 2)], pa.date64())) == ([date(1970, 1, 2)], [])
    said = [("SCHEMA_FORMAT", 2, "/a", "'1 ms from 1970-01-01' is not a date (YYYY-MM-DD)")]
    assert reasons(tmp_path / "b.arrow", DAY, values) == said


def test_a_member_that_the_schema_does_not_name_is_refused_where_it_is_not_null(tmp_path: Path) -> None:
    spec = {"type": "object", "additionalProperties": False, "properties": {"b": INTEGER}}
    values = pa.array([{"b": 1, "c": None}, {"b": 2, "c": b"?"}], pa.struct([("c", pa.binary()), ("b", pa.int8())]))
    kept, removed = one(tmp_path / "a.parquet", spec, values)
    assert kept == [{"b": 1}]
    assert [tuple(row) for row in removed] == [
        (
            "SCHEMA_ADDITIONAL", "", "a.parquet", 2, "/a/c", "the schema names no member 'c'",
            {"a": {"c": "(binary)", "b": 2}},
        )
    ]  # fmt: skip


def test_an_open_map_comes_from_text_structs_and_maps_alike(tmp_path: Path) -> None:
    texts = pa.array(['{"k": [1, 2.0], "a": null}', " null", None, '{"é":"\\u00e9"}'])
    assert one(tmp_path / "a.parquet", {"type": "object"}, texts) == (
        ['{"a":null,"k":[1,2.0]}', None, None, '{"é":"é"}'],
        [],
    )
    structs = pa.array([{"k": [1, 2], "a": None}, None, {"k": None, "a": {"b": True}}])
    assert one(tmp_path / "b.parquet", {"type": "object"}, structs) == (['{"k":[1,2]}', None, '{"a":{"b":true}}'], [])
    maps = pa.array([[("k", 1), ("a", None)], None, []], pa.map_(pa.string(), pa.int64()))
    assert one(tmp_path / "c.parquet", {"type": "object"}, maps) == (['{"a":null,"k":1}', None, "{}"], [])


def test_an_open_map_that_is_none_is_refused(tmp_path: Path) -> None:
    texts = pa.array(["[1]", '{"a":{"b":1,"b":2}}', "{", ""])
    cut = "(the line looks cut off)"
    assert reasons(tmp_path / "a.parquet", {"type": "object"}, texts) == [
        ("SCHEMA_TYPE", 1, "/a", "expected object, found array"),
        ("JSON_DUPLICATE_KEY", 2, "/a", "key 'b' stands twice"),
        ("JSON_SYNTAX", 3, "/a", f"expecting property name enclosed in double quotes, column 2 {cut}"),
        ("JSON_SYNTAX", 4, "/a", f"expecting value, column 1 {cut}"),
    ]  # fmt: skip
    maps = pa.array([[("k", 1.0), ("k", 2.0)], [("", 1.0)], [("n", float("nan"))]], pa.map_(pa.string(), pa.float64()))
    _, removed = one(tmp_path / "b.parquet", {"type": "object"}, maps)
    assert [(row.code, row.line, row.pointer, row.message) for row in removed] == [
        ("MAP_DUPLICATE_KEY", 1, "/a", "key 'k' stands twice in a map"),
        ("FIELD_NAME_EMPTY", 2, "", "a member has an empty name"),
        ("JSON_NONFINITE", 3, "/a/n", "NaN is not a JSON number"),
    ]
    assert [row.row for row in removed] == [{"a": [["k", 1.0], ["k", 2.0]]}, {"a": {"": 1.0}}, {"a": {"n": "NaN"}}]


def test_a_map_is_read_as_an_object_with_named_members(tmp_path: Path) -> None:
    spec = {"type": "object", "additionalProperties": False, "properties": {"x": INTEGER, "y": INTEGER}}
    maps = pa.array([[("y", 1.0)], [("z", 1.0)], None], pa.map_(pa.string(), pa.float64()))
    kept, removed = one(tmp_path / "a.parquet", spec, maps)
    assert kept == [{"x": None, "y": 1}, None]
    assert [(row.code, row.pointer) for row in removed] == [("SCHEMA_ADDITIONAL", "/a/z")]


def test_the_limits_of_structure_hold_for_columns_too(tmp_path: Path) -> None:
    spec = {"type": "array", "items": {"type": "object", "additionalProperties": False, "properties": {"b": INTEGER}}}
    part = stored(tmp_path / "a.parquet", pa.table({"a": [[{"b": 1}] * 3, [{"b": 1}] * 2]}))
    assert everything(part, table(a=spec), Limits(fields=3))[1][0][:6] == (
        "FIELD_COUNT", "", "a.parquet", 1, "", "more than 3 members",
    )  # fmt: skip
    assert everything(part, table(a=spec), Limits(fields=4))[1] == []
    assert [row.code for row in everything(part, table(a=spec), Limits(depth=2))[1]] == ["JSON_DEPTH"] * 2
    assert everything(part, table(a=spec), Limits(depth=3))[1] == []
    deep = stored(tmp_path / "b.parquet", pa.table({"a": ['{"k":[[1]]}', '{"k":[1]}']}))
    assert [row.line for row in everything(deep, table(a={"type": "object"}), Limits(depth=3))[1]] == [1]


def test_a_list_that_is_null_hides_what_stands_behind_it(tmp_path: Path) -> None:
    inner = pa.array([b"x", b"\xff", b"y"]).view(pa.string())
    lists = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3], pa.int32()), inner, mask=pa.array([False, True, False]))
    assert one(tmp_path / "a.arrow", {"type": "array", "items": STRING}, lists) == ([["x"], None, ["y"]], [])


# What makes a file unfit.


@pytest.mark.parametrize(
    ("spec", "values", "said"),
    [
        (STRING, pa.array([b"x"]), "expected text, found binary\n  fix: write the column as string"),
        (STRING, pa.array([date(2020, 1, 1)]), "expected text, found date32[day]\n  fix: write the column as string"),
        (
            NUMBER, pa.array([Decimal("1.5")]),
            "expected number, found decimal128(2, 1)\n"
            "  fix: write the column as float64 or int64, or as text and ask for a string in the schema",
        ),
        (
            INSTANT, pa.array([datetime(2020, 1, 1)], pa.timestamp("us")),
            "expected date and time (UTC), found timestamp[us]\n"
            "  fix: say the zone when writing it (timestamp[us, tz=UTC]): without one it is no instant",
        ),
        (
            DAY, pa.array([datetime(2020, 1, 1)], pa.timestamp("us", "UTC")),
            "expected date, found timestamp[us, tz=UTC]\n  fix: write the column as date32[day]",
        ),
        (
            {"type": "object"}, pa.array([{"b": b"x"}]),
            "expected a value of JSON, found binary\n"
            "  fix: write the column as text, numbers or booleans, or objects and lists of them",
        ),
    ],
)  # fmt: skip
def test_a_type_that_no_value_of_json_has_refuses_the_file(
    tmp_path: Path, spec: dict[str, Any], values: pa.Array, said: str
) -> None:
    place = "/a/b" if spec == {"type": "object"} else "/a"
    assert refused(tmp_path / "a.parquet", spec, values) == f"error[SCHEMA_TYPE] a.parquet: {place}: {said}"


def test_columns_that_the_schema_does_not_name_refuse_the_file(tmp_path: Path) -> None:
    part = stored(tmp_path / "a.parquet", pa.table({"a": ["x"], "b": [1], "__index_level_0__": [0]}))
    assert said(part) == (
        "error[SCHEMA_ADDITIONAL] a.parquet: the schema names no column 'b', '__index_level_0__'\n"
        "  fix: remove the column, or describe it in the schema; __index_level_0__ is the index of a pandas table: "
        "write the file with index=False"
    )


def test_columns_of_one_name_refuse_the_file(tmp_path: Path) -> None:
    advice = "\n  fix: rename one; names that differ in nothing but case are one name to many readers"
    for names in (["a", "a"], ["a", "A"]):
        part = stored(tmp_path / "a.arrow", pa.table([pa.array(["x"]), pa.array(["y"])], names=names))
        found = f"two columns are called {names[0]!r} and {names[1]!r}"
        assert said(part) == f"error[PQ_COLUMN_DUPLICATE] a.arrow: {found}{advice}"
    struct = pa.StructArray.from_arrays([pa.array([1]), pa.array([2])], ["b", "b"])
    found = refused(tmp_path / "b.arrow", {"type": "object"}, struct)
    assert found == "error[PQ_COLUMN_DUPLICATE] b.arrow: /a: two members are called 'b'\n  fix: rename one"


def test_columns_that_are_not_there_are_null(tmp_path: Path) -> None:
    kept, _ = everything(stored(tmp_path / "a.parquet", pa.table({"n": [1]})))
    assert kept.to_pylist() == [{"a": None, "n": 1, LINE.name: 1}]


def test_extension_types_are_read_as_what_they_are_stored_in(tmp_path: Path) -> None:
    held = pa.array(['{"k":1}']).cast(pa.json_())
    for suffix in SUFFIXES:
        assert one(tmp_path / f"a{suffix}", {"type": "object"}, held) == (['{"k":1}'], [])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_file_without_rows_is_refused(tmp_path: Path, suffix: str) -> None:
    empty, nothing = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    assert said(stored(empty, pa.table({"a": pa.array([], pa.string())}))) == (
        f"error[INPUT_EMPTY] a{suffix}: the file holds no rows\n  fix: remove it, or write it again"
    )
    nothing.write_bytes(b"")
    assert said(piece(nothing)) == (
        f"error[INPUT_EMPTY] b{suffix}: the file holds nothing\n  fix: remove it, or fetch it again"
    )


@pytest.mark.parametrize("plain", [True, False])
def test_an_encrypted_file_is_refused(tmp_path: Path, plain: bool) -> None:
    """Also one whose footer can be read: Arrow would stop the process."""

    class Keys(encryption.KmsClient):
        def wrap_key(self, key: bytes, _name: str) -> bytes:
            return base64.b64encode(key)

        def unwrap_key(self, key: bytes, _name: str) -> bytes:
            return base64.b64decode(key)

    factory = encryption.CryptoFactory(lambda _: Keys())
    how = encryption.EncryptionConfiguration(footer_key="f", column_keys={"c": ["a"]}, plaintext_footer=plain)
    keys = factory.file_encryption_properties(encryption.KmsConnectionConfig(), how)
    data = pa.table({"a": ["x"], "n": [1]})
    pq.write_table(data, tmp_path / "a.parquet", encryption_properties=keys)
    what = "some columns are encrypted" if plain else "the file is encrypted"
    found = said(piece(tmp_path / "a.parquet"))
    assert found == f"error[PQ_ENCRYPTED] a.parquet: {what}\n  fix: decrypt it first"


def test_an_arrow_file_that_is_cut_or_is_none_is_refused(tmp_path: Path) -> None:
    whole = stored(tmp_path / "a.arrow", pa.table({"a": ["x"] * 100})).path.read_bytes()
    cut = tmp_path / "b.arrow"
    for end in (9, 100, len(whole) - 20, len(whole) - 1):
        cut.write_bytes(whole[:end])
        assert said(piece(cut)).startswith("error[ARROW_CORRUPT] b.arrow: cannot be read: ")
    cut.write_bytes(b"PAR1" + whole)
    assert said(piece(cut)) == (
        "error[ARROW_CORRUPT] b.arrow: the content is parquet, the name says .arrow\n"
        "  fix: give the file its right suffix; Feather files must be of version 2"
    )


@pytest.mark.parametrize("stream", [False, True])
def test_an_arrow_file_may_not_grow_beyond_all_measure(tmp_path: Path, stream: bool) -> None:
    bomb = tmp_path / "a.arrow"
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    data = pa.table({"a": ["x" * 10_000_000] * 7})
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(bomb, data.schema, options=options) as writer:
        writer.write_table(data)
    found = "grew beyond 64000000 bytes\n  fix: raise limits.decompression_ratio if this is no attack"
    assert said(piece(bomb)) == f"error[DECOMPRESSION_RATIO] a.arrow: {found}"
    allowed = everything(piece(bomb), limits=Limits(decompression_ratio=100_000))
    assert allowed[0].num_rows == 7


@pytest.mark.parametrize("kind", [pa.string(), pa.list_(pa.string())])
def test_a_dictionary_may_not_grow_beyond_all_measure(tmp_path: Path, kind: pa.DataType) -> None:
    text = "x" * 100_000
    values = pa.array([text] * 700) if kind == pa.string() else pa.array([[text] * 100] * 7)
    spec = STRING if kind == pa.string() else {"type": "array", "items": STRING}
    assert refused(tmp_path / "a.parquet", spec, values) == (
        "error[DECOMPRESSION_RATIO] a.parquet: grew beyond 64000000 bytes\n"
        "  fix: raise limits.decompression_ratio if this is no attack"
    )


def test_a_page_is_believed_before_the_footer(tmp_path: Path) -> None:
    path, text = tmp_path / "a.parquet", "x" * 70_000_000
    pq.write_table(pa.table({"a": [text]}), path, compression="zstd", use_dictionary=False, write_statistics=False)
    group, raw = pq.ParquetFile(path).metadata.row_group(0), path.read_bytes()
    start = len(raw) - 8 - int.from_bytes(raw[-8:-4], "little")
    footer = raw[start:]
    for value in (group.column(0).total_uncompressed_size, group.total_byte_size):
        value, true = value << 1, b""
        while value:
            value, true = value >> 7, true + bytes([value & 0x7F | 0x80 * (value > 0x7F)])
        footer = footer.replace(true, b"\xd0" + b"\x80" * (len(true) - 2) + b"\x00")
    path.write_bytes(raw[:start] + footer)
    assert pq.ParquetFile(path).metadata.row_group(0).column(0).total_uncompressed_size == 40
    assert said(piece(path), table(a=STRING)) == (
        "error[DECOMPRESSION_RATIO] a.parquet: grew beyond 64000000 bytes\n"
        "  fix: raise limits.decompression_ratio if this is no attack"
    )


# Files that mean different things by one column.


def test_files_whose_columns_do_not_read_alike_drift(tmp_path: Path) -> None:
    first = {"a": pa.array(["x"]), "n": pa.array([1], pa.int32()), "s": pa.array([{"x": 1, "y": ["1"]}])}
    second = {"a": pa.array([1]), "n": pa.array([1.5]), "s": pa.array([{"y": [True], "x": 1}])}
    third = {"a": pa.nulls(1), "n": pa.array([True]), "z": pa.array([1])}
    parts = [stored(tmp_path / name, pa.table(data)) for name, data in
             (("a.parquet", first), ("b.arrow", second), ("c.parquet", third))]  # fmt: skip
    advice = "give it one type in all files of the table"
    assert [tuple(problem) for problem in columns.drift([*parts, parts[0]])] == [
        ("SCHEMA_DRIFT", "b.arrow", "column 'a' is int64 here and string in a.parquet", advice),
        ("SCHEMA_DRIFT", "b.arrow", "column '/s/y/-' is bool here and string in a.parquet", advice),
        ("SCHEMA_DRIFT", "c.parquet", "column 'n' is bool here and int32 in a.parquet", advice),
    ]


def test_widths_layouts_and_nulls_are_no_drift(tmp_path: Path) -> None:
    day = pa.array([date(2020, 1, 1)])
    one = pa.table({"a": pa.nulls(1), "b": pa.array([1], pa.int8()), "c": day, "d": pa.array([["x"]])})
    two = pa.table(
        {"a": ["x"], "b": [1.5], "c": day.cast(pa.date64()), "d": pa.array([["x"]], pa.large_list(pa.string()))}
    )
    two = two.set_column(0, "a", two.column("a").combine_chunks().dictionary_encode())
    three = pa.table({"a": pa.array(["x"], pa.string_view()), "d": pa.array([["x"]], pa.list_(pa.large_string(), 1))})
    files = zip(("a.arrow", "b.arrow", "c.arrow"), (one, two, three), strict=True)
    assert columns.drift([stored(tmp_path / name, data) for name, data in files]) == []


# Files of others.


def expected() -> list[dict[str, Any]]:
    path = MATERIAL / "generated-bad-inputs/expected.jsonl"
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []
    return [case for case in found if case["family"] == "PQ" and not case["path"].endswith("/")]


@needs_material
@pytest.mark.parametrize("case", expected(), ids=lambda case: Path(case["path"]).stem)
def test_bad_files_are_refused_as_expected(case: dict[str, Any]) -> None:
    part = piece(MATERIAL / "generated-bad-inputs" / case["path"])
    code, ok, bad = case["code"], case["rows_ok"], case["rows_bad"]
    shape = table(id=STRING, text=STRING)
    if "names_evil" in part.name or "nested" in part.name:
        names = columns.columns_of(part).names
        spec = {name: {"type": "object"} if name == "meta" else STRING for name in names}
        shape = table(**spec)
    if part.name.startswith("int96"):  # an instant without a zone: not known, and so not read
        code, shape = "SCHEMA_TYPE", table(id=STRING, text=STRING, ts=INSTANT)
    if code in ("OK", "UTF8_INVALID", "SCHEMA_REQUIRED"):
        kept, removed = everything(part, shape)
        if code != "SCHEMA_REQUIRED":  # which `validate` judges
            assert (kept.num_rows, len(removed)) == (ok, bad)
            assert {row.code for row in removed} <= {code}
    else:
        assert said(part, shape).startswith(f"error[{code}] {part.name}: ")


@needs_material
def test_files_that_drift_are_told_apart() -> None:
    files = [piece(BAD / f"schema_drift/{name}.parquet") for name in "ab"]
    assert [problem.text() for problem in columns.drift(files)] == [
        "error[SCHEMA_DRIFT] b.parquet: column 'id' is int64 here and string in a.parquet\n"
        "  fix: give it one type in all files of the table"
    ]


#: Reads each file as what its own columns look like, and says in one line what came of it.
CHILD = """
import json, sys
from pathlib import Path
import pyarrow as pa
from parquetry.columnar import columns, headers
from parquetry.sources.partitions import Piece
from parquetry.words.errors import ParquetryError
from parquetry.words.recipe import Limits, Table
from parquetry.words.schema import parse

def spec(kind):
    kind = headers.bare(kind)
    word = headers.kind_of(kind)
    if word == "list":
        return {"type": "array", "items": spec(kind.value_type)}
    if word == "object":
        members = {member.name: spec(member.type) for member in kind}
        return {"type": "object", "additionalProperties": False, "properties": members}
    if word == "number":
        return {"type": "integer" if pa.types.is_integer(kind) else "number"}
    named = {"map": {"type": "object"}, "date": {"type": "string", "format": "date"}, "boolean": {"type": "boolean"}}
    named["date-time"] = {"type": "string", "format": "date-time"}
    return named.get(word, {"type": "string"})

rules = '{"schema":"x","sources":["x"],"id":"id","split":{"only":"train"}}'
for name in sys.argv[2:]:
    path = Path(name)
    part = Piece(path, path.name + ("" if path.suffix == sys.argv[1] else sys.argv[1]), path.stat().st_size)
    try:
        shape = {one.name: spec(one.type) for one in columns.columns_of(part)}
        shape = {"type": "object", "additionalProperties": False, "properties": shape}
        shape = parse(json.dumps(shape).encode(), "s")
        for batch in columns.read(part, shape, Table.model_validate_json(rules), Limits()):
            batch.kept.validate(full=True)
        print(path.name, "read")
    except ParquetryError as error:
        print(path.name, error.problems[0].code)
status = open("/proc/self/status").read()  # its own peak: that of rusage is inherited from who started it
print("megabytes", int(status.split("VmHWM:")[1].split()[0]) // 1000)
"""


def outcomes(folder: Path, suffix: str, paths: list[Path]) -> dict[str, str]:
    """What comes of files that are read in a process of their own, which they may take down."""
    script = folder / "child.py"
    script.write_text(CHILD, "utf-8")
    child = subprocess.run(
        [sys.executable, script, suffix, *paths], capture_output=True, text=True, timeout=120, check=False
    )
    assert child.returncode == 0, child.stderr[-2000:]
    return dict(line.rsplit(" ", 1) for line in child.stdout.splitlines())


@needs_material
@pytest.mark.parametrize(
    "kind", ["arrow-parquet-fuzz/data/parquet/fuzzing", "parquet-bad/bad_data", "parquet-good/data"]
)
def test_no_parquet_file_gets_anything_but_rows_or_a_reason(tmp_path: Path, kind: str) -> None:
    paths = [path for path in sorted((MATERIAL / kind).iterdir()) if path.suffix != ".md"]
    found = outcomes(tmp_path, ".parquet", paths)
    assert int(found.pop("megabytes")) < 1000
    assert set(found) == {path.name for path in paths}
    assert "read" in found.values()


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".parquet", ".arrow"])
def test_no_flipped_byte_gets_anything_but_rows_or_a_reason(tmp_path: Path, suffix: str) -> None:
    data = pa.table({"a": ["x", "é", None] * 20, "n": range(60), "l": [[1], None, [2, 3]] * 20, "m": [{"k": 1.5}] * 60})
    data = data.append_column("d", data.column("a").combine_chunks().dictionary_encode())
    raw = bytearray(stored(tmp_path / f"a{suffix}", data, rows=20).path.read_bytes())
    paths = []
    for place in range(0, len(raw), max(len(raw) // 300, 1)):
        paths.append(tmp_path / f"{place}{suffix}")
        raw[place] ^= 0xA5
        paths[-1].write_bytes(raw)
        raw[place] ^= 0xA5
    found = outcomes(tmp_path, suffix, paths)
    assert int(found.pop("megabytes")) < 1000
    assert set(found) == {path.name for path in paths}
