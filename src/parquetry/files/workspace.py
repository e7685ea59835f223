"""The folder under construction, hidden until it is verified.

    .<name>-<version>.building/parts/<table>/000000.arrow    checked rows of one partition
    .<name>-<version>.building/prints/<table>/000000.arrow   their fingerprints
    .<name>-<version>.building/removed/<table>/000000.*.jsonl what was refused on the way
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
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from parquetry.sources.partitions import Partition, digest
from parquetry.words.errors import MachineError, Problem
from parquetry.words.recipe import Table
from parquetry.words.records import SOURCE, Ledger, Sifted


@dataclass(frozen=True)
class Part:
    """What a partition left in the workspace."""

    partition: Partition
    sha256: tuple[str, ...]  #: Of the file of each piece; empty where a piece does not begin its file.
    ledgers: tuple[Ledger, ...]  #: Of each piece.

    @property
    def rows(self) -> int:
        """Rows that were staged."""
        return sum(ledger.published for ledger in self.ledgers)


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
        return Stage(self, partition)

    def batches(self, kind: str, table: str, index: int) -> list[pa.RecordBatch]:
        """Read back what was staged, without copying it into memory."""
        path = self._path(kind, table, index)
        if not path.exists():
            return []
        with pa.memory_map(str(path)) as file:
            reader = pa.ipc.open_file(file)
            return [reader.get_batch(number) for number in range(reader.num_record_batches)]

    def prints(self, parts: Iterable[Part]) -> dict[str, pa.Table]:
        """The fingerprints of each table, in source order; they stay on the disk until they are looked at."""
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
        return self._path("removed", partition.table, partition.index, f"{name}.jsonl")

    def _path(self, kind: str, table: str, index: int, suffix: str = "arrow") -> Path:
        return self.root / kind / table / f"{index:06d}.{suffix}"

    def set_aside(self, suffix: str, files: Mapping[str, Sequence[Path]]) -> Path:
        """Put files beside the release that are never published: ``<name>-<version>.<suffix>/``.

        Args:
            suffix: ``removed`` or ``refused``.
            files: For each file those whose content it has, one after the other.
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
                        with piece.open("rb") as from_here:
                            shutil.copyfileobj(from_here, file)
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

    def __init__(self, work: Workspace, partition: Partition) -> None:
        self._work, self._partition = work, partition
        self._writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        self._ledgers = [Ledger()] * len(partition.pieces)
        self._removed: IO[bytes] | None = None

    def __enter__(self) -> Stage:
        self._sha256 = tuple("" if piece.start else digest(piece) for piece in self._partition.pieces)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        if self._removed:
            self._removed.close()

    def add(self, rows: pa.RecordBatch, prints: pa.RecordBatch, read: Sifted, *steps: Sifted) -> None:
        """Stage a batch and its fingerprints, and write down what was read and what each step refused."""
        removed = [row for step in (read, *steps) for row in step.removed]
        self._ledgers[read.source] += Ledger(blank=read.blank, lines=read.lines)
        for source, count in enumerate(np.bincount(rows.column(SOURCE.name).to_numpy())):
            self._ledgers[source] += Ledger(int(count))
        for row in removed:
            self._ledgers[self._sources[row.source]] += Ledger(1, removed={row.code: 1})
        for kind, batch in (("parts", rows), ("prints", prints)):
            if kind not in self._writers:
                self._writers[kind] = pa.ipc.new_file(str(self._path(kind)), batch.schema)
            self._writers[kind].write_batch(batch)
        if removed:
            path = self._path("removed", "early.jsonl")
            self._removed = self._removed or path.open("wb")
            self._removed.writelines(row.json() for row in removed)

    @cached_property
    def _sources(self) -> dict[str, int]:
        return {piece.name: index for index, piece in enumerate(self._partition.pieces)}

    @property
    def part(self) -> Part:
        """What the partition left."""
        return Part(self._partition, self._sha256, tuple(self._ledgers))

    def _path(self, kind: str, suffix: str = "arrow") -> Path:
        path = self._work._path(kind, self._partition.table, self._partition.index, suffix)
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
