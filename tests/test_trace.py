"""One row is followed from its source to its split, or to where it was removed."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner
from conftest import RELEASE, ROOT, Project

from parquetry.reader.cli import group
from parquetry.reader.trace import Found, recipe_of, told, trace
from parquetry.words.errors import RecipeError

TEXT = "one two three four five six seven eight nine ten eleven twelve"


def followed(project: Project, wanted: str) -> list[Found]:
    return trace(project.release, wanted, project.root / "recipe.toml")


def test_a_row_of_the_bundled_release_is_followed_to_its_line() -> None:
    lines = (ROOT / "data/corpus/events.jsonl").read_text("utf-8").splitlines()
    for number in (0, 100, 188):
        (found,) = trace(RELEASE, json.loads(lines[number])["event_id"], recipe_of(RELEASE))
        assert found.facts["source"] == f"data/corpus/events.jsonl:{number + 1}"
        assert "follow (article_id); article_id is" in found.facts["split"]


def test_what_belongs_together_is_named(project: Project) -> None:
    project.edit('id = "id"', 'id = "id"\ntext = ["text"]\nduplicates = { exact = "group", near = "group" }')
    project.edit("test = 0.2 }", 'test = 0.2 }\ngroup_by = ["source"]')
    same = [{"id": n, "text": TEXT, "source": "s"} for n in "ab"]
    near = {"id": "c", "text": f"{TEXT} thirteen"}
    project.rows("notes.jsonl", [*same, near, {"id": "d", "text": "something else altogether"}])
    project.build()
    (found,) = followed(project, "a")
    assert (found.facts["same group"], found.facts["same text"], found.facts["near"]) == ("b", "b", "b, c")
    assert "source is 's'" in found.facts["split"] and "notes.jsonl:1" in told(found)
    (other,) = followed(project, "d")
    assert (other.facts["same text"], other.facts["near"]) == ("no other row", "no other row")


def test_a_removed_row_is_found_with_its_reason(project: Project) -> None:
    project.edit('id = "id"', 'id = "id"\ntext = ["text"]\nremovals = "removals.csv"')
    project.edit("[tables.notes]", "[limits]\nrejected = 9\n\n[tables.notes]")
    project.rows(
        "notes.jsonl",
        [{"id": "a", "text": "x"}, {"id": "b", "text": "x"}, {"id": "c", "text": ""}, {"id": "d", "text": "y"}],
    )
    project.file("removals.csv", "id,reason,date\nd,the author asked,2026-11-30\n")
    project.build()
    assert [one.facts for one in followed(project, "b")] == [
        {"removed": "DUPLICATE", "why": "repeats notes.jsonl:1", "source": "notes.jsonl:2"}
    ]
    assert followed(project, "c")[0].facts["source"] == "notes.jsonl:3"
    assert followed(project, "d")[0].facts == {
        "removed": "WITHDRAWN",
        "why": "the author asked (2026-11-30)",
        "source": "",
    }


def test_a_source_that_changed_is_said(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "a", "text": "x"}])
    project.build()
    project.rows("notes.jsonl", [{"id": "b", "text": "x"}, {"id": "a", "text": "x"}])
    assert "changed or gone since the build: notes.jsonl" in followed(project, "a")[0].facts["source"]


def test_an_id_that_no_row_has(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "a", "text": "x"}])
    project.build()
    with pytest.raises(RecipeError, match="TRACE_UNKNOWN"):
        followed(project, "b")


def test_the_command_tells_it(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "a", "text": "x"}])
    project.build()
    said = CliRunner().invoke(group, ["trace", str(project.release), "a", "--json"])
    assert json.loads(said.stdout)[0]["file"].endswith(", row 1")
    said = CliRunner().invoke(group, ["trace", str(project.release), "a"])
    assert said.stdout.startswith("notes\n  file       data/notes/")
