"""Every failure this package raises on purpose.

ParquetryError
├── RecipeError        2  the command or the recipe is wrong; nothing was read
├── SchemaError        2  a JSON Schema is invalid, or says what Parquet cannot hold; nothing was read
├── InputError         3  the input is refused; nothing was released
├── MachineError       4  the disk, a permission or a lock; run it again
├── VerificationError  5  a release is not what its manifest says, or drifted from its sources
├── PublishError       6  it is not known to be published; run it again
└── GateError          7  it must not be published as it is

An error holds problems, one or many, and each says what is wrong, where, and how to fix it.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

#: Bidirectional controls: they can make a terminal show text in another order than it has.
BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class Problem(NamedTuple):
    """One thing that is wrong, or worth a warning."""

    code: str  #: Stable, in capitals: ``RECIPE_UNKNOWN_KEY``.
    where: str  #: A place that can be opened: ``recipe.toml: files.rowz``, ``a.jsonl:17``.
    what: str  #: What is wrong, in words without a full stop.
    fix: str = ""  #: What to do about it, or nothing if that is plain.

    def text(self, severity: str = "error") -> str:
        """Say it in the two lines that all our messages have."""
        lines = f"{severity}[{self.code}] {printable(self.where)}: {printable(self.what)}"
        return f"{lines}\n  fix: {printable(self.fix)}" if self.fix else lines


class ParquetryError(Exception):
    """A failure that says what happened, where, and what to do about it.

    Args:
        problems: At least one. Positional, so that the error survives pickling.
    """

    exit_code = 1  #: Never seen: every error of ours states its own.

    def __init__(self, *problems: Problem) -> None:
        super().__init__(*problems)
        self.problems = problems

    def __str__(self) -> str:
        return "\n".join(problem.text() for problem in self.problems)


class RecipeError(ParquetryError):
    """The command or the recipe is wrong; nothing was read."""

    exit_code = 2


class SchemaError(ParquetryError):
    """A JSON Schema is invalid, or says what Parquet cannot hold; nothing was read."""

    exit_code = 2


class InputError(ParquetryError):
    """The input is refused; nothing was released."""

    exit_code = 3


class MachineError(ParquetryError):
    """The disk, a permission or a lock stood in the way; run it again."""

    exit_code = 4


class VerificationError(ParquetryError):
    """A release is not what its manifest says, or drifted from its sources."""

    exit_code = 5


class PublishError(ParquetryError):
    """A release is not known to be published; run it again once the cause is gone."""

    exit_code = 6


class GateError(ParquetryError):
    """A release must not be published as it is."""

    exit_code = 7


def printable(text: str, limit: int = 500) -> str:
    """Escape what a terminal would act on, and cut what nobody would read.

    >>> printable("a\\x1b[31mb")
    'a\\\\x1b[31mb'
    """
    cut = text if len(text) <= limit else text[:limit] + "…"
    return "".join(_escaped(c) if unicodedata.category(c) in ("Cc", "Cs") or c in BIDI else c for c in cut)


def is_warning(problem: Problem) -> bool:
    """Whether a problem is worth a warning alone."""
    return problem.code.startswith("WARN_")


def pointer(*parts: str | int) -> str:
    """Join the steps of a JSON Pointer (RFC 6901).

    >>> pointer("a/b", 0)
    '/a~1b/0'
    """
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _escaped(character: str) -> str:
    return f"\\x{ord(character):02x}" if ord(character) < 256 else f"\\u{ord(character):04x}"
