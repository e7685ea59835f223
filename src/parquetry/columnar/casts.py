"""A column of Arrow -> the exact type of its column in the schema, and which values need a closer look.

This is the fast path of `columns`: whole columns are cast in Arrow, without a detour through Python. It vouches for a
value only where the cast is surely what `values` and `conform`, which define it, make of the same value; what it does
not vouch for is marked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.columnar.values import DAY, SECOND, check, is_list, offsets, plain, valid, values
from parquetry.sources import conform
from parquetry.sources.blocks import INSTANT
from parquetry.words import strict_json
from parquetry.words.fields import Field
from parquetry.words.records import Mask

_DATE = r"^\d{4}-\d\d-\d\d$"
#: Integers of at most this size are exact in the floats of each width.
_EXACT = {"float32": 2**24, "float64": 2**53, "number": 2**53}


class Cast(NamedTuple):
    """A column in its exact type."""

    column: pa.Array
    unsure: Mask  #: Values that are not surely right; what stands for them in the column is not to be used.


def exact(field: Field, column: pa.Array, limits: strict_json.Limits) -> Cast:
    """Cast a column to the type of a field.

    Args:
        field: What the schema asks for.
        column: Of a type that may hold it.
        limits: Of the structure of a text of JSON; ``nul`` says whether a text may hold U+0000.
    """
    column = plain(column)
    if pa.types.is_null(column.type):
        return Cast(pa.nulls(len(column), field.arrow), np.zeros(len(column), bool))
    return _CASTS.get(field.kind, _integer)(field, column, limits)


def members(field: Field, column: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How many members objects have in each value of a column of the exact type: at most so many."""
    if field.kind == "list":
        cuts = offsets(column)
        sums = np.concatenate([[0], np.cumsum(members(field.fields[0], column.flatten()))])
        return np.asarray(sums[cuts[1:]] - sums[cuts[:-1]], np.int64)
    if field.kind == "struct":
        parts = [valid(part) + members(inner, part) for inner, part in zip(field.fields, column.flatten(), strict=True)]
        return np.asarray(sum(parts, np.zeros(len(column), np.int64)), np.int64)
    if field.kind == "map":
        return _counted(column, ":")
    return np.zeros(len(column), np.int64)


def levels(field: Field, column: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """How deep the values of a column of the exact type are nested: at most so many levels."""
    if field.kind == "list":
        inner, cuts = levels(field.fields[0], column.flatten()), offsets(column)
        rows = np.repeat(np.arange(len(column)), np.diff(cuts))
        deepest = np.zeros(len(column), np.int64)
        np.maximum.at(deepest, rows, inner)
        return deepest + 1
    if field.kind == "struct":
        deepest = np.zeros(len(column), np.int64)
        for part, one in zip(column.flatten(), field.fields, strict=True):
            deepest = np.maximum(deepest, levels(one, part))
        return deepest + 1
    return _counted(column, "{") + _counted(column, "[") if field.kind == "map" else np.zeros(len(column), np.int64)


def _counted(column: pa.Array, character: str) -> np.ndarray[Any, np.dtype[np.int64]]:
    counts = pc.fill_null(pc.count_substring(column, character), 0)
    return np.asarray(counts.to_numpy(zero_copy_only=False), np.int64)


def _other(field: Field, column: pa.Array) -> Cast:
    """A column of another kind of value: no value of it is right."""
    return Cast(pa.nulls(len(column), field.arrow), valid(column))


def _sure(column: pa.Array, right: Any, unsure: Mask | None = None) -> Cast:
    """A column with null in place of values that are not right; null itself is right."""
    wrong = ~np.asarray(right, bool) & valid(column)
    if wrong.any():
        column = pc.if_else(pa.array(~wrong), column, pa.scalar(None, column.type))
    return Cast(column, wrong if unsure is None else unsure | wrong)


def _boolean(field: Field, column: pa.Array, _limits: strict_json.Limits) -> Cast:
    if not pa.types.is_boolean(column.type):
        return _other(field, column)
    return Cast(column, np.zeros(len(column), bool))


def _integer(field: Field, column: pa.Array, _limits: strict_json.Limits) -> Cast:
    bits, kind = np.iinfo(str(field.arrow)), column.type
    if pa.types.is_integer(kind):
        own = np.iinfo(str(kind))
        if bits.min <= own.min and own.max <= bits.max:
            return Cast(column.cast(field.arrow), np.zeros(len(column), bool))
        held = _numbers(column)
        column, unsure = _sure(column, (held >= max(bits.min, own.min)) & (held <= min(bits.max, own.max)))
        return Cast(column.cast(field.arrow), unsure)
    if not pa.types.is_floating(kind):
        return _other(field, column)
    column = column.cast(pa.float64())
    held = _numbers(column)
    right = (np.trunc(held) == held) & (np.abs(held) < 2.0**53) & (held >= bits.min) & (held <= bits.max)
    column, unsure = _sure(column, right)
    return Cast(column.cast(field.arrow), unsure)


def _number(field: Field, column: pa.Array, _limits: strict_json.Limits) -> Cast:
    kind = column.type
    if pa.types.is_integer(kind):
        held, own, most = _numbers(column), np.iinfo(str(kind)), _EXACT[field.kind]
        column, unsure = _sure(column, (held >= max(-most, own.min)) & (held <= min(most, own.max)))
        return Cast(column.cast(field.arrow), unsure)
    if not pa.types.is_floating(kind):
        return _other(field, column)
    with np.errstate(over="ignore"):
        held = _numbers(column.cast(pa.float64())).astype(field.arrow.to_pandas_dtype())
    return _sure(pa.array(held, field.arrow, mask=~valid(column)), np.isfinite(held))


def _numbers(column: pa.Array) -> np.ndarray[Any, Any]:
    held: np.ndarray[Any, Any] = column.fill_null(0).to_numpy(zero_copy_only=False)
    return held


def _string(field: Field, column: pa.Array, limits: strict_json.Limits) -> Cast:
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return _other(field, column)
    column, unsure = _unicode(column.cast(pa.string()))
    if not limits.nul and _zero(column):
        return _sure(column, ~_true(pc.match_substring(column, "\0")), unsure)
    return Cast(column, unsure)


def _unicode(column: pa.Array) -> Cast:
    """Texts that are UTF-8, which Arrow does not look at when it reads."""
    try:
        column.validate(full=True)
    except pa.ArrowInvalid:
        raw = column.view(pa.binary())
        raw, unsure = _sure(raw, [value is None or _is_utf8(value) for value in raw.to_pylist()])
        return Cast(raw.view(pa.string()), unsure)
    return Cast(column, np.zeros(len(column), bool))


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


def _zero(column: pa.Array) -> bool:
    """Whether a zero byte stands in the memory of some texts."""
    _, ends, raw = column.buffers()
    if not len(column) or raw is None:
        return False
    cuts = np.frombuffer(ends, np.int32, len(column) + 1, column.offset * 4)
    text = np.frombuffer(raw, np.uint8)[cuts[0] : cuts[-1]]
    return bool(len(text) and not text.min())


def _true(found: pa.Array) -> Mask:
    mask: Mask = pc.fill_null(found, False).to_numpy(zero_copy_only=False)
    return mask


def _date(field: Field, column: pa.Array, limits: strict_json.Limits) -> Cast:
    if pa.types.is_date32(column.type):
        return _within(column, column.cast(pa.int32()), 1)
    if pa.types.is_date64(column.type):
        held = column.cast(pa.int64())
        days = pc.divide(_sure(held, _numbers(held) % DAY == 0).column, DAY)
        column, unsure = _within(days, days, 1)
        return Cast(column.cast(pa.int32()).cast(field.arrow), unsure | (valid(held) & ~valid(days)))
    return _written(field, column, limits, _DATE)


def _instant(field: Field, column: pa.Array, limits: strict_json.Limits) -> Cast:
    if not pa.types.is_timestamp(column.type):
        return _written(field, column, limits, INSTANT)
    held, second = column.cast(pa.int64()), SECOND[column.type.unit]
    column, unsure = _within(held, held, 86_400 * second)
    finer = second // SECOND["us"]
    if finer:
        column, unsure = _sure(column, _numbers(column) % finer == 0, unsure)
        return Cast(pc.divide(column, finer).cast(field.arrow), unsure)
    return Cast(pc.multiply(column, SECOND["us"] // second).cast(field.arrow), unsure)


def _within(column: pa.Array, held: pa.Array, day: int) -> Cast:
    """A column of which some values, in units of which a day has so many, lie in the years 0001 to 9999."""
    found = _numbers(held)
    low, high = (max(bound, -(2**63)) for bound in (conform.DAYS[0] * day, (conform.DAYS[1] + 1) * day - 1))
    return _sure(column, (found >= low) & (found <= min(high, 2**63 - 1)))


def _written(field: Field, column: pa.Array, limits: strict_json.Limits, form: str) -> Cast:
    """Dates or instants that are written as text."""
    column, unsure = _string(field, column, limits)
    if column.type == field.arrow:  # and so no text
        return Cast(column, unsure)
    column, unsure = _sure(column, _true(pc.match_substring_regex(column, form)), unsure)
    try:
        typed = column.cast(field.arrow)
    except pa.ArrowInvalid:
        column, unsure = _sure(
            column, [value is None or _is_right(field, value) for value in column.to_pylist()], unsure
        )
        typed = column.cast(field.arrow)
    day = 1 if field.kind == "date" else 86_400 * SECOND["us"]
    typed, outside = _within(typed, typed.cast(pa.int32() if day == 1 else pa.int64()), day)
    return Cast(typed, unsure | outside)


def _is_right(field: Field, text: str) -> bool:
    try:
        conform.typed(field, text, ())
    except strict_json.NotJson:
        return False
    return True


def _list(field: Field, column: pa.Array, limits: strict_json.Limits) -> Cast:
    if not is_list(column.type):
        return _other(field, column)
    inner, cuts = exact(field.fields[0], column.flatten(), limits), offsets(column)
    nulls = column.is_null() if column.null_count else None
    ends = pa.array(cuts, pa.int64()).cast(pa.int32())
    lists = pa.ListArray.from_arrays(ends, inner.column, type=field.arrow, mask=nulls)
    if not inner.unsure.any():
        return Cast(lists, np.zeros(len(column), bool))
    sums = np.concatenate([[0], np.cumsum(inner.unsure)])
    return Cast(lists, sums[cuts[1:]] > sums[cuts[:-1]])


def _struct(field: Field, column: pa.Array, limits: strict_json.Limits) -> Cast:
    if not pa.types.is_struct(column.type):
        return _other(field, column)
    parts = dict(zip([member.name for member in column.type], column.flatten(), strict=True))
    unsure = np.zeros(len(column), bool)
    for name in parts.keys() - {inner.name for inner in field.fields}:
        unsure |= valid(parts[name])
    casts = [exact(inner, parts.get(inner.name, pa.nulls(len(column))), limits) for inner in field.fields]
    for cast in casts:
        unsure |= cast.unsure
    nulls = column.is_null()
    if not casts:
        return Cast(pa.array([None if null else {} for null in nulls.to_pylist()], field.arrow), unsure)
    whole = pa.StructArray.from_arrays([cast.column for cast in casts], fields=list(field.arrow), mask=nulls)
    return Cast(whole, unsure)


def _map(field: Field, column: pa.Array, limits: strict_json.Limits) -> Cast:
    """Open maps as canonical JSON: one by one, for no two are alike."""
    found = values(column, field, limits)
    if pa.types.is_struct(column.type) or pa.types.is_map(column.type):
        found = [value and _read(value, limits) for value in found]
    texts = [conform.canonical(value) if isinstance(value, dict) else None for value in found]
    unsure = [value is not None and not isinstance(value, dict) for value in found]
    return Cast(pa.array(texts, field.arrow), np.array(unsure, bool))


def _read(value: Any, limits: strict_json.Limits) -> Any:
    """An open map as it is when it is read from JSON; what cannot be read comes back as text."""
    try:
        check(value)
        return strict_json.loads(json.dumps(value).encode(), limits)
    except strict_json.NotJson as error:
        return error.what


_CASTS: Mapping[str, Callable[[Field, pa.Array, strict_json.Limits], Cast]] = {
    "string": _string,
    "boolean": _boolean,
    "date": _date,
    "date-time": _instant,
    "list": _list,
    "struct": _struct,
    "map": _map,
} | dict.fromkeys(_EXACT, _number)
