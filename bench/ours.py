"""What Parquetry is measured on: its recipes, its commands, and the checks of its promises.

The checks do not trust the program that they check: which lines must be rejected says the list that was written when
they were spoiled, and whether two releases are the same says a digest over all their files.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parent.parent


class Variant(NamedTuple):
    """One way to build a corpus."""

    corpus: str
    id: str
    text: str  #: As the recipe writes it; empty for none.
    exact: str  #: What happens to exact duplicates.
    rejected: str = "0"  #: The limit of rejected rows, as the recipe writes it.


#: By name: the full build of articles, the same with nothing compared, events, and articles with spoiled lines.
VARIANTS = {
    "articles": Variant("articles", "id", '["text"]', "drop"),
    "plain": Variant("articles", "id", "[]", "keep"),
    "events": Variant("events", "event_id", "[]", "keep"),
    "planted": Variant("articles", "id", '["text"]', "drop", '"100%"'),
}
_RECIPE = """\
[dataset]
name = "bench-{name}"
version = "1.0.0"
title = "Benchmark: {name}"
summary = "Made-up records, to measure a build."
license = "cc0-1.0"
languages = ["en"]
released = "2026-11-22"
creators = [{{ name = "The Parquetry authors" }}]

[tables.{corpus}]
schema = "{corpus}.schema.json"
sources = [{source}]
id = "{id}"
text = {text}

[tables.{corpus}.duplicates]
exact = "{exact}"

[tables.{corpus}.split]
ratios = {{ train = 0.9, validation = 0.05, test = 0.05 }}

[files]
compression_level = 1

[limits]
rejected = {rejected}
"""
_BUILD = """\
import sys
from pathlib import Path
from parquetry.sources import lines
lines.BLOCK_BYTES = {block} or lines.BLOCK_BYTES
import build_dataset
from parquetry.words.engine import Local
build_dataset.build(Path(sys.argv[1]), Path(sys.argv[2]), Local({workers}))
"""


def recipe(folder: Path, source: Path, name: str) -> Path:
    """Write the recipe of a variant and its schema into a folder; the path of the recipe."""
    variant = VARIANTS[name]
    shutil.copy(ROOT / f"bench/{variant.corpus}.schema.json", folder)
    known = variant._asdict() | {"name": name, "source": json.dumps(str(source.resolve()))}
    path = folder / f"{name}-{source.stem}.toml"
    path.write_text(_RECIPE.format_map(known), encoding="utf-8")
    return path


def build(recipe: Path, out: Path, workers: int = 0) -> list[str]:
    """The command that a user gives; 0 workers are one for each processor."""
    given = [str(recipe), "--out", str(out), "--workers", str(workers), "--json"]
    return [sys.executable, str(ROOT / "build_dataset.py"), *given]


def build_in_blocks(recipe: Path, out: Path, workers: int, block: int) -> list[str]:
    """A command that builds with text read in blocks of so many bytes, which no user can set; 0 is the default."""
    return [sys.executable, "-c", _BUILD.format(block=block, workers=workers), str(recipe), str(out)]


def digest(folder: Path) -> str:
    """SHA-256 over the names and bytes of all files in a folder."""
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        with path.open("rb") as file:
            total.update(f"{path.relative_to(folder)}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def rejected(place: Path) -> list[dict[str, Any]]:
    """The rejected rows of a release, from the folder beside it."""
    path = place.with_name(f"{place.name}.removed") / "rejected.jsonl"
    return [json.loads(line) for line in path.read_bytes().splitlines()] if path.exists() else []


def differences(listing: Path, found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Compare the rejected rows with the list of spoiled lines: what was missed, and what was rejected beyond it."""
    told = {(row["line"], row["code"]): row["kind"] for row in map(json.loads, listing.read_bytes().splitlines())}
    seen = [(row["line"], row["code"]) for row in found]
    return {
        "planted": len(told),
        "found": len(seen),
        "missed": [f"line {line}: {code} ({told[line, code]})" for line, code in told if (line, code) not in set(seen)],
        "beyond": [f"line {line}: {code}" for line, code in seen if (line, code) not in told],
    }
