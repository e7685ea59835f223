"""The rows of a release, judged one by one.

What was checked when the release was built is checked again from its files alone: each row by its JSON Schema, ids,
references, splits, and the content digests.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from parquetry.files.manifest import Manifest, TableFacts
from parquetry.files.stats import Summary, measure
from parquetry.record.content import content_digest, contents, key
from parquetry.record.validate import validate
from parquetry.words.errors import Problem
from parquetry.words.fields import Field
from parquetry.words.schema import Schema
from parquetry.words.splits import moment

#: What to do about a release that is not what it says.
AGAIN = "download it again, or build it again"
#: Kinds of columns that hold many values.
_MANY = ("list", "struct", "map")


@dataclass
class Rows:
    """The rows of one table, as far as they were seen."""

    name: str
    facts: TableFacts
    schema: Schema
    deep: bool  #: Whether each row is judged, or only counted and measured.
    counts: bool = False  #: Whether personal data is counted.
    summaries: dict[str, Summary] = field(default_factory=dict)  #: By split.
    digests: dict[str, bytearray] = field(default_factory=dict)  #: Of the rows of each split, in order.
    ids: dict[bytes, str] = field(default_factory=dict)  #: Split by id.
    groups: dict[bytes, str] = field(default_factory=dict)  #: Split by group.
    pointed: list[tuple[str, str, str, list[bytes]]] = field(default_factory=list)  #: File, column, split, ids.

    def add(self, batch: pa.RecordBatch, path: str, split: str) -> Iterator[Problem]:
        """See the rows of a batch of a file, and say what is wrong with them."""
        self.count(measure(batch, self.schema.fields, counts=self.counts), split)
        if not self.deep:
            return
        for bad in validate(batch, self.schema, self.facts.id).removed:
            yield Problem(bad.code, f"{path} {bad.pointer}", bad.message, AGAIN)
        self.digests.setdefault(split, bytearray()).extend(contents(batch, self.schema.fields))
        for row in batch.to_pylist():
            own = self.key(row, self.facts.id)
            if own in self.ids:
                yield Problem("ID_DUPLICATE", path, f"the id {_named(row, self.facts.id)} stands twice", AGAIN)
            self.ids[own] = split
            yield from self.group(row, path, split)
            yield from self.time(row, path, split)
            self.pointed += [
                (path, column, split, ids) for column in self.facts.references if (ids := self.of(row, column))
            ]

    def count(self, summary: Summary, split: str) -> None:
        """Count rows that are known by their summary."""
        self.summaries[split] = self.summaries.get(split, Summary()) + summary

    def group(self, row: Mapping[str, Any], path: str, split: str) -> Iterator[Problem]:
        """Whether the group of a row was seen in another split."""
        columns = self.facts.group_by
        if any(row[column] is not None for column in columns):
            there = self.groups.setdefault(self.key(row, columns), split)
            if there != split:
                what = f"the group {_named(row, columns)} stands in {there} and {split}"
                yield Problem("SPLIT_LEAK", path, what, "do not use these splits to measure anything")

    def time(self, row: Mapping[str, Any], path: str, split: str) -> Iterator[Problem]:
        """Whether a row stands in the split that its time asks for."""
        if self.facts.split_time:
            column, ends = self.facts.split_time
            own = moment(row[column].isoformat()) if row[column] else None
            place = bisect_right([moment(end) for end in ends.values() if end], own) if own else len(ends)
            if place == len(ends) or list(ends)[place] != split:
                what = f"a row of {row[column]} stands in {split}, which is not the split of that time"
                yield Problem("SPLIT_LEAK", path, what, "do not use these splits to measure anything")

    def problems(self, tables: Mapping[str, Rows]) -> Iterator[Problem]:
        """What is wrong with the table as a whole, beside the other ``tables``."""
        for split, stated in self.facts.splits.items():
            where, found = f"{self.name}/{split}", self.summaries.get(split, Summary())
            if (found.rows, found.bytes) != (stated.rows, stated.bytes):
                what = f"{found.rows} rows of {found.bytes} bytes, the manifest says {stated.rows} of {stated.bytes}"
                yield Problem("COUNTS_DIFFER", where, what, AGAIN)
            rows = bytes(self.digests.get(split, b""))
            if self.deep and content_digest(self.schema.fields, [rows]) != stated.sha256:
                what = "the rows do not have the content digest of the manifest"
                yield Problem("CONTENT_DIFFERS", where, what, AGAIN)
        for path, column, split, ids in self.pointed:
            target = tables.get(self.facts.references[column])
            if target and (lost := [one for one in ids if one not in target.ids]):
                yield Problem("REFERENCE_BROKEN", f"{path} /{column}", f"{len(lost)} of a row lead nowhere", AGAIN)
            elif target and self.follows(column) and target.ids[ids[0]] != split:
                yield Problem("SPLIT_LEAK", path, f"a row is not in the split of its {column}", AGAIN)

    def follows(self, column: str) -> bool:
        """Whether the rows stand in the split of the row that this reference points to."""
        return (self.facts.split_method, self.facts.split_rule) == ("follow", column)

    def key(self, row: Mapping[str, Any], columns: Sequence[str]) -> bytes:
        """The digest of an id or a group."""
        return key([self.schema[column] for column in columns], [row[column] for column in columns])

    def of(self, row: Mapping[str, Any], column: str) -> list[bytes]:
        """The ids that a reference of a row holds, as digests."""
        one, value = self.schema[column], row[column]
        if one.kind == "list":
            return [key([one.fields[0]], [item]) for item in value or () if item is not None]
        return [] if value is None else [key([one], [value])]


def unknown(name: str, manifest: Manifest, schema: Schema) -> str:
    """What the manifest says about a table that its schema, files or other tables do not bear out; empty: nothing."""
    facts = manifest.tables[name]
    columns = (*facts.id, *facts.text, *facts.references, *facts.group_by)
    if lost := [column for column in columns if column not in schema]:
        return f"the schema has no property {lost[0]!r}"
    if odd := [column for column in facts.text if schema[column].kind != "string"]:
        return f"{odd[0]!r} is no text"
    if odd := [column for column in columns if _kind(schema[column], column in facts.references) in _MANY]:
        return f"{odd[0]!r} has more than one value, and tells nothing apart"
    if lost := [target for target in facts.references.values() if target not in manifest.tables]:
        return f"there is no table {lost[0]!r}"
    if lost := [split for split in facts.splits if not manifest.shards(name, split)]:
        return f"no file holds the rows of {lost[0]!r}"
    if facts.split_method == "follow" and facts.split_rule not in facts.references:
        return f"{facts.split_rule!r} is not a reference"
    if facts.split_time and (wrong := _untimely(*facts.split_time, schema)):
        return wrong
    if (said := facts.leakage) and said.near_pairs is not None:
        search = (said.compared_pairs, said.found_pairs, said.skipped_pairs)
        if None in search or not facts.duplicates or facts.duplicates.threshold is None:
            return "near-duplicates were counted, and it is not said how"
    return ""


def _kind(one: Field, listed: bool) -> str:
    """The kind of a column, or of the elements of one that may be a list."""
    return one.fields[0].kind if listed and one.kind == "list" else one.kind


def _untimely(column: str, ends: Mapping[str, str], schema: Schema) -> str:
    """What is wrong with the boundaries of splits by time."""
    if column not in schema or schema[column].kind not in ("date", "date-time"):
        return f"{column!r} is no column of days or instants"
    try:
        return "" if [moment(end) for end in ends.values() if end] else "the splits have no boundary"
    except ValueError as error:
        return str(error)


def _named(row: Mapping[str, Any], columns: Sequence[str]) -> str:
    return repr(", ".join(str(row[column]) for column in columns))
