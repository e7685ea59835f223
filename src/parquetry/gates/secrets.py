"""Bytes -> the secrets in them, never shown whole.

The rules are those of Kingfisher (https://github.com/mongodb/kingfisher), some 490 kinds of tokens and keys, and a few
of our own in ``rules.yml``; the engine is Vectorscan, which takes time that grows with the text alone. What is found is
not tried out anywhere: nothing is asked of a network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import as_file, files
from typing import Any, NamedTuple

from parquetry.words.errors import Problem, RecipeError

#: Characters of a secret that are shown: enough to find it, of tokens whose start says what they are.
SHOWN = 4
#: What stands for a secret in examples.
_EXAMPLE = re.compile(
    r"(?i)[^a-z0-9]*((my|your|the|some|a|user|db|admin|test)[_-]?)*(pass(word|wd|phrase)?|pwd|pw|secret|token|key|user|"
    r"username|name|credentials?|hunter2|foo|bar|baz|example|changeme|x+|1234\d*|\.+)[^a-z0-9]*"
)


class Secret(NamedTuple):
    """Something that looks like a secret."""

    kind: str  #: The rule that found it.
    start: int  #: The byte that it begins at.
    stop: int  #: The byte behind it.
    masked: str  #: Its first characters.


def secrets(raw: bytes) -> Iterator[Secret]:
    """Find the secrets in some bytes.

    Raises:
        RecipeError: The program that finds them is not installed.
    """
    seen = dict[int, None]()
    for found in _scanner().scan(raw):
        if found.visible and not _EXAMPLE.fullmatch(found.secret[:200]) and found.location["start_offset"] not in seen:
            seen[found.location["start_offset"]] = None
            kind = found.rule_id.removeprefix("parquetry.").removeprefix("betterleaks.")
            place = found.location["start_offset"], found.location["end_offset"]
            yield Secret(kind, *place, f"{found.secret[:SHOWN]}****")


def masked(text: str) -> str:
    """A name or a place, in which no secret is shown whole."""
    raw = text.encode("utf-8", "replace")
    for one in sorted(secrets(raw), key=lambda one: -one.start):
        raw = raw[: one.start] + one.masked.encode() + raw[one.stop :]
    return raw.decode("utf-8", "replace")


@cache
def _scanner() -> Any:
    try:
        from kingfisher_sdk import Rules, Scanner
    except ImportError:
        fix = "pip install 'parquetry[publish]'"
        what = "the program that finds secrets is not installed"
        raise RecipeError(Problem("PUBLISH_EXTRA", "kingfisher-secret-scanner", what, fix)) from None
    with as_file(files("parquetry.gates") / "rules.yml") as path:
        return Scanner(Rules([str(path)], confidence="medium", cache=False))
