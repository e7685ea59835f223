"""What `FULL=1 make torture` wrote down -> the table of promises in README."""

from __future__ import annotations

import json
from pathlib import Path

from parquetry.papers.markdown import escape, table

FIGURES = Path(__file__).with_name("torture.json")


def promises() -> str:
    """A row for each way in which a promise was tried to be broken."""
    rows, last = list[list[object]](), ""
    for one in json.loads(FIGURES.read_text("utf-8")):
        promise = "" if one["promise"] == last else f"**{escape(one['promise'])}**"
        rows.append([promise, escape(one["what"]), one["tried"], one["broke"]])
        last = one["promise"]
    return table(["what we promise", "what was tried to break it", "times", "broke"], rows, "llrr")
