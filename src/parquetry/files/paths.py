"""The paths of a release -> what they may be, and what may stand there.

A manifest comes from whoever made it: what it names is opened only if it is a file of the release, on every system.
"""

from __future__ import annotations

import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from parquetry.words.errors import BIDI, Problem
from parquetry.words.vocabulary import RESERVED

#: Bytes of a name, and of a whole path, that file systems and archives take.
NAME_BYTES, PATH_BYTES = 255, 1024
_FORBIDDEN = re.compile(r'[\\:*?"<>|]')
#: What transport adds to a folder is no change of the release.
_TRANSPORT = re.compile(r"^(\.gitattributes$|\.cache/|\.git/|\.git$|\.huggingface/)")
#: Folders in which download caches keep the contents that their links lead to.
_BLOBS = "blobs"
_FIX = "do not trust this release"


def safe(path: str) -> bool:
    """Whether a path names the same file inside a release on any system.

    >>> [safe(path) for path in ("data/a.parquet", "../a", "/a", "a//b", "a/nul.txt", "a./b")]
    [True, False, False, False, False, False]
    """
    parts = PurePosixPath(path).parts
    return (
        bool(parts)
        and "/".join(parts) == path
        and len(path.encode("utf-8", "replace")) <= PATH_BYTES
        and not any(part == ".." or part.endswith((".", " ")) or RESERVED.fullmatch(part) for part in parts)
        and all(len(part.encode("utf-8", "replace")) <= NAME_BYTES for part in parts)
        and not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in BIDI for c in path)
        and not _FORBIDDEN.search(path)
    )


def misleading(paths: Sequence[str]) -> Iterator[Problem]:
    """The paths of the files of a release that are not safe, or that are one file on some system."""
    folders = {_alike(str(above)) for path in paths for above in PurePosixPath(path).parents}
    known = Counter(map(_alike, paths))
    for path in sorted(set(paths)):
        if not safe(path) or _alike(path) in folders:
            yield Problem("MANIFEST_PATH", path, "is not the path of a file in a release", _FIX)
        elif known[_alike(path)] > 1:
            yield Problem("MANIFEST_PATH", path, "is named twice, or differs from another in case alone", _FIX)


def _alike(path: str) -> str:
    """What paths have in common that some file system takes for the same."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold())


def present(release: Path) -> Mapping[str, int | None]:
    """The files of a folder by their path in it, without what transport adds: the bytes of each that may be read.

    Folders are not followed where they are links; None is the size of what is no file, leads out of the release, or
    cannot be looked into.
    """
    root, todo, found = Path(os.path.realpath(release)), [""], dict[str, int | None]()
    while todo:
        inside = todo.pop()
        try:
            entries = list(os.scandir(root / inside))
        except OSError:
            found[inside.rstrip("/") or "."] = None
            continue
        for entry in entries:
            path = inside + entry.name
            if _TRANSPORT.match(path):
                continue
            if entry.is_file(follow_symlinks=False):
                found[path] = entry.stat(follow_symlinks=False).st_size
            elif not entry.is_dir(follow_symlinks=False):
                found[path] = size(root, path)
            elif not _TRANSPORT.match(f"{path}/"):
                todo.append(f"{path}/")
    return found


def size(release: Path, path: str) -> int | None:
    """The bytes of a file that may be read: it is regular, and inside the release or in the blobs of a cache."""
    place = release / path
    try:
        root, real = Path(os.path.realpath(release)), Path(os.path.realpath(place, strict=True))
        found = real.stat()
    except (OSError, ValueError):
        return None
    inside = real.is_relative_to(root) or (place.is_symlink() and real.parent.name == _BLOBS)
    return found.st_size if inside and stat.S_ISREG(found.st_mode) else None
