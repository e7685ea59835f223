"""What differs between two releases says which part of the version is to be raised."""

from __future__ import annotations

from typing import Any

import pytest
from conftest import NOTE, RELEASE, Project
from test_diff import Releases, plain, releases

from parquetry.reader.diff import diff
from parquetry.reader.versions import Advice, advice, told

__all__ = ["releases"]  # the fixture
ONLY = ("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')


def advised(old: Any, new: Any) -> Advice:
    return advice(diff(old, new))


def test_nothing_asks_for_nothing() -> None:
    assert advised(RELEASE, RELEASE)[:3] == ("none", "1.0.0", ())


@pytest.mark.parametrize(
    ("rows", "level", "version", "reason"),
    [
        (
            plain("a", "b", "c"),
            "major",
            "2.0.0",
            "1 row was added to the split train of notes, so that it is another set",
        ),
        (plain("a"), "major", "2.0.0", "1 row of notes was removed"),
        ([*plain("a"), {"id": "b", "text": "another"}], "major", "2.0.0", "1 row of notes was changed"),
    ],
)
def test_rows_of_a_split_are_a_set(releases: Releases, rows: Any, level: str, version: str, reason: str) -> None:
    old, new = releases.build(plain("a", "b"), ONLY), releases.build(rows, ONLY)
    found = advised(old, new)
    assert (found.level, found.version, found.reasons[0]) == (level, version, reason)


def test_other_files_are_a_patch(releases: Releases) -> None:
    old = releases.build(plain("a", "b"), ONLY)
    new = releases.build(plain("a", "b"), ONLY, ("[tables.notes]", "[files]\ncompression_level = 9\n\n[tables.notes]"))
    assert advised(old, new)[:2] == ("patch", "1.0.1")


def test_new_columns_and_splits_are_minor_and_lost_ones_major(releases: Releases, tmp_path: Any) -> None:
    old = releases.build(plain("a", "b"), ONLY)
    project = Project(tmp_path / "other")
    project.edit(*ONLY)
    more = NOTE["properties"] | {"more": {"type": "string"}}
    project.schema("notes", NOTE | {"properties": more})
    project.rows("notes.jsonl", plain("a", "b"))
    project.build()
    assert advised(old, project.release)[:3] == ("minor", "1.1.0", ("notes has the new column more",))
    back = advised(project.release, old)
    assert back[:3] == ("major", "2.0.0", ("notes has lost the column more",))
    assert back.columns == {"notes": {"added": [], "removed": ["more"], "retyped": []}}
    project.edit(ONLY[1], 'given = { train = ["notes.jsonl"], test = ["notes2.jsonl"] }')
    project.rows("notes2.jsonl", plain("z"))
    project.build(replace=True)
    found = advised(old, project.release)
    assert found.level == "minor" and "1 row was added to notes in the new split test" in found.reasons


def test_the_words_name_a_version_that_is_too_low(releases: Releases) -> None:
    old, new = releases.build(plain("a", "b"), ONLY), releases.build(plain("a"), ONLY)
    assert told(advised(old, new), diff(old, new)) == (
        "\nversion  major: at least 2.0.0, as 1 row of notes was removed\n         it says 1.0.0"
    )
