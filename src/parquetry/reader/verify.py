"""A folder -> the list of what is wrong with it.

This is what anyone can do to a release, with nothing but the folder. Three strengths: ``quick`` compares names, sizes
and counts of rows; ``full`` also every checksum, the schema of every file, and every number of the card; ``deep`` also
judges every row by its JSON Schema again, ids, references and splits, searches duplicates across splits, and computes
the content digests anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.files import manifest as manifests
from parquetry.files.manifest import NAME, SUMS, File, Manifest, Shard, sha256_of
from parquetry.files.stats import batches
from parquetry.papers.facts import Facts, samples
from parquetry.reader import claims
from parquetry.reader.rows import AGAIN, Rows
from parquetry.reader.torn import leaking
from parquetry.words.errors import ParquetryError, Problem, RecipeError, VerificationError
from parquetry.words.schema import Schema, load

Strength = Literal["quick", "full", "deep"]
#: What transport adds to a folder is no change of the release.
_TRANSPORT = re.compile(r"^(\.gitattributes$|\.cache/|\.git/|\.git$|\.huggingface/)")
#: Where Parquet files tell `datasets` their features.
HUB = b"huggingface"


class Report(NamedTuple):
    """What was found in a folder."""

    manifest: Manifest
    problems: tuple[Problem, ...]
    rows: int  #: Rows of the tables that were judged.
    digest: str  #: The release digest: SHA-256 of ``SHA256SUMS``.


def verify(release: Path, strength: Strength = "full", only: str = "", expect: str = "") -> Report:
    """Judge a release.

    Args:
        release: The folder, whatever its name.
        strength: How much is looked at.
        only: Judge this table alone; files of others may be missing, and the card is not judged.
        expect: The release digest that it should have, in hexadecimal; empty: any.

    Raises:
        RecipeError: There is no table of that name.
        VerificationError: The manifest cannot be read, so that nothing can be judged.
    """
    manifest = manifests.load(release)
    if only and only not in manifest.tables:
        what = f"there is no table {only!r}, only {', '.join(manifest.tables)}"
        raise RecipeError(Problem("TABLE_UNKNOWN", str(release), what, "choose one of them"))
    judge = _Judge(release, manifest, [only] if only else list(manifest.tables), {})
    problems = judge.problems(strength)
    sums = release / SUMS
    digest = sha256_of(sums) if sums.is_file() else ""
    if expect and digest != expect.lower():
        what = f"the release digest is {digest or 'missing'}, not {expect.lower()}"
        problems.append(Problem("DIGEST_UNEXPECTED", SUMS, what, "this is another release than the one you expect"))
    rows = sum(split.rows for name in judge.tables for split in manifest.tables[name].splits.values())
    return Report(manifest, tuple(dict.fromkeys(problems)), rows, digest)


def check(release: Path, shards: Sequence[Shard]) -> None:
    """Raise what `verify` finds at full strength in a release whose Parquet files have just been read back.

    Args:
        release: The folder.
        shards: What was found in the files: they are not read a second time.

    Raises:
        VerificationError: With everything that is wrong.
    """
    manifest = manifests.load(release)
    judge = _Judge(release, manifest, list(manifest.tables), {shard.file.path: shard for shard in shards})
    if problems := judge.problems("full"):
        raise VerificationError(*problems)


def present(release: Path) -> set[str]:
    """The files of a folder by their path in it, without what transport adds."""
    entries = (path for path in release.rglob("*") if path.is_symlink() or not path.is_dir())
    found = (path.relative_to(release).as_posix() for path in entries)
    return {path for path in found if not _TRANSPORT.match(path)}


class _Judge:
    """Compares a folder with its manifest."""

    def __init__(self, release: Path, manifest: Manifest, tables: list[str], seen: Mapping[str, Shard]) -> None:
        self.release, self.manifest, self.tables, self.seen = release, manifest, tables, seen
        self.files = {file.path: file for file in manifest.files}
        others = [n for n in manifest.tables if n not in tables]
        self.optional = {file.path for name in others for file in manifest.shards(name)}

    def problems(self, strength: Strength) -> list[Problem]:
        """What is wrong, as far as this strength looks."""
        found = [*self.names()]
        if strength != "quick":
            found += self.checksums({problem.where for problem in found})
        broken = {problem.where for problem in found}
        found += self.counts(broken)
        if strength != "quick":
            found += self.contents(broken, deep=strength == "deep")
        return found

    def names(self) -> Iterator[Problem]:
        """Files that are missing, too many, unsafe, or of another length."""
        found = present(self.release)
        for path in sorted({*self.files, SUMS, NAME}):
            if not manifests.safe(path):
                yield Problem("MANIFEST_PATH", path, "leads out of the release", "do not trust this folder")
            elif path not in found:
                if path not in self.optional:
                    yield Problem("FILE_MISSING", path, "belongs to the release and is not in the folder", AGAIN)
            elif not (self.release / path).is_file():
                yield Problem("FILE_CHANGED", path, "is not a file that can be read", AGAIN)
            elif path in self.files and (size := (self.release / path).stat().st_size) != self.files[path].bytes:
                yield Problem("FILE_CHANGED", path, f"has {size} bytes, {self.files[path].bytes} when sealed", AGAIN)
        for path in sorted(found - self.files.keys() - {SUMS, NAME}):
            yield Problem("FILE_EXTRA", path, "is in the folder, not in the manifest", "remove it; no reader needs it")

    def checksums(self, known: set[str]) -> Iterator[Problem]:
        """Files whose bytes are not those that were sealed, besides those that are ``known`` to be wrong."""
        try:
            listed = (self.release / SUMS).read_bytes().decode()
        except (OSError, UnicodeDecodeError):
            if SUMS not in known:
                yield Problem("FILE_CHANGED", SUMS, "cannot be read", AGAIN)
            return
        sums = {line[66:]: line[:64] for line in listed.splitlines()}
        actual = {NAME: sha256_of(self.release / NAME)}
        for path in self.files.keys() & present(self.release) - known:
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
        for name in self.tables:
            known = self.manifest.tables[name]
            for split, stated in known.splits.items():
                rows = sum(self._rows(file) for file in self.manifest.shards(name, split) if file.path not in broken)
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
            return int(pq.read_metadata(self.release / file.path).num_rows)
        except (OSError, pa.ArrowException):
            return -1

    def contents(self, broken: set[str], *, deep: bool) -> Iterator[Problem]:
        """What is wrong inside the files that are as they were sealed."""
        tables, found = dict[str, Rows](), list[Problem]()
        for name in self.tables:
            facts = self.manifest.tables[name]
            if facts.schema_file != f"schema/{name}.schema.json":
                what = "says that its schema stands in another place"
                found.append(Problem("MANIFEST_INVALID", f"{NAME}: tables.{name}", what, AGAIN))
                continue
            try:
                schema = load(self.release / facts.schema_file, facts.schema_file)
            except (ParquetryError, OSError) as error:
                missing = [Problem("FILE_MISSING", facts.schema_file, "cannot be read", AGAIN)]
                found += error.problems if isinstance(error, ParquetryError) else missing
                continue
            if schema.sha256 != facts.schema_sha256:
                what = "is not the schema that the rows were checked by"
                found.append(Problem("SCHEMA_DIFFERS", facts.schema_file, what, AGAIN))
            if wrong := _unknown(name, self.manifest, schema):
                found.append(Problem("MANIFEST_INVALID", f"{NAME}: tables.{name}", wrong, AGAIN))
                continue
            tables[name] = Rows(name, facts, schema, deep, self.manifest.dataset.personal == "count")
            places = [(split, file.path) for split in facts.splits for file in self.manifest.shards(name, split)]
            for split, path in places:
                if path not in broken:
                    found += self.file(path, split, tables[name])
        yield from found
        if not broken and not found:
            for rows in tables.values():
                yield from rows.problems(tables)
                if deep:
                    yield from leaking(self.release, self.manifest, rows.name, rows.schema)
            if not self.optional:
                schemas = {name: rows.schema for name, rows in tables.items()}
                summaries = {(name, split): s for name, rows in tables.items() for split, s in rows.summaries.items()}
                shown = samples(self.manifest, schemas, self.release)
                yield from claims.wrong(Facts(self.manifest, schemas, summaries, shown), self.release)

    def file(self, path: str, split: str, rows: Rows) -> Iterator[Problem]:
        """What is wrong in one Parquet file; what it holds is added to ``rows``."""
        expected = rows.schema.arrow
        try:
            found = pq.read_schema(self.release / path)
            if not found.equals(expected) or (found.metadata or {}).get(HUB) != expected.metadata[HUB]:
                yield Problem("SCHEMA_DIFFERS", path, f"has other columns, types or features than {rows.name}", AGAIN)
                return
            if path in self.seen:
                rows.count(self.seen[path].measured.summary, split)
                return
            for batch in batches(path, self.release):
                yield from rows.add(batch, path, split)
        except (OSError, pa.ArrowException) as error:
            yield Problem("FILE_UNREADABLE", path, f"is not a sound Parquet file: {str(error)[:120]}", AGAIN)


def _unknown(name: str, manifest: Manifest, schema: Schema) -> str:
    """What the manifest says about a table that its schema, or another table, does not bear out."""
    facts = manifest.tables[name]
    columns = (*facts.id, *facts.text, *facts.references, *facts.group_by)
    if lost := [column for column in columns if column not in schema]:
        return f"the schema has no property {lost[0]!r}"
    if lost := [target for target in facts.references.values() if target not in manifest.tables]:
        return f"there is no table {lost[0]!r}"
    if facts.split_method == "follow" and facts.split_rule not in facts.references:
        return f"{facts.split_rule!r} is not a reference"
    return ""
