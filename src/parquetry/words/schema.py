"""The file of a JSON Schema (2020-12) -> the shape and the rules of a table.

``schema/<table>.schema.json`` is the only place where a field is named, typed and described. Everything else that
mentions a field is computed from it.
"""

from __future__ import annotations

import difflib
import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema_rs
import pyarrow as pa
from jsonschema import Draft202012Validator

from parquetry.words import strict_json
from parquetry.words.errors import Problem, SchemaError, pointer
from parquetry.words.fields import Field
from parquetry.words.shape import Reader, crowded

DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Keywords that hold schemas: one, a list of them, or a mapping to them; and those that hold none.
_ONE = """items contains additionalProperties propertyNames if then else not unevaluatedItems unevaluatedProperties
    contentSchema""".split()
_LIST = "allOf anyOf oneOf prefixItems".split()
_MAP = "properties patternProperties $defs definitions dependentSchemas".split()
_NONE = """$schema $id $anchor $ref $dynamicRef $dynamicAnchor $comment $vocabulary title description default examples
    deprecated readOnly writeOnly type enum const required minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
    minLength maxLength pattern format minItems maxItems uniqueItems minContains maxContains minProperties maxProperties
    dependentRequired contentEncoding contentMediaType""".split()
#: Words of older drafts that some validators still obey, and what to say instead.
OLD = {
    "dependencies": "dependentRequired or dependentSchemas",
    "additionalItems": "items beside prefixItems",
    "$recursiveRef": "$ref",
}
#: Most fields of a schema that no recipe limits.
FIELDS = 50_000
_KNOWN = sorted({*_ONE, *_LIST, *_MAP, *_NONE})
_TYPES = "array boolean integer null number object string".split()
#: The formats that are asserted: those of `jsonschema`, and those that jsonschema-rs judges in its place.
FORMATS = sorted(
    {*Draft202012Validator.FORMAT_CHECKER.checkers, "iri", "iri-reference", "regex", "relative-json-pointer"}
)


@dataclass(frozen=True, eq=False)
class Schema:
    """The shape of a record, and its readings."""

    document: dict[str, Any]  #: The JSON Schema itself, as written.
    fields: tuple[Field, ...]  #: In the order of ``properties``: the column order.
    warnings: tuple[Problem, ...] = ()
    closed: bool = True  #: Whether a member that it does not name is a mistake, or is passed over.

    def __getitem__(self, name: str) -> Field:
        return next(field for field in self.fields if field.name == name)

    def __contains__(self, name: object) -> bool:
        return any(field.name == name for field in self.fields)

    @property
    def arrow(self) -> pa.Schema:
        """As an Arrow schema with the Hub's feature metadata; every field is nullable."""
        features = {"info": {"features": {f.name: f.hub for f in self.fields}}}
        columns = [pa.field(f.name, f.arrow) for f in self.fields]
        return pa.schema(columns, metadata={"huggingface": json.dumps(features, sort_keys=False)})

    @property
    def text(self) -> str:
        """As the file in a release holds it."""
        return json.dumps(self.document, indent=1, ensure_ascii=False) + "\n"

    @property
    def sha256(self) -> str:
        """Digest of the schema's meaning: white space and the order of keys aside."""
        return hashlib.sha256(json.dumps(self.document, sort_keys=True).encode()).hexdigest()


def load(path: Path, name: str = "", most: int = FIELDS) -> Schema:
    """Read a JSON Schema file.

    Args:
        path: The file.
        name: What messages call it; default the file's name.
        most: So many fields may a record have, those of nested objects included.

    Raises:
        SchemaError: With everything in it that is invalid, or that Parquet cannot hold.
    """
    return parse(path.read_bytes(), name or path.name, most)


def parse(raw: bytes, name: str, most: int = FIELDS) -> Schema:
    """Read the text of a JSON Schema; see `load`."""
    try:
        document = strict_json.loads(raw.removeprefix(b"\xef\xbb\xbf"), strict_json.Limits(200, 1_000_000))
        if not isinstance(document, dict):
            raise SchemaError(Problem("SCHEMA_ROOT", name, "the schema is not a JSON object", "describe an object"))
        if isinstance(named := document.get("properties"), dict) and len(named) > most:
            raise SchemaError(crowded(name, most))  # at once: it takes long to look at many
        _check(document, name)
        reader = Reader(document, name, most)
        fields = reader.record()
    except strict_json.NotJson as error:
        known = {"JSON_DUPLICATE_KEY": ("SCHEMA_DUPLICATE_KEY", "keep one of them")}
        known["JSON_DEPTH"] = ("SCHEMA_DEPTH", "flatten it; a column has a fixed depth")
        code, fix = known.get(error.code, ("SCHEMA_SYNTAX", "correct the file"))
        what = f"not JSON: {error.what}" if code == "SCHEMA_SYNTAX" else error.what
        raise SchemaError(Problem(code, f"{name}: {error.pointer}".removesuffix(": "), what, fix)) from None
    except RecursionError:
        fix = "flatten it; a column has a fixed depth"
        raise SchemaError(Problem("SCHEMA_DEPTH", name, "nested too deep to be read", fix)) from None
    if reader.problems:
        raise SchemaError(*reader.problems)
    return Schema(document, fields, (*_unknown(document, name), *reader.warnings))


def _check(document: dict[str, Any], name: str) -> None:
    """Refuse what is no JSON Schema of our dialect, and every reference out of the file."""
    words = {word for _, spec in walk(document) for word in spec}
    if {"unevaluatedProperties", "patternProperties"} <= words:
        what = "unevaluatedProperties and patternProperties in one schema are judged differently by its readers"
        raise SchemaError(Problem("SCHEMA_KEYWORD", name, what, "close objects with additionalProperties: false"))
    for place, spec in walk(document):
        if str(spec.get("$schema", DIALECT)).rstrip("#") != DIALECT:
            what = f"dialect {spec['$schema']!r} is not supported"
            raise SchemaError(Problem("SCHEMA_DIALECT", f"{name}: {place}/$schema", what, f"use {DIALECT}"))
        if place and "$id" in spec:
            fix = "remove it, and point to the part with '#/$defs/…'"
            raise SchemaError(Problem("SCHEMA_KEYWORD", f"{name}: {place}/$id", "a part has no $id of its own", fix))
        if old := sorted(spec.keys() & OLD.keys()):
            what = "a word of older drafts, which readers of this one do not agree on"
            raise SchemaError(Problem("SCHEMA_KEYWORD", f"{name}: {place}/{old[0]}", what, f"say {OLD[old[0]]}"))
    wrong = Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(document)
    if found := [_invalid(f"{name}: {pointer(*e.absolute_path) or '/'}", e) for e in wrong]:
        raise SchemaError(*sorted(found))
    for place, spec in walk(document):
        for word in ("$ref", "$dynamicRef"):
            if word in spec and not str(spec[word]).startswith("#"):
                fix = "put the definition under $defs and point to it with '#/$defs/…'"
                raise SchemaError(Problem("SCHEMA_REMOTE_REF", f"{name}: {place}/{word}", "leads out of the file", fix))
        patterns = {"pattern": spec["pattern"]} if "pattern" in spec else {}
        patterns |= {f"patternProperties/{one}": one for one in spec.get("patternProperties", ())}
        for where, pattern in patterns.items():
            try:
                jsonschema_rs.Draft202012Validator({"pattern": pattern})
            except (jsonschema_rs.ValidationError, ValueError):
                what = f"{pattern!r} is not an ECMA-262 regular expression"
                problem = Problem("SCHEMA_PATTERN", f"{name}: {place}/{where}", what, "correct the expression")
                raise SchemaError(problem) from None


def _invalid(where: str, error: Any) -> Problem:
    """The message about a keyword that is used wrongly."""
    names = error.instance if isinstance(error.instance, list) else [error.instance]
    if list(error.absolute_path)[-1:] == ["type"] and (odd := [n for n in names if n not in _TYPES]):
        near = difflib.get_close_matches(str(odd[0]), _TYPES, 1)
        fix = (f"did you mean {near[0]!r}? " if near else "") + f"the types are {', '.join(_TYPES)}"
        return Problem("SCHEMA_INVALID", where, f"there is no type {odd[0]!r}", fix)
    return Problem("SCHEMA_INVALID", where, error.message[:200], "see json-schema.org")


def walk(spec: Any, place: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside a schema, itself first, with its JSON Pointer."""
    if not isinstance(spec, dict):
        return
    yield place, spec
    for word, inner in spec.items():
        if word in _ONE:
            yield from walk(inner, place + pointer(word))
        elif word in _LIST and isinstance(inner, list):
            for index, choice in enumerate(inner):
                yield from walk(choice, place + pointer(word, index))
        elif word in _MAP and isinstance(inner, dict):
            for key, choice in inner.items():
                yield from walk(choice, place + pointer(word, key))


def _unknown(document: dict[str, Any], name: str) -> Iterator[Problem]:
    """A warning for each keyword and each format that no one knows: they would be without effect."""
    formats = set(FORMATS)
    for place, spec in walk(document):
        if (said := spec.get("format")) is not None and said not in formats:
            formats.add(said)  # it is said once
            near = difflib.get_close_matches(said, FORMATS, 1)
            fix = f"did you mean {near[0]!r}?" if near else f"choose from {', '.join(FORMATS)}, or remove it"
            what = f"unknown format {said!r}, without effect"
            yield Problem("WARN_SCHEMA_UNKNOWN_FORMAT", f"{name}: {place}/format", what, fix)
        for word in sorted(spec.keys() - _KNOWN):
            if not word.startswith("x-"):
                near = difflib.get_close_matches(word, _KNOWN, 1)
                fix = f"did you mean {near[0]!r}?" if near else "start words of your own with 'x-'"
                what = "unknown keyword, without effect"
                yield Problem("WARN_SCHEMA_UNKNOWN_KEYWORD", f"{name}: {place}/{word}", what, fix)
