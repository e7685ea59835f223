"""Rows -> rows that the JSON Schema accepts."""

from __future__ import annotations

import json
import socket
import time
from typing import Any

import pyarrow as pa
import pytest
from conftest import SHARED
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import Spec, rules, schema, schemas_with_matching, schemas_with_records, table, tricky

from parquetry.record.judge import Verdict, explain, judge, validators
from parquetry.record.validate import validate
from parquetry.sources.conform import document, record
from parquetry.words.errors import SchemaError
from parquetry.words.recipe import Recipe
from parquetry.words.records import LINE, SOURCE
from parquetry.words.schema import Schema, walk
from parquetry.words.strict_json import Limits, NotJson, loads

SUITE = SHARED / "test-material/json-schema-test-suite/tests/draft2020-12"
needs_suite = pytest.mark.skipif(not SUITE.is_dir(), reason="the JSON Schema test suite is not redistributed")
Case = tuple[Schema, list[dict[str, Any]]]

#: Tests of the suite that neither path answers as the suite does, and why.
NOT_OURS = {
    ("vocabulary.json", "schema that uses custom metaschema with with no validation vocabulary"): (
        "a vocabulary is named by a dialect of one's own; `schema` refuses such a dialect"
    ),
}


def batch_of(shape: Schema, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Records as a batch, with the lines they stand on."""
    typed = [record(shape, row) | {LINE.name: 10 + index} for index, row in enumerate(rows)]
    return pa.RecordBatch.from_pylist(typed, schema=pa.schema([*shape.arrow, LINE]))


@given(schemas_with_records())
@settings(max_examples=150)
def test_the_fast_path_and_the_definition_agree(case: Case) -> None:
    shape, rows = case
    fast, exact = validators(shape)
    for row in rows:
        assert fast.is_valid(row) == exact.is_valid(row), row


@given(rules, st.lists(tricky, min_size=4, max_size=8))
@settings(max_examples=200)
def test_they_agree_on_schemas_of_any_shape_and_can_say_why(spec: Any, values: list[Any]) -> None:
    assume(not {"unevaluatedProperties", "patternProperties"} <= {word for _, part in walk(spec) for word in part})
    fast, exact = validators(Schema({"allOf": [spec]}, ()))
    for value in values:
        assert fast.is_valid(value) == exact.is_valid(value) == (explain(value, exact) is None), value


@given(schemas_with_matching())
@settings(max_examples=60)
def test_they_agree_on_the_row_as_it_is_read_back(case: Case) -> None:
    shape, rows = case
    fast, exact = validators(shape)
    for row in rows:
        back = document(shape.fields, record(shape, row))
        assert fast.is_valid(back) == exact.is_valid(back) == (judge(back, shape) is None)


@given(schemas_with_matching())
@settings(max_examples=60)
def test_every_row_is_kept_or_removed_and_what_is_kept_is_accepted_again(case: Case) -> None:
    shape, rows = case
    batch = batch_of(shape, rows)
    sifted = validate(batch, shape, (), "t")
    assert sifted.kept.schema.equals(batch.schema, check_metadata=True)
    assert sorted([*sifted.kept.column(LINE.name).to_pylist(), *(row.line for row in sifted.removed)]) == (
        batch.column(LINE.name).to_pylist()
    )
    again = validate(sifted.kept, shape)
    assert again.removed == ()
    assert again.kept.equals(sifted.kept)


@given(schemas_with_matching())
@settings(max_examples=60)
def test_a_row_is_judged_alone(case: Case) -> None:
    shape, rows = case
    batch = batch_of(shape, rows)
    together = validate(batch, shape)
    apart = [validate(batch.slice(index, 1), shape) for index in range(batch.num_rows)]
    assert together.removed == tuple(row for one in apart for row in one.removed)
    assert together.kept.to_pylist() == [row for one in apart for row in one.kept.to_pylist()]


def _groups() -> list[Any]:
    found = []
    for path in sorted(SUITE.glob("*.json")):
        groups = json.loads(path.read_text("utf-8"))
        found += [pytest.param(path.name, group, id=f"{path.stem}-{i}") for i, group in enumerate(groups)]
    return found


@needs_suite
@pytest.mark.parametrize(("name", "group"), _groups())
def test_they_agree_on_the_json_schema_test_suite(name: str, group: dict[str, Any]) -> None:
    """Also where `parquetry.words.schema` would refuse the schema: it is not asked here."""
    fast, exact = validators(Schema(group["schema"], ()))
    for test in group["tests"]:
        assert fast.is_valid(test["data"]) == exact.is_valid(test["data"]), test["description"]


@needs_suite
@pytest.mark.parametrize(("name", "group"), _groups())
def test_the_definition_answers_the_suite_right(name: str, group: dict[str, Any]) -> None:
    """But for format.json: it expects that formats are not asserted, and here they are."""
    _, exact = validators(Schema(group["schema"], ()))
    for test in group["tests"]:
        if name != "format.json" and (name, group["description"]) not in NOT_OURS:
            assert exact.is_valid(test["data"]) == test["valid"], test["description"]


def _wrapped(spec: Any) -> Spec:
    """A schema of the suite as that of a record with one member."""
    return {"type": "object", "additionalProperties": False, "properties": {"value": spec}, "required": ["value"]}


def _accepted() -> list[Any]:
    """The schemas of the suite that can be a table, as they are or as the schema of one column."""
    found = []
    for param in _groups():
        group = param.values[1]
        for wrap in (False, True):
            try:
                shape = schema(_wrapped(group["schema"]) if wrap else group["schema"])
            except SchemaError:
                continue
            rows = [{"value": test["data"]} if wrap else test["data"] for test in group["tests"]]
            found.append(pytest.param(shape, rows, id=f"{param.id}{'-column' if wrap else ''}"))
    return found


@needs_suite
def test_many_schemas_of_the_suite_can_be_a_table() -> None:
    assert len(_accepted()) >= 40


@needs_suite
@pytest.mark.parametrize(("shape", "rows"), _accepted())
def test_a_schema_of_the_suite_judges_rows_as_the_definition_does(shape: Schema, rows: list[Any]) -> None:
    fast, exact = validators(shape)
    for row in rows:
        try:
            back = document(shape.fields, record(shape, row))
        except NotJson:
            continue
        assert fast.is_valid(back) == exact.is_valid(back) == (judge(back, shape) is None), row


def agree(spec: Spec, value: Any) -> bool:
    """What both paths say of a record with one value."""
    fast, exact = validators(table(v=spec))
    found = fast.is_valid({"v": value})
    assert found == exact.is_valid({"v": value}), value
    return bool(found)


@pytest.mark.parametrize(
    ("spec", "right", "wrong"),
    [
        ({"type": "string", "pattern": "^[a-z]+$"}, ["abc"], ["abc\n", "", "ABC"]),
        ({"type": "string", "pattern": r"^\d$"}, ["1"], ["١", "x"]),
        ({"type": "string", "pattern": r"^\p{Lu}"}, ["É"], ["é"]),
        ({"type": "string", "pattern": "b"}, ["abc"], ["ac"]),
        ({"type": "string", "maxLength": 1}, ["\U0001f600", "é"], ["e\u0301"]),
        ({"type": "number", "multipleOf": 0.01}, [0.29, 1.1, 3, 1e16, 1e300], [0.291, 5e-324]),
        ({"type": "number", "maximum": 2**53}, [2**53, 2.0**53], [2**53 + 1]),
        ({"type": "integer", "x-arrow": "uint64", "multipleOf": 3}, [2**64 - 1], [2**64 - 2]),
        ({"enum": [1, 2]}, [1, 1.0], [True, 3]),
        ({"const": 9007199254740993}, [9007199254740993], [9007199254740992, 9007199254740992.0]),
        ({"type": "array", "items": {"type": "number"}, "uniqueItems": True}, [[1, 2]], [[1, 1.0], [0, -0.0]]),
        ({"type": "object", "enum": [{"a": 1}]}, [{"a": 1.0}], [{"a": True}, {}]),
        ({"type": "object", "propertyNames": {"pattern": "^a$"}}, [{"a": 1}], [{"a\n": 1}]),
        ({"type": "string", "format": "date"}, ["2020-02-29"], ["2021-02-29", "2020-2-1"]),
        ({"type": "string", "format": "uri"}, ["urn:a", "http://é/"[:7] + "a/"], ["a b", "//a"]),
        ({"type": "string", "format": "uuid"}, ["2eb8aa08-aa98-11ea-b4aa-73b441d16380"], ["2eb8"]),
        ({"type": "string", "format": "email"}, ["a@b"], ["a"]),
        ({"type": "string", "format": "no-such-format"}, ["anything"], []),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_they_agree_where_engines_differ(spec: Spec, right: list[Any], wrong: list[Any]) -> None:
    assert [agree(spec, value) for value in (*right, *wrong)] == [True] * len(right) + [False] * len(wrong)


@pytest.mark.parametrize(
    ("pattern", "right", "wrong"),
    [("^a$", "a", "a\n"), (r"^\p{L}+$", "é", "1"), (r"^\d$", "1", "١"), (r"^\w$", "a", "é")],
)
def test_they_agree_on_patterns_for_the_names_of_members(pattern: str, right: str, wrong: str) -> None:
    spec = {"type": "object", "patternProperties": {pattern: {"type": "integer"}}, "additionalProperties": False}
    assert (agree(spec, {right: 1}), agree(spec, {right: "x"}), agree(spec, {wrong: 1})) == (True, False, False)


def test_they_agree_on_what_no_pattern_for_names_covers() -> None:
    spec = {"type": "object", "patternProperties": {r"^\p{L}$": {"type": "integer"}}, "additionalProperties": False}
    assert [agree(spec, value) for value in ({"é": 1}, {"é": "x"}, {"1": 1})] == [True, False, False]


@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
def test_an_alternative_may_be_true_or_false(word: str) -> None:
    shape = table(v={"type": "string", word: [False, {"minLength": 3}]})
    assert judge({"v": "abc"}, shape) is None
    verdict = judge({"v": "a"}, shape)
    assert verdict is not None
    assert verdict.pointer == "/v"


FORMATS = sorted(Draft202012Validator.FORMAT_CHECKER.checkers)
#: Digits that `int` does not read, sets inside sets, escapes of ECMA-262, ends of lines.
ODD = [
    "\u2070\u2074\u2075",
    "1\u0664",
    "[[]",
    r"\p{L}",
    "(?<a>x)",
    "(?P<a>x)",
    "(a",
    "a\n",
    "[::1%eth0]",
    "xn--\ud7ff",
    "P1",
]


@pytest.mark.parametrize("name", FORMATS)
def test_they_agree_on_formats_whatever_the_text(name: str) -> None:
    for text in ODD:
        agree({"type": "string", "format": name}, text)


def test_a_format_regex_is_a_regular_expression_of_ecma_262() -> None:
    spec = {"type": "string", "format": "regex"}
    assert [agree(spec, text) for text in (r"^\p{L}$", "(?<a>x)", "(?P<a>x)", "(a")] == [True, True, False, False]


def test_the_deepest_record_that_a_recipe_may_allow_can_be_judged() -> None:
    depth = Recipe.model_json_schema()["$defs"]["Limits"]["properties"]["depth"]["maximum"]
    shape = table(m={"type": "object", "additionalProperties": {"type": "array", "uniqueItems": True}})
    text = f'{{"m":{{"a":[{"[" * (depth - 4)}1{"]" * (depth - 4)},[],{"[" * (depth - 4)}2{"]" * (depth - 4)}]}}}}'
    row = record(shape, loads(text.encode(), Limits(depth)))
    assert judge(document(shape.fields, row), shape) is None


@pytest.mark.parametrize(
    ("pattern", "text"),
    [("^(a+)+$", "a" * 40 + "!"), (r"^(\w|\w\w)*$", "a" * 60 + "!"), (r"(x+x+)+(?=y)y", "x" * 40)],
)
def test_no_pattern_takes_long(pattern: str, text: str) -> None:
    shape = table(v={"type": "string", "pattern": pattern})
    start = time.perf_counter()
    assert judge({"v": text}, shape) is not None
    assert time.perf_counter() - start < 1


def test_no_schema_is_ever_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even if one got past `schema`."""
    monkeypatch.setattr(socket, "socket", lambda *_a, **_k: pytest.fail("a socket was opened"))
    remote = Schema({"$ref": "http://127.0.0.1:9/x.json"}, ())
    with pytest.raises(Exception, match=r"never fetched: http://127\.0\.0\.1:9/x\.json"):
        validators(remote)


RULES = schema(
    {
        "type": "object",
        "additionalProperties": False,
        "required": ["s"],
        "properties": {
            "s": {"type": "string", "pattern": "^[a-z]+$", "minLength": 2, "maxLength": 5},
            "n": {"type": ["number", "null"], "minimum": 0, "exclusiveMaximum": 10, "multipleOf": 0.01},
            "d": {"type": "string", "format": "date"},
            "u": {"type": "string", "format": "uri"},
            "e": {"enum": ["a", "b", None]},
            "k": {"const": "K"},
            "o": {"oneOf": [{"const": "x", "title": "X"}, {"const": "y"}, {"type": "null"}]},
            "l": {"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3, "uniqueItems": True},
            "c": {"type": "array", "items": {"type": "string"}, "contains": {"const": "a"}},
            "a": {"anyOf": [{"type": "string", "minLength": 3}, {"type": "null"}]},
            "m": {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
            "t/~": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"x": {"type": "string"}, "y": {"type": "integer"}},
                "required": ["x"],
            },
        },
        "dependentRequired": {"k": ["d"]},
        "if": {"properties": {"s": {"const": "abc"}}},
        "then": {"required": ["k"]},
        "not": {"properties": {"s": {"const": "zzz"}}, "required": ["s"]},
    }
)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (
            {},
            (
                "SCHEMA_REQUIRED",
                "",
                "the member 's' is missing or null (and 1 more: the member 'k' is missing or null)",
            ),
        ),
        ({"s": "abc"}, ("SCHEMA_REQUIRED", "", "the member 'k' is missing or null")),
        ({"s": "abcd", "k": "K"}, ("SCHEMA_REQUIRED", "", "'d' is a dependency of 'k'")),
        ({"s": 1}, ("SCHEMA_TYPE", "/s", "expected string, found integer")),
        ({"s": "a"}, ("SCHEMA_LENGTH", "/s", "'a' is too short")),
        ({"s": "abcdef"}, ("SCHEMA_LENGTH", "/s", "'abcdef' is too long")),
        ({"s": "AB"}, ("SCHEMA_PATTERN", "/s", "'AB' does not match pattern '^[a-z]+$'")),
        ({"s": "ab\n"}, ("SCHEMA_PATTERN", "/s", "'ab\\n' does not match pattern '^[a-z]+$'")),
        ({"s": "ab", "n": -1}, ("SCHEMA_RANGE", "/n", "-1 is less than the minimum of 0")),
        ({"s": "ab", "n": 10}, ("SCHEMA_RANGE", "/n", "10 is greater than or equal to the maximum of 10")),
        ({"s": "ab", "n": 0.001}, ("SCHEMA_RANGE", "/n", "0.001 breaks multipleOf 0.01")),
        ({"s": "ab", "d": "2020-02-30"}, ("SCHEMA_FORMAT", "/d", "'2020-02-30' does not match format 'date'")),
        ({"s": "ab", "u": "a b"}, ("SCHEMA_FORMAT", "/u", "'a b' does not match format 'uri'")),
        ({"s": "ab", "e": "c"}, ("SCHEMA_ENUM", "/e", "'c' is not one of 'a', 'b', None")),
        ({"s": "ab", "d": "2020-01-01", "k": "L"}, ("SCHEMA_ENUM", "/k", "'L' does not match const 'K'")),
        ({"s": "ab", "o": "z"}, ("SCHEMA_ENUM", "/o", "'z' is not one of 'x', 'y'")),
        ({"s": "ab", "l": []}, ("SCHEMA_LENGTH", "/l", "[] should be non-empty")),
        ({"s": "ab", "l": [1, 2, 3, 4]}, ("SCHEMA_LENGTH", "/l", "[1, 2, 3, 4] is too long")),
        ({"s": "ab", "l": [1, 1]}, ("SCHEMA_LENGTH", "/l", "[1, 1] has non-unique elements")),
        ({"s": "ab", "l": [1, None]}, ("SCHEMA_TYPE", "/l/1", "expected integer, found null")),
        ({"s": "ab", "c": ["b"]}, ("SCHEMA_RULE", "/c", "['b'] does not contain items matching the given schema")),
        ({"s": "ab", "a": "b"}, ("SCHEMA_LENGTH", "/a", "'b' is too short")),
        ({"s": "ab", "m": {"x": "1"}}, ("SCHEMA_TYPE", "/m/x", "expected integer, found string")),
        (
            {"s": "ab", "m": {"x": 1, "y": 2, "z": 3}},
            ("SCHEMA_RULE", "/m", "{'x': 1, 'y': 2, 'z': 3} has too many properties"),
        ),
        ({"s": "ab", "t/~": {"y": 1}}, ("SCHEMA_REQUIRED", "/t~1~0", "the member 'x' is missing or null")),
        ({"s": "ab", "t/~": {"x": 1}}, ("SCHEMA_TYPE", "/t~1~0/x", "expected string, found integer")),
        (
            {"s": "zzz"},
            (
                "SCHEMA_RULE",
                "",
                "{'s': 'zzz'} should not be valid under {'properties': {'s': {'const': 'zzz'}}, 'required': ['s']}",
            ),
        ),
        (
            {"s": "ab", "more": 1},
            ("SCHEMA_ADDITIONAL", "/more", "the schema names no member 'more'"),
        ),
        (
            {"s": 1, "n": "x", "d": 2, "e": 3},
            (
                "SCHEMA_TYPE",
                "/s",
                "expected string, found integer (and 3 more: /n expected number or null, found string, "
                "/d expected string, found integer, /e 3 is not one of 'a', 'b', None)",
            ),
        ),
    ],
    ids=lambda value: json.dumps(value)[:50] if isinstance(value, dict) else "",
)
def test_a_refused_row_is_told_which_rule_where_and_why(row: dict[str, Any], expected: tuple[str, str, str]) -> None:
    assert judge(row, RULES) == Verdict(*expected)


def test_a_long_value_is_not_repeated_whole() -> None:
    shape = table(v={"type": "string", "pattern": "^a+$"}, c={"enum": [f"code {i}" for i in range(20)]})
    verdict = judge({"v": "b" * 5000}, shape)
    assert verdict == ("SCHEMA_PATTERN", "/v", f"'{'b' * 78}… does not match pattern '^a+$'")
    shown = ", ".join(f"'code {i}'" for i in range(8))
    assert judge({"c": "x"}, shape) == ("SCHEMA_ENUM", "/c", f"'x' is not one of {shown}, …")


def test_a_right_row_has_no_verdict() -> None:
    row = {"s": "abcd", "n": 9.99, "e": None, "o": "x", "l": [1, 2], "m": {"q": 1}, "t/~": {"x": ""}}
    assert judge(row, RULES) is None


def test_a_removed_row_keeps_its_place_and_the_form_in_which_it_was_judged() -> None:
    shape = schema(
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["id"],
            "properties": {
                "id": {"type": "string"},
                "at": {"type": ["string", "null"], "format": "date-time"},
                "n": {"type": "integer", "maximum": 3},
            },
        }
    )
    rows = [{"id": "a"}, {"id": "b", "at": "2020-01-01T01:00:00+01:00", "n": 4.0}, {"n": 1}]
    batch = batch_of(shape, rows).append_column(SOURCE, pa.array([1, 1, 1], SOURCE.type))
    sifted = validate(batch, shape, (), "notes", ["x", "data/a.jsonl"])
    assert sifted.kept.to_pylist() == [{"id": "a", "at": None, "n": None, LINE.name: 10, SOURCE.name: 1}]
    assert [tuple(row) for row in sifted.removed] == [
        (
            "SCHEMA_RANGE", "notes", "data/a.jsonl", 11, "/n", "4 is greater than the maximum of 3",
            {"id": "b", "at": "2020-01-01T00:00:00Z", "n": 4},
        ),
        (
            "SCHEMA_REQUIRED", "notes", "data/a.jsonl", 12, "", "the member 'id' is missing or null",
            {"at": None, "n": 1},
        ),
    ]  # fmt: skip
    assert [row.where for row in sifted.removed] == ["data/a.jsonl:11 /n", "data/a.jsonl:12"]


def test_rows_without_lines_are_numbered() -> None:
    shape = table(a={"type": "string", "minLength": 1})
    batch = pa.RecordBatch.from_pylist([{"a": "x"}, {"a": ""}], schema=shape.arrow)
    assert [row.line for row in validate(batch, shape).removed] == [2]


@pytest.mark.parametrize(
    ("kind", "empty"), [({"type": ["string", "null"]}, None), ({"type": "string"}, ""), ({"type": "integer"}, None)]
)
def test_a_row_has_an_id(kind: Spec, empty: Any) -> None:
    shape = table(**{"a/b": kind, "c": {"type": "string"}})
    full = "x" if "string" in kind["type"] else 0
    batch = batch_of(shape, [{"a/b": full, "c": "y"}, {"a/b": empty, "c": "y"}, {"a/b": full, "c": ""}])
    sifted = validate(batch, shape, ("a/b", "c"))
    assert [(row.line, row.code, row.pointer, row.message) for row in sifted.removed] == [
        (11, "ID_EMPTY", "/a~1b", "the id is null or empty"),
        (12, "ID_EMPTY", "/c", "the id is null or empty"),
    ]


def test_a_batch_without_a_fault_is_the_same_batch() -> None:
    shape = table(a={"type": "string"})
    batch = batch_of(shape, [{"a": "x"}])
    assert validate(batch, shape).kept is batch


def test_an_empty_batch_stays_empty() -> None:
    shape = table(a={"type": "string"})
    assert validate(batch_of(shape, []), shape).kept.num_rows == 0
