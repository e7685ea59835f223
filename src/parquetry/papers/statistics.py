"""What was measured -> ``statistics.json``, and the same numbers in words for the card."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Any

from parquetry.files.profile import SHOWN, Profile, day_at, quantile
from parquetry.files.stats import Summary
from parquetry.papers.facts import Facts, parts, spelled
from parquetry.papers.markdown import code
from parquetry.sources.conform import canonical, plain
from parquetry.words.fields import KINDS, Field

#: Shares of the values that a quantile does not exceed.
SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)
#: Values that stand most often: so many are told, of a field that has not very many.
TOP = 10
#: Characters of a value that fits into a column of a card.
NARROW = 40
_EPOCH = date(1970, 1, 1)


def statistics(facts: Facts) -> str:
    """The text of ``statistics.json``: per table and split, and per table as a whole, what each column holds."""
    tables = {}
    for name in facts.manifest.tables:
        fields, total = facts.schemas[name].fields, facts.totals[name]
        splits = {split: facts.summaries[name, split] for split in facts.manifest.tables[name].splits}
        told = {
            split: {"rows": mine.rows, "bytes": mine.bytes, "columns": columns(mine, fields)}
            for split, mine in splits.items()
        }
        tables[name] = {"rows": total.rows, "bytes": total.bytes, "columns": columns(total, fields), "splits": told}
    return _lines({"statistics_version": 1, "tables": tables}) + "\n"


def _lines(value: Any, indent: str = "\n") -> str:
    """JSON with a line for each column."""
    if not isinstance(value, dict) or ("type" in value and isinstance(value["type"], str)):
        return json.dumps(value, ensure_ascii=False)
    inside = [f"{indent} {json.dumps(name)}: {_lines(inner, indent + ' ')}" for name, inner in value.items()]
    return f"{{{','.join(inside)}{indent}}}"


def columns(summary: Summary, fields: Iterable[Field]) -> dict[str, dict[str, Any]]:
    """What each column and each part of one holds."""
    none = Profile()
    return {spelled(steps): column(summary.columns.get(steps, none), one) for steps, one in parts(fields)}


def column(profile: Profile, one: Field) -> dict[str, Any]:
    """What is known about the values of a column, or of a part of one."""
    known: dict[str, Any] = {"type": one.kind, "values": profile.values, "nulls": profile.nulls}
    if one.kind in KINDS:
        known |= {"distinct": profile.distinct, "distinct_exact": profile.tally.exact}
    if profile.values:
        if one.kind == "list" or one.arrow == KINDS["string"].arrow:
            known["lengths"] = _spread(profile, whole=True)
        elif one.kind in ("date", "date-time"):
            ends = {"min": plain(one, profile.low), "max": plain(one, profile.high)}
            days = {f"{share:g}": str(_EPOCH + timedelta(day_at(profile, share))) for share in SHARES}
            unit, rows = timeline(profile)
            known |= {**ends, "quantiles": days, "per": unit, "timeline": rows}
        elif one.kind not in ("boolean", "struct"):
            known |= _spread(profile, whole=KINDS[one.kind].prose == "integer")
        if profile.personal:
            known["personal"] = dict(profile.personal)
        if frequent := top(profile, one):
            known["top"] = [{"value": value, "rows": rows} for value, rows in frequent]
    return known


def _spread(profile: Profile, *, whole: bool) -> dict[str, Any]:
    """How far numbers or lengths reach."""
    found = {f"{share:g}": quantile(profile, share, whole=whole) for share in SHARES}
    quantiles = {share: int(value) if whole else value for share, value in found.items()}
    mean = float(profile.total / profile.values)
    return {"min": profile.low, "max": profile.high, "mean": mean, "quantiles": quantiles}


def top(profile: Profile, one: Field) -> list[tuple[Any, int]]:
    """The values that stand most often, with their rows; none if none stands twice, or if they are many."""
    frequent = ranked(profile, one)[:TOP]
    return frequent if frequent and frequent[0][1] > 1 else []


def ranked(profile: Profile, one: Field) -> list[tuple[Any, int]]:
    """The values, with their rows, those that stand most often first; empty if there are too many to know."""
    pairs = sorted(frequencies(profile, one), key=lambda pair: (-pair[1], pair[0]))
    return [(json.loads(value), rows) for value, rows in pairs]


def frequencies(profile: Profile, one: Field) -> list[tuple[str, int]]:
    """How often each value stands, by its canonical JSON; empty if there are too many to know."""
    tally = profile.tally
    if tally.values is None:
        return []
    shown = [plain(one, value) if one.kind != "map" else value for value in tally.values.to_pylist()]
    cut = [f"{v[:SHOWN]}…" if isinstance(v, str) and len(v) > SHOWN and not one.values else v for v in shown]
    return list(zip(map(canonical, cut), tally.hashes.rows.tolist(), strict=True))


def timeline(profile: Profile) -> tuple[str, dict[str, int]]:
    """Rows by day, month or year, whatever gives at most about sixty, and which of them it is."""
    days, rows = profile.buckets.keys, profile.buckets.rows
    span = int(days[-1] - days[0])
    unit, length = ("day", 10) if span < 60 else ("month", 7) if span < 60 * 30 else ("year", 4)
    found = dict[str, int]()
    for day, times in zip(days.tolist(), rows.tolist(), strict=True):
        label = str(_EPOCH + timedelta(day))[:length]
        found[label] = found.get(label, 0) + times
    return unit, found


def reach(profile: Profile, one: Field) -> str:
    """How far the values of a field reach, or which stand most often, in a few words of Markdown."""
    counted = one.values or one.kind == "boolean" or one.arrow == KINDS["string"].arrow
    frequent = top(profile, one)[:3] if counted else []
    if frequent and all(len(said(value)) <= NARROW for value, _ in frequent):
        told = (f"{code(said(value))} {rows:,}" for value, rows in frequent)
        return ", ".join(told) + (" …" if profile.tally.distinct > len(frequent) else "")
    return span(profile, one)


def differing(profile: Profile) -> str:
    """How many values differ, and whether that is an estimate."""
    return f"{'' if profile.tally.exact else '≈ '}{profile.distinct:,}"


def said(value: Any) -> str:
    """A value of JSON as it is shown: a text without quotation marks."""
    return value if isinstance(value, str) else canonical(value)


def span(profile: Profile, one: Field) -> str:
    """From where to where the values of a field reach, as plain text."""
    if not profile.values or one.kind in ("boolean", "struct"):
        return ""
    if one.kind == "list":
        return f"{_between(profile.low, profile.high)} elements"
    if one.arrow == KINDS["string"].arrow:
        return f"{_between(profile.low, profile.high)} characters"
    low, high = (plain(one, end) if isinstance(end, date | datetime) else end for end in (profile.low, profile.high))
    return _between(low, high)


def _between(low: Any, high: Any) -> str:
    ends = [f"{e:,}" if isinstance(e, int) else f"{e:g}" if isinstance(e, float) else e for e in (low, high)]
    return ends[0] if ends[0] == ends[1] else " – ".join(ends)
