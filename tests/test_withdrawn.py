"""A row that is withdrawn is gone from all that a build makes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import Project

from parquetry.files.manifest import load
from parquetry.reader.sample import sample
from parquetry.reader.verify import verify
from parquetry.record.content import content
from parquetry.words.errors import InputError, RecipeError
from parquetry.words.schema import load as schema_of

#: Stands in the withdrawn rows alone.
CANARY = "a text that nobody may read any more"
ROWS = [{"id": f"n{n}", "text": f"the text of {n}"} for n in range(20)]


@pytest.fixture
def asked(project: Project) -> Project:
    project.edit('id = "id"', 'id = "id"\nremovals = "removals.csv"')
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    return project


def traces(project: Project, text: str = CANARY) -> list[str]:
    """The files of a build in which a text stands, in Parquet and beside the release too."""
    found = []
    for path in (path for path in (project.root / "out").rglob("*") if path.is_file()):
        raw = path.read_bytes()
        if path.suffix == ".parquet":
            raw += json.dumps(pq.read_table(path).to_pylist(), default=str).encode()
        if text.encode() in raw:
            found.append(path.name)
    return found


def ids(project: Project) -> list[str]:
    return [row["id"] for row in pq.read_table(next((project.release / "data").rglob("*.parquet"))).to_pylist()]


def test_a_row_is_withdrawn_by_its_id(asked: Project) -> None:
    asked.rows("notes.jsonl", [*ROWS, {"id": "gone", "text": CANARY, "source": CANARY, "tags": ["a"]}])
    asked.file("removals.csv", "id,reason,date\ngone,the author asked,2026-11-30\n")
    assert asked.build().warnings == []
    assert "gone" not in ids(asked) and len(ids(asked)) == 20
    assert traces(asked) == []
    (source,) = load(asked.release).tables["notes"].sources
    assert (source.read, source.published, dict(source.removed)) == (21, 20, {"WITHDRAWN": 1})
    kept = json.loads((asked.root / "out/notes-1.0.0.removed/withdrawn.jsonl").read_text("utf-8"))
    assert (kept["row"], kept["message"], kept["line"]) == ({"id": "gone"}, "the author asked (2026-11-30)", 0)
    assert "`WITHDRAWN`: removed on request" in (asked.release / "README.md").read_text("utf-8")
    assert verify(asked.release, "deep").problems == ()


def test_a_row_is_withdrawn_by_the_digest_of_its_content(asked: Project) -> None:
    row = {"id": "gone", "text": CANARY, "source": None, "day": None, "tags": None}
    digest = content(row, schema_of(asked.root / "notes.schema.json").fields).hex()
    asked.rows("notes.jsonl", [*ROWS, {"id": "gone", "text": CANARY}, {"id": "stays", "text": CANARY + "!"}])
    asked.file("removals.csv", f"sha256,reason,date\n{digest.upper()},the law,2026-11-30\n")
    assert asked.build().warnings == []
    assert "gone" not in ids(asked) and "stays" in ids(asked)


def test_what_was_refused_shows_no_withdrawn_row(asked: Project) -> None:
    """Neither a record that the schema refuses, nor a line that is no JSON."""
    asked.edit("[tables.notes]", "[limits]\nrejected = 1\n\n[tables.notes]")
    bad: list[Any] = [
        {"id": "gone", "text": CANARY, "day": "never"},
        {"id": "gone", "text": CANARY, "more": 1},
        '{"id": "gone", "text": "' + CANARY + '"',
        {"id": "other", "text": ""},
    ]
    asked.rows("notes.jsonl", [*ROWS, *bad])
    asked.file("removals.csv", "id,reason,date\ngone,the author asked,2026-11-30\n")
    codes = [problem.code for problem in asked.build().warnings]
    assert codes == ["SCHEMA_LENGTH"]
    (source,) = load(asked.release).tables["notes"].sources
    assert source.removed["WITHDRAWN"] == 3 and source.published == 20
    assert traces(asked) == []


def test_a_withdrawn_row_is_not_the_first_of_its_duplicates(asked: Project) -> None:
    asked.edit('id = "id"', 'id = "id"\ntext = ["text"]')
    asked.rows("notes.jsonl", [{"id": "gone", "text": "the same"}, {"id": "stays", "text": "the same"}, *ROWS])
    asked.file("removals.csv", "id,reason,date\ngone,the author asked,2026-11-30\n")
    asked.build()
    assert "stays" in ids(asked)


def test_what_points_to_a_withdrawn_row_must_go_too(asked: Project) -> None:
    asked.recipe(
        (asked.root / "recipe.toml").read_text("utf-8")
        + '[tables.marks]\nschema = "marks.schema.json"\nsources = ["marks.jsonl"]\nid = "id"\n'
        + 'default = true\nreferences = { note = "notes" }\nsplit = { follow = "note" }\n'
    )
    properties = {"id": {"type": "string"}, "note": {"type": "string"}}
    asked.schema("marks", {"type": "object", "additionalProperties": False, "properties": properties})
    asked.rows("notes.jsonl", [*ROWS, {"id": "gone", "text": CANARY}])
    asked.rows("marks.jsonl", [{"id": "a", "note": "n1"}, {"id": "b", "note": "gone"}])
    asked.file("removals.csv", "id,reason,date\ngone,the author asked,2026-11-30\n")
    with pytest.raises(InputError, match="REFERENCE_BROKEN"):
        asked.build()
    assert traces(asked) == []


@pytest.mark.parametrize("columns", ['["id", "source"]', '"id"'])
def test_ids_of_any_kind_are_found(asked: Project, columns: str) -> None:
    asked.edit('id = "id"', f"id = {columns}")
    properties = {"id": {"type": "integer"}, "source": {"type": "string"}, "text": {"type": "string"}}
    asked.schema("notes", {"type": "object", "additionalProperties": False, "properties": properties})
    asked.rows("notes.jsonl", [{"id": n, "source": "s", "text": CANARY if n == 7 else "no"} for n in range(9)])
    both = columns.startswith("[")
    asked.file("removals.csv", f"id,{'source,' * both}reason,date\n7,{'s,' * both}because,2026-11-30\n")
    asked.build()
    assert 7 not in ids(asked) and len(ids(asked)) == 8 and traces(asked) == []


def test_a_document_is_withdrawn_by_the_name_of_its_file(asked: Project) -> None:
    asked.edit('sources = ["notes*.jsonl"]', 'sources = ["pages/*.txt"]')
    asked.edit('id = "id"', 'id = "path"')
    properties = {"path": {"type": "string"}, "text": {"type": "string"}}
    asked.schema("notes", {"type": "object", "additionalProperties": False, "properties": properties})
    for name in "abc":
        asked.file(f"pages/{name}.txt", CANARY if name == "b" else "something else")
    asked.file("removals.csv", "id,reason,date\npages/b.txt,because,2026-11-30\n")
    asked.build()
    paths = pq.read_table(next((asked.release / "data").rglob("*.parquet")))["path"].to_pylist()
    assert paths == ["pages/a.txt", "pages/c.txt"] and traces(asked) == []
    (source,) = [one for one in load(asked.release).tables["notes"].sources if one.removed]
    assert source.path == "pages/b.txt"


def test_a_request_that_finds_nothing_is_told(asked: Project) -> None:
    asked.rows("notes.jsonl", ROWS)
    asked.file("removals.csv", "id,reason,date\nn1,because,2026-11-30\nnn,because,2026-11-30\n")
    (warning,) = asked.build().warnings
    assert (warning.code, warning.where) == ("WARN_REMOVAL_UNUSED", "removals.csv:3")


@pytest.mark.parametrize(
    "text",
    [
        "id,date\nn1,2026-11-30\n",
        "name,reason,date\nn1,because,2026-11-30\n",
        "id,reason,date\nn1,because,yesterday\n",
        "id,reason,date\nn1,,2026-11-30\n",
        "id,reason,date\n,because,2026-11-30\n",
        "id,reason,date\nn1\n",
        "sha256,reason,date\nabc,because,2026-11-30\n",
        "id,sha256,reason,date\nn1," + hashlib.sha256(b"").hexdigest() + ",because,2026-11-30\n",
        "",
    ],
)
def test_no_request_is_passed_over(asked: Project, text: str) -> None:
    asked.rows("notes.jsonl", ROWS)
    asked.file("removals.csv", text)
    with pytest.raises(RecipeError, match="REMOVALS_"):
        asked.build()


def test_a_file_that_is_not_there_ends_the_build(asked: Project, tmp_path: Path) -> None:
    asked.rows("notes.jsonl", ROWS)
    with pytest.raises(RecipeError, match="REMOVALS_FILE"):
        asked.build()


def test_a_sample_shows_no_withdrawn_row(asked: Project) -> None:
    asked.rows("notes.jsonl", [{"id": "gone", "text": CANARY, "more": 1}, *ROWS])
    asked.file("removals.csv", "id,reason,date\ngone,because,2026-11-30\n")
    recipe, (found,) = sample(asked.root / "recipe.toml", 10)
    assert CANARY not in found.text(recipe, 1) + json.dumps(found.facts(1)) and not found.rejected
