"""The first rows of each source -> what a build would refuse, and what it would take.

A preflight of seconds for a build of hours. The rows go the way of a record and no further: nothing is looked for in
the corpus as a whole, so duplicates, references and splits are not judged, and nothing is written.
"""

from __future__ import annotations

import io
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from parquetry.files.shards import writer
from parquetry.papers.markdown import sized
from parquetry.record.clean import clean
from parquetry.record.content import row_bytes
from parquetry.record.fingerprint import PRINTS, ROW, fingerprint
from parquetry.record.read import agree, read
from parquetry.record.validate import validate
from parquetry.record.withdrawn import Removals, removals, withdraw
from parquetry.sources.partitions import Partition, partitions
from parquetry.words.errors import printable
from parquetry.words.recipe import Recipe, load
from parquetry.words.records import LINE, PLACE, WITHDRAWN, Removed, counted
from parquetry.words.schema import Schema
from parquetry.words.tables import schemas_of

#: Bytes of fingerprints that a row leaves on the disk, those of references aside.
_PRINT_BYTES = sum(int(field.type.bit_width) // 8 for field in (*PRINTS, ROW))
#: Seconds that a build of a few rows takes: 1.3 on two cores, most of them imports.
_START_SECONDS = 1.3


@dataclass
class Sample:
    """What became of the first rows of the sources of one table, and what is to be expected of all."""

    table: str
    sources: int = 0
    read: int = 0  #: Rows.
    rejected: Counter[str] = field(default_factory=Counter)  #: By code.
    examples: dict[str, Removed] = field(default_factory=dict)  #: The first row of each code.
    rows: float = 0  #: Estimate, of all sources.
    bytes: float = 0  #: Estimate, as Arrow holds them.
    parquet_bytes: float = 0  #: Estimate, of the release.
    seconds: float = 0  #: Estimate, of one worker.

    @property
    def disk_bytes(self) -> float:
        """Estimate of what a build needs on the disk while it runs: staged rows, fingerprints, and the release."""
        return self.bytes + _PRINT_BYTES * self.rows + self.parquet_bytes

    def facts(self, workers: int) -> dict[str, Any]:
        """As a program reads it."""
        return {
            "table": self.table,
            "sources": self.sources,
            "rows_tried": self.read,
            "rejected": {code: {"rows": self.rejected[code], "first": r._asdict()} for code, r in self._ordered()},
            "estimated_rows": round(self.rows),
            "estimated_parquet_bytes": round(self.parquet_bytes),
            "estimated_disk_bytes": round(self.disk_bytes),
            "estimated_seconds": round(self.seconds / workers + _START_SECONDS, 1),
        }

    def text(self, recipe: Recipe, workers: int) -> str:
        """As a person reads it."""
        bad = self.rejected.total()
        lines = [f"{self.table}: {counted(self.read)} tried, of {self.sources} source{'s' * (self.sources != 1)}"]
        allowed = recipe.limits.allow(bad, self.read)
        end = "" if not bad else "  (allowed by limits.rejected)" if allowed else "  (a build would end in 3)"
        lines.append(f"  accepted   {self.read - bad:,}")
        lines.append(f"  rejected   {bad:,}{end}")
        lines += [
            f"    {code:<22} {self.rejected[code]:>7,}  {printable(f'{r.where}: {r.message}')}"
            for code, r in self._ordered()
        ]
        sizes = f"{sized(round(self.parquet_bytes))} of Parquet, {sized(round(self.disk_bytes))} of disk while it runs"
        seconds = self.seconds / workers + _START_SECONDS
        lines.append(f"  estimate   {round(self.rows):,} rows, {sizes}, {seconds:,.0f} s with {workers} workers")
        lines.append("  not tried  ids that stand twice, duplicates, references, held-out texts, splits")
        return "\n".join(lines)

    def _ordered(self) -> list[tuple[str, Removed]]:
        return sorted(self.examples.items(), key=lambda entry: (-self.rejected[entry[0]], entry[0]))


def sample(path: Path, rows: int) -> tuple[Recipe, list[Sample]]:
    """Try the first rows of each source of a recipe.

    Args:
        path: Of the recipe.
        rows: How many of each source. What is expected of the whole is reckoned from the batches that they are in.

    Raises:
        RecipeError, InputError: As a build would.
    """
    recipe, root = load(path), path.parent
    schemas = schemas_of(recipe, root)
    gone = removals(recipe, schemas, root)
    found = {name: Sample(name) for name in recipe.tables}
    for partition in agree(partitions(recipe, root)):
        for number, piece in enumerate(partition.pieces):
            if not piece.start:
                one = Partition(partition.table, partition.index, partition.format, (partition.pieces[number],))
                _try(one, rows, recipe, schemas[partition.table], found[partition.table], gone.get(partition.table))
    return recipe, list(found.values())


def _try(partition: Partition, rows: int, recipe: Recipe, schema: Schema, found: Sample, gone: Removals | None) -> None:
    """Try the first rows of one source."""
    table, piece = recipe.tables[partition.table], partition.pieces[0]
    start, seen, size, parquet, position = time.perf_counter(), 0, 0, 0, 0
    batches = read(partition, schema, table, recipe.limits)
    for records in batches:
        stays = withdraw(records, clean(records.kept, schema, table.clean), gone, partition.names)
        checked = validate(stays.kept, schema, table.id, partition.table, partition.names)
        fingerprint(checked.kept, schema, table, partition.splits)
        refused = [row for row in (*stays.removed, *checked.removed) if row.code != WITHDRAWN]
        seen += _count(found, checked.kept, refused, rows - seen)
        size += int(row_bytes(checked.kept.drop_columns([place.name for place in PLACE])).sum())
        parquet += _written(checked.kept, schema, recipe)
        position = records.position
        if seen >= rows:
            break
    else:
        position = piece.bytes
    scale = piece.bytes / position if position else 1.0
    found.sources += 1
    found.rows += seen * scale
    found.bytes += size * scale
    found.parquet_bytes += parquet * scale
    found.seconds += (time.perf_counter() - start) * scale


def _count(found: Sample, kept: pa.RecordBatch, removed: list[Removed], most: int) -> int:
    """Report the first rows of a batch, at ``most`` so many, and say how many it has."""
    lines = kept.column(LINE.name).to_pylist()
    rows = sorted([*((row.line, row) for row in removed), *((line, None) for line in lines)], key=lambda row: row[0])
    for _, row in rows[:most]:
        if row:
            found.rejected[row.code] += 1
            found.examples.setdefault(row.code, row)
    found.read += len(rows[:most])
    return len(rows)


def _written(rows: pa.RecordBatch, schema: Schema, recipe: Recipe) -> int:
    """Bytes of some rows as Parquet, the footer aside."""
    sink = io.BytesIO()
    with writer(sink, schema, recipe.files) as file:
        if rows.num_rows:
            file.write_table(pa.Table.from_batches([rows.select(schema.arrow.names)]).cast(schema.arrow))
        return sink.tell()
