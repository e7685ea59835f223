"""Contenders -> what each of them costs, measured in turn.

A machine is faster in one minute than in the next. So the contenders take turns, A B C A B C, and beside the ratio of
the medians stands the median of the ratios within a round, which a slow minute does not change.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import measure


class Contender(NamedTuple):
    """What can be measured."""

    name: str
    command: Callable[[Path], list[str]]  #: The command that writes into a folder, which does not exist yet.


@dataclass
class Comparison:
    """What some contenders cost: for each of them one run a round."""

    runs: dict[str, list[measure.Cost]] = field(default_factory=dict)
    written: dict[str, int] = field(default_factory=dict)  #: Bytes of Parquet files.
    skipped: dict[str, str] = field(default_factory=dict)  #: Those that failed, and what they said last.
    versions: dict[str, str] = field(default_factory=dict)  #: Of packages, as the contenders told.

    def median(self, name: str, what: str) -> float:
        """The median of seconds, cpu, anonymous or resident."""
        return float(median(getattr(run, what) for run in self.runs[name]))

    def ratios(self, name: str, other: str) -> tuple[float, float]:
        """How many times as long ``name`` takes as ``other``: ratio of the medians, and median of the paired ratios."""
        pairs = zip(self.runs[name], self.runs[other], strict=True)
        of_medians = self.median(name, "seconds") / self.median(other, "seconds")
        return of_medians, median(one.seconds / two.seconds for one, two in pairs)

    def facts(self) -> dict[str, Any]:
        """All that was measured, as JSON."""
        tools = {
            name: {what: [round(getattr(run, what), 3) for run in runs] for what in ("seconds", "cpu")}
            | {what: [getattr(run, what) for run in runs] for what in ("anonymous", "resident")}
            | {"written": self.written[name]}
            for name, runs in self.runs.items()
        }
        return {"tools": tools, "skipped": self.skipped}


def compare(
    contenders: Sequence[Contender], rounds: int, out: Path, look: Callable[[str, Path], None] | None = None
) -> Comparison:
    """Run all contenders, round by round; whoever fails is left out.

    Args:
        contenders: In the order of their turns.
        rounds: How often.
        out: A folder to write into, which is removed after each run.
        look: Is shown the name of a contender and what it wrote, before that is removed.
    """
    found = Comparison()
    for _ in range(rounds):
        for name, command in contenders:
            if name in found.skipped:
                continue
            shutil.rmtree(out, ignore_errors=True)
            cost = measure.run(command(out))
            if cost.code:
                found.skipped[name] = _reason(cost)
                found.runs.pop(name, None)
                continue
            found.runs.setdefault(name, []).append(cost)
            found.written[name] = sum(path.stat().st_size for path in out.rglob("*.parquet"))
            found.versions |= _versions(cost.output)
            if look:
                look(name, out)
    shutil.rmtree(out, ignore_errors=True)
    return found


def _reason(cost: measure.Cost) -> str:
    """Why a command failed, in one line."""
    said = [line.strip() for line in cost.errors.splitlines() if line.strip()]
    error = next((line for line in said if line.startswith("error[")), said[-1] if said else "it said nothing")
    bare = re.sub(r"(?:/[^\s/:'\"]+)+/", "", error)  # figures are published, and paths are nobody's business
    return f"ended in {cost.code}: {bare[:200]}"


def _versions(output: str) -> dict[str, str]:
    """The versions that a peer prints last; Parquetry prints its manifest, which has none on one line."""
    last = output.strip().rpartition("\n")[2]
    return {str(name): str(version) for name, version in json.loads(last).items()} if last.startswith('{"') else {}
