#!/usr/bin/env python3
"""A number of bytes -> a corpus of that size, the same on every machine.

    python bench/corpus.py articles 1GB work/articles.jsonl
    python bench/corpus.py events 300MB work/events.jsonl

No text is taken from anywhere: words are made of syllables, and drawn with the frequencies of a natural language, so
that lengths, scripts and compressibility are those of articles while the meaning is nobody's. One article in ten
repeats an earlier one to the letter, one in ten with a few words changed. ``--planted N`` spoils N lines in the ways of
`planted.KINDS`, and writes beside the corpus which lines, and what each must be told.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from planted import plant

from parquetry.words.vocabulary import parse_bytes

Array = np.ndarray[Any, np.dtype[Any]]
Draw = np.random.RandomState  # whose stream numpy promises never to change
ROWS = 500  #: Rows that are made at a time.
VOCABULARY = 40_000  #: Words of each language.
#: Consonants and vowels of the languages, and how many of a hundred articles are written in each.
LANGUAGES = {
    "en": ("b c d f g h k l m n p r s t v w st tr ch sh", "a e i o u ea ou", 80),
    "fr": ("b c d f g j l m n p r s t v ch qu", "a e é è i o ou u â", 12),
    "ru": ("б в г д ж з к л м н п р с т х ш", "а е и о у ы я", 8),
}
SECTIONS = "business culture education health law politics science sport technology travel".split()
TAGS = "analysis archive breaking budget city climate court data election energy film food money music rail".split()
#: What stands behind a word, as JSON writes it, and how often.
ENDS = {" ": 0.865, ", ": 0.06, ". ": 0.055, ".\\n\\n": 0.015, '\\" ': 0.005}
KINDS_OF_EVENTS = "click view purchase refund login logout error signup".split()


def articles() -> Iterator[list[bytes]]:
    """Articles without end, as lines of JSON, in batches of `ROWS`."""
    draw, number = Draw(2020), 0
    earlier: dict[str, list[Array]] = {language: [] for language in LANGUAGES}
    while True:
        batch = list[bytes]()
        for language, (*_, share) in LANGUAGES.items():
            texts = _texts(draw, ROWS * share // 100, earlier[language])
            earlier[language] = [*earlier[language][:500], *texts[-500:]]  # from the start, and from just before
            batch += _articles(draw, language, texts, number + len(batch))
        number += ROWS
        draw.shuffle(batch)
        yield batch


def _texts(draw: Draw, rows: int, earlier: list[Array]) -> list[Array]:
    """Texts as arrays of numbers of words; one in five is, or nearly is, an earlier one."""
    lengths = np.clip(draw.lognormal(5.75, 0.85, rows), 8, 20_000).astype(np.int64)
    texts = np.split(_words(draw, int(lengths.sum())), np.cumsum(lengths)[:-1])
    for row in np.flatnonzero(draw.random_sample(rows) < 0.2).tolist():
        pick = draw.randint(len(earlier) + row or 1)
        texts[row] = (earlier[pick] if pick < len(earlier) else texts[pick - len(earlier)]).copy()
        if draw.randint(2):
            changed = draw.random_sample(len(texts[row])) < draw.uniform(0.005, 0.04)
            texts[row][changed] = _words(draw, int(changed.sum()))
    return texts


def _words(draw: Draw, count: int) -> Array:
    """Numbers of words with their ends; frequent words have low numbers (the law of Zipf, as Mandelbrot mended it)."""
    ends = np.searchsorted(np.cumsum(list(ENDS.values())), draw.random_sample(count)).clip(max=len(ENDS) - 1)
    words: Array = _frequencies()[draw.randint(0, 1 << 20, count)] * len(ENDS) + ends
    return words.astype(np.int32)


@lru_cache(maxsize=1)
def _frequencies() -> Array:
    weights: Array = 1 / (np.arange(VOCABULARY) + 2.7) ** 1.05
    shares: Array = np.cumsum(weights) / weights.sum()
    return np.array(np.searchsorted(shares, (np.arange(1 << 20) + 0.5) / (1 << 20)))


@lru_cache(maxsize=8)
def _vocabulary(language: str) -> pa.Array:
    """The words of a language, each with each of its ends."""
    consonants, vowels = (letters.split() for letters in LANGUAGES[language][:2])
    draw, words = Draw(ord(language[0])), dict[str, None]()
    while len(words) < VOCABULARY:  # short words are made first, and are the frequent ones
        syllables = 1 + (len(words) > 60) + (len(words) > 3000) + (len(words) > 25_000 and draw.randint(2))
        parts = [letters[draw.randint(len(letters))] for letters in (consonants, vowels) * syllables]
        words["".join(parts) + (consonants[draw.randint(len(consonants))] if draw.randint(2) else "")] = None
    return pa.array([word + end for word in words for end in ENDS])


def _articles(draw: Draw, language: str, texts: list[Array], first: int) -> list[bytes]:
    rows, words = len(texts), _vocabulary(language)
    offsets = pa.array(np.cumsum([0, *map(len, texts)]), pa.int32())
    bodies = pc.binary_join(pa.ListArray.from_arrays(offsets, words.take(pa.array(np.concatenate(texts)))), "")
    titles = pc.binary_join(
        pa.ListArray.from_arrays(pa.array(np.arange(rows + 1) * 7, pa.int32()), words.take(_plain(draw, rows * 7))), ""
    )
    authors, days = draw.randint(0, 5000, rows), draw.randint(0, 5000, rows)
    picks = draw.randint(0, 1 << 30, (rows, 6))
    lines = []
    for row, (title, body) in enumerate(zip(titles.to_pylist(), bodies.to_pylist(), strict=True)):
        day = str(np.datetime64("2010-01-01") + days[row])
        seconds = int(picks[row, 0] % 86_400)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        tags = dict.fromkeys(TAGS[p % len(TAGS)] for p in picks[row, 1 : 1 + picks[row, 5] % 4].tolist())
        author = f'"author {authors[row]}"' if picks[row, 4] % 5 else "null"
        number = first + row
        lines.append(
            f'{{"id": "doc-{number:09d}", "url": "https://example.org/{day[:4]}/{language}/{number}", '
            f'"title": "{title.strip()}", "author": {author}, "published": "{day}", "updated": "{day}T{clock}Z", '
            f'"language": "{language}", "section": "{SECTIONS[picks[row, 1] % len(SECTIONS)]}", '
            f'"tags": {json.dumps([*tags])}, "words": {len(texts[row])}, "text": "{body.strip()}"}}'.encode()
        )
    return lines


def _plain(draw: Draw, count: int) -> pa.Array:
    """Numbers of words that have nothing but a space behind them."""
    return pa.array(_frequencies()[draw.randint(0, 1 << 20, count)] * len(ENDS))


def events() -> Iterator[list[bytes]]:
    """Small records of 15 fields without end, as lines of JSON, in batches of `ROWS`."""
    draw, number = Draw(2021), 0
    while True:
        picks = draw.randint(0, 1 << 30, (ROWS, 12))
        yield [_event(number + row, pick) for row, pick in enumerate(picks.tolist())]
        number += ROWS


def _event(number: int, pick: list[int]) -> bytes:
    day = f"{2015 + pick[0] % 10}-{1 + pick[1] % 12:02d}-{1 + pick[2] % 28:02d}"
    tags = json.dumps([f"tag{(pick[3] >> shift) % 100:02d}" for shift in range(pick[4] % 4)])
    note = f'"note {pick[5] % 977} of {pick[6] % 31}"' if pick[7] % 3 else "null"
    clock, user = f"{pick[8] % 24:02d}:{pick[9] % 60:02d}:{pick[10] % 60:02d}", pick[2] % 100_000
    return (
        f'{{"event_id": "evt-{number:010d}", "at": "{day}T{clock}Z", '
        f'"day": "{day}", "kind": "{KINDS_OF_EVENTS[pick[0] % 8]}", "severity": "{("low", "high")[pick[1] & 1]}", '
        f'"user": {{"id": {user}, "name": "user {user}", "country": "{("DE", "FR", "PL")[pick[3] % 3]}"}}, '
        f'"session": "{pick[4]:08x}{pick[5]:08x}{pick[6]:08x}", "amount": {pick[7] % 1_000_000 / 100}, '
        f'"currency": "{("EUR", "USD", "PLN")[pick[8] % 3]}", "count": {pick[9] % 50}, "tags": {tags}, '
        f'"ok": {("true", "false")[pick[10] & 1]}, "ip": "10.{pick[11] % 256}.{pick[10] % 256}.{pick[9] % 256}", '
        f'"url": "https://example.org/{pick[11] % 100_000}", "note": {note}}}'
    ).encode()


CORPORA: dict[str, Callable[[], Iterator[list[bytes]]]] = {"articles": articles, "events": events}


def bytes_of(text: str) -> int:
    """A number of bytes, which may be a fraction of a unit.

    >>> bytes_of("0.3GB"), bytes_of("64MiB")
    (300000000, 67108864)
    """
    if part := re.fullmatch(r"(\d+)\.(\d+) ?([A-Za-z]+)", text):
        return round(float(f"{part[1]}.{part[2]}") * parse_bytes(f"1{part[3]}"))
    return parse_bytes(text)


def main() -> None:
    """Write a corpus, as the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("bytes", type=bytes_of, help="such as 300MB or 1GB")
    parser.add_argument("file", type=Path)
    parser.add_argument("--planted", type=int, default=0, metavar="N", help="spoil N lines of the articles")
    given = parser.parse_args()
    if given.planted and given.corpus != "articles":
        parser.error("--planted spoils articles only")
    write(given.corpus, given.bytes, given.file, given.planted)


def write(corpus: str, size: int, path: Path, planted: int = 0) -> None:
    """Write the first lines of a corpus, until they have ``size`` bytes, to ``path``, and spoil ``planted`` of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("wb") as file:
        for lines in CORPORA[corpus]():
            ends = np.cumsum([len(line) + 1 for line in lines])
            file.write(b"".join(line + b"\n" for line in lines[: int(np.searchsorted(ends, size)) + 1]))
            if (size := size - int(ends[-1])) <= 0:
                break
    if planted:
        plant(partial, path.with_name(f"{path.name}.planted"), planted)
    partial.replace(path)


if __name__ == "__main__":
    main()
