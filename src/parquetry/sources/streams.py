"""A file -> its bytes as they were before compression, or a clear reason why there are none.

Arrow's decompressors are used because they refuse what is cut, flipped or padded; what they cannot know is added here:
that the content is what the name says, and that a small file does not grow without end.
"""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa

from parquetry.sources.partitions import CODECS, Piece
from parquetry.words.errors import InputError, Problem

#: How files begin that are not text.
_MAGIC = {b"\x1f\x8b": ".gz", b"\x28\xb5\x2f\xfd": ".zst", b"PK\x03\x04": ".zip", b"BZh": ".bz2", b"\xfd7zXZ": ".xz"}
_MAGIC |= {b"PAR1": ".parquet", b"ARROW1": ".arrow", b"%PDF": ".pdf"}
#: How the file begins that Git keeps in place of one that Git LFS holds. https://github.com/git-lfs/git-lfs
_POINTER = b"version https://git-lfs.github.com/spec/"
#: Bytes that any file may grow to before the decompression ratio is judged.
RATIO_FLOOR = 64_000_000


def found(piece: Piece) -> str:
    """The suffix that the first bytes of a file ask for; empty for text.

    Raises:
        InputError: The file is empty, or only points to the one that is meant.
    """
    with piece.path.open("rb") as file:
        start = file.read(len(_POINTER))
    if not start:
        raise _nothing(piece)
    if start == _POINTER:
        what, fix = "the file is with Git LFS, and only a pointer to it is here", "run `git lfs pull`"
        raise InputError(Problem("INPUT_GIT_LFS", piece.name, what, fix))
    return _kind(start)


def _kind(start: bytes) -> str:
    """The suffix that the first bytes of a file or stream ask for; empty for text."""
    if start[1:4] == b"\x2a\x4d\x18" and start[:1] and start[0] & 0xF0 == 0x50:
        return ".zst"  # a frame that decompressors skip
    if start[257:262] == b"ustar":
        return ".tar"
    return next((suffix for magic, suffix in _MAGIC.items() if start.startswith(magic)), "")


class Stream(io.RawIOBase):
    """The text of a file, or of the lines that begin in a part of it."""

    def __init__(self, piece: Piece, ratio: int) -> None:
        """Open a piece.

        Args:
            piece: Of a file of text, plain or compressed.
            ratio: Largest ratio of a compressed file.

        Raises:
            InputError: The file is empty, or not what its name says.
        """
        suffix = next((suffix for suffix, codec in CODECS.items() if codec == piece.codec), "")
        if (kind := found(piece)) != suffix:
            what = f"the content is {kind.strip('.') or 'not compressed'}, the name says {suffix or 'plain text'}"
            raise InputError(Problem("COMPRESSION_MISMATCH", piece.name, what, "give the file its right suffix"))
        self._piece, self._allowed, self._read = piece, max(RATIO_FLOOR, ratio * piece.bytes), 0
        self._file: Any = pa.OSFile(str(piece.path)) if piece.codec else piece.path.open("rb", buffering=0)
        self._stream: Any = pa.CompressedInputStream(self._file, piece.codec) if piece.codec else self._file
        self._left = _enter(self._stream, piece)
        self.position = 0  #: Bytes of the file that were read, as it is on the disk.

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Fill a buffer as far as there is text, and say how many bytes that is.

        Raises:
            InputError: The file cannot be decompressed, or grows beyond all measure.
        """
        if self._left is not None and self._left <= 0:
            return 0
        try:
            count = int(self._stream.readinto(buffer) or 0)
        except OSError as error:
            if error.errno is not None:
                raise
            problem = Problem(
                "INPUT_CORRUPT", self._piece.name, f"cannot be decompressed: {error}", "fetch the file again"
            )
            raise InputError(problem) from error
        if not count and not self._read and not self._piece.stop:
            raise _nothing(self._piece)
        if self._piece.codec and not self._read and (kind := _kind(bytes(memoryview(buffer)[: min(count, 512)]))):
            what = f"what was compressed is {kind.strip('.')}, the name says text"
            raise InputError(Problem("COMPRESSION_MISMATCH", self._piece.name, what, "unpack it once more"))
        self._read += count
        self.position = int(self._file.tell())
        if self._piece.codec and self._read > self._allowed:
            what, fix = f"grew beyond {self._allowed} bytes", "raise limits.decompression_ratio if this is no attack"
            raise InputError(Problem("DECOMPRESSION_RATIO", self._piece.name, what, fix))
        if self._left is not None:
            count, self._left = _within(memoryview(buffer)[:count], self._left)
        return count

    def close(self) -> None:
        """Close the file."""
        self._stream.close()
        self._file.close()
        super().close()


def _enter(stream: Any, piece: Piece) -> int | None:
    """Go to the first line that begins in a part of a file, and say how many bytes the part has from there on."""
    if not piece.stop:
        return None
    if not piece.start:
        return piece.stop
    stream.seek(piece.start - 1)
    place = piece.start - 1
    while text := stream.read(1 << 16):
        if (end := text.find(b"\n")) >= 0:
            stream.seek(place + end + 1)
            return int(piece.stop - (place + end + 1))
        place += len(text)
    return 0


def _within(text: memoryview, left: int) -> tuple[int, int]:
    """How many bytes of a text belong to lines that begin in a part, of which so many bytes are ``left``.

    Returns:
        These, and what is left of the part behind them: at least 1 as long as its last line goes on.
    """
    if left > len(text):
        return len(text), left - len(text)
    end = bytes(text[left - 1 :]).find(b"\n")
    return (left + end, 0) if end >= 0 else (len(text), 1)


def _nothing(piece: Piece) -> InputError:
    fix = "remove it, or fetch it again"
    return InputError(Problem("INPUT_EMPTY", piece.name, "the file holds nothing", fix))
