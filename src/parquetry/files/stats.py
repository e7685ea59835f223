"""Parquet files -> what is in them.

A summary is a sum: ``measure(a) + measure(b) == measure(a and b together)``, whatever the cut.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.files.profile import Profile, Steps, profiles
from parquetry.record.content import contents, row_bytes
from parquetry.words.fields import Field
from parquetry.words.schema import Schema

#: Rows, and about how many bytes, that are read at a time: what fits a processor's cache.
BATCH_ROWS, BATCH_BYTES = 8192, 2_000_000
#: Bytes of a column that are looked at together: a short column of many batches as one.
PORTION_BYTES = 250_000


@dataclass(frozen=True)
class Summary:
    """What a set of rows holds. `Summary()` is the summary of no rows."""

    rows: int = 0
    bytes: int = 0  #: As Arrow holds them, validity bits aside.
    columns: Mapping[Steps, Profile] = field(default_factory=dict)  #: By the steps to each, from its column on.

    def __add__(self, other: Summary) -> Summary:
        none = Profile()
        columns = {
            steps: self.columns.get(steps, none) + other.columns.get(steps, none)
            for steps in dict.fromkeys([*self.columns, *other.columns])
        }
        return Summary(self.rows + other.rows, self.bytes + other.bytes, columns)


class Measured(NamedTuple):
    """Rows of a Parquet file, read back."""

    summary: Summary
    digests: bytes = b""  #: The content digest of each row, 32 bytes each, in order.


def measure(batch: pa.RecordBatch, fields: tuple[Field, ...], *, counts: bool = False) -> Summary:
    """The summary of one batch with the columns ``fields``; ``counts`` is whether personal data is counted."""
    columns = dict[Steps, Profile]()
    for column, one in zip(batch.columns, fields, strict=True):
        columns |= profiles(column, one, (one.name,), counts=counts)
    return Summary(batch.num_rows, int(row_bytes(batch).sum()), columns)


def measure_group(path: str, group: int, release: Path, schema: Schema, count: bool = False) -> Measured:
    """Read one row group of a Parquet file of a release back, batch by batch, and measure it."""
    rows, size, digests, columns = 0, 0, bytearray(), dict[Steps, Profile]()
    waiting: list[list[pa.Array]] = [[] for _ in schema.fields]
    for batch in batches(path, release, [group]):
        rows, size = rows + batch.num_rows, size + int(row_bytes(batch).sum())
        digests += contents(batch, schema.fields)
        for column, mine, one in zip(batch.columns, waiting, schema.fields, strict=True):
            mine.append(column)
            if sum(piece.nbytes for piece in mine) >= PORTION_BYTES:
                _add(columns, mine, one, counts=count)
    for mine, one in zip(waiting, schema.fields, strict=True):
        _add(columns, mine, one, counts=count)
    return Measured(Summary(rows, size, columns), bytes(digests))


def _add(columns: dict[Steps, Profile], pieces: list[pa.Array], one: Field, *, counts: bool) -> None:
    """Add what some pieces of a column hold to what is known of the columns; the pieces are taken away."""
    if pieces:
        for steps, profile in profiles(pa.concat_arrays(pieces), one, (one.name,), counts=counts):
            columns[steps] = columns.get(steps, Profile()) + profile
        pieces.clear()


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
