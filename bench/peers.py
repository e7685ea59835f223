"""What a user would pick instead, each written as a good user of that tool would write it.

    python bench/peers.py NAME SOURCE TARGET_DIR

The result goes into TARGET_DIR, the versions that made it to standard output as JSON. Where the tool allows it, zstd
level 1. Most only convert; those with a ``+`` in their name do what Parquetry does with articles: they judge each
record by the schema and its formats, drop exact duplicates, and split.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

_SCHEMA = Path(__file__).with_name("articles.schema.json")


def polars(source: Path, target: Path) -> None:
    """Convert, streaming."""
    import polars as pl

    pl.scan_ndjson(source).sink_parquet(target / "all.parquet", compression="zstd", compression_level=1)


def duckdb(source: Path, target: Path) -> None:
    """Convert in one statement."""
    import duckdb as db

    options = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
    db.sql(f"COPY (FROM read_json('{source}', format = 'newline_delimited')) TO '{target}/all.parquet' ({options})")


def pyarrow(source: Path, target: Path) -> None:
    """Convert batch by batch, so that memory stays bounded."""
    import pyarrow.json as pj
    import pyarrow.parquet as pq

    options = pj.ReadOptions(block_size=8 << 20)
    with pj.open_json(source, read_options=options) as reader:
        file = target / "all.parquet"
        with pq.ParquetWriter(file, reader.schema, compression="zstd", compression_level=1) as writer:
            for batch in reader:
                writer.write_batch(batch)


def datasets(source: Path, target: Path) -> None:
    """Convert as shipped: snappy, for no other codec can be asked for."""
    import datasets as hf

    rows = hf.load_dataset("json", data_files=str(source), split="train", cache_dir=str(target / "cache"))
    rows.to_parquet(target / "all.parquet")


def jsonschema(source: Path, target: Path) -> None:
    """`datasets`, with records judged by jsonschema."""
    _datasets(source, target, _by_jsonschema)


def jsonschema_rs(source: Path, target: Path) -> None:
    """`datasets`, with records judged by jsonschema-rs."""
    _datasets(source, target, _by_jsonschema_rs)


def rensa(source: Path, target: Path) -> None:
    """As `jsonschema_rs`, and near-duplicates are dropped by MinHash, with the sketch that keeps all shingles."""
    import rensa as rs

    def first_only(texts: list[str]) -> list[int]:
        index, new = rs.RMinHashDeduplicator(0.8, 128, use_lsh=True, num_bands=16), list[bool]()
        for start in range(0, len(texts), 1000):  # so that not all shingles are held at once
            batch = enumerate(texts[start : start + 1000], start)
            new += index.add_pairs([(str(row), _shingles(text)) for row, text in batch])
        return [row for row, is_new in enumerate(new) if is_new]

    _datasets(source, target, _by_jsonschema_rs, first_only)


def datatrove(source: Path, target: Path) -> None:
    """Convert with one task for each processor, the file cut in as many parts before: a part is a task."""
    import pyarrow as pa
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import ParquetWriter

    tasks, shards = len(os.sched_getaffinity(0)), target / "shards"
    shards.mkdir()
    for number, (start, stop) in enumerate(_ranges(source, tasks)):
        with source.open("rb") as whole, (shards / f"{number:05d}.jsonl").open("wb") as part:
            whole.seek(start)
            while start < stop and (block := whole.read(min(1 << 20, stop - start))):
                start += part.write(block)
    strings = ["id", "url", "title", "author", "published", "updated", "language", "section", "text"]
    columns = {name: pa.string() for name in strings} | {"tags": pa.list_(pa.string()), "words": pa.int64()}
    writer = ParquetWriter(
        str(target / "data"),
        compression="zstd",
        adapter=lambda _self, document: {"id": document.id, "text": document.text, **document.metadata},
        schema=pa.schema(columns),
    )
    steps = [JsonlReader(str(shards), add_file_path=False), writer]
    LocalPipelineExecutor(steps, tasks=tasks, workers=tasks, logging_dir=str(target / "logs")).run()


class Peer(NamedTuple):
    """A tool, or some together."""

    name: str
    run: Callable[[Path, Path], None]
    packages: str  #: Whose versions count.
    fast: bool = True  #: Whether it can be asked to read a gigabyte; else it is measured on a tenth.
    corpora: str = "articles events"


PEERS = {
    peer.name: peer
    for peer in (
        Peer("polars", polars, "polars"),
        Peer("duckdb", duckdb, "duckdb"),
        Peer("pyarrow", pyarrow, "pyarrow"),
        Peer("datasets", datasets, "datasets pyarrow"),
        Peer("datasets+jsonschema", jsonschema, "datasets jsonschema", False, "articles"),
        Peer("datasets+jsonschema-rs", jsonschema_rs, "datasets jsonschema-rs orjson", False, "articles"),
        Peer("datasets+jsonschema-rs+rensa", rensa, "datasets jsonschema-rs orjson rensa", False, "articles"),
        Peer("datatrove", datatrove, "datatrove", False, "articles"),
    )
}


def _datasets(
    source: Path,
    target: Path,
    judge: Callable[[], Callable[[bytes], Any]],
    first_only: Callable[[list[str]], list[int]] | None = None,
) -> None:
    """Judge, drop duplicates and split with `datasets`, on all processors where it can.

    The records are judged before `datasets` reads them, for it makes instants of what looks like days, and the schema
    would refuse them all.
    """
    import datasets as hf

    tasks = len(os.sched_getaffinity(0))
    kept = hf.Dataset.from_generator(
        _judged,
        gen_kwargs={"source": source, "ranges": _ranges(source, tasks), "judge": judge},
        num_proc=tasks,
        cache_dir=str(target / "cache"),
    )
    texts, seen, first = kept["text"][:], set[bytes](), list[int]()
    for row, text in enumerate(texts):
        if (key := hashlib.sha256(text.encode()).digest()) not in seen:
            seen.add(key)
            first.append(row)
    if first_only:
        first = [first[row] for row in first_only([texts[row] for row in first])]
    rows = kept.select(first).train_test_split(0.1, seed=42)
    halves = rows["test"].train_test_split(0.5, seed=42)
    for name, split in {"train": rows["train"], "validation": halves["train"], "test": halves["test"]}.items():
        split.to_parquet(target / f"{name}.parquet")


def _judged(source: Path, ranges: list[tuple[int, int]], judge: Callable[[], Callable[[bytes], Any]]) -> Iterator[Any]:
    """The good records of some parts of a file."""
    parse = judge()
    for start, stop in ranges:
        with source.open("rb") as file:
            file.seek(start)
            while start < stop:
                start += len(line := file.readline())
                if (record := parse(line)) is not None:
                    yield record


def _by_jsonschema() -> Callable[[bytes], Any]:
    from jsonschema import Draft202012Validator

    checker = Draft202012Validator.FORMAT_CHECKER
    valid = Draft202012Validator(json.loads(_SCHEMA.read_bytes()), format_checker=checker).is_valid
    return lambda line: _if_valid(json.loads, valid, line)


def _by_jsonschema_rs() -> Callable[[bytes], Any]:
    import jsonschema_rs as rs
    import orjson

    valid = rs.Draft202012Validator(json.loads(_SCHEMA.read_bytes()), validate_formats=True).is_valid
    return lambda line: _if_valid(orjson.loads, valid, line)


def _if_valid(loads: Callable[[bytes], Any], valid: Callable[[Any], bool], line: bytes) -> Any:
    with suppress(ValueError):
        record = loads(line)
        return record if valid(record) else None
    return None


def _shingles(text: str) -> list[str]:
    words = text.lower().split()
    return [*{" ".join(words[start : start + 5]) for start in range(max(1, len(words) - 4))}]


def _ranges(source: Path, count: int) -> list[tuple[int, int]]:
    """Cut a file behind ends of lines into parts of about the same length: where each begins and ends."""
    whole, cuts = source.stat().st_size, [0]
    with source.open("rb") as file:
        for part in range(1, count):
            file.seek(whole * part // count)
            file.readline()
            cuts.append(file.tell())
    return list(zip(cuts, [*cuts[1:], whole], strict=True))


def main() -> None:
    """Run one of them, as the command line says."""
    name, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_DISABLE_PROGRESS_BARS": "1", "HF_HOME": str(target / "cache")}
    target.mkdir(parents=True)
    PEERS[name].run(source, target)
    print(json.dumps({package: version(package) for package in PEERS[name].packages.split()}))


if __name__ == "__main__":
    main()
