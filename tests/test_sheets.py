"""The CSV files of a release hold its rows, and nothing that a spreadsheet would run."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import NOTE, RELEASE, Project
from test_statistics import rows_of
from test_verify import found, reseal

from parquetry.reader.verify import verify


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, strict=True))


def said(value: Any) -> str:
    """A value as a cell holds it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value[:1] in ("=", "+", "-", "@", "\t", "\r") else value
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return json.dumps(value) if isinstance(value, bool | int | float) else value.isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize("table", ["articles", "events", "actors"])
def test_a_line_is_a_row(table: str) -> None:
    lines = read(RELEASE / f"csv/{table}.csv")
    splits = json.loads((RELEASE / "manifest.json").read_text())["tables"][table]["splits"]
    rows = [row | {"split": split} for split in splits for row in rows_of(RELEASE, table, split)]
    assert len(lines) == len(rows)
    for line, row in zip(lines, rows, strict=True):
        flat = dict(row)
        for name, value in row.items():
            if isinstance(value, dict):
                del flat[name]
                flat |= {f"{name}.{inner}": one for inner, one in value.items()}
            elif isinstance(value, list) and f"{name}" not in line:
                del flat[name]
        assert {name: said(value) for name, value in flat.items()} == line


@pytest.mark.parametrize("table, column", [("articles", "body_spans"), ("events", "figures"), ("events", "evidence")])
def test_a_list_of_objects_is_a_table_with_the_id_of_its_row(table: str, column: str) -> None:
    lines = read(RELEASE / f"csv/{table}.{column}.csv")
    [id] = json.loads((RELEASE / "manifest.json").read_text())["tables"][table]["id"]
    splits = json.loads((RELEASE / "manifest.json").read_text())["tables"][table]["splits"]
    expected = [
        {f"{table}.{id}": row[id], "number": str(number)} | {name: said(value) for name, value in item.items()}
        for split in splits
        for row in rows_of(RELEASE, table, split)
        for number, item in enumerate(row[column] or [], 1)
    ]
    assert lines == expected


def spread(project: Project, properties: dict[str, Any], rows: list[Any]) -> Path:
    project.schema("notes", {"type": "object", "additionalProperties": False, "properties": properties})
    project.recipe((project.root / "recipe.toml").read_text() + "\n[files]\ncsv = true\n")
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    project.rows("notes.jsonl", rows)
    project.build()
    assert not verify(project.release, "deep").problems
    return project.release / "csv"


def test_no_cell_is_a_formula(project: Project) -> None:
    texts = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "a=1", '=HYPERLINK("http://x","y")', "1", "–1"]
    folder = spread(project, NOTE["properties"], [{"id": f"n{n}", "text": text} for n, text in enumerate(texts)])
    assert [line["text"] for line in read(folder / "notes.csv")] == [
        *(f"'{t}" for t in texts[:6]),
        "a=1",
        f"'{texts[7]}",
        "1",
        "–1",
    ]


def test_the_form_is_that_of_rfc_4180(project: Project) -> None:
    texts = ['a "quoted", b', "two\nlines", "two\r\nlines", " spaces ", "ü漢😀", ""]
    columns = {"id": {"type": "string"}, "text": {"type": "string"}}
    folder = spread(project, columns, [{"id": f"n{n}", "text": text} for n, text in enumerate(texts)])
    raw = (folder / "notes.csv").read_bytes()
    assert raw.startswith(b"split,id,text\r\n") and raw.endswith(b"\r\n")
    assert [line["text"] for line in read(folder / "notes.csv")] == texts


def test_nesting_of_any_depth_has_its_place(project: Project) -> None:
    inner = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"b": {"type": "array", "items": {"type": "integer"}}, "m": {"type": "object"}},
    }
    columns = {
        "id": {"type": "integer"},
        "split": {"type": "string"},
        "o": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {"x": {"type": "number"}, "p": inner},
        },
        "l": {"type": "array", "items": inner},
        "ll": {"type": "array", "items": {"type": "array", "items": {"type": "string"}}},
    }
    rows = [
        {
            "id": -5,
            "split": "mine",
            "o": {"x": -1.5, "p": {"b": [1, 2], "m": {"k": "v"}}},
            "l": [{"b": [3]}, {"m": {}}],
            "ll": [["=a"], []],
        },
        {"id": 6, "split": "x", "o": None, "l": [], "ll": []},
    ]
    folder = spread(project, columns, rows)
    assert read(folder / "notes.csv") == [
        {
            "release_split": "train",
            "id": "-5",
            "split": "mine",
            "o.x": "-1.5",
            "o.p.b": "[1,2]",
            "o.p.m": '{"k":"v"}',
            "ll": '[["=a"],[]]',
        },
        {"release_split": "train", "id": "6", "split": "x", "o.x": "", "o.p.b": "", "o.p.m": "", "ll": "[]"},
    ]
    assert read(folder / "notes.l.csv") == [
        {"notes.id": "-5", "number": "1", "b": "[3]", "m": ""},
        {"notes.id": "-5", "number": "2", "b": "", "m": "{}"},
    ]


def test_a_cell_that_is_edited_is_found(release: Path) -> None:
    path = release / "csv/events.csv"
    path.write_bytes(path.read_bytes().replace(b"toward_west", b"toward_east", 1))
    reseal(release)
    assert ("CARD_DIFFERS", "csv/events.csv") in found(release)


def test_they_are_only_made_where_they_are_asked_for(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "a", "text": "x"}])
    project.build()
    assert not (project.release / "csv").exists()
