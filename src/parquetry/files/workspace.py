"""The folder under construction, hidden until it is verified.

    .<name>-<version>.building/parts/<table>/00000.arrow     checked rows of one partition
    .<name>-<version>.building/prints/<table>/00000.arrow    their fingerprints
    .<name>-<version>.building/removed/<table>/00000.jsonl   what was refused on the way
    .<name>-<version>.building/release/                      what will become <name>-<version>

Nothing appears at the release's place before `Workspace.commit`; a build that fails leaves the previous one untouched.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

import pyarrow as pa
import pyarrow.ipc

from parquetry.record.sources import Partition, digest
from parquetry.words.errors import MachineError, Problem
from parquetry.words.records import Ledger, Removed, Sifted, removal


@dataclass(frozen=True)
class Part:
    """What a partition left in the workspace."""

    partition: Partition
    bytes: int  #: Of the source file.
    sha256: str  #: Of the source file.
    ledger: Ledger


@dataclass
class Workspace:
    """The one place of a build that changes. Use it in a ``with`` block: leaving it removes what was not committed."""

    place: Path  #: Where the release will stand.
    _lock: IO[str] | None = field(default=None, repr=False)

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
        self._lock.write(f"process {os.getpid()}")
        self._lock.flush()
        for left in self.root.iterdir():  # of a build that was killed
            if left.is_dir():
                shutil.rmtree(left)
        for name in ("parts", "prints", "removed", "release"):
            (self.root / name).mkdir()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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

    def stage(self, partition: Partition) -> Stage:
        """Where the rows of one partition are put."""
        return Stage(self.root, partition)

    def rows(self, kind: str, table: str, index: int) -> pa.Table:
        """Read back what was staged, without copying it into memory."""
        with pa.memory_map(str(self.root / kind / table / f"{index:05d}.arrow")) as file:
            return pa.ipc.open_file(file).read_all()

    def prints(self, parts: Iterable[Part]) -> dict[str, pa.Table]:
        """The fingerprints of each table, in source order."""
        tables: dict[str, list[pa.Table]] = {}
        for part in parts:
            place = part.partition
            tables.setdefault(place.table, []).append(self.rows("prints", place.table, place.index))
        return {name: pa.concat_tables(found).combine_chunks() for name, found in tables.items()}

    def removed(self, partition: Partition) -> Path:
        """The file with what was refused of one partition."""
        return self.root / "removed" / partition.table / f"{partition.index:05d}.jsonl"

    def set_aside(self, suffix: str, files: dict[str, Sequence[Path | str]]) -> Path:
        """Put files beside the release that are never published: ``<name>-<version>.<suffix>/``.

        Args:
            suffix: ``removed`` or ``refused``.
            files: For each file its content, as texts and as files to be copied.
        """
        place = self.place.with_name(f"{self.place.name}.{suffix}")
        shutil.rmtree(place, ignore_errors=True)
        if any(files.values()):
            place.mkdir(mode=0o700)
        for name, content in files.items():
            if content:
                (place / name).touch(0o600)
                with (place / name).open("wb") as file:
                    for piece in content:
                        file.write(piece.read_bytes() if isinstance(piece, Path) else piece.encode())
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
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        if self.place.exists():
            _exchange(self.release, self.place)
        else:
            self.release.rename(self.place)


class Stage:
    """Collects the batches of one partition. Use it in a ``with`` block."""

    def __init__(self, root: Path, partition: Partition) -> None:
        self._root, self._partition = root, partition
        self._writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        self._ledger = Ledger()
        self._removed: IO[str] | None = None

    def __enter__(self) -> Stage:
        self._source = digest(self._partition)
        self._removed = self._path("removed", "jsonl").open("w", encoding="utf-8")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        if self._removed:
            self._removed.close()

    def add(self, rows: pa.RecordBatch, prints: pa.RecordBatch, *steps: Sifted) -> None:
        """Stage a batch and its fingerprints, and write down what each step before refused."""
        removed: list[Removed] = [row for step in steps for row in step.removed]
        read = rows.num_rows + len(removed)
        self._ledger += Ledger(read, sum(step.blank for step in steps)) + removal(removed)
        for kind, batch in (("parts", rows), ("prints", prints)):
            if kind not in self._writers:
                self._writers[kind] = pa.ipc.new_file(str(self._path(kind, "arrow")), batch.schema)
            self._writers[kind].write_batch(batch)
        if self._removed:
            self._removed.writelines(row.json() for row in sorted(removed, key=lambda row: row.line))

    @property
    def part(self) -> Part:
        """What the partition left."""
        return Part(self._partition, *self._source, self._ledger)

    def _path(self, kind: str, suffix: str) -> Path:
        path = self._root / kind / self._partition.table / f"{self._partition.index:05d}.{suffix}"
        path.parent.mkdir(exist_ok=True)
        return path


def _exchange(one: Path, other: Path) -> None:
    """Let two folders change places; in one step where the system can, so that neither is ever missing."""
    here, swap = -100, 2  # AT_FDCWD, RENAME_EXCHANGE: renameat2(2)
    libc = ctypes.CDLL(None, use_errno=True)
    if hasattr(libc, "renameat2") and libc.renameat2(here, os.fsencode(one), here, os.fsencode(other), swap) == 0:
        return
    aside = one.with_name(f"{one.name}.old")
    other.rename(aside)
    one.rename(other)
    aside.rename(one)
