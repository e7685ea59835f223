"""Something that may not be known to be done -> it is done, or it is clear why not.

What is tried must be safe to repeat: it looks at what is there, and does what is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from parquetry.words.errors import ParquetryError, Problem, PublishError

#: Seconds between tries.
WAITS = (1.0, 2.0, 4.0, 8.0)
T = TypeVar("T")


class Unclear(Exception):
    """It is not known whether something was done; looking again will tell.

    Args:
        problem: What to say if it stays so.
    """

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def persistently(
    step: Callable[[], T],
    say: Callable[[str], None],
    waits: Sequence[float] = WAITS,
    error: type[ParquetryError] = PublishError,
) -> T:
    """Try until it is clear.

    Args:
        step: What is tried.
        say: Takes what is told before each wait.
        waits: Seconds between tries.
        error: What is raised if it stays unclear.

    Raises:
        ParquetryError: It is unclear after the last try.
    """
    for number, wait in enumerate(waits, 1):
        try:
            return step()
        except Unclear as unclear:
            code, where, what, _ = unclear.problem
            fix = f"nothing to do: try {number + 1} of {len(waits) + 1} follows in {wait:g} s"
            say(Problem(code, where, what, fix).text("warning"))
            time.sleep(wait)
    try:
        return step()
    except Unclear as unclear:
        raise error(unclear.problem._replace(fix="run this again: it goes on where it ended")) from None


def first_line(error: BaseException) -> str:
    """What an error says, in a line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no reason given")
