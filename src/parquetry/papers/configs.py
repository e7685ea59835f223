"""The configs of a card, and what it says about their contents -> what keeps `datasets` from loading them.

The rules are those of `MetadataConfigs`, `SplitDict` and `sanitize_patterns` in `datasets`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import yaml

from parquetry.papers.features import features
from parquetry.papers.matter import ANY, KINDS, Front, core, entries, items, kind, quoted
from parquetry.words.hub import near

#: Characters that no file of Windows has in its name: the name of a config becomes that of a folder.
_FORBIDDEN = r"[<>:/\\|?*]"
_SPLIT = re.compile(r"\w+(\.\w+)*")
_INFO = """config_name features splits download_size dataset_size description citation homepage license version
    builder_name dataset_name supervised_keys post_processed post_processing_size size_in_bytes download_checksums
    task_templates config_id""".split()
_NUMBERS = ("download_size", "dataset_size")
_RECORD = ("name", "num_bytes", "num_examples")


def check(root: yaml.MappingNode, front: Front) -> None:
    """Note what is wrong in ``configs`` and ``dataset_info``, and where one does not fit the other."""
    members = {key: value for key, _, value in entries(root)}
    named = _configs(members["configs"], front) if "configs" in members else {}
    if "dataset_info" in members:
        _infos(members["dataset_info"], named, front)


def _configs(node: yaml.Node, front: Front) -> dict[str, yaml.Node]:
    """Judge the configs; they are returned by their names, or none if one cannot be told."""
    if kind(node) not in ("seq", "null", ANY):
        fix = "write an item for each config: - config_name: default, and its data_files below"
        front.say("CARD_TYPE", node, f"configs are {KINDS[kind(node)]}, not a list", fix)
    listed = items(node)
    if listed and all(isinstance(item, yaml.ScalarNode) for item in listed):
        fix = "write - config_name: and its data_files for each, or call the key config_names"
        front.say("CARD_CONFIG", node, "configs is a list of names, as it was before 2023", fix)
        return {}
    named, defaults = dict[str, yaml.Node](), dict[str, yaml.Node]()
    for item in listed:
        if kind(item) not in ("map", ANY):
            what = f"a config is {KINDS[kind(item)]}, not a mapping"
            front.say("CARD_TYPE", item, what, "write - config_name: and its data_files")
            continue
        if (name := _config(item, front)) and kind(name) != ANY:
            if name.value in named:
                fix = "rename one: `datasets` sees the last alone"
                front.say("CARD_CONFIG", name, f"two configs are called {name.value!r}", fix)
            named[name.value] = item
            chosen = [value for key, _, value in entries(item) if key == "default" and _true(value)]
            if chosen or name.value == "default":
                defaults[name.value] = chosen[0] if chosen else name
    for second in list(defaults)[1:]:
        first = next(iter(defaults))
        fix = "keep one default: true; a config that is called default is one without saying so"
        front.say("CARD_CONFIG", defaults[second], f"both {first!r} and {second!r} are default configs", fix)
    return named if len(named) == len(listed) else {}


def _config(node: yaml.Node, front: Front) -> yaml.ScalarNode | None:
    """Judge one config; its name, if it has one."""
    members, found = {key: value for key, _, value in entries(node)}, None
    if (name := members.get("config_name")) is None:
        if "<<" not in members and kind(node) != ANY:
            front.say("CARD_CONFIG", node, "a config has no config_name", "write config_name: and its name")
    elif front.text(name, "config_name") and isinstance(name, yaml.ScalarNode):
        found = name
        if bad := re.search(_FORBIDDEN, name.value):
            fix = "use letters, digits, '-', '_' and '.'"
            front.say("CARD_CONFIG", name, f"the name of a config cannot have {bad[0]!r} in it: {name.value!r}", fix)
    if "data_files" in members and kind(members["data_files"]) != "null":
        _files(members["data_files"], front)
    if "data_dir" in members:
        front.text(members["data_dir"], "data_dir")
    if "default" in members:
        front.switch(members["default"], "default")
    if "features" in members:
        features(members["features"], front)
    return found


def _true(node: yaml.Node) -> bool:
    return kind(node) == "bool" and node.value.lower() in ("true", "yes", "on")


def _files(node: yaml.Node, front: Front) -> None:
    """Judge data_files: a path, a list of paths, or a list of splits with theirs."""
    if isinstance(node, yaml.MappingNode):
        fix = "write a list: - split: train, and path: below it"
        front.say("CARD_CONFIG", node, "data_files is a mapping, not a path or a list", fix)
        return
    if isinstance(node, yaml.ScalarNode):
        front.text(node, "data_files")
    listed, seen = items(node), set[str]()
    splits = [item for item in listed if isinstance(item, yaml.MappingNode)]
    for item in listed:
        if isinstance(item, yaml.MappingNode):
            if (name := _split(item, front)) in seen and name:
                fix = "write its paths as a list below one path:"
                front.say("CARD_CONFIG", item, f"the split {name!r} stands twice in data_files", fix)
            seen.add(name)
        elif splits and kind(item) != ANY:
            fix = "write - split: and path: for each, or paths alone"
            front.say("CARD_CONFIG", item, "a path stands among splits, and belongs to none", fix)
        else:
            front.text(item, "a path")


def _split(node: yaml.MappingNode, front: Front) -> str:
    """Judge an item of data_files; the name of its split, if it has one."""
    members = {key: value for key, _, value in entries(node)}
    for needed in [one for one in ("split", "path") if one not in members and "<<" not in members]:
        has = "a path has no split" if needed == "split" else "a split has no path"
        front.say("CARD_CONFIG", node, has, f"write {needed}: beside it")
    for key, place, _ in entries(node):
        if key not in ("split", "path", "<<"):
            fix = "write split and path alone: `datasets` refuses a third key"
            front.say("CARD_CONFIG", place, f"{key!r} stands beside split and path", fix)
    path = members.get("path")
    for one in items(path) if isinstance(path, yaml.SequenceNode) else [path] if path is not None else ():
        front.text(one, "a path")
    return split_name(members["split"], front) if "split" in members else ""


def split_name(node: yaml.Node, front: Front) -> str:
    """Judge the name of a split."""
    if not front.text(node, "the name of a split") or not isinstance(node, yaml.ScalarNode) or kind(node) == ANY:
        return ""
    if not _SPLIT.fullmatch(node.value):
        fix = "use letters, digits and '_', and '.' between them"
        front.say("CARD_SPLIT", node, f"{node.value!r} cannot be the name of a split", fix)
    elif node.value == "all":
        front.say("CARD_SPLIT", node, "'all' means all splits, and cannot name one", "rename it, such as train")
    return str(node.value)


def _infos(node: yaml.Node, named: dict[str, yaml.Node], front: Front) -> None:
    """Judge what is said about the contents of the configs."""
    if kind(node) not in ("seq", "map", "null", ANY):
        front.say("CARD_TYPE", node, f"dataset_info is {KINDS[kind(node)]}, not a mapping", "write features: below it")
    seen = set[str]()
    for item in items(node) if isinstance(node, yaml.SequenceNode) else [node]:
        if not isinstance(item, yaml.MappingNode):
            if item is not node and kind(item) != ANY:
                what = f"an item of dataset_info is {KINDS[kind(item)]}, not a mapping"
                front.say("CARD_TYPE", item, what, "write - config_name: and its features")
            continue
        members = {key: value for key, _, value in entries(item)}
        _info(item, members, front)
        name = members.get("config_name")
        if "<<" in members or (name is not None and (not front.text(name, "config_name") or kind(name) == ANY)):
            continue  # it cannot be told which config this is
        said = str(name.value) if name is not None else "default"
        if said in seen:
            fix = "give each item the config_name of its config"
            front.say("CARD_CONFIG", name or item, f"two items of dataset_info are about {said!r}", fix)
        seen.add(said)
        if named and said not in named:
            guess = near(said, named)
            fix = f"did you mean {guess!r}?" if guess else f"the configs are {', '.join(named)}"
            front.say("WARN_CARD_CONFIG", name or item, f"dataset_info is about {said!r}, which is no config", fix)


def _info(node: yaml.Node, members: dict[str, yaml.Node], front: Front) -> None:
    for key, place, value in entries(node):
        if key not in _INFO and kind(place) != ANY:
            guess = near(key, _INFO)
            fix = f"did you mean {guess!r}?" if guess else "leave it out: nobody reads it"
            front.say("WARN_CARD_KEY", place, f"`datasets` does not know the key {key!r} of dataset_info", fix)
        if key in _NUMBERS:
            _count(value, key, front)
    if (found := members.get("features")) is not None and kind(found) != "null":
        features(found, front)
    if (found := members.get("splits")) is not None and kind(found) != "null":
        _records(found, front)


def _count(node: yaml.Node, key: str, front: Front) -> None:
    """Judge a number of bytes or rows."""
    if kind(node) in (ANY, "null"):
        return
    fix = "write its digits alone"
    if not isinstance(node, yaml.ScalarNode) or core(node) != "int":
        front.say("CARD_TYPE", node, f"{key} is {front.shown(node)}, not a whole number", fix)
    elif node.value.startswith("-"):
        front.say("CARD_TYPE", node, f"{key} is {node.value}, less than 0", fix)


def _records(node: yaml.Node, front: Front) -> None:
    """Judge the splits of dataset_info."""
    if not isinstance(node, yaml.SequenceNode):
        if kind(node) != ANY:
            fix = "write an item for each split, with name, num_bytes and num_examples"
            front.say("CARD_TYPE", node, f"splits are {KINDS[kind(node)]}, not a list", fix)
        return
    seen = set[str]()
    for item in node.value:
        if kind(item) not in ("map", ANY):
            what = f"a split is {KINDS[kind(item)]}, not a mapping"
            front.say("CARD_TYPE", item, what, "write - name:, num_bytes: and num_examples:")
            continue
        members = {key: value for key, _, value in entries(item)}
        if lost := [key for key in _RECORD if key not in members and "<<" not in members and kind(item) != ANY]:
            what = f"a split has no {_listed(lost)}: `datasets` passes over all splits of this dataset_info"
            front.say("WARN_CARD_SPLITS", item, what, f"write {_listed(lost)}")
        for key in _RECORD[1:]:
            if key in members:
                _count(members[key], key, front)
        if "name" in members and (name := split_name(members["name"], front)):
            if name in seen:
                front.say("CARD_SPLIT", item, f"the split {quoted(name)} stands twice", "keep one of them")
            seen.add(name)


def _listed(words: Sequence[str]) -> str:
    """Words with commas, and `and` before the last."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))
