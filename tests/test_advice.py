"""What to do about a rejected row."""

from __future__ import annotations

from typing import Any

import pytest

from parquetry.files.advice import FIX, fix
from parquetry.sources.streams import RATIO_FLOOR
from parquetry.words.recipe import Limits, Read
from parquetry.words.records import Removed

ARRAY = "name the file .json if it is one JSON array; in this one, write one JSON object on each line"
CUT = "unterminated string starting at, column 19 (the line looks cut off)"


@pytest.mark.parametrize(
    ("source", "line", "row", "message", "expected"),
    [
        ("a.jsonl", 1, "[", "expecting value, column 2 (the line looks cut off)", ARRAY),
        ("a.jsonl.gz", 1, '[{"id":1},', "expecting value, column 11 (the line looks cut off)", ARRAY),
        (
            "a.ndjson", 1, "{ ", "expecting property name, column 2 (the line looks cut off)",
            "write each object on one line, or all of them as [ …, … ] in a file that is named .json",
        ),
        ("a.jsonl", 9, '{"id": 3, "text": "Thr', CUT, "fetch the file again, or complete the line"),
        ("a.jsonl", 9, '{"id": 3,}', "expecting property name", "write one JSON object on each line"),
        ("a.jsonl", 9, "[", "expecting value, column 2", "write one JSON object on each line"),
        (
            "a.jsonl", 1, "<!DOCTYPE html>", "expecting value, column 1",
            "fetch the file again: this is a page of the web in place of it",
        ),
        (
            "a.jsonl", 1, '{"id": 1}\r{"id": 2}', "2 JSON values on one line (column 10)",
            "end lines with a line feed: here they end with a carriage return alone",
        ),
        ("a.json", 1, "[1,]", "expecting value", "correct the element"),
        ("a.csv", 2, {"l": "1,2"}, "unexpected text", "write lists and objects as JSON, quoted as a cell"),
    ],
)  # fmt: skip
def test_text_that_is_not_json_is_told_what_its_file_should_hold(
    source: str, line: int, row: Any, message: str, expected: str
) -> None:
    assert fix(Removed("JSON_SYNTAX", "notes", source, line, "", message, row)) == expected


def test_an_array_on_one_line_is_told_its_suffix() -> None:
    what = "a record is a JSON object, found array"
    assert fix(Removed("JSON_NOT_OBJECT", "notes", "a.jsonl", 1, "", what, [{"id": 1}])) == ARRAY
    assert fix(Removed("JSON_NOT_OBJECT", "notes", "a.jsonl", 2, "", what, [{"id": 1}])) == FIX
    assert fix(Removed("JSON_NOT_OBJECT", "notes", "a.json", 1, "", what, [{"id": 1}])) == FIX


@pytest.mark.parametrize(
    ("code", "key"),
    [("LINE_TOO_LONG", "line_bytes"), ("JSON_DEPTH", "depth"), ("FIELD_COUNT", "fields"), ("UNICODE_NUL", "nul")],
)
def test_what_the_recipe_can_allow_is_told_with_its_key(code: str, key: str) -> None:
    said = fix(Removed(code, "notes", "a.jsonl", 1, "", "", ""))
    assert f"limits.{key} " in said or f"{{ {key} =" in said
    assert key in Limits.model_fields or key in Read.model_fields


def test_the_ratio_that_no_small_file_exceeds_is_documented() -> None:
    said = Limits.model_fields["decompression_ratio"].description or ""
    assert f"{RATIO_FLOOR // 10**6} MB" in said
