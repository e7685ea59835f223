"""JSON text -> its value, or the reason why it has none."""

from __future__ import annotations

import json
import time
import tracemalloc
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as st
from strategies import json_values, schema, texts

from parquetry.record.validate import validate
from parquetry.sources.lines import read
from parquetry.sources.partitions import Piece
from parquetry.words.recipe import Limits as RecipeLimits
from parquetry.words.recipe import Recipe, Split, Table
from parquetry.words.strict_json import Limits, NotJson, loads, pointer

PARSING = SHARED / "test-material/jsontestsuite/test_parsing"
TRANSFORM = SHARED / "test-material/jsontestsuite/test_transform"
BAD = SHARED / "test-material/generated-bad-inputs"

needs_suite = pytest.mark.skipif(not PARSING.is_dir(), reason="JSONTestSuite is not redistributed")
needs_bad_inputs = pytest.mark.skipif(not BAD.is_dir(), reason="the bad inputs are not beside the repository")

DEFAULT = Limits()
#: Valid by RFC 8259, refused by us on purpose: I-JSON (RFC 7493), and what C readers and data frames trip over.
STRICTER = {
    "y_object_duplicated_key.json": "JSON_DUPLICATE_KEY",
    "y_object_empty_key.json": "FIELD_NAME_EMPTY",
    "y_object_escaped_null_in_key.json": "UNICODE_NUL",
}
#: What RFC 8259 leaves to the parser, and what we answer.
LEFT_OPEN = {
    "i_number_double_huge_neg_exp.json": "",
    "i_number_real_underflow.json": "",
    "i_number_huge_exp.json": "JSON_NUMBER_RANGE",
    "i_number_neg_int_huge_exp.json": "JSON_NUMBER_RANGE",
    "i_number_real_pos_overflow.json": "JSON_NUMBER_RANGE",
    "i_number_too_big_neg_int.json": "JSON_NUMBER_RANGE",
    "i_number_too_big_pos_int.json": "JSON_NUMBER_RANGE",
    "i_number_very_big_negative_int.json": "JSON_NUMBER_RANGE",
    "i_string_1st_valid_surrogate_2nd_invalid.json": "UNICODE_SURROGATE",
    "i_string_incomplete_surrogate_pair.json": "UNICODE_SURROGATE",
    "i_string_incomplete_surrogates_escape_valid.json": "UNICODE_SURROGATE",
    "i_string_invalid_surrogate.json": "UNICODE_SURROGATE",
    "i_string_inverted_surrogates_U+1D11E.json": "UNICODE_SURROGATE",
    "i_string_lone_second_surrogate.json": "UNICODE_SURROGATE",
    "i_string_UTF-8_invalid_sequence.json": "UTF8_INVALID",
    "i_string_UTF8_surrogate_U+D800.json": "UTF8_INVALID",
    "i_string_not_in_unicode_range.json": "UTF8_INVALID",
    "i_string_overlong_sequence_2_bytes.json": "UTF8_INVALID",
    "i_string_overlong_sequence_6_bytes.json": "UTF8_INVALID",
    "i_string_overlong_sequence_6_bytes_null.json": "UTF8_INVALID",
    "i_string_utf16LE_no_BOM.json": "UTF8_INVALID",
    "i_structure_500_nested_arrays.json": "JSON_DEPTH",
    "i_structure_UTF-8_BOM_empty_object.json": "JSON_SYNTAX",
}
#: Of the bad inputs, those that need a rule on top of the schema: an id that is there, and once.
BY_OTHERS = {
    "id_missing_vs_empty.jsonl": "`validate` is told which column is the id",
    "dup_ids.jsonl": "`dedup` sees it",
}


def refusal(raw: bytes, limits: Limits = DEFAULT) -> tuple[str, str, str]:
    """Code, message and pointer of the mistake in a text; empty if there is none."""
    try:
        loads(raw, limits)
    except NotJson as error:
        return error.code, error.what, error.pointer
    return "", "", ""


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"\xff{}", ("UTF8_INVALID", "byte 1 of the text is not UTF-8 (hex ff)", "")),
        (b'{"a":"\xed\xa0\x80"}', ("UTF8_INVALID", "byte 7 of the text is not UTF-8 (hex ed)", "")),
        (b'{"a":1,}', ("JSON_SYNTAX", "expecting property name enclosed in double quotes, column 8", "")),
        (b'{"a":1', ("JSON_SYNTAX", "expecting ',' delimiter, column 7 (the line looks cut off)", "")),
        (b"{'a':1}", ("JSON_SYNTAX", "expecting property name enclosed in double quotes, column 2", "")),
        (b"# note", ("JSON_SYNTAX", "expecting value, column 1", "")),
        (b'{"a":1} {"a":2}', ("JSON_SYNTAX", "2 JSON values on one line (column 8)", "")),
        (b'"a""b"', ("JSON_SYNTAX", "2 JSON values on one line (column 4)", "")),
        (b'{"a":1}x', ("JSON_SYNTAX", "unexpected text after the value: 'x' (column 8)", "")),
        (b"01", ("JSON_SYNTAX", "unexpected text after the value: '1' (column 2)", "")),
        (b"\xc2\xa01", ("JSON_SYNTAX", "expecting value, column 1", "")),
        (b'"a\tb"', ("JSON_CONTROL_CHAR", r"control character '\t' in a string (byte 3)", "")),
        ('"é\0"'.encode(), ("JSON_CONTROL_CHAR", r"control character '\x00' in a string (byte 4)", "")),
        (b'{"a":1,"b":2,"a":3}', ("JSON_DUPLICATE_KEY", "key 'a' stands twice", "")),
        (b'[{"k":{"a":1,"\\u0061":3}}]', ("JSON_DUPLICATE_KEY", "key 'a' stands twice", "")),
        (b'{"a":NaN}', ("JSON_NONFINITE", "NaN is not a JSON number", "")),
        (b"[-Infinity]", ("JSON_NONFINITE", "-Infinity is not a JSON number", "")),
        (b"1e400", ("JSON_NUMBER_RANGE", "number 1e400 is too large for a 64-bit float", "")),
        (b"18446744073709551616", ("JSON_NUMBER_RANGE", "integer 18446744073709551616 does not fit into 64 bits", "")),
        (b"-9223372036854775809", ("JSON_NUMBER_RANGE", "integer -9223372036854775809 does not fit into 64 bits", "")),
        (b"9" * 5000, ("JSON_NUMBER_RANGE", f"integer {'9' * 24} does not fit into 64 bits", "")),
        (b'{"a":{"":1}}', ("FIELD_NAME_EMPTY", "a member has an empty name", "")),
        (b'{"a/b":["\\ud800"]}', ("UNICODE_SURROGATE", "lone surrogate U+D800", "/a~1b/0")),
        (b'["\\ude00\\ud83d"]', ("UNICODE_SURROGATE", "lone surrogate U+DE00", "/0")),
        (b'{"\\ud800":1}', ("UNICODE_SURROGATE", "lone surrogate U+D800", "")),
        (b'{"a":"x\\u0000"}', ("UNICODE_NUL", "the character U+0000 stands in a string", "/a")),
    ],
    ids=lambda value: value[:24].decode("latin-1") if isinstance(value, bytes) else value[0],
)
def test_what_is_not_strict_json_is_refused_with_its_reason(raw: bytes, expected: tuple[str, str, str]) -> None:
    assert refusal(raw) == expected


def test_a_line_that_ends_inside_a_string_looks_cut_off() -> None:
    what = "unterminated string starting at, column 6 (the line looks cut off)"
    assert refusal(b'{"a":"half a sent') == ("JSON_SYNTAX", what, "")


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b" \t\r\n{} \t\r\n", {}),
        (b"18446744073709551615", 2**64 - 1),
        (b"-9223372036854775808", -(2**63)),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\x7f\xe2\x80\xa8\xc2\x85"', "\x7f\u2028\x85"),
        ('{"é":1,"e\u0301":2}'.encode(), {"é": 1, "e\u0301": 2}),
        (b"[null,true,false,1.0,-0,1E2]", [None, True, False, 1.0, 0, 100.0]),
        (b'{"a":[{"b":[]}],"c":"[{"}', {"a": [{"b": []}], "c": "[{"}),
    ],
)
def test_strict_json_is_read(raw: bytes, value: Any) -> None:
    assert loads(raw) == value


@given(json_values(20))
def test_what_json_says_comes_back(value: Any) -> None:
    for text in (json.dumps(value), json.dumps(value, ensure_ascii=False, indent=1)):
        found = loads(text.encode())
        assert found == value
        assert repr(found) == repr(value), "1 and 1.0 and true stay apart"


@given(st.binary(max_size=40) | st.text('{}[]",:\\u0d8e-+.1aN \t\x00é', max_size=30).map(str.encode))
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    code, what, _ = refusal(raw)
    if not code:
        assert json.loads(raw) == loads(raw)
    else:
        assert what


@given(st.integers(0, 12), st.integers(1, 12), st.sampled_from(["[%s]", '{"a":%s}', '[[],%s,"]]"]']))
def test_text_nested_beyond_the_limit_is_refused(levels: int, limit: int, shape: str) -> None:
    text = "1"
    for _ in range(levels):
        text = shape % text
    deepest = levels + (1 if shape.startswith("[[]") and levels else 0)
    expected = ("JSON_DEPTH", f"nested deeper than {limit} levels", "") if deepest > limit else ("", "", "")
    assert refusal(text.encode(), Limits(depth=limit)) == expected


@pytest.mark.parametrize("raw", [b"[" * 100_000, b'{"a":' * 100_000, b"[" * 500 + b"]" * 500])
def test_a_bomb_of_brackets_does_not_recurse(raw: bytes) -> None:
    assert refusal(raw) == ("JSON_DEPTH", "nested deeper than 64 levels", "")


def test_the_deepest_limit_can_be_used() -> None:
    depth = Recipe.model_json_schema()["$defs"]["Limits"]["properties"]["depth"]["maximum"]
    deep = b"[" * depth + b'"\\u0041"' + b"]" * depth
    assert refusal(deep, Limits(depth=depth)) == ("", "", "")


def test_brackets_in_strings_do_not_nest() -> None:
    assert loads(json.dumps(["[" * 100, '\\"[{' * 50]).encode()) == ["[" * 100, '\\"[{' * 50]


def test_members_are_counted_over_all_objects() -> None:
    raw = b'{"a":{"b":1,"c":[{"d":1}]},"e":{}}'
    assert refusal(raw, Limits(fields=5)) == ("", "", "")
    assert refusal(raw, Limits(fields=4)) == ("FIELD_COUNT", "more than 4 members", "")


def test_the_depth_of_a_long_line_is_found_in_little_memory() -> None:
    raw = b"[" + b"[]," * 70 + b'"' + b"a" * 1_000_000 + b'"]'
    tracemalloc.start()
    loads(raw)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8 * len(raw)


def test_the_depth_of_a_hostile_line_is_found_in_linear_time() -> None:
    def seconds(quotes: int) -> float:
        start = time.perf_counter()
        refusal(b"[" + b"[]," * 70 + b'"' + b'\\"' * quotes)
        return time.perf_counter() - start

    assert seconds(15_000) < 0.3, "an open string of escaped quotes"


@given(st.lists(texts | st.integers(0, 99), max_size=4))
def test_a_pointer_can_be_taken_apart_again(steps: list[str | int]) -> None:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer(*steps).split("/")[1:]]
    assert parts == [str(step) for step in steps]


@needs_suite
def test_the_suite_is_there() -> None:
    names = Counter(path.name[0] for path in PARSING.glob("*.json"))
    assert names["y"] >= 68 and names["n"] >= 137 and names["i"] >= 23


@needs_suite
@pytest.mark.parametrize("path", sorted(PARSING.glob("*.json")), ids=lambda path: path.stem)
def test_the_json_test_suite_is_answered_right(path: Path) -> None:
    code = refusal(path.read_bytes())[0]
    if path.name.startswith("y_"):
        assert code == STRICTER.get(path.name, "")
    elif path.name.startswith("n_"):
        assert code != ""
    else:
        assert code == LEFT_OPEN.get(path.name, code)


@needs_suite
@pytest.mark.parametrize("path", sorted(TRANSFORM.glob("*.json")), ids=lambda path: path.stem)
def test_no_parser_s_silent_change_is_ours(path: Path) -> None:
    """Equal keys, big numbers, half pairs: either the value that stands there, or a refusal."""
    raw, code = path.read_bytes(), refusal(path.read_bytes())[0]
    if code:
        assert code in ("JSON_DUPLICATE_KEY", "JSON_NUMBER_RANGE", "UNICODE_SURROGATE", "UNICODE_NUL", "UTF8_INVALID")
    else:
        assert loads(raw) == json.loads(raw)


def _cases(path: Path = BAD / "expected.jsonl") -> list[dict[str, Any]]:
    lines = path.read_text("utf-8").splitlines() if path.is_file() else []
    cases = [json.loads(line) for line in lines]
    return [case for case in cases if case["family"] == "JSON" and case["layer"] in ("record", "ok")]


@needs_bad_inputs
@pytest.mark.parametrize("case", _cases(), ids=lambda case: Path(case["path"]).stem)
def test_a_bad_line_is_set_aside_with_its_code_and_the_others_are_kept(case: dict[str, Any]) -> None:
    name = Path(case["path"]).name
    integer = {"n": {"type": "integer"}} if name == "int_beyond_int64.jsonl" else {}
    properties = {"id": {"type": "string"}, "text": {"type": "string"}} | integer
    shape = schema({"type": "object", "properties": properties, "required": ["id", "text"]})
    codes, kept = Counter[str](), 0
    piece = Piece(BAD / case["path"], name, (BAD / case["path"]).stat().st_size)
    rules = Table(schema="s", sources=("s",), id=("id",), split=Split(only="train"))
    for batch in read(piece, shape, rules, RecipeLimits(line_bytes=1_000_000)):
        checked = validate(batch.kept, shape)
        codes += Counter(row.code for row in (*batch.removed, *checked.removed))
        kept += checked.kept.num_rows
    if name in BY_OTHERS:
        assert (kept, codes) == (case["rows_ok"] + case["rows_bad"], {})
    else:
        assert (kept, codes) == (case["rows_ok"], {case["code"]: case["rows_bad"]} if case["rows_bad"] else {})
