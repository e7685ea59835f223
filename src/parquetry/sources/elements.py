"""The text of a file that holds one JSON array -> its elements, told apart by brackets and strings alone.

What an element means is for others to say: whatever stands in it, its end is known as soon as its brackets are closed.
Elements that are simply built are cut off by one regular expression, the others bracket by bracket.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from parquetry.sources.encodings import longer
from parquetry.words.errors import InputError, Problem

#: Most elements of a batch, and the bytes of text from which on it gets no more.
BATCH_ELEMENTS, BATCH_BYTES = 4096, 1 << 20
_SPACE = re.compile(rb"[ \t\r\n]*+")
#: A string, perhaps without its end, or brackets. The end of a string is in the group.
_MARK = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+("?)|[\[{]++|[\]}]++', re.DOTALL)
#: The inside of brackets in which brackets are nested at most three deep; and such a value with the comma behind it.
_STRING = r'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rf'[^"\[\]{{}}]*+(?:{_STRING}[^"\[\]{{}}]*+)*'
_NESTED = rf"{_FLAT}(?:[\[{{]%s[\]}}]{_FLAT})*"
_NEXT = re.compile(
    rf"([\[{{]{_NESTED % (_NESTED % (_NESTED % _FLAT))}[\]}}])[ \t\r\n]*+,[ \t\r\n]*+".encode(), re.DOTALL
)
#: A value that is neither in quotes nor in brackets.
_WORD = re.compile(rb'[^ \t\r\n,\[\]{}"]*+')
#: Stands for the start of one.
_A_WORD = b"0"
#: What JSON is made of, the words for what is no number too.
_SIGN = re.compile(
    rb'[ \t\r\n,:]++|[\[\]{}]|"[^"\\]*+(?:\\.[^"\\]*+)*+"|[-+.0-9][-+.0-9eE]*+|true|false|null|NaN|Infinity', re.DOTALL
)


class Element(NamedTuple):
    """A value in the array, or the first bytes of one that is too long."""

    line: int  #: That it begins on, from 1.
    column: int  #: There, in bytes, from 1.
    text: bytes
    whole: bool = True


class Text:
    """What is left of a file, from a place in its array on."""

    def __init__(self, parts: Iterator[bytes], name: str, most: int) -> None:
        """Begin to read.

        Args:
            parts: The text in UTF-8.
            name: Of the file, for messages.
            most: Bytes of the longest element that is read.
        """
        self.name, self.most, self._parts = name, most, parts
        self.line = self.column = 1  #: Of the place.
        self._held, self._place, self._done = b"", 0, False
        self._error: InputError | None = None
        self._awaited = "["  #: What may stand here: ``[``, a value, ``]`` or a value, ``,`` or ``]``; nothing.

    def open(self) -> None:
        """Enter the array.

        Raises:
            InputError: The file holds something else.
        """
        if (sign := self._sign()) == b"[":
            self._forward(self._place + 1)
            self._awaited = "value or ]"
            return
        found = "a JSON object" if sign == b"{" else "something else" if sign else "nothing but white space"
        what = f"the file should hold a JSON array of records, and holds {found}"
        fix = "write the records as [ …, … ], or one on each line of a file that is named .jsonl"
        raise InputError(Problem("JSON_NOT_ARRAY", f"{self.name}:{self.line}", what, fix))

    def elements(self) -> list[Element]:
        """Some elements, and go on behind them; none at the end of the array.

        Raises:
            InputError: What stands there is not JSON.
        """
        if self._error:
            raise self._error
        found = list[Element]()
        try:
            self._read(found)
        except InputError as error:
            if not found:
                raise
            self._error = error  # what is wrong before it is said first
        return found

    def close(self) -> None:
        """See to it that nothing stands behind the array.

        Raises:
            InputError: Something does.
        """
        if self._sign():
            raise self._broken("the array has ended")

    def _sign(self) -> bytes:
        """The first byte that is no white space; empty at the end of the file."""
        while True:
            match = _SPACE.match(self._held, self._place)
            self._forward(match.end() if match else self._place)
            if self._place < len(self._held) or not self._more():
                return self._held[self._place : self._place + 1]

    def _read(self, found: list[Element]) -> None:
        """Add elements to some, until they are enough."""
        held = 0
        while len(found) < BATCH_ELEMENTS and held < BATCH_BYTES and self._awaited:
            sign = self._sign()
            if sign == b"]" and self._awaited != "value":
                if self._awaited == "value or ]":
                    fix = "remove the file, or fill it"
                    raise InputError(Problem("INPUT_EMPTY", self.name, "the array has no elements", fix))
                self._forward(self._place + 1)
                self._awaited = ""
            elif self._awaited == ", or ]":
                if sign != b",":
                    raise self._broken("expected ',' or ']' behind an element")
                self._forward(self._place + 1)
                self._awaited = "value"
            elif some := self._simple():
                found += some
                held += sum(len(one.text) for one in some)
                self._awaited = "value"
            else:
                found.append(self._element(sign))
                held += len(found[-1].text)
                self._awaited = ", or ]"

    def _simple(self) -> list[Element]:
        """The values that begin here and are held with the comma behind them, and go on behind them: the fast way."""
        found, held, line, column, place = list[Element](), self._held, self.line, self.column, self._place
        while len(found) < BATCH_ELEMENTS and (match := _NEXT.match(held, place)):
            if len(text := match[1]) > self.most:
                break
            found.append(Element(line, column, text))
            start, place = place, match.end()
            if lines := held.count(b"\n", start, place):
                line, column = line + lines, start - held.rfind(b"\n", start, place)
            column += place - start
        self.line, self.column, self._place = line, column, place
        return found

    def _element(self, sign: bytes) -> Element:
        """The value that begins here, and go on behind it."""
        if sign in b",]}:":  # also at the end of the file
            raise self._broken("expected a value")
        while True:
            end, _, left = _scanned(self._held, self._place, 0)
            if end is None and self._done and left == _A_WORD:
                end = len(self._held)
            if end is not None:
                break
            if len(self._held) - self._place > self.most + 2:
                return self._long()
            if not self._more():
                raise self._unended(self.line, self.column)
        whole = end - self._place <= self.most
        text = self._held[self._place : end]
        element = Element(self.line, self.column, text if whole else text[: self.most + 2], whole)
        self._forward(end)
        return element

    def _long(self) -> Element:
        """The start of an element that is too long; it is read to its end, and none of it is held for long."""
        element = Element(self.line, self.column, self._held[self._place :][: self.most + 2], False)
        depth = 0
        while True:
            end, depth, left = _scanned(self._held, self._place, depth)
            if end is not None:
                self._forward(end)
                return element
            self._forward(len(self._held) - len(left[1:]))
            self.column -= len(left[:1])  # which stands for what is passed
            self._held, self._place = left, 0
            if not self._more():
                if left == _A_WORD:
                    self._forward(len(left))
                    return element
                raise self._unended(element.line, element.column)

    def _forward(self, place: int) -> None:
        """Go to a place in what is held."""
        passed = self._held[self._place : place]
        if lines := passed.count(b"\n"):
            self.line, self.column = self.line + lines, 1
            passed = passed[passed.rfind(b"\n") + 1 :]
        self.column, self._place = self.column + len(passed), place

    def _more(self) -> bool:
        """Read at least as much as is held, and say whether there was more."""
        self._held, self._place = self._held[self._place :], 0
        if self._done:
            return False
        self._held, self._done = longer(self._parts, self._held)
        return True

    def _broken(self, what: str) -> InputError:
        found = self._held[self._place :]
        what += f", found {shown(found) if found else 'the end of the file, which looks cut off'}"
        what = f"column {self.column}: {what}"
        return InputError(Problem("JSON_SYNTAX", f"{self.name}:{self.line}", what, "correct the file"))

    def _unended(self, line: int, column: int) -> InputError:
        where, fix = f"{self.name}:{line}", "fetch the file again, or correct its end"
        what = f"column {column}: an element does not end; the file looks cut off, or a quote is missing"
        return InputError(Problem("JSON_SYNTAX", where, what, fix))


def _scanned(text: bytes, place: int, depth: int) -> tuple[int | None, int, bytes]:
    """Read on in a value that is open at so many brackets.

    Returns:
        Where it ends, or None; at how many brackets it is open; and a text behind which it goes on as behind all of it.
    """
    if not depth and text[place] not in b'"[{':
        word = _WORD.match(text, place)
        end = word.end() if word else place
        return (end, 0, b"") if end < len(text) else (None, 0, _A_WORD)
    for mark in _MARK.finditer(text, place):
        if mark.lastindex and not mark[1]:
            return None, depth, b'"' + text[mark.end() :]  # a backslash may be left
        if not mark.lastindex:
            opens = mark[0][0] in b"[{"
            if not opens and len(mark[0]) >= depth:
                return mark.start() + depth, 0, b""
            depth += len(mark[0]) if opens else -len(mark[0])
        elif not depth:
            return mark.end(), 0, b""
    return None, depth, b""


def odd(text: bytes) -> int | None:
    """Where the first sign stands that is not JSON's, or a bracket that closes another kind of bracket."""
    place, opened = 0, bytearray()
    while place < len(text):
        if not (match := _SIGN.match(text, place)):
            return place
        if match[0] in b"[{":
            opened += match[0]
        elif match[0] in b"]}" and (not opened or opened.pop() != match[0][0] - 2):  # as ASCII has them
            return place
        place = match.end()
    return None


def shown(text: bytes) -> str:
    """The start of a text, for a message."""
    return repr(text[:20].decode("utf-8", "backslashreplace"))
