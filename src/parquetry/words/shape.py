"""A JSON Schema -> its columns.

The shape of a record is what ``type``, ``properties``, ``items``, ``enum``, ``const``, local ``$ref`` and ``allOf``
say; all other keywords judge rows and leave the shape alone. What no column can hold is refused, with what to do
instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from parquetry.words.errors import Problem, SchemaError, pointer
from parquetry.words.fields import KINDS, NARROWER, Field, Value
from parquetry.words.records import PLACE

#: Schemas inside one schema that are looked at, again wherever they are referred to: more are a bomb.
_PARTS = 200_000


class Part(NamedTuple):
    """A schema inside a schema, and the references that led to it: meeting one of them again is a circle."""

    spec: Any
    seen: tuple[str, ...]


class Reader:
    """Finds the columns of one schema, at ``most`` so many, and collects what stands in the way."""

    def __init__(self, document: dict[str, Any], name: str, most: int) -> None:
        self.document, self.name, self.most = document, name, most
        self.fields, self.parts = 0, 0  #: That were found so far, and that were looked at.
        self.problems: list[Problem] = []
        self.warnings: list[Problem] = []
        base = str(document.get("$id", "")).removesuffix("#")
        self.resolver = Registry().with_resource(base, DRAFT202012.create_resource(document)).resolver(base)
        self.judge = Draft202012Validator(document, registry=Registry())

    def warn(self, code: str, place: str, what: str, fix: str) -> None:
        """Note what is odd."""
        self.warnings.append(Problem(code, f"{self.name}: {place or '/'}", what, fix))

    def refuse(self, code: str, place: str, what: str, fix: str) -> None:
        """Note what cannot be."""
        self.problems.append(Problem(code, f"{self.name}: {place or '/'}", what, fix))

    def record(self) -> tuple[Field, ...]:
        """The columns of the table.

        Raises:
            SchemaError: There are too many.
        """
        root = self.flat([Part(self.document, ())], "")
        if self.problems:
            return ()
        if not root.get("properties") or _types(root) != ["object"]:
            self.refuse("SCHEMA_ROOT", "", "does not describe an object with properties", "name the fields of a record")
            return ()
        return self.members(root, "")

    def flat(self, parts: list[Part], place: str) -> dict[str, Any]:
        """Schemas that hold together as one, their ``$ref`` and ``allOf`` written out.

        Its ``properties`` and ``items`` are lists of parts, to be made flat in turn.
        """
        merged: dict[str, Any] = {}
        self.parts += len(parts)
        if self.parts > _PARTS:
            raise SchemaError(crowded(self.name, self.most))
        for spec, seen in parts:
            if isinstance(spec, dict):
                _merge(merged, _own(spec, seen))
                if inner := self.referred(spec, seen, place) + [Part(one, seen) for one in spec.get("allOf", ())]:
                    _merge(merged, self.flat(inner, place))
        return merged

    def referred(self, spec: dict[str, Any], seen: tuple[str, ...], place: str) -> list[Part]:
        """What the ``$ref`` of a schema leads to, if it has one."""
        if (ref := spec.get("$ref")) is None:
            return []
        if ref in seen:
            what = f"$ref {ref!r} leads back to itself"
            self.refuse("SCHEMA_REF_LOOP", place, what, "describe a fixed depth: a column has one")
            return [Part({"type": "string"}, seen)]
        try:
            return [Part(self.resolver.lookup(ref).contents, (*seen, ref))]
        except Unresolvable:
            self.refuse("SCHEMA_REF_MISSING", place, f"$ref {ref!r} leads nowhere", "define it under $defs")
            return [Part({"type": "string"}, seen)]

    def members(self, spec: dict[str, Any], place: str) -> tuple[Field, ...]:
        """The fields of an object."""
        self.fields += len(spec["properties"])
        if self.fields > self.most:
            raise SchemaError(crowded(self.name, self.most))
        rests = [spec[word] for word in ("additionalProperties", "unevaluatedProperties") if word in spec]
        if any(rest is not False for rest in rests) or "patternProperties" in spec:
            fix = "name every member, or describe an object without properties: an open map"
            self.refuse("SCHEMA_OPEN", place, "allows members that are not named beside those that are", fix)
        elif not rests:
            fix = "write additionalProperties: false"
            self.warn("WARN_SCHEMA_OPEN", place, "members that are not named are rejected all the same", fix)
        required = spec.get("required", ())
        return tuple(
            self.field(name, parts, place + pointer("properties", name), required=name in required)
            for name, parts in spec["properties"].items()
        )

    def field(self, name: str, parts: list[Part], place: str, *, required: bool) -> Field:
        """One column, or a part of one."""
        if name in ("", *(field.name for field in PLACE)) or not name.isprintable():
            self.refuse("FIELD_NAME", place, f"{name!r} cannot be the name of a field", "choose another")
        flat = self.choice(self.flat(parts, place), place)
        inner: tuple[Field, ...] = ()
        kind = self.kind(flat, place)
        if kind == "struct":
            inner = self.members(flat, place)
        elif kind == "list":
            inner = (self.field("element", flat["items"], f"{place}/items", required=True),)
        whole = parts[0].spec if len(parts) == 1 else {"allOf": [part.spec for part in parts]}
        return Field(
            name,
            place,
            kind,
            nullable=not self.problems and self.judge.evolve(schema=whole).is_valid(None),
            required=required,
            description=str(flat.get("description", "")),
            unit=str(flat.get("x-unit", "")),
            example=next(iter(flat.get("examples", ())), None),
            values=tuple(Value(v, t, d) for v, t, d in _values(flat) if v is not None),
            feature=str(flat.get("x-feature", "")),
            fields=inner,
        )

    def choice(self, flat: dict[str, Any], place: str) -> dict[str, Any]:
        """A schema with ``anyOf`` or ``oneOf`` of T and null read as T; alternatives of other kinds are refused."""
        for word in ("anyOf", "oneOf"):
            if word not in flat or "type" in flat or "enum" in flat or _labelled(flat[word]):
                continue
            branches = [self.flat([part], f"{place}/{word}") for part in flat[word]]
            real = [branch for branch in branches if set(_types(branch)) != {"null"}]
            if len(real) > 1:
                fix = "make one field of each alternative, or name one type"
                self.refuse("SCHEMA_UNION", f"{place}/{word}", "a column has one type, not alternatives", fix)
                return {"type": "string"}
            flat = {name: value for name, value in flat.items() if name != word}
            for branch in real:
                _merge(flat, self.choice(branch, place))
        return flat

    def kind(self, flat: dict[str, Any], place: str) -> str:
        """The name of the type of a column."""
        types = [t for t in _types(flat) if t != "null"]
        if len(types) == 2 and set(types) == {"integer", "number"}:
            types = ["number"]
        if len(types) != 1:
            what = f"a column has one type, found {' and '.join(types) or 'none'}"
            self.refuse("SCHEMA_COLUMN_TYPE", place, what, "name one type, besides null")
            return "string"
        kind = {"array": "list", "object": "struct"}.get(types[0], types[0])
        if (
            kind == "list" and not any(isinstance(part.spec, dict) for part in flat.get("items", ()))
        ) or "prefixItems" in flat:
            self.refuse("SCHEMA_ARRAY", place, "the elements of an array need one type", "write items: {type: …}")
            return "string"
        if kind == "struct" and not flat.get("properties"):
            return "map"
        if kind == "string" and flat.get("format") in ("date", "date-time"):
            return str(flat["format"])
        if narrow := str(flat.get("x-arrow", "")):
            if narrow in KINDS and narrow.startswith(NARROWER.get(kind, ("none",))) and narrow != kind:
                return narrow
            fix = "choose int8 … uint64 for an integer, float32 for a number"
            self.refuse("SCHEMA_X_ARROW", f"{place}/x-arrow", f"{kind} cannot be stored as {narrow!r}", fix)
        return kind


def crowded(name: str, most: int) -> Problem:
    """The message about a schema of too many fields."""
    fix = "name fewer, or raise limits.fields in the recipe; an object without properties holds any members"
    return Problem("SCHEMA_FIELD_COUNT", name, f"describes more than {most} fields", fix)


def _own(spec: dict[str, Any], seen: tuple[str, ...]) -> dict[str, Any]:
    """What a schema says itself, the schemas inside it as parts."""
    own = {word: value for word, value in spec.items() if word not in ("$ref", "allOf")}
    if "properties" in own:
        own["properties"] = {name: [Part(member, seen)] for name, member in own["properties"].items()}
    for word in ("anyOf", "oneOf"):
        if word in own:
            own[word] = [Part(branch, seen) for branch in own[word]]
    if "items" in own:
        own["items"] = [Part(own["items"], seen)]
    return own


def _merge(into: dict[str, Any], other: dict[str, Any]) -> None:
    """Add what another schema says about the shape to one that holds beside it; the nearer description stays."""
    for word, value in other.items():
        if word not in into:
            into[word] = value
        elif word == "properties":
            into[word] = {**into[word], **{name: into[word].get(name, []) + parts for name, parts in value.items()}}
        elif word == "items":
            into[word] = into[word] + value
        elif word == "required":
            into[word] = sorted({*into[word], *value})
        elif word == "type":
            into[word] = [t for t in _listed(into[word]) if t in _listed(value)]


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _labelled(branches: list[Part]) -> bool:
    """Whether all alternatives are constants: the values of a coded field."""
    return all(isinstance(b.spec, dict) and ("const" in b.spec or b.spec == {"type": "null"}) for b in branches)


def _values(flat: dict[str, Any]) -> Iterator[tuple[Any, str, str]]:
    """The values of a coded field, with label and description where they have one."""
    for word in ("oneOf", "anyOf"):
        for branch, _ in flat.get(word, ()):
            if isinstance(branch, dict) and "const" in branch:
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
