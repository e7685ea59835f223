"""Splits by time and as others made them: a row's split depends on its own time, or on its own file, alone."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Project, contents
from hypothesis import given
from hypothesis import strategies as st
from strategies import table

from parquetry.reader.sample import sample
from parquetry.reader.verify import verify
from parquetry.record.fingerprint import SPLIT, fingerprint
from parquetry.sources import lines, partitions
from parquetry.words.errors import InputError, RecipeError
from parquetry.words.recipe import Table
from parquetry.words.records import LINE, SOURCE
from parquetry.words.splits import moment

DRAWN = "ratios = { train = 0.8, test = 0.2 }"
BY_DAY = 'time = { column = "day", train = "2019-01-01", validation = "2020-01-01", test = "" }'
GIVEN = 'given = { train = ["train/*.jsonl"], test = ["test.jsonl"] }'
DAYS = st.dates(date(2018, 12, 1), date(2019, 2, 1))
INSTANTS = st.datetimes(datetime(2018, 12, 31), datetime(2019, 1, 2), timezones=st.just(UTC))


def rules(split: dict[str, Any]) -> Table:
    document = {"schema": "x.json", "sources": ["x.jsonl"], "id": "id", "split": split}
    return Table.model_validate_json(json.dumps(document))


def batch(
    column: str, kind: pa.DataType, values: Sequence[Any], sources: Sequence[int] | None = None
) -> pa.RecordBatch:
    rows = range(len(values))
    columns = {"id": pa.array([str(row) for row in rows], pa.string()), column: pa.array(values, kind)}
    columns[LINE.name] = pa.array(rows, LINE.type)
    columns[SOURCE.name] = pa.array([0] * len(values) if sources is None else sources, SOURCE.type)
    return pa.RecordBatch.from_pydict(columns)


def codes(rows: pa.RecordBatch, schema: Any, own: Table, splits: Sequence[str] = ()) -> list[int]:
    return list(fingerprint(rows, schema, own, splits).column(SPLIT.name).to_pylist())


def first_after(value: Any, bounds: Sequence[Any], *, rest: bool) -> int:
    """The definition: the first split whose boundary comes after the value."""
    if value is None:
        return -1
    return next((index for index, bound in enumerate(bounds) if value < bound), len(bounds) if rest else -1)


def law(kind: str, arrow: pa.DataType, values: Sequence[Any], bounds: Sequence[Any], *, rest: bool) -> None:
    """The split of each row is that of the definition, together and alone."""
    schema = table(id={"type": "string"}, when={"type": ["string", "null"], "format": kind})
    ends = {f"s{index}": bound.isoformat() for index, bound in enumerate(bounds)} | ({"last": ""} if rest else {})
    own, rows = rules({"time": {"column": "when", **ends}}), batch("when", arrow, values)
    wanted = [first_after(value, bounds, rest=rest) for value in values]
    assert codes(rows, schema, own) == wanted
    assert [codes(rows.slice(row, 1), schema, own)[0] for row in range(len(values))] == wanted


@given(st.lists(st.none() | DAYS), st.sets(DAYS, min_size=1, max_size=4), st.booleans())
def test_a_day_goes_to_the_first_split_that_ends_after_it(
    values: list[date | None], bounds: set[date], rest: bool
) -> None:
    law("date", pa.date32(), values, sorted(bounds), rest=rest)


@given(st.lists(st.none() | INSTANTS), st.sets(INSTANTS, min_size=1, max_size=4), st.booleans())
def test_an_instant_goes_to_the_first_split_that_ends_after_it(
    values: list[datetime | None], bounds: set[datetime], rest: bool
) -> None:
    law("date-time", pa.timestamp("us", "UTC"), values, sorted(bounds), rest=rest)


def test_a_boundary_belongs_to_what_comes_after_it() -> None:
    schema = table(id={"type": "string"}, when={"type": "string", "format": "date-time"})
    own = rules({"time": {"column": "when", "train": "2019-01-01", "test": "2019-01-01T06:00:00+01:00"}})
    start, tick = datetime(2019, 1, 1, tzinfo=UTC), timedelta(microseconds=1)
    values = [start - tick, start, start + timedelta(hours=5) - tick, start + timedelta(hours=5)]
    assert codes(batch("when", pa.timestamp("us", "UTC"), values), schema, own) == [0, 1, 1, -1]


def test_the_first_and_the_last_years_have_their_places() -> None:
    schema = table(id={"type": "string"}, when={"type": "string", "format": "date"})
    own = rules({"time": {"column": "when", "a": "0001-01-02", "b": "9999-12-31", "c": ""}})
    values = [date.min, date(1, 1, 2), date(9999, 12, 30), date.max]
    assert codes(batch("when", pa.date32(), values), schema, own) == [0, 1, 1, 2]


@given(st.lists(st.sampled_from(["a", "b.c", "d"]), min_size=1, max_size=5), st.data())
def test_a_row_goes_where_its_file_is_given(splits: list[str], data: st.DataObject) -> None:
    schema = table(id={"type": "string"}, text={"type": "string"})
    own = rules({"given": {"a": ["1"], "b.c": ["2"], "d": ["3"]}})
    sources = data.draw(st.lists(st.integers(0, len(splits) - 1)))
    rows = batch("text", pa.string(), ["same"] * len(sources), sources)
    assert [own.split.names[code] for code in codes(rows, schema, own, splits)] == [splits[one] for one in sources]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2019-01-01", datetime(2019, 1, 1, tzinfo=UTC)),
        ("2019-01-01 00:00:00.5z", datetime(2019, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("2019-01-01T01:00:00+02:00", datetime(2018, 12, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_boundary_is_an_instant(text: str, found: datetime) -> None:
    assert moment(text) == found


def days(project: Project, split: str, *found: str | None) -> None:
    """One row for each day, with its number as id."""
    project.edit(DRAWN, split)
    project.rows("notes.jsonl", [{"id": str(i), "text": f"text {i}", "day": day} for i, day in enumerate(found)])


def placed(place: Path) -> dict[str, list[str]]:
    """The ids of each split."""
    files = sorted(place.glob("data/notes/*.parquet"))
    return {file.name.split("-")[0]: pq.read_table(file)["id"].to_pylist() for file in files}


def said(place: Path, name: str = "notes") -> tuple[str, str, str]:
    """How the manifest and the card say that a table was split."""
    facts = json.loads((place / "manifest.json").read_bytes())["tables"][name]
    row = re.search(
        rf"^\| `{name}` \|.*\| ([^|]+) \|$", (place / "README.md").read_text("utf-8").split("## Splits")[1], re.M
    )
    assert row
    return facts["split_method"], facts["split_rule"], row[1]


def test_a_table_is_split_by_time(project: Project) -> None:
    days(project, BY_DAY, "2018-12-31", "2019-01-01", "2019-12-31", "2020-01-01", "1999-01-01")
    built = project.build()
    assert placed(built.place) == {"train": ["0", "4"], "validation": ["1", "2"], "test": ["3"]}
    rule = "day: train before 2019-01-01, validation before 2020-01-01, test the rest"
    assert said(built.place) == ("time", rule, f"by {rule}")
    assert verify(built.place, "deep").problems == ()
    assert built.warnings == []


def test_a_row_without_a_time_ends_the_build(project: Project) -> None:
    days(project, BY_DAY, None, "2019-01-01", None)
    with pytest.raises(InputError) as error:
        project.build()
    assert str(error.value) == (
        "error[SPLIT_UNASSIGNED] notes: 2 rows come to no split: day is null (lines 1, 3 of the sources)\n"
        "  fix: fill day"
    )
    assert error.value.exit_code == 3


def test_a_row_beyond_the_last_boundary_ends_the_build(project: Project) -> None:
    days(project, BY_DAY.replace(', test = ""', ""), None, "2018-01-01", "2019-01-01", "2020-01-01", "2024-01-01")
    with pytest.raises(InputError) as error:
        project.build()
    assert str(error.value) == (
        "error[SPLIT_UNASSIGNED] notes: 3 rows come to no split: day is null or not before 2020-01-01"
        " (lines 1, 4, 5 of the sources)\n"
        '  fix: fill day, or add a last split with ""'
    )


def test_a_time_to_which_no_row_comes_is_not_written(project: Project) -> None:
    days(project, BY_DAY, "2018-01-01", "2020-01-01")
    built = project.build()
    assert [warning.text("warning") for warning in built.warnings] == [
        "warning[WARN_SPLIT_EMPTY] recipe.toml: tables.notes.split.time.validation: no row came to this split; it is"
        " not written\n  fix: move its boundary, or leave it out"
    ]
    assert placed(built.place) == {"train": ["0"], "test": ["1"]}


def test_another_boundary_is_another_recipe(project: Project) -> None:
    days(project, BY_DAY, "2018-01-01", "2020-01-01")
    first = project.build().manifest.recipe_sha256
    project.edit("2020-01-01", "2019-06-01")
    assert project.build(replace=True).manifest.recipe_sha256 != first


def test_a_table_follows_one_that_is_split_by_time(project: Project) -> None:
    days(project, BY_DAY, "2018-01-01", "2020-01-01")
    more = "\n[tables.marks]\nschema = 'notes.schema.json'\nsources = ['marks.jsonl']\nid = 'id'\n"
    more += "references = { source = 'notes' }\nsplit = { follow = 'source' }\n"
    project.recipe((project.root / "recipe.toml").read_text("utf-8") + more)
    project.rows("marks.jsonl", [{"id": "x", "text": "x", "source": "1"}, {"id": "y", "text": "y", "source": "0"}])
    place = project.build().place
    assert pq.read_table(place / "data/marks/test-00000-of-00001.parquet")["id"].to_pylist() == ["x"]


def split_by_others(project: Project, split: str = GIVEN, sources: str = "") -> None:
    project.edit(DRAWN, split)
    project.edit('sources = ["notes*.jsonl"]\n', sources)
    for name in ("train/a.jsonl", "train/b.jsonl", "test.jsonl"):
        project.rows(name, [{"id": f"{name} {i}", "text": "text"} for i in range(2)])


ALL = 'sources = ["**/*.jsonl"]\n'


@pytest.mark.parametrize("sources", ["", ALL])
def test_splits_that_others_made_are_kept(project: Project, sources: str) -> None:
    split_by_others(project, sources=sources)
    built = project.build()
    assert placed(built.place) == {
        "train": ["train/a.jsonl 0", "train/a.jsonl 1", "train/b.jsonl 0", "train/b.jsonl 1"],
        "test": ["test.jsonl 0", "test.jsonl 1"],
    }
    rule = "train from train/*.jsonl, test from test.jsonl"
    shown = "as given with the sources: train from train/\\*.jsonl, test from test.jsonl"
    assert said(built.place) == ("given", rule, shown)
    assert verify(built.place, "deep").problems == ()


def test_a_release_does_not_say_where_the_given_files_lie(project: Project) -> None:
    split_by_others(project, GIVEN.replace('["', f'["{project.root}/'))
    built = project.build()
    assert said(built.place)[1] == "train from *.jsonl, test from test.jsonl"
    assert not [name for name, raw in contents(built.place).items() if str(project.root).encode() in raw]


@pytest.mark.parametrize(
    ("split", "sources", "message"),
    [
        (
            'given = { train = ["train/*.jsonl"], test = ["tset.jsonl"] }',
            "",
            "error[SOURCE_MISSING] recipe.toml: tables.notes.split.given.test.0: no file matches 'tset.jsonl'\n"
            "  fix: correct the path, or make the file first",
        ),
        (
            GIVEN,
            'sources = ["train/*.jsonl"]\n',
            "error[SPLIT_GIVEN] recipe.toml: tables.notes.split.given.test.0: no source matches 'test.jsonl'\n"
            "  fix: correct the glob, or list its files in sources",
        ),
        (
            'given = { train = ["train/a.jsonl"], test = ["test.jsonl"] }',
            ALL,
            "error[SPLIT_GIVEN] recipe.toml: tables.notes.split.given: no split has the source 'train/b.jsonl'\n"
            "  fix: add it to a split, or take it out of sources",
        ),
        (
            'given = { train = ["train/*.jsonl"], test.unseen = ["test.jsonl", "./train/b*"] }',
            ALL,
            "error[RECIPE_VALUE] recipe.toml: tables.notes.split.given.test: input should be a valid array, found"
            ' {"unseen": ["test.jsonl", "./train/b*"]}\n  fix: write it in brackets: [ … ]',
        ),
        (
            'given = { train = ["train/*.jsonl"], "test.unseen" = ["test.jsonl", "./train/b*"] }',
            ALL,
            "error[SPLIT_GIVEN] recipe.toml: tables.notes.split.given: the source 'train/b.jsonl' is in train and in"
            " test.unseen\n  fix: keep it in one of them",
        ),
    ],
)
def test_each_source_is_given_for_one_split(project: Project, split: str, sources: str, message: str) -> None:
    split_by_others(project, split, sources)
    with pytest.raises(RecipeError) as error:
        project.build()
    assert str(error.value) == message
    assert not (project.root / "out/notes-1.0.0").exists()


@pytest.mark.parametrize("split", [BY_DAY, 'given = { train = ["notes0*"], test = ["notes1*", "notes2*"] }'])
def test_workers_blocks_and_partitions_do_not_show(
    project: Project, split: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit(DRAWN, split)
    for file in range(3):
        rows = [
            {"id": f"{file}.{i}", "text": f"text {i % 50}", "day": f"20{18 + i % 3}-0{1 + i % 9}-1{file}"}
            for i in range(200)
        ]
        project.rows(f"notes{file}.jsonl", rows)
    seen = []
    for workers, bytes_of_a_part in ((1, 32_000_000), (2, 32_000_000), (2, 3_000), (3, 500)):
        monkeypatch.setattr(lines, "BLOCK_BYTES", max(bytes_of_a_part // 10, 200))
        monkeypatch.setattr(partitions, "PARTITION_BYTES", bytes_of_a_part)
        seen.append(contents(project.build(workers, replace=True).place))
    assert seen == [seen[0]] * 4


@pytest.mark.parametrize("split", [BY_DAY, GIVEN])
def test_first_rows_are_tried_whatever_splits_them(project: Project, split: str) -> None:
    split_by_others(project, split, ALL)
    _, (found,) = sample(project.root / "recipe.toml", 1)
    assert (found.sources, found.read, found.rejected.total()) == (3, 3, 0)


def test_duplicates_are_dropped_before_splits_are_taken(project: Project) -> None:
    """The first in source order stays, wherever its file or its time puts it."""
    split_by_others(project, sources='text = ["text"]\n')
    built = project.build()
    assert placed(built.place) == {"test": ["test.jsonl 0"]}
    assert [warning.text("warning") for warning in built.warnings] == [
        "warning[WARN_SPLIT_EMPTY] recipe.toml: tables.notes.split.given.train: no row came to this split; it is"
        " not written\n  fix: leave it out, or fill its files"
    ]
