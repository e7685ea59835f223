"""A JSON Schema (2020-12) -> the columns of a table.

``schema/<table>.schema.json`` is the only place where a field is named, typed and described. Everything else that
mentions a field is computed from it.

The shape of a record is what ``type``, ``properties``, ``items``, ``enum``, ``const``, local ``$ref`` and ``allOf``
say; all other keywords judge rows and leave the shape alone. Every field is nullable on disk.
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
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from parquetry.words.errors import Problem, SchemaError
from parquetry.words.fields import KINDS, NARROWER, Field, Value

DIALECT = "https://json-schema.org/draft/2020-12/schema"
#: Keywords that hold schemas: one, a list of them, or a mapping to them; and those that hold none.
_ONE = """items contains additionalProperties propertyNames if then else not unevaluatedItems unevaluatedProperties
    contentSchema""".split()
_LIST = "allOf anyOf oneOf prefixItems".split()
_MAP = "properties patternProperties $defs dependentSchemas".split()
_NONE = """$schema $id $anchor $ref $dynamicRef $dynamicAnchor $comment $vocabulary title description default examples
    deprecated readOnly writeOnly type enum const required minimum maximum exclusiveMinimum exclusiveMaximum multipleOf
    minLength maxLength pattern format minItems maxItems uniqueItems minContains maxContains minProperties maxProperties
    dependentRequired contentEncoding contentMediaType""".split()
_KNOWN = sorted({*_ONE, *_LIST, *_MAP, *_NONE})


@dataclass(frozen=True, eq=False)
class Schema:
    """The shape of a record, and its readings."""

    document: dict[str, Any]  #: The JSON Schema itself, as written.
    fields: tuple[Field, ...]  #: In the order of ``properties``: the column order.
    warnings: tuple[Problem, ...] = ()

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


def load(path: Path, name: str = "") -> Schema:
    """Read a JSON Schema file.

    Args:
        path: The file.
        name: What messages call it; default the file's name.

    Raises:
        SchemaError: With everything in it that is invalid, or that Parquet cannot hold.
    """
    return parse(path.read_bytes(), name or path.name)


def parse(raw: bytes, name: str) -> Schema:
    """Read the text of a JSON Schema; see `load`."""
    try:
        document = json.loads(raw.decode("utf-8"), object_pairs_hook=lambda pairs: _unique(pairs, name))
        if not isinstance(document, dict):
            raise SchemaError(Problem("SCHEMA_ROOT", name, "the schema is not a JSON object", "describe an object"))
        _check(document, name)
        reader = _Reader(document, name)
        fields = reader.record()
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise SchemaError(Problem("SCHEMA_SYNTAX", name, f"not JSON: {error}", "correct the file")) from None
    except RecursionError:
        fix = "flatten it; a column has a fixed depth"
        raise SchemaError(Problem("SCHEMA_DEPTH", name, "nested too deep to be read", fix)) from None
    if reader.problems:
        raise SchemaError(*reader.problems)
    return Schema(document, fields, tuple(reader.warnings))


def _unique(pairs: list[tuple[str, Any]], name: str) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise SchemaError(Problem("SCHEMA_DUPLICATE_KEY", name, f"key {twice!r} stands twice", "keep one of them"))
    return members


def _check(document: dict[str, Any], name: str) -> None:
    """Refuse what is no JSON Schema of our dialect, and every reference out of the file."""
    if str(document.get("$schema", DIALECT)).rstrip("#") != DIALECT:
        what = f"dialect {document['$schema']!r} is not supported"
        raise SchemaError(Problem("SCHEMA_DIALECT", f"{name}: /$schema", what, f"use {DIALECT}"))
    wrong = Draft202012Validator(Draft202012Validator.META_SCHEMA).iter_errors(document)
    if found := [(f"{name}: /{'/'.join(map(str, e.absolute_path))}", e.message[:200]) for e in wrong]:
        raise SchemaError(*(Problem("SCHEMA_INVALID", *place, "see json-schema.org") for place in sorted(found)))
    for pointer, spec in walk(document):
        for word in ("$ref", "$dynamicRef"):
            if word in spec and not str(spec[word]).startswith("#"):
                fix = "put the definition under $defs and point to it with '#/$defs/…'"
                raise SchemaError(
                    Problem("SCHEMA_REMOTE_REF", f"{name}: {pointer}/{word}", "leads out of the file", fix)
                )
        for pattern in [spec.get("pattern", ""), *spec.get("patternProperties", {})]:
            try:
                jsonschema_rs.Draft202012Validator({"pattern": pattern})
            except (jsonschema_rs.ValidationError, ValueError):
                what = f"{pattern!r} is not an ECMA-262 regular expression"
                problem = Problem("SCHEMA_PATTERN", f"{name}: {pointer}/pattern", what, "correct the expression")
                raise SchemaError(problem) from None


def walk(spec: Any, pointer: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every schema inside a schema, itself first, with its JSON Pointer."""
    if not isinstance(spec, dict):
        return
    yield pointer, spec
    for word, inner in spec.items():
        if word in _ONE:
            yield from walk(inner, f"{pointer}/{word}")
        elif word in _LIST:
            for index, choice in enumerate(inner):
                yield from walk(choice, f"{pointer}/{word}/{index}")
        elif word in _MAP:
            for key, choice in inner.items():
                yield from walk(choice, f"{pointer}/{word}/{key}")


class _Reader:
    """Finds the columns of one schema, and collects what stands in the way."""

    def __init__(self, document: dict[str, Any], name: str) -> None:
        self.document, self.name = document, name
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        base = str(document.get("$id", ""))
        self.resolver = Registry().with_resource(base, DRAFT202012.create_resource(document)).resolver(base)
        self.judge = Draft202012Validator(document, registry=Registry())
        for pointer, spec in walk(document):
            for word in sorted(spec.keys() - _KNOWN):
                if not word.startswith("x-"):
                    near = difflib.get_close_matches(word, _KNOWN, 1)
                    fix = f"did you mean {near[0]!r}?" if near else "start words of your own with 'x-'"
                    self.warn(
                        "WARN_SCHEMA_UNKNOWN_KEYWORD", f"{pointer}/{word}", "unknown keyword, without effect", fix
                    )

    def warn(self, code: str, pointer: str, what: str, fix: str) -> None:
        self.warnings.append(Problem(code, f"{self.name}: {pointer}", what, fix))

    def refuse(self, code: str, pointer: str, what: str, fix: str) -> None:
        self.problems.append(Problem(code, f"{self.name}: {pointer or '/'}", what, fix))

    def record(self) -> tuple[Field, ...]:
        """The columns of the table."""
        root, seen = self.flat(self.document, "", ())
        if self.problems:
            return ()
        if not root.get("properties") or root.get("type", "object") != "object":
            self.refuse("SCHEMA_ROOT", "", "does not describe an object with properties", "name the fields of a record")
            return ()
        return self.members(root, "", seen)

    def flat(self, spec: Any, pointer: str, seen: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """A schema with its ``$ref`` and ``allOf`` written out, and the references that led here."""
        if not isinstance(spec, dict):
            return {}, seen
        merged = {word: value for word, value in spec.items() if word not in ("$ref", "allOf")}
        inner = list(spec.get("allOf", ()))
        if (ref := spec.get("$ref")) is not None:
            if ref in seen:
                what = f"$ref {ref!r} leads back to itself"
                self.refuse("SCHEMA_REF_LOOP", pointer, what, "describe a fixed depth: a column has one")
                return {"type": "null"}, seen
            try:
                inner.insert(0, self.resolver.lookup(ref).contents)
            except Unresolvable:
                self.refuse("SCHEMA_REF_MISSING", pointer, f"$ref {ref!r} leads nowhere", "define it under $defs")
                return {"type": "null"}, seen
            seen = (*seen, ref)
        for part in inner:
            flat, seen = self.flat(part, pointer, seen)
            _merge(merged, flat)
        return merged, seen

    def members(self, spec: dict[str, Any], pointer: str, seen: tuple[str, ...]) -> tuple[Field, ...]:
        """The fields of an object."""
        rest = spec.get("additionalProperties")
        if rest or "patternProperties" in spec:
            fix = "name every member, or describe an object without properties: an open map"
            self.refuse("SCHEMA_OPEN", pointer, "allows members that are not named beside those that are", fix)
        elif rest is None and "unevaluatedProperties" not in spec:
            fix = "write additionalProperties: false"
            self.warn("WARN_SCHEMA_OPEN", pointer or "/", "members that are not named are rejected all the same", fix)
        return tuple(
            self.field(name, member, f"{pointer}/properties/{name}", (name in spec.get("required", ()), seen))
            for name, member in spec["properties"].items()
        )

    def field(self, name: str, spec: Any, pointer: str, context: tuple[bool, tuple[str, ...]]) -> Field:
        """One column, or a part of one. ``context``: whether it is required, and the references that led here."""
        required, seen = context
        flat, seen = self.flat(spec, pointer, seen)
        flat, seen = self.choice(flat, pointer, seen)
        inner: tuple[Field, ...] = ()
        kind = self.kind(flat, pointer)
        if kind == "struct":
            inner = self.members(flat, pointer, seen)
        elif kind == "list":
            inner = (self.field("element", flat["items"], f"{pointer}/items", (True, seen)),)
        broken = bool(self.problems)
        return Field(
            name, pointer, kind, broken or self.judge.evolve(schema=spec).is_valid(None), required,
            description=str(flat.get("description", "")),
            unit=str(flat.get("x-unit", "")),
            example=next(iter(flat.get("examples", ())), None),
            values=tuple(Value(v, t, d) for v, t, d in _values(flat) if v is not None),
            feature=str(flat.get("x-feature", "")),
            fields=inner,
        )  # fmt: skip

    def choice(
        self, flat: dict[str, Any], pointer: str, seen: tuple[str, ...]
    ) -> tuple[dict[str, Any], tuple[str, ...]]:
        """A schema with ``anyOf`` or ``oneOf`` of T and null read as T; alternatives of other kinds are refused."""
        for word in ("anyOf", "oneOf"):
            branches = [b for b in flat.get(word, ()) if b != {"type": "null"} and b != {"const": None}]
            if not branches or "type" in flat or "enum" in flat or all("const" in b for b in branches):
                continue
            if len(branches) > 1:
                fix = "make one field of each alternative, or name one type"
                self.refuse("SCHEMA_UNION", f"{pointer}/{word}", "a column has one type, not alternatives", fix)
                return {"type": "null"}, seen
            inner, seen = self.flat(branches[0], f"{pointer}/{word}", seen)
            _merge(flat, inner)
        return flat, seen

    def kind(self, flat: dict[str, Any], pointer: str) -> str:
        """The name of the type of a column."""
        types = [t for t in _types(flat) if t != "null"]
        if len(types) == 2 and set(types) == {"integer", "number"}:
            types = ["number"]
        if len(types) != 1:
            what = f"a column has one type, found {' and '.join(types) or 'none'}"
            self.refuse("SCHEMA_COLUMN_TYPE", pointer, what, "name one type, besides null")
            return "string"
        kind = {"array": "list", "object": "struct"}.get(types[0], types[0])
        if (kind == "list" and not isinstance(flat.get("items"), dict)) or "prefixItems" in flat:
            self.refuse("SCHEMA_ARRAY", pointer, "the elements of an array need one type", "write items: {type: …}")
            return "string"
        if kind == "struct" and not flat.get("properties"):
            return "map"
        if kind == "string" and flat.get("format") in ("date", "date-time"):
            return str(flat["format"])
        if narrow := flat.get("x-arrow"):
            if narrow in KINDS and str(narrow).startswith(NARROWER.get(kind, ("none",))) and narrow != kind:
                return str(narrow)
            fix = "choose int8 … uint64 for an integer, float32 for a number"
            self.refuse("SCHEMA_X_ARROW", f"{pointer}/x-arrow", f"{kind} cannot be stored as {narrow!r}", fix)
        return kind


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Add what another schema says about the shape to one that holds beside it."""
    for word, value in other.items():
        if word not in into:
            into[word] = value
        elif word == "properties":
            both = {n: {"allOf": [into[word][n], v]} if n in into[word] else v for n, v in value.items()}
            into[word] = {**into[word], **both}
        elif word == "required":
            into[word] = sorted({*into[word], *value})
        elif word == "type":
            into[word] = [t for t in _listed(into[word]) if t in _listed(value)]
        elif word == "items" and isinstance(value, dict) and isinstance(into[word], dict):
            into[word] = {"allOf": [into[word], value]}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _values(flat: dict[str, Any]) -> Iterator[tuple[Any, str, str]]:
    """The values of a coded field, with label and description where they have one."""
    for branch in flat.get("oneOf") or flat.get("anyOf") or ():
        if "const" in branch:
            yield branch["const"], str(branch.get("title", "")), str(branch.get("description", ""))
    for value in flat.get("enum", [flat["const"]] if "const" in flat else []):
        yield value, "", ""


def _types(flat: dict[str, Any]) -> list[str]:
    """The JSON types that a schema names, or shows by its values or its members."""
    if "type" in flat:
        return _listed(flat["type"])
    if values := [value for value, _, _ in _values(flat)]:
        names = {str: "string", bool: "boolean", int: "integer", float: "number", type(None): "null"}
        return sorted({names.get(type(value), "object") for value in values})
    return ["object"] if "properties" in flat else ["array"] if "items" in flat else []
