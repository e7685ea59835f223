"""Two releases -> what became of each row between them, and why rows moved.

Rows are known by their ids; a row is the same if its content is. What is compared is in the two folders alone: of each
row some digests are held, and the rows themselves are read again only where they are told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from parquetry.corpus.keys import Array, rows_of
from parquetry.corpus.near import alike
from parquetry.reader.edition import Edition, Side
from parquetry.record.content import keys
from parquetry.record.sketch import signed
from parquetry.words.errors import Problem, VerificationError, printable

#: Rows of a kind that are told; all are in the JSON.
SHOWN = 20


class Moved(NamedTuple):
    """A row that stands in another split than before."""

    id: str
    old: str
    new: str
    why: str


@dataclass
class Changes:
    """What became of the rows of a table that stands in both releases."""

    name: str
    old: Side
    new: Side

    def __post_init__(self) -> None:
        theirs, mine = self.old.schema.arrow, self.new.schema.arrow
        self.common = [name for name in mine.names if name in theirs.names and theirs.field(name) == mine.field(name)]
        self.columns = sorted({*theirs.names, *mine.names} - {*self.common})  #: That differ; they are not compared.
        self.before, self.after = dict(self.old.known(self.common)), dict(self.new.known(self.common))
        self.was = was = rows_of(self.before["id"], self.after["id"])  # of each new row: the old one, or -1
        self.added = np.flatnonzero(was < 0)
        self.removed = np.flatnonzero(rows_of(self.after["id"], self.before["id"]) < 0)
        there = np.flatnonzero(was >= 0)
        other = (self.before["content"][was[there]] != self.after["content"][there]).any(axis=1)
        self.changed = there[other]
        places = np.array([self.new.splits.index(s) if s in self.new.splits else -1 for s in self.old.splits] or [-1])
        self.moved = there[places[self.before["split"][was[there]]] != self.after["split"][there]]

    @property
    def any(self) -> bool:
        """Whether anything differs."""
        return bool(self.columns or len(self.added) + len(self.removed) + len(self.changed) + len(self.moved))

    def counts(self) -> dict[str, dict[str, int]]:
        """By split: rows of old and new, added, removed, changed, and moved in and out."""
        found = {}
        for split in dict.fromkeys([*self.old.splits, *self.new.splits]):
            before, after = (
                known["split"] == (side.splits.index(split) if split in side.splits else -1)
                for known, side in ((self.before, self.old), (self.after, self.new))
            )
            found[split] = {
                "old": int(before.sum()),
                "new": int(after.sum()),
                "added": int(after[self.added].sum()),
                "removed": int(before[self.removed].sum()),
                "changed": int(after[self.changed].sum()),
                "moved_in": int(after[self.moved].sum()),
                "moved_out": int(before[self.was[self.moved]].sum()),
            }
        return found

    def moves(self, most: int | None = None) -> list[Moved]:
        """The rows that moved, or the first of them, and why."""
        rows = self.moved[:most]
        old, new = self.before["split"][self.was[rows]].tolist(), self.after["split"][rows].tolist()
        return [
            Moved(name, self.old.splits[a], self.new.splits[b], why)
            for name, a, b, why in zip(self.new.ids(rows), old, new, self.reasons(rows), strict=True)
        ]

    def reasons(self, rows: Array) -> list[str]:
        """Why rows moved, as far as the releases tell."""
        before, after = self.old.method, self.new.method
        if before != after:
            return [f"the table is split in another way: {after}, before {before}"] * len(rows)
        if self.new.facts.split_method != "ratios":
            return [f"so it says in {after}"] * len(rows)
        if self.old.facts.text != self.new.facts.text:
            judged = [", ".join(side.facts.text) or "whole records" for side in (self.new, self.old)]
            return [f"the table is judged by {judged[0]}, before by {judged[1]}"] * len(rows)
        own = {
            kind: (self.before[kind][self.was[rows]] != self.after[kind][rows]).any(axis=1)
            for kind in ("text", "group")
            if len(self.before[kind]) and len(self.after[kind])
        }
        others = self._companions
        return [
            next((f"its {kind} changed" for kind in own if own[kind][place]), others.get(row, _OTHERS))
            for place, row in enumerate(rows.tolist())
        ]

    @cached_property
    def _companions(self) -> dict[int, str]:
        """For moved rows, what is known of a record that joined their cluster or left it."""
        fresh, gone = np.union1d(self.added, self.changed), self.removed
        found = dict[int, str]()
        for kind, said in (("group", "the same group"), ("text", "the same text")):
            if len(self.after[kind]) and len(self.before[kind]):
                wanted = self.after[kind][self.moved]
                pool = np.concatenate([self.after[kind][fresh], self.before[kind][gone]])
                for row, place in zip(self.moved.tolist(), rows_of(pool, wanted).tolist(), strict=True):
                    if place >= 0:
                        found.setdefault(row, f"{self._named(place, fresh, gone)}, which has {said}")
        rules = self.new.facts.duplicates
        if rules and rules.threshold and len(self.moved):
            for row, place in self._near(rules.threshold, fresh, gone):
                found.setdefault(row, f"{self._named(place, fresh, gone)}, by nearly the same text")
        return found

    def _named(self, place: int, fresh: Array, gone: Array) -> str:
        """What became of a record, of those that are fresh and those that are gone."""
        if place < len(fresh):
            row = fresh[place]
            kind = "added" if self.was[row] < 0 else "changed"
            return f"{self.new.ids(np.array([row]))[0]} was {kind}"
        return f"{self.old.ids(gone[[place - len(fresh)]])[0]} was removed"

    def _near(self, threshold: float, fresh: Array, gone: Array) -> Iterator[tuple[int, int]]:
        """Moved rows, each with the place of a record that near-duplicates connect it to."""
        columns = self.new.facts.text
        parts = [self.new.rows(fresh, columns), self.old.rows(gone, columns), self.new.rows(self.moved, columns)]
        texts = pa.concat_batches([part.cast(parts[0].schema) for part in parts])
        own = keys(texts, [self.new.schema[column] for column in columns])
        first = alike(pa.table({"text": own, "signature": signed(texts)}), threshold, [texts]).first
        count = len(fresh) + len(gone)
        for place, row in enumerate(self.moved.tolist()):
            if first[count + place] < count:
                yield row, int(first[count + place])


class Difference(NamedTuple):
    """What differs between two releases."""

    old: Edition
    new: Edition
    tables: tuple[Changes, ...]  #: Those that can be compared.
    notes: tuple[str, ...]  #: What cannot be.


#: What is said where no record is found that explains a move.
_OTHERS = "its cluster changed through other records"


def diff(old: Path, new: Path) -> Difference:
    """Compare two releases, given by their folders.

    Raises:
        VerificationError: One of them is no release, or a file of it cannot be read.
        SchemaError: The schema of a table cannot be read.
    """
    return between(Edition.load(old), Edition.load(new))


def between(old: Edition, new: Edition) -> Difference:
    """Compare two releases; see `diff`."""
    before, after = old.manifest, new.manifest
    notes = [f"{name} stands in {before.name} only" for name in before.tables if name not in after.tables]
    notes += [f"{name} stands in {after.name} only" for name in after.tables if name not in before.tables]
    tables = list[Changes]()
    for name in (name for name in after.tables if name in before.tables):
        try:
            one, two = Side(old, name), Side(new, name)
            if one.facts.id != two.facts.id:
                notes.append(f"{name} has another id: {', '.join(two.facts.id)}, before {', '.join(one.facts.id)}")
            else:
                tables.append(Changes(name, one, two))
        except (OSError, pa.ArrowException) as error:
            what = f"cannot be read: {str(error)[:120]}"
            raise VerificationError(Problem("FILE_UNREADABLE", name, what, "see `parquetry verify`")) from None
    return Difference(old, new, tuple(tables), tuple(notes))


def told(found: Difference) -> str:
    """What differs, for people to read."""
    names = found.old.manifest.name, found.new.manifest.name
    lines = [" -> ".join(names), *(f"  note    {note}" for note in found.notes)]
    if not found.notes and not any(table.any for table in found.tables):
        return f"{lines[0]}: no row differs"
    for table in found.tables:
        lines += _told(table)
    return "\n".join(lines)


def facts(found: Difference) -> dict[str, Any]:
    """What differs, for programs: all ids."""
    tables = {
        table.name: {
            "splits": table.counts(),
            "columns_not_compared": table.columns,
            "added": table.new.ids(table.added),
            "removed": table.old.ids(table.removed),
            "changed": table.new.ids(table.changed),
            "moved": [move._asdict() for move in table.moves()],
        }
        for table in found.tables
    }
    names = {"old": found.old.manifest.name, "new": found.new.manifest.name}
    return names | {"notes": list(found.notes), "tables": tables}


def _told(table: Changes) -> Iterator[str]:
    counts = table.counts()
    heads = ["old", "new", "added", "removed", "changed", "moved in", "moved out"]
    width = max(len(name) for name in [table.name, *counts]) + 2
    yield f"\n{table.name:{width}}" + "".join(f"{head:>11}" for head in heads)
    for split, row in counts.items():
        yield f"{split:{width}}" + "".join(f"{number:>11,}" for number in row.values())
    if table.columns:
        yield f"  not compared, as they are not in both or of another type: {', '.join(table.columns)}"
    kinds: Mapping[str, tuple[Side, Array]] = {
        "added": (table.new, table.added),
        "removed": (table.old, table.removed),
        "changed": (table.new, table.changed),
    }
    for kind, (side, rows) in kinds.items():
        yield from (f"  {kind:8}{printable(name)}" for name in side.ids(rows[:SHOWN]))
        yield from _more(len(rows))
    yield from (
        f"  moved   {printable(move.id)}: {move.old} -> {move.new}; {printable(move.why)}"
        for move in table.moves(SHOWN)
    )
    yield from _more(len(table.moved))


def _more(rows: int) -> list[str]:
    return [f"          … and {rows - SHOWN:,} more"] if rows > SHOWN else []
