"""The posts of Digital.gov, as parsed from their files -> the rows that ``articles.schema.json`` describes.

    python adapt.py INPUT.jsonl.gz OUTPUT.jsonl

An adapter reshapes: it lifts fields out of the front matter, names them, and reads the shapes in which dates and
addresses were written. It never drops a row, never mends a text, and never guesses: what it does not understand it
hands on as it is, so that the JSON Schema refuses the row and the ledger of the release counts it. One line in, one
line out.
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

#: ``2014-07-01``, ``2019-05-07T10:00:00``, ``2011-11-28 8:32:24 -0400``: the day, then perhaps a time and its offset.
_WRITTEN = re.compile(r"(\d{4}-\d\d-\d\d)(?:[T ](\d{1,2}):(\d\d:\d\d)(?: ([+-]\d\d)(\d\d))?)?", re.ASCII)


class When(NamedTuple):
    """A date as it was written, and the instant that it names, if it names one."""

    day: str | None  #: Full date of RFC 3339, as the author's calendar shows it.
    instant: str | None  #: Date-time of RFC 3339 with its offset; None where no time, or no offset, was written.


def main(source: Path, target: Path) -> int:
    """Adapt all posts of a file; the number of rows written."""
    rows = 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(source, "rt", encoding="utf-8") as posts, target.open("w", encoding="utf-8", newline="\n") as file:
        for line in posts:
            file.write(json.dumps(adapt(json.loads(line)), ensure_ascii=False) + "\n")
            rows += 1
    return rows


def adapt(post: Mapping[str, Any]) -> dict[str, Any]:
    """One post as a row; a post without front matter becomes a row without title and date."""
    matter = post["front_matter"]
    authors = matter.get("authors") or []
    slug, when = matter.get("slug"), written(matter.get("date"))
    return {
        "id": post["id"],
        "kind": kind(matter),
        "title": matter.get("title"),
        "date": when.day,
        "published_at": when.instant,
        "expires": matter.get("expirydate"),
        "authors": authors,
        "first_author": authors[0] if authors else None,
        "topics": matter.get("topics") or [],
        "source": matter.get("source") or None,
        "source_url": (matter.get("source_url") or "").strip() or None,  # one address ends in a blank
        "deck": matter.get("deck") or None,
        "summary": matter.get("summary") or None,
        "text": post["body_markdown"] or None,
        "slug": None if slug is None else str(slug),  # YAML reads a slug of digits as a number
        "path": post["path"],
    }


def kind(matter: Mapping[str, Any]) -> str:
    """What sort of post it is; the schema knows no ``draft``, because the site never showed one."""
    if matter.get("draft"):
        return "draft"
    return "link" if matter.get("source_url") else "article"


def written(date: str | None) -> When:
    """Read a date in any of the shapes that occur; another shape comes back as the day, for the schema to refuse.

    >>> written("2011-11-28 8:32:24 -0400")
    When(day='2011-11-28', instant='2011-11-28T08:32:24-04:00')
    >>> written("2019-05-07T10:00:00")
    When(day='2019-05-07', instant=None)
    >>> written("last May")
    When(day='last May', instant=None)
    """
    match = _WRITTEN.fullmatch(date or "")
    if not match:
        return When(date, None)
    day, hour, rest, hours, minutes = match.groups()
    return When(day, f"{day}T{int(hour):02}:{rest}{hours}:{minutes}" if hours else None)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: python adapt.py INPUT.jsonl.gz OUTPUT.jsonl")
    print(f"{main(Path(sys.argv[1]), Path(sys.argv[2])):,} rows")
