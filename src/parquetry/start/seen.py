"""The values of a property, one after the other -> what all of them have in common.

It is a sum: looking at more values only adds to it, and it stays small, however many they are.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from parquetry.columnar import headers
from parquetry.sources.conform import type_name, typed
from parquetry.words.fields import Field
from parquetry.words.strict_json import NUMBER, NotJson

#: So many different values are remembered; a property with more is none with few.
FEW = 12
#: So many texts may not have a form that all others have; and so many characters of each are shown.
ODD, CODE = 3, 40
#: An object with more members than this over all records has names that are data: it is an open map.
NAMES = 100
#: Integers that int64 holds, and up to which a float is exact.
INT64, EXACT = 2**63, 2**53
#: Cells that say that there is no value.
_NOTHING = {"NA", "N/A", "n/a", "na", "NaN", "nan", "null", "NULL", "None", "-", "--", "?", ".", "unknown", "Unknown"}


def _is(kind: str) -> Callable[[str], bool]:
    column = Field("", "", kind, nullable=False, required=True)

    def test(text: str) -> bool:
        try:
            return typed(column, text, ()) is not None
        except NotJson:
            return False

    return test


def _matches(pattern: str) -> Callable[[str], bool]:
    expression = re.compile(pattern, re.ASCII)
    return lambda text: bool(expression.fullmatch(text))


def _is_integer(text: str) -> bool:
    return bool(re.fullmatch("-?(0|[1-9][0-9]{0,18})", text)) and -INT64 <= int(text) < INT64


def _is_number(text: str) -> bool:
    if not re.fullmatch(NUMBER, text) or not math.isfinite(float(text)):
        return False
    return not re.fullmatch("-?[0-9]+", text) or (len(text) < 300 and int(float(text)) == int(text))


#: What a text may be besides a text, and how that is told.
FORMS: dict[str, Callable[[str], bool]] = {
    "date": _is("date"),
    "date-time": _is("date-time"),
    "integer": _is_integer,
    "number": _is_number,
    "boolean": _matches("true|false"),
    "zeros": _matches("[0-9]+"),
    "commas": _matches(r"-?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?"),
    "day": _matches(r"[0-9]{1,4}[./-][0-9]{1,2}[./-][0-9]{1,4}"),
    "address": _matches(r"https?://\S+"),
}


@dataclass
class Seen:
    """What the values of one property have in common, so far."""

    values: int = 0  #: All of them but nulls.
    nulls: int = 0
    types: dict[str, str] = field(default_factory=dict)  #: JSON types, each with the first place that has it.
    hint: str = ""  #: The type that a column file says it has, where it holds nothing.
    few: Counter[Any] | None = field(default_factory=Counter)  #: How often each value stands there; None: too many.
    low: float = math.inf
    high: float = -math.inf
    exact: bool = True  #: Whether a float holds each integer.
    whole: bool = True  #: Whether each number is an integer that a float holds.
    #: The forms that texts have, those aside that say "nothing"; with the few that do not have them, and their places.
    odd: dict[str, list[str]] = field(default_factory=lambda: {form: [] for form in FORMS})
    nothing: set[str] = field(default_factory=set)  #: Such texts that stand there.
    empty: int = 0  #: Empty texts, or lists.
    characters: int = 0
    sentences: int = 0  #: Texts of several words, or in a script that may not part them.
    longest: int = 0
    members: dict[str, Seen] = field(default_factory=dict)
    most: int = NAMES  #: Of them.
    open: bool = False  #: Whether the objects have more.
    items: Seen | None = None

    @property
    def forms(self) -> set[str]:
        """The forms that all texts have."""
        return {form for form, odd in self.odd.items() if not odd}

    def add(self, value: Any, place: str) -> None:
        """Look at one more value; ``place`` is where it stands."""
        if value is None:
            self.nulls += 1
            return
        self.values += 1
        name = type_name(value)
        self.types.setdefault(name, place)
        if name == "object":
            self._object(value, place)
        elif name == "array":
            self.items = self.items or Seen()
            self.empty += not value
            for inner in value:
                self.items.add(inner, place)
        else:
            self._count(value)
            if name == "string":
                self._text(value, place)
            elif name != "boolean":
                self._number(value)

    def expect(self, kind: pa.DataType) -> None:
        """Take the type of a column as a hint, for where it holds nothing."""
        kind = headers.bare(kind)
        word = headers.kind_of(kind)
        if word == "list":
            self.hint, self.items = "array", self.items or Seen()
            self.items.expect(kind.value_type)
        elif word == "object":
            self.hint, self.most = "object", max(self.most, kind.num_fields)
            for member in kind:
                self.members.setdefault(member.name, Seen()).expect(member.type)
        elif word == "number":
            self.hint = "integer" if pa.types.is_integer(kind) else "number"
        else:
            self.hint, self.open = {"text": "string", "map": "object", "null": ""}.get(word, word), word == "map"

    def _object(self, value: dict[str, Any], place: str) -> None:
        for name, inner in value.items():
            if not self.open:
                self.members.setdefault(name, Seen()).add(inner, place)
        if len(self.members) > self.most:
            self.open, self.members = True, {}

    def _count(self, value: Any) -> None:
        if self.few is not None:
            self.few[value] += 1
            if len(self.few) > FEW:
                self.few = None

    def _text(self, text: str, place: str) -> None:
        self.empty += not text
        self.characters += len(text)
        self.sentences += " " in text or not text.isascii()
        self.longest = max(self.longest, len(text))
        if text in _NOTHING:
            self.nothing.add(text)
        elif self.odd:
            for form in [form for form in self.odd if not FORMS[form](text)]:
                self.odd[form].append(f"{text[:CODE]!r} ({place})")
                if len(self.odd[form]) > ODD:
                    del self.odd[form]
        if self.odd.get("number") == [] and FORMS["number"](text):
            self.low, self.high = min(self.low, float(text)), max(self.high, float(text))

    def _number(self, number: int | float) -> None:
        self.low, self.high = min(self.low, number), max(self.high, number)
        if isinstance(number, int):
            self.exact &= abs(number) <= EXACT or int(float(number)) == number
        else:
            self.whole &= number.is_integer() and abs(number) < EXACT
