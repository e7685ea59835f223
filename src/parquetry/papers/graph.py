"""The text of a ``croissant.json`` -> its nodes, each with its place and id.

Croissant is JSON-LD, and its context is given by the standard: a name means the same with the prefix of its
vocabulary or without. Only these names are read; what other vocabularies say is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from parquetry.words.errors import Problem, pointer
from parquetry.words.hub import near
from parquetry.words.strict_json import Limits, NotJson, loads

#: What a description may hold: large datasets have thousands of fields and inline values.
_LIMITS = Limits(depth=64, fields=1_000_000, nul=True)
#: Vocabularies whose names are read without their prefix.
_PREFIX = re.compile(r"(sc|cr|ml|dct):|https?://(schema\.org/|mlcommons\.org/(croissant|schema)/|purl\.org/dc/terms/)")
#: After so many problems, what was meant is looked for no more: it takes long where there are many ids.
_GUESSES = 100
#: Versions of the standard by what a description says it conforms to; the first version had no such property.
VERSIONS = {f"http://mlcommons.org/croissant/{version}": version for version in ("1.0", "1.1")}
FIRST = "0.8"
#: Properties that are texts, of any node; those of them that may be in more than one language.
_TEXTS = ("name", "description", "citeAs", "contentUrl", "contentSize", "sha256", "md5", "encodingFormat", "version")
_TAGGED = ("name", "description")


@dataclass(frozen=True)
class Node:
    """One thing that is described: the dataset, a file, a set of records, a field."""

    kind: str  #: Its type without the prefix; "" if it is not said.
    id: str  #: What other nodes call it.
    place: str  #: JSON Pointer.
    members: dict[str, Any]  #: Its properties, by their names without the prefix.
    owner: Node | None = None  #: What it stands in.

    def all(self, name: str) -> list[Any]:
        """The values of a property: none, one, or many."""
        return listed(self.members.get(name))

    @property
    def title(self) -> str:
        """What to call it in a message."""
        return f"the {self.kind or 'node'} {self.id!r}" if self.id else f"a {self.kind or 'node'}"


@dataclass
class Graph:
    """A description, and what was found wrong in it so far."""

    where: str  #: What messages call the file.
    root: Node
    version: str
    problems: list[Problem] = field(default_factory=list)

    def say(self, code: str, node: Node, what: str, fix: str, *below: str | int) -> None:
        """Note what is wrong at a node, or at a property of it."""
        self.problems.append(Problem(code, f"{self.where}: {node.place + pointer(*below) or '/'}", what, fix))

    def below(self, node: Node, name: str) -> Iterator[Node]:
        """The nodes that stand in a property of a node; what is no node is a problem."""
        inside = node.members.get(name)
        for number, one in enumerate(listed(inside)):
            steps = (name, number) if isinstance(inside, list) else (name,)
            if not isinstance(one, dict):
                self.say("CROISSANT_TYPE", node, f"{name} holds {shown(one)}, not an object", "describe it", *steps)
                continue
            members = {bare(key): value for key, value in one.items()}
            yield Node(_kind(members), self._id(members, node), node.place + pointer(*steps), members, node)

    def enter(self, node: Node, known: dict[str, Node]) -> None:
        """Judge the texts and the id of a node, and add it to those that are known by theirs."""
        self.texts(node)
        name = "name" if self.version == FIRST else "@id"
        said = node.members.get(name)
        if not isinstance(said, str) or not said:
            self.say("CROISSANT_ID", node, f"{node.title} has no {name}", f"write {name}: others refer to it by that")
        elif re.search(r"\s", said) and self.version != FIRST:
            fix = "write _ instead of white space, which readers cannot follow"
            self.say("CROISSANT_ID", node, f"white space in the id {said!r}", fix, name)
        elif node.id in known:
            fix = "give each node an id of its own"
            self.say("CROISSANT_ID", node, f"the id {said!r} stands at {known[node.id].place} too", fix, name)
        known.setdefault(node.id, node)

    def texts(self, node: Node) -> None:
        """Judge the properties of a node that are texts; some may be in two languages."""
        for name in _TEXTS:
            for value in node.all(name):
                said = [value]
                if name in _TAGGED and isinstance(value, dict) and value:
                    said = [value["@value"]] if "@value" in value else [*value.values()]
                for wrong in [one for one in said if not isinstance(one, str)][:1]:
                    self.say("CROISSANT_TYPE", node, f"{name} is {shown(wrong)}, not a text", "write a text", name)

    def guess(self, name: str, known: Iterable[str]) -> str:
        """What to do about an id that nothing has."""
        meant = near(name, known) if len(self.problems) < _GUESSES else ""
        return f"did you mean {meant!r}?" if meant else "use the @id of a node that is there"

    def _id(self, members: dict[str, Any], parent: Node) -> str:
        """What other nodes call it; in the first version, its name below that of what it stands in."""
        if self.version != FIRST:
            return str(members.get("@id", ""))
        own = str(members.get("name", ""))
        return f"{parent.id}/{own}" if parent is not self.root and own else own


def read(text: bytes, where: str) -> Graph:
    """Parse a description.

    Raises:
        NotJson: It is no JSON, or not an object.
    """
    document = loads(text, _LIMITS)
    if not isinstance(document, dict):
        raise NotJson("CROISSANT_TYPE", f"the description is {shown(document)}, not an object")
    members = {bare(key): value for key, value in document.items()}
    said = [VERSIONS[one] for one in map(target, listed(members.get("conformsTo"))) if one in VERSIONS]
    return Graph(where, Node(_kind(members), "", "", members), said[0] if said else FIRST)


def listed(value: Any) -> list[Any]:
    """The values of a property, of which one may stand alone and none may be null."""
    return [] if value is None else value if isinstance(value, list) else [value]


def bare(name: str) -> str:
    """A name without the prefix of its vocabulary.

    >>> bare("cr:FileObject"), bare("https://schema.org/name"), bare("rai:dataBiases")
    ('FileObject', 'name', 'rai:dataBiases')
    """
    return _PREFIX.sub("", name, count=1) if _PREFIX.match(name) else name


def target(reference: Any) -> str:
    """The id that a reference holds, or nothing.

    >>> target({"@id": "a/b"}), target("#{a/b}"), target("a"), target({"field": {"@id": "a"}})
    ('a/b', 'a/b', 'a', '')
    """
    said = reference.get("@id") if isinstance(reference, dict) else reference
    return re.sub(r"^#\{(.*)\}$", r"\1", said) if isinstance(said, str) else ""


def circular(above: Mapping[str, Iterable[str]]) -> list[str]:
    """The first node of each circle that arrows make, where each node has arrows to some others; in linear time."""
    found, state = list[str](), dict[str, bool]()  # True: on the way, False: done
    for start in above:
        way = [] if start in state else [(start, iter(above[start]))]
        state.setdefault(start, True)
        while way:
            name, rest = way[-1]
            if (one := next(rest, None)) is None:
                state[name] = False
                way.pop()
            elif one not in state:
                state[one] = True
                way.append((one, iter(above[one])))
            elif state[one]:
                found.append(one)
    return found


def shown(value: Any) -> str:
    """A value in a message."""
    kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return kinds.get(type(value), "a number")


def _kind(members: dict[str, Any]) -> str:
    return next((bare(one) for one in listed(members.get("@type")) if isinstance(one, str)), "")
