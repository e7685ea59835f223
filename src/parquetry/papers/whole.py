"""What is known about a release -> all papers that are computed from end to end, by path."""

from __future__ import annotations

from parquetry.papers.citation import citation, license_text
from parquetry.papers.facts import Facts
from parquetry.papers.statistics import statistics


def papers(facts: Facts) -> dict[str, str]:
    """The texts of the papers that hold no prose: a release has exactly these, and `verify` makes them again."""
    return {
        "statistics.json": statistics(facts),
        "CITATION.cff": citation(facts),
        "LICENSE": license_text(facts),
    }
