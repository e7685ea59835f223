"""An id -> where its row stands, how it came there, and what it belongs with; or why it was removed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.corpus.keys import rows_of
from parquetry.corpus.near import alike
from parquetry.files.books import LISTS
from parquetry.files.manifest import sha256_of
from parquetry.reader.edition import Edition, Side
from parquetry.record.clean import clean
from parquetry.record.content import contents, key, keys
from parquetry.record.read import read
from parquetry.record.sketch import signed
from parquetry.sources.conform import from_text, plain
from parquetry.sources.partitions import FORMATS, Partition, Piece
from parquetry.words.errors import ParquetryError, Problem, RecipeError
from parquetry.words.recipe import load
from parquetry.words.records import LINE

#: Ids of other rows that are named.
SHOWN = 5
#: Rows of a table up to which its near-duplicates are searched again.
NEAR_ROWS = 200_000


class Found(NamedTuple):
    """A row of a release, or one that was removed."""

    table: str
    facts: Mapping[str, Any]  #: What is known about it, in the order in which it is told.


def trace(release: Path, wanted: str, recipe: Path | None) -> list[Found]:
    """Find the rows that have an id, in all tables.

    Args:
        release: Its folder; what was removed is looked for in those beside it.
        wanted: The id as text; the parts of one are joined by a comma and a space.
        recipe: Of the release, to find the line of the source; None: the source is not looked at.

    Raises:
        VerificationError: It is no release.
        RecipeError: No row has this id.
    """
    edition = Edition.load(release)
    found = [one for name in edition.manifest.tables for one in _published(edition, name, wanted, recipe)]
    found += _removed(release, edition, wanted)
    if not found:
        fix = "write it as it stands in the release; the parts of an id are joined by a comma and a space"
        raise RecipeError(Problem("TRACE_UNKNOWN", str(release), f"no row has the id {wanted!r}", fix))
    return found


def told(found: Found) -> str:
    """What is known about a row, for people to read."""
    lines = [found.table, *(f"  {name:11}{value}" for name, value in found.facts.items() if value)]
    return "\n".join(lines)


def _published(edition: Edition, table: str, wanted: str, recipe: Path | None) -> Iterator[Found]:
    side = Side(edition, table)
    fields = [side.schema[column] for column in side.facts.id]
    parts = wanted.split(", ") if len(fields) > 1 else [wanted]
    try:
        own = key(fields, [from_text(one, text) for one, text in zip(fields, parts, strict=True)])
    except (ValueError, ParquetryError):
        return  # no id of this table
    known = dict(side.known(side.facts.id))
    row = int(rows_of(known["id"], np.frombuffer(own, ">u8").astype(np.uint64).reshape(1, 2))[0])
    if row < 0:
        return
    record = side.rows(np.array([row]), side.schema.arrow.names)
    values = {one.name: plain(one, value) for one, value in zip(side.schema.fields, _values(record), strict=True)}
    yield Found(
        table,
        {
            "file": _file(edition, side, row),
            "split": f"{side.splits[known['split'][row]]}: {_why(side, values)}",
            "schema": side.facts.schema_file,
            "sha256": contents(record.select(side.schema.arrow.names), side.schema.fields).hex(),
            **_cluster(side, known, row),
            "source": _source(edition, table, own, recipe) if recipe else "",
        },
    )


def _values(record: pa.RecordBatch) -> list[Any]:
    return [column[0].as_py() for column in record.columns]


def _file(edition: Edition, side: Side, row: int) -> str:
    """The file of a row, and its number in it, from 1."""
    rows = {file.path: file.rows or 0 for file in edition.manifest.files}
    for _, path in side.files:
        if row < rows[path]:
            return f"{path}, row {row + 1:,}"
        row -= rows[path]
    return ""


def _why(side: Side, values: Mapping[str, Any]) -> str:
    """Why a row is in its split: the rule, and what the row has of it."""
    facts = side.facts
    columns = [*facts.group_by]
    columns += [facts.split_rule] if facts.split_method == "follow" else []
    columns += [facts.split_time[0]] if facts.split_time else []
    said = ", ".join(f"{column} is {values[column]!r}" for column in columns)
    return side.method + (f"; {said}" if said else "")


def _cluster(side: Side, known: Mapping[str, Any], row: int) -> dict[str, str]:
    """The other rows with the same group or text, and those that near-duplicates connect it to."""
    found = {}
    for kind in ("group", "text"):
        if len(known[kind]):
            same = np.flatnonzero((known[kind] == known[kind][row]).all(axis=1))
            found[f"same {kind}"] = _named(side, same[same != row])
    rules, count = side.facts.duplicates, len(known["id"])
    if rules and rules.threshold:
        if count > NEAR_ROWS:
            return found | {"near": f"not searched again in more than {NEAR_ROWS:,} rows"}
        texts = side.rows(np.arange(count), side.facts.text)
        own = keys(texts, [side.schema[column] for column in side.facts.text])
        first = alike(pa.table({"text": own, "signature": signed(texts)}), rules.threshold, [texts]).first
        near = np.flatnonzero(first == first[row])
        found["near"] = _named(side, near[near != row])
    return found


def _named(side: Side, rows: Any) -> str:
    if not len(rows):
        return "no other row"
    more = f" and {len(rows) - SHOWN:,} more" if len(rows) > SHOWN else ""
    return ", ".join(side.ids(rows[:SHOWN])) + more


def _source(edition: Edition, table: str, own: bytes, path: Path) -> str:
    """File and line that a row was read from, where the sources are those of the release."""
    recipe, schema = load(path), edition.schemas[table]
    if table not in recipe.tables:
        return f"{path} has no table {table}"
    rules, fields = recipe.tables[table], [schema[column] for column in edition.manifest.tables[table].id]
    wanted, changed = pa.scalar(own, pa.binary(16)), list[str]()
    for source in edition.manifest.tables[table].sources:
        file = path.parent / source.path
        if not file.is_file() or sha256_of(file) != source.sha256:
            changed.append(source.path)
            continue
        piece = Piece(file, source.path, source.bytes, share=source.bytes)
        for records in read(Partition(table, 0, FORMATS[piece.suffix], (piece,)), schema, rules, recipe.limits):
            rows = clean(records.kept, schema, rules.clean)
            place = pc.index(keys(rows.select(list(rules.id)), fields), wanted).as_py()
            if place >= 0:
                return f"{source.path}:{rows.column(LINE.name)[place].as_py()}"
    return f"not found; changed or gone since the build: {', '.join(changed[:SHOWN])}" if changed else "not found"


def _removed(release: Path, edition: Edition, wanted: str) -> Iterator[Found]:
    """The rows with this id that were removed, as they are kept beside the release."""
    for beside in ("removed", "refused"):
        folder = release.resolve().with_name(f"{edition.manifest.name}.{beside}")
        for path in (folder / f"{name}.jsonl" for name in LISTS if (folder / f"{name}.jsonl").is_file()):
            for row in _lines(path):
                facts = edition.manifest.tables.get(row["table"])
                names = facts.id if facts else ("id",)
                said = row["row"] if isinstance(row["row"], dict) else {}
                if ", ".join(str(said.get(name)) for name in names) == wanted:
                    place = f"{row['source']}:{row['line']}" if row["line"] else ""
                    yield Found(row["table"], {beside: row["code"], "why": row["message"], "source": place})


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    with path.open("rb") as file:
        yield from map(json.loads, file)


def recipe_of(release: Path) -> Path | None:
    """The recipe that a release was built by, where it stands as a build puts it: above the folder ``data``."""
    found = release.resolve().parent.parent / "recipe.toml"
    return found if found.is_file() else None


def facts(found: list[Found]) -> str:
    """What is known about the rows, as JSON."""
    return json.dumps([{"table": one.table, **one.facts} for one in found], indent=1)
