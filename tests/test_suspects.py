"""Suspects may be too many, never too few."""

from __future__ import annotations

import copy
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import schemas_with_matching

from parquetry.record.judge import judge
from parquetry.record.suspects import suspects
from parquetry.record.validate import validate
from parquetry.sources.conform import document, record
from parquetry.words.schema import Schema, parse

Case = tuple[Schema, list[dict[str, Any]]]
#: Rules that a matching value may break, by the type that they are about.
RULES: dict[str, list[dict[str, Any]]] = {
    "string": [
        *[
            {"minLength": 2},
            {"maxLength": 3},
            {"minLength": 1, "maxLength": 2},
            {"pattern": "^[a-z]*$"},
            {"pattern": r"\d"},
        ],
        *[{"format": "uri"}, {"format": "email"}, {"enum": ["a", "b", ""]}, {"const": "a"}, {"not": {"const": ""}}],
    ],
    "integer": [{"minimum": 0}, {"exclusiveMaximum": 5}, {"multipleOf": 2}, {"enum": [0, 1, 2]}],
    "number": [{"maximum": 0.5}, {"multipleOf": 0.01}, {"exclusiveMinimum": 0}],
    "boolean": [{"const": True}],
    "array": [{"minItems": 1}, {"maxItems": 1}, {"uniqueItems": True}, {"contains": {"type": "string"}}],
    "object": [{"minProperties": 1}, {"maxProperties": 0}],
}
TOP = [
    {},
    {},
    {"if": {"required": ["a"]}, "then": {"minProperties": 2}},
    {"minProperties": 1},
    {"dependentRequired": {"a": ["b"]}},
]


@given(schemas_with_matching(), st.data())
def test_what_is_not_suspected_is_right(case: Case, data: st.DataObject) -> None:
    schema, documents = case
    stricter = copy.deepcopy(schema.document)
    for name, spec in stricter["properties"].items():
        kinds = spec.get("type", []) if isinstance(spec.get("type", []), list) else [spec["type"]]
        rules = [rule for kind in kinds for rule in RULES.get(kind, [])]
        if rules and data.draw(st.booleans()):
            rule = data.draw(st.sampled_from(rules))
            stricter["properties"][name] = {**rule, **spec}
        if data.draw(st.booleans()):
            stricter["required"] = sorted({*stricter.get("required", ()), name})
    if data.draw(st.booleans()):
        stricter["required"] = [*stricter.get("required", ()), "no column"]
    strict = parse(json.dumps({**data.draw(st.sampled_from(TOP)), **stricter}).encode(), "s")
    rows = [record(strict.fields, one) for one in documents]
    batch = pa.RecordBatch.from_pylist(rows, schema=strict.arrow)
    right = [judge(document(strict.fields, row), strict) is None for row in rows]
    assert all(ok or suspected for ok, suspected in zip(right, suspects(batch, strict).tolist(), strict=True))
    assert validate(batch, strict).kept.num_rows == sum(right)


@pytest.mark.parametrize(
    ("words", "some"),
    [
        ({}, False),
        ({"title": "x", "description": "y", "x-mine": 1}, True),
        ({"allOf": [{"required": ["a"]}]}, True),
        ({"if": {"required": ["a"]}}, True),
        ({"minProperties": 1}, True),
        ({"required": ["a"]}, False),
        ({"required": ["a", "c"]}, True),
    ],
)
def test_rules_across_columns_make_all_rows_suspects(words: dict[str, Any], some: bool) -> None:
    fields = {"a": {"type": "string", "maxLength": 9}, "b": {"type": "integer", "minimum": 0}}
    whole = {"type": "object", "additionalProperties": False, "properties": fields, **words}
    schema = parse(json.dumps(whole).encode(), "s")
    batch = pa.RecordBatch.from_pylist([{"a": "x", "b": 1}] * 3, schema=schema.arrow)
    assert suspects(batch, schema).tolist() == [some] * 3
