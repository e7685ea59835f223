"""A corpus of articles -> the same corpus with some lines spoiled, and the list of them.

Each of `KINDS` turns a line that is right into one that must be rejected, and says with which code. The kinds are the
mistakes that real collections hold: text that is no JSON, or that parsers read in different ways, or that no column can
hold, and records that break the schema. The list tells a reader what must be found: these lines, and no other.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

Spoil = Callable[[bytes], bytes]


class Kind(NamedTuple):
    """One way to spoil a line."""

    name: str  #: In words.
    code: str  #: With which a spoiled line must be rejected.
    spoil: Spoil  #: A line without its end -> the spoiled line.


def put(member: str, value: bytes) -> Spoil:
    """Give a member of the article another value, written as JSON or as what only looks like it."""
    found = re.compile(rb'("%s": )(?:"(?:[^"\\]|\\.)*+"|\[[^]]*\]|[^,}\s]+)' % member.encode())
    return lambda line: found.sub(lambda match: match[1] + value, line, count=1)


def add(member: bytes) -> Spoil:
    """Write one more member, or what looks like one, in front of the others."""
    return lambda line: b"{" + member + b", " + line[1:]


def begin(mark: bytes) -> Spoil:
    """Let the text of the article begin with these bytes."""
    return lambda line: line.replace(b'"text": "', b'"text": "' + mark, 1)


def leave_out(member: str) -> Spoil:
    """Drop a member that is not the last."""
    found = re.compile(rb'"%s": (?:"(?:[^"\\]|\\.)*+"|[^,"]+), ' % member.encode())
    return lambda line: found.sub(b"", line, count=1)


def _members(count: int) -> bytes:
    return b", ".join(b'"m%d": 0' % number for number in range(count))


#: All ways; RFC 8259 and RFC 7493 say why the first thirty are none of JSON's, or read by no two parsers alike.
KINDS = (
    Kind("comma behind the last member", "JSON_SYNTAX", lambda line: line[:-1] + b",}"),
    Kind("single quotes", "JSON_SYNTAX", lambda line: line.replace(b'"', b"'")),
    Kind("record cut in its text", "JSON_SYNTAX", lambda line: line[: line.index(b'"text": "') + 9]),
    Kind("record cut between members", "JSON_SYNTAX", lambda line: line[: line.index(b'"text"')]),
    Kind("two objects on one line", "JSON_SYNTAX", lambda line: line + b" " + line),
    Kind("comment behind the record", "JSON_SYNTAX", lambda line: line + b" // checked"),
    Kind("number with a leading zero", "JSON_SYNTAX", put("words", b"007")),
    Kind("constant of Python", "JSON_SYNTAX", put("author", b"None")),
    Kind("escape that JSON does not know", "JSON_SYNTAX", begin(rb"\x41")),
    Kind("name without quotes", "JSON_SYNTAX", lambda line: line.replace(b'"words"', b"words", 1)),
    Kind("number instead of a record", "JSON_NOT_OBJECT", lambda _: b"42"),
    Kind("string instead of a record", "JSON_NOT_OBJECT", lambda _: b'"article"'),
    Kind("null instead of a record", "JSON_NOT_OBJECT", lambda _: b"null"),
    Kind("array around the record", "JSON_NOT_OBJECT", lambda line: b"[" + line + b"]"),
    Kind("name twice", "JSON_DUPLICATE_KEY", add(b'"words": 1')),
    Kind("name twice in an object inside", "JSON_DUPLICATE_KEY", add(b'"more": {"a": 1, "a": 2}')),
    Kind("name twice, once with an escape", "JSON_DUPLICATE_KEY", add(rb'"wor\u0064s": 1')),
    Kind("NaN", "JSON_NONFINITE", put("words", b"NaN")),
    Kind("negative infinity", "JSON_NONFINITE", put("words", b"-Infinity")),
    Kind("number beyond a float", "JSON_NUMBER_RANGE", put("words", b"1e999")),
    Kind("integer beyond 63 bits", "JSON_NUMBER_RANGE", put("words", b"9223372036854775808")),
    Kind("integer beyond 64 bits", "JSON_NUMBER_RANGE", put("words", b"18446744073709551616")),
    Kind("integer of 5000 digits", "JSON_NUMBER_RANGE", put("words", b"9" * 5000)),
    Kind("half a surrogate pair", "UNICODE_SURROGATE", begin(rb"\ud83d")),
    Kind("surrogate pair in reverse", "UNICODE_SURROGATE", begin(rb"\ude00\ud83d")),
    Kind("NUL as an escape", "UNICODE_NUL", begin(rb"\u0000")),
    Kind("raw NUL", "JSON_CONTROL_CHAR", begin(b"\0")),
    Kind("raw control character", "JSON_CONTROL_CHAR", begin(b"\x01")),
    Kind("raw tab", "JSON_CONTROL_CHAR", begin(b"\t")),
    Kind("byte that UTF-8 does not have", "UTF8_INVALID", begin(b"\xff")),
    Kind("overlong UTF-8", "UTF8_INVALID", begin(b"\xc0\xaf")),
    Kind("surrogates in UTF-8", "UTF8_INVALID", begin(b"\xed\xa0\xbd\xed\xb8\x80")),
    Kind("cut character", "UTF8_INVALID", begin(b"\xe2\x82 ")),
    Kind("letter in Latin-1", "UTF8_INVALID", begin(b"caf\xe9 ")),
    Kind("100 levels of nesting", "JSON_DEPTH", put("tags", b"[" * 100 + b"]" * 100)),
    Kind("empty name", "FIELD_NAME_EMPTY", add(b'"": 0')),
    Kind("more than 1000 members", "FIELD_COUNT", add(_members(1000))),
    Kind("string for an integer", "SCHEMA_TYPE", put("words", b'"12"')),
    Kind("fraction for an integer", "SCHEMA_TYPE", put("words", b"1.5")),
    Kind("truth value for an integer", "SCHEMA_TYPE", put("words", b"true")),
    Kind("number for a string", "SCHEMA_TYPE", put("title", b"1984")),
    Kind("string for an array", "SCHEMA_TYPE", put("tags", b'"city"')),
    Kind("object for a string", "SCHEMA_TYPE", put("author", b'{"name": "author 1"}')),
    Kind("required member missing", "SCHEMA_REQUIRED", leave_out("section")),
    Kind("null in a required member", "SCHEMA_REQUIRED", put("title", b"null")),
    Kind("unknown member", "SCHEMA_ADDITIONAL", add(b'"colour": "red"')),
    Kind("value that is none of the list", "SCHEMA_ENUM", put("section", b'"gardening"')),
    Kind("item that is none of the list", "SCHEMA_ENUM", put("tags", b'["city", "gardening"]')),
    Kind("address that breaks the pattern", "SCHEMA_PATTERN", put("url", b'"http://example.org/2019/en/7"')),
    Kind("day that no calendar has", "SCHEMA_FORMAT", put("published", b'"2021-02-29"')),
    Kind("day in another form", "SCHEMA_FORMAT", put("published", b'"28.02.2021"')),
    Kind("instant without an offset", "SCHEMA_FORMAT", put("updated", b'"2021-02-28T12:00:00"')),
    Kind("hour that no day has", "SCHEMA_FORMAT", put("updated", b'"2021-02-28T25:00:00Z"')),
    Kind("address with a space", "SCHEMA_FORMAT", put("url", b'"https://example.org/2019/en/7 8"')),
    Kind("number below the least", "SCHEMA_RANGE", put("words", b"-1")),
    Kind("text too short", "SCHEMA_LENGTH", put("text", b'"ok"')),
    Kind("title too long", "SCHEMA_LENGTH", put("title", b'"' + b"long " * 200 + b'"')),
    Kind("same item twice", "SCHEMA_LENGTH", put("tags", b'["city", "city"]')),
    Kind("too many items", "SCHEMA_LENGTH", put("tags", b'["city", "climate", "court", "data", "film", "food"]')),
    Kind("empty id", "ID_EMPTY", put("id", b'""')),
)


def plant(path: Path, listing: Path, count: int) -> None:
    """Spoil ``count`` lines of a file of articles, each kind as often as the others, from its start to its end.

    Nothing else in the file changes, and the same file is spoiled in the same way each time.

    Args:
        path: The file; it is replaced.
        listing: Where to write the spoiled lines: one object a line with ``line`` (from 1), ``kind`` and ``code``.
        count: Lines to spoil, at most all.

    Raises:
        ValueError: The file has fewer lines than that.
    """
    with path.open("rb") as source:
        lines = sum(block.count(b"\n") for block in iter(lambda: source.read(1 << 20), b""))
    if count > lines:
        raise ValueError(f"{path} has {lines} lines, fewer than {count}")
    chosen = {(2 * index + 1) * lines // (2 * count) + 1: KINDS[index % len(KINDS)] for index in range(count)}
    partial = path.with_name(f"{path.name}.spoiled")
    with path.open("rb") as source, partial.open("wb") as target, listing.open("w", encoding="utf-8") as told:
        for number, line in enumerate(source, 1):
            if kind := chosen.get(number):
                line = kind.spoil(line[:-1]) + b"\n"
                told.write(json.dumps({"line": number, "kind": kind.name, "code": kind.code}) + "\n")
            target.write(line)
    partial.replace(path)
