"""Each text has exactly one first; what stays does not depend on files, and references lead to rows that stay."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from parquetry.corpus.dedup import FATES, resolve
from parquetry.corpus.keys import first_of, numbers, rows_of
from parquetry.record.fingerprint import reference
from parquetry.words.recipe import Table


def digest(text: str, width: int = 16) -> bytes:
    return hashlib.sha256(text.encode()).digest()[:width]


def prints(rows: list[dict[str, Any]], *references: str) -> pa.Table:
    """Fingerprints of rows given by ``id``, ``text``, ``key`` and references; a row's content is all of them."""
    columns: dict[str, Any] = {
        "row": pa.array([digest(repr(sorted(r.items()))) for r in rows], pa.binary(16)),
        **{n: pa.array([digest(str(r.get(n, r["text"]))) for r in rows], pa.binary(16)) for n in ("id", "text", "key")},
    }
    for name in references:
        columns[reference(name)] = pa.array(
            [[digest(x) for x in r.get(name, [])] for r in rows], pa.list_(pa.binary(16))
        )
    return pa.table(columns)


def table(exact: str = "drop", **references: str) -> Table:
    rules = {"schema": "x", "sources": ("x",), "id": ("id",), "split": {"only": "train"}, "references": references}
    return Table.model_validate({**rules, "duplicates": {"exact": exact}})


def fates(rows: list[dict[str, Any]], exact: str = "drop") -> list[str]:
    return [FATES[code] for code in resolve({"t": prints(rows)}, {"t": table(exact)}, {})["t"].fate]


texts = st.lists(st.sampled_from("abcdef"), max_size=30)


@given(texts)
def test_each_text_has_exactly_one_first(words: list[str]) -> None:
    rows = [{"id": f"{i}", "text": text} for i, text in enumerate(words)]
    kept = [row["text"] for row, fate in zip(rows, fates(rows), strict=True) if not fate]
    assert sorted(kept) == sorted(set(words))
    assert kept == list(dict.fromkeys(words))  # and it is the first in source order


@given(texts, st.data())
def test_an_id_names_one_row(words: list[str], data: st.DataObject) -> None:
    rows = [{"id": data.draw(st.sampled_from("xyz")), "text": text} for text in words]
    kept = [row["id"] for row, fate in zip(rows, fates(rows, "keep"), strict=True) if not fate]
    assert len(kept) == len(set(kept)) == len({row["id"] for row in rows})


def test_the_same_record_twice_is_a_duplicate_and_not_a_wrong_id() -> None:
    rows = [{"id": "1", "text": "a"}, {"id": "1", "text": "a"}, {"id": "1", "text": "b"}]
    assert fates(rows) == ["", "DUPLICATE", "ID_DUPLICATE"]


def test_a_row_with_a_wrong_id_is_no_first_of_its_text() -> None:
    """Otherwise its text would vanish with it."""
    rows = [{"id": "1", "text": "a"}, {"id": "1", "text": "b"}, {"id": "2", "text": "b"}]
    assert fates(rows) == ["", "ID_DUPLICATE", ""]


@given(st.lists(st.lists(st.integers(0, 12), max_size=3), min_size=1, max_size=12))
def test_every_reference_of_a_row_that_stays_leads_to_a_row_that_stays(pointed: list[list[int]]) -> None:
    rows = [{"id": str(i), "text": str(i), "to": [str(x) for x in to]} for i, to in enumerate(pointed)]
    verdict = resolve({"t": prints(rows, "to")}, {"t": table("keep", to="t")}, {})["t"]
    kept = {row["id"] for row, stays in zip(rows, verdict.kept, strict=True) if stays}
    assert all(set(row["to"]) <= kept for row in rows if row["id"] in kept)
    # and none is removed for nothing: adding any one of them back breaks a reference
    for index, (column, position) in verdict.broken.items():
        assert column == "to"
        assert rows[index]["to"][position] not in kept


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("uvwxyz")), max_size=20), st.randoms())
def test_a_cluster_s_name_does_not_depend_on_order(pairs: list[tuple[str, str]], dice: Any) -> None:
    rows = [{"id": str(i), "key": key, "text": text} for i, (key, text) in enumerate(pairs)]
    shuffled = list(rows)
    dice.shuffle(shuffled)

    def names(some: list[dict[str, Any]]) -> dict[str, bytes]:
        clusters = resolve({"t": prints(some)}, {"t": table("group")}, {})["t"].cluster
        return {row["id"]: bytes(name) for row, name in zip(some, clusters, strict=True)}

    assert names(rows) == names(shuffled)
    for one in rows:
        for other in rows:
            if one["key"] == other["key"] or one["text"] == other["text"]:
                assert names(rows)[one["id"]] == names(rows)[other["id"]]


#: Keys of two halves: many share one of them.
halves = st.sampled_from([0, 1, 2, 2**63, 2**64 - 1])
keys_of = st.lists(st.tuples(halves, halves | st.integers(0, 2**64 - 1)), max_size=40)


def numbered(keys: list[tuple[int, int]]) -> np.ndarray[Any, np.dtype[np.uint64]]:
    return np.array(keys, np.uint64).reshape(-1, 2)


@given(keys_of)
def test_first_of_is_the_first_row_with_the_same_key(keys: list[tuple[int, int]]) -> None:
    firsts: dict[tuple[int, int], int] = {}
    for index, key in enumerate(keys):
        firsts.setdefault(key, index)
    assert first_of(numbered(keys)).tolist() == [firsts[key] for key in keys]


@given(keys_of, keys_of)
def test_rows_of_finds_the_first_row_with_a_key_or_none(
    keys: list[tuple[int, int]], wanted: list[tuple[int, int]]
) -> None:
    firsts = {key: index for index, key in reversed(list(enumerate(keys)))}
    wanted = [*wanted, *keys[:3]]
    assert rows_of(numbered(keys), numbered(wanted)).tolist() == [firsts.get(key, -1) for key in wanted]


@given(st.lists(st.binary(min_size=16, max_size=16), max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_the_order_of_numbers_is_that_of_the_bytes(names: list[bytes], start: int, cut: int) -> None:
    whole = pa.array(names, pa.binary(16))
    column = pa.chunked_array([whole.slice(0, cut), whole.slice(cut)], pa.binary(16)).slice(start)
    found = [(high, low) for high, low in numbers(column).tolist()]
    assert [high.to_bytes(8, "big") + low.to_bytes(8, "big") for high, low in found] == names[start:]
    assert sorted(found) == [found[names.index(name, start) - start] for name in sorted(names[start:])]
