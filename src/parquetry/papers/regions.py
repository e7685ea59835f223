"""What is known about a release -> Markdown, region by region.

A region is a part of a document that is computed: nothing in it is typed by hand, and `verify` computes it again from
the release alone. Text that comes from data, schema or recipe is escaped, so that it is shown and never acts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from parquetry.files.manifest import SUMS, Manifest, Shard
from parquetry.files.stats import Summary
from parquetry.papers.leakage import leakage
from parquetry.papers.markdown import code, escape, sized, table
from parquetry.sources.conform import canonical, plain, typed
from parquetry.words.fields import Field
from parquetry.words.schema import Schema
from parquetry.words.vocabulary import license_url, spdx


@dataclass(frozen=True)
class Facts:
    """All that the papers of a release draw on; a release says it again when it is read back."""

    manifest: Manifest
    schemas: Mapping[str, Schema]
    summaries: Mapping[tuple[str, str], Summary]  #: By table and split.

    def total(self, table: str) -> Summary:
        """The summary of all splits of a table."""
        return sum((s for (name, _), s in self.summaries.items() if name == table), Summary())


def facts(manifest: Manifest, schemas: Mapping[str, Schema], shards: Iterable[Shard]) -> Facts:
    """Add up what was measured, file by file."""
    summaries: dict[tuple[str, str], Summary] = {}
    for shard in shards:
        place = (shard.table, shard.split)
        summaries[place] = summaries.get(place, Summary()) + shard.measured.summary
    return Facts(manifest, schemas, summaries)


#: The regions that every card has, with the heading under which a missing one is appended.
HEADINGS = {
    "summary": "",
    "tables": "What is in it",
    "load": "How to load it",
    "fields": "Fields",
    "splits": "Splits",
    "leakage": "Duplicates and leakage",
    "origins": "Origins",
    "ledger": "Sources, and what was removed",
    "versions": "Versions and digests",
    "citation": "Citation and licence",
}


def region(name: str, facts: Facts) -> str | None:
    """The Markdown of a region: one of `HEADINGS`, or ``values TABLE.FIELD``; None if there is no such region."""
    makers = {
        "summary": _summary, "tables": _tables, "load": _load, "fields": _fields, "splits": _splits,
        "leakage": _leakage, "origins": _origins, "ledger": _ledger, "versions": _versions, "citation": _citation,
    }  # fmt: skip
    if name in makers:
        return makers[name](facts)
    if match := re.fullmatch(r"values ([\w-]+)\.(.+)", name):
        return _values(match[1], match[2], facts)
    return None


def _summary(facts: Facts) -> str:
    dataset, tables = facts.manifest.dataset, facts.manifest.tables
    counts = ", ".join(f"{facts.total(name).rows:,} {escape(name)}" for name in tables)
    license_id = dataset.license if dataset.license != "other" else "see below"
    lines = [
        f"**{escape(dataset.summary)}**",
        "",
        f"Version {dataset.version}, released {dataset.released}: {counts}. Licence: {escape(license_id)}.",
    ]
    return "\n".join(lines)


def _tables(facts: Facts) -> str:
    rows = []
    for name, known in facts.manifest.tables.items():
        about = facts.schemas[name].document.get("description", "")
        shards = facts.manifest.shards(name)
        size = sized(sum(file.bytes for file in shards))
        default = " (default)" if known.default else ""
        rows.append([code(name) + default, facts.total(name).rows, len(shards), size, escape(str(about))])
    return table(["table", "rows", "files", "size", "a row is"], rows, "lrrrl")


def _load(facts: Facts) -> str:
    manifest = facts.manifest
    name = next((n for n, known in manifest.tables.items() if known.default), next(iter(manifest.tables)))
    split = next(iter(manifest.tables[name].splits))
    files = manifest.shards(name, split)[0].path.rsplit("-", 3)[0] + "-*.parquet"
    return "\n".join(
        [
            f"In the folder of the release (named `{manifest.name}` where it was built):",
            "",
            "```python",
            "import datasets, polars, pandas, duckdb",
            "",
            f'datasets.load_dataset(".", "{name}")            # {", ".join(manifest.tables[name].splits)}',
            f'polars.read_parquet("{files}")',
            f'pandas.read_parquet("{manifest.shards(name, split)[0].path}")',
            f"duckdb.sql(\"SELECT * FROM '{files}'\")",
            "```",
            "",
            f"Tables: {', '.join(code(n) for n in manifest.tables)}. To check a copy: `sha256sum -c {SUMS}`.",
        ]
    )


def _fields(facts: Facts) -> str:
    parts = []
    for name, schema in facts.schemas.items():
        total = facts.total(name)
        rows = [row for field in schema.fields for row in _field_rows(field, "", total)]
        parts.append(f"### {escape(name)}\n\n" + table(["field", "type", "nulls", "meaning"], rows, "llrl"))
    return "\n\n".join(parts)


def _field_rows(field: Field, prefix: str, total: Summary) -> Iterable[list[object]]:
    path = prefix + field.name
    unit = f" (unit: {escape(field.unit)})" if field.unit else ""
    about = escape(field.description) + unit
    leaf = field
    while leaf.kind == "list":
        leaf = leaf.fields[0]
    if leaf.values:
        shown = [code(v if isinstance(v := value.const, str) else canonical(v)) for value in leaf.values[:20]]
        more = f" and {len(leaf.values) - 20} more" if len(leaf.values) > 20 else ""
        about += f"{' ' if about else ''}One of {', '.join(shown)}{more}."
    if field.example is not None:
        example = field.example if isinstance(field.example, str) else canonical(field.example)
        about += f"{' ' if about else ''}Example: {code(example)}"
    yield [code(path), field.prose, total.nulls.get(path, 0) if not prefix else "", about]
    for inner in leaf.fields:
        yield from _field_rows(inner, f"{path}.", total)


def _splits(facts: Facts) -> str:
    names = list(dict.fromkeys(split for known in facts.manifest.tables.values() for split in known.splits))
    rows = []
    for name, known in facts.manifest.tables.items():
        counts = [known.splits[split].rows if split in known.splits else "–" for split in names]
        rows.append([code(name), *counts, _method(known.split_method, known.split_rule, known.group_by)])
    return table(["table", *(code(name) for name in names), "how"], rows, "l" + "r" * len(names))


def _method(method: str, rule: str, group_by: Sequence[str]) -> str:
    groups = f" by {', '.join(code(name) for name in group_by)}" if group_by else ""
    return {
        "assigned": f"assigned{groups} in {code(rule)}",
        "follow": f"the split of the row that {code(rule)} points to",
        "only": f"all rows in {code(rule)}",
        "ratios": f"drawn{groups}: {escape(rule)}",
        "time": f"by {escape(rule)}",
        "given": f"as given with the sources: {escape(rule)}",
    }[method]


def _leakage(facts: Facts) -> str:
    return leakage(facts.manifest.tables)


def _origins(facts: Facts) -> str:
    rows = [
        [escape(o.name), escape(o.url) if o.url else "address not known", escape(o.license), escape(o.rights) or "–"]
        for o in facts.manifest.dataset.origins
    ]
    return table(["origin", "address", "licence", "rights"], rows) if rows else "No origin is stated."


def _ledger(facts: Facts) -> str:
    rows, total = [], [0, 0, 0]
    for name, known in facts.manifest.tables.items():
        for source in known.sources:
            removed = ", ".join(f"{count:,} {code(reason)}" for reason, count in source.removed.items()) or "none"
            rows.append(
                [code(name), code(source.path), source.read, source.published, removed, code(source.sha256[:16])]
            )
            total = [total[0] + source.read, total[1] + source.published, total[2] + sum(source.removed.values())]
    head = f"Read {total[0]:,} = published {total[1]:,} + removed {total[2]:,}."
    columns = ["table", "source", "read", "published", "removed", "SHA-256 (start)"]
    return f"{head}\n\n{table(columns, rows, 'llrrll')}"


def _versions(facts: Facts) -> str:
    manifest = facts.manifest
    rows = [
        [code(name), code(split), code(known.splits[split].sha256)]
        for name, known in manifest.tables.items()
        for split in known.splits
    ]
    made = ", ".join(f"{name} {number}" for name, number in manifest.versions.items())
    lines = [
        f"Version {manifest.dataset.version} of the data; data digest {code(manifest.data_sha256)}. Made with {made}.",
        "",
        "The content digest of a split depends on its rows alone, not on compression, files or library versions:",
        "",
        table(["table", "split", "content digest"], rows),
    ]
    return "\n".join(lines)


def _citation(facts: Facts) -> str:
    dataset = facts.manifest.dataset
    names = "; ".join(escape(creator.name) for creator in dataset.creators)
    address = (dataset.doi and f"https://doi.org/{dataset.doi}") or dataset.homepage
    cited = f"{names} ({dataset.released[:4]}). *{escape(dataset.title)}* (version {dataset.version}) [Data set]."
    licence, url = spdx(dataset.license) or dataset.license, license_url(dataset.license)
    terms = f"[{escape(licence)}]({url})" if url else escape(licence)
    where = f" {escape(address)}" if address else ""
    return f"{cited}{where}\n\nLicence: {terms}. `CITATION.cff` says the same for programs."


def _values(name: str, path: str, facts: Facts) -> str | None:
    """The values of a coded field: how often each stands in each split, and what it means."""
    steps = (path,) if name in facts.schemas and path in facts.schemas[name] else tuple(path.split("."))
    field = _find(facts.schemas[name].fields, steps) if name in facts.schemas else None
    if field is None or not field.values:
        return None
    splits = list(facts.manifest.tables[name].splits)
    counts = [facts.summaries[name, split].codes for split in splits]
    rows = []
    for value in field.values:
        said = plain(field, typed(field, value.const, ()))  # as it is read back: 1 in a column of floats is 1.0
        each = [count.get((steps, canonical(said)), 0) for count in counts]
        shown = code(said if isinstance(said, str) else canonical(said))
        rows.append([shown, escape(value.title), sum(each), *each, escape(value.description)])
    header = ["value", "label", "rows", *(code(split) for split in splits), "meaning"]
    return table(header, rows, "llr" + "r" * len(splits))


def _find(fields: Sequence[Field], steps: Sequence[str]) -> Field | None:
    """The innermost field that a path like ``figures.unit`` names."""
    field = next((one for one in fields if one.name == steps[0]), None)
    while field and field.kind == "list":
        field = field.fields[0]
    return _find(field.fields, steps[1:]) if field and len(steps) > 1 else field
