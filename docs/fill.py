#!/usr/bin/env python3
"""The model, the command line and a real build -> what the pages of this project say about them.

python docs/fill.py            fill the regions of README.md and docs/, write schema/recipe.schema.json
python docs/fill.py --check    write nothing; end in 5 if one of them is stale
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import codes
from promises import promises

from parquetry.papers.card import fill
from parquetry.papers.markdown import code, escape, table
from parquetry.words.recipe import Recipe

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/RECIPE.md", "docs/COMMANDS.md", "docs/ERRORS.md")
#: What a build of the bundled dataset reads.
INPUTS = ("recipe.toml", "build_dataset.py", "DATASET_CARD.md", "docs", "schema", "data/corpus", "data/curation")


def region(name: str) -> str | None:
    """The content of a region of one of `PAGES`."""
    if name == "recipe":
        return reference()
    if name == "commands":
        return "\n\n".join(f"### `{title}`\n\n```text\n{text}\n```" for title, text in helps().items())
    if name == "errors":
        return codes.page()
    if name == "promises":
        return promises()
    if name in (shown := session()):
        return f"```console\n{shown[name]}\n```"
    return None


def reference() -> str:
    """A table for each part of the recipe, from the model itself."""
    document = Recipe.model_json_schema()
    sections: list[tuple[str, dict[str, Any]]] = [("[dataset]", document["$defs"]["Dataset"])]
    sections += [
        ("dataset.creators", document["$defs"]["Creator"]),
        ("[[dataset.origins]]", document["$defs"]["Origin"]),
        ("[[dataset.allowed]]", document["$defs"]["Allowed"]),
    ]
    sections.append(("[tables.NAME]", document["$defs"]["Table"]))
    for part in ("Read", "Clean", "Duplicates", "Decontaminate", "Split"):
        sections.append((f"[tables.NAME.{part.lower()}]", document["$defs"][part]))
    sections.append(("tables.NAME.split.time", document["$defs"]["Time"]))
    sections += [("[files]", document["$defs"]["Files"]), ("[limits]", document["$defs"]["Limits"])]
    return "\n\n".join(_section(title, part) for title, part in sections)


def _section(title: str, part: dict[str, Any]) -> str:
    rows = []
    for key, spec in part["properties"].items():
        default = "required" if key in part.get("required", ()) else code(json.dumps(spec.get("default", "none")))
        if default in ('`"none"`', "`{}`", "`[]`", '`""`', "`null`"):
            default = "none"
        rows.append([code(key), escape(_type(spec)), default, _meaning(spec)])
    about = part.get("description", "").replace("\n", " ")
    return f"### `{title}`\n\n{about}\n\n" + table(["key", "type", "default", "meaning"], rows)


def _meaning(spec: dict[str, Any]) -> str:
    """What a key means; the docstrings of the model are Markdown already."""
    return str(spec.get("description", "see below")).replace("\n", " ").replace("|", "\\|")


def _type(spec: dict[str, Any]) -> str:
    if "anyOf" in spec:
        return " or ".join(dict.fromkeys(_type(choice) for choice in spec["anyOf"] if choice.get("type") != "null"))
    if "enum" in spec or "const" in spec:
        return " | ".join(json.dumps(value) for value in spec.get("enum", [spec.get("const")]))
    if spec.get("type") == "array":
        return f"list of {_type(spec['items'])}" if spec.get("items") else "list"
    if spec.get("type") == "object":
        return f"table of {_type(spec['additionalProperties'])}" if "additionalProperties" in spec else "table"
    return {"string": "text"}.get(spec.get("type", ""), spec.get("type", "table"))


def helps() -> dict[str, str]:
    """The help of each command, as it is printed."""
    commands = {"python build_dataset.py": ("build_dataset.py",), "parquetry": ("-m", "parquetry")}
    verbs = ("new", "verify", "diff", "lint", "publish", "get", "scan", "trace")
    commands |= {f"parquetry {verb}": ("-m", "parquetry", verb) for verb in verbs}
    return {title: _run([sys.executable, *words, "--help"], ROOT) for title, words in commands.items()}


@cache
def session() -> dict[str, str]:
    """What a newcomer sees: a build, a check, a check that fails, and the folder that they made."""
    with tempfile.TemporaryDirectory() as aside:
        place = Path(aside)
        for name in INPUTS:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            copy(ROOT / name, place / name)
        build = [sys.executable, "build_dataset.py"]
        _run(build, place)
        release = next(place.glob("data/*-*.*.*"))
        relative = release.relative_to(place).as_posix()
        flipped = release / "data/events/test-00000-of-00001.parquet"
        again = _run(build, place)  # a clone holds the release, so this is what a newcomer sees
        sound = _run([sys.executable, "-m", "parquetry", "verify", "--deep", relative], place)
        raw = bytearray(flipped.read_bytes())
        raw[1000] ^= 1  # one bit, far inside a page of text
        flipped.write_bytes(raw)
        broken = _run([sys.executable, "-m", "parquetry", "verify", relative], place, expect=5)
        tree = "\n".join(sorted(p.relative_to(release).as_posix() for p in release.rglob("*") if p.is_file()))
    return {
        "build": f"$ make dataset\n{again}",
        "verify": f"$ parquetry verify --deep {relative}\n{sound}",
        "flip": f"$ parquetry verify {relative}     # after one flipped bit\n{broken}",
        "tree": f"$ (cd {relative}; find . -type f | sort)\n{tree}",
    }


def _run(command: list[str], place: Path, expect: int = 0) -> str:
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode != expect:
        raise SystemExit(f"{command} ended in {done.returncode}, not {expect}:\n{done.stdout}{done.stderr}")
    return (done.stdout if expect == 0 else done.stderr).strip()


def main() -> int:
    """Fill the pages, or say which are stale."""
    pages = {name: (ROOT / name).read_text("utf-8") for name in PAGES}
    fresh = {name: fill(text, region, name) for name, text in pages.items()}
    name = "schema/recipe.schema.json"
    pages[name] = (ROOT / name).read_text("utf-8") if (ROOT / name).exists() else ""
    schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **Recipe.model_json_schema()}
    fresh[name] = json.dumps(schema, indent=1, ensure_ascii=False) + "\n"
    stale = [name for name, text in fresh.items() if pages[name] != text]
    if "--check" in sys.argv:
        print(f"stale: {', '.join(stale)}; run make docs" if stale else "README and docs are fresh")
        return 5 if stale else 0
    for name in stale:
        (ROOT / name).write_text(fresh[name], "utf-8")
        print(f"filled {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
