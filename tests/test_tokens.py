"""Tokens are what the definition says, whatever the interpreter knows of Unicode."""

from __future__ import annotations

import unicodedata

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from parquetry.record.tokens import (
    KIND_SHIFT,
    MANY_SHIFT,
    NONE,
    SHINGLE,
    SINGLE,
    WORD,
    fold,
    shingles,
    tables,
    tokens,
)

#: All code points that a text can hold, and those that every Python from 3.11 on knows.
POINTS = [chr(point) for point in range(0x110000) if not 0xD800 <= point < 0xE000]
KNOWN = [point for point in POINTS if unicodedata.category(point) != "Cn"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World!", ["hello", "world"]),
        ("snake_case _x_ 3.14", ["snake_case", "_x_", "3", "14"]),
        ("Straße STRASSE", ["strasse", "strasse"]),
        ("İstanbul I ı", ["i\u0307stanbul", "i", "ı"]),
        ("ΣΊΣΥΦΟΣ σίσυφος", ["σίσυφοσ", "σίσυφοσ"]),
        ("eﬃcient ᾳ ŉ K", ["efficient", "αι", "ʼn", "k"]),
        ("e\u0301te\u0301 \u0301x", ["e\u0301te\u0301", "\u0301x"]),
        ("ภาษา", ["ภ", "า", "ษ", "า"]),
        ("abcไทย123", ["abc", "ไ", "ท", "ย", "123"]),
        ("漢字かなカナ", ["漢", "字", "か", "な", "カ", "ナ"]),
        ("ລາວ ខ្មែ မြန်", [*"ລາວ", *"ខ្មែ", *"မြန်"]),
        ("한국어 العربية हिन्दी", ["한국어", "العربية", "हिन्दी"]),
        ("Ⅷ ² ½ ٣", ["ⅷ", "²", "½", "٣"]),
        ("👍 a👍b 🇧🇾", ["a", "b"]),
        ("a\0b\nc\u2028d", ["a", "b", "c", "d"]),
        ("don't stop-it", ["don", "t", "stop", "it"]),
        ("\ue000 \U0010ffff", []),
        ("... --- !?", []),
        ("", []),
    ],
)
def test_tokens_are_runs_of_letters_marks_numbers_and_low_lines(text: str, expected: list[str]) -> None:
    assert tokens(text) == expected


def test_a_shingle_is_five_tokens_and_counts_once() -> None:
    assert shingles("a b c d e f") == {tuple("abcde"), tuple("bcdef")}
    assert shingles("a b a b a b a b a") == {tuple("ababa"), tuple("babab")}


@pytest.mark.parametrize("text", ["a", "a b", "a b c", "a b c d", "a b c d e"])
def test_up_to_five_tokens_are_one_shingle(text: str) -> None:
    assert shingles(text) == {tuple(text.split())}


def test_where_there_is_no_token_there_is_no_shingle() -> None:
    assert shingles("") == shingles(" … ") == set()


def test_folding_is_full_case_folding() -> None:
    """The library's table has no public name; it says of each known code point what the interpreter says."""
    assert [point for point in KNOWN if fold(point) != point.casefold()] == []
    assert fold("".join(KNOWN)) == "".join(KNOWN).casefold()


def test_folding_twice_is_folding_once() -> None:
    once = fold("".join(POINTS))
    assert fold(once) == once


def test_categories_are_those_of_unicode() -> None:
    of_words = [point for point in KNOWN if unicodedata.category(point)[0] in "LMN" or point == "_"]
    assert of_words == [point for point in KNOWN if tokens(point)]


def test_the_tables_say_what_tokens_says() -> None:
    codes, foldings = tables()
    assert codes.shape == (0x110000,) and foldings.shape[1] == 3
    for point in POINTS:
        code = int(codes[ord(point)])
        folded = [code & 0x1FFFFF]
        if code >> MANY_SHIFT:
            folded = [part for part in foldings[folded[0]].tolist() if part]
        elif folded == [ord(point)] and code >> KIND_SHIFT == NONE:
            continue  # most of them, asked below at once
        kinds = {int(codes[part]) >> KIND_SHIFT for part in folded}
        assert "".join(map(chr, folded)) == fold(point)
        assert len(kinds) == 1
        own = tokens(point)
        assert own == [fold(point)] if kinds <= {WORD, SINGLE} else own == []
        assert len(tokens(point * 2)) == (2 if kinds == {SINGLE} else 1 if kinds == {WORD} else 0)
    nothing = np.flatnonzero(codes == np.arange(0x110000))
    assert tokens("".join(chr(p) for p in nothing.tolist() if not 0xD800 <= p < 0xE000)) == []


@given(st.text(), st.text())
def test_a_line_feed_is_the_end_of_a_token(one: str, two: str) -> None:
    assert tokens(f"{one}\n{two}") == tokens(one) + tokens(two)


@given(st.text())
def test_case_does_not_show(text: str) -> None:
    assert tokens(fold(text)) == tokens(text)


@given(st.text())
def test_each_shingle_is_a_run_of_tokens(text: str) -> None:
    own = tokens(text)
    runs = {tuple(own[at : at + SHINGLE]) for at in range(len(own))}
    assert shingles(text) <= runs
    assert bool(own) == bool(shingles(text))
