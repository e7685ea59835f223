"""Records -> the draft of a JSON Schema that accepts all of them.

What the values have in common is stated: types, nulls, dates, the few values of a coded field. What they cannot say is
asked, in a ``description`` that is a question until someone answers it, and in a ``$comment`` where the values raise
one. The draft is a beginning: a rule that happens to hold is not yet one that must.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from parquetry.start.seen import CODE, INT64, Seen
from parquetry.words.errors import InputError, Problem, pointer
from parquetry.words.schema import DIALECT

#: A few values are taken for codes if each stands there so often on average.
OFTEN = 5
#: The share of values that may be odd where all others have a form.
_ODD = 0.05
#: Forms that a text may be meant to have, and what to write to have them.
_FORMS = {
    "date": ("dates", "then add format: date"),
    "date-time": ("instants", "then add format: date-time"),
    "number": ("numbers", "then say number"),
    "day": ("dates", "write all as YYYY-MM-DD, and add format: date"),
}
#: So many characters on average are taken for prose, if they are words.
PROSE = 60
#: The span of numbers that looks like a scale.
_SCALE = 10
#: What the cells of CSV can mean besides text and dates.
_MEANT = ("boolean", "integer", "number")
#: How to say that there is no value, in JSON and in CSV.
_EMPTY = ("write null instead", "empty these cells")
#: Integers that are years, most likely.
_YEARS = (1500, 2100)
Spec = dict[str, Any]


class _Mixed(Exception):
    """Values that no column can hold together."""

    def __init__(self, where: str, what: str) -> None:
        super().__init__(where, what)
        self.where, self.what = where, what


def draft(seen: Seen, about: str, *, cells: bool = False) -> Spec:
    """The JSON Schema of the records that were seen.

    Args:
        seen: All records, each added as an object.
        about: Where they come from, for a ``$comment``.
        cells: Whether they are texts of a CSV file, which mean numbers and booleans where all of a column do.

    Raises:
        InputError: With each property whose values have no common type.
    """
    properties, required, problems = dict[str, Spec](), list[str](), list[Problem]()
    for name, inner in seen.members.items():
        try:
            properties[name] = _property(inner, seen.values, pointer(name), cells=cells)
        except _Mixed as mixed:
            fix = "give it one type in all records, or make two properties of it"
            problems.append(Problem("DRAFT_TYPES", mixed.where, mixed.what, fix))
        if inner.values == seen.values:
            required.append(name)
    if problems:
        raise InputError(*problems)
    return {
        "$schema": DIALECT,
        "$comment": f"A draft, made from {about}. It accepts all of them; what must be so is yours to say.",
        "description": "What is one record, in a sentence?",
        "type": "object",
        "additionalProperties": False,
        "required": required,
        "properties": properties,
    }


def prose(seen: Seen) -> bool:
    """Whether the values are text to be read, by which duplicates can be told."""
    long = seen.characters >= PROSE * seen.values and 2 * seen.sentences > seen.values
    return list(seen.types) == ["string"] and long


def _property(seen: Seen, rows: int, place: str, *, cells: bool) -> Spec:
    """The schema of one property of so many objects."""
    spec = _spec(seen, place, cells=cells)
    comments, question = list(_comments(seen, spec, rows, cells=cells)), _question(spec, seen)
    if seen.nulls:
        spec["type"] = [spec["type"], "null"]
        if "enum" in spec:
            spec["enum"] = [*spec["enum"], None]
    return ({"$comment": " ".join(comments)} if comments else {}) | {"description": question} | spec


def _spec(seen: Seen, place: str, *, cells: bool = False) -> Spec:
    """Types and rules; null aside."""
    kind = _kind(seen, place, cells=cells)
    if kind in ("date", "date-time"):
        return {"type": "string", "format": kind}
    if kind == "object":
        return _object(seen, place)
    if kind == "array":
        return {"type": "array", "items": _items(seen.items or Seen(), place)}
    spec: Spec = {"type": kind}
    if kind == "string" and seen.values and (values := _codes(seen)):
        spec["enum"] = values
    elif kind == "string" and seen.values and not seen.empty:
        spec["minLength"] = 1
    elif kind == "integer" and seen.high >= INT64 and not cells:
        spec["x-arrow"] = "uint64"
    return spec


def _kind(seen: Seen, place: str, *, cells: bool) -> str:
    """The one type of all values, or the format of texts."""
    types: list[str] = list(seen.types)
    if not types:
        return seen.hint or "string"
    if set(types) == {"integer", "number"}:
        types = ["number" if seen.exact else "integer"]
        if not seen.exact and not seen.whole:
            raise _Mixed(place, "fractions stand beside integers that no float can hold")
    if len(types) > 1:
        found = ", ".join(f"{kind} ({where})" for kind, where in seen.types.items())
        raise _Mixed(place, f"a column has one type, found {found}")
    if types == ["integer"] and seen.low < 0 and seen.high >= INT64:
        raise _Mixed(place, "no type of integer holds both the smallest and the largest value")
    if types == ["string"] and not seen.nothing and not seen.empty:
        meant = ["date", "date-time", *_MEANT] if cells else ["date", "date-time"]
        if form := next((form for form in meant if form in seen.forms), ""):
            return form
    return seen.hint if seen.hint in ("date", "date-time", "number") else types[0]


def _object(seen: Seen, place: str) -> Spec:
    """The schema of a nested object; an open map where its members are not always the same kind of thing."""
    question = "An open map, kept as JSON text: its members are not named here."
    if seen.open or not seen.members or not all(name.isprintable() for name in seen.members):
        return {"$comment": question, "type": "object"}
    try:
        members = {
            name: _property(one, seen.values, place + pointer(name), cells=False) for name, one in seen.members.items()
        }
    except _Mixed as mixed:
        return {"$comment": f"{question} At {mixed.where}: {mixed.what}.", "type": "object"}
    required = [name for name, one in seen.members.items() if seen.values and one.values == seen.values]
    return {"type": "object", "additionalProperties": False, "required": required, "properties": members}


def _items(seen: Seen, place: str) -> Spec:
    """The schema of the elements of a list."""
    spec = _spec(seen, place + "/-")
    spec.pop("minLength", None)
    if seen.nulls:
        spec["type"] = [spec["type"], "null"]
        if "enum" in spec:
            spec["enum"] = [*spec["enum"], None]
    return spec


def _codes(seen: Seen) -> list[str]:
    """The values of a coded field; none if it does not look like one."""
    few = sorted(seen.few or ())
    if len(few) < 2 or seen.values < OFTEN * len(few) or seen.longest > CODE:
        return []
    return few


def _comments(seen: Seen, spec: Spec, rows: int, *, cells: bool) -> Iterator[str]:
    """What the values of a property make one ask."""
    if "$comment" in spec:
        yield spec.pop("$comment")
    if "enum" in spec:
        yield "These are all values in the draft's records: can there be others? Then remove enum."
        yield "To explain each, write oneOf: [{const, title, description}, …] instead."
    if not seen.values:
        yield "There is no value in any record: is it needed?"
    elif seen.values < rows:
        yield f"{rows - seen.values:,} of {rows:,} records have no value: what does that mean?"
    if spec["type"] in ("integer", "number") and seen.few and len(seen.few) > 2:
        yield from _scale(seen, cells=cells)
    if spec["type"] == "string" and "format" not in spec and seen.values:
        yield from _texts(seen, cells=cells)


def _scale(seen: Seen, *, cells: bool) -> Iterator[str]:
    low, high = seen.low, seen.high
    if low >= 0 and high <= _SCALE and (seen.whole or cells) and low == int(low) and high == int(high):
        yield f"All values are between {low:g} and {high:g}: is this a scale? Then add minimum and maximum."


def _texts(seen: Seen, *, cells: bool) -> Iterator[str]:
    forms = seen.forms if len(seen.nothing) < len(seen.few or (1,) * 99) else set()
    said = ", ".join(sorted(seen.nothing))
    means = f"if they say that there is none, {_EMPTY[cells]}"
    if said and forms & {"number", "date", "date-time"}:
        kind = "number" if "number" in forms else "date"
        yield f"All values but {said} have the form of a {kind}: {means}, and say {kind}."
    elif said and seen.few is None:
        yield f"Some values are {said}: {means}."
    elif "zeros" in forms and not forms & {"integer"}:
        yield "Digits, but with leading zeros, or too many for a number: kept as text."
    elif "number" in forms and not cells:
        yield "All values are numbers written as text: is that meant?"
    elif "commas" in forms:
        yield "These look like numbers with commas: to have numbers, write them without, as in 1193.91."
    elif "day" in forms:
        yield "These look like dates: to have dates, write them YYYY-MM-DD, and add format: date."
    elif "address" in forms:
        yield "All values are addresses: with format: uri, others are refused."
    else:
        yield from _nearly(seen)


def _nearly(seen: Seen) -> Iterator[str]:
    """What almost all texts look like."""
    for form, (kind, then) in _FORMS.items():
        if (odd := seen.odd.get(form)) and len(odd) <= _ODD * seen.values:
            yield f"All but {' and '.join(odd)} look like {kind}: correct these if they are mistakes, {then}."
            return


def _question(spec: Spec, seen: Seen) -> str:
    """What a description must answer: it stands there until someone does."""
    if "enum" in spec:
        return "What is told apart here, and who decided it by which rules?"
    if spec["type"] == "integer" and _YEARS[0] <= seen.low and seen.high <= _YEARS[1]:
        return "Which year is it, by what?"
    if spec["type"] in ("integer", "number"):
        return "What is counted or measured here, and in which unit?"
    if spec.get("format"):
        return "When did what happen, by which calendar or clock?"
    return {
        "boolean": "What is true, and what does false mean?",
        "array": "What does the list hold, in which order?",
        "object": "What is described here?",
    }.get(spec["type"], "What does it say, and who wrote it?")
