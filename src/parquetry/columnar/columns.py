"""Parquet and Arrow files -> batches of rows.

A row that is not of the schema's shape is set aside with its number in the file and the reason; whether a row is
*right* is the business of `validate`. Good rows never become text or Python objects: their columns are cast to the
exact types of the schema. What comes out is what `lines` would read from the same rows written as JSON Lines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from parquetry.columnar import batches, casts, headers, values
from parquetry.sources import conform
from parquetry.sources.lines import joined
from parquetry.sources.partitions import Piece
from parquetry.words import strict_json
from parquetry.words.errors import InputError, Problem
from parquetry.words.fields import Field
from parquetry.words.recipe import Limits, Table
from parquetry.words.records import LINE, Mask, Removed, Sifted
from parquetry.words.schema import Schema


def read(piece: Piece, schema: Schema, rules: Table, limits: Limits) -> Iterator[Sifted]:
    """Yield the rows of a piece in batches, with numbers that count from the start of the piece.

    Raises:
        InputError: The file is empty, is not what its name says, is damaged, or has columns that cannot be read as
            the schema asks.
    """
    reader = _Reader(piece.name, schema, strict_json.Limits(limits.depth, limits.fields, rules.read.nul == "keep"))
    with batches.opened(piece) as source:
        with batches.refusing(piece, source.code):
            problems = headers.problems(piece.name, source.schema, schema)
        if problems:
            raise InputError(*problems)
        first = 1
        for batch in batches.batches(source, limits.decompression_ratio):
            with batches.refusing(piece, source.code):
                sifted = reader.batch(first, batch)
            first += batch.num_rows
            yield sifted._replace(position=piece.bytes * (first - 1) // max(first - 1, sum(source.rows)))


def columns_of(piece: Piece) -> pa.Schema:
    """The columns of a file, as it names and types them.

    Raises:
        InputError: The file is empty, is not what its name says, or cannot be read.
    """
    with batches.opened(piece) as source:
        return source.schema


def drift(pieces: Sequence[Piece]) -> list[Problem]:
    """Columns that mean one thing in one file and another in the next; each file is compared with those before it.

    Raises:
        InputError: A file is empty, is not what its name says, or cannot be read.
    """
    first, found = dict[str, tuple[str, pa.DataType]](), list[Problem]()
    for piece in {piece.name: piece for piece in pieces}.values():
        for column in columns_of(piece):
            name, kind = first.get(column.name, ("", pa.null()))
            for place, here, there in headers.unlike(column.type, kind, column.name):
                what = f"column {place!r} is {here} here and {there} in {name}"
                found.append(Problem("SCHEMA_DRIFT", piece.name, what, "give it one type in all files of the table"))
            if headers.kind_of(headers.bare(kind)) == "null":
                first[column.name] = piece.name, column.type
    return found


class _Reader:
    """Reads batches: whole columns where that is surely right, the other rows one by one."""

    def __init__(self, source: str, schema: Schema, limits: strict_json.Limits) -> None:
        self.source, self.schema, self.limits = source, schema, limits
        self.columns = pa.schema([*schema.arrow, LINE])

    def batch(self, first: int, batch: pa.RecordBatch) -> Sifted:
        """The rows of a batch whose first has this number."""
        rows, numbers = batch.num_rows, pa.array(np.arange(first, first + batch.num_rows), LINE.type)
        absent = pa.nulls(rows)
        found = [
            casts.exact(field, batch.column(field.name) if field.name in batch.schema.names else absent, self.limits)
            for field in self.schema.fields
        ]
        whole = pa.RecordBatch.from_arrays([*(cast.column for cast in found), numbers], schema=self.columns)
        unsure = np.logical_or.reduce([np.zeros(rows, bool), *(cast.unsure for cast in found)])
        unsure |= self._crowded(whole)
        if not unsure.any():
            return Sifted(whole, lines=rows)
        sure = Sifted(whole.filter(pa.array(~unsure)))
        return joined([sure, self._exactly(batch, first, unsure)])._replace(lines=rows)

    def _crowded(self, rows: pa.RecordBatch) -> Mask:
        """Rows that may have more members, or more levels, than is allowed."""
        members, levels = np.zeros(rows.num_rows, np.int64), np.zeros(rows.num_rows, np.int64)
        for field, column in zip(self.schema.fields, rows.columns, strict=False):
            members += 1
            if field.kind in ("list", "struct", "map"):
                members += casts.members(field, column)
                levels = np.maximum(levels, casts.levels(field, column))
        return np.asarray((members > self.limits.fields) | (levels + 1 > self.limits.depth), bool)

    def _exactly(self, batch: pa.RecordBatch, first: int, which: Mask) -> Sifted:
        """Some rows of a batch, one by one: the definition."""
        kept, removed = list[dict[str, Any]](), list[Removed]()
        for number, row in _rows(batch, which, self.schema.fields, self.limits):
            try:
                values.check(row)
                value = strict_json.loads(json.dumps(row).encode(), self.limits)
                kept.append(conform.record(self.schema, value) | {LINE.name: first + number})
            except strict_json.NotJson as error:
                seen = values.shown(row)
                removed.append(Removed(error.code, "", self.source, first + number, error.pointer, error.what, seen))
        return Sifted(pa.RecordBatch.from_pylist(kept, schema=self.columns), tuple(removed))


def _rows(
    batch: pa.RecordBatch, which: Mask, fields: tuple[Field, ...], limits: strict_json.Limits
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Some rows of a batch as JSON values, with their index. Rows that follow each other are read together."""
    borders = np.flatnonzero(np.diff(which, prepend=False, append=False)).tolist()
    for start, stop in zip(borders[::2], borders[1::2], strict=True):
        yield from enumerate(values.rows(batch.slice(start, stop - start), fields, limits), start)
