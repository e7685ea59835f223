"""One column, read as Arrow, Hub feature and prose."""

from __future__ import annotations

import json
from typing import Any

import datasets
import pyarrow as pa
import pytest
from datasets import ClassLabel, Features, List, Value
from hypothesis import given, settings
from strategies import Spec, schemas, table

from parquetry.words.errors import SchemaError
from parquetry.words.fields import KINDS, Field
from parquetry.words.schema import Schema


def listed(schema: Schema) -> list[dict[str, Any]]:
    """The features of a table as the front matter of a card has them."""
    return [{"name": field.name} | field.card for field in schema.fields]


def column(spec: Spec) -> Field:
    return table(v=spec)["v"]


EVERY: dict[str, tuple[Spec, pa.DataType, Any, str]] = {
    "string": ({"type": "string"}, pa.string(), Value("string"), "text"),
    "date": ({"type": "string", "format": "date"}, pa.date32(), Value("date32"), "date"),
    "date-time": (
        {"type": "string", "format": "date-time"},
        pa.timestamp("us", "UTC"),
        Value("timestamp[us, tz=UTC]"),
        "date and time (UTC)",
    ),
    "integer": ({"type": "integer"}, pa.int64(), Value("int64"), "integer"),
    "number": ({"type": "number"}, pa.float64(), Value("float64"), "number"),
    "boolean": ({"type": "boolean"}, pa.bool_(), Value("bool"), "true or false"),
    "map": ({"type": "object"}, pa.string(), Value("string"), "open map, as JSON text"),
    "float32": ({"type": "number", "x-arrow": "float32"}, pa.float32(), Value("float32"), "number"),
    "float64": ({"type": "number", "x-arrow": "float64"}, pa.float64(), Value("float64"), "number"),
} | {
    name: ({"type": "integer", "x-arrow": name}, pa.type_for_alias(name), Value(name), "integer")
    for name in (f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64))
}


def test_every_kind_is_tried_here() -> None:
    assert EVERY.keys() == KINDS.keys()


@pytest.mark.parametrize("kind", EVERY)
def test_a_kind_is_the_same_in_every_language(kind: str) -> None:
    spec, arrow, feature, prose = EVERY[kind]
    schema = table(v=spec)
    field = schema["v"]
    assert (field.kind, field.arrow, field.prose) == (kind, arrow, prose)
    assert Features.from_arrow_schema(schema.arrow) == {"v": feature}
    assert Features._from_yaml_list(listed(schema)) == {"v": feature}


@given(schemas())
@settings(max_examples=100)
def test_the_hub_reads_what_arrow_has_and_the_card_says(schema: Schema) -> None:
    """`datasets` itself, three ways: by our metadata, by the types alone, by the front matter."""
    by_metadata = Features.from_arrow_schema(schema.arrow)
    assert by_metadata == Features.from_arrow_schema(schema.arrow.remove_metadata())
    assert by_metadata == Features._from_yaml_list(listed(schema))
    assert by_metadata.arrow_schema.remove_metadata() == schema.arrow.remove_metadata()


@given(schemas())
@settings(max_examples=100)
def test_the_card_says_it_as_the_hub_would(schema: Schema) -> None:
    assert listed(schema) == Features.from_arrow_schema(schema.arrow)._to_yaml_list()


def test_lists_and_objects_may_hold_each_other() -> None:
    inner: Spec = {"type": "object", "properties": {"x": {"type": "array", "items": {"type": "integer"}}}}
    schema = table(a={"type": "array", "items": inner}, b={"type": "array", "items": {"type": "array", "items": inner}})
    assert Features.from_arrow_schema(schema.arrow) == {
        "a": List({"x": List(Value("int64"))}),
        "b": List(List({"x": List(Value("int64"))})),
    }
    assert listed(schema) == [
        {"name": "a", "list": [{"name": "x", "list": "int64"}]},
        {"name": "b", "list": {"list": [{"name": "x", "list": "int64"}]}},
    ]
    assert [field.prose for field in schema.fields] == ["list of object", "list of list of object"]


def test_the_metadata_is_spelled_as_old_and_new_readers_know_it() -> None:
    """`{"_type": "List"}` breaks datasets 3.6; an array is read by it and by 5.2."""
    schema = table(a={"type": "array", "items": {"type": "string"}}, b={"type": "integer"})
    assert json.loads(schema.arrow.metadata[b"huggingface"]) == {
        "info": {"features": {"a": [{"dtype": "string", "_type": "Value"}], "b": {"dtype": "int64", "_type": "Value"}}}
    }


def test_labels_are_text_in_the_file_and_a_class_on_the_hub() -> None:
    coded = {"enum": ["no", "yes", None], "x-feature": "ClassLabel"}
    schema = table(one=coded, many={"type": "array", "items": {"enum": ["a", "b"], "x-feature": "ClassLabel"}})
    assert schema.arrow.types == [pa.string(), pa.list_(pa.string())]
    assert Features.from_arrow_schema(schema.arrow) == {"one": Value("string"), "many": List(Value("string"))}
    classes = Features._from_yaml_list(listed(schema))
    assert classes == {"one": ClassLabel(names=["no", "yes"]), "many": List(ClassLabel(names=["a", "b"]))}


def test_a_class_can_be_cast_from_the_text_of_its_labels() -> None:
    schema = table(v={"enum": ["no", "yes", None], "x-feature": "ClassLabel"})
    rows = pa.Table.from_pylist([{"v": "yes"}, {"v": None}, {"v": "no"}], schema=schema.arrow)
    held = datasets.Dataset(rows).cast(Features._from_yaml_list(listed(schema)))
    assert held["v"][:] == [1, None, 0]


@pytest.mark.parametrize("spec", [{"enum": [1, 2]}, {"type": "string"}, {"type": "boolean"}], ids=json.dumps)
def test_only_coded_text_is_a_class(spec: Spec) -> None:
    """A class of numbers would be read as the ranks of its labels, one without values has no labels."""
    try:
        schema = table(v=spec | {"x-feature": "ClassLabel"})
    except SchemaError as error:
        assert "x-feature" in str(error)
    else:
        assert Features._from_yaml_list(listed(schema)) == Features.from_arrow_schema(schema.arrow)


def test_a_coded_field_has_the_prose_of_its_type() -> None:
    assert column({"enum": ["a", "b"]}).prose == "text"
    assert column({"type": "array", "items": {"enum": [1, 2]}}).prose == "list of integer"
