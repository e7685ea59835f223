"""The text of a ``croissant.json`` -> all that is wrong with it, by the standard.

An error is what keeps readers from the files or the rows; a warning is what the standard asks for and readers can do
without. Its code begins with ``WARN_``. It asks for more than `mlcroissant validate`: for the checksums of all files,
for patterns that compile, keys that are keys, values that fit their types. Versions 1.1, 1.0 and 0.8 are read.
"""

from __future__ import annotations

import datetime
import re
from typing import Any

from parquetry.papers import record_sets
from parquetry.papers.graph import VERSIONS, Graph, Node, bare, circular, read, shown, target
from parquetry.words.errors import Problem, is_warning
from parquetry.words.hub import near
from parquetry.words.strict_json import NotJson

#: Properties of a dataset that the standard asks for, and of which only the first is asked for by its readers.
_REQUIRED = ("name", "description", "license", "url", "creator", "datePublished")
#: Words of Croissant that lead to the rows.
_WORDS = """conformsTo recordSet field source extract column jsonPath fileProperty transform regex subField parentField
    references fileObject fileSet includes isArray arrayShape""".split()
#: The vocabulary for responsible AI: https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html
_RAI = "http://mlcommons.org/croissant/RAI/1.0"
_RAI_TEXTS = """dataCollection dataCollectionType dataCollectionMissingData dataCollectionRawData
    dataCollectionTimeframe dataImputationProtocol dataManipulationProtocol dataPreprocessingProtocol
    dataAnnotationProtocol dataAnnotationPlatform dataAnnotationAnalysis dataReleaseMaintenancePlan
    personalSensitiveInformation dataSocialImpact dataBiases dataLimitations dataUseCases annotationsPerItem
    annotatorDemographics machineAnnotationTools hasSyntheticData""".split()
#: What schema.org calls the size of a file, and what a digest looks like.
_SIZE = re.compile(r"[0-9]+(\.[0-9]+)? ?([kKMGTP]i?)?B|[0-9]+")
_DIGESTS = {"sha256": re.compile("[0-9a-fA-F]{64}|[A-Za-z0-9+/]{43}=")}
_DIGESTS["md5"] = re.compile("[0-9a-fA-F]{32}|[A-Za-z0-9+/]{22}==")


def conformance(text: bytes, where: str) -> list[Problem]:
    """Judge a description.

    Args:
        text: The file, whatever it is.
        where: What messages call it, such as ``croissant.json``.

    Returns:
        What is wrong: the dataset first, then its files, then its records.
    """
    try:
        graph = read(text, where)
    except NotJson as error:
        code = error.code if error.code.startswith("CROISSANT_") else "CROISSANT_JSON"
        return [Problem(code, where, error.what, "write an object of strict JSON")]
    _dataset(graph)
    files = [*graph.below(graph.root, "distribution")]
    sets = [*graph.below(graph.root, "recordSet")]
    known = _files(files, graph)
    record_sets.check(sets, known, graph)
    return graph.problems


def errors(text: bytes, where: str) -> list[Problem]:
    """What `conformance` finds, without the warnings."""
    return [problem for problem in conformance(text, where) if not is_warning(problem)]


def _dataset(graph: Graph) -> None:
    root = graph.root
    graph.texts(root)
    _context(graph)
    for name in ("license", "url", "creator", "publisher", "keywords"):
        for value in root.all(name):
            said = value.get("name", "") if isinstance(value, dict) else value
            if not isinstance(said, str | dict | list):
                graph.say("CROISSANT_TYPE", root, f"{name} is {shown(said)}, not a text", "write a text", name)
    if root.kind != "Dataset":
        graph.say(
            "CROISSANT_TYPE", root, f"it is a {root.kind or 'node'}, not a Dataset", 'write "sc:Dataset"', "@type"
        )
    for name in _REQUIRED:
        if root.members.get(name) in (None, "", []):
            code = "CROISSANT_MISSING" if name == "name" else "WARN_CROISSANT_MISSING"
            graph.say(code, root, f"the dataset has no {name}", f"write {name}: the standard requires it")
    _conforms(graph)
    for date in ("datePublished", "dateCreated", "dateModified"):
        for value in root.all(date):
            if not _is_date(value):
                fix = "write it as in 2026-11-22"
                graph.say("CROISSANT_VALUE", root, f"{date} is {value!r}, not a date", fix, date)
    for value in root.all("version"):
        if isinstance(value, str) and not re.fullmatch(r"\d+\.\d+\.\d+([-+.][\w.+-]+)?", value, re.ASCII):
            fix = "write it as in 1.0.0"
            graph.say("WARN_CROISSANT_VALUE", root, f"version is {value!r}, not a semantic version", fix, "version")


def _context(graph: Graph) -> None:
    """Judge what gives the words their meaning: those that are not of schema.org must be said to be of Croissant."""
    context = graph.root.members.get("@context")
    known = context if isinstance(context, dict) else {}
    fix = "write the context of the standard"
    if known.get("@vocab") != "https://schema.org/":
        what = f"the vocabulary of the context is {known.get('@vocab')!r}, not 'https://schema.org/'"
        graph.say("CROISSANT_CONTEXT", graph.root, what, fix, "@context")
        return
    for word in sorted(_used(graph.root.members) & set(_WORDS)):
        meaning = known.get(word)
        meaning = meaning.get("@id") if isinstance(meaning, dict) else meaning
        if not isinstance(meaning, str) or bare(meaning) == meaning:
            what = f"the context does not say that {word!r} is a word of Croissant: readers pass it over"
            graph.say("CROISSANT_CONTEXT", graph.root, what, fix, "@context")


def _used(value: Any) -> set[str]:
    """The words that stand before a value, at any depth; rows and examples have words of their own."""
    if isinstance(value, list):
        return set[str]().union(*map(_used, value))
    if not isinstance(value, dict):
        return set()
    inside = [_used(inner) for key, inner in value.items() if key not in ("@context", "data", "examples")]
    return set(value).union(*inside)


def _conforms(graph: Graph) -> None:
    """Judge which standards it says to follow, and what it says in their words."""
    root = graph.root
    said = [target(one) for one in root.all("conformsTo")]
    if said and not set(said) & set(VERSIONS):
        fix = f"write {[*VERSIONS][-1]!r}"
        graph.say("CROISSANT_VERSION", root, f"it conforms to {said[0]!r}, which no reader knows", fix, "conformsTo")
    elif not said:
        fix = f"write {[*VERSIONS][-1]!r}, and the properties of that version"
        graph.say("WARN_CROISSANT_VERSION", root, "it says no version: readers take it for 0.8", fix, "conformsTo")
    mine = [name for name in root.members if name.startswith("rai:")]
    for name in mine:
        if name.removeprefix("rai:") not in _RAI_TEXTS:
            guess = near(name.removeprefix("rai:"), _RAI_TEXTS)
            fix = f"did you mean 'rai:{guess}'?" if guess else "leave it out"
            graph.say("WARN_CROISSANT_PROPERTY", root, f"the vocabulary has no {name}", fix, name)
    if mine and _RAI not in said:
        fix = f"add {_RAI!r}"
        graph.say("WARN_CROISSANT_VERSION", root, "it has rai: properties, and does not say so", fix, "conformsTo")


def _files(files: list[Node], graph: Graph) -> dict[str, Node]:
    """Judge all files, and know them by their ids."""
    known = dict[str, Node]()
    for node in files:
        if node.kind not in ("FileObject", "FileSet"):
            fix = 'write "cr:FileObject" or "cr:FileSet"'
            graph.say("CROISSANT_TYPE", node, f"a {node.kind or 'node'} in distribution", fix, "@type")
        graph.enter(node, known)
    for node in files:
        _file(node, known, graph)
    _cycles(known, graph)
    return known


def _file(node: Node, known: dict[str, Node], graph: Graph) -> None:
    """Judge a file, or a set of files."""
    for inside in node.all("containedIn"):
        if not isinstance(inside, str | dict):
            graph.say("CROISSANT_TYPE", node, f"containedIn is {shown(inside)}", "write an @id", "containedIn")
    for one in filter(None, map(target, node.all("containedIn"))):
        if one not in known:
            what = f"{node.title} is contained in {one!r}, which is not there"
            graph.say("CROISSANT_REFERENCE", node, what, graph.guess(one, known), "containedIn")
    outside = not node.all("containedIn")
    needed = ["encodingFormat", *(["includes"] if node.kind == "FileSet" else ["contentUrl"] if outside else [])]
    for name in needed:
        if not node.all(name):
            graph.say("CROISSANT_MISSING", node, f"{node.title} has no {name}", f"write {name}")
    _checksum(node, graph, required=node.kind == "FileObject" and outside)
    for size in node.all("contentSize"):
        if isinstance(size, str) and not _SIZE.fullmatch(size):
            graph.say("WARN_CROISSANT_VALUE", node, f"contentSize is {size!r}", "write it as in 1024 B", "contentSize")


def _checksum(node: Node, graph: Graph, *, required: bool) -> None:
    """Judge the digests of a file; one that is inside another is checked with it, and one that changes cannot be."""
    live = str(graph.root.members.get("isLiveDataset")).lower().endswith("true")
    given = [name for name in _DIGESTS if node.all(name)]
    if required and not given and not live:
        fix = "write sha256, or isLiveDataset: true if the file changes"
        graph.say("CROISSANT_MISSING", node, f"{node.title} has no checksum", fix)
    for name in given:
        value = node.members[name]
        if isinstance(value, str) and not _DIGESTS[name].fullmatch(value):
            fix = "write the digest of the file: a download is checked by it"
            graph.say("WARN_CROISSANT_VALUE", node, f"{name} is {value[:70]!r}, not a digest", fix, name)


def _cycles(known: dict[str, Node], graph: Graph) -> None:
    """Nothing is contained in itself."""
    above = {name: {*map(target, node.all("containedIn"))} & known.keys() for name, node in known.items()}
    for name in circular(above):
        what = f"{known[name].title} is contained in itself"
        graph.say("CROISSANT_REFERENCE", known[name], what, "name what holds it", "containedIn")


def _is_date(value: Any) -> bool:
    try:
        datetime.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return bool(isinstance(value, str) and re.fullmatch(r"\d{4}(-\d\d)?", value))
    return True
