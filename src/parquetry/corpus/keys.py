"""Digests of 16 bytes -> which of them are the same.

The steps on the whole corpus know ids, texts and groups by such digests; a digest is two numbers of 64 bits here, whose
order is the order of its bytes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

Array = np.ndarray[Any, np.dtype[Any]]


def numbers(column: pa.ChunkedArray) -> Array:
    """Digests of 16 bytes as rows of two numbers, whose order is the order of the bytes."""
    found, row = np.empty((len(column), 2), np.uint64), 0
    for chunk in column.chunks:
        raw = np.frombuffer(chunk.buffers()[1] or b"", ">u8").reshape(-1, 2)
        found[row : row + len(chunk)] = raw[chunk.offset : chunk.offset + len(chunk)]
        row += len(chunk)
    return found


def first_of(keys: Array) -> Array:
    """For each row the index of the first row with the same key; ``keys`` has two numbers for each."""
    first = np.arange(len(keys))
    ordered = np.sort(keys[:, 0])
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    if not len(twice):
        return first
    near = np.searchsorted(twice, keys[:, 0])
    near[near == len(twice)] = 0
    some = np.flatnonzero(twice[near] == keys[:, 0])  # of the others no half is the half of another
    del near
    order = some[np.lexsort(keys[some].T[::-1])]  # stable: equal keys stay in source order
    start = np.ones(len(order), bool)
    start[1:] = (keys[order[1:]] != keys[order[:-1]]).any(axis=1)
    first[order] = order[np.maximum.accumulate(np.where(start, np.arange(len(order)), 0))]
    return first


def rows_of(keys: Array, wanted: Array) -> Array:
    """For each wanted key the index of the first row with that key; -1 if there is none."""
    first = first_of(np.concatenate([keys, wanted]))[len(keys) :]
    return np.where(first < len(keys), first, -1)
