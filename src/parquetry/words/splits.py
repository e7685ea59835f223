"""How the rows of a table come to their splits, as a recipe says it.

A table has one of six methods. What each does, `split` knows; here is what may be written.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Annotated, get_args

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from parquetry.words.vocabulary import Method, Names, Part, SplitName, alike, split_name, wrong

#: The ways in which the rows of a table come to their splits.
METHODS: tuple[Method, ...] = get_args(Method)
#: Those that decide for each row alone, so that no group is kept together.
ALONE: tuple[Method, ...] = ("follow", "time", "given")
#: What a boundary may be.
LIKE = "write it like '2019-01-01' or '2019-01-01T12:00:00Z'; '' is the rest"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d([Tt ]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d))?", re.ASCII)


def moment(text: str) -> datetime:
    """The instant that a boundary names; a day is its first instant in UTC.

    >>> moment("2019-01-01"), moment("2019-01-01T00:30:00+01:00")
    (datetime.datetime(2019, 1, 1, 0, 0, tzinfo=datetime.timezone.utc), \
datetime.datetime(2018, 12, 31, 23, 30, tzinfo=datetime.timezone.utc))
    """
    try:
        if _MOMENT.fullmatch(text):
            found = datetime.fromisoformat(text.upper())
            return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        pass
    raise wrong("SPLIT_TIME", f"{text!r} is not a day or an instant", LIKE)


def _boundary(text: str) -> str:
    if text:
        moment(text)
    return text


Boundary = Annotated[str, AfterValidator(_boundary), Field(description=LIKE)]


class Time(Part):
    """Splits by time, in its order. Each key but `column` is a split, its value the day (its start in UTC) or instant
    that its rows come before; a row goes to the first split that it comes before. `""`, of the last split, is the
    rest. A row without a time has no split, and ends the build."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[SplitName, Boundary] = Field(init=False)

    column: str
    """Property with the date, or the date and time, that decides."""

    @property
    def ends(self) -> Mapping[str, str]:
        """The boundary of each split, as it is written."""
        return self.__pydantic_extra__

    @property
    def bounds(self) -> list[datetime]:
        """The boundaries, rising; if there are fewer than splits, the last split has the rest."""
        return [moment(end) for end in self.ends.values() if end]

    @property
    def rule(self) -> str:
        """In words."""
        said = ", ".join(f"{split} before {end}" if end else f"{split} the rest" for split, end in self.ends.items())
        return f"{self.column}: {said}"

    @model_validator(mode="after")
    def _check(self) -> Time:
        if not self.ends:
            raise wrong("SPLIT_TIME", "names no split", f'add one, like `train = "2019-01-01"`, to {self.column!r}')
        for (first, end), (second, later) in pairwise(self.ends.items()):
            if not end:
                fix = f"move {first!r} to the end, or give it a boundary"
                raise wrong("SPLIT_TIME", f"{first!r} is the rest, and nothing is left for {second!r}", fix)
            if later and moment(later) <= moment(end):
                what = f"{second!r} ends at {later}, which is not after {end}, where {first!r} ends"
                raise wrong("SPLIT_TIME", what, "write the splits in the order of time")
        return self


class Split(Part):
    """How the rows of a table come to their splits: exactly one of `assigned`, `follow`, `only`, `ratios`, `time`,
    `given`."""

    assigned: str = ""
    """CSV file with the columns of `group_by` (without it: of `id`) and `split`."""
    follow: str = ""
    """Reference column: a row goes where the row goes that it points to."""
    only: Annotated[str, AfterValidator(lambda name: name and split_name(name))] = ""
    """The split that all rows go to."""
    ratios: dict[SplitName, float] = Field({})
    """Share of each split, in expectation over clusters; they sum to 1."""
    time: Time | None = None
    """Up to which day or instant, exclusive: `{ column = "published", train = "2019-01-01", test = "" }`; see below."""
    given: dict[SplitName, Annotated[tuple[str, ...], Field(min_length=1)]] = Field({})
    """Globs of the source files of each split; each file is in one. Without `sources`, these are the sources."""
    group_by: Names = ()
    """Columns whose values must not be torn apart."""
    salt: str = ""
    """Change it to draw other splits."""

    @property
    def method(self) -> Method:
        """The one key that says how."""
        return next(name for name in METHODS if getattr(self, name))

    @property
    def names(self) -> tuple[str, ...]:
        """The splits among which the rows are shared out, in the order of the recipe; empty if a file names them."""
        return tuple(self.time.ends if self.time else self.given or self.ratios)

    @property
    def globs(self) -> dict[str, tuple[str, ...]]:
        """The globs of files that others split, by the key that they stand under."""
        return {f"split.given.{split}": globs for split, globs in self.given.items()}

    @model_validator(mode="after")
    def _check(self) -> Split:
        found = [name for name in METHODS if getattr(self, name)]
        if len(found) != 1:
            what = f"needs exactly one of {', '.join(METHODS)}, found {' and '.join(found) or 'none'}"
            raise wrong("SPLIT_METHOD", what, "keep one")
        if self.group_by and self.method in ALONE:
            follow, other = "say group_by in the table that is followed", "leave it out, or split by ratios"
            what = f"group_by has no effect beside {self.method}"
            raise wrong("SPLIT_METHOD", what, follow if self.follow else other)
        if twice := alike(self.names):
            raise wrong("SPLIT_NAME", f"{twice} would be one file on some systems", "give them other names")
        if bad := [f"{name} = {share}" for name, share in self.ratios.items() if not 0 < share <= 1]:
            raise wrong("SPLIT_FRACTION", f"a share is not between 0 and 1: {', '.join(bad)}")
        if self.ratios and abs(sum(self.ratios.values()) - 1) > 1e-9:
            raise wrong("SPLIT_SUM", f"the ratios sum to {sum(self.ratios.values()):g}, not 1", "correct the shares")
        return self
