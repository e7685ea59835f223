"""The package's docstring is its map: check that the territory agrees."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from conftest import ROOT

import parquetry

SOURCE = ROOT / "src/parquetry"
FLOORS = re.findall(r"^(\w+) {2,}", parquetry.__doc__ or "", re.MULTILINE)


def order() -> list[str]:
    """Modules as ``floor.module`` in the order of the map."""
    floor, found = "", []
    for line in (parquetry.__doc__ or "").splitlines():
        if match := re.match(r"^(\w+) {2,}", line):
            floor = match[1]
        elif match := re.match(r"^ {4}(\w+) {2,}", line):
            found.append(f"{floor}.{match[1]}")
    return found


ORDER = order()
MODULES = {f"{path.parent.name}.{path.stem}": path for path in SOURCE.glob("*/[a-z]*.py")}
#: Third parties and the only rooms that may use them.
ROOMS = {
    "click": {"reader.cli", "reader.new_command", "reader.commands"},
    "orjson": {"words.records"},
    "rich": {"reader.progress"},
    "matplotlib": {"papers.plots"},
    "openpyxl": {"sources.workbook"},
    "huggingface_hub": {"remote.client", "remote.hub", "remote.fetch"},
    "fsspec": {"remote.store"},
    "kingfisher_sdk": {"gates.secrets"},
    "botocore": {"remote.store"},
    "aiohttp": {"remote.store"},
    "jinja2": {"papers.preview"},
    "markupsafe": {"papers.preview"},
    "yaml": {"papers.card", "papers.configs", "papers.features", "papers.lint", "papers.matter", "sources.documents"},
    "jsonschema": {"words.schema", "words.shape", "record.judge"},
    "jsonschema_rs": {"words.schema", "record.judge"},
    "referencing": {"words.shape", "record.judge"},
    "regex": {"record.tokens"},
    "unicodedata2": {"record.clean"},
    "packaging": {"words.licenses"},
    "pydantic": {
        "words.vocabulary",
        "words.dataset",
        "words.splits",
        "words.repeats",
        "words.recipe",
        "files.manifest",
    },
    "pydantic_core": {"words.vocabulary", "words.mistakes", "corpus.split"},
}
FREE = {"pyarrow", "numpy", "parquetry"}


def imports(path: Path) -> set[str]:
    """What a module imports, wherever in it, by full name."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def rooms(path: Path) -> set[str]:
    """The modules of this package that a module imports, as ``floor.module``."""
    named = {".".join(name.split(".")[1:3]) for name in imports(path) if name.startswith("parquetry.")}
    return named & set(MODULES)


def test_every_module_is_on_the_map() -> None:
    assert sorted(ORDER) == sorted(MODULES)
    assert [path.name for path in sorted(SOURCE.iterdir()) if path.is_dir() and path.name[0] != "_"] == sorted(FLOORS)


@pytest.mark.parametrize("module", ORDER)
def test_a_module_imports_only_what_was_read_before_it(module: str) -> None:
    assert rooms(MODULES[module]) <= set(ORDER[: ORDER.index(module)])


@pytest.mark.parametrize("module", ORDER)
def test_third_parties_stay_in_their_rooms(module: str) -> None:
    for name in {name.split(".")[0] for name in imports(MODULES[module])} - FREE:
        assert name not in ROOMS or module in ROOMS[name], f"{module} imports {name}"


def test_every_third_party_has_a_room() -> None:
    import sys

    used = {name.split(".")[0] for path in MODULES.values() for name in imports(path)}
    assert used - sys.stdlib_module_names - FREE - ROOMS.keys() == set()


def test_verify_can_be_read_by_a_stranger() -> None:
    """It needs a folder, and neither recipe nor sources, however far one follows its imports."""
    seen, todo = set[str](), ["reader.verify"]
    while todo:
        module = todo.pop()
        seen.add(module)
        todo += rooms(MODULES[module]) - seen
    assert not seen & {
        "words.recipe",
        "words.tables",
        "record.read",
        "sources.partitions",
        "sources.streams",
        "record.clean",
        "files.workspace",
        "corpus.dedup",
    }


@pytest.mark.parametrize("module", ORDER)
def test_a_module_fits_in_one_sitting(module: str) -> None:
    assert len(MODULES[module].read_text("utf-8").splitlines()) <= 300


@pytest.mark.parametrize("path", [*MODULES.values(), ROOT / "build_dataset.py"], ids=lambda p: p.stem)
def test_a_function_fits_on_a_screen(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 40, node.name
            own = [
                a
                for a in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
                if a.arg not in ("self", "cls")
            ]
            assert len(own) <= 6, f"{node.name} has {len(own)} parameters"


def test_the_story_is_told_in_120_lines() -> None:
    assert len((ROOT / "build_dataset.py").read_text("utf-8").splitlines()) <= 120


@pytest.mark.parametrize("module", ORDER)
def test_nobody_catches_everything_prints_or_exits_but_the_door(module: str) -> None:
    for node in ast.walk(ast.parse(MODULES[module].read_text("utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            names = ast.unparse(node.type) if node.type else ""
            assert names not in ("", "Exception", "BaseException"), module
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called != "print" and not (called == "sys.exit" and module != "reader.cli"), module
