"""How the rows of a table come to their splits, as a recipe says it.

A table has one of several methods. What each does, `split` knows; here is what may be written.
"""

from __future__ import annotations

from typing import Annotated, get_args

from pydantic import AfterValidator, Field, model_validator

from parquetry.words.vocabulary import Method, Names, Part, SplitName, split_name, wrong

#: The ways in which the rows of a table come to their splits.
METHODS: tuple[Method, ...] = get_args(Method)


class Split(Part):
    """How the rows of a table come to their splits: exactly one of `assigned`, `follow`, `only`, `ratios`."""

    assigned: str = ""
    """CSV file with the columns of `group_by` (without it: of `id`) and `split`."""
    follow: str = ""
    """Reference column: a row goes where the row goes that it points to."""
    only: Annotated[str, AfterValidator(lambda name: name and split_name(name))] = ""
    """The split that all rows go to."""
    ratios: dict[SplitName, float] = Field({})
    """Share of each split, in expectation over clusters; they sum to 1."""
    group_by: Names = ()
    """Columns whose values must not be torn apart."""
    salt: str = ""
    """Change it to draw other splits."""

    @property
    def method(self) -> Method:
        """The one key that says how."""
        return next(name for name in METHODS if getattr(self, name))

    @model_validator(mode="after")
    def _check(self) -> Split:
        given = [name for name in METHODS if getattr(self, name)]
        if len(given) != 1:
            found = " and ".join(given) or "none"
            raise wrong("SPLIT_METHOD", f"needs exactly one of {', '.join(METHODS)}, found {found}", "keep one")
        if self.group_by and self.follow:
            fix = "say group_by in the table that is followed"
            raise wrong("SPLIT_METHOD", "group_by has no effect beside follow", fix)
        if bad := [f"{name} = {share}" for name, share in self.ratios.items() if not 0 < share <= 1]:
            raise wrong("SPLIT_FRACTION", f"a share is not between 0 and 1: {', '.join(bad)}")
        if self.ratios and abs(sum(self.ratios.values()) - 1) > 1e-9:
            raise wrong("SPLIT_SUM", f"the ratios sum to {sum(self.ratios.values()):g}, not 1", "correct the shares")
        return self
