"""What a dataset is called, who made it, under which licence, and where it comes from.

These are the facts that recipe, manifest and papers share.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from parquetry.words.vocabulary import Day, FileName, Language, License, Line, Part, Slug


class Creator(Part):
    """A person or body that made the dataset."""

    name: Line
    """Name as it is to be cited: `Family, Given` for a person."""
    affiliation: str = ""
    """Where they work."""
    orcid: Annotated[
        str,
        Field(
            pattern=r"^(https://orcid\.org/\d{4}-\d{4}-\d{4}-\d{3}[\dX])?$",
            examples=["https://orcid.org/0000-0002-1825-0097"],
        ),
    ] = ""
    """ORCID address."""


class Origin(Part):
    """Where a part of the corpus comes from."""

    name: Line
    """What the source is called, with its date."""
    url: str = ""
    """Its address; empty means that it is unknown, and the card says so."""
    license: License = "other"
    """Licence id of the source, or `other`."""
    rights: str = ""
    """What may be done with it, and what was done here."""
    permission: str = ""
    """Why the licence of the dataset may be looser than that of this source: who allowed it, or which exception; it is
    shown with the rights."""
    retrieved: str = ""
    """The day it was retrieved; empty means unknown."""


class Allowed(Part):
    """Something that looks like a secret, and may be published."""

    what: Annotated[str, Field(pattern=r"^[\w./-]+$", examples=["jwt"])]
    """What `parquetry scan` calls it."""
    reason: Line
    """Why it may be published; the card shows it."""


class Dataset(Part):
    """What the dataset is called, who made it and under which licence."""

    name: Slug
    """Release folder and Hub repository name."""
    version: Annotated[
        str,
        Field(
            pattern=r"^(0|[1-9][0-9]*)(\.(0|[1-9][0-9]*)){2}(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$", examples=["1.0.0"]
        ),
    ]
    """Semantic version of the data."""
    title: Line
    """Title of the card."""
    summary: Line
    """One sentence that says what it is."""
    license: License
    """Licence id of the Hub; SPDX id and address are derived."""
    languages: Annotated[tuple[Language, ...], Field(min_length=1)]
    """ISO 639 codes, lower case."""
    released: Day
    """Day of the release, YYYY-MM-DD; never taken from the clock."""
    creators: Annotated[tuple[Creator, ...], Field(min_length=1)]
    """Who made it, in the order of citation."""
    card: str = ""
    """Markdown file with the prose of the card; empty: a card of computed regions only."""
    previous: str = ""
    """Folder of the version before, relative to the recipe; the card then says what changed since, and what that folder
    says of the versions before it. Empty: nothing is compared."""
    documents: tuple[FileName, ...] = ()
    """Further Markdown files with computed regions that go with a release, below `docs/`."""
    keywords: tuple[Line, ...] = ()
    """Tags of the Hub, keywords of the citation."""
    task_categories: tuple[str, ...] = ()
    """Task ids of the Hub."""
    homepage: Annotated[str, Field(pattern=r"^(https?://\S+)?$", examples=["https://example.org/notes"])] = ""
    """Address of the project."""
    doi: Annotated[str, Field(pattern=r"^(10\.\d{4,9}/\S+)?$", examples=["10.5281/zenodo.1234"])] = ""
    """Digital object identifier, without address."""
    annotations_creators: tuple[str, ...] = ()
    """Who annotated, in the words of the Hub: `expert-generated`, `machine-generated` …"""
    source_datasets: tuple[str, ...] = ()
    """`original`, `extended`, or ids of datasets."""
    synthetic: bool | None = None
    """Whether it holds text or data that models made; Croissant says so (`rai:hasSyntheticData`)."""
    personal: Literal["off", "count"] = "off"
    """Whether values that hold personal data with a form (e-mail addresses, telephone numbers …) are counted, and the
    card shows how many there are. Where there are any, only a release that shows it can be published."""
    allowed: tuple[Allowed, ...] = ()
    """What looks like a secret, and may be published."""
    origins: tuple[Origin, ...] = ()
    """Where the corpus comes from."""
