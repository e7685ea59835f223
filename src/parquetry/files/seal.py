"""What was built -> its manifest, and the two files that seal it.

`describe` says what is known once the data is written; `seal` adds the checksum of every file.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import numpy as np

import parquetry
from parquetry.corpus.dedup import DUPLICATE, NEAR_DUPLICATE
from parquetry.corpus.leaks import Leaks
from parquetry.files.books import Books
from parquetry.files.manifest import (
    NAME,
    SUMS,
    Decontamination,
    DuplicateRules,
    Example,
    File,
    Finding,
    HeldOutFile,
    Leakage,
    Manifest,
    Shard,
    Source,
    SplitRows,
    TableFacts,
    data_digest,
    sha256_of,
    sums,
)
from parquetry.files.shards import Cut
from parquetry.files.stats import Measured, Summary
from parquetry.record.content import content_digest
from parquetry.record.held_out import Held, HeldOut
from parquetry.sources.partitions import given_files
from parquetry.words.recipe import Recipe
from parquetry.words.splits import Split

#: Packages that can change the bytes of a release, never its content.
PACKAGES = ("matplotlib", "pyarrow", "pyyaml", "regex", "unicodedata2")
#: Rows of a kind that are named as examples.
EXAMPLES = 5


def describe(recipe: Recipe, books: Books, leaks: Mapping[str, Leaks], held: Held, shards: Sequence[Shard]) -> Manifest:
    """Say what is known once the data is written; `seal` adds the files.

    Args:
        recipe: What was asked for.
        books: What became of each record.
        leaks: What stands in two splits.
        held: What no row was to have seen.
        shards: What was written, read back, in the order of the plan.
    """
    tables = {name: _facts(name, recipe, books, leaks[name], held.get(name), shards) for name in recipe.tables}
    return Manifest(
        dataset=recipe.dataset.model_copy(update={"previous": ""}),  # a place on this machine
        tables=tables,
        recipe_sha256=_sha256(
            json.dumps(recipe.model_dump(mode="json", by_alias=True, exclude_defaults=True), sort_keys=True).encode()
        ),
        data_sha256=data_digest(tables),
        versions={"parquetry": parquetry.__version__} | {name: version(name) for name in PACKAGES},
        files=tuple(shard.file for shard in shards),
    )


def stated(cut: Cut, release: Path) -> File:
    """What is known about a file as it was written."""
    path = release / cut.path
    with path.open("rb") as file:
        os.fsync(file.fileno())  # now, while others still write, and not all at the end
    rows = sum(len(group) for group in cut.groups)
    return File(path=cut.path, bytes=path.stat().st_size, sha256=sha256_of(path), rows=rows)


def shards_of(cuts: Sequence[Cut], files: Iterable[File], groups: Iterable[Measured]) -> list[Shard]:
    """What is known about the files, and what was found in their row groups when these were read back in order."""
    found, rest = list[Shard](), iter(groups)
    for cut, file in zip(cuts, files, strict=True):
        mine = [next(rest) for _ in cut.groups]
        whole = Measured(sum((one.summary for one in mine), Summary()), b"".join(one.digests for one in mine))
        found.append(Shard(cut.table, cut.split, file, whole))
    return found


def seal(manifest: Manifest, release: Path, shards: Sequence[Shard] = ()) -> Manifest:
    """List the files of a release, and write ``manifest.json`` and then ``SHA256SUMS``.

    Args:
        manifest: What is known but for the files.
        release: The folder.
        shards: Files whose checksums were taken when they were written.
    """
    known = {shard.file.path: shard.file for shard in shards}
    rows = {file.path: file.rows for file in manifest.files}
    found = [(path.relative_to(release).as_posix(), path) for path in release.rglob("*") if path.is_file()]
    files = [
        known.get(name) or File(path=name, bytes=path.stat().st_size, sha256=sha256_of(path), rows=rows.get(name))
        for name, path in sorted(found)
        if name not in (NAME, SUMS)
    ]
    sealed = manifest.model_copy(update={"files": tuple(files)})
    (release / NAME).write_bytes(sealed.text().encode())
    (release / SUMS).write_bytes(sums(sealed, sha256_of(release / NAME)).encode())
    return sealed


def _sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def _facts(
    name: str, recipe: Recipe, books: Books, leaks: Leaks, held: HeldOut | None, shards: Sequence[Shard]
) -> TableFacts:
    table, schema = recipe.tables[name], books.schemas[name]
    mine = [shard for shard in shards if shard.table == name]
    splits = {}
    for split in dict.fromkeys(shard.split for shard in mine):
        rows = [shard for shard in mine if shard.split == split]
        total = sum((shard.measured.summary for shard in rows), Summary())
        digest = content_digest(schema.fields, (shard.measured.digests for shard in rows))
        splits[split] = SplitRows(rows=total.rows, bytes=total.bytes, sha256=digest)
    return TableFacts(
        default=name == recipe.default,
        schema_file=f"schema/{name}.schema.json",
        schema_sha256=schema.sha256,
        id=table.id,
        text=table.text,
        references=table.references,
        group_by=table.split.group_by,
        split_method=table.split.method,
        split_rule=_rule(table.split),
        split_time=(table.split.time.column, dict(table.split.time.ends)) if table.split.time else None,
        duplicates=DuplicateRules(exact=table.exact, near=table.near, threshold=table.threshold),
        leakage=_leakage(leaks).model_copy(update={"examples": tuple(_examples(name, books, leaks))}),
        decontamination=_decontamination(held, len(books.overlapping(name))) if held else None,
        splits=splits,
        sources=tuple(_sources(name, books)),
    )


def _leakage(leaks: Leaks) -> Leakage:
    alike, overlap = leaks.alike, leaks.overlap
    return Leakage(
        exact_pairs=overlap.exact,
        near_pairs=overlap.near if alike else None,
        groups=overlap.groups,
        clusters=leaks.clusters,
        largest_cluster=leaks.largest,
        compared_pairs=alike.compared if alike else None,
        found_pairs=len(alike.links) if alike else None,
        skipped_pairs=alike.skipped if alike else None,
        recall=alike.recall if alike else None,
    )


def _examples(name: str, books: Books, leaks: Leaks) -> Iterator[Example]:
    """The first rows of each kind that say what another row says, or a held-out text."""
    verdict = books.verdicts[name]
    kinds: list[tuple[Finding, int]] = [("DUPLICATE", DUPLICATE), ("NEAR_DUPLICATE", NEAR_DUPLICATE)]
    for finding, fate in kinds:
        rows = np.flatnonzero(verdict.fate == fate)[:EXAMPLES]
        for one, other in zip(books.ids(name, rows), books.ids(name, verdict.first[rows]), strict=True):
            yield Example(what=finding, id=one, other=other)
    torn = leaks.overlap.examples[:EXAMPLES]
    for one, other in zip(*(books.ids(name, side) for side in torn.T), strict=True):
        yield Example(what="SPLIT_LEAK", id=one, other=other)
    rows = books.overlapping(name)[:EXAMPLES]
    for row, one in zip(rows.tolist(), books.ids(name, rows), strict=True):
        yield Example(what="CONTAMINATED", id=one, other=str(books.overlap[name][row]))


def _decontamination(held: HeldOut, rows: int) -> Decontamination:
    rules, files = held.rules, tuple(HeldOutFile(**file._asdict()) for file in held.files)
    return Decontamination(files=files, tokens=rules.tokens, threshold=rules.threshold, action=rules.action, rows=rows)


def _rule(split: Split) -> str:
    if split.ratios:
        shares = ", ".join(f"{name} {share:g}" for name, share in split.ratios.items())
        return f"{shares}, with the salt {split.salt!r}" if split.salt else shares
    return split.time.rule if split.time else given_files(split) if split.given else str(getattr(split, split.method))


def _sources(table: str, books: Books) -> Iterator[Source]:
    """The files of a table, and what became of their records."""
    for part in books.parts[table]:
        for piece, sha256 in zip(part.partition.pieces, part.sha256, strict=True):
            if not piece.start:
                ledger = books.ledgers[table][piece.name]
                yield Source(
                    path=piece.name,
                    bytes=piece.bytes,
                    sha256=sha256,
                    read=ledger.read,
                    published=ledger.published,
                    removed=dict(ledger.removed),
                    blank_lines=ledger.blank,
                )
