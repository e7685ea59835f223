"""The rows of one partition -> files in the workspace, and a receipt that they are whole.

A receipt says what the part was made of: whoever finds it need not make the part again, if all of that is the same.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from parquetry.files.workspace import Part, Workspace
from parquetry.sources.partitions import Partition, Piece, digest
from parquetry.words.errors import InputError, Problem
from parquetry.words.records import SOURCE, Ledger, Removed, Sifted

#: What a partition leaves: kind and suffix of each file, the receipt first.
_FILES = (("parts", "json"), ("parts", "arrow"), ("prints", "arrow"), ("removed", "early.jsonl"))


class Stage:
    """Collects the batches of one partition. Use it in a ``with`` block."""

    def __init__(self, work: Workspace, partition: Partition) -> None:
        self._work, self._partition = work, partition
        self._writers: dict[str, pa.ipc.RecordBatchFileWriter] = {}
        self._ledgers = [Ledger()] * len(partition.pieces)
        self._removed: IO[bytes] | None = None
        self._reused = False

    def __enter__(self) -> Stage:
        self._files = [self._work.states.setdefault(piece.name, _state(piece)) for piece in self._partition.pieces]
        self._sha256 = tuple("" if piece.start else self._work.once(digest, piece) for piece in self._partition.pieces)
        if not self._taken_over():
            for kind, suffix in _FILES:
                self._path(kind, suffix).unlink(missing_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
        if self._removed:
            self._removed.close()
        if kind is None and not self._reused:
            for piece, before in zip(self._partition.pieces, self._files, strict=True):
                if _state(piece) != before:
                    fix = "run this again when nobody writes to it"
                    raise InputError(Problem("INPUT_CHANGED", piece.name, "changed while it was read", fix))
            path = self._path("parts", "json")
            path.with_suffix(".new").write_text(json.dumps(self._receipt()), "utf-8")
            path.with_suffix(".new").replace(path)

    def left(self, records: Iterable[Sifted]) -> Iterable[Sifted]:
        """What is left to do of the records of this partition: all, or nothing if an earlier build has finished it."""
        return () if self._reused else records

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
            self._keep(removed)

    def _keep(self, removed: list[Removed]) -> None:
        self._removed = self._removed or self._path("removed", "early.jsonl").open("wb")
        self._removed.writelines(row.json() for row in removed)

    @cached_property
    def _sources(self) -> dict[str, int]:
        return {piece.name: index for index, piece in enumerate(self._partition.pieces)}

    @property
    def part(self) -> Part:
        """What the partition left."""
        return Part(self._partition, self._sha256, tuple(self._ledgers), self._reused)

    def _receipt(self) -> dict[str, Any]:
        """What the part was made of, and what became of its records."""
        pieces = [[piece.name, piece.bytes, piece.start, piece.stop, piece.split] for piece in self._partition.pieces]
        ledgers = [[one.read, one.blank, one.lines, dict(one.removed)] for one in self._ledgers]
        made = {"format": self._partition.format, "pieces": pieces, "sha256": self._sha256}
        return made | {"states": self._files, "ledgers": ledgers}

    def _taken_over(self) -> bool:
        """Take over the part of an earlier build, if it was made of the same."""
        path = self._path("parts", "json")
        if not (self._work.basis and path.is_file()):
            return False
        known, mine = json.loads(path.read_text("utf-8")), json.loads(json.dumps(self._receipt()))
        if any(known[key] != mine[key] for key in ("format", "pieces", "sha256")):
            return False
        for piece, state in zip(self._partition.pieces, known["states"], strict=True):
            if piece.start and self._work.begun.get(piece.name) != (self._work.once(digest, piece), state):
                return False  # of a file that another part begins: that it was the same then, and is the same now
        self._ledgers = [Ledger(*one) for one in known["ledgers"]]
        self._reused = True
        return True

    def _path(self, kind: str, suffix: str = "arrow") -> Path:
        path = self._work.path(kind, self._partition.table, self._partition.index, suffix)
        path.parent.mkdir(exist_ok=True)
        return path


def _state(piece: Piece) -> list[int]:
    """What changes if somebody writes to the file of a piece."""
    known = piece.path.stat()
    return [known.st_size, known.st_mtime_ns, known.st_ino]
