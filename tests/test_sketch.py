"""Signatures and shingle hashes are what the tokens say, compiled or not, however the rows come."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BufferedReader, TextIOWrapper
from itertools import islice, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from conftest import SHARED
from hypothesis import given
from hypothesis import strategies as st

from parquetry.record import sketch as sketches
from parquetry.record.sketch import BLOCK_BYTES, BLOCK_ROWS, EMPTY, SLOTS, shingle_hashes, sketch
from parquetry.record.tokens import SHINGLE, shingles, tokens

#: The compiled kernel, if there is one.
NATIVE = sketches.native
WAYS = pytest.mark.parametrize("native", [NATIVE, None], ids=["compiled", "plain"])
CORPORA = SHARED / "corpora"
ALL = (1 << 64) - 1
GOLDEN, MIX1, MIX2 = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB

#: Letters of many scripts, of one to four bytes, marks, signs, and what folds to more than one.
LETTERS = st.sampled_from("abzAZ019_ .,-\n\t\0@[`{/:éßİıΣςŉﬃᾳΐ\u0301Жжไทย漢かカーកမລ한𝔄𐐀😀🇧\ue000\u2028")
TEXT = st.text() | st.text(LETTERS) | st.text(st.sampled_from("ab C"), max_size=400) | st.text(LETTERS, min_size=60)


def joined(one: int, two: int) -> int:
    return (one ^ one >> 32) * MIX1 + two & ALL


def token_hash(token: str) -> int:
    """The definition: words of eight bytes, each mixed with its number, summed."""
    raw, total = token.encode(), 0
    for number, start in enumerate(range(0, len(raw), 8)):
        x = int.from_bytes(raw[start : start + 8], "little") + number * GOLDEN & ALL
        x = (x ^ x >> 30) * MIX1 & ALL
        x = ((x ^ x >> 27) + number * GOLDEN) * MIX2 & ALL
        total += x ^ x >> 31
    return total & ALL


def shingle_hash(shingle: tuple[str, ...]) -> int:
    """The definition: the hashes of the tokens, joined two and two; missing ones are zeros."""
    a, b, c, d, e = [*map(token_hash, shingle), *[0] * (SHINGLE - len(shingle))]
    x = joined(joined(joined(a, b), joined(c, d)), e)
    x = (x ^ x >> 32) * MIX2 & ALL
    return x ^ x >> 32


def signature(hashes: list[int]) -> list[int]:
    """The definition: the least low half by the high seven bits; what is empty looks elsewhere, in its own order."""
    slots = [EMPTY] * SLOTS
    for one in hashes:
        slots[one >> 57] = min(slots[one >> 57], one & EMPTY, EMPTY - 1)
    if not hashes:
        return slots
    orders = sketches._orders()[0].tolist()
    return [
        own if own != EMPTY else next(slots[at] for at in orders[slot] if slots[at] != EMPTY)
        for slot, own in enumerate(slots)
    ]


def in_order(own: list[str]) -> list[tuple[str, ...]]:
    return [tuple(own[start : start + SHINGLE]) for start in range(max(len(own) - SHINGLE + 1, min(len(own), 1)))]


def rows_of(found: tuple[Any, Any]) -> list[list[int]]:
    offsets, hashes = found
    assert (offsets.dtype, hashes.dtype) == (np.int64, np.uint64)
    assert offsets[0] == 0 and offsets[-1] == len(hashes)
    return [hashes[start:stop].tolist() for start, stop in pairwise(offsets.tolist())]


def check(columns: list[pa.Array]) -> None:
    """All three ways agree on some columns."""
    texts = ["\n".join(text or "" for text in row) for row in zip(*(c.to_pylist() for c in columns), strict=True)]
    expected = [sorted(map(shingle_hash, shingles(text))) for text in texts]
    ordered = [list(map(shingle_hash, in_order(tokens(text)))) for text in texts]
    for native in (NATIVE, None):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sketches, "native", native)
            assert rows_of(shingle_hashes(columns)) == expected
            assert rows_of(shingle_hashes(columns, distinct=False)) == ordered
            own = sketch(columns)
            assert (own.shape, own.dtype) == ((len(texts), SLOTS), np.uint32)
            assert own.tolist() == [signature(hashes) for hashes in expected]


def strings(texts: list[str | None]) -> pa.Array:
    return pa.array(texts, pa.string())


@given(st.lists(st.none() | TEXT, max_size=12), st.data())
def test_all_ways_give_the_same_bits(texts: list[str | None], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(texts)))
    check([strings(texts).slice(start)])


#: Ways in which a column of texts comes about.
MADE: dict[str, Callable[[pa.Array, list[int]], pa.Array]] = {
    "whole": lambda column, _some: column,
    "slice": lambda column, some: column.slice(min([*some, len(column)])),
    "take": lambda column, some: column.take(pa.array(some, pa.int64())),
    "joined": lambda column, some: pa.concat_arrays([column.slice(1), column.take(pa.array(some, pa.int64()))]),
}


@pytest.mark.parametrize("way", MADE)
@given(st.lists(st.none() | TEXT, max_size=8), st.data())
def test_the_texts_of_a_row_are_joined_by_a_line_feed(way: str, texts: list[str | None], data: st.DataObject) -> None:
    some = data.draw(st.lists(st.integers(0, len(texts) - 1), max_size=6)) if texts else []
    check([MADE[way](strings(own), some) for own in (texts, [*reversed(texts)], texts[1:] + texts[:1])])


@pytest.mark.parametrize("length", [*range(1, 26), 63, 64, 65, 4095, 4096, 4097, 4800, 4871, 4872, 70_000])
def test_a_token_may_be_of_any_length(length: int) -> None:
    check(
        [strings(["x" * length, f"a {'Yz' * length} b", "é" * length + " c", "ย" + "z" * length + "ย", "ΐ" * length])]
    )


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 4095, 4096, 4097, 9000])
def test_a_text_may_have_any_number_of_tokens(count: int) -> None:
    check([strings(["a " * count, "ภ" * count, " " * count, "bc-" * count + "é", "a漢" * count, "é " * count])])


@WAYS
def test_there_may_be_no_rows_and_no_texts(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "native", native)
    for column in (strings([]), strings(["x"]).slice(1), pa.StringArray.from_buffers(0, *[pa.py_buffer(b"")] * 2)):
        assert sketch([column]).shape == (0, SLOTS)
        assert rows_of(shingle_hashes([column])) == []
    nothing = [strings([None, "", " …", None])] * 2
    assert (sketch(nothing) == EMPTY).all()
    assert rows_of(shingle_hashes(nothing)) == [[]] * 4


@WAYS
def test_texts_may_be_held_in_other_ways(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "native", native)
    column = strings(["one two", None, "drei vier", "one two"])
    for other in (column.cast(pa.large_string()), column.dictionary_encode(), column.cast(pa.string_view())):
        assert (sketch([other, column]) == sketch([column, column])).all()
        assert rows_of(shingle_hashes([other])) == rows_of(shingle_hashes([column]))


@WAYS
def test_how_rows_are_cut_does_not_show(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "native", native)
    draw = random.Random(7)
    words = ["one", "two", "три", "quatre", "ห้า", "a" * 30]
    texts = [" ".join(draw.choices(words, k=draw.choice([0, 3, 9, 50]))) for _ in range(3 * BLOCK_ROWS)]
    texts[100] = " ".join(draw.choices(words, k=BLOCK_BYTES // 4))
    column = strings(texts)
    whole, lists = sketch([column]), rows_of(shingle_hashes([column]))
    for step in (1, 7, 256, 500):
        parts = [column.slice(start, step) for start in range(0, len(column), step)]
        assert (np.concatenate([sketch([part]) for part in parts]) == whole).all()
        assert [row for part in parts for row in rows_of(shingle_hashes([part]))] == lists


@WAYS
@pytest.mark.parametrize(
    "wrong", [b"\xff", b"\xc3", b"\xc0\xaf", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xf0\x9f\x98"]
)
def test_what_is_no_utf8_is_no_part_of_a_token(wrong: bytes, native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "native", native)
    raw = pa.array([b"One" + wrong + b"two", b"one" + wrong, b"x", wrong], pa.binary())
    column = pa.StringArray.from_buffers(len(raw), *raw.buffers()[1:])
    assert (sketch([column, column]) == sketch([strings(["one two", "one", "x", ""])] * 2)).all()


@WAYS
def test_documents_of_ten_megabytes_are_no_worse_than_others(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "native", native)
    size = 10_000_000
    column = strings(["x" * size, "a b " * (size // 4), "ถ" * (size // 3), "\n" * size])
    assert (sketch([column])[3] == EMPTY).all()
    assert [len(row) for row in rows_of(shingle_hashes([column]))] == [1, 2, 1, 0]


@pytest.mark.skipif(NATIVE is None, reason="there was no compiler when this was installed")
def test_the_compiled_kernel_refuses_buffers_that_do_not_fit() -> None:
    _, offsets, text = strings(["one", "two"]).buffers()
    given = (*sketches.tables(), sketches._orders())
    backwards, beyond = (np.array(places, np.int32) for places in ([0, 3, 1], [0, 3, 1 << 20]))
    for column in ((None, backwards, text, 0), (None, beyond, text, 0), (None, -backwards, text, 0)):
        with pytest.raises(ValueError, match="a text is not where its offsets say"):
            NATIVE.sketch([column], 2, given, np.empty((2, SLOTS), np.uint32))
        with pytest.raises(ValueError, match="a text is not where its offsets say"):
            NATIVE.shingles([column], 2, given, True)
    with pytest.raises(ValueError, match="a buffer is too short for its rows"):
        NATIVE.sketch([(None, offsets, text, 0)], 200, given, np.empty((200, SLOTS), np.uint32))
    with pytest.raises(ValueError, match="a buffer is too short for its rows"):
        NATIVE.sketch([(None, offsets, text, 0)], 2, given, np.empty((1, SLOTS), np.uint32))
    with pytest.raises(ValueError, match="a buffer is too short for its rows"):
        NATIVE.sketch([(b"", offsets, text, 0)], 2, given, np.empty((2, SLOTS), np.uint32))
    with pytest.raises(ValueError, match="a column has no offsets"):
        NATIVE.shingles([(None, None, text, 0)], 2, given, True)
    with pytest.raises(ValueError, match="there cannot be so many rows"):
        NATIVE.shingles([], -1, given, True)
    with pytest.raises(ValueError, match="a column cannot start there"):
        NATIVE.shingles([(None, offsets, text, -1)], 1, given, True)


@WAYS
def test_threads_do_not_disturb_each_other(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sketches, "native", native)
    columns = [
        strings([f"{number} Wörter sind {'genug ' * number}" for number in range(row, row + 60)]) for row in range(8)
    ]
    alone = [(sketch([column]), rows_of(shingle_hashes([column]))) for column in columns]
    sketches.tables.cache_clear()
    with ThreadPoolExecutor(4) as pool:
        for (own, lists), (signatures, hashes) in zip(
            alone * 4, pool.map(lambda column: (sketch([column]), shingle_hashes([column])), columns * 4), strict=True
        ):
            assert (own == signatures).all() and lists == rows_of(hashes)


@WAYS
@pytest.mark.parametrize("tokens_of_one", [8, 40, 400])
def test_signatures_estimate_jaccard_without_bias(
    tokens_of_one: int, native: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over 2,000 pairs, each estimate of 128 slots: the mean error is zero within four standard errors."""
    monkeypatch.setattr(sketches, "native", native)
    draw, pairs = random.Random(2017), []
    for _ in range(2000):
        one = [f"w{draw.randrange(1 << 30)}" for _ in range(tokens_of_one)]
        share = draw.choice([0.0, 0.01, 0.03, 0.1, 0.3])
        pairs.append((one, [f"v{draw.randrange(1 << 30)}" if draw.random() < share else word for word in one]))
    sets = [[shingles(" ".join(words)) for words in pair] for pair in pairs]
    exact = np.array([len(one & two) / len(one | two) for one, two in sets])
    first, second = (sketch([strings([" ".join(pair[at]) for pair in pairs])]) for at in (0, 1))
    errors = (first == second).mean(axis=1) - exact
    assert abs(errors.mean()) < 4 * errors.std() / len(errors) ** 0.5 + 1e-9
    assert errors.std() < (0.25 if tokens_of_one < 40 else 0.08 if tokens_of_one < 400 else 0.05)


def test_slots_look_elsewhere_in_orders_of_their_own() -> None:
    orders, ranks = sketches._orders()
    assert len({tuple(order) for order in orders.tolist()}) == SLOTS
    for order, rank in zip(orders.tolist(), ranks.tolist(), strict=True):
        assert sorted(order) == [*range(SLOTS)]
        assert [rank[slot] for slot in order] == [*range(SLOTS)]


@WAYS
def test_the_bits_never_change(native: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same recipe gives the same bytes only as long as these are the same."""
    monkeypatch.setattr(sketches, "native", native)
    column = strings(["one two three four five", "Straße", "ภาษาไทย"])
    assert rows_of(shingle_hashes([column])) == [
        [0xF7319865007C6A96],
        [0xF40F95A39D2BA11E],
        [0x830CBA36895F6DDC, 0xB272FDF9FC4B2D86, 0xFE13D278341ECF46],
    ]
    assert sketch([column])[2, :4].tolist() == [4232785286, 874434374, 2304732636, 2304732636]


def test_words_of_eight_bytes_are_hashed_with_their_number() -> None:
    same = {token_hash(token) for token in ("a" * 8, "a" * 16, "a" * 24, "a" * 8 + "b" * 8, "b" * 8 + "a" * 8)}
    assert len(same) == 5


def test_a_build_does_not_load_pandas_for_it() -> None:
    code = """
import sys
import pyarrow as pa
from parquetry.record import sketch
column = pa.StringArray.from_buffers(1, pa.py_buffer(bytes([0, 0, 0, 0, 5, 0, 0, 0])), pa.py_buffer(b"a b c"))
for native in (sketch.native, None):
    sketch.native = native
    sketch.sketch([column, column]), sketch.shingle_hashes([column, column])
assert "pandas" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def real(name: str) -> Iterator[str]:
    """The texts of a corpus."""
    path = CORPORA / name
    kind = {".gz": "gzip", ".zst": "zstd"}[path.suffix]
    for line in TextIOWrapper(BufferedReader(pa.CompressedInputStream(pa.OSFile(str(path)), kind)), encoding="utf-8"):
        yield from (value for value in json.loads(line).values() if isinstance(value, str))


@pytest.mark.parametrize(
    "name",
    [
        "udhr/articles.jsonl.gz",
        "tldr-pages/pages.jsonl.zst",
        "thaigov-v2/thaigov-2020.jsonl.zst",
        "gesetze-de/laws.jsonl.zst",
    ],
)
def test_real_texts_of_many_languages_are_told_alike(name: str) -> None:
    if not (CORPORA / name).is_file():
        pytest.skip("the corpora are not beside the repository")
    check([strings([text[:20_000] for text in islice(real(name), 0, 30_000, 40)][:600])])


def test_tokens_are_hashed_in_their_order() -> None:
    assert len({shingle_hash(tuple(order)) for order in ("abcde", "bacde", "edcba", "abced")}) == 4
    assert tokens("a b") != tokens("b a")
