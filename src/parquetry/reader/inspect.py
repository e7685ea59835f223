"""A dataset card or a Croissant file -> what is wrong in it, as text and for programs.

It may be of any dataset; nothing but the file is looked at.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from parquetry.papers.conformance import conformance
from parquetry.papers.lint import lint
from parquetry.words.errors import Problem, RecipeError, VerificationError, is_warning


def inspect(file: Path) -> tuple[list[Problem], list[Problem]]:
    """Judge the file, Croissant if it is JSON, else a card: the errors, and what is worth a warning alone.

    Raises:
        RecipeError: There is no such file.
        VerificationError: A card is not UTF-8.
    """
    if not file.is_file():
        what, fix = (
            "is a folder" if file.is_dir() else "there is no such file",
            "give the README.md or the croissant.json of a dataset",
        )
        raise RecipeError(Problem("FILE_MISSING", str(file), what, fix))
    text = file.read_bytes()
    try:
        json_like = file.suffix.lower() in (".json", ".jsonld")
        found = conformance(text, str(file)) if json_like else lint(text.decode("utf-8"), str(file))
    except UnicodeDecodeError as error:
        what = f"is not UTF-8: {error}"
        raise VerificationError(Problem("CARD_ENCODING", str(file), what, "save it as UTF-8")) from None
    return [one for one in found if not is_warning(one)], [one for one in found if is_warning(one)]


def facts(file: Path, errors: Sequence[Problem], warnings: Sequence[Problem]) -> str:
    """What was found, as JSON; it is sound without errors."""
    said = {"problems": [one._asdict() for one in errors], "warnings": [one._asdict() for one in warnings]}
    return json.dumps({"file": str(file), "sound": not errors} | said, indent=1)


def told(file: Path, warnings: Sequence[Problem]) -> str:
    """What to say of a file without errors, in one line."""
    count = len(warnings)
    return f"{file}: " + (f"no errors, {count} warning{'s' * (count > 1)}" if count else "nothing is wrong")
