"""The record sets of a ``croissant.json`` -> what keeps readers from their rows.

A field takes its values from a file, from another field, or from the rows that stand in the description itself.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from parquetry.papers.graph import FIRST, Graph, Node, bare, circular, listed, shown, target
from parquetry.words.hub import near

#: Types of values, as the standard calls them; those of other vocabularies are not looked at.
_TYPES = """Text Boolean Integer Float Number Date DateTime Time URL ImageObject AudioObject VideoObject Enumeration
    GeoCoordinates GeoShape Split Label BoundingBox SegmentationMask TrainingSplit ValidationSplit TestSplit
    Int8 Int16 Int32 Int64 UInt8 UInt16 UInt32 UInt64 Float16 Float32 Float64""".split()
#: What a source may be, and what may be taken of a file.
_SOURCES = ("fileObject", "fileSet", "recordSet", "field", "distribution")
_EXTRACTS = ("column", "jsonPath", "fileProperty")
_FILE_PROPERTIES = ("content", "filename", "filepath", "fullpath", "lines", "lineNumbers")
#: Types that stand for JSON values of one kind.
_VALUES = {"Text": str, "URL": str, "Boolean": bool, "Integer": int} | {
    f"{unsigned}Int{bits}": int for unsigned in ("", "U") for bits in (8, 16, 32, 64)
}


def check(sets: list[Node], files: dict[str, Node], graph: Graph) -> None:
    """Judge the sets of records, and all fields in them.

    Args:
        sets: The nodes of the sets.
        files: The files and sets of files, by their ids.
        graph: What they stand in; takes what is wrong.
    """
    known = dict(files)
    fields = dict[str, list[Node]]()
    for node in sets:
        if node.kind != "RecordSet":
            fix = 'write "cr:RecordSet"'
            graph.say("CROISSANT_TYPE", node, f"a {node.kind or 'node'} in recordSet", fix, "@type")
        graph.enter(node, known)
        fields[node.place] = [*_fields(node, known, graph)]
    every = [field for some in fields.values() for field in some]
    _circles(every, known, graph)
    links = _links(every, known)
    for node in sets:
        for field in fields[node.place]:
            _field(field, node, known, graph)
        _key(node, fields[node.place], graph)
        _join(node, fields[node.place], links, known, graph)
        _rows(node, fields[node.place], graph)


def _fields(node: Node, known: dict[str, Node], graph: Graph) -> Iterator[Node]:
    """The fields of a set or of a field, and those inside of them."""
    for name in ("field", "subField"):
        for field in graph.below(node, name):
            if field.kind != "Field":
                fix = 'write "cr:Field"'
                graph.say("CROISSANT_TYPE", field, f"a {field.kind or 'node'} in {name}", fix, "@type")
            graph.enter(field, known)
            yield field
            yield from _fields(field, known, graph)


def _field(field: Node, owner: Node, known: dict[str, Node], graph: Graph) -> None:
    """Judge what a field says of its values and of where they come from."""
    if not field.all("name"):
        graph.say("WARN_CROISSANT_MISSING", field, f"{field.title} has no name", "write name")
    _type(field, graph)
    _array(field, graph)
    nested, inline = field.all("subField"), owner.all("data") or owner.all("dataType")
    given = [name for name in ("source", "value", "references") if field.all(name)]
    if given[:2] == ["source", "value"]:
        graph.say("CROISSANT_SOURCE", field, f"{field.title} has a source and a value", "write one of them")
    elif not given and not nested and not inline:
        fix = "write source: and the file and column that its values come from"
        graph.say("CROISSANT_SOURCE", field, f"{field.title} has no source and no value", fix)
    for name, value in (*_named(field, "source"), *_named(field, "references"), *_parents(field)):
        _source(value, name, field, known, graph)


def _type(field: Node, graph: Graph) -> None:
    """Judge the types of values: of those that readers know, one is enough."""
    said = [one if isinstance(one, str) else "" for one in field.all("dataType")]
    follows = field.all("subField") or any(_from(field, "source")) or field.all("references")
    if not any(said) and not follows:
        fix = "write its type, such as sc:Text"
        graph.say("CROISSANT_VALUE", field, f"{field.title} has no type of values", fix, "dataType")
    known = [one for one in said if bare(one) in _TYPES]
    for one in [one for one in said if re.match("(sc|cr|ml):", one) and one not in known]:
        code = "WARN_CROISSANT_VALUE" if known or field.all("subField") else "CROISSANT_VALUE"
        meant = near(bare(one), _TYPES)
        fix = f"did you mean {meant!r}?" if meant else "use a type of the standard"
        graph.say(code, field, f"readers do not know the type {one!r}", fix, "dataType")


def _named(field: Node, name: str) -> Iterator[tuple[str, Any]]:
    yield from ((name, value) for value in field.all(name))


def _parents(field: Node) -> Iterator[tuple[str, Any]]:
    """What says how a field inside a field belongs to another set."""
    for parent in field.all("parentField"):
        if isinstance(parent, dict):
            yield from ((f"{name} of parentField", value) for name, value in parent.items() if name != "@type")


def _array(field: Node, graph: Graph) -> None:
    """Judge the shape of a list."""
    shape, array = field.members.get("arrayShape"), str(field.members.get("isArray", False)).lower() == "true"
    if shape is not None and not array:
        fix = "write isArray: true"
        graph.say("CROISSANT_ARRAY", field, f"{field.title} has a shape, and is not a list", fix, "arrayShape")
    if shape is not None and not re.fullmatch(r"\(?\s*-?\d+(\s*,\s*-?\d+)*\s*,?\s*\)?", str(shape), re.ASCII):
        fix = "write a length for each dimension, -1 if it is not known, as in -1,3"
        graph.say("CROISSANT_ARRAY", field, f"arrayShape is {shape!r}", fix, "arrayShape")


def _source(value: Any, name: str, field: Node, known: dict[str, Node], graph: Graph) -> None:
    """Judge where values come from: a node that is there, and one way to take them out of it."""
    members = {bare(key): inner for key, inner in value.items()} if isinstance(value, dict) else {}
    said = [(kind, target(inner)) for kind in _SOURCES for inner in listed(members.get(kind))]
    if graph.version == FIRST or "@id" in members:
        said = said or [("", target(value))]
    if len(said) != 1 or not said[0][1]:
        fix = f"write one of {', '.join(_SOURCES[:4])}, and the @id of what it is"
        what = f"{name} of {field.title} says {'no' if not said else 'more than one'} place"
        graph.say("CROISSANT_SOURCE", field, what, fix, name.split()[-1])
        return
    kind, place = said[0]
    if place not in known:
        what = f"{name} of {field.title} is {place!r}, which is not there"
        graph.say("CROISSANT_REFERENCE", field, what, graph.guess(place, known), name.split()[-1])
    elif kind and kind != "distribution" and known[place].kind.lower() != kind.lower():
        what = f"{name} of {field.title} calls {place!r} a {kind}, and it is a {known[place].kind}"
        graph.say("WARN_CROISSANT_REFERENCE", field, what, "use the word for what it is", name.split()[-1])
    _extract(members, name, field, graph)
    for step in listed(members.get("transform")):
        _transform(step, name, field, graph)


def _extract(members: dict[str, Any], name: str, field: Node, graph: Graph) -> None:
    """Judge what is taken of a file."""
    extract = members.get("extract")
    if extract is None:
        return
    inner = {bare(key): value for key, value in extract.items()} if isinstance(extract, dict) else {}
    ways = [one for one in _EXTRACTS if one in inner]
    if len(ways) != 1:
        fix = f"write one of {', '.join(_EXTRACTS)}"
        graph.say("CROISSANT_SOURCE", field, f"extract of {field.title} says {len(ways)} ways", fix, name)
    elif not isinstance(inner[ways[0]], str) or not inner[ways[0]]:
        graph.say("CROISSANT_TYPE", field, f"{ways[0]} is {shown(inner[ways[0]])}", "write a text", name)
    elif (said := inner.get("fileProperty")) and said not in _FILE_PROPERTIES:
        fix = f"choose from {', '.join(_FILE_PROPERTIES)}"
        graph.say("CROISSANT_SOURCE", field, f"a file has no property {said!r}", fix, name)


def _transform(step: Any, name: str, field: Node, graph: Graph) -> None:
    """Judge what is done to values: a pattern compiles, and has a group."""
    regex = step.get("regex", step.get("cr:regex")) if isinstance(step, dict) else None
    if not isinstance(step, dict) or not step:
        graph.say("CROISSANT_TYPE", field, f"transform is {shown(step)}", "write what is done, such as regex", name)
    if not isinstance(regex, str):
        if regex is not None:
            graph.say("CROISSANT_TYPE", field, f"regex is {shown(regex)}", "write an expression", name)
        return
    try:
        groups = re.compile(regex).groups
    except (re.error, OverflowError, RecursionError) as error:
        graph.say("CROISSANT_PATTERN", field, f"{regex!r} is no regular expression: {error}", "mend it", name)
        return
    if not groups:
        fix = "put ( and ) around the part that is the value"
        graph.say("WARN_CROISSANT_VALUE", field, f"{regex!r} has no group to take", fix, name)


def _key(node: Node, fields: list[Node], graph: Graph) -> None:
    """What a set is told apart by are fields of its own."""
    known = {field.id for field in fields}
    for one in map(target, node.all("key")):
        if one in known:
            continue
        own = f"{node.id}/{one}" in known
        code = "WARN_CROISSANT_REFERENCE" if own else "CROISSANT_REFERENCE"
        fix = f"write {node.id + '/' + one!r}, its @id" if own else graph.guess(one, known)
        if graph.version != FIRST or not own:
            graph.say(code, node, f"the key of {node.title} is {one!r}, which is no field of it", fix, "key")


def _circles(fields: list[Node], known: dict[str, Node], graph: Graph) -> None:
    """No field takes its values from itself."""
    names = {field.id: field for field in fields}
    above = {name: [place for place in _from(field, "source") if place in names] for name, field in names.items()}
    for name in circular(above):
        what = f"{names[name].title} leads to itself"
        graph.say("CROISSANT_REFERENCE", names[name], what, "name what its values come from", "source")


def _from(field: Node, name: str) -> Iterator[str]:
    """The fields that a property of a field names."""
    for value in field.all(name):
        if isinstance(value, dict):
            yield from (target(inner) for key, inner in value.items() if bare(key) == "field")


def _links(fields: list[Node], known: dict[str, Node]) -> dict[str, str]:
    """What the fields of all sets connect: for each file or set, what stands for all that it is connected with."""
    above = dict[str, str]()
    for field in fields:
        ends = {_origin(value, known) for _, value in (*_named(field, "references"), *_parents(field))}
        joined = sorted(({_origin(value, known) for value in field.all("source")} | ends) - {""}) if ends else []
        for one in joined[1:]:
            first, other = _root(joined[0], above), _root(one, above)
            above[max(first, other)] = min(first, other)
    return {one: _root(one, above) for one in above}


def _root(name: str, above: dict[str, str]) -> str:
    while above.get(name, name) != name:
        above[name] = name = above.get(above[name], above[name])
    return name


def _join(node: Node, fields: list[Node], links: dict[str, str], known: dict[str, Node], graph: Graph) -> None:
    """The places that the rows of a set come from are connected by references."""
    places = {_origin(value, known) for field in fields for value in field.all("source")} - {"", node.id}
    if len({links.get(place, place) for place in places}) > 1:
        what = f"the rows of {node.title} come from {' and '.join(sorted(places))}, and nothing joins them"
        graph.say("CROISSANT_JOIN", node, what, "add references to a field of one that holds values of the other")


def _origin(value: Any, known: dict[str, Node]) -> str:
    """The file or the set that a source leads to; "" where it leads nowhere."""
    said = [target(value)]
    if isinstance(value, dict):
        said += [target(inner) for key, inner in value.items() if bare(key) in _SOURCES]
    node = known.get(next(filter(None, said), ""))
    while node is not None and node.kind == "Field":
        node = node.owner
    return node.id if node is not None else ""


def _rows(node: Node, fields: list[Node], graph: Graph) -> None:
    """Judge the rows that stand in the description: each is of the fields of its set, and its key is its own."""
    rows, told = node.all("data"), bare(str(node.members.get("dataType", ""))) in ("Enumeration", "Split")
    if not rows and told and not any(field.all("source") for field in fields):
        graph.say("CROISSANT_SOURCE", node, f"{node.title} has no data and no source", "write data, a list of rows")
    kinds = {field.id: _json_type(field) for field in fields if rows}
    ids = [one for one in map(target, node.all("key")) if one in kinds]
    seen = set[str]()
    for number, row in enumerate(rows):
        if not isinstance(row, dict):
            fix = "write an object"
            graph.say("CROISSANT_TYPE", node, f"a row is {shown(row)}, not an object", fix, "data", number)
            continue
        for name, value in row.items():
            _cell(name, value, kinds, node, graph, number)
        if lost := [name for name in kinds if name not in row]:
            what = f"a row of {node.title} has no {lost[0]!r}"
            graph.say("CROISSANT_MISSING", node, what, "write null if there is no value", "data", number)
        own = repr([row.get(one) for one in ids])
        if ids and own in seen:
            graph.say("CROISSANT_KEY", node, f"the key {own} stands twice", "remove one of the rows", "data", number)
        seen.add(own)


def _json_type(field: Node) -> type | None:
    """What the values of a field are in JSON, where its type says so."""
    return next((_VALUES[one] for one in map(bare, map(str, field.all("dataType"))) if one in _VALUES), None)


def _cell(name: str, value: Any, kinds: dict[str, type | None], node: Node, graph: Graph, row: int) -> None:
    """Judge a value of a row."""
    if graph.version != FIRST and name not in kinds:
        what = f"{name!r} is no field of {node.title}"
        graph.say("CROISSANT_REFERENCE", node, what, graph.guess(name, kinds), "data", row)
        return
    kind = kinds.get(name)
    wrong = [one for one in listed(value) if kind and (not isinstance(one, kind) or (kind is int and one is True))]
    if wrong:
        fix = "write a value of the type of its field"
        graph.say("WARN_CROISSANT_VALUE", node, f"{name} is {shown(wrong[0])}", fix, "data", row, name)
