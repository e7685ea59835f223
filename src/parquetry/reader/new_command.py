"""``parquetry new``: a few questions, each with a sensible answer, and a repository made of them.

On a terminal they are asked; elsewhere, or with ``--yes``, what no option answers is answered by default.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click

from parquetry.reader.progress import say
from parquetry.start import identity
from parquetry.start.draft import prose
from parquetry.start.found import Found, look
from parquetry.start.new import Answers, example, free, given, make, slug, stem
from parquetry.words.errors import Problem, RecipeError
from parquetry.words.recipe import Read, dataset_of
from parquetry.words.records import counted
from parquetry.words.vocabulary import encoding_name

#: The options that answer a question about the dataset.
_OPTIONS = {"name": "--name", "title": "--title", "summary": "--summary", "license": "--license"}
_OPTIONS |= {"languages": "--language", "creators": "--creator", "released": "--released"}
_QUESTIONS = {
    "title": "Title",
    "summary": "What is it, in one sentence",
    "license": "Licence (cc-by-4.0, cc0-1.0, mit, odc-by …; other, unknown)",
    "languages": "Language (en, fr …; several with commas)",
    "creators": "Who made it (Family, Given; several with semicolons)",
}
Names = tuple[str, ...]
_LISTS = {"languages": ",", "creators": ";"}


@click.command("new")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "paths", metavar="FILE", multiple=True, type=click.Path(path_type=Path),
              help="Records to begin with: JSON Lines, JSON, CSV, TSV, Parquet or Arrow; may be given again. "
                   "Without it two examples are written.")  # fmt: skip
@click.option("--title", help="Title of the dataset.")
@click.option("--summary", help="What it is, in one sentence.")
@click.option("--license", help="Licence id of the Hub, such as cc-by-4.0.")
@click.option("--language", "languages", multiple=True, help="ISO 639 code; may be given again.")
@click.option("--creator", "creators", multiple=True, help="Who made it: Family, Given; may be given again.")
@click.option("--name", help="Name of the release; default: that of DIR.")
@click.option("--table", help="Name of the table; default: that of FILE.")
@click.option(
    "--id", "ids", multiple=True, metavar="PROPERTY", help="What identifies a record; again for a further part."
)
@click.option(
    "--text",
    "prose",
    multiple=True,
    metavar="PROPERTY",
    help="What duplicates are judged by; may be given again; - is nothing.",
)
@click.option("--number", metavar="PROPERTY", help="Number the records in a property of this name.")
@click.option("--encoding", default="utf-8", help="Encoding of FILE, such as cp1252.")
@click.option("--delimiter", default=",", help="What stands between the cells of a CSV file.")
@click.option("--sheet", default="", help="Sheet of a workbook (.xlsx); default: the only one that holds anything.")
@click.option("--released", help="Day of the first release, YYYY-MM-DD; default: today.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
def new(folder: Path, paths: tuple[Path, ...], **options: Any) -> int:
    """Make a dataset repository in the new folder DIR: recipe, schema, card, tests, ready to be built."""
    free(folder)
    asking = sys.stdin.isatty() and not options["yes"]
    with tempfile.TemporaryDirectory(prefix="parquetry-") as aside:
        if not paths:
            paths = (Path(aside) / "records.jsonl",)
            paths[0].write_bytes(example())
        found = look(paths, _rules(options))
        for fault in found.faults:
            say(fault.text("warning"))
        answers = _answers(folder, found, options, asking=asking)
        written = make(folder, answers, found)
    click.echo(_said(folder, answers, found, len(written)))
    return 0


def _rules(options: dict[str, Any]) -> Read:
    """How the files are read."""
    if len(options["delimiter"]) != 1 or options["delimiter"] in '"\r\n':
        raise click.UsageError(f"{options['delimiter']!r} is not one character that can stand between cells")
    try:
        return Read(encoding=encoding_name(options["encoding"]), delimiter=options["delimiter"], sheet=options["sheet"])
    except ValueError as error:
        raise click.UsageError(f"--encoding: {error}") from None


def _answers(folder: Path, found: Found, options: dict[str, Any], *, asking: bool) -> Answers:
    """Options, questions and defaults together."""
    name = options["name"] or slug(folder.resolve().name) or "dataset"
    title = name.replace("-", " ").replace("_", " ").strip().capitalize()
    facts: dict[str, Any] = {
        "title": title,
        "summary": f"The records of {' and '.join(piece.name for piece in found.pieces)}.",
        "license": "unknown",
        "languages": ["en"],
        "creators": [{"name": f"The authors of {title}"}],
        "released": options["released"] or date.today().isoformat(),
    }
    said = {key: options[key] for key in ("title", "summary", "license") if options[key] is not None}
    said |= {"languages": list(options["languages"])} if options["languages"] else {}
    said |= {"creators": [{"name": one} for one in options["creators"]]} if options["creators"] else {}
    if "title" in said:
        facts["creators"] = [{"name": f"The authors of {said['title']}"}]
    _check(facts | said | {"name": name, "version": "1.0.0"})
    if asking:
        say(f"{found.about}, {len(found.schema.fields)} properties. Enter takes what stands in brackets.")
        for key in (key for key in _QUESTIONS if key not in said):
            facts[key] = _asked(key, facts[key])
            if key == "title":
                facts["creators"] = [{"name": f"The authors of {facts[key]}"}]
    table = options["table"] or ("records" if given(found.pieces) else slug(stem(found.pieces[0]), "_")) or "records"
    if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9_-]{0,59}", table):
        raise click.UsageError(f"--table: {table!r} cannot be the name of a table: use letters, digits, _ and -")
    id, number, note = _identity(found, options, asking=asking)
    text = tuple(name for name in options["prose"] if name != "-")
    _known(text, found, "--text")
    if not options["prose"]:
        text = tuple(field.name for field in found.schema.fields if _readable(field.name, found))
    if asking and not options["prose"]:
        text = _properties("Which properties hold text that duplicates are judged by (- for none)", text, found)
    return Answers(name, table, facts | said, id, text, number, note)


def _identity(found: Found, options: dict[str, Any], *, asking: bool) -> tuple[Names, str, str]:
    """The id, the property in which records are numbered, if any, and how the id was found."""
    if number := options["number"]:
        return (number,), number, "the number of a record, added because nothing else tells records apart"
    if options["ids"]:
        _known(options["ids"], found, "--id")
        _tells_apart(options["ids"], found)
        return options["ids"], "", "no two records share it"
    id = identity.find(found.records, found.schema)
    if asking and id:
        question = "Which property identifies a record (several with commas)"
        id = _properties(question, id, found, _tells_apart)
    if id:
        return id, "", "no two records share it; if that is a chance, name another, or several"
    what = "no property identifies a record: none of them, and no two or three together, differ in all records"
    if same := identity.repeated(found.records):
        what += f"; {counted(same, 'record')} {'is' if same == 1 else 'are'} the same as one before"
    if asking:
        say(what)
        number = str(click.prompt("Number the records in a new property called", default="row", err=True))
        return (number,), number, "the number of a record, added because nothing else tells records apart"
    fix = "add an id to the records, or let them be numbered in the copy: --number row"
    raise RecipeError(Problem("ID_MISSING", " and ".join(piece.name for piece in found.pieces), what, fix))


def _asked(key: str, default: Any) -> Any:
    """An answer on the terminal; asked again until it can be taken."""
    sign = _LISTS.get(key)
    shown = f"{sign} ".join(one["name"] if isinstance(one, dict) else one for one in default) if sign else default
    while True:
        text = click.prompt(_QUESTIONS[key], default=shown, err=True)
        parts = [part.strip() for part in text.split(sign) if part.strip()] if sign else []
        value = [{"name": part} for part in parts] if key == "creators" else parts if sign else text.strip()
        try:
            _check({key: value}, only=key)
        except RecipeError as error:
            say("\n".join(f"  {one.what}; {one.fix}" for one in error.problems))
            continue
        return value


def _properties(
    question: str, default: Names, found: Found, check: Callable[[Names, Found], None] | None = None
) -> Names:
    """Names of properties, given on the terminal; asked again until there are such."""
    while True:
        text = click.prompt(question, default=", ".join(default) or "-", err=True).strip()
        if text == "-" and not check:
            return ()
        names = default if text == ", ".join(default) else (text,) if text in found.schema else _parts(text)
        try:
            _known(names, found, "")
            if check and names != default:
                check(names, found)
        except RecipeError as error:
            say("\n".join(f"  {one.what}; {one.fix}" for one in error.problems))
            continue
        return names


def _parts(text: str) -> Names:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def _known(names: Names, found: Found, option: str) -> None:
    """Refuse names that the records do not have."""
    if unknown := [name for name in names if name not in found.schema]:
        fix = f"choose from {', '.join(field.name for field in found.schema.fields)}"
        raise RecipeError(*(Problem("RECIPE_FIELD", option, f"there is no property {one!r}", fix) for one in unknown))


def _tells_apart(names: Names, found: Found) -> None:
    """Refuse an id that two records share, or one lacks."""
    if not identity.holds(found.records, names):
        what = f"{', '.join(map(repr, names))}: two records share it, or one lacks it"
        fix = "name another property, or several, or let the records be numbered: --number row"
        raise RecipeError(Problem("ID_DUPLICATE", "--id", what, fix))


def _check(facts: dict[str, Any], only: str = "") -> None:
    """Refuse facts that a recipe would not take, by the options that say them."""
    try:
        dataset_of(facts)
    except RecipeError as error:
        found = [one for one in error.problems if not only or one.where.split(".")[0] == only]
        found = [one._replace(where=_OPTIONS.get(one.where.split(".")[0], one.where)) for one in found]
        if found:
            raise RecipeError(*found) from None


def _readable(name: str, found: Found) -> bool:
    """Whether a property holds prose."""
    return found.schema[name].kind == "string" and prose(found.seen.members[name])


def _said(folder: Path, answers: Answers, found: Found, written: int) -> str:
    """What was made, and what to do now."""
    schema = found.document["properties"]
    asked = json.dumps(schema, ensure_ascii=False).count('"$comment"')
    id = ", ".join(answers.id) + (" (added: nothing else tells records apart)" if answers.number else "")
    if not answers.number and any(_readable(name, found) for name in answers.id):
        id += " (a whole text: --number row would give each record a short id)"
    text = ", ".join(answers.text) or "none (records are duplicates only by id)"
    lines = [
        f"{answers.name}: made, {written} files",
        f"  in      {folder}",
        f"  from    {found.about}",
        f"  id      {id}",
        f"  text    {text}",
        f"  draft   schema/{answers.table}.schema.json: {len(schema)} properties, {asked} with a question of their own",
        f"  next    cd {folder} && python build_dataset.py",
        "          then answer what `make questions` lists",
    ]
    return "\n".join(lines)
