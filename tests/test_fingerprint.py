"""Rows -> the few bytes that the steps on the whole corpus need of them; and docs/DIGEST.md."""

from __future__ import annotations

import hashlib
import io
import json
import random
import re
import struct
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import RELEASE, ROOT
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import Spec, schemas_with_matching, table

from parquetry.record.content import content, content_digest, contents, key, keys, row_bytes
from parquetry.record.fingerprint import PRINTS, fingerprint, reference
from parquetry.sources.conform import record
from parquetry.words.fields import Field
from parquetry.words.recipe import Table
from parquetry.words.records import LINE, PLACE, SOURCE
from parquetry.words.schema import Schema

Case = tuple[Schema, list[dict[str, Any]]]
Shape = list[Any]


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def encoded(kind: str, inner: Shape, value: Any) -> bytes:
    """The content of one value."""
    if value is None:
        return bytes([0])
    if kind == "bool":
        return bytes([1, value])
    if kind.startswith("int"):
        return b"\2" + value.to_bytes(8, "little", signed=True)
    if kind.startswith("uint"):
        return b"\3" + value.to_bytes(8, "little")
    if kind in ("float", "double"):
        return b"\4" + struct.pack("<d", value)
    if kind == "string":
        return b"\5" + len(value.encode()).to_bytes(8, "little") + value.encode()
    if kind == "date32[day]":
        day = date.fromisoformat(value) if isinstance(value, str) else value
        return b"\6" + (day - EPOCH.date()).days.to_bytes(4, "little", signed=True)
    if kind == "timestamp[us, tz=UTC]":
        since = (datetime.fromisoformat(value) if isinstance(value, str) else value) - EPOCH
        return b"\7" + ((since.days * 86400 + since.seconds) * 10**6 + since.microseconds).to_bytes(
            8, "little", signed=True
        )
    if kind == "list":
        return b"\x08" + len(value).to_bytes(8, "little") + b"".join(encoded(*column(inner[0]), item) for item in value)
    assert kind == "struct"
    return b"\x09" + len(inner).to_bytes(8, "little") + b"".join(encoded(*column(c), value[c[0]]) for c in inner)


def column(shape: Shape) -> tuple[str, Shape]:
    """Type and inner columns of a column."""
    return shape[1], shape[2] if len(shape) > 2 else []


def row_digest(columns: Shape, row: dict[str, Any]) -> bytes:
    return hashlib.sha256(b"".join(encoded(*column(c), row[c[0]]) for c in columns)).digest()


def table_digest(columns: Shape, rows: Iterable[dict[str, Any]]) -> str:
    header = hashlib.sha256(json.dumps(columns, ensure_ascii=False, separators=(",", ":")).encode()).digest()
    return hashlib.sha256(header + b"".join(row_digest(columns, row) for row in rows)).hexdigest()


VECTORS = [
    json.loads(text) for text in re.findall(r"```json\n(.*?)```", (ROOT / "docs/DIGEST.md").read_text("utf-8"), re.S)
]
#: Types as the page spells them, and as `Field` calls them.
KINDS = {"bool": "boolean", "double": "number", "float": "float32", "date32[day]": "date"}
KINDS |= {"timestamp[us, tz=UTC]": "date-time"}


def fields_of(columns: Shape) -> tuple[Field, ...]:
    """Columns as the page spells them, as ours."""
    return tuple(
        Field(name, "", KINDS.get(kind, kind), True, False, fields=fields_of(inner[0] if inner else []))
        for name, kind, *inner in columns
    )


def shape_of(kind: pa.DataType | pa.Schema) -> Shape:
    """Columns of Arrow as the page spells them."""
    shapes: Shape = []
    for field in kind:
        if pa.types.is_list(field.type):
            shapes.append([field.name, "list", shape_of([field.type.value_field.with_name("element")])])
        elif pa.types.is_struct(field.type):
            shapes.append([field.name, "struct", shape_of(field.type)])
        else:
            shapes.append([field.name, str(field.type)])
    return shapes


vectors = pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["title"])


def test_the_page_has_vectors_for_every_type() -> None:
    assert len(VECTORS) >= 3
    said = json.dumps([vector["columns"] for vector in VECTORS])
    for kind in (*KINDS, "string", "list", "struct", *(f"{u}int{bits}" for u in ("", "u") for bits in (8, 16, 32, 64))):
        assert f'"{kind}"' in said, kind


@vectors
def test_the_page_can_be_followed_without_our_code(vector: dict[str, Any]) -> None:
    columns, rows = vector["columns"], vector["rows"]
    for row, bytes_of_it in zip(rows, vector["encoded"], strict=True):
        assert b"".join(encoded(*column(c), row[c[0]]) for c in columns).hex() == bytes_of_it.replace(" ", "")
    assert [row_digest(columns, row).hex() for row in rows] == vector["row_sha256"]
    assert table_digest(columns, rows) == vector["sha256"]


@vectors
def test_our_code_does_what_the_page_says(vector: dict[str, Any]) -> None:
    fields = fields_of(vector["columns"])
    digests = [content(record(Schema({}, tuple(fields)), row), fields) for row in vector["rows"]]
    assert [digest.hex() for digest in digests] == vector["row_sha256"]
    assert content_digest(fields, digests) == vector["sha256"]


@given(schemas_with_matching())
def test_page_and_code_agree_on_any_table(case: Case) -> None:
    schema, rows = case
    batch = batch_of(schema, rows)
    held = batch.drop_columns([field.name for field in PLACE]).to_pylist()
    ours = content_digest(schema.fields, [content(row, schema.fields) for row in held])
    assert ours == table_digest(shape_of(schema.arrow), held)


def _read_back(batch: pa.RecordBatch) -> pa.RecordBatch:
    file = io.BytesIO()
    pq.write_table(pa.table(batch), file)
    return pa.Table.from_batches(pq.read_table(file).to_batches(), batch.schema).combine_chunks().to_batches()[0]


#: Ways in which a batch comes about; the rows stay.
WAYS: dict[str, Callable[[pa.RecordBatch], pa.RecordBatch]] = {
    "slice": lambda batch: pa.concat_batches([batch.slice(0, 1), batch, batch.slice(0, 2)]).slice(1, batch.num_rows),
    "take": lambda batch: batch.take(pa.array(range(batch.num_rows), pa.int64())),
    "filter": lambda batch: pa.concat_batches([batch, batch]).filter(
        pa.array([True] * batch.num_rows + [False] * batch.num_rows)
    ),
    "parquet": _read_back,
}


@pytest.mark.parametrize("way", WAYS)
@given(case=schemas_with_matching(), nulls=st.integers(0, 2))
@settings(max_examples=50)
def test_the_digest_of_a_row_is_that_of_the_page_however_its_batch_came_about(way: str, case: Case, nulls: int) -> None:
    schema, rows = case
    batch = WAYS[way](batch_of(schema, [*rows, *({} for _ in range(nulls)), {}]))
    prints = fingerprint(batch, schema, rules(id=[schema.fields[0].name]))
    held, bare = batch.to_pylist(), batch.drop_columns([field.name for field in PLACE])
    assert contents(bare, schema.fields) == b"".join(row_digest(shape_of(schema.arrow), row) for row in held)
    assert prints.column("bytes").to_pylist() == row_bytes(bare).tolist()


def test_the_released_digests_follow_from_the_parquet_files_alone() -> None:
    """Read with pyarrow: no schema, no recipe, none of our code."""
    manifest = json.loads((RELEASE / "manifest.json").read_text("utf-8"))
    found = dict[tuple[str, str], str]()
    for name, facts in manifest["tables"].items():
        for split in facts["splits"]:
            shards = [pq.read_table(path) for path in sorted((RELEASE / "data" / name).glob(f"{split}-*.parquet"))]
            whole = pa.concat_tables(shards)
            found[name, split] = table_digest(shape_of(whole.schema), whole.to_pylist())
    assert found == {
        (name, split): rows["sha256"]
        for name, facts in manifest["tables"].items()
        for split, rows in facts["splits"].items()
    }
    lines = sorted(f"{name} {split} {digest}\n" for (name, split), digest in found.items())
    assert manifest["data_sha256"] == hashlib.sha256("".join(lines).encode()).hexdigest()


@given(schemas_with_matching())
def test_two_rows_have_one_digest_only_if_they_are_equal(case: Case) -> None:
    schema, rows = case
    held = batch_of(schema, rows).drop_columns([field.name for field in PLACE]).to_pylist()
    digests = [content(row, schema.fields) for row in held]
    assert [a == b for a in digests for b in digests] == [repr(a) == repr(b) for a in held for b in held]


def test_neighbours_do_not_run_into_each_other() -> None:
    schema = table(a={"type": "string"}, b={"type": "string"}, c={"type": "array", "items": {"type": "string"}})
    rows: list[dict[str, Any]] = [
        {"a": "xy", "b": "z"}, {"a": "x", "b": "yz"}, {"a": "xyz"}, {"b": "xyz"}, {"a": "xyz", "b": ""}, {"c": []},
        {"c": [""]}, {"c": [None]}, {"c": ["", ""]}, {},
    ]  # fmt: skip
    assert len({content(record(schema, row), schema.fields) for row in rows}) == len(rows)


def test_order_names_and_types_count() -> None:
    schema = table(a={"type": "integer"}, b={"type": "integer"})
    one, two = (content({"a": a, "b": 2}, schema.fields) for a in (1, 3))
    named = table(b={"type": "integer"}, a={"type": "integer"})
    narrow = table(a={"type": "integer"}, b={"type": "integer", "x-arrow": "int8"})
    digests = [content_digest(schema.fields, rows) for rows in ([one, two], [two, one], [one], [], [one, one])]
    digests += [content_digest(other.fields, [one, two]) for other in (named, narrow)]
    assert len(set(digests)) == len(digests)


def test_row_digests_may_come_in_pieces() -> None:
    fields = table(a={"type": "string"}).fields
    digests = [content({"a": text}, fields) for text in "abcd"]
    assert content_digest(fields, digests) == content_digest(fields, [b"".join(digests[:3]), digests[3], b""])


def test_descriptions_and_labels_do_not_count() -> None:
    plain = table(a={"type": "string"})
    described = table(a={"type": ["string", "null"], "description": "What.", "enum": ["x", None], "x-unit": "m"})
    assert content_digest(plain.fields, []) == content_digest(described.fields, [])
    assert content({"a": "x"}, plain.fields) == content({"a": "x"}, described.fields)


def batch_of(schema: Schema, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Records as a batch, with the lines they stand on."""
    place = [{LINE.name: 10 + index, SOURCE.name: 0} for index in range(len(rows))]
    typed = [record(schema, row) | there for row, there in zip(rows, place, strict=True)]
    return pa.RecordBatch.from_pylist(typed, schema=pa.schema([*schema.arrow, *PLACE]))


def rules(split: dict[str, Any] | None = None, **keys: Any) -> Table:
    """A table of a recipe."""
    known = {"schema": "s.json", "sources": ["a.jsonl"], "id": "id", "split": split or {"only": "train"}}
    return Table.model_validate_json(json.dumps(known | keys))


def joined(parts: list[pa.RecordBatch]) -> list[dict[str, Any]]:
    return [row for part in parts for row in part.to_pylist()]


NOTE = table(
    id={"type": "string"},
    title={"type": ["string", "null"]},
    text={"type": ["string", "null"]},
    group={"type": ["integer", "null"]},
    part={"type": ["boolean", "null"]},
    parent={"type": ["string", "null"]},
    others={"type": ["array", "null"], "items": {"type": "string"}},
)


@given(schemas_with_matching(), st.lists(st.integers(0, 4), max_size=3))
@settings(max_examples=60)
def test_batching_does_not_show(case: Case, cuts: list[int]) -> None:
    schema, rows = case
    batch = batch_of(schema, rows)
    own = rules(id=[schema.fields[0].name])
    whole = fingerprint(batch, schema, own).to_pylist()
    edges = sorted({0, batch.num_rows, *(min(cut, batch.num_rows) for cut in cuts)})
    parts = [fingerprint(batch.slice(a, b - a), schema, own) for a, b in pairwise(edges)]
    assert joined(parts) == whole
    assert [row[LINE.name] for row in whole] == batch.column(LINE.name).to_pylist()


@given(schemas_with_matching(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_a_fingerprint_depends_on_its_row_alone(case: Case, chance: random.Random) -> None:
    schema, rows = case
    batch = batch_of(schema, rows)
    own = rules(id=[schema.fields[0].name])
    order = chance.sample(range(batch.num_rows), batch.num_rows)
    whole = fingerprint(batch, schema, own).to_pylist()
    assert fingerprint(batch.take(pa.array(order, pa.int64())), schema, own).to_pylist() == [whole[i] for i in order]


def test_a_line_of_fingerprints_has_its_columns_and_those_of_its_references() -> None:
    prints = fingerprint(batch_of(NOTE, [{"id": "a"}]), NOTE, rules(references={"parent": "notes", "others": "notes"}))
    ids = pa.list_(pa.binary(16))
    assert prints.schema == pa.schema([*PRINTS, pa.field(reference("parent"), ids), pa.field(reference("others"), ids)])


def test_a_reference_is_the_id_it_points_to() -> None:
    rows = [
        {"id": "a", "parent": None, "others": None},
        {"id": "b", "parent": "a", "others": []},
        {"id": "c", "parent": "b", "others": ["b", "a", "b"]},
    ]
    prints = fingerprint(batch_of(NOTE, rows), NOTE, rules(references={"parent": "n", "others": "n"})).to_pylist()
    a, b, _ = (row["id"] for row in prints)
    assert [row[reference("parent")] for row in prints] == [[], [a], [b]]
    assert [row[reference("others")] for row in prints] == [[], [], [b, a, b]]


@pytest.mark.parametrize("name", [field.name for field in PRINTS[len(PLACE) :] if field.name != "id"])
def test_a_reference_may_have_the_name_of_a_fingerprint(name: str) -> None:
    schema = table(**{"id": {"type": "string"}, name: {"type": "string"}})
    rows = [{"id": "a", name: "a"}, {"id": "b", name: "a"}]
    prints = fingerprint(batch_of(schema, rows), schema, rules(references={name: "notes"})).to_pylist()
    assert prints[1][reference(name)] == [prints[0]["id"]]


@pytest.mark.parametrize("narrow", ["int8", "int32", "uint8", "uint32", "uint64"])
def test_a_reference_may_be_of_another_width_than_the_id(narrow: str) -> None:
    """`tables` lets an integer point to an integer, whatever its width."""
    ids, references = table(id={"type": "integer", "x-arrow": narrow}), table(id={"type": "integer"})
    assert key([ids["id"]], [5]) == key([references["id"]], [5])


@pytest.mark.parametrize("narrow", ["int8", "int64", "uint8", "uint64"])
def test_a_list_of_references_may_be_of_another_width_than_the_id(narrow: str) -> None:
    ids = table(id={"type": "integer", "x-arrow": narrow})
    pointing = table(
        id={"type": "integer"}, one={"type": "integer"}, many={"type": ["array", "null"], "items": {"type": "integer"}}
    )
    pointed = fingerprint(batch_of(ids, [{"id": 5}, {"id": 100}]), ids, rules()).column("id").to_pylist()
    rows = [{"id": 1, "one": 100, "many": [100, 5]}, {"id": 2}, {"id": 3, "one": 5, "many": []}]
    prints = fingerprint(batch_of(pointing, rows), pointing, rules(references={"one": "ids", "many": "ids"}))
    assert prints.column(reference("one")).to_pylist() == [[pointed[1]], [], [pointed[0]]]
    assert prints.column(reference("many")).to_pylist() == [[pointed[1], pointed[0]], [], []]


def test_a_whole_row_is_more_than_its_text_and_its_id() -> None:
    rows = [
        {"id": "1", "text": "x", "group": 1},
        {"id": "1", "text": "x", "group": 2},
        {"id": "1", "text": "x", "group": 1},
    ]
    prints = fingerprint(batch_of(NOTE, rows), NOTE, rules(text=["text"])).to_pylist()
    assert prints[0]["row"] == prints[2]["row"] != prints[1]["row"]
    assert prints[0]["text"] == prints[1]["text"]


def test_text_and_number_are_different_ids() -> None:
    assert key([table(id={"type": "string"})["id"]], ["5"]) != key([table(id={"type": "integer"})["id"]], [5])


def test_the_parts_of_an_id_do_not_run_into_each_other() -> None:
    schema = table(a={"type": "string"}, b={"type": "string"})
    rows = [{"a": "xy", "b": "z"}, {"a": "x", "b": "yz"}, {"a": "xyz", "b": ""}]
    prints = fingerprint(batch_of(schema, rows), schema, rules(id=["a", "b"])).to_pylist()
    assert len({row["id"] for row in prints}) == 3


def test_duplicates_are_judged_by_the_texts_that_are_named() -> None:
    rows = [
        {"id": "1", "title": "t", "text": "x", "group": 1},
        {"id": "2", "title": "t", "text": "x", "group": 2},
        {"id": "3", "title": "t", "text": "y"},
        {"id": "4", "title": "t\nx", "text": None},
        {"id": "5", "title": "x", "text": "t"},
    ]
    prints = fingerprint(batch_of(NOTE, rows), NOTE, rules(text=["title", "text"])).to_pylist()
    texts = [row["text"] for row in prints]
    assert texts[0] == texts[1]
    assert len(set(texts)) == 4  # fields do not run into each other


def test_rows_without_any_text_are_no_duplicates_of_each_other() -> None:
    rows = [{"id": "1", "title": None}, {"id": "2", "title": ""}, {"id": "3"}, {"id": "4", "title": "t"}]
    batch = batch_of(NOTE, rows)
    prints = fingerprint(batch, NOTE, rules(text=["title", "text"])).to_pylist()
    own = keys(batch.select(NOTE.arrow.names), NOTE.fields).to_pylist()
    assert [row["text"] == key for row, key in zip(prints, own, strict=True)] == [True, True, True, False]
    assert len({row["text"] for row in prints}) == 4


def test_without_a_named_text_the_whole_record_is_judged() -> None:
    rows = [{"id": "1", "title": "t"}, {"id": "2", "title": "t"}, {"id": "1", "title": "t"}]
    prints = fingerprint(batch_of(NOTE, rows), NOTE, rules(duplicates={"exact": "drop"})).to_pylist()
    assert [row["text"] for row in prints] == [row["row"] for row in prints]
    assert prints[0]["text"] == prints[2]["text"] != prints[1]["text"]


def test_what_stays_together_is_the_group_else_the_text() -> None:
    rows = [
        {"id": "1", "text": "x", "group": 1, "part": True},
        {"id": "2", "text": "y", "group": 1, "part": True},
        {"id": "3", "text": "x", "group": 1, "part": None},
        {"id": "4", "text": "x", "group": None, "part": None},
        {"id": "5", "text": "x", "group": None, "part": None},
        {"id": "6", "text": "y", "group": None, "part": None},
    ]
    split = {"ratios": {"train": 1.0}, "group_by": ["group", "part"]}
    prints = fingerprint(batch_of(NOTE, rows), NOTE, rules(split, text=["text"])).to_pylist()
    keys = [row["key"] for row in prints]
    assert keys[0] == keys[1] == key([NOTE["group"], NOTE["part"]], [1, True])
    assert keys[2] == key([NOTE["group"], NOTE["part"]], [1, None])
    assert keys[3:] == [prints[3]["text"], prints[3]["text"], prints[5]["text"]]


def test_where_splits_are_assigned_by_id_a_row_stays_with_its_id() -> None:
    rows = [{"id": "1", "text": "x"}, {"id": "2", "text": "x"}]
    prints = fingerprint(batch_of(NOTE, rows), NOTE, rules({"assigned": "splits.csv"}, text=["text"])).to_pylist()
    assert [row["key"] for row in prints] == [row["id"] for row in prints]


@given(schemas_with_matching(), st.integers(0, 3), st.integers(0, 4))
def test_the_bytes_of_a_row_do_not_depend_on_its_batch(case: Case, start: int, length: int) -> None:
    schema, rows = case
    batch = batch_of(schema, rows * 2)
    whole = row_bytes(batch)
    assert row_bytes(batch.slice(start, length)).tolist() == whole[start : start + length].tolist()
    again = pa.RecordBatch.from_pylist(batch.to_pylist(), schema=batch.schema)
    assert row_bytes(again).tolist() == whole.tolist()
    odd = [index % 2 == 1 for index in range(batch.num_rows)]
    assert row_bytes(batch.filter(pa.array(odd, pa.bool_()))).tolist() == whole[1::2].tolist()


def _chance() -> random.Random:
    return random.Random(11)


SIZEABLE: dict[str, tuple[Spec, Any]] = {
    "text": ({"type": "string"}, lambda c: "x" * c.randrange(200)),
    "empty": ({"type": "string"}, lambda _: ""),
    "some text": ({"type": ["string", "null"]}, lambda c: c.choice([None, "é" * c.randrange(50)])),
    "no text": ({"type": ["string", "null"]}, lambda _: None),
    "integer": ({"type": ["integer", "null"]}, lambda c: c.choice([None, 1])),
    "byte": ({"type": "integer", "x-arrow": "int8"}, lambda _: 1),
    "some bytes": ({"type": ["integer", "null"], "x-arrow": "int8"}, lambda c: c.choice([None, 1])),
    "number": ({"type": "number"}, lambda c: c.random()),
    "day": ({"type": "string", "format": "date"}, lambda _: "2020-01-01"),
    "instant": ({"type": "string", "format": "date-time"}, lambda _: "2020-01-01T00:00:00Z"),
    "map": ({"type": "object"}, lambda c: {"a": "x" * c.randrange(20)}),
    "list": ({"type": "array", "items": {"type": "integer"}}, lambda c: [1] * c.randrange(9)),
    "list of text": (
        {"type": ["array", "null"], "items": {"type": "string"}},
        lambda c: ["ab"] * c.randrange(9) or None,
    ),
    "object": (
        {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {"a": {"type": "integer"}, "b": {"type": "array", "items": {"type": "string"}}},
        },
        lambda c: c.choice([None, {"a": 1}, {"b": ["x", "yz"]}]),
    ),
}


@pytest.mark.parametrize("name", SIZEABLE)
def test_the_bytes_of_all_rows_are_those_of_arrow(name: str) -> None:
    """Within a quarter: validity bits are left aside. (A flag alone counts as a byte, and Arrow packs eight in one.)"""
    spec, make = SIZEABLE[name]
    chance = _chance()
    schema = table(v=spec, flag={"type": "boolean"}, n={"type": "integer"})
    rows = [record(schema, {"v": make(chance), "flag": True, "n": 1}) for _ in range(3000)]
    batch = pa.RecordBatch.from_pylist(rows, schema=schema.arrow)
    assert float(np.sum(row_bytes(batch))) == pytest.approx(batch.nbytes, rel=0.25)


def test_an_empty_batch_has_no_bytes() -> None:
    assert row_bytes(batch_of(NOTE, [])).tolist() == []
    assert fingerprint(batch_of(NOTE, []), NOTE, rules()).num_rows == 0
