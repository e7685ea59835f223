"""A batch as Arrow read it -> validated portions of a size that is safe to work on.

A batch of a file that is not trusted may point out of its memory, and a few bytes of it may stand for many: one long
text in a dictionary that a million rows name, or a view of the same bytes again and again. Both are looked at here,
before any value is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.columnar.values import entries, is_list, plain, valid

#: The largest portion: rows, and about how many bytes they have when dictionaries are written out.
ROWS, BYTES = 4096, 4_000_000
#: Numbers of rows.
Rows = np.ndarray[Any, np.dtype[np.int64]]


class Portion(NamedTuple):
    """Some rows, and how many bytes they have when dictionaries are written out."""

    rows: pa.RecordBatch
    bytes: int
    simple: bool  #: Whether each value has memory of its own, so that these rows can be joined to others.


def validate(batch: pa.RecordBatch) -> None:
    """Refuse a batch that points out of its memory; a text that is not UTF-8 is a fault of its row.

    Raises:
        ArrowInvalid: The batch is not to be touched.
    """
    try:
        batch.validate(full=True)
    except pa.ArrowInvalid:
        for column in batch.columns:
            _as_bytes(column).validate(full=True)


def portions(batch: pa.RecordBatch) -> Iterator[Portion]:
    """Cut a valid batch into portions, and write out the dictionaries of its columns."""
    if simple := not any(_is_compact(column.type) for column in batch.columns):
        for start in range(0, batch.num_rows, ROWS):
            yield from _halved(batch.slice(start, ROWS), simple)
        return
    for start in range(0, batch.num_rows, ROWS):
        for part in _halved(batch.slice(start, ROWS), simple):
            rows = pa.RecordBatch.from_arrays([plain(column) for column in part.rows.columns], batch.schema.names)
            yield Portion(rows, part.bytes, not any(_is_compact(column.type) for column in rows.columns))


def taken(batches: Iterable[pa.RecordBatch], rows: Rows, start: int = 0) -> Iterator[pa.RecordBatch]:
    """Some rows of batches that come one after the other, given in rising order; the first row of all is ``start``."""
    for batch in batches:
        first, last = np.searchsorted(rows, (start, start + batch.num_rows))
        if last > first:
            yield batch.take(pa.array(rows[first:last] - start))
        start += batch.num_rows


def joins(held: list[Portion], part: Portion) -> bool:
    """Whether a portion still goes into one with others."""
    small = sum(one.rows.num_rows for one in held) + part.rows.num_rows <= ROWS
    light = sum(one.bytes for one in held) + part.bytes <= BYTES
    return small and light and held[0].simple and part.simple


def joined(held: list[Portion]) -> pa.RecordBatch:
    """Portions that go into one, as one batch."""
    return pa.concat_batches([part.rows for part in held]) if len(held) > 1 else held[0].rows


def _as_bytes(column: pa.Array) -> pa.Array:
    """The same memory, without a promise about values."""
    if isinstance(column.type, pa.BaseExtensionType):
        return _as_bytes(column.storage)
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, _as_bytes(column.dictionary), safe=False)
    return column.view(_bytes(column.type)) if _bytes(column.type) != column.type else column


def _bytes(kind: pa.DataType) -> pa.DataType:
    """A type with bytes in place of texts, and numbers in place of days that may be none."""
    raw = {pa.string(): pa.binary(), pa.large_string(): pa.large_binary(), pa.string_view(): pa.binary_view()}
    raw[pa.date64()] = pa.int64()
    if pa.types.is_struct(kind):
        return pa.struct([member.with_type(_bytes(member.type)) for member in kind])
    if pa.types.is_map(kind):
        return pa.map_(_bytes(kind.key_type), _bytes(kind.item_type))
    if pa.types.is_fixed_size_list(kind):
        return pa.list_(_bytes(kind.value_type), kind.list_size)
    if pa.types.is_large_list(kind):
        return pa.large_list(_bytes(kind.value_type))
    return pa.list_(_bytes(kind.value_type)) if pa.types.is_list(kind) else raw.get(kind, kind)


def _halved(batch: pa.RecordBatch, simple: bool) -> Iterator[Portion]:
    """A batch in parts of about `BYTES` bytes, or of one row."""
    weight = batch.nbytes if simple else sum(_weight(column) for column in batch.columns)
    if weight <= BYTES or batch.num_rows <= 1:
        yield Portion(batch, weight, simple)
        return
    half = batch.num_rows // 2
    yield from _halved(batch.slice(0, half), simple)
    yield from _halved(batch.slice(half), simple)


def _weight(column: pa.Array) -> int:
    """Bytes of a column when each value is written out, however often a dictionary or a view repeats it."""
    kind = column.type
    if isinstance(kind, pa.BaseExtensionType):
        return _weight(column.storage)
    if pa.types.is_dictionary(kind):
        lengths = _lengths(column.dictionary)
        taken = column.indices.drop_null().to_numpy(zero_copy_only=False)
        return 4 * len(column) + int(lengths[taken].sum()) if len(taken) else 4 * len(column)
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return 16 * len(column) + int(_lengths(column).sum())
    if not _is_compact(kind):
        return int(column.nbytes)
    if pa.types.is_map(kind):
        keys, items, ends = entries(column)
        return 4 * len(ends) + _weight(keys) + _weight(items)
    return 4 * len(column) + sum(_weight(part) for part in _inside(column))


def _inside(column: pa.Array) -> list[pa.Array]:
    return [column.flatten()] if is_list(column.type) else list(column.flatten())


def _lengths(column: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Bytes of each value of a dictionary."""
    kind = column.type
    if pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        if not len(column):
            return np.zeros(0, np.int64)
        heads = np.frombuffer(column.buffers()[1], np.int32, len(column) * 4, column.offset * 16)
        return np.where(valid(column), heads[::4], 0).astype(np.int64)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return np.asarray(pc.binary_length(column).fill_null(0).to_numpy(zero_copy_only=False), np.int64)
    return np.full(len(column), column.nbytes // max(len(column), 1) + 1, np.int64)


def _is_compact(kind: pa.DataType) -> bool:
    """Whether a value may stand at more than one place of a column of this type, but once in memory."""
    if isinstance(kind, pa.BaseExtensionType):
        return True
    if pa.types.is_dictionary(kind) or pa.types.is_string_view(kind) or pa.types.is_binary_view(kind):
        return True
    nested = is_list(kind) or pa.types.is_struct(kind) or pa.types.is_map(kind)
    return nested and any(_is_compact(kind.field(index).type) for index in range(kind.num_fields))
