"""The fields of a release, and the values of those that are coded -> Markdown."""

from __future__ import annotations

from typing import Any

from parquetry.files.profile import ELEMENTS, KEPT, SHOWN, Profile, Steps
from parquetry.files.stats import Summary
from parquetry.papers.facts import Facts, named, parts
from parquetry.papers.markdown import code, escape, table
from parquetry.papers.statistics import differing, frequencies, reach, said
from parquetry.sources.conform import canonical, plain, typed
from parquetry.words.fields import Field

#: Values of a coded field that are listed beside it.
LISTED = 20


def fields(facts: Facts) -> str:
    """All fields, with what they mean and what they hold."""
    tables = []
    for name, schema in facts.schemas.items():
        shown = [(steps, field) for steps, field in parts(schema.fields) if steps[-1] != ELEMENTS]
        rows = [_row(steps, field, facts.totals[name], facts.example(name, steps)) for steps, field in shown]
        header = ["field", "type", "meaning", "nulls", "distinct", "values"]
        tables.append(f"### {escape(name)}\n\n" + table(header, rows, "lllrrl"))
    about = f"Distinct values are exact below {KEPT:,} and estimated above (≈). `statistics.json` has more, by split."
    return "\n\n".join([*tables, about])


def _row(steps: Steps, field: Field, total: Summary, example: Any) -> list[object]:
    """A field in a line; what a list of values holds is told in the line of the list."""
    own = total.columns.get(steps, Profile())
    name, leaf, inside = code(named(steps)), field, own
    while leaf.kind == "list":
        leaf, steps = leaf.fields[0], (*steps, ELEMENTS)
        inside = total.columns.get(steps, Profile())
    about = [escape(field.description)] if field.description else []
    about += [f"Unit: {escape(field.unit)}."] if field.unit else []
    example = field.example if field.example is not None else example
    if leaf.values:
        listed = [code(said(value.const)) for value in leaf.values[:LISTED]]
        more = f" and {len(leaf.values) - LISTED} more" if len(leaf.values) > LISTED else ""
        about.append(f"One of {', '.join(listed)}{more}.")
    elif isinstance(example, str | int | float):
        text = said(example)
        about.append(f"Example: {code(text if len(text) <= SHOWN else text[:SHOWN] + '…')}")
    distinct = "" if leaf.kind == "struct" else differing(inside)
    reached = [reach(own, field), reach(inside, leaf) if leaf is not field else ""]
    return [name, field.prose, " ".join(about), own.nulls, distinct, "; ".join(filter(None, reached))]


def values(name: str, path: str, facts: Facts) -> str | None:
    """The values of a coded field like ``figures.unit``: how often each stands in each split, and what it means."""
    fields = facts.schemas[name].fields if name in facts.schemas else ()
    coded = [(steps, field) for steps, field in parts(fields) if field.values and named(steps) == path]
    if not coded:
        return None
    (steps, field), none = coded[0], Profile()
    splits = list(facts.manifest.tables[name].splits)
    counts = [dict(frequencies(facts.summaries[name, split].columns.get(steps, none), field)) for split in splits]
    rows = []
    for value in field.values:
        held = plain(field, typed(field, value.const, ()))  # as it is read back: 1 in a column of floats is 1.0
        each = [count.get(canonical(held), 0) for count in counts]
        rows.append([code(said(held)), escape(value.title), sum(each), *each, escape(value.description)])
    header = ["value", "label", "rows", *(code(split) for split in splits), "meaning"]
    return table(header, rows, "llr" + "r" * len(splits))
