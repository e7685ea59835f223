"""All that a part depends on beside its sources -> one digest: where it is the same, so is the part."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path

import parquetry
from parquetry.record.held_out import Held
from parquetry.record.withdrawn import Gone
from parquetry.words.recipe import Recipe
from parquetry.words.schema import Schema

#: Packages that read, judge or write.
PACKAGES = ("jsonschema", "jsonschema-rs", "numpy", "openpyxl", "orjson", "pyarrow", "pyyaml", "regex", "unicodedata2")


def basis(recipe: Recipe, schemas: Mapping[str, Schema], held: Held, gone: Gone) -> str:
    """The digest of recipe, schemas, held-out texts, removals, this code, and since when the machine runs.

    What was written before the machine went down may not be on its disk: that is why a restart counts.
    """
    digest = hashlib.sha256()
    for piece in _pieces(recipe, schemas, held, gone):
        digest.update(hashlib.sha256(piece.encode()).digest())
    return digest.hexdigest()


def _pieces(recipe: Recipe, schemas: Mapping[str, Schema], held: Held, gone: Gone) -> Iterator[str]:
    yield json.dumps(recipe.model_dump(mode="json", by_alias=True), sort_keys=True)
    yield from (f"{name} {schema.sha256}" for name, schema in schemas.items())
    yield from (f"{name} {file}" for name, texts in held.items() for file in texts.files)
    yield from (f"{name} {request}" for name, known in gone.items() for request in known.requests)
    yield from (f"{name} {version(name)}" for name in PACKAGES)
    yield _code()
    boot = Path("/proc/sys/kernel/random/boot_id")
    yield boot.read_text("ascii") if boot.is_file() else "unknown"


@cache
def _code() -> str:
    """The digest of this package as it is installed."""
    digest, root = hashlib.sha256(parquetry.__version__.encode()), Path(parquetry.__file__).parent
    for path in sorted(path for path in root.rglob("*") if path.suffix in (".py", ".so", ".yml")):
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
