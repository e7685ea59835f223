"""Rows -> the few bytes that the steps on the whole corpus need of them.

This runs on every row, in parallel; what it returns is small, because `dedup` and `split` hold the fingerprints of the
whole corpus at once. `encode` is the definition of a row's content: docs/DIGEST.md says it with test vectors, so that
anyone can check a release without this code.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from parquetry.record.conform import canonical
from parquetry.words.fields import Field
from parquetry.words.recipe import Table
from parquetry.words.records import LINE
from parquetry.words.schema import Schema

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
#: Kinds of one size: their tag, and how `struct` packs them.
_PACKED = {"boolean": (b"\x01", "<?"), "integer": (b"\x02", "<q"), "number": (b"\x04", "<d")}
_PACKED |= {f"int{bits}": (b"\x02", "<q") for bits in (8, 16, 32, 64)}
_PACKED |= {f"uint{bits}": (b"\x03", "<Q") for bits in (8, 16, 32, 64)}
_PACKED |= {f"float{bits}": (b"\x04", "<d") for bits in (32, 64)}
#: A number of bytes for each row.
Sizes = np.ndarray[Any, np.dtype[np.int64]]
#: ``bytes`` of the row as Arrow holds it; ``row`` its content digest; ``id``, ``text`` (what duplicates are judged by)
#: and ``key`` (what must stay together) 128 bits of a digest each; a column of such ids for each reference.
PRINTS = [
    LINE,
    pa.field("bytes", pa.int64()),
    pa.field("row", pa.binary(32)),
    pa.field("id", pa.binary(16)),
    pa.field("text", pa.binary(16)),
    pa.field("key", pa.binary(16)),
]


def fingerprint(batch: pa.RecordBatch, schema: Schema, table: Table) -> pa.RecordBatch:
    """One line of fingerprints for each row, in the same order; each depends on its row alone."""
    rows = batch.to_pylist()
    digests = [content(row, schema.fields) for row in rows]
    ids = [key([schema[c] for c in table.id], [row[c] for c in table.id]) for row in rows]
    texts = [
        short("\n".join(row[c] or "" for c in table.text).encode()) if table.text else digest[:16]
        for row, digest in zip(rows, digests, strict=True)
    ]
    columns: dict[str, Any] = {
        LINE.name: [row[LINE.name] for row in rows],
        "bytes": row_bytes(batch.select([field.name for field in schema.fields])),
        "row": digests,
        "id": ids,
        "text": texts,
        "key": [_key(row, schema, table, (i, t)) for row, i, t in zip(rows, ids, texts, strict=True)],
    }
    for name in table.references:
        columns[reference(name)] = [_pointed(row[name], schema[name]) for row in rows]
    references = [pa.field(reference(name), pa.list_(pa.binary(16))) for name in table.references]
    return pa.RecordBatch.from_pydict(columns, schema=pa.schema([*PRINTS, *references]))


def reference(column: str) -> str:
    """The name of the fingerprint column that holds where a column points to."""
    return f"-> {column}"


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


def key(fields: Sequence[Field], values: Sequence[Any]) -> bytes:
    """128 bits for an id or a group: the same for the same values, in whatever table and width they stand."""
    return short(b"".join(_wide(field, value) for field, value in zip(fields, values, strict=True)))


def short(raw: bytes) -> bytes:
    """128 bits of a digest: 2**64 values before a chance collision."""
    return hashlib.sha256(raw).digest()[:16]


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


def _key(row: dict[str, Any], schema: Schema, table: Table, own: tuple[bytes, bytes]) -> bytes:
    """The digest of a row's group if it has one, of its id where splits are assigned by id, else of its text."""
    group = [row[column] for column in table.split.group_by]
    if any(value is not None for value in group):
        return key([schema[column] for column in table.split.group_by], group)
    return own[0] if table.split.assigned and not group else own[1]


def _pointed(value: Any, field: Field) -> list[bytes]:
    """The ids that a reference holds, as digests; null is none."""
    if value is None:
        return []
    if field.kind == "list":
        return [key([field.fields[0]], [item]) for item in value]
    return [key([field], [value])]


def _shape(field: Field) -> list[Any]:
    """Name and type of a column, as the content digest counts them."""
    if field.kind in ("list", "struct"):
        return [field.name, field.kind, [_shape(inner) for inner in field.fields]]
    return [field.name, str(field.arrow)]
