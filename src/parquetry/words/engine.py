"""Run a function over many items, and give the results in the order of the items.

An engine knows nothing about datasets, and a dataset knows nothing about engines but `Engine.map`. Whatever the number
of workers, the results come back in the order of the items: that is why the bytes we write do not depend on who wrote
them.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeVar

#: Results that may wait for an earlier one, per worker: they are small, and one item may take long.
AHEAD = 16
T = TypeVar("T")
R = TypeVar("R")


class Engine(Protocol):
    """Anything that can run a function over items."""

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """Yield ``function(item)`` for each item, in the order of the items.

        The first failure in that order stops the run and is raised here, as it was raised there.
        """
        ...


@dataclass(frozen=True)
class Local:
    """Threads of this process: what is hot in a build releases the interpreter lock."""

    workers: int = 0  #: 0 means one per processor that this process may use.

    @property
    def threads(self) -> int:
        """How many threads work."""
        return self.workers or _processors()

    def map(self, function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
        """See `Engine.map`. So many items per worker are begun ahead of the one that is waited for."""
        workers = self.threads
        if workers == 1:
            yield from map(function, items)
            return
        with ThreadPoolExecutor(workers, thread_name_prefix="parquetry") as pool:
            running: deque[Future[R]] = deque()
            try:
                for item in items:
                    if len(running) == AHEAD * workers:
                        yield running.popleft().result()
                    running.append(pool.submit(function, item))
                while running:
                    yield running.popleft().result()
            finally:
                for future in running:
                    future.cancel()


def _processors() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
