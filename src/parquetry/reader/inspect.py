"""A dataset card in a file -> what is wrong in its front matter, as text and for programs.

The card may be of any dataset; nothing but the file is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from parquetry.papers.lint import is_warning, lint
from parquetry.words.errors import Problem, RecipeError, VerificationError


def inspect(file: Path) -> tuple[list[Problem], list[Problem]]:
    """Judge the card in a file: the errors, and what is worth a warning alone.

    Raises:
        RecipeError: There is no such file.
        VerificationError: It is not UTF-8.
    """
    if not file.is_file():
        what, fix = "there is no such file", "give the README.md of a dataset"
        raise RecipeError(Problem("FILE_MISSING", str(file), what, fix))
    try:
        found = lint(file.read_bytes().decode("utf-8"), str(file))
    except UnicodeDecodeError as error:
        what = f"is not UTF-8: {error}"
        raise VerificationError(Problem("CARD_ENCODING", str(file), what, "save it as UTF-8")) from None
    return [one for one in found if not is_warning(one)], [one for one in found if is_warning(one)]


def facts(file: Path, errors: Sequence[Problem], warnings: Sequence[Problem]) -> str:
    """What was found, as JSON; a card is sound without errors."""
    said = {"problems": [one._asdict() for one in errors], "warnings": [one._asdict() for one in warnings]}
    return json.dumps({"card": str(file), "sound": not errors} | said, indent=1)


def told(file: Path, warnings: Sequence[Problem]) -> str:
    """What to say of a card without errors, in one line."""
    count = len(warnings)
    return f"{file}: " + (f"no errors, {count} warning{'s' * (count > 1)}" if count else "nothing is wrong")
