"""The numbers of a release are those that anyone computes from its Parquet files in another way."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from conftest import RELEASE, Project
from test_corpora import CASES, project, read_built
from test_verify import found, reseal

SHARES = ("0.05", "0.25", "0.5", "0.75", "0.95")
Rows = Sequence[dict[str, Any]]


def rows_of(release: Path, table: str, split: str = "*") -> Rows:
    paths = sorted(release.glob(f"data/{table}/{split}-*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


def at(values: Iterable[Any], path: str) -> list[Any]:
    """All that stands at the end of a path such as ``figures[].unit``, null if its place is there."""
    found = list(values)
    for step in path.replace("[]", ".[]").split("."):
        if step == "[]":
            found = [item for value in found if value is not None for item in value]
        elif step:
            found = [value[step] for value in found if value is not None]
    return found


def say(value: Any) -> Any:
    """A value as JSON says it."""
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, date) else value


def spread(numbers: list[Any]) -> dict[str, Any]:
    ordered = sorted(numbers)
    quantiles = {share: ordered[max(1, math.ceil(float(share) * len(ordered))) - 1] for share in SHARES}
    return {"min": ordered[0], "max": ordered[-1], "mean": math.fsum(numbers) / len(numbers), "quantiles": quantiles}


def same_spread(told: dict[str, Any], numbers: list[Any]) -> None:
    expected = spread(numbers)
    assert (told["min"], told["max"]) == (expected["min"], expected["max"])
    assert told["mean"] == pytest.approx(expected["mean"], rel=1e-12)
    assert told["quantiles"] == pytest.approx(expected["quantiles"], rel=0.002)


def same(told: dict[str, Any], values: list[Any]) -> None:
    """What is told of a column is what its values say."""
    there = [value for value in values if value is not None]
    assert (told["values"], told["nulls"]) == (len(there), len(values) - len(there))
    if told["type"] == "struct":
        return
    if told["type"] == "list":
        if there:
            same_spread(told["lengths"], [len(value) for value in there])
        return
    counts = Counter(there)
    assert told["distinct_exact"] == (len(counts) < 4096)
    assert told["distinct"] == pytest.approx(len(counts), rel=0 if told["distinct_exact"] else 0.05)
    if not there:
        return
    if isinstance(there[0], str):
        same_spread(told["lengths"], list(map(len, there)))
    elif isinstance(there[0], date):
        assert (told["min"], told["max"]) == (say(min(there)), say(max(there)))
        days = sorted(str(value)[:10] for value in there)
        assert told["quantiles"] == {s: days[max(1, math.ceil(float(s) * len(days))) - 1] for s in SHARES}
        length = {"day": 10, "month": 7, "year": 4}[told["per"]]
        assert told["timeline"] == Counter(day[:length] for day in days)
    elif not isinstance(there[0], bool):
        same_spread(told, there)
    if told["distinct_exact"] and max(counts.values()) > 1:
        top = [(f"{v[:80]}…" if isinstance(v, str) and len(v) > 80 else say(v), n) for v, n in counts.items()]
        best = sorted((n for _, n in top), reverse=True)[:10]
        assert [one["rows"] for one in told["top"]] == best
        assert all((one["value"], one["rows"]) in top for one in told["top"])
    else:
        assert "top" not in told


def check(release: Path) -> int:
    """Compare all that ``statistics.json`` of a release says; how many columns it tells of."""
    told, columns = json.loads((release / "statistics.json").read_text()), 0
    for name, table in told["tables"].items():
        parts = [("*", table), *table["splits"].items()]
        for split, part in parts:
            rows = rows_of(release, name, split)
            assert part["rows"] == len(rows)
            for path, column in part["columns"].items():
                same(column, at(rows, path))
                columns += 1
    return columns


def test_the_statistics_of_the_bundled_dataset_are_true() -> None:
    assert check(RELEASE) > 300


@pytest.mark.parametrize("name", ["tldr-pages", "owid-frictionless", "fivethirtyeight-events", "eltec-eng"])
def test_the_statistics_of_a_real_corpus_are_true(name: str, tmp_path: Path) -> None:
    built = read_built(project(tmp_path, CASES[name]()), tmp_path / "out")
    assert check(built.place)


def test_a_number_that_is_edited_is_found(release: Path) -> None:
    path = release / "statistics.json"
    path.write_text(path.read_text().replace('"values": 79,', '"values": 78,', 1))
    reseal(release)
    assert found(release) == [("CARD_DIFFERS", "statistics.json")]


def test_a_column_may_be_called_type(tmp_path: Path) -> None:
    mine = Project(tmp_path / "mine")
    columns = {name: {"type": "string"} for name in ("id", "type")}
    mine.schema("notes", {"type": "object", "additionalProperties": False, "properties": columns})
    mine.rows("notes.jsonl", [{"id": "a", "type": "x"}, {"id": "b", "type": "x"}])
    mine.build()
    assert check(mine.release) == 4
