"""Fingerprints -> which rows stay, and which belong together.

This is the step that decides which rows of the whole corpus stay. It sees fingerprints only. Of rows with the same
content, or nearly the same, the first in source order stays; an id names one row; a reference leads to a row that
stays. Removing a row can break a reference, and removing that row another, so this is repeated until nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.corpus.keys import Array, first_of, numbers, rows_of
from parquetry.corpus.links import neighbours
from parquetry.corpus.near import Alike, alike
from parquetry.record.fingerprint import OVERLAP, reference
from parquetry.words.recipe import Table

#: What becomes of a row: 0 published, else the code of its removal.
FATES = ("", "DUPLICATE", "ID_DUPLICATE", "REFERENCE_BROKEN", "NEAR_DUPLICATE", "CONTAMINATED")
KEPT, DUPLICATE, ID_DUPLICATE, REFERENCE_BROKEN, NEAR_DUPLICATE, CONTAMINATED = range(6)
#: The codes of rows that are removed because another says the same, or a held-out text: they are no mistakes.
REPEATS = (FATES[DUPLICATE], FATES[NEAR_DUPLICATE], FATES[CONTAMINATED])


@dataclass(frozen=True)
class Verdict:
    """What was decided about the rows of a table, one element for each, in source order."""

    fate: Array  #: Index into `FATES`.
    first: Array  #: For a row that repeats another: the index of the first; nearly: of one such; for others its own.
    cluster: Array  #: Name of its cluster, 16 bytes as two numbers: the smallest key in it.
    broken: Mapping[int, tuple[str, int]]  #: For a row with a broken reference: the column, and the position in it.
    alike: Alike | None = None  #: The rows with nearly the same text, if they were searched.

    @property
    def kept(self) -> Array:
        """The rows that are published."""
        return np.equal(self.fate, KEPT)


def resolve(
    prints: Mapping[str, pa.Table], tables: Mapping[str, Table], texts: Mapping[str, Sequence[pa.RecordBatch]]
) -> dict[str, Verdict]:
    """Decide for the rows of all tables.

    Near-duplicates are searched among rows that stay, and once more where one of these is removed for its reference.

    Args:
        prints: The fingerprints of each table, in source order.
        tables: Their rules.
        texts: Their columns of text.
    """
    settled = _Fates(prints, tables)
    settled.settle({})
    searched, known = dict[str, Array](), dict[str, Alike]()
    wanted = {name: table.threshold for name, table in tables.items() if table.threshold}
    while late := [name for name in wanted if name not in known or (searched[name] & ~settled.told(name)).any()]:
        for name in late:
            searched[name] = settled.told(name)
            known[name] = alike(prints[name], wanted[name], texts[name], searched[name])
        settled.settle(known)
    return {name: settled.verdict(name, known.get(name)) for name in prints}


class _Fates:
    """What becomes of the rows of all tables, as far as it is decided."""

    def __init__(self, prints: Mapping[str, pa.Table], tables: Mapping[str, Table]) -> None:
        self.prints, self.tables = prints, tables
        self.broken: dict[str, dict[int, tuple[str, int]]] = {name: {} for name in prints}
        self.sure = {name: self._alone(name) for name in prints}  #: Fate and first, whatever texts repeat.
        self.now = self.sure

    def _alone(self, name: str) -> tuple[Array, Array]:
        """What is known of the rows of a table before texts are compared."""
        table, rules = self.prints[name], self.tables[name]
        state = np.zeros(table.num_rows, np.int8), np.arange(table.num_rows)
        if rules.decontaminate and rules.decontaminate.action == "drop":
            state[0][table[OVERLAP.name].is_valid().to_numpy()] = CONTAMINATED
        if rules.exact == "drop":  # whole records first: an id that merely stands twice is no mistake
            _repeat(numbers(table["row"]), DUPLICATE, state)
        _repeat(numbers(table["id"]), ID_DUPLICATE, state)
        return state

    def settle(self, known: Mapping[str, Alike]) -> None:
        """Remove texts that repeat, as far as they are known, and what points to a row that is not there."""
        while True:
            self.now = {name: (fate.copy(), first.copy()) for name, (fate, first) in self.sure.items()}
            for name, table in self.prints.items():
                if self.tables[name].exact == "drop":
                    _repeat(numbers(table["text"]), DUPLICATE, self.now[name])
                if self.tables[name].near == "drop" and name in known:
                    _repeat(_numbered(known[name].first), NEAR_DUPLICATE, self.now[name])
            found = _broken(self.prints, {name: fate for name, (fate, _) in self.now.items()}, self.tables)
            if not any(found.values()):
                return
            for name, rows in found.items():
                self.sure[name][0][list(rows)] = REFERENCE_BROKEN
                self.broken[name] |= rows

    def told(self, name: str) -> Array:
        """The rows of a table whose text is published, or would be if it did not repeat another."""
        return np.isin(self.now[name][0], (KEPT, DUPLICATE, NEAR_DUPLICATE))

    def verdict(self, name: str, known: Alike | None) -> Verdict:
        """What was decided about the rows of a table."""
        fate, first = self.now[name]
        near = fate == NEAR_DUPLICATE
        if known and near.any():  # the row that it is connected to need not be like it
            first[near] = neighbours(known)[near]
        cluster = _clusters(self.prints[name], self.tables[name], known)
        return Verdict(fate, first, cluster, self.broken[name], known)


def _repeat(keys: Array, fate: int, state: tuple[Array, Array]) -> None:
    """Mark every kept row that has the key of an earlier kept row."""
    fates, firsts = state
    kept = np.flatnonzero(fates == KEPT)
    first = kept[first_of(keys[kept])] if len(kept) else kept
    again = first != kept
    fates[kept[again]] = fate
    firsts[kept[again]] = first[again]


def _broken(
    prints: Mapping[str, pa.Table], fates: Mapping[str, Array], tables: Mapping[str, Table]
) -> dict[str, dict[int, tuple[str, int]]]:
    """The kept rows that point to a row that is not there, and those that point to them, and so on.

    For each the reference that is broken, and which of its elements.
    """
    kept = {name: np.flatnonzero(fate == KEPT) for name, fate in fates.items()}
    if not any(_astray(prints, kept, (name, *one)) for name in prints for one in tables[name].references.items()):
        return {name: {} for name in prints}
    ids = {name: prints[name]["id"].take(pa.array(rows)).to_pylist() for name, rows in kept.items()}
    there = {name: set(some) for name, some in ids.items()}
    named = {name: dict(zip(kept[name].tolist(), ids[name], strict=True)) for name in prints}
    pointing: dict[tuple[str, bytes], list[tuple[str, int, str, int]]] = {}
    for name, column, target in [(n, c, t) for n in prints for c, t in tables[n].references.items()]:
        pointed = prints[name][reference(column)].take(pa.array(kept[name])).to_pylist()
        for index, some in zip(kept[name].tolist(), pointed, strict=True):
            for position, one in enumerate(some):
                pointing.setdefault((target, one), []).append((name, index, column, position))
    broken: dict[str, dict[int, tuple[str, int]]] = {name: {} for name in prints}
    gone = [(target, one) for target, one in pointing if one not in there[target]]
    while gone:
        for name, index, column, position in pointing.pop(gone.pop(), ()):
            if index not in broken[name]:
                broken[name][index] = (column, position)
                gone.append((name, named[name][index]))
    return broken


def _astray(prints: Mapping[str, pa.Table], kept: Mapping[str, Array], link: tuple[str, str, str]) -> bool:
    """Whether a kept row of a table points, by a column, to a row of a target that is not kept."""
    name, column, target = link
    pointed = prints[name][reference(column)].take(pa.array(kept[name]))
    return bool((rows_of(numbers(prints[target]["id"])[kept[target]], numbers(pc.list_flatten(pointed))) < 0).any())


def _numbered(rows: Array) -> Array:
    """Row numbers in the form of digests."""
    return np.stack([np.zeros(len(rows), np.uint64), rows.astype(np.uint64)], axis=1)


def _clusters(table: pa.Table, rules: Table, known: Alike | None) -> Array:
    """The name of each row's cluster: the smallest key among the rows that are connected to it."""
    keys = numbers(table["key"])
    if not len(keys) or (rules.exact != "group" and rules.near != "group"):
        return keys
    order, rank = first_of(keys), np.empty(len(keys), np.int64)
    rank[np.lexsort(keys.T[::-1])] = np.arange(len(keys))
    texts = known.first if known and rules.near == "group" else first_of(numbers(table["text"]))
    lowest = rank[order]
    while True:  # the lowest rank spreads along shared keys and texts that are alike until it stands still
        before = lowest.copy()
        for same in (order, texts):
            smallest = np.full(len(keys), len(keys))
            np.minimum.at(smallest, same, lowest)
            lowest = smallest[same]
        if (lowest == before).all():
            break
    by_rank = np.empty(len(keys), np.int64)
    by_rank[rank] = np.arange(len(keys))
    return keys[by_rank[lowest]]
