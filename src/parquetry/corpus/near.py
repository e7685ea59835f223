"""Fingerprints -> which texts are the same, or nearly so.

Two texts are near-duplicates if the Jaccard index of their sets of shingles reaches a threshold. Candidates are found
by locality-sensitive hashing of their signatures, one band at a time (Indyk and Motwani 1998,
https://doi.org/10.1145/276698.276876); those whose signatures are too far apart are dropped; of the others the index is
counted exactly. So what is found is right, and what is missed is measured, on pairs made from the texts themselves.

What is found depends on the texts alone: the search goes through them in the order of their digests.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from parquetry.columnar.portions import taken
from parquetry.corpus.keys import Array, first_of, numbers
from parquetry.record.sketch import EMPTY, SLOTS, jaccard, mixed, shingle_hashes, signatures
from parquetry.words.records import Mask

#: The bands are as long as they can be where so large a share of pairs at the threshold agrees in one of them.
RECALL = 0.999
#: Signatures may be further apart than the threshold says by so many standard deviations.
DEVIATIONS = 4
#: In one bucket each row is compared with so many others at most; more share it by accident, or by intent.
ROUNDS = 256
#: Pairs whose shingles are in memory at a time, and pairs whose signatures are.
PAIRS, SIGNATURES = 2048, 16384
#: Texts that pairs are made from, to measure how many the search finds.
SAMPLE = 1000
_NO_HASHES = np.empty(0, np.uint64)


class Recall(NamedTuple):
    """How many pairs the search finds, of pairs made to lie at the threshold."""

    made: int
    found: int


@dataclass(frozen=True)
class Alike:
    """Which rows of a table have the same text, or nearly the same."""

    first: Array  #: For each row: the index of the first row that it is connected to, or its own.
    links: Array  #: Shape (links, 2): rows that are near-duplicates of each other, enough to connect all that are.
    shares: Array  #: The Jaccard index of each link.
    compared: int  #: Pairs whose index was counted.
    skipped: int  #: Candidates that were not looked at, because too many are in one bucket.
    recall: Recall
    threshold: float  #: Least Jaccard index of near-duplicates.
    shingles: Shingles  #: Of the rows.


def alike(prints: pa.Table, threshold: float, texts: Sequence[pa.RecordBatch], there: Mask | None = None) -> Alike:
    """Find the rows of a table that have the same text, or nearly the same.

    Args:
        prints: Its fingerprints, in source order, with ``signature``.
        threshold: Least Jaccard index of near-duplicates, above 0, at most 1.
        texts: Its columns of text, in the same order of rows.
        there: Which rows are looked at; by default all. Others are like nothing.
    """
    digests, first, table = numbers(prints["text"]), np.arange(len(prints)), Signatures(prints["signature"])
    some = first.copy() if there is None else np.flatnonzero(there)
    first[some] = some[first_of(digests[some])]
    rows = some[(first[some] == some) & (table.column(0)[some] != EMPTY)]
    rows = rows[np.lexsort(digests[rows].T[::-1])]
    shingles = Shingles(texts)
    search = _Search(rows, table, threshold, shingles)
    for band in range(SLOTS // search.width):
        search.band(band)
    joined = np.arange(len(first))
    joined[rows] = rows[search.find(np.arange(len(rows)))]
    joined = joined[first]
    lowest = np.full(len(first), len(first))
    np.minimum.at(lowest, joined, np.arange(len(first)))
    links = np.concatenate([np.empty((0, 2), np.int64), *search.links])
    shares = np.concatenate([np.empty(0), *search.shares])
    found = (search.compared, search.skipped, search.recall())
    return Alike(lowest[joined], np.sort(rows[links]), shares, *found, threshold, shingles)


def width(threshold: float) -> int:
    """Slots of a band: the most with which enough pairs at the threshold agree in at least one band."""
    found = [slots for slots in range(1, SLOTS + 1) if 1 - (1 - threshold**slots) ** (SLOTS // slots) >= RECALL]
    return max(found, default=1)


class Signatures:
    """The signatures of the rows of a table; they stay where they are, on the disk or in memory."""

    def __init__(self, column: pa.ChunkedArray) -> None:
        whole = [np.frombuffer(chunk.buffers()[1] or b"", "<u4").reshape(-1, SLOTS) for chunk in column.chunks]
        self.chunks = [raw[c.offset : c.offset + len(c)] for raw, c in zip(whole, column.chunks, strict=True)]
        self.starts = np.cumsum([0, *map(len, self.chunks)])

    def column(self, slot: int) -> Array:
        """One slot of all rows."""
        return np.concatenate([np.empty(0, np.uint32), *(chunk[:, slot] for chunk in self.chunks)])

    def take(self, rows: Array) -> Array:
        """The signatures of some rows."""
        found = np.empty((len(rows), SLOTS), np.uint32)
        owners = np.searchsorted(self.starts, rows, side="right") - 1
        for owner in np.unique(owners):
            mine = owners == owner
            found[mine] = self.chunks[owner][rows[mine] - self.starts[owner]]
        return found


class Shingles:
    """The shingles of the rows of a table, whose texts stay where they are, too."""

    def __init__(self, texts: Sequence[pa.RecordBatch]) -> None:
        self.texts = texts

    def of(self, rows: Array) -> tuple[Array, Array]:
        """Their hashes for some rows, given in rising order, as `shingle_hashes` says them."""
        pieces = list(taken(self.texts, rows))
        return shingle_hashes(pa.concat_batches(pieces).columns) if pieces else (np.zeros(1, np.int64), _NO_HASHES)


@dataclass
class _Search:
    """The search through the texts of a table, which are known by their numbers in the order of their digests."""

    rows: Array  #: The row of each text.
    table: Signatures
    threshold: float
    shingles: Shingles
    links: list[Array] = field(default_factory=list)
    shares: list[Array] = field(default_factory=list)
    compared: int = 0
    skipped: int = 0

    def __post_init__(self) -> None:
        self.width = width(self.threshold)
        self.least = self.threshold - DEVIATIONS * float(np.sqrt(self.threshold * (1 - self.threshold) / SLOTS))
        self.lower = np.arange(len(self.rows))  # of each text: itself, or a lower one that it is connected to
        # the pairs that were compared in vain, as numbers: in earlier bands, in order and with one behind them; in this
        self.apart, self.failed = np.array([-1]), list[Array]()

    def find(self, texts: Array) -> Array:
        """The lowest text that each of some texts is connected to."""
        found = texts
        while (lower := self.lower[found]).size and (lower != found).any():
            found = lower
        self.lower[texts] = found
        return found

    def band(self, band: int) -> None:
        """Compare the texts that agree in a band."""
        self._band(band)
        self.apart = np.append(np.sort(np.concatenate([self.apart[:-1], *self.failed])), -1)
        self.failed.clear()

    def _band(self, band: int) -> None:
        """In each bucket the first is compared with all others, then the second, …"""
        keys = np.zeros(len(self.rows), np.uint64)
        for slot in range(band * self.width, (band + 1) * self.width):
            keys = mixed(keys + self.table.column(slot)[self.rows])
        order = np.argsort(keys, kind="stable")
        again = np.diff(keys[order], prepend=np.uint64(0)) == 0
        again[:1] = False
        shared = again | np.append(again[1:], False)
        texts, buckets = order[shared], np.cumsum(~again)[shared]
        for _ in range(ROUNDS):
            texts, buckets, roots, starts = self._mixed(texts, buckets)
            if not len(texts):
                return
            sizes = np.diff(np.append(starts, len(texts)))
            heads = np.repeat(starts, sizes)
            others = np.flatnonzero(roots != roots[heads])
            self.judge(np.stack([texts[heads[others]], texts[others]], axis=1))
            rest = np.ones(len(texts), bool)
            rest[starts] = False
            texts, buckets = texts[rest], buckets[rest]
        sizes = np.bincount(self._mixed(texts, buckets)[1])
        self.skipped += int((sizes * (sizes - 1) // 2).sum())

    def _mixed(self, texts: Array, buckets: Array) -> tuple[Array, Array, Array, Array]:
        """The texts in buckets whose texts are not all connected, their buckets, their roots, and where each begins."""
        roots, starts = self.find(texts), _starts(buckets)
        if len(texts):
            torn = np.minimum.reduceat(roots, starts) != np.maximum.reduceat(roots, starts)
            keep = np.repeat(torn, np.diff(np.append(starts, len(texts))))
            texts, buckets, roots = texts[keep], buckets[keep], roots[keep]
        return texts, buckets, roots, _starts(buckets)

    def judge(self, pairs: Array) -> None:
        """Connect the pairs that are near-duplicates, and remember those that are not."""
        codes = pairs.min(axis=1) * len(self.rows) + pairs.max(axis=1)
        place = np.searchsorted(self.apart[:-1], codes)
        fresh = self.apart[place] != codes
        pairs, codes = pairs[fresh], codes[fresh]
        close = [self._close(pairs[i : i + SIGNATURES]) for i in range(0, len(pairs), SIGNATURES)]
        pairs, codes = (some[np.concatenate([np.empty(0, bool), *close])] for some in (pairs, codes))
        shares = [jaccards(self.rows[some], self.shingles) for some in chunks(pairs)]
        share = np.concatenate([np.empty(0), *shares])
        self.compared += len(pairs)
        near = share >= self.threshold
        self.links.append(pairs[near])
        self.shares.append(share[near])
        self._connect(pairs[near])
        self.failed.append(codes[~near])

    def _close(self, pairs: Array) -> Array:
        """Whether the signatures of pairs are so near to each other that they may be near-duplicates."""
        one, two = (self.table.take(self.rows[pairs[:, side]]) for side in (0, 1))
        close: Array = (one == two).mean(axis=1) >= self.least
        return close

    def _connect(self, pairs: Array) -> None:
        """Let all texts that are connected lead to the lowest of them."""
        while len(pairs):
            roots = np.sort(self.find(pairs.ravel()).reshape(-1, 2))
            pairs = pairs[roots[:, 0] != roots[:, 1]]
            np.minimum.at(self.lower, roots[:, 1], roots[:, 0])

    def recall(self) -> Recall:
        """Measure how many pairs the search finds: on some texts, and the same with some of their shingles changed."""
        rows = np.sort(self.rows[:SAMPLE])
        offsets, hashes = self.shingles.of(rows)
        own = np.diff(offsets)
        changed = hashes.copy()
        for start, count in zip(offsets[:-1].tolist(), own.tolist(), strict=True):
            some = start + np.argsort(mixed(hashes[start : start + count]))  # any that do not depend on its slot
            some = some[: int(count * (1 - self.threshold) / (1 + self.threshold))]
            changed[some] = mixed(hashes[some] + np.uint64(1))
        one, two = signatures(hashes, own), signatures(changed, own)
        count = SLOTS // self.width
        same = (one == two)[:, : count * self.width].reshape(len(own), count, self.width).all(axis=2).any(axis=1)
        return Recall(len(own), int((same & ((one == two).mean(axis=1) >= self.least)).sum()))


def _starts(groups: Array) -> Array:
    """Where each run of equal numbers begins."""
    return np.flatnonzero(np.diff(groups, prepend=-1))


def chunks(pairs: Array) -> Iterator[Array]:
    """Pairs, in pieces whose shingles fit into memory."""
    for start in range(0, len(pairs), PAIRS):
        yield pairs[start : start + PAIRS]


def jaccards(pairs: Array, shingles: Shingles) -> Array:
    """The Jaccard index of the shingles of pairs of rows."""
    rows, places = np.unique(pairs, return_inverse=True)
    offsets, hashes = shingles.of(rows)
    found = np.zeros(len(pairs))
    for index, (one, two) in enumerate(places.reshape(-1, 2).tolist()):
        found[index] = jaccard(hashes[offsets[one] : offsets[one + 1]], hashes[offsets[two] : offsets[two + 1]])
    return found
