"""Real corpora that others wrote: balanced books, the same rows, the same bytes however they are read."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import build_dataset
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import DATASET, SHARED, contents

from parquetry.reader.drift import Built
from parquetry.reader.verify import verify
from parquetry.sources import encodings, lines, partitions
from parquetry.words.engine import Local
from parquetry.words.errors import InputError, Problem

CORPORA = SHARED / "corpora"
#: Bytes of a block of JSON Lines, of other text, and of a partition: as they are, and so that most of it is cut.
LARGE, SMALL = (2 << 20, 1 << 20, 32_000_000), (300_000, 5_000, 1_000_000)
STRING: dict[str, Any] = {"type": "string"}
TEXT: dict[str, Any] = {"type": ["string", "null"]}
DATE: dict[str, Any] = TEXT | {"format": "date"}
INTEGER: dict[str, Any] = {"type": ["integer", "null"]}
NUMBER: dict[str, Any] = {"type": ["number", "null"]}
Row = dict[str, Any]


class Case(NamedTuple):
    """A table of a corpus: its files, its columns, and what no two of its rows have in common."""

    sources: tuple[Path, ...]
    fields: Mapping[str, Any]
    id: tuple[str, ...]
    text: tuple[str, ...] = ()  #: Of rows with the same, the first stays.
    more: str = ""  #: Other lines of the recipe.
    split: str = "ratios = { train = 0.9, test = 0.1 }"

    @property
    def files(self) -> list[Path]:
        """Its files in the order of their names."""
        found = [path for one in self.sources for path in (one.parent.glob(one.name) if "*" in one.name else [one])]
        return sorted(found, key=os.fsencode)


def corpus(name: str) -> Path:
    if not (CORPORA / name).is_dir():
        pytest.skip(f"the corpus {name} is not beside this repository (../shared/corpora)")
    return CORPORA / name


def strings(names: str) -> dict[str, Any]:
    return dict.fromkeys(names.split(), STRING)


def thaigov(files: str) -> dict[str, Case]:
    fields = strings("id path category title url text") | {"crawl_date": DATE}
    years = sorted(corpus("thaigov-v2").glob(files))
    return {"news": Case(tuple(years), fields, ("id",), ("text",))}


def gesetze() -> dict[str, Case]:
    fields = strings("id path body_markdown") | {"front_matter": {"type": "object"}, "title": TEXT, "jurabk": TEXT}
    fields |= {"date": DATE, "front_matter_error": TEXT}
    return {"laws": Case((corpus("gesetze-de") / "laws.jsonl.zst",), fields, ("id",), ("body_markdown",))}


def eltec() -> dict[str, Case]:
    names = "path lang title author author_ref year authorGender size reprintCount timeSlot words license id text"
    return {"novels": Case((corpus("eltec-eng") / "novels.jsonl.zst",), strings(names), ("id",), ("text",))}


def tldr() -> dict[str, Case]:
    fields = strings("id language platform command title text")
    return {"pages": Case((corpus("tldr-pages") / "pages.jsonl.zst",), fields, ("id",), ("text",))}


def events() -> dict[str, Case]:
    """Six tables of cells that stay as they are, and two with numbers; one row of `index` for each speech."""
    folder = corpus("fivethirtyeight-events")
    acts = strings("current_name states current_agency action")
    optional = dict.fromkeys("original_name date year pres_or_congress acres_affected".split(), TEXT)
    left = dict.fromkeys("Member,Party,District,Congress,Resignation Date,Reason,Source,Category".split(","), STRING)
    guests = strings("YEAR GoogleKnowlege_Occupation Show Group Raw_Guest_List")
    words = dict.fromkeys("d_speeches r_speeches total".split(), INTEGER) | {"phrase": STRING, "category": TEXT}
    words |= dict.fromkeys("percent_of_d_speeches percent_of_r_speeches chi2 pval".split(), NUMBER)
    states = folder / "state-of-the-state"
    follow = "references = { filename = 'speeches' }"
    return {
        "acts": Case((folder / "antiquities-act/actions_under_antiquities_act.csv",), acts | optional, tuple(acts)),
        "resignations": Case(
            (folder / "congress-resignations/congressional_resignations.csv",), left, ("Member", "Resignation Date")
        ),
        "deaths": Case((folder / "police-deaths/all_data.csv",), strings("person dept eow cause"), ("person", "eow")),
        "guests": Case(
            (folder / "daily-show-guests/daily_show_guests.csv",), guests, tuple(guests), text=tuple(guests)
        ),
        "words": Case((states / "words.csv",), words, ("phrase",)),
        "speeches": Case((states / "speeches/*.txt",), strings("path text"), ("path",)),
        "index": Case(
            (states / "index.csv",),
            strings("state governor party filename url"),
            ("state",),
            more=follow,
            split="follow = 'filename'",
        ),
    }


def packages() -> dict[str, Case]:
    """Seven data packages, typed as they say; a value of any type is a number, unless NA is among them."""
    found = {}
    for number, folder in enumerate(sorted(corpus("owid-frictionless").glob("*/"))):
        (resource,) = json.loads((folder / "datapackage.json").read_text("utf-8"))["resources"]
        (path,) = folder.glob("*.csv")
        with path.open(encoding="utf-8", newline="") as file:
            texts = {name for row in csv.DictReader(file) for name, cell in row.items() if cell == "NA"}
        kinds = {"string": STRING, "year": {"type": "integer"}}
        fields = {
            field["name"]: TEXT if field["name"] in texts else kinds.get(field["type"], NUMBER)
            for field in resource["schema"]["fields"]
        }
        found[f"package{number}"] = Case((path,), fields, ("Entity", "Year"))
    return found


CASES: dict[str, Callable[[], dict[str, Case]]] = {
    "thaigov-v2 of a year": lambda: thaigov("thaigov-2025.jsonl.zst"),
    "thaigov-v2": lambda: thaigov("*.zst"),
    "gesetze-de": gesetze,
    "eltec-eng": eltec,
    "tldr-pages": tldr,
    "fivethirtyeight-events": events,
    "owid-frictionless": packages,
}
#: Of each table: records, and what became of those that are not published.
BOOKS: dict[str, dict[str, tuple[int, dict[str, int]]]] = {
    "thaigov-v2 of a year": {"news": (8284, {"DUPLICATE": 39})},
    "thaigov-v2": {"news": (63241, {"DUPLICATE": 222, "ID_DUPLICATE": 1})},
    "gesetze-de": {"laws": (1422, {})},
    "eltec-eng": {"novels": (50, {})},
    "tldr-pages": {"pages": (38404, {"DUPLICATE": 476})},
    "fivethirtyeight-events": {
        "acts": (344, {"ID_DUPLICATE": 48}),
        "resignations": (615, {}),
        "deaths": (22800, {}),
        "guests": (2693, {"DUPLICATE": 16}),
        "words": (2223, {}),
        "speeches": (50, {}),
        "index": (50, {}),
    },
    "owid-frictionless": {
        f"package{number}": (rows, {}) for number, rows in enumerate((5872, 45024, 143640, 450, 497, 192, 7585))
    },
}


def cases(*slow: str) -> Any:
    """Every corpus; the slow ones are marked."""
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=[pytest.mark.slow] if name in slow else []) for name in CASES]
    )


def project(folder: Path, tables: Mapping[str, Case], limits: str = "[limits]\nrejected = '100%'\n") -> Path:
    """A recipe for files that others wrote."""
    text = DATASET
    for name, case in tables.items():
        required = [field for field, spec in case.fields.items() if "null" not in spec["type"]]
        schema = {"type": "object", "additionalProperties": False, "required": required, "properties": case.fields}
        (folder / f"{name}.schema.json").write_text(json.dumps(schema), "utf-8")
        text += f"\n[tables.{name}]\nschema = '{name}.schema.json'\nid = {json.dumps(case.id)}\n{case.more}\n"
        text += f"sources = {json.dumps([str(path) for path in case.sources], ensure_ascii=False)}\n"
        text += f"text = {json.dumps(case.text)}\n[tables.{name}.split]\n{case.split}\n"
    recipe = folder / "recipe.toml"
    recipe.write_text(text + limits, "utf-8")
    return recipe


def rows_of(path: Path, fields: Mapping[str, Any]) -> Iterator[Row]:
    """The rows of a file as anyone would read them, one after the other."""
    if path.suffix == ".zst":
        with pa.input_stream(str(path), compression="zstd") as stream:
            for line in _lines(stream):
                row = json.loads(line)
                yield {name: row.pop(name, None) for name in fields}
                assert row == {}
    elif path.suffix == ".txt":
        yield {"path": path.name, "text": path.read_bytes().decode()}
    else:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                yield {name: _cell(spec, row[name]) for name, spec in fields.items()}


def _lines(stream: Any) -> Iterator[bytes]:
    held = b""
    while block := stream.read(1 << 24):
        *whole, held = (held + block).split(b"\n")
        yield from whole
    if held:
        yield held


def _cell(spec: Mapping[str, Any], text: str) -> Any:
    if not text and "null" in spec["type"]:
        return None
    return float(text) if "number" in spec["type"] else int(text) if "integer" in spec["type"] else text


def digest(row: Row) -> str:
    """What stands for a row, for there are too many to keep; days as text."""
    return hashlib.sha256(json.dumps(row, sort_keys=True, default=str).encode()).hexdigest()


def account(case: Case) -> tuple[dict[str, Counter[str]], dict[str, int]]:
    """What should become of the records of each file, and the places of those that are published.

    An id that stands twice is a mistake, unless all else is the same too; a text that does is none.
    """
    books, places = dict[str, Counter[str]](), dict[str, int]()
    wholes, ids, texts = set[str](), set[str](), set[str]()
    for path in case.files:
        book = books.setdefault(path.name, Counter())
        for row in rows_of(path, case.fields):
            whole, key, text = (digest({name: row[name] for name in some}) for some in (row, case.id, case.text))
            if case.text and whole in wholes:
                fate = "DUPLICATE"
            elif key in ids:
                fate = "ID_DUPLICATE"
            elif case.text and text in texts:
                fate = "DUPLICATE"
            else:
                fate, places[whole] = "published", len(places)
            if fate != "ID_DUPLICATE":
                texts.add(text)
            wholes.add(whole)
            ids.add(key)
            book[fate] += 1
    return books, places


def published(release: Path, table: str, case: Case) -> Iterator[tuple[str, Row]]:
    """The rows of a table with their splits; open maps as the JSON that they are."""
    maps = [name for name, spec in case.fields.items() if "object" in spec["type"]]
    for path in sorted((release / "data" / table).iterdir()):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(1000):
                for row in batch.to_pylist():
                    yield path.name.split("-")[0], row | {name: json.loads(row[name]) for name in maps}


def read_built(recipe: Path, folder: Path, workers: int = 2, sizes: tuple[int, int, int] = LARGE) -> Built:
    """A build by so many workers, with blocks and partitions of these sizes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines, "BLOCK_BYTES", sizes[0])
        patch.setattr(encodings, "BLOCK_BYTES", sizes[1])
        patch.setattr(partitions, "PARTITION_BYTES", sizes[2])
        return build_dataset.build(recipe, folder, Local(workers))


@cases("thaigov-v2")
def test_rows_that_others_wrote_are_published_as_they_are(name: str, tmp_path: Path) -> None:
    """All of them, in the order of the sources, and the books say so."""
    tables = CASES[name]()
    built = read_built(project(tmp_path, tables), tmp_path / "out")
    for table, case in tables.items():
        books, places = account(case)
        found = {source.path: (source.read, source.published, source.removed) for source in books_of(built, table)}
        removed = {path: {code: n for code, n in book.items() if code != "published"} for path, book in books.items()}
        assert found == {path: (book.total(), book["published"], removed[path]) for path, book in books.items()}
        total = sum(books.values(), Counter[str]())
        rows, gone = BOOKS[name][table]
        assert (total.total(), {code: n for code, n in total.items() if code != "published"}) == (rows, gone)
        for source, path in zip(books_of(built, table), case.files, strict=True):
            raw = path.read_bytes()
            assert (source.bytes, source.sha256) == (len(raw), hashlib.sha256(raw).hexdigest())
        last = dict[str, int]()
        for split, row in published(built.place, table, case):
            place = places.pop(digest(row))
            assert place > last.get(split, -1)
            last[split] = place
        assert places == {}
    report = verify(built.place, "deep")
    assert report.problems == ()
    assert report.rows == sum(rows - sum(gone.values()) for rows, gone in BOOKS[name].values())


def test_splits_that_others_made_are_kept(tmp_path: Path) -> None:
    """The files are the splits; which row is in which, neither workers nor blocks change."""
    files = {"train": corpus("gsm8k") / "train.jsonl.gz", "test": corpus("gsm8k") / "test.jsonl"}
    case = Case(tuple(files.values()), strings("question answer"), ("question",), ("question",))
    given = ", ".join(f"{split} = [{json.dumps(str(path))}]" for split, path in files.items())
    recipe = project(tmp_path, {"problems": case._replace(split=f"given = {{ {given} }}")}, "")
    built = read_built(recipe, tmp_path / "out")
    rows = Counter((split, row["question"]) for split, row in published(built.place, "problems", case))
    wanted = Counter[tuple[str, str]]()
    for split, path in files.items():
        with pa.input_stream(str(path), compression="gzip" if path.suffix == ".gz" else None) as stream:
            wanted.update((split, json.loads(line)["question"]) for line in stream.read().splitlines())
    assert rows == wanted
    facts = built.manifest.tables["problems"]
    assert {split: found.rows for split, found in facts.splits.items()} == {"train": 7473, "test": 1319}
    assert (facts.split_method, facts.split_rule) == ("given", "train from train.jsonl.gz, test from test.jsonl")
    assert verify(built.place, "deep").problems == ()
    assert read_built(recipe, tmp_path / "again", 1, SMALL).manifest == built.manifest


def test_laws_are_split_by_their_day(tmp_path: Path) -> None:
    table = gesetze()["laws"]
    split = "time = { column = 'date', train = '2000-01-01', validation = '2015-01-01', test = '' }"
    recipe = project(tmp_path, {"laws": table._replace(split=split)}, "")
    built = read_built(recipe, tmp_path / "out")
    found = Counter(split for split, _ in published(built.place, "laws", table))
    for split, row in published(built.place, "laws", table):
        day = str(row["date"])
        assert split == ("train" if day < "2000-01-01" else "validation" if day < "2015-01-01" else "test")
    assert found.total() == 1422
    assert set(found) == {"train", "validation", "test"}
    assert verify(built.place, "deep").problems == ()
    assert read_built(recipe, tmp_path / "again", 1, SMALL).manifest == built.manifest


def test_news_without_a_day_have_no_split_by_time(tmp_path: Path) -> None:
    news = thaigov("thaigov-2025.jsonl.zst")["news"]._replace(split="time = { column = 'crawl_date', test = '' }")
    with pytest.raises(InputError) as caught:
        read_built(project(tmp_path, {"news": news}, ""), tmp_path / "out")
    (problem,) = caught.value.problems
    assert problem.what.startswith("41 rows come to no split: crawl_date is null (lines ")


def books_of(built: Built, table: str) -> Iterable[Any]:
    return built.manifest.tables[table].sources


@cases("thaigov-v2 of a year", "thaigov-v2", "gesetze-de", "eltec-eng", "tldr-pages", "owid-frictionless")
def test_workers_and_blocks_do_not_show(name: str, tmp_path: Path) -> None:
    """One file of JSON Lines is decompressed, so that it is cut; several are read beside each other as they are."""
    tables = CASES[name]()
    for table, case in tables.items():
        if len(case.files) == 1 and case.files[0].suffix == ".zst":
            plain = tmp_path / "rows.jsonl"
            with pa.input_stream(str(case.files[0]), compression="zstd") as stream:
                plain.write_bytes(stream.read())
            tables[table] = case._replace(sources=(plain,))
    recipe, seen = project(tmp_path, tables), dict[Any, dict[str, str]]()
    for sizes in (LARGE, SMALL):
        for workers in (1, 2, 4):
            built = read_built(recipe, tmp_path / "out", workers, sizes)
            assert built.outcome == "built"
            files = contents(tmp_path / "out").items()  # the release, and the removed rows beside it
            seen[sizes, workers] = {path: hashlib.sha256(raw).hexdigest() for path, raw in files}
            shutil.rmtree(tmp_path / "out")
    assert list(seen.values()) == [seen[LARGE, 1]] * 6


# Cells: what is no number and no day is refused where the schema says so, and kept to the letter where it says text.


def is_day(text: str) -> bool:
    try:
        return bool(date.fromisoformat(text)) and len(text) == 10
    except ValueError:
        return False


def is_number(text: str) -> bool:
    return re.fullmatch(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?", text, re.ASCII) is not None


DAY = (DATE, is_day, "SCHEMA_FORMAT", "{!r} is not a date (YYYY-MM-DD)")
AMOUNT = (NUMBER, is_number, "SCHEMA_TYPE", "expected number, found {!r}")


@pytest.mark.parametrize(
    ("table", "column", "says", "wrong"),
    [
        ("acts", "date", DAY, 337),
        ("acts", "acres_affected", AMOUNT, 137),
        ("resignations", "Resignation Date", DAY, 615),
        ("guests", "Show", DAY, 2693),
        ("deaths", "eow", DAY, 22800),
    ],
)
def test_dates_with_two_digits_of_a_year_and_numbers_with_separators_are_refused(
    table: str, column: str, says: Any, wrong: int, tmp_path: Path
) -> None:
    spec, right, code, message = says
    case = events()[table]
    found = list(csv_lines(case.files[0], column))
    other = next(name for name in case.fields if name != column)  # a day is no id
    case = case._replace(fields={**case.fields, column: spec}, id=(other,), text=())
    built = refusing(project(tmp_path, {table: case}), tmp_path / "out")
    refused = [row for row in built if row["code"] == code]
    assert [(row["line"], row["pointer"], row["message"], row["row"][column]) for row in refused] == [
        (line, f"/{column}", message.format(text[:40]), text) for line, text in found if text and not right(text)
    ]
    assert len(refused) == wrong


def csv_lines(path: Path, column: str) -> Iterator[tuple[int, str]]:
    """The cells of a column with the lines that their records begin on; no cell has more than one line."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            yield reader.line_num, row[column]


def refusing(recipe: Path, folder: Path) -> list[Row]:
    """What a build refuses, whether or not a row is left."""
    try:
        place = build_dataset.build(recipe, folder, Local(2)).place.with_suffix(".0.removed")
    except InputError as error:
        assert [p.code for p in error.problems] == ["TABLE_EMPTY", "REFUSED"]
        place = folder / "notes-1.0.0.refused"
    return [json.loads(line) for line in (place / "rejected.jsonl").read_text("utf-8").splitlines()]


def test_a_value_that_is_not_available_is_refused_where_a_number_is_expected(tmp_path: Path) -> None:
    tables = packages()
    name, case = next((name, case) for name, case in tables.items() if TEXT in case.fields.values())
    fields = {field: NUMBER if spec is TEXT else spec for field, spec in case.fields.items()}
    first = {line: text for field in reversed(fields) for line, text in csv_lines(case.files[0], field) if text == "NA"}
    refused = refusing(project(tmp_path, {name: case._replace(fields=fields)}), tmp_path / "out")
    assert {row["line"] for row in refused} == set(first)
    assert {(row["code"], row["message"]) for row in refused} == {("SCHEMA_TYPE", "expected number, found 'NA'")}


def test_a_header_with_unnamed_columns_is_refused(tmp_path: Path) -> None:
    path = corpus("fivethirtyeight-events") / "cabinet-turnover/cabinet-turnover.csv"
    fields = strings("president position appointee start_date end_date") | {"length": TEXT, "departure_day": TEXT}
    case = Case((path,), fields | strings("gender"), ("position", "start_date"))
    with pytest.raises(InputError) as caught:
        build_dataset.build(project(tmp_path, {"rows": case}), tmp_path / "out", Local(1))
    fix = "name every column, or remove those without a name"
    where, what = "cabinet-turnover.csv:1", "columns without a name: 9, 10"
    assert caught.value.problems == (Problem("CSV_HEADER_EMPTY", where, what, fix),)


def test_a_byte_order_mark_and_returns_are_no_part_of_a_cell(tmp_path: Path) -> None:
    """The file that was refused, with names for its last two columns."""
    path = corpus("fivethirtyeight-events") / "cabinet-turnover/cabinet-turnover.csv"
    header, rest = path.read_bytes().split(b"\r\n", 1)
    assert header.startswith(b"\xef\xbb\xbf")
    assert header.endswith(b",,")
    named = tmp_path / "named.csv"
    named.write_bytes(header.removesuffix(b",,") + b",more,most\r\n" + rest)
    fields = strings("president position appointee start_date end_date gender")
    fields |= dict.fromkeys("length departure_day more most".split(), TEXT)
    case = Case((named,), fields, ("position", "start_date"))
    built = build_dataset.build(project(tmp_path, {"rows": case}, ""), tmp_path / "out", Local(2))
    rows = Counter(digest(row) for _, row in published(built.place, "rows", case))
    assert rows == Counter(digest(row) for row in rows_of(named, fields))
    assert rows.total() == 379


def test_a_row_of_an_index_stands_where_its_speech_stands(tmp_path: Path) -> None:
    tables = {name: case for name, case in events().items() if name in ("speeches", "index")}
    built = build_dataset.build(project(tmp_path, tables, ""), tmp_path / "out", Local(2))
    splits = {row["path"]: split for split, row in published(built.place, "speeches", tables["speeches"])}
    assert {row["filename"]: split for split, row in published(built.place, "index", tables["index"])} == splits
    assert len(built.manifest.tables["speeches"].sources) == len(splits) == 50
