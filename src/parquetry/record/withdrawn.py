"""Rows that are withdrawn on request -> gone, before anything is made of them.

Of such a row nothing is kept but what the request says: its id or the digest of its content, the reason and the date.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.record.content import KEY, contents, key, keys
from parquetry.sources.conform import from_text
from parquetry.words.errors import ParquetryError, Problem, RecipeError
from parquetry.words.recipe import Recipe, Table
from parquetry.words.records import SOURCE, WITHDRAWN, Removed, Sifted
from parquetry.words.schema import Schema
from parquetry.words.vocabulary import is_day

#: The column of a request that names a row by the SHA-256 of its content.
DIGEST = "sha256"
#: What an id may stand between in a line that cannot be read.
_WORDS = re.compile(r"""[^\s"',:;|<>{}\[\]()]+""")


class Request(NamedTuple):
    """A line of a file of removals."""

    row: Mapping[str, str]  #: The id, by its columns, or the digest.
    reason: str
    date: str
    line: int


@dataclass(frozen=True)
class Removals:
    """What is to be removed from a table."""

    file: str
    name: str  #: Of the table.
    table: Table
    schema: Schema
    requests: list[Request] = field(default_factory=list)
    ids: dict[bytes, int] = field(default_factory=dict)  #: By the key of the id: the index of the request.
    rows: dict[bytes, int] = field(default_factory=dict)  #: By the digest of the content.
    texts: dict[tuple[str, ...], int] = field(default_factory=dict)  #: By the id as it is written.

    def add(self, line: Mapping[str, str], number: int, columns: Sequence[str]) -> None:
        """Take over a line.

        Raises:
            ValueError: It names no row of this table.
        """
        named = {column: line[column] for column in (*columns, DIGEST) if line.get(column)}
        if {*named} not in ({*columns}, {DIGEST}):
            raise ValueError(f"{' and '.join(columns)} must say which row, or {DIGEST}")
        if not is_day(line.get("date") or ""):
            raise ValueError("the date is no day, YYYY-MM-DD")
        if not (line.get("reason") or "").strip():
            raise ValueError("the reason is empty")
        own = len(self.requests)
        if DIGEST in named:
            if not re.fullmatch("[0-9a-fA-F]{64}", named[DIGEST]):
                raise ValueError("a SHA-256 has 64 hexadecimal digits")
            self.rows[bytes.fromhex(named[DIGEST])] = own
        else:
            fields = [self.schema[column] for column in self.table.id]
            values = [from_text(one, text) for one, text in zip(fields, named.values(), strict=True)]
            self.ids[key(fields, values)] = own
            self.texts[tuple(named.values())] = own
            named = dict(zip(self.table.id, named.values(), strict=True))
        self.requests.append(Request(named, line["reason"].strip(), line["date"], number))

    def removed(self, request: int, source: str) -> Removed:
        """What is kept of a row: the request."""
        row, reason, date, _ = self.requests[request]
        return Removed(WITHDRAWN, self.name, source, 0, "", f"{reason} ({date})", dict(row))

    def named_by(self, record: Any) -> int:
        """The request that names a record which was refused, as far as its id can be made out; -1 if there is none."""
        if isinstance(record, Mapping):
            return self.texts.get(tuple(str(record.get(column)) for column in self.table.id), -1)
        words = set(_WORDS.findall(str(record)))
        return next((number for texts, number in self.texts.items() if words.issuperset(texts)), -1)

    def unused(self, seen: Sequence[Mapping[str, str]]) -> Iterator[Problem]:
        """A warning if some requests name no row that was read: these may be misspelt, or gone from the sources."""
        if lost := [one for one in self.requests if one.row not in seen]:
            what = f"{len(lost):,} of {len(self.requests):,} lines name no row of {self.name}"
            fix = "if such rows are gone from the sources, well; if not, correct the line"
            yield Problem("WARN_REMOVAL_UNUSED", f"{self.file}:{lost[0].line}", what, fix)


#: What is to be removed, by table.
Gone = Mapping[str, Removals]


def removals(recipe: Recipe, schemas: Mapping[str, Schema], root: Path) -> dict[str, Removals]:
    """Read the requests that the recipe names, by table.

    Args:
        recipe: It names a CSV file with the columns ``id`` (or those of the id) or ``sha256``, ``reason``, ``date``.
        schemas: Of its tables.
        root: The folder of the recipe.

    Raises:
        RecipeError: With every line that cannot be used; none is passed over.
    """
    found, problems = dict[str, Removals](), list[Problem]()
    for name, table in recipe.tables.items():
        if table.removals:
            found[name] = Removals(table.removals, name, table, schemas[name])
            try:
                problems += _read(found[name], root / table.removals)
            except (OSError, UnicodeDecodeError, csv.Error) as error:
                where = f"{recipe.file}: tables.{name}.removals"
                what = f"{table.removals!r} cannot be read: {error}"
                problems.append(Problem("REMOVALS_FILE", where, what, "name a CSV file in UTF-8"))
    if problems:
        raise RecipeError(*problems)
    return found


def _read(found: Removals, path: Path) -> Iterator[Problem]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        lines = csv.DictReader(file, strict=True)
        names = lines.fieldnames or ()
        own = ["id"] if len(found.table.id) == 1 and "id" in names else list(found.table.id)
        columns = [name for name in (*own, DIGEST) if name in names]
        if not columns or not {"reason", "date"} <= {*names} or not ({*own} <= {*names} or columns == [DIGEST]):
            what = f"the header must name {' and '.join(own)} or {DIGEST}, reason and date"
            yield Problem("REMOVALS_FILE", found.file, what, f"its first line: {','.join(own)},reason,date")
            return
        for line in lines:
            where = f"{found.file}:{lines.line_num}"
            try:
                found.add(line, lines.line_num, own)
            except (ValueError, ParquetryError) as error:
                what = f"names no row that can be removed: {error}"
                yield Problem("REMOVALS_LINE", where, what, "correct the line; no request is passed over")


def withdraw(records: Sifted, rows: pa.RecordBatch, gone: Removals | None, sources: Sequence[str]) -> Sifted:
    """Take the rows away that are withdrawn, from those that were read and from those that were refused.

    Args:
        records: What was read.
        rows: Its rows, cleaned.
        gone: What is withdrawn from their table; None: nothing.
        sources: The names of the files of the partition.
    """
    if gone is None:
        return records._replace(kept=rows)
    refused, places = list[Removed](), rows.column(SOURCE.name).to_numpy()
    for row in records.removed:
        request = gone.named_by(row.row)
        refused.append(row if request < 0 else gone.removed(request, row.source))
    asked = np.full(rows.num_rows, -1)
    for known, found in ((gone.ids, _keys), (gone.rows, _digests)):
        if known:
            place = pc.index_in(found(rows, gone), value_set=pa.array(list(known), found(rows[:0], gone).type))
            numbers = np.array([*known.values(), -1])[pc.fill_null(place, -1).to_numpy()]
            asked = np.where(numbers >= 0, numbers, asked)
    refused += [gone.removed(int(asked[row]), sources[places[row]]) for row in np.flatnonzero(asked >= 0)]
    return records._replace(kept=rows.filter(pa.array(asked < 0)), removed=tuple(refused))


def _keys(rows: pa.RecordBatch, gone: Removals) -> pa.Array:
    return keys(rows.select(list(gone.table.id)), [gone.schema[column] for column in gone.table.id]).cast(KEY)


def _digests(rows: pa.RecordBatch, gone: Removals) -> pa.Array:
    raw = contents(rows.select([one.name for one in gone.schema.fields]), gone.schema.fields)
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(32), rows.num_rows, [None, pa.py_buffer(raw)])
