#!/usr/bin/env python3
"""Build the dataset of recipe.toml.

    python build_dataset.py                  into data/NAME-VERSION, verified before it is visible
    python build_dataset.py --check          is what stands there still what the sources give?

This file is the order in which things happen. The names and the numbers are in recipe.toml, the shape of a record is
in schema/, the prose is in DATASET_CARD.md, and each verb below is one file of src/parquetry.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from parquetry.corpus.dedup import resolve
from parquetry.corpus.split import assign, assignments
from parquetry.files.books import set_aside, settle
from parquetry.files.manifest import Shard
from parquetry.files.seal import describe, seal, shard
from parquetry.files.shards import Cut, plan, write
from parquetry.files.stats import measure_file
from parquetry.files.workspace import Part, Workspace
from parquetry.papers.card import Prose, cards, refresh
from parquetry.papers.citation import citation, license_text
from parquetry.papers.regions import facts
from parquetry.reader.drift import UP_TO_DATE, Built, outcome
from parquetry.reader.verify import check
from parquetry.record.clean import clean
from parquetry.record.fingerprint import fingerprint
from parquetry.record.sources import Partition, partitions, read
from parquetry.record.validate import validate
from parquetry.words.engine import Engine
from parquetry.words.recipe import Recipe, load
from parquetry.words.schema import Schema
from parquetry.words.tables import schemas_of


def prepare(partition: Partition, recipe: Recipe, schemas: Mapping[str, Schema], work: Workspace) -> Part:
    """Lead the records of one file from raw text to staged, checked rows."""
    table, schema = recipe.tables[partition.table], schemas[partition.table]
    with work.stage(partition) as stage:
        for records in read(partition, schema, recipe.limits):
            rows = clean(records.kept, schema, table.clean)
            checked = validate(rows, schema, table.id, partition.table, partition.name)
            stage.add(checked.kept, fingerprint(checked.kept, schema, table), records, checked)
    return stage.part


def finish(cut: Cut, parts: list[Part], recipe: Recipe, schemas: Mapping[str, Schema], work: Workspace) -> Shard:
    """Write one Parquet file from staged rows, then measure what was written."""
    write(cut, parts, schemas[cut.table], work, recipe.files)
    return shard(cut, measure_file(cut.path, work.release, schemas[cut.table]), work.release)


def build(path: Path, out: Path | None, engine: Engine, *, replace: bool = False) -> Built:
    """Build, describe, seal and verify the dataset of one recipe; only then let it be seen."""
    recipe, root = load(path), path.parent
    schemas = schemas_of(recipe, root)
    assigned = assignments(recipe, schemas, root)
    prose = Prose.load(recipe.dataset, root)
    sources = partitions(recipe, root)

    with Workspace((out or root / "data") / recipe.release) as work:
        # One record at a time, in parallel: read, clean, validate, fingerprint.
        parts = list(engine.map(partial(prepare, recipe=recipe, schemas=schemas, work=work), sources))

        # The whole corpus, from its fingerprints alone: what stays, and where it goes.
        prints = work.prints(parts)
        verdicts = resolve(prints, recipe.tables)
        books = settle(work, parts, (prints, verdicts), recipe, schemas)
        splits, warnings = assign(prints, verdicts, recipe, assigned)

        # One file at a time, in parallel: write it, then measure what was written.
        cuts = plan(prints, verdicts, splits, recipe)
        shards = list(engine.map(partial(finish, parts=parts, recipe=recipe, schemas=schemas, work=work), cuts))

        # The papers say what was found in the files, and nothing else.
        manifest = describe(recipe, schemas, books, parts, shards)
        known = facts(manifest, schemas, shards)
        work.put({f"schema/{name}.schema.json": schema.text for name, schema in schemas.items()})
        work.put({"CITATION.cff": citation(known), "LICENSE": license_text(known), **cards(prose, known)})

        # Seal it, read it back with a stranger's eyes, and only then let it be seen.
        manifest = seal(manifest, work.release)
        check(work.release)
        done = outcome(work.release, work.place, replace=replace)
        if done != UP_TO_DATE:
            work.commit()
        set_aside(work)

    refreshed = refresh(prose, known, root) if out is None else []
    hints = [*(hint for schema in schemas.values() for hint in schema.warnings), *books.warnings, *warnings]
    return Built(manifest, work.place, done, hints, prose, refreshed)


if __name__ == "__main__":
    from parquetry.reader import cli

    sys.exit(cli.main(build, __file__))
