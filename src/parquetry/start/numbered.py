"""A source -> a copy of it in which the records are numbered, for records that nothing else tells apart.

The number is a property of its own, the first one. A CSV file stays one, byte for byte behind the numbers; JSON becomes
JSON Lines, Arrow becomes Parquet.
"""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from parquetry.columnar import batches
from parquetry.sources.cells import opened
from parquetry.sources.partitions import FORMATS, Piece
from parquetry.start.untyped import cells, records
from parquetry.words.recipe import Limits, Read
from parquetry.words.strict_json import NotJson

#: The suffix of a numbered copy, by what the file is; a CSV file keeps its own.
_SUFFIXES = {"lines": ".jsonl", "array": ".jsonl", "columns": ".parquet"}


def suffix(piece: Piece) -> str:
    """The suffix of the numbered copy of a file."""
    return _SUFFIXES.get(FORMATS[piece.suffix], ".tsv" if piece.suffix == ".tsv" else ".csv")


def write(piece: Piece, rules: Read, name: str, first: int, target: Path) -> int:
    """Write a copy with numbers from ``first`` on in the property ``name``; the number for the next record."""
    kind = FORMATS[piece.suffix]
    if kind == "columns":
        return _columns(piece, name, first, target)
    with target.open("xb") as file:
        if kind != "cells":
            for record in records(piece, rules):
                if not isinstance(record.value, NotJson):
                    file.write(json.dumps({name: first} | record.value, ensure_ascii=False).encode() + b"\n")
                    first += 1
            return first
        with opened(piece, rules, Limits()) as (text, _):
            for number, line in enumerate(cells(text), first - 1):
                start = name if number < first else str(number)
                file.write(start.encode() + text.delimiter + line.text + b"\n")
    return number + 1


def _columns(piece: Piece, name: str, first: int, target: Path) -> int:
    with batches.opened(piece) as source:
        numbers = pa.field(name, pa.int64())
        with pq.ParquetWriter(target, pa.schema([numbers, *source.schema]), compression="zstd") as file:
            for batch in batches.batches(source, Limits().decompression_ratio):
                column = pa.array(range(first, first + batch.num_rows), pa.int64())
                rows = pa.table([column, *batch.columns], schema=pa.schema([numbers, *batch.schema]))
                file.write_table(rows)
                first += batch.num_rows
    return first
