"""The text of a CSV file -> its records, cell by cell.

The grammar is that of RFC 4180 with two freedoms: a line ends in CRLF, LF or CR, and any character may stand between
cells. `Text` follows it and knows where it is broken. `survey` finds the records of a whole block at once, if it is
surely not broken there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from parquetry.sources.encodings import decoded, longer
from parquetry.words.errors import InputError, Problem
from parquetry.words.fields import Field
from parquetry.words.schema import Schema
from parquetry.words.strict_json import NotJson

_Numbers = np.ndarray[Any, np.dtype[np.int64]]
#: What may stand between cells, and how a recipe says it.
_DELIMITERS = {",": ",", ";": ";", "\t": "\\t", "|": "|"}
_LF, _CR, _QUOTE = b'\n\r"'


class Record(NamedTuple):
    """A record, or the first bytes of one that is too long."""

    line: int  #: That it begins on, from 1.
    text: bytes  #: Without the end of its last line.
    cells: tuple[bytes, ...] = ()  #: Without their quotes.
    fault: tuple[str, str] = ("", "")  #: Code and words for what is wrong with it, if anything is.

    @property
    def blank(self) -> bool:
        """Whether this is a line of nothing but spaces."""
        return len(self.cells) == 1 and not self.text.strip(b" ")


class Survey(NamedTuple):
    """Where the records at the start of a text are, empty lines aside."""

    starts: _Numbers
    stops: _Numbers  #: Without the end of the line.
    lines: _Numbers  #: On which they begin, from 0.
    empty: int  #: Empty lines.
    end: int  #: Of the last record, with the end of its line.
    all_lines: int  #: Up to there.


class Text:
    """What is left of a file, and the records at its start."""

    def __init__(self, parts: Iterator[bytes], delimiter: str, name: str, most: int) -> None:
        """Begin to read.

        Args:
            parts: The text in UTF-8.
            delimiter: What stands between cells.
            name: Of the file, for messages.
            most: Bytes of the longest record that is read.
        """
        self.name, self.most, self._parts = name, most, parts
        self.line, self.held, self.done = 1, b"", False
        self.delimiter, between = delimiter.encode(), re.escape(delimiter)
        rest = f"[^{between}\\r\\n]*" if delimiter.isascii() else f"(?:(?!{between})[^\\r\\n])*"
        cell = f'(?:"([^"]*+(?:""[^"]*+)*+)("?))?({rest})({between}|\\r\\n|\\n|\\r|\\Z)'
        self._cell = re.compile(cell.encode())  # matches everywhere, so that it never goes back

    def more(self) -> bool:
        """Read at least as much as is held, and say whether there was more."""
        if self.done:
            return False
        self.held, self.done = longer(self._parts, self.held)
        return True

    def ready(self) -> bool:
        """Whether anything is left, of which some is held now."""
        return bool(self.held) or self.more()

    def survey(self) -> Survey | None:
        """Where the whole records that are held are, if it is surely known."""
        if len(self.delimiter) > 1 or self.held.startswith(b"\xef\xbb\xbf") or b"\0" in self.held:
            return None
        where = survey(self.held, self.delimiter[0], done=self.done)
        return None if where is None or (where.stops - where.starts).max(initial=0) > self.most else where

    def take(self, most: int) -> list[Record]:
        """The whole records that are held, and go on behind them; none if the first is not read to its end.

        Args:
            most: Of the records.

        Raises:
            InputError: A quote is never closed.
        """
        records, place = list[Record](), 0
        while len(records) < most and place < len(self.held) and (found := self.record(place, self.line)):
            records.append(found[0])
            self.line += _lines(self.held[place : found[1]])
            place = found[1]
        self.held = self.held[place:]
        return [self._long()] if not records and len(self.held) > self.most + 2 else records  # 2 may be its end

    def skip(self) -> None:
        """Pass over the empty lines that come next, however many they are."""
        rest = self.held.lstrip(b"\r\n")
        if rest or self.done:
            self.line += newlines(self.held[: len(self.held) - len(rest)])
            self.held = rest
        elif len(self.held) > 2:  # a line feed may follow
            self.line += newlines(self.held[:-2].removesuffix(b"\r"))
            self.held = self.held[len(self.held[:-2].removesuffix(b"\r")) :]

    def record(self, start: int, line: int) -> tuple[Record, int] | None:
        """The record that begins at a place, with the place behind it; None if it is not read to its end."""
        cells, fault, place = list[bytes](), ("", ""), start
        while True:
            match = self._match(self.held, place)
            quoted, closed, rest, end = match.groups()
            place = match.end()
            if self._goes_on(match):
                return None
            if quoted is not None and not closed:
                raise self._unclosed(line + newlines(self.held[start : match.start()]))
            if rest if quoted is not None else b'"' in rest:
                where = "text stands behind the closing quote of" if quoted is not None else "a quote stands inside"
                fault = fault if fault[0] else ("CSV_QUOTE", f"{where} cell {len(cells) + 1}")
            cells.append(rest if quoted is None else quoted.replace(b'""', b'"'))
            if end != self.delimiter:
                break
        if match.start(4) - start > self.most:
            return Record(line, self.held[start : start + self.most], (), self._too_long()), place
        return Record(line, self.held[start : match.start(4)], tuple(cells), fault), place

    def _match(self, text: bytes, place: int) -> re.Match[bytes]:
        match = self._cell.match(text, place)
        assert match, "an unquoted cell may be empty"
        return match

    def _goes_on(self, match: re.Match[bytes]) -> bool:
        """Whether what is not read yet may belong to this cell: a line feed can follow a carriage return."""
        return not self.done and (not match[4] or (match[4] == b"\r" and match.end() == len(self.held)))

    def _long(self) -> Record:
        """The start of a record that is too long; it is read to its end, and only its last cell is held."""
        line, text, opened = self.line, self.held[: self.most], 0
        while True:
            place = 0
            while (match := self._match(self.held, place))[4] == self.delimiter:
                place = match.end()
            if place or not opened:
                opened = self.line + newlines(self.held[:place])
            if not self._goes_on(match):
                break
            self.line += newlines(self.held.removesuffix(b"\r"))
            self.held = self._last(match)
            self.more()
        if match[2] == b"":
            raise self._unclosed(opened)
        self.line += _lines(self.held[: match.end()])
        self.held = self.held[match.end() :]
        return Record(line, text, (), self._too_long())

    @staticmethod
    def _last(match: re.Match[bytes]) -> bytes:
        """A short text behind which a cell goes on in the same way."""
        quoted, closed, rest, end = match.groups()
        if quoted is None or (closed and (rest or end)):
            return (rest and b"x" + rest[-3:]) + end  # three bytes may begin a delimiter of four
        return b'""' if closed else b'"\r' if quoted.endswith(b"\r") else b'"'

    def _too_long(self) -> tuple[str, str]:
        return "LINE_TOO_LONG", f"longer than {self.most} bytes; what follows them is not kept"

    def _unclosed(self, line: int) -> InputError:
        what, fix = "a quote is opened and never closed", "close it, and write a quote inside a quoted cell twice"
        return InputError(Problem("CSV_UNCLOSED_QUOTE", f"{self.name}:{line}", what, fix))


def header(record: Record, schema: Schema, text: Text, encoding: str) -> tuple[Field, ...]:
    """The columns that the first record of a file names, in its order.

    Raises:
        InputError: With all that is wrong: the header is broken, or not that of records of this schema.
    """
    where = f"{text.name}:{record.line}"
    try:
        line = decoded(record.text, encoding, "header")
    except NotJson as error:
        fix = 'say the encoding in the recipe: read = { encoding = "cp1252" }'
        raise InputError(Problem(error.code, where, error.what, fix)) from None
    names, wanted = [name.decode() for name in record.cells], {field.name: field for field in schema.fields}
    if (len(names) == 1 and (record.fault[0] or line not in wanted)) or line.startswith("sep="):
        _check_delimiter(line, wanted, where, text)
    if record.fault[0]:
        raise InputError(Problem(record.fault[0], where, f"in the header, {record.fault[1]}", "correct the first line"))
    others = {} if schema.closed else {name: Field(name, "", "string", nullable=True, required=False) for name in names}
    if problems := list(_misnamed(names, others | wanted, where)):
        raise InputError(*problems)
    return tuple((others | wanted)[name] for name in names)


def _check_delimiter(line: str, wanted: Container[str], where: str, text: Text) -> None:
    """Refuse a header that would name columns if another character stood between its cells."""
    if line.startswith("sep=") and len(line) <= 5:
        what, fix = "a line that begins with 'sep=' is no header", "remove it; the recipe says what the delimiter is"
        raise InputError(Problem("CSV_HEADER_MISSING", where, what, fix))
    for other, said in _DELIMITERS.items():
        if other in line and any(name.strip('"') in wanted for name in line.split(other)):
            what = f"the cells are separated by {other!r}, not by {text.delimiter.decode()!r}"
            fix = f'say read = {{ delimiter = "{said}" }} in the table of the recipe'
            fix = f"name the file .csv, and {fix}" if text.delimiter == b"\t" else fix
            raise InputError(Problem("CSV_DELIMITER", where, what, fix))


def _misnamed(names: Sequence[str], wanted: Mapping[str, Field], where: str) -> Iterator[Problem]:
    """What is wrong with the names of columns."""
    if unnamed := [str(place) for place, name in enumerate(names, 1) if not name]:
        fix = "name every column, or remove those without a name"
        yield Problem("CSV_HEADER_EMPTY", where, f"columns without a name: {', '.join(unnamed)}", fix)
    counts = Counter(names)
    if twice := [name for name, count in counts.items() if name and count > 1]:
        yield Problem("CSV_HEADER_DUPLICATE", where, f"columns that stand twice: {_listed(twice)}", "name each once")
    if missing := [name for name, field in wanted.items() if field.required and name not in counts]:
        fix = "add them, or correct the first line of the file: it must name the columns"
        yield Problem("CSV_HEADER_MISSING", where, f"required columns that are not there: {_listed(missing)}", fix)
    if unknown := [name for name in counts if name and name not in wanted]:
        fix = "remove them, or add them to the schema"
        yield Problem("SCHEMA_ADDITIONAL", where, f"columns that the schema does not name: {_listed(unknown)}", fix)


def _listed(names: Sequence[str]) -> str:
    """The first of some names."""
    return ", ".join(map(repr, names[:8])) + (f" and {len(names) - 8} more" if len(names) > 8 else "")


def newlines(text: bytes) -> int:
    """Ends of lines in a text: CRLF, LF and CR."""
    count = text.count(b"\n")
    return count + text.count(b"\r") - text.count(b"\r\n") if b"\r" in text else count


def _lines(text: bytes) -> int:
    """Lines of a record, the last of which may be without an end."""
    return newlines(text) + (not text.endswith((b"\n", b"\r")))


def survey(text: bytes, delimiter: int, *, done: bool) -> Survey | None:
    """Find the records of a text by its quotes and ends of lines alone; None if a quote stands where it should not.

    Args:
        text: From the start of a record on.
        delimiter: The byte between cells.
        done: Whether nothing follows, so that the last record may be without an end.
    """
    codes = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero(codes == _LF)
    if b"\r" in text:
        returns = np.flatnonzero(codes == _CR)
        if returns[-1] == len(text) - 1 and not done:
            returns = returns[:-1]  # a line feed may follow
        alone = codes[np.minimum(returns + 1, len(text) - 1)] != _LF
        ends = np.sort(np.concatenate([ends, returns[alone]]))
    lasts = ends
    if b'"' in text:
        quotes = np.flatnonzero(codes == _QUOTE)
        if not _orderly(codes, quotes, delimiter) or (done and len(quotes) % 2):
            return None
        lasts = ends[np.searchsorted(quotes, ends) % 2 == 0]
    pairs = (codes[lasts] == _LF) & (codes[np.maximum(lasts - 1, 0)] == _CR) & (lasts > 0)
    stops, starts = lasts - pairs, np.concatenate([[0], lasts + 1])
    if done and starts[-1] < len(text):
        stops = np.append(stops, len(text))
    else:
        starts = starts[:-1]
    if not len(starts):
        return None
    end = len(text) if len(starts) > len(lasts) else int(lasts[-1]) + 1
    lines, full = np.searchsorted(ends, starts), starts < stops
    all_lines = int(np.searchsorted(ends, end)) + (len(starts) > len(lasts))
    return Survey(starts[full], stops[full], lines[full], int((~full).sum()), end, all_lines)


def _orderly(codes: np.ndarray[Any, np.dtype[np.uint8]], quotes: _Numbers, delimiter: int) -> bool:
    """Whether each quote opens a cell, closes one, or is one of two in a cell.

    Those that open come first, third and so on. Before one stands a delimiter or an end of a line; behind one that
    closes, too, or the end of the text. A quote in a cell is written twice: as one that closes, and one that opens.
    """
    opens, closes = quotes[::2], quotes[1::2]
    before = codes[np.maximum(opens - 1, 0)]
    after = codes[np.minimum(closes + 1, len(codes) - 1)]
    first = np.isin(before, (delimiter, _LF, _CR, _QUOTE)) | (opens == 0)
    return bool(first.all() and (np.isin(after, (delimiter, _LF, _CR, _QUOTE)) | (closes == len(codes) - 1)).all())
