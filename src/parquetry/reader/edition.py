"""A release in its folder -> its rows, and what they are known by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from parquetry.columnar.portions import taken
from parquetry.corpus.keys import Array, numbers
from parquetry.files import manifest as manifests
from parquetry.files.manifest import Manifest
from parquetry.files.paths import size
from parquetry.files.stats import batches
from parquetry.record.content import contents, keys, shortened
from parquetry.words.errors import Problem, VerificationError
from parquetry.words.schema import Schema, load


def trusted(release: Path) -> Manifest:
    """Read the manifest of a release whose files are to be opened: each is there, and stands inside of it.

    Raises:
        VerificationError: One is missing or leads elsewhere, or the manifest cannot be read.
    """
    manifest = manifests.load(release)
    found = manifest.misleading()
    for path in [file.path for file in manifest.files] if not found else ():
        if size(release, path) is None:
            what = "is not a file that can be read, inside of the release"
            found.append(Problem("FILE_UNREADABLE", path, what, "see `parquetry verify`"))
    if found:
        raise VerificationError(*found)
    return manifest


class Edition(NamedTuple):
    """A release in its folder, and how to read its rows."""

    folder: Path
    manifest: Manifest
    schemas: Mapping[str, Schema]  #: By table.

    @classmethod
    def load(cls, folder: Path) -> Edition:
        """Read what is known about the release in a folder.

        Raises:
            VerificationError: It is no release, or names files outside of its folder.
            SchemaError: The schema of a table cannot be read.
        """
        manifest = trusted(folder)
        files = {name: f"schema/{name}.schema.json" for name in manifest.tables}
        if lost := set(files.values()) - {file.path for file in manifest.files}:
            what = "belongs to the release and is not in its manifest"
            raise VerificationError(Problem("FILE_MISSING", min(lost), what, "see `parquetry verify`"))
        return cls(folder, manifest, {name: load(folder / file, file) for name, file in files.items()})

    def rows(self, table: str) -> int:
        """Rows of a table; 0 if there is none of that name."""
        known = self.manifest.tables.get(table)
        return sum(split.rows for split in known.splits.values()) if known else 0


class Side:
    """One table of one release: where its rows are, and what they are known by."""

    def __init__(self, edition: Edition, table: str) -> None:
        self.release, self.facts, self.schema = edition.folder, edition.manifest.tables[table], edition.schemas[table]
        self.splits = tuple(self.facts.splits)
        shards = [edition.manifest.shards(table, name) for name in self.splits]
        self.files = [(number, file.path) for number, files in enumerate(shards) for file in files]

    @property
    def method(self) -> str:
        """How the table is split, in words."""
        groups = f" by {', '.join(self.facts.group_by)}" if self.facts.group_by else ""
        return f"{self.facts.split_method}{groups} ({self.facts.split_rule})"

    def known(self, common: Sequence[str]) -> Iterator[tuple[str, Array]]:
        """Digests of each row, by what they are of: its id, its content in the ``common`` columns, text and group."""
        names = {"id": self.facts.id, "text": self.facts.text, "group": self.facts.group_by}
        found: dict[str, list[Array]] = {"content": [], "split": [np.empty(0, np.int64)]} | {n: [] for n in names}
        fields = [self.schema[name] for name in common]
        for split, path in self.files:
            for batch in batches(path, self.release):
                found["split"].append(np.full(batch.num_rows, split))
                found["content"].append(_digests(shortened(contents(batch.select(list(common)), fields))))
                for name, columns in names.items():
                    if columns:
                        own = keys(batch.select(list(columns)), [self.schema[column] for column in columns])
                        found[name].append(_digests(own))
        none = np.empty((0, 2), np.uint64)
        yield from ((name, np.concatenate(some if name == "split" else [none, *some])) for name, some in found.items())

    def rows(self, wanted: Array, columns: Sequence[str]) -> pa.RecordBatch:
        """Some columns of some rows, which are given in rising order by their numbers in this release."""
        files = [path for _, path in self.files] if len(wanted) else []
        all_rows = (batch.select(list(columns)) for path in files for batch in batches(path, self.release))
        pieces = taken(all_rows, wanted)
        empty = pa.RecordBatch.from_pylist([], schema=pa.schema([self.schema.arrow.field(name) for name in columns]))
        return pa.concat_batches([empty.replace_schema_metadata(), *(p.replace_schema_metadata() for p in pieces)])

    def ids(self, wanted: Array) -> list[str]:
        """The ids of some rows, in any order, as text; the parts of one are joined by a comma."""
        order = np.argsort(wanted, kind="stable")
        told = [", ".join(map(str, row.values())) for row in self.rows(wanted[order], self.facts.id).to_pylist()]
        return [told[place] for place in np.argsort(order, kind="stable").tolist()]


def _digests(column: pa.Array) -> Array:
    return numbers(pa.chunked_array([column]))
