"""A place elsewhere -> the files of the release there, each brought to its end from where it was left."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from parquetry.files.manifest import NAME
from parquetry.remote.address import Address
from parquetry.remote.client import answered, client, errors
from parquetry.remote.store import LATEST, errors_of, filesystem
from parquetry.remote.trying import Unclear, first_line
from parquetry.words.errors import Problem, RecipeError

#: Bytes that are asked for at once.
BLOCK = 4 << 20


class Fetch(Protocol):
    """Where a release is read from."""

    where: str  #: What messages call it, with the version or the commit if that is known.

    def bring(self, path: str, part: Path) -> None:
        """Add to a part of a file what it lacks.

        Raises:
            FileNotFoundError: There is no such file.
            Unclear: The place does not answer, or not now.
        """


def appended(blocks: Callable[[int], Iterator[bytes]], part: Path) -> None:
    """Add to a part of a file the bytes behind its own."""
    with part.open("ab") as copy:
        for block in blocks(copy.tell()):
            copy.write(block)


def fetch(address: Address) -> Fetch:
    """What reads the release at an address.

    Raises:
        RecipeError: There is no release, or no program that can reach it.
        Unclear: The place does not answer.
    """
    if address.kind == "folder":
        return Folder(Path(address.place))
    if address.kind == "hub":
        return HubFiles(address)
    return Objects(address)


class Folder:
    """A folder on this machine."""

    def __init__(self, folder: Path) -> None:
        """Name the folder."""
        self.folder, self.where = folder, str(folder)

    def bring(self, path: str, part: Path) -> None:
        """See `Fetch.bring`."""
        appended(partial(self._read, path), part)

    def _read(self, path: str, start: int) -> Iterator[bytes]:
        with (self.folder / path).open("rb") as file:
            file.seek(start)
            while block := file.read(BLOCK):
                yield block


class HubFiles:
    """A revision of a dataset repository on the Hub: the commit that it was at when it was first asked."""

    def __init__(self, address: Address) -> None:
        """Find the commit."""
        self.where, self.repo = address.text, address.place
        self.api = client(address)
        try:
            known = self.api.dataset_info(self.repo, revision=address.revision or "main")
        except errors() as error:
            if answered(error):
                fix = "check its name and its revision; a private one needs a token"
                raise RecipeError(Problem("HUB_REPO", self.where, f"is not there: {first_line(error)}", fix)) from None
            raise Unclear(Problem("REMOTE_READ", self.where, first_line(error), "run this again")) from None
        self.commit = known.sha
        self.where = f"hf://datasets/{self.repo}@{self.commit}"

    def bring(self, path: str, part: Path) -> None:
        """See `Fetch.bring`. The client of the Hub has parts of its own, which it goes on with."""
        from huggingface_hub.errors import EntryNotFoundError

        aside = part.with_name(f"{part.name}.hub")
        try:
            found = self.api.hf_hub_download(
                self.repo, path, repo_type="dataset", revision=self.commit, local_dir=str(aside)
            )
        except EntryNotFoundError:
            raise FileNotFoundError(path) from None
        except errors() as error:
            raise Unclear(Problem("REMOTE_READ", f"{self.where}/{path}", first_line(error), "run this again")) from None
        Path(found).replace(part)
        shutil.rmtree(aside, ignore_errors=True)


class Objects:
    """A release in an object store, or on a web server."""

    def __init__(self, address: Address) -> None:
        """Find the release: at the address itself, or where its ``latest.json`` says."""
        self.files, root = filesystem(address)
        self.root, self.where = root.rstrip("/"), address.place
        try:
            self._latest()
        except errors_of(self.files) as error:
            raise Unclear(Problem("REMOTE_READ", self.where, first_line(error), "run this again")) from None

    def _latest(self) -> None:
        if self.files.exists(f"{self.root}/{NAME}"):
            return
        try:
            named = json.loads(self.files.cat_file(f"{self.root}/{LATEST}"))["path"]
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            fix = f"name the folder of a release, or one with {LATEST}"
            raise RecipeError(Problem("RELEASE_MISSING", self.where, f"holds no {NAME}", fix)) from None
        if not isinstance(named, str) or "/" in named or named.startswith("."):
            raise RecipeError(
                Problem("RELEASE_MISSING", f"{self.where}/{LATEST}", "names no version", "name the version")
            )
        self.root, self.where = f"{self.root}/{named}", f"{self.where}/{named}"

    def bring(self, path: str, part: Path) -> None:
        """See `Fetch.bring`. A server without ranges gives a file from its start, and what is known is passed over."""
        appended(partial(self._read, path), part)

    def _read(self, path: str, start: int) -> Iterator[bytes]:
        try:
            with self.files.open(f"{self.root}/{path}", "rb", block_size=BLOCK, cache_type="readahead") as file:
                if start:
                    self._skip(file, start)
                while block := file.read(BLOCK):
                    yield block
        except FileNotFoundError as error:  # what fsspec says of any answer that is none
            code = getattr(error.__cause__ or error.__context__, "status", 404)
            if code == 404:
                raise
            what = f"the server answers {code}"
            raise Unclear(Problem("REMOTE_READ", f"{self.where}/{path}", what, "run this again")) from None
        except errors_of(self.files) as error:
            raise Unclear(Problem("REMOTE_READ", f"{self.where}/{path}", first_line(error), "run this again")) from None

    @staticmethod
    def _skip(file: Any, start: int) -> None:
        try:
            file.seek(start)
        except (ValueError, OSError, NotImplementedError):
            left = start
            while left and (block := file.read(min(BLOCK, left))):
                left -= len(block)
