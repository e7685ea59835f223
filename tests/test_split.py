"""A row's split is a keyed hash of its cluster's name, and adding rows moves none that was there."""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import SHARED, Project
from hypothesis import given
from hypothesis import strategies as st

from parquetry.corpus.split import draw, draws
from parquetry.reader.verify import verify
from parquetry.record.fingerprint import _times
from parquetry.words.errors import InputError, RecipeError

GSM8K = SHARED / "corpora/gsm8k"
NEAR = '\n[tables.notes.duplicates]\nnear = "group"\n'


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


def timed(project: Project, time: str) -> None:
    project.edit("ratios = { train = 0.8, test = 0.2 }", f"time = {{ {time} }}")
    days = ["2018-12-31", "2019-01-01", "2019-12-31", "2020-01-01", "2024-02-29"]
    project.rows("notes.jsonl", [{"id": day, "text": f"of {day}", "day": day} for day in days])


def days(project: Project) -> dict[str, list[str]]:
    found = sorted((project.release / "data/notes").glob("*.parquet"))
    return {path.name.split("-")[0]: pq.read_table(path)["id"].to_pylist() for path in found}


def test_a_row_goes_where_its_time_says(project: Project) -> None:
    timed(project, 'column = "day", train = "2019-01-01", validation = "2020-01-01", test = ""')
    known = project.build().manifest.tables["notes"]
    assert days(project) == {
        "train": ["2018-12-31"],
        "validation": ["2019-01-01", "2019-12-31"],
        "test": ["2020-01-01", "2024-02-29"],
    }
    assert known.split_rule == "day: train before 2019-01-01, validation before 2020-01-01, test the rest"
    assert "by time, day: train before 2019-01-01" in (project.release / "README.md").read_text("utf-8")
    assert not verify(project.release, "deep").problems


def test_only_days_and_instants_tell_the_time(project: Project) -> None:
    timed(project, 'column = "text", train = ""')
    with pytest.raises(RecipeError) as refused:
        project.build()
    assert str(refused.value) == (
        "error[SPLIT_TIME] recipe.toml: tables.notes.split.time.column: "
        "'text' is no property that holds a day or an instant\n"
        '  fix: name a property of type string with "format": "date" or "date-time"'
    )


@pytest.mark.parametrize(("last", "row"), [("", {"day": None}), ("2020-01-01", {"day": "2020-01-01"})])
def test_a_row_without_a_time_or_beyond_the_last_has_no_split(project: Project, last: str, row: dict[str, str]) -> None:
    timed(project, f'column = "day", train = "2019-01-01", test = "{last}"')
    project.rows("notes.jsonl", [{"id": "a", "text": "a", "day": "2018-01-01"}, {"id": "b", "text": "b", **row}])
    with pytest.raises(InputError) as refused:
        project.build()
    assert str(refused.value) == (
        "error[SPLIT_UNASSIGNED] notes: 1 row without day, or on or after the last day (lines 2)\n"
        '  fix: fill day, or give a last split the day "": the rest'
    )


@given(st.lists(st.datetimes(datetime(1600, 1, 1), datetime(2300, 1, 1)), max_size=20))
def test_an_instant_is_compared_with_midnight_of_utc(moments: list[datetime]) -> None:
    column = pa.array(moments, pa.timestamp("us", "UTC"))
    found = _times(column, ["1999-12-31", "2020-02-29", ""]).to_pylist()
    bounds = [datetime(1999, 12, 31), datetime(2020, 2, 29)]
    assert found == [sum(bound <= moment for bound in bounds) for moment in moments]


def test_splits_that_others_made_are_kept(project: Project) -> None:
    project.edit('sources = ["notes*.jsonl"]\n', "")
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'given = { train = ["a/*.jsonl"], test = ["b.jsonl"] }')
    for name in ("a/1.jsonl", "a/2.jsonl", "b.jsonl"):
        project.rows(name, [{"id": f"{name}:{number}", "text": f"{name} {number}"} for number in range(3)])
    project.build(workers=2)
    assert days(project) == {
        "train": [f"a/{file}.jsonl:{number}" for file in (1, 2) for number in range(3)],
        "test": [f"b.jsonl:{number}" for number in range(3)],
    }
    assert not verify(project.release, "deep").problems


def test_given_splits_name_each_source_once(project: Project) -> None:
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'given = { train = ["notes1*"], test = ["*2.jsonl", "x"] }')
    for name in ("notes1.jsonl", "notes12.jsonl", "notes3.jsonl"):
        project.rows(name, [{"id": name, "text": name}])
    with pytest.raises(RecipeError) as refused:
        project.build()
    assert str(refused.value) == (
        "error[SPLIT_GIVEN] recipe.toml: tables.notes.split.given.test: notes12.jsonl is in another split too\n"
        "  fix: let each file be in one split\n"
        "error[SPLIT_GIVEN] recipe.toml: tables.notes.split.given.test: no source matches 'x'\n"
        "  fix: correct the path, or add it to sources\n"
        "error[SPLIT_GIVEN] recipe.toml: tables.notes.split.given: notes3.jsonl is in no split\n"
        "  fix: add it to one, or take it from sources"
    )


def test_a_text_in_two_given_splits_is_a_leak(project: Project) -> None:
    project.edit('id = "id"\n', 'id = "id"\ntext = ["text"]\nduplicates = { exact = "keep" }\n')
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'given = { train = ["notes1*"], test = ["notes2*"] }')
    for name in ("notes1.jsonl", "notes2.jsonl"):
        project.rows(name, [{"id": name, "text": "the same"}])
    with pytest.raises(InputError, match=r"notes1\.jsonl:1: is in train and has the text of notes2\.jsonl:1"):
        project.build()


@pytest.mark.skipif(not GSM8K.exists(), reason="the corpus is not there")
def test_a_real_benchmark_keeps_its_splits_and_does_not_leak(project: Project) -> None:
    names = {"question": {"type": "string"}, "answer": {"type": "string"}}
    project.schema("notes", {"type": "object", "additionalProperties": False, "properties": names})
    project.edit('sources = ["notes*.jsonl"]\nid = "id"\n', f'id = "question"\ntext = ["question"]\n{NEAR}')
    project.edit(
        "ratios = { train = 0.8, test = 0.2 }", f'given = {{ train = ["{GSM8K}/train*"], test = ["{GSM8K}/test*"] }}'
    )
    known = project.build(workers=2).manifest.tables["notes"]
    assert {name: split.rows for name, split in known.splits.items()} == {"train": 7473, "test": 1319}
    assert known.leakage and (known.leakage.exact_pairs, known.leakage.near_pairs) == (0, 0)
    assert known.leakage.recall and known.leakage.recall[1] >= 0.995 * known.leakage.recall[0]
    assert not verify(project.release, "deep").problems
