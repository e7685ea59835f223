"""The benchmark measures what it says: its corpora are what they promise, and each planted mistake is one."""

from __future__ import annotations

import json
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import Any

import build_dataset
import pytest
from conftest import ROOT
from jsonschema import Draft202012Validator, FormatChecker

from parquetry.record.tokens import shingles
from parquetry.words.engine import Local

sys.path.insert(0, str(ROOT / "bench"))  # whose modules import each other by their bare names

import corpus
import duplicates
import measure
import ours
import planted
import report
import sketches


@pytest.fixture(scope="module")
def articles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two megabytes of articles."""
    path = tmp_path_factory.mktemp("bench") / "articles.jsonl"
    corpus.write("articles", 2_000_000, path)
    return path


def records(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


@pytest.mark.parametrize("name", corpus.CORPORA)
def test_a_corpus_is_the_same_each_time_and_as_long_as_asked(name: str, tmp_path: Path) -> None:
    for path in (tmp_path / "a", tmp_path / "b"):
        corpus.write(name, 500_000, path)
    text = (tmp_path / "a").read_bytes()
    assert text == (tmp_path / "b").read_bytes()
    assert len(text) - len(text.splitlines(keepends=True)[-1]) < 500_000 <= len(text)


@pytest.mark.parametrize("name", corpus.CORPORA)
def test_a_longer_corpus_begins_with_a_shorter_one(name: str, tmp_path: Path) -> None:
    corpus.write(name, 100_000, tmp_path / "short")
    corpus.write(name, 900_000, tmp_path / "long")
    assert (tmp_path / "long").read_bytes().startswith((tmp_path / "short").read_bytes())


@pytest.mark.parametrize("name", corpus.CORPORA)
def test_the_records_satisfy_their_schema(name: str) -> None:
    schema = json.loads((ROOT / f"bench/{name}.schema.json").read_bytes())
    judge = Draft202012Validator(schema, format_checker=FormatChecker())
    lines = [line for batch in islice(corpus.CORPORA[name](), 1) for line in batch]
    assert [error.message for line in lines for error in judge.iter_errors(json.loads(line))] == []


def test_one_article_in_ten_repeats_an_earlier_one_and_one_in_ten_nearly() -> None:
    rows = [json.loads(line) for batch in islice(corpus.articles(), 10) for line in batch]
    rows.sort(key=lambda row: row["id"])  # as they were made
    seen, starts, exact, near = set[str](), set[str](), 0, 0
    for row in rows:
        words = row["text"].split(" ")
        marks = {f"{place} {' '.join(words[place : place + 8])}" for place in range(0, len(words), 8)}
        if row["text"] in seen:
            exact += 1
        elif len(words) > 40 and 2 * len(marks & starts) > len(marks):  # more than half of it stands elsewhere
            near += 1
        seen.add(row["text"])
        starts |= marks
    assert 0.08 < exact / len(rows) < 0.13
    assert 0.07 < near / len(rows) < 0.12


def test_planting_spoils_what_it_lists_and_nothing_else(articles: Path, tmp_path: Path) -> None:
    spoiled, listing = tmp_path / "spoiled.jsonl", tmp_path / "listing"
    spoiled.write_bytes(articles.read_bytes())
    planted.plant(spoiled, listing, 100)
    before, after = articles.read_bytes().split(b"\n"), spoiled.read_bytes().split(b"\n")
    changed = [line for line, (old, new) in enumerate(zip(before, after, strict=True), 1) if old != new]
    assert changed == [row["line"] for row in records(listing)]
    assert set(Counter(row["kind"] for row in records(listing)).values()) == {1, 2}


def test_there_are_not_more_lines_to_spoil_than_there_are(articles: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="fewer than 100000"):
        planted.plant(articles, tmp_path / "listing", 100_000)


def test_every_planted_mistake_is_found_with_its_line_and_code_and_nothing_else(tmp_path: Path) -> None:
    source = tmp_path / "articles.jsonl"
    corpus.write("articles", 2_000_000, source, planted=4 * len(planted.KINDS))
    recipe = ours.recipe(tmp_path, source, "planted")
    built = build_dataset.build(recipe, tmp_path / "out", Local(2))
    found = ours.rejected(built.place)
    assert ours.differences(source.with_name("articles.jsonl.planted"), found) == {
        "planted": 4 * len(planted.KINDS),
        "found": 4 * len(planted.KINDS),
        "missed": [],
        "beyond": [],
    }


def test_a_difference_is_told(tmp_path: Path) -> None:
    listing = tmp_path / "listing"
    listing.write_text('{"line": 3, "kind": "NaN", "code": "JSON_NONFINITE"}\n', encoding="utf-8")
    found = [{"line": 3, "code": "JSON_SYNTAX"}, {"line": 4, "code": "SCHEMA_TYPE"}]
    assert ours.differences(listing, found) == {
        "planted": 1,
        "found": 2,
        "missed": ["line 3: JSON_NONFINITE (NaN)"],
        "beyond": ["line 3: JSON_SYNTAX", "line 4: SCHEMA_TYPE"],
    }


@pytest.mark.parametrize("name", ours.VARIANTS)
def test_every_recipe_of_the_benchmark_builds(name: str, tmp_path: Path) -> None:
    source = tmp_path / "source.jsonl"
    corpus.write(ours.VARIANTS[name].corpus, 200_000, source)
    built = build_dataset.build(ours.recipe(tmp_path, source, name), tmp_path / "out", Local(1))
    assert ours.rejected(built.place) == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_and_time_of_children_count() -> None:
    busy = "import time; held = bytearray(60_000_000)\nwhile time.process_time() < 0.4: pass"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {busy!r}])"
    cost = measure.run([sys.executable, "-c", parent])
    assert cost.code == 0
    assert cost.cpu > 0.3
    assert 60e6 < cost.anonymous < 200e6
    assert cost.resident > cost.anonymous


def test_the_plot_is_the_same_each_time() -> None:
    pytest.importorskip("matplotlib")
    bars = [report.Panel("articles, 1 GB", {"parquetry": 5.0, "polars": 6.0})]
    assert report.plot(bars) == report.plot(bars)


def test_signatures_are_measured_on_the_same_texts_and_come_out_alike() -> None:
    texts = sketches.articles(60)
    ways = {name: sketches.CONTENDERS[name]() for name in ("ours", "ours, numpy")}
    column = sketches.pa.array(texts)
    first, second = (way.band(way.sign(texts, column)) for way in ways.values())
    assert all((one == two).all() for one, two in zip(first, second, strict=True))
    lines = sketches.compare(ways, texts, rounds=1)
    assert [line.split("  ")[0] for line in lines[1:3]] == [*ways]
    assert lines[1].split()[-1] == lines[2].split()[-1] == "512"


def test_the_words_of_other_libraries_are_cut_like_ours() -> None:
    for text in ("One, two; three. Four - five six", "a b", "", "x " * 9):
        assert sketches.words(text) == {" ".join(one) for one in shingles(text)}


def test_the_truth_about_near_pairs_is_found_by_looking_at_all(articles: Path) -> None:
    texts = [record["text"] for record in records(articles)[:150]]
    texts += [text.upper() for text in texts[:10]] + ["too short", "too short", "?"]
    sets = [shingles(text) for text in texts]
    for threshold in (0.5, 0.8, 1.0):
        all_pairs = {
            (a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b])
            for a in range(len(texts))
            for b in range(a + 1, len(texts))
            if sets[a] | sets[b]
        }
        assert duplicates.truth(texts, threshold) == {p: s for p, s in all_pairs.items() if s >= threshold}


def test_planted_copies_are_told_by_kind(articles: Path) -> None:
    told = list(duplicates.planted([record["text"] for record in records(articles)[:80]], 20, 0.8))
    assert [line.split("  ")[1].strip() for line in told[1:-1]] == list(duplicates.KINDS)
    assert told[1].split() == ["case", "100.0%", "100.0%"]
    assert told[-1].endswith("of those found 0")


def test_a_search_without_texts_finds_the_copies() -> None:
    assert "barrier of 2,000 rows" in (told := duplicates.barrier(2000)) and "200 links" in told


def test_a_corpus_that_grows_moves_only_what_is_joined(articles: Path) -> None:
    told = duplicates.growth([record["text"] for record in records(articles)[:200]], 10)
    assert "in 10 steps" in told and ", 0 of them though no row that came joined their cluster" in told
