"""An engine that is watched: on a terminal a bar for each stage, elsewhere a line when it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from parquetry.words.engine import Engine

T = TypeVar("T")
R = TypeVar("R")
#: What each stage is called, by the function that does it, and what it counts.
STAGES = {"prepare": ("read and check", "source"), "finish": ("write and measure", "file")}


def say(text: str) -> None:
    """Write to standard error, if anyone can read there."""
    with suppress(OSError, ValueError):  # closed or full: no reason to end otherwise
        if sys.stderr is not None:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


@dataclass(frozen=True)
class Watched:
    """Passes on what an engine does, and shows how far it is."""

    engine: Engine
    bars: Progress | None  #: None: a plain line when a stage ends.

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """See `parquetry.words.engine.Engine.map`."""
        todo = list(items)
        inner: Any = function.func if isinstance(function, partial) else function
        label, unit = STAGES.get(inner.__name__, (inner.__name__, "item"))
        start = time.monotonic()
        if self.bars is None:
            yield from self.engine.map(function, todo)
            say(f"{label}: {len(todo)} {unit}{'s' if len(todo) != 1 else ''}, {time.monotonic() - start:.1f} s")
            return
        task = self.bars.add_task(label, total=len(todo))
        for result in self.engine.map(function, todo):
            yield result
            self.bars.advance(task)


@contextmanager
def watching(engine: Engine, *, quiet: bool) -> Iterator[Engine]:
    """Watch an engine as long as the block lasts; ``quiet`` shows nothing."""
    console = Console(stderr=True)
    if quiet:
        yield engine
    elif not console.is_terminal:
        yield Watched(engine, None)
    else:
        columns = [TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn()]
        with Progress(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=console) as bars:
            yield Watched(engine, bars)
