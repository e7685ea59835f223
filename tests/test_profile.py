"""A profile is a sum, and says what an obvious count says."""

from __future__ import annotations

import math
import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.files import profile as profiles_of
from parquetry.files.profile import Profile, day_at, profiles, quantile
from parquetry.words.fields import KINDS, Field, Value

FLOATS = st.floats(allow_nan=False, allow_infinity=False)
INSTANTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31), timezones=st.just(UTC))
VALUES: dict[str, Any] = {
    "string": st.text(max_size=9) | st.sampled_from(["a", "b"]),
    "integer": st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3),
    "uint64": st.integers(0, 2**64 - 1),
    "int8": st.integers(-128, 127),
    "number": FLOATS | st.sampled_from([0.0, -0.0, 5e-324, 1.7e308]),
    "float32": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "boolean": st.booleans(),
    "date": st.dates(),
    "date-time": INSTANTS | st.datetimes(datetime(2020, 1, 1), datetime(2020, 1, 3), timezones=st.just(UTC)),
}
kinds = pytest.mark.parametrize("kind", VALUES)


def profile(kind: str, values: list[Any]) -> Profile:
    field = Field("v", "", kind, nullable=True, required=False)
    return dict(profiles(pa.array(values, field.arrow), field, ("v",)))["v",]


@kinds
@given(st.data())
def test_a_profile_is_a_sum(kind: str, data: st.DataObject) -> None:
    some = st.lists(st.none() | VALUES[kind], max_size=12)
    a, b, c = (data.draw(some) for _ in range(3))
    kept = data.draw(st.sampled_from([2, 5, 4096]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(profiles_of, "KEPT", kept)
        assert profile(kind, a) + profile(kind, b) == profile(kind, a + b)
        assert profile(kind, b) + profile(kind, a) == profile(kind, a + b)
        assert (profile(kind, a) + profile(kind, b)) + profile(kind, c) == profile(kind, a + b + c)
        assert Profile() + profile(kind, a) == profile(kind, a)


def measured(kind: str, value: Any) -> Any:
    if kind == "string":
        return len(value)
    if kind in ("date", "date-time"):
        return (datetime(value.year, value.month, value.day) - datetime(1970, 1, 1)).days
    return value


@kinds
@given(st.data())
def test_it_says_what_an_obvious_count_says(kind: str, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.none() | VALUES[kind], max_size=20))
    found, there = profile(kind, values), [value for value in values if value is not None]
    counts = Counter(there)
    assert (found.values, found.nulls) == (len(there), len(values) - len(there))
    assert found.tally.exact and found.tally.distinct == len(counts)
    own = [] if found.tally.values is None else found.tally.values.to_pylist()
    assert Counter(dict(zip(own, found.tally.hashes.rows.tolist(), strict=True))) == counts
    if not there or kind == "boolean":
        assert (found.low, found.high) == (None, None)
        return
    numbers = sorted(measured(kind, value) for value in there)
    ends = (found.low, found.high)
    assert ends == ((numbers[0], numbers[-1]) if not kind.startswith("date") else (min(there), max(there)))
    assert found.total == sum(map(Fraction, numbers))
    for share in (0, 0.05, 0.5, 0.95, 1):
        exact = numbers[max(1, math.ceil(share * len(numbers))) - 1]
        if kind.startswith("date"):
            assert day_at(found, share) == exact
        else:
            whole = kind == "string" or KINDS[kind].prose == "integer"
            assert quantile(found, share, whole=whole) == float(exact)


@pytest.mark.parametrize("scale", [1e-9, 1, 1e12, -1e3])
def test_a_quantile_of_many_values_is_near(scale: float) -> None:
    draw = random.Random(3)
    numbers = [draw.lognormvariate(0, 3) * scale for _ in range(20_000)]
    found = profile("number", numbers)
    assert not found.tally.exact
    for share in (0, 0.01, 0.25, 0.5, 0.99, 1):
        exact = sorted(numbers)[max(1, math.ceil(share * len(numbers))) - 1]
        assert quantile(found, share, whole=False) == pytest.approx(exact, rel=0.002)


@pytest.mark.parametrize("kind, value", [("string", str), ("integer", int), ("number", lambda n: n / 3)])
def test_of_many_values_the_number_that_differ_is_estimated(kind: str, value: Any) -> None:
    for count in (4095, 4096, 50_000):
        found = profile(kind, [value(number) for number in range(count)] * 2)
        assert found.tally.exact == (count < 4096)
        assert found.tally.distinct == pytest.approx(count, rel=0.05 if count > 4095 else 0)
        assert found.values == 2 * count


def test_rows_of_those_that_are_kept_are_all_counted() -> None:
    found = profile("integer", list(range(10_000)) * 3)
    assert set(found.tally.hashes.rows.tolist()) == {3}
    assert len(found.tally.hashes.keys) == 4096


def test_what_is_inside_of_lists_and_objects_has_a_profile_of_its_own() -> None:
    inner = (Field("n", "", "integer", nullable=True, required=False),)
    item = Field("", "", "struct", nullable=True, required=False, fields=inner)
    field = Field("v", "", "list", nullable=True, required=False, fields=(item,))
    column = pa.array([None, [], [{"n": 1}, None], [{"n": None}, {"n": 7}, {"n": 7}]], field.arrow)
    found = dict(profiles(column, field, ("v",)))
    assert set(found) == {("v",), ("v", "[]"), ("v", "[]", "n")}
    assert (found["v",].values, found["v",].nulls, found["v",].low, found["v",].high) == (3, 1, 0, 3)
    assert (found["v", "[]"].values, found["v", "[]"].nulls) == (4, 1)
    assert (found["v", "[]", "n"].values, found["v", "[]", "n"].nulls) == (3, 1)
    assert (found["v", "[]", "n"].total, found["v", "[]", "n"].tally.distinct) == (15, 2)
    assert dict(profiles(column.slice(2, 1), field, ("v",)))["v", "[]"].nulls == 1


def test_long_texts_are_cut_but_where_the_field_is_coded() -> None:
    texts = ["x" * 100, "x" * 99 + "y"]
    found = profile("string", texts).tally
    assert found.values is not None and found.values.to_pylist() == ["x" * 81] * 2
    field = Field("v", "", "string", nullable=True, required=False, values=(Value("x", "", ""),))
    whole = dict(profiles(pa.array(texts), field, ("v",)))["v",].tally
    assert whole.values is not None and sorted(whole.values.to_pylist()) == texts


def test_hashes_of_numbers_never_collide_and_spread() -> None:
    found = profile("integer", list(range(4000))).tally.hashes.keys
    assert len(found) == 4000
    assert np.histogram(found, 8, (0, 2.0**64))[0].min() > 400


def test_days_are_those_of_the_calendar() -> None:
    found = profile("date-time", [datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC), datetime(1970, 1, 1, tzinfo=UTC)])
    assert found.buckets.keys.tolist() == [-1, 0]
    assert day_at(profile("date", [date(1, 1, 1)]), 0.5) == (date(1, 1, 1) - date(1970, 1, 1)) // timedelta(1)
