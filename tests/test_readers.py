"""The release in the hands of its readers: the same rows, types and nulls in every tool."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import datasets
import duckdb
import pandas
import polars
import pyarrow.parquet as pq
import pytest
from conftest import RELEASE, ROOT

TABLES = {"articles": (5, 2, 2), "events": (79, 22, 88), "actors": (66,)}
FILES = sorted((RELEASE / "data").rglob("*.parquet"))
OLD = ROOT / ".venv/datasets-3.6/bin/python"
#: What the old environment runs: load everything, and print it as JSON.
SCRIPT = """
import datasets, json, sys
release, cache, streaming = sys.argv[1], sys.argv[2], sys.argv[3] == "streaming"
found = {"version": datasets.__version__}
for table in ("articles", "events", "actors"):
    options = {"streaming": True} if streaming else {"verification_mode": "all_checks"}
    loaded = datasets.load_dataset(release, table, cache_dir=cache, **options)
    found[table] = {split: list(rows) for split, rows in loaded.items()}
json.dump(found, sys.stdout, default=str)
"""


def rows_of(table: str, split: str) -> list[dict[str, Any]]:
    """The rows as plain pyarrow reads them: what all others are compared with."""
    return pq.read_table(RELEASE / f"data/{table}/{split}-00000-of-00001.parquet").to_pylist()  # type: ignore[no-any-return]


def source_rows(table: str) -> list[dict[str, Any]]:
    lines = (ROOT / f"data/corpus/{table}.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def as_json(value: Any) -> Any:
    """A value as the source says it: days as text."""
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dict):
        return {name: as_json(inner) for name, inner in value.items()}
    return [as_json(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize("table", TABLES)
def test_the_published_rows_are_the_rows_of_the_source(table: str) -> None:
    splits = ("train", "validation", "test")[: len(TABLES[table])]
    published = [as_json(row) for split in splits for row in rows_of(table, split)]
    key = f"{table.removesuffix('s')}_id"
    assert sorted(published, key=lambda r: str(r[key])) == sorted(source_rows(table), key=lambda r: str(r[key]))


@pytest.mark.parametrize("table", TABLES)
def test_datasets_loads_every_table_with_all_checks(table: str, tmp_path: Path) -> None:
    loaded = datasets.load_dataset(str(RELEASE), table, cache_dir=str(tmp_path), verification_mode="all_checks")
    assert tuple(rows.num_rows for rows in loaded.values()) == TABLES[table]
    for split, rows in loaded.items():
        assert list(rows) == rows_of(table, split)


@pytest.mark.parametrize("table", TABLES)
def test_datasets_streams_every_table(table: str, tmp_path: Path) -> None:
    for split, rows in datasets.load_dataset(str(RELEASE), table, streaming=True, cache_dir=str(tmp_path)).items():
        assert list(rows) == rows_of(table, split)


def test_without_a_name_datasets_loads_the_default_table(tmp_path: Path) -> None:
    assert datasets.load_dataset(str(RELEASE), split="test", cache_dir=str(tmp_path)).num_rows == 88


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.parent.name + "/" + f.name)
def test_a_single_file_has_the_features_of_the_card(file: Path, tmp_path: Path) -> None:
    """Without the card the metadata in the Parquet file says the same."""
    alone = datasets.load_dataset("parquet", data_files=str(file), split="train", cache_dir=str(tmp_path / "one"))
    whole = datasets.load_dataset(str(RELEASE), file.parent.name, split="train", cache_dir=str(tmp_path / "all"))
    assert alone.features == whole.features


@pytest.mark.skipif(not OLD.exists(), reason="`make test` sets up datasets 3.6.0 in an environment of its own")
@pytest.mark.parametrize("mode", ["all_checks", "streaming"])
def test_datasets_3_6_reads_the_same(mode: str, tmp_path: Path) -> None:
    environment = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
        "HOME": str(tmp_path),
        "PATH": os.defpath,
    }
    command = [str(OLD), "-c", SCRIPT, str(RELEASE), str(tmp_path), mode]
    found = json.loads(subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout)
    assert found.pop("version") == "3.6.0"
    for table, splits in found.items():
        for split, rows in splits.items():
            assert rows == json.loads(json.dumps(rows_of(table, split), default=str))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.parent.name + "/" + f.name)
def test_polars_pandas_and_duckdb_read_every_file_alike(file: Path) -> None:
    expected = pq.read_table(file).to_pylist()
    assert polars.read_parquet(file).to_dicts() == expected
    frame = pandas.read_parquet(file, dtype_backend="pyarrow")
    assert [as_python(row) for row in frame.to_dict("records")] == expected
    found = duckdb.execute("SELECT * FROM read_parquet(?)", [str(file)])
    names = [name for name, *_ in found.description]
    assert [dict(zip(names, row, strict=True)) for row in found.fetchall()] == expected


def as_python(value: Any) -> Any:
    """A value of pandas as plain Python: its missing value is None, its arrays are lists."""
    if hasattr(value, "tolist") and not isinstance(value, str):
        value = value.tolist()
    if isinstance(value, dict):
        return {name: as_python(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [as_python(inner) for inner in value]
    return None if value is pandas.NA else value


def test_every_file_is_ready_for_the_hub() -> None:
    """zstd, page index, page checksums in reach, both spellings of the chunking key, features in the metadata."""
    for file in FILES:
        with pq.ParquetFile(file, page_checksum_verification=True) as parquet:
            parquet.read()
            metadata = parquet.metadata
            keys = set(metadata.metadata)
            assert {b"huggingface", b"content_defined_chunking", b"use_content_defined_chunking"} <= keys
            for group in range(metadata.num_row_groups):
                for column in range(metadata.num_columns):
                    chunk = metadata.row_group(group).column(column)
                    assert chunk.compression == "ZSTD"
                    assert chunk.has_offset_index
                    assert chunk.has_column_index


def test_the_readme_s_example_for_readers_runs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path))
    text = (ROOT / "README.md").read_text("utf-8")
    example = text.split("## Load it")[1].split("```python\n")[1].split("```")[0]
    exec(compile(example, "README.md", "exec"), {})


def test_sha256sum_checks_a_release_without_us() -> None:
    done = subprocess.run(
        ["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=RELEASE, capture_output=True, text=True, check=True
    )
    assert done.stdout.count(": OK") == len([p for p in RELEASE.rglob("*") if p.is_file()]) - 1
