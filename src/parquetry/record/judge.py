"""One record -> what is wrong with it, if anything is.

What `jsonschema` says of the row as it will be read back (draft 2020-12, formats asserted) is
the definition; jsonschema-rs gives the same answer many times faster, and the definition is asked to explain what it
refused. Some things are judged by jsonschema-rs in both, so that the answer does not depend on the interpreter:
``pattern`` (ECMA-262, in bounded time), ``multipleOf`` (in decimal, where 0.29 is a multiple of 0.01), and
the formats ``regex``, ``iri`` and ``relative-json-pointer``.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import jsonschema_rs
from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry

from parquetry.sources.conform import type_name
from parquetry.words.errors import pointer
from parquetry.words.schema import Schema, walk

#: The code of a broken rule; the other keywords are `SCHEMA_RULE`.
CODES = {"type": "SCHEMA_TYPE", "required": "SCHEMA_REQUIRED", "dependentRequired": "SCHEMA_REQUIRED"}
CODES |= {"additionalProperties": "SCHEMA_ADDITIONAL", "unevaluatedProperties": "SCHEMA_ADDITIONAL"}
CODES |= {"enum": "SCHEMA_ENUM", "const": "SCHEMA_ENUM", "pattern": "SCHEMA_PATTERN", "format": "SCHEMA_FORMAT"}
CODES |= dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "SCHEMA_RANGE")
CODES |= dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "uniqueItems"), "SCHEMA_LENGTH")


class Verdict(NamedTuple):
    """Why a record is refused."""

    code: str
    pointer: str  #: JSON Pointer of the value at fault.
    message: str


def judge(record: dict[str, Any], schema: Schema) -> Verdict | None:
    """What is wrong with a record, if anything is."""
    fast, exact = validators(schema)
    return None if fast.is_valid(record) else explain(record, exact)


def explain(record: dict[str, Any], exact: Validator) -> Verdict | None:
    """What the definition finds wrong: the first mistake in the order of the schema, and how many more there are."""
    errors = list(exact.iter_errors(record))
    if not errors:
        return None
    error: Any = errors[0]
    while error.context and not _labels(error):  # of alternatives, the one that comes nearest
        error = min(error.context, key=lambda one: (one.validator == "type", -len(one.absolute_path)))
    where = [*error.absolute_path]
    more = f" (and {len(errors) - 1} more: {', '.join(_places(errors[1:4]))})" if len(errors) > 1 else ""
    code = "SCHEMA_ENUM" if _labels(error) else CODES.get(str(error.validator), "SCHEMA_RULE")
    return Verdict(code, pointer(*where), _message(error) + more)


@lru_cache(maxsize=256)
def validators(schema: Schema) -> tuple[Any, Validator]:
    """The fast judge of a schema, and the definition."""
    rules = copy.deepcopy(schema.document)
    for place, part in walk(rules):
        if place:
            part.pop("$schema", None)  # it says what the whole says, and would make `jsonschema` forget our keywords
    words = {"pattern": _by("pattern"), "multipleOf": _by("multipleOf")}
    words |= {"patternProperties": _pattern_properties, "additionalProperties": _additional_properties}
    definition: Any = extend(Draft202012Validator, words)  # type: ignore[no-untyped-call]
    return compiled(rules), definition(rules, registry=Registry(), format_checker=_formats())


def compiled(rules: dict[str, Any]) -> Any:
    """The fast judge of a JSON Schema: formats asserted, nothing fetched."""
    checker = _formats()
    formats = {name: lambda value, name=name: checker.conforms(value, name) for name in checker.checkers}
    return jsonschema_rs.Draft202012Validator(
        rules, formats=formats, validate_formats=True, retriever=_refuse, pattern_options=_LINEAR
    )


@lru_cache(maxsize=1)
def _formats() -> FormatChecker:
    """The formats of `jsonschema`, but for those that Python judges by its own rules."""
    checker = FormatChecker(())
    checker.checkers = dict(Draft202012Validator.FORMAT_CHECKER.checkers)
    for name in ("iri", "iri-reference", "regex", "relative-json-pointer"):
        checker.checks(name)(_single("format", name).is_valid)
    return checker


_LINEAR = jsonschema_rs.FancyRegexOptions(backtrack_limit=1_000_000)


def _refuse(uri: str) -> Any:
    raise ValueError(f"a schema is never fetched: {uri.split('@')[-1]}")


def _by(word: str) -> Any:
    """A keyword of `jsonschema` that asks jsonschema-rs."""

    def rule(_validator: Validator, limit: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
        if not _single(word, limit).is_valid(instance):
            yield ValidationError(f"{instance!r} breaks {word} {limit!r}")

    return rule


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    """``patternProperties`` of `jsonschema`, with the patterns of jsonschema-rs."""
    for pattern, schema in patterns.items() if isinstance(instance, dict) else ():
        for name in filter(_single("pattern", pattern).is_valid, instance):
            yield from validator.descend(instance[name], schema, path=name, schema_path=pattern)


def _additional_properties(validator: Any, rest: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """``additionalProperties`` of `jsonschema`, with the patterns of jsonschema-rs."""
    patterns = [_single("pattern", pattern) for pattern in schema.get("patternProperties", ())]
    for name in instance if isinstance(instance, dict) else ():
        if name not in schema.get("properties", ()) and not any(pattern.is_valid(name) for pattern in patterns):
            if rest is False:
                yield ValidationError(f"the schema names no member {name!r}", path=[name])
            else:
                yield from validator.descend(instance[name], rest, path=name)


@lru_cache(maxsize=1024)
def _single(word: str, limit: Any) -> Any:
    return jsonschema_rs.Draft202012Validator({word: limit}, validate_formats=True, pattern_options=_LINEAR)


def _labels(error: Any) -> list[Any]:
    """The values of a coded field, if an alternative of constants was broken."""
    choices = error.validator_value if error.validator in ("oneOf", "anyOf") else []
    labelled = all(isinstance(one, dict) and ("const" in one or one == {"type": "null"}) for one in choices)
    return [one["const"] for one in choices if "const" in one] if labelled else []


def _places(errors: list[ValidationError]) -> Iterator[str]:
    for error in errors:
        yield f"{pointer(*error.absolute_path)} {_message(error)}".strip()


def _message(error: Any) -> str:
    """What is wrong, in words that do not repeat the whole record."""
    value = repr(error.instance)
    value = value if len(value) <= 80 else value[:79] + "…"
    rule = error.validator_value
    if values := _labels(error) or (rule if error.validator == "enum" else []):
        shown = ", ".join(repr(v) for v in values[:8]) + (", …" if len(values) > 8 else "")
        return f"{value} is not one of {shown}"
    if error.validator == "type":
        wanted = rule if isinstance(rule, str) else " or ".join(rule)
        return f"expected {wanted}, found {type_name(error.instance)}"
    if error.validator == "required":
        missing = next(name for name in rule if error.message.startswith(repr(name)))
        return f"the member {missing!r} is missing or null"
    if error.validator in ("pattern", "format", "const"):
        return f"{value} does not match {error.validator} {rule!r}"
    return error.message if len(error.message) < 160 else f"{value} breaks {error.validator} {rule!r}"
