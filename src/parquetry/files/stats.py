"""Parquet files -> what is in them.

A summary is a sum: ``measure(a) + measure(b) == measure(a and b together)``, whatever the cut. Everything kept here is
therefore a count or a sum; shares are computed when someone asks.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parquetry.record.content import contents, row_bytes
from parquetry.sources.conform import canonical, plain
from parquetry.words.fields import Field
from parquetry.words.schema import Schema

#: Rows, and about how many bytes, that are read at a time: what fits a processor's cache.
BATCH_ROWS, BATCH_BYTES = 8192, 2_000_000
#: The names that lead to a field, from its column on; the elements of a list have none.
Steps = tuple[str, ...]


@dataclass(frozen=True)
class Summary:
    """What a set of rows holds. `Summary()` is the summary of no rows."""

    rows: int = 0
    bytes: int = 0  #: As Arrow holds them, validity bits aside.
    nulls: Mapping[str, int] = field(default_factory=dict)  #: By column; a column without nulls is left out.
    codes: Mapping[tuple[Steps, str], int] = field(default_factory=dict)  #: Rows by coded field and value, as JSON.

    def __add__(self, other: Summary) -> Summary:
        return Summary(
            self.rows + other.rows,
            self.bytes + other.bytes,
            Counter(self.nulls) + Counter(other.nulls),
            Counter(self.codes) + Counter(other.codes),
        )


class Measured(NamedTuple):
    """Rows of a Parquet file, read back."""

    summary: Summary
    digests: bytes = b""  #: The content digest of each row, 32 bytes each, in order.


def measure(batch: pa.RecordBatch, fields: tuple[Field, ...]) -> Summary:
    """The summary of one batch with the columns ``fields``."""
    codes: Counter[tuple[Steps, str]] = Counter()
    for column, one in zip(batch.columns, fields, strict=True):
        for key, rows in _codes(column, one, (one.name,)):
            codes[key] += rows
    nulls = {
        one.name: column.null_count for column, one in zip(batch.columns, fields, strict=True) if column.null_count
    }
    return Summary(batch.num_rows, int(row_bytes(batch).sum()), nulls, codes)


def measure_group(path: str, group: int, release: Path, schema: Schema) -> Measured:
    """Read one row group of a Parquet file of a release back, batch by batch, and measure it."""
    summary, digests = Summary(), bytearray()
    for batch in batches(path, release, [group]):
        summary += measure(batch, schema.fields)
        digests += contents(batch, schema.fields)
    return Measured(summary, bytes(digests))


def batches(path: str, release: Path, groups: Sequence[int] | None = None) -> Iterator[pa.RecordBatch]:
    """The rows of one Parquet file of a release, or of some of its row groups, in order.

    Every page is checked against its checksum.
    """
    with pq.ParquetFile(release / path, page_checksum_verification=True) as file:
        wanted = range(file.num_row_groups) if groups is None else groups
        known = [file.metadata.row_group(group) for group in wanted]
        size, rows = sum(group.total_byte_size for group in known), sum(group.num_rows for group in known)
        most = max(64, min(BATCH_ROWS, BATCH_BYTES * rows // max(1, size)))
        yield from file.iter_batches(batch_size=most, row_groups=list(wanted), use_threads=False)


def _codes(column: pa.Array, one: Field, path: Steps) -> Iterator[tuple[tuple[Steps, str], int]]:
    """How often each value of each coded field stands in a column, those inside lists and objects too."""
    if one.kind == "list":
        yield from _codes(pc.list_flatten(column), one.fields[0], path)
    elif one.kind == "struct":
        for index, inner in enumerate(one.fields):
            yield from _codes(pc.struct_field(column, index), inner, (*path, inner.name))
    elif one.values:
        for found in pc.value_counts(column.drop_null()).to_pylist():
            yield (path, canonical(plain(one, found["values"]))), found["counts"]
