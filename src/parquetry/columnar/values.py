"""A column of Arrow -> the JSON values that say the same.

This is the slow and obvious reading of Parquet and Arrow files, and so the definition of the fast one in `casts`: a row
is read as the JSON text that says what it says. Null and absent are one in a column, so a null member is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from parquetry.sources.conform import DAYS
from parquetry.words import strict_json
from parquetry.words.errors import pointer
from parquetry.words.fields import Field

#: How many units of a timestamp a second has.
SECOND = {"s": 1, "ms": 1000, "us": 1_000_000, "ns": 1_000_000_000}
#: Milliseconds of a day.
DAY = 86_400_000


class Unreadable(NamedTuple):
    """A value that JSON cannot say, and why."""

    code: str
    what: str
    pointer: str  #: JSON Pointer of the fault, inside the value.
    shown: Any  #: What to show instead.


def values(column: pa.Array, field: Field | None, limits: strict_json.Limits) -> list[Any]:
    """The values of a column as JSON: None where there is none, `Unreadable` where JSON cannot say it.

    Args:
        column: Of any type. What has no JSON at all (bytes, decimals) is shown by the name of its type.
        field: What the schema asks for; None inside an open map, and for a member that the schema does not name.
        limits: Of the structure of a text of JSON, where an open map is given as one.
    """
    column, kind = plain(column), field.kind if field else ""
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        found = texts(column)
        return [_parsed(text, limits) for text in found] if kind == "map" else found
    if is_list(column.type):
        inner = field.fields[0] if field and kind == "list" else None
        items, ends = values(column.flatten(), inner, limits), offsets(column).tolist()
        parts = zip(ends, ends[1:], valid(column), strict=False)
        return [items[start:stop] if there else None for start, stop, there in parts]
    if pa.types.is_struct(column.type):
        return _objects(column, field if kind == "struct" else None, limits)
    if pa.types.is_map(column.type):
        return _maps(column, field if kind == "struct" else None, limits)
    return _atoms(column)


def rows(batch: pa.RecordBatch, fields: tuple[Field, ...], limits: strict_json.Limits) -> list[dict[str, Any]]:
    """The rows of a batch as JSON objects, members in the order of the schema."""
    there = [field for field in fields if field.name in batch.schema.names]
    columns = [values(batch.column(field.name), field, limits) for field in there]
    names = [field.name for field in there]
    return [
        {name: value for name, column in zip(names, columns, strict=True) if (value := column[row]) is not None}
        for row in range(batch.num_rows)
    ]


def check(value: Any, where: tuple[str | int, ...] = ()) -> None:
    """Refuse a value with a part that JSON cannot say.

    Raises:
        NotJson: With the code of the first such part, and where it stands.
    """
    if isinstance(value, Unreadable):
        raise strict_json.NotJson(value.code, value.what, pointer(*where) + value.pointer)
    if isinstance(value, float) and not math.isfinite(value):
        raise strict_json.NotJson("JSON_NONFINITE", f"{_named(value)} is not a JSON number", pointer(*where))
    for step, inner in _parts(value):
        check(inner, (*where, step))


def shown(value: Any) -> Any:
    """A value with something to look at in place of each part that JSON cannot say."""
    if isinstance(value, Unreadable):
        return value.shown
    if isinstance(value, float) and not math.isfinite(value):
        return _named(value)
    if isinstance(value, list):
        return [shown(inner) for inner in value]
    return {key: shown(inner) for key, inner in value.items()} if isinstance(value, dict) else value


def plain(column: pa.Array) -> pa.Array:
    """A column without dictionary, views and extension: the same values as they are usually laid out."""
    if isinstance(column.type, pa.BaseExtensionType):
        return plain(column.storage)
    if pa.types.is_dictionary(column.type):
        entries = plain(column.dictionary)
        return pa.DictionaryArray.from_arrays(column.indices, entries, safe=False).dictionary_decode()
    return column.cast(pa.string()) if pa.types.is_string_view(column.type) else column


def texts(column: pa.Array) -> list[Any]:
    """The texts of a column, those that are not UTF-8 as `Unreadable`."""
    try:
        column.validate(full=True)
        found: list[Any] = column.to_pylist()
    except pa.ArrowInvalid:
        as_bytes = pa.large_binary() if pa.types.is_large_string(column.type) else pa.binary()
        return [raw if raw is None else _decoded(raw) for raw in column.view(as_bytes).to_pylist()]
    return found


def offsets(column: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Where the elements of each list begin and end among those that `flatten` gives."""
    lengths = column.value_lengths().fill_null(0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)]).astype(np.int64)


def entries(column: pa.Array) -> tuple[pa.Array, pa.Array, list[int]]:
    """Keys and values of all maps of a column, and where those of each begin and end."""
    cuts = column.offsets.to_pylist() or [0]
    start, count = cuts[0], cuts[-1] - cuts[0]
    return column.keys.slice(start, count), column.items.slice(start, count), [cut - start for cut in cuts]


def valid(column: pa.Array) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which values of a column are not null."""
    mask: np.ndarray[Any, np.dtype[np.bool_]] = column.is_valid().to_numpy(zero_copy_only=False)
    return mask


def is_list(kind: pa.DataType) -> bool:
    """Whether this is one of the types for lists that are read."""
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _parsed(text: Any, limits: strict_json.Limits) -> Any:
    """The value of a text of JSON."""
    if not isinstance(text, str):
        return text
    try:
        return strict_json.loads(text.encode(), limits)
    except strict_json.NotJson as error:
        return Unreadable(error.code, error.what, error.pointer, text)


def _decoded(raw: bytes) -> Any:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        bad = raw[error.start : error.end].hex(" ")
        what = f"byte {error.start + 1} of the text is not UTF-8 (hex {bad})"
        return Unreadable("UTF8_INVALID", what, "", raw.decode("utf-8", "backslashreplace"))


def _objects(column: pa.Array, field: Field | None, limits: strict_json.Limits) -> list[Any]:
    """Structs as objects of the members that are not null."""
    known = {inner.name: inner for inner in field.fields} if field else {}
    names = [member.name for member in column.type]
    parts = [values(part, known.get(name), limits) for name, part in zip(names, column.flatten(), strict=True)]
    found = list[Any]()
    for row, there in enumerate(valid(column)):
        members = {name: part[row] for name, part in zip(names, parts, strict=True) if part[row] is not None}
        found.append(members if there else None)
    return found


def _maps(column: pa.Array, field: Field | None, limits: strict_json.Limits) -> list[Any]:
    """Maps as objects. A null in a map is one: its key says that it is there."""
    names, held, ends = entries(column)
    keys = values(names, None, limits)
    items, found = _items(held, keys, field, limits), list[Any]()
    for begin, end, there in zip(ends, ends[1:], valid(column), strict=False):
        pairs = list(zip(keys[begin:end], items[begin:end], strict=True))
        found.append(_object(pairs) if there else None)
    return found


def _items(column: pa.Array, keys: list[Any], field: Field | None, limits: strict_json.Limits) -> list[Any]:
    """The values of a map, each as the schema asks for the member of its name."""
    known = {inner.name: values(column, inner, limits) for inner in field.fields} if field else {}
    others = values(column, None, limits)
    texts = [key if isinstance(key, str) else "" for key in keys]
    return [known.get(key, others)[row] for row, key in enumerate(texts)]


def _object(pairs: list[tuple[Any, Any]]) -> Any:
    """An object of these members, if each has a name of its own."""
    names = [name for name, _ in pairs]
    if bad := next((name for name in names if isinstance(name, Unreadable)), None):
        return bad._replace(what=f"in a key of the map, {bad.what}", shown=[shown(list(pair)) for pair in pairs])
    if odd := next((name for name in names if not isinstance(name, str)), 0):
        return Unreadable("SCHEMA_TYPE", f"the key {odd!r} of a map is no string", "", shown([*map(list, pairs)]))
    if len(set(names)) < len(names):
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        what = f"key {twice!r} stands twice in a map"
        return Unreadable("MAP_DUPLICATE_KEY", what, "", [shown(list(pair)) for pair in pairs])
    return dict(pairs)


def _atoms(column: pa.Array) -> list[Any]:
    """Values that hold no others."""
    kind = column.type
    say: Callable[[int], str]
    if pa.types.is_date32(kind):
        say, column = _day, column.cast(pa.int32())
    elif pa.types.is_date64(kind):
        say, column = _midnight, column.cast(pa.int64())
    elif pa.types.is_timestamp(kind):
        say, column = (lambda value: _instant(value, kind.unit)), column.cast(pa.int64())
    elif pa.types.is_floating(kind):
        return list(column.cast(pa.float64()).to_pylist())
    elif pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return list(column.to_pylist())
    else:
        return [f"({kind})" if there else None for there in valid(column)]
    return [None if value is None else say(value) for value in column.to_pylist()]


def _day(days: int) -> str:
    if DAYS[0] <= days <= DAYS[1]:
        return (date(1970, 1, 1) + timedelta(days=days)).isoformat()
    return f"day {days} from 1970-01-01"


def _midnight(milliseconds: int) -> str:
    if milliseconds % DAY:
        return f"{milliseconds} ms from 1970-01-01"
    return _day(milliseconds // DAY)


def _instant(value: int, unit: str) -> str:
    seconds, rest = divmod(value, SECOND[unit])
    if not DAYS[0] <= seconds // 86_400 <= DAYS[1]:
        return f"{value} {unit} from 1970-01-01"
    fraction = f"{rest:0{len(str(SECOND[unit])) - 1}}".rstrip("0") if rest else ""
    return (datetime(1970, 1, 1) + timedelta(seconds=seconds)).isoformat() + (fraction and f".{fraction}") + "Z"


def _named(number: float) -> str:
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"


def _parts(value: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(value, list):
        yield from enumerate(value)
    elif isinstance(value, dict):
        yield from value.items()
