"""Clusters -> train, validation, test.

A row's split is a function of its cluster's name and of nothing else: adding records to the corpus never moves one that
was there, unless it joins that record's cluster.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic_core import PydanticCustomError

from parquetry.corpus.dedup import Array, Verdict
from parquetry.record.conform import typed
from parquetry.record.content import key
from parquetry.record.fingerprint import reference
from parquetry.words.errors import InputError, Problem, RecipeError
from parquetry.words.fields import Field
from parquetry.words.recipe import Recipe, Table
from parquetry.words.records import LINE, counted
from parquetry.words.schema import Schema
from parquetry.words.vocabulary import split_name


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
) -> tuple[dict[str, Array], list[Problem]]:
    """The split of every row of every table, as names, and what is worth a warning.

    Raises:
        InputError: Rows that are to be published have no split.
    """
    splits, warnings, lost = dict[str, Array](), list[Problem](), list[Problem]()
    for name in _following_last(recipe.tables):
        table, kept = recipe.tables[name], verdicts[name].kept
        if table.split.follow:
            target = table.references[table.split.follow]
            there_rows = zip(prints[target]["id"].to_pylist(), splits[target], verdicts[target].kept, strict=True)
            there = {row_id: split for row_id, split, stays in there_rows if stays}
            pointed = prints[name][reference(table.split.follow)].to_pylist()
            found = [there.get(ids[0], "") if ids else "" for ids in pointed]
        elif table.split.assigned:
            groups = prints[name]["key"].to_pylist()
            found = [assigned[name].splits.get(group, "") for group in groups]
            warnings += [line for group, line in assigned[name].lines.items() if group not in set(groups)]
        else:
            found = [
                table.split.only or draw(bytes(c), table.split.ratios, table.split.salt) for c in verdicts[name].cluster
            ]
        splits[name] = np.array(found, object)
        if (rows := np.flatnonzero(kept & (splits[name] == ""))).size:
            lost.append(_lost(name, table, prints[name], rows))
        warnings += [
            _empty(f"{recipe.file}: tables.{name}", split)
            for split in sorted(set(table.split.ratios) - set(splits[name][kept]))
        ]
    if lost:
        raise InputError(*lost)
    return splits, warnings


def draw(cluster: bytes, ratios: Mapping[str, float], salt: str) -> str:
    """Throw a die that always falls the same way for the same cluster.

    >>> draw(b"a text", {"train": 0.9, "test": 0.1}, salt="")
    'train'
    """
    secret = hashlib.sha256(salt.encode()).digest()
    point = int.from_bytes(hashlib.blake2b(cluster, digest_size=8, key=secret).digest(), "big") / 2**64
    for name, upper in zip(ratios, accumulate(ratios.values()), strict=True):
        if point < upper:
            return name
    return list(ratios)[-1]  # the ratios sum to 1 - epsilon


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
        if missing := [c for c in (*columns, "split") if c not in (rows.fieldnames or ())]:
            fix = f"its header names {', '.join(columns)} and split"
            problems.append(Problem("SPLIT_FILE", path, f"has no column {missing[0]!r}", fix))
            return Assignment()
        for row in rows:
            where, what = f"{path}:{rows.line_num}", ", ".join(str(row[c]) for c in columns)
            try:
                group = key([schema[c] for c in columns], [_value(schema[c], row[c]) for c in columns])
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
    return Assignment(splits, lines)


def _value(column: Field, text: str | None) -> Any:
    """A cell as the column holds it."""
    if text is None:
        raise ValueError("the line is too short")
    if column.kind == "boolean":
        return {"true": True, "false": False}[text] if text in ("true", "false") else int("")
    value = int(text) if pa.types.is_integer(column.arrow) and text.isascii() and "_" not in text else text
    return typed(column, value, ())


def _lost(name: str, table: Table, prints: pa.Table, rows: Array) -> Problem:
    """The message about rows without a split."""
    lines = ", ".join(str(prints[LINE.name][int(row)]) for row in rows[:5]) + (", …" if len(rows) > 5 else "")
    if table.split.follow:
        what = f"{counted(len(rows))} follow no row: {table.split.follow} is null (lines {lines})"
        return Problem("SPLIT_UNASSIGNED", name, what, f"fill {table.split.follow}, or choose another way to split")
    columns = ", ".join(table.split.group_by or table.id)
    what = f"{counted(len(rows))} with a value of {columns} that has no line (lines {lines} of the sources)"
    return Problem("SPLIT_UNASSIGNED", table.split.assigned, what, "add a line for each value")


def _empty(table: str, split: str) -> Problem:
    where = f"{table}.split.ratios.{split}"
    return Problem(
        "WARN_SPLIT_EMPTY", where, "no row came to this split; it is not written", "change the ratios or the salt"
    )
