"""A published release -> a folder with it, verified while it comes.

What was got of a download that ended is kept beside its target, and not asked for again.
"""

from __future__ import annotations

import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic
from typing import NamedTuple

from parquetry.files import manifest as manifests
from parquetry.files.manifest import NAME, SUMS, File, Manifest, sha256_of
from parquetry.papers.markdown import sized
from parquetry.reader.confined import confined
from parquetry.remote.address import Address
from parquetry.remote.fetch import Fetch, fetch
from parquetry.remote.trying import Unclear, persistently
from parquetry.words.engine import Local
from parquetry.words.errors import MachineError, Problem, RecipeError, VerificationError

#: Files that come at once: one alone leaves the network idle while it is opened, and while it is checked.
_AT_ONCE = 8
#: Seconds between two words on how far it is.
_EVERY = 10.0


class Got(NamedTuple):
    """What came."""

    where: str  #: From where: a commit, a version or a folder.
    files: int  #: That came now.
    bytes: int  #: Of these.
    digest: str  #: The release digest.


def get(address: Address, target: Path, only: str, expect: str, say: Callable[[str], None]) -> Got:
    """Download a release, or one table of it, into a new folder.

    Args:
        address: Of the release.
        target: The folder.
        only: A table; empty: all.
        expect: The release digest that it must have; empty: any.
        say: Takes what is told on the way.

    Raises:
        RecipeError: There is no release at the address, or something else in the folder.
        VerificationError: What came is not what was sealed.
        MachineError: The place does not answer, or the disk is full; running it again goes on where it ended.
    """
    link, target = target.is_symlink(), target.resolve()
    there = link or (target.exists() and (not target.is_dir() or any(target.iterdir())))
    inside = address.kind == "folder" and target.is_relative_to(Path(address.place).resolve())
    if inside or (there and not (target / SUMS).is_file()):
        what = "is inside the release" if inside else "is there already"
        raise RecipeError(Problem("DIR_EXISTS", str(target), what, "name a folder that is not there"))
    aside = target.with_name(f".{target.name}.getting")
    with _alone(aside):
        place = persistently(lambda: fetch(address), say, error=MachineError)
        manifest, digest = _sealed(place, aside, expect, say)
        if (target / SUMS).is_file():
            if sha256_of(target / SUMS) != digest:
                what = "holds another release"
                raise RecipeError(Problem("DIR_EXISTS", str(target), what, "name a folder that is not there"))
            sizes = list[int]()
            if problems := confined(target, "full", only).problems:
                fix = "remove the folder, and run this again"
                raise VerificationError(*(one._replace(fix=fix) for one in problems))
        else:
            wanted = [file for file in manifest.files if not only or not _others(file.path, only, manifest)]
            sizes = _all(place, wanted, aside / "release", say)
            _judge(aside / "release", only, digest)
            (aside / "release").rename(target)
    shutil.rmtree(aside, ignore_errors=True)
    return Got(place.where, sum(map(bool, sizes)), sum(sizes), digest)


def _sealed(place: Fetch, aside: Path, expect: str, say: Callable[[str], None]) -> tuple[Manifest, str]:
    """The manifest and the release digest, as they are there now."""
    folder = aside / "release"
    folder.mkdir(parents=True, exist_ok=True)
    for name in (SUMS, NAME):
        persistently(partial(_small, place, name, folder), say, error=MachineError)
    digest = sha256_of(folder / SUMS)
    if expect and digest != expect.lower():
        what = f"the release digest is {digest}, not {expect.lower()}"
        raise VerificationError(
            Problem("DIGEST_UNEXPECTED", place.where, what, "this is another release than the one you expect")
        )
    manifest = manifests.load(folder)
    if problems := manifest.misleading():
        raise VerificationError(*problems)
    if (folder / SUMS).read_bytes() != manifests.sums(manifest, sha256_of(folder / NAME)).encode():
        what = f"{SUMS} and {NAME} do not belong together"
        raise VerificationError(
            Problem("FILE_CHANGED", place.where, what, "run this again; a version may just have come")
        )
    return manifest, digest


def _small(place: Fetch, name: str, folder: Path) -> None:
    """Fetch the manifest or the list of checksums anew."""
    part = folder / f"{name}.part"
    part.unlink(missing_ok=True)
    try:
        place.bring(name, part)
    except FileNotFoundError:
        fix = "give the address of a release"
        raise VerificationError(Problem("MANIFEST_MISSING", f"{place.where}/{name}", "is not there", fix)) from None
    part.replace(folder / name)


def _others(path: str, only: str, manifest: Manifest) -> bool:
    """Whether a file belongs to another table than the one that is asked for."""
    return any(file.path == path for name in manifest.tables if name != only for file in manifest.shards(name))


def _all(place: Fetch, wanted: list[File], folder: Path, say: Callable[[str], None]) -> list[int]:
    """Fetch what is not there yet, some files at once, each checked when it came; the bytes that came of each.

    Raises:
        VerificationError: Other bytes came than were sealed, twice.
    """
    total, done, begun, told = sum(file.bytes for file in wanted), 0, monotonic(), monotonic()
    came = list[int]()
    for file, new in zip(wanted, Local(_AT_ONCE).map(partial(_whole, place, folder, say), wanted), strict=True):
        came.append(new)
        done += file.bytes
        if monotonic() - told > _EVERY:
            told = monotonic()
            say(f"get: {sized(done)} of {sized(total)} ({sized(int(sum(came) / (told - begun)))}/s)")
    return came


def _whole(place: Fetch, folder: Path, say: Callable[[str], None], file: File) -> int:
    """Fetch one file, and once more from its start if other bytes came than were sealed; the bytes that came."""
    came = 0
    for _ in range(2):
        came += persistently(partial(_one, place, file, folder), say, error=MachineError)
        if _settled(file, folder):
            return came
    what, fix = "other bytes came than were sealed", "run this again; then tell its maintainers"
    raise VerificationError(Problem("REMOTE_DIFFERS", f"{place.where}/{file.path}", what, fix))


def _one(place: Fetch, file: File, folder: Path) -> int:
    """Fetch one file to its end, from where it was left; the bytes that came."""
    target, part, where = folder / file.path, folder / f"{file.path}.part", f"{place.where}/{file.path}"
    if target.is_file() and target.stat().st_size == file.bytes:
        return 0  # whether it is the right one is seen later
    target.parent.mkdir(parents=True, exist_ok=True)
    start = part.stat().st_size if part.is_file() else 0
    try:
        if start < file.bytes or not part.is_file():
            place.bring(file.path, part)
    except FileNotFoundError:
        what = "belongs to the release and is not there"
        raise VerificationError(Problem("FILE_MISSING", where, what, "tell its maintainers")) from None
    if part.stat().st_size < file.bytes:
        raise Unclear(Problem("REMOTE_READ", where, "ended before its end", "run this again"))
    return max(0, part.stat().st_size - start)


def _settled(file: File, folder: Path) -> bool:
    """Whether a file that came is the one that was sealed; else it is removed."""
    target, part = folder / file.path, folder / f"{file.path}.part"
    found = target if target.is_file() else part
    if found.stat().st_size == file.bytes and sha256_of(found) == file.sha256:
        found.replace(target)
        return True
    found.unlink()
    return False


def _judge(folder: Path, only: str, digest: str) -> None:
    """Verify what came, as a whole: each file is known to be the one that was sealed, so names and counts are left."""
    known = {NAME, SUMS, *(file.path for file in manifests.load(folder).files)}
    for path in [*folder.rglob("*")]:  # of an earlier version, or of what did not come to its end
        if path.is_file() and path.relative_to(folder).as_posix() not in known:
            path.unlink()
    if problems := confined(folder, "quick", only, digest).problems:
        raise VerificationError(*problems)


@contextmanager
def _alone(aside: Path) -> Iterator[None]:
    """Keep others from the folder beside the target."""
    aside.mkdir(parents=True, exist_ok=True)
    with (aside / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fix = "wait until it has ended, then run this again"
            raise MachineError(Problem("LOCKED", str(aside), "another process is getting it", fix)) from None
        try:
            yield
        finally:
            if not any((aside / "release").rglob("*.part")) and not (aside / "release" / NAME).is_file():
                shutil.rmtree(aside, ignore_errors=True)
