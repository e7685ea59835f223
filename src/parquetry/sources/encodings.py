"""Text in any encoding -> UTF-8.

What is not in its encoding is not lost and not replaced: it becomes bytes that are not UTF-8, so that the record in
which they stand is set aside, and no other.
"""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterator
from typing import Any

from parquetry.sources.streams import Stream
from parquetry.words.errors import InputError, Problem
from parquetry.words.strict_json import NotJson

#: Bytes of a file that are read at a time.
BLOCK_BYTES = 1 << 20
#: Starts of text that is not what most files are, the longer first.
_WIDE = {codecs.BOM_UTF32_LE: "32", codecs.BOM_UTF32_BE: "32", codecs.BOM_UTF16_LE: "16", codecs.BOM_UTF16_BE: "16"}
_UTF8 = ("utf-8", "utf-8-sig")
#: Half a surrogate pair, as `utf8` writes a byte that has no meaning.
_HALF = re.compile(rb"\xed([\xb0-\xbf])([\x80-\xbf])")


def utf8(stream: Stream, encoding: str, name: str) -> Iterator[bytes]:
    """The text of a stream in parts of about a megabyte, without the byte order mark at its start.

    Args:
        stream: The file.
        encoding: Of the file, as Python calls it.
        name: Of the file, for messages.

    Raises:
        InputError: The text is UTF-16 or UTF-32 and not said to be, or cannot be decoded from some place on.
    """
    decoder = None if encoding in _UTF8 else codecs.getincrementaldecoder(encoding)("surrogateescape")
    file, start, more = io.BufferedReader(stream, BLOCK_BYTES), True, True
    while more:
        more = bool(raw := file.read(BLOCK_BYTES))
        if start and (bits := wide(raw, encoding)):
            raise refused(f"utf-{bits}", encoding, name)
        try:
            text = decoder.decode(raw, not more).encode("utf-8", "surrogatepass") if decoder else raw
        except UnicodeError as error:
            what, fix = f"not {encoding}: {error}", "say its encoding in the recipe, or fetch the file again"
            raise InputError(Problem("ENCODING_INVALID", name, what, fix)) from None
        yield text.removeprefix(codecs.BOM_UTF8) if start else text
        start = False


def longer(parts: Iterator[bytes], held: bytes) -> tuple[bytes, bool]:
    """Some text with at least as much again behind it, and whether there is nothing more."""
    found, wanted = [held], max(1, len(held))
    while wanted > 0:
        if (part := next(parts, None)) is None:
            return b"".join(found), True
        found.append(part)
        wanted -= len(part)
    return b"".join(found), False


def utf8_stream(stream: Stream, encoding: str, name: str) -> io.RawIOBase:
    """The text of a stream as a stream of UTF-8; one that is in UTF-8 is given back as it is. See `utf8`."""
    return stream if encoding in _UTF8 else _Parts(utf8(stream, encoding, name))


class _Parts(io.RawIOBase):
    """Parts of a text as a stream."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts, self._held = parts, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._held:
            part = next(self._parts, None)
            if part is None:
                return 0
            self._held = part
        count = min(len(buffer), len(self._held))
        buffer[:count], self._held = self._held[:count], self._held[count:]
        return count


def wide(raw: bytes, encoding: str) -> str:
    """Bits of a unit of text that begins with these bytes and is, unlike its encoding, UTF-16 or UTF-32."""
    if encoding.startswith(("utf-16", "utf-32")):
        return ""
    return next((bits for mark, bits in _WIDE.items() if raw.startswith(mark)), "")


def refused(found: str, encoding: str, name: str) -> InputError:
    """The message about a file whose text is UTF-16 or UTF-32, and not said to be."""
    shown, fix = found[:6].upper(), f'say read = {{ encoding = "{found}" }} in the table of the recipe'
    return InputError(Problem(f"ENCODING_UTF{found[4:6]}", name, f"the text is {shown}, not {encoding}", fix))


def decoded(raw: bytes, encoding: str, whole: str) -> str:
    """The text of some bytes that `utf8` made.

    Args:
        raw: The bytes.
        encoding: Of the file that they are of.
        whole: What the bytes are, for the message: "record".

    Raises:
        NotJson: With one of the codes UTF8_INVALID and ENCODING_INVALID.
    """
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if encoding in _UTF8:
            bad = raw[error.start : error.end].hex(" ")
            what = f"byte {error.start + 1} of the {whole} is not UTF-8 (hex {bad})"
            raise NotJson("UTF8_INVALID", what) from None
        text = raw.decode("utf-8", "surrogatepass")
        place = next(place for place, character in enumerate(text) if "\ud800" <= character <= "\udfff")
        what = f"character {place + 1} of the {whole} is not {encoding} (hex {ord(text[place]) & 0xFF:02x})"
        raise NotJson("ENCODING_INVALID", what) from None


def legible(raw: bytes, encoding: str) -> str:
    """Such bytes as text for people, whatever they are; what cannot be decoded is written as ``\\xff``."""
    if encoding not in _UTF8:
        raw = _HALF.sub(lambda half: bytes([(half[1][0] << 6 | half[2][0] & 0x3F) & 0xFF]), raw)
    return raw.decode("utf-8", "backslashreplace")
