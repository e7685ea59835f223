"""A column -> how many values it has, how many of them differ, how far they reach.

Everything here is a sum: the profile of two sets of rows is that of both together, whatever the cut, to the last bit.
So values are counted by buckets that are fixed beforehand (as HdrHistogram does, http://hdrhistogram.org), sums are
exact, and of many values those with the least hashes are kept (Beyer et al. 2007, "On synopses for distinct-value
estimation under multiset operations", https://doi.org/10.1145/1247480.1247504).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from parquetry.corpus.keys import Array
from parquetry.record.content import digests
from parquetry.record.personal import personal
from parquetry.record.sketch import mixed
from parquetry.words.fields import Field

#: The names that lead to a field, from its column on; `ELEMENTS` stands for the elements of a list.
Steps = tuple[str, ...]
ELEMENTS = "[]"
#: Fewer different values are counted exactly, and each is kept with its rows; of more, so many hashes are kept.
KEPT = 4096
#: Code points of a text that are shown of it; one more is kept, which says that it is longer.
SHOWN = 80
#: Bits of the mantissa that a bucket goes by: its width is 1/256 of what is in it, and integers below 512 are exact.
_BITS = 8
_DROPPED = np.int64(52 - _BITS)
_MICROSECONDS_A_DAY = 86_400_000_000


@dataclass(frozen=True, eq=False)
class Counts:
    """How often each of some numbers stands: `keys` in rising order, `rows` beside them."""

    keys: Array = field(default_factory=lambda: np.empty(0, np.int64))
    rows: Array = field(default_factory=lambda: np.empty(0, np.int64))

    def __add__(self, other: Counts) -> Counts:
        if not len(self.keys) or not len(other.keys):
            return other if len(other.keys) else self
        return counted(np.concatenate([self.keys, other.keys]), np.concatenate([self.rows, other.rows]))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Counts):
            return NotImplemented
        return np.array_equal(self.keys, other.keys) and np.array_equal(self.rows, other.rows)


def counted(keys: Array, rows: Array | None = None) -> Counts:
    """Count some numbers, each once or as often as ``rows`` says."""
    found, place = np.unique(keys, return_inverse=True)
    times = np.bincount(place, weights=rows, minlength=len(found)) if len(keys) else np.empty(0)
    return Counts(found, times.astype(np.int64))


@dataclass(frozen=True, eq=False)
class Tally:
    """The different values of a column: all while they are fewer than `KEPT`, then those with the least hashes."""

    hashes: Counts = field(default_factory=lambda: Counts(np.empty(0, np.uint64)))
    values: pa.Array | None = None  #: Beside the hashes; None if they are many.

    @property
    def exact(self) -> bool:
        """Whether all values are known."""
        return len(self.hashes.keys) < KEPT

    @property
    def distinct(self) -> int:
        """How many values differ; if they are many an estimate, 1.6 % off (one standard deviation)."""
        if self.exact:
            return len(self.hashes.keys)
        return round((KEPT - 1) * 2.0**64 / float(self.hashes.keys[-1]))

    def __add__(self, other: Tally) -> Tally:
        if not len(self.hashes.keys) or not len(other.hashes.keys):
            return other if len(other.hashes.keys) else self
        both = self.hashes + other.hashes
        if len(both.keys) >= KEPT:
            return Tally(Counts(both.keys[:KEPT], both.rows[:KEPT]))
        keys = np.concatenate([self.hashes.keys, other.hashes.keys])
        _, first = np.unique(keys, return_index=True)
        return Tally(both, pa.concat_arrays([self.values, other.values]).take(pa.array(first)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Tally):
            return NotImplemented
        same = self.values is None if other.values is None else other.values.equals(self.values)
        return self.hashes == other.hashes and bool(same)


@dataclass(frozen=True)
class Profile:
    """What a column holds, or a part of one. `Profile()` is that of no rows.

    What is measured of a value is the value itself if it is a number, its day if it is a date or an instant, its length
    in code points if it is a text, and the number of its elements if it is a list.
    """

    values: int = 0  #: That are not null.
    nulls: int = 0
    tally: Tally = field(default_factory=Tally)
    low: Any = None  #: The least value, of numbers, dates and instants; else the least length.
    high: Any = None
    total: Fraction = Fraction(0)  #: Of what is measured.
    buckets: Counts = field(default_factory=Counts)
    personal: Mapping[str, int] = field(default_factory=dict)  #: Texts that hold personal data, by its kind.

    @property
    def distinct(self) -> int:
        """How many values differ; an estimate is never more than there are."""
        return min(self.tally.distinct, self.values)

    def __add__(self, other: Profile) -> Profile:
        lows = [one for one in (self.low, other.low) if one is not None]
        highs = [one for one in (self.high, other.high) if one is not None]
        return Profile(
            self.values + other.values,
            self.nulls + other.nulls,
            self.tally + other.tally,
            min(lows, default=None),
            max(highs, default=None),
            self.total + other.total,
            self.buckets + other.buckets,
            {k: self.personal.get(k, 0) + other.personal.get(k, 0) for k in sorted({*self.personal, *other.personal})},
        )


def profiles(column: pa.Array, one: Field, steps: Steps, *, counts: bool = False) -> Iterator[tuple[Steps, Profile]]:
    """The profiles of a column and of all that is inside of it.

    Args:
        column: The values.
        one: What they are.
        steps: To the column.
        counts: Whether personal data is counted.
    """
    found, nulls = column.drop_null(), column.null_count
    if one.kind == "struct":
        yield steps, Profile(len(found), nulls)
        for index, inner in enumerate(one.fields):
            yield from profiles(pc.struct_field(found, index), inner, (*steps, inner.name), counts=counts)
    elif one.kind == "list":
        yield steps, _profile(found, nulls, pc.list_value_length(found), Tally())
        yield from profiles(pc.list_flatten(found), one.fields[0], (*steps, ELEMENTS), counts=counts)
    else:
        measured = pc.utf8_length(found) if one.arrow == pa.string() else found
        mine = _profile(found, nulls, measured, tally(found, whole=bool(one.values)))
        yield steps, replace(mine, personal=personal(found)) if counts and one.arrow == pa.string() else mine


def _profile(found: pa.Array, nulls: int, measured: pa.Array, values: Tally) -> Profile:
    if not len(found) or pa.types.is_boolean(measured.type):
        return Profile(len(found), nulls, values)
    ends, numbers = pc.min_max(measured), _numbers(measured)
    buckets = counted(numbers if pa.types.is_temporal(measured.type) else _bucket(numbers))
    return Profile(len(found), nulls, values, ends["min"].as_py(), ends["max"].as_py(), _sum(numbers), buckets)


def _numbers(measured: pa.Array) -> Array:
    """What is measured, as numbers of 64 bits."""
    if pa.types.is_date(measured.type):
        return _numbers(measured.cast(pa.int32()))
    if pa.types.is_timestamp(measured.type):
        days: Array = measured.cast(pa.int64()).to_numpy() // _MICROSECONDS_A_DAY
        return days
    numbers: Array = measured.to_numpy()
    return numbers.astype({"i": np.int64, "u": np.uint64, "f": np.float64}[numbers.dtype.kind])


def _bucket(numbers: Array) -> Array:
    """The bucket of each number: sign, exponent and the first bits of the mantissa of its double."""
    bits = np.abs(numbers.astype(np.float64)).view(np.int64) >> _DROPPED
    return np.where(numbers < 0, -bits, bits)


def _sum(numbers: Array) -> Fraction:
    """The exact sum of some numbers, whatever their order."""
    if numbers.dtype.kind != "f":
        one = numbers.dtype.type
        return Fraction((int((numbers >> one(32)).sum()) << 32) + int((numbers & one(0xFFFFFFFF)).sum()))
    mantissas, exponents = np.frexp(numbers)
    whole, total = (mantissas * 2.0**53).astype(np.int64), Fraction(0)
    for exponent in np.unique(exponents).tolist():
        mine = whole[exponents == exponent]
        total += ((int((mine >> 27).sum()) << 27) + int((mine & 0x7FFFFFF).sum())) * Fraction(2) ** (exponent - 53)
    return total


def tally(found: pa.Array, *, whole: bool = False) -> Tally:
    """Count the values of a column without nulls; texts are cut to be shown, if they are not to be kept ``whole``."""
    if not len(found):
        return Tally()
    head = found.slice(0, 256)
    if 2 * len(pc.unique(head)) <= len(head):  # few values that stand often: hash each once
        pairs = pc.value_counts(found)
        found, times = pairs.field("values"), pairs.field("counts").to_numpy()
    else:
        times = np.ones(len(found), np.int64)
    hashes = _hashes(found)
    counts = counted(hashes, times)
    if len(counts.keys) >= KEPT:
        return Tally(Counts(counts.keys[:KEPT], counts.rows[:KEPT]))
    _, first = np.unique(hashes, return_index=True)
    values = found.take(pa.array(first))
    cut = values.type == pa.string() and not whole
    return Tally(counts, pc.utf8_slice_codeunits(values, 0, SHOWN + 1) if cut else values)


def _hashes(values: pa.Array) -> Array:
    """64 bits for each value: of a text from its SHA-256, of others a mixture that no two of them share."""
    if values.type == pa.string():
        return np.frombuffer(digests([values]), "<u8")[::4].astype(np.uint64)
    if pa.types.is_floating(values.type):
        bits = (values.to_numpy().astype(np.float64) + 0.0).view(np.uint64)  # -0.0 is 0.0
    else:
        whole = values.cast(pa.uint8()) if pa.types.is_boolean(values.type) else values
        whole = whole.view(f"int{whole.type.bit_width}") if pa.types.is_temporal(whole.type) else whole
        bits = whole.to_numpy().astype(np.uint64)
    return mixed(bits)


def quantile(profile: Profile, share: float, *, whole: bool) -> float:
    """The least number that so large a share of what is measured does not exceed.

    It is exact where all values are known and for whole numbers below 512, else 0.2 % off at most.

    Args:
        profile: Of values that are measured, at least one.
        share: From 0 to 1.
        whole: Whether the numbers are whole, and so is what is found.
    """
    rank, values = max(1, math.ceil(share * profile.values)), profile.tally.values
    if values is not None and (pa.types.is_integer(values.type) or pa.types.is_floating(values.type)):
        order = np.argsort(values.to_numpy())
        return float(values[int(order[np.searchsorted(np.cumsum(profile.tally.hashes.rows[order]), rank)])].as_py())
    bucket = int(profile.buckets.keys[np.searchsorted(np.cumsum(profile.buckets.rows), rank)])
    near, far = (np.array([abs(bucket), abs(bucket) + 1]) << _DROPPED).view(np.float64).tolist()
    middle = (near + far) / 2
    found = math.copysign(math.floor(middle) if whole else middle, bucket)
    return min(max(found, float(profile.low)), float(profile.high))


def lows(profile: Profile) -> Array:
    """The least number of each bucket, of whole numbers."""
    found: Array = (np.abs(profile.buckets.keys) << _DROPPED).view(np.float64)
    return np.where(profile.buckets.keys < 0, -found, found)


def day_at(profile: Profile, share: float) -> int:
    """As `quantile`, of dates and instants: the day, counted from 1970-01-01; it is exact."""
    sums = np.cumsum(profile.buckets.rows)
    return int(profile.buckets.keys[np.searchsorted(sums, max(1, math.ceil(share * profile.values)))])


#: What columns hold, by the steps to each.
Profiles = Mapping[Steps, Profile]
