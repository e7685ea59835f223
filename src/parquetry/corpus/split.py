"""Clusters -> train, validation, test.

A row's split is a function of its cluster's name and of nothing else: adding records to the corpus never moves one that
was there, unless it joins that record's cluster. Where its time or its file decides, `fingerprint` has said so already.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic_core import PydanticCustomError

from parquetry.corpus.dedup import Verdict
from parquetry.corpus.keys import Array, numbers, rows_of
from parquetry.record.content import key
from parquetry.record.fingerprint import SPLIT, reference
from parquetry.sources.conform import from_text
from parquetry.words.errors import InputError, Problem, RecipeError
from parquetry.words.recipe import Recipe, Table
from parquetry.words.records import LINE, counted
from parquetry.words.schema import Schema
from parquetry.words.vocabulary import alike, split_name

#: The constants of SplitMix64.
_FACTORS, _SHIFTS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB), (30, 27)


class Splits(NamedTuple):
    """The split of every row of a table."""

    names: tuple[str, ...]
    codes: Array  #: For each row the index of its split, or -1.

    def names_of(self, rows: Array) -> set[str]:
        """The splits that some rows are in, given by a mask."""
        return {self.names[code] for code in np.unique(self.codes[rows]).tolist() if code >= 0}


@dataclass(frozen=True)
class Assignment:
    """The splits that people decided, read from a CSV file."""

    splits: Mapping[bytes, str] = field(default_factory=dict)  #: By the digest of the group.
    lines: Mapping[bytes, Problem] = field(default_factory=dict)  #: The warning for each, if no row has that group.


def assignments(recipe: Recipe, schemas: Mapping[str, Schema], root: Path) -> dict[str, Assignment]:
    """Read the splits that the recipe takes from files, by table.

    Raises:
        RecipeError: With every line that cannot be used.
    """
    found, problems = dict[str, Assignment](), list[Problem]()
    for name, table in recipe.tables.items():
        if table.split.assigned:
            try:
                found[name] = _assignment(name, table, schemas[name], root, problems)
            except (UnicodeDecodeError, csv.Error) as error:
                where, fix = table.split.assigned, "save it as a CSV file in UTF-8"
                problems.append(Problem("SPLIT_FILE", where, f"cannot be read: {error}", fix))
    if problems:
        raise RecipeError(*problems)
    return found


def assign(
    prints: Mapping[str, pa.Table], verdicts: Mapping[str, Verdict], recipe: Recipe, assigned: Mapping[str, Assignment]
) -> tuple[dict[str, Splits], list[Problem]]:
    """The split of every row of every table, and what is worth a warning.

    Raises:
        InputError: Rows that are to be published have no split.
    """
    splits, warnings, lost = dict[str, Splits](), list[Problem](), list[Problem]()
    for name in _following_last(recipe.tables):
        table, kept = recipe.tables[name], verdicts[name].kept
        if table.split.follow:
            target = table.references[table.split.follow]
            splits[name] = _followed(prints, (name, table.split.follow, target), splits[target], verdicts[target])
        elif table.split.assigned:
            splits[name], unused = _looked_up(prints[name], assigned[name])
            warnings += unused
        elif table.split.only:
            splits[name] = Splits((table.split.only,), np.zeros(len(kept), np.int16))
        else:
            rules, cluster = table.split, verdicts[name].cluster
            drawn = draws(cluster, rules.ratios, rules.salt) if rules.ratios else prints[name][SPLIT.name].to_numpy()
            splits[name] = Splits(rules.names, drawn)
        warnings += _empty(name, recipe, splits, verdicts)
        if (rows := np.flatnonzero(kept & (splits[name].codes < 0))).size:
            lost.append(_lost(name, table, prints[name], rows))
    if lost:
        raise InputError(*lost)
    return splits, warnings


def draw(cluster: bytes, ratios: Mapping[str, float], salt: str) -> str:
    """Throw a die that always falls the same way for the same cluster.

    The halves of the name of a cluster, 64 bits each, are spread over all numbers one after the other, the first mixed
    with 64 bits of the digest of the salt, by the finaliser of SplitMix64 (Steele, Lea and Flood 2014,
    https://doi.org/10.1145/2714064.2660195); the shares cut the numbers into intervals.

    >>> draw(hashlib.sha256(b"a text").digest()[:16], {"train": 0.9, "test": 0.1}, salt="")
    'test'
    """
    number = int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8], "big")
    for half in (cluster[:8], cluster[8:]):
        number ^= int.from_bytes(half, "big")
        for factor, shift in zip(_FACTORS, _SHIFTS, strict=True):
            number = (number ^ (number >> shift)) * factor % 2**64
        number ^= number >> 31
    point = number / 2**64
    for name, upper in zip(ratios, accumulate(ratios.values()), strict=True):
        if point < upper:
            return name
    return list(ratios)[-1]  # the ratios sum to 1 - epsilon


def draws(clusters: Array, ratios: Mapping[str, float], salt: str) -> Array:
    """`draw` for many clusters at once, as indices of the ratios; a cluster is two numbers of 64 bits."""
    number: Array = np.full(len(clusters), int.from_bytes(hashlib.sha256(salt.encode()).digest()[:8], "big"), np.uint64)
    for half in (0, 1):
        number ^= clusters[:, half]
        for factor, shift in zip(_FACTORS, _SHIFTS, strict=True):
            number = (number ^ (number >> np.uint64(shift))) * np.uint64(factor)
        number ^= number >> np.uint64(31)
    point = number.astype(np.float64) / 2**64
    upper = np.array(list(accumulate(ratios.values())))
    return np.minimum(np.searchsorted(upper, point, side="right"), len(upper) - 1).astype(np.int16)


def _followed(prints: Mapping[str, pa.Table], link: tuple[str, str, str], there: Splits, verdict: Verdict) -> Splits:
    """The splits of the rows that the rows of a table point to by a column."""
    name, column, target = link
    pointed = prints[name][reference(column)]
    some = pc.greater(pc.list_value_length(pointed), 0).to_numpy()
    stay = np.flatnonzero(verdict.kept)
    found = rows_of(numbers(prints[target]["id"])[stay], numbers(pc.list_flatten(pointed)))
    codes = np.full(len(some), -1, np.int16)
    codes[some] = np.where(found < 0, -1, there.codes[stay[found]] if len(stay) else -1)
    return Splits(there.names, codes)


def _looked_up(prints: pa.Table, assigned: Assignment) -> tuple[Splits, list[Problem]]:
    """The splits that people decided, and a warning for each group that has no row."""
    names = tuple(dict.fromkeys(assigned.splits.values()))
    groups = np.frombuffer(b"".join(assigned.splits), ">u8").astype(np.uint64).reshape(-1, 2)
    found = rows_of(groups, numbers(prints["key"]))
    codes = np.array([*(names.index(split) for split in assigned.splits.values()), -1], np.int16)
    used = set(np.unique(found).tolist())
    unused = [assigned.lines[group] for index, group in enumerate(assigned.splits) if index not in used]
    return Splits(names, codes[found]), unused


def _following_last(tables: Mapping[str, Table]) -> list[str]:
    """The tables in an order in which each comes after the one it follows."""
    ordered: list[str] = []
    while len(ordered) < len(tables):
        for name, table in tables.items():
            target = table.references[table.split.follow] if table.split.follow else ""
            if name not in ordered and (not target or target in ordered):
                ordered.append(name)
    return ordered


def _assignment(name: str, table: Table, schema: Schema, root: Path, problems: list[Problem]) -> Assignment:
    path, columns = table.split.assigned, list(table.split.group_by or table.id)
    splits, lines = dict[bytes, str](), dict[bytes, Problem]()
    with (root / path).open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        names = list(rows.fieldnames or ())
        if missing := [c for c in (*columns, "split") if c not in names]:
            fix = f"its header names {', '.join(columns)} and split"
            if other := [mark for mark in ";\t|" if len(names) == 1 and mark in names[0]]:
                fix += f"; write commas between its cells, not {other[0]!r}"
            problems.append(Problem("SPLIT_FILE", path, f"has no column {missing[0]!r}", fix))
            return Assignment()
        for row in rows:
            where, what = f"{path}:{rows.line_num}", ", ".join(str(row[c]) for c in columns)
            try:
                group = key([schema[c] for c in columns], [from_text(schema[c], row[c]) for c in columns])
                if splits.setdefault(group, split_name(row["split"] or "")) != row["split"]:
                    problems.append(Problem("SPLIT_FILE", where, f"{what!r} has two splits", "keep one of the lines"))
            except PydanticCustomError as error:
                problems.append(Problem("SPLIT_NAME", where, error.message(), "use letters, digits, '_' and '.'"))
            except ValueError:
                fix = f"write values of {' and '.join(columns)}"
                problems.append(Problem("SPLIT_FILE", where, f"{what!r} is no value of that column", fix))
            else:
                fix = "remove the line, or find out why the rows are gone"
                lines[group] = Problem("WARN_SPLIT_UNUSED", where, f"no row of {name} has {what!r}", fix)
    if twice := alike(splits.values()):
        problems.append(Problem("SPLIT_NAME", path, f"{twice} would be one file on some systems", "write one of them"))
    return Assignment(splits, lines)


def _lost(name: str, table: Table, prints: pa.Table, rows: Array) -> Problem:
    """The message about rows without a split."""
    lines = ", ".join(str(prints[LINE.name][int(row)]) for row in rows[:5]) + (", …" if len(rows) > 5 else "")
    if table.split.follow:
        verb = "follows" if len(rows) == 1 else "follow"
        what = f"{counted(len(rows))} {verb} no row: {table.split.follow} is null (lines {lines})"
        return Problem("SPLIT_UNASSIGNED", name, what, f"fill {table.split.follow}, or choose another way to split")
    if table.split.time:
        column, end = table.split.time.column, list(table.split.time.ends.values())[-1]
        why, fix = (f"is null or not before {end}", ', or add a last split with ""') if end else ("is null", "")
        what = f"{counted(len(rows))} come to no split: {column} {why} (lines {lines} of the sources)"
        return Problem("SPLIT_UNASSIGNED", name, what, f"fill {column}{fix}")
    columns = ", ".join(table.split.group_by or table.id)
    what = f"{counted(len(rows))} with a value of {columns} that has no line (lines {lines} of the sources)"
    return Problem("SPLIT_UNASSIGNED", table.split.assigned, what, "add a line for each value")


def _empty(
    name: str, recipe: Recipe, splits: Mapping[str, Splits], verdicts: Mapping[str, Verdict]
) -> Iterator[Problem]:
    """A warning for each split of a table that no row came to; of one that follows, each that its target has."""
    table, wanted = recipe.tables[name], set(splits[name].names)
    where, named = f"{recipe.file}: tables.{name}.split.{table.split.method}", bool(table.split.names)
    fixes = {"ratios": "change the ratios or the salt", "time": "move its boundary, or leave it out"}
    fix = fixes.get(
        table.split.method, "leave it out, or fill its files" if named else "find out why the rows are gone"
    )
    if table.split.follow:
        target = table.references[table.split.follow]
        wanted = splits[target].names_of(verdicts[target].kept)
        fix = f"find out why no row points to those of {target} there"
    for split in sorted(wanted - splits[name].names_of(verdicts[name].kept)):
        place = f"{where}.{split}" if named else where
        what = "no row came to this split" if named else f"no row came to the split {split!r}"
        yield Problem("WARN_SPLIT_EMPTY", place, f"{what}; it is not written", fix)
