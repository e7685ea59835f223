"""How the rows of a table come to their splits: the part of a recipe that says so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, get_args

from pydantic import AfterValidator, Field, model_validator

from parquetry.words.vocabulary import Method, Names, Part, SplitName, split_name, wrong

#: The ways in which the rows of a table come to their splits.
METHODS: tuple[Method, ...] = get_args(Method)


class Split(Part):
    """How the rows of a table come to their splits: by exactly one of the first six keys."""

    assigned: str = ""
    """CSV file with the columns of `group_by` (without it: of `id`) and `split`."""
    follow: str = ""
    """Reference column: a row goes where the row goes that it points to."""
    only: Annotated[str, AfterValidator(lambda name: name and split_name(name))] = ""
    """The split that all rows go to."""
    ratios: dict[SplitName, float] = Field({})
    """Share of each split, in expectation over clusters; they sum to 1."""
    time: dict[str, str] = Field({})
    """`column`, and for each split the day up to which its rows go, exclusive, in order; `""` is the rest."""
    given: dict[SplitName, tuple[str, ...]] = Field({})
    """Files or globs of each split, as others made it: together they are the sources, or all files that these name."""
    group_by: Names = ()
    """Columns whose values must not be torn apart."""
    salt: str = ""
    """Change it to draw other splits."""

    @property
    def method(self) -> Method:
        """The one key that says how."""
        return next(name for name in METHODS if getattr(self, name))

    @property
    def days(self) -> dict[str, str]:
        """The day up to which the rows of each split go, if they come to it by time; empty is the rest."""
        return {name: day for name, day in self.time.items() if name != "column"}

    @property
    def rule(self) -> str:
        """What the method works with, in words."""
        days = [f"{name} before {day}" if day else f"{name} the rest" for name, day in self.days.items()]
        return (
            self.assigned
            or self.follow
            or self.only
            or ", ".join(f"{split} {share:g}" for split, share in self.ratios.items())
            or (f"{self.time['column']}: {', '.join(days)}" if self.time else "")
            or "; ".join(f"{split} from {', '.join(globs)}" for split, globs in self.given.items())
        )

    @model_validator(mode="after")
    def _check(self) -> Split:
        given = [name for name in METHODS if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise wrong("SPLIT_METHOD", f"needs exactly one of {', '.join(METHODS)}, found {found}", "keep one")
        if self.group_by and self.method in ("follow", "time", "given"):
            fix = "say group_by in the table that is followed" if self.follow else "drop it: its rows have their splits"
            raise wrong("SPLIT_METHOD", f"group_by has no effect beside {self.method}", fix)
        if self.time:
            _check_time(self.time.get("column"), self.days)
        if bad := [f"{name} = {share}" for name, share in self.ratios.items() if not 0 < share <= 1]:
            raise wrong("SPLIT_FRACTION", f"a share is not between 0 and 1: {', '.join(bad)}")
        if self.ratios and abs(sum(self.ratios.values()) - 1) > 1e-9:
            raise wrong("SPLIT_SUM", f"the ratios sum to {sum(self.ratios.values()):g}, not 1", "correct the shares")
        return self


def _check_time(column: str | None, days: Mapping[str, str]) -> None:
    """Whether splits by time can be told apart."""
    fix = 'write it like time = { column = "published", train = "2019-01-01", test = "" }'
    if not column or not days:
        raise wrong("SPLIT_TIME", "time needs a column and a day for each split", fix)
    for name in days:
        split_name(name)
    said = [day for day in days.values() if day]
    try:
        known = [date.fromisoformat(day).isoformat() for day in said]
    except ValueError:
        known = []
    if known != said or known != sorted(set(known)) or "" in list(days.values())[:-1]:
        what = f"the days do not rise from split to split: {', '.join(day or 'the rest' for day in days.values())}"
        raise wrong("SPLIT_TIME", what, fix)
