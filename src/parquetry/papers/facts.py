"""All that the papers of a release draw on.

A release says it again when it is read back: so each paper can be made from the release alone, and compared.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from parquetry.files.manifest import Manifest, Shard
from parquetry.files.profile import ELEMENTS, SHOWN, Steps
from parquetry.files.stats import Summary, batches
from parquetry.sources.conform import documents
from parquetry.words.fields import Field
from parquetry.words.schema import Schema

#: Rows of each split that are shown, and code points of a text in them.
SAMPLE_ROWS, SAMPLE_TEXT = 200, 1000
Row = dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """What is known about a release."""

    manifest: Manifest
    schemas: Mapping[str, Schema]
    summaries: Mapping[tuple[str, str], Summary]  #: By table and split.
    samples: Mapping[tuple[str, str], list[Row]] = field(default_factory=dict)  #: Their first rows, long texts cut.

    @cached_property
    def totals(self) -> Mapping[str, Summary]:
        """The summary of all splits of each table."""
        found = dict.fromkeys(self.manifest.tables, Summary())
        for (name, _), summary in self.summaries.items():
            found[name] += summary
        return found

    def example(self, table: str, steps: Steps) -> Any:
        """The first value of a field, or of a part of one, of the rows that are shown; None if there is none."""
        rows = (row for (name, _), sample in self.samples.items() if name == table for row in sample)
        return next((value for row in rows for value in _values(row, steps)), None)


def facts(manifest: Manifest, schemas: Mapping[str, Schema], shards: Iterable[Shard], release: Path) -> Facts:
    """Add up what was measured, file by file, and read the first rows."""
    summaries: dict[tuple[str, str], Summary] = {}
    for shard in shards:
        place = (shard.table, shard.split)
        summaries[place] = summaries.get(place, Summary()) + shard.measured.summary
    return Facts(manifest, schemas, summaries, samples(manifest, schemas, release))


def samples(manifest: Manifest, schemas: Mapping[str, Schema], release: Path) -> dict[tuple[str, str], list[Row]]:
    """The first rows of each split, as JSON says them."""
    found = dict[tuple[str, str], list[Row]]()
    for name, schema in schemas.items():
        for split in manifest.tables[name].splits:
            all_batches = (batch for file in manifest.shards(name, split) for batch in batches(file.path, release))
            rows = (row for batch in all_batches for row in documents(schema.fields, batch.slice(0, SAMPLE_ROWS)))
            found[name, split] = [_cut(row) for row in islice(rows, SAMPLE_ROWS)]
    return found


def _cut(value: Any) -> Any:
    """A value with its long texts and lists cut, and a sign where."""
    if isinstance(value, str):
        return value if len(value) <= SAMPLE_TEXT else value[:SAMPLE_TEXT] + "…"
    if isinstance(value, list):
        return [_cut(item) for item in value[:SHOWN]] + (["…"] if len(value) > SHOWN else [])
    return {name: _cut(inner) for name, inner in value.items()} if isinstance(value, dict) else value


def _values(value: Any, steps: Steps) -> Iterator[Any]:
    """What stands in a value, or in its elements, at the end of some steps."""
    if isinstance(value, list):
        rest = steps[1:] if steps[:1] == (ELEMENTS,) else steps
        yield from (found for item in value for found in _values(item, rest))
    elif not steps:
        yield from () if value is None else (value,)
    elif isinstance(value, dict):
        yield from _values(value.get(steps[0]), steps[1:])


def parts(fields: Iterable[Field], steps: Steps = ()) -> Iterator[tuple[Steps, Field]]:
    """Columns and all that is inside of them, each with the steps to it, as `profiles` takes them."""
    for one in fields:
        own = (*steps, one.name)
        yield from _inside(one, own)


def _inside(one: Field, steps: Steps) -> Iterator[tuple[Steps, Field]]:
    yield steps, one
    if one.kind == "list":
        yield from _inside(one.fields[0], (*steps, ELEMENTS))
    elif one.kind == "struct":
        yield from parts(one.fields, steps)


def spelled(steps: Steps) -> str:
    """The steps to a field as people write them.

    >>> spelled(("figures", "[]", "unit"))
    'figures[].unit'
    """
    return ".".join(steps).replace(f".{ELEMENTS}", ELEMENTS)


def named(steps: Steps) -> str:
    """The steps to a field as the card names it.

    >>> named(("figures", "[]", "unit"))
    'figures.unit'
    """
    return spelled(steps).replace(ELEMENTS, "")
