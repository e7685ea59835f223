"""A row's split is a keyed hash of its cluster's name, and adding rows moves none that was there."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from conftest import Project
from hypothesis import given
from hypothesis import strategies as st

from parquetry.corpus.split import draw, draws
from parquetry.words.errors import RecipeError


@given(st.binary(min_size=16, max_size=16), st.text(max_size=100))
def test_the_die_falls_the_same_way_for_the_same_name(name: bytes, salt: str) -> None:
    ratios = {"train": 0.5, "validation": 0.25, "test": 0.25}
    assert draw(name, ratios, salt) == draw(name, dict(ratios), salt)


@given(
    st.lists(st.binary(min_size=16, max_size=16), max_size=40),
    st.text(max_size=20),
    st.sampled_from([(0.5, 0.5), (0.98, 0.01, 0.01), (1.0,), (0.3, 0.3, 0.3, 0.1)]),
)
def test_many_clusters_are_drawn_as_each_alone(names: list[bytes], salt: str, shares: tuple[float, ...]) -> None:
    ratios = {f"s{index}": share for index, share in enumerate(shares)}
    numbers = np.frombuffer(b"".join(names), ">u8").astype(np.uint64).reshape(-1, 2)
    assert [f"s{code}" for code in draws(numbers, ratios, salt)] == [draw(name, ratios, salt) for name in names]


def test_shares_hold_within_four_standard_deviations() -> None:
    ratios, rows = {"train": 0.98, "validation": 0.01, "test": 0.01}, 50_000
    counts = Counter(draw(i.to_bytes(16, "big"), ratios, "v1") for i in range(rows))
    for name, share in ratios.items():
        assert abs(counts[name] - rows * share) < 4 * math.sqrt(rows * share * (1 - share))


def test_another_salt_draws_other_splits() -> None:
    ratios = {"train": 0.5, "test": 0.5}
    names = [i.to_bytes(16, "big") for i in range(1000)]
    same = sum(draw(n, ratios, "a") == draw(n, ratios, "b") for n in names)
    assert 400 < same < 600


def placed(project: Project) -> dict[str, str]:
    """The split of each row by its id."""
    files = project.build(replace=True).place.glob("data/notes/*.parquet")
    return {row: file.name.split("-")[0] for file in files for row in pq.read_table(file)["id"].to_pylist()}


def test_adding_rows_moves_none_that_was_there(project: Project) -> None:
    rows = [{"id": str(i), "text": f"text {i}", "source": f"s{i % 17}" if i % 3 else None} for i in range(300)]
    project.edit("ratios = {", 'group_by = ["source"]\nratios = {')
    before: dict[str, str] = {}
    for count in (1, 10, 100, 200, 300):
        project.rows("notes.jsonl", reversed(rows[:count]))
        now = placed(project)
        assert now.items() >= before.items()
        before = now
    assert set(before.values()) == {"train", "test"}


def test_no_group_stands_in_two_splits(project: Project) -> None:
    project.edit("ratios = {", 'group_by = ["source"]\nratios = {')
    rows = [{"id": str(i), "text": f"text {i}", "source": f"s{i % 40}"} for i in range(400)]
    project.rows("notes.jsonl", rows)
    splits = placed(project)
    groups = {(row["source"], splits[str(row["id"])]) for row in rows}
    assert len(groups) == 40


def test_a_null_group_is_a_group_of_its_own(project: Project) -> None:
    project.edit("ratios = {", 'group_by = ["source"]\nratios = {')
    project.rows("notes.jsonl", [{"id": str(i), "text": f"text {i}", "source": None} for i in range(200)])
    assert set(placed(project).values()) == {"train", "test"}


def test_how_rows_are_spread_over_files_does_not_show(project: Project) -> None:
    rows = [{"id": str(i), "text": f"text {i}"} for i in range(100)]
    project.rows("notes.jsonl", rows)
    whole = placed(project)
    for index in range(4):
        project.rows(f"notes{index}.jsonl", rows[index * 25 : index * 25 + 25])
    (project.root / "notes.jsonl").unlink()
    assert placed(project) == whole


def test_rows_can_be_assigned_one_by_one(project: Project) -> None:
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'assigned = "splits.csv"')
    project.rows("notes.jsonl", [{"id": "a", "text": "one"}, {"id": "b", "text": "one"}])
    project.file("splits.csv", "\ufeffid,split\r\na,train\r\nb,holdout_2026\r\n")
    assert placed(project) == {"a": "train", "b": "holdout_2026"}


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("id\na\n", "splits.csv", "has no column 'split'"),
        ("id,split\na,train\na,test\n", "splits.csv:3", "'a' has two splits"),
        ("id,split\na,my-split\n", "splits.csv:2", "'my-split' cannot be the name of a split"),
        ("id,split\na\n", "splits.csv:2", "'' cannot be the name of a split"),
    ],
)
def test_a_table_of_assignments_that_cannot_be_used_is_refused_before_anything_is_read(
    project: Project, text: str, where: str, what: str
) -> None:
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'assigned = "splits.csv"')
    project.rows("notes.jsonl", [{"id": "a", "text": "one"}])
    project.file("splits.csv", text)
    with pytest.raises(RecipeError) as error:
        project.build()
    assert (error.value.problems[0].where, error.value.problems[0].what) == (where, what)
    assert not Path(project.root / "out").exists()


def test_a_split_that_gets_no_row_is_not_written_and_not_named(project: Project) -> None:
    project.edit("train = 0.8, test = 0.2", "train = 0.999999, test = 0.000001")
    project.rows("notes.jsonl", [{"id": "a", "text": "one"}])
    built = project.build()
    assert [w.code for w in built.warnings] == ["WARN_SPLIT_EMPTY"]
    assert [p.name for p in built.place.glob("data/notes/*")] == ["train-00000-of-00001.parquet"]
    assert '"test"' not in (built.place / "README.md").read_text("utf-8").split("---")[1]
