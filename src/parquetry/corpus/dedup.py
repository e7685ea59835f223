"""Fingerprints -> which rows stay, and which belong together.

This is the step that decides which rows of the whole corpus stay. It sees fingerprints only. Of rows with the same
content, or nearly the same, the first in source order stays; an id names one row; a reference leads to a row that
stays. Removing a row can break a reference, and removing that row another, so this is repeated until nothing changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.corpus.keys import Array, first_of, numbers, rows_of
from parquetry.corpus.near import Alike
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
    first: Array  #: For a row that repeats another, or nearly: the index of the row it repeats; for others its own.
    cluster: Array  #: Name of its cluster, 16 bytes as two numbers: the smallest key in it.
    broken: Mapping[int, tuple[str, int]]  #: For a row with a broken reference: the column, and the position in it.
    alike: Alike | None = None  #: The rows with nearly the same text, if they were searched.

    @property
    def kept(self) -> Array:
        """The rows that are published."""
        return np.equal(self.fate, KEPT)


def resolve(
    prints: Mapping[str, pa.Table], tables: Mapping[str, Table], known: Mapping[str, Alike]
) -> dict[str, Verdict]:
    """Decide for the rows of all tables.

    Args:
        prints: The fingerprints of each table, in source order.
        tables: Their rules.
        known: The near-duplicates of the tables in which they are searched.
    """
    fates, firsts = dict[str, Array](), dict[str, Array]()
    for name, table in prints.items():
        fates[name] = np.zeros(table.num_rows, np.int8)
        firsts[name] = np.arange(table.num_rows)
        if (rules := tables[name].decontaminate) and rules.action == "drop":
            fates[name][table[OVERLAP.name].is_valid().to_numpy()] = CONTAMINATED
        if tables[name].exact == "drop":  # whole records first: an id that merely stands twice is no mistake
            _repeat(numbers(table["row"]), DUPLICATE, (fates[name], firsts[name]))
        _repeat(numbers(table["id"]), ID_DUPLICATE, (fates[name], firsts[name]))
    broken: dict[str, dict[int, tuple[str, int]]] = {name: {} for name in prints}
    while True:
        trial = {name: (fates[name].copy(), firsts[name].copy()) for name in prints}
        for name, table in prints.items():
            if tables[name].exact == "drop":
                _repeat(numbers(table["text"]), DUPLICATE, trial[name])
            if tables[name].near == "drop":
                _repeat(_numbered(known[name].first), NEAR_DUPLICATE, trial[name])
        found = _broken(prints, {name: fate for name, (fate, _) in trial.items()}, tables)
        if not any(found.values()):
            break
        for name, rows in found.items():
            fates[name][list(rows)] = REFERENCE_BROKEN
            broken[name] |= rows
    clusters = {name: _clusters(prints[name], tables[name], known.get(name)) for name in prints}
    return {name: Verdict(*trial[name], clusters[name], broken[name], known.get(name)) for name in prints}


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
