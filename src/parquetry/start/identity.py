"""Records and their schema -> the properties that tell them apart, and those that hold prose.

An id is one property, or the fewest together, that no two records share and that none lacks. What is found is so in
these records; whether it must be so is for people to say.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations, islice
from typing import Any

from parquetry.words.fields import Field
from parquetry.words.schema import Schema

#: Most properties that make up an id, and how many properties are tried together.
PARTS, TOGETHER = 3, 8
#: Records by which most candidates are ruled out, and candidates that are held against all records at a time.
FIRST, AT_A_TIME = 10_000, 4
_NAMED = re.compile(r"(.*[_ .-])?(id|key|uuid|guid)", re.IGNORECASE)
Id = tuple[str, ...]
#: The records, from the first one again each time.
Records = Callable[[], Iterable[Mapping[str, Any]]]


def find(records: Records, schema: Schema) -> Id:
    """The first properties that tell all records apart: one that is called an id, one, two, or three; or none."""
    left = list(_unique(islice(records(), FIRST), list(candidates(schema))))
    while left:
        some, left = left[:AT_A_TIME], left[AT_A_TIME:]
        if found := _unique(records(), some):
            return found[0]
    return ()


def holds(records: Records, id: Id) -> bool:
    """Whether each record has these properties, and no two have the same."""
    return bool(_unique(records(), [id]))


def repeated(records: Records) -> int:
    """How many records say the same as one before them."""
    seen = Counter(hash(json.dumps(record, sort_keys=True)) for record in records())
    return seen.total() - len(seen)


def candidates(schema: Schema) -> Iterator[Id]:
    """The properties that could be the id of a record, the likeliest first."""
    able = [field.name for field in schema.fields if _able(field)]
    able.sort(key=lambda name: not _NAMED.fullmatch(name))
    yield from ((name,) for name in able)
    for parts in range(2, PARTS + 1):
        yield from combinations(able[:TOGETHER], parts)


def _able(field: Field) -> bool:
    """Whether a property can be the id, or a part of it: a text or an integer that each record has."""
    return field.required and not field.nullable and (field.kind == "string" or "int" in field.kind)


def _unique(records: Iterable[Mapping[str, Any]], ids: list[Id]) -> list[Id]:
    """Those of some ids that no two records share, and that are empty in none."""
    seen: dict[Id, set[int]] = {id: set() for id in ids}
    for record in records:
        for id in list(seen):
            value = tuple(record.get(name) for name in id)
            known, mark = seen[id], hash(value)
            if mark in known or None in value or "" in value:
                del seen[id]
            known.add(mark)
        if not seen:
            break
    return list(seen)
