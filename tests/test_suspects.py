"""Suspects may be too many, never too few."""

from __future__ import annotations

import copy
import json
from typing import Any

import jsonschema_rs
import pyarrow as pa
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from strategies import Json, Spec, days, schemas_with_matching
from strategies import table as table_of

from parquetry.record import suspects as suspects_of
from parquetry.record.judge import compiled, judge
from parquetry.record.rules import RULES as WHOLE
from parquetry.record.suspects import suspects
from parquetry.record.validate import validate
from parquetry.sources.conform import document, record
from parquetry.words.errors import SchemaError
from parquetry.words.schema import Schema, parse
from parquetry.words.strict_json import NotJson

Case = tuple[Schema, list[dict[str, Any]]]
#: Rules that a matching value may break, by the type that they are about.
RULES: dict[str, list[dict[str, Any]]] = {
    "string": [
        *[
            {"minLength": 2},
            {"maxLength": 3},
            {"minLength": 1, "maxLength": 2},
            {"pattern": "^[a-z]*$"},
            {"pattern": r"\d"},
        ],
        *[{"format": "uri"}, {"format": "email"}, {"enum": ["a", "b", ""]}, {"const": "a"}, {"not": {"const": ""}}],
    ],
    "integer": [{"minimum": 0}, {"exclusiveMaximum": 5}, {"multipleOf": 2}, {"enum": [0, 1, 2]}],
    "number": [{"maximum": 0.5}, {"multipleOf": 0.01}, {"exclusiveMinimum": 0}],
    "boolean": [{"const": True}],
    "array": [{"minItems": 1}, {"maxItems": 1}, {"uniqueItems": True}, {"contains": {"type": "string"}}],
    "object": [{"minProperties": 1}, {"maxProperties": 0}],
}
TOP = [
    {},
    {},
    {"if": {"required": ["a"]}, "then": {"minProperties": 2}},
    {"minProperties": 1},
    {"dependentRequired": {"a": ["b"]}},
]


@given(schemas_with_matching(), st.data())
def test_what_is_not_suspected_is_right(case: Case, data: st.DataObject) -> None:
    schema, documents = case
    stricter = copy.deepcopy(schema.document)
    for name, spec in stricter["properties"].items():
        kinds = spec.get("type", []) if isinstance(spec.get("type", []), list) else [spec["type"]]
        rules = [rule for kind in kinds for rule in RULES.get(kind, [])]
        if rules and data.draw(st.booleans()):
            rule = data.draw(st.sampled_from(rules))
            stricter["properties"][name] = {**rule, **spec}
        if data.draw(st.booleans()):
            stricter["required"] = sorted({*stricter.get("required", ()), name})
    if data.draw(st.booleans()):
        stricter["required"] = [*stricter.get("required", ()), "no column"]
    strict = parse(json.dumps({**data.draw(st.sampled_from(TOP)), **stricter}).encode(), "s")
    rows = [record(strict, one) for one in documents]
    batch = pa.RecordBatch.from_pylist(rows, schema=strict.arrow)
    right = [judge(document(strict.fields, row), strict) is None for row in rows]
    assert all(ok or suspected for ok, suspected in zip(right, suspects(batch, strict).tolist(), strict=True))
    assert validate(batch, strict).kept.num_rows == sum(right)


@pytest.mark.parametrize(
    ("words", "some"),
    [
        ({}, False),
        ({"title": "x", "description": "y", "x-mine": 1}, True),
        ({"allOf": [{"required": ["a"]}]}, True),
        ({"if": {"required": ["a"]}}, True),
        ({"minProperties": 1}, True),
        ({"required": ["a"]}, False),
        ({"required": ["a", "c"]}, True),
    ],
)
def test_rules_across_columns_make_all_rows_suspects(words: dict[str, Any], some: bool) -> None:
    fields = {"a": {"type": "string", "maxLength": 9}, "b": {"type": "integer", "minimum": 0}}
    whole = {"type": "object", "additionalProperties": False, "properties": fields, **words}
    schema = parse(json.dumps(whole).encode(), "s")
    batch = pa.RecordBatch.from_pylist([{"a": "x", "b": 1}] * 3, schema=schema.arrow)
    assert suspects(batch, schema).tolist() == [some] * 3


#: Texts on which readers of expressions and of formats part.
ODD = [
    *["", "a", "ab", "abc", "b", "12", "a\n", "\n", "a b", "a\u00a0b", "\u2028", "\u00e9", "e\u0301", "\u0661"],
    *["a-b", "_", "\\", "ab\r\n", "A", "x" * 40, "\t", "\x1c", "\x85", "\ufeff", "\u180e"],
    *["\u017f", "\u212a", "\U0001f600"],
    *["http://a.b/c?d#e", "http://a/b c", "http://a:b/", "http://a:99999/", "http://", "http:///a", "HTTP://A", "//a"],
    *["http://a/%zz", "http://a/%20", "http://[::1]/", "http://a.b\n", "mailto:a@b", "http://\u00e9", "http://a/["],
    *["http://-a-/?#", "http://a//b", "http://a?b?c#d/?", "http://a#b#c", "http://u@a/", "h+1-.x://a:/", "http://a|b"],
    *["x:", "12345678-1234-4234-8234-123456789abc", "12345678-1234-4234-8234-123456789ABC"],
    *["12345678123442348234123456789abc", "12345678123442348234123456789abcd", "1" * 36],
    *["{12345678-1234-4234-8234-123456789abc}", "00000000-0000-0000-0000-000000000000"],
    *["12345678-1234-4234-8234-123456789abc\n", "urn:uuid:12345678-1234-4234-8234-123456789abc"],
    *["a@b", "a@b.c\n", "@", "a@", "@b", "a b@c", "a@@b", "a.b+c@d-e.f", ".@.", "a@b@c"],
    *["1.2.3.4", "01.2.3.4", "256.1.1.1", "1.2.3", "1.2.3.4.5", "1.2.3.4\n", " 1.2.3.4", "1.2.3.\u0664", "0.0.0.0"],
]
FORMATS = ("uri", "uuid", "email", "ipv4", "ipv6", "hostname", "time", "unheard-of")
PATTERNS = (
    *[r"^[a-z]+$", r"^\d+$", r"\w", r"^\w*$", r"\s", r"^\S*$", ".", "^.$", "^a.?b$", "a$", "^$", "^a$", r"\bb", "[^a]"],
    *["(?i)^a$", "(?i)k", "(?i)^[^k]$", r"^\p{L}$", "^\u00e9$", "^(a|b)*$", "^(?:ab|c){1,2}$", "a{2,}", r"^[\w.-]+$"],
    *[r"[^\w]", r"^[^\d]+$", r"^\.$", r"^[ -~]*$", "(?!a)b", r"(a)\1", "^[A-Za-z_ -]*$", "a|^b$", "^x{40}$", r"\n$"],
)


@st.composite
def ruled(draw: st.DrawFn, depth: int = 2) -> tuple[Spec, st.SearchStrategy[Json]]:
    """The schema of a value with every rule that is asked of whole columns, and values of its type."""
    kinds = [_ruled_text, _ruled_text, _ruled_integer, _ruled_number, _ruled_day, _ruled_labels]
    spec, values = draw(st.sampled_from(kinds + [_ruled_list, _ruled_object] * 2 if depth > 0 else kinds))(draw, depth)
    wrap = draw(st.sampled_from(["", "", "type", "anyOf", "oneOf", "allOf", "allOf", "twice"]))
    if wrap == "type" and isinstance(spec.get("type"), str) and not spec.keys() & {"enum", "const"}:
        return spec | {"type": [spec["type"], "null"]}, st.none() | values
    if wrap in ("anyOf", "oneOf") and wrap not in spec:
        return {wrap: draw(st.permutations([spec, {"type": "null"}]))}, st.none() | values
    if wrap == "allOf":  # some words apart
        words = draw(st.sets(st.sampled_from(sorted(spec)))) - {"type"}
        return {w: v for w, v in spec.items() if w not in words} | {"allOf": [{w: spec[w] for w in words}]}, values
    if wrap == "twice":  # another schema of the same type holds beside it
        other, others = (_RULED.get(str(spec.get("type")), _ruled_text))(draw, depth - 1)
        words = draw(st.sampled_from([(), (), ("type",), ("properties",)]))
        both = {"allOf": [spec, {word: other[word] for word in other if word not in words}]}
        return both, st.tuples(values, others).map(lambda pair: _joined(*pair))
    return spec, values


def _joined(one: Json, other: Json) -> Json:
    """A value of two schemas."""
    return other | one if isinstance(one, dict) and isinstance(other, dict) else one


def some_of(draw: st.DrawFn, rules: Spec) -> Spec:
    """Some of the words of a schema."""
    return {word: rules[word] for word in draw(st.sets(st.sampled_from(sorted(rules)), max_size=3))}


def _ruled_text(draw: st.DrawFn, _depth: int) -> tuple[Spec, st.SearchStrategy[Json]]:
    rules = {"minLength": draw(st.sampled_from([0, 1, 2, 2.0])), "maxLength": draw(st.sampled_from([0, 1, 3, 36]))}
    rules |= {"pattern": draw(st.sampled_from(PATTERNS)), "format": draw(st.sampled_from(FORMATS))}
    rules |= {"enum": draw(st.lists(st.sampled_from([*ODD[:8], None, 1]), min_size=1, unique=True)), "const": "a"}
    return {"type": "string"} | some_of(draw, rules), st.sampled_from(ODD) | st.text("ab1\n ", max_size=3)


def _ruled_integer(draw: st.DrawFn, _depth: int) -> tuple[Spec, st.SearchStrategy[Json]]:
    limits = st.integers(-3, 3) | st.sampled_from([0.5, 1.0, 2**53, 2**63 - 1, -(2**63), 1e30])
    rules: Spec = {w: draw(limits) for w in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")}
    rules |= {"enum": draw(st.lists(st.sampled_from([0, 1, 2, 1.0, "a", 2**63, None]), min_size=1)), "const": 2}
    narrow = draw(st.sampled_from([{}, {"x-arrow": "int8"}, {"x-arrow": "uint64"}]))
    small = st.integers(-3, 3) if narrow.get("x-arrow") != "uint64" else st.integers(0, 3)
    wide = {"": st.sampled_from([2**53 + 1, 2**63 - 1, -(2**63)]), "uint64": st.just(2**64 - 1)}
    rules = some_of(draw, rules)
    if "enum" in rules:
        rules["enum"] = [value for number, value in enumerate(rules["enum"]) if value not in rules["enum"][:number]]
    return {"type": "integer"} | narrow | rules, small | wide.get(narrow.get("x-arrow", ""), st.just(127))


def _ruled_number(draw: st.DrawFn, _depth: int) -> tuple[Spec, st.SearchStrategy[Json]]:
    limits = st.sampled_from([-1, 0, 0.1, 0.5, 1, 2**53, 1e300])
    rules: Spec = {w: draw(limits) for w in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")}
    rules |= {"enum": [0, 0.5], "const": 0.1, "multipleOf": 0.1}
    narrow = draw(st.sampled_from([{}, {"x-arrow": "float32"}]))
    values = st.sampled_from([0.0, -0.0, 0.1, 0.5, 0.30000000000000004, 1, -1.5, 2.0**53, 1e30])
    return {"type": "number"} | narrow | some_of(draw, rules), values


def _ruled_day(draw: st.DrawFn, _depth: int) -> tuple[Spec, st.SearchStrategy[Json]]:
    rules = some_of(draw, {"enum": ["2020-01-01"], "pattern": "^2", "maxLength": 10})
    return {"type": "string", "format": "date"} | rules, st.just("2020-01-01") | days


def _ruled_labels(draw: st.DrawFn, _depth: int) -> tuple[Spec, st.SearchStrategy[Json]]:
    values = draw(st.sampled_from([["a", "b"], [1, 2], ["a", "a"], [True]]))
    branches: list[Spec] = [{"const": value, "title": "What it means."} for value in values]
    more = draw(st.sampled_from([[], [{"type": "null"}], [{"title": "any"}], [{"const": "a", "minLength": 2}]]))
    kind = {str: "string", int: "integer", bool: "boolean"}[type(values[0])]
    named = {} if more == [{"type": "null"}] else {"type": kind}
    word = draw(st.sampled_from(["anyOf", "oneOf"]))
    others = {"string": ["c", ""], "integer": [0, 3], "boolean": [False]}[kind]
    return {word: branches + more} | named, st.sampled_from([*values, *others])


def _ruled_list(draw: st.DrawFn, depth: int) -> tuple[Spec, st.SearchStrategy[Json]]:
    items, values = draw(ruled(depth - 1))
    rules = some_of(draw, {"minItems": 1, "maxItems": draw(st.sampled_from([1, 2.0, 1e30])), "uniqueItems": True})
    rules |= some_of(draw, {"contains": {"const": "a"}}) if draw(st.booleans()) else {}
    return {"type": "array", "items": items} | rules, st.lists(values | st.none(), max_size=3)


def _ruled_object(draw: st.DrawFn, depth: int) -> tuple[Spec, st.SearchStrategy[Json]]:
    members = {name: draw(ruled(depth - 1)) for name in draw(st.sets(st.sampled_from("abc"), min_size=1))}
    specs: Spec = {name: spec for name, (spec, _) in members.items()}
    closed = draw(st.sampled_from(["additionalProperties", "unevaluatedProperties"]))
    spec: Spec = {"type": "object", "properties": specs, closed: False}
    rules = {"required": sorted(draw(st.sets(st.sampled_from("abcd")))), "minProperties": 1}
    if draw(st.integers(0, 3)) == 0:
        rules |= {"anyOf": [{"required": ["a"]}, draw(st.sampled_from([{"type": "null"}, {"required": ["b"]}]))]}
    return spec | some_of(draw, rules), st.fixed_dictionaries(
        {}, optional={name: st.none() | values for name, (_, values) in members.items()}
    )


_RULED = {"integer": _ruled_integer, "number": _ruled_number, "array": _ruled_list, "object": _ruled_object}


@st.composite
def nested(draw: st.DrawFn) -> tuple[Schema, list[dict[str, Any]]]:
    """A schema with rules in all places, some of them under ``$defs``, and records in the types of its columns."""
    members = {name: draw(ruled()) for name in draw(st.sets(st.sampled_from("abc"), min_size=1))}
    specs: Spec = {name: spec for name, (spec, _) in members.items()}
    moved = draw(st.sets(st.sampled_from(sorted(specs))))
    deep = draw(st.sampled_from(["#/$defs/{}", "#/$defs/~0{}", "#/$defs/all/properties/{}"]))
    defs: Spec = {name: specs[name] for name in moved} | {f"~{name}": specs[name] for name in moved}
    defs |= {"all": {"properties": {name: specs[name] for name in moved}}} if moved else {}
    properties = specs | {name: {"$ref": deep.format(name)} for name in moved}
    whole: Spec = {"type": "object", "additionalProperties": False, "properties": properties, "$defs": defs}
    whole["required"] = sorted(draw(st.sets(st.sampled_from(sorted(specs)))))
    try:
        schema = parse(json.dumps(whole).encode(), "s")
    except SchemaError:  # its parts do not go together
        assume(False)
        raise
    record_of = st.fixed_dictionaries({}, optional={name: st.none() | values for name, (_, values) in members.items()})
    return schema, draw(st.lists(record_of, min_size=1, max_size=6))


def held(schema: Schema, one: dict[str, Any]) -> dict[str, Any] | None:
    """A record as its columns hold it, if they can."""
    try:
        return record(schema, one)
    except NotJson:
        return None


@given(nested())
@settings(max_examples=200)
def test_rules_inside_of_rules_are_asked_as_the_judge_asks_them(case: Case) -> None:
    schema, documents = case
    rows = [row for one in documents if (row := held(schema, one))]
    batch = pa.RecordBatch.from_pylist([*rows, *rows], schema=schema.arrow).slice(1)
    right = [judge(document(schema.fields, row), schema) is None for row in [*rows, *rows][1:]]
    assert all(ok or suspected for ok, suspected in zip(right, suspects(batch, schema).tolist(), strict=True))
    assert validate(batch, schema).kept.num_rows == sum(right)


S: Spec = {"type": "string"}


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        (S | {"oneOf": [{"const": "a"}, {"title": "any text"}]}, "a"),
        (S | {"anyOf": [{"type": "integer"}, {"type": "null"}]}, "a"),
        (S | {"format": "date", "allOf": [{"format": "email"}]}, "2020-01-01"),
        ({"$ref": "#/$defs/x/properties/y"}, "abc"),
        (
            {
                "allOf": [
                    {"type": "object", "properties": {"a": S}, "additionalProperties": False},
                    {"properties": {"b": S}, "additionalProperties": False},
                ]
            },
            {"a": "x", "b": "y"},
        ),
        (
            {
                "type": "object",
                "additionalProperties": False,
                "properties": {"a": S, "b": S},
                "anyOf": [{"required": ["a"]}, {"type": "null"}],
            },
            {"b": "x"},
        ),
    ],
    ids=["any constant", "no such type", "two formats", "a step further", "closed twice", "required in one branch"],
)
def test_a_schema_that_means_less_than_it_seems_to_is_asked_in_full(spec: Spec, value: Json) -> None:
    defs: Spec = {"x": {"properties": {"y": S | {"maxLength": 1}}}, "x/properties/y": S}
    whole = {"type": "object", "additionalProperties": False, "properties": {"v": spec}, "$defs": defs}
    schema = parse(json.dumps(whole).encode(), "s")
    row = record(schema, {"v": value})
    assert judge(document(schema.fields, row), schema)
    assert suspects(pa.RecordBatch.from_pylist([row], schema=schema.arrow), schema).all()


@given(
    st.sampled_from(PATTERNS)
    | st.lists(
        st.sampled_from(
            [
                *[*"ab1_ -^$.|()*+?", r"\d", r"\w", r"\s", r"\b", r"\.", "[a-z]", "[^a]", r"[^\w]", r"[\d-]", "(?:"],
                *["(?i)", "{2}", "{1,}", "\u00e9", r"\p{L}", "[^", "]", "[ -~]", "(?=", "(?s)", "(?m)", "(?P<n>"],
            ]
        ),
        max_size=8,
    ).map("".join),
    st.lists(st.text("ab1_ -.\n\rAkK\u00e9\u017f\u212a\u0661\u2028", max_size=4) | st.sampled_from(ODD), min_size=1),
)
@settings(max_examples=200)
def test_an_expression_that_is_asked_of_a_column_is_read_as_the_judge_reads_it(pattern: str, texts: list[str]) -> None:
    try:
        single = compiled({"pattern": pattern})
    except (jsonschema_rs.ValidationError, ValueError):  # it is no expression
        return
    found = WHOLE["text", "pattern"](pa.array([*texts, None]), pattern)
    if found is not None:
        assert found.tolist() == [*(not single.is_valid(text) for text in texts), False]


@pytest.mark.parametrize("name", ["uri", "uuid", "email", "ipv4"])
@given(text=st.sampled_from(ODD) | st.text("ab1.:/@%-[]?#{}\n \u0661", max_size=12).map(lambda text: f"http://{text}"))
@example(text="http://a.b/c?d#e")
def test_a_text_that_looks_like_its_format_is_right(name: str, text: str) -> None:
    found = WHOLE["text", "format"](pa.array([text]), name)
    assert found is not None
    assert found.all() or compiled({"format": name}).is_valid(text)


#: Schemas as people write them, values that are right, and values that are not.
PLAIN: list[tuple[Spec, list[Json], list[Json]]] = [
    (S | {"minLength": 1, "maxLength": 3}, ["a", "\u00e9\u00e9\u00e9"], ["", "abcd"]),
    (S | {"pattern": "^[A-Z]{3}-\\d+$"}, ["ABC-12"], ["ABC-12\n", "abc-1"]),
    (S | {"enum": ["a", "b"]}, ["a", "b"], ["c", ""]),
    (S | {"const": "a"}, ["a"], ["b"]),
    (S | {"format": "uri"}, ["https://example.org/a/b?c=d&e=%20#f"], ["no uri"]),
    (S | {"format": "uuid"}, ["12345678-1234-4234-8234-123456789abc"], ["12345678"]),
    (S | {"format": "email"}, ["jane.doe@example.org"], ["jane"]),
    (S | {"format": "ipv4"}, ["192.168.0.1"], ["192.168.0.256"]),
    (S | {"format": "date"}, ["2020-01-01"], []),
    (S | {"format": "date-time"}, ["2020-01-01T00:00:00Z"], []),
    ({"type": ["string", "null"], "maxLength": 1}, ["a", None], ["ab"]),
    ({"anyOf": [S | {"maxLength": 1}, {"type": "null"}]}, ["a", None], ["ab"]),
    ({"oneOf": [{"const": "a", "title": "A"}, {"const": "b", "title": "B"}]}, ["a", "b"], ["c"]),
    ({"oneOf": [{"const": 1}, {"const": 2}, {"type": "null"}]}, [1, 2, None], [3]),
    ({"type": "integer", "minimum": 0, "exclusiveMaximum": 5}, [0, 4], [-1, 5]),
    ({"type": "integer", "enum": [1, 2]}, [1], [0]),
    ({"type": "number", "minimum": 0, "maximum": 0.5}, [0.0, 0.5], [-0.1, 0.6]),
    ({"type": "array", "items": S, "minItems": 1, "maxItems": 2, "uniqueItems": True}, [["a", "b"]], [[], ["a", "a"]]),
    ({"type": "array", "items": {"enum": ["a", "b"]}}, [[], ["a", "b"]], [["a", "c"], ["a", None]]),
    ({"type": "array", "items": S | {"pattern": "^a"}}, [["a", "ab"]], [["b"]]),
    (
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["a"],
            "properties": {
                "a": S | {"minLength": 1},
                "b": {"type": "array", "items": {"type": "integer", "minimum": 0}},
            },
        },
        [{"a": "x"}, {"a": "x", "b": [0]}],
        [{"b": [0]}, {"a": ""}, {"a": "x", "b": [-1]}],
    ),
]


@pytest.mark.parametrize("moved", [False, True], ids=["in place", "under $defs"])
@pytest.mark.parametrize(("spec", "right", "wrong"), PLAIN, ids=[json.dumps(one[0])[:60] for one in PLAIN])
def test_plain_rules_are_asked_of_whole_columns_and_suspect_nothing_that_is_right(
    spec: Spec, right: list[Json], wrong: list[Json], moved: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects_of, "_asked", None)  # no value is looked at alone
    schema = table_of(v=spec)
    if moved:
        whole = schema.document | {"properties": {"v": {"$ref": "#/$defs/v"}}, "$defs": {"v": spec}}
        schema = parse(json.dumps(whole).encode(), "s")
    rows = [record(schema, {"v": value}) for value in [*right, *wrong]]
    batch = pa.RecordBatch.from_pylist(rows, schema=schema.arrow)
    fine = [True] * len(right) + [False] * len(wrong)
    assert [judge(document(schema.fields, row), schema) is None for row in rows] == fine
    assert suspects(batch, schema).tolist() == [not one for one in fine]
