"""A summary is a sum: measuring together is measuring apart and adding."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given
from hypothesis import strategies as st

from parquetry.files.stats import Summary, measure, measure_group
from parquetry.words.schema import parse

SCHEMA = parse(
    json.dumps(
        {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "text": {"type": "string"},
                "kind": {"enum": ["x", "y"]},
                "marks": {"type": "array", "items": {"enum": ["p", "q"]}},
                "parts": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {"unit": {"enum": ["m", "s"]}, "n": {"type": "integer"}},
                    },
                },
            },
        }
    ).encode(),
    "s",
)
part = st.one_of(
    st.none(), st.fixed_dictionaries({"unit": st.sampled_from(["m", "s", None]), "n": st.none() | st.integers(0, 9)})
)
row = st.fixed_dictionaries(
    {
        "text": st.none() | st.text(max_size=9),
        "kind": st.sampled_from(["x", "y", None]),
        "marks": st.none() | st.lists(st.sampled_from(["p", "q", None]), max_size=4),
        "parts": st.none() | st.lists(part, max_size=3),
    }
)
rows = st.lists(row, max_size=12)


def summary(some: list[dict[str, object]]) -> Summary:
    return measure(pa.RecordBatch.from_pylist(some, schema=SCHEMA.arrow), SCHEMA.fields)


@given(rows, rows)
def test_measuring_together_is_measuring_apart_and_adding(
    a: list[dict[str, object]], b: list[dict[str, object]]
) -> None:
    assert summary(a) + summary(b) == summary(a + b)


@given(rows, rows, rows)
def test_the_order_of_adding_does_not_matter(
    a: list[dict[str, object]], b: list[dict[str, object]], c: list[dict[str, object]]
) -> None:
    one, two, three = summary(a), summary(b), summary(c)
    assert (one + two) + three == one + (two + three)
    assert one + two == two + one


@given(rows)
def test_a_slice_is_measured_like_a_copy(some: list[dict[str, object]]) -> None:
    whole = pa.RecordBatch.from_pylist(some, schema=SCHEMA.arrow)
    middle = whole.slice(len(some) // 3, len(some) // 2)
    assert measure(middle, SCHEMA.fields) == summary(some[len(some) // 3 : len(some) // 3 + len(some) // 2])


def test_pieces_of_a_group_are_measured_like_the_whole(tmp_path: Path) -> None:
    some = [{"text": f"{i % 700} " * (i % 40), "kind": "xy"[i % 2], "marks": ["p"] * (i % 3)} for i in range(20_000)]
    batch = pa.RecordBatch.from_pylist(some, schema=SCHEMA.arrow)
    with pq.ParquetWriter(tmp_path / "rows.parquet", SCHEMA.arrow, write_page_checksum=True) as file:
        file.write_batch(batch, row_group_size=len(some))
    found = measure_group("rows.parquet", 0, tmp_path, SCHEMA)
    assert found.summary == measure(batch, SCHEMA.fields)
    assert len(found.digests) == 32 * len(some)
