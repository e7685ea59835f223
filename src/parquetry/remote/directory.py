"""A sealed release -> a copy of it in a folder, whole or not at all."""

from __future__ import annotations

import hashlib
from pathlib import Path

from parquetry.files.manifest import sha256_of
from parquetry.files.workspace import Workspace
from parquetry.remote.sealed import Receipt, Sealed
from parquetry.words.errors import MachineError, Problem, RecipeError

#: Bytes that are copied at once.
BLOCK = 1 << 20


class Directory:
    """A folder that holds releases."""

    def __init__(self, folder: Path) -> None:
        """Name the folder; it need not be there."""
        self.folder = folder

    @property
    def where(self) -> str:
        """What messages call it."""
        return str(self.folder)

    def plan(self, release: Sealed) -> list[str]:
        """The files that are to be sent.

        Raises:
            PublishError: This version is there with other files.
        """
        place = self.folder / release.name
        if release.root.resolve() in place.resolve().parents:
            fix = "name a folder outside of it"
            raise RecipeError(Problem("TARGET", str(self.folder), "is inside the release", fix))
        if not place.exists():
            return [*release.files]
        there = {path.relative_to(place).as_posix(): path for path in place.rglob("*") if path.is_file()}
        differing = [
            path for path, file in release.files.items() if path not in there or sha256_of(there[path]) != file.sha256
        ]
        if wrong := [*differing, *sorted(there.keys() - release.files.keys())]:
            raise release.taken(str(place), wrong[0])
        return []

    def planned(self, release: Sealed) -> Receipt:
        """What `converge` would do; nothing is changed."""
        sent = self.plan(release)
        place = str(self.folder / release.name)
        return release.receipt("planned" if sent else "unchanged", place, release.version, sent)

    def converge(self, release: Sealed) -> Receipt:
        """Copy what is not there.

        Raises:
            PublishError: This version is there with other files.
            MachineError: A file changed while it was read, or somebody else is at it.
        """
        place = self.folder / release.name
        if not self.plan(release):
            return release.receipt("unchanged", str(place), release.version)
        with Workspace(place) as work:
            if place.exists():
                return self.converge(release)  # another has just published it
            for path, file in release.files.items():
                copied(release.root / path, work.release / path, file.sha256)
            work.commit()
        return release.receipt("published", str(place), release.version, [*release.files])


def copied(source: Path, target: Path, sha256: str) -> None:
    """Copy a file, and see that it is the one that was sealed.

    Raises:
        MachineError: It is not.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with source.open("rb") as file, target.open("xb") as copy:
        while block := file.read(BLOCK):
            digest.update(block)
            copy.write(block)
    if digest.hexdigest() != sha256:
        raise MachineError(Problem("FILE_CHANGED", str(source), "changed while it was copied", "run this again"))
