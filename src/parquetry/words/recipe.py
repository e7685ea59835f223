"""``recipe.toml`` as typed, frozen values.

A recipe holds what changes the bytes of the dataset, and nothing else: how many workers, and into which folder, is the
command line's business. The order of the steps is not here either: it is code, in ``build_dataset.py``.

``schema/recipe.schema.json`` and ``docs/RECIPE.md`` are generated from these classes.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PrivateAttr, ValidationError, model_validator

from parquetry.words.dataset import Dataset
from parquetry.words.errors import Problem, RecipeError
from parquetry.words.mistakes import problems_of
from parquetry.words.repeats import Decontaminate, Duplicates
from parquetry.words.splits import ALONE, Split
from parquetry.words.vocabulary import Bytes, Exact, Names, Near, Part, Rejected, TableName, encoding_name, wrong


class Read(Part):
    """How files of text are read."""

    encoding: Annotated[str, AfterValidator(encoding_name)] = "utf-8"
    """Encoding of all source files of the table."""
    delimiter: Annotated[str, Field(pattern=r'^[^"\r\n]$')] = ","
    """What stands between the cells of a CSV file; in a TSV file it is always a tab."""
    sheet: str = ""
    """The sheet of a workbook (.xlsx), by default the only one that holds anything."""
    nul: Literal["reject", "keep"] = "reject"
    """What happens to records with the character U+0000, which many programs cannot hold."""


class Clean(Part):
    """How text is normalised before it is judged. The default changes nothing."""

    unicode: Literal["", "NFC", "NFKC"] = ""
    """Unicode normal form."""
    newlines: bool = False
    """CRLF and CR become LF."""


class Table(Part):
    """One table: a config of the Hub, a set of records with one schema."""

    schema_file: Annotated[str, Field(alias="schema", min_length=1)]
    """JSON Schema of one record."""
    sources: Annotated[tuple[str, ...], Field(min_length=1)] = ()
    """Files or globs, relative to the recipe or absolute; what a file is, its suffix says."""
    id: Annotated[Names, Field(min_length=1)]
    """Property that identifies a record, or a list of them; string or integer, never null or empty."""
    default: bool = False
    """Whether readers get this table when they name none."""
    text: tuple[str, ...] = ()
    """Properties by which duplicates are judged."""
    removals: str = ""
    """CSV file of the rows that are withdrawn on request: the id or the SHA-256 of the content (`parquetry trace` tells
    it), reason and date. It may lie outside of the repository."""
    references: dict[str, str] = Field({})
    """Property (a value, or a list of them) to the table whose id it holds; null is no reference."""
    read: Read = Read()
    clean: Clean = Clean()
    duplicates: Duplicates | None = None
    decontaminate: Decontaminate | None = None
    split: Split

    @model_validator(mode="after")
    def _check(self) -> Table:
        if self.exact == "group" and self.split.method in ("assigned", *ALONE):
            what = (
                f"duplicates.exact = 'group' cannot hold beside split.{self.split.method}, which decides for each row"
            )
            raise wrong("SPLIT_METHOD", what, "write 'drop' or 'keep', or split by ratios")
        if self.near == "drop" and self.exact != "drop":
            what = f"duplicates.near = 'drop' drops the same text too, and duplicates.exact = {self.exact!r} keeps it"
            raise wrong("RECIPE_VALUE", what, 'write exact = "drop", or near = "group"')
        for key, asked in (("duplicates.near", self.near != "off"), ("decontaminate", self.decontaminate)):
            if asked and not self.text:
                raise wrong("RECIPE_VALUE", f"{key} needs text", "name the properties that hold it: text = [...]")
        return self

    @property
    def patterns(self) -> list[tuple[str, str]]:
        """The globs of its source files, each with the key that it stands under."""
        said = {"sources": self.sources} if self.sources else self.split.globs
        return [(f"{key}.{index}", glob) for key, globs in said.items() for index, glob in enumerate(globs)]

    @property
    def near(self) -> Near:
        """What happens to near-duplicates."""
        return self.duplicates.near if self.duplicates else "off"

    @property
    def threshold(self) -> float | None:
        """Least Jaccard index of near-duplicates, if they are searched."""
        return self.duplicates.threshold if self.duplicates and self.near != "off" else None

    @property
    def exact(self) -> Exact:
        """What happens to exact duplicates: `drop` where `text` is named, else `keep`, unless said otherwise."""
        return self.duplicates.exact if self.duplicates else ("drop" if self.text else "keep")


class Files(Part):
    """How the Parquet files are cut and compressed."""

    shard_bytes: Bytes = 256_000_000
    """Most bytes of rows in a file, before compression."""
    row_group_bytes: Bytes = 64_000_000
    """Most bytes of rows in a row group, before compression."""
    compression: Literal["zstd"] = "zstd"
    """Codec."""
    compression_level: Annotated[int, Field(ge=1, le=19)] = 3
    """1 is fastest, 19 smallest."""
    csv: bool = False
    """Whether the rows are given as CSV too, for spreadsheets."""


class Limits(Part):
    """Beyond these a build stops, or a record is rejected."""

    rejected: Rejected = 0
    """Rejected rows of a table, or their share of the rows read (`"0.1%"`); above it the build ends in 3."""
    line_bytes: Bytes = 16_000_000
    """Longest line."""
    depth: Annotated[int, Field(ge=1, le=128)] = 64
    """Deepest nesting of a record."""
    fields: Annotated[int, Field(ge=1)] = 1000
    """Most members in a record and most fields in a schema, those of nested objects included."""
    decompression_ratio: Annotated[int, Field(ge=1)] = 1000
    """Largest ratio of a compressed source that holds more than 64 MB; below them no ratio is too large.
    A workbook may hold a tenth of that, and is judged above 5 MB."""
    cluster_share: Annotated[float, Field(gt=0, le=1)] = 0.1
    """Largest share of the rows of a table that near-duplicates may connect; fewer than 100 rows are never too many."""
    leaks: Annotated[int, Field(ge=0)] = 0
    """Pairs of duplicates that may stand in two splits, where the splits are given."""

    def allow(self, rejected: int, read: int) -> bool:
        """Whether so many rejected rows are within the limit."""
        if isinstance(self.rejected, int):
            return rejected <= self.rejected
        return rejected * 100 <= Decimal(self.rejected.rstrip("%")) * read


class Recipe(Part):
    """Everything a build needs to know, and nothing it finds out."""

    dataset: Dataset
    tables: Annotated[dict[TableName, Table], Field(min_length=1)]
    """The tables, by name."""
    files: Files = Files()
    limits: Limits = Limits()

    _file: str = PrivateAttr("recipe.toml")

    @property
    def file(self) -> str:
        """Name of the file that it was read from, for messages."""
        return self._file

    @property
    def release(self) -> str:
        """Name of the release folder."""
        return f"{self.dataset.name}-{self.dataset.version}"

    @property
    def default(self) -> str:
        """The table that readers get when they name none; empty if there is no such table."""
        return next(
            (n for n, t in self.tables.items() if t.default), next(iter(self.tables)) if len(self.tables) == 1 else ""
        )


def load(path: Path) -> Recipe:
    """Read and check a recipe file.

    Raises:
        RecipeError: With every mistake found: the file is missing or not TOML, a key is unknown or missing, a value is
            of the wrong type or names something that does not exist.
    """
    if not path.is_file():  # a folder, or a pipe, which would be waited for
        inside = path / "recipe.toml"
        fix = f"give {inside}" if inside.is_file() else "run this where recipe.toml is, or give its path"
        raise RecipeError(Problem("RECIPE_MISSING", str(path), "there is no recipe", fix))
    try:
        text = json.dumps(tomllib.loads(path.read_bytes().decode("utf-8-sig")), default=str)
    except (ValueError, RecursionError) as error:  # TOML and UTF-8 errors are values too
        raise RecipeError(Problem("RECIPE_SYNTAX", path.name, f"not TOML: {error}", "correct the file")) from None
    try:
        recipe = Recipe.model_validate_json(text)
    except ValidationError as error:
        raise RecipeError(*problems_of(error.errors(), path.name, Recipe.model_json_schema())) from None
    recipe._file = path.name
    if problems := [*_dangling(recipe, path.name), *_missing(recipe, path)]:
        raise RecipeError(*problems)
    return recipe


def dataset_of(facts: Mapping[str, Any]) -> Dataset:
    """What a dataset is called, who made it and under which licence, checked.

    Raises:
        RecipeError: With every mistake found; the place of each is the key.
    """
    try:
        return Dataset.model_validate_json(json.dumps(facts))
    except ValidationError as error:
        found = problems_of(error.errors(), "", Dataset.model_json_schema())
        raise RecipeError(*(one._replace(where=one.where.removeprefix(": ")) for one in found)) from None


def _dangling(recipe: Recipe, name: str) -> list[Problem]:
    """What one part of the recipe says about another that is not so."""
    found = []
    if len(defaults := [n for n, t in recipe.tables.items() if t.default]) > 1:
        found.append(
            Problem("RECIPE_DEFAULT", f"{name}: tables", f"{' and '.join(defaults)} are both the default", "keep one")
        )
    for kind, names in (("tables", list(recipe.tables)), ("dataset.documents", recipe.dataset.documents)):
        short = [Path(one).name.lower() if kind != "tables" else one.lower() for one in names]
        if twice := {one for one in short if short.count(one) > 1}:
            what = f"{', '.join(sorted(twice))} would be one file in a release"
            found.append(Problem("RECIPE_VALUE", f"{name}: {kind}", what, "give each a name of its own"))
    for table, rules in recipe.tables.items():
        if not rules.patterns:
            where = f"{name}: tables.{table}.sources"
            found.append(Problem("RECIPE_MISSING_KEY", where, "this key is required", "add `sources = …`"))
        for column, target in rules.references.items():
            if target not in recipe.tables:
                where = f"{name}: tables.{table}.references.{column}"
                fix = f"choose from {', '.join(recipe.tables)}"
                found.append(Problem("RECIPE_REFERENCE", where, f"there is no table {target!r}", fix))
        if rules.split.follow and rules.split.follow not in rules.references:
            fix = f"add {rules.split.follow!r} to the references of {table!r}, or name one of them"
            where = f"{name}: tables.{table}.split.follow"
            found.append(
                Problem("SPLIT_FOLLOW", where, f"{rules.split.follow!r} is not a reference of this table", fix)
            )
        elif _circular(table, recipe.tables):
            found.append(Problem("SPLIT_FOLLOW", f"{name}: tables.{table}.split.follow", "follows itself in a circle"))
    return found


def _circular(table: str, tables: Mapping[str, Table]) -> bool:
    start, seen = table, set[str]()
    while table in tables and (column := tables[table].split.follow) and table not in seen:
        seen.add(table)
        table = tables[table].references.get(column, "")
    return table == start and bool(seen)


def _missing(recipe: Recipe, path: Path) -> list[Problem]:
    """The files that the recipe names and that are not there."""
    named = {"dataset.card": recipe.dataset.card}
    named |= {f"dataset.documents.{i}": file for i, file in enumerate(recipe.dataset.documents)}
    for table, rules in recipe.tables.items():
        named |= {f"tables.{table}.schema": rules.schema_file, f"tables.{table}.split.assigned": rules.split.assigned}
    return [
        Problem("RECIPE_FILE_MISSING", f"{path.name}: {key}", f"there is no file {file!r}", "correct the path")
        for key, file in named.items()
        if file and not (path.parent / file).is_file()
    ]
