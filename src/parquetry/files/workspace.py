"""The folder under construction, hidden until it is verified.

    .<name>-<version>.building/parts/<table>/000000.arrow    checked rows of one partition
    .<name>-<version>.building/prints/<table>/000000.arrow   their fingerprints
    .<name>-<version>.building/removed/<table>/000000.*.jsonl what was refused on the way
    .<name>-<version>.building/release/                      what will become <name>-<version>

Nothing appears at the release's place before `Workspace.commit`; a build that fails leaves the previous one untouched.
What one that was killed, or stopped by the machine, had finished is there for the next: parts with a receipt (`stage`),
and Parquet files of the same parts. It is taken over only where all that they depend on is the same.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import IO

import pyarrow as pa
import pyarrow.ipc

from parquetry.sources.partitions import Partition, Piece
from parquetry.words.errors import MachineError, Problem
from parquetry.words.recipe import Table
from parquetry.words.records import Ledger


@dataclass(frozen=True)
class Part:
    """What a partition left in the workspace."""

    partition: Partition
    sha256: tuple[str, ...]  #: Of the file of each piece; empty where a piece does not begin its file.
    ledgers: tuple[Ledger, ...]  #: Of each piece.
    reused: bool = False  #: Whether an earlier build had finished it.

    @property
    def rows(self) -> int:
        """Rows that were staged."""
        return sum(ledger.published for ledger in self.ledgers)


@dataclass
class Workspace:
    """The one place of a build that changes. Use it in a ``with`` block: leaving it removes what was not committed."""

    place: Path  #: Where the release will stand.
    basis: str = ""  #: What parts depend on beside their sources (`receipts`); empty: nothing is taken over.
    _lock: IO[str] | None = field(default=None, repr=False)
    states: dict[str, list[int]] = field(default_factory=dict, repr=False)  #: Of each source, as it was first seen.
    _asked: Lock = field(default_factory=Lock, repr=False)
    _digests: dict[str, Lock] = field(default_factory=dict, repr=False)
    _known: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def root(self) -> Path:
        """The hidden folder."""
        return self.place.with_name(f".{self.place.name}.building")

    @property
    def release(self) -> Path:
        """The release under construction."""
        return self.root / "release"

    def __enter__(self) -> Workspace:
        while not self._lock:
            with suppress(FileExistsError):  # it was there, and may be gone again: another build has just ended
                self.root.mkdir(parents=True, mode=0o700)
            self._lock = self._locked()
        self._lock.truncate(0)
        self._lock.write(f"process {os.getpid()} on {os.uname().nodename}")
        self._lock.flush()
        for left in self.root.parent.glob(f"{self.root.name}.*"):  # of builds that were killed while they tidied up
            shutil.rmtree(left, ignore_errors=True)
        self._keep("basis", self.basis, ("parts", "prints", "removed", "release"))
        for path in (self.root / "removed").rglob("*.jsonl"):
            if not path.name.endswith(".early.jsonl"):  # lists are made of parts, and anew
                path.unlink()
        return self

    def _keep(self, name: str, key: str, folders: Sequence[str]) -> None:
        """Leave what is in some folders if it was made for this key; else empty them, and write the key down."""
        known = self.root / name
        if not key or not known.is_file() or known.read_text("utf-8") != key:
            known.unlink(missing_ok=True)
            for folder in folders:
                shutil.rmtree(self.root / folder, ignore_errors=True)
        for folder in folders:
            (self.root / folder).mkdir(exist_ok=True)
        known.write_text(key, "utf-8")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        stopped = kind and (not issubclass(kind, Exception) or issubclass(kind, OSError | MemoryError | MachineError))
        if not (stopped and self.basis and any((self.root / "parts").glob("*/*.json"))):
            gone = self.root.with_name(f"{self.root.name}.{os.getpid()}")
            self.root.rename(gone)  # first out of the way of who comes next, then away
            shutil.rmtree(gone, ignore_errors=True)
        if self._lock:
            self._lock.close()

    def _locked(self) -> IO[str] | None:
        """The lock of this folder, held; None if the folder went away in the meantime."""
        path = self.root / "lock"
        try:
            file = path.open("a+", encoding="utf-8")
        except FileNotFoundError:
            return None
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                return file
        except FileNotFoundError:
            pass
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            fix = "wait until it has ended, then run this again"
            raise MachineError(Problem("LOCKED", str(self.place), f"is being built by {holder}", fix)) from None
        file.close()
        return None

    def once(self, function: Callable[[Piece], str], piece: Piece) -> str:
        """The digest of the file of a piece, which is read once for all of its pieces."""
        with self._asked:
            mine = self._digests.setdefault(piece.name, Lock())
        with mine:
            if piece.name not in self._known:
                self._known[piece.name] = function(piece)
            return self._known[piece.name]

    @cached_property
    def begun(self) -> dict[str, tuple[str, list[int]]]:
        """The files that an earlier build had begun to read: the digest of each, and the state that it was in."""
        found = dict[str, tuple[str, list[int]]]()
        for path in (self.root / "parts").glob("*/*.json"):
            receipt = json.loads(path.read_text("utf-8"))
            for piece, sha256, state in zip(receipt["pieces"], receipt["sha256"], receipt["states"], strict=True):
                if sha256:
                    found[piece[0]] = (sha256, state)
        return found

    def batches(self, kind: str, table: str, index: int) -> list[pa.RecordBatch]:
        """Read back what was staged, without copying it into memory."""
        path = self.path(kind, table, index)
        if not path.exists():
            return []
        with pa.memory_map(str(path)) as file:
            reader = pa.ipc.open_file(file)
            return [reader.get_batch(number) for number in range(reader.num_record_batches)]

    def prints(self, parts: Iterable[Part]) -> dict[str, pa.Table]:
        """The fingerprints of each table, in source order; they stay on the disk until they are looked at.

        All parts are known now: Parquet files that an earlier build made of the same are kept, all others removed.
        """
        parts = list(parts)
        made = [(part.partition.table, part.partition.index, part.sha256, part.rows) for part in parts]
        self._keep("corpus", self.basis and hashlib.sha256(repr((self.basis, made)).encode()).hexdigest(), ["release"])
        for path in self.release.rglob("*"):
            if path.is_file() and path.suffix != ".parquet":
                path.unlink()
        tables: dict[str, list[pa.RecordBatch]] = {}
        for part in parts:
            place = part.partition
            tables.setdefault(place.table, []).extend(self.batches("prints", place.table, place.index))
        return {name: pa.Table.from_batches(found) for name, found in tables.items()}

    def texts(self, parts: Iterable[Part], tables: Mapping[str, Table]) -> dict[str, list[pa.RecordBatch]]:
        """What duplicates are judged by in each table, in source order; it stays on the disk, too."""
        found: dict[str, list[pa.RecordBatch]] = {name: [] for name in tables}
        for place in (part.partition for part in parts):
            batches = self.batches("parts", place.table, place.index)
            found[place.table] += [batch.select(list(tables[place.table].text)) for batch in batches]
        return found

    def removed(self, partition: Partition, name: str = "early") -> Path:
        """The file with what was removed of one partition: while it was read, or by the name of its list."""
        return self.path("removed", partition.table, partition.index, f"{name}.jsonl")

    def path(self, kind: str, table: str, index: int, suffix: str = "arrow") -> Path:
        """The file of a partition: of its rows, their fingerprints, or what was removed of it."""
        return self.root / kind / table / f"{index:06d}.{suffix}"

    def set_aside(self, suffix: str, files: Mapping[str, Sequence[Path]]) -> Path:
        """Put files beside the release that are never published: ``<name>-<version>.<suffix>/``.

        Args:
            suffix: ``removed`` or ``refused``.
            files: For each file those whose content it has, one after the other.
        """
        place, aside = self.place.with_name(f"{self.place.name}.{suffix}"), self.root / f"aside.{suffix}"
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir(mode=0o700)
        for name, content in files.items():
            if content:
                (aside / name).touch(0o600)
                with (aside / name).open("wb") as file:
                    for piece in content:
                        with piece.open("rb") as from_here:
                            shutil.copyfileobj(from_here, file)
        shutil.rmtree(place, ignore_errors=True)
        if any(files.values()):
            aside.rename(place)
        return place

    def put(self, papers: Mapping[str, str]) -> None:
        """Write texts into the release, by path."""
        for name, text in papers.items():
            path = self.release / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())

    def commit(self) -> None:
        """Put the release in its place, all at once; what stood there goes with the workspace."""
        for path in [*self.release.rglob("*"), self.release]:
            path.chmod(0o755 if path.is_dir() else 0o644)
            _settle(path)
        (self.root / "corpus").unlink(missing_ok=True)  # what stands in `release` from now on is not of this build
        if self.place.exists():
            _exchange(self.release, self.place)
        else:
            _appear(self.release, self.place)
        _settle(self.place.parent)


def _settle(path: Path) -> None:
    """Have a file or a folder on the disk itself."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def _renamed(one: Path, other: Path, flag: int) -> bool:
    """Rename in one step, by the flag of renameat2(2); False where the system cannot."""
    here, libc = -100, ctypes.CDLL(None, use_errno=True)  # AT_FDCWD
    if not hasattr(libc, "renameat2"):
        return False
    done = libc.renameat2(here, os.fsencode(one), here, os.fsencode(other), flag)
    if done != 0 and ctypes.get_errno() == errno.EEXIST:
        fix = "see what it is, then run this again"
        raise MachineError(Problem("OUTPUT_APPEARED", str(other), "came into being while this was built", fix))
    return bool(done == 0)


def _appear(one: Path, other: Path) -> None:
    """Give a folder a name that no other has."""
    if not _renamed(one, other, 1):  # RENAME_NOREPLACE
        one.rename(other)


def _exchange(one: Path, other: Path) -> None:
    """Let two folders change places; in one step where the system can, so that neither is ever missing."""
    if not _renamed(one, other, 2):  # RENAME_EXCHANGE
        aside = one.with_name(f"{one.name}.old")
        other.rename(aside)
        one.rename(other)
        aside.rename(one)
