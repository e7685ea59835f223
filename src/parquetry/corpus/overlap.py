"""Texts and their splits -> what stands in two splits.

Asked of the rows that are published, when a release is built and again from its files alone.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from parquetry.corpus.keys import Array, first_of


class Overlap(NamedTuple):
    """What stands in more than one split of a table."""

    exact: int  #: Pairs of rows with the same text in two splits.
    near: int  #: Near-duplicates that were found, and whose texts stand in two splits.
    groups: int  #: Groups with rows in two splits.
    examples: Array  #: Shape (examples, 2): a pair of rows for each text, then one for each near-duplicate.
    alike: int  #: Examples with the same text.


def overlap(texts: Array, splits: Array, links: Array, groups: Array) -> Overlap:
    """Compare the splits of rows that have the same text, or nearly, or the same group.

    Args:
        texts: Digest of the text of each row, as two numbers.
        splits: Number of the split of each row; negative for a row that is in none.
        links: Shape (links, 2): rows whose texts are near-duplicates.
        groups: Digest of the group of each row, as two numbers; empty where there are none.
    """
    first, there = first_of(texts), np.flatnonzero(splits >= 0)
    alone = np.bincount(first[there], minlength=len(first)) < 2  # most texts are, and nothing is to be said of them
    alone[first[links]] = False
    there = there[~alone[first[there]]]
    order = there[np.lexsort((there, splits[there], first[there]))]
    low, high = np.full(len(first), -1), np.full(len(first), -1)  # a row of each text in its lowest and highest split
    low[first[order[::-1]]], high[first[order]] = order[::-1], order
    torn = np.flatnonzero(_apart(low, high, splits))
    one, two = low[first[links[:, 0]]], high[first[links[:, 1]]]
    same = ~_apart(one, two, splits)
    one[same], two[same] = high[first[links[same, 0]]], low[first[links[same, 1]]]
    across = _apart(one, two, splits)
    examples = np.concatenate([np.stack([low[torn], high[torn]], axis=1), np.stack([one, two], axis=1)[across]])
    return Overlap(_pairs(first[there], splits[there]), int(across.sum()), _torn(groups, splits), examples, len(torn))


def _apart(one: Array, two: Array, splits: Array) -> Array:
    """Whether two rows are in two splits; -1 is no row."""
    apart: Array = (one >= 0) & (two >= 0) & (splits[one] != splits[two])
    return apart


def _pairs(texts: Array, splits: Array) -> int:
    """Pairs of rows with the same text in two splits: all pairs, but for those in one."""
    _, all_rows = np.unique(texts, return_counts=True)
    _, rows = np.unique(np.stack([texts, splits]), axis=1, return_counts=True)
    return int((all_rows**2).sum() - (rows**2).sum()) // 2


def _torn(groups: Array, splits: Array) -> int:
    """Groups with rows in two splits."""
    if not len(groups):
        return 0
    there = np.flatnonzero(splits >= 0)
    first = first_of(groups[there])
    return len(np.unique(first[splits[there] != splits[there][first]]))
