"""What differs between two releases -> the version that the new one should have.

The rules are those of Croissant 1.1 for versions of datasets: the data is the same (patch); all of the old data can be
had as before, and there is more beside it (minor); or not (major).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal, NamedTuple, get_args

from parquetry.reader import diff
from parquetry.reader.diff import Changes, Difference
from parquetry.words.records import counted
from parquetry.words.schema import Schema
from parquetry.words.vocabulary import precedence

Level = Literal["none", "patch", "minor", "major"]
#: What becomes of a column.
Kind = Literal["added", "removed", "retyped"]
LEVELS: tuple[Level, ...] = get_args(Level)


class Advice(NamedTuple):
    """Which part of the version is to be raised, and why."""

    level: Level
    version: str  #: What the new release should be called, at least.
    reasons: tuple[str, ...]  #: Those of that level.
    columns: dict[str, dict[Kind, list[str]]]  #: By table the columns that were added, removed, or of another type.

    def exceeds(self, version: str) -> bool:
        """Whether the changes ask for more than this version."""
        return precedence(version)[:3] < precedence(self.version)[:3]


def advice(found: Difference) -> Advice:
    """Hold the differences against the rules."""
    reasons: dict[Level, list[str]] = {level: [] for level in LEVELS}
    before, after = found.old.manifest.tables, found.new.manifest.tables
    reasons["major"] += [f"the table {name} is gone" for name in before if name not in after]
    reasons["minor"] += [f"the table {name} is new" for name in after if name not in before]
    columns = {}
    for name in (name for name in before if name in after):
        if before[name].id != after[name].id:
            reasons["major"].append(f"{name} has another id")
        columns[name] = _columns(found.old.schemas[name], found.new.schemas[name])
        reasons["minor"] += [f"{name} has the new column {one}" for one in columns[name]["added"]]
        reasons["major"] += [f"{name} has lost the column {one}" for one in columns[name]["removed"]]
        reasons["major"] += [f"the column {one} of {name} has another type" for one in columns[name]["retyped"]]
    for table in found.tables:
        for grave, reason in _rows(table):
            reasons[grave].append(reason)
    same = found.old.manifest.data_sha256 == found.new.manifest.data_sha256
    if same and found.old.manifest.files != found.new.manifest.files:
        reasons["patch"].append("the rows are the same, the files are not")
    level: Level = next((level for level in reversed(LEVELS) if reasons[level]), "none")
    return Advice(level, _raised(found.old.manifest.dataset.version, level), tuple(reasons[level]), columns)


def told(advised: Advice, found: Difference) -> str:
    """The advice, in words."""
    if advised.level == "none":
        return "\nversion  nothing differs"
    lines = [f"\nversion  {advised.level}: at least {advised.version}, as {advised.reasons[0]}"]
    lines += [f"         and {reason}" for reason in advised.reasons[1:]]
    given = found.new.manifest.dataset.version
    if advised.exceeds(given):
        lines.append(f"         it says {given}")
    return "\n".join(lines)


def facts(advised: Advice, found: Difference) -> str:
    """What differs, and the advice, as JSON."""
    return json.dumps(diff.facts(found) | {"advice": advised._asdict()}, indent=1)


def _rows(table: Changes) -> Iterator[tuple[Level, str]]:
    """What became of the rows of a table, and how grave it is."""
    for rows, done in ((table.removed, "removed"), (table.changed, "changed"), (table.moved, "moved to another split")):
        if len(rows):
            yield "major", f"{counted(len(rows), 'row')} of {table.name} {'was' if len(rows) == 1 else 'were'} {done}"
    for split, row in table.counts().items():
        done = f"{counted(row['added'], 'row')} {'was' if row['added'] == 1 else 'were'} added to"
        if row["added"] and row["old"]:
            yield "major", f"{done} the split {split} of {table.name}, so that it is another set"
        elif row["added"]:
            yield "minor", f"{done} {table.name} in the new split {split}"


def _columns(old: Schema, new: Schema) -> dict[Kind, list[str]]:
    before, after = ({field.name: field.arrow for field in one.fields} for one in (old, new))
    return {
        "added": [name for name in after if name not in before],
        "removed": [name for name in before if name not in after],
        "retyped": [name for name in before if name in after and before[name] != after[name]],
    }


def _raised(version: str, level: str) -> str:
    major, minor, patch = map(int, version.partition("-")[0].split("."))
    raised = {"major": (major + 1, 0, 0), "minor": (major, minor + 1, 0), "patch": (major, minor, patch + 1)}
    return ".".join(map(str, raised.get(level, (major, minor, patch))))
