"""The cuts partition the kept rows, and the file read back is those rows in the exact schema."""

from __future__ import annotations

import datetime as dt
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from conftest import Project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parquetry.corpus.dedup import FATES, Verdict
from parquetry.corpus.split import Splits
from parquetry.files.shards import order_of, plan
from parquetry.words.recipe import Recipe

NAMES = ("train", "test", "x")
RULES: dict[str, Any] = {"schema": "x", "sources": ("x",), "id": ("id",), "split": {"only": "train"}}
FACTS: dict[str, Any] = {
    "name": "n", "version": "1.0.0", "title": "t", "summary": "s", "license": "mit", "languages": ("en",),
    "released": "2026-01-01", "creators": ({"name": "x"},),
}  # fmt: skip


def recipe(shard: int, group: int, table: str = "t") -> Recipe:
    files = {"shard_bytes": shard, "row_group_bytes": group}
    return Recipe.model_validate({"dataset": FACTS, "tables": {table: RULES}, "files": files})


@given(
    st.lists(
        st.tuples(st.integers(1, 400), st.sampled_from(["train", "test", "x"]), st.sampled_from(range(len(FATES)))),
        max_size=60,
    ),
    st.integers(50, 2000),
    st.integers(20, 800),
)
def test_the_cuts_partition_the_kept_rows(rows: list[tuple[int, str, int]], shard: int, group: int) -> None:
    sizes, splits, fate = ([row[i] for row in rows] for i in range(3))
    nothing = np.zeros(len(rows), np.int64)
    verdict = Verdict(np.array(fate, np.int8), nothing, nothing, {})
    prints = {"t": pa.table({"bytes": pa.array(sizes, pa.int64())})}
    cuts = plan(
        prints,
        {"t": verdict},
        {"t": Splits(NAMES, np.array([NAMES.index(split) for split in splits], np.int16))},
        recipe(shard, group),
    )
    for split in ("train", "test", "x"):
        mine = [cut for cut in cuts if cut.split == split]
        placed = [int(row) for cut in mine for one in cut.groups for row in one]
        assert placed == [i for i, row in enumerate(rows) if row[1] == split and row[2] == 0]
        assert [cut.path for cut in mine] == [
            f"data/t/{split}-{i:05d}-of-{len(mine):05d}.parquet" for i in range(len(mine))
        ]
        for cut in mine:
            weights = [sum(sizes[int(row)] for row in one) for one in cut.groups]
            assert all(len(one) for one in cut.groups)
            assert sum(weights) <= shard or len(weights) == len(cut.groups[0]) == 1
            assert all(len(one) == 1 or weight <= group for one, weight in zip(cut.groups, weights, strict=True))


def test_the_table_called_default_stands_in_data_itself() -> None:
    verdict = Verdict(np.zeros(1, np.int8), np.zeros(1), np.zeros(1), {})
    (cut,) = plan(
        {"default": pa.table({"bytes": [1]})},
        {"default": verdict},
        {"default": Splits(("train",), np.zeros(1, np.int16))},
        recipe(9, 9, "default"),
    )
    assert cut.path == "data/train-00000-of-00001.parquet"


@given(st.sets(st.sampled_from(["train", "validation", "test", "dev", "holdout", "a"])))
def test_splits_are_shown_in_the_order_that_readers_expect(splits: set[str]) -> None:
    shown = order_of(splits, ("dev", "train"))
    assert set(shown) == splits
    rank = ["train", "validation", "test", "dev", "a", "holdout"]
    assert all(rank.index(one) < rank.index(other) for one, other in pairwise(shown))


SCHEMA: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "id": {"type": "integer"},
        "text": {"type": ["string", "null"]},
        "day": {"type": ["string", "null"], "format": "date"},
        "at": {"type": ["string", "null"], "format": "date-time"},
        "share": {"type": ["number", "null"]},
        "small": {"type": ["integer", "null"], "x-arrow": "int8"},
        "yes": {"type": ["boolean", "null"]},
        "kind": {"enum": ["x", "y", None]},
        "lists": {"type": ["array", "null"], "items": {"type": "array", "items": {"type": ["integer", "null"]}}},
        "parts": {
            "type": ["array", "null"],
            "items": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "properties": {"n": {"type": ["string", "null"]}, "open": {"type": ["object", "null"]}},
            },
        },
    },
}
texts = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
openly = st.dictionaries(
    texts.filter(bool), st.none() | st.integers(-(2**63), 2**63 - 1) | texts | st.booleans(), max_size=3
)
row = st.fixed_dictionaries(
    {
        "text": st.none() | texts,
        "day": st.none() | st.dates().map(dt.date.isoformat),
        "at": st.none() | st.datetimes().map(lambda at: at.isoformat() + "Z"),
        "share": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "small": st.none() | st.integers(-128, 127),
        "yes": st.none() | st.booleans(),
        "kind": st.sampled_from(["x", "y", None]),
        "lists": st.none() | st.lists(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=3), max_size=3),
        "parts": st.none()
        | st.lists(st.none() | st.fixed_dictionaries({"n": st.none() | texts, "open": st.none() | openly}), max_size=3),
    }
)


def in_json(value: Any, name: str = "") -> Any:
    """A value of the file as the source says it."""
    if isinstance(value, dt.datetime):
        return value.replace(tzinfo=None).isoformat() + "Z"
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, list):
        return [in_json(one) for one in value]
    if isinstance(value, dict):
        return {key: in_json(one, key) for key, one in value.items()}
    return json.loads(value) if name == "open" and value is not None else value


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(row, min_size=1, max_size=8))
def test_what_is_read_back_is_what_was_put_in(tmp_path_factory: Any, rows: list[dict[str, Any]]) -> None:
    """Every value of every type comes back identical, through the whole build."""
    project = Project(tmp_path_factory.mktemp("values"))
    project.schema("notes", SCHEMA)
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    numbered = [{"id": index, **one} for index, one in enumerate(rows)]
    project.rows("notes.jsonl", numbered)
    (file,) = Path(project.build().place / "data/notes").iterdir()
    back = [in_json(one) for one in pq.read_table(file).to_pylist()]
    assert [json.dumps(one, sort_keys=True) for one in back] == [json.dumps(one, sort_keys=True) for one in numbered]
