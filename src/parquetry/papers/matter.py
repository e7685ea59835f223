"""The text of a card -> its front matter as nodes of YAML that know their lines, and what is wrong with it as YAML.

The Hub reads YAML 1.2, `datasets` and most of Python YAML 1.1; where they would read other values, that is a mistake. A
node is never made an object of, no alias is followed, and a mistake does not hide the next, as far as one can read on.
"""

from __future__ import annotations

import bisect
import json
import re
from collections.abc import Iterator
from typing import Any

import yaml

from parquetry.words.errors import Problem

#: The block that the Hub takes for front matter (`huggingface_hub`, ``repocard.py``).
_BLOCK = re.compile(r"(\s*---(?:\r\n|\r|\n))([\S\s]*?)(?:\r\n|\r|\n)---[ \t]*(?:\r\n|\n|\Z)")
_BREAK = re.compile(r"\r\n|\r|\n")
#: Characters of the longest block that is read: features of a thousand columns take half of it.
_MOST = 200_000
#: Deepest nesting that is followed; features of a dataset do with ten.
_DEPTH = 100
_UNREADABLE = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
#: What a plain value is in YAML 1.2 (its core schema, https://yaml.org/spec/1.2.2/#103-core-schema).
_CORE = {
    "null": re.compile(r"~|null|Null|NULL|"),
    "bool": re.compile(r"true|True|TRUE|false|False|FALSE"),
    "int": re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+"),
    "float": re.compile(
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", re.ASCII
    ),
}
#: What messages call the kinds of values.
KINDS = {"str": "text", "bool": "true or false", "int": "a whole number", "float": "a number", "null": "nothing"}
KINDS |= {"timestamp": "a day or an instant", "merge": "a merge key", "value": "a sign that means nothing"}
KINDS |= {"seq": "a list", "map": "a mapping"}
#: The kind of what cannot be told: an alias, or a value that is a mistake already.
ANY = "any"


class Front:
    """The front matter of a card, and what has been found in it.

    Args:
        text: The card.
        where: What messages call it.
    """

    def __init__(self, text: str, where: str) -> None:
        self.where, self.found = where, list[tuple[int, Problem]]()
        self._starts = [0, *(match.end() for match in _BREAK.finditer(text))]
        self._offset = 0  # of the block in the card
        self.root = self._read(text)

    @property
    def problems(self) -> list[Problem]:
        """All that was found, in the order of the lines."""
        return list(dict.fromkeys(problem for _, problem in sorted(self.found, key=lambda one: one[0])))

    def say(self, code: str, node: yaml.Node | int, what: str, fix: str = "") -> None:
        """Note a mistake in a node, or at a character of the block."""
        at = self._offset + (node if isinstance(node, int) else node.start_mark.index)
        line = bisect.bisect_right(self._starts, at)
        self.found.append((at, Problem(code, f"{self.where}:{line}", what, fix)))

    def text(self, node: yaml.Node, what: str) -> bool:
        """Whether a node is text, as ``what`` must be; if it is not, that is noted."""
        if kind(node) in ("str", ANY):
            return True
        fix = f"write {quoted(node.value)}" if isinstance(node, yaml.ScalarNode) and node.value else "write text"
        self.say("CARD_TYPE", node, f"{what} is {self.shown(node)}, not text", fix)
        return False

    def switch(self, node: yaml.Node, what: str) -> None:
        """Note it if a node is neither true nor false."""
        if kind(node) not in ("bool", ANY):
            self.say("CARD_TYPE", node, f"{what} is {self.shown(node)}, not true or false", "write true or false")

    def shown(self, node: yaml.Node) -> str:
        """What a node is, as messages say it."""
        if isinstance(node, yaml.ScalarNode) and node.value:
            return f"{quoted(node.value) if kind(node) == 'str' else node.value}, {KINDS[kind(node)]}"
        return KINDS[kind(node)]

    def _read(self, text: str) -> yaml.MappingNode | None:
        """The mapping of the block, or nothing if there is none that can be read."""
        match = _BLOCK.match(text)
        if not match and text.startswith("\ufeff") and (match := _BLOCK.match(text, 1)):
            what = "a byte order mark stands before the front matter, so that `huggingface_hub` finds none"
            self.say("CARD_FRONT_MATTER", 0, what, "save the file as UTF-8 without it")
        if not match:
            self._missing(text)
            return None
        self._offset = match.start(2)
        block = match[2]
        if len(block) > _MOST:
            what = f"the front matter has {len(block):,} characters; at most {_MOST:,} are read"
            self.say("CARD_FRONT_MATTER", 0, what, "shorten it")
            return None
        for one in _UNREADABLE.finditer(block):
            what = f"the character U+{ord(one[0]):04X} may not stand in YAML"
            self.say("CARD_YAML", one.start(), what, "remove it, or write it as an escape in double quotes")
        root = self._composed(_UNREADABLE.sub("\ufffd", block))
        if root is None or not self._sound(root):
            return None
        if isinstance(root, yaml.MappingNode):
            return root
        what = f"the front matter is {KINDS.get(kind(root), 'one value')}, not a mapping of keys to values"
        self.say("CARD_FRONT_MATTER", root, what, "write a key and a colon before each value")
        return None

    def _missing(self, text: str) -> None:
        """Say why there is no block."""
        if re.match(r"\s*---[ \t]*(\r|\n|\Z)", text) and not re.match(r"\s*---[ \t]*\s---[ \t]*(\r|\n|\Z)", text):
            fix = "write --- alone on the line before the first key and on the line after the last value"
            self.say("CARD_FRONT_MATTER", 0, "the front matter has no end", fix)
        else:
            what = "there is no front matter: the Hub knows neither licence nor language"
            fix = "begin the card with a block of YAML between two lines ---"
            self.say("WARN_CARD_FRONT_MATTER", 0, what, fix)

    def _composed(self, block: str) -> yaml.Node | None:
        """The nodes of a block; if tabs indent it, they are mistakes, and are read as spaces."""
        loader = _Loader(block)
        try:
            root = loader.get_single_node()
        except RecursionError:
            self._deep(0)
            return None
        except (yaml.YAMLError, ValueError, OverflowError) as error:  # an escape that Unicode does not have
            mark = error.problem_mark or error.context_mark if isinstance(error, yaml.MarkedYAMLError) else None
            tabs = [one.end() - 1 for one in re.finditer(r"^ *\t(?=[ \t]*[^\s#])", block, re.MULTILINE)]
            for at in tabs:
                self.say("CARD_TAB", at, "a tab indents this line", "indent it with spaces")
            if tabs:
                return self._composed(re.sub(r"^[ \t]+", lambda m: " " * len(m[0]), block, flags=re.MULTILINE))
            if not any(problem.code == "CARD_TAB" for _, problem in self.found):  # those come first
                self._unreadable(error, mark)
            return None
        for alias in loader.aliases:
            what = "is an alias: not every reader follows one, and nothing behind it was looked at"
            self.say("WARN_CARD_ALIAS", alias, f"*{alias.value} {what}", "write the value out")
        for node in loader.tagged:
            self.say("CARD_TAG", node, f"not all readers know the tag {node.tag!r}", "leave the tag out")
            node.tag = ANY
        if root is None:
            self.say("WARN_CARD_FRONT_MATTER", 0, "the front matter is empty", "say licence and language in it")
        return root

    def _unreadable(self, error: Exception, mark: yaml.Mark | None) -> None:
        said = "an escape stands for no character of Unicode"
        if isinstance(error, yaml.MarkedYAMLError):
            said = error.problem or error.context or ""
        if "\\t" in said:
            self.say("CARD_TAB", mark.index if mark else 0, "a tab stands before a value", "write spaces")
            return
        fix = "put the value in double quotes" if "mapping values" in said or "cannot start" in said else ""
        self.say("CARD_YAML", mark.index if mark else 0, f"this is not YAML: {said}", fix)

    def _deep(self, at: yaml.Node | int) -> None:
        self.say("CARD_YAML", at, f"lists and mappings stand more than {_DEPTH} deep in each other", "flatten them")

    def _sound(self, root: yaml.Node) -> bool:
        """Whether the nodes can be judged; keys that stand twice and values of two meanings are noted."""
        todo = [(root, 0)]
        while todo:
            node, depth = todo.pop()
            if depth > _DEPTH:
                self._deep(node)
                return False
            if isinstance(node, yaml.ScalarNode):
                self._two_meanings(node)
            elif isinstance(node, yaml.MappingNode):
                self._keys(node)
                todo += [(one, depth + 1) for pair in node.value for one in pair]
            else:
                todo += [(one, depth + 1) for one in node.value]
        return True

    def _keys(self, node: yaml.MappingNode) -> None:
        seen = dict[str, yaml.Node]()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self.say("CARD_YAML", key, "a list or a mapping stands as a key", "write text before the colon")
            elif key.value in seen and kind(key) != ANY:
                fix = "keep one of them: some readers take the last, others refuse the card"
                self.say("CARD_KEY_TWICE", key, f"the key {key.value!r} stands twice", fix)
            else:
                seen[key.value] = key

    def _two_meanings(self, node: yaml.ScalarNode) -> None:
        old, new = kind(node), core(node)
        if old == ANY or (old == new and not (old == "int" and re.match(r"[-+]?0[0-9]", node.value))):
            return
        what = f"is {KINDS[old]} in YAML 1.1 and {KINDS[new]} in YAML 1.2"
        if old == new:
            what = "is one number in YAML 1.1 and another in YAML 1.2"
        self.say("CARD_UNQUOTED", node, f"{node.value} {what}", _plain(old, node.value))
        node.tag = ANY


class _Loader(yaml.SafeLoader):
    """Composes nodes; an alias becomes a node of its own, so that the nodes are a tree and stay as few as the text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.aliases, self.tagged = list[yaml.ScalarNode](), list[yaml.Node]()

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if self.check_event(yaml.AliasEvent):
            self.get_event()  # type: ignore[no-untyped-call]
            self.aliases.append(yaml.ScalarNode(ANY, event.anchor, event.start_mark, event.end_mark))
            return self.aliases[-1]
        node = super().compose_node(parent, index)
        if node is not None and event.tag is not None:
            if isinstance(node, yaml.ScalarNode) and node.tag == "tag:yaml.org,2002:str":
                node.style = '"'  # the tag says that it is text, as quotes do
            else:
                self.tagged.append(node)
        return node


def kind(node: yaml.Node) -> str:
    """What a node is in YAML 1.1, in one word: str, int, float, bool, null, timestamp, seq, map, or `ANY`."""
    return str(node.tag).rpartition(":")[2]


def core(node: yaml.ScalarNode) -> str:
    """What a scalar is in YAML 1.2."""
    if node.style is not None:
        return kind(node)
    return next((name for name, pattern in _CORE.items() if pattern.fullmatch(node.value)), "str")


def entries(node: yaml.Node) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """The key as text, the key and the value of each member of a mapping; of anything else, nothing."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if isinstance(key, yaml.ScalarNode):
            yield key.value, key, value


def items(node: yaml.Node) -> list[yaml.Node]:
    """The items of a list; of anything else, none."""
    return list(node.value) if isinstance(node, yaml.SequenceNode) else []


def quoted(text: str) -> str:
    """Text as YAML reads it in all versions."""
    return json.dumps(text, ensure_ascii=False)


def _plain(old: str, text: str) -> str:
    """How to write a value of two meanings so that it has one."""
    if old == "merge":
        return "write the members out"
    if old == "bool":
        return f"write {quoted(text)} if it is text, {str(text.lower() in ('yes', 'on')).lower()} if it is not"
    number = re.search("[0-9]", text) and old != "timestamp"
    return f"write {quoted(text)}" + (" if it is text, plain digits if it is a number" if number else "")
