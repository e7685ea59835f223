"""A sealed release -> objects of a store, such as S3, its manifest the last.

A release stands at ``PREFIX/<name>-<version>/``. The list of checksums is the first object: who puts it there has this
version, and nobody else writes. Whoever reads the manifest finds all files; before it is there, no reader looks for
them. ``PREFIX/latest.json`` names the newest version. What is there already is not sent again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

from parquetry.files.manifest import NAME, SUMS
from parquetry.remote.address import Address
from parquetry.remote.sealed import Receipt, Sealed
from parquetry.remote.trying import T, Unclear, first_line
from parquetry.words.errors import Problem, PublishError, RecipeError, VerificationError
from parquetry.words.vocabulary import precedence

#: Bytes of a part of a large object, which S3 stores in parts if there are two of them; and how many go at once.
PART, AT_ONCE = 16 * 2**20, 4
#: The object that names the newest version.
LATEST = "latest.json"


def filesystem(address: Address) -> tuple[Any, str]:
    """What speaks to a store, and the path in it.

    Raises:
        RecipeError: Nothing is installed that can.
    """
    try:
        import fsspec

        return fsspec.url_to_fs(address.place, use_listings_cache=False, skip_instance_cache=True)  # type: ignore[no-any-return]
    except (ImportError, ValueError) as error:
        fix = "pip install 'parquetry[publish]' for S3; for other stores, the fsspec package that they name"
        raise RecipeError(Problem("PUBLISH_EXTRA", address.text, f"no program can reach it: {error}", fix)) from None


class Store:
    """A prefix of an object store."""

    def __init__(self, files: Any, root: str, where: str) -> None:
        """Speak to a store by a file system of fsspec."""
        self.files, self.root, self.where = files, root.rstrip("/"), where
        self.scheme = where.partition("://")[0].upper()

    def plan(self, release: Sealed) -> list[str]:
        """The files that are to be sent.

        Raises:
            PublishError: This version is there with other files.
            Unclear: The store does not answer.
        """
        base = f"{self.root}/{release.name}"
        there = self._asked(lambda: self._objects(base))
        sending = [path for path, file in release.files.items() if not self._same(release, path, there.get(path))]
        if SUMS in there and SUMS in sending and NAME not in there:
            what = f"another release was begun as version {release.version}, and is not whole"
            fix = "wait for who does it; if it was given up, remove what is there, then run this again"
            raise PublishError(Problem("VERSION_BEGUN", f"{self.where}/{release.name}", what, fix))
        strange = sorted(there.keys() - release.files.keys())
        if strange or (NAME in there and sending):
            raise release.taken(f"{self.where}/{release.name}", (strange or sending)[0])
        return sending

    def planned(self, release: Sealed) -> Receipt:
        """What `converge` would do; nothing is changed."""
        sent, place = self.plan(release), f"{self.where}/{release.name}"
        return release.receipt("planned" if sent else "unchanged", place, release.version, sent)

    def converge(self, release: Sealed) -> Receipt:
        """Send what is not there, the checksums first, the manifest last, and let ``latest.json`` name it.

        Raises:
            PublishError: This version is there with other files, or was begun with others, or the store refuses.
            VerificationError: The store holds other bytes than were sent.
            Unclear: It is not known to be there; asking again will tell.
        """
        sending = self.plan(release)
        for path in sorted(sending, key=lambda path: path != SUMS):
            self._asked(partial(self._put, release, path))
        if sending:
            there = self._asked(lambda: self._objects(f"{self.root}/{release.name}"))
            self._confirm(release, there)
        self._asked(lambda: self._name_latest(release))
        place = f"{self.where}/{release.name}"
        return release.receipt("published" if sending else "unchanged", place, release.version, sending)

    def _objects(self, base: str) -> dict[str, Mapping[str, Any]]:
        """The objects of a version, by the paths of their files."""
        try:
            found: dict[str, Mapping[str, Any]] = self.files.find(base, detail=True)
        except FileNotFoundError:
            return {}
        return {path.removeprefix(f"{base}/"): known for path, known in found.items() if path != base}

    def _put(self, release: Sealed, path: str) -> None:
        """Send one file; the checksums and the manifest only where there are none."""
        source, target = release.root / path, f"{self.root}/{release.name}/{path}"
        if path not in (NAME, SUMS):
            parts = {"chunksize": PART, "max_concurrency": AT_ONCE} if hasattr(self.files, "call_s3") else {}
            self.files.put_file(str(source), target, **parts)
            return
        if path == NAME:
            self._confirm(release, self._objects(f"{self.root}/{release.name}"), but=NAME)
        try:
            self.files.pipe_file(target, source.read_bytes(), mode="create")
        except FileExistsError:
            self.plan(release)

    def _confirm(self, release: Sealed, there: Mapping[str, Mapping[str, Any]], but: str = "") -> None:
        """See that the store holds what was sent."""
        wrong = [path for path in release.files if path != but and not self._same(release, path, there.get(path))]
        if wrong:
            what = f"the store holds other bytes than were sent: {len(wrong)} files"
            where = f"{self.where}/{release.name}/{wrong[0]}"
            raise VerificationError(Problem("REMOTE_DIFFERS", where, what, "run this again"))

    def _same(self, release: Sealed, path: str, known: Mapping[str, Any] | None) -> bool:
        """Whether an object is a file: by its length and MD5, or, where the store does not tell that, by its bytes."""
        file = release.files[path]
        if known is None or known.get("size") != file.bytes:
            return False
        if known.get("ETag", "").strip('"') == etag(release.root / path, file.sha256):
            return True
        digest = hashlib.sha256()
        with self.files.open(f"{self.root}/{release.name}/{path}", "rb") as there:
            while block := there.read(1 << 20):
                digest.update(block)
        return digest.hexdigest() == file.sha256

    def _name_latest(self, release: Sealed) -> None:
        """Let ``latest.json`` name this version, unless it names a later one; never over somebody else's change."""
        target = f"{self.root}/{LATEST}"
        said = {"name": release.manifest.dataset.name, "version": release.version, "path": release.name}
        said |= {"manifest_sha256": release.files[NAME].sha256}
        text = (json.dumps(said, indent=1) + "\n").encode()
        try:
            known, last = self.files.info(target), str(json.loads(self.files.cat_file(target))["version"])
        except FileNotFoundError:
            self.files.pipe_file(target, text, mode="create")
            return
        except (ValueError, KeyError, TypeError):
            what = f"{LATEST} names no version; {release.name} itself is published"
            fix = "move that object away, then run this again"
            raise PublishError(Problem(f"{self.scheme}_LATEST", f"{self.where}/{LATEST}", what, fix)) from None
        if precedence(last) >= precedence(release.version):
            return
        if hasattr(self.files, "call_s3"):
            bucket, key, _ = self.files.split_path(target)
            self.files.call_s3("put_object", Bucket=bucket, Key=key, Body=text, IfMatch=known["ETag"])
        else:
            self.files.pipe_file(target, text)

    def _asked(self, ask: Callable[[], T]) -> T:
        """What the store answers.

        Raises:
            PublishError: It refuses.
            Unclear: It does not answer.
        """
        try:
            return ask()
        except PermissionError as error:
            fix = "look at the credentials in the environment, and at the rights that they give"
            raise PublishError(
                Problem(f"{self.scheme}_ACCESS", self.where, f"no access: {first_line(error)}", fix)
            ) from None
        except FileNotFoundError as error:
            fix = "make the bucket first, or correct its name"
            raise PublishError(
                Problem(f"{self.scheme}_BUCKET", self.where, f"is not there: {first_line(error)}", fix)
            ) from None
        except errors_of(self.files) as error:
            what = f"{type(error).__name__}: {first_line(error)}"
            raise Unclear(Problem(f"{self.scheme}_WRITE", self.where, what, "run this again")) from None


@cache
def etag(path: Path, _sha256: str) -> str:
    """What S3 calls the content of a file that was sent in one part or in many: by MD5, against accidents alone."""
    parts, size = list[bytes](), path.stat().st_size
    length = size if size < 2 * PART else PART
    with path.open("rb") as file:
        while block := file.read(length):
            parts.append(hashlib.md5(block, usedforsecurity=False).digest())
    if len(parts) > 1:
        return f"{hashlib.md5(b''.join(parts), usedforsecurity=False).hexdigest()}-{len(parts)}"
    return parts[0].hex() if parts else hashlib.md5(usedforsecurity=False).hexdigest()


def errors_of(files: Any) -> tuple[type[BaseException], ...]:
    """What a file system raises where its store does not answer."""
    found: list[type[BaseException]] = [OSError, ValueError]
    if "http" in files.protocol:
        from aiohttp import ClientError as NoAnswer

        found.append(NoAnswer)
    if hasattr(files, "call_s3"):
        from botocore.exceptions import BotoCoreError, ClientError

        found += [BotoCoreError, ClientError]
    return tuple(found)
