"""What is known about a release -> ``datapackage.json``, a Data Package of version 2 (https://datapackage.org).

Each Parquet file is a resource of its own, because a resource has one digest. Its size is left out: `frictionless` has
its own way of counting bytes, and would call the file changed.
"""

from __future__ import annotations

import json
import re
from typing import Any

from parquetry.files.manifest import File
from parquetry.papers.facts import Facts
from parquetry.papers.sheets import Sheet, sheets
from parquetry.words.fields import KINDS, Field
from parquetry.words.licenses import label, license_url

#: Kinds of fields as Table Schema calls them; lists, objects and open maps are ``any``.
_TYPES = {"string": "string", "boolean": "boolean", "date": "date", "date-time": "datetime"}


def datapackage(facts: Facts) -> str:
    """The text of ``datapackage.json``."""
    dataset, tables = facts.manifest.dataset, facts.manifest.tables
    files = {file.path: file for file in facts.manifest.files}
    licence = {"name": label(dataset.license), "path": license_url(dataset.license) or "LICENSE"}
    known: dict[str, Any] = {
        "$schema": "https://datapackage.org/profiles/2.0/datapackage.json",
        "name": dataset.name,
        "id": f"https://doi.org/{dataset.doi}" if dataset.doi else "",
        "title": dataset.title,
        "description": dataset.summary,
        "version": dataset.version,
        "created": f"{dataset.released}T00:00:00Z",
        "homepage": dataset.homepage,
        "licenses": [licence],
        "contributors": [
            {"title": one.name, "roles": ["creator"]} | ({"organization": one.affiliation} if one.affiliation else {})
            for one in dataset.creators
        ],
        "keywords": list(dataset.keywords),
        "sources": [{"title": o.name} | ({"path": o.url} if o.url else {}) for o in dataset.origins],
        "resources": [
            _resource(name, split, file, facts)
            for name in tables
            for split in tables[name].splits
            for file in facts.manifest.shards(name, split)
        ]
        + [_sheet(sheet, files[sheet.path], facts) for sheet in sheets(facts) if sheet.path in files],
    }
    kept = {name: value for name, value in known.items() if value not in ("", [])}
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def _resource(name: str, split: str, file: File, facts: Facts) -> dict[str, Any]:
    about = str(facts.schemas[name].document.get("description", ""))
    known = {
        "name": _named(file),
        "title": f"{name}, {split}",
        "description": about,
        "type": "table",
        "path": file.path,
        "format": "parquet",
        "mediatype": "application/vnd.apache.parquet",
        "hash": f"sha256:{file.sha256}",
        "schema": _schema(name, split, facts),
    }
    return {key: value for key, value in known.items() if value}


def _named(file: File) -> str:
    """The name of a resource: lower case, and unique as its path is."""
    return _slug(file.path.removeprefix("data/").removesuffix(".parquet").replace("/", "-"))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9._-]", "_", text.lower())


def _schema(name: str, split: str, facts: Facts) -> dict[str, Any]:
    known, schema = facts.manifest.tables[name], facts.schemas[name]
    fields = [_field(field, required=field.name in known.id or _required(field)) for field in schema.fields]
    foreign = [
        {"fields": [column], "reference": {"resource": _named(target), "fields": list(facts.manifest.tables[table].id)}}
        for column, table in known.references.items()
        if schema[column].kind != "list" and (target := _target(name, column, split, facts))
    ]
    keys = {"primaryKey": list(known.id), "foreignKeys": foreign}
    kept = {key: value for key, value in keys.items() if value}
    return {"fields": fields, **kept, "missingValues": []}  # an empty text is a value, and null is known as such


def _sheet(sheet: Sheet, file: File, facts: Facts) -> dict[str, Any]:
    """A CSV file: its types without further rules, because a cell may say that it is no formula."""
    fields = []
    for column in sheet.columns:
        kind = "array" if column.field and column.field.kind == "list" else "object"
        plain = column.field is None or (column.field.kind in KINDS and column.field.kind != "map")
        name = _kind(column.field) if column.field else "integer" if sheet.inside else "string"
        about = column.field.description if column.field else ""
        fields.append(
            {"name": column.name, "type": name if plain else kind} | ({"description": about} if about else {})
        )
    keys: dict[str, Any] = {} if sheet.inside else {"primaryKey": list(facts.manifest.tables[sheet.table].id)}
    if sheet.inside:
        ids = [column.name for column in sheet.columns[: sheet.ids]]
        parent = {"resource": f"csv-{_slug(sheet.table)}", "fields": list(facts.manifest.tables[sheet.table].id)}
        keys = {"primaryKey": [*ids, "number"], "foreignKeys": [{"fields": ids, "reference": parent}]}
    return {
        "name": f"csv-{_slug(sheet.path.removeprefix('csv/').removesuffix('.csv'))}",
        "type": "table",
        "path": file.path,
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "bytes": file.bytes,
        "hash": f"sha256:{file.sha256}",
        "schema": {"fields": fields, **keys, "missingValues": [""]},
    }


def _target(name: str, column: str, split: str, facts: Facts) -> File | None:
    """The one file that a reference leads to; none if there are several, which Table Schema cannot say."""
    known = facts.manifest.tables[name]
    table = known.references[column]
    follows = (known.split_method, known.split_rule) == ("follow", column)
    files = facts.manifest.shards(table, split if follows else None)
    return files[0] if len(files) == 1 and len(facts.manifest.tables[table].id) == 1 else None


def _required(field: Field) -> bool:
    return field.required and not field.nullable


def _field(field: Field, *, required: bool) -> dict[str, Any]:
    kind = "any" if field.kind in ("list", "struct", "map") else _kind(field)
    known: dict[str, Any] = {"name": field.name, "type": kind, "description": field.description}
    constraints: dict[str, Any] = {"required": True} if required else {}
    if field.values and kind != "any":
        constraints["enum"] = [value.const for value in field.values]
    example = field.example if kind != "any" else None
    known |= {"example": example, "constraints": constraints}
    return {key: value for key, value in known.items() if value not in ("", None, {})}


def _kind(field: Field) -> str:
    """What Table Schema calls the values of a field that is neither a list nor an object."""
    return _TYPES.get(field.kind, "") or ("integer" if "int" in field.kind else "number")
