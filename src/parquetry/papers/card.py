"""Regions and prose -> the card of the release.

The prose is written by hand and never touched; what stands between ``<!-- begin: x -->`` and ``<!-- end: x -->`` is
computed. `fill` does this for the card, for the documents beside it, and for the pages of this project.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from parquetry.papers import sections
from parquetry.papers.facts import Facts
from parquetry.papers.markdown import escape
from parquetry.papers.pictures import ASSETS
from parquetry.papers.regions import HEADINGS, region
from parquetry.words.dataset import Dataset
from parquetry.words.errors import BIDI, Problem, RecipeError

#: Documents that go with a release stand in this folder of it.
DOCUMENTS = "docs"
#: A region; its marks stand alone on their lines, so that one in a cell of a table is a value like others.
_REGION = re.compile(
    r"^<!-- begin: (?P<name>[^\n]+?) -->\n(?P<body>.*?)^<!-- end: (?P=name) -->$", re.DOTALL | re.MULTILINE
)
_MARK = re.compile(r"<!-- (?:begin|end): [^\n]+? -->")


class Prose(NamedTuple):
    """What people wrote: the card and the documents beside it, regions and all."""

    name: str  #: Of the card's file; empty if there is none.
    text: str
    documents: Mapping[str, str]  #: Texts by file.

    @classmethod
    def load(cls, dataset: Dataset, root: Path) -> Prose:
        """Read the files that the recipe names, from the folder ``root``.

        Raises:
            RecipeError: A file is not UTF-8, or a region in it has no end.
        """
        texts, problems = dict[str, str](), list[Problem]()
        for name in (dataset.card, *dataset.documents):
            try:
                texts[name] = (root / name).read_bytes().decode("utf-8") if name else ""
                fill(texts[name], lambda _: "", name)
                problems += sections.problems(texts[name], name)
            except UnicodeDecodeError as error:
                problems.append(Problem("CARD_ENCODING", name, f"is not UTF-8: {error}", "save it as UTF-8"))
            except RecipeError as error:
                problems += error.problems
        if problems:
            raise RecipeError(*problems)
        return cls(dataset.card, texts.pop(dataset.card), texts)


def fill(text: str, make: Callable[[str], str | None], where: str) -> str:
    """Fill the regions of a document; nothing outside them changes, and filling twice is filling once.

    Args:
        text: The document.
        make: The content of a region by its name, or None if there is no such region.
        where: What messages call the document.

    Raises:
        RecipeError: A region is unknown, or has no end.
    """
    problems: list[Problem] = []

    def filled(match: re.Match[str]) -> str:
        body = make(match["name"])
        if body is None:
            fix = f"choose from {', '.join(HEADINGS)}, values TABLE.FIELD"
            problems.append(Problem("CARD_REGION", where, f"there is no region {match['name']!r}", fix))
        return f"<!-- begin: {match['name']} -->\n{body}\n<!-- end: {match['name']} -->"

    result = _REGION.sub(filled, text)
    if left := _MARK.search(_REGION.sub("", text)):
        fix = "write both, each on a line of its own, with the same name"
        problems.append(Problem("CARD_REGION", where, f"{left[0]!r} has no other end", fix))
    if problems:
        raise RecipeError(*problems)
    return result


def regions_of(text: str) -> dict[str, str]:
    """The content of each region of a document, by its name."""
    return {match["name"]: match["body"] for match in _REGION.finditer(text)}


def card(prose: str, facts: Facts, where: str) -> str:
    """The card: the prose with its regions filled; those that it lacks are appended, so that none can be forgotten."""
    text = prose if prose.strip() else f"# {escape(facts.manifest.dataset.title)}\n"
    for name, heading in HEADINGS.items():
        if f"<!-- begin: {name} -->" not in text:
            title = f"## {heading}\n\n" if heading else ""
            text += f"\n{title}<!-- begin: {name} -->\n<!-- end: {name} -->\n"
    return fill(text, lambda name: region(name, facts), where)


def document(prose: str, facts: Facts, where: str) -> str:
    """A document beside the card, with its regions filled."""
    return fill(prose, lambda name: region(name, facts), where)


def front_matter(facts: Facts) -> str:
    """What the Hub and `datasets` read: licence, languages, files of each config and split, features, sizes.

    Every string is quoted, because YAML 1.1 and 1.2 disagree on what ``no``, ``1e3`` and ``0o17`` are.
    """
    dataset, tables = facts.manifest.dataset, facts.manifest.tables
    total = sum(facts.totals[name].rows for name in tables)
    keys: dict[str, Any] = {
        "pretty_name": dataset.title,
        "license": dataset.license,
        "language": list(dataset.languages),
        "size_categories": [size_category(total)],
        "annotations_creators": list(dataset.annotations_creators),
        "source_datasets": list(dataset.source_datasets),
        "task_categories": list(dataset.task_categories),
        "tags": list(dataset.keywords),
        "configs": [_config(name, facts) for name in tables],
        "dataset_info": [_info(name, facts) for name in tables],
    }
    kept = {name: value for name, value in keys.items() if value}
    return f"---\n{_yaml(kept)}---\n"


def size_category(rows: int) -> str:
    """The Hub's name for a number of rows.

    >>> size_category(999), size_category(1000), size_category(20_000_000)
    ('n<1K', '1K<n<10K', '10M<n<100M')
    """
    names = ["1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T"]
    power = len(str(rows)) - 3
    return "n<1K" if power < 1 else "n>1T" if power > 9 else f"{names[power - 1]}<n<{names[power]}"


def cards(prose: Prose, facts: Facts) -> dict[str, str]:
    """The texts of ``README.md`` and of the documents of a release, by path."""
    texts = {f"{DOCUMENTS}/{Path(name).name}": document(text, facts, name) for name, text in prose.documents.items()}
    return {"README.md": front_matter(facts) + "\n" + card(prose.text, facts, prose.name), **texts}


def at_home(text: str, release: str) -> str:
    """The text of a release as it stands in its repository: the pictures of the release of this name are shown."""
    return text.replace(f"]({ASSETS}/", f"](data/{release}/{ASSETS}/")


def refresh(prose: Prose, facts: Facts, root: Path) -> list[str]:
    """Fill the regions of the files that the prose came from; the names of those that changed."""
    fresh = {name: document(text, facts, name) for name, text in prose.documents.items()}
    if prose.name:
        fresh[prose.name] = card(prose.text, facts, prose.name)
    fresh = {name: at_home(text, facts.manifest.name) for name, text in fresh.items()}
    changed = [name for name, text in fresh.items() if (root / name).read_bytes() != text.encode()]
    for name in changed:
        path = (root / name).resolve()  # where a link leads
        aside = path.with_name(f".{path.name}.new")
        aside.write_bytes(fresh[name].encode())
        shutil.copymode(path, aside)
        aside.replace(path)
    return changed


def _config(name: str, facts: Facts) -> dict[str, Any]:
    known = facts.manifest.tables[name]
    files = [{"split": split, "path": _pattern(name, split, facts)} for split in known.splits]
    return {"config_name": name} | ({"default": True} if known.default else {}) | {"data_files": files}


def _pattern(name: str, split: str, facts: Facts) -> str:
    """The files of a split: by name if there is one, else by pattern."""
    shards = facts.manifest.shards(name, split)
    return shards[0].path if len(shards) == 1 else re.sub(r"-\d{5}-of-", "-*-of-", shards[0].path)


def _info(name: str, facts: Facts) -> dict[str, Any]:
    known = facts.manifest.tables[name]
    features = [{"name": field.name} | field.card for field in facts.schemas[name].fields]
    splits = [{"name": s, "num_bytes": rows.bytes, "num_examples": rows.rows} for s, rows in known.splits.items()]
    download = sum(file.bytes for file in facts.manifest.shards(name))
    sizes = {"download_size": download, "dataset_size": sum(rows.bytes for rows in known.splits.values())}
    return {"config_name": name, "features": features, "splits": splits, **sizes}


class _Quoting(yaml.SafeDumper):
    """Writes every value that is text in double quotes, and the names of keys plain."""

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        for key, _ in node.value:
            key.style = None if re.fullmatch(r"[a-z_]+", key.value) else '"'
        return node

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


_Quoting.add_representer(str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"'))


def _yaml(value: Any) -> str:
    text = yaml.dump(value, Dumper=_Quoting, sort_keys=False, allow_unicode=True, width=10_000)
    return "".join(f"\\u{ord(c):04x}" if c in BIDI else c for c in text)
