"""What the torture shares: how much is tried, and where it is written down how often it broke.

`make torture` tries a little of everything; ``FULL=1 make torture`` tries what README tells, and writes down the
figures in ``docs/torture.json``. A promise that breaks fails its test, and the figure is written down all the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FULL = os.environ.get("FULL") == "1"
FIGURES = Path(__file__).resolve().parents[2] / "docs/torture.json"


def times(little: int, full: int) -> int:
    """How often something is tried."""
    return full if FULL else little


@pytest.fixture
def figure(capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Write down what was promised, what was tried how often, and how often that broke; then fail if it did."""

    def write_down(promise: str, what: str, tried: int, broke: int, **more: Any) -> None:
        said = ", ".join(f"{name} {value}" for name, value in more.items())
        with capsys.disabled():
            print(f"\n{promise}: {what}: tried {tried:,}, broke {broke:,}" + (f"; {said}" if said else ""), flush=True)
        if FULL:
            known = json.loads(FIGURES.read_text("utf-8")) if FIGURES.exists() else []
            known = [one for one in known if (one["promise"], one["what"]) != (promise, what)]
            known.append({"promise": promise, "what": what, "tried": tried, "broke": broke, "more": more})
            known.sort(key=lambda one: (one["promise"], one["what"]))
            FIGURES.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")
        assert tried > 0, what
        assert broke == 0, f"{what}: broke {broke} of {tried} times; {said}"

    return write_down


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All that stands in this folder is torture."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("torture")


@pytest.fixture
def strace() -> Iterator[list[str]]:
    """The command that watches system calls, and lets them fail."""
    import shutil

    if not (found := shutil.which("strace")):
        pytest.skip("there is no strace (Debian: apt-get install strace)")
    yield [found, "-f", "-qq", "-o", "/dev/null"]
