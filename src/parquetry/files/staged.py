"""Numbers of rows -> the rows, as they were staged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache, partial

import numpy as np
import pyarrow as pa

from parquetry.corpus.keys import Array
from parquetry.files.workspace import Part, Workspace
from parquetry.record.sketch import shingle_hashes
from parquetry.words.recipe import Table


class Staged:
    """The staged rows of a table, by their numbers."""

    def __init__(self, table: str, parts: Sequence[Part], names: Sequence[str], work: Workspace) -> None:
        self.names = list(names)
        self.starts = np.cumsum([0, *(part.rows for part in parts)])
        self.batches = lru_cache(maxsize=4)(partial(work.batches, "parts", table))

    def rows(self, rows: Array) -> pa.RecordBatch:
        """Some rows, given in order, as one contiguous batch with the columns of these names."""
        pieces = list[pa.RecordBatch]()
        for part in np.flatnonzero(np.diff(np.searchsorted(rows, self.starts))).tolist():
            start = int(self.starts[part])
            for batch in self.batches(part):
                first, last = np.searchsorted(rows, (start, start + batch.num_rows))
                if last > first:
                    pieces.append(batch.select(self.names).take(pa.array(rows[first:last] - start)))
                start += batch.num_rows
        return pa.concat_batches(pieces)


class Texts:
    """The staged texts of all tables, as far as near-duplicates are searched in them."""

    def __init__(self, parts: Sequence[Part], tables: Mapping[str, Table], work: Workspace) -> None:
        self.staged = {
            name: Staged(name, [part for part in parts if part.partition.table == name], table.text, work)
            for name, table in tables.items()
        }

    def __call__(self, table: str, rows: Array) -> tuple[Array, Array]:
        """The hashes of the shingles of some rows, given in order, as `shingle_hashes` says them."""
        if not len(rows):
            return np.zeros(1, np.int64), np.empty(0, np.uint64)
        return shingle_hashes(self.staged[table].rows(rows).columns)
