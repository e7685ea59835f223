"""What became of each row between two releases, and why it moved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import RELEASE, Project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parquetry.reader import cli
from parquetry.reader.diff import diff, facts, told

Row = dict[str, Any]


class Releases:
    """Two releases of one table, built from rows."""

    def __init__(self, root: Path) -> None:
        self.root, self.count = root, 0

    def build(self, rows: list[Row], *edits: tuple[str, str]) -> Path:
        self.count += 1
        project = Project(self.root / str(self.count))
        for old, new in edits:
            project.edit(old, new)
        project.rows("notes.jsonl", rows)
        project.build()
        return project.release


@pytest.fixture
def releases(tmp_path: Path) -> Releases:
    return Releases(tmp_path)


def plain(*names: str) -> list[Row]:
    return [{"id": name, "text": f"the text of {name}"} for name in names]


def compared(old: Path, new: Path) -> dict[str, Any]:
    tables: dict[str, Any] = facts(diff(old, new))["tables"]
    return dict(tables["notes"])


def test_a_release_is_no_different_from_itself() -> None:
    assert told(diff(RELEASE, RELEASE)) == (
        "belarus-foreign-alignment-1.0.0 -> belarus-foreign-alignment-1.0.0: no row differs"
    )


def test_rows_are_added_removed_and_changed(releases: Releases) -> None:
    old = releases.build(plain("a", "b", "c", "d"), ("ratios = { train = 0.8, test = 0.2 }", 'only = "train"'))
    rows = [*plain("a", "c", "e"), {"id": "d", "text": "the text of d", "day": "2020-01-01"}]
    new = releases.build(rows, ("ratios = { train = 0.8, test = 0.2 }", 'only = "train"'))
    found = compared(old, new)
    assert (found["added"], found["removed"], found["changed"], found["moved"]) == (["e"], ["b"], ["d"], [])
    counts = {"old": 4, "new": 4, "added": 1, "removed": 1, "changed": 1, "moved_in": 0, "moved_out": 0}
    assert found["splits"] == {"train": counts}
    assert told(diff(old, new)) == (
        "notes-1.0.0 -> notes-1.0.0\n\n"
        "notes          old        new      added    removed    changed   moved in  moved out\n"
        "train            4          4          1          1          1          0          0\n"
        "  added   e\n  removed b\n  changed d"
    )


GROUPED = ('id = "id"\n', 'id = "id"\ntext = ["text"]\n\n[tables.notes.duplicates]\nnear = "group"\n')


def moved(found: dict[str, Any]) -> dict[str, str]:
    return {move["id"]: move["why"] for move in found["moved"]}


def test_a_row_that_moves_is_told_who_moved_it(releases: Releases) -> None:
    """A near-duplicate whose key is smaller gives the cluster another name, and the die may fall another way."""
    words = [[f"word{number}of{place}" for place in range(60)] for number in range(100)]
    rows = [{"id": f"n{number}-0", "text": " ".join(text)} for number, text in enumerate(words)]
    more = [
        {"id": f"n{number}-1", "text": " ".join([*text[:30], "x", *text[31:]])} for number, text in enumerate(words)
    ]
    old, new = releases.build(rows, GROUPED), releases.build([*rows, *more], GROUPED)
    found = compared(old, new)
    assert len(found["added"]) == 100 and found["moved"]
    assert moved(found) == {
        name: f"{name.replace('-0', '-1')} was added, by nearly the same text" for name in moved(found)
    }
    assert moved(compared(new, old)) == {
        name: f"{name.replace('-0', '-1')} was removed, by nearly the same text" for name in moved(found)
    }


def test_a_row_that_changes_its_text_or_group_moves_itself(releases: Releases) -> None:
    rows = [{"id": str(number), "text": f"text {number}", "source": "s"} for number in range(40)]
    old = releases.build(rows, ('id = "id"\n', 'id = "id"\ntext = ["text"]\n'))
    changed = [row | {"text": f"{row['text']} again"} for row in rows]
    found = compared(old, releases.build(changed, ('id = "id"\n', 'id = "id"\ntext = ["text"]\n')))
    assert found["moved"] and set(moved(found).values()) == {"its text changed"}
    grouped = ("test = 0.2 }", 'test = 0.2 }\ngroup_by = ["source"]')
    old = releases.build([row | {"source": row["id"]} for row in rows], grouped)
    found = compared(old, releases.build([row | {"source": f"x{row['id']}"} for row in rows], grouped))
    assert found["moved"] and set(moved(found).values()) == {"its group changed"}


def test_another_way_to_split_is_said(releases: Releases) -> None:
    old = releases.build(plain("a", "b"), ("ratios = { train = 0.8, test = 0.2 }", 'only = "train"'))
    new = releases.build(plain("a", "b"), ("ratios = { train = 0.8, test = 0.2 }", 'only = "test"'))
    why = "the table is split in another way: only (test), before only (train)"
    assert moved(compared(old, new)) == {"a": why, "b": why}


rows = st.dictionaries(st.sampled_from("abcdefgh"), st.sampled_from(["x", "y", "z"]), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@given(rows, rows)
def test_the_books_of_a_difference_balance(releases: Releases, one: dict[str, str], two: dict[str, str]) -> None:
    old, new = (
        releases.build([{"id": k, "text": v} for k, v in some.items()], ("train = 0.8, test = 0.2", "a = 0.5, b = 0.5"))
        for some in (one, two)
    )
    found, mirrored = compared(old, new), compared(new, old)
    assert sorted(found["added"]) == sorted(two.keys() - one.keys()) == sorted(mirrored["removed"])
    assert sorted(found["changed"]) == sorted(k for k in one.keys() & two.keys() if one[k] != two[k])
    for split in found["splits"].values():
        balance = split["old"] + split["added"] - split["removed"] + split["moved_in"] - split["moved_out"]
        assert balance == split["new"]
    assert sorted((m["id"], m["new"], m["old"]) for m in mirrored["moved"]) == sorted(
        (m["id"], m["old"], m["new"]) for m in found["moved"]
    )


def test_other_columns_are_said_and_the_others_compared(releases: Releases) -> None:
    from conftest import NOTE

    old = releases.build(plain("a"))
    project = Project(releases.root / "other")
    shape = {name: spec for name, spec in NOTE["properties"].items() if name != "tags"}
    project.schema("notes", NOTE | {"properties": shape | {"n": {"type": ["integer", "null"]}}})
    project.rows("notes.jsonl", plain("a"))
    project.build()
    found = compared(old, project.release)
    assert (found["columns_not_compared"], found["changed"]) == (["n", "tags"], [])


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["parquetry", "diff", *arguments])
    return cli.main()


def test_the_command_prints_both_ways(
    releases: Releases, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = releases.build(plain("a")), releases.build(plain("a", "b\x1b[31m"))
    assert run(monkeypatch, str(old), str(new)) == 0
    assert "  added   b\\x1b[31m" in capsys.readouterr().out
    assert run(monkeypatch, str(old), str(new), "--json") == 0
    assert json.loads(capsys.readouterr().out)["tables"]["notes"]["added"] == ["b\x1b[31m"]


def test_what_is_no_release_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], release: Path
) -> None:
    assert run(monkeypatch, str(release), str(tmp_path / "none")) == 2
    assert run(monkeypatch, str(release), str(tmp_path)) == 5
    next(release.glob("data/events/*.parquet")).write_bytes(b"PAR1 and no more PAR1")
    assert run(monkeypatch, str(RELEASE), str(release)) == 5
    assert "FILE_UNREADABLE" in capsys.readouterr().err


def test_a_table_that_is_judged_by_other_columns_says_so(releases: Releases, tmp_path: Path) -> None:
    rows = [{"id": f"n{number}", "text": f"text {number}", "source": f"s{number % 40}"} for number in range(60)]
    near = 'text = ["text"]\nduplicates = { near = "group" }\n'
    old = releases.build(rows, ('id = "id"\n', f'id = "id"\n{near}'))
    other = near.replace('["text"]', '["source", "text"]')
    new = releases.build(rows, ('id = "id"\n', f'id = "id"\n{other}'))
    moved = compared(old, new)["moved"]
    assert moved and {one["why"] for one in moved} == {"the table is judged by source, text, before by text"}


def test_another_salt_is_said(releases: Releases) -> None:
    rows = plain(*(f"n{number}" for number in range(60)))
    old = releases.build(rows)
    new = releases.build(rows, ("[tables.notes.split]\n", '[tables.notes.split]\nsalt = "v2"\n'))
    whys = {one["why"] for one in compared(old, new)["moved"]}
    assert len(whys) == 1 and "with the salt 'v2'" in whys.pop()
