"""The version before -> what changed since, as the manifest keeps it and the card tells it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from parquetry.files.manifest import Manifest, Step, TableChange
from parquetry.reader.diff import Difference, between
from parquetry.reader.edition import Edition
from parquetry.reader.versions import Kind, advice
from parquetry.words.errors import Problem, RecipeError, VerificationError
from parquetry.words.recipe import Recipe
from parquetry.words.tables import Schemas
from parquetry.words.vocabulary import precedence


def earlier(recipe: Recipe, root: Path) -> Edition | None:
    """The version before, if the recipe names one.

    Raises:
        RecipeError: There is no release where it should be, or it is not an earlier one.
    """
    if not recipe.dataset.previous:
        return None
    where, folder = f"{recipe.file}: dataset.previous", root / recipe.dataset.previous
    try:
        found = Edition.load(folder)
    except VerificationError as error:
        fix = "name the folder of the version before, or get it: parquetry get"
        raise RecipeError(Problem("PREVIOUS_MISSING", where, error.problems[0].what, fix)) from None
    before, now = found.manifest.dataset.version, recipe.dataset.version
    if precedence(before) >= precedence(now):
        what, fix = f"is version {before}, and this is {now}", "name an earlier version, or raise dataset.version"
        raise RecipeError(Problem("PREVIOUS_VERSION", where, what, fix))
    return found


def since(before: Edition | None, manifest: Manifest, schemas: Schemas, release: Path) -> Manifest:
    """A manifest with what changed since the version before, and what that says of those before it.

    Args:
        before: That version; None: nothing is added.
        manifest: Of the new release.
        schemas: Of its tables.
        release: The folder with its Parquet files.
    """
    if before is None:
        return manifest
    found = between(before, Edition(release, manifest, schemas))
    advised = advice(found)
    step = Step(
        version=manifest.dataset.version,
        released=manifest.dataset.released,
        previous=before.manifest.dataset.version,
        previous_data_sha256=before.manifest.data_sha256,
        asks_for=advised.level,
        at_least=advised.version,
        tables=dict(_tables(found, advised.columns)),
    )
    return manifest.model_copy(update={"history": (step, *(before.manifest.history or ()))})


def _tables(found: Difference, columns: dict[str, dict[Kind, list[str]]]) -> Iterator[tuple[str, TableChange]]:
    known = {table.name: table for table in found.tables}
    for name in dict.fromkeys([*found.new.manifest.tables, *found.old.manifest.tables]):
        before, now = found.old.rows(name), found.new.rows(name)
        table = known.get(name)
        yield (
            name,
            TableChange(
                before=before,
                rows=now,
                added=len(table.added) if table else now,  # of a table with another id no row is known to be the same
                removed=len(table.removed) if table else before,
                changed=len(table.changed) if table else 0,
                moved=len(table.moved) if table else 0,
                columns={kind: tuple(names) for kind, names in columns.get(name, {}).items() if names},
            ),
        )


def outgrown(manifest: Manifest) -> Iterator[Problem]:
    """Whether the changes ask for a higher version than the release has."""
    for step in (manifest.history or ())[:1]:
        if precedence(step.version)[:3] < precedence(step.at_least)[:3]:
            what = f"is {step.version}; what changed since {step.previous} is {step.asks_for}"
            fix = f"call it {step.at_least}; see the changes in its card, or parquetry diff"
            yield Problem("WARN_VERSION", "dataset.version", what, fix)
