"""A JSON value <-> the exact type of its column.

`typed` reads a value as the column holds it; `plain` says it in JSON again. Between the two, absent and null are one:
null comes back where the schema admits it, and is left out where it does not. What `plain(typed(x))` gives is the form
in which a row is judged, published and read back, so that a release can be checked from its files alone.
"""

from __future__ import annotations

import json
import math
import re
import struct
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from parquetry.words.errors import pointer
from parquetry.words.fields import Field
from parquetry.words.schema import Schema
from parquetry.words.strict_json import NotJson

_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_DATETIME = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_TYPES: dict[Any, str] = {
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    list: "array",
    dict: "object",
}
_EXPECTED: dict[str, tuple[type[Any], ...]] = {
    "list": (list,),
    "struct": (dict,),
    "map": (dict,),
    "boolean": (bool,),
    "string": (str,),
}
_EXPECTED |= {"date": (str,), "date-time": (str,)}
#: First and last day that a calendar date can name, in days since 1970-01-01: of the years 0001 to 9999.
DAYS = (-719_162, 2_932_896)
#: Kinds whose values are spelled in another way in JSON.
_SPELLED = ("list", "struct", "map", "date", "date-time")
_FLOATS = ("float32", "float64", "number")


def record(schema: Schema, value: Any) -> dict[str, Any]:
    """A JSON object as a row: one Python value for each column, None where there is none.

    Raises:
        NotJson: With one of the codes JSON_NOT_OBJECT, SCHEMA_TYPE, SCHEMA_ADDITIONAL, SCHEMA_FORMAT,
            JSON_NUMBER_RANGE, and the JSON Pointer of the value at fault.
    """
    if not isinstance(value, dict):
        raise NotJson("JSON_NOT_OBJECT", f"a record is a JSON object, found {type_name(value)}")
    if not schema.closed:
        value = {name: inner for name, inner in value.items() if name in schema}
    return _members(schema.fields, value, ())


def typed(field: Field, value: Any, where: tuple[str | int, ...]) -> Any:
    """One JSON value as its column holds it; ``where`` are the steps of its JSON Pointer."""
    if value is None:
        return None
    expected: tuple[type[Any], ...] = _EXPECTED.get(field.kind, (int, float))
    if not isinstance(value, expected) or (isinstance(value, bool) and field.kind != "boolean"):
        wanted = "number" if len(expected) > 1 and _is_float(field) else "integer" if len(expected) > 1 else ""
        what = f"expected {wanted or _TYPES[expected[0]]}, found {type_name(value)}"
        raise NotJson("SCHEMA_TYPE", what, pointer(*where))
    if field.kind == "struct":
        return _members(field.fields, value, where)
    if field.kind == "list":
        return [typed(field.fields[0], item, (*where, index)) for index, item in enumerate(value)]
    if field.kind == "map":
        return canonical(value)
    if field.kind == "date":
        return _date(value, where)
    if field.kind == "date-time":
        return _instant(value, where)
    return value if isinstance(value, str | bool) else _number(field, value, where)


def from_text(column: Field, text: str | None) -> Any:
    """A value that people wrote into a file beside the sources, as the column holds it.

    Raises:
        ValueError: It is no value of that column.
    """
    if text is None:
        raise ValueError("the line is too short")
    if column.kind == "boolean":
        return {"true": True, "false": False}[text] if text in ("true", "false") else int("")
    value = int(text) if pa.types.is_integer(column.arrow) and text.isascii() and "_" not in text else text
    return typed(column, value, ())


def plain(field: Field, value: Any) -> Any:
    """A value of a column as JSON: the inverse of `typed`."""
    if value is None:
        return None
    if field.kind == "struct":
        return document(field.fields, value)
    if field.kind == "list":
        return [plain(field.fields[0], item) for item in value]
    if field.kind == "map":
        return json.loads(value)
    if field.kind == "date":
        return value.isoformat()
    if field.kind == "date-time":
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="auto") + "Z"
    return value


def document(fields: tuple[Field, ...], row: dict[str, Any]) -> dict[str, Any]:
    """A row as a JSON object: the inverse of `record`."""
    return {f.name: plain(f, row[f.name]) for f in fields if row[f.name] is not None or f.nullable}


def documents(fields: tuple[Field, ...], rows: pa.RecordBatch) -> list[dict[str, Any]]:
    """`document` of each row of a batch with the columns ``fields``."""
    columns = [
        [plain(field, value) for value in column.to_pylist()] if field.kind in _SPELLED else column.to_pylist()
        for field, column in zip(fields, rows.columns, strict=True)
    ]
    kept = [(field.name, field.nullable) for field in fields]
    return [
        {name: value for (name, nullable), value in zip(kept, row, strict=True) if value is not None or nullable}
        for row in zip(*columns, strict=True)
    ]


def canonical(value: Any) -> str:
    """JSON text of a value: keys sorted by code point, no white space, no escapes but the necessary ones."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def type_name(value: Any) -> str:
    """The JSON type of a value.

    >>> type_name(True), type_name(None)
    ('boolean', 'null')
    """
    return _TYPES.get(type(value), "null")


def _members(fields: tuple[Field, ...], value: dict[str, Any], where: tuple[str | int, ...]) -> dict[str, Any]:
    known = {field.name for field in fields}
    if unknown := [name for name in value if name not in known]:
        raise NotJson("SCHEMA_ADDITIONAL", f"the schema names no member {unknown[0]!r}", pointer(*where, unknown[0]))
    return {field.name: typed(field, value.get(field.name), (*where, field.name)) for field in fields}


def _is_float(field: Field) -> bool:
    return field.kind in _FLOATS


def _number(field: Field, value: int | float, where: tuple[str | int, ...]) -> int | float:
    if _is_float(field):
        try:
            held = float(value) if field.kind != "float32" else struct.unpack("<f", struct.pack("<f", value))[0]
        except OverflowError:
            held = math.inf
        if not math.isfinite(held) or (isinstance(value, int) and held != value):
            raise NotJson("JSON_NUMBER_RANGE", f"{value} is not a value of type {field.arrow}", pointer(*where))
        return float(held)
    if isinstance(value, float) and not value.is_integer():
        raise NotJson("SCHEMA_TYPE", f"expected integer, found {value!r}", pointer(*where))
    bits = np.iinfo(str(field.arrow))
    if not bits.min <= value <= bits.max:
        raise NotJson("JSON_NUMBER_RANGE", f"{value} is not a value of type {field.arrow}", pointer(*where))
    if isinstance(value, float) and abs(value) >= 2**53:
        what = f"{value!r} is not exact beyond 2**53; write integers without point and exponent"
        raise NotJson("JSON_NUMBER_RANGE", what, pointer(*where))
    return int(value)


def _date(text: str, where: tuple[str | int, ...]) -> date:
    try:
        if _DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise NotJson("SCHEMA_FORMAT", f"{text[:40]!r} is not a date (YYYY-MM-DD)", pointer(*where))


def _instant(text: str, where: tuple[str | int, ...]) -> datetime:
    match = _DATETIME.fullmatch(text)
    try:
        if match and len(fraction := match[3] or "") <= 6:
            local = datetime.fromisoformat(f"{match[1]}T{match[2]}+00:00")
            zone = "+00:00" if match[4] in "Zz" else match[4]
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6])) * (-1 if zone[0] == "-" else 1)
            if abs(offset) < timedelta(days=1) and int(zone[4:6]) < 60:
                return local - offset + timedelta(microseconds=int(fraction.ljust(6, "0")))
    except (ValueError, OverflowError):
        pass
    fix = "YYYY-MM-DDThh:mm:ss with an offset, at most 6 digits of fraction, no leap second"
    raise NotJson("SCHEMA_FORMAT", f"{text[:40]!r} is not a date-time ({fix})", pointer(*where))
