"""Hypothesis strategies: JSON Schemas of the shapes a column can have, and values that do or do not match them.

Importing this module sets deadlines aside: the first example of a test pays for imports.
"""

from __future__ import annotations

import json
import string
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from parquetry.words.schema import Schema, parse

settings.register_profile("patient", settings(), deadline=None)
settings.load_profile("patient")

Json = Any
Spec = dict[str, Any]

NAMES = ("a", "b", "c", "d e", "f/g", "h~i", "é", "_", "$ref", "properties")
PATTERNS = ("^[a-z]+$", r"^\d{2}$", "b", r"^(?:x|yy)*$", r"^\p{L}+$")
NARROW_INTEGERS = {f"{sign}int{bits}": bits for sign in ("", "u") for bits in (8, 16, 32, 64)}

#: Text as strict JSON may hold it: no half surrogate pairs, no NUL.
texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
#: Text in which normal forms and line ends make a difference.
unruly = st.text(st.sampled_from('ab \r\n"\\eé\u0301\u0308ﬁ①＂＼\u1100\u1161\ufb2c\u0344😀\u2028'), max_size=12)
integers = st.integers(-(2**63), 2**63 - 1)
floats = st.floats(allow_nan=False, allow_infinity=False)
days = st.dates().map(lambda day: day.isoformat())


@st.composite
def instants(draw: st.DrawFn) -> str:
    """Date-times in all the spellings of RFC 3339 that fit into microseconds of the years 2 to 9998."""
    day = draw(st.dates(min_value=st_day(2), max_value=st_day(9998)))
    hours, minutes, seconds = (draw(st.integers(0, top)) for top in (23, 59, 59))
    fraction = draw(st.sampled_from(["", ".5", ".05", ".123456", ".000001", ".000"]))
    offset = draw(st.sampled_from(["Z", "z", "+00:00", "-00:00", "+14:00", "-11:30", "+05:45", "+23:59"]))
    return f"{day}{draw(st.sampled_from('Tt'))}{hours:02}:{minutes:02}:{seconds:02}{fraction}{offset}"


def st_day(year: int) -> Any:
    """The middle of a year."""
    from datetime import date

    return date(year, 7, 1)


def json_values(leaves: int = 6) -> st.SearchStrategy[Json]:
    """Any value that strict JSON can say."""
    atoms = st.none() | st.booleans() | integers | st.integers(0, 2**64 - 1) | floats | texts | days | instants()
    keys = texts.filter(bool)
    return st.recursive(
        atoms, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3), max_leaves=leaves
    )


@st.composite
def specs(draw: st.DrawFn, depth: int = 2) -> Spec:
    """The schema of one property: every kind of column, with rules that judge and do not shape."""
    kinds = [_string, _integer, _number, _boolean, _coded, _labelled, _day, _instant, _map, _formatted]
    kind = draw(st.sampled_from(kinds + [_list, _object] * 2 if depth else kinds))
    spec: Spec = kind(draw, depth)
    return draw(st.sampled_from([_as_it_is, _nullable_type, _any_of_null, _one_of_null, _as_it_is]))(spec)


def _as_it_is(spec: Spec) -> Spec:
    return spec


def _nullable_type(spec: Spec) -> Spec:
    if "enum" in spec:
        return spec | {"enum": [*spec["enum"], None]} | ({"type": [spec["type"], "null"]} if "type" in spec else {})
    if "oneOf" in spec:
        return spec | {"oneOf": [*spec["oneOf"], {"type": "null"}]}
    return spec | {"type": [spec["type"], "null"]}


def _any_of_null(spec: Spec) -> Spec:
    return {"anyOf": [spec, {"type": "null"}], "description": "May be unknown."}


def _one_of_null(spec: Spec) -> Spec:
    return _any_of_null(spec) if "oneOf" in spec else {"oneOf": [{"type": "null"}, spec]}


def _string(draw: st.DrawFn, _depth: int) -> Spec:
    rules = {"minLength": 1, "maxLength": 4, "pattern": draw(st.sampled_from(PATTERNS))}
    return {"type": "string"} | {word: rules[word] for word in draw(st.sets(st.sampled_from(sorted(rules))))}


def _integer(draw: st.DrawFn, _depth: int) -> Spec:
    rules: Spec = {"minimum": -3, "maximum": 100, "multipleOf": 3, "exclusiveMinimum": 0.5, "exclusiveMaximum": 99.5}
    spec: Spec = {"type": "integer"} | {word: rules[word] for word in draw(st.sets(st.sampled_from(sorted(rules))))}
    narrow = draw(st.none() | st.sampled_from(sorted(NARROW_INTEGERS)))
    return spec | ({"x-arrow": narrow} if narrow else {})


def _number(draw: st.DrawFn, _depth: int) -> Spec:
    rules: Spec = {"minimum": -0.5, "maximum": 1e6, "multipleOf": 0.01}
    spec: Spec = {"type": draw(st.sampled_from(["number", "number", ["integer", "number"]]))}
    if isinstance(spec["type"], str):
        spec |= {word: rules[word] for word in draw(st.sets(st.sampled_from(sorted(rules))))}
        narrow = draw(st.none() | st.sampled_from(["float32", "float64"]))
        return spec | ({"x-arrow": narrow} if narrow else {})
    return {"type": "number"}


def _boolean(_draw: st.DrawFn, _depth: int) -> Spec:
    return {"type": "boolean"}


def _coded(draw: st.DrawFn, _depth: int) -> Spec:
    choices: list[list[Json]] = [["x", "y", "é"], [1, 2, 30], [0.5, 1.0], [True], ["2020-01-01"]]
    values = draw(st.sampled_from(choices))
    kind = {str: "string", bool: "boolean", int: "integer", float: "number"}[type(values[0])]
    return {"enum": values} | draw(st.sampled_from([{}, {"type": kind}]))


def _labelled(draw: st.DrawFn, _depth: int) -> Spec:
    values = draw(st.sampled_from([["x", "y"], [1, 2, 3]]))
    return {"oneOf": [{"const": value, "title": f"Title {value}", "description": "What it means."} for value in values]}


def _day(_draw: st.DrawFn, _depth: int) -> Spec:
    return {"type": "string", "format": "date"}


def _instant(_draw: st.DrawFn, _depth: int) -> Spec:
    return {"type": "string", "format": "date-time"}


def _formatted(draw: st.DrawFn, _depth: int) -> Spec:
    return {"type": "string", "format": draw(st.sampled_from(["uri", "email", "uuid", "ipv4", "time", "json-pointer"]))}


def _map(draw: st.DrawFn, _depth: int) -> Spec:
    rules: Spec = {
        "additionalProperties": draw(st.sampled_from([True, {"type": "integer"}, {"type": ["string", "null"]}])),
        "propertyNames": {"pattern": "^[a-z]+$"},
        "maxProperties": 2,
        "minProperties": 1,
        "required": ["a"],
    }
    return {"type": "object"} | {word: rules[word] for word in draw(st.sets(st.sampled_from(sorted(rules))))}


def _list(draw: st.DrawFn, depth: int) -> Spec:
    rules: Spec = {"minItems": 1, "maxItems": 2, "uniqueItems": True}
    spec: Spec = {"type": "array", "items": draw(specs(depth - 1))}
    return spec | {word: rules[word] for word in draw(st.sets(st.sampled_from(sorted(rules))))}


def _object(draw: st.DrawFn, depth: int) -> Spec:
    members = draw(st.dictionaries(st.sampled_from(NAMES), specs(depth - 1), min_size=1, max_size=3))
    required = draw(st.lists(st.sampled_from(sorted(members)), unique=True))
    return {"type": "object", "additionalProperties": False, "required": required, "properties": members}


@st.composite
def documents(draw: st.DrawFn, depth: int = 2) -> Spec:
    """The JSON Schema of a record; some of its properties are described under ``$defs``."""
    document = _object(draw, depth + 1)
    moved = draw(st.sets(st.sampled_from(sorted(document["properties"]))))
    definitions = {f"d{i}": document["properties"][name] for i, name in enumerate(sorted(moved))}
    for i, name in enumerate(sorted(moved)):
        document["properties"][name] = {"$ref": f"#/$defs/d{i}", "description": "Moved."}
    return document | ({"$defs": definitions} if definitions else {})


def schemas(depth: int = 2) -> st.SearchStrategy[Schema]:
    """Schemas that are read without a mistake."""
    return documents(depth).map(schema)


def schema(document: Spec, name: str = "test.schema.json") -> Schema:
    """A JSON Schema, read."""
    return parse(json.dumps(document).encode(), name)


def table(**properties: Spec) -> Schema:
    """The schema of records with these properties, none of them required."""
    return schema({"type": "object", "additionalProperties": False, "properties": properties})


def matching(spec: Spec, document: Spec | None = None) -> st.SearchStrategy[Json]:
    """Values of the type that a schema of `specs` describes; most of them satisfy its rules too."""
    document = document or spec
    if "$ref" in spec:
        return matching(document["$defs"][spec["$ref"].rsplit("/", 1)[1]], document)
    for word in ("anyOf", "oneOf"):
        if word in spec:
            return st.one_of([matching(choice, document) for choice in spec[word]])
    if "enum" in spec or "const" in spec:
        return st.sampled_from(spec.get("enum", [spec.get("const")]))
    if isinstance(spec["type"], list):
        return st.one_of([matching(spec | {"type": kind}, document) for kind in spec["type"]])
    return _MATCHING[spec["type"]](spec, document)


def _matching_text(spec: Spec, _document: Spec) -> st.SearchStrategy[str]:
    if spec.get("format") == "date":
        return days
    if spec.get("format") == "date-time":
        return instants()
    if spec.get("format"):
        return st.sampled_from(["http://a/b?c#d", "a@b.c", "0" * 8 + "-0000-4000-8000-" + "0" * 12, "1.2.3.4", "/a/0"])
    return texts | st.text(string.ascii_lowercase, min_size=1, max_size=4) | st.sampled_from(["12", "b", "xyyx", "ä"])


def _matching_integer(spec: Spec, _document: Spec) -> st.SearchStrategy[int | float]:
    bits = NARROW_INTEGERS.get(spec.get("x-arrow", ""), 64)
    low, high = (
        (0, 2**bits - 1) if spec.get("x-arrow", "").startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    )
    small = st.integers(0, 30).map(lambda number: 3 * number)
    return small | small.map(float) | st.integers(low, high)


def _matching_number(spec: Spec, _document: Spec) -> st.SearchStrategy[int | float]:
    wide = st.floats(allow_nan=False, allow_infinity=False, width=32 if spec.get("x-arrow") == "float32" else 64)
    return wide | st.integers(-(2**24), 2**24) | st.integers(0, 10_000).map(lambda cents: cents / 100)


def _matching_list(spec: Spec, document: Spec) -> st.SearchStrategy[list[Json]]:
    return st.lists(matching(spec["items"], document), max_size=3)


def _matching_object(spec: Spec, document: Spec) -> st.SearchStrategy[dict[str, Json]]:
    if "properties" not in spec:
        rest = spec.get("additionalProperties", True)
        inner = json_values() if rest is True else matching(rest, document)
        return st.dictionaries(
            st.text(string.ascii_lowercase, min_size=1, max_size=2) | texts.filter(bool), inner, max_size=2
        )
    members = {name: matching(member, document) for name, member in spec["properties"].items()}
    required = {name: members[name] for name in spec.get("required", ())}
    return st.fixed_dictionaries(required, optional={n: m for n, m in members.items() if n not in required})


_MATCHING: dict[str, Any] = {
    "string": _matching_text,
    "integer": _matching_integer,
    "number": _matching_number,
    "boolean": lambda _spec, _document: st.booleans(),
    "null": lambda _spec, _document: st.none(),
    "array": _matching_list,
    "object": _matching_object,
}


@st.composite
def records(draw: st.DrawFn, document: Spec) -> dict[str, Json]:
    """Objects near a schema: of its shape, but some values are of any kind, some missing, some too many."""
    record: dict[str, Json] = dict(draw(matching(document)))
    for name in draw(st.sets(st.sampled_from(sorted(document["properties"])), max_size=1)):
        record[name] = draw(json_values())
    for name in draw(st.sets(st.sampled_from(sorted(document["properties"])), max_size=1)):
        record.pop(name, None)
    return record | draw(st.just({}) | st.just({}) | st.dictionaries(st.just("more"), json_values(2), max_size=1))


@st.composite
def schemas_with_matching(draw: st.DrawFn, depth: int = 2) -> tuple[Schema, list[dict[str, Json]]]:
    """A schema, and records of its shape."""
    document = draw(documents(depth))
    return schema(document), draw(st.lists(matching(document), max_size=4))


@st.composite
def schemas_with_records(draw: st.DrawFn, depth: int = 2) -> tuple[Schema, list[dict[str, Json]]]:
    """A schema, and records near it."""
    document = draw(documents(depth))
    return schema(document), draw(st.lists(records(document), min_size=1, max_size=5))


@st.composite
def mutated(draw: st.DrawFn, document: Json, names: tuple[str, ...] = NAMES) -> Json:
    """A document with one of its values replaced, removed, or joined by another."""
    if draw(st.booleans()) or not isinstance(document, dict | list) or not document:
        return draw(_replacement(document, names))
    if isinstance(document, list):
        index = draw(st.integers(0, len(document) - 1))
        return [*document[:index], draw(mutated(document[index], names)), *document[index + 1 :]]
    key = draw(st.sampled_from(sorted(document)))
    rest = {name: value for name, value in document.items() if name != key}
    return draw(st.just(rest) | mutated(document[key], names).map(lambda value: rest | {key: value}))


def _replacement(value: Json, names: tuple[str, ...]) -> st.SearchStrategy[Json]:
    anything = (
        st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", 1.5, [], {}, [{}], [True], ["x"]])
    )
    if isinstance(value, dict):
        return anything | st.tuples(st.sampled_from(names), anything).map(lambda item: value | {item[0]: item[1]})
    if isinstance(value, list):
        return anything | anything.map(lambda item: [*value, item])
    return anything


#: Values on which engines part: equal numbers of two types, edges of exact integers, line ends, two forms of a letter.
tricky = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 5)
    | st.sampled_from([0.0, -0.0, 1.0, 1.5, 0.29, 0.01, 1e300, 2.0**53, 2**53 + 1, 2**63])
    | st.sampled_from(["", "a", "b", "a\n", "é", "e\u0301", "aa", "\u0661", "\U0001f600", "2020-02-30", "a@b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", "b", "a\n", "é", "x"]), inner),
    max_leaves=6,
)


def _keywords(inner: st.SearchStrategy[Json]) -> dict[str, st.SearchStrategy[Json]]:
    """Every keyword that judges, with what may stand behind it."""
    patterns = st.sampled_from(["^a$", "^[a-z]+$", r"^\d$", r"^\w$", r"^\p{L}$", "b", r"^\S*$", "^$"])
    kinds = st.sampled_from(["null", "boolean", "integer", "number", "string", "array", "object"])
    names, few, some = st.sampled_from(["a", "b", "é"]), st.integers(0, 2), st.lists(inner, min_size=1, max_size=2)
    named = st.dictionaries(names, inner, max_size=2)
    words: dict[str, st.SearchStrategy[Json]] = {
        "type": kinds | st.lists(kinds, min_size=1, max_size=3, unique=True),
        "enum": st.lists(tricky, min_size=1, max_size=3),
        "const": tricky,
        "multipleOf": st.sampled_from([1, 2, 0.01, 0.1, 1.5, 1e-8]),
        "pattern": patterns,
        "format": st.sampled_from(["date", "uri", "ipv4", "uuid", "email", "time", "duration"]),
        "uniqueItems": st.booleans(),
        "patternProperties": st.dictionaries(patterns, inner, max_size=2),
        "required": st.lists(names, unique=True),
        "dependentRequired": st.dictionaries(names, st.lists(names, unique=True), max_size=1),
    }
    words |= dict.fromkeys(
        ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), st.sampled_from([0, 1.5, 2**53])
    )
    words |= dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), few)
    words |= dict.fromkeys(("minContains", "maxContains"), few) | dict.fromkeys(
        ("properties", "dependentSchemas"), named
    )
    words |= dict.fromkeys(("items", "contains", "unevaluatedItems", "additionalProperties", "propertyNames"), inner)
    words |= dict.fromkeys(("unevaluatedProperties", "not", "if", "then", "else"), inner)
    return words | dict.fromkeys(("allOf", "anyOf", "oneOf", "prefixItems"), some)


def _some_keywords(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Spec]:
    words = _keywords(inner)
    chosen = st.sets(st.sampled_from(sorted(words)), max_size=4)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({name: words[name] for name in sorted(names)}))


#: Any JSON Schema, also one that no table can have.
rules = st.recursive(st.booleans() | _some_keywords(st.booleans()), _some_keywords, max_leaves=5)
