"""The papers of a release -> what they say that its files do not bear out, or that their readers refuse."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from parquetry.files.manifest import MOST, NAME
from parquetry.papers import card, conformance, lint, sheets
from parquetry.papers.facts import Facts
from parquetry.papers.pictures import ASSETS
from parquetry.papers.regions import HEADINGS, region
from parquetry.papers.sections import sections
from parquetry.papers.whole import papers
from parquetry.reader.rows import AGAIN
from parquetry.reader.watch import Watch
from parquetry.words.errors import ParquetryError, Problem


def wrong(facts: Facts, release: Path, watch: Watch) -> Iterator[Problem]:
    """Numbers and names in the papers that the files do not bear out.

    Args:
        facts: What was found in the files.
        release: The folder.
        watch: Hears which of them is read.
    """
    files = [file.path for file in facts.manifest.files]
    watch.reading("README.md", MOST, 0)
    readme, matter, stale = _text(release, "README.md"), card.front_matter(facts), list[Problem]()
    sections(readme)  # may take for ever, so it is tried while this is watched
    for path in ("README.md", *(path for path in files if path.startswith(f"{card.DOCUMENTS}/"))):
        watch.reading(path, MOST, 0)  # what people wrote is searched; the rest is made anew
        stale += _stale(readme[len(matter) :] if path == "README.md" else _text(release, path), facts, path)
    total = sum(file.bytes for file in facts.manifest.files)
    watch.reading(NAME, 8 * total, 32 * total + (256 << 20))
    made = papers(facts, readme, {path: _text(release, path) for path in files if path.startswith(f"{ASSETS}/")})
    differing = [name for name, text in made.items() if _text(release, name, len(text.encode())) != text]
    for name in (*differing, *sheets.wrong(facts, release)):
        yield Problem("CARD_DIFFERS", name, "does not say what the files hold", AGAIN)
    if not readme.startswith(matter):
        yield Problem("CARD_DIFFERS", "README.md: front matter", "does not say what the files hold", AGAIN)
    yield from lint.errors(matter, "README.md")
    yield from conformance.errors(made["croissant.json"].encode(), "croissant.json")
    for lost in [name for name in HEADINGS if f"<!-- begin: {name} -->" not in readme]:
        yield Problem("CARD_DIFFERS", f"README.md: {lost}", "the region is missing", AGAIN)
    yield from stale


def _text(release: Path, path: str, most: int = MOST) -> str:
    """A file as text; empty if it is none, or has more than so many bytes."""
    try:
        place = release / path
        return place.read_bytes().decode() if place.stat().st_size <= most else ""
    except (OSError, UnicodeDecodeError):
        return ""


def _stale(text: str, facts: Facts, name: str) -> Iterator[Problem]:
    """The regions of a document that do not say what the files hold."""

    def compare(region_name: str) -> str | None:
        asked.append(region_name)
        return region(region_name, facts)

    asked: list[str] = []
    try:
        fresh = card.fill(text, compare, name)
    except ParquetryError as error:
        yield from error.problems
        return
    if fresh != text:
        old, new = card.regions_of(text), card.regions_of(fresh)
        for region_name in asked:
            if old.get(region_name) != new.get(region_name):
                yield Problem("CARD_DIFFERS", f"{name}: {region_name}", "does not say what the files hold", AGAIN)
