"""``verify``, in a process that may fail.

A Parquet file can be made so that Arrow crashes, takes all memory or never ends, and its checksum vouches for nothing:
whoever made the file made the checksum. So a release of others is judged in a process of its own. What that process
was reading when it died, or when it needed too much, is a finding, and a fresh process judges the rest.

The process is forked: to load all this anew takes longer than most releases do. Its seconds are those of the
processor, so that a slow disk is no hang. Its memory is looked up in ``/proc``; where there is none, it has no limit.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import struct
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from parquetry.files import manifest as manifests
from parquetry.files.manifest import NAME
from parquetry.reader.rows import AGAIN
from parquetry.reader.verify import Report, Strength, verify
from parquetry.reader.watch import Watch
from parquetry.words.errors import ParquetryError, Problem, RecipeError, VerificationError

#: Bytes of memory, and seconds of the processor, that each step may need beside what it asks for: many times what
#: the release of a gigabyte needs.
MEMORY, SECONDS = 512 << 20, 8
#: Bytes of the work of a step that one more second is given for.
_SPEED = 32 << 20
#: How often a process may die before the rest is left unread; one that takes too long counts for more.
_DEATHS, _SLOW = 8, 4
#: Seconds between two looks at the memory.
_LOOK = 0.02
#: What the judge may run into where a release says what no release says.
_ASTRAY = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
_LENGTH = struct.Struct("<Q")


class _Death(NamedTuple):
    """How a process ended that was to judge."""

    path: str  #: What it was reading.
    why: str
    weight: int = 1


def confined(release: Path, strength: Strength = "full", only: str = "", expect: str = "") -> Report:
    """Judge a release that someone else made; see `verify`.

    Raises:
        RecipeError: There is no table of that name.
        VerificationError: The manifest cannot be read, or so much else that nothing can be judged.
    """
    lost, deaths = dict[str, Problem](), 0
    while True:
        found = _attempt((release, strength, only, expect), lost)
        if not isinstance(found, _Death):
            problems = tuple(Problem(*one) for one in found["problems"])
            return Report(manifests.load(release), problems, found["rows"], found["digest"])
        lost[found.path] = Problem("FILE_UNREADABLE", found.path, found.why, AGAIN)
        deaths += found.weight
        if found.path == NAME or deaths >= _DEATHS:
            what = "cannot be judged any further"
            raise VerificationError(*lost.values(), Problem("VERIFY_ENDED", str(release), what, "do not trust it"))


def _attempt(asked: tuple[Path, Strength, str, str], lost: Mapping[str, Problem]) -> dict[str, Any] | _Death:
    """Judge in a fresh process, but for what is lost: what it found, or how it died.

    Raises:
        ParquetryError: What `verify` raises.
        OSError: The machine stood in the way.
        MemoryError: The system ended the process, as it does where memory runs out.
    """
    there, here = os.pipe()
    with warnings.catch_warnings():
        # Python warns of threads, which may hold locks at this moment; those of Arrow and numpy know of forks
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if not child:
        os.close(there)
        _judge(asked, lost, here)
    os.close(here)
    try:
        found = _watched(child, there)
    finally:
        os.close(there)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    if isinstance(found, _Death):
        return found
    if "raised" in found:
        kind = RecipeError if found["raised"] == RecipeError.__name__ else VerificationError
        raise kind(*(Problem(*one) for one in found["problems"]))
    if "refused" in found:
        raise OSError(*found["refused"])
    return found


def _watched(child: int, pipe: int) -> dict[str, Any] | _Death:
    """Hear what a process says until it has found something, or until it needs too much or dies."""
    path, limit = NAME, _memory(child) + MEMORY
    while True:
        if not select.select([pipe], [], [], _LOOK)[0]:
            if _memory(child) > limit:
                return _Death(path, "needs more memory than any sound file of its size")
        elif (said := _heard(pipe)) is None:
            return _dead(child, path)
        elif "astray" in said:
            return _Death(path, f"says what no release says: {said['astray']}"[:200])
        elif "reading" not in said:
            return said
        else:
            path, limit = said["reading"], _memory(child) + MEMORY + said["memory"]


def _dead(child: int, path: str) -> _Death:
    """How a process died that has said no more."""
    ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
    number = ended.si_status if ended and ended.si_code in (os.CLD_KILLED, os.CLD_DUMPED) else 0
    if number == signal.SIGKILL:
        raise MemoryError
    if number == signal.SIGXCPU:
        return _Death(path, "needs more time of the processor than any sound file of its size", _SLOW)
    name = signal.Signals(number).name if number else "without a signal"
    return _Death(path, f"is not a sound file: its reader crashed ({name})")


def _memory(child: int) -> int:
    """Bytes of memory that are a process's own; 0 where the system does not say."""
    try:
        whole, shared = Path(f"/proc/{child}/statm").read_text("ascii").split()[1:3]
        return (int(whole) - int(shared)) * resource.getpagesize()
    except (OSError, ValueError):
        return 0


class _Teller(Watch):
    """Tells what is read, and limits the seconds that it may take."""

    def __init__(self, pipe: int, lost: Mapping[str, Problem]) -> None:
        self.pipe, self.lost = pipe, lost
        self.hard = resource.getrlimit(resource.RLIMIT_CPU)[1]

    def reading(self, path: str, memory: int, work: int) -> None:
        """See `Watch.reading`."""
        seconds = int(time.process_time()) + 1 + SECONDS + min(work // _SPEED, 1 << 30)
        most = seconds if self.hard == resource.RLIM_INFINITY else min(self.hard, seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (most, self.hard))
        _say(self.pipe, {"reading": path, "memory": memory})


def _judge(asked: tuple[Path, Strength, str, str], lost: Mapping[str, Problem], pipe: int) -> None:
    """What the process does: it judges, says what it found, and ends without going back."""
    try:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXCPU):
            signal.signal(number, signal.SIG_DFL)  # nothing has to be tidied up here
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # what a library says as it crashes
        report = verify(*asked, _Teller(pipe, lost))
        _say(pipe, {"problems": report.problems, "rows": report.rows, "digest": report.digest})
    except ParquetryError as error:
        _say(pipe, {"raised": type(error).__name__, "problems": error.problems})
    except OSError as error:
        _say(pipe, {"refused": [error.errno, error.strerror, error.filename and os.fsdecode(error.filename)]})
    except (*_ASTRAY, MemoryError) as error:
        _say(pipe, {"astray": f"{type(error).__name__}: {error}"})
    finally:
        os._exit(0)


def _say(pipe: int, what: Mapping[str, Any]) -> None:
    raw = json.dumps(what).encode()
    rest = memoryview(_LENGTH.pack(len(raw)) + raw)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def _heard(pipe: int) -> dict[str, Any] | None:
    """The next thing that is said; None if nothing more is."""
    head = _read(pipe, _LENGTH.size)
    raw = _read(pipe, _LENGTH.unpack(head)[0]) if len(head) == _LENGTH.size else b""
    found: dict[str, Any] | None = json.loads(raw) if raw and raw.endswith(b"}") else None
    return found


def _read(pipe: int, count: int) -> bytes:
    pieces = bytearray()
    while len(pieces) < count and (piece := os.read(pipe, count - len(pieces))):
        pieces += piece
    return bytes(pieces)
