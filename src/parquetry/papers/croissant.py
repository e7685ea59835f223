"""What is known about a release -> ``croissant.json``.

It follows Croissant 1.1 (https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html) and its vocabulary for
responsible AI (https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html), in a form that `mlcroissant` reads.
"""

from __future__ import annotations

import json
import re
from typing import Any

from parquetry.files.manifest import folder
from parquetry.papers.facts import Facts
from parquetry.words.dataset import Creator, Origin
from parquetry.words.fields import Field
from parquetry.words.licenses import license_url

#: The context of the standard: https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html#appendix-1-json-ld-context
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{name: f"cr:{name}" for name in """
        annotation arrayShape citeAs column containedIn equivalentProperty excludes extract field fileObject
        fileProperty fileSet format includes isArray isLiveDataset jsonPath key md5 parentField path recordSet
        references regex repeated replace samplingRate sdVersion separator source subField transform unArchive value
    """.split()},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "wd": "https://www.wikidata.org/wiki/",
}  # fmt: skip
#: Kinds of fields as Croissant calls them.
_TYPES = {
    "string": "sc:Text", "map": "sc:Text", "boolean": "sc:Boolean", "date": "sc:Date", "date-time": "sc:DateTime",
    "integer": "cr:Int64", "number": "cr:Float64", **{f"{u.lower()}int{b}": f"cr:{u}Int{b}" for u in ("", "U")
    for b in (8, 16, 32, 64)}, "float32": "cr:Float32", "float64": "cr:Float64",
}  # fmt: skip
#: Splits that the standard has a word for.
_SPLITS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
#: What stands for the folder of the release, and for its splits.
_FOLDER, _SPLIT = "release", "splits"


def croissant(facts: Facts, sections: dict[str, str]) -> str:
    """The text of ``croissant.json``.

    Args:
        facts: What is known about the release.
        sections: What people wrote about it, by the property of the vocabulary for responsible AI.
    """
    manifest, dataset = facts.manifest, facts.manifest.dataset
    creators = [_creator(creator) for creator in dataset.creators]
    known: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": dataset.name,
        "alternateName": dataset.title,
        "description": dataset.summary,
        "license": license_url(dataset.license) or "LICENSE",
        "url": dataset.homepage or (f"https://doi.org/{dataset.doi}" if dataset.doi else "README.md"),
        "version": dataset.version,
        "datePublished": dataset.released,
        "creator": creators,
        "publisher": creators,
        "keywords": list(dataset.keywords),
        "inLanguage": list(dataset.languages),
        "citeAs": bibtex(facts),
        "isLiveDataset": False,
        "prov:wasDerivedFrom": [_origin(*one) for one in enumerate(dataset.origins)],
        "prov:wasGeneratedBy": {
            "@type": "prov:Activity",
            "name": f"Built, checked and sealed by parquetry {manifest.versions.get('parquetry', '')}",
            "description": f"SHA-256 of the recipe: {manifest.recipe_sha256}",
        },
        "rai:hasSyntheticData": dataset.synthetic,
        **{f"rai:{name}": text for name, text in sections.items()},
        "distribution": _distribution(facts),
        "recordSet": [_splits(facts), *_vocabularies(facts), *(_table(name, facts) for name in manifest.tables)],
    }
    kept = {name: value for name, value in known.items() if value not in ("", [], None)}
    return json.dumps(kept, indent=1, ensure_ascii=False) + "\n"


def bibtex(facts: Facts) -> str:
    """The release as an entry of BibTeX."""
    dataset = facts.manifest.dataset
    lines = {
        "title": f"{{{dataset.title}}}",
        "author": " and ".join(
            creator.name if ", " in creator.name else f"{{{creator.name}}}" for creator in dataset.creators
        ),
        "year": dataset.released[:4],
        "version": dataset.version,
        "doi": dataset.doi,
        "url": dataset.homepage,
    }
    inside = "".join(f"\n  {name} = {{{text}}}," for name, text in lines.items() if text)
    return f"@misc{{{dataset.name}-{dataset.version},{inside}\n}}"


def _creator(creator: Creator) -> dict[str, Any]:
    kind = "sc:Person" if ", " in creator.name else "sc:Organization"
    more = {"affiliation": creator.affiliation, "identifier": creator.orcid}
    return {"@type": kind, "name": creator.name} | {name: text for name, text in more.items() if text}


def _origin(number: int, origin: Origin) -> dict[str, Any]:
    known = {"@id": origin.url or f"#origin-{number}", "@type": "prov:Entity", "name": origin.name}
    known |= {
        "url": origin.url,
        "license": license_url(origin.license),
        "usageInfo": origin.rights,
        "dateRetrieved": origin.retrieved,
    }
    return {name: text for name, text in known.items() if text}


def _distribution(facts: Facts) -> list[dict[str, Any]]:
    """The folder, the files of each table as a set, and each file with its digest."""
    manifest = facts.manifest
    parts: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": _FOLDER,
            "name": _FOLDER,
            "description": "The folder that this file stands in. What stands for its SHA-256 is the data digest.",
            "contentUrl": ".",
            "encodingFormat": "git+https",
            "sha256": manifest.data_sha256,
        }
    ]
    for name in manifest.tables:
        parts.append(
            {
                "@type": "cr:FileSet",
                "@id": f"{name}-files",
                "name": f"{name}-files",
                "description": f"All files of the table {name}.",
                "containedIn": {"@id": _FOLDER},
                "encodingFormat": "application/x-parquet",
                "includes": f"{folder(name)}/*.parquet",
            }
        )
        for file in manifest.shards(name):
            parts.append(
                {
                    "@type": "cr:FileObject",
                    "@id": file.path,
                    "name": file.path,
                    "contentUrl": file.path,
                    "contentSize": f"{file.bytes} B",
                    "encodingFormat": "application/x-parquet",
                    "sha256": file.sha256,
                }
            )
    return parts


def _splits(facts: Facts) -> dict[str, Any]:
    splits = facts.manifest.splits
    rows = [{f"{_SPLIT}/name": name, f"{_SPLIT}/url": _SPLITS.get(name, name)} for name in splits]
    return {
        "@type": "cr:RecordSet",
        "@id": _SPLIT,
        "name": _SPLIT,
        "description": "The splits of the tables.",
        "dataType": "cr:Split",
        "key": {"@id": f"{_SPLIT}/name"},
        "field": [
            {"@type": "cr:Field", "@id": f"{_SPLIT}/name", "name": "name", "dataType": "sc:Text"},
            {"@type": "cr:Field", "@id": f"{_SPLIT}/url", "name": "url", "dataType": "sc:URL"},
        ],
        "data": rows,
    }


def _vocabularies(facts: Facts) -> list[dict[str, Any]]:
    """The values of coded fields, with what they mean."""
    found = []
    for name, schema in facts.schemas.items():
        for path, field in _coded(schema.fields, name):
            place = f"{path}/values"
            names = ("value", "label", "description")
            rows = [dict(zip((f"{place}/{n}" for n in names), map(str, value), strict=True)) for value in field.values]
            found.append(
                {
                    "@type": "cr:RecordSet",
                    "@id": place,
                    "name": place,
                    "description": field.description,
                    "dataType": "sc:Enumeration",
                    "key": {"@id": f"{place}/value"},
                    "field": [
                        {"@type": "cr:Field", "@id": f"{place}/{n}", "name": n, "dataType": "sc:Text"} for n in names
                    ],
                    "data": rows,
                }
            )
    return found


def _coded(fields: tuple[Field, ...], path: str) -> list[tuple[str, Field]]:
    """The coded fields among some, and inside of them."""
    found = []
    for own, field in _placed(fields, path):
        leaf = field
        while leaf.kind == "list":
            leaf = leaf.fields[0]
        found += [(own, leaf)] if leaf.values else _coded(leaf.fields, own)
    return found


def _placed(fields: tuple[Field, ...], path: str) -> list[tuple[str, Field]]:
    """Fields with their ids: these have no white space, and no two are the same."""
    found = dict[str, Field]()
    for field in fields:
        own = path + "/" + re.sub(r"[^\w.-]|^\.+$", "_", field.name)
        while own in found:
            own += "_"
        found[own] = field
    return list(found.items())


def _place_of(column: str, table: str, facts: Facts) -> str:
    """The id of a column of a table."""
    return next(place for place, field in _placed(facts.schemas[table].fields, table) if field.name == column)


def _table(name: str, facts: Facts) -> dict[str, Any]:
    known, schema = facts.manifest.tables[name], facts.schemas[name]
    splits = "|".join(known.splits)
    split = {
        "@type": "cr:Field",
        "@id": f"{name}/split",
        "name": "split",
        "description": "The split that the row stands in.",
        "dataType": "sc:Text",
        "source": {
            "fileSet": {"@id": f"{name}-files"},
            "extract": {"fileProperty": "fullpath"},
            "transform": {"regex": f"{folder(name)}/({splits})-.+parquet$"},
        },
    }
    fields = [_field(field, place, name, (field.name,), facts) for place, field in _placed(schema.fields, name)]
    key = [{"@id": _place_of(column, name, facts)} for column in known.id]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": str(schema.document.get("description", "")) or f"The rows of {name}.",
        "key": key[0] if len(key) == 1 else key,
        "field": [*([] if "split" in schema else [split]), *fields],
    }


def _field(field: Field, place: str, table: str, steps: tuple[str, ...], facts: Facts) -> dict[str, Any]:
    known: dict[str, Any] = {"@type": "cr:Field", "@id": place, "name": field.name, "description": field.description}
    leaf, depth = field, 0
    while leaf.kind == "list":
        leaf, depth = leaf.fields[0], depth + 1
    source: dict[str, Any] = {"fileSet": {"@id": f"{table}-files"}, "extract": {"column": steps[0]}}
    if len(steps) > 1:
        source["transform"] = {"jsonPath": ".".join(steps[1:])}
    known["source"] = source
    if depth:
        known |= {"isArray": True, "arrayShape": ",".join(["-1"] * depth)}
    if leaf.kind == "struct":
        known["subField"] = [
            _field(inner, own, table, (*steps, inner.name), facts) for own, inner in _placed(leaf.fields, place)
        ]
        return known
    known["dataType"] = _TYPES[leaf.kind]
    tables = facts.manifest.tables
    target = tables[table].references.get(field.name) if len(steps) == 1 else None
    if target and (there := _place_of(tables[target].id[0], target, facts)) != place:
        known["references"] = {"field": {"@id": there}}
    elif leaf.values and not any(table in other.references.values() for other in tables.values()):
        # where one set leads to another and that to a third, mlcroissant 1.1 loads the names of its fields as rows
        known["references"] = {"field": {"@id": f"{place}/values/value"}}
    return {name: value for name, value in known.items() if value != ""}
