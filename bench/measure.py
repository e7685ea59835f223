"""A command -> what it costs: seconds, seconds of processors, and memory, with all the processes that it starts.

The child gets a session of its own, and everything in that session is counted, also what its parent has forgotten.
Memory is looked at every few milliseconds. Anonymous memory is what the processes have for themselves; resident memory
also holds the pages of files that they map, which the kernel takes back when it needs them, and counts a page once for
each process that shares it. Linux only: elsewhere there is no ``/proc`` to ask.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

#: Seconds between two looks.
EVERY = 0.03
_PROC = Path("/proc")


class Cost(NamedTuple):
    """What a command took."""

    seconds: float  #: By the clock.
    cpu: float  #: Of all processors, in user and kernel mode.
    anonymous: int  #: Largest number of bytes of anonymous memory of all processes together.
    resident: int  #: Largest number of resident bytes of all processes together.
    code: int  #: With which it ended.
    output: str  #: The end of what it wrote to standard output.
    errors: str  #: The end of what it wrote to standard error.


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end, and measure it.

    Args:
        command: Program and arguments.
        environment: Variables to set besides those that are set.

    Raises:
        OSError: The program cannot be started, or this is not Linux.
    """
    if sys.platform != "linux":
        raise OSError("measuring memory needs Linux")
    os.sync()  # what an earlier command has left to write is not this one's
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        peaks, times = [0, 0], dict[int, float]()
        start = time.perf_counter()
        child = subprocess.Popen(
            command, stdout=output, stderr=errors, start_new_session=True, env={**os.environ, **(environment or {})}
        )
        while not (ended := os.wait4(child.pid, os.WNOHANG))[0]:
            _look(child.pid, peaks, times)
            time.sleep(EVERY)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(ended[1])  # so that it is not waited for again
        # The kernel adds up those who were waited for; those who were not, only we have seen.
        cpu = max(ended[2].ru_utime + ended[2].ru_stime, sum(times.values()))
        return Cost(seconds, cpu, peaks[0], peaks[1], child.returncode, _end(output), _end(errors))


def _look(session: int, peaks: list[int], times: dict[int, float]) -> None:
    """Note the memory that a session has now, and the time that each of its processes has taken."""
    anonymous = resident = 0
    for process in _PROC.iterdir():
        if process.name.isdecimal():
            try:
                # Behind the name, which may hold anything: state, parent, group, session … user and kernel time.
                stat = (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
                if int(stat[3]) != session:
                    continue
                status = (process / "status").read_text("utf-8", "replace")
            except (FileNotFoundError, ProcessLookupError):  # it has just ended
                continue
            times[int(process.name)] = (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")
            said = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
            anonymous += _bytes(said.get("RssAnon", "0 kB"))
            resident += _bytes(said.get("VmRSS", "0 kB"))
    peaks[:] = max(peaks[0], anonymous), max(peaks[1], resident)


def _bytes(said: str) -> int:
    return int(said.split()[0]) * 1024


def _end(file: IO[bytes]) -> str:
    """The last 100 kB of what was written."""
    file.seek(0, os.SEEK_END)
    file.seek(max(0, file.tell() - 100_000))
    return file.read().decode("utf-8", "replace")
