"""What is known about a release -> Markdown, region by region.

A region is a part of a document that is computed: nothing in it is typed by hand, and `verify` computes it again from
the release alone. Text that comes from data, schema or recipe is escaped, so that it is shown and never acts.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from parquetry.files.manifest import SUMS, Source
from parquetry.files.profile import Profile
from parquetry.papers.changes import changes
from parquetry.papers.dictionary import fields, values
from parquetry.papers.facts import Facts, named, parts
from parquetry.papers.leakage import leakage
from parquetry.papers.markdown import code, escape, sized, table
from parquetry.papers.pictures import pictures
from parquetry.record.personal import KINDS
from parquetry.words.licenses import label, license_url
from parquetry.words.records import WITHDRAWN

#: Sources of a table that are listed one by one.
LISTED = 20
#: The regions that every card has, with the heading under which a missing one is appended.
HEADINGS = {
    "summary": "",
    "tables": "What is in it",
    "load": "How to load it",
    "fields": "Fields",
    "splits": "Splits",
    "statistics": "Statistics",
    "leakage": "Duplicates and leakage",
    "origins": "Origins",
    "ledger": "Sources, and what was removed",
    "personal": "Personal data that has a form",
    "versions": "Versions and digests",
    "changes": "What changed since earlier versions",
    "citation": "Citation and licence",
}


def region(name: str, facts: Facts) -> str | None:
    """The Markdown of a region: one of `HEADINGS`, or ``values TABLE.FIELD``; None if there is no such region."""
    makers = {
        "summary": _summary, "tables": _tables, "load": _load, "fields": fields, "splits": _splits,
        "statistics": _statistics, "leakage": _leakage, "origins": _origins, "ledger": _ledger,
        "versions": _versions, "citation": _citation, "personal": _personal, "changes": _changes,
    }  # fmt: skip
    if name in makers:
        return makers[name](facts)
    if match := re.fullmatch(r"values ([\w-]+)\.(.+)", name):
        return values(match[1], match[2], facts)
    return None


def _personal(facts: Facts) -> str:
    """What personal data was counted, and what looks like a secret and may be published."""
    dataset, rows = facts.manifest.dataset, []
    for name, schema in facts.schemas.items():
        for steps, _ in parts(schema.fields):
            found = facts.totals[name].columns.get(steps, Profile()).personal
            rows += [[code(f"{name}: {named(steps)}"), KINDS[kind].said, count] for kind, count in found.items()]
    looked = ", ".join(kind.said for kind in KINDS.values())
    about = f"Looked for, in every text: {looked}. Names of persons and whatever else has no form were not looked for."
    if dataset.personal == "off":
        said = ["Personal data was not looked for."]
    else:
        said = [table(["field", "what", "values that hold it"], rows, "llr") if rows else "None was found.", about]
    if dataset.allowed:
        allowed = [[code(one.what), escape(one.reason)] for one in dataset.allowed]
        said += ["What looks like a secret, and may be published:", table(["what", "why"], allowed)]
    return "\n\n".join(said)


def _summary(facts: Facts) -> str:
    dataset, tables = facts.manifest.dataset, facts.manifest.tables
    counts = ", ".join(f"{facts.totals[name].rows:,} {escape(name)}" for name in tables)
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
        rows.append([code(name) + default, facts.totals[name].rows, len(shards), size, escape(str(about))])
    return table(["table", "rows", "files", "size", "a row is"], rows, "lrrrl")


def _load(facts: Facts) -> str:
    names = ", ".join(map(code, facts.manifest.tables))
    return "\n".join(
        [
            f"Beside the folder of the release, `{facts.manifest.name}`:",
            "",
            "```python",
            loading(facts),
            "```",
            "",
            f"Tables: {names}. To check a copy, inside of it: `sha256sum -c {SUMS}`.",
        ]
    )


def loading(facts: Facts) -> str:
    """The lines of Python that load a release, with each library that people use."""
    manifest = facts.manifest
    name = next((n for n, known in manifest.tables.items() if known.default), next(iter(manifest.tables)))
    split = next(iter(manifest.tables[name].splits))
    first = f"{manifest.name}/{manifest.shards(name, split)[0].path}"
    files = first.rsplit("-", 3)[0] + "-*.parquet"
    return "\n".join(
        [
            "import datasets, polars, pandas, duckdb",
            "",
            f'datasets.load_dataset("{manifest.name}", "{name}")  # {", ".join(manifest.tables[name].splits)}',
            f'polars.read_parquet("{files}")',
            f'pandas.read_parquet("{first}")',
            f"duckdb.sql(\"SELECT * FROM '{files}'\")",
        ]
    )


def _splits(facts: Facts) -> str:
    names, rows = facts.manifest.splits, []
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


def _statistics(facts: Facts) -> str:
    shown = [f"![{escape(picture.said)}]({picture.path})" for picture in pictures(facts)]
    return "\n\n".join([*shown, "All numbers, by table, split and column: `statistics.json`."])


def _leakage(facts: Facts) -> str:
    return leakage(facts.manifest.tables)


def _origins(facts: Facts) -> str:
    rows = []
    for o in facts.manifest.dataset.origins:
        licence = escape(label(o.license))
        linked = f"[{licence}]({url})" if (url := license_url(o.license)) else licence
        said = ". ".join(escape(text).rstrip(".") for text in (o.rights, o.permission) if text)
        rows.append([escape(o.name), escape(o.url) if o.url else "address not known", linked, said or "–"])
    return table(["origin", "address", "licence", "rights"], rows) if rows else "No origin is stated."


def _ledger(facts: Facts) -> str:
    rows, everything = list[list[object]](), list[Source]()
    for name, known in facts.manifest.tables.items():
        everything += known.sources
        for source in known.sources[:LISTED]:
            rows.append([code(name), code(source.path), *_books([source]), code(source.sha256[:16])])
        if more := known.sources[LISTED:]:
            rows.append([code(name), f"{len(more):,} more, in `manifest.json`", *_books(more), ""])
    read, published = sum(source.read for source in everything), sum(source.published for source in everything)
    head = f"Read {read:,} = published {published:,} + removed {read - published:,}."
    columns = ["table", "source", "read", "published", "removed", "SHA-256 (start)"]
    said = [head, table(columns, rows, "llrrll")]
    if any(WITHDRAWN in source.removed for source in everything):
        said.append(f"{code(WITHDRAWN)}: removed on request. Of such a row nothing is kept but the request.")
    return "\n\n".join(said)


def _books(sources: Sequence[Source]) -> list[object]:
    """What became of the records of some sources, as cells."""
    gone = sum((Counter(source.removed) for source in sources), Counter[str]())
    removed = ", ".join(f"{count:,} {code(reason)}" for reason, count in gone.items()) or "none"
    return [sum(source.read for source in sources), sum(source.published for source in sources), removed]


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


def _changes(facts: Facts) -> str:
    return changes(facts.manifest.history or ())


def _citation(facts: Facts) -> str:
    dataset = facts.manifest.dataset
    names = "; ".join(escape(creator.name) for creator in dataset.creators)
    address = (dataset.doi and f"https://doi.org/{dataset.doi}") or dataset.homepage
    cited = f"{names} ({dataset.released[:4]}). *{escape(dataset.title)}* (version {dataset.version}) [Data set]."
    licence, url = label(dataset.license), license_url(dataset.license)
    terms = f"[{escape(licence)}]({url})" if url else escape(licence)
    where = f" {escape(address)}" if address else ""
    return f"{cited}{where}\n\nLicence: {terms}. `CITATION.cff` says the same for programs."
