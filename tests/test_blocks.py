"""The fast path answers as the exact path does, or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import schemas_with_matching

from parquetry.sources import blocks
from parquetry.sources.lines import BOM, Block, Line, Reader
from parquetry.words.recipe import Limits
from parquetry.words.schema import Schema, parse
from parquetry.words.strict_json import Limits as Structure

Case = tuple[Schema, list[dict[str, Any]]]
FIELDS: dict[str, Any] = {
    "a": {"type": "string"},
    "d": {"type": "number"},
    "i": {"type": "integer"},
    "n": {"type": "integer", "x-arrow": "int8"},
    "b": {"type": "boolean"},
    "day": {"type": "string", "format": "date"},
    "at": {"type": "string", "format": "date-time"},
    "l": {"type": "array", "items": {"type": "integer"}},
    "s": {
        "type": "object",
        "additionalProperties": False,
        "properties": {"x": {"type": "string"}, "m": {"type": "array", "items": {"type": "string"}}},
    },
}
SCHEMA = parse(json.dumps({"type": "object", "additionalProperties": False, "properties": FIELDS}).encode(), "s")
#: One line each in which a reader may err.
ODD = [
    *[b"{}", b"null", b"1", b"[]", b"", b" ", b'"x"', b'{"a":null}', b'{"a":1}', b'{"a":true}', b'{"":1}', b'{"z":1}'],
    *[
        b'{"a":"x\ty"}',
        b'{"a":"x\\u0000y"}',
        b'{"a":"\xff"}',
        b'{"a":"\xed\xa0\x80"}',
        b'{"a":"\\ud800"}',
        b'{"a":"\x01"}',
    ],
    *[
        b'{"a":"\\ud83d\\ude00"}',
        b'{"a":"\x7f\xe2\x80\xa8"}',
        b'{"a":"\\/\\u00e9"}',
        b'{"a":"\\x41"}',
        b'{"a":"x"}\r',
        b'{"a":"\r"}',
    ],
    *[
        b'{"a":"1"}{"a":"2"}',
        b'{"a":"1",}',
        b'{"a":"x"} x',
        b'{"a":"x"}//c',
        b' {"a":"1"}',
        b'{"a":"1"} ',
        b"{'a':'1'}",
        b'{"a":',
    ],
    *[
        b'\xef\xbb\xbf{"a":"1"}',
        b'{"a":"x","a":"y"}',
        b'{"a":"x","\\u0061":"y"}',
        b'{"s":{"x":"1","x":"2"}}',
        b'{"s":{"z":1}}',
    ],
    *[
        b'{"d":%s}' % n
        for n in (b"NaN", b"-Infinity", b"Inf", b"nan", b"1e999", b"1e308", b"9007199254740993", b"9007199254740992")
    ],
    *[
        b'{"d":%s}' % n
        for n in (b"-0", b"-0.0", b"0.0", b"5", b".5", b"1.", b"01", b"0x10", b'"1.5"', b"1E5", b"4.9e-324", b"1e-400")
    ],
    *[
        b'{"d":123456789012345678901234567890}',
        b'{"d":0.1}',
        b'{"d":-1.7976931348623157e308}',
        b'{"d":null}',
        b'{"d":[1]}',
    ],
    *[
        b'{"i":%s}' % n
        for n in (b"1.0", b"1e2", b"-0", b"9223372036854775807", b"9223372036854775808", b"1.5", b'"5"', b"-", b"00")
    ],
    *[b'{"n":%s}' % n for n in (b"127", b"128", b"-128", b"-129", b"1.0")],
    *[b'{"b":%s}' % n for n in (b"true", b"false", b"1", b'"true"', b"True")],
    *[
        b'{"day":"%s"}' % n
        for n in (b"2020-02-29", b"2021-02-29", b"0000-01-01", b"0001-01-01", b"9999-12-31", b"20200101", b"2020-1-1")
    ],
    *[
        b'{"day":"%s"}' % n
        for n in (b"2020-W01-1", b"2020-01-01 ", b"", b"\xd9\xa2\xd9\xa0\xd9\xa2\xd9\xa0-01-01", b"2020-13-01")
    ],
    *[
        b'{"at":"2020-01-01T%s"}' % n
        for n in (b"00:00:00Z", b"00:00:00z", b"00:00:00+01:00", b"23:59:60Z", b"24:00:00Z", b"00:00:00")
    ],
    *[
        b'{"at":"%s"}' % n
        for n in (
            b"2020-01-01T00:00:00.1234567Z",
            b"2020-01-01T00:00:00.5Z",
            b"0000-01-01T00:00:00Z",
            b"2020-02-30T00:00:00Z",
        )
    ],
    *[
        b'{"at":"%s"}' % n
        for n in (b"0001-01-01T00:00:00Z", b"2020-01-01 00:00:00Z", b"9999-12-31T23:59:59.999999Z", b"2020-01-01")
    ],
    *[b'{"l":%s}' % n for n in (b"[]", b"[1,null]", b"null", b"[1.0]", b'["1"]', b"{}", b"[[1]]")],
    *[b'{"s":%s}' % n for n in (b"{}", b"null", b'{"x":null}', b'{"m":[]}', b'{"m":[null,"a"]}', b"[]", b'"x"')],
]


def same(lines: list[bytes], schema: Schema) -> None:
    """Lines read as a block, as lines, and one by one give the same."""
    reader = Reader("a.jsonl", schema, Limits())
    bare = [line.removesuffix(b"\r").removeprefix(BOM) for line in lines]
    numbered = [Line(number, text) for number, text in enumerate(bare, start=1) if text.strip()]
    exact = reader.exactly(numbered)
    for end in (b"\n", b""):
        text = b"\n".join(lines) + end
        if not text:
            continue
        fast = reader.block(1, Block(memoryview(text)))
        assert fast.lines == text.removesuffix(b"\n").count(b"\n") + 1
        assert fast.blank == fast.lines - len(numbered)
        assert fast.removed == exact.removed
        assert fast.kept.schema.equals(exact.kept.schema, check_metadata=True)
        assert [repr(row) for row in fast.kept.to_pylist()] == [repr(row) for row in exact.kept.to_pylist()]
        fast.kept.validate(full=True)


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_an_odd_line_among_plain_ones_is_read_as_if_it_stood_alone(odd: bytes) -> None:
    plain = [b'{"a":"%d","d":%d.5}' % (i, i) for i in range(40)]
    for place in (0, 17, 40):
        same([*plain[:place], odd, *plain[place:]], SCHEMA)


def test_a_record_over_two_lines_is_none_though_another_makes_up_for_it() -> None:
    same([*[b'{"a":"x"}'] * 9, b'{"s":', b'{"x":"1"}} {"a":"2"}', *[b'{"a":"x"}'] * 9], SCHEMA)


@given(st.lists(st.sampled_from(ODD), min_size=16, max_size=60))
def test_odd_lines_together_are_read_as_each_alone(lines: list[bytes]) -> None:
    same(lines, SCHEMA)


@given(schemas_with_matching(), st.booleans())
def test_records_of_any_schema_are_read_as_one_by_one(case: Case, ascii_only: bool) -> None:
    schema, documents = case
    lines = [json.dumps(one, ensure_ascii=ascii_only).encode() for one in documents] * 16
    same(lines[:80], schema)


def test_plain_lines_do_take_the_fast_path() -> None:
    """Otherwise all of the above would prove nothing."""
    document = {
        "a": "é",
        "d": 0.5,
        "i": 2,
        "n": 3,
        "b": True,
        "day": "2020-02-29",
        "at": "2020-01-01T00:00:00Z",
        "l": [1, None],
        "s": {"x": "y"},
    }
    lines = [json.dumps(document).encode()] * 20
    assert blocks.readable(SCHEMA, Structure())
    parsed = blocks.parse(memoryview(b"\n".join(lines)), SCHEMA, Structure())
    assert isinstance(parsed, blocks.Parsed) and not parsed.unsure.any()


DENSE: dict[str, Any] = {
    "every value a text": lambda i: {"a": "x", "i": str(i)},
    "every value a fraction": lambda i: {"a": "x", "i": i + 0.25},
    "every other value a text": lambda i: {"a": "x", "i": str(i) if i % 2 else i},
    "every third member unknown": lambda i: {"a": "x", "z" if i % 3 == 0 else "i": i},
    "one in fifty a text": lambda i: {"a": "x", "i": "x" if i % 50 == 7 else i},
    "one in fifty a fraction": lambda i: {"a": "x", "i": i + 0.5 if i % 50 == 7 else i},
}


@pytest.mark.parametrize("kind", DENSE)
def test_any_number_of_bad_lines_in_a_block_is_set_aside(kind: str) -> None:
    """More of them than Python can call functions inside of functions."""
    same([json.dumps(DENSE[kind](number)).encode() for number in range(4000)], SCHEMA)


def test_too_many_members_are_found_in_lists_of_objects() -> None:
    item = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"x": {"type": "integer"}, "y": {"type": "integer"}},
    }
    fields = {"l": {"type": "array", "items": item}}
    schema = parse(json.dumps({"type": "object", "additionalProperties": False, "properties": fields}).encode(), "s")
    many = json.dumps({"l": [{"x": 1, "y": 2}] * 600}).encode()
    same([b'{"l":[{"x":1}]}'] * 20 + [many], schema)
    removed = Reader("a.jsonl", schema, Limits()).lines([Line(number, many) for number in range(20)]).removed
    assert {row.code for row in removed} == {"FIELD_COUNT"}
