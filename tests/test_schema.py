"""A JSON Schema -> the shape and the rules of a table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import ROOT, SHARED
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from strategies import Spec, documents, mutated, schema, schemas, table

from parquetry.record.judge import _formats
from parquetry.words.errors import SchemaError
from parquetry.words.fields import Field
from parquetry.words.schema import DIALECT, FORMATS, Schema, load, parse, walk

VALID = sorted((ROOT / "schema/examples/valid").glob("*.json"))
INVALID = sorted((ROOT / "schema/examples/invalid").glob("*.json"))
BAD = SHARED / "test-material/generated-bad-inputs"

#: Bad inputs that we answer otherwise than expected.jsonl says, and why.
OTHERWISE = {
    "draft4_id.schema.json": ("SCHEMA_DIALECT", "only 2020-12 is supported: older dialects mean other things"),
    "multiple_of_float.schema.json": ("SCHEMA_COLUMN_TYPE", "a column needs a type, and multipleOf names none"),
    "empty_object.schema.json": ("SCHEMA_ROOT", "a schema that accepts all has no columns: refused, not warned of"),
}
REF = {"$ref": "#/$defs/part"}


def mistakes(document: Any, name: str = "t.json") -> str:
    """The message that refuses a schema."""
    with pytest.raises(SchemaError) as caught:
        parse(json.dumps(document).encode(), name)
    return str(caught.value)


def warnings(document: Any) -> list[str]:
    return [problem.text("warning") for problem in schema(document, "t.json").warnings]


def column(spec: Any, **more: Any) -> Field:
    """The one column of a schema."""
    return schema({"type": "object", "additionalProperties": False, "properties": {"v": spec}} | more)["v"]


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_valid_example_is_read_without_a_remark(path: Path) -> None:
    assert load(path).warnings == ()
    Draft202012Validator.check_schema(load(path).document)


@pytest.mark.parametrize("path", INVALID, ids=lambda path: path.stem)
def test_an_invalid_example_is_refused_with_its_message(path: Path) -> None:
    example = json.loads(path.read_text("utf-8"))
    assert mistakes(example["schema"], path.name) == example["message"]


def test_there_are_examples() -> None:
    assert len(VALID) >= 3
    assert len(INVALID) >= 10


def test_the_examples_have_the_columns_they_describe() -> None:
    found = {path.name: [(f.name, f.kind, f.nullable) for f in load(path).fields] for path in VALID}
    assert found["every-type.schema.json"] == [
        ("id", "string", False), ("day", "date", False), ("at", "date-time", False), ("count", "integer", False),
        ("small", "uint8", False), ("share", "number", False), ("weight", "float32", False), ("open", "boolean", False),
        ("tags", "list", False), ("place", "struct", False), ("extra", "map", False),
    ]  # fmt: skip
    assert found["coded.schema.json"] == [
        ("id", "integer", False), ("scale", "integer", False), ("language", "string", True),
        ("stance", "string", False), ("reply", "string", True),
    ]  # fmt: skip
    assert sorted(found["shared-parts.schema.json"]) == [
        ("authors", "list", False), ("editor", "struct", False), ("id", "string", False), ("subtitle", "string", True),
        ("title", "string", False),
    ]  # fmt: skip


def _cases(path: Path = BAD / "expected.jsonl") -> list[dict[str, Any]]:
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    return [case for case in map(json.loads, lines) if case["family"] == "SCHEMA"]


@pytest.mark.skipif(not BAD.is_dir(), reason="the bad inputs are not beside the repository")
@pytest.mark.parametrize("case", _cases(), ids=lambda case: Path(case["path"]).name.split(".")[0])
def test_a_bad_schema_gets_its_code(case: dict[str, Any]) -> None:
    path = BAD / case["path"]
    expected, _ = OTHERWISE.get(path.name, (case["code"], ""))
    try:
        codes = {problem.code for problem in load(path).warnings} - {"WARN_SCHEMA_OPEN"} or {"OK"}
    except SchemaError as error:
        codes = {problem.code for problem in error.problems}
    assert codes == {expected}


@given(documents(1).flatmap(mutated))
@example({"type": "object", "properties": {"a": {"type": "string", "anyOf": [True]}}})
@example({"type": "object", "properties": {"a": {"oneOf": [{"const": "x"}, False]}}})
@example({"type": "object", "properties": {"a": {"type": "integer", "x-arrow": ["int8"]}}})
@settings(max_examples=200)
def test_any_document_is_read_or_refused(document: Any) -> None:
    try:
        found = parse(json.dumps(document).encode(), "t.json")
    except SchemaError as error:
        for problem in error.problems:
            assert problem.where.startswith("t.json") and problem.what and problem.fix
    else:
        assert found.arrow.names == list(found.document["properties"])


@given(schemas())
def test_the_columns_are_those_of_arrow_all_nullable(shape: Schema) -> None:
    assert shape.arrow.names == [field.name for field in shape.fields] == list(shape.document["properties"])
    assert all(field.nullable for field in shape.arrow)
    assert [field.type for field in shape.arrow] == [field.arrow for field in shape.fields]


@given(documents())
def test_null_is_admitted_where_the_definition_admits_it(document: Spec) -> None:
    judge = Draft202012Validator(document)
    for field in schema(document).fields:
        assert field.nullable == judge.evolve(schema=document["properties"][field.name]).is_valid(None)
        assert field.required == (field.name in document["required"])


@given(documents(), st.integers(0, 3))
def test_neither_white_space_nor_the_order_of_keywords_changes_the_digest(document: Spec, indent: int) -> None:
    turned = json.dumps(dict(reversed(document.items())), indent=indent).encode()
    assert parse(turned, "a").sha256 == schema(document).sha256


def test_any_other_change_changes_the_digest() -> None:
    digests = [table(a={"type": "string"}), table(b={"type": "string"}), table(a={"type": "string", "title": "T"})]
    assert len({shape.sha256 for shape in digests}) == 3


@given(schemas())
def test_the_text_in_a_release_is_the_same_schema(shape: Schema) -> None:
    again = parse(shape.text.encode(), "t.json")
    assert (again.document, again.fields, again.text) == (shape.document, shape.fields, shape.text)


@pytest.mark.parametrize(
    ("spec", "kind", "nullable"),
    [
        ({"type": "string"}, "string", False),
        ({"type": "string", "format": "date"}, "date", False),
        ({"type": "string", "format": "date-time"}, "date-time", False),
        ({"type": "string", "format": "uri"}, "string", False),
        ({"type": "integer"}, "integer", False),
        ({"type": "integer", "x-arrow": "int16"}, "int16", False),
        ({"type": "number"}, "number", False),
        ({"type": ["integer", "number"]}, "number", False),
        ({"type": "number", "x-arrow": "float32"}, "float32", False),
        ({"type": "boolean"}, "boolean", False),
        ({"type": ["string", "null"]}, "string", True),
        ({"type": ["null", "string"], "format": "date"}, "date", True),
        ({"type": ["string", "null"], "enum": ["a", "b"]}, "string", False),
        ({"type": ["string", "null"], "not": {"type": "null"}}, "string", False),
        ({"enum": ["a", None]}, "string", True),
        ({"enum": [1, 2.5]}, "number", False),
        ({"const": True}, "boolean", False),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, "string", False),
        ({"oneOf": [{"const": "a"}, {"type": "null"}]}, "string", True),
        ({"oneOf": [{"const": "a"}, {"const": None}]}, "string", True),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, "integer", True),
        ({"oneOf": [{"type": "null"}, {"type": "string", "format": "date"}]}, "date", True),
        ({"anyOf": [REF, {"type": "null"}]}, "string", True),
        ({"anyOf": [REF]}, "string", False),
        ({"type": "string", "anyOf": [{"minLength": 3}, {"maxLength": 1}]}, "string", False),
        (REF, "string", False),
        (REF | {"description": "Another."}, "string", False),
        ({"allOf": [REF, {"minLength": 2}]}, "string", False),
        ({"allOf": [{"type": ["string", "null"]}, {"type": "string"}]}, "string", False),
        ({"type": "array", "items": {"type": "string"}}, "list", False),
        ({"type": "object"}, "map", False),
        ({"type": "object", "additionalProperties": {"type": "integer"}}, "map", False),
        ({"type": "object", "patternProperties": {"^a": {"type": "integer"}}}, "map", False),
        ({"properties": {"a": {"type": "string"}}, "additionalProperties": False}, "struct", True),
        ({"items": {"type": "string"}}, "list", True),
    ],
    ids=lambda value: json.dumps(value)[:60] if isinstance(value, dict) else "",
)
def test_a_property_becomes_the_column_it_describes(spec: Spec, kind: str, nullable: bool) -> None:
    field = column(spec, **{"$defs": {"part": {"type": "string"}}})
    assert (field.kind, field.nullable) == (kind, nullable)


@pytest.mark.parametrize(
    "spec",
    [
        {"anyOf": [{"type": "string"}, {"type": "null", "description": "Unknown."}]},
        {"anyOf": [{"type": "string"}, {"type": ["null"]}]},
        {"anyOf": [{"type": "string"}, {"enum": [None]}]},
        {"oneOf": [{"$ref": "#/$defs/part"}, {"$ref": "#/$defs/unknown"}]},
    ],
    ids=json.dumps,
)
def test_null_may_be_said_in_other_words(spec: Spec) -> None:
    field = column(spec, **{"$defs": {"part": {"type": "string"}, "unknown": {"type": "null"}}})
    assert (field.kind, field.nullable) == ("string", True)


@pytest.mark.parametrize("word", ["anyOf", "oneOf"])
@pytest.mark.parametrize("inner", ["$ref", "oneOf"])
def test_labels_come_through_an_alternative_of_null(word: str, inner: str) -> None:
    labels = {"oneOf": [{"const": "a", "title": "A", "description": "First."}, {"const": "b", "title": "B"}]}
    choice = {"$ref": "#/$defs/coded"} if inner == "$ref" else labels
    field = column({word: [choice, {"type": "null"}]}, **{"$defs": {"coded": labels}})
    assert [tuple(value) for value in field.values] == [("a", "A", "First."), ("b", "B", "")]
    assert (field.kind, field.nullable) == ("string", True)


def test_what_a_schema_says_of_a_field_is_kept() -> None:
    field = column({"type": "number", "description": "How far.", "x-unit": "km", "examples": [1.5, 2]}, required=["v"])
    assert (field.description, field.unit, field.example, field.required) == ("How far.", "km", 1.5, True)
    assert (field.feature, field.values, field.pointer) == ("", (), "/properties/v")
    assert column({"enum": ["a"], "x-feature": "ClassLabel"}).feature == "ClassLabel"


def test_a_description_beside_a_reference_is_nearer_than_that_of_the_definition() -> None:
    definitions = {"$defs": {"part": {"type": "string", "description": "Any part.", "x-unit": "m"}}}
    field = column(REF | {"description": "This part."}, **definitions)
    assert (field.description, field.unit) == ("This part.", "m")


def test_values_are_in_the_order_of_the_schema_and_null_is_none_of_them() -> None:
    assert [value.const for value in column({"enum": ["z", None, "a"]}).values] == ["z", "a"]
    assert [value.const for value in column({"const": 3}).values] == [3]
    assert column({"type": "string"}).values == ()


def test_parts_of_a_field_say_where_they_are_described() -> None:
    field = column({"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}})
    assert field.fields[0].pointer == "/properties/v/items"
    assert field.fields[0].fields[0].pointer == "/properties/v/items/properties/a"


def test_a_pointer_can_be_followed_to_where_it_leads() -> None:
    shape = table(
        **{"a/b~c": {"type": "object", "additionalProperties": False, "properties": {"/": {"type": "string"}}}}
    )
    assert shape.fields[0].fields[0].pointer == "/properties/a~1b~0c/properties/~1"


def test_all_of_says_one_thing_together() -> None:
    document = {
        "allOf": [
            {"$ref": "#/$defs/named"},
            {
                "properties": {"size": {"type": "integer", "x-unit": "m"}, "name": {"maxLength": 9}},
                "required": ["size"],
            },
        ],
        "properties": {"name": {"description": "Name."}, "note": {"type": ["string", "null"]}},
        "unevaluatedProperties": False,
        "$defs": {"named": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
    }
    fields = {field.name: field for field in schema(document).fields}
    assert {name: (f.kind, f.required, f.nullable) for name, f in fields.items()} == {
        "name": ("string", True, False),
        "note": ("string", False, True),
        "size": ("integer", True, False),
    }
    assert (fields["name"].description, fields["size"].unit) == ("Name.", "m")


def test_one_definition_may_be_used_in_many_places() -> None:
    document = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "a": REF,
            "b": {"type": "array", "items": REF},
            "c": {"allOf": [REF, REF]},
            "d": {"allOf": [{"$ref": "#/$defs/one"}, {"$ref": "#/$defs/two"}]},
        },
        "$defs": {
            "part": {"type": "string"},
            "one": {"allOf": [REF, {"minLength": 1}]},
            "two": {"allOf": [REF, {"maxLength": 9}]},
        },
    }
    assert [field.kind for field in schema(document).fields] == ["string", "list", "string", "string"]


def test_a_base_that_names_a_property_again_is_no_loop() -> None:
    document = {
        "allOf": [{"properties": {"id": REF}}],
        "properties": {"id": REF, "other": {"$ref": "#/$defs/base"}},
        "$defs": {"part": {"type": "string"}, "base": {"type": "object", "properties": {"id": REF}}},
    }
    assert [field.kind for field in schema(document).fields] == ["string", "struct"]


@pytest.mark.parametrize(
    "document",
    [
        {"type": ["object"], "properties": {"a": {"type": "string"}}},
        {"type": "object", "$ref": "#/$defs/base"},
        {"type": "object", "allOf": [{"$ref": "#/$defs/base"}, {"type": "object"}]},
        {"$ref": "#/$defs/base", "$id": "http://example.org/a#"},
    ],
    ids=json.dumps,
)
def test_a_record_is_an_object_however_that_is_said(document: Spec) -> None:
    base = {"type": "object", "properties": {"a": {"type": "string"}}}
    assert schema(document | {"$defs": {"base": base}}).arrow.names == ["a"]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_circle_of_references_is_refused(length: int) -> None:
    definitions = {f"d{i}": {"$ref": f"#/$defs/d{(i + 1) % length}"} for i in range(length)}
    message = mistakes({"type": "object", "properties": {"v": {"$ref": "#/$defs/d0"}}, "$defs": definitions})
    assert message == (
        "error[SCHEMA_REF_LOOP] t.json: /properties/v: $ref '#/$defs/d0' leads back to itself\n"
        "  fix: describe a fixed depth: a column has one"
    )


def test_all_mistakes_are_reported_together() -> None:
    properties = {"a": {}, "b": {"type": "array"}, "c": {"type": "string", "x-arrow": "int8"}, "d": {"type": "string"}}
    message = mistakes({"type": "object", "properties": properties})
    assert [line.split("]")[0] for line in message.splitlines()[::2]] == [
        "error[SCHEMA_COLUMN_TYPE",
        "error[SCHEMA_ARRAY",
        "error[SCHEMA_X_ARROW",
    ]


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"false", "error[SCHEMA_ROOT] t.json: the schema is not a JSON object\n  fix: describe an object"),
        (b"[]", "error[SCHEMA_ROOT] t.json: the schema is not a JSON object\n  fix: describe an object"),
        (
            b'{"properties":{"a":{},"a":{}}}',
            "error[SCHEMA_DUPLICATE_KEY] t.json: key 'a' stands twice\n  fix: keep one of them",
        ),
        (
            b"type: object",
            "error[SCHEMA_SYNTAX] t.json: not JSON: expecting value, column 1\n  fix: correct the file",
        ),
        (
            b'{"title":"\xff"}',
            "error[SCHEMA_SYNTAX] t.json: not JSON: byte 11 of the text is not UTF-8 (hex ff)\n  fix: correct the file",
        ),
        (
            b'{"properties":{"a":' * 1000,
            "error[SCHEMA_DEPTH] t.json: nested deeper than 200 levels\n  fix: flatten it; a column has a fixed depth",
        ),
    ],
)
def test_what_is_no_schema_is_refused(raw: bytes, message: str) -> None:
    with pytest.raises(SchemaError) as caught:
        parse(raw, "t.json")
    assert str(caught.value) == message


def test_twenty_levels_are_not_too_deep() -> None:
    spec: Spec = {"type": "string"}
    for _ in range(20):
        spec = {"type": "object", "additionalProperties": False, "properties": {"a": spec}}
    field, depth = schema(spec).fields[0], 1
    while field.fields:
        field, depth = field.fields[0], depth + 1
    assert (field.kind, depth) == ("string", 20)


@pytest.mark.parametrize("dialect", [DIALECT, DIALECT + "#", None])
def test_the_dialect_is_2020_12_or_not_said(dialect: str | None) -> None:
    said = {"$schema": dialect} if dialect else {}
    assert schema(said | {"type": "object", "properties": {"a": {"type": "string"}}}).arrow.names == ["a"]


@pytest.mark.parametrize("place", [("properties", "a"), ("$defs", "a")])
def test_a_part_of_another_dialect_is_refused(place: tuple[str, str]) -> None:
    """It would be judged by other rules than the rest."""
    part = {"$schema": "http://json-schema.org/draft-07/schema#", "type": "string"}
    document = {"type": "object", "properties": {"b": {"type": "string"}}}
    document[place[0]] = document.get(place[0], {}) | {place[1]: part}
    assert mistakes(document).startswith("error[SCHEMA_DIALECT] t.json: /")


def test_the_shape_and_the_rules_follow_a_reference_to_the_same_place() -> None:
    """An ``$id`` inside a schema moves what ``#`` means: either both know that, or it is refused."""
    inner = {"$id": "urn:inner", "$ref": "#/$defs/part", "$defs": {"part": {"type": "string"}}}
    document = {"type": "object", "additionalProperties": False, "properties": {"v": {"$ref": "#/$defs/inner"}}}
    document["$defs"] = {"part": {"type": "integer"}, "inner": inner}
    try:
        shape = schema(document)
    except SchemaError as error:
        assert "$id" in str(error)
    else:
        assert Draft202012Validator(document).is_valid({"v": "text"})
        assert shape["v"].kind == "string"


def test_a_pattern_for_names_is_told_with_its_place() -> None:
    message = mistakes({"type": "object", "properties": {"a": {"type": "object", "patternProperties": {"(": {}}}}})
    assert message.startswith("error[SCHEMA_PATTERN] t.json: /properties/a/patternProperties/(: '(' is not an ECMA-262")


def test_a_keyword_that_nobody_knows_is_warned_of_with_a_guess() -> None:
    spec = {"type": "string", "patern": "^a", "x-mine": 1, "zzz": 2}
    assert warnings({"type": "object", "additionalProperties": False, "properties": {"a": spec}}) == [
        "warning[WARN_SCHEMA_UNKNOWN_KEYWORD] t.json: /properties/a/patern: unknown keyword, without effect\n"
        "  fix: did you mean 'pattern'?",
        "warning[WARN_SCHEMA_UNKNOWN_KEYWORD] t.json: /properties/a/zzz: unknown keyword, without effect\n"
        "  fix: start words of your own with 'x-'",
    ]


def test_an_object_that_is_not_said_to_be_closed_is_warned_of() -> None:
    inner = {"type": "object", "properties": {"b": {"type": "string"}}}
    fix = "  fix: write additionalProperties: false"
    assert warnings({"type": "object", "properties": {"a": inner}}) == [
        f"warning[WARN_SCHEMA_OPEN] t.json: /: members that are not named are rejected all the same\n{fix}",
        f"warning[WARN_SCHEMA_OPEN] t.json: /properties/a: members that are not named are rejected all the same\n{fix}",
    ]


@pytest.mark.parametrize("word", ["additionalProperties", "unevaluatedProperties"])
def test_an_object_that_is_said_to_be_closed_is_not(word: str) -> None:
    assert warnings({"type": "object", word: False, "properties": {"a": {"type": "string"}}}) == []


@pytest.mark.parametrize("rest", [True, {}, {"type": "string"}])
@pytest.mark.parametrize("word", ["additionalProperties", "unevaluatedProperties"])
def test_an_object_with_members_of_its_own_cannot_be_open(word: str, rest: Any) -> None:
    assert mistakes({"type": "object", word: rest, "properties": {"a": {"type": "string"}}}) == (
        "error[SCHEMA_OPEN] t.json: /: allows members that are not named beside those that are\n"
        "  fix: name every member, or describe an object without properties: an open map"
    )


def test_every_schema_inside_a_schema_is_visited_once() -> None:
    document = {
        "$defs": {"a": {"not": {"const": 1}}},
        "properties": {"p": {"items": {"anyOf": [{"type": "string"}, True]}}},
        "enum": [{"properties": {"x": {}}}],
    }
    assert [pointer for pointer, _ in walk(document)] == [
        "", "/$defs/a", "/$defs/a/not", "/properties/p", "/properties/p/items", "/properties/p/items/anyOf/0",
    ]  # fmt: skip


def test_a_field_is_found_by_its_name() -> None:
    shape = table(a={"type": "string"}, b={"type": "integer"})
    assert ("a" in shape, "c" in shape, shape["b"].arrow) == (True, False, pa.int64())


def test_a_schema_is_called_by_its_file_unless_told_otherwise(tmp_path: Path) -> None:
    (tmp_path / "a.schema.json").write_text("[]")
    for name, called in (("", "a.schema.json"), ("schema/a.schema.json", "schema/a.schema.json")):
        with pytest.raises(SchemaError) as caught:
            load(tmp_path / "a.schema.json", name)
        assert caught.value.problems[0].where == called


@pytest.mark.parametrize(("word", "value"), [("dependencies", {"a": ["b"]}), ("additionalItems", False)])
def test_a_word_of_older_drafts_is_refused(word: str, value: Any) -> None:
    """`jsonschema` does not know it any more, and jsonschema-rs still obeys it."""
    message = mistakes({"type": "object", "properties": {"a": {"type": "string"}}, word: value})
    assert message.startswith(f"error[SCHEMA_KEYWORD] t.json: /{word}: a word of older drafts")


def test_two_words_that_readers_do_not_agree_on_are_not_used_together() -> None:
    """`jsonschema` reads the patterns by the rules of Python there."""
    inner = {"type": "object", "patternProperties": {"^a$": {}}}
    message = mistakes({"type": "object", "properties": {"a": inner}, "unevaluatedProperties": False})
    assert message.startswith("error[SCHEMA_KEYWORD] t.json: unevaluatedProperties and patternProperties in one schema")


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (rb'{"description":"\ud800"}', "/description: not JSON: lone surrogate U+D800"),
        (rb'{"properties":{"a\ud800":{}}}', "/properties: not JSON: lone surrogate U+D800"),
        (rb'{"properties":{"a\u0000b":{}}}', "/properties: not JSON: the character U+0000 stands in a string"),
        (rb'{"minimum":-1e400}', "not JSON: number -1e400 is too large for a 64-bit float"),
        (rb'{"default":NaN}', "not JSON: NaN is not a JSON number"),
        (b'{"maximum":' + b"9" * 5000 + b"}", "not JSON: integer 999999999999999999999999 does not fit into 64 bits"),
    ],
    ids=repr,
)
def test_a_schema_is_read_as_strictly_as_a_record(raw: bytes, what: str) -> None:
    with pytest.raises(SchemaError) as caught:
        parse(raw, "t.json")
    assert str(caught.value) == f"error[SCHEMA_SYNTAX] t.json: {what}\n  fix: correct the file"


def test_an_unknown_format_is_warned_of_once_with_a_guess() -> None:
    words = zip("abcd", ("datetime", "datetime", "zzz", "uri"), strict=True)
    fields = {name: {"type": "string", "format": word} for name, word in words}
    said = schema({"type": "object", "additionalProperties": False, "properties": fields}, "t.json").warnings
    assert [problem.text("warning") for problem in said] == [
        "warning[WARN_SCHEMA_UNKNOWN_FORMAT] t.json: /properties/a/format: unknown format 'datetime', without effect\n"
        "  fix: did you mean 'date-time'?",
        "warning[WARN_SCHEMA_UNKNOWN_FORMAT] t.json: /properties/c/format: unknown format 'zzz', without effect\n"
        f"  fix: choose from {', '.join(FORMATS)}, or remove it",
    ]


def test_the_formats_that_are_known_are_those_that_are_asserted() -> None:
    assert sorted(_formats().checkers) == FORMATS


@pytest.mark.parametrize(
    ("word", "what"),
    [
        ("int", "'int'\n  fix: did you mean 'integer'? the types"),
        (["string", "nul"], "'nul'\n  fix: did you mean 'null'? the types"),
        ("float", "'float'\n  fix: the types"),
    ],
)
def test_an_unknown_type_is_told_the_types(word: Any, what: str) -> None:
    with pytest.raises(SchemaError) as caught:
        schema({"type": "object", "properties": {"a": {"type": word}}}, "t.json")
    assert str(caught.value) == (
        f"error[SCHEMA_INVALID] t.json: /properties/a/type: there is no type {what} are array, boolean, "
        "integer, null, number, object, string"
    )


def fields(count: int, **more: Any) -> dict[str, Any]:
    """A schema of so many fields."""
    members = {f"c{number}": {"type": "string"} for number in range(count)}
    return {"type": "object", "additionalProperties": False, "properties": members | more}


NESTED = {"type": "array", "items": fields(3)}


@pytest.mark.parametrize(
    ("count", "more"), [(7, {}), (3, {"n": NESTED}), (1, {"n": {"$ref": "#/properties/m"}, "m": NESTED})]
)
def test_a_schema_of_more_fields_than_are_allowed_is_refused(count: int, more: dict[str, Any]) -> None:
    document = json.dumps(fields(count, **more)).encode()
    known = sum(1 for _ in flat(parse(document, "t.json").fields))
    assert known >= 7
    assert parse(document, "t.json", known).fields
    with pytest.raises(SchemaError) as caught:
        parse(document, "t.json", known - 1)
    assert [problem.code for problem in caught.value.problems] == ["SCHEMA_FIELD_COUNT"]
    assert caught.value.problems[0].what == f"describes more than {known - 1} fields"


def flat(some: tuple[Field, ...]) -> Iterator[Field]:
    """Fields and those inside of them; the elements of a list are none."""
    for one in some:
        yield one
        yield from flat(one.fields[0].fields if one.kind == "list" else one.fields)


@pytest.mark.parametrize("word", ["properties", "allOf"])
def test_references_that_multiply_end_soon(word: str) -> None:
    """Ten in each of twelve definitions: written out, more than all memory holds."""
    last = {"type": "object", "additionalProperties": False, "properties": {"x": {"type": "string"}}}
    parts: dict[str, Any] = {"d12": last}
    for level in range(12):
        next_one = {"$ref": f"#/$defs/d{level + 1}"}
        inner: Any = {f"p{number}": next_one for number in range(10)} if word == "properties" else [next_one] * 10
        closed = {"type": "object", "additionalProperties": False} if word == "properties" else {}
        parts[f"d{level}"] = closed | {word: inner}
    bomb = {"$ref": "#/$defs/d0", "$defs": parts}
    assert mistakes(bomb).startswith("error[SCHEMA_FIELD_COUNT] t.json: describes more than 50000 fields")
