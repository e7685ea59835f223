"""One build at a time works on a release, and leaves nothing behind that it did not commit."""

from __future__ import annotations

import multiprocessing as mp
import os
from pathlib import Path
from typing import Any

import pytest

from parquetry.files.workspace import Workspace
from parquetry.words.errors import MachineError


def compete(place: Path, told: Any) -> None:
    """Enter again and again; inside, what one wrote must stay."""
    entered = refused = 0
    for _ in range(150):
        try:
            with Workspace(place) as work:
                mine = work.release / "mine"
                mine.write_text(str(os.getpid()))
                assert all(mine.read_text() == str(os.getpid()) for _ in range(20))
                entered += 1
        except MachineError as error:
            assert error.problems[0].code == "LOCKED"
            refused += 1
    told.put((entered, refused))


def test_two_builds_are_never_at_work_together(tmp_path: Path) -> None:
    context = mp.get_context("spawn")
    told: Any = context.Queue()
    rivals = [context.Process(target=compete, args=(tmp_path / "x-1", told)) for _ in range(4)]
    for rival in rivals:
        rival.start()
    found = [told.get(timeout=60) for _ in rivals]  # a rival that meets another inside dies without a word
    for rival in rivals:
        rival.join()
    assert [rival.exitcode for rival in rivals] == [0] * 4
    assert sum(entered + refused for entered, refused in found) == 600
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_committed_is_gone(tmp_path: Path) -> None:
    with pytest.raises(KeyError), Workspace(tmp_path / "out/x-1") as work:
        work.put({"README.md": "half"})
        raise KeyError
    assert list((tmp_path / "out").iterdir()) == []


def test_what_is_left_of_a_build_that_was_killed_is_cleared(tmp_path: Path) -> None:
    left = tmp_path / ".x-1.building/release/data"
    left.mkdir(parents=True)
    (left / "half.parquet").write_bytes(b"PAR1")
    with Workspace(tmp_path / "x-1") as work:
        assert list(work.release.iterdir()) == []
        work.put({"README.md": "whole"})
        work.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["x-1"]
    assert (tmp_path / "x-1/README.md").read_text() == "whole"
