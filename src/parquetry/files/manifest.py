"""Files -> their checksums, their rows and their origin.

``manifest.json`` says all that is known about a release, and lists every file but itself and ``SHA256SUMS``;
``SHA256SUMS`` lists every file but itself, and `sha256sum -c` can check it. There is no clock, host or user in them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, ValidationError

from parquetry.files.paths import misleading, size
from parquetry.files.stats import Measured
from parquetry.words.dataset import Dataset
from parquetry.words.errors import Problem, VerificationError
from parquetry.words.vocabulary import Exact, Method, Near, SplitName, TableName
from parquetry.words.vocabulary import Part as Model

NAME, SUMS = "manifest.json", "SHA256SUMS"
#: Bytes that each of the two may have: a release of 100,000 files needs a third of it.
MOST = 64 << 20


Count = Annotated[int, Field(ge=0, le=2**63 - 1)]
#: The least Jaccard index of near-duplicates.
Index = Annotated[float, Field(gt=0, le=1)]
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


#: Why a row was removed; or, of the last, that both rows are published, in two splits. A row that is CONTAMINATED may
#: be published: `Decontamination.action` says so.
Finding = Literal["DUPLICATE", "NEAR_DUPLICATE", "CONTAMINATED", "SPLIT_LEAK"]


class Example(Model):
    """A row that says what another says, or a held-out text."""

    what: Finding
    id: str
    """Its id, as text; the parts of one are joined by a comma."""
    other: str
    """The id of the other row; or what it has of which held-out text."""


class HeldOutFile(Model):
    """A file of texts that no row may have seen."""

    path: str
    bytes: Count
    sha256: Sha256
    texts: Count


class Decontamination(Model):
    """What was looked for of held-out texts, and found."""

    files: tuple[HeldOutFile, ...]
    tokens: Count
    """A row overlaps a text if so many tokens in a row are in both."""
    threshold: Index
    """Or if they are near-duplicates: the least Jaccard index."""
    action: Literal["drop", "report"]
    """Whether rows that overlap were removed, or are published."""
    rows: Count
    """Rows that overlap."""


class Leakage(Model):
    """What was looked for in two splits of a table, and found."""

    exact_pairs: Count
    """Pairs of rows with the same text in two splits."""
    near_pairs: Count | None = None
    """Near-duplicates that were found and stand in two splits; none if they were not searched."""
    groups: Count
    """Groups in two splits."""
    clusters: Count
    """Sets of rows that belong together, a row alone included."""
    largest_cluster: Count
    """Rows of the largest."""
    compared_pairs: Count | None = None
    """Candidates for near-duplicates whose Jaccard index was counted."""
    found_pairs: Count | None = None
    """Near-duplicates among them."""
    skipped_pairs: Count | None = None
    """Candidates that were not compared, because too many looked alike."""
    recall: tuple[Count, Count] | None = None
    """Of so many pairs made to lie at the threshold, so many were found."""
    examples: tuple[Example, ...] = ()
    """The first rows of each kind."""


class DuplicateRules(Model):
    """What was done about duplicates."""

    exact: Exact
    near: Near
    threshold: Index | None = None
    """Least Jaccard index of near-duplicates, if they were searched."""


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
    """What the method works with: a file, a column, a split, the ratios, or the boundaries or files of the splits."""
    split_time: tuple[str, dict[SplitName, str]] | None = None
    """Of splits by time: the column, and what the rows of each split come before; empty: all others."""
    duplicates: DuplicateRules | None = None
    leakage: Leakage | None = None
    """None in releases of before it was looked for."""
    decontamination: Decontamination | None = None
    """None if no text is held out."""
    splits: Annotated[dict[SplitName, SplitRows], Field(min_length=1)]
    sources: tuple[Source, ...]


class TableChange(Model):
    """What became of the rows and columns of a table from one version to the next."""

    before: Count
    """Rows of the version before."""
    rows: Count
    added: Count
    removed: Count
    changed: Count
    moved: Count
    """Rows that stand in another split."""
    columns: dict[Literal["added", "removed", "retyped"], tuple[str, ...]]


class Step(Model):
    """What changed from one version to the next."""

    version: str
    released: str
    previous: str
    """The version before."""
    previous_data_sha256: Sha256
    asks_for: Literal["none", "patch", "minor", "major"]
    """Which part of the version the changes ask to be raised."""
    at_least: str
    """The version that they ask for."""
    tables: dict[str, TableChange]


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
    tables: Annotated[dict[TableName, TableFacts], Field(min_length=1)]
    recipe_sha256: Sha256
    data_sha256: Sha256
    """Digest of the content digests of all splits: the same data, the same digest."""
    versions: dict[str, str]
    """Versions of what can change the bytes, not the content."""
    history: tuple[Step, ...] | None = None
    """What changed from version to version, the latest first; none if no version before was named."""
    files: tuple[File, ...] = ()

    @property
    def splits(self) -> list[str]:
        """The splits of all tables."""
        return list(dict.fromkeys(split for known in self.tables.values() for split in known.splits))

    @property
    def name(self) -> str:
        """Name of the release folder."""
        return f"{self.dataset.name}-{self.dataset.version}"

    def text(self) -> str:
        """As the file holds it; keys stand in the order of the recipe, which is the order of the papers."""
        return json.dumps(self.model_dump(mode="json", exclude_none=True), indent=1, ensure_ascii=False) + "\n"

    def misleading(self) -> list[Problem]:
        """The paths that are not those of files in a release."""
        return list(misleading([*(file.path for file in self.files), NAME, SUMS]))

    def shards(self, table: str, split: str | None = None) -> list[File]:
        """The Parquet files of a table, or of one split of it, in order."""
        inside = f"{folder(table)}/"
        names = [f"{inside}{name}-" for name in self.tables[table].splits if split in (None, name)]
        found = [
            f for start in names for f in self.files if f.path.startswith(start) and "/" not in f.path[len(inside) :]
        ]
        return [file for file in found if file.path.endswith(".parquet")]


def folder(table: str) -> str:
    """Where the Parquet files of a table stand in a release."""
    return "data" if table == "default" else f"data/{table}"


def data_digest(tables: Mapping[str, TableFacts]) -> str:
    """The data digest: of the content digests of all splits, whatever their order."""
    digests = [f"{name} {split} {rows.sha256}\n" for name, t in tables.items() for split, rows in t.splits.items()]
    return hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()


def sums(manifest: Manifest, own: str) -> str:
    """The text of ``SHA256SUMS``; ``own`` is the SHA-256 of ``manifest.json``."""
    lines = {file.path: file.sha256 for file in manifest.files} | {NAME: own}
    return "".join(f"{lines[path]}  {path}\n" for path in sorted(lines, key=str.encode))


def load(release: Path) -> Manifest:
    """Read the manifest of a release.

    Raises:
        VerificationError: It is missing, or not a manifest.
    """
    path, what = release / NAME, ""
    try:
        path.lstat()
        if (length := size(release, NAME)) is None:
            what = "is not a file that can be read"
        elif length > MOST:
            what = f"has {length:,} bytes, more than a manifest has"
        else:
            return Manifest.model_validate_json(path.read_bytes())
    except OSError as error:
        inside = [str(path.parent) for path in sorted(release.glob(f"*/{NAME}"))]
        fix = f"give the folder of a release: {' or '.join(inside[:3])}" if inside else "download it again"
        problem = Problem("MANIFEST_MISSING", f"{release}/{NAME}", f"cannot be read: {error.strerror}", fix)
        raise VerificationError(problem) from None
    except ValidationError as error:
        what = f"is not a manifest: {error.errors()[0]['msg']}"
    raise VerificationError(Problem("MANIFEST_INVALID", f"{release}/{NAME}", what, "download it again"))


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
