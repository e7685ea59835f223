"""An engine that is watched: on a terminal a bar for each stage, in a log a line now and then, and when it ends."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from parquetry.files.manifest import File
from parquetry.files.stats import Measured
from parquetry.files.workspace import Part
from parquetry.papers.markdown import sized
from parquetry.words.engine import Engine
from parquetry.words.records import counted

T = TypeVar("T")
R = TypeVar("R")
#: What each stage is called, by the function that does it.
STAGES = {"prepare": "read and check", "finish": "write", "look": "read back"}
#: Seconds between two lines of a log.
EVERY = 30.0


def say(text: str) -> None:
    """Write to standard error, if anyone can read there."""
    with suppress(OSError, ValueError):  # closed or full: no reason to end otherwise
        if sys.stderr is not None:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()


@dataclass
class Stage:
    """How far a stage is."""

    label: str
    bytes: int  #: Of all its items.
    done: int = 0  #: Bytes.
    rows: int = 0
    reused: int = 0  #: Parts that a build which ended early had finished.
    start: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.start

    def add(self, item: Any, result: Any) -> None:
        """Count an item that is done."""
        self.done += _bytes(item)
        if isinstance(result, Part):
            self.rows += result.rows
            self.reused += result.reused
        elif isinstance(result, File):
            self.rows += result.rows or 0
        elif isinstance(result, Measured):
            self.rows += result.summary.rows

    def rate(self) -> str:
        """How fast it goes."""
        seconds = max(self.seconds, 1e-3)
        return f"{sized(round(self.done / seconds))}/s, {self.rows / seconds:,.0f} rows/s"

    def left(self) -> str:
        """Time that it will still take, if it goes on as it did."""
        if not self.done:
            return "-:--"
        seconds = round(self.seconds * (self.bytes - self.done) / self.done)
        hours, rest = divmod(seconds, 3600)
        return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"

    def whole(self) -> str:
        """What it did."""
        said = f"{self.label}: {self.rows:,} rows, {sized(self.done)} in {self.seconds:.1f} s ({self.rate()})"
        return said + (f"; {counted(self.reused, 'part')} taken over from a build that ended" if self.reused else "")


@dataclass(frozen=True)
class Watched:
    """Passes on what an engine does, and shows how far it is."""

    engine: Engine
    bars: Progress | None  #: None: plain lines.

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """See `parquetry.words.engine.Engine.map`."""
        todo = list(items)
        inner: Any = function.func if isinstance(function, partial) else function
        stage = Stage(STAGES.get(inner.__name__, inner.__name__), sum(map(_bytes, todo)))
        show = _lines(stage) if self.bars is None else _bar(stage, self.bars)
        for item, result in zip(todo, self.engine.map(function, todo), strict=True):
            yield result
            stage.add(item, result)
            show()
        if self.bars is None:
            say(stage.whole())


def _bytes(item: Any) -> int:
    """Bytes of an item; of one without, none."""
    return int(getattr(item, "bytes", 0))


def _lines(stage: Stage) -> Callable[[], None]:
    """Say how far a stage is, but not too often."""
    said = stage.start

    def show() -> None:
        nonlocal said
        if time.monotonic() - said > EVERY:
            said = time.monotonic()
            say(f"{stage.label}: {stage.done / max(stage.bytes, 1):.0%}, {stage.rate()}, {stage.left()} left")

    return show


def _bar(stage: Stage, bars: Progress) -> Callable[[], None]:
    """Show how far a stage is as a bar."""
    task = bars.add_task(stage.label, total=stage.bytes, rate="", left="")

    def show() -> None:
        over = stage.done >= stage.bytes
        left = f"{stage.seconds:.1f} s" if over else f"{stage.left()} left"
        bars.update(task, completed=stage.done, rate=stage.rate(), left=left)

    return show


@contextmanager
def watching(engine: Engine, *, quiet: bool) -> Iterator[Engine]:
    """Watch an engine as long as the block lasts; ``quiet`` shows nothing."""
    console = Console(stderr=True)
    if quiet:
        yield engine
    elif not console.is_terminal:
        yield Watched(engine, None)
    else:
        columns = [TextColumn("{task.description:<18}"), BarColumn(24), TaskProgressColumn()]
        columns += [TextColumn("{task.fields[rate]}"), TextColumn("{task.fields[left]}")]
        with Progress(*columns, console=console) as bars:
            yield Watched(engine, bars)
