"""Splits -> the proof that nothing leaks between them, or what does.

Where splits are drawn, what belongs together goes to one split; where they are given, it may not. Here both are looked
at alike: what was found is told, and more than the recipe allows is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from parquetry.corpus.dedup import KEPT, NEAR_DUPLICATE, Verdict
from parquetry.corpus.keys import Array, first_of, numbers
from parquetry.corpus.links import pairs
from parquetry.corpus.near import Alike
from parquetry.corpus.overlap import Overlap, overlap
from parquetry.corpus.split import Splits
from parquetry.words.errors import InputError, Problem
from parquetry.words.recipe import Recipe
from parquetry.words.records import counted

#: Pairs that are shown; a chain is shown up to so many links.
SHOWN = 20
#: So few connected rows are never too many: in a small table they are a large share.
FEW = 100
#: Rows of a table, by number -> source and line of each.
Places = Callable[[str, Array], list[tuple[str, int]]]


class Leaks(NamedTuple):
    """What is known about the splits of a table."""

    overlap: Overlap
    clusters: int  #: Of published rows.
    largest: int  #: Published rows of the largest cluster.
    alike: Alike | None


def leaks(
    prints: Mapping[str, pa.Table],
    verdicts: Mapping[str, Verdict],
    splits: Mapping[str, Splits],
    recipe: Recipe,
    places: Places,
) -> dict[str, Leaks]:
    """Look for what stands in two splits of a table.

    Raises:
        InputError: More does than the recipe allows, or near-duplicates connect too many rows.
    """
    found, problems = dict[str, Leaks](), list[Problem]()
    for name, table in recipe.tables.items():
        verdict, codes = verdicts[name], np.where(verdicts[name].kept, splits[name].codes, -1)
        groups = numbers(prints[name]["key"]) if table.split.group_by else np.empty((0, 2), np.uint64)
        links = pairs(verdict.alike, codes) if verdict.alike else np.empty((0, 2), np.int64)
        torn = overlap(numbers(prints[name]["text"]), codes, links, groups)
        sizes = np.bincount(first_of(verdict.cluster[verdict.kept]))
        found[name] = Leaks(torn, int(np.count_nonzero(sizes)), int(sizes.max(initial=0)), verdict.alike)
        if torn.exact + torn.near > recipe.limits.leaks:
            problems += _torn(name, torn, splits[name], places)
        if verdict.alike:
            problems += _large(name, verdict, recipe.limits.cluster_share, places)
    if problems:
        raise InputError(*problems)
    return found


def _torn(table: str, torn: Overlap, splits: Splits, places: Places) -> list[Problem]:
    """The messages about texts that stand in two splits."""
    problems = list[Problem]()
    for number, pair in enumerate(torn.examples[:SHOWN]):
        one, two = places(table, pair)
        there, here = (splits.names[splits.codes[row]] for row in pair)
        same = "the" if number < torn.alike else "nearly the"
        what = f"is in {there} and has {same} text of {two[0]}:{two[1]}, which is in {here}"
        problems.append(Problem("SPLIT_LEAK", f"{one[0]}:{one[1]}", what))
    many = f"{counted(torn.exact, 'pair')} of rows with the same text, and {torn.near:,} with nearly the same"
    fix = f"drop duplicates, move these rows, or allow so many: limits.leaks = {torn.exact + torn.near}"
    problems[-1] = problems[-1]._replace(fix=f"{fix} ({many}, in two splits of {table})")
    return problems


def _large(table: str, verdict: Verdict, most: float, places: Places) -> Iterator[Problem]:
    """The message about a cluster of near-duplicates that is too large, with the links that make it."""
    assert verdict.alike
    there = np.isin(verdict.fate, (KEPT, NEAR_DUPLICATE))
    first, rows = verdict.alike.first, int(there.sum())
    sizes = np.bincount(first[there], minlength=1)
    largest = int(sizes.argmax())
    if sizes[largest] <= max(most * rows, FEW):
        return
    mine = np.flatnonzero(first[verdict.alike.links[:, 0]] == largest)[:SHOWN]
    chain = []
    for link in mine.tolist():
        one, two = places(table, verdict.alike.links[link])
        chain.append(f"{one[0]}:{one[1]} and {two[0]}:{two[1]} ({verdict.alike.shares[link]:.2f})")
    what = f"near-duplicates connect {counted(int(sizes[largest]))} of {rows}: {'; '.join(chain[:5])}"
    fix = "raise duplicates.threshold, remove what these texts have in common, or raise limits.cluster_share"
    yield Problem("CLUSTER_LARGE", table, what, fix)
