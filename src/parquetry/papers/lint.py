"""The text of a dataset card -> all that is wrong in its front matter, by the rules of the Hub.

An error is what the Hub refuses, `datasets` cannot load, or readers of YAML read differently; a warning is what they
take and do not understand. Its code begins with ``WARN_``. Nothing is asked of a network.
"""

from __future__ import annotations

import re

import yaml

from parquetry.papers import configs
from parquetry.papers.matter import ANY, KINDS, Front, entries, items, kind, quoted
from parquetry.words import hub
from parquetry.words.errors import Problem, is_warning
from parquetry.words.vocabulary import LICENSES, license_fix

#: Names of datasets on the Hub, and what is said of those that come from elsewhere.
_SOURCE = re.compile(r"original|extended(\|.+)?|[\w.-]+(/[\w.-]+)?", re.ASCII)


def lint(text: str, where: str) -> list[Problem]:
    """Judge the front matter of a card.

    Args:
        text: The card, whatever it is.
        where: What messages call it, such as ``README.md``.

    Returns:
        What is wrong, in the order of the lines.
    """
    front = Front(text, where)
    if front.root is not None:
        for key, place, value in entries(front.root):
            if kind(place) != ANY:
                _member(key, place, value, front)
        _licence(front.root, front)
        configs.check(front.root, front)
    return front.problems


def errors(text: str, where: str) -> list[Problem]:
    """What `lint` finds, without the warnings."""
    return [problem for problem in lint(text, where) if not is_warning(problem)]


def _member(key: str, place: yaml.Node, value: yaml.Node, front: Front) -> None:
    """Judge a key of the card and its value; an empty value says nothing."""
    if key not in hub.KEYS:
        guess = hub.near(key, hub.KEYS)
        fix = f"did you mean {guess!r}?" if guess else "leave it out, unless a program of yours reads it"
        front.say("WARN_CARD_KEY", place, f"the Hub does not know the key {key!r}", fix)
    if key not in hub.KEYS or kind(value) in (ANY, "null"):
        return
    if key in hub.TEXTS:
        front.text(value, key)
    elif key in hub.SWITCHES:
        front.switch(value, key)
    elif key in hub.LISTS or key in hub.STRICT_LISTS:
        _words(key, value, front)
    elif key == "extra_gated_fields":
        _gates(value, front)
    elif key == "train-eval-index" and kind(value) != "seq":
        front.say("CARD_TYPE", value, f"{key} is {KINDS[kind(value)]}, not a list", "write its items with -")


def _words(key: str, node: yaml.Node, front: Front) -> None:
    """Judge a list of texts, or a text alone where that is allowed."""
    if isinstance(node, yaml.MappingNode) or (key in hub.STRICT_LISTS and not isinstance(node, yaml.SequenceNode)):
        fix = "write an item for each, with -"
        front.say("CARD_TYPE", node, f"{key} is {front.shown(node)}, not a list of texts", fix)
        return
    for item in items(node) if isinstance(node, yaml.SequenceNode) else [node]:
        if front.text(item, key) and isinstance(item, yaml.ScalarNode) and kind(item) != ANY:
            _word(key, item, front)


def _word(key: str, node: yaml.ScalarNode, front: Front) -> None:
    """Judge one text of a list."""
    word = node.value
    if key == "license" and word not in LICENSES:
        front.say("CARD_LICENSE", node, f"unknown licence id {word!r}", license_fix(word))
    elif key == "language":
        _language(node, front)
    elif key == "source_datasets" and not _SOURCE.fullmatch(word):
        fix = "write original, extended, or the name of a dataset of the Hub"
        front.say("WARN_CARD_VALUE", node, f"{word!r} is not the name of a dataset", fix)
    elif key in hub.WORDS and word not in hub.WORDS[key]:
        guess = hub.near(word, hub.WORDS[key])
        known = hub.WORDS[key]
        fix = f"choose from {', '.join(known)}" if len(known) < 20 else "use a word of the Hub, or put it under tags"
        fix = f"did you mean {guess!r}?" if guess else fix
        front.say("WARN_CARD_VALUE", node, f"the Hub does not know {word!r} as one of {key}", fix)


def _language(node: yaml.ScalarNode, front: Front) -> None:
    """Judge the code of a language: ISO 639-1 by its list, ISO 639-2 and 639-3 by their three small letters."""
    code = node.value
    if code in hub.LANGUAGES or code in ("code", "multilingual") or re.fullmatch("[a-z]{3}", code):
        return
    small = re.split("[-_]", code.lower())[0]
    fix = "write its code in ISO 639, such as en, or multilingual"
    if small in hub.MISTAKEN:
        fix = f"did you mean {hub.MISTAKEN[small]!r}?"
    if re.fullmatch("[a-z]{2}", code):
        front.say("WARN_CARD_LANGUAGE", node, f"no language has the code {code!r} in ISO 639-1", fix)
        return
    if small in hub.LANGUAGES or (re.fullmatch("[a-z]{3}", small) and small != code):
        fix = f"write {small}" + ("" if small == code.lower() else f", and {code} under language_bcp47")
    front.say("CARD_LANGUAGE", node, f"{code!r} is not the code of a language", fix)


def _licence(root: yaml.MappingNode, front: Front) -> None:
    """A licence that has no id must be named and found."""
    members = {key: value for key, _, value in entries(root)}
    given = members.get("license")
    other = [one for one in (items(given) or [given] if given is not None else []) if one.value == "other"]
    lost = [key for key in ("license_name", "license_link") if key not in members]
    if other and lost and "license_details" not in members and "<<" not in members:
        fix = "write license_name: and a name, license_link: and LICENSE or an address"
        front.say("WARN_CARD_LICENSE", other[0], f"the licence 'other' has no {' and no '.join(lost)}", fix)


def _gates(node: yaml.Node, front: Front) -> None:
    """Judge what a person who asks for access is asked for."""
    if isinstance(node, yaml.ScalarNode):
        fix = "write a question and its kind on each line, such as Name: text"
        front.say("CARD_TYPE", node, f"extra_gated_fields is {front.shown(node)}, not a mapping", fix)
        return
    for part in items(node) or [node]:
        for name, _, value in entries(part):
            below = {key: member for key, _, member in entries(value)}
            asked = below.get("type", value) if below else value
            if not front.text(asked, f"the kind of {quoted(name)}") or kind(asked) == ANY:
                continue
            if asked.value not in hub.GATES:
                fix = f"choose from {', '.join(hub.GATES)}"
                front.say("WARN_CARD_VALUE", asked, f"the Hub cannot ask for {asked.value!r}", fix)
            elif asked.value == "select" and not items(below.get("options", node)):
                fix = "write options: and a list below type: select"
                front.say("CARD_TYPE", asked, f"{quoted(name)} has no list of options to select from", fix)
