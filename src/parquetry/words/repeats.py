"""The part of the recipe on rows that repeat: one another, or texts that they must not have seen."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from parquetry.words.vocabulary import Exact, Names, Near, Part


class Duplicates(Part):
    """What happens to rows that repeat an earlier one; without this table: `drop` if `text` is named, else `keep`."""

    exact: Exact = "drop"
    """Same text (same record where no `text` is named): drop all but the first, keep them in one split, or keep."""
    near: Near = "off"
    """Nearly the same text: not searched, kept in one split, or dropped but for the first of those connected."""
    threshold: Annotated[float, Field(ge=0.3, le=1)] = 0.8
    """Least Jaccard index of near-duplicates: shared shingles over all, a shingle being five tokens in a row."""


class Decontaminate(Part):
    """Texts that the rows of a table must not have seen, because models are measured by them. A row overlaps one if
    both have a run of tokens, or if they are near-duplicates."""

    against: Annotated[tuple[str, ...], Field(min_length=1)]
    """Files, globs or folders of releases, relative to the recipe or absolute; all their splits are held out."""
    text: Names = ()
    """Properties that hold these texts, by default those of this table; all else in them is passed over."""
    action: Literal["drop", "report"] = "drop"
    """What happens to a row that overlaps: it is dropped, or it stays and is told."""
    tokens: Annotated[int, Field(ge=8, le=100)] = 13
    """Tokens of a run."""
    threshold: Annotated[float, Field(ge=0.3, le=1)] = 0.8
    """Least Jaccard index of near-duplicates."""
