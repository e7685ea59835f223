"""A signal that asks the process to end -> one line, and the exit code of its kind.

This is imported before all that takes time to load, so that Ctrl-C is answered from the first moment on.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

#: What asks a process to end: Ctrl-C, `kill`, and a terminal that closes.
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A signal that asks the process to end."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def end_at_once() -> None:
    """Let signals end the process while it is being loaded: nothing has begun that would have to be tidied up."""
    for number in _heeded():
        signal.signal(number, _end)


def raise_from_now_on() -> None:
    """Let signals be raised as `Stopped`, so that a build removes what it began."""
    for number in _heeded():
        signal.signal(number, _raise)


def said(number: int) -> str:
    """The line that tells of a signal."""
    return f"interrupted by {signal.Signals(number).name}; a release is whole or not there, never half"


def _heeded() -> list[signal.Signals]:
    """The signals that who started the process, such as `nohup`, did not ask to ignore."""
    return [number for number in SIGNALS if signal.getsignal(number) != signal.SIG_IGN]


def _end(number: int, _frame: FrameType | None) -> None:
    try:
        os.write(2, f"{said(number)}\n".encode())
    finally:
        os._exit(128 + number)


def _raise(number: int, _frame: FrameType | None) -> None:
    raise Stopped(number)
