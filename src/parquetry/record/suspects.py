"""Columns -> the rows that need a closer look.

This is the fast path of `validate`: a rule of a column is asked of the whole column at once. It may suspect too many
rows, never too few: what it does not know, or where its answer could differ from the judge's, the judge is asked about
each value. A schema whose rules reach across columns makes all rows suspects.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.record import rules
from parquetry.record.judge import compiled
from parquetry.sources.conform import plain
from parquetry.words.fields import Field
from parquetry.words.records import Mask
from parquetry.words.schema import Schema, walk

#: Keywords at the top of a schema that say nothing about two columns at once.
_TOP = set("$schema $id $comment $defs title description type properties required additionalProperties".split())
#: Keywords of a field that its column bears out already, being of its type.
_FREE = set("type title description examples default deprecated $comment x-unit x-arrow x-feature $ref allOf".split())
#: Words of alternatives.
_OR = ("anyOf", "oneOf")
_NULL = {"type": "null"}
#: What makes a reference more than the name of a definition: steps, and characters that are written as others.
_STEPS = re.compile("[/~%]")
Document = dict[str, Any]


def suspects(batch: pa.RecordBatch, schema: Schema) -> Mask:
    """For each row of a batch with the columns of the schema whether it may break a rule."""
    if not _apart(schema):
        return np.ones(batch.num_rows, bool)
    found = np.zeros(batch.num_rows, bool)
    for field, column in zip(schema.fields, batch.columns, strict=True):
        found |= _member(column, field, schema.document["properties"][field.name], schema)
    return found


@lru_cache(maxsize=256)
def _apart(schema: Schema) -> bool:
    """Whether a row is right as soon as each of its columns is."""
    document = schema.document
    parts = [spec for _, spec in walk(document)]
    if any(not str(spec.get("$ref", "#/$defs/")).startswith("#/$defs/") or "$dynamicRef" in spec for spec in parts):
        return False
    if not set(document.get("required", ())) <= document["properties"].keys():
        return False  # no column holds what every row must have
    return document.keys() <= _TOP and document.get("type") == "object" and not document.get("additionalProperties")


def _member(column: pa.Array, field: Field, spec: Any, schema: Schema) -> Mask:
    """The rows whose value of a column, or whose lack of one, may break a rule."""
    found = _broken(column, field, spec, schema)
    if field.required and not field.nullable and column.null_count:
        found |= rules.mask(column.is_null())
    return found


def _broken(column: pa.Array, field: Field, spec: Any, schema: Schema) -> Mask:
    """The rows whose value, if there is one, may break a rule of its field."""
    found, parts = np.zeros(len(column), bool), list(_parts(spec, schema))
    if not _shaped(parts):
        return _asked(column, field, spec, schema)
    for part in parts:
        for word in sorted(part.keys() - _FREE):
            known = _KNOWN.get((_kind(field), word))
            broken = known(column, field, part, schema) if known else None
            if broken is None:
                return found | _asked(column, field, spec, schema)
            found |= broken
    return found


def _parts(spec: Any, schema: Schema) -> Iterator[Document]:
    """The schemas that hold together for a value: a schema itself, and what it refers to."""
    if not isinstance(spec, dict):
        yield {"it is true or false": spec}
        return
    yield spec
    if "$ref" in spec:
        name = str(spec["$ref"]).removeprefix("#/$defs/")
        known = schema.document.get("$defs", {}) if not _STEPS.search(name) else {}  # the judge goes deeper
        yield from _parts(known.get(name, True), schema)
    for one in spec.get("allOf", ()):
        yield from _parts(one, schema)


def _shaped(parts: list[Document]) -> bool:
    """Whether each schema alone says what the column was made from, so that its type bears out each of them.

    It is not so where several describe one member, or where something stands beside an alternative: see `shape`.
    """
    members = [name for part in parts for name in part.get("properties", ["items"] if "items" in part else [])]
    alternatives = [part for part in parts if any(word in part and not _constants(part[word]) for word in _OR)]
    beside = any(part.keys() & {"type", "enum", "properties", "items"} for part in parts)
    return len(set(members)) == len(members) and (not alternatives or (len(alternatives) == 1 and not beside))


def _constants(branches: Any) -> bool:
    """Whether all alternatives are constants, or null."""
    return all(isinstance(one, dict) and ("const" in one or one == _NULL) for one in branches)


def _kind(field: Field) -> str:
    """What decides by which functions a rule is asked."""
    if pa.types.is_integer(field.arrow) or pa.types.is_floating(field.arrow):
        return "number"
    return "text" if field.kind == "string" else field.kind


def _asked(column: pa.Array, field: Field, spec: Any, schema: Schema) -> Mask:
    """The rows whose value the judge refuses: the definition, asked once for each value."""
    judge = _judge(schema, json.dumps(spec))
    if field.kind in ("list", "struct", "map"):
        values = column.to_pylist()
        return np.array([v is not None and not judge.is_valid(plain(field, v)) for v in values], bool)
    coded = column.dictionary_encode()
    wrong = [not judge.is_valid(plain(field, value)) for value in coded.dictionary.to_pylist()]
    return rules.mask(pa.array(wrong, pa.bool_()).take(coded.indices))


@lru_cache(maxsize=4096)
def _judge(schema: Schema, spec: str) -> Any:
    """The judge of the values of a part of a schema."""
    parts = {**schema.document.get("$defs", {}), "parquetry:column": json.loads(spec)}
    return compiled({"$ref": "#/$defs/parquetry:column", "$defs": parts})


def _alternatives(column: pa.Array, field: Field, part: Document, schema: Schema) -> Mask | None:
    """``anyOf`` or ``oneOf``: constants, or T and null, which for a value that is there is T."""
    word = "oneOf" if "oneOf" in part else "anyOf"
    branches = [branch for branch in part[word] if branch != _NULL]
    if "oneOf" in part and "anyOf" in part:
        return None
    if len(branches) == 1 and len(part[word]) == 2:
        return _broken(column, field, branches[0], schema)
    if not _constants(branches) or any(one.keys() - {"const", "title", "description"} for one in branches):
        return None
    values = [one["const"] for one in branches]
    return rules.among(column, values) if len({json.dumps(value) for value in values}) == len(values) else None


def _items(column: pa.Array, field: Field, part: Document, schema: Schema) -> Mask | None:
    """``items``: of a list is suspect what has a suspect element."""
    element, found = field.fields[0], rules.elements(column)
    if not found:
        return None
    broken = _broken(found[0], element, part["items"], schema)
    if found[0].null_count and not element.nullable:
        broken |= rules.mask(found[0].is_null())
    return rules.owners(column, found[1], broken)


def _properties(column: pa.Array, field: Field, part: Document, schema: Schema) -> Mask | None:
    """``properties``: of an object is suspect what has a suspect member."""
    found = np.zeros(len(column), bool)
    for index, inner in enumerate(field.fields):
        if inner.name in part["properties"]:
            member = pc.struct_field(column, index)  # null where its object is
            found |= _member(member, inner, part["properties"][inner.name], schema)
    return found & rules.mask(column.is_valid())


def _required(column: pa.Array, field: Field, part: Document, _schema: Schema) -> Mask | None:
    """``required``: its members are looked at with the others; a name that no member has is never there."""
    known = {inner.name for inner in field.fields if inner.required}
    return np.zeros(len(column), bool) if set(part["required"]) <= known else None


def _closed(column: pa.Array, field: Field, part: Document, _schema: Schema) -> Mask | None:
    """``additionalProperties: false``: no column holds any, if all members are named beside it."""
    rests = [part[word] for word in ("additionalProperties", "unevaluatedProperties") if word in part]
    named = {inner.name for inner in field.fields} <= part.get("properties", {}).keys()
    return np.zeros(len(column), bool) if named and all(rest is False for rest in rests) else None


def _timed(column: pa.Array, field: Field, part: Document, _schema: Schema) -> Mask | None:
    """``format``: only a day, or only an instant, is in such a column."""
    return np.zeros(len(column), bool) if part["format"] == field.kind else None


def _plain(rule: Callable[[pa.Array, Any], Mask | None], word: str) -> Any:
    """A rule that needs nothing but its own value."""
    return lambda column, _field, part, _schema: rule(column, part[word])


Rule = Callable[[pa.Array, Field, Document, Schema], Mask | None]
#: How a keyword is asked of a whole column, by kind of column.
_KNOWN: dict[tuple[str, str], Rule] = {
    ("list", "items"): _items,
    ("struct", "properties"): _properties,
    ("struct", "required"): _required,
    ("struct", "additionalProperties"): _closed,
    ("struct", "unevaluatedProperties"): _closed,
    ("date", "format"): _timed,
    ("date-time", "format"): _timed,
}
_KNOWN |= {(kind, word): _plain(rule, word) for (kind, word), rule in rules.RULES.items()}
_KNOWN |= {
    (kind, word): _alternatives
    for kind in ("text", "number", "boolean", "date", "date-time", "list", "struct", "map")
    for word in _OR
}
