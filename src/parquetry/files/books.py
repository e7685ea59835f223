"""What became of every record: the ledger, and the removed rows with place and reason.

Nothing disappears: for each source, ``read == published + sum(removed by reason)``.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from parquetry.corpus.dedup import DUPLICATE, FATES, Verdict
from parquetry.files.workspace import Part, Workspace
from parquetry.record.conform import document
from parquetry.words.errors import InputError, Problem, pointer
from parquetry.words.recipe import Recipe
from parquetry.words.records import LINE, Ledger, Removed, counted, removal
from parquetry.words.schema import Schema

#: Rows of one code that are shown; all are in the files.
SHOWN = 20
#: What to do about a rejected row, by its code.
FIXES = {
    "ID_DUPLICATE": "give each record an id of its own",
    "ID_EMPTY": "give each record an id",
    "REFERENCE_BROKEN": "correct the reference, or add the row that it points to",
    "JSON_SYNTAX": "write one JSON object on each line",
    "JSON_DUPLICATE_KEY": "keep one of them",
    "JSON_NONFINITE": "write null, or a string",
    "JSON_NUMBER_RANGE": "write a string, or give the field another type",
    "SCHEMA_ADDITIONAL": "name the field in the schema, or remove it from the records",
    "UTF8_INVALID": "save the file as UTF-8",
}
FIX = "correct the records, the schema, or limits.rejected"
#: Fingerprints and verdicts of each table.
Corpus = tuple[Mapping[str, pa.Table], Mapping[str, Verdict]]


@dataclass(frozen=True)
class Books:
    """The balanced account of a build."""

    ledgers: Mapping[str, Mapping[str, Ledger]]  #: By table and source.
    warnings: tuple[Problem, ...]


def settle(work: Workspace, parts: list[Part], corpus: Corpus, recipe: Recipe, schemas: Mapping[str, Schema]) -> Books:
    """Balance the books, and write down the removed rows.

    Raises:
        InputError: More rows are rejected than the recipe allows, or a table has no row left. All removed rows are in
            ``<name>-<version>.refused/`` then, and nothing else has changed.
    """
    removed = _Removed(work, corpus, recipe, schemas, parts)
    ledgers: dict[str, dict[str, Ledger]] = {name: {} for name in recipe.tables}
    seen: dict[str, dict[str, list[Removed]]] = {name: {} for name in recipe.tables}
    for part in parts:
        table, rows = part.partition.table, removed.of(part)
        late = [row for row in rows if row.code in FATES]
        ledgers[table][part.partition.name] = part.ledger + removal(late)
        for row in rows:
            if len(shown := seen[table].setdefault(row.code, [])) < SHOWN:
                shown.append(row)
        _append(work, rows)
    problems = [
        problem
        for table in recipe.tables
        if not _allowed(table, ledgers[table], recipe)
        for problem in _beyond(table, ledgers[table], seen[table])
    ]
    for table, sources in ledgers.items():
        if not any(ledger.published for ledger in sources.values()):
            problems.append(Problem("TABLE_EMPTY", table, "no row is left to publish", "see the removed rows"))
    if problems:
        place = _set_aside(work, "refused")
        raise InputError(
            *problems, Problem("REFUSED", work.place.name, f"nothing was released; all removed rows are in {place}")
        )
    return Books(ledgers, tuple(_warnings(seen, ledgers)))


def set_aside(work: Workspace) -> None:
    """Put the removed rows beside the release that is now visible, and forget what an earlier build was refused for."""
    _set_aside(work, "removed")
    work.set_aside("refused", {})


def _set_aside(work: Workspace, suffix: str) -> str:
    names = ("rejected.jsonl", "duplicates.jsonl")
    return str(work.set_aside(suffix, {n: [work.root / n] if (work.root / n).exists() else [] for n in names}))


def _append(work: Workspace, rows: list[Removed]) -> None:
    for name, again in (("duplicates.jsonl", True), ("rejected.jsonl", False)):
        if some := [row for row in rows if (row.code == FATES[DUPLICATE]) == again]:
            with (work.root / name).open("a", encoding="utf-8") as file:
                file.writelines(row.json() for row in some)


class _Removed:
    """Finds the removed rows of a part, and says what is wrong with those that the corpus refused."""

    def __init__(
        self, work: Workspace, corpus: Corpus, recipe: Recipe, schemas: Mapping[str, Schema], parts: list[Part]
    ) -> None:
        self.work, self.prints, self.verdicts, self.schemas = work, *corpus, schemas
        self.ids = {name: table.id[0] for name, table in recipe.tables.items()}
        self.starts: dict[str, list[tuple[int, Part]]] = {}  # the first row of each part, counted over its table
        for part in parts:
            before = self.starts.setdefault(part.partition.table, [])
            before.append((before[-1][0] + before[-1][1].ledger.published if before else 0, part))

    def of(self, part: Part) -> list[Removed]:
        """All removed rows of a part, in the order of their lines."""
        with self.work.removed(part.partition).open(encoding="utf-8") as file:
            early = [Removed(**json.loads(line)) for line in file]
        return sorted([*early, *self.late(part)], key=lambda row: row.line)

    def late(self, part: Part) -> Iterator[Removed]:
        """The rows of a part that the corpus refused."""
        table = part.partition.table
        start = next(start for start, other in self.starts[table] if other is part)
        fate = self.verdicts[table].fate[start : start + part.ledger.published]
        if not fate.any():
            return
        rows = self.work.rows("parts", table, part.partition.index)
        for index in np.flatnonzero(fate).tolist():
            row = rows.slice(index, 1).to_pylist()[0]
            record = document(self.schemas[table].fields, row)
            place = (table, part.partition.name, row[LINE.name])
            yield Removed(FATES[fate[index]], *place, *self.reason(table, record, start + index), record)

    def reason(self, table: str, record: dict[str, Any], index: int) -> tuple[str, str]:
        """JSON Pointer and message for a row, given by its index in its table."""
        verdict = self.verdicts[table]
        if index in verdict.broken:
            column, position = verdict.broken[index]
            value, steps = record[column], list[str | int]([column])
            if self.schemas[table][column].kind == "list":
                position = [index for index, one in enumerate(value) if one is not None][position]
                value, steps = value[position], [column, position]
            return pointer(*steps), f"{value!r} is not the id of a row that stays"
        first = self.place(table, int(verdict.first[index]))
        if FATES[verdict.fate[index]] == "ID_DUPLICATE":
            return pointer(self.ids[table]), f"the id stands in {first} too"
        return "", f"repeats {first}"

    def place(self, table: str, index: int) -> str:
        """Source and line of a row."""
        starts = [start for start, _ in self.starts[table]]
        _, part = self.starts[table][bisect_right(starts, index) - 1]
        return f"{part.partition.name}:{self.prints[table][LINE.name][index].as_py()}"


def _allowed(table: str, ledgers: Mapping[str, Ledger], recipe: Recipe) -> bool:
    total = sum(ledgers.values(), Ledger())
    rejected = sum(rows for code, rows in total.removed.items() if code != FATES[DUPLICATE])
    return recipe.limits.allow(rejected, total.read)


def _beyond(table: str, ledgers: Mapping[str, Ledger], seen: Mapping[str, list[Removed]]) -> list[Problem]:
    """The messages about a table with too many rejected rows: the first of each kind, then how many there are."""
    total = sum(ledgers.values(), Ledger())
    problems = list[Problem]()
    for code, rows in sorted(total.removed.items()):
        if code == FATES[DUPLICATE]:
            continue
        problems += [Problem(code, row.where, row.message) for row in seen[code]]
        more = f"{counted(rows)} of {table} rejected" + (f"; {SHOWN} are shown" if rows > SHOWN else "")
        problems[-1] = problems[-1]._replace(fix=f"{FIXES.get(code, FIX)} ({more})")
    return problems


def _warnings(
    seen: Mapping[str, Mapping[str, list[Removed]]], ledgers: Mapping[str, Mapping[str, Ledger]]
) -> Iterator[Problem]:
    """One warning for each code of rejected rows that the recipe allows."""
    for table, codes in seen.items():
        total = sum(ledgers[table].values(), Ledger())
        for code, rows in sorted(codes.items()):
            if code != FATES[DUPLICATE]:
                what = f"{rows[0].message} ({counted(total.removed[code])} of {table} rejected)"
                yield Problem(code, rows[0].where, what, FIXES.get(code, FIX))
