"""JSON text -> its value, or the reason why it has none.

The fast parsers disagree on what is not JSON: on which of two equal keys wins, on NaN, on numbers that no column can
hold, on half a surrogate pair. Here all of these are refused, with their name (RFC 8259 read strictly, and I-JSON,
RFC 7493, for keys, numbers and Unicode).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from parquetry.words.errors import pointer

#: Integers that a column can hold: int64 and uint64.
INTEGERS = (-(2**63), 2**64 - 1)
#: A number, as an expression.
NUMBER = r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?"
_SURROGATE = re.compile("[\ud800-\udfff]")
_SPACE = " \t\r\n"
#: A string, also one that never ends, or a bracket. Nothing in it backtracks, so that no line is read twice.
_MARKS = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[\]{}]', re.DOTALL)


class NotJson(ValueError):
    """The text is not strict JSON.

    Args:
        code: The stable code of the mistake.
        what: What it is, in words.
        pointer: JSON Pointer of the value at fault, where there is one.
    """

    def __init__(self, code: str, what: str, pointer: str = "") -> None:
        super().__init__(code, what, pointer)
        self.code, self.what, self.pointer = code, what, pointer


@dataclass(frozen=True)
class Limits:
    """How much structure one text may have."""

    depth: int = 64  #: Levels of nesting.
    fields: int = 1000  #: Members of all its objects together.
    nul: bool = False  #: Whether the character U+0000 may stand in a string.


def loads(raw: bytes, limits: Limits = Limits()) -> Any:
    """Parse UTF-8 text.

    Raises:
        NotJson: With one of the codes UTF8_INVALID, JSON_SYNTAX, JSON_CONTROL_CHAR, JSON_DEPTH, JSON_DUPLICATE_KEY,
            JSON_NONFINITE, JSON_NUMBER_RANGE, FIELD_COUNT, FIELD_NAME_EMPTY, UNICODE_SURROGATE, UNICODE_NUL.
    """
    text = _decoded(raw)
    if _depth(text, limits.depth) > limits.depth:
        raise NotJson("JSON_DEPTH", f"nested deeper than {limits.depth} levels")
    decoder = json.JSONDecoder(
        object_pairs_hook=_Members(limits.fields), parse_constant=_nonfinite, parse_int=_integer, parse_float=_number
    )
    try:
        start = len(text) - len(text.lstrip(_SPACE))
        value, end = decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise _syntax(error, text) from None
    if rest := text[end:].strip(_SPACE):
        what = "2 JSON values on one line" if rest[0] in '{["' else f"unexpected text after the value: {rest[:20]!r}"
        raise NotJson("JSON_SYNTAX", f"{what} (column {end + 1})")
    if "\\u" in text:
        _check_escapes(value, nul=limits.nul)
    return value


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        bad = raw[error.start : error.end].hex(" ")
        raise NotJson("UTF8_INVALID", f"byte {error.start + 1} of the text is not UTF-8 (hex {bad})") from None


def _depth(text: str, limit: int) -> int:
    """Deepest nesting outside strings; stops just above ``limit``, so that no bomb recurses."""
    if text.count("{") + text.count("[") <= limit:
        return 0  # cannot be too deep; the exact figure is not needed
    depth = deepest = 0
    for mark in _MARKS.finditer(text):
        if mark[0] in "[{":
            depth += 1
            deepest = max(deepest, depth)
            if depth > limit:
                break
        elif mark[0] in "]}":
            depth -= 1
    return deepest


class _Members:
    """Counts the members of one text, and refuses names that stand twice or are empty."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.count = 0

    def __call__(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.count += len(pairs)
        if self.count > self.limit:
            raise NotJson("FIELD_COUNT", f"more than {self.limit} members")
        members = dict(pairs)
        if len(members) < len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise NotJson("JSON_DUPLICATE_KEY", f"key {twice!r} stands twice")
        if "" in members:
            raise NotJson("FIELD_NAME_EMPTY", "a member has an empty name")
        return members


def _nonfinite(constant: str) -> Any:
    raise NotJson("JSON_NONFINITE", f"{constant} is not a JSON number")


def _integer(digits: str) -> int | float:
    if len(digits) > 21 or not INTEGERS[0] <= int(digits) <= INTEGERS[1]:
        raise NotJson("JSON_NUMBER_RANGE", f"integer {digits[:24]} does not fit into 64 bits")
    return int(digits) if digits != "-0" else -0.0


def _number(text: str) -> float:
    if not math.isfinite(value := float(text)):
        raise NotJson("JSON_NUMBER_RANGE", f"number {text[:24]} is too large for a 64-bit float")
    return value


def _syntax(error: json.JSONDecodeError, text: str) -> NotJson:
    if error.msg.startswith("Invalid control character"):
        byte = len(text[: error.pos].encode()) + 1
        return NotJson("JSON_CONTROL_CHAR", f"control character {text[error.pos]!r} in a string (byte {byte})")
    cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
    end = " (the line looks cut off)" if cut else ""
    what = error.msg[0].lower() + error.msg[1:]
    place = f"line {error.lineno}, column {error.colno}" if error.lineno > 1 else f"column {error.colno}"
    return NotJson("JSON_SYNTAX", f"{what}, {place}{end}")


def _check_escapes(value: Any, *, nul: bool) -> None:
    """Refuse half surrogate pairs and NUL, which only an escape can bring in."""
    for where, string in _strings(value, ()):
        if match := _SURROGATE.search(string):
            raise NotJson("UNICODE_SURROGATE", f"lone surrogate U+{ord(match[0]):04X}", pointer(*where))
        if "\0" in string and not nul:
            raise NotJson("UNICODE_NUL", "the character U+0000 stands in a string", pointer(*where))


def _strings(value: Any, where: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _strings(item, (*where, index))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield where, key
            yield from _strings(item, (*where, key))
