"""The features of a card -> what keeps `datasets` from reading them.

The rules are those of `Features._from_yaml_list` in `datasets`: the first key of a feature, besides its name, says
what it is.
"""

from __future__ import annotations

import re

import yaml

from parquetry.papers.matter import ANY, KINDS, Front, core, entries, items, kind
from parquetry.words.hub import near

#: Types of values, as `datasets` calls them.
_TYPES = """null bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 date32 date64 string
    large_string string_view utf8 large_utf8 binary large_binary binary_view""".split()
#: Types that are more than a value of Arrow.
_KINDS = """audio image video pdf nifti mesh json bio_sequence bio_structure class_label translation
    translation_variable_languages array2_d array3_d array4_d array5_d""".split()
#: What must stand below those of them that cannot do without.
_NEEDS = {"class_label": "names", "translation": "languages"}
_NEEDS |= {f"array{n}_d": "shape" for n in range(2, 6)}
_LISTS = ("list", "large_list", "sequence")
_PATTERN = re.compile(
    rf"{'|'.join(_TYPES)}|bool_|timestamp\[(s|ms|us|ns)(,\s*tz=[a-zA-Z0-9/_+\-:]*)?\]|duration\[(s|ms|us|ns)\]"
    r"|time32\[m?s\]|time64\[[un]s\]|decimal(128|256)\(\d+,\s*-?\d+\)|fixed_size_binary\[\d+\]"
)


def features(node: yaml.Node, front: Front) -> None:
    """Note what is wrong in a list of features: each has a name of its own and says what it is."""
    if kind(node) not in ("seq", ANY):
        fix = "write an item for each feature: - name: id, and below the name dtype: string"
        front.say("CARD_TYPE", node, f"features are {KINDS[kind(node)]}, not a list", fix)
    seen = set[str]()
    for item in items(node):
        if kind(item) not in ("map", ANY):
            fix = "write - name: id, and below the name dtype: string"
            front.say("CARD_TYPE", item, f"a feature is {KINDS[kind(item)]}, not a mapping", fix)
            continue
        named = [value for key, _, value in entries(item) if key == "name"]
        if not named and kind(item) != ANY and all(key != "<<" for key, _, _ in entries(item)):
            front.say("CARD_FEATURE", item, "a feature has no name", "write name: and the name of the column")
        for name in named[:1]:
            front.text(name, "name of a feature")
            if isinstance(name, yaml.ScalarNode) and name.value in seen:
                front.say("CARD_FEATURE", name, f"two features are called {name.value!r}", "rename one of them")
            seen.add(str(name.value))
        called = named and isinstance(named[0], yaml.ScalarNode)
        _feature(item, f"the feature {named[0].value!r}" if called else "a feature", front)


def _feature(node: yaml.Node, what: str, front: Front) -> None:
    """Judge what stands below a name, a list or a type."""
    members = [(key, place, value) for key, place, value in entries(node) if key != "name"]
    if any(key == "<<" for key, _, _ in members):
        return
    if not members:
        if kind(node) != ANY:
            front.say("CARD_FEATURE", node, f"{what} has no type", "write dtype: and its type, such as string")
        return
    key, place, value = members[0]
    if key in _LISTS:
        if isinstance(value, yaml.SequenceNode):
            features(value, front)
        elif isinstance(value, yaml.ScalarNode):
            _type(value, front)
        else:
            _feature(value, f"the {key} of {what}", front)
    elif key == "struct":
        features(value, front)
    elif key == "dtype" and isinstance(value, yaml.ScalarNode):
        _type(value, front)
    elif key == "dtype":
        _feature(value, what, front)
    elif key in _KINDS:
        _parameters(key, place, value, front)
    elif later := [one for one, _, _ in members if one in ("dtype", "struct", *_LISTS)]:
        fix = f"`datasets` takes the first key for the type: move {later[0]} before it"
        front.say("CARD_FEATURE", place, f"{key!r} stands before {later[0]!r} in {what}", fix)
    else:
        guess = near(key, ("dtype", "struct", *_LISTS, *_KINDS))
        fix = f"did you mean {guess!r}?" if guess else "write dtype, list or struct"
        front.say("CARD_FEATURE", place, f"{what} has the unknown type {key!r}", fix)


def _type(node: yaml.ScalarNode, front: Front) -> None:
    """Judge a type that is one word."""
    if not front.text(node, "a type") or kind(node) == ANY:
        return
    name = node.value
    if name in _NEEDS:
        fix = f"write {_NEEDS[name]}: below {name}:"
        front.say("CARD_FEATURE", node, f"the type {name!r} cannot do without its {_NEEDS[name]}", fix)
    elif not _PATTERN.fullmatch(name) and name not in _KINDS:
        guess = near(name, (*_TYPES, *_KINDS, "timestamp[us]"))
        said = {"str": "string", "text": "string", "int": "int64", "float": "float64", "double": "float64"}
        guess = said.get(name.lower(), guess)
        fix = f"did you mean {guess!r}?" if guess else "use a type of `datasets`, such as string or int64"
        front.say("CARD_FEATURE", node, f"`datasets` does not know the type {name!r}", fix)


def _parameters(name: str, place: yaml.Node, node: yaml.Node, front: Front) -> None:
    """Judge what stands below a type that is more than a value of Arrow."""
    if kind(node) not in ("map", ANY):
        fix = f"write dtype: {name}" if name not in _NEEDS else f"write {_NEEDS[name]}: below it"
        front.say("CARD_TYPE", node, f"{name} is {KINDS[kind(node)]}, not a mapping", fix)
        return
    below = {key: value for key, _, value in entries(node)}
    if kind(node) != ANY and (need := _NEEDS.get(name)) and not below.keys() & {need, "<<", "num_classes"}:
        front.say("CARD_FEATURE", place, f"{name} has no {need}", f"write {need}: below it")
    if name == "class_label" and "names" in below:
        _labels(below["names"], front)


def _labels(node: yaml.Node, front: Front) -> None:
    """Judge the names of a class label: a list, or a mapping from '0', '1', … without gaps."""
    if kind(node) not in ("seq", "map", ANY):
        front.say("CARD_TYPE", node, f"names are {KINDS[kind(node)]}, not a list", "write an item for each label")
    pairs = list(entries(node))
    plain = [key for _, key, _ in pairs if isinstance(key, yaml.ScalarNode) and core(key) == "int" == kind(key)]
    if plain:
        what = f"{plain[0].value}, a number, is a key of names: the Hub asks for text"
        front.say("CARD_FEATURE", plain[0], what, f"write '{plain[0].value}', and so on below")
    numbers = [key for key, _, _ in pairs]
    if strange := [key for key, _, _ in pairs if not re.fullmatch("[0-9]+", key) and key != "<<"]:
        fix = "write a list of the labels, or '0':, '1':, and so on before them"
        front.say("CARD_FEATURE", node, f"{strange[0]!r} is not the number of a label", fix)
    elif sorted(int(key) for key in numbers) != list(range(len(numbers))) and len({*numbers}) == len(numbers):
        what = f"names go to {max(numbers, key=int)}, and there are {len(numbers)} of them"
        front.say("CARD_FEATURE", node, what, "number the labels from 0 without gaps")
    seen = set[str]()
    for label in [value for _, _, value in pairs] or items(node):
        front.text(label, "a label")
        if isinstance(label, yaml.ScalarNode):
            if label.value in seen and kind(label) != ANY:
                front.say("CARD_FEATURE", label, f"two labels are {label.value!r}", "give each a name of its own")
            seen.add(label.value)
