"""A folder -> the list of what is wrong with it.

This is what anyone can do to a release, with nothing but the folder. Three strengths: ``quick`` compares names, sizes
and counts of rows; ``full`` also every checksum, the schema of every file, and every number of the card; ``deep`` also
judges every row by its JSON Schema again, ids, references and splits, searches duplicates across splits, and computes
the content digests anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.files import manifest as manifests
from parquetry.files.manifest import MOST, NAME, SUMS, File, Manifest, Shard, sha256_of
from parquetry.files.paths import present, safe, size
from parquetry.files.stats import batches
from parquetry.papers.facts import Facts, samples
from parquetry.reader import claims
from parquetry.reader.rows import AGAIN, Rows, unknown
from parquetry.reader.torn import leaking
from parquetry.reader.watch import Watch
from parquetry.words.errors import ParquetryError, Problem, RecipeError, VerificationError
from parquetry.words.schema import load

Strength = Literal["quick", "full", "deep"]
#: Problems that are told: a file can be made that has millions.
TOLD = 1000
#: Rows that a Parquet file may hold, however small it is, and for each of its bytes.
_ROWS, _ROWS_BYTE = 100_000, 64
_ALONE = Watch()
#: Bytes that a byte of a file may become while it is read.
_GROWS = 32
#: Where Parquet files tell `datasets` their features.
HUB = b"huggingface"


class Report(NamedTuple):
    """What was found in a folder."""

    manifest: Manifest
    problems: tuple[Problem, ...]
    rows: int  #: Rows of the tables that were judged.
    digest: str  #: The release digest: SHA-256 of ``SHA256SUMS``.


def verify(
    release: Path, strength: Strength = "full", only: str = "", expect: str = "", watch: Watch = _ALONE
) -> Report:
    """Judge a release.

    Args:
        release: The folder, whatever its name.
        strength: How much is looked at.
        only: Judge this table alone; files of others may be missing, and the card is not judged.
        expect: The release digest that it should have, in hexadecimal; empty: any.
        watch: Hears what is read.

    Raises:
        RecipeError: There is no table of that name.
        VerificationError: The manifest cannot be read, so that nothing can be judged.
    """
    watch.reading(NAME, 0, 0)
    manifest = manifests.load(release)
    if only and only not in manifest.tables:
        what = f"there is no table {only!r}, only {', '.join(manifest.tables)}"
        raise RecipeError(Problem("TABLE_UNKNOWN", str(release), what, "choose one of them"))
    judge = _Judge(release, manifest, [only] if only else list(manifest.tables), {}, watch)
    problems = _told(list(dict.fromkeys(judge.problems(strength))))
    digest = sha256_of(release / SUMS) if 0 < (size(release, SUMS) or 0) <= MOST else ""
    if expect and digest != expect.lower():
        what = f"the release digest is {digest or 'missing'}, not {expect.lower()}"
        problems.append(Problem("DIGEST_UNEXPECTED", SUMS, what, "this is another release than the one you expect"))
    rows = sum(split.rows for name in judge.tables for split in manifest.tables[name].splits.values())
    return Report(manifest, tuple(problems), rows, digest)


def _told(problems: list[Problem]) -> list[Problem]:
    """So many as anybody reads."""
    if (more := len(problems) - TOLD) <= 0:
        return problems
    return [*problems[:TOLD], Problem("MORE_PROBLEMS", NAME, f"{more:,} more were found", "see to those above first")]


def check(release: Path, shards: Sequence[Shard]) -> None:
    """Raise what `verify` finds at full strength in a release whose Parquet files have just been read back.

    Args:
        release: The folder.
        shards: What was found in the files: they are not read a second time.

    Raises:
        VerificationError: With everything that is wrong.
    """
    manifest = manifests.load(release)
    judge = _Judge(release, manifest, list(manifest.tables), {shard.file.path: shard for shard in shards}, Watch())
    if problems := judge.problems("full"):
        raise VerificationError(*problems)


class _Judge:
    """Compares a folder with its manifest."""

    def __init__(
        self, release: Path, manifest: Manifest, tables: list[str], seen: Mapping[str, Shard], watch: Watch
    ) -> None:
        self.release, self.manifest, self.tables, self.seen, self.watch = release, manifest, tables, seen, watch
        self.files = {file.path: file for file in manifest.files}
        self.present = present(release)
        others = [n for n in manifest.tables if n not in tables]
        self.optional = {file.path for name in others for file in manifest.shards(name)}

    def problems(self, strength: Strength) -> list[Problem]:
        """What is wrong, as far as this strength looks."""
        found = [*self.watch.lost.values(), *self.names()]
        if strength != "quick":
            found += self.checksums({problem.where for problem in found})
        broken = {problem.where for problem in found}
        found += self.counts(broken)
        if strength != "quick":
            found += self.contents(broken, deep=strength == "deep")
        return found

    def names(self) -> Iterator[Problem]:
        """Files that are missing, too many, unsafe, or of another length."""
        yield from self.manifest.misleading()
        found = self.present
        for path in sorted(filter(safe, {*self.files, SUMS, NAME} - self.watch.lost.keys())):
            if path not in found:
                if path not in self.optional:
                    yield Problem("FILE_MISSING", path, "belongs to the release and is not in the folder", AGAIN)
            elif (length := found[path]) is None:
                yield Problem("FILE_CHANGED", path, "is not a file that can be read, inside of the release", AGAIN)
            elif path in self.files and length != self.files[path].bytes:
                yield Problem("FILE_CHANGED", path, f"has {length} bytes, {self.files[path].bytes} when sealed", AGAIN)
        held = {file.path for name in self.manifest.tables for file in self.manifest.shards(name)}
        for path in sorted(path for path in self.files.keys() - held if path.endswith(".parquet")):
            yield Problem("FILE_EXTRA", path, "belongs to no split of the manifest", "do not trust this release")
        for path in sorted(found.keys() - self.files.keys() - {SUMS, NAME}):
            yield Problem("FILE_EXTRA", path, "is in the folder, not in the manifest", "remove it; no reader needs it")

    def checksums(self, known: set[str]) -> Iterator[Problem]:
        """Files whose bytes are not those that were sealed, besides those that are ``known`` to be wrong."""
        try:
            if SUMS in known or (self.present.get(SUMS) or 0) > MOST:
                raise OSError
            listed = (self.release / SUMS).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            if SUMS not in known:
                yield Problem("FILE_CHANGED", SUMS, "cannot be read", AGAIN)
            return
        sums = {line[66:]: line[:64] for line in listed.splitlines()}
        actual = {NAME: sha256_of(self.release / NAME)}
        for path in sorted(self.files.keys() & self.present.keys() - known):
            self.watch.reading(path, 0, self.files[path].bytes)
            actual[path] = self.seen[path].file.sha256 if path in self.seen else sha256_of(self.release / path)
        for path in sorted(actual.keys() - known):
            sealed = self.files[path].sha256 if path in self.files else actual[path]
            if actual[path] not in (sealed, sums.get(path)):
                what = f"has another content: SHA-256 {actual[path][:12]}…, {sealed[:12]}… when sealed"
                yield Problem("FILE_CHANGED", path, what, AGAIN)
            elif sealed != actual[path]:
                yield Problem("FILE_CHANGED", NAME, f"its checksum of {path} is not that of the file", AGAIN)
            elif sums.get(path) != actual[path]:
                if path == NAME:
                    yield Problem("FILE_CHANGED", NAME, f"is not the file that {SUMS} lists", AGAIN)
                else:
                    yield Problem("FILE_CHANGED", SUMS, f"its line for {path} is not true", AGAIN)
        if listed != manifests.sums(self.manifest, sums.get(NAME, "")) and set(sums.values()) >= set(actual.values()):
            yield Problem("FILE_CHANGED", SUMS, "is not the list of the files in the manifest", AGAIN)

    def counts(self, broken: set[str]) -> Iterator[Problem]:
        """Books and files that disagree on how many rows there are."""
        self.watch.reading(NAME, 0, 0)
        for name in self.tables:
            known = self.manifest.tables[name]
            for split, stated in known.splits.items():
                found = {f: self._rows(f) for f in self.manifest.shards(name, split) if f.path not in broken}
                for file in [file for file, count in found.items() if file.rows not in (None, count)]:
                    what = f"{found[file]} rows in the file, {file.rows} in the manifest"
                    yield Problem("COUNTS_DIFFER", file.path, what, AGAIN)
                rows = sum(found.values())
                whole = not any(file.path in broken for file in self.manifest.shards(name, split))
                if whole and rows != stated.rows:
                    where = f"{name}/{split}"
                    yield Problem(
                        "COUNTS_DIFFER", where, f"{rows} rows in the files, {stated.rows} in the manifest", AGAIN
                    )
            for source in known.sources:
                if source.read != source.published + sum(source.removed.values()):
                    what = f"{source.read} read is not {source.published} published and the removed"
                    yield Problem("COUNTS_DIFFER", f"{NAME}: {source.path}", what, AGAIN)
            gone = sum(source.removed.get("CONTAMINATED", 0) for source in known.sources)
            if gone != (d.rows if (d := known.decontamination) and d.action == "drop" else 0):
                yield Problem("COUNTS_DIFFER", f"{NAME}: {name}", "sources and decontamination differ", AGAIN)
            if sum(source.published for source in known.sources) != sum(split.rows for split in known.splits.values()):
                yield Problem("COUNTS_DIFFER", f"{NAME}: {name}", "sources and splits have different sums", AGAIN)

        for step in (self.manifest.history or ())[:1]:
            totals = {name: sum(s.rows for s in table.splits.values()) for name, table in self.manifest.tables.items()}
            if {name: step.tables[name].rows for name in step.tables if step.tables[name].rows} != totals:
                yield Problem("COUNTS_DIFFER", f"{NAME}: history", "the last step ends at other numbers of rows", AGAIN)
        if manifests.data_digest(self.manifest.tables) != self.manifest.data_sha256:
            yield Problem("COUNTS_DIFFER", NAME, "data_sha256 is not the digest of the content digests", AGAIN)

    def _rows(self, file: File) -> int:
        try:
            self.watch.reading(file.path, _GROWS * file.bytes, 0)
            return int(pq.read_metadata(self.release / file.path).num_rows)
        except (OSError, pa.ArrowException):
            return -1

    def contents(self, broken: set[str], *, deep: bool) -> Iterator[Problem]:
        """What is wrong inside the files that are as they were sealed."""
        tables, found = dict[str, Rows](), list[Problem]()
        for name in self.tables:
            rows, wrong = self.opened(name, broken, deep=deep)
            found += wrong
            if rows is None:
                continue
            tables[name] = rows
            places = [(split, file.path) for split in rows.facts.splits for file in self.manifest.shards(name, split)]
            for split, path in places:
                if path not in broken and len(found) <= TOLD:
                    found += islice(self.file(path, split, rows), TOLD + 1)
        yield from found
        if not broken and not found:
            total = sum(file.bytes for file in self.files.values())
            count = sum(summary.rows for rows in tables.values() for summary in rows.summaries.values())
            for rows in tables.values():
                self.watch.reading(NAME, 8 * total + 4096 * count, 32 * total + 8192 * count + (256 << 20))
                yield from islice(rows.problems(tables), TOLD + 1)
                if deep:
                    yield from leaking(self.release, self.manifest, rows.name, rows.schema)
            if not self.optional:
                schemas = {name: rows.schema for name, rows in tables.items()}
                summaries = {(name, split): s for name, rows in tables.items() for split, s in rows.summaries.items()}
                shown = samples(self.manifest, schemas, self.release)
                yield from claims.wrong(Facts(self.manifest, schemas, summaries, shown), self.release, self.watch)

    def opened(self, name: str, broken: set[str], *, deep: bool) -> tuple[Rows | None, list[Problem]]:
        """A table whose rows can be judged, or none, and what is wrong with what is said of it."""
        facts = self.manifest.tables[name]
        place, where = facts.schema_file, f"{NAME}: tables.{name}"
        if place != f"schema/{name}.schema.json" or place not in self.files:
            what = "says that its schema stands in another place"
            return None, [Problem("MANIFEST_INVALID", where, what, AGAIN)]
        try:
            if place in broken or self.files[place].bytes > MOST:
                raise OSError
            self.watch.reading(place, _GROWS * self.files[place].bytes, 0)
            schema = load(self.release / place, place)
        except (ParquetryError, OSError) as error:
            missing = [Problem("FILE_MISSING", place, "cannot be read", AGAIN)]
            return None, list(error.problems) if isinstance(error, ParquetryError) else missing
        found = []
        if schema.sha256 != facts.schema_sha256:
            what = "is not the schema that the rows were checked by"
            found.append(Problem("SCHEMA_DIFFERS", place, what, AGAIN))
        if wrong := unknown(name, self.manifest, schema):
            return None, [*found, Problem("MANIFEST_INVALID", where, wrong, AGAIN)]
        return Rows(name, facts, schema, deep, self.manifest.dataset.personal == "count"), found

    def file(self, path: str, split: str, rows: Rows) -> Iterator[Problem]:
        """What is wrong in one Parquet file; what it holds is added to ``rows``."""
        expected, length = rows.schema.arrow, self.files[path].bytes
        try:
            self.watch.reading(path, _GROWS * length, 0)
            found = pq.read_schema(self.release / path)
            if not found.equals(expected) or (found.metadata or {}).get(HUB) != expected.metadata[HUB]:
                yield Problem("SCHEMA_DIFFERS", path, f"has other columns, types or features than {rows.name}", AGAIN)
                return
            if path in self.seen:
                rows.count(self.seen[path].measured.summary, split)
                return
            known = pq.read_metadata(self.release / path)
            if known.num_rows > _ROWS + _ROWS_BYTE * length:
                what = f"says that it holds {known.num_rows:,} rows in {length:,} bytes"
                yield Problem("FILE_UNREADABLE", path, what, AGAIN)
                return
            most = max((known.row_group(group).total_byte_size for group in range(known.num_row_groups)), default=0)
            for batch in batches(path, self.release):
                self.watch.reading(path, length + min(max(most, 0), _GROWS * length), 0)
                yield from rows.add(batch, path, split)
        except (OSError, pa.ArrowException) as error:
            yield Problem("FILE_UNREADABLE", path, f"is not a sound Parquet file: {str(error)[:120]}", AGAIN)
