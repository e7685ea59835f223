"""The splits of a release -> what stands in two of them, found in its files alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from parquetry.corpus.keys import numbers
from parquetry.corpus.links import pairs
from parquetry.corpus.near import alike
from parquetry.corpus.overlap import Overlap, overlap
from parquetry.files.manifest import Manifest, TableFacts
from parquetry.files.stats import batches
from parquetry.record.content import KEY, keys, worded
from parquetry.record.sketch import SIGNATURE, signed
from parquetry.words.errors import Problem
from parquetry.words.records import counted
from parquetry.words.schema import Schema

#: What is put aside of each row: its split, the digest of its text, and the signature of it.
_ASIDE = [pa.field("split", pa.int16()), pa.field("digest", KEY), SIGNATURE]
_NO_LINKS, _NO_GROUPS = np.empty((0, 2), np.int64), np.empty((0, 2), np.uint64)


def leaking(release: Path, manifest: Manifest, table: str, schema: Schema) -> Iterator[Problem]:
    """Texts of a table that stand in two of its splits, more than the manifest says."""
    facts = manifest.tables[table]
    if not facts.text or not facts.leakage:
        return
    files = [(i, file.path) for i, split in enumerate(facts.splits) for file in manifest.shards(table, split)]
    found, stated = torn(release, files, facts, schema), facts.leakage
    for kind, there, known, least in (
        ("the same text", found.exact, stated.exact_pairs, stated.exact_pairs),
        ("nearly the same text", found.near, stated.near_pairs or 0, 0 if stated.skipped_pairs else stated.near_pairs),
    ):
        what = f"{counted(there, 'pair')} with {kind} in two splits, the manifest says {known}"
        if there > known:
            yield Problem("SPLIT_LEAK", f"data/{table}", what, "do not use these splits to measure anything")
        elif there < (least or 0):
            yield Problem("COUNTS_DIFFER", f"data/{table}", what, "download it again, or build it again")


def torn(release: Path, files: Iterable[tuple[int, str]], facts: TableFacts, schema: Schema) -> Overlap:
    """Search a table of a release for texts that stand in two of its splits.

    Texts and signatures are put aside on the disk, so that memory stays flat.

    Args:
        release: The folder.
        files: The Parquet files of the table, each with the number of its split.
        facts: How duplicates were searched when it was built; groups are not looked at.
        schema: Of the table.
    """
    with TemporaryDirectory() as folder:
        path = str(Path(folder, "texts.arrow"))
        shape = pa.schema([*_ASIDE, *(pa.field(name, pa.string()) for name in facts.text)])
        with pa.ipc.new_file(path, shape) as writer:
            for batch in _texts(release, files, facts, schema):
                writer.write_batch(batch)
        with pa.memory_map(path) as file:
            reader = pa.ipc.open_file(file)
            rows = pa.Table.from_batches([reader.get_batch(i) for i in range(reader.num_record_batches)], shape)
            prints = pa.table({"text": rows["digest"], "signature": rows["signature"]})
            texts = rows.select(list(facts.text)).to_batches()
            threshold = facts.duplicates.threshold if facts.duplicates else None
            splits = np.concatenate([np.empty(0, np.int64), *(c.to_numpy() for c in rows["split"].chunks)]).astype(int)
            links = _NO_LINKS if threshold is None else pairs(alike(prints, threshold, texts, splits >= 0), splits)
            return overlap(numbers(rows["digest"]), splits, links, _NO_GROUPS)


def _texts(
    release: Path, files: Iterable[tuple[int, str]], facts: TableFacts, schema: Schema
) -> Iterator[pa.RecordBatch]:
    """The texts of a table with what is put aside beside them; a row without any text is in no split."""
    names, fields = list(facts.text), [schema[name] for name in facts.text]
    for split, path in files:
        for whole in batches(path, release):
            batch = whole.select(names)
            code = pa.array(np.where(worded(batch), split, -1).astype(np.int16))
            shape = pa.schema([*_ASIDE, *batch.schema])
            yield pa.RecordBatch.from_arrays([code, keys(batch, fields), signed(batch), *batch.columns], schema=shape)
