"""What is known about a release -> all its papers, by path."""

from __future__ import annotations

from collections.abc import Mapping

from parquetry.papers.card import Prose, cards
from parquetry.papers.citation import attribution, citation, license_text
from parquetry.papers.croissant import croissant
from parquetry.papers.datapackage import datapackage
from parquetry.papers.facts import Facts
from parquetry.papers.plots import plots
from parquetry.papers.preview import preview
from parquetry.papers.sections import sections
from parquetry.papers.statistics import statistics


def written(facts: Facts, prose: Prose) -> dict[str, str]:
    """The texts of all papers of a release, by path: pictures, what is computed from end to end, and cards."""
    drawn = plots(facts)
    return drawn | papers(facts, prose.text, drawn) | cards(prose, facts)


def papers(facts: Facts, card: str, drawn: Mapping[str, str]) -> dict[str, str]:
    """The texts of the papers that hold no prose of their own: a release has these, and `verify` makes them again.

    Args:
        facts: What is known about the release.
        card: Its card, or the prose of it.
        drawn: Its pictures, by path; they come from a library whose next version may draw them in another way.
    """
    texts = {f"schema/{name}.schema.json": schema.text for name, schema in facts.schemas.items()} | {
        "statistics.json": statistics(facts),
        "croissant.json": croissant(facts, sections(card)),
        "datapackage.json": datapackage(facts),
        "CITATION.cff": citation(facts),
        "LICENSE": license_text(facts),
        "ATTRIBUTION.md": attribution(facts),
        "index.html": preview(facts, drawn),
    }
    return {path: text for path, text in texts.items() if text}
