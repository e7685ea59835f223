"""Answers, and what was found in the sources -> the files of a dataset repository, ready to be built.

The templates are the files of ``_templates``, in which ``<<name>>`` stands for an answer. The repository is written
beside the place where it belongs, tried there, and only then moved to where it can be seen.
"""

from __future__ import annotations

import json
import re
import shutil
import tempfile
import unicodedata
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files as resources
from pathlib import Path
from typing import Any

import parquetry
from parquetry.files.seal import PACKAGES
from parquetry.papers.card import Prose
from parquetry.papers.markdown import escape
from parquetry.record.read import agree
from parquetry.sources.partitions import CODECS, Piece, partitions
from parquetry.start import numbered
from parquetry.start.found import Found
from parquetry.words.errors import InputError, Problem, RecipeError
from parquetry.words.fields import Field
from parquetry.words.recipe import Limits, Read, load
from parquetry.words.schema import DIALECT
from parquetry.words.tables import schemas_of

#: The files of a repository, and the templates that they are made from.
FILES = {
    "recipe.toml": "recipe.toml",
    "DATASET_CARD.md": "DATASET_CARD.md",
    "README.md": "README.md",
    "build_dataset.py": "build_dataset.py.txt",
    "tests/test_dataset.py": "test_dataset.py.txt",
    "Makefile": "Makefile",
    "requirements.txt": "requirements.txt",
    ".gitignore": "gitignore",
    ".gitattributes": "gitattributes",
    ".github/workflows/build.yml": "build.yml",
}
#: From so many records on, texts are drawn into three splits.
ENOUGH = 100
#: Names of files that say which split they are, and the split.
_GIVEN = {"train": "train", "training": "train", "test": "test", "testing": "test"}
_GIVEN |= dict.fromkeys(("validation", "valid", "val", "dev"), "validation")
_RATIOS = "ratios = { train = 0.8, validation = 0.1, test = 0.1 }"


@dataclass(frozen=True)
class Answers:
    """What people say about a dataset that cannot be found in its records."""

    name: str  #: Of the release.
    table: str
    facts: dict[str, Any]  #: Title, summary, license, languages, released, creators.
    id: tuple[str, ...]
    text: tuple[str, ...]
    number: str = ""  #: A property that the records are numbered in; empty: they have an id.
    id_note: str = "no two records share it; if it should be another, say so"


def example() -> bytes:
    """Two records to begin with, as JSON Lines."""
    return _template("records.jsonl").encode()


def slug(text: str, between: str = "-") -> str:
    """A name in letters, digits and a sign ``between``.

    >>> slug("Décès – by year (2019)")
    'deces-by-year-2019'
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub("[^a-z0-9]+", between, plain).strip(between)[:60].strip(between)


def free(folder: Path) -> None:
    """See to it that a repository can be made in a folder.

    Raises:
        RecipeError: Something is there already, or the folder above it is not.
    """
    if folder.is_file() or (folder.is_dir() and any(folder.iterdir())):
        what = "is not empty, and nothing is overwritten" if folder.is_dir() else "is a file"
        raise RecipeError(Problem("DIR_NOT_EMPTY", str(folder), what, "name a folder that is new or empty"))
    if not folder.resolve().parent.is_dir():
        fix = f"make it first: mkdir -p {folder.parent}"
        raise RecipeError(Problem("DIR_MISSING", str(folder), "there is no folder to make it in", fix))


def make(folder: Path, answers: Answers, found: Found) -> list[str]:
    """Make a repository, and name its files.

    Raises:
        RecipeError: An answer is wrong; nothing was made.
        InputError: The records cannot be numbered, because some cannot be read; nothing was made.
    """
    free(folder)
    if answers.number and found.faults:
        raise InputError(*found.faults)
    with tempfile.TemporaryDirectory(dir=folder.resolve().parent, prefix=f".{folder.resolve().name}.") as aside:
        root = Path(aside) / "repository"
        for name, text in texts(answers, found).items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, "utf-8")
        _copy(root / "data/corpus", answers, found)
        recipe = load(root / "recipe.toml")
        schemas_of(recipe, root)
        Prose.load(recipe.dataset, root)
        agree(partitions(recipe, root))
        written = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
        _reveal(root, folder)
    return written


def texts(answers: Answers, found: Found) -> dict[str, str]:
    """The text of each file but the records, by its path."""
    facts, source = answers.facts, [f"data/corpus/{_file(piece, answers)}" for piece in found.pieces]
    split, why = _split(answers, found)
    made = {
        "name": _quoted(answers.name),
        "slug": answers.name,
        "table": answers.table,
        "title": _quoted(facts["title"]),
        "title_md": escape(facts["title"]),
        "summary": _quoted(facts["summary"]),
        "summary_md": escape(facts["summary"]),
        "languages": _quoted(facts["languages"]),
        "license": _quoted(facts["license"]),
        "released": _quoted(facts["released"]),
        "creators": ", ".join(f"{{ name = {_quoted(creator['name'])} }}" for creator in facts["creators"]),
        "sources": _quoted(source),
        "id": _quoted(list(answers.id) if len(answers.id) > 1 else answers.id[0]),
        "id_note": answers.id_note,
        "text": _quoted(list(answers.text)),
        "text_note": "what duplicates are judged by; records with the same text are dropped but for the first"
        if answers.text
        else "properties that duplicates are judged by; with none, all records stay",
        "read": _read(found.rules, numbered=bool(answers.number)),
        "split": split,
        "split_note": why,
        "fields": _fields(answers, found),
        "requirements": "\n".join(f"{name}=={version(name)}" for name in PACKAGES),
        "python": "3.12",
    }
    made["requirements"] = f"parquetry=={parquetry.__version__}\n{made['requirements']}"
    schema = json.dumps(_document(answers, found), indent=2, ensure_ascii=False) + "\n"
    return {path: _filled(_template(name), made) for path, name in FILES.items()} | {
        f"schema/{answers.table}.schema.json": schema
    }


def stem(piece: Piece) -> str:
    """The name of a file without the suffixes that say what it is."""
    name = next((piece.name.removesuffix(one) for one in CODECS if piece.name.endswith(one)), piece.name)
    return name.removesuffix(piece.suffix)


def given(pieces: tuple[Piece, ...]) -> dict[str, list[Piece]]:
    """The files of each split, where the names of all files say which they are; else nothing."""
    splits: dict[str, list[Piece]] = {}
    for piece in pieces:
        words = re.split("[^a-z]+", piece.name.split(".")[0].lower())
        named = {_GIVEN[word] for word in words if word in _GIVEN}
        splits.setdefault(named.pop() if len(named) == 1 else "", []).append(piece)
    return splits if len(splits) > 1 and "" not in splits else {}


def _split(answers: Answers, found: Found) -> tuple[str, str]:
    """How the records come to their splits, and why."""
    if splits := given(found.pieces):
        said = {name: [f"data/corpus/{_file(one, answers)}" for one in some] for name, some in splits.items()}
        globs = ", ".join(f"{name} = {_quoted(said[name])}" for name in ("train", "validation", "test") if name in said)
        return f"given = {{ {globs} }}", "as the files are called; the build looks for texts that stand in two of them"
    if answers.text and found.seen.values >= ENOUGH:
        return _RATIOS, 'drawn by text, so that adding records moves none; group_by = ["…"] keeps groups together'
    why = "too few to be split" if answers.text else "a table to look things up in"
    return 'only = "train"', f"{why}; otherwise: {_RATIOS}"


def _document(answers: Answers, found: Found) -> dict[str, Any]:
    """The draft, with the property in which records are numbered."""
    if not answers.number:
        return found.document
    if answers.number in found.schema:
        fix = "choose another name"
        raise RecipeError(Problem("USAGE", "--number", f"the records have a property {answers.number!r}", fix))
    note = "Number of the record in the source, from 1; it was added to tell records apart."
    members = {answers.number: {"description": note, "type": "integer", "minimum": 1}} | found.document["properties"]
    required = [answers.number, *found.document["required"]]
    return {"$schema": DIALECT} | found.document | {"required": required, "properties": members}


def _copy(target: Path, answers: Answers, found: Found) -> None:
    """Copy the sources, with numbered records where that is asked for."""
    target.mkdir(parents=True)
    number = 1
    for piece in found.pieces:
        place = target / _file(piece, answers)
        if answers.number:
            number = numbered.write(piece, found.rules, answers.number, number, place)
        else:
            shutil.copyfile(piece.path, place)


def _file(piece: Piece, answers: Answers) -> str:
    """What a source is called in the repository: as it was, but for signs that a glob or a shell would act on."""
    name = stem(piece)
    end = piece.name.removeprefix(name)
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._-]*", name):
        name = slug(name) or "records"
    return name + (numbered.suffix(piece) if answers.number else end)


def _reveal(root: Path, folder: Path) -> None:
    """Move what is done to where it belongs; an empty folder that stands there stays the same folder."""
    if not folder.exists():
        root.rename(folder)
        return
    paths, moved = sorted(root.iterdir()), list[Path]()
    try:
        for path in paths:
            moved.append(path.rename(folder / path.name))
    finally:
        if len(moved) < len(paths):
            for path in moved:
                path.rename(root / path.name)


def _read(rules: Read, *, numbered: bool) -> str:
    """How the sources are read, where that is not the usual way; numbered copies are written in UTF-8."""
    said = rules.model_dump(exclude_defaults=True)
    if numbered:
        said = {key: value for key, value in said.items() if key not in ("encoding", "sheet")}
    return f"read = {{ {', '.join(f'{key} = {_quoted(value)}' for key, value in said.items())} }}\n" if said else ""


def _fields(answers: Answers, found: Found) -> str:
    """How many fields a record may have, where that is more than usual."""
    fields = len(found.schema.fields) + sum(map(_inside, found.schema.fields)) + bool(answers.number)
    return f"\nfields = {fields}  # of a record" if fields > Limits().fields else ""


def _inside(field: Field) -> int:
    """Fields inside of a field."""
    return sum(map(_inside, field.fields)) + len(field.fields) * (field.kind == "struct")


def _quoted(value: Any) -> str:
    """A text, or a list of them, as TOML writes it."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _filled(text: str, made: dict[str, str]) -> str:
    return re.sub("<<([a-z_]+)>>", lambda match: made[match[1]], text)


def _template(name: str) -> str:
    return (resources("parquetry") / "_templates" / name).read_text("utf-8")
