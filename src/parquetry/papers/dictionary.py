"""The fields of a release, and the values of those that are coded -> Markdown."""

from __future__ import annotations

from typing import Any

from parquetry.files.profile import ELEMENTS, SHOWN, Profile, Steps
from parquetry.files.stats import Summary
from parquetry.papers.facts import Facts, parts, spelled
from parquetry.papers.markdown import code, escape, table
from parquetry.papers.statistics import frequencies, reach
from parquetry.sources.conform import canonical, plain, typed
from parquetry.words.fields import Field

#: Values of a coded field that are listed beside it.
LISTED = 20


def fields(facts: Facts) -> str:
    """All fields, with what they mean and what they hold."""
    tables = []
    for name, schema in facts.schemas.items():
        named = [(steps, field) for steps, field in parts(schema.fields) if steps[-1] != ELEMENTS]
        rows = [_row(steps, field, facts.total(name), facts.example(name, steps)) for steps, field in named]
        header = ["field", "type", "nulls", "distinct", "values", "meaning"]
        tables.append(f"### {escape(name)}\n\n" + table(header, rows, "llrrll"))
    about = "Distinct values are exact below 4,096 and estimated above (≈). `statistics.json` has more, by split."
    return "\n\n".join([*tables, about])


def _row(steps: Steps, field: Field, total: Summary, example: Any) -> list[object]:
    """A field in a line; what a list of values holds is told in the line of the list."""
    own = total.columns.get(steps, Profile())
    name, leaf, inside = code(_path(steps)), field, own
    while leaf.kind == "list":
        leaf, steps = leaf.fields[0], (*steps, ELEMENTS)
        inside = total.columns.get(steps, Profile())
    about = [escape(field.description)] if field.description else []
    about += [f"Unit: {escape(field.unit)}."] if field.unit else []
    example = field.example if field.example is not None else example
    if leaf.values:
        listed = [code(_said(value.const)) for value in leaf.values[:LISTED]]
        more = f" and {len(leaf.values) - LISTED} more" if len(leaf.values) > LISTED else ""
        about.append(f"One of {', '.join(listed)}{more}.")
    elif isinstance(example, str | int | float):
        said = _said(example)
        about.append(f"Example: {code(said if len(said) <= SHOWN else said[:SHOWN] + '…')}")
    distinct = "" if leaf.kind == "struct" else f"{'' if inside.tally.exact else '≈ '}{inside.tally.distinct:,}"
    reached = [reach(own, field), reach(inside, leaf) if leaf is not field else ""]
    return [name, field.prose, own.nulls, distinct, "; ".join(filter(None, reached)), " ".join(about)]


def values(name: str, path: str, facts: Facts) -> str | None:
    """The values of a coded field like ``figures.unit``: how often each stands in each split, and what it means."""
    fields = facts.schemas[name].fields if name in facts.schemas else ()
    coded = [(steps, field) for steps, field in parts(fields) if field.values and _path(steps) == path]
    if not coded:
        return None
    (steps, field), none = coded[0], Profile()
    splits = list(facts.manifest.tables[name].splits)
    counts = [dict(frequencies(facts.summaries[name, split].columns.get(steps, none), field)) for split in splits]
    rows = []
    for value in field.values:
        said = plain(field, typed(field, value.const, ()))  # as it is read back: 1 in a column of floats is 1.0
        each = [count.get(canonical(said), 0) for count in counts]
        rows.append([code(_said(said)), escape(value.title), sum(each), *each, escape(value.description)])
    header = ["value", "label", "rows", *(code(split) for split in splits), "meaning"]
    return table(header, rows, "llr" + "r" * len(splits))


def _path(steps: Steps) -> str:
    """The steps to a field as the card names it."""
    return spelled(steps).replace(ELEMENTS, "")


def _said(value: Any) -> str:
    return value if isinstance(value, str) else canonical(value)
