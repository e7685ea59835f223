"""Files -> batches of rows in the exact types of their columns.

A partition is the unit of parallel work: one file. A line that holds no record of the schema's shape is set aside here,
with its place and the reason; whether the record is *right* is `validate`'s business.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from parquetry.record import blocks, conform
from parquetry.words import strict_json
from parquetry.words.errors import InputError, Problem, RecipeError
from parquetry.words.recipe import Limits, Recipe
from parquetry.words.records import LINE, Removed, Sifted
from parquetry.words.schema import Schema

#: Lines, and bytes of text, held in memory at a time by each worker. They do not change the output.
BATCH_ROWS, BATCH_BYTES = 4096, 1_000_000
#: So few lines are read one by one.
FEW = 16
_CODECS = {".gz": "gzip", ".zst": "zstd"}
_MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst", b"PK\x03\x04": ".zip", b"BZh": ".bz2", b"\xfd7zXZ": ".xz"}
#: A byte order mark: at the start of a file, or where two files were joined. It is no part of a text.
_BOM = b"\xef\xbb\xbf"
#: Bytes that any file may grow to before the decompression ratio is judged.
_RATIO_FLOOR = 64_000_000


@dataclass(frozen=True)
class Partition:
    """One input file of one table."""

    table: str
    index: int  #: Its rank among the files of the table.
    path: Path
    name: str  #: What messages and the manifest call it: relative to the recipe, never absolute.


def partitions(recipe: Recipe, root: Path) -> list[Partition]:
    """List the input files of all tables, those of a table in the order of their names.

    Raises:
        RecipeError: A pattern matches nothing, or a file of a kind that is not read.
    """
    found, problems = list[Partition](), list[Problem]()
    for table, rules in recipe.tables.items():
        names, seen = dict[str, Path](), set[Path]()
        for index, pattern in enumerate(rules.sources):
            where = f"{recipe.file}: tables.{table}.sources.{index}"
            paths = [p for p in glob.glob(pattern, root_dir=root, recursive=True) if (root / p).is_file()]
            if not paths:
                problems.append(
                    Problem(
                        "SOURCE_MISSING",
                        where,
                        f"no file matches {pattern!r}",
                        "correct the path, or make the file first",
                    )
                )
            for path in paths:
                name, real = _name(path, pattern), (root / path).resolve()
                if real in seen or _ours(path, recipe):
                    continue
                seen.add(real)
                if names.setdefault(name, root / path).resolve() != real:
                    problems.append(
                        Problem("SOURCE_TWICE", where, f"two files would both be called {name!r}", "rename one")
                    )
                if not _codec(name) and Path(name).suffix not in (".jsonl", ".ndjson"):
                    fix = "use .jsonl or .ndjson, plain or with .gz or .zst"
                    problems.append(Problem("INPUT_TYPE", name, "this kind of file is not read", fix))
        ordered = sorted(names, key=os.fsencode)
        found += [Partition(table, index, names[name], name) for index, name in enumerate(ordered)]
    if problems:
        raise RecipeError(*problems)
    return found


def digest(partition: Partition) -> tuple[int, str]:
    """Bytes and SHA-256 of an input file."""
    with partition.path.open("rb") as file:
        return partition.path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest()


def read(partition: Partition, schema: Schema, limits: Limits) -> Iterator[Sifted]:
    """Yield the records of one file in batches.

    The kept batches have the schema's columns, then `LINE`.

    Raises:
        InputError: The file is empty, is not what its name says, or cannot be decompressed.
    """
    reader = _Reader(partition, schema, limits)
    lines, size, blank = list[Line](), 0, 0
    for line in _lines(partition, limits):
        if line.whole and not line.text.strip():
            blank += 1
            continue
        lines.append(line)
        size += len(line.text)
        if len(lines) == BATCH_ROWS or size > BATCH_BYTES:
            yield reader.sift(lines)._replace(blank=blank)
            lines, size, blank = [], 0, 0
    yield reader.sift(lines)._replace(blank=blank)


class Line(NamedTuple):
    """A line of a file, without its end."""

    number: int  #: From 1.
    text: bytes
    whole: bool  #: Or cut, because it is longer than the limit.


class _Reader:
    """Reads lines as records: many at once where that is surely right, else one by one."""

    def __init__(self, partition: Partition, schema: Schema, limits: Limits) -> None:
        self.partition, self.schema, self.limits = partition, schema, limits
        self.structure = strict_json.Limits(limits.depth, limits.fields)
        self.columns = pa.schema([*schema.arrow, LINE])
        self.fast = blocks.readable(schema, self.structure)

    def sift(self, lines: list[Line]) -> Sifted:
        """The records of some lines, and what is none."""
        if not self.fast or len(lines) < FEW:
            return self.exactly(lines)
        sure = all(line.whole for line in lines)
        rows = blocks.parse([line.text for line in lines], self.schema, self.structure) if sure else None
        if rows is None:  # most of them are fine: look for the others in halves
            one, two = self.sift(lines[: len(lines) // 2]), self.sift(lines[len(lines) // 2 :])
            both = pa.Table.from_batches([one.kept, two.kept]).combine_chunks().to_batches()
            return Sifted(both[0] if both else one.kept, one.removed + two.removed)
        numbers = pa.array([line.number for line in lines], LINE.type)
        return Sifted(pa.RecordBatch.from_arrays([*rows.columns, numbers], schema=self.columns))

    def exactly(self, lines: list[Line]) -> Sifted:
        """The records of some lines, one by one: the definition."""
        rows, removed = list[dict[str, Any]](), list[Removed]()
        for number, raw, whole in lines:
            value: Any = raw.decode("utf-8", "backslashreplace")
            try:
                if not whole:
                    what = f"longer than {self.limits.line_bytes} bytes; what follows them is not kept"
                    raise strict_json.NotJson("LINE_TOO_LONG", what)
                value = strict_json.loads(raw, self.structure)
                rows.append(conform.record(self.schema.fields, value) | {LINE.name: number})
            except strict_json.NotJson as error:
                place = (error.code, self.partition.table, self.partition.name, number, error.pointer)
                removed.append(Removed(*place, error.what, value))
        return Sifted(pa.RecordBatch.from_pylist(rows, schema=self.columns), tuple(removed))


def _name(path: str, pattern: str) -> str:
    """A name that says nothing about the machine: an absolute path is cut to what its pattern leaves open."""
    if os.path.isabs(pattern):
        fixed = pattern
        while glob.has_magic(fixed):
            fixed = os.path.dirname(fixed)
        path = os.path.relpath(path, fixed if fixed != pattern else os.path.dirname(pattern))
    return Path(os.path.normpath(path)).as_posix()


def _ours(path: str, recipe: Recipe) -> bool:
    """Whether a file stands in what a build of this recipe left beside a release."""
    folders = Path(path).parts[:-1]
    return any(one.startswith(f"{recipe.dataset.name}-") and one.endswith((".removed", ".refused")) for one in folders)


def _codec(name: str) -> str | None:
    stem, suffix = os.path.splitext(name)
    return _CODECS.get(suffix) if stem.endswith((".jsonl", ".ndjson")) else None


def _lines(partition: Partition, limits: Limits) -> Iterator[Line]:
    """The lines of a file, blank ones too."""
    allowed = max(_RATIO_FLOOR, limits.decompression_ratio * partition.path.stat().st_size)
    number = read = 0
    try:
        with _open(partition) as stream:
            while line := stream.readline(limits.line_bytes + 2):
                number, read, rest, whole = number + 1, read + len(line), line, True
                while not rest.endswith(b"\n") and (rest := stream.readline(1 << 20)):
                    read, whole = read + len(rest), False  # the rest of a line that is too long
                    _check_ratio(partition, read, allowed)
                _check_ratio(partition, read, allowed)
                text = line.removesuffix(b"\n").removesuffix(b"\r")
                yield Line(number, text.removeprefix(_BOM), whole and len(text) <= limits.line_bytes)
    except OSError as error:
        if error.errno is not None:
            raise
        what = f"cannot be decompressed: {error}"
        raise InputError(Problem("INPUT_CORRUPT", partition.name, what, "fetch the file again")) from error
    if not read:
        raise InputError(
            Problem("INPUT_EMPTY", partition.name, "the file holds nothing", "remove it, or fetch it again")
        )


def _check_ratio(partition: Partition, read: int, allowed: int) -> None:
    if _codec(partition.name) and read > allowed:
        fix = "raise limits.decompression_ratio if this is no attack"
        raise InputError(Problem("DECOMPRESSION_RATIO", partition.name, f"grew beyond {allowed} bytes", fix))


def _open(partition: Partition) -> io.BufferedReader:
    """Open a file for its suffix, if its first bytes agree with it."""
    with partition.path.open("rb") as file:
        start = file.read(6)
    found = next((suffix for magic, suffix in _MAGIC.items() if start.startswith(magic)), "")
    if start[1:4] == b"\x2a\x4d\x18" and start[0] & 0xF0 == 0x50:
        found = ".zst"  # a frame that decompressors skip
    suffix = partition.path.suffix if _codec(partition.name) else ""
    if start and found != suffix:
        what = f"the content is {found.strip('.') or 'not compressed'}, the name says {suffix or 'plain text'}"
        raise InputError(Problem("COMPRESSION_MISMATCH", partition.name, what, "give the file its right suffix"))
    source = pa.input_stream(str(partition.path), compression=_codec(partition.name), buffer_size=1 << 20)
    return io.BufferedReader(source, 1 << 20)
