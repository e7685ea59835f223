"""A keyword of JSON Schema and a column -> the rows that may break it.

Each rule is the same rule as the judge's, for all values of a column at once. It answers None where it is not sure to
give the judge's answer for every value; a value that is null breaks no rule here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.words.records import Mask

Indices = np.ndarray[Any, np.dtype[np.int64]]
_CHARACTER = r"([A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
#: No text and no list is as long as this; a limit may be higher, and beyond what Arrow counts.
_MOST = 2**62
#: What is surely right in a format; a text that does not look like this may still be.
_FORMATS = {
    "uri": rf"^[A-Za-z][A-Za-z0-9+.-]*://[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*(:[0-9]+)?(/{_CHARACTER}*)*"
    rf"(\?({_CHARACTER}|[/?])*)?(#({_CHARACTER}|[/?])*)?$",
    "uuid": r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
    "email": r"^[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+$",
    "ipv4": rf"^{_OCTET}\.{_OCTET}\.{_OCTET}\.{_OCTET}$",
}
#: Expressions that RE2 and ECMA-262 read alike: plain characters, classes of them, groups, and how often.
_ALIKE = re.compile(
    r"""(?: [A-Za-z0-9_ :/@,;=!"\#%'<>`-]
          | \\ [dw.*+?()\[\]{}|/^$\\-]
          | \[ \^? (?: (?: [A-Za-z0-9_ :/@,;=!"\#%'<>`.*+?(){}$|] | \\[dw.\]\[\\^/-] ) (?: -[A-Za-z0-9] )? )+ -? \]
          | \( (?: \?: )? | \) | \| | [*+?] \?? | \{ \d{1,3} (?: , \d{0,3} )? \} \?? | \^ | \$
        )*""",
    re.VERBOSE | re.ASCII,
)


def mask(column: pa.Array) -> Mask:
    """A column of true and false as numpy has it; null is false."""
    numbers = (pc.fill_null(column, False) if column.null_count else column).cast(pa.uint8())
    raw = np.frombuffer(numbers.buffers()[1] or b"", np.uint8)
    return raw[numbers.offset : numbers.offset + len(numbers)].view(bool)


def among(column: pa.Array, values: Sequence[Any]) -> Mask | None:
    """``enum``, ``const``: the rows whose value is none of these."""
    some = [value for value in values if value is not None]
    kind = str if pa.types.is_string(column.type) else int if pa.types.is_integer(column.type) else None
    if any(type(value) is not kind for value in some):
        return None
    try:
        found = pc.is_in(column, value_set=pa.array(some, column.type))
    except (pa.ArrowInvalid, OverflowError):
        return None
    return ~mask(found) & mask(column.is_valid())


def elements(column: pa.Array) -> tuple[pa.Array, Indices] | None:
    """The elements of all lists one after the other, and the index of the list that each is in."""
    values, parents = column.flatten(), pc.list_parent_indices(column).to_numpy(zero_copy_only=False)
    return (values, parents) if len(values) == len(parents) else None  # a null that hides elements


def owners(column: pa.Array, parents: Indices, broken: Mask) -> Mask:
    """The lists in whose elements something is broken."""
    found = np.zeros(len(column), bool)
    found[parents[broken]] = True
    return found


def _at_least(column: pa.Array, limit: Any) -> Mask | None:
    shortest = pc.min(pc.binary_length(column)).as_py()
    if shortest is None or shortest >= 4 * limit:  # a character has four bytes at most
        return np.zeros(len(column), bool)
    return mask(pc.less(pc.utf8_length(column), math.ceil(min(limit, _MOST))))


def _at_most(column: pa.Array, limit: Any) -> Mask | None:
    longest = pc.max(pc.binary_length(column)).as_py()
    if longest is None or longest <= limit:  # a character has a byte at least
        return np.zeros(len(column), bool)
    return mask(pc.greater(pc.utf8_length(column), math.floor(min(limit, _MOST))))


def _pattern(column: pa.Array, pattern: str) -> Mask | None:
    return _unlike(column, pattern) if _alike(pattern) else None


def _format(column: pa.Array, name: str) -> Mask | None:
    """Suspect is what does not look like the usual; the judge decides."""
    return _unlike(column, _FORMATS[name]) if name in _FORMATS else None


def _unlike(column: pa.Array, pattern: str) -> Mask | None:
    try:
        return ~mask(pc.match_substring_regex(column, pattern)) & mask(column.is_valid())
    except pa.ArrowInvalid:
        return None


@lru_cache(maxsize=4096)
def _alike(pattern: str) -> bool:
    """Whether all engines read an expression alike."""
    return bool(_ALIKE.fullmatch(pattern)) and "--" not in pattern


def _bound(compare: Callable[..., pa.Array]) -> Callable[[pa.Array, Any], Mask | None]:
    """A rule that compares numbers with a limit."""

    def rule(column: pa.Array, limit: Any) -> Mask | None:
        if isinstance(limit, bool) or not abs(limit) < 2**53:
            return None
        if pa.types.is_floating(column.type):
            return mask(compare(column.cast(pa.float64()), float(limit)))
        if column.type == pa.uint64() or not float(limit).is_integer():
            return None
        return mask(compare(column.cast(pa.int64()), int(limit)))

    return rule


def _few(column: pa.Array, limit: Any) -> Mask | None:
    return mask(pc.less(pc.list_value_length(column), math.ceil(min(limit, _MOST))))


def _many(column: pa.Array, limit: Any) -> Mask | None:
    return mask(pc.greater(pc.list_value_length(column), math.floor(min(limit, _MOST))))


def _unique(column: pa.Array, wanted: Any) -> Mask | None:
    """``uniqueItems``, of texts and integers."""
    if not wanted:
        return np.zeros(len(column), bool)
    found = elements(column)
    if not found or not (pa.types.is_string(found[0].type) or pa.types.is_integer(found[0].type)):
        return None
    coded = found[0].dictionary_encode(null_encoding="encode")
    pairs = found[1].astype(np.int64) * (len(coded.dictionary) + 1) + coded.indices.to_numpy().astype(np.int64)
    order = np.argsort(pairs, kind="stable")
    again = np.zeros(len(pairs), bool)
    again[order[1:]] = pairs[order[1:]] == pairs[order[:-1]]
    return owners(column, found[1], again)


#: How a keyword is asked of a column, by kind of column.
RULES: dict[tuple[str, str], Callable[[pa.Array, Any], Mask | None]] = {
    ("text", "minLength"): _at_least,
    ("text", "maxLength"): _at_most,
    ("text", "pattern"): _pattern,
    ("text", "format"): _format,
    ("text", "enum"): among,
    ("text", "const"): lambda column, value: among(column, [value]),
    ("number", "enum"): among,
    ("number", "const"): lambda column, value: among(column, [value]),
    ("number", "minimum"): _bound(pc.less),
    ("number", "maximum"): _bound(pc.greater),
    ("number", "exclusiveMinimum"): _bound(pc.less_equal),
    ("number", "exclusiveMaximum"): _bound(pc.greater_equal),
    ("list", "minItems"): _few,
    ("list", "maxItems"): _many,
    ("list", "uniqueItems"): _unique,
}
