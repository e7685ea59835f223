#!/usr/bin/env python3
"""Articles -> what near-duplicate signatures cost, beside the libraries that people use for them.

    python bench/sketches.py [--documents 10000] [--rounds 3]

Everyone gets the same texts, one process and one thread, makes signatures of 128 values of the word 5-grams, and goes
on until all pairs that share a band could be named: 16 bands of 8 values. The contenders take turns; times are seconds
of the processor, the medians of the rounds, and the ratios those within a round. Each library is used as its own pages
say is fastest, where that is sound; words are what `\\w+` finds in the lowercased text.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any, NamedTuple

os.environ |= {"RAYON_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # read when the libraries are loaded

import corpus
import numpy as np
import pyarrow as pa

from parquetry.record import sketch as sketches

BANDS = 16
#: What we want to be: how many times as fast as whom.
AIMS = {
    "ours": {"datasketch": 100, "datasketch, xxh32": 100, "gaoya": 15, "rensa": 4},
    "ours, numpy": {"datasketch": 10, "datasketch, xxh32": 10},
}
_WORD = re.compile(r"\w+")
Array = np.ndarray[Any, np.dtype[Any]]


class Contender(NamedTuple):
    """Who makes signatures, and finds who shares a band."""

    sign: Callable[[Sequence[str], pa.Array], Any]  #: Texts, in Python and in Arrow -> signatures, or what there is.
    band: Callable[[Any], Any]  #: Signatures -> what says who shares a band.
    footprint: Callable[[Any], int | None]  #: Bytes of the signatures, if they can be told.


def words(text: str) -> set[str]:
    """The word 5-grams of a text, as the users of these libraries make them."""
    own = _WORD.findall(text.lower())
    return {" ".join(own[start : start + 5]) for start in range(max(len(own) - 4, min(len(own), 1)))}


def bands(signatures: Array) -> list[Array]:
    """For each band the rows in an order in which those that share it are neighbours, and where such a run begins."""
    found = []
    for band in np.split(signatures, BANDS, axis=1):
        key = np.zeros(len(band), np.uint64)
        for value in band.T:
            key = (key ^ (key >> np.uint64(29)) ^ value) * np.uint64(0xBF58476D1CE4E5B9)
        order = np.argsort(key)
        found += [order, np.flatnonzero(np.diff(key[order], prepend=~key[order[:1]]))]
    return found


def ours(native: Any) -> Contender:
    """Parquetry, compiled or with numpy."""

    def sign(_: Sequence[str], column: pa.Array) -> Array:
        kept, sketches.native = sketches.native, native
        try:
            return sketches.sketch([column])
        finally:
            sketches.native = kept

    return Contender(sign, bands, lambda signatures: int(signatures.nbytes))


def datasketch(*, fast: bool) -> Contender:
    """datasketch: its generator, with its own hash function or a fast one, and its index in one session."""
    from datasketch import MinHash, MinHashLSH
    from xxhash import xxh32_intdigest

    def sign(texts: Sequence[str], _: pa.Array) -> list[MinHash]:
        sets = ([gram.encode() for gram in words(text)] for text in texts)
        return list(MinHash.generator(sets, num_perm=128, hashfunc=xxh32_intdigest if fast else None))

    def band(signatures: list[MinHash]) -> MinHashLSH:
        index = MinHashLSH(num_perm=128, params=(BANDS, 128 // BANDS))
        with index.insertion_session() as session:
            for row, signature in enumerate(signatures):
                session.insert(row, signature, check_duplication=False)
        return index

    return Contender(sign, band, lambda signatures: sum(signature.hashvalues.nbytes for signature in signatures))


def gaoya() -> Contender:
    """gaoya: texts into its index in one call, which cuts, signs and bands them in Rust."""
    from gaoya.minhash import MinHashStringIndex

    def sign(texts: Sequence[str], _: pa.Array) -> MinHashStringIndex:
        made = {"hash_size": 32, "jaccard_threshold": 0.8, "num_bands": BANDS, "band_size": 128 // BANDS}
        index = MinHashStringIndex(**made, analyzer="word", lowercase=True, ngram_range=(5, 5), id_container="vec")
        index.par_bulk_insert_docs(list(range(len(texts))), list(texts))
        return index

    return Contender(sign, lambda index: index, lambda _: None)


def rensa() -> Contender:
    """rensa: R-MinHash of whole sets into one matrix; its faster sampler looks at a part of the set only."""
    from rensa import RMinHash

    def sign(texts: Sequence[str], _: pa.Array) -> Any:
        return RMinHash.digest_matrix_from_token_sets([list(words(text)) for text in texts], 128, 42)

    return Contender(sign, _rows, lambda matrix: int(matrix.len()) * 128 * 4)


def rensa_of_ours() -> Contender:
    """rensa, given the hashes of our shingles: what its signatures alone cost."""
    from rensa import RMinHash

    def sign(_: Sequence[str], column: pa.Array) -> Any:
        offsets, hashes = sketches.shingle_hashes([column])
        return RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), 128, 42)

    return Contender(sign, _rows, lambda matrix: int(matrix.len()) * 128 * 4)


def _rows(matrix: Any) -> list[Array]:
    return bands(np.array(matrix.to_rows(), np.uint32))


CONTENDERS: dict[str, Callable[[], Contender]] = {
    "ours": lambda: ours(sketches.native),
    "ours, numpy": lambda: ours(None),
    "rensa": rensa,
    "rensa, our shingles": rensa_of_ours,
    "gaoya": gaoya,
    "datasketch, xxh32": lambda: datasketch(fast=True),
    "datasketch": lambda: datasketch(fast=False),
}


def articles(count: int) -> list[str]:
    """The texts of the first articles of the corpus of `make bench`."""
    texts = list[str]()
    for lines in corpus.articles():
        texts += [json.loads(line)["text"] for line in lines]
        if len(texts) >= count:
            break
    return texts[:count]


class Cost(NamedTuple):
    """Seconds of the processor for some documents."""

    sign: float
    band: float

    @property
    def both(self) -> float:
        """All of it."""
        return self.sign + self.band


def measure(contender: Contender, texts: Sequence[str], column: pa.Array) -> tuple[Cost, int | None]:
    """What a contender costs, and the bytes of its signatures."""
    gc.collect()
    start = time.process_time()
    signatures = contender.sign(texts, column)
    middle = time.process_time()
    contender.band(signatures)
    return Cost(middle - start, time.process_time() - middle), contender.footprint(signatures)


def compare(contenders: Mapping[str, Contender], texts: Sequence[str], rounds: int) -> list[str]:
    """Let all contenders take turns; the lines of a report."""
    column = pa.array(texts, pa.string())
    for contender in contenders.values():  # whatever is made once
        measure(contender, texts[:20], column[:20])
    runs: dict[str, list[Cost]] = {name: [] for name in contenders}
    memory: dict[str, int | None] = {}
    for _ in range(rounds):
        for name, contender in contenders.items():
            cost, memory[name] = measure(contender, texts, column)
            runs[name].append(cost)
    return [*_table(runs, memory, len(texts)), "", *_aims(runs)]


def _table(runs: Mapping[str, Sequence[Cost]], memory: Mapping[str, int | None], count: int) -> list[str]:
    lines = [f"{'':20} {'sign µs':>9} {'bands µs':>9} {'docs/s/core':>12} {'ours is faster':>15} {'bytes/doc':>10}"]
    for name, costs in runs.items():
        sign, band = (median(getattr(cost, what) for cost in costs) / count * 1e6 for what in ("sign", "band"))
        speed, kept = count / median(cost.both for cost in costs), memory[name]
        bytes_ = "in index" if kept is None else str(kept // count)
        lines.append(
            f"{name:20} {sign:9.1f} {band:9.1f} {speed:12,.0f} {ratio(runs, name, 'ours'):14.1f}× {bytes_:>10}"
        )
    return lines


def _aims(runs: Mapping[str, Sequence[Cost]]) -> list[str]:
    lines = []
    for name, others in AIMS.items():
        for other, aim in others.items():
            if other in runs:
                found = ratio(runs, other, name)
                lines.append(f"{name} / {other}: {found:.1f}×, aim {aim}×: {'reached' if found >= aim else 'MISSED'}")
    return lines


def ratio(runs: Mapping[str, Sequence[Cost]], name: str, other: str) -> float:
    """How many times as long ``name`` takes as ``other``: the median of the ratios within a round."""
    return median(one.both / two.both for one, two in zip(runs[name], runs[other], strict=True))


def main() -> None:
    """Measure, and print the report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    contenders = {}
    for name, make in CONTENDERS.items():
        try:
            contenders[name] = make()
        except ImportError as error:
            print(f"{name} is left out: {error}")
    texts = articles(given.documents)
    sizes = sum(len(text.encode()) for text in texts) // len(texts)
    print(f"{len(texts):,} articles of {sizes:,} bytes; compiled: {sketches.native is not None}")
    print("\n".join(compare(contenders, texts, given.rounds)))


if __name__ == "__main__":
    main()
