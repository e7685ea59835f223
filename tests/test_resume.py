"""A build that ended early leaves what it had finished to the next, and that gives the same bytes."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import build_dataset
import pytest
from conftest import Project, contents

from parquetry.files.shards import write
from parquetry.files.stage import Stage
from parquetry.sources import partitions
from parquetry.words.errors import InputError

LINES = 300


@pytest.fixture
def large(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project whose one file is read in many parts, and written in many files."""
    monkeypatch.setattr(partitions, "PARTITION_BYTES", 1500)
    project.edit("[tables.notes]", '[files]\nshard_bytes = "2kB"\n\n[limits]\nrejected = 9\n\n[tables.notes]')
    project.rows("notes.jsonl", rows())
    return project


def rows(text: str = "of") -> list[dict[str, str]]:
    return [{"id": f"n{n}", "text": "" if n == 7 else f"the text {text} {n}"} for n in range(LINES)]


def stopped(project: Project, monkeypatch: pytest.MonkeyPatch, at: str, after: int) -> None:
    """Build until the disk is full, after so many parts or files."""
    count = 0
    done, act = (Stage.__exit__, write) if at == "part" else (None, build_dataset.write)

    def full(*arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count > after:
            raise OSError(errno.ENOSPC, "No space left on device", "somewhere")
        return (done or act)(*arguments)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space"):
        patch.setattr(Stage, "__exit__", full) if at == "part" else patch.setattr(build_dataset, "write", full)
        project.build()


def counted(project: Project, monkeypatch: pytest.MonkeyPatch) -> tuple[int, int]:
    """Build; how many parts were taken over, of how many."""
    found = list[bool]()
    leave = Stage.__exit__

    def leaving(self: Stage, *arguments: Any) -> None:
        leave(self, *arguments)
        found.append(self.part.reused)

    with monkeypatch.context() as patch:
        patch.setattr(Stage, "__exit__", leaving)
        project.build()
    return sum(found), len(found)


@pytest.fixture
def whole(large: Project) -> dict[str, bytes]:
    """What an undisturbed build gives, which is then removed."""
    large.build()
    found = contents(large.root / "out")
    (large.root / "out").rename(large.root / "first")
    return found


@pytest.mark.parametrize(("at", "after"), [("part", 1), ("part", 5), ("file", 0), ("file", 3)])
def test_what_was_finished_is_taken_over(
    large: Project, monkeypatch: pytest.MonkeyPatch, whole: dict[str, bytes], at: str, after: int
) -> None:
    stopped(large, monkeypatch, at, after)
    assert [path.name for path in (large.root / "out").iterdir()] == [".notes-1.0.0.building"]
    written = list((large.root / "out").rglob("*.parquet"))
    assert len(written) == (after if at == "file" else 0)
    before = {path.name: path.stat().st_ino for path in written}
    reused, parts = counted(large, monkeypatch)
    assert reused == (after if at == "part" else parts) and parts > 8
    assert contents(large.root / "out") == whole
    now = {path.name: path.stat().st_ino for path in (large.root / "out").rglob("*.parquet")}
    assert {name: now[name] for name in before} == before, "files that were finished are not written again"


def test_nothing_is_taken_over_of_other_sources(large: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(large, monkeypatch, "part", 6)
    text = (large.root / "notes.jsonl").read_text("utf-8")
    (large.root / "notes.jsonl").write_text(text[:-5] + "?" + text[-4:], "utf-8")  # one byte, far behind
    assert counted(large, monkeypatch)[0] == 0


def test_a_source_that_was_only_touched_is_the_same(large: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(large, monkeypatch, "part", 6)
    os.utime(large.root / "notes.jsonl", (1, 1))
    assert counted(large, monkeypatch)[0] == 6


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("rejected = 9", "rejected = 8"),
        ('id = "id"', 'id = "id"\ntext = ["text"]'),
        ("train = 0.8, test = 0.2", "train = 0.7, test = 0.3"),
        ('shard_bytes = "2kB"', 'shard_bytes = "3kB"'),
    ],
)
def test_nothing_is_taken_over_by_another_recipe(
    large: Project, monkeypatch: pytest.MonkeyPatch, old: str, new: str
) -> None:
    stopped(large, monkeypatch, "part", 6)
    large.edit(old, new)
    assert counted(large, monkeypatch)[0] == 0


def test_nothing_is_taken_over_by_another_version(large: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    stopped(large, monkeypatch, "part", 6)
    monkeypatch.setattr("parquetry.__version__", "9.9.9")
    from parquetry.files import receipts

    receipts._code.cache_clear()
    assert counted(large, monkeypatch)[0] == 0
    receipts._code.cache_clear()


def test_a_receipt_without_its_beginning_is_not_believed(large: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a part of a file is of the file that is there now, the receipt of its first part tells."""
    stopped(large, monkeypatch, "part", 6)
    (large.root / "out/.notes-1.0.0.building/parts/notes/000000.json").unlink()
    os.utime(large.root / "notes.jsonl", (1, 1))
    assert counted(large, monkeypatch)[0] == 0


def test_a_source_that_changes_while_it_is_read_is_refused(large: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    leave = Stage.__exit__

    def meanwhile(self: Stage, *arguments: Any) -> None:
        with (large.root / "notes.jsonl").open("a", encoding="utf-8") as file:
            file.write("\n")
        leave(self, *arguments)

    monkeypatch.setattr(Stage, "__exit__", meanwhile)
    with pytest.raises(InputError, match=r"INPUT_CHANGED.*notes\.jsonl"):
        large.build()
    assert list((large.root / "out").iterdir()) == [], "what was read is of no use"


def test_what_appears_meanwhile_is_not_replaced(large: Project, tmp_path: Path) -> None:
    from parquetry.files.workspace import Workspace
    from parquetry.words.errors import MachineError

    with pytest.raises(MachineError, match="OUTPUT_APPEARED"), Workspace(tmp_path / "x-1") as work:
        work.put({"README.md": "mine"})
        exists = Path.exists
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Path, "exists", lambda self, **k: False if self == work.place else exists(self, **k))
            (tmp_path / "x-1").mkdir()
            work.commit()
    assert list((tmp_path / "x-1").iterdir()) == []
