"""The words this package uses for rows: kept, removed, and why."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa

#: For each row of a batch whether something is so.
Mask = np.ndarray[Any, np.dtype[np.bool_]]
#: The line of its source that a row stands on, from 1. It travels beside the data until the row is written.
LINE = pa.field("parquetry:line", pa.int64(), nullable=False)
#: Which of the pieces of its partition a row comes from; it travels with `LINE`.
SOURCE = pa.field("parquetry:source", pa.int32(), nullable=False)
#: The code of a row that was removed on request.
WITHDRAWN = "WITHDRAWN"
#: The fields that no property of a record may be called like.
PLACE = (LINE, SOURCE)


class Removed(NamedTuple):
    """One row that is not published. Kept beside the release, in ``rejected.jsonl`` or ``duplicates.jsonl``."""

    code: str  #: Why: ``SCHEMA_TYPE``, ``ID_DUPLICATE``, ``DUPLICATE``.
    table: str
    source: str  #: The file, as the manifest names it.
    line: int  #: From 1.
    pointer: str  #: JSON Pointer of the value at fault; empty for the whole record.
    message: str
    row: Any  #: The record as a JSON value, or its text where it cannot be read.

    @property
    def where(self) -> str:
        """The place as a message shows it."""
        return f"{self.source}:{self.line}" + (f" {self.pointer}" if self.pointer else "")

    def json(self) -> bytes:
        """As one line of JSON, with a line feed."""
        try:
            return orjson.dumps(self._asdict(), option=orjson.OPT_APPEND_NEWLINE)
        except TypeError:  # half a surrogate pair, or a number of any length, which only we write
            return json.dumps(self._asdict(), ensure_ascii=True).encode() + b"\n"


class Sifted(NamedTuple):
    """A batch after a step that may refuse rows. Nothing disappears:
    ``kept.num_rows + len(removed)`` is the number of records that went in.
    """

    kept: pa.RecordBatch
    removed: tuple[Removed, ...] = ()
    blank: int = 0  #: Lines of nothing but white space.
    lines: int = 0  #: Lines that were read, blank ones too.
    source: int = 0  #: The piece that these lines are of.
    position: int = 0  #: Bytes of the file that were read so far, as it is on the disk; 0 if that is not known.


@dataclass(frozen=True)
class Ledger:
    """What became of the records read. A sum: add the ledgers of two sets of records."""

    read: int = 0
    blank: int = 0  #: Lines without a record; not part of ``read``.
    lines: int = 0  #: Lines that were read.
    removed: Mapping[str, int] = field(default_factory=dict)  #: Rows by code.

    @property
    def published(self) -> int:
        """Rows that are left."""
        return self.read - sum(self.removed.values())

    def __add__(self, other: Ledger) -> Ledger:
        removed = dict(sorted((Counter(self.removed) + Counter(other.removed)).items()))
        return Ledger(self.read + other.read, self.blank + other.blank, self.lines + other.lines, removed)


def counted(number: int, what: str = "row") -> str:
    """A number of rows or of something else, as a message says it.

    >>> counted(1), counted(2500)
    ('1 row', '2,500 rows')
    """
    return f"{number:,} {what}{'s' if number != 1 else ''}"
