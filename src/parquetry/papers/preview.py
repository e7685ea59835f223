"""What is known about a release -> ``index.html``: a page that shows it, in one file, without a network.

Whatever comes from data, schema or recipe is text there and can be nothing else: the template escapes it, rows reach
the page as JSON and are shown as text, and the page allows itself no other program.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from parquetry.files.profile import ELEMENTS, Profile
from parquetry.papers.facts import Facts, named, parts
from parquetry.papers.markdown import sized
from parquetry.papers.pictures import pictures
from parquetry.papers.regions import loading
from parquetry.papers.statistics import differing, span
from parquetry.words.fields import Field
from parquetry.words.licenses import label, license_url

#: Characters of JSON that the rows of a table may take.
_MOST = 1_500_000


def preview(facts: Facts, drawn: Mapping[str, str]) -> str:
    """The text of ``index.html``.

    Args:
        facts: What is known about the release.
        drawn: The pictures of the release, by path.
    """
    dataset = facts.manifest.dataset
    rows = {name: _rows(name, facts) for name in facts.manifest.tables}
    return _template().render(
        dataset=dataset,
        license={"name": label(dataset.license), "url": license_url(dataset.license)},
        creators="; ".join(creator.name for creator in dataset.creators),
        tables=[_table(name, len(shown), facts) for name, (_, shown) in rows.items()],
        pictures=[
            {"title": p.title, "said": p.said, "base64": base64.b64encode(drawn[p.path].encode()).decode()}
            for p in pictures(facts)
            if p.path in drawn
        ],
        files=[
            {"path": file.path, "rows": file.rows, "size": sized(file.bytes), "sha256": file.sha256}
            for name in facts.manifest.tables
            for file in facts.manifest.shards(name)
        ],
        load=loading(facts),
        data=_data([{"columns": columns, "rows": shown} for columns, shown in rows.values()]),
    )


@cache
def _template() -> Template:
    loader = FileSystemLoader(Path(__file__).parent)
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("preview.html")


def _data(value: Any) -> Markup:
    """JSON that stands in a page: none of its characters can end the element that it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)


def _rows(name: str, facts: Facts) -> tuple[list[str], list[list[Any]]]:
    """The columns and rows of a table that are shown, the split first."""
    columns = [field.name for field in facts.schemas[name].fields]
    rows, length = list[list[Any]](), 0
    for split in facts.manifest.tables[name].splits:
        for row in facts.samples.get((name, split), ()):
            line = [split, *(row.get(column) for column in columns)]
            length += len(json.dumps(line, ensure_ascii=False))
            if length > _MOST and rows:
                return ["split", *columns], rows
            rows.append(line)
    return ["split", *columns], rows


def _table(name: str, shown: int, facts: Facts) -> dict[str, Any]:
    known, schema, total = facts.manifest.tables[name], facts.schemas[name], facts.totals[name]
    fields = [(steps, field) for steps, field in parts(schema.fields) if steps[-1] != ELEMENTS]
    return {
        "name": name,
        "about": str(schema.document.get("description", "")),
        "rows": total.rows,
        "shown": shown,
        "whole": shown == total.rows,
        "splits": ", ".join(f"{split} {rows.rows:,}" for split, rows in known.splits.items()),
        "fields": [_field(named(steps), field, total.columns.get(steps, Profile())) for steps, field in fields],
    }


def _field(name: str, field: Field, profile: Profile) -> dict[str, Any]:
    return {
        "name": name,
        "type": field.prose,
        "nulls": f"{profile.nulls:,}",
        "distinct": differing(profile) if profile.tally.distinct else "",
        "reach": span(profile, field),
        "meaning": field.description,
        "unit": field.unit,
        "coded": field.values,
    }
