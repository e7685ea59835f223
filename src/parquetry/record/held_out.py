"""Texts that are held out, and rows -> which rows have seen one of them.

What a model is measured by must not stand in what it learns from. A row overlaps a held-out text if they have a run of
tokens in common (13 of them: Brown et al. 2020, https://arxiv.org/abs/2005.14165, appendix C), or if they are near-
duplicates. None is missed: all runs of all rows are looked up; so are as many of the rarest shingles of each held-out
text as no near-duplicate can be without.
"""

from __future__ import annotations

import json
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
from parquetry.words.recipe import Limits, Read, Recipe, Table
from parquetry.words.records import LINE
from parquetry.words.repeats import Decontaminate
from parquetry.words.schema import Schema

#: Bits of a hash that a sieve goes by, at least and at most, and how many more than its hashes need.
_BITS, _SPARE = (16, 27), 4
#: What a product of a threshold and a whole number may be off by.
_ROUNDING = 1e-9


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
            own = files_of(((f"{where}.{key}", pattern) for key, pattern in table.patterns), root, [])
            sources = frozenset(path.resolve() for path in own.values())
            texts = _Texts(table.decontaminate, table, recipe.limits, sources)
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
    sources: frozenset[Path]  #: The files of the table itself.
    batches: list[pa.RecordBatch] = field(default_factory=list)
    places: list[str] = field(default_factory=list)  #: File and line of each text.
    files: dict[Path, HeldFile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names = self.rules.text or self.table.text
        self.schema = Schema({}, tuple(map(_text, self.names)), closed=False)
        self.table = self.table.model_copy(update={"read": Read(nul="keep")})

    def add(self, where: str, pattern: str, root: Path, problems: list[Problem]) -> None:
        """Read the files of one pattern, or of one release."""
        folder, texts = root / pattern, 0
        release = (folder / "manifest.json").is_file()
        files = _of_release(folder, where, problems) if release else files_of([(where, pattern)], root, problems)
        for name, path in sorted(files.items()) if not problems else ():
            real = path.resolve()
            if real in self.sources:
                what, fix = f"{name!r} is a source of the same table", "hold it out of the sources, or out of against"
                problems.append(Problem("HELD_OUT_SOURCE", where, what, fix))
            elif real not in self.files:
                size = path.stat().st_size
                self.files[real] = self._read(Piece(path, self._called(name, real), size, share=size))
            texts += self.files[real].texts if real in self.files else 0
        if not texts and not problems:
            what = f"no record of {pattern!r} has a text in {' or '.join(map(repr, self.names))}"
            problems.append(Problem("HELD_OUT_TEXT", where, what, _FIX))

    def _called(self, name: str, path: Path) -> str:
        """A name that no other file has: with as many of its folders as that takes."""
        taken, parts = {file.path for file in self.files.values()}, path.parts
        longer = ("/".join(parts[-count:]) for count in range(name.count("/") + 2, len(parts) + 1))
        return next(one for one in (name, *longer) if one not in taken)

    def unused(self, where: str) -> list[Problem]:
        """The properties that no record has."""
        seen = [any(batch.column(name).null_count < batch.num_rows for batch in self.batches) for name in self.names]
        lost = [name for name, there in zip(self.names, seen, strict=True) if not there]
        return [Problem("HELD_OUT_TEXT", where, f"no record that is held out has a text in {n!r}", _FIX) for n in lost]

    def _read(self, piece: Piece) -> HeldFile:
        before = len(self.places)
        for records in read(Partition("", 0, FORMATS[piece.suffix], (piece,)), self.schema, self.table, self.limits):
            if records.removed:
                fix = "correct it: what is held out must be readable as a whole"
                raise InputError(*(Problem(row.code, row.where, row.message, fix) for row in records.removed))
            rows = clean(records.kept, self.schema, self.table.clean)
            rows = rows.filter(pa.array(worded(rows.select(self.names))))
            self.batches.append(rows.select(self.names))
            self.places += [f"{piece.name}:{line}" for line in rows.column(LINE.name).to_pylist()]
        return HeldFile(piece.name, piece.bytes, digest(piece), len(self.places) - before)


_FIX = "name the properties of these records that hold what is held out: decontaminate.text = [...]"


def _of_release(folder: Path, where: str, problems: list[Problem]) -> dict[str, Path]:
    """The Parquet files of a release, by name, as its manifest lists them."""
    listed = [file["path"] for file in json.loads((folder / "manifest.json").read_bytes())["files"]]
    files = {f"{folder.resolve().name}/{path}": folder / path for path in listed if path.endswith(".parquet")}
    for name in [name for name, path in files.items() if not path.is_file()]:
        fix = "download or build the release again"
        problems.append(Problem("HELD_OUT_MISSING", where, f"{name!r} belongs to the release and is not there", fix))
    return files


def _text(name: str) -> Field:
    return Field(name, "", "string", nullable=True, required=False)


class HeldOut:
    """The texts that no row of a table may have seen, and what they are known by."""

    def __init__(self, texts: _Texts) -> None:
        self.rules, self.places, self.files = texts.rules, texts.places, tuple(texts.files.values())
        columns = pa.concat_batches(texts.batches).columns
        self.runs = _Known(*_runs(*shingle_hashes(columns, distinct=False), self.rules.tokens))
        self.offsets, self.hashes = shingle_hashes(columns)
        self.sizes = np.diff(self.offsets)
        self.rarest = _Known(*_rarest(self.offsets, self.hashes, self.rules.threshold))
        self.sieve = _Sieve(self.hashes)

    def overlaps(self, texts: pa.RecordBatch) -> pa.StringArray:
        """For each row what it overlaps, in words; null where it overlaps nothing.

        Args:
            texts: What the rows are judged by.
        """
        said: list[str | None] = [None] * texts.num_rows
        offsets, hashes = shingle_hashes(texts.columns, distinct=False)
        some = self.sieve.let_through(hashes)
        runs, rows = _runs(offsets, hashes, self.rules.tokens, some)
        found, owners = self.runs.find(runs)
        rows, first = np.unique(rows[found], return_index=True)
        for row, owner in zip(rows.tolist(), owners[first].tolist(), strict=True):
            said[row] = f"has {self.rules.tokens} tokens in a row of {self.places[owner]}"
        found, owners = self.rarest.find(hashes[some])
        pairs = np.stack([np.searchsorted(offsets, some[found], side="right") - 1, owners])
        left = np.array([one is None for one in said], bool)
        for row, owner in self._near(texts, np.diff(offsets), pairs[:, left[pairs[0]]]):
            said[row] = said[row] or f"is nearly the text of {self.places[owner]}"
        return pa.array(said, pa.string())

    def _near(self, texts: pa.RecordBatch, counts: Places, pairs: Places) -> Iterator[tuple[int, int]]:
        """Those pairs of a row and a held-out text that are near-duplicates; ``counts`` are no less than shingles."""
        least = self.rules.threshold
        pairs = np.unique(pairs[:, counts[pairs[0]] >= least * self.sizes[pairs[1]] - _ROUNDING], axis=1)
        if not pairs.size:
            return
        rows, places = np.unique(pairs[0], return_inverse=True)
        starts, own = shingle_hashes(texts.take(pa.array(rows)).columns)
        small = np.diff(starts)[places] * least <= self.sizes[pairs[1]] + _ROUNDING
        for place, row, owner in zip(places[small].tolist(), *pairs[:, small].tolist(), strict=True):
            theirs = self.hashes[self.offsets[owner] : self.offsets[owner + 1]]
            if jaccard(own[starts[place] : starts[place + 1]], theirs) >= least:
                yield row, owner


class _Sieve:
    """Lets through all hashes that are known, and few others. A bit for each is little enough to stay in the cache."""

    def __init__(self, hashes: Words) -> None:
        bits = int(np.clip(len(hashes).bit_length() + _SPARE, *_BITS))
        self.shift, there = np.uint64(64 - bits), np.zeros(1 << bits, bool)
        there[hashes >> self.shift] = True
        self.bits = np.packbits(there, bitorder="little")

    def let_through(self, hashes: Words) -> Places:
        """Where the hashes stand that may be known."""
        places = hashes >> self.shift
        bits = self.bits[places >> np.uint64(3)] >> (places & np.uint64(7)).astype(np.uint8)
        return np.flatnonzero(bits & 1)


class _Known:
    """Hashes, and what each is of."""

    def __init__(self, hashes: Words, owners: Places) -> None:
        order = np.lexsort((owners, hashes))
        self.hashes, self.owners, self.sieve = hashes[order], owners[order], _Sieve(hashes)

    def find(self, hashes: Words) -> tuple[Places, Places]:
        """Which of some hashes are known, and what each is of; one that is of several comes as often."""
        some = self.sieve.let_through(hashes)
        first = np.searchsorted(self.hashes, hashes[some])
        times = np.searchsorted(self.hashes, hashes[some], side="right") - first
        at = np.arange(int(times.sum())) + np.repeat(first - (np.cumsum(times) - times), times)
        return np.repeat(some, times), self.owners[at]


def _runs(offsets: Places, hashes: Words, tokens: int, known: Places | None = None) -> tuple[Words, Places]:
    """The hashes of runs of so many tokens, and the rows that these are of.

    A run is known by the shingles that cover it; the texts come as `shingle_hashes` gives them when it keeps their
    order. One of fewer tokens has none.

    Args:
        offsets, hashes: The shingles of each row.
        tokens: How many are a run.
        known: If given, only runs of which all shingles stand at these places, which are in rising order.
    """
    last = tokens - SHINGLE
    starts = np.arange(len(hashes)) if known is None else known
    starts = starts[: max(len(starts) - last, 0)][(starts[last:] - starts[: max(len(starts) - last, 0)]) == last]
    rows = np.searchsorted(offsets, starts, side="right") - 1
    whole = starts + last < offsets[rows + 1]
    starts, rows = starts[whole], rows[whole]
    found = hashes[starts]
    for step in (*range(SHINGLE, last, SHINGLE), last):
        found = joined(found, hashes[starts + step])
    return found, rows


def _rarest(offsets: Places, hashes: Words, threshold: float) -> tuple[Words, Places]:
    """Of each text so many of its rarest shingles that one of them is in each near-duplicate, and the texts."""
    sizes = np.diff(offsets)
    owners = np.repeat(np.arange(len(sizes)), sizes)
    _, which, times = np.unique(hashes, return_inverse=True, return_counts=True)
    order = np.lexsort((hashes, times[which], owners))
    most = sizes - np.ceil(threshold * sizes - _ROUNDING) + 1  # a near-duplicate may be without all others
    chosen = order[np.arange(len(order)) - offsets[owners] < most[owners]]
    return hashes[chosen], owners[chosen]


#: The held-out texts of tables that name some.
Held = Mapping[str, HeldOut]
