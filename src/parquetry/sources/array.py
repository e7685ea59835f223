"""One JSON array of records -> batches of rows, the array never as a whole in memory.

The elements are told apart by brackets and strings alone, so that one in which a key stands twice is set aside like a
bad line of JSON Lines, and those behind it are read. Each element is then read as such a line is. If an element is not
made of the signs of JSON, it cannot be known where it ends, and the file is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from parquetry.sources.elements import Element, Text, odd, shown
from parquetry.sources.encodings import utf8
from parquetry.sources.lines import Line, Reader
from parquetry.sources.partitions import Piece
from parquetry.sources.streams import Stream
from parquetry.words.errors import InputError, Problem
from parquetry.words.recipe import Limits, Table
from parquetry.words.records import LINE, Sifted
from parquetry.words.schema import Schema

#: Where one may stand, CR may stand, and where none may, CR may not: this makes one line of an element.
_FLAT = bytes.maketrans(b"\n\t", b"\r\r")


def read(piece: Piece, schema: Schema, rules: Table, limits: Limits) -> Iterator[Sifted]:
    """Yield the elements of a piece in batches, each with the number of the line that it begins on.

    Raises:
        InputError: The file cannot be read as text, holds no array, an empty one or something behind it, or is not
            JSON in a way that hides where an element ends.
    """
    nul, encoding = rules.read.nul == "keep", rules.read.encoding
    reader = Reader(piece.name, schema, limits, nul=nul, encoding=encoding)
    with Stream(piece, limits.decompression_ratio) as stream:
        text, line = Text(utf8(stream, encoding, piece.name), piece.name, limits.line_bytes), 0
        text.open()
        while elements := text.elements():
            yield rows(reader, elements)._replace(lines=elements[-1].line - line, position=stream.position)
            line = elements[-1].line
        text.close()


def rows(reader: Reader, elements: Sequence[Element]) -> Sifted:
    """Elements as rows.

    Raises:
        InputError: It cannot be known where an element ends.
    """
    batch = reader.lines([Line(i, one.text.translate(_FLAT), one.whole) for i, one in enumerate(elements)])
    wrong = [(row.line, elements[row.line]) for row in batch.removed]
    removed = reader.exactly([Line(index, one.text, one.whole) for index, one in wrong]).removed
    for _, one in wrong:
        refuse_hidden(one, reader.source)
    numbers = np.array([one.line for one in elements])
    place = pa.array(numbers[batch.kept.column(LINE.name).to_numpy()], LINE.type)
    kept = batch.kept.set_column(batch.kept.num_columns - 1, LINE, place)
    return Sifted(kept, tuple(row._replace(line=elements[row.line].line) for row in removed))


def refuse_hidden(element: Element, name: str) -> None:
    """Refuse the file of an element that is not made of the signs of JSON.

    Raises:
        InputError: It cannot be known where the element ends.
    """
    if element.whole and (offset := odd(element.text)) is not None:
        line, column = _place(element, offset)
        what = f"column {column}: {shown(element.text[offset:])} is no JSON, and hides where the element ends"
        raise InputError(Problem("JSON_SYNTAX", f"{name}:{line}", what, "correct the file"))


def _place(element: Element, offset: int) -> tuple[int, int]:
    """Line and column of a place in an element."""
    before = element.text[:offset]
    if lines := before.count(b"\n"):
        return element.line + lines, offset - before.rfind(b"\n")
    return element.line, element.column + offset
