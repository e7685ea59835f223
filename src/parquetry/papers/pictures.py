"""What is known about a release -> the pictures that show it, as labels and numbers; `plots` draws them.

Each picture has a text that says the same, for those who do not see it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from parquetry.files.profile import Profile, Steps, lows
from parquetry.files.stats import Summary
from parquetry.papers.facts import Facts, named, parts, spelled
from parquetry.papers.statistics import ranked, said, timeline
from parquetry.words.fields import KINDS, Field

#: Folder of the pictures in a release.
ASSETS = "assets"
#: Tables that get pictures of their own; panels of a picture; bars of a panel; bars of a histogram.
TABLES, PANELS, BARS, BINS = 10, 8, 12, 24
_UNITS = {"day": "D", "month": "M", "year": "Y"}
#: A label of more characters is cut.
_LABEL = 28
#: Lengths that reach so many times as far are shown by their logarithm.
_WIDE = 50


class Panel(NamedTuple):
    """Bars: for each label one of each series."""

    title: str
    labels: Sequence[str]
    series: Mapping[str, Sequence[float]]  #: By name; a single one may have none.
    across: bool  #: Whether the bars lie, each beside its label; else they stand, and only some labels are shown.
    unit: str  #: Of the numbers.


class Picture(NamedTuple):
    """One file."""

    path: str
    title: str
    panels: Sequence[Panel]

    @property
    def said(self) -> str:
        """What it shows, in words."""
        return f"{self.title}. " + " ".join(f"{panel.title}: {_bars(panel)}." for panel in self.panels)


def pictures(facts: Facts) -> list[Picture]:
    """All pictures of a release: of its splits, and of each table its lengths, times, categories and gaps."""
    found = [_rows(facts)]
    for name in list(facts.manifest.tables)[:TABLES]:
        total, fields = facts.totals[name], list(parts(facts.schemas[name].fields))
        known = [(steps, field, total.columns.get(steps, Profile())) for steps, field in fields]
        for kind, title, panels in (
            ("lengths", "Lengths of texts", _lengths(known, facts.manifest.tables[name].text)),
            ("time", "Rows over time", _times(known)),
            ("values", "Values of coded fields", _values(known)),
            ("gaps", "Fields without a value", _gaps(known, total)),
        ):
            if some := list(panels)[:PANELS]:
                found.append(Picture(f"{ASSETS}/{name}-{kind}.svg", f"{title} in {name}", some))
    return found


Known = Sequence[tuple[Steps, Field, Profile]]


def _rows(facts: Facts) -> Picture:
    tables = facts.manifest.tables
    series = {
        split: [known.splits[split].rows if split in known.splits else 0 for known in tables.values()]
        for split in facts.manifest.splits
    }
    return Picture(f"{ASSETS}/rows.svg", "Rows", [Panel("Rows by table and split", list(tables), series, True, "rows")])


def _lengths(known: Known, text: Sequence[str]) -> Iterator[Panel]:
    """Histograms of the properties that duplicates are judged by, or else of long texts."""
    texts = [one for one in known if one[1].arrow == KINDS["string"].arrow and one[2].values]
    for steps, field, profile in texts:
        if steps[0] in text if text else not field.values and profile.high > 2 * _LABEL:
            yield _histogram(spelled(steps), profile)


def _histogram(name: str, profile: Profile) -> Panel:
    low, high = max(1, profile.low), max(1, profile.high)
    bins = min(BINS, high - low + 1, max(4, math.isqrt(profile.values)))
    spaced = np.geomspace if high > _WIDE * low else np.linspace
    ends = np.unique(spaced(low, high + 1, bins + 1).astype(int))
    places = np.clip(np.searchsorted(ends, lows(profile), side="right") - 1, 0, len(ends) - 2)
    rows = np.bincount(places, weights=profile.buckets.rows, minlength=len(ends) - 1)
    return Panel(f"{name} (characters)", [f"{end:,}" for end in ends[:-1]], {"": rows.tolist()}, False, "rows")


def _times(known: Known) -> Iterator[Panel]:
    for steps, field, profile in known:
        if field.kind in ("date", "date-time") and profile.tally.distinct > 1:
            unit, rows = timeline(profile)
            ends = np.array([min(rows), max(rows)], f"datetime64[{_UNITS[unit]}]")
            labels = np.arange(ends[0], ends[1] + 1).astype(str).tolist()
            numbers = [float(rows.get(label, 0)) for label in labels]
            yield Panel(f"{spelled(steps)} (by {unit})", labels, {"": numbers}, False, "rows")


def _values(known: Known) -> Iterator[Panel]:
    complete = sorted(known, key=lambda one: one[2].nulls > 0)
    for steps, field, profile in complete:
        if field.values and profile.tally.distinct > 1:
            rows = ranked(profile, field)
            labels, counts = [_cut(said(value)) for value, _ in rows[:BARS]], [float(n) for _, n in rows[:BARS]]
            if rows[BARS:]:
                labels.append(f"{len(rows) - BARS} others")
                counts.append(sum(n for _, n in rows[BARS:]))
            yield Panel(named(steps), labels, {"": counts}, True, "rows")


def _gaps(known: Known, total: Summary) -> Iterator[Panel]:
    """The columns that are empty most often; one panel of them."""
    shares = [(steps[0], 100 * profile.nulls / total.rows) for steps, _, profile in known if len(steps) == 1]
    most = sorted(((name, share) for name, share in shares if share), key=lambda pair: -pair[1])[: 2 * BARS]
    if most:
        labels, percent = zip(*most, strict=True)
        yield Panel("Rows without a value", [_cut(label) for label in labels], {"": list(percent)}, True, "%")


def _cut(label: str) -> str:
    return label if len(label) <= _LABEL else label[: _LABEL - 1] + "…"


def _bars(panel: Panel) -> str:
    """The numbers of a panel, or of very many the largest."""
    told = []
    for name, numbers in panel.series.items():
        pairs = [(label, number) for label, number in zip(panel.labels, numbers, strict=True) if number]
        shown = pairs if len(pairs) <= BARS else sorted(pairs, key=lambda pair: -pair[1])[:3]
        each = ", ".join(f"{label} {number:,.4g}{'%' if panel.unit == '%' else ''}" for label, number in shown)
        told.append(f"{name} {each}" if name else each + (" and others" if len(shown) < len(pairs) else ""))
    return "; ".join(told)
