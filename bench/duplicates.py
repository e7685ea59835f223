#!/usr/bin/env python3
"""Texts of which it is known which are alike -> how many the search for near-duplicates finds, and what it costs.

    python bench/duplicates.py [--documents 10000] [--pairs 5000] [--labels FOLDER] [--barrier 10000000]

The truth is told by another way through the data: shingles in Python, and pairs by the prefix filter of set-similarity
joins (Chaudhuri, Ganti and Kaushik 2006, https://doi.org/10.1109/ICDE.2006.9), which leaves out no pair.
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import re
import resource
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import corpus
import numpy as np
import pyarrow as pa

from parquetry.corpus.near import Alike, alike
from parquetry.corpus.split import draws
from parquetry.record.content import KEY
from parquetry.record.sketch import SIGNATURE, signed
from parquetry.record.tokens import shingles

Pairs = dict[tuple[int, int], float]
RATIOS = {"train": 0.8, "validation": 0.1, "test": 0.1}
#: The end of a sentence.
_END = re.compile(r"(?<=[.!?]) ")


def truth(texts: Sequence[str], threshold: float) -> Pairs:
    """All pairs whose Jaccard index reaches the threshold, with the index."""
    sets = [shingles(text) for text in texts]
    often = Counter(one for some in sets for one in some)
    rare = [sorted(some, key=lambda one: (often[one], one)) for some in sets]
    seen: dict[tuple[str, ...], list[int]] = defaultdict(list)
    found: Pairs = {}
    for row, some in enumerate(rare):
        prefix = some[: len(some) - -(-len(some) * round(threshold * 1e6) // 10**6) + 1]
        for other in {other for one in prefix for other in seen[one]}:
            share = len(sets[row] & sets[other]) / len(sets[row] | sets[other])
            if share >= threshold:
                found[other, row] = share
        for one in prefix:
            seen[one].append(row)
    return found


def search(texts: Sequence[str], threshold: float) -> tuple[Alike, pa.Table, float]:
    """What our search finds, the fingerprints that it starts from, and its seconds of the processor."""
    column = pa.array(texts, pa.string())
    digests = pa.array([sha256(text.encode()).digest()[:16] for text in texts], KEY)
    rows = pa.record_batch([column], ["text"])
    start = time.process_time()
    prints = pa.table({"text": digests, "signature": signed(rows)})
    found = alike(prints, threshold, [rows])
    return found, prints, time.process_time() - start


def scored(name: str, texts: Sequence[str], threshold: float) -> str:
    """Recall and precision of the search, beside the truth."""
    (found, _, seconds), true = search(texts, threshold), truth(texts, threshold)
    together = sum(found.first[a] == found.first[b] for a, b in true)
    right = sum((a, b) in true for a, b in found.links.tolist())
    return (
        f"{name:24}{len(texts):>8,} texts{len(true):>8,} pairs  recall {together / max(1, len(true)):.4f}"
        f"  precision {right / max(1, len(found.links)):.4f}  {1e6 * seconds / len(texts):5.1f} µs a text"
        f"  compared {found.compared:,}"
    )


def labelled(folder: Path, threshold: float) -> str:
    """The share of labelled pairs that the search finds: ``docs.jsonl.gz``, and ``pairs.jsonl.gz`` with the index."""
    with gzip.open(folder / "docs.jsonl.gz") as file:
        documents = [json.loads(line) for line in file]
    with gzip.open(folder / "pairs.jsonl.gz") as file:
        labels = [json.loads(line) for line in file]
    place = {document["doc_id"]: row for row, document in enumerate(documents)}
    found, _, _ = search([document["text"] for document in documents], threshold)
    near = [(place[label["a"]], place[label["b"]]) for label in labels if label["jaccard_w5"] >= threshold]
    together = sum(found.first[a] == found.first[b] for a, b in near)
    return f"labels of {folder.name}: {together} of {len(near)} pairs found, {together / len(near):.4f}"


def _sentences(text: str) -> list[str]:
    return _END.split(text)


def _word(text: str, rng: random.Random) -> str:
    words = text.split(" ")
    words[rng.randrange(len(words))] = "changed"
    return " ".join(words)


def _sentence(text: str, rng: random.Random) -> str:
    parts = _sentences(text)
    parts[rng.randrange(len(parts))] = "This sentence was put in place of another one."
    return " ".join(parts)


def _reordered(text: str, rng: random.Random) -> str:
    parts = _sentences(text)
    blocks = [" ".join(parts[start : start + 5]) for start in range(0, len(parts), 5)]
    rng.shuffle(blocks)
    return "\n\n".join(blocks)


#: Ways in which copies differ in the wild.
KINDS: dict[str, Callable[[str, random.Random], str]] = {
    "case": lambda text, _: text.upper(),
    "whitespace": lambda text, _: text.replace(" ", "  ").replace(". ", ".\n\n"),
    "Unicode form": lambda text, _: unicodedata.normalize("NFD", text),
    "punctuation": lambda text, _: re.sub(r"[.,;:!?]", " –", text),
    "one word": _word,
    "one sentence": _sentence,
    "header and footer": lambda text, _: f"Home | News | About us\n{text}\nAll rights reserved. Share this page.",
    "truncated": lambda text, _: text[: len(text) * 9 // 10],
    "reordered paragraphs": _reordered,
    "quotation marks": lambda text, _: re.sub(r"\b(\w+)\b(?=[.,])", r"“\1”", text),
}


def planted(texts: Sequence[str], count: int, threshold: float) -> Iterator[str]:
    """Plant copies, and say how many of each kind are near, found, and in one split."""
    rng, kinds = random.Random(7), list(KINDS)
    rows = [*texts, *(KINDS[kinds[i % len(kinds)]](texts[i], rng) for i in range(count))]
    found, prints, _ = search(rows, threshold)
    true = truth(rows, threshold)
    split = _splits(found, prints)
    yield f"{count:,} planted pairs among {len(rows):,} texts, threshold {threshold:g}: kind, near, found"
    for kind in range(len(kinds)):
        mine = [(i, len(texts) + i) for i in range(kind, count, len(kinds))]
        near = sum(texts[a] == rows[b] or (a, b) in true for a, b in mine)
        together = sum(found.first[a] == found.first[b] for a, b in mine)
        yield f"  {kinds[kind]:22}{near / len(mine):8.1%}{together / len(mine):9.1%}"
    torn = sum(split[a] != split[b] for a, b in true)
    across = sum(split[a] != split[b] for a, b in found.links.tolist())
    yield f"  of {len(true):,} near pairs {torn} in two splits ({torn / len(true):.3%}); of those found {across}"


def growth(texts: Sequence[str], steps: int) -> str:
    """Let a corpus grow: a row may move only if a row that came joined its cluster."""
    moved = wrong = 0
    before = np.empty(0, np.int64)
    for step in range(1, steps + 1):
        found, prints, _ = search(texts[: len(texts) * step // steps], 0.8)
        split = _splits(found, prints)
        went = np.flatnonzero(split[: len(before)] != before)
        fresh = set(found.first[len(before) :].tolist())  # the clusters that have a row that came
        moved += len(went)
        wrong += sum(first not in fresh for first in found.first[went].tolist())
        before = split
    shares = np.bincount(before, minlength=len(RATIOS)) / len(before)
    return (
        f"growth to {len(texts):,} texts in {steps} steps: {moved} rows moved, {wrong} of them though no row that came "
        f"joined their cluster; shares {', '.join(f'{share:.4f}' for share in shares)}"
    )


def _splits(found: Alike, prints: pa.Table) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The split of each row: that of its cluster, whose name is the least digest in it."""
    raw = np.frombuffer(prints["text"].chunks[0].buffers()[1], ">u8").reshape(-1, 2).astype(np.uint64)
    order = np.lexsort((raw[:, 1], raw[:, 0], found.first))
    clusters, begins = np.unique(found.first[order], return_index=True)
    return draws(raw[order[begins]][np.searchsorted(clusters, found.first)], RATIOS, "").astype(np.int64)


def barrier(count: int) -> str:
    """Search fingerprints of made-up rows, of which one in ten is a near copy, without a text behind them."""
    rng = np.random.default_rng(7)
    signatures = rng.integers(0, 2**32 - 1, (count, 128), np.uint32)
    copies = np.arange(count // 10)
    signatures[count - 1 - copies] = signatures[copies]
    signatures[count - 1 - copies[:, None], rng.integers(0, 128, (len(copies), 8))] ^= 1
    digests = pa.FixedSizeBinaryArray.from_buffers(KEY, count, [None, pa.py_buffer(rng.bytes(16 * count))])
    column = pa.FixedSizeBinaryArray.from_buffers(SIGNATURE.type, count, [None, pa.py_buffer(signatures)])
    words = pa.DictionaryArray.from_arrays(pa.array(np.zeros(count, np.int8)), pa.array(["one text for all of them"]))
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
    found = alike(pa.table({"text": digests, "signature": column}), 0.8, [pa.record_batch([words], ["text"])])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return (
        f"barrier of {count:,} rows: {time.perf_counter() - start:.0f} s, {len(found.links):,} links, "
        f"{(peak - before) / 1e6:.2f} GB beside {signatures.nbytes / 1e9:.2f} GB of signatures"
    )


def main() -> None:
    """Measure, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000, help="articles that all are compared (default: 10000)")
    parser.add_argument("--pairs", type=int, default=5000, help="copies to plant in four times as many (default: 5000)")
    parser.add_argument("--labels", type=Path, help="folder with docs.jsonl.gz and pairs.jsonl.gz")
    parser.add_argument("--barrier", type=int, default=0, help="rows of a search without texts (default: none)")
    parser.add_argument("--growth", type=int, default=0, metavar="STEPS", help="let a corpus grow (default: no)")
    parser.add_argument("--texts", type=Path, help="JSON Lines with `text`, plain or .zst, to let grow; else articles")
    given = parser.parse_args()
    if given.barrier:
        print(barrier(given.barrier))
        return
    if given.texts:
        with pa.input_stream(str(given.texts), compression="detect") as file:
            print(growth([json.loads(line)["text"] for line in file.read().splitlines()], given.growth or 200))
        return
    lines = (line for batch in corpus.articles() for line in batch)
    texts = [json.loads(line)["text"] for line in islice(lines, max(given.documents, 4 * given.pairs))]
    for threshold in (0.5, 0.8, 0.95):
        print(scored(f"articles, threshold {threshold:g}", texts[: given.documents], threshold), flush=True)
    if given.labels:
        print(labelled(given.labels, 0.8))
    if given.growth:
        print(growth(texts, given.growth), flush=True)
    accented = [text.replace("e", "é", 3) for text in texts[: 4 * given.pairs]]
    for threshold in (0.7, 0.8, 0.9):
        print("\n".join(planted(accented, given.pairs, threshold)), flush=True)


if __name__ == "__main__":
    main()
