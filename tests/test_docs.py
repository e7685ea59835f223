"""Documentation that cannot rot: computed parts are fresh, commands run, links lead somewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click import Group
from conftest import ROOT

from parquetry.papers.card import fill
from parquetry.reader.cli import build_command, group
from parquetry.words.recipe import Recipe

PAGES = [ROOT / "README.md", ROOT / "DATASET_CARD.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    text = re.sub(r"```.*?```", "", page.read_text("utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http:", "https:", "#")):
            assert (page.parent / target.split("#")[0]).exists(), target


def test_computed_parts_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "docs/fill.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_option_of_every_command_is_on_the_page() -> None:
    page = (ROOT / "docs/COMMANDS.md").read_text("utf-8")
    commands = [build_command(lambda: None), *(group.commands.values() if isinstance(group, Group) else ())]  # type: ignore[arg-type]
    for command in commands:
        for option in (flag for parameter in command.params for flag in parameter.opts if flag.startswith("--")):
            assert option in page, f"{command.name} {option}"


def test_every_key_of_the_recipe_is_on_the_page() -> None:
    page = (ROOT / "docs/RECIPE.md").read_text("utf-8")
    for part in Recipe.model_json_schema()["$defs"].values():
        for key, spec in part.get("properties", {}).items():
            assert f"| `{key}` |" in page
            assert spec.get("description") or "$ref" in str(spec), f"{key} has no meaning"


#: Codes that tests make up.
MADE_UP = {"A_CODE", "B_CODE"}
CODE = r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{5,}"


def documented() -> dict[str, set[str]]:
    """How each code of the page ends."""
    page = (ROOT / "docs/ERRORS.md").read_text("utf-8").split("## Codes")[1]
    rows = re.findall(rf"^\| `({CODE})` \| ([^|]+) \|", page, re.MULTILINE)
    assert len(rows) == len(dict(rows))
    return {code: set(ends.split(", ")) for code, ends in rows}


def test_every_code_that_a_test_sees_is_on_the_page() -> None:
    known, families = documented(), {code.split("_")[0] for code in documented()}
    seen = set[str]()
    for path in (ROOT / "tests").rglob("*.py"):
        text = path.read_text("utf-8")
        seen |= set(re.findall(rf"(?:error|warning)\[({CODE})\]", text))
        quoted = set(re.findall(r'"([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)(?=[": ])', text))
        seen |= {code for code in quoted if code.split("_")[0] in families - {"HF", "HUB"}}
    assert len(seen) > 150
    assert seen - MADE_UP - known.keys() == set()


def test_every_code_of_the_page_is_in_the_code() -> None:
    paths = [*(ROOT / "src/parquetry").rglob("*.py"), ROOT / "build_dataset.py"]
    text = "\n".join(path.read_text("utf-8") for path in paths)
    text = text.replace('f"ENCODING_UTF{', '"ENCODING_UTF16" "ENCODING_UTF32"')
    text = text.replace('removeprefix("WARN_")', '"LICENSE_LOOSER" "RIGHTS_UNKNOWN"')
    assert [code for code in documented() if f'"{code}"' not in text] == []


def test_every_code_of_the_page_says_what_is_wrong_and_where_it_ends() -> None:
    page = (ROOT / "docs/ERRORS.md").read_text("utf-8").split("## Codes")[1]
    for row in re.findall(r"^\| `[A-Z].*$", page, re.MULTILINE):
        code, ends, says, fix, raiser = (cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1])
        assert says.strip(" …:"), code
        assert fix.strip(" …:"), code
        assert raiser.startswith("`"), code
        assert ends == "warning" if code.startswith("`WARN_") else re.fullmatch("(([2-7]|row is removed)(, |$))+", ends)


def test_the_first_screen_of_the_readme_is_forty_lines() -> None:
    head = (ROOT / "README.md").read_text("utf-8").split("## What you get")[0]
    assert len(head.splitlines()) <= 42


def test_the_readme_s_way_to_a_dataset_of_one_s_own_works(tmp_path: Path) -> None:
    """The commands and files of "Make it yours", as they stand there."""
    section = (ROOT / "README.md").read_text("utf-8").split("## Make it yours")[1].split("\n## ")[0]
    blocks = re.findall(r"```(\w+)\n(.*?)```", section, re.DOTALL)
    shell = [text for kind, text in blocks if kind == "sh"]
    (tmp_path / "bin").mkdir()
    for name, words in (("parquetry", "-m parquetry"), ("python", "")):
        (tmp_path / "bin" / name).write_text(f'#!/bin/sh\nexec {sys.executable} {words} "$@"\n')
        (tmp_path / "bin" / name).chmod(0o755)
    environment = os.environ | {
        "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)]),
    }

    def run(text: str, cwd: Path) -> str:
        lines = "\n".join(line for line in text.splitlines() if not line.startswith("pip install"))
        done = subprocess.run(
            ["sh", "-e", "-c", lines], cwd=cwd, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "mine-1.0.0: sound (deep)" in run(shell[0], tmp_path)
    run(shell[1], tmp_path)
    here = tmp_path / "by-hand"
    for name, kind in (("record.schema.json", "json"), ("recipe.toml", "toml")):
        (here / name).write_text(next(text for one, text in blocks if one == kind), "utf-8")
    assert "by-hand-1.0.0: sound (deep)" in run(shell[2], here)


def test_the_project_speaks_of_itself_alone() -> None:
    """No path of a machine, no registry host, in anything that is committed."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False).stdout.split(
        "\n"
    )
    words = re.compile(
        "|".join((r"(?<![\w*.)-])/(wo" + "rk|ro" + "ot)/", "py" + r"pi\.org", "pythonhos" + "ted", "TO" + r"DO\b"))
    )
    for name in filter(None, tracked):
        path = ROOT / name
        if path.suffix != ".parquet" and path.is_file():
            assert not words.search(path.read_text("utf-8", errors="replace")), name


def test_filling_twice_is_filling_once_and_prose_is_left_alone() -> None:
    text = "a\n<!-- begin: x -->\nold\n<!-- end: x -->\nb <!-- a comment -->\n"
    once = fill(text, lambda name: f"new {name}", "page")
    assert once == "a\n<!-- begin: x -->\nnew x\n<!-- end: x -->\nb <!-- a comment -->\n"
    assert fill(once, lambda name: f"new {name}", "page") == once
