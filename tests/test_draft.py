"""Records -> a draft of their schema: it accepts every one of them, and asks about what they cannot say."""

from __future__ import annotations

import csv
import json
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import stored
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from strategies import schemas_with_matching

from parquetry.record.read import read
from parquetry.record.validate import validate
from parquetry.sources.partitions import FORMATS, Partition
from parquetry.start import identity
from parquetry.start.draft import draft
from parquetry.start.found import Found, look
from parquetry.start.seen import NAMES, Seen
from parquetry.words.errors import InputError, ParquetryError
from parquetry.words.recipe import Limits, Read, Table

TABLE = Table.model_validate_json('{"schema": "s", "sources": ["a"], "id": "id", "split": {"only": "train"}}')


def drafted(rows: Iterable[dict[str, Any]], *, cells: bool = False) -> dict[str, Any]:
    """The properties of the draft of some records."""
    seen = Seen(most=sys.maxsize)
    for number, row in enumerate(rows, 1):
        seen.add(row, f"line {number}")
    properties: dict[str, Any] = draft(seen, "records", cells=cells)["properties"]
    return properties


def bare(spec: dict[str, Any]) -> dict[str, Any]:
    """A schema without words for people."""
    return {word: inner for word, inner in spec.items() if word not in ("$comment", "description")}


def rejected(found: Found) -> list[Any]:
    """What a build would reject of what was looked at, by the draft."""
    wrong = []
    for piece in found.pieces:
        rules = TABLE.model_copy(update={"read": found.rules})
        for batch in read(Partition("t", 0, FORMATS[piece.suffix], (piece,)), found.schema, rules, Limits()):
            wrong += [*batch.removed, *validate(batch.kept, found.schema).removed]
    return wrong


@given(schemas_with_matching())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_draft_accepts_all_records_it_was_made_from(case: tuple[Any, list[dict[str, Any]]]) -> None:
    rows = case[1]
    assume(any(value is not None for row in rows for value in row.values()))
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
        found = look([path])
        assert (found.seen.values, found.faulty) == (len(rows), 0)
        assert rejected(found) == []


WORDS = st.sampled_from(
    ["", "a", "x y", "NA", "007", "1", "-3", "1.5", "1e3", "true", "false", "2020-01-31", "2020-02-30", "1,000", "-0",
     "2020-01-31T10:00:00Z", "9223372036854775808", "12345678901234567890.5", "1e999", "01/02/2003", 'a"b', "c\nd", "é"]
)  # fmt: skip


@given(st.integers(2, 3).flatmap(lambda width: st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=1)))
def test_a_draft_accepts_all_cells_it_was_made_from(rows: list[list[str]]) -> None:
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([[f"c{i}" for i in range(len(rows[0]))], *rows])
        found = look([path])
        assert found.seen.values == len(rows)
        assert rejected(found) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.sampled_from("abc"), st.integers(0, 2)), min_size=1, max_size=12))
def test_an_id_tells_all_records_apart_and_no_fewer_properties_do(rows: list[tuple[int, str, int]]) -> None:
    records = [dict(zip("xyz", row, strict=True)) for row in rows]
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "a.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in records), "utf-8")
        found = look([path])
    id = identity.find(lambda: records, found.schema)
    able = list(identity.candidates(found.schema))
    unique = [one for one in able if len({tuple(row[name] for name in one) for row in records}) == len(records)]
    assert id == (unique[0] if unique else ())


@pytest.mark.parametrize(
    ("values", "spec"),
    [
        (["a", "b c"], {"type": "string", "minLength": 1}),
        (["a", ""], {"type": "string"}),
        ([1, None], {"type": ["integer", "null"]}),
        ([1, 2.0], {"type": "number"}),
        ([2**64 - 1, 0], {"type": "integer", "x-arrow": "uint64"}),
        ([True, False], {"type": "boolean"}),
        (["2020-01-31", "2021-02-28"], {"type": "string", "format": "date"}),
        (["2020-01-31", "2021-02-29"], {"type": "string", "minLength": 1}),
        (["2020-01-31T10:00:00+01:00"], {"type": "string", "format": "date-time"}),
        (["2020-01-31T10:00:00"], {"type": "string", "minLength": 1}),
        ([[1], []], {"type": "array", "items": {"type": "integer"}}),
        ([["a", None]], {"type": "array", "items": {"type": ["string", "null"]}}),
        (["x", "y"] * 5, {"type": "string", "enum": ["x", "y"]}),
        (["x", "y", None] * 5, {"type": ["string", "null"], "enum": ["x", "y", None]}),
        ([None], {"type": ["string", "null"]}),
        ([{}], {"type": "object"}),
        ([{"a": 1}, {"a": "x"}], {"type": "object"}),
        ([{f"k{i}": i} for i in range(NAMES + 1)], {"type": "object"}),
        (["5", "007"], {"type": "string", "minLength": 1}),
    ],
)
def test_types_are_what_all_values_are(values: list[Any], spec: dict[str, Any]) -> None:
    assert bare(drafted({"a": value} for value in values)["a"]) == spec


@pytest.mark.parametrize(
    ("cells", "spec"),
    [
        (["1", "-20"], {"type": "integer"}),
        (["1", "007"], {"type": "string", "minLength": 1}),
        (["1", "2.5", "1e3"], {"type": "number"}),
        (["1", None], {"type": ["integer", "null"]}),
        (["true", "false"], {"type": "boolean"}),
        (["True", "False"], {"type": "string", "minLength": 1}),
        (["2020-01-31", None], {"type": ["string", "null"], "format": "date"}),
        (["1", "NA"], {"type": "string", "minLength": 1}),
        (["9223372036854775808"], {"type": "number"}),
        (["9223372036854775807", "0.5"], {"type": "string", "minLength": 1}),
    ],
)
def test_cells_mean_numbers_only_where_all_of_a_column_do(cells: list[str | None], spec: dict[str, Any]) -> None:
    assert bare(drafted(({"a": cell} for cell in cells), cells=True)["a"]) == spec


@pytest.mark.parametrize(
    ("values", "cells", "comment"),
    [
        ([1, 2, 5], False, "All values are between 1 and 5: is this a scale? Then add minimum and maximum."),
        (["1", "3", "5"], True, "All values are between 1 and 5: is this a scale? Then add minimum and maximum."),
        ([1, 2, 300], False, ""),
        (
            ["1.5", "NA", "3"],
            True,
            "All values but NA have the form of a number: if they say that there is none, empty these cells, and say "
            "number.",
        ),
        (
            ["NA", *"abcdefghijklm"],
            True,
            "Some values are NA: if they say that there is none, empty these cells.",
        ),
        (["9/24/06"], True, "These look like dates: to have dates, write them YYYY-MM-DD, and add format: date."),
        (
            ["1,193.91", "12"],
            True,
            "These look like numbers with commas: to have numbers, write them without, as in 1193.91.",
        ),
        (["https://a.b/c"], False, "All values are addresses: with format: uri, others are refused."),
        (["01"], True, "Digits, but with leading zeros, or too many for a number: kept as text."),
        (["5", "6"], False, "All values are numbers written as text: is that meant?"),
        (["a", None, None], False, "2 of 3 records have no value: what does that mean?"),
        ([None], False, "There is no value in any record: is it needed?"),
        (
            [*(f"2020-01-{day:02}" for day in range(1, 30)), "30 January"],
            True,
            "All but '30 January' (line 30) look like dates: correct these if they are mistakes, then add format: "
            "date.",
        ),
        (
            ["x", *(f"{day}/1/2020" for day in range(1, 41)), "y" * 99],
            False,
            f"All but 'x' (line 1) and '{'y' * 40}' (line 42) look like dates: correct these if they are mistakes, "
            "write all as YYYY-MM-DD, and add format: date.",
        ),
        (
            [*map(str, range(50)), "c. 50"],
            True,
            "All but 'c. 50' (line 51) look like numbers: correct these if they are mistakes, then say number.",
        ),
        ([*map(str, range(15)), "c. 50"], True, ""),
        ([*map(str, range(500)), "a", "b", "c", "d"], True, ""),
    ],
)
def test_what_values_cannot_say_is_asked(values: list[Any], cells: bool, comment: str) -> None:
    assert drafted(({"a": value} for value in values), cells=cells)["a"].get("$comment", "") == comment


def test_every_property_asks_what_it_means() -> None:
    record = {"a": "x", "b": 1, "c": True, "d": ["x"], "e": {"f": "x"}, "g": "2020-01-31", "h": None}
    properties = drafted([record])
    assert all(spec["description"].endswith("?") for spec in properties.values())
    assert drafted([{"a": 1999}, {"a": 2015}])["a"]["description"] == "Which year is it, by what?"
    assert properties["e"]["properties"]["f"]["description"].endswith("?")


def test_a_property_of_several_types_is_refused_with_where_they_stand(tmp_path: Path) -> None:
    path = stored(tmp_path, "a.jsonl", b'{"a": 1, "b": [1]}\n{"a": "x", "b": [1, "x"]}\n')
    with pytest.raises(InputError) as caught:
        look([path])
    assert str(caught.value) == (
        "error[DRAFT_TYPES] /a: a column has one type, found integer (a.jsonl:1), string (a.jsonl:2)\n"
        "  fix: give it one type in all records, or make two properties of it\n"
        "error[DRAFT_TYPES] /b/-: a column has one type, found integer (a.jsonl:1), string (a.jsonl:2)\n"
        "  fix: give it one type in all records, or make two properties of it"
    )


def test_records_that_no_build_would_read_are_counted_and_the_first_are_told(tmp_path: Path) -> None:
    bad = '{"a": 1, "a": 2}\n[1]\n{"a":\n' * 3
    found = look([stored(tmp_path, "a.jsonl", f'{{"a": 1}}\n{bad}\n'.encode())])
    assert (found.seen.values, found.faulty, len(found.faults)) == (1, 9, 5)
    assert found.faults[0].text() == (
        "error[JSON_DUPLICATE_KEY] a.jsonl:2: key 'a' stands twice\n  fix: correct the records: a build ends in 3 "
        "because of them, unless limits.rejected in the recipe allows them"
    )


def test_column_files_keep_the_types_of_columns_that_hold_nothing(tmp_path: Path) -> None:
    columns = {
        "id": pa.array([1, 2]), "day": pa.array([None, None], pa.date32()),
        "at": pa.array([0, None], pa.timestamp("us", "UTC")),
        "share": pa.array([1.0, 2.0]), "tags": pa.array([[], []], pa.list_(pa.int64())),
        "more": pa.array([{"x": None}, None], pa.struct({"x": pa.bool_()})), "no": pa.nulls(2),
        "map": pa.array([[("a", 1)], []], pa.map_(pa.string(), pa.int64())),
    }  # fmt: skip
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    found = look([tmp_path / "a.parquet"])
    kinds = {field.name: field.kind for field in found.schema.fields}
    assert kinds == {
        "id": "integer", "day": "date", "at": "date-time", "share": "number", "tags": "list", "more": "struct",
        "no": "string", "map": "map",
    }  # fmt: skip
    assert found.schema["tags"].fields[0].kind == "integer"
    assert rejected(found) == []


def test_columns_that_json_cannot_say_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": [1], "b": [b"x"]}), tmp_path / "a.parquet")
    with pytest.raises(ParquetryError) as caught:
        look([tmp_path / "a.parquet"])
    assert str(caught.value) == (
        "error[SCHEMA_TYPE] a.parquet: /b: expected text, found binary\n  fix: write the column as string"
    )


def test_a_delimiter_that_is_no_comma_is_found_by_the_first_line(tmp_path: Path) -> None:
    found = look([stored(tmp_path, "a.csv.gz", b"a;b\n1;x\n")])
    assert found.rules.delimiter == ";"
    assert [field.name for field in found.schema.fields] == ["a", "b"]
    assert rejected(found) == []


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.csv"])
def test_another_encoding_is_read_as_a_build_reads_it(tmp_path: Path, name: str) -> None:
    text = {"a.jsonl": '{"a": "é"}\n', "a.json": '[{"a": "é"}]', "a.csv": "a\né\n"}[name]
    found = look([stored(tmp_path, name, text.encode("cp1252"))], Read(encoding="cp1252"))
    assert list(found.records()) == [{"a": "é"}]
    assert rejected(found) == []
