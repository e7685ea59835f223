"""``recipe.toml`` as typed, frozen values."""

from __future__ import annotations

import json
import re
import tomllib
from fractions import Fraction
from pathlib import Path
from typing import Any

import pydantic
import pytest
from conftest import DATASET, ROOT
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError
from strategies import mutated

from parquetry.words.errors import RecipeError
from parquetry.words.licenses import license_url, spdx
from parquetry.words.recipe import Limits, Recipe, load
from parquetry.words.splits import METHODS
from parquetry.words.tables import schemas_of
from parquetry.words.vocabulary import LICENSES, split_name

BASE = f"""
#top
{DATASET}#dataset

[tables.notes]
schema = "notes.schema.json"
sources = ["notes*.jsonl"]
id = "id"
split = {{ only = "train" }}
#notes

[tables.replies]
schema = "notes.schema.json"
sources = ["replies.jsonl"]
id = ["id", "n"]
references = {{ parent = "notes" }}
split = {{ follow = "parent" }}
#replies
"""
NOTE = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "string"},
        "n": {"type": "integer"},
        "parent": {"type": "string"},
        "others": {"type": "array", "items": {"type": "string"}},
        "numbers": {"type": "array", "items": {"type": "integer"}},
        "share": {"type": "number"},
        "day": {"type": "string", "format": "date"},
    },
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "notes.schema.json").write_text(json.dumps(NOTE), "utf-8")
    for name in ("CARD.md", "splits.csv"):
        (tmp_path / name).write_text("", "utf-8")
    return tmp_path


def written(folder: Path, *edits: tuple[str, str]) -> Path:
    """The recipe with some of its lines replaced."""
    text = BASE
    for old, new in edits:
        assert old in text, old
        text = text.replace(old, new, 1)
    path = folder / "recipe.toml"
    path.write_text(text, "utf-8")
    return path


def mistakes(folder: Path, *edits: tuple[str, str]) -> str:
    """The message that refuses the recipe."""
    with pytest.raises(RecipeError) as caught:
        load(written(folder, *edits))
    return str(caught.value)


def cases(text: str) -> list[Any]:
    """Blocks of `what stands in the recipe => what is written instead`, and the message that this gets."""
    blocks = [block.split("\n", 1) for block in text.strip().split("\n\n")]
    return [pytest.param(*head.replace("⏎", "\n").split(" => "), message, id=head) for head, message in blocks]


def test_a_recipe_is_read(folder: Path) -> None:
    recipe = load(written(folder, ("#top", 'files.shard_bytes = "1MB"')))
    assert (recipe.release, recipe.dataset.languages, recipe.dataset.creators[0].name) == (
        "notes-1.0.0",
        ("en",),
        "Doe, Jane",
    )
    notes, replies = recipe.tables["notes"], recipe.tables["replies"]
    assert (notes.schema_file, notes.sources, notes.id) == ("notes.schema.json", ("notes*.jsonl",), ("id",))
    assert (replies.id, replies.references, replies.split.method) == (("id", "n"), {"parent": "notes"}, "follow")
    assert (recipe.files.shard_bytes, recipe.files.row_group_bytes) == (1_000_000, 64_000_000)
    assert (recipe.limits.rejected, recipe.limits.depth, recipe.default) == (0, 64, "")


@pytest.mark.parametrize("path", [ROOT / "recipe.toml", *sorted((ROOT / "examples").glob("*/recipe.toml"))], ids=str)
def test_the_recipes_of_this_repository_are_right(path: Path) -> None:
    recipe = load(path)
    assert schemas_of(recipe, path.parent).keys() == recipe.tables.keys()


def test_a_recipe_cannot_be_changed(folder: Path) -> None:
    recipe = load(written(folder))
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        recipe.dataset.version = "2.0.0"  # type: ignore[misc]


#: One mistake each, and the whole message.
MISTAKES = """
#top => files.rowz = 1
error[RECIPE_UNKNOWN_KEY] recipe.toml: files.rowz: unknown key
  fix: did you mean 'row_group_bytes'?

#top => limits.rejcted = 1
error[RECIPE_UNKNOWN_KEY] recipe.toml: limits.rejcted: unknown key
  fix: did you mean 'rejected'?

#top => zzz.a = 1
error[RECIPE_UNKNOWN_KEY] recipe.toml: zzz: unknown key
  fix: choose from dataset, tables, files, limits

#dataset => licence = "mit"
error[RECIPE_UNKNOWN_KEY] recipe.toml: dataset.licence: unknown key
  fix: did you mean 'license'?

only = "train" => only = "train", ratio = {}
error[RECIPE_UNKNOWN_KEY] recipe.toml: tables.notes.split.ratio: unknown key
  fix: did you mean 'ratios'?

#notes => duplicates = { nearly = "group" }
error[RECIPE_UNKNOWN_KEY] recipe.toml: tables.notes.duplicates.nearly: unknown key
  fix: did you mean 'near'?

#notes => duplicates = { near = "group" }
error[RECIPE_VALUE] recipe.toml: tables.notes: duplicates.near needs text
  fix: name the properties that hold it: text = [...]

title = "Notes" => #
error[RECIPE_MISSING_KEY] recipe.toml: dataset.title: this key is required
  fix: add `title = …`

license = "cc0-1.0" => #
error[RECIPE_MISSING_KEY] recipe.toml: dataset.license: this key is required
  fix: add `license = …`

schema = "notes.schema.json" => #
error[RECIPE_MISSING_KEY] recipe.toml: tables.notes.schema: this key is required
  fix: add `schema = …`

split = { only = "train" } => #
error[RECIPE_MISSING_KEY] recipe.toml: tables.notes.split: this key is required
  fix: add `split = …`

"Notes" => 5
error[RECIPE_VALUE] recipe.toml: dataset.title: input should be a valid string, found 5
  fix: write it in quotes: "5"

["notes*.jsonl"] => "notes.jsonl"
error[RECIPE_VALUE] recipe.toml: tables.notes.sources: input should be a valid array, found "notes.jsonl"
  fix: write it in brackets: ["notes.jsonl"]

["notes*.jsonl"] => []
error[RECIPE_VALUE] recipe.toml: tables.notes.sources: list should have at least 1 item, not 0, found []
  fix: Files or globs, relative to the recipe or absolute; what a file is, its suffix says.

#notes => default = "yes"
error[RECIPE_VALUE] recipe.toml: tables.notes.default: input should be a valid boolean, found "yes"
  fix: write true or false

#notes => clean = { unicode = "NFD" }
error[RECIPE_VALUE] recipe.toml: tables.notes.clean.unicode: input should be '', 'NFC' or 'NFKC', found "NFD"
  fix: Unicode normal form.

#top => files.compression_level = 20
error[RECIPE_VALUE] recipe.toml: files.compression_level: input should be less than or equal to 19, found 20
  fix: 1 is fastest, 19 smallest.

name = "notes" => name = "My notes"
error[RECIPE_VALUE] recipe.toml: dataset.name: string should match pattern '^[a-z0-9]+(?:[-_.][a-z0-9]+)*$', found "My notes"
  fix: write it like 'my-notes'

version = "1.0.0" => version = "1.0"
error[RECIPE_VALUE] recipe.toml: dataset.version: string should match pattern '^(0|[1-9][0-9]*)(\\.(0|[1-9][0-9]*)){2}(-[0-9A-Za-z-]+(\\.[0-9A-Za-z-]+)*)?$', found "1.0"
  fix: write it like '1.0.0'

["en"] => "en"
error[RECIPE_VALUE] recipe.toml: dataset.languages: input should be a valid array, found "en"
  fix: write it in brackets: ["en"]

#top => limits.rejected = 0.001
error[RECIPE_VALUE] recipe.toml: limits.rejected: 0.001 is not a number of rows, nor a share of them
  fix: write "0.1%" for this share of the rows

#top => limits.rejected = "101%"
error[RECIPE_VALUE] recipe.toml: limits.rejected: '101%' is more than all rows
  fix: write at most "100%"

#top => limits.rejected = -1
error[RECIPE_VALUE] recipe.toml: limits.rejected: -1 is not a number of rows, nor a share of them
  fix: write it like 5 or "0.1%"

"cc0-1.0" => "CC-BY-4.0"
error[RIGHTS_LICENSE_UNKNOWN] recipe.toml: dataset.license: unknown licence id 'CC-BY-4.0'
  fix: did you mean 'cc-by-4.0'?

"cc0-1.0" => "unlicensed"
error[RIGHTS_LICENSE_UNKNOWN] recipe.toml: dataset.license: unknown licence id 'unlicensed'
  fix: use a licence id of the Hub (near it: unlicense), or 'other'

"cc0-1.0" => "XYZZY"
error[RIGHTS_LICENSE_UNKNOWN] recipe.toml: dataset.license: unknown licence id 'XYZZY'
  fix: use a licence id of the Hub, or 'other'

"2026-11-22" => "2026-02-30"
error[RECIPE_VALUE] recipe.toml: dataset.released: '2026-02-30' is not a day
  fix: write it like '2026-11-22'

"2026-11-22" => "22.11.2026"
error[RECIPE_VALUE] recipe.toml: dataset.released: '22.11.2026' is not a day
  fix: write it like '2026-11-22'

"Notes" => "a\\nb"
error[CARD_NAME] recipe.toml: dataset.title: must be one line of visible text
  fix: remove line breaks and control characters

"Notes" => "a\\u202eb"
error[CARD_NAME] recipe.toml: dataset.title: must be one line of visible text
  fix: remove line breaks and control characters

"Notes" => " "
error[CARD_NAME] recipe.toml: dataset.title: must be one line of visible text
  fix: remove line breaks and control characters

#top => files.shard_bytes = "1 XB"
error[RECIPE_VALUE] recipe.toml: files.shard_bytes: '1 XB' is not a size
  fix: write it like '256MB', '64MiB', or in bytes

#top => files.shard_bytes = "1.5GB"
error[RECIPE_VALUE] recipe.toml: files.shard_bytes: '1.5GB' is not a size
  fix: write it like '256MB', '64MiB', or in bytes

"train" => "hold-out"
error[SPLIT_NAME] recipe.toml: tables.notes.split.only: 'hold-out' cannot be the name of a split
  fix: use letters, digits, '_' and '.'

only = "train" => ratios = { "a b" = 1.0 }
error[SPLIT_NAME] recipe.toml: tables.notes.split.ratios.a b: 'a b' cannot be the name of a split
  fix: use letters, digits, '_' and '.'

"train" => "all"
error[SPLIT_NAME] recipe.toml: tables.notes.split.only: the split name 'all' is reserved
  fix: choose another, such as 'train'

"train" => "Nul"
error[SPLIT_NAME] recipe.toml: tables.notes.split.only: the split name 'Nul' is reserved
  fix: choose another, such as 'train'

"train" => "nul.x"
error[SPLIT_NAME] recipe.toml: tables.notes.split.only: the split name 'nul.x' is reserved
  fix: choose another, such as 'train'

only = "train" => ratios = { train = 0.5, Train = 0.5 }
error[SPLIT_NAME] recipe.toml: tables.notes.split: 'train' and 'Train' would be one file on some systems
  fix: give them other names

#dataset => documents = ["docs/con.md"]
error[RECIPE_VALUE] recipe.toml: dataset.documents.0: Windows reserves the name 'con.md'
  fix: choose another

[tables.notes] => [tables.con]
error[RECIPE_VALUE] recipe.toml: tables.con: Windows reserves the name 'con'
  fix: choose another

#dataset => documents = ["docs/a:b.md"]
error[RECIPE_VALUE] recipe.toml: dataset.documents.0: 'a:b.md' cannot be the name of a file on every system
  fix: rename the file

#dataset => documents = ["docs/a\\u202Eb.md"]
error[RECIPE_VALUE] recipe.toml: dataset.documents.0: 'a\\u202eb.md' cannot be the name of a file on every system
  fix: rename the file

only = "train" => ratios = { train = 0.9, test = 0.2 }
error[SPLIT_SUM] recipe.toml: tables.notes.split: the ratios sum to 1.1, not 1
  fix: correct the shares

only = "train" => ratios = { train = 1.5, test = -0.5 }
error[SPLIT_FRACTION] recipe.toml: tables.notes.split: a share is not between 0 and 1: train = 1.5, test = -0.5

only = "train" => ratios = { train = nan }
error[SPLIT_FRACTION] recipe.toml: tables.notes.split: a share is not between 0 and 1: train = nan

only = "train" => only = "train", ratios = { train = 1.0 }
error[SPLIT_METHOD] recipe.toml: tables.notes.split: needs exactly one of assigned, follow, only, ratios, time, given, found only and ratios
  fix: keep one

only = "train" => salt = "v1"
error[SPLIT_METHOD] recipe.toml: tables.notes.split: needs exactly one of assigned, follow, only, ratios, time, given, found none
  fix: keep one

only = "train" => given = { train = ["a.jsonl"] }, group_by = ["id"]
error[SPLIT_METHOD] recipe.toml: tables.notes.split: group_by has no effect beside given
  fix: leave it out, or split by ratios

only = "train" => time = { column = "day", test = "" }, group_by = ["id"]
error[SPLIT_METHOD] recipe.toml: tables.notes.split: group_by has no effect beside time
  fix: leave it out, or split by ratios

split = { only = "train" } => split = { time = { column = "day", test = "" } }⏎duplicates = { exact = "group" }
error[SPLIT_METHOD] recipe.toml: tables.notes: duplicates.exact = 'group' cannot hold beside split.time, which decides for each row
  fix: write 'drop' or 'keep', or split by ratios

split = { only = "train" } => split = { given = { test = ["*"] } }⏎duplicates = { exact = "group" }
error[SPLIT_METHOD] recipe.toml: tables.notes: duplicates.exact = 'group' cannot hold beside split.given, which decides for each row
  fix: write 'drop' or 'keep', or split by ratios

only = "train" => time = { train = "2019-01-01" }
error[RECIPE_MISSING_KEY] recipe.toml: tables.notes.split.time.column: this key is required
  fix: add `column = …`

only = "train" => time = { column = "day" }
error[SPLIT_TIME] recipe.toml: tables.notes.split.time: names no split
  fix: add one, like `train = "2019-01-01"`, to 'day'

only = "train" => time = { column = "day", train = "2019" }
error[SPLIT_TIME] recipe.toml: tables.notes.split.time.train: '2019' is not a day or an instant
  fix: write it like '2019-01-01' or '2019-01-01T12:00:00Z'; '' is the rest

only = "train" => time = { column = "day", train = "2019-02-29" }
error[SPLIT_TIME] recipe.toml: tables.notes.split.time.train: '2019-02-29' is not a day or an instant
  fix: write it like '2019-01-01' or '2019-01-01T12:00:00Z'; '' is the rest

only = "train" => time = { column = "day", train = "2019-01-01T12:00:00" }
error[SPLIT_TIME] recipe.toml: tables.notes.split.time.train: '2019-01-01T12:00:00' is not a day or an instant
  fix: write it like '2019-01-01' or '2019-01-01T12:00:00Z'; '' is the rest

only = "train" => time = { column = "day", train = 2019 }
error[RECIPE_VALUE] recipe.toml: tables.notes.split.time.train: input should be a valid string, found 2019
  fix: write it in quotes: "2019"

only = "train" => time = { column = "day", hold-out = "2019-01-01" }
error[SPLIT_NAME] recipe.toml: tables.notes.split.time.hold-out: 'hold-out' cannot be the name of a split
  fix: use letters, digits, '_' and '.'

only = "train" => time = { column = "day", train = "", test = "2020-01-01" }
error[SPLIT_TIME] recipe.toml: tables.notes.split.time: 'train' is the rest, and nothing is left for 'test'
  fix: move 'train' to the end, or give it a boundary

only = "train" => time = { column = "day", train = "2020-01-01T01:00:00+01:00", test = "2020-01-01" }
error[SPLIT_TIME] recipe.toml: tables.notes.split.time: 'test' ends at 2020-01-01, which is not after 2020-01-01T01:00:00+01:00, where 'train' ends
  fix: write the splits in the order of time

only = "train" => given = { hold-out = ["a.jsonl"] }
error[SPLIT_NAME] recipe.toml: tables.notes.split.given.hold-out: 'hold-out' cannot be the name of a split
  fix: use letters, digits, '_' and '.'

only = "train" => given = { train = [] }
error[RECIPE_VALUE] recipe.toml: tables.notes.split.given.train: list should have at least 1 item, not 0, found []
  fix: correct the value

sources = ["notes*.jsonl"] => #nothing
error[RECIPE_MISSING_KEY] recipe.toml: tables.notes.sources: this key is required
  fix: add `sources = …`

follow = "parent" => follow = "other"
error[SPLIT_FOLLOW] recipe.toml: tables.replies.split.follow: 'other' is not a reference of this table
  fix: add 'other' to the references of 'replies', or name one of them

parent = "notes" => parent = "replies"
error[SPLIT_FOLLOW] recipe.toml: tables.replies.split.follow: follows itself in a circle

parent = "notes" => parent = "notes", author = "people"
error[RECIPE_REFERENCE] recipe.toml: tables.replies.references.author: there is no table 'people'
  fix: choose from notes, replies

#dataset => card = "NONE.md"
error[RECIPE_FILE_MISSING] recipe.toml: dataset.card: there is no file 'NONE.md'
  fix: correct the path

#dataset => documents = ["CARD.md", "docs/NONE.md"]
error[RECIPE_FILE_MISSING] recipe.toml: dataset.documents.1: there is no file 'docs/NONE.md'
  fix: correct the path

"notes.schema.json" => "none.json"
error[RECIPE_FILE_MISSING] recipe.toml: tables.notes.schema: there is no file 'none.json'
  fix: correct the path

only = "train" => assigned = "none.csv"
error[RECIPE_FILE_MISSING] recipe.toml: tables.notes.split.assigned: there is no file 'none.csv'
  fix: correct the path
"""  # noqa: E501

#: One mistake inside a list each, and how the message begins.
IN_LISTS = """
["en"] => ["EN"]
error[RECIPE_VALUE] recipe.toml: dataset.languages.0: string should match pattern

["en"] => ["en", 5]
error[RECIPE_VALUE] recipe.toml: dataset.languages.1: input should be a valid string, found 5

name = "Doe, Jane" => name = "Doe, Jane", orcid = "0000"
error[RECIPE_VALUE] recipe.toml: dataset.creators.0.orcid: string should match pattern

name = "Doe, Jane" => name = "Doe, Jane", nmae = "x"
error[RECIPE_UNKNOWN_KEY] recipe.toml: dataset.creators.0.nmae: unknown key
  fix: did you mean 'name'?

name = "Doe, Jane" => affiliation = "X"
error[RECIPE_MISSING_KEY] recipe.toml: dataset.creators.0.name: this key is required
  fix: add `name = …`

{ name = "Doe, Jane" } => "Doe, Jane"
error[RECIPE_VALUE] recipe.toml: dataset.creators.0: input should be an object, found "Doe, Jane"

#dataset => keywords = ["a", 1]
error[RECIPE_VALUE] recipe.toml: dataset.keywords.1: input should be a valid string, found 1

#dataset => origins = [{ name = "A" }, { name = "B", year = 1 }]
error[RECIPE_UNKNOWN_KEY] recipe.toml: dataset.origins.1.year: unknown key
  fix: choose from name, url, license, rights, permission, retrieved

#notes => text = [1]
error[RECIPE_VALUE] recipe.toml: tables.notes.text.0: input should be a valid string, found 1

id = "id" => id = ["id", 1]
error[RECIPE_VALUE] recipe.toml: tables.notes.id.1: input should be a valid string, found 1
"""


@pytest.mark.parametrize(("old", "new", "message"), cases(MISTAKES))
def test_a_mistake_is_told_with_its_place_and_its_fix(folder: Path, old: str, new: str, message: str) -> None:
    assert mistakes(folder, (old, new)) == message


@pytest.mark.parametrize(("old", "new", "message"), cases(IN_LISTS))
def test_a_mistake_inside_a_list_is_told_with_its_place(folder: Path, old: str, new: str, message: str) -> None:
    assert mistakes(folder, (old, new)).startswith(message)


def test_several_mistakes_are_told_together(folder: Path) -> None:
    edits = (('title = "Notes"', 'titel = "Notes"'), ('"train"', '"a-b"'), ("#top", "files.rowz = 1"))
    assert mistakes(folder, *edits).splitlines()[::2] == [
        "error[RECIPE_MISSING_KEY] recipe.toml: dataset.title: this key is required",
        "error[RECIPE_UNKNOWN_KEY] recipe.toml: dataset.titel: unknown key",
        "error[SPLIT_NAME] recipe.toml: tables.notes.split.only: 'a-b' cannot be the name of a split",
        "error[RECIPE_UNKNOWN_KEY] recipe.toml: files.rowz: unknown key",
    ]


def test_what_dangles_is_told_together(folder: Path) -> None:
    edits = (("#dataset", 'card = "NONE.md"'), ('parent = "notes"', 'parent = "people"'), ("#notes", "default = true"))
    assert mistakes(folder, *edits, ("#replies", "default = true")) == (
        "error[RECIPE_DEFAULT] recipe.toml: tables: notes and replies are both the default\n  fix: keep one\n"
        "error[RECIPE_REFERENCE] recipe.toml: tables.replies.references.parent: there is no table 'people'\n"
        "  fix: choose from notes, replies\n"
        "error[RECIPE_FILE_MISSING] recipe.toml: dataset.card: there is no file 'NONE.md'\n"
        "  fix: correct the path"
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [*(("#top", f"limits.rejected = {value}") for value in ("1.5", "-1", '"5"', "true")), ('["en"]', '["EN"]')],
)
def test_one_mistake_is_told_once(folder: Path, old: str, new: str) -> None:
    assert mistakes(folder, (old, new)).count("error[") == 1


def test_tables_that_follow_each_other_in_a_circle_are_refused(folder: Path) -> None:
    circle = "".join(
        f"""
[tables.{name}]
schema = "notes.schema.json"
sources = ["a.jsonl"]
id = "id"
references = {{ parent = "{other}" }}
split = {{ follow = "parent" }}
"""
        for name, other in ("ab", "ba")
    )
    message = mistakes(folder, ('parent = "notes"', 'parent = "a"'), ("#replies", circle))
    assert message == "\n".join(
        f"error[SPLIT_FOLLOW] recipe.toml: tables.{name}.split.follow: follows itself in a circle" for name in "ab"
    ), "the table that leads into the circle is not to blame"


def test_a_missing_recipe_says_where_it_was_looked_for(tmp_path: Path) -> None:
    for path in (tmp_path / "recipe.toml", tmp_path):
        with pytest.raises(RecipeError) as caught:
            load(path)
        assert str(caught.value) == (
            f"error[RECIPE_MISSING] {path}: there is no recipe\n  fix: run this where recipe.toml is, or give its path"
        )


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"a = ", "not TOML: Invalid value (at end of document)"),
        (b"a = 1\na = 2\n", "not TOML: Cannot overwrite a value (at line 2, column 6)"),
        (b"\xff", "not TOML: 'utf-8' codec can't decode byte 0xff in position 0: invalid start byte"),
        (
            b"[" + b".".join([b"a"] * 10_000) + b"]\n",
            "not TOML: maximum recursion depth exceeded while encoding a JSON object",
        ),
    ],
)
def test_what_is_not_toml_is_refused(tmp_path: Path, raw: bytes, what: str) -> None:
    (tmp_path / "recipe.toml").write_bytes(raw)
    with pytest.raises(RecipeError) as caught:
        load(tmp_path / "recipe.toml")
    assert str(caught.value) == f"error[RECIPE_SYNTAX] recipe.toml: {what}\n  fix: correct the file"


KEYS = ("name", "nmae", "schema", "split", "id", "text", "default", "ratios", "files", "limits", "x")


@given(mutated(tomllib.loads(BASE), KEYS))
@example(tomllib.loads(BASE.replace('["en"]', '["EN"]')))
@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_document_is_a_recipe_or_is_refused_with_its_places(folder: Path, document: Any) -> None:
    path = folder / "recipe.toml"
    entries = document.items() if isinstance(document, dict) else [("x", document)]
    path.write_text("".join(f"{json.dumps(key)} = {toml(value)}\n" for key, value in entries), "utf-8")
    try:
        recipe = load(path)
    except RecipeError as error:
        for problem in error.problems:
            assert re.fullmatch(r"[A-Z_]+", problem.code) and problem.where.startswith("recipe.toml") and problem.what
    else:
        assert recipe.release


def toml(value: Any) -> str:
    """A value on one line of TOML; it knows no null, so that becomes a text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(name)} = {toml(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(toml(inner) for inner in value) + "]"
    return json.dumps(str(value) if value is None else value)


@pytest.mark.parametrize(
    ("said_size", "number"),
    [
        ("5", 5), ('"5"', 5), ('"5B"', 5), ('"5 B"', 5), ('"2kB"', 2000), ('"2 MB"', 2_000_000), ('"3GB"', 3 * 10**9),
        ('"1TB"', 10**12), ('"2KiB"', 2048), ('"2MiB"', 2 * 2**20), ('"3 GiB"', 3 * 2**30), ('"1TiB"', 2**40),
    ],
)  # fmt: skip
def test_sizes_are_powers_of_1000_or_of_1024(folder: Path, said_size: str, number: int) -> None:
    recipe = load(written(folder, ("#top", f"files.shard_bytes = {said_size}\nlimits.line_bytes = {said_size}")))
    assert (recipe.files.shard_bytes, recipe.limits.line_bytes) == (number, number)


@pytest.mark.parametrize(
    "size", ["0", "-1", "1.5", "true", '"0"', '"-1"', '"1KB"', '"1mb"', '"MB"', '""', '"1_000"', "[]"]
)
def test_what_is_no_size_is_refused(folder: Path, size: str) -> None:
    message = mistakes(folder, ("#top", f"files.shard_bytes = {size}"))
    assert message.startswith("error[RECIPE_VALUE] recipe.toml: files.shard_bytes: ")
    assert message.count("error[") == 1


@given(st.integers(0, 3000), st.integers(0, 3000))
def test_a_number_of_rejected_rows_is_a_limit_itself(rejected: int, limit: int) -> None:
    assert Limits(rejected=limit).allow(rejected, 10**6) == (rejected <= limit)


@given(st.integers(0, 200), st.decimals(0, 100, places=1), st.sampled_from([100, 999, 1000, 3000, 20_000]))
@example(7, "0.7", 1000)
@example(333, "33.3", 1000)
def test_a_share_of_rejected_rows_is_exact(rejected: int, percent: Any, read: int) -> None:
    expected = rejected <= Fraction(str(percent)) / 100 * read
    assert Limits(rejected=f"{percent}%").allow(rejected, read) == expected


def test_a_share_of_nothing_is_nothing() -> None:
    assert Limits(rejected="10%").allow(0, 0)
    assert not Limits(rejected="10%").allow(1, 0)


def test_the_default_is_that_which_says_so_or_the_only_one(folder: Path) -> None:
    assert load(written(folder)).default == ""
    assert load(written(folder, ("#replies", "default = true"))).default == "replies"
    only = BASE.split("[tables.replies]")[0]
    (folder / "recipe.toml").write_text(only, "utf-8")
    assert load(folder / "recipe.toml").default == "notes"


def test_exact_duplicates_are_dropped_where_text_is_named(folder: Path) -> None:
    for line, expected in (
        ("", "keep"),
        ('text = ["id"]', "drop"),
        ('text = ["id"]\nduplicates = { exact = "group" }', "group"),
        ('duplicates = { exact = "drop" }', "drop"),
    ):
        assert load(written(folder, ("#notes", line))).tables["notes"].exact == expected


@pytest.mark.parametrize(
    ("split", "method"),
    [
        ('assigned = "splits.csv"', "assigned"),
        ('only = "test.unseen"', "only"),
        ("ratios = { train = 0.1, a = 0.2, b = 0.7 }", "ratios"),
        ("ratios = { train = 1 }", "ratios"),
        ('time = { column = "day", train = 2019-01-01, validation = 2019-01-02T00:00:00Z, test = "" }', "time"),
        ('given = { train = ["train/*.jsonl", "more.jsonl"], test = ["test/*.jsonl"] }', "given"),
    ],
)
def test_a_split_has_one_method(folder: Path, split: str, method: str) -> None:
    assert load(written(folder, ('only = "train"', split))).tables["notes"].split.method == method
    assert method in METHODS


@pytest.mark.parametrize("name", ["train", "test.unseen", "holdout_2024", "A1", "_", "x" * 60, "console", "com10"])
def test_readers_accept_the_names_of_splits(name: str) -> None:
    assert split_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "a-b", "a b", "a..b", ".a", "a.", "é", "a/b", "all", "NUL", "com1", "x" * 61, "a\n"]
)
def test_names_that_readers_or_file_systems_refuse_are_refused(name: str) -> None:
    with pytest.raises(PydanticCustomError):
        split_name(name)


def test_a_day_may_be_a_day_of_toml(folder: Path) -> None:
    assert load(written(folder, ('"2026-11-22"', "2026-11-22"))).dataset.released == "2026-11-22"


def test_the_licences_are_ids_of_the_hub() -> None:
    assert len(LICENSES) == len(set(LICENSES)) == 83
    for name in LICENSES:
        assert re.fullmatch(r"[a-z0-9]+(?:[-.][a-z0-9]+)*(?:\+\+)?", name), name
    families = {f"cc-by-{kind}{number}" for kind in ("", "sa-", "nc-", "nc-sa-", "nc-nd-") for number in ("3.0", "4.0")}
    assert families <= set(LICENSES)


def test_a_licence_has_a_spdx_id_and_an_address_where_it_is_one() -> None:
    assert [spdx(name) for name in ("cc-by-4.0", "odc-by", "odbl", "pddl", "mit", "other", "unknown", "gemma")] == [
        "CC-BY-4.0", "ODC-By-1.0", "ODbL-1.0", "PDDL-1.0", "MIT", "", "", "",
    ]  # fmt: skip
    assert [license_url(name) for name in ("cc0-1.0", "cc-by-nc-sa-4.0", "odbl", "other")] == [
        "https://creativecommons.org/publicdomain/zero/1.0/",
        "https://creativecommons.org/licenses/by-nc-sa/4.0/",
        "https://spdx.org/licenses/ODbL-1.0.html",
        "",
    ]


def test_the_schema_of_the_recipe_is_that_of_the_model() -> None:
    written_down = json.loads((ROOT / "schema/recipe.schema.json").read_text("utf-8"))
    assert written_down["$defs"] == Recipe.model_json_schema()["$defs"]


#: Between the recipe and its schemas.
MISFITS = """
id = "id" => id = "name"
error[RECIPE_FIELD] recipe.toml: tables.notes.id: the schema has no property 'name'
  fix: choose from id, n, parent, others, numbers, share, day

id = ["id", "n"] => id = "share"
error[RECIPE_FIELD] recipe.toml: tables.replies.id: 'share' is number, not a string or an integer
  fix: name another

#notes => text = ["n"]
error[RECIPE_FIELD] recipe.toml: tables.notes.text: 'n' is integer, not text
  fix: name another

only = "train" => only = "train", group_by = ["others"]
error[RECIPE_FIELD] recipe.toml: tables.notes.split.group_by: 'others' is list of text, not a string or an integer
  fix: name another

only = "train" => time = { column = "parent", test = "" }
error[RECIPE_FIELD] recipe.toml: tables.notes.split.time.column: 'parent' is text, not a date or a date and time
  fix: give it the format date or date-time in the schema, or name another

only = "train" => time = { column = "when", test = "" }
error[RECIPE_FIELD] recipe.toml: tables.notes.split.time.column: the schema has no property 'when'
  fix: choose from id, n, parent, others, numbers, share, day

only = "train" => time = { column = "day", train = "2019-01-01T00:00:00Z", test = "" }
error[SPLIT_TIME] recipe.toml: tables.notes.split.time.train: '2019-01-01T00:00:00Z' is an instant, and 'day' holds days
  fix: write a day, like '2019-01-01'

parent = "notes" => parent = "notes", numbers = "notes"
error[RECIPE_REFERENCE] recipe.toml: tables.replies.references.numbers: is integer, the id it points to is string
  fix: give both the same type

parent = "notes" => parent = "notes", others = "replies"
error[RECIPE_REFERENCE] recipe.toml: tables.replies.references.others: points to a table whose id has several parts
  fix: point to another table

{ parent = "notes" }⏎split = { follow = "parent" } => { others = "notes" }⏎split = { follow = "others" }
error[SPLIT_FOLLOW] recipe.toml: tables.replies.split.follow: a list points to many rows, and a row goes to one split
  fix: follow another
"""


@pytest.mark.parametrize(("old", "new", "message"), cases(MISFITS))
def test_a_recipe_fits_its_schemas_or_is_refused(folder: Path, old: str, new: str, message: str) -> None:
    recipe = load(written(folder, (old, new)))
    with pytest.raises(RecipeError) as caught:
        schemas_of(recipe, folder)
    assert str(caught.value) == message


def test_the_mistakes_of_all_schemas_are_told_together(folder: Path) -> None:
    (folder / "notes.schema.json").write_text("[]")
    with pytest.raises(RecipeError) as caught:
        schemas_of(load(written(folder)), folder)
    assert [problem.text() for problem in caught.value.problems] == [
        "error[SCHEMA_ROOT] notes.schema.json: the schema is not a JSON object\n  fix: describe an object"
    ] * 2


def test_days_and_flags_may_be_groups(folder: Path) -> None:
    recipe = load(written(folder, ('only = "train"', 'only = "train", group_by = ["day", "n", "id"]')))
    assert schemas_of(recipe, folder).keys() == {"notes", "replies"}


def test_the_folder_of_a_recipe_is_told_the_recipe(folder: Path) -> None:
    written(folder)
    for path, fix in (
        (folder, f"give {folder}/recipe.toml"),
        (folder.parent, "run this where recipe.toml is, or give its path"),
    ):
        with pytest.raises(RecipeError) as caught:
            load(path)
        assert str(caught.value) == f"error[RECIPE_MISSING] {path}: there is no recipe\n  fix: {fix}"
