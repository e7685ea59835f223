"""Real corpora that others wrote: balanced books, the same rows, the same bytes however they are read."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import build_dataset
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import DATASET, SHARED, contents

from parquetry.reader.drift import Built
from parquetry.reader.verify import verify
from parquetry.sources import lines, partitions
from parquetry.words.engine import Local
from parquetry.words.errors import InputError

CORPORA = SHARED / "corpora"
STRING: dict[str, Any] = {"type": "string"}
TEXT: dict[str, Any] = {"type": ["string", "null"]}
#: Corpora of JSON Lines: file, fields, and by which of them duplicates are judged.
JSON_LINES: dict[str, tuple[str, dict[str, Any], str]] = {
    "thaigov-v2": (
        "thaigov-2025.jsonl.zst",
        dict.fromkeys("id path category title url text".split(), STRING) | {"crawl_date": TEXT},
        "text",
    ),
    "gesetze-de": (
        "laws.jsonl.zst",
        {"id": STRING, "path": STRING, "front_matter": {"type": ["object", "null"]}, "title": TEXT, "jurabk": TEXT}
        | {"date": TEXT | {"format": "date"}, "body_markdown": STRING, "front_matter_error": TEXT},
        "body_markdown",
    ),
    "eltec-eng": (
        "novels.jsonl.zst",
        dict.fromkeys("path lang title author author_ref year authorGender size reprintCount".split(), TEXT)
        | {"timeSlot": TEXT, "words": TEXT, "license": TEXT, "id": STRING, "text": STRING},
        "text",
    ),
    "tldr-pages": (
        "pages.jsonl.zst",
        dict.fromkeys("id language platform command title text".split(), STRING),
        "text",
    ),
}


def corpus(name: str) -> Path:
    if not (CORPORA / name).is_dir():
        pytest.skip(f"the corpus {name} is not beside this repository")
    return CORPORA / name


def project(folder: Path, sources: list[Path], fields: dict[str, Any], keys: str, limits: str = "") -> Path:
    """A recipe for files that others wrote."""
    schema = {"type": "object", "additionalProperties": False, "required": [], "properties": fields}
    (folder / "rows.schema.json").write_text(json.dumps(schema), "utf-8")
    recipe = folder / "recipe.toml"
    recipe.write_text(
        f"{DATASET}\n[tables.rows]\nschema = 'rows.schema.json'\nsources = {[str(path) for path in sources]}\n{keys}\n"
        f"[tables.rows.split]\nratios = {{ train = 0.9, test = 0.1 }}\n{limits}",
        "utf-8",
    )
    return recipe


def published(built: Built) -> list[dict[str, Any]]:
    return [row for file in sorted(built.place.glob("data/rows/*")) for row in pq.read_table(file).to_pylist()]


def counted(rows: Iterable[dict[str, Any]]) -> Counter[str]:
    return Counter(json.dumps(row, sort_keys=True, default=str) for row in rows)


@pytest.mark.parametrize("name", JSON_LINES)
def test_rows_that_others_wrote_are_published_as_they_are(name: str, tmp_path: Path) -> None:
    file, fields, text = JSON_LINES[name]
    path = corpus(name) / file
    recipe = project(tmp_path, [path], fields, f"id = 'id'\ntext = ['{text}']")
    built = build_dataset.build(recipe, tmp_path / "out", Local(2))
    raw = pa.input_stream(str(path), compression="zstd").read()
    rows = [json.loads(line) for line in raw.split(b"\n") if line]
    (source,) = built.manifest.tables["rows"].sources
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        first.setdefault(row[text], row)
    assert (source.read, source.published) == (len(rows), len(first))
    assert sum(source.removed.values()) == len(rows) - len(first)
    expected = [{key: row.get(key) for key in fields} for row in first.values()]
    found = published(built)
    for row in found:
        if row.get("front_matter") is not None:
            row["front_matter"] = json.loads(row["front_matter"])
    assert counted(found) == counted(expected)
    assert verify(built.place, "deep").problems == ()


@pytest.mark.slow
@pytest.mark.parametrize("name", JSON_LINES)
def test_workers_and_blocks_do_not_show(name: str, tmp_path: Path) -> None:
    file, fields, text = JSON_LINES[name]
    plain = tmp_path / "rows.jsonl"  # not compressed, so that it is cut
    plain.write_bytes(pa.input_stream(str(corpus(name) / file), compression="zstd").read())
    recipe, seen = project(tmp_path, [plain], fields, f"id = 'id'\ntext = ['{text}']"), dict[str, dict[str, bytes]]()
    for workers, block, partition in ((1, 2 << 20, 32_000_000), (2, 300_000, 7_000_000), (4, 5_000_000, 1_000_000)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(lines, "BLOCK_BYTES", block)
            patch.setattr(partitions, "PARTITION_BYTES", partition)
            out = tmp_path / str(workers)
            seen[str(workers)] = contents(build_dataset.build(recipe, out, Local(workers)).place)
    assert seen["1"] == seen["2"] == seen["4"]


def test_cells_are_text_where_the_schema_says_text(tmp_path: Path) -> None:
    path = corpus("fivethirtyeight-events") / "police-deaths/all_data.csv"
    text = path.read_text("utf-8")
    names = next(csv.reader(io.StringIO(text)))
    fields: dict[str, Any] = dict.fromkeys(names, STRING)
    keys = f"id = {names}\n[tables.rows.duplicates]\nexact = 'drop'"
    recipe = project(tmp_path, [path], fields, keys, "[limits]\nrejected = '100%'\n")
    built = build_dataset.build(recipe, tmp_path / "out", Local(2))
    rows = [{name: cell or None for name, cell in row.items()} for row in csv.DictReader(io.StringIO(text, newline=""))]
    whole = [row for row in rows if all(row.values())]  # an id is never empty
    assert counted(published(built)) == Counter(counted(whole).keys())


def test_dates_with_two_digits_of_a_year_and_numbers_with_separators_are_refused(tmp_path: Path) -> None:
    path = corpus("fivethirtyeight-events") / "antiquities-act/actions_under_antiquities_act.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    fields: dict[str, Any] = dict.fromkeys(rows[0], TEXT)
    fields["acres_affected"] = {"type": ["number", "null"]}
    names = [name for name in rows[0] if name != "acres_affected"]
    recipe = project(tmp_path, [path], fields, f"id = '{names[0]}'", "[limits]\nrejected = '100%'\n")
    built = build_dataset.build(recipe, tmp_path / "out", Local(1))
    removed = (built.place.parent / "notes-1.0.0.removed/rejected.jsonl").read_text("utf-8").splitlines()
    refused = [json.loads(line) for line in removed]
    wrong = [row["row"]["acres_affected"] for row in refused if row["code"] == "SCHEMA_TYPE"]
    assert sorted(wrong) == sorted(row["acres_affected"] for row in rows if not _is_number(row["acres_affected"]))
    assert any("," in text for text in wrong)


def _is_number(text: str) -> bool:
    try:
        return not text or (json.loads(text) is not None and text[0] != "[")
    except ValueError:
        return False


def test_a_header_with_unnamed_columns_is_refused(tmp_path: Path) -> None:
    path = corpus("fivethirtyeight-events") / "cabinet-turnover/cabinet-turnover.csv"
    recipe = project(tmp_path, [path], {"president": STRING}, "id = 'president'")
    with pytest.raises(InputError) as caught:
        build_dataset.build(recipe, tmp_path / "out", Local(1))
    assert {problem.code for problem in caught.value.problems} >= {"CSV_HEADER_EMPTY"}


def test_a_folder_of_speeches_is_a_row_for_each_file(tmp_path: Path) -> None:
    folder = corpus("fivethirtyeight-events") / "state-of-the-state/speeches"
    recipe = project(tmp_path, [folder / "*.txt"], {"path": STRING, "text": STRING}, "id = 'path'")
    built = build_dataset.build(recipe, tmp_path / "out", Local(2))
    expected = [{"path": path.name, "text": path.read_bytes().decode()} for path in folder.glob("*.txt")]
    assert counted(published(built)) == counted(expected)
    assert len(built.manifest.tables["rows"].sources) == len(expected) == 50


def test_events_of_a_data_package_are_read_by_their_schema(tmp_path: Path) -> None:
    folder = corpus("owid-frictionless") / "Significant earthquake events (NGDC-NASA)"
    (path,) = folder.glob("*.csv")
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    fields: dict[str, Any] = {name: {"type": ["number", "null"]} for name in rows[0]}
    fields |= {"Entity": STRING, "Year": {"type": "integer"}}
    built = build_dataset.build(
        project(tmp_path, [path], fields, "id = ['Entity', 'Year']"), tmp_path / "out", Local(2)
    )
    typed = [
        {"Entity": row.pop("Entity"), "Year": int(row.pop("Year"))}
        | {name: float(cell) if cell else None for name, cell in row.items()}
        for row in rows
    ]
    assert counted(published(built)) == counted(typed)
