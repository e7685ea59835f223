"""Texts that are held out, and rows -> which rows have seen one of them.

What a model is measured by must not stand in what it learns from. A row overlaps a held-out text if they have a run of
tokens in common (13 of them: Brown et al. 2020, https://arxiv.org/abs/2005.14165, appendix C), or if they are near-
duplicates. None is missed: all runs of all rows are looked up; so are as many of the rarest shingles of each held-out
text as no near-duplicate can be without.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from parquetry.record.clean import clean
from parquetry.record.content import worded
from parquetry.record.read import read
from parquetry.record.sketch import Places, Words, jaccard, joined, shingle_hashes
from parquetry.record.tokens import SHINGLE
from parquetry.sources.partitions import FORMATS, Partition, Piece, digest, files_of
from parquetry.words.errors import InputError, Problem, RecipeError
from parquetry.words.fields import Field
from parquetry.words.recipe import Decontaminate, Limits, Read, Recipe, Table
from parquetry.words.records import LINE, Mask
from parquetry.words.schema import Schema

#: Bits of a hash that the table of those that are known goes by, at least and at most.
_BITS = 16, 26


class HeldFile(NamedTuple):
    """A file of held-out texts."""

    path: str
    bytes: int
    sha256: str
    texts: int


def held_out(recipe: Recipe, root: Path) -> dict[str, HeldOut]:
    """Read the texts that the rows of a table must not have seen, by table, where it names some.

    Raises:
        RecipeError: A pattern matches nothing or a file of a kind that is not read, or no record has such a text.
        InputError: A record of them cannot be read.
    """
    found, problems = dict[str, HeldOut](), list[Problem]()
    for name, table in recipe.tables.items():
        if table.decontaminate:
            where = f"{recipe.file}: tables.{name}.decontaminate"
            texts = _Texts(table.decontaminate, table, recipe.limits)
            for index, pattern in enumerate(table.decontaminate.against):
                texts.add(f"{where}.against.{index}", pattern, root, problems)
            if not problems:
                problems += texts.unused(f"{where}.text")
                found[name] = HeldOut(texts)
    if problems:
        raise RecipeError(*problems)
    return found


@dataclass
class _Texts:
    """The held-out texts of a table, as they are read."""

    rules: Decontaminate
    table: Table
    limits: Limits
    batches: list[pa.RecordBatch] = field(default_factory=list)
    places: list[str] = field(default_factory=list)  #: File and line of each text.
    files: dict[str, HeldFile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = self.rules.text or self.table.text
        self.schema = Schema({}, tuple(map(_text, self.names)), closed=False)
        self.table = self.table.model_copy(update={"read": Read(nul="keep")})

    def add(self, where: str, pattern: str, root: Path, problems: list[Problem]) -> None:
        """Read the files of one pattern, or of one release."""
        folder, before = root / pattern, len(self.places)
        if (folder / "manifest.json").is_file():
            files = {f"{folder.name}/{path.relative_to(folder).as_posix()}": path for path in folder.rglob("*.parquet")}
        else:
            files = files_of([(where, pattern)], root, problems)
        for name, path in sorted(files.items()):
            if name not in self.files and not problems:
                size = path.stat().st_size
                self._read(Piece(path, name, size, share=size))
        if len(self.places) == before and not problems:
            what = f"no record of {pattern!r} has a text in {' or '.join(map(repr, self.names))}"
            problems.append(Problem("HELD_OUT_TEXT", where, what, _FIX))

    def unused(self, where: str) -> list[Problem]:
        """The properties that no record has."""
        seen = [any(batch.column(name).null_count < batch.num_rows for batch in self.batches) for name in self.names]
        lost = [name for name, there in zip(self.names, seen, strict=True) if not there]
        return [Problem("HELD_OUT_TEXT", where, f"no record that is held out has a text in {n!r}", _FIX) for n in lost]

    def _read(self, piece: Piece) -> None:
        before = len(self.places)
        for records in read(Partition("", 0, FORMATS[piece.suffix], (piece,)), self.schema, self.table, self.limits):
            if records.removed:
                fix = "correct it: what is held out must be readable as a whole"
                raise InputError(*(Problem(row.code, row.where, row.message, fix) for row in records.removed))
            rows = clean(records.kept, self.schema, self.table.clean)
            rows = rows.filter(pa.array(worded(rows.select(self.names))))
            self.batches.append(rows.select(self.names))
            self.places += [f"{piece.name}:{line}" for line in rows.column(LINE.name).to_pylist()]
        self.files[piece.name] = HeldFile(piece.name, piece.bytes, digest(piece), len(self.places) - before)


_FIX = 'name the properties that hold it: decontaminate.text = ["question"]'


def _text(name: str) -> Field:
    return Field(name, "", "string", nullable=True, required=False)


class HeldOut:
    """The texts that no row of a table may have seen, and what they are known by."""

    def __init__(self, texts: _Texts) -> None:
        self.rules, self.places, self.files = texts.rules, texts.places, tuple(texts.files.values())
        columns = pa.concat_batches(texts.batches).columns
        _, owners, runs = _runs(*shingle_hashes(columns, distinct=False), self.rules.tokens)
        runs, first = np.unique(runs, return_index=True)
        self.runs = _Known(runs, owners[first])
        self.offsets, self.hashes = shingle_hashes(columns)
        self.sizes = np.diff(self.offsets)
        self.rarest = _Known(*_rarest(self.offsets, self.hashes, self.rules.threshold))

    def overlaps(self, texts: pa.RecordBatch) -> pa.StringArray:
        """For each row what it overlaps, in words; null where it overlaps nothing.

        Args:
            texts: What the rows are judged by.
        """
        said: list[str | None] = [None] * texts.num_rows
        offsets, hashes = shingle_hashes(texts.columns, distinct=False)
        _, rows, runs = _runs(offsets, hashes, self.rules.tokens)
        found, owners = self.runs.find(runs)
        some, first = np.unique(rows[found], return_index=True)
        for row, owner in zip(some.tolist(), owners[first].tolist(), strict=True):
            said[row] = f"has {self.rules.tokens} tokens in a row of {self.places[owner]}"
        left = np.ones(texts.num_rows, bool)
        left[some] = False
        for row, owner in self._near(texts, offsets, hashes, left):
            said[row] = said[row] or f"is nearly the text of {self.places[owner]}"
        return pa.array(said, pa.string())

    def _near(self, texts: pa.RecordBatch, offsets: Places, hashes: Words, left: Mask) -> Iterator[tuple[int, int]]:
        """Rows of those that are ``left``, each with a text that it is a near-duplicate of."""
        counts, least = np.diff(offsets), self.rules.threshold
        found, owners = self.rarest.find(hashes)
        pairs = np.stack([np.repeat(np.arange(len(counts)), counts)[found], owners])
        pairs = np.unique(pairs[:, left[pairs[0]] & (counts[pairs[0]] >= least * self.sizes[pairs[1]])], axis=1)
        if not pairs.size:
            return
        rows, places = np.unique(pairs[0], return_inverse=True)
        starts, own = shingle_hashes(texts.take(pa.array(rows)).columns)
        small = np.diff(starts)[places] * least <= self.sizes[pairs[1]]
        for place, row, owner in zip(places[small].tolist(), *pairs[:, small].tolist(), strict=True):
            theirs = self.hashes[self.offsets[owner] : self.offsets[owner + 1]]
            if jaccard(own[starts[place] : starts[place + 1]], theirs) >= least:
                yield row, owner


class _Known:
    """Hashes, and where they are from. Of those that are asked for few are known; a table says so at once."""

    def __init__(self, hashes: Words, owners: Places) -> None:
        order = np.lexsort((owners, hashes))
        self.hashes, self.owners = hashes[order], owners[order]
        bits = int(np.clip(len(hashes).bit_length() + 4, *_BITS))
        self.shift, self.there = np.uint64(64 - bits), np.zeros(1 << bits, bool)
        self.there[hashes >> self.shift] = True

    def find(self, hashes: Words) -> tuple[Places, Places]:
        """Which of some hashes are known, and where each is from; one that is from several places comes as often."""
        some = np.flatnonzero(self.there[hashes >> self.shift])
        first = np.searchsorted(self.hashes, hashes[some])
        times = np.searchsorted(self.hashes, hashes[some], side="right") - first
        at = np.arange(int(times.sum())) + np.repeat(first - (np.cumsum(times) - times), times)
        return np.repeat(some, times), self.owners[at]


def _runs(offsets: Places, hashes: Words, tokens: int) -> tuple[Places, Places, Words]:
    """All runs of so many tokens: where each begins, the row that it is of, and its hash.

    A run is known by the shingles that cover it; the texts come as `shingle_hashes` gives them when it keeps their
    order. One of fewer tokens has none.
    """
    last = tokens - SHINGLE
    own = np.maximum(np.diff(offsets) - last, 0)
    starts = np.arange(int(own.sum())) + np.repeat(offsets[:-1] - (np.cumsum(own) - own), own)
    found = hashes[starts]
    for step in (*range(SHINGLE, last, SHINGLE), last):
        found = joined(found, hashes[starts + step])
    return starts, np.repeat(np.arange(len(own)), own), found


def _rarest(offsets: Places, hashes: Words, threshold: float) -> tuple[Words, Places]:
    """Of each text so many of its rarest shingles that one of them is in each near-duplicate, and the texts."""
    sizes = np.diff(offsets)
    owners = np.repeat(np.arange(len(sizes)), sizes)
    _, which, times = np.unique(hashes, return_inverse=True, return_counts=True)
    order = np.lexsort((hashes, times[which], owners))
    most = sizes - np.ceil(threshold * sizes - 1e-9) + 1  # a near-duplicate may be without all others
    chosen = order[np.arange(len(order)) - offsets[owners] < most[owners]]
    return hashes[chosen], owners[chosen]


#: The held-out texts of tables that name some.
Held = Mapping[str, HeldOut]
