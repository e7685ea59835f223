"""A recipe and its schemas, held against each other.

Each is right or wrong on its own in `recipe` and `schema`; here is what one says about the other: that a key names a
property that exists, and that it can be what the key asks of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from parquetry.words.errors import ParquetryError, Problem, RecipeError
from parquetry.words.fields import Field
from parquetry.words.licenses import rights
from parquetry.words.recipe import Recipe, Table
from parquetry.words.schema import Schema, load
from parquetry.words.splits import Split

#: Kinds that can identify a row, or point to one.
_KEYS = ("string", "integer", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")
#: The schemas of a recipe, by table.
Schemas = Mapping[str, Schema]


def schemas_of(recipe: Recipe, root: Path) -> dict[str, Schema]:
    """Load the schema of each table of a recipe that stands in the folder ``root``.

    Raises:
        RecipeError: With everything that is wrong in the schemas, or between them and the recipe.
    """
    loaded, problems = dict[str, Schema](), list[Problem]()
    for name, table in recipe.tables.items():
        try:
            loaded[name] = load(root / table.schema_file, table.schema_file, recipe.limits.fields)
        except ParquetryError as error:
            problems.extend(error.problems)
    problems = problems or [p for name in recipe.tables for p in _problems(name, recipe, loaded)]
    if problems:
        raise RecipeError(*problems)
    return loaded


def _problems(name: str, recipe: Recipe, loaded: Mapping[str, Schema]) -> Iterator[Problem]:
    table, schema, tables = recipe.tables[name], loaded[name], recipe.tables
    wanted = [("id", column) for column in table.id]
    wanted += [("text", column) for column in table.text]
    wanted += [("references", column) for column in table.references]
    wanted += [("split.group_by", column) for column in table.split.group_by]
    wanted += [("split.time.column", table.split.time.column)] if table.split.time else []
    for key, column in wanted:
        where = f"{recipe.file}: tables.{name}.{key}"
        if column not in schema:
            fix = f"choose from {', '.join(field.name for field in schema.fields)}"
            yield Problem("RECIPE_FIELD", where, f"the schema has no property {column!r}", fix)
        elif what := _unfit(key, schema[column]):
            fix = "give it the format date or date-time in the schema, or " if key == "split.time.column" else ""
            found = schema[column].prose
            yield Problem("RECIPE_FIELD", where, f"{column!r} is {found}, not {what}", f"{fix}name another")
        elif key == "references":
            yield from _reference(
                f"{where}.{column}", schema[column], tables[table.references[column]], loaded[table.references[column]]
            )
        elif key == "split.time.column" and schema[column].kind == "date":
            yield from _instants(where.removesuffix(".column"), column, table.split)
    if table.split.follow in schema and schema[table.split.follow].kind == "list":
        where = f"{recipe.file}: tables.{name}.split.follow"
        yield Problem(
            "SPLIT_FOLLOW", where, "a list points to many rows, and a row goes to one split", "follow another"
        )


def _unfit(key: str, field: Field) -> str:
    """What a property would have to be for a key of the recipe, if it is something else."""
    if key == "text":
        return "" if field.kind == "string" else "text"
    if key == "split.time.column":
        return "" if field.kind in ("date", "date-time") else "a date or a date and time"
    kind = field.fields[0].kind if key == "references" and field.kind == "list" else field.kind
    return (
        ""
        if kind in _KEYS or (key == "split.group_by" and field.kind in ("date", "boolean"))
        else "a string or an integer"
    )


def _instants(where: str, column: str, split: Split) -> Iterator[Problem]:
    """The boundaries inside a day, where the column holds days."""
    for name, end in (split.time.ends if split.time else {}).items():
        if len(end) > len("2019-01-01"):
            what = f"{end!r} is an instant, and {column!r} holds days"
            yield Problem("SPLIT_TIME", f"{where}.{name}", what, f"write a day, like {end[:10]!r}")


def _reference(where: str, field: Field, target: Table, schema: Schema) -> Iterator[Problem]:
    """Whether a reference can hold the id of its table."""
    kind = field.fields[0].kind if field.kind == "list" else field.kind
    if len(target.id) > 1:
        yield Problem(
            "RECIPE_REFERENCE", where, "points to a table whose id has several parts", "point to another table"
        )
    elif target.id[0] in schema and (schema[target.id[0]].kind == "string") != (kind == "string"):
        what = f"is {kind}, the id it points to is {schema[target.id[0]].kind}"
        yield Problem("RECIPE_REFERENCE", where, what, "give both the same type")


def doubts(recipe: Recipe, schemas: Schemas) -> list[Problem]:
    """What is worth a warning before a row is read: rights, and shapes that are only half said."""
    return [*rights(recipe.dataset, recipe.file), *(hint for schema in schemas.values() for hint in schema.warnings)]
