"""A partition -> batches of rows in the exact types of their columns.

Whatever the format, what comes out is the same: rows, each with its place, and what had to be set aside, each with its
place and the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa

from parquetry.columnar import columns
from parquetry.sources import array, cells, documents, lines
from parquetry.sources.partitions import Format, Partition, Piece
from parquetry.words.errors import InputError, Problem
from parquetry.words.recipe import Limits, Table
from parquetry.words.records import SOURCE, Sifted
from parquetry.words.schema import Schema

#: Yields the records of one piece, each with its line.
Read = Callable[[Piece, Schema, Table, Limits], Iterator[Sifted]]
READERS: Mapping[Format, Read] = {
    "lines": lines.read,
    "array": array.read,
    "cells": cells.read,
    "columns": columns.read,
    "documents": documents.read,
}
#: Files of one record each that are put together.
_TOGETHER = 256


def agree(partitions: Sequence[Partition]) -> list[Partition]:
    """Partitions whose files type their columns alike.

    Raises:
        InputError: A column means one thing in one file of a table and another in the next, or a file is damaged.
    """
    for table in dict.fromkeys(one.table for one in partitions):
        typed = [one for one in partitions if (one.table, one.format) == (table, "columns")]
        if problems := columns.drift([piece for one in typed for piece in one.pieces]):
            raise InputError(*problems)
    return list(partitions)


def read(partition: Partition, schema: Schema, table: Table, limits: Limits) -> Iterator[Sifted]:
    """Yield the records of a partition in batches, with the columns of the schema, then `LINE` and `SOURCE`.

    Raises:
        InputError: A file is empty, is not what its name says, cannot be read, or is changed meanwhile.
    """
    held = list[Sifted]()
    for index, piece in enumerate(partition.pieces):
        for batch in READERS[partition.format](piece, schema, table, limits):
            held.append(_placed(batch, index, partition))
            if partition.format != "documents" or len(held) == _TOGETHER:
                yield _together(held)
                held = []
        same(piece)
    if held:
        yield _together(held)


def same(piece: Piece) -> None:
    """See to it that a file is still the one that was listed.

    Raises:
        InputError: Someone has changed it since.
    """
    now = piece.path.stat()
    if piece.changed and (now.st_size, now.st_mtime_ns) != (piece.bytes, piece.changed):
        what, fix = "was changed while it was read", "wait until it is written, then run this again"
        raise InputError(Problem("INPUT_CHANGED", piece.name, what, fix))


def _placed(batch: Sifted, index: int, partition: Partition) -> Sifted:
    """A batch whose rows say which piece they are of."""
    source = pa.array(np.full(batch.kept.num_rows, index), SOURCE.type)
    removed = tuple(row._replace(table=partition.table) for row in batch.removed)
    kept = batch.kept.append_column(SOURCE, source)
    return Sifted(kept, removed, batch.blank, batch.lines, index, batch.position)


def _together(batches: list[Sifted]) -> Sifted:
    """Batches of whole files as one: their lines and blanks need not be told apart."""
    if len(batches) == 1:
        return batches[0]
    rows = pa.concat_batches([batch.kept for batch in batches])
    return Sifted(rows, tuple(row for batch in batches for row in batch.removed))
