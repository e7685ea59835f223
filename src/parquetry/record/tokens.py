"""Text -> its tokens, by which near-duplicates are told.

This is the definition; `sketch` says the same of whole columns. What Unicode says (categories, scripts, case folding)
is taken from one pinned library, `regex`, not from the interpreter, whose tables change with its version.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import regex
from regex import _regex

#: Tokens of a shingle.
SHINGLE = 5
#: Scripts that put no spaces between words: a code point of theirs is a token of its own.
ALONE = ("Thai", "Lao", "Khmer", "Myanmar", "Han", "Hiragana", "Katakana")
#: What a code point is: nothing of a token, part of one, one of its own.
NONE, WORD, SINGLE = range(3)
#: Where an entry of `Tables.codes` keeps what the code point is, and whether it folds to more than one.
KIND_SHIFT, MANY_SHIFT = 21, 23
_WORD = r"[\p{L}\p{M}\p{N}_]"
_SINGLE = "[" + "".join(rf"\p{{Script={script}}}" for script in ALONE) + "]"
#: Both forms of the dotted and the dotless i, which the library leaves to those who know the language.
_LETTER_I = {ord("I"): "i", ord("İ"): "i\u0307"}


class Tables(NamedTuple):
    """What `tokens` knows of each code point, for those who ask it of millions."""

    #: For each code point, in 32 bits: what it folds to (bits 0 to 20) and what that is (`NONE`, `WORD` or `SINGLE`;
    #: bits 21 and 22). Where it folds to more than one, bit 23 is set, and bits 0 to 20 are a row of ``foldings``.
    codes: np.ndarray[Any, np.dtype[np.uint32]]
    #: Three code points a row, the third 0 where there are two.
    foldings: np.ndarray[Any, np.dtype[np.uint32]]


def tokens(text: str) -> list[str]:
    """The tokens of a text, case-folded, in their order.

    A token is a maximal run of letters, marks, numbers and ``_`` (general categories L, M and N) of the case-folded
    text; within it each code point of a script of `ALONE` is a token of its own.

    >>> tokens("Straße_1, ภา!")
    ['strasse_1', 'ภ', 'า']
    """
    return [str(token) for token in _pattern().findall(fold(text))]


def shingles(text: str) -> set[tuple[str, ...]]:
    """All runs of `SHINGLE` tokens of a text; of fewer tokens the one run of all, of none no run.

    >>> shingles("One, two!")
    {('one', 'two')}
    """
    own = tokens(text)
    return {tuple(own[start : start + SHINGLE]) for start in range(max(len(own) - SHINGLE + 1, min(len(own), 1)))}


def fold(text: str) -> str:
    """The text in full case folding (https://www.unicode.org/Public/UCD/latest/ucd/CaseFolding.txt, C and F).

    The library shows its table by no public name; the tests compare this function with the interpreter's.
    """
    folded: str = _regex.fold_case(regex.FULLCASE | regex.IGNORECASE | regex.UNICODE, text)
    return folded.translate(_LETTER_I)


@lru_cache(maxsize=1)
def _pattern() -> Any:
    """What finds tokens in a folded text."""
    return regex.compile(rf"[{_WORD}--{_SINGLE}]+|[{_WORD}&&{_SINGLE}]", regex.VERSION1 | regex.UNICODE)


@lru_cache(maxsize=1)
def tables() -> Tables:
    """What each code point folds to, and what that is; made once in a process, in a fraction of a second.

    Raises:
        ValueError: The library folds a code point to more than three.
    """
    codes = np.arange(0x110000, dtype=np.uint32)
    text = codes[(codes < 0xD800) | (codes > 0xDFFF)].tobytes().decode("utf-32")
    kinds = np.zeros(len(codes), np.uint32)
    for pattern, kind in ((_WORD, WORD), (f"[{_WORD}&&{_SINGLE}]", SINGLE)):
        kinds[_points("".join(regex.findall(f"{pattern}+", text, regex.VERSION1)))] = kind
    known = "".join(regex.findall(r"\P{C}+", text))
    folded = fold("\0".join(known)).split("\0")
    alone, many = np.array([len(part) == 1 for part in folded]), [part for part in folded if len(part) > 1]
    codes[_points(known)[alone]] = _points("".join(part for part in folded if len(part) == 1))
    codes |= kinds[codes] << KIND_SHIFT
    codes[_points(known)[~alone]] = np.arange(len(many), dtype=np.uint32) | (1 << MANY_SHIFT)
    return Tables(codes, _points("".join(part.ljust(3, "\0") for part in many)).reshape(len(many), 3))


def _points(text: str) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """The code points of a text."""
    return np.frombuffer(text.encode("utf-32-le"), "<u4").astype(np.uint32)
