"""A JSON value <-> the exact type of its column."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import (
    NARROW_INTEGERS,
    Spec,
    floats,
    instants,
    json_values,
    records,
    schemas_with_matching,
    schemas_with_records,
    table,
)

from parquetry.sources.conform import canonical, document, plain, record, type_name, typed
from parquetry.words.fields import Field
from parquetry.words.schema import Schema
from parquetry.words.strict_json import NotJson

Case = tuple[Schema, list[dict[str, Any]]]


def normal(field: Field, value: Any) -> Any:
    """The form in which a value comes back, said once more and in other words."""
    if value is None:
        return None
    if field.kind == "struct":
        return normal_record(field.fields, value)
    if field.kind == "list":
        return [normal(field.fields[0], item) for item in value]
    if field.kind == "date-time":
        instant = datetime.fromisoformat(value.upper().replace("Z", "+00:00")).astimezone(UTC)
        return instant.isoformat().replace("+00:00", "Z")
    if field.kind == "float32":
        return float(np.float32(value))
    return value


def normal_record(fields: tuple[Field, ...], value: dict[str, Any]) -> dict[str, Any]:
    """Absent and null are one: null where the schema admits it, else absent."""
    found = {f.name: normal(f, value.get(f.name)) for f in fields}
    return {f.name: found[f.name] for f in fields if found[f.name] is not None or f.nullable}


def refusal(spec: Spec, value: Any) -> tuple[str, str, str]:
    """Code, message and pointer of the mistake in a record with this one value."""
    with pytest.raises(NotJson) as caught:
        record(table(v=spec), {"v": value})
    return caught.value.code, caught.value.what, caught.value.pointer


def back(spec: Spec, value: Any) -> Any:
    """A value as it comes back from its column."""
    schema = table(v=spec)
    return document(schema.fields, record(schema, {"v": value})).get("v", "absent")


@given(schemas_with_matching())
def test_a_record_comes_back_as_it_was_but_for_the_normal_form(case: Case) -> None:
    schema, rows = case
    for row in rows:
        assert document(schema.fields, record(schema, row)) == normal_record(schema.fields, row)


@given(schemas_with_matching())
def test_the_normal_form_is_the_row_again(case: Case) -> None:
    schema, rows = case
    for row in rows:
        held = record(schema, row)
        again = record(schema, document(schema.fields, held))
        assert again == held
        assert repr(again) == repr(held), "also the types and the sign of zero"


@given(schemas_with_matching())
def test_a_column_holds_what_typed_gives(case: Case) -> None:
    schema, rows = case
    held = [record(schema, row) for row in rows]
    assert pa.RecordBatch.from_pylist(held, schema=schema.arrow).to_pylist() == held


@given(schemas_with_records())
def test_any_record_is_held_or_refused_with_code_words_and_place(case: Case) -> None:
    schema, rows = case
    for row in rows:
        try:
            held = record(schema, row)
        except NotJson as error:
            assert error.code in ("SCHEMA_TYPE", "SCHEMA_ADDITIONAL", "SCHEMA_FORMAT", "JSON_NUMBER_RANGE")
            assert error.what
            assert _found(row, error.pointer)
        else:
            assert pa.RecordBatch.from_pylist([held], schema=schema.arrow).num_rows == 1


def _found(value: Any, where: str) -> bool:
    """Whether a JSON Pointer leads somewhere in a value."""
    for step in where.split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list):
            value = value[int(key)]
        elif key in value:
            value = value[key]
        else:
            return False
    return True


@pytest.mark.parametrize("value", [None, [], "x", 1, True, 1.5])
def test_a_record_is_an_object(value: Any) -> None:
    with pytest.raises(NotJson) as caught:
        record(table(a={"type": "string"}), value)
    found = (caught.value.code, caught.value.what, caught.value.pointer)
    assert found == ("JSON_NOT_OBJECT", f"a record is a JSON object, found {type_name(value)}", "")


def test_absent_and_null_are_one() -> None:
    schema = table(
        may={"type": ["string", "null"]},
        must={"type": "string"},
        inside={
            "type": "object",
            "additionalProperties": False,
            "properties": {"may": {"type": ["integer", "null"]}, "must": {"type": "integer"}},
        },
    )
    for row in ({"inside": {}}, {"may": None, "must": None, "inside": {"may": None, "must": None}}):
        held = record(schema, row)
        assert held == {"may": None, "must": None, "inside": {"may": None, "must": None}}
        assert document(schema.fields, held) == {"may": None, "inside": {"may": None}}
    assert document(schema.fields, record(schema, {})) == {"may": None}


def test_a_null_element_of_a_list_stays_for_the_schema_to_judge() -> None:
    assert back({"type": "array", "items": {"type": "string"}}, ["a", None]) == ["a", None]


def test_an_integer_may_be_written_with_a_point() -> None:
    for value, expected in ((1.0, 1), (-0.0, 0), (1e3, 1000)):
        found = back({"type": "integer"}, value)
        assert (found, type(found)) == (expected, int)


def test_a_number_column_holds_floats() -> None:
    found = back({"type": "number"}, 3)
    assert (found, type(found)) == (3.0, float)


@pytest.mark.parametrize(("name", "bits"), NARROW_INTEGERS.items())
def test_an_integer_fits_its_column_or_is_refused(name: str, bits: int) -> None:
    low, high = (0, 2**bits - 1) if name.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    spec = {"type": "integer", "x-arrow": name}
    assert [back(spec, low), back(spec, high)] == [low, high]
    for value in (low - 1, high + 1):
        assert refusal(spec, value) == ("JSON_NUMBER_RANGE", f"{value} is not a value of type {name}", "/v")
    assert refusal(spec, 1e300) == ("JSON_NUMBER_RANGE", f"{1e300} is not a value of type {name}", "/v")


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 2.0**63, 1e300])
def test_an_integer_has_at_most_64_bits(value: int | float) -> None:
    assert refusal({"type": "integer"}, value) == ("JSON_NUMBER_RANGE", f"{value} is not a value of type int64", "/v")


@pytest.mark.parametrize(("kind", "exact", "arrow"), [("float64", 2**53, "double"), ("float32", 2**24, "float")])
def test_a_float_column_refuses_an_integer_that_it_would_change(kind: str, exact: int, arrow: str) -> None:
    spec = {"type": "number", "x-arrow": kind}
    assert [back(spec, n) for n in (exact, -exact, exact + 2, 4 * exact)] == [exact, -exact, exact + 2, 4 * exact]
    for value in (exact + 1, -exact - 1, 3 * exact + 1):
        assert refusal(spec, value) == ("JSON_NUMBER_RANGE", f"{value} is not a value of type {arrow}", "/v")


@given(floats)
@example(0.1)
@example(1e-60)
def test_a_float32_is_narrowed_to_what_its_column_holds(value: float) -> None:
    spec = {"type": "number", "x-arrow": "float32"}
    with np.errstate(over="ignore"):
        narrow = float(np.float32(value))
    if abs(narrow) == float("inf"):
        assert refusal(spec, value) == ("JSON_NUMBER_RANGE", f"{value} is not a value of type float", "/v")
    else:
        assert back(spec, value) == narrow


def test_too_large_for_a_float32_is_refused_without_a_warning() -> None:
    spec = {"type": "number", "x-arrow": "float32"}
    assert refusal(spec, 1e300) == ("JSON_NUMBER_RANGE", "1e+300 is not a value of type float", "/v")


@given(instants())
def test_a_date_time_is_an_instant_in_utc(text: str) -> None:
    spec = {"type": "string", "format": "date-time"}
    found = back(spec, text)
    assert found.endswith("Z")
    expected = datetime.fromisoformat(text.upper().replace("Z", "+00:00"))
    assert datetime.fromisoformat(found.replace("Z", "+00:00")) == expected
    assert back(spec, found) == found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2020-02-29T23:30:00+01:00", "2020-02-29T22:30:00Z"),
        ("2020-01-01T00:00:00-23:59", "2020-01-01T23:59:00Z"),
        ("1969-12-31t23:59:59.999999z", "1969-12-31T23:59:59.999999Z"),
        ("2020-01-01T00:00:00.5Z", "2020-01-01T00:00:00.500000Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_the_offset_is_not_kept(text: str, expected: str) -> None:
    assert back({"type": "string", "format": "date-time"}, text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "2020-01-01T00:00:00",
        "2020-01-01",
        "2020-01-01T00:00:00.1234567Z",
        "2016-12-31T23:59:60Z",
        "2020-02-30T00:00:00Z",
        "2020-01-01T24:00:00Z",
        "2020-01-01T00:00:00+24:00",
        "2020-01-01T00:00:00+00:60",
        "2020-01-01T00:00:00.Z",
        "0000-12-31T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        "12020-01-01T00:00:00Z",
        "２０２０-01-01T00:00:00Z",
        " 2020-01-01T00:00:00Z",
        "20200101T000000Z",
        "now",
        "",
    ],
)
def test_what_is_no_instant_is_refused(text: str) -> None:
    fix = "YYYY-MM-DDThh:mm:ss with an offset, at most 6 digits of fraction, no leap second"
    expected = ("SCHEMA_FORMAT", f"{text!r} is not a date-time ({fix})", "/v")
    assert refusal({"type": "string", "format": "date-time"}, text) == expected


@given(st.dates())
def test_a_date_is_a_day(day: date) -> None:
    schema = table(v={"type": "string", "format": "date"})
    assert record(schema, {"v": day.isoformat()}) == {"v": day}
    assert document(schema.fields, {"v": day}) == {"v": day.isoformat()}


@pytest.mark.parametrize("text", ["2020-02-30", "2020-1-1", "20200101", "2020-W01-1", "٢٠٢٠-01-01", "0000-01-01", ""])
def test_what_is_no_day_is_refused(text: str) -> None:
    expected = ("SCHEMA_FORMAT", f"{text!r} is not a date (YYYY-MM-DD)", "/v")
    assert refusal({"type": "string", "format": "date"}, text) == expected


STRUCT = {"type": "object", "additionalProperties": False, "properties": {"a/b": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("spec", "value", "expected"),
    [
        ({"type": "string"}, 1, ("SCHEMA_TYPE", "expected string, found integer", "/v")),
        ({"type": "string", "format": "date"}, 20200101, ("SCHEMA_TYPE", "expected string, found integer", "/v")),
        ({"type": "boolean"}, 0, ("SCHEMA_TYPE", "expected boolean, found integer", "/v")),
        ({"type": "integer"}, True, ("SCHEMA_TYPE", "expected integer, found boolean", "/v")),
        ({"type": "integer"}, "1", ("SCHEMA_TYPE", "expected integer, found string", "/v")),
        ({"type": "integer"}, 1.5, ("SCHEMA_TYPE", "expected integer, found 1.5", "/v")),
        ({"type": "number"}, False, ("SCHEMA_TYPE", "expected number, found boolean", "/v")),
        ({"type": "number"}, [], ("SCHEMA_TYPE", "expected number, found array", "/v")),
        ({"type": "array", "items": {"type": "string"}}, "a", ("SCHEMA_TYPE", "expected array, found string", "/v")),
        (
            {"type": "array", "items": {"type": "array", "items": {"type": "number"}}},
            [[1], [2, "3"]],
            ("SCHEMA_TYPE", "expected number, found string", "/v/1/1"),
        ),
        ({"type": "object"}, [], ("SCHEMA_TYPE", "expected object, found array", "/v")),
        (STRUCT, {"a/b": "1"}, ("SCHEMA_TYPE", "expected integer, found string", "/v/a~1b")),
        (STRUCT, {"c": 1}, ("SCHEMA_ADDITIONAL", "the schema names no member 'c'", "/v/c")),
    ],
)
def test_a_value_of_another_type_is_refused_at_its_place(spec: Spec, value: Any, expected: tuple[str, ...]) -> None:
    assert refusal(spec, value) == expected


def test_a_schema_is_closed() -> None:
    with pytest.raises(NotJson) as caught:
        record(table(a={"type": "string"}), {"a": "x", "~": None})
    assert caught.value.args == ("SCHEMA_ADDITIONAL", "the schema names no member '~'", "/~0")


@given(json_values(12))
def test_canonical_json_has_one_spelling_for_one_value(value: Any) -> None:
    text = canonical(value)
    assert json.loads(text) == value
    assert canonical(json.loads(text)) == text
    assert "\n" not in text
    shuffled = dict(reversed(value.items())) if isinstance(value, dict) else value
    assert canonical(shuffled) == text


def test_canonical_json_is_sorted_by_code_point_and_not_escaped() -> None:
    assert canonical({"b": [1, 1.0, None], "é": "\u2028\x7f\n", "a": {}}) == (
        '{"a":{},"b":[1,1.0,null],"é":"\u2028\x7f\\n"}'
    )


def test_an_open_map_is_held_as_canonical_json() -> None:
    schema = table(v={"type": "object"})
    assert record(schema, {"v": {"b": 1, "a": [{}]}}) == {"v": '{"a":[{}],"b":1}'}
    assert plain(schema.fields[0], '{"a":[{}],"b":1}') == {"a": [{}], "b": 1}


def test_null_is_null_in_every_column() -> None:
    fields = table(a={"type": "integer"}, b={"type": "array", "items": {"type": "string"}}, c={"type": "object"}).fields
    assert [typed(field, None, ()) for field in fields] == [plain(field, None) for field in fields] == [None] * 3


@given(st.data())
def test_the_order_of_members_does_not_matter(data: st.DataObject) -> None:
    schema = table(a={"type": "integer"}, b={"type": "string"}, c={"type": "object"})
    row = data.draw(records(schema.document))
    turned = dict(reversed(row.items()))
    try:
        held = record(schema, row)
    except NotJson:
        with pytest.raises(NotJson):
            record(schema, turned)
    else:
        assert record(schema, turned) == held


def test_an_integer_with_a_point_is_refused_where_a_float_cannot_hold_it() -> None:
    """9007199254740993.0 has become 9007199254740992 before anyone sees it."""
    assert refusal({"type": "integer"}, float(2**53 + 2)) == (
        "JSON_NUMBER_RANGE",
        "9007199254740994.0 is not exact beyond 2**53; write integers without point and exponent",
        "/v",
    )
