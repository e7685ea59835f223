"""A JSON Schema -> its columns.

The shape of a record is what ``type``, ``properties``, ``items``, ``enum``, ``const``, local ``$ref`` and ``allOf``
say; all other keywords judge rows and leave the shape alone. What no column can hold is refused, with what to do
instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from parquetry.words.errors import Problem
from parquetry.words.fields import KINDS, NARROWER, Field, Value
from parquetry.words.records import LINE


class Reader:
    """Finds the columns of one schema, and collects what stands in the way."""

    def __init__(self, document: dict[str, Any], name: str) -> None:
        self.document, self.name = document, name
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        base = str(document.get("$id", ""))
        self.resolver = Registry().with_resource(base, DRAFT202012.create_resource(document)).resolver(base)
        self.judge = Draft202012Validator(document, registry=Registry())

    def warn(self, code: str, pointer: str, what: str, fix: str) -> None:
        """Note what is odd."""
        self.warnings.append(Problem(code, f"{self.name}: {pointer}", what, fix))

    def refuse(self, code: str, pointer: str, what: str, fix: str) -> None:
        """Note what cannot be."""
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
        if name in ("", LINE.name):
            self.refuse("FIELD_NAME", pointer, f"{name!r} cannot be the name of a field", "choose another")
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
