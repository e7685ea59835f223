"""What became of every record: the ledger, and the removed rows with place and reason.

Nothing disappears: for each source, ``read == published + sum(removed by reason)``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from parquetry.columnar.portions import taken
from parquetry.corpus.dedup import CONTAMINATED, FATES, ID_DUPLICATE, KEPT, NEAR_DUPLICATE, REPEATS, Verdict
from parquetry.corpus.keys import Array
from parquetry.files import advice
from parquetry.files.workspace import Part, Workspace
from parquetry.record.fingerprint import OVERLAP
from parquetry.record.withdrawn import Gone
from parquetry.sources.conform import documents
from parquetry.words.errors import InputError, Problem, pointer
from parquetry.words.recipe import Recipe
from parquetry.words.records import LINE, SOURCE, WITHDRAWN, Ledger, Removed, counted
from parquetry.words.schema import Schema

#: Rows of one code that are shown; all are in the files.
SHOWN = 20
#: Codes of rows that are right, and yet not published; they do not count against `limits.rejected`.
RIGHT = (*REPEATS, WITHDRAWN)
#: The files beside a release, and which codes each holds; all others are rejected.
LISTS = {"rejected": (), "duplicates": REPEATS, "withdrawn": (WITHDRAWN,)}
#: Fingerprints and verdicts of each table.
Corpus = tuple[Mapping[str, pa.Table], Mapping[str, Verdict]]


def settle(work: Workspace, books: Books, recipe: Recipe, gone: Gone) -> list[Problem]:
    """Balance the books, and say what is worth a warning.

    Raises:
        InputError: More rows are rejected than the recipe allows, or a table has no row left. All removed rows are in
            ``<name>-<version>.refused/`` then, and nothing else has changed.
    """
    seen = {table: books.shown(table) for table in recipe.tables}
    problems = [
        problem
        for table in recipe.tables
        if not _allowed(table, books.ledgers[table], recipe)
        for problem in _beyond(table, books.ledgers[table], seen[table])
    ]
    for table, sources in books.ledgers.items():
        if not (total := sum(sources.values(), Ledger())).published:
            what, fix = "no row is left to publish", "see the removed rows"
            if not total.read:
                what, fix = "the sources hold no record", "fill them, or remove the table from the recipe"
            problems.append(Problem("TABLE_EMPTY", table, what, fix))
    if problems:
        for part in books.removed:
            books.write_down(part)
        place = _set_aside(work, books, "refused")
        what = f"nothing was released; all removed rows are in {place}" if books.removed else "nothing was released"
        raise InputError(*problems, Problem("REFUSED", work.place.name, what))
    unused = [one for table in gone for one in gone[table].unused(books.withdrawn(table))]
    return [*_warnings(seen, books.ledgers), *_contaminated(books), *unused]


def set_aside(work: Workspace, books: Books) -> None:
    """Put the removed rows beside the release that is now visible, and forget what an earlier build was refused for."""
    _set_aside(work, books, "removed")
    work.set_aside("refused", {})


def _set_aside(work: Workspace, books: Books, suffix: str) -> str:
    files = {
        f"{name}.jsonl": [path for part in books.removed if (path := work.removed(part.partition, name)).exists()]
        for name in LISTS
    }
    return str(work.set_aside(suffix, files))


def _order(row: Removed) -> tuple[bytes, int]:
    return row.source.encode("utf-8", "surrogateescape"), row.line


class Books:
    """The account of a build: what became of every record, and where each removed row came from."""

    def __init__(
        self, work: Workspace, parts: Sequence[Part], corpus: Corpus, recipe: Recipe, schemas: Mapping[str, Schema]
    ) -> None:
        (prints, self.verdicts), self.work, self.schemas = corpus, work, schemas
        self.tables, self.personal = recipe.tables, recipe.dataset.personal == "count"
        self.parts = {name: [part for part in parts if part.partition.table == name] for name in recipe.tables}
        self.starts = {name: np.cumsum([0, *(p.rows for p in mine)])[:-1] for name, mine in self.parts.items()}
        self.lines: dict[tuple[str, int, str], int] = {}  # lines of its file before each piece
        #: Of tables whose texts are whole records that may repeat: their digests.
        self.records = {n: prints[n]["text"] for n, t in recipe.tables.items() if not t.text and t.exact != "drop"}
        #: Of tables with held-out texts: what each row has of them.
        self.overlap = {name: prints[name][OVERLAP.name] for name, t in recipe.tables.items() if t.decontaminate}
        #: By table and source.
        self.ledgers: dict[str, dict[str, Ledger]] = {name: {} for name in recipe.tables}
        self.columns = {
            (name, field.name): prints[name][field.name].to_numpy()
            for name in recipe.tables
            for field in (LINE, SOURCE)
        }
        for part in parts:
            self._enter(part)

    def _enter(self, part: Part) -> None:
        """Enter what a part left, and what the corpus refused of it, into the ledgers."""
        table, index, start = part.partition.table, part.partition.index, self._start(part)
        fates = self.verdicts[table].fate[start : start + part.rows].astype(np.int64)
        sources = self.columns[table, SOURCE.name][start : start + part.rows]
        late = np.bincount(sources * len(FATES) + fates, minlength=len(part.ledgers) * len(FATES)).tolist()
        mine = self.ledgers[table]
        for number, (piece, ledger) in enumerate(zip(part.partition.pieces, part.ledgers, strict=True)):
            before = mine.get(piece.name, Ledger())
            self.lines[table, index, piece.name] = before.lines
            refused = {code: late[number * len(FATES) + fate] for fate, code in enumerate(FATES) if fate != KEPT}
            mine[piece.name] = before + ledger + Ledger(removed={code: rows for code, rows in refused.items() if rows})

    @cached_property
    def removed(self) -> list[Part]:
        """The parts of which something was removed: `write_down` takes one of them."""
        found = [part for parts in self.parts.values() for part in parts]
        return [part for part in found if self.work.removed(part.partition).exists() or self._fates(part).any()]

    def write_down(self, part: Part) -> None:
        """Write down the removed rows of a part, with place and reason."""
        rows = sorted([*self.early(part), *self.late(part)], key=_order)
        for name, codes in LISTS.items():
            if some := [row.json() for row in rows if row.code in codes or not (codes or row.code in RIGHT)]:
                path = self.work.removed(part.partition, name)
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(b"".join(some))

    def shown(self, table: str) -> dict[str, list[Removed]]:
        """The first rejected rows of a table, by code."""
        found: dict[str, list[Removed]] = {}
        for part in self.removed:
            if part.partition.table == table:
                fates = self._fates(part)
                rejected = np.isin(fates, [KEPT, *map(FATES.index, REPEATS)], invert=True)
                late = self.late(part, rejected) if rejected.any() else []
                for row in sorted([*self.early(part), *late], key=_order):
                    if len(some := found.setdefault(row.code, [])) < SHOWN:
                        some.append(row)
        return found

    def early(self, part: Part) -> list[Removed]:
        """The rows of a part that were refused one by one, with the numbers of their lines in the whole file."""
        table, index = part.partition.table, part.partition.index
        path = self.work.removed(part.partition)
        if not path.exists():
            return []
        with path.open(encoding="utf-8") as file:
            rows = [Removed(**json.loads(line)) for line in file]
        before = self.lines
        return [row._replace(line=row.line and row.line + before[table, index, row.source]) for row in rows]

    def withdrawn(self, table: str) -> list[Any]:
        """What is kept of the rows of a table that were removed on request."""
        mine = [part for part in self.removed if part.partition.table == table]
        return [row.row for part in mine for row in self.early(part) if row.code == WITHDRAWN]

    def late(self, part: Part, some: Array | None = None) -> list[Removed]:
        """The rows of a part that the corpus refused, or ``some`` of them, given by a mask."""
        table, found, row = part.partition.table, list[Removed](), 0
        schema, verdict, start = self.schemas[table], self.verdicts[table], self._start(part)
        gone = self._fates(part) if some is None else some
        for batch in self.work.batches("parts", table, part.partition.index) if gone.any() else ():
            mine = np.flatnonzero(gone[row : row + batch.num_rows])
            records = documents(schema.fields, batch.select(schema.arrow.names).take(pa.array(mine)))
            rows = mine + row + start
            own, first = self.places(table, rows), self.places(table, verdict.first[rows])
            for index, record, place, other in zip(rows.tolist(), records, own, first, strict=True):
                pointer, message = self.reason(table, record, index, other)
                found.append(Removed(FATES[verdict.fate[index]], table, *place, pointer, message, record))
            row += batch.num_rows
        return found

    def _start(self, part: Part) -> int:
        return int(self.starts[part.partition.table][part.partition.index])

    def _fates(self, part: Part) -> Array:
        start = self._start(part)
        return self.verdicts[part.partition.table].fate[start : start + part.rows]

    def reason(self, table: str, record: dict[str, Any], index: int, first: tuple[str, int]) -> tuple[str, str]:
        """JSON Pointer and message for a row, given by its index in its table, that may repeat a ``first`` one."""
        verdict = self.verdicts[table]
        if index in verdict.broken:
            column, position = verdict.broken[index]
            value, steps = record[column], list[str | int]([column])
            if self.schemas[table][column].kind == "list":
                position = [index for index, one in enumerate(value) if one is not None][position]
                value, steps = value[position], [column, position]
            return pointer(*steps), f"{value!r} is not the id of a row that stays"
        if verdict.fate[index] == ID_DUPLICATE:
            records = self.records.get(table)
            same = records is not None and records[index] == records[int(verdict.first[index])]
            what = "the whole record" if same else "the id"
            return pointer(self.tables[table].id[0]), f"{what} stands in {first[0]}:{first[1]} too"
        if verdict.fate[index] == CONTAMINATED:
            return "", str(self.overlap[table][index])
        repeats = "is nearly the text of" if verdict.fate[index] == NEAR_DUPLICATE else "repeats"
        return "", "{} {}:{}".format(repeats, *first)

    def ids(self, table: str, rows: Array) -> list[str]:
        """The ids of some rows, given in any order by their indices in their table; the parts of one as a list."""
        order, names = np.argsort(rows, kind="stable"), list(self.tables[table].id)
        wanted, told = rows[order], list[str]()
        for part, start in zip(self.parts[table], self.starts[table].tolist(), strict=True):
            if np.diff(np.searchsorted(wanted, (start, start + part.rows)))[0]:
                staged = (batch.select(names) for batch in self.work.batches("parts", table, part.partition.index))
                for batch in taken(staged, wanted, start):
                    told += [", ".join(map(str, row.values())) for row in batch.to_pylist()]
        return [told[place] for place in np.argsort(order, kind="stable").tolist()]

    def overlapping(self, table: str) -> Array:
        """The rows of a table that have something of a held-out text, and were removed for it, or stay."""
        if not (rules := self.tables[table].decontaminate):
            return np.empty(0, np.int64)
        wanted = CONTAMINATED if rules.action == "drop" else KEPT
        return np.flatnonzero((self.verdicts[table].fate == wanted) & self.overlap[table].is_valid().to_numpy())

    def places(self, table: str, rows: Array) -> list[tuple[str, int]]:
        """Source and line of some rows, given by their indices in their table."""
        numbers = np.searchsorted(self.starts[table], rows, side="right") - 1
        lines, sources = (self.columns[table, field.name][rows].tolist() for field in (LINE, SOURCE))
        found = list[tuple[str, int]]()
        for number, line, source in zip(numbers.tolist(), lines, sources, strict=True):
            name = self.parts[table][number].partition.pieces[source].name
            found.append((name, line + self.lines[table, number, name]))
        return found


def _allowed(table: str, ledgers: Mapping[str, Ledger], recipe: Recipe) -> bool:
    total = sum(ledgers.values(), Ledger())
    rejected = sum(rows for code, rows in total.removed.items() if code not in RIGHT)
    return recipe.limits.allow(rejected, total.read)


def _beyond(table: str, ledgers: Mapping[str, Ledger], seen: Mapping[str, list[Removed]]) -> list[Problem]:
    """The messages about a table with too many rejected rows: the first of each kind, then how many there are."""
    total = sum(ledgers.values(), Ledger())
    problems = list[Problem]()
    for code, rows in sorted(total.removed.items()):
        if code in RIGHT:
            continue
        problems += [Problem(code, row.where, row.message) for row in seen[code]]
        more = f"{counted(rows)} of {table} rejected" + (f"; {SHOWN} are shown" if rows > SHOWN else "")
        problems[-1] = problems[-1]._replace(fix=f"{advice.fix(seen[code][0])} ({more})")
    return problems


def _contaminated(books: Books) -> Iterator[Problem]:
    """One warning for each table whose published rows have something of a held-out text."""
    for table, rules in books.tables.items():
        if (rows := books.overlapping(table)).size and rules.decontaminate and rules.decontaminate.action == "report":
            source, line = books.places(table, rows[:1])[0]
            what = f"{books.overlap[table][int(rows[0])]}; rows of {table} that overlap what is held out: {len(rows):,}"
            fix = 'drop such rows: decontaminate.action = "drop"'
            yield Problem("WARN_CONTAMINATED", f"{source}:{line}", what, fix)


def _warnings(
    seen: Mapping[str, Mapping[str, list[Removed]]], ledgers: Mapping[str, Mapping[str, Ledger]]
) -> Iterator[Problem]:
    """One warning for each code of rejected rows that the recipe allows."""
    for table, codes in seen.items():
        total = sum(ledgers[table].values(), Ledger())
        for code, rows in sorted(codes.items()):
            if code not in RIGHT:
                what = f"{rows[0].message} ({counted(total.removed[code])} of {table} rejected)"
                yield Problem(code, rows[0].where, what, advice.fix(rows[0]))
