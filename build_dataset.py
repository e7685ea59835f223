#!/usr/bin/env python3
"""Build the dataset of recipe.toml into data/NAME-VERSION, verified before it is visible.

This file is the order in which things happen. The names and the numbers are in recipe.toml, the shape of a record is
in schema/, the prose is in DATASET_CARD.md, and each verb below is one file of src/parquetry.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

if __name__ == "__main__":  # Ctrl-C is answered while all this is loaded
    from parquetry.reader import interrupts

    interrupts.end_at_once()

from parquetry.corpus.dedup import resolve
from parquetry.corpus.leaks import leaks
from parquetry.corpus.split import assign, assignments
from parquetry.files.books import Books, set_aside, settle
from parquetry.files.manifest import File
from parquetry.files.receipts import basis
from parquetry.files.seal import describe, seal, shards_of, stated
from parquetry.files.shards import Cut, Group, groups_of, plan, write
from parquetry.files.stage import Stage
from parquetry.files.stats import Measured, measure_group
from parquetry.files.workspace import Part, Workspace
from parquetry.papers import sheets
from parquetry.papers.card import Prose, refresh
from parquetry.papers.facts import facts
from parquetry.papers.whole import written
from parquetry.reader.drift import UP_TO_DATE, Built, outcome
from parquetry.reader.history import earlier, outgrown, since
from parquetry.reader.verify import check
from parquetry.record.clean import clean
from parquetry.record.fingerprint import fingerprint
from parquetry.record.held_out import Held, held_out
from parquetry.record.read import agree, read
from parquetry.record.validate import validate
from parquetry.record.withdrawn import Gone, removals, withdraw
from parquetry.sources.partitions import Partition, partitions
from parquetry.words.engine import Engine
from parquetry.words.recipe import Recipe, load
from parquetry.words.tables import Schemas, doubts, schemas_of


def prepare(recipe: Recipe, schemas: Schemas, held: Held, gone: Gone, work: Workspace, partition: Partition) -> Part:
    """Lead the records of one partition from raw text to staged, checked rows."""
    table, schema = recipe.tables[partition.table], schemas[partition.table]
    with Stage(work, partition) as stage:
        for records in stage.left(read(partition, schema, table, recipe.limits)):
            rows = clean(records.kept, schema, table.clean)
            stays = withdraw(records, rows, gone.get(partition.table), partition.names)
            checked = validate(stays.kept, schema, table.id, partition.table, partition.names)
            prints = fingerprint(checked.kept, schema, table, partition.splits, held.get(partition.table))
            stage.add(checked.kept, prints, stays, checked)
    return stage.part


def finish(job: Cut | Part, books: Books, recipe: Recipe) -> File | None:
    """Write one Parquet file from staged rows, or write down what was removed of a part."""
    if isinstance(job, Part):
        books.write_down(job)
        return None
    write(job, books.parts[job.table], books.schemas[job.table], books.work, recipe.files)
    return stated(job, books.work.release)


def look(group: Group, books: Books) -> Measured:
    """Read one row group back from the file that was written, and measure it."""
    return measure_group(group.path, group.number, books.work.release, books.schemas[group.table], books.personal)


def build(path: Path, out: Path | None, engine: Engine, *, replace: bool = False) -> Built:
    """Build, describe, seal and verify the dataset of one recipe; only then let it be seen."""
    recipe, root = load(path), path.parent
    schemas = schemas_of(recipe, root)
    assigned, prose = assignments(recipe, schemas, root), Prose.load(recipe.dataset, root)
    sources, held, before = agree(partitions(recipe, root)), held_out(recipe, root), earlier(recipe, root)
    gone = removals(recipe, schemas, root)

    with Workspace((out or root / "data") / recipe.release, basis(recipe, schemas, held, gone)) as work:
        # One record at a time, in parallel: read, clean, validate, fingerprint.
        parts = list(engine.map(partial(prepare, recipe, schemas, held, gone, work), sources))

        # The whole corpus, from its fingerprints alone: what stays, and where it goes.
        prints = work.prints(parts)
        verdicts = resolve(prints, recipe.tables, work.texts(parts, recipe.tables))
        books = Books(work, parts, (prints, verdicts), recipe, schemas)
        rejects = settle(work, books, recipe, gone)
        splits, warnings = assign(prints, verdicts, recipe, assigned)
        leaking = leaks(prints, verdicts, splits, recipe, books.places)

        # One file at a time, in parallel: write it, then read it back; what was removed is written down, too.
        cuts = plan(prints, verdicts, splits, recipe)
        files = list(filter(None, engine.map(partial(finish, books=books, recipe=recipe), [*cuts, *books.removed])))
        shards = shards_of(cuts, files, engine.map(partial(look, books=books), groups_of(cuts)))

        # The papers say what was found in the files, and nothing else.
        found = since(before, describe(recipe, books, leaking, held, shards), schemas, work.release)
        known = sheets.write(facts(found, schemas, shards, work.release), work.release, wanted=recipe.files.csv)
        work.put(written(known, prose))

        # Seal it, hold it against what was read back, and only then let it be seen.
        manifest = seal(known.manifest, work.release, shards)
        check(work.release, shards)
        if (result := outcome(work.release, work.place, replace=replace)) != UP_TO_DATE:
            work.commit()
        set_aside(work, books)

    hints = [*doubts(recipe, schemas), *rejects, *warnings, *outgrown(manifest)]
    return Built(manifest, work.place, result, hints, prose, refresh(prose, known, root) if out is None else [])


if __name__ == "__main__":
    from parquetry.reader import cli

    sys.exit(cli.main(build, __file__))
