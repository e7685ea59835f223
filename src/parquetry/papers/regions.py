"""What is known about a release -> Markdown, region by region.

A region is a part of a document that is computed: nothing in it is typed by hand, and `verify` computes it again from
the release alone. Text that comes from data, schema or recipe is escaped, so that it is shown and never acts.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from parquetry.files.manifest import SUMS
from parquetry.papers.dictionary import fields, values
from parquetry.papers.facts import Facts
from parquetry.papers.leakage import leakage
from parquetry.papers.markdown import code, escape, sized, table
from parquetry.words.vocabulary import license_url, spdx

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
        "summary": _summary, "tables": _tables, "load": _load, "fields": fields, "splits": _splits,
        "leakage": _leakage, "origins": _origins, "ledger": _ledger, "versions": _versions, "citation": _citation,
    }  # fmt: skip
    if name in makers:
        return makers[name](facts)
    if match := re.fullmatch(r"values ([\w-]+)\.(.+)", name):
        return values(match[1], match[2], facts)
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
