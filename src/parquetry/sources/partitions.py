"""The sources of a recipe -> partitions, the units of parallel work.

What a file is, its suffix says and its content must bear out. A large file that can be entered in the middle is cut
into pieces, small files are read together, so that a partition is some tens of megabytes whatever the corpus looks
like. The cut does not show in the output.
"""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.words.errors import Problem, RecipeError
from parquetry.words.recipe import Recipe
from parquetry.words.splits import Split

#: About how many bytes of files a partition has.
PARTITION_BYTES = 32_000_000
Format = Literal["lines", "array", "columns", "cells", "documents"]
#: What the suffix of a file says that it is.
FORMATS: dict[str, Format] = {".jsonl": "lines", ".ndjson": "lines", ".json": "array"}
FORMATS |= {".parquet": "columns", ".arrow": "columns", ".feather": "columns"}
FORMATS |= {".csv": "cells", ".tsv": "cells", ".xlsx": "cells", ".txt": "documents", ".md": "documents"}
#: How a file may be compressed, by a second suffix.
CODECS = {".gz": "gzip", ".zst": "zstd"}
#: Folders that a build keeps beside a release.
_BESIDE = re.compile(r".+-\d+\.\d+\.\d+.*\.(removed|refused)|\..+\.building(\.\d+)?")
#: Formats whose files may be compressed as a whole; the others compress inside, or are small.
_COMPRESSED = ("lines", "array", "cells")


@dataclass(frozen=True)
class Piece:
    """An input file, or a part of one."""

    path: Path
    name: str  #: What messages and the manifest call it: relative to the recipe, never absolute.
    bytes: int  #: Of the file.
    start: int = 0  #: The part: of JSON Lines the lines that begin in these bytes, of Parquet these row groups.
    stop: int = 0  #: 0 and 0 are the whole file.
    share: int = 0  #: About how many bytes of the file the part has.
    split: str = ""  #: The split that the file is given for, where others split the sources.

    @property
    def suffix(self) -> str:
        """The suffix that says what the file is, the one of its compression aside."""
        stem, suffix = os.path.splitext(self.name)
        return os.path.splitext(stem)[1] if suffix in CODECS else suffix

    @property
    def codec(self) -> str | None:
        """How the file is compressed, in Arrow's words."""
        return CODECS.get(os.path.splitext(self.name)[1])


@dataclass(frozen=True)
class Partition:
    """Some input of one table that is read by one worker."""

    table: str
    index: int  #: Its rank among the partitions of the table.
    format: Format
    pieces: tuple[Piece, ...]

    @property
    def bytes(self) -> int:
        """About how many bytes of files it has."""
        return sum(piece.share for piece in self.pieces)

    @property
    def names(self) -> list[str]:
        """What its pieces are called."""
        return [piece.name for piece in self.pieces]

    @property
    def splits(self) -> list[str]:
        """The splits that its pieces are given for."""
        return [piece.split for piece in self.pieces]


def partitions(recipe: Recipe, root: Path) -> list[Partition]:
    """List the input of all tables, that of a table in the order of the names of its files.

    Raises:
        RecipeError: A pattern matches nothing, or a file of a kind that is not read, or a file is not given for one
            split.
    """
    found, problems = list[Partition](), list[Problem]()
    for table, rules in recipe.tables.items():
        mine, where = list[Problem](), f"{recipe.file}: tables.{table}"
        files = files_of([(f"{where}.{key}", pattern) for key, pattern in rules.patterns], root, mine)
        splits = (
            _given(rules.split, files, root, f"{where}.split.given", mine) if rules.split.given and not mine else {}
        )
        problems += mine
        if problems:
            continue
        ordered = sorted(files.items(), key=lambda entry: os.fsencode(entry[0]))
        cut = (piece for name, path in ordered for piece in _cut(path, name, rules.read.encoding))
        pieces = (replace(piece, split=splits.get(piece.name, "")) for piece in cut)
        for index, group in enumerate(_grouped(pieces)):
            found.append(Partition(table, index, FORMATS[group[0].suffix], tuple(group)))
    if problems:
        raise RecipeError(*problems)
    return found


def digest(piece: Piece) -> str:
    """SHA-256 of the whole file that a piece is of."""
    found, buffer = hashlib.sha256(), bytearray(4 << 20)
    with piece.path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            found.update(memoryview(buffer)[:count])
    return found.hexdigest()


def files_of(patterns: Iterable[tuple[str, str]], root: Path, problems: list[Problem]) -> dict[str, Path]:
    """The files that some globs match, by name; each glob comes with the place that a message about it names."""
    names, seen = dict[str, Path](), set[Path]()
    for where, pattern in patterns:
        paths = _matches(pattern, root)
        sources = _outside_releases(paths, pattern, root)
        if not sources:
            problems.append(_missing(where, pattern, paths, root / pattern))
        for path in sources:
            name, real = _name(path, pattern), (root / path).resolve()
            if real in seen:
                continue
            seen.add(real)
            if names.setdefault(name, root / path).resolve() != real:
                what = f"two files would both be called {name!r}"
                problems.append(Problem("SOURCE_TWICE", where, what, "rename one"))
            if what := unread(name):
                problems.append(Problem("INPUT_TYPE", name, "this kind of file is not read", what))
    return names


def _given(split: Split, files: Mapping[str, Path], root: Path, where: str, problems: list[Problem]) -> dict[str, str]:
    """For the name of each file of a table the one split that it is given for."""
    names = {path.resolve(): name for name, path in files.items()}
    found: dict[str, dict[str, None]] = {name: {} for name in sorted(files, key=os.fsencode)}
    for one, patterns in split.given.items():
        for index, pattern in enumerate(patterns):
            matched = {names.get((root / path).resolve()) for path in _matches(pattern, root)} - {None}
            if not matched:
                what, fix = f"no source matches {pattern!r}", "correct the glob, or list its files in sources"
                problems.append(Problem("SPLIT_GIVEN", f"{where}.{one}.{index}", what, fix))
            for name in matched:
                found[str(name)][one] = None
    for name, splits in found.items():
        if not splits:
            fix = "add it to a split, or take it out of sources"
            problems.append(Problem("SPLIT_GIVEN", where, f"no split has the source {name!r}", fix))
        elif len(splits) > 1:
            what = f"the source {name!r} is in {' and in '.join(splits)}"
            problems.append(Problem("SPLIT_GIVEN", where, what, "keep it in one of them"))
    return {name: next(iter(splits), "") for name, splits in found.items()}


def _matches(pattern: str, root: Path) -> list[str]:
    """The files that a glob of a recipe in the folder ``root`` matches."""
    return [path for path in glob.glob(pattern, root_dir=root, recursive=True) if (root / path).is_file()]


def _outside_releases(paths: Iterable[str], pattern: str, root: Path) -> list[str]:
    """The files that a pattern means: none in a release, or beside one, that it merely passes over.

    A release that is read on purpose is named in front of the first wildcard.
    """
    fixed = Path(_fixed(pattern))
    known = dict.fromkeys((fixed, *fixed.parents), False)
    found = list[str]()
    for path in paths:
        folders = Path(path).parents
        for folder in folders:
            if folder not in known:
                known[folder] = _is_release(root / folder)
        if not any(known[folder] for folder in folders):
            found.append(path)
    return found


def _is_release(folder: Path) -> bool:
    """Whether a folder is a release, or what a build keeps beside one."""
    sealed = (folder / "manifest.json").is_file() and (folder / "SHA256SUMS").is_file()
    return sealed or bool(_BESIDE.fullmatch(folder.name))


def _missing(where: str, pattern: str, passed: Sequence[str], path: Path) -> Problem:
    """The message about a pattern without files, besides those that it passed; it may be the ``path`` of a folder."""
    if path.is_dir():
        ends = (_end(one.name) for one in sorted(path.iterdir()))
        some = f"{pattern.rstrip('/')}/*{next(filter(None, ends), '.jsonl')}"
        fix = f"name the files in it: {some!r}, or {some.replace('/*', '/**/*')!r} for those in its folders too"
        return Problem("SOURCE_MISSING", where, f"{pattern!r} is a folder", fix)
    if not passed:
        fix = "correct the path, or make the file first"
        return Problem("SOURCE_MISSING", where, f"no file matches {pattern!r}", fix)
    what = f"all that {pattern!r} matches stands in a release, or beside one: {passed[0]}"
    fix = "name the folder of the release without wildcards if it is to be read"
    return Problem("SOURCE_MISSING", where, what, fix)


def unread(name: str) -> str:
    """What to use instead of a file that is not read; empty for one that is."""
    piece = Piece(Path(), name, 0)
    if piece.suffix not in FORMATS:
        some = ", ".join(list(FORMATS)[:-1])
        return f"use {some} or {list(FORMATS)[-1]}; JSON and CSV plain or with .gz or .zst"
    packed = piece.codec and (FORMATS[piece.suffix] not in _COMPRESSED or piece.suffix == ".xlsx")
    return f"decompress {piece.suffix} files" if packed else ""


def _end(name: str) -> str:
    """The suffixes of a file that is read."""
    piece = Piece(Path(), name, 0)
    return "" if unread(name) else piece.suffix + (os.path.splitext(name)[1] if piece.codec else "")


def _cut(path: Path, name: str, encoding: str) -> Iterator[Piece]:
    """The pieces of a file: about as many as it has times the bytes of a partition, where it can be entered."""
    size = path.stat().st_size
    whole = Piece(path, name, size, share=size)
    units, count = 0, -(-size // PARTITION_BYTES)
    if whole.suffix == ".parquet":
        units = _row_groups(path)
        count = min(count, units)
    elif FORMATS.get(whole.suffix) == "lines" and not whole.codec and encoding == "utf-8":
        units = size
    if not units or count < 2:
        yield whole
        return
    for start, stop in pairwise(units * index // count for index in range(count + 1)):
        yield Piece(path, name, size, start, stop, size // count)


def _row_groups(path: Path) -> int:
    """Row groups of a Parquet file; of one that cannot be read, none: its reader says why."""
    try:
        return int(pq.read_metadata(path).num_row_groups)
    except (OSError, pa.ArrowException):
        return 0


def _grouped(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Pieces in their order, small files of one format together; two pieces of one file never are."""
    group, held = list[Piece](), 0
    for piece in pieces:
        other = group and FORMATS[group[0].suffix] != FORMATS[piece.suffix]
        if group and (other or held + piece.share > PARTITION_BYTES or piece.codec or piece.start):
            yield group
            group, held = [], 0
        group.append(piece)
        held += piece.share
    if group:
        yield group


def given_files(split: Split) -> str:
    """Which files others gave for which splits, in words that say nothing about the machine."""
    said = {name: " or ".join(_name(glob, glob) for glob in globs) for name, globs in split.given.items()}
    return ", ".join(f"{name} from {globs}" for name, globs in said.items())


def _name(path: str, pattern: str) -> str:
    """A name that says nothing about the machine: an absolute path is cut to what its pattern leaves open."""
    if os.path.isabs(pattern):
        fixed = _fixed(pattern)
        path = os.path.relpath(path, fixed if fixed != pattern else os.path.dirname(pattern))
    return Path(os.path.normpath(path)).as_posix()


def _fixed(pattern: str) -> str:
    """What stands in a pattern in front of its first part with a wildcard."""
    while glob.has_magic(pattern):
        pattern = os.path.dirname(pattern)
    return pattern
