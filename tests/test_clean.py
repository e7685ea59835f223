"""Text -> the same text, normalised."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
import unicodedata2
from hypothesis import example, given
from hypothesis import strategies as st
from strategies import schemas_with_matching, table, unruly

from parquetry.record.clean import clean, normalise
from parquetry.record.validate import validate
from parquetry.sources.conform import record
from parquetry.words.recipe import Clean
from parquetry.words.records import LINE
from parquetry.words.schema import Schema

RULES = [Clean(unicode=form, newlines=newlines) for form in ("", "NFC", "NFKC") for newlines in (False, True)]
#: A column of each kind that holds text, alone or inside.
TEXTS = table(
    text={"type": ["string", "null"]},
    list={"type": ["array", "null"], "items": {"type": ["string", "null"]}},
    object={
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {"a": {"type": ["string", "null"]}},
    },
)
texts = st.none() | unruly
text_rows = st.lists(
    st.fixed_dictionaries(
        {
            "text": texts,
            "list": st.none() | st.lists(texts, max_size=2),
            "object": st.none() | st.fixed_dictionaries({"a": texts}),
        }
    ),
    max_size=4,
)


def batch_of(schema: Schema, rows: list[dict[str, Any]]) -> pa.RecordBatch:
    """Records as a batch, with the lines they stand on."""
    typed = [record(schema, row) | {LINE.name: 10 + index} for index, row in enumerate(rows)]
    return pa.RecordBatch.from_pylist(typed, schema=pa.schema([*schema.arrow, LINE]))


def cleaned(value: Any, rules: Clean) -> Any:
    """A JSON value with every text in it normalised, and no name of a member."""
    if isinstance(value, dict):
        return {name: cleaned(inner, rules) for name, inner in value.items()}
    if isinstance(value, list):
        return [cleaned(inner, rules) for inner in value]
    return normalise(value, rules) if isinstance(value, str) else value


@given(unruly, st.sampled_from(RULES))
def test_cleaning_a_text_twice_is_cleaning_it_once(text: str, rules: Clean) -> None:
    once = normalise(text, rules)
    assert normalise(once, rules) == once


@given(text_rows, st.sampled_from(RULES))
def test_cleaning_twice_is_cleaning_once(rows: list[dict[str, Any]], rules: Clean) -> None:
    once = clean(batch_of(TEXTS, rows), TEXTS, rules)
    assert clean(once, TEXTS, rules).equals(once)


@given(text_rows, st.sampled_from(RULES))
def test_the_same_rows_come_back_in_the_same_order(rows: list[dict[str, Any]], rules: Clean) -> None:
    before = batch_of(TEXTS, rows)
    after = clean(before, TEXTS, rules)
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after.to_pylist() == [cleaned(row, rules) for row in before.to_pylist()]


@given(schemas_with_matching(), st.sampled_from(RULES))
def test_whatever_the_columns_no_row_and_no_type_is_lost(
    case: tuple[Schema, list[dict[str, Any]]], rules: Clean
) -> None:
    schema, rows = case
    before = batch_of(schema, rows)
    after = clean(before, schema, rules)
    assert after.schema.equals(before.schema, check_metadata=True)
    assert after.column(LINE.name).equals(before.column(LINE.name))
    for field in schema.fields:
        assert after.column(field.name).is_null().equals(before.column(field.name).is_null())
        if field.kind not in ("string", "map", "list", "struct"):
            assert after.column(field.name).equals(before.column(field.name))


def test_without_rules_nothing_is_touched() -> None:
    batch = batch_of(TEXTS, [{"text": "e\u0301\r\n"}])
    assert clean(batch, TEXTS, Clean()) is batch


@pytest.mark.parametrize(
    ("text", "rules", "expected"),
    [
        ("a\r\nb\rc\n\r", Clean(newlines=True), "a\nb\nc\n\n"),
        ("a\r\n", Clean(unicode="NFC"), "a\r\n"),
        ("e\u0301 ﬁ①", Clean(unicode="NFC"), "é ﬁ①"),
        ("e\u0301 ﬁ①", Clean(unicode="NFKC"), "é fi1"),
        ("e\u0301", Clean(newlines=True), "e\u0301"),
        ("\u2028\x85", Clean(unicode="NFKC", newlines=True), "\u2028\x85"),
    ],
)
def test_the_rules_do_what_they_say(text: str, rules: Clean, expected: str) -> None:
    assert normalise(text, rules) == expected


@given(st.text())
def test_unicode_is_that_of_the_pinned_library(text: str) -> None:
    assert normalise(text, Clean(unicode="NFC")) == unicodedata2.normalize("NFC", text)


@given(st.dictionaries(unruly.filter(bool), texts | st.lists(texts, max_size=2), max_size=3), st.sampled_from(RULES))
@example({"a": "＂"}, Clean(unicode="NFKC"))
@example({"a": "1\r\n2"}, Clean(newlines=True))
@example({"\u00e9": 1, "e\u0301": 2}, Clean(unicode="NFC"))
def test_the_text_in_an_open_map_is_cleaned_and_not_the_json_around_it(value: dict[str, Any], rules: Clean) -> None:
    schema = table(map={"type": "object"})
    after = clean(batch_of(schema, [{"map": value}]), schema, rules)
    found = json.loads(after.to_pylist()[0]["map"])
    assert sorted(map(repr, found.values())) == sorted(repr(cleaned(inner, rules)) for inner in value.values())
    assert clean(after, schema, rules).equals(after)
    assert validate(after, schema).removed == ()
