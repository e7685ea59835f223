"""Files -> what is in them: their records, and the draft of a schema that accepts these."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from parquetry.columnar import headers
from parquetry.sources.cells import opened
from parquetry.sources.partitions import FORMATS, Piece
from parquetry.start.draft import Spec, draft
from parquetry.start.seen import Seen
from parquetry.start.untyped import columns, header, piece_of, records
from parquetry.words.errors import InputError, Problem, RecipeError
from parquetry.words.recipe import Limits, Read
from parquetry.words.records import counted
from parquetry.words.schema import Schema, parse
from parquetry.words.strict_json import NotJson

#: What may stand between the cells of a CSV file, where it is not a comma.
_DELIMITERS = ";\t|"
#: Records of no use that are told one by one.
_TOLD = 5


@dataclass(frozen=True)
class Found:
    """What is in the sources of a table to be."""

    pieces: tuple[Piece, ...]
    rules: Read
    seen: Seen
    document: Spec  #: The draft.
    schema: Schema  #: The same, read.
    faults: tuple[Problem, ...] = ()  #: The first records that cannot be read.
    faulty: int = 0  #: How many there are.

    @property
    def cells(self) -> bool:
        """Whether the sources are CSV."""
        return FORMATS[self.pieces[0].suffix] == "cells"

    @property
    def about(self) -> str:
        """How many records they are, and from where."""
        return _about(self.pieces, self.seen.values)

    def records(self) -> Iterator[dict[str, Any]]:
        """The records that can be read, from the first one again."""
        for piece in self.pieces:
            yield from (one.value for one in records(piece, self.rules) if not isinstance(one.value, NotJson))


def look(paths: Sequence[Path], rules: Read | None = None) -> Found:
    """Look at all records of some files.

    Args:
        paths: Of the files.
        rules: How they are read; None: as UTF-8, the delimiter of CSV found out by the first line.

    Raises:
        RecipeError: One of them is not there or of a kind that is not read, or they do not go together.
        InputError: One of them cannot be read, or a property has no type.
    """
    pieces = tuple(piece_of(path) for path in paths)
    _go_together(pieces)
    rules = rules or Read()
    if rules.delimiter == "," and pieces[0].suffix == ".csv":
        rules = rules.model_copy(update={"delimiter": _delimiter(pieces[0], rules)})
    seen, faults, faulty = Seen(most=sys.maxsize), list[Problem](), 0
    for piece in pieces:
        if FORMATS[piece.suffix] == "columns":
            seen.expect(pa.struct(list(columns(piece))))
        for line, value in records(piece, rules):
            if isinstance(value, NotJson):
                faulty += 1
                faults += [_fault(piece, line, value)] if len(faults) < _TOLD else []
            else:
                seen.add(value, f"{piece.name}:{line}")
    if not seen.values:
        fix = "remove it, or fetch it again"
        raise InputError(*(faults or [Problem("INPUT_EMPTY", pieces[0].name, "the file holds no records", fix)]))
    document = draft(seen, f"the {_about(pieces, seen.values)}", cells=FORMATS[pieces[0].suffix] == "cells")
    schema = parse(json.dumps(document).encode(), "the draft")
    typed = [piece for piece in pieces if FORMATS[piece.suffix] == "columns"]
    if problems := [problem for piece in typed for problem in headers.problems(piece.name, columns(piece), schema)]:
        raise InputError(*problems)
    return Found(pieces, rules, seen, document, schema, tuple(faults), faulty)


def _about(pieces: Sequence[Piece], rows: int) -> str:
    return f"{counted(rows, 'record')} of {' and '.join(piece.name for piece in pieces)}"


def _go_together(pieces: Sequence[Piece]) -> None:
    """Refuse files that cannot be the sources of one table."""
    names = [piece.name for piece in pieces]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise RecipeError(Problem("SOURCE_TWICE", twice, "two files have this name", "rename one"))
    for piece in pieces[1:]:
        if "cells" in (kinds := {FORMATS[pieces[0].suffix], FORMATS[piece.suffix]}) and len(kinds) > 1:
            what = f"is of another kind than {pieces[0].name}"
            raise RecipeError(Problem("INPUT_TYPE", piece.name, what, "give files of one kind"))


def _delimiter(piece: Piece, rules: Read) -> str:
    """What stands between the cells of a CSV file, by its first line."""
    with opened(piece, rules, Limits()) as (text, _):
        names = header(text, rules)
    return next((one for one in _DELIMITERS if len(names) == 1 and one in names[0]), rules.delimiter)


def _fault(piece: Piece, line: int, error: NotJson) -> Problem:
    fix = "correct the records: a build ends in 3 because of them, unless limits.rejected in the recipe allows them"
    if error.code == "UTF8_INVALID":
        fix = "say the encoding, such as --encoding cp1252"
    return Problem(error.code, f"{piece.name}:{line} {error.pointer}".rstrip(), error.what, fix)
