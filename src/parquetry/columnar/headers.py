"""The columns of a file -> what cannot be read as the schema asks, before a row is read.

A value of the wrong kind is a row's fault. Here stand the faults of whole files: a column that the schema does not
name, a type that no JSON value has, two files that mean different things by one column.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pyarrow as pa

from parquetry.columnar.values import is_list
from parquetry.words.errors import Problem, pointer
from parquetry.words.fields import Field
from parquetry.words.schema import Schema

_WRITE = "write the column as"
#: The tests of types whose values JSON can say, with what they are called.
_JSON = {
    "text": (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view),
    "number": (pa.types.is_integer, pa.types.is_floating),
    "boolean": (pa.types.is_boolean,),
}
#: The same for types that only a field of their own can have.
_DATES = {"date": (pa.types.is_date,), "date-time": (lambda kind: pa.types.is_timestamp(kind) and kind.tz is not None,)}


def problems(name: str, columns: pa.Schema, schema: Schema) -> list[Problem]:
    """Everything that is wrong with the columns of a file.

    Args:
        name: Of the file.
        columns: Of the file.
        schema: What they are to be read as.
    """
    if twice := _twice(columns.names):
        what = f"two columns are called {twice[0]!r} and {twice[1]!r}"
        fix = "rename one; names that differ in nothing but case are one name to many readers"
        return [Problem("PQ_COLUMN_DUPLICATE", name, what, fix)]
    found = list[Problem]()
    if unknown := [column for column in columns.names if schema.closed and column not in schema]:
        listed = ", ".join(map(repr, unknown))
        fix = "remove the column, or describe it in the schema"
        if any(column.startswith("__index_level_") for column in unknown):
            fix += "; __index_level_0__ is the index of a pandas table: write the file with index=False"
        found.append(Problem("SCHEMA_ADDITIONAL", name, f"the schema names no column {listed}", fix))
    for field in schema.fields:
        if field.name in columns.names:
            found += _unfit(field, columns.field(field.name).type, f"{name}: {pointer(field.name)}")
    return found


def unlike(one: pa.DataType, other: pa.DataType, name: str) -> Iterator[tuple[str, str, str]]:
    """Where two types of one column do not read alike: the name, or inside it the pointer, and both types.

    Widths, ways to lay out, and the precision of instants do not matter; a column of nulls is like any other.
    """
    one, other = bare(one), bare(other)
    kinds = kind_of(one), kind_of(other)
    if "null" in kinds:
        return
    if kinds == ("list", "list"):
        yield from unlike(one.value_type, other.value_type, _inside(name, "-"))
    elif kinds == ("object", "object"):
        members = {member.name: member.type for member in other}
        for member in one:
            if member.name in members:
                yield from unlike(member.type, members[member.name], _inside(name, member.name))
    elif kinds == ("map", "map"):
        yield from unlike(one.item_type, other.item_type, _inside(name, "*"))
    elif kinds[0] != kinds[1]:
        yield name, str(one), str(other)


def bare(kind: pa.DataType) -> pa.DataType:
    """A type without extension and dictionary."""
    while isinstance(kind, pa.BaseExtensionType) or pa.types.is_dictionary(kind):
        kind = kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind.value_type
    return kind


def kind_of(kind: pa.DataType) -> str:
    """What values of a bare type are: a word for those that can be read, else the name of the type."""
    if pa.types.is_null(kind):
        return "null"
    if is_list(kind):
        return "list"
    if pa.types.is_struct(kind):
        return "object"
    if pa.types.is_map(kind):
        return "map"
    return next((word for word, tests in (_JSON | _DATES).items() if any(test(kind) for test in tests)), str(kind))


def _inside(name: str, step: str) -> str:
    return (name if name.startswith("/") else pointer(name)) + pointer(step)


def _twice(names: list[str]) -> list[str]:
    """The first two names that are one, upper and lower case aside."""
    counts = Counter(name.casefold() for name in names)
    first = next((name.casefold() for name in names if counts[name.casefold()] > 1), None)
    return [name for name in names if name.casefold() == first][:2]


def _unfit(field: Field | None, kind: pa.DataType, where: str) -> Iterator[Problem]:
    """What of a type no field of this kind can hold; no field is the inside of an open map, which holds any JSON."""
    kind = bare(kind)
    word = kind_of(kind)
    if word == "object":
        yield from _unfit_object(field, kind, where)
    elif word == "list":
        yield from _unfit(field.fields[0] if field and field.kind == "list" else None, kind.value_type, where + "/-")
    elif word == "map" and kind_of(bare(kind.key_type)) != "text":
        what = f"the keys of a JSON object are text, found {kind}"
        yield Problem("SCHEMA_TYPE", where, what, f"{_WRITE} a map with keys of text")
    elif word == "map":
        fields = field.fields if field and field.kind == "struct" else ()
        for inner in fields or (None,):
            yield from _unfit(inner, kind.item_type, f"{where}/{inner.name if inner else '*'}")
    elif word not in _JSON and word != "null" and (not field or field.kind != word):
        wanted = field.prose if field else "a value of JSON"
        yield Problem("SCHEMA_TYPE", where, f"expected {wanted}, found {kind}", _advice(field, kind))


def _unfit_object(field: Field | None, kind: pa.DataType, where: str) -> Iterator[Problem]:
    """The same of a struct."""
    names = [member.name for member in kind]
    if repeated := next((name for name in names if names.count(name) > 1), None):
        yield Problem("PQ_COLUMN_DUPLICATE", where, f"two members are called {repeated!r}", "rename one")
        return
    known = {inner.name: inner for inner in field.fields} if field and field.kind == "struct" else {}
    for member in kind:
        if known and member.name not in known:
            continue  # a fault of the rows in which it is not null
        yield from _unfit(known.get(member.name), member.type, where + pointer(member.name))


def _advice(field: Field | None, kind: pa.DataType) -> str:
    """What to do about a column of a type that does not fit."""
    if pa.types.is_timestamp(kind) and kind.tz is None and field and field.kind == "date-time":
        return f"say the zone when writing it (timestamp[{kind.unit}, tz=UTC]): without one it is no instant"
    if pa.types.is_decimal(kind):
        return f"{_WRITE} float64 or int64, or as text and ask for a string in the schema"
    if field and field.kind not in ("struct", "list", "map"):
        return f"{_WRITE} {field.arrow}"
    return f"{_WRITE} text, numbers or booleans, or objects and lists of them"
