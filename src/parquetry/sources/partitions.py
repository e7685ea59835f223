"""The sources of a recipe -> partitions, the units of parallel work.

What a file is, its suffix says and its content must bear out. A large file that can be entered in the middle is cut
into pieces, small files are read together, so that a partition is some tens of megabytes whatever the corpus looks
like. The cut does not show in the output.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.sources.globs import Match, matches, name_of, outside_releases, refusal
from parquetry.words.errors import InputError, Problem, RecipeError
from parquetry.words.recipe import Recipe
from parquetry.words.splits import Split

#: About how many bytes of files a partition has.
PARTITION_BYTES = 32_000_000
#: Most files in one: small files take a worker's time by their number.
PARTITION_FILES = 512
Format = Literal["lines", "array", "columns", "cells", "documents"]
#: What the suffix of a file says that it is.
FORMATS: dict[str, Format] = {".jsonl": "lines", ".ndjson": "lines", ".json": "array"}
FORMATS |= {".parquet": "columns", ".arrow": "columns", ".feather": "columns"}
FORMATS |= {".csv": "cells", ".tsv": "cells", ".xlsx": "cells", ".txt": "documents", ".md": "documents"}
#: How a file may be compressed, by a second suffix.
CODECS = {".gz": "gzip", ".zst": "zstd"}
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
    changed: int = 0  #: When the file was last changed, as it was listed, in nanoseconds; 0 is not known.

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


def partitions(recipe: Recipe, root: Path, place: Path | None = None) -> list[Partition]:
    """List the input of all tables, that of a table in the order of the names of its files.

    Args:
        recipe: Whose tables are read.
        root: Its folder.
        place: Where the release will stand, if one is built: no source may be in it, nor in the folders beside it.

    Raises:
        RecipeError: A pattern matches nothing, or a file of a kind that is not read, or a file is not given for one
            split, or stands in the way of the build.
        InputError: What a pattern matches is no file that can be read, or a link that is not followed.
    """
    found, problems, refused = list[Partition](), list[Problem](), list[Problem]()
    for table, rules in recipe.tables.items():
        mine, where = list[Problem](), f"{recipe.file}: tables.{table}"
        try:
            files = files_of([(f"{where}.{key}", pattern) for key, pattern in rules.patterns], root, mine)
        except InputError as error:
            refused += error.problems
            continue
        mine += _emptied(files, place, where)
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
    if refused:
        raise InputError(*refused)
    return found


def digest(piece: Piece) -> str:
    """SHA-256 of the whole file that a piece is of."""
    found, buffer = hashlib.sha256(), bytearray(4 << 20)
    with piece.path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            found.update(memoryview(buffer)[:count])
    return found.hexdigest()


def files_of(patterns: Iterable[tuple[str, str]], root: Path, problems: list[Problem]) -> dict[str, Path]:
    """The files that some globs match, by name; each glob comes with the place that a message about it names.

    Raises:
        InputError: What they match is no file that can be read, or a link that is not followed.
    """
    names, seen, refused = dict[str, Path](), set[str](), set[Problem]()
    for where, pattern in patterns:
        passed = matches(pattern, root)
        found = outside_releases(passed, pattern, root)
        no_input = {match: problem for match in found if (problem := refusal(match, pattern, root))}
        refused |= {*no_input.values(), *_folders(found, pattern, root)}
        sources = [one.path for one in found if one not in no_input and (root / one.path).is_file()]
        if not sources and not refused:
            problems.append(_missing(where, pattern, [match.path for match in passed], root / pattern))
        for path in sources:
            name, real = name_of(path, pattern), os.path.realpath(root / path)
            if real in seen:
                continue
            seen.add(real)
            if os.path.realpath(names.setdefault(name, root / path)) != real:
                what = f"two files would both be called {name!r}"
                problems.append(Problem("SOURCE_TWICE", where, what, "rename one"))
            if what := unread(name):
                problems.append(Problem("INPUT_TYPE", name, "this kind of file is not read", what))
            if (raw := os.fsencode(root / path)) != str(root / path).encode("utf-8", "replace"):
                what = f"the path is not UTF-8 (it ends in hex {raw[-20:].hex(' ')}), and cannot be told"
                refused.add(Problem("INPUT_NAME", name, what, "rename the file, or the folder it is in"))
    if refused and not problems:
        raise InputError(*sorted(refused))
    return names


def _emptied(files: Mapping[str, Path], place: Path | None, where: str) -> Iterator[Problem]:
    """The sources that a build into this place would write over or delete."""
    if place:
        real = Path(os.path.realpath(place))
        names = (real.name, f".{real.name}.building", f"{real.name}.removed", f"{real.name}.refused")
        for name, path in files.items():
            if folder := next((n for n in names if real.with_name(n) in Path(os.path.realpath(path)).parents), ""):
                fix = "copy it elsewhere, and name the copy"
                what = f"the source {name!r} stands in {folder!r}, which this build replaces or empties"
                yield Problem("PATH_OVERLAP", f"{where}.sources", what, fix)


def _folders(found: Sequence[Match], pattern: str, root: Path) -> Iterator[Problem]:
    """Folders that are called like files, and in which nothing else is matched: someone may take them for files."""
    above = {folder for match in found for folder in Path(match.path).parents}
    for match in found:
        called = match.path != pattern and not match.stop and not unread(match.path) and Path(match.path) not in above
        if called and (root / match.path).is_dir():
            fix = f"name the files in it: {match.path + '/*'!r}"
            yield Problem("INPUT_TYPE", name_of(match.path, pattern), "is a folder, not a file", fix)


def _given(split: Split, files: Mapping[str, Path], root: Path, where: str, problems: list[Problem]) -> dict[str, str]:
    """For the name of each file of a table the one split that it is given for."""
    names = {os.path.realpath(path): name for name, path in files.items()}
    found: dict[str, dict[str, None]] = {name: {} for name in sorted(files, key=os.fsencode)}
    for one, patterns in split.given.items():
        for index, pattern in enumerate(patterns):
            matched = {names.get(os.path.realpath(root / one.path)) for one in matches(pattern, root)} - {None}
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
    found = path.stat()
    size = found.st_size
    whole = Piece(path, name, size, share=size, changed=found.st_mtime_ns)
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
        yield replace(whole, start=start, stop=stop, share=size // count)


def _row_groups(path: Path) -> int:
    """Row groups of a Parquet file; of one that cannot be read, none: its reader says why."""
    try:
        return int(pq.read_metadata(path).num_row_groups)
    except (OSError, pa.ArrowException, UnicodeDecodeError, OverflowError, RecursionError):
        return 0


def _grouped(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Pieces in their order, small files of one format together; two pieces of one file never are."""
    group, held = list[Piece](), 0
    for piece in pieces:
        other = group and FORMATS[group[0].suffix] != FORMATS[piece.suffix]
        full = len(group) == PARTITION_FILES
        if group and (other or full or held + piece.share > PARTITION_BYTES or piece.codec or piece.start):
            yield group
            group, held = [], 0
        group.append(piece)
        held += piece.share
    if group:
        yield group


def given_files(split: Split) -> str:
    """Which files others gave for which splits, in words that say nothing about the machine."""
    said = {name: " or ".join(name_of(glob, glob) for glob in globs) for name, globs in split.given.items()}
    return ", ".join(f"{name} from {globs}" for name, globs in said.items())
