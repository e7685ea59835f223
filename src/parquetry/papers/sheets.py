"""A release -> the same rows as CSV, for those who open them in a spreadsheet.

One line for each row: members of an object have columns of their own, a list stands in its cell as JSON, and a list of
objects is a table of its own, with the id of the row that it is from. What a spreadsheet would take for a formula is
preceded by ``'`` (https://owasp.org/www-community/attacks/CSV_Injection). An empty text and null are both empty.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from parquetry.files.manifest import File
from parquetry.files.stats import batches
from parquetry.papers.facts import Facts, Row
from parquetry.sources.conform import canonical, documents
from parquetry.words.fields import Field

#: Folder of the CSV files in a release.
FOLDER = "csv"
#: Signs that begin a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Column(NamedTuple):
    """One column of a CSV file."""

    name: str
    steps: tuple[str, ...]  #: The members that lead to it.
    field: Field | None  #: None: the split of the row, or the place in its list.


class Sheet(NamedTuple):
    """One CSV file."""

    path: str
    table: str
    columns: tuple[Column, ...]
    inside: str = ""  #: The list whose elements are its lines; empty: the rows of the table.
    ids: int = 0  #: Columns that say which row an element is from.


def sheets(facts: Facts) -> list[Sheet]:
    """The CSV files of a release: of each table one, and one for each of its lists of objects."""
    found = []
    for name, schema in facts.schemas.items():
        split = Column("split" if "split" not in schema else "release_split", (), None)
        lists = [field for field in schema.fields if field.kind == "list" and field.fields[0].kind == "struct"]
        own = [column for field in schema.fields if field not in lists for column in _columns(field, ())]
        found.append(Sheet(f"{FOLDER}/{name}.csv", name, (split, *own)))
        ids = [Column(f"{name}.{column}", (column,), schema[column]) for column in facts.manifest.tables[name].id]
        for one in lists:
            inner = [column for field in one.fields[0].fields for column in _columns(field, ())]
            columns = (*ids, Column("number", (), None), *inner)
            found.append(Sheet(f"{FOLDER}/{name}.{one.name}.csv", name, columns, one.name, len(ids)))
    return found


def _columns(field: Field, steps: tuple[str, ...]) -> Iterator[Column]:
    own = (*steps, field.name)
    if field.kind == "struct":
        for inner in field.fields:
            yield from _columns(inner, own)
    else:
        yield Column(_cell(".".join(own)), own, field)  # a header may be taken for a formula, too


def lines(sheet: Sheet, facts: Facts, release: Path) -> Iterator[bytes]:
    """The text of a CSV file, piece by piece: RFC 4180, UTF-8."""
    yield _text([[column.name for column in sheet.columns]])
    fields = facts.schemas[sheet.table].fields
    for split in facts.manifest.tables[sheet.table].splits:
        for file in facts.manifest.shards(sheet.table, split):
            for batch in batches(file.path, release):
                yield _text([line for row in documents(fields, batch) for line in _lines(row, split, sheet)])


def write(facts: Facts, release: Path, *, wanted: bool) -> Facts:
    """Write the CSV files of a release, if they are wanted; what is known about it then, with them among its files."""
    if not wanted:
        return facts
    written = list[File]()
    (release / FOLDER).mkdir(exist_ok=True)
    for sheet in sheets(facts):
        digest, path = hashlib.sha256(), release / sheet.path
        with path.open("wb") as target:
            for piece in lines(sheet, facts, release):
                digest.update(piece)
                target.write(piece)
        written.append(File(path=sheet.path, bytes=path.stat().st_size, sha256=digest.hexdigest()))
    files = (*facts.manifest.files, *written)
    return replace(facts, manifest=facts.manifest.model_copy(update={"files": files}))


def wrong(facts: Facts, release: Path) -> Iterator[str]:
    """The CSV files of a release that do not hold its rows."""
    known = {file.path: file.sha256 for file in facts.manifest.files if file.path.startswith(f"{FOLDER}/")}
    for sheet in sheets(facts) if known else ():
        digest = hashlib.sha256()
        for piece in lines(sheet, facts, release):
            digest.update(piece)
        if known.get(sheet.path) != digest.hexdigest():
            yield sheet.path


def _lines(row: Row, split: str, sheet: Sheet) -> Iterator[list[str]]:
    """The lines that a row gives."""
    if not sheet.inside:
        yield [split if column.field is None else _cell(_at(row, column.steps)) for column in sheet.columns]
        return
    own = [_cell(_at(row, column.steps)) for column in sheet.columns[: sheet.ids]]
    for number, item in enumerate(row.get(sheet.inside) or (), 1):
        yield [*own, str(number), *(_cell(_at(item or {}, column.steps)) for column in sheet.columns[sheet.ids + 1 :])]


def _at(value: Any, steps: tuple[str, ...]) -> Any:
    for step in steps:
        value = value.get(step) if isinstance(value, dict) else None
    return value


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return canonical(value)


def _text(rows: list[list[str]]) -> bytes:
    target = io.StringIO(newline="")
    csv.writer(target, lineterminator="\r\n").writerows(rows)
    return target.getvalue().encode()
