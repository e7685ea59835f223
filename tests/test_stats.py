"""A summary is a sum: measuring together is measuring apart and adding."""

from __future__ import annotations

import json

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from parquetry.files.stats import Summary, measure
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


@given(rows)
def test_counts_are_those_of_an_obvious_count(some: list[dict[str, object]]) -> None:
    found = summary(some)
    assert found.rows == len(some)
    assert found.nulls.get("text", 0) == sum(r["text"] is None for r in some)
    for path, values in (("kind", [r["kind"] for r in some]), ("marks", [m for r in some for m in r["marks"] or ()])):  # type: ignore[attr-defined]
        for value in "xypq":
            assert found.codes.get(((path,), f'"{value}"'), 0) == values.count(value)
    units = [p["unit"] for r in some for p in r["parts"] or () if p]  # type: ignore[attr-defined]
    assert found.codes.get((("parts", "unit"), '"m"'), 0) == units.count("m")
