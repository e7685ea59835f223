"""A folder -> the release in it, as it is sent and compared: its files, those that seal it too."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from parquetry.files import manifest as manifests
from parquetry.files.manifest import NAME, SUMS, File, Manifest, folder, sha256_of
from parquetry.words.errors import Problem, PublishError


class Receipt(NamedTuple):
    """What publishing came to, or would come to."""

    status: str  #: published, unchanged, or planned.
    where: str  #: What a reader names.
    revision: str  #: A commit, a tag or a version.
    sent: tuple[str, ...]  #: Paths that were sent, or would be.
    bytes: int  #: Of these.
    deleted: tuple[str, ...] = ()  #: Paths of the last release that are gone.


class Sealed(NamedTuple):
    """A release that was verified: nothing else is sent than its files."""

    root: Path
    manifest: Manifest
    files: Mapping[str, File]  #: By path; the manifest and the checksums are the last.

    @property
    def name(self) -> str:
        """Of the release, with its version."""
        return self.manifest.name

    @property
    def version(self) -> str:
        """Of the data."""
        return self.manifest.dataset.version

    def receipt(
        self, status: str, where: str, revision: str, sent: Sequence[str] = (), deleted: Sequence[str] = ()
    ) -> Receipt:
        """What became of it, or would."""
        size = sum(self.files[path].bytes for path in sent)
        return Receipt(status, where, revision, tuple(sent), size, tuple(deleted))

    def taken(self, where: str, path: str) -> PublishError:
        """The error that says that this version is there, and that a file of it differs."""
        what = f"version {self.version} is there with other files: {path}"
        fix = "raise the version in the recipe, and build; a version never changes"
        return PublishError(Problem("VERSION_EXISTS", where, what, fix))


def sealed(release: Path) -> Sealed:
    """The release in a folder that was verified."""
    manifest = manifests.load(release)
    files = {file.path: file for file in manifest.files}
    for name in (SUMS, NAME):
        path = release / name
        files[name] = File(path=name, bytes=path.stat().st_size, sha256=sha256_of(path))
    return Sealed(release, manifest, files)


def loading(repo: str, release: Sealed, revision: str) -> str:
    """How a reader loads this version, and no other."""
    tables = release.manifest.tables
    table = next((name for name, known in tables.items() if known.default), next(iter(tables)))
    split = next(iter(tables[table].splits))
    return (
        f'datasets.load_dataset("{repo}", "{table}", revision="{revision}")\n'
        f'polars.read_parquet("hf://datasets/{repo}@{revision}/{folder(table)}/{split}-*.parquet")'
    )


def git_id(path: Path) -> str:
    """What git calls the content of a file: the SHA-1 of a header and the bytes."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
