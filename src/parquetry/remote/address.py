"""What people write for a place -> which kind of place it is, and where."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal, NamedTuple
from urllib.parse import urlsplit

from parquetry.words.errors import Problem, RecipeError

Kind = Literal["hub", "http", "store", "folder"]
_HUB = re.compile(r"hf://datasets/(?P<repo>[\w.-]+/[\w.-]+?)(@(?P<revision>[^\s@?#]+))?/?", re.ASCII)
#: What must not stand in an address, because addresses are shown and logged.
_SECRET = re.compile(r"(?i)[?&](sig|signature|token|x-amz-[\w-]+|x-goog-[\w-]+|key|password)=")


class Address(NamedTuple):
    """A place, elsewhere or on this machine."""

    kind: Kind
    text: str  #: As it was written.
    place: str  #: A repository of the Hub, an address without its last slash, or a path.
    revision: str = ""  #: Of the Hub: a branch, a tag or a commit; "" for the main branch.


def parse(text: str) -> Address:
    """Read an address: ``hf://datasets/ORG/NAME[@REVISION]``, ``s3://BUCKET/PREFIX``, ``https://…``, or a folder.

    Raises:
        RecipeError: It is none of them, or holds a credential.
    """
    if not text.strip():
        raise _wrong("''", "an address is empty", "write hf://datasets/ORG/NAME, s3://BUCKET/PREFIX or a folder")
    if match := _HUB.fullmatch(text):
        return Address("hub", text, match["repo"], match["revision"] or "")
    scheme = text.partition("://")[0] if "://" in text else ""
    if not scheme:
        return Address("folder", text, str(Path(text)))
    shown = f"{scheme}://…"
    if scheme == "hf":
        raise _wrong(text, "is no dataset of the Hub", "write hf://datasets/ORG/NAME or hf://datasets/ORG/NAME@BRANCH")
    if "@" in urlsplit(text).netloc or _SECRET.search(text):
        fix = "take it from the environment, and remove it where it was written down"
        raise _wrong(shown, "an address must hold no credential", fix)
    if scheme == "file":
        return Address("folder", text, urlsplit(text).path)
    if not urlsplit(text).netloc:
        raise _wrong(text, "says no bucket or host", f"write {scheme}://BUCKET/PREFIX")
    return Address("http" if scheme in ("http", "https") else "store", text, text.rstrip("/"))


def _wrong(text: str, what: str, fix: str) -> RecipeError:
    return RecipeError(Problem("TARGET", text, what, fix))
