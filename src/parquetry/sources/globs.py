"""A glob of a recipe -> the paths that it matches, and why some of them are no input.

Nothing that someone may take for data is passed over in silence: a link that leads nowhere, or out of the folder that
the glob starts from, a pipe, a file or folder that this user may not read. What stands in front of the first wildcard
is named on purpose, and may be a link.
"""

from __future__ import annotations

import errno
import glob
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import NamedTuple

from parquetry.words.errors import Problem

#: Folders that a build keeps beside a release.
_BESIDE = re.compile(r".+-\d+\.\d+\.\d+.*\.(removed|refused)|\..+\.building(\.\d+)?")
#: What stands in a folder and is neither a file nor a folder.
_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}


class Match(NamedTuple):
    """A path that a glob matches, or a folder in which it cannot go on."""

    path: str  #: As the glob has it: relative to the recipe, or absolute.
    stop: bool = False  #: A folder that cannot be read, or a link to one that ``**`` does not go through.


def matches(pattern: str, root: Path) -> list[Match]:
    """What a glob of a recipe in the folder ``root`` matches, in the order of the bytes of the paths, links last.

    As in a shell, names with a dot in front are matched by a dot alone; ``**`` is any number of folders.
    """
    start = fixed(pattern)
    parts = [part for part in pattern[len(start) :].split("/") if part]
    if not parts:
        return [Match(pattern)] if os.path.lexists(root / pattern) else []
    base = os.path.realpath(root / start)

    def order(match: Match) -> tuple[bool, bytes]:
        straight = os.path.join(base, os.path.relpath(match.path, start or "."))
        return os.path.realpath(root / match.path) != straight, os.fsencode(match.path)

    return sorted(set(_walk(start, parts, root)), key=order)


def outside_releases(paths: Iterable[Match], pattern: str, root: Path) -> list[Match]:
    """The paths that a pattern means: none in a release, or beside one, that it merely passes over.

    A release that is read on purpose is named in front of the first wildcard.
    """
    start = Path(fixed(pattern))
    known = dict.fromkeys((start, *start.parents), False)
    found = list[Match]()
    for match in paths:
        folders = [*[Path(match.path)] * match.stop, *Path(match.path).parents]
        for folder in folders:
            if folder not in known:
                known[folder] = _is_release(root / folder)
        if not any(known[folder] for folder in folders):
            found.append(match)
    return found


def refusal(match: Match, pattern: str, root: Path) -> Problem | None:
    """Why a path is no input; None for a file that can be read, a folder, and a link to what is found anyway."""
    path, name = root / match.path, name_of(match.path, pattern)
    start = fixed(pattern)
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return _lost(error, path, name)
    inside = Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root / start))
    if start != pattern and not inside:
        folder = repr(start) if start else "the folder of the recipe"
        what = f"leads out of {folder}, where {pattern!r} starts"
        return Problem("INPUT_LINK", name, what, "copy what it leads to, or name it without wildcards")
    if kind := _KINDS.get(stat.S_IFMT(mode), ""):
        return Problem("INPUT_TYPE", name, f"is {kind}, not a file", "write what it gives to a file, and read that")
    if (stat.S_ISREG(mode) or match.stop) and not os.access(path, os.R_OK | os.X_OK * match.stop):
        return _closed(path, name)
    return None


def name_of(path: str, pattern: str) -> str:
    """A name that says nothing about the machine: an absolute path is cut to what its pattern leaves open."""
    if os.path.isabs(pattern):
        start = fixed(pattern)
        path = os.path.relpath(path, start if start != pattern else os.path.dirname(pattern))
    return Path(os.path.normpath(path)).as_posix()


def fixed(pattern: str) -> str:
    """What stands in a pattern in front of its first part with a wildcard."""
    while glob.has_magic(pattern):
        pattern = os.path.dirname(pattern)
    return pattern


def _walk(folder: str, parts: Sequence[str], root: Path) -> Iterator[Match]:
    """What the parts of a glob match in a folder."""
    part, *rest = parts
    if part == "**":
        yield from _walk(folder, rest or ["*"], root)
    elif not glob.has_magic(part):
        if os.path.lexists(root / folder / part):
            yield from _on(os.path.join(folder, part), rest, root)
        return
    try:
        with os.scandir(root / folder) as listed:
            entries = list(listed)
    except PermissionError:
        yield Match(folder, stop=True)
        return
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        path = os.path.join(folder, entry.name)
        if entry.name.startswith(".") and not part.startswith("."):
            continue
        if part != "**":
            if fnmatchcase(entry.name, part):
                yield from _on(path, rest, root)
        elif entry.is_dir(follow_symlinks=False):
            yield from _walk(path, parts, root)
        elif entry.is_symlink() and (root / path).is_dir():
            yield Match(path, stop=True)


def _on(path: str, rest: Sequence[str], root: Path) -> Iterator[Match]:
    """A path that matches, or what the rest of a glob matches in it."""
    if not rest:
        yield Match(path)
    elif (root / path).is_dir():
        yield from _walk(path, rest, root)


def _is_release(folder: Path) -> bool:
    """Whether a folder is a release, or what a build keeps beside one."""
    try:
        sealed = (folder / "manifest.json").is_file() and (folder / "SHA256SUMS").is_file()
    except PermissionError:
        sealed = False
    return sealed or bool(_BESIDE.fullmatch(folder.name))


def _lost(error: OSError, path: Path, name: str) -> Problem:
    """Why there is nothing at the end of a path that was listed."""
    if error.errno in (errno.EACCES, errno.EPERM):
        return _closed(path, name)
    what = "is a link that leads back to itself" if error.errno == errno.ELOOP else "is a link that leads nowhere"
    return Problem("INPUT_LINK", name, what, "remove it, or put the file in its place")


def _closed(path: Path, name: str) -> Problem:
    """A file or folder that may not be read."""
    try:
        mode = f" (its mode is {stat.S_IMODE(path.stat().st_mode):04o})"
    except OSError:
        mode = ""
    what = f"the user {os.geteuid()} may not read it{mode}"
    return Problem("INPUT_PERMISSION", name, what, "correct its permissions, or those of the folders it is in")
