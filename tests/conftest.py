"""What the tests share: this repository, a copy of its dataset, and small datasets of their own."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import build_dataset
import pyarrow as pa
import pytest
from hypothesis import settings

from parquetry.reader.drift import Built
from parquetry.words.engine import Local

ROOT = Path(__file__).resolve().parent.parent
RELEASE = ROOT / "data/belarus-foreign-alignment-1.0.0"
SHARED = ROOT.parent / "shared"

#: Examples of each law: fewer where all tests run at every change.
EXAMPLES = 25 if os.environ.get("CI") else 100
settings.register_profile("laws", deadline=None, max_examples=EXAMPLES)  # a busy machine is no reason to fail
settings.load_profile("laws")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("HF_DATASETS_DISABLE_PROGRESS_BARS", "1")

#: Shape of the records of a `Project`.
NOTE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "text"],
    "properties": {
        "id": {"type": "string", "description": "Name."},
        "text": {"type": "string", "minLength": 1, "description": "What it says."},
        "source": {"type": ["string", "null"], "description": "Who says it."},
        "day": {"type": ["string", "null"], "format": "date", "description": "When."},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "description": "Labels."},
    },
}

DATASET = """
[dataset]
name = "notes"
version = "1.0.0"
title = "Notes"
summary = "Notes to try things out."
license = "cc0-1.0"
languages = ["en"]
released = "2026-11-22"
creators = [{ name = "Doe, Jane" }]
"""
RECIPE = f"""{DATASET}
[tables.notes]
schema = "notes.schema.json"
sources = ["notes*.jsonl"]
id = "id"

[tables.notes.split]
ratios = {{ train = 0.8, test = 0.2 }}
"""


class Project:
    """A small dataset in a folder of its own: write its files, build it, look at it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.recipe(RECIPE)
        self.schema("notes", NOTE)

    def recipe(self, text: str) -> Path:
        return self.file("recipe.toml", text)

    def edit(self, old: str, new: str) -> None:
        text = (self.root / "recipe.toml").read_text("utf-8")
        assert old in text
        self.recipe(text.replace(old, new))

    def schema(self, name: str, document: Mapping[str, Any]) -> Path:
        return self.file(f"{name}.schema.json", json.dumps(document))

    def rows(self, name: str, rows: Iterable[Any]) -> Path:
        lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
        return self.file(name, "".join(line + "\n" for line in lines))

    def file(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
        return path

    def build(self, workers: int = 1, **flags: Any) -> Built:
        return build_dataset.build(self.root / "recipe.toml", self.root / "out", Local(workers), **flags)

    @property
    def release(self) -> Path:
        return next(path for path in (self.root / "out").iterdir() if path.suffix not in (".removed", ".refused"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A `Project` without rows."""
    return Project(tmp_path / "project")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A copy of what a build of the bundled dataset reads."""
    for name in ("recipe.toml", "DATASET_CARD.md"):
        (tmp_path / "repository").mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / "repository" / name)
    for name in ("schema", "data/corpus", "data/curation", "docs"):
        shutil.copytree(ROOT / name, tmp_path / "repository" / name)
    return tmp_path / "repository"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """A copy of the released dataset, to be damaged."""
    return Path(shutil.copytree(RELEASE, tmp_path / "copy"))


def stored(folder: Path, name: str, raw: bytes) -> Path:
    """A file with this content, compressed as its name says."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".gz"):
        raw = gzip.compress(raw, mtime=0)
    elif name.endswith(".zst"):
        raw = pa.Codec("zstd").compress(raw, asbytes=True)
    path.write_bytes(raw)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


Runner = Callable[..., Any]
