"""A release says what changed since the versions before it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import NOTE, Project

from parquetry.files.manifest import load
from parquetry.reader.verify import verify
from parquetry.words.errors import RecipeError

SPLIT = ("ratios = { train = 0.8, test = 0.2 }", 'assigned = "splits.csv"')


def version(root: Path, number: str, rows: dict[str, str], previous: str = "") -> tuple[Project, list[str]]:
    """Build a version whose rows are ``{id: split}``; the codes of the warnings."""
    project = Project(root / number)
    project.edit(*SPLIT)
    project.edit('version = "1.0.0"', f'version = "{number}"\nprevious = "{previous}"')
    project.rows("notes.jsonl", [{"id": name, "text": f"the text of {name}"} for name in rows])
    project.file("splits.csv", "id,split\n" + "".join(f"{name},{split}\n" for name, split in rows.items()))
    return project, [problem.code for problem in project.build().warnings]


def test_a_card_says_what_changed_from_version_to_version(tmp_path: Path) -> None:
    first, _ = version(tmp_path, "1.0.0", {"a": "train", "b": "train", "c": "test"})
    assert load(first.release).history is None
    assert "No earlier version is named." in (first.release / "README.md").read_text("utf-8")
    second, warned = version(
        tmp_path, "2.0.0", {"a": "train", "b": "test", "d": "train", "e": "test"}, "../1.0.0/out/notes-1.0.0"
    )
    assert "WARN_VERSION" not in warned
    third, warned = version(tmp_path, "2.1.0", {"a": "train"}, "../2.0.0/out/notes-2.0.0")
    assert "WARN_VERSION" in warned, "rows were removed, so it should be called 3.0.0"
    latest, before = load(third.release).history or ()
    assert (latest.asks_for, latest.at_least, latest.previous) == ("major", "3.0.0", "2.0.0")
    assert before == (load(second.release).history or ())[0]
    change = before.tables["notes"]
    assert (change.before, change.rows, change.added, change.removed, change.changed, change.moved) == (
        3,
        4,
        2,
        1,
        0,
        1,
    )
    card = (third.release / "README.md").read_text("utf-8")
    assert "**2.1.0** (2026-11-22), compared with 2.0.0; this is major by the rules of Croissant." in card
    assert "| `notes` | 3 | 4 | 2 | 1 | 0 | 1 | the same |" in card
    assert verify(third.release, "deep").problems == ()
    assert "1.0.0/out" not in (second.release / "manifest.json").read_text("utf-8"), "no place on this machine"


def test_columns_and_tables_that_come_and_go_are_told(tmp_path: Path) -> None:
    version(tmp_path, "1.0.0", {"a": "train"})
    project = Project(tmp_path / "1.1.0")
    project.edit(*SPLIT)
    project.edit('version = "1.0.0"', 'version = "1.1.0"\nprevious = "../1.0.0/out/notes-1.0.0"')
    project.recipe(
        (project.root / "recipe.toml").read_text("utf-8").replace("tables.notes", "tables.texts")
        + '[tables.notes]\nsources = ["notes.jsonl"]\nschema = "notes.schema.json"\nid = "id"\n'
        + 'default = true\n[tables.notes.split]\nonly = "train"\n'
    )
    properties: dict[str, Any] = {**NOTE["properties"], "more": {"type": "integer"}}
    del properties["day"]
    project.schema("notes", NOTE | {"properties": properties})
    project.rows("notes.jsonl", [{"id": "a", "text": "the text of a"}])
    project.file("splits.csv", "id,split\na,train\n")
    project.build()
    (step,) = load(project.release).history or ()
    assert step.tables["texts"].added == 1 and step.tables["texts"].before == 0
    assert step.tables["notes"].columns == {"added": ("more",), "removed": ("day",)}
    assert "| new: `more`; gone: `day` |" in (project.release / "README.md").read_text("utf-8")


def test_a_step_must_end_at_the_rows_of_the_release(tmp_path: Path) -> None:
    version(tmp_path, "1.0.0", {"a": "train"})
    second, _ = version(tmp_path, "2.0.0", {"a": "train", "b": "train"}, "../1.0.0/out/notes-1.0.0")
    path = second.release / "manifest.json"
    facts = json.loads(path.read_text("utf-8"))
    facts["history"][0]["tables"]["notes"]["rows"] = 3
    path.write_text(json.dumps(facts), "utf-8")
    assert "COUNTS_DIFFER" in {problem.code for problem in verify(second.release).problems}


@pytest.mark.parametrize(
    ("number", "previous", "code"),
    [
        ("1.0.0", "../1.0.0/out/notes-1.0.0", "PREVIOUS_VERSION"),
        ("0.9.0", "../1.0.0/out/notes-1.0.0", "PREVIOUS_VERSION"),
        ("1.1.0", "../nowhere", "PREVIOUS_MISSING"),
    ],
)
def test_what_is_no_earlier_version_is_refused(tmp_path: Path, number: str, previous: str, code: str) -> None:
    version(tmp_path, "1.0.0", {"a": "train"})
    (tmp_path / "other").mkdir()
    with pytest.raises(RecipeError) as caught:
        version(tmp_path / "other", number, {"a": "train"}, previous.replace("../1", "../../1"))
    assert caught.value.problems[0].code == code
