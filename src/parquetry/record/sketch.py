"""Columns of texts -> what near-duplicates are found by: signatures, and hashes of shingles.

`tokens` says what a shingle is. Here each becomes 64 bits, and each row 128 numbers, of which two rows share about as
many as their sets of shingles do (Jaccard): MinHash by one permutation (https://arxiv.org/abs/1208.1259), whose empty
slots are filled by optimal densification (https://proceedings.mlr.press/v70/shrivastava17a.html). A compiled file does
that where there was a compiler; else numpy gives the same bits, a block of rows that fits into the cache at a time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.record.tokens import KIND_SHIFT, MANY_SHIFT, NONE, SHINGLE, SINGLE, tables

try:
    import parquetry.record._sketch as compiled
except ImportError:  # it was installed where there is no compiler
    compiled = None

#: Who does the work: the compiled kernel, or None, which is numpy.
native: Any = compiled
#: Numbers of a signature.
SLOTS = 128
#: What a signature consists of where there is no token; no slot of any other signature holds it.
EMPTY = 0xFFFFFFFF
#: What near-duplicates are found by, as a column: a signature of 512 bytes, little-endian.
SIGNATURE = pa.field("signature", pa.binary(4 * SLOTS))
#: Bytes and rows that numpy works on at a time: what it makes of them fits into the second-level cache.
BLOCK_BYTES, BLOCK_ROWS = 1 << 17, 256
Words = np.ndarray[Any, np.dtype[np.uint64]]
Places = np.ndarray[Any, np.dtype[np.int64]]
Signatures = np.ndarray[Any, np.dtype[np.uint32]]
#: The constants of SplitMix64 (https://doi.org/10.1145/2660193.2660195), whose finaliser mixes here.
_GOLDEN, _MIX1, _MIX2 = (np.uint64(x) for x in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_POINT, _KIND = (1 << KIND_SHIFT) - 1, 3


def sketch(columns: Sequence[pa.Array]) -> Signatures:
    """The MinHash signature of each row.

    Args:
        columns: One or more of texts, of the same length; the texts of a row are joined by a line feed, null is empty.
            What is no UTF-8 in them is no part of a token.

    Returns:
        Shape (rows, 128). A row without tokens is all `EMPTY`, and is like no other; of two others, the share of slots
        in which they are equal estimates the Jaccard index of their shingles without bias.

    Raises:
        ValueError: The buffers of a column do not fit its rows.
    """
    columns = _strings(columns)
    if native is not None:
        out = np.empty((len(columns[0]), SLOTS), np.uint32)
        native.sketch(_buffers(columns), len(out), (*tables(), _orders()), out)
        return out
    blocks = [signatures(*_shingles(*block)) for block in _blocks(columns)]
    return np.concatenate(blocks) if blocks else np.empty((0, SLOTS), np.uint32)


def signed(texts: pa.RecordBatch) -> pa.FixedSizeBinaryArray:
    """`sketch` of columns of text, as a column: 512 bytes a row, little-endian."""
    numbers = sketch(texts.columns).astype("<u4", copy=False)
    return pa.FixedSizeBinaryArray.from_buffers(SIGNATURE.type, len(numbers), [None, pa.py_buffer(numbers)])


def shingle_hashes(columns: Sequence[pa.Array], *, distinct: bool = True) -> tuple[Places, Words]:
    """The shingles of each row, as hashes: each once, in rising order, as `jaccard` asks for them, or as they come.

    Args:
        columns: As of `sketch`.
        distinct: Or one for each token that a shingle begins at, in the order of the text.

    Returns:
        Where the hashes of a row begin and end: row ``i`` has ``hashes[offsets[i]:offsets[i + 1]]``; and the hashes.
        Two shingles that differ share one by chance only, once in 2**64.

    Raises:
        ValueError: The buffers of a column do not fit its rows.
    """
    columns = _strings(columns)
    if native is not None:
        offsets, hashes = native.shingles(_buffers(columns), len(columns[0]), (*tables(), _orders()), distinct)
        return np.frombuffer(offsets, np.int64), np.frombuffer(hashes, np.uint64)
    found = [_shingles(*block) for block in _blocks(columns)]
    found = [_distinct(*some) for some in found] if distinct else found
    counts = np.concatenate([np.zeros(1, np.int64), *(counts for _, counts in found)])
    return np.cumsum(counts), np.concatenate([np.empty(0, np.uint64), *(hashes for hashes, _ in found)])


def jaccard(one: Words, two: Words) -> float:
    """The Jaccard index of two sets of shingles, of which one at least is not empty."""
    both = np.sort(np.concatenate([one, two]))
    common = int((both[1:] == both[:-1]).sum())
    return common / (len(both) - common)


def _strings(columns: Sequence[pa.Array]) -> list[pa.Array]:
    """Columns whose buffers are those of texts with offsets of 32 bits; most are that already."""
    return [column if column.type == pa.string() else column.cast(pa.string()) for column in columns]


def _buffers(columns: Sequence[pa.Array]) -> list[tuple[Any, ...]]:
    return [(*column.buffers(), column.offset) for column in columns]


@lru_cache(maxsize=1)
def _orders() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """In which order a slot looks at the others for a value, and the inverse: shape (2, 128, 128).

    Each slot has a random order of its own, the same for all rows.
    """
    numbers = np.arange(SLOTS * SLOTS, dtype=np.uint64) * _GOLDEN
    orders = np.argsort(mixed(numbers).reshape(SLOTS, SLOTS), axis=1, kind="stable")
    return np.stack([orders, np.argsort(orders, axis=1, kind="stable")]).astype(np.uint8)


def mixed(x: Words) -> Words:
    """Numbers of 64 bits, each spread over all: the finaliser of SplitMix64."""
    x = (x ^ (x >> np.uint64(30))) * _MIX1
    x = (x ^ (x >> np.uint64(27))) * _MIX2
    return x ^ (x >> np.uint64(31))


def _blocks(columns: Sequence[pa.Array]) -> Iterator[tuple[bytes, Places]]:
    """The joined texts of some rows as UTF-8, and where each begins and ends."""
    sizes = sum(_sizes(column) for column in columns)
    ends = np.cumsum(sizes)
    # a scalar that is made of a Python value loads pandas
    places = pa.py_buffer(np.array([0, 1], np.int32))
    feed = pa.Array.from_buffers(pa.binary(), 1, [None, places, pa.py_buffer(b"\n")])[0]
    start = 0
    while start < len(ends):
        limit = (ends[start - 1] if start else 0) + BLOCK_BYTES
        stop = min(max(int(np.searchsorted(ends, limit, "right")), start + 1), start + BLOCK_ROWS)
        parts = [column.slice(start, stop - start).cast(pa.binary()) for column in columns]
        texts = pc.binary_join_element_wise(*parts, feed, null_handling="replace", null_replacement=b"")
        offsets = np.frombuffer(texts.buffers()[1], np.int32)[: stop - start + 1].astype(np.int64)
        raw = memoryview(texts.buffers()[2] or b"")[: int(offsets[-1])]
        yield _sound(bytes(raw), offsets)
        start = stop


def _sizes(column: pa.Array) -> Places:
    """The bytes of each text."""
    raw = np.frombuffer(column.buffers()[1] or b"\0\0\0\0", np.int32)
    places: Places = raw[column.offset : column.offset + len(column) + 1].astype(np.int64)
    return places[1:] - places[:-1]


def _sound(raw: bytes, places: Places) -> tuple[bytes, Places]:
    """The same texts, with a sign that belongs to no token for what is no UTF-8."""
    try:
        raw.decode()
    except UnicodeDecodeError:
        texts = [raw[start:stop].decode(errors="replace").encode() for start, stop in pairwise(places.tolist())]
        return b"".join(texts), np.cumsum([0, *map(len, texts)])
    return raw, places


class _Tokens(NamedTuple):
    """Tokens in a folded text."""

    text: np.ndarray[Any, np.dtype[np.uint8]]  #: UTF-8, and eight bytes more.
    starts: Places
    stops: Places
    rows: Places  #: Where the tokens of each row begin and end, in numbers of tokens.


def _tokens(raw: bytes, places: Places) -> _Tokens:
    """The tokens of some texts, which begin and end at ``places``."""
    if raw.isascii():
        text, kinds = raw.translate(_ascii()[0]), np.frombuffer(raw.translate(_ascii()[1]), np.uint8)
    else:
        places = np.searchsorted(_begins(raw), places)
        folded, kinds, places = _folded(raw.decode(), places)
        text = folded.decode("utf-32-le").encode()
    fresh = np.ones(len(kinds) + 1, bool)  # where a token cannot go on
    fresh[1:-1] = (kinds[1:] != kinds[:-1]) | (kinds[1:] == SINGLE)
    fresh[places] = True
    inside = kinds != NONE
    starts, stops = np.flatnonzero(inside & fresh[:-1]), np.flatnonzero(inside & fresh[1:]) + 1
    rows = np.searchsorted(starts, places)
    if len(text) > len(kinds):
        at = np.append(_begins(text), len(text))
        starts, stops = at[starts], at[stops]
    return _Tokens(np.frombuffer(text + bytes(8), np.uint8), starts, stops, rows)


@lru_cache(maxsize=1)
def _ascii() -> tuple[bytes, bytes]:
    """What each byte of ASCII folds to, and what that is."""
    codes = tables().codes[:256]
    return bytes((codes & 0xFF).astype(np.uint8)), bytes((codes >> KIND_SHIFT & _KIND).astype(np.uint8))


def _begins(text: bytes) -> Places:
    """Where the code points of a text in UTF-8 begin."""
    return np.flatnonzero(np.frombuffer(text, np.int8) >= -64)  # what goes on with one is 0x80 to 0xBF


def _folded(text: str, places: Places) -> tuple[bytes, Any, Places]:
    """A text folded, in UTF-32; what its code points are; and where in it ``places`` are."""
    codes, foldings = tables()
    found = codes[np.frombuffer(text.encode("utf-32-le"), "<u4")]
    many = found >> MANY_SHIFT != 0
    if many.any():
        parts = foldings[found[many] & _POINT]
        counts = np.ones(len(found), np.int64)
        counts[many] = (parts != 0).sum(axis=1)
        found, many = np.repeat(found, counts), np.repeat(many, counts)
        found[many] = (parts | (codes[parts] >> KIND_SHIFT & _KIND) << KIND_SHIFT)[parts != 0]
        places = np.append(0, np.cumsum(counts))[places]
    return (found & _POINT).astype("<u4").tobytes(), (found >> KIND_SHIFT).astype(np.uint8), places


def _hashed(tokens: _Tokens) -> Words:
    """The hash of each token: the sum of those of its words of eight bytes, each mixed with its number."""
    lengths = tokens.stops - tokens.starts
    words = np.ndarray(len(tokens.text) - 7, "<u8", tokens.text, strides=(1,))
    masks = np.array([(1 << 8 * count) - 1 for count in range(9)], np.uint64)
    hashes = mixed(words[tokens.starts] & masks[np.minimum(lengths, 8)])
    if len(long := np.flatnonzero(lengths > 8)):
        counts = (lengths[long] - 1) // 8
        first = np.cumsum(counts) - counts
        numbers = np.arange(int(counts.sum())) - np.repeat(first, counts) + 1
        owners = np.repeat(long, counts)
        left = np.minimum(lengths[owners] - 8 * numbers, 8)
        x = words[tokens.starts[owners] + 8 * numbers] & masks[left]
        salt = numbers.astype(np.uint64) * _GOLDEN
        x = x + salt
        x = (x ^ (x >> np.uint64(30))) * _MIX1
        x = ((x ^ (x >> np.uint64(27))) + salt) * _MIX2
        hashes[long] += np.add.reduceat(x ^ (x >> np.uint64(31)), first)
    return hashes


def _shingles(raw: bytes, places: Places) -> tuple[Words, Places]:
    """The hashes of the shingles of some texts, and how many each text has; what comes twice is told twice."""
    tokens = _tokens(raw, places)
    hashes, rows = _hashed(tokens), tokens.rows
    counts = np.diff(rows)
    short = (counts > 0) & (counts < SHINGLE)
    if short.any():  # missing tokens are zeros behind those that there are
        room = np.where(short, SHINGLE, counts)
        at = np.cumsum(room) - room
        padded = np.zeros(int(room.sum()), np.uint64)
        padded[np.arange(len(hashes)) + np.repeat(at - rows[:-1], counts)] = hashes
        hashes, counts, rows = padded, room, np.append(at, len(padded))
    count = max(len(hashes) - SHINGLE + 1, 0)
    pairs = joined(hashes[:-1], hashes[1:])
    x = joined(joined(pairs[:count], pairs[2 : count + 2]), hashes[4 : count + 4])
    x = (x ^ (x >> np.uint64(32))) * _MIX2
    own = np.maximum(counts - SHINGLE + 1, 0)
    chosen = np.arange(int(own.sum())) + np.repeat(rows[:-1] - (np.cumsum(own) - own), own)
    return (x ^ (x >> np.uint64(32)))[chosen], own


def joined(one: Words, two: Words) -> Words:
    """Two hashes in their order."""
    return (one ^ (one >> np.uint64(32))) * _MIX1 + two


def signatures(hashes: Words, counts: Places) -> Signatures:
    """The signature of each row from its shingles, of which the first has the first of ``counts``, and so on.

    MinHash by one permutation: the high 7 bits of a hash choose a slot, which keeps the least low 32 bits."""
    slots = np.full(len(counts) * SLOTS, EMPTY, np.uint32)
    at = np.repeat(np.arange(len(counts)) * SLOTS, counts) + (hashes >> np.uint64(57)).astype(np.int64)
    np.minimum.at(slots, at, np.minimum(hashes & np.uint64(EMPTY), np.uint64(EMPTY - 1)).astype(np.uint32))
    table = slots.reshape(len(counts), SLOTS)
    full = table != EMPTY
    rows, empty = np.nonzero(~full & full.any(axis=1)[:, None])
    if len(rows):  # each takes the value of the first slot in its own order that has one
        ranks = _orders()[1][empty]
        ranks[~full[rows]] = SLOTS
        table[rows, empty] = table[rows, ranks.argmin(axis=1)]
    return table


def _distinct(hashes: Words, counts: Places) -> tuple[Words, Places]:
    """The distinct hashes of each row in rising order, and how many these are."""
    owners = np.repeat(np.arange(len(counts)), counts)
    hashes = hashes[np.lexsort((hashes, owners))]
    fresh = np.ones(len(hashes), bool)
    fresh[1:] = (hashes[1:] != hashes[:-1]) | (owners[1:] != owners[:-1])
    return hashes[fresh], np.bincount(owners[fresh], minlength=len(counts))
