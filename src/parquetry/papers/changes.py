"""What a release says of the versions before it -> Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from parquetry.files.manifest import Step, TableChange
from parquetry.papers.markdown import code, table

_HEADER = ("table", "rows before", "rows", "added", "removed", "changed", "in another split", "columns")
_SAID = {"added": "new", "removed": "gone", "retyped": "of another type"}


def changes(history: Sequence[Step]) -> str:
    """What changed from version to version, the latest first."""
    return "\n\n".join(map(_step, history)) if history else "No earlier version is named."


def _step(step: Step) -> str:
    asked = f"; this is {step.asks_for} by the rules of Croissant" if step.asks_for != "none" else ""
    head = f"**{step.version}** ({step.released}), compared with {step.previous}{asked}."
    rows = [
        [code(name), one.before, one.rows, one.added, one.removed, one.changed, one.moved, _columns(one)]
        for name, one in step.tables.items()
    ]
    return f"{head}\n\n{table(_HEADER, rows, 'lrrrrrrl')}"


def _columns(one: TableChange) -> str:
    said = [f"{_SAID[kind]}: {', '.join(map(code, names))}" for kind, names in one.columns.items()]
    return "; ".join(said) or "the same"
