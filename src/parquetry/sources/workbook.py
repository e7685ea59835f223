"""A sheet of an .xlsx workbook -> its rows, cell by cell, as if it were a CSV file.

A cell is what would stand in a CSV file: a number as JSON writes it, a day as ``2026-11-22``, true or false, and text
as it is; the schema types it. Of a formula it is the value that was saved with it. Rows keep the numbers that a
spreadsheet shows. The file is read by openpyxl, row by row.
"""

from __future__ import annotations

import datetime
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO, Any

from parquetry.sources.partitions import Piece
from parquetry.sources.separated import Record, Survey, Text
from parquetry.words.errors import InputError, Problem

#: What a workbook is called.
SUFFIX = ".xlsx"
#: How a workbook writes characters that XML cannot hold.
_ESCAPED = re.compile("_x([0-9A-Fa-f]{4})_")
#: The last row of a spreadsheet; and bytes of a part without rows or texts.
_LAST, _PART = 1_048_576, 16_000_000
#: Bytes that any workbook may have before that is judged: it is read at about a megabyte a second.
_FLOOR = 5_000_000
#: What openpyxl and its parts raise where a file is not what they expect: most of it is an accident of theirs.
_ACCIDENTS = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, SyntaxError, TypeError)
_BROKEN = (*_ACCIDENTS, EOFError, OSError, ValueError, zipfile.BadZipFile, zlib.error)


class Sheet(Text):
    """What is left of a sheet, and the records at its start."""

    def __init__(self, piece: Piece, sheet: str, most: int, ratio: int) -> None:
        """Open a workbook.

        Args:
            piece: The file.
            sheet: The name of the sheet; "" for the only one that holds anything.
            most: Bytes of the longest record that is read.
            ratio: Largest ratio of what it holds to its bytes.

        Raises:
            InputError: It is not a workbook, has no such sheet, or more than one.
        """
        super().__init__(iter(()), ",", piece.name, most)
        self._width = 0  #: Cells of the header, which is the first row that holds anything.
        self._rows = self._opened(piece, sheet, ratio)
        self._next = next(self._rows, None)

    def ready(self) -> bool:
        """Whether there are rows to take."""
        return self._next is not None

    def more(self) -> bool:
        """There is nothing to wait for: a row is read as it is taken."""
        return False

    def survey(self) -> Survey | None:
        """Nothing is known before rows are read one by one."""
        return None

    def take(self, most: int) -> list[Record]:
        """The next rows.

        Raises:
            InputError: The sheet cannot be read to its end.
        """
        records = list[Record]()
        while len(records) < most and self._next is not None:
            records.append(self._next)
            self.line += 1
            self._next = next(self._rows, None)
        return records

    def _opened(self, piece: Piece, sheet: str, ratio: int) -> Iterator[Record]:
        import openpyxl  # here, as it takes longer to load than pyarrow, and few need it

        try:
            with piece.path.open("rb") as file:
                _refuse_bomb(file, piece, max(_FLOOR, ratio * piece.bytes // 10))
                book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
                yield from self._records(_chosen(book, sheet, piece.name))
        except _BROKEN as error:
            if isinstance(error, OSError) and error.errno is not None:
                raise
            what = f"is not a workbook that can be read: {type(error).__name__}: {error}"
            fix = "save it as .xlsx, without a password, or as CSV"
            raise InputError(Problem("XLSX_INVALID", piece.name, what, fix)) from None

    def _records(self, sheet: Any) -> Iterator[Record]:
        for line, row in enumerate(sheet.iter_rows(), 1):
            if line > _LAST:
                raise ValueError(f"it says that it has a row {line}, and no spreadsheet has")
            cells, fault = list[bytes](), ("", "")
            for cell in row:
                if cell.data_type == "e" and not fault[0]:
                    fault = ("XLSX_ERROR", f"cell {cell.coordinate} holds the error {cell.value}")
                cells.append(written(cell.value).encode("utf-8", "replace"))
            while cells and not cells[-1] and len(cells) > self._width:
                cells.pop()
            self._width = self._width or len(cells)
            yield self._record(line, cells, fault)

    def _record(self, line: int, cells: list[bytes], fault: tuple[str, str]) -> Record:
        if not any(cells):
            return Record(line, b"", (b"",))
        cells += [b""] * (self._width - len(cells))
        text = b",".join(_quoted(cell) for cell in cells)
        if len(text) > self.most:
            return Record(line, text[: self.most], (), self._too_long())
        return Record(line, text, tuple(cells), fault)


def written(value: Any) -> str:
    """The value of a cell as a CSV file holds it.

    >>> written(datetime.datetime(2026, 11, 22)), written(3.0), written(True), written(None)
    ('2026-11-22', '3', 'true', '')
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    if isinstance(value, datetime.datetime):
        return str(value.date()) if value.time() == datetime.time() else value.isoformat()
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    text = str(value)
    return _ESCAPED.sub(lambda match: chr(int(match[1], 16)), text) if "_x" in text else text


def _refuse_bomb(file: IO[bytes], piece: Piece, most: int) -> None:
    with zipfile.ZipFile(file) as archive:
        size = sum(part.file_size for part in archive.infolist())
        others = [
            one for one in archive.infolist() if not re.search("/(worksheets|media)/|sharedStrings", one.filename)
        ]
    if size > most or max((one.file_size for one in others), default=0) > _PART:
        fix = "raise limits.decompression_ratio if this is no attack"
        raise InputError(Problem("DECOMPRESSION_RATIO", piece.name, f"grew beyond {most} bytes", fix))


def _chosen(book: Any, sheet: str, name: str) -> Any:
    """The sheet that is meant; its size is not believed, it is read to its end."""
    for one in book.worksheets:
        one.reset_dimensions()
    if sheet:
        if found := [one for one in book.worksheets if one.title == sheet]:
            return found[0]
        what, said = f"there is no sheet {sheet!r}", ", ".join(repr(one.title) for one in book.worksheets)
        raise InputError(Problem("XLSX_SHEET", name, what, f"choose from {said}"))
    full = [one for one in book.worksheets if any(cell is not None for row in one.values for cell in row)]
    if len(full) == 1:
        return full[0]
    if not full:
        raise InputError(Problem("INPUT_EMPTY", name, "the workbook holds nothing", "remove it, or fetch it again"))
    what = f"{len(full)} sheets hold something: {', '.join(repr(one.title) for one in full)}"
    fix = f'say which: --sheet, or read = {{ sheet = "{full[0].title}" }} in the table of the recipe'
    raise InputError(Problem("XLSX_SHEET", name, what, fix))


def _quoted(cell: bytes) -> bytes:
    return b'"' + cell.replace(b'"', b'""') + b'"' if any(mark in cell for mark in b'",\n\r') else cell
