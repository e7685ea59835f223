"""Links between near-duplicates -> what they connect, and all pairs of what stands in two splits.

The search keeps no more links than connect all that is near. Where connected texts stand in two splits, each two of
them are compared, so that the pairs that are told are all there are.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from parquetry.corpus.keys import Array
from parquetry.corpus.near import Alike, chunks, jaccards

#: Of so many connected texts each two are compared; of more, the links that connect them are told.
MOST = 2000


def pairs(alike: Alike, splits: Array) -> Array:
    """The near-duplicates among connected texts that stand in two splits, and perhaps others.

    Args:
        alike: What the search found.
        splits: Number of the split of each row; negative for a row that is in none.

    Returns:
        Shape (pairs, 2): rows, the lower first.
    """
    root, there = alike.first, np.flatnonzero(splits >= 0)
    low, high = np.full(len(root), len(splits)), np.full(len(root), -1)
    np.minimum.at(low, root[there], splits[there])
    np.maximum.at(high, root[there], splits[there])
    own = root[alike.links[:, 0]]
    torn = alike.links[low[own] < high[own]]
    torn = torn[np.argsort(root[torn[:, 0]], kind="stable")]
    found = [np.empty((0, 2), np.int64)]
    for links in np.split(torn, np.flatnonzero(np.diff(root[torn[:, 0]])) + 1):
        texts = np.unique(links)
        if len(texts) > MOST:
            found.append(links)
            continue
        both = np.array(list(combinations(texts.tolist(), 2)), np.int64).reshape(-1, 2)
        for some in chunks(both):
            found.append(some[jaccards(some, alike.shingles) >= alike.threshold])
    return np.concatenate(found)


def neighbours(alike: Alike) -> Array:
    """For each row that a link connects to an earlier one: a near-duplicate of it, nearer to the first; else itself."""
    beside, reached = np.arange(len(alike.first)), alike.first == np.arange(len(alike.first))
    left = alike.links
    while len(left):
        ends = reached[left]
        near, far = left[ends[:, 0] & ~ends[:, 1]], left[ends[:, 1] & ~ends[:, 0]][:, ::-1]
        step = np.concatenate([near, far])
        if not len(step):
            break
        beside[step[:, 1]] = step[:, 0]
        reached[step[:, 1]] = True
        left = left[~reached[left].all(axis=1)]
    return beside
