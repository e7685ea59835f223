"""Rows -> bytes that stand for their content, and the digests of them.

`encode` is the definition: docs/DIGEST.md says it with test vectors, so that anyone can check a release without this
code. `encoded` gives the same bytes for a whole column at once, in Arrow's own code.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.sources.conform import canonical
from parquetry.words.fields import Field
from parquetry.words.records import Mask

try:
    from parquetry.record._sha256 import digest_rows
except ImportError:  # it was installed where there is no compiler
    digest_rows = None

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Kinds of one size: their tag, and how `struct` packs them.
_PACKED = {"boolean": (b"\x01", "<?"), "integer": (b"\x02", "<q"), "number": (b"\x04", "<d")}
_PACKED |= {f"int{bits}": (b"\x02", "<q") for bits in (8, 16, 32, 64)}
_PACKED |= {f"uint{bits}": (b"\x03", "<Q") for bits in (8, 16, 32, 64)}
_PACKED |= {f"float{bits}": (b"\x04", "<d") for bits in (32, 64)}
#: How the header of a content digest spells the types that are not called as their kind; never to be changed.
_SPELLED = {"integer": "int64", "number": "double", "float64": "double", "float32": "float", "boolean": "bool"}
_SPELLED |= {"date": "date32[day]", "date-time": "timestamp[us, tz=UTC]", "map": "string"}
#: A number of bytes for each row.
Sizes = np.ndarray[Any, np.dtype[np.int64]]
_NULL = b"\x00"
#: What stands for an id, a text or a group.
KEY = pa.binary(16)


def encode(field: Field, value: Any) -> bytes:
    """The content of a value: a tag for its type, its length where that varies, then its bytes, little-endian."""
    if value is None:
        return b"\x00"
    if field.kind == "list":
        return b"\x08" + struct.pack("<Q", len(value)) + b"".join(encode(field.fields[0], item) for item in value)
    if field.kind == "struct":
        return b"\x09" + struct.pack("<Q", len(field.fields)) + b"".join(encode(f, value[f.name]) for f in field.fields)
    if field.kind in _PACKED:
        tag, form = _PACKED[field.kind]
        return tag + struct.pack(form, value)
    if field.kind == "date":
        return b"\x06" + struct.pack("<i", value.toordinal() - _EPOCH.toordinal())
    if field.kind == "date-time":
        return b"\x07" + struct.pack("<q", (value - _EPOCH) // timedelta(microseconds=1))
    text = bytes(value, "utf-8")
    return b"\x05" + struct.pack("<Q", len(text)) + text


def content(row: dict[str, Any], fields: Sequence[Field]) -> bytes:
    """SHA-256 of the content of a row: of its columns, in the order of the schema."""
    return hashlib.sha256(b"".join(encode(field, row[field.name]) for field in fields)).digest()


def content_digest(fields: Sequence[Field], rows: Iterable[bytes]) -> str:
    """SHA-256 over the shape of a table and the digests of its rows, in hexadecimal."""
    total = hashlib.sha256(hashlib.sha256(canonical([_shape(field) for field in fields]).encode()).digest())
    for row in rows:
        total.update(row)
    return total.hexdigest()


def contents(batch: pa.RecordBatch, fields: Sequence[Field]) -> bytes:
    """`content` of each row of a batch with the columns ``fields``: 32 bytes each, one after the other."""
    return digests([_part(field, column) for field, column in zip(fields, batch.columns, strict=True)])


def keys(batch: pa.RecordBatch, fields: Sequence[Field]) -> pa.Array:
    """`key` of each row of a batch with the columns ``fields``."""
    return shortened(digests([_part(f, column, wide=True) for f, column in zip(fields, batch.columns, strict=True)]))


def shortened(whole: bytes) -> pa.Array:
    """The first 128 bits of digests: 2**64 values before a chance collision."""
    halves = np.ascontiguousarray(np.frombuffer(whole, np.uint8).reshape(-1, 32)[:, :16])
    return pa.FixedSizeBinaryArray.from_buffers(KEY, len(halves), [None, pa.py_buffer(halves)])


def _part(field: Field, column: pa.Array, *, wide: bool = False) -> pa.Array:
    """What a column gives to a digest: a text itself, of which `digests` makes what `encode` says; else bytes."""
    return column if field.arrow == pa.string() else encoded(field, column, wide=wide)


def digests(parts: Sequence[pa.Array]) -> bytes:
    """SHA-256 of each row of some columns: of texts as `encode` says them, and of bytes as they are.

    Returns:
        32 bytes for each row, one after the other.
    """
    if digest_rows is not None:
        columns = [(part.type == pa.string(), *part.buffers(), part.offset) for part in parts]
        return bytes(digest_rows(columns, len(parts[0])))
    texts = joined([_tagged(part) if part.type == pa.string() else part for part in parts])
    raw = memoryview(texts.buffers()[2] or b"")
    sha256 = hashlib.sha256
    return b"".join([sha256(raw[start:stop]).digest() for start, stop in pairwise(_offsets(texts).tolist())])


def joined(columns: Sequence[pa.Array]) -> pa.Array:
    """The byte strings of several columns, row by row one after the other."""
    return pc.binary_join_element_wise(*columns, pa.scalar(b"", pa.binary()))


def encoded(field: Field, column: pa.Array, *, wide: bool = False) -> pa.Array:
    """`encode` of each value of a column, as an array of byte strings; ``wide`` as `key` takes integers."""
    if field.kind == "list":
        whole = encoded(field.fields[0], column.values)
        lists = pa.ListArray.from_arrays(pa.array(_offsets(column), pa.int32()), whole)
        head = _packed(b"\x08", np.diff(_offsets(column)).astype("<u8"))
        texts = joined([head, pc.binary_join(lists, b"")])
    elif field.kind == "struct":
        parts = [encoded(inner, column.field(index)) for index, inner in enumerate(field.fields)]
        texts = joined([_packed(b"\x09", np.full(len(column), len(field.fields), "<u8")), *parts])
    elif field.arrow == pa.string():
        return _tagged(column)
    else:
        texts = _fixed(field, column, wide=wide)
    return texts if not column.null_count else pc.if_else(column.is_valid(), texts, _NULL)


def _tagged(column: pa.Array) -> pa.Array:
    """`encode` of each text of a column."""
    head = _packed(b"\x05", np.diff(_offsets(column)).astype("<u8"))
    return pc.fill_null(joined([head, column.cast(pa.binary())]), _NULL)


def _fixed(field: Field, column: pa.Array, *, wide: bool) -> pa.Array:
    """`encode` of the values of a column of one size; what stands for null is of no meaning."""
    tag, form = _PACKED.get(field.kind) or ((b"\x06", "<i") if field.kind == "date" else (b"\x07", "<q"))
    if field.kind == "boolean":
        column = column.cast(pa.uint8())
    kind = np.dtype({"<?": "u1", "<i": "<i4", "<q": "<i8", "<Q": "<u8", "<d": "<f8"}[form])
    width = column.type.bit_width // 8
    own = np.dtype(f"<f{width}") if form == "<d" else np.dtype(f"<{'u' if form in ('<Q', '<?') else 'i'}{width}")
    raw = np.frombuffer(column.buffers()[1] or b"", own)[column.offset : column.offset + len(column)].astype(kind)
    if wide and field.kind != "date-time" and form in ("<q", "<Q"):
        sign = np.where(raw < 0, 255, 0).astype("u1")
        return _packed(b"\x02", raw, sign)
    return _packed(tag, raw)


def _packed(tag: bytes, numbers: np.ndarray[Any, Any], *more: np.ndarray[Any, Any]) -> pa.Array:
    """A tag and the bytes of one or more numbers, for each row."""
    parts = [np.full((len(numbers), 1), tag[0], "u1")]
    parts += [part.view("u1").reshape(len(numbers), part.dtype.itemsize) for part in (numbers, *more)]
    rows = np.ascontiguousarray(np.hstack(parts))
    fixed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1]), len(rows), [None, pa.py_buffer(rows)])
    return fixed.cast(pa.binary())


def key(fields: Sequence[Field], values: Sequence[Any]) -> bytes:
    """128 bits for an id or a group: the same for the same values, in whatever table and width they stand."""
    return short(b"".join(_wide(field, value) for field, value in zip(fields, values, strict=True)))


def short(raw: bytes) -> bytes:
    """128 bits of a digest: 2**64 values before a chance collision."""
    return hashlib.sha256(raw).digest()[:16]


def worded(texts: pa.RecordBatch) -> Mask:
    """Which rows have any text at all in some columns of text."""
    some = np.zeros(texts.num_rows, bool)
    for column in texts.columns:
        some |= pc.fill_null(pc.greater(pc.binary_length(column), 0), False).to_numpy(zero_copy_only=False)
    return some


def row_bytes(batch: pa.RecordBatch) -> Sizes:
    """Bytes of each row as Arrow holds it, validity bits aside; the sum does not depend on how rows are batched."""
    total = np.zeros(batch.num_rows, np.int64)
    for column in batch.columns:
        total += _bytes(column)
    return total


def _bytes(column: pa.Array) -> Sizes:
    if pa.types.is_string(column.type):
        lengths: Sizes = np.diff(_offsets(column))
        return 4 + lengths
    if pa.types.is_list(column.type):
        sums = np.concatenate([[0], np.cumsum(_bytes(column.values))])
        offsets = _offsets(column)
        spans: Sizes = sums[offsets[1:]] - sums[offsets[:-1]]
        return 4 + spans
    if pa.types.is_struct(column.type):
        total = np.zeros(len(column), np.int64)
        for index in range(column.type.num_fields):
            total += _bytes(column.field(index))
        return total
    return np.full(len(column), max(1, column.type.bit_width // 8), np.int64)


def _offsets(column: pa.Array) -> Sizes:
    raw = np.frombuffer(column.buffers()[1] or b"\0\0\0\0", np.int32)
    return raw[column.offset : column.offset + len(column) + 1].astype(np.int64)


def _wide(field: Field, value: Any) -> bytes:
    """The content of a value, integers as if all columns were 64 bits wide."""
    if isinstance(value, int) and not isinstance(value, bool):
        return b"\x02" + value.to_bytes(9, "little", signed=True)
    return encode(field, value)


def _shape(field: Field) -> list[Any]:
    """Name and type of a column, as the content digest counts them."""
    if field.kind in ("list", "struct"):
        return [field.name, field.kind, [_shape(inner) for inner in field.fields]]
    return [field.name, _SPELLED.get(field.kind, field.kind)]
