"""Rows -> Parquet files of even size.

The cut is planned for the whole corpus first, then each file is written by whoever is free: the plan, not the schedule,
decides the bytes. A row group is written from contiguous batches of a fixed number of rows, wherever its rows were
staged, because the same rows in other chunks may give other bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.columnar.portions import taken
from parquetry.corpus.dedup import Verdict
from parquetry.corpus.keys import Array
from parquetry.corpus.split import Splits
from parquetry.files.manifest import folder
from parquetry.files.workspace import Part, Workspace
from parquetry.words.fields import Field
from parquetry.words.recipe import Files, Recipe
from parquetry.words.schema import Schema

#: Content-defined chunking as `datasets` does it, so that an upload of a new version sends only what changed.
CHUNKING = {"min_chunk_size": 262_144, "max_chunk_size": 1_048_576, "norm_level": 0}
#: Rows that are put together at a time: few enough for a processor's cache.
CHUNK_ROWS = 1024
#: Splits that readers expect first; others follow in the order of the recipe, then by name.
_USUAL = ("train", "validation", "test")


@dataclass(frozen=True)
class Cut:
    """The rows of one file: their places in the workspace, in order."""

    table: str
    split: str
    path: str  #: In the release: ``data/events/train-00000-of-00012.parquet``.
    groups: tuple[Array, ...]  #: For each row group, the rows of the table that it holds.
    bytes: int = 0  #: Of these rows, as Arrow holds them.


def plan(
    prints: Mapping[str, pa.Table], verdicts: Mapping[str, Verdict], splits: Mapping[str, Splits], recipe: Recipe
) -> list[Cut]:
    """Cut the kept rows of each table and split into files, and those into row groups, by bytes."""
    cuts = list[Cut]()
    for table, rules in recipe.tables.items():
        kept, mine = verdicts[table].kept, splits[table]
        for split in order_of(mine.names_of(kept), rules.split.names):
            rows = np.flatnonzero(kept & (mine.codes == mine.names.index(split)))
            sizes = prints[table]["bytes"].to_numpy()[rows]
            shards = _cut(sizes, recipe.files.shard_bytes)
            for index, (start, stop) in enumerate(shards):
                inside = _cut(sizes[start:stop], recipe.files.row_group_bytes)
                groups = tuple(rows[start + first : start + last] for first, last in inside)
                name = f"{folder(table)}/{split}-{index:05d}-of-{len(shards):05d}.parquet"
                cuts.append(Cut(table, split, name, groups, int(sizes[start:stop].sum())))
    return cuts


class Group(NamedTuple):
    """One row group of a file."""

    cut: Cut
    number: int

    @property
    def path(self) -> str:
        """Of the file, in the release."""
        return self.cut.path

    @property
    def table(self) -> str:
        """Whose rows they are."""
        return self.cut.table

    @property
    def bytes(self) -> int:
        """About how many bytes its rows have, as Arrow holds them."""
        return self.cut.bytes // len(self.cut.groups)


def groups_of(cuts: Sequence[Cut]) -> list[Group]:
    """The row groups of some files, in order."""
    return [Group(cut, number) for cut in cuts for number in range(len(cut.groups))]


def order_of(splits: set[str], said: Sequence[str] = ()) -> list[str]:
    """Splits in the order in which they are shown."""
    ranked = [*_USUAL, *(name for name in said if name not in _USUAL), *sorted(splits)]
    return [name for name in dict.fromkeys(ranked) if name in splits]


def write(cut: Cut, parts: list[Part], schema: Schema, work: Workspace, files: Files) -> None:
    """Write one file from the parts of its table, unless an earlier build wrote it of the same parts."""
    path = work.release / cut.path
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    begun = path.with_suffix(".begun")
    staged = _Staged(cut.table, parts, schema, work)
    with writer(begun, schema, files) as file:
        for rows in cut.groups:
            chunks = [staged.rows(rows[start : start + CHUNK_ROWS]) for start in range(0, len(rows), CHUNK_ROWS)]
            file.write_table(pa.Table.from_batches(chunks).cast(schema.arrow), row_group_size=len(rows))
    begun.replace(path)


class _Staged:
    """The staged rows of a table, by their numbers."""

    def __init__(self, table: str, parts: list[Part], schema: Schema, work: Workspace) -> None:
        self.names = schema.arrow.names
        self.starts = np.cumsum([0, *(part.rows for part in parts)])
        self.batches = lru_cache(maxsize=4)(partial(work.batches, "parts", table))

    def rows(self, rows: Array) -> pa.RecordBatch:
        """Some rows, given in order, as one contiguous batch."""
        pieces = list[pa.RecordBatch]()
        for part in np.flatnonzero(np.diff(np.searchsorted(rows, self.starts))).tolist():
            pieces += taken((batch.select(self.names) for batch in self.batches(part)), rows, int(self.starts[part]))
        return pa.concat_batches(pieces)


def _cut(sizes: Array, most: int) -> list[tuple[int, int]]:
    """Cut rows of these sizes into ranges of at most ``most`` bytes, or of one row that is larger.

    Each is filled before the next is begun, so that rows that are added at the end change the last one alone.
    """
    ends, pieces, start = np.cumsum(sizes), list[tuple[int, int]](), 0
    while start < len(sizes):
        full = (ends[start - 1] if start else 0) + most
        stop = max(start + 1, int(np.searchsorted(ends, full, side="right")))
        pieces.append((start, stop))
        start = stop
    return pieces


def writer(sink: Path | IO[bytes], schema: Schema, files: Files) -> pq.ParquetWriter:
    """What writes the rows of a table as a Parquet file of ours."""
    file = pq.ParquetWriter(
        sink,
        schema.arrow,
        compression=files.compression,
        compression_level=files.compression_level,
        use_dictionary=[leaf for field in schema.fields for leaf in _coded(field, "")],
        write_page_index=True,
        write_page_checksum=True,
        use_content_defined_chunking=CHUNKING,
    )
    options = json.dumps(CHUNKING)
    file.add_key_value_metadata({"content_defined_chunking": options, "use_content_defined_chunking": options})
    return file


def _coded(field: Field, prefix: str) -> Iterator[str]:
    """The Parquet paths of coded fields: few values, so a dictionary pays."""
    path = prefix + field.name
    if field.values:
        yield path
    for inner in field.fields:
        yield from _coded(inner, f"{path}.list." if field.kind == "list" else f"{path}.")
