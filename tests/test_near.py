"""What is found is near, all that is near is found, and neither depends on order: held against every pair."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import SHARED, Project
from hypothesis import given
from hypothesis import strategies as st

from parquetry.corpus.near import SLOTS, Alike, alike, width
from parquetry.record.content import KEY
from parquetry.record.sketch import shingle_hashes, signed

EIPS = SHARED / "corpora/neardup-eips"
WORDS = [f"word{number}" for number in range(500)]


def search(texts: Sequence[str], threshold: float = 0.8) -> Alike:
    column = pa.array(texts, pa.string())
    digests = [pa.array([hashlib.sha256(text.encode()).digest()[:16] for text in texts], KEY)]
    rows = pa.record_batch([column], ["text"])
    prints = pa.table({"text": pa.chunked_array(digests), "signature": pa.chunked_array([signed(rows)])})
    return alike(prints, threshold, [rows])


def pairs(texts: Sequence[str], threshold: float) -> dict[tuple[int, int], float]:
    """All pairs of rows that are near-duplicates, by their definition."""
    offsets, hashes = shingle_hashes([pa.array(texts, pa.string())])
    sets = [set(hashes[start:stop].tolist()) for start, stop in pairwise(offsets.tolist())]
    found = {}
    for (i, a), (j, b) in combinations(enumerate(sets), 2):
        if a and b and (share := len(a & b) / len(a | b)) >= threshold:
            found[i, j] = share
    return found


def variants(seed: int, count: int) -> list[str]:
    """Texts of which many are changed copies of others, by any number of words."""
    rng, texts = random.Random(seed), list[str]()
    for _ in range(count):
        if texts and rng.random() < 0.7:
            words = rng.choice(texts).split()
            for _ in range(rng.choice([0, 1, 1, 2, 5, 20])):
                words[rng.randrange(len(words))] = rng.choice(WORDS)
        else:
            words = rng.choices(WORDS, k=rng.choice([3, 8, 40, 150, 600]))
        texts.append(" ".join(words))
    return texts


def partition(found: Alike, names: Sequence[str]) -> set[frozenset[str]]:
    """Rows that belong together, by name."""
    groups: dict[int, set[str]] = {}
    for name, first in zip(names, found.first.tolist(), strict=True):
        groups.setdefault(first, set()).add(name)
    return {frozenset(group) for group in groups.values()}


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95, 1.0])
def test_what_is_found_is_near_and_what_is_near_is_found(threshold: float) -> None:
    texts = variants(7, 600)
    found, true = search(texts, threshold), pairs(texts, threshold)
    assert true
    for link, share in zip(found.links.tolist(), found.shares.tolist(), strict=True):
        assert true[tuple(link)] == share
    missed = [pair for pair in true if found.first[pair[0]] != found.first[pair[1]]]
    assert len(missed) <= 0.005 * len(true)


@given(st.integers(0, 99), st.randoms(use_true_random=False))
def test_what_belongs_together_does_not_depend_on_order(seed: int, rng: random.Random) -> None:
    texts = variants(seed, 30)
    shuffled = rng.sample(range(30), 30)
    one = partition(search(texts), [str(row) for row in range(30)])
    assert partition(search([texts[row] for row in shuffled]), [str(row) for row in shuffled]) == one


def test_a_row_leads_to_the_first_of_its_own() -> None:
    text = " ".join(WORDS[:40])
    texts = ["other words that stand alone here", text, "?!", text.upper(), f"{text} more", "?!", "!?", text]
    found = search(texts)
    assert found.first.tolist() == [0, 1, 2, 1, 1, 2, 6, 1]  # no word is like no other text but the same
    assert (found.links >= 0).all() and (found.links[:, 0] < found.links[:, 1]).all()


def test_nothing_is_searched_in_nothing() -> None:
    assert search([]).first.tolist() == []
    assert search(["", " "]).first.tolist() == [0, 1]


@pytest.mark.parametrize("threshold", [0.3, 0.5, 0.7, 0.8, 0.9, 0.99])
def test_bands_find_a_pair_at_the_threshold(threshold: float) -> None:
    slots = width(threshold)
    assert 1 - (1 - threshold**slots) ** (SLOTS // slots) >= 0.999
    made, found = search(variants(3, 1500), threshold).recall
    assert made == 1000 and found >= 0.99 * made


def test_many_different_texts_in_one_bucket_are_not_all_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("parquetry.corpus.near.ROUNDS", 3)
    monkeypatch.setattr("parquetry.corpus.near.mixed", lambda x: np.zeros_like(x))
    found = search([f"{a} {b} {c} {a}{b} {a}{c} {b}{c}" for a, b, c in combinations(WORDS[:6], 3)])
    assert found.skipped > 0 and len(set(found.first.tolist())) == 20


@pytest.mark.skipif(not EIPS.exists(), reason="the corpus is not there")
def test_versions_of_real_documents_are_found() -> None:
    with gzip.open(EIPS / "docs.jsonl.gz") as file:
        documents = [json.loads(line) for line in file]
    with gzip.open(EIPS / "pairs.jsonl.gz") as file:
        labels: list[Mapping[str, Any]] = [json.loads(line) for line in file]
    place = {document["doc_id"]: row for row, document in enumerate(documents)}
    found = search([document["text"] for document in documents])
    near = [(place[label["a"]], place[label["b"]]) for label in labels if label["jaccard_w5"] >= 0.801]
    assert len(near) > 1200
    assert sum(found.first[a] == found.first[b] for a, b in near) >= 0.995 * len(near)
    known = {frozenset((place[label["a"]], place[label["b"]])): label["jaccard_w5"] for label in labels}
    linked = [frozenset(link) for link in found.links.tolist()]
    assert min(known.get(link, 1) for link in linked) >= 0.799  # the labels know tokens as `\w+`


NEAR = '\ntext = ["text"]\n\n[tables.notes.duplicates]\nnear = "{}"\n'


def note(number: int, *changed: int) -> dict[str, str]:
    words = [WORDS[(7 * number + place) % 500] for place in range(60)]
    for place in changed:
        words[place] = f"changed{place}"
    return {"id": f"n{number}-{len(changed)}", "text": " ".join(words)}


def ids(project: Project, split: str) -> set[str]:
    found = pq.ParquetDataset(sorted((project.release / "data/notes").glob(f"{split}-*.parquet"))).read(["id"])
    return set(found["id"].to_pylist())


def test_near_duplicates_are_kept_in_one_split(project: Project) -> None:
    project.edit('id = "id"\n', 'id = "id"' + NEAR.format("group"))
    project.rows("notes.jsonl", [row for number in range(0, 400, 20) for row in (note(number), note(number, 30))])
    project.build()
    split = {name: part for part in ("train", "test") for name in ids(project, part)}
    assert len(split) == 40 and set(split.values()) == {"train", "test"}
    assert all(split[f"n{number}-0"] == split[f"n{number}-1"] for number in range(0, 400, 20))


def test_near_duplicates_are_dropped_but_for_the_first(project: Project) -> None:
    project.edit('id = "id"\n', 'id = "id"' + NEAR.format("drop"))
    rows = [row for number in range(0, 400, 20) for row in (note(number), note(number, 30))]
    project.rows("notes.jsonl", rows)
    built = project.build()
    assert ids(project, "train") | ids(project, "test") == {f"n{number}-0" for number in range(0, 400, 20)}
    assert built.manifest.tables["notes"].sources[0].removed == {"NEAR_DUPLICATE": 20}
    listing = built.place.with_name("notes-1.0.0.removed") / "duplicates.jsonl"
    removed = [json.loads(line) for line in listing.read_text("utf-8").splitlines()]
    messages = [row["message"] for row in removed[:2]]
    assert messages == ["is nearly the text of notes.jsonl:1", "is nearly the text of notes.jsonl:3"]
