"""Files -> their checksums, their rows and their origin.

``manifest.json`` says all that is known about a release, and lists every file but itself and ``SHA256SUMS``;
``SHA256SUMS`` lists every file but itself, and `sha256sum -c` can check it. There is no clock, host or user in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, ValidationError

import parquetry
from parquetry.files.books import Books
from parquetry.files.shards import Cut
from parquetry.files.stats import Measured, Summary
from parquetry.files.workspace import Part
from parquetry.record.content import content_digest
from parquetry.words.dataset import Dataset
from parquetry.words.errors import Problem, VerificationError
from parquetry.words.recipe import Recipe
from parquetry.words.schema import Schema
from parquetry.words.vocabulary import Method, SplitName
from parquetry.words.vocabulary import Part as Model

NAME, SUMS = "manifest.json", "SHA256SUMS"
#: Packages that can change the bytes of a release, never its content.
PACKAGES = ("pyarrow", "pyyaml", "unicodedata2")


Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class File(Model):
    """One file of a release."""

    path: str
    bytes: Count
    sha256: Sha256
    rows: Count | None = None
    """Rows, of a Parquet file."""


class SplitRows(Model):
    """What one split of a table holds."""

    rows: Count
    bytes: Count
    """As Arrow holds them, before compression."""
    sha256: Sha256
    """Content digest of its rows."""


class Source(Model):
    """One input file, and what became of its records: read = published + removed."""

    path: str
    bytes: Count
    sha256: Sha256
    read: Count
    published: Count
    removed: dict[str, Count]
    """Rows by reason."""
    blank_lines: Count


class TableFacts(Model):
    """What is known about one table."""

    default: bool
    schema_file: str
    schema_sha256: Sha256
    id: Annotated[tuple[str, ...], Field(min_length=1)]
    text: tuple[str, ...]
    references: dict[str, str]
    group_by: tuple[str, ...]
    split_method: Method
    split_rule: str
    """What the method works with: a file, a column, a split, or the ratios."""
    splits: Annotated[dict[SplitName, SplitRows], Field(min_length=1)]
    sources: tuple[Source, ...]


class Shard(NamedTuple):
    """One Parquet file as it was written, and what was found when it was read back."""

    table: str
    split: str
    file: File
    measured: Measured


class Manifest(Model):
    """All that is known about a release."""

    manifest_version: Literal[1] = 1
    dataset: Dataset
    tables: Annotated[dict[str, TableFacts], Field(min_length=1)]
    recipe_sha256: Sha256
    data_sha256: Sha256
    """Digest of the content digests of all splits: the same data, the same digest."""
    versions: dict[str, str]
    """Versions of what can change the bytes, not the content."""
    files: tuple[File, ...] = ()

    @property
    def name(self) -> str:
        """Name of the release folder."""
        return f"{self.dataset.name}-{self.dataset.version}"

    def text(self) -> str:
        """As the file holds it; keys stand in the order of the recipe, which is the order of the papers."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True), indent=1, ensure_ascii=False) + "\n"

    def shards(self, table: str, split: str | None = None) -> list[File]:
        """The Parquet files of a table, or of one split of it, in order."""
        folder = "data/" if table == "default" else f"data/{table}/"
        names = [f"{folder}{name}-" for name in self.tables[table].splits if split in (None, name)]
        found = [
            f for start in names for f in self.files if f.path.startswith(start) and "/" not in f.path[len(folder) :]
        ]
        return [file for file in found if file.path.endswith(".parquet")]


def describe(
    recipe: Recipe, schemas: Mapping[str, Schema], books: Books, parts: Sequence[Part], shards: Sequence[Shard]
) -> Manifest:
    """Say what is known once the data is written; `seal` adds the files.

    Args:
        recipe, schemas: What was asked for.
        books: What became of each record.
        parts: What was read.
        shards: What was written, read back, in the order of the plan.
    """
    tables = {name: _facts(name, recipe, schemas[name], books, (parts, shards)) for name in recipe.tables}
    digests = [f"{name} {split} {rows.sha256}\n" for name, t in tables.items() for split, rows in t.splits.items()]
    return Manifest(
        dataset=recipe.dataset,
        tables=tables,
        recipe_sha256=_sha256(json.dumps(recipe.model_dump(mode="json", by_alias=True), sort_keys=True).encode()),
        data_sha256=_sha256("".join(sorted(digests)).encode()),
        versions={"parquetry": parquetry.__version__} | {name: version(name) for name in PACKAGES},
        files=tuple(shard.file for shard in shards),
    )


def shard(cut: Cut, measured: Measured, release: Path) -> Shard:
    """What is known about a written file."""
    path = release / cut.path
    file = File(path=cut.path, bytes=path.stat().st_size, sha256=sha256_of(path), rows=measured.summary.rows)
    return Shard(cut.table, cut.split, file, measured)


def seal(manifest: Manifest, release: Path) -> Manifest:
    """List the files of a release, and write ``manifest.json`` and then ``SHA256SUMS``."""
    rows = {file.path: file.rows for file in manifest.files}
    found = [(path.relative_to(release).as_posix(), path) for path in release.rglob("*") if path.is_file()]
    files = [
        File(path=name, bytes=path.stat().st_size, sha256=sha256_of(path), rows=rows.get(name))
        for name, path in sorted(found)
        if name not in (NAME, SUMS)
    ]
    sealed = manifest.model_copy(update={"files": tuple(files)})
    (release / NAME).write_bytes(sealed.text().encode())
    (release / SUMS).write_bytes(sums(sealed, sha256_of(release / NAME)).encode())
    return sealed


def sums(manifest: Manifest, own: str) -> str:
    """The text of ``SHA256SUMS``; ``own`` is the SHA-256 of ``manifest.json``."""
    lines = {file.path: file.sha256 for file in manifest.files} | {NAME: own}
    return "".join(f"{lines[path]}  {path}\n" for path in sorted(lines, key=str.encode))


def load(release: Path) -> Manifest:
    """Read the manifest of a release.

    Raises:
        VerificationError: It is missing, or not a manifest.
    """
    try:
        return Manifest.model_validate_json((release / NAME).read_bytes())
    except OSError as error:
        problem = Problem(
            "MANIFEST_MISSING", f"{release}/{NAME}", f"cannot be read: {error.strerror}", "download it again"
        )
        raise VerificationError(problem) from None
    except ValidationError as error:
        what = f"is not a manifest: {error.errors()[0]['msg']}"
        raise VerificationError(Problem("MANIFEST_INVALID", f"{release}/{NAME}", what, "download it again")) from None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _facts(
    name: str, recipe: Recipe, schema: Schema, books: Books, made: tuple[Sequence[Part], Sequence[Shard]]
) -> TableFacts:
    table = recipe.tables[name]
    mine = [shard for shard in made[1] if shard.table == name]
    splits = {}
    for split in dict.fromkeys(shard.split for shard in mine):
        rows = [shard for shard in mine if shard.split == split]
        total = sum((shard.measured.summary for shard in rows), Summary())
        digest = content_digest(schema.fields, (shard.measured.digests for shard in rows))
        splits[split] = SplitRows(rows=total.rows, bytes=total.bytes, sha256=digest)
    rule = getattr(table.split, table.split.method)
    return TableFacts(
        default=name == recipe.default,
        schema_file=f"schema/{name}.schema.json",
        schema_sha256=schema.sha256,
        id=table.id,
        text=table.text,
        references=table.references,
        group_by=table.split.group_by,
        split_method=table.split.method,
        split_rule=rule if isinstance(rule, str) else ", ".join(f"{split} {share:g}" for split, share in rule.items()),
        splits=splits,
        sources=tuple(_source(part, books) for part in made[0] if part.partition.table == name),
    )


def _source(part: Part, books: Books) -> Source:
    ledger = books.ledgers[part.partition.table][part.partition.name]
    return Source(
        path=part.partition.name,
        bytes=part.bytes,
        sha256=part.sha256,
        read=ledger.read,
        published=ledger.published,
        removed=dict(ledger.removed),
        blank_lines=ledger.blank,
    )
