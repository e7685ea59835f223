"""``parquetry new``: what it makes is whole, builds at once, and passes its own tests; or nothing is made."""

from __future__ import annotations

import json
import os
import pty
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import build_dataset
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from conftest import SHARED, contents, stored

from parquetry.papers.sections import sections
from parquetry.reader.verify import verify
from parquetry.start.new import FILES
from parquetry.words.engine import Local

Done = subprocess.CompletedProcess[str]
ROWS = [
    {"id": f"n{i}", "day": f"2026-01-{i % 28 + 1:02}", "kind": "ab"[i % 2], "stars": i % 5 + 1, "share": i / 4,
     "note": None if i % 3 else "seen"}
    for i in range(30)
]  # fmt: skip


def new(*words: str | Path, cwd: Path) -> Done:
    """Run ``parquetry new`` without a terminal."""
    command = [sys.executable, "-m", "parquetry", "new", *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)


def run(*words: str, cwd: Path) -> str:
    """Run Python where a repository is, and hold that it ends well."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def works(repository: Path) -> dict[str, Any]:
    """Build a repository as its README says, and run its own tests, which verify a release deeply; what is built."""
    run("build_dataset.py", cwd=repository)
    assert "2 passed" in run("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests", cwd=repository)
    return built(repository)


def built(repository: Path) -> dict[str, Any]:
    """Build a repository, and verify its release deeply; what is built."""
    found = build_dataset.build(repository / "recipe.toml", None, Local(1))
    assert not verify(found.place, "deep").problems
    tables = json.loads(found.manifest.text())["tables"]
    return {"release": found.manifest.name, "place": found.place, "warnings": found.warnings, "tables": tables}


def lines(rows: list[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def table(rows: list[dict[str, Any]], between: str = ",") -> bytes:
    cells = [[str("" if value is None else value) for value in row.values()] for row in rows]
    return "".join(between.join(row) + "\n" for row in [list(rows[0]), *cells]).encode()


def columns(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    write = pq.write_table if name.endswith(".parquet") else pyarrow.feather.write_feather
    write(pa.Table.from_pylist(rows), str(folder / name))  # type: ignore[operator]
    return folder / name


KINDS: dict[str, Callable[[list[dict[str, Any]]], bytes] | None] = {
    "notes.jsonl": lines,
    "notes.ndjson.gz": lines,
    "notes.jsonl.zst": lines,
    "notes.json": lambda rows: json.dumps(rows, indent=1).encode(),
    "notes.csv": table,
    "notes.csv.gz": table,
    "notes.tsv": lambda rows: table(rows, "\t"),
    "notes.parquet": None,
    "notes.arrow": None,
}
SLOW = [name if name in ("notes.csv", "notes.json") else pytest.param(name, marks=pytest.mark.slow) for name in KINDS]


def source(folder: Path, name: str, rows: list[dict[str, Any]]) -> Path:
    """A file of these rows, of the kind that its name says."""
    make = KINDS[name]
    return stored(folder, name, make(rows)) if make else columns(folder, name, rows)


def test_without_a_file_two_examples_make_a_dataset_that_builds_at_once(tmp_path: Path) -> None:
    done = new("my-notes", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "my-notes: made, 12 files",
        "  in      my-notes",
        "  from    2 records of records.jsonl",
        "  id      id",
        "  text    text",
        "  draft   schema/records.schema.json: 4 properties, 0 with a question of their own",
        "  next    cd my-notes && python build_dataset.py",
        "          then answer what `make questions` lists",
    ]
    made = {*FILES, "schema/records.schema.json", "data/corpus/records.jsonl"}
    assert set(contents(tmp_path / "my-notes")) == made
    said = works(tmp_path / "my-notes")
    assert (said["release"], said["warnings"]) == ("my-notes-1.0.0", [])
    run("build_dataset.py", "--check", cwd=tmp_path / "my-notes")


@pytest.mark.parametrize("name", SLOW)
def test_every_kind_of_file_becomes_a_repository_that_builds_and_passes_its_tests(tmp_path: Path, name: str) -> None:
    path = source(tmp_path, name, ROWS)
    before = path.read_bytes()
    assert new("mine", "--from", path, cwd=tmp_path).returncode == 0
    copy = tmp_path / "mine/data/corpus" / name
    assert copy.read_bytes() == before == path.read_bytes()
    said = (works if name == "notes.csv" else built)(tmp_path / "mine")
    assert said["warnings"] == []
    assert sum(split["rows"] for split in said["tables"]["notes"]["splits"].values()) == len(ROWS)
    schema = json.loads((tmp_path / "mine/schema/notes.schema.json").read_text("utf-8"))
    types = {name: spec.get("format") or spec["type"] for name, spec in schema["properties"].items()}
    assert types == {
        "id": "string", "day": "date", "kind": "string", "stars": "integer", "share": "number",
        "note": ["string", "null"],
    }  # fmt: skip
    assert schema["properties"]["kind"]["enum"] == ["a", "b"]


@pytest.mark.parametrize("name", ["notes.ndjson.gz", "notes.json", "notes.csv", "notes.parquet"])
def test_records_that_nothing_tells_apart_are_numbered_in_the_copy(tmp_path: Path, name: str) -> None:
    path = source(tmp_path, name, [{"a": 'x"y' if "csv" not in name and "tsv" not in name else "x", "b": 1}] * 3)
    done = new("mine", "--from", path, cwd=tmp_path)
    assert (done.returncode, (tmp_path / "mine").exists()) == (2, False)
    assert done.stderr == (
        f"error[ID_MISSING] {name}: no property identifies a record: none of them, and no two or three together, "
        "differ in all records; 2 records are the same as one before\n"
        "  fix: add an id to the records, or let them be numbered in the copy: --number row\n"
    )
    assert new("mine", "--from", path, "--number", "row", cwd=tmp_path).returncode == 0
    said = built(tmp_path / "mine")
    assert sum(split["rows"] for split in said["tables"]["notes"]["splits"].values()) == 3
    rows = pq.read_table(next((tmp_path / "mine").glob("data/*/data/notes/*.parquet")))
    assert rows.column("row").to_pylist() == [1, 2, 3]
    assert rows.drop_columns(["row"]).to_pylist() == [rows.drop_columns(["row"]).to_pylist()[0]] * 3


def test_files_that_are_called_by_their_splits_keep_them(tmp_path: Path) -> None:
    for name, start in (("train.jsonl.gz", 0), ("notes-test.jsonl", 50)):
        stored(tmp_path, name, lines([{"q": f"Question number {i}?", "a": "x" * i} for i in range(start, start + 40)]))
    done = new("mine", "--from", "train.jsonl.gz", "--from", "notes-test.jsonl", "--text", "q", cwd=tmp_path)
    assert (done.returncode, done.stdout.splitlines()[2]) == (
        0,
        "  from    80 records of train.jsonl.gz and notes-test.jsonl",
    )
    splits = built(tmp_path / "mine")["tables"]["records"]["splits"]
    assert {name: split["rows"] for name, split in splits.items()} == {"train": 40, "test": 40}


def test_options_answer_all_questions(tmp_path: Path) -> None:
    path = stored(tmp_path, "a.csv", "k;n\n1;é\n2;b\n".encode("cp1252"))
    answers = [
        "--title",
        'Notes "of" \\ <me>',
        "--summary",
        "What | I noted.",
        "--license",
        "cc-by-4.0",
        "--language",
        "de",
    ]
    answers += [
        "--language",
        "en",
        "--creator",
        "Doe, Jane",
        "--creator",
        "ACME",
        "--name",
        "notes",
        "--table",
        "lines",
    ]
    answers += ["--id", "k", "--id", "n", "--text", "-", "--released", "2026-02-03", "--encoding", "cp1252"]
    assert new("mine", "--from", path, *answers, "--delimiter", ";", cwd=tmp_path).returncode == 0
    said = built(tmp_path / "mine")
    manifest = json.loads((said["place"] / "manifest.json").read_text("utf-8"))
    dataset = manifest["dataset"]
    assert said["release"] == "notes-1.0.0"
    assert (dataset["title"], dataset["summary"]) == ('Notes "of" \\ <me>', "What | I noted.")
    assert (dataset["license"], dataset["languages"], dataset["released"]) == ("cc-by-4.0", ["de", "en"], "2026-02-03")
    assert [creator["name"] for creator in dataset["creators"]] == ["Doe, Jane", "ACME"]
    assert said["tables"]["lines"]["id"] == ["k", "n"]


def test_the_same_answers_make_the_same_files(tmp_path: Path) -> None:
    path = source(tmp_path, "notes.csv", ROWS)
    for place in ("a", "b"):
        (tmp_path / place).mkdir()
        assert new("mine", "--from", path, "--released", "2026-01-31", cwd=tmp_path / place).returncode == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_card_asks_under_every_heading(tmp_path: Path) -> None:
    assert new("mine", cwd=tmp_path).returncode == 0
    card = (tmp_path / "mine/DATASET_CARD.md").read_text("utf-8")
    asked = sections(card)
    assert {
        "dataCollection", "dataCollectionTimeframe", "dataPreprocessingProtocol", "dataAnnotationProtocol",
        "dataLimitations", "dataBiases", "dataUseCases", "personalSensitiveInformation", "dataSocialImpact",
        "dataReleaseMaintenancePlan",
    } == set(asked)  # fmt: skip
    assert all("?" in text for text in asked.values())


def test_an_empty_folder_is_filled_and_stays_the_same_folder(tmp_path: Path) -> None:
    here = tmp_path / "mine"
    here.mkdir()
    done = new(".", cwd=here)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "mine: made, 12 files")
    assert (here / "recipe.toml").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_verb_runs_the_installed_story_where_a_file_has_its_name(tmp_path: Path) -> None:
    assert new("mine", cwd=tmp_path).returncode == 0
    assert "mine-1.0.0: built" in run("-m", "parquetry", "build", "--out", "out", cwd=tmp_path / "mine")


@pytest.mark.skipif(not shutil.which("make"), reason="make is not installed")
def test_make_builds_and_lists_the_open_questions(tmp_path: Path) -> None:
    assert new("mine", cwd=tmp_path).returncode == 0
    make = ["make", "--no-print-directory", f"PYTHON={sys.executable}"]
    asked = subprocess.run(
        [*make, "questions"], cwd=tmp_path / "mine", capture_output=True, text=True, check=True
    ).stdout
    assert "*Who or what is in it more often than in the world" in asked
    assert '"description": "What is one record, in a sentence?"' in asked
    done = subprocess.run([*make, "dataset"], cwd=tmp_path / "mine", capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[0] == "mine-1.0.0: built"


def refusals() -> Iterator[Any]:
    """Words of a command, what stands there, and the whole message."""
    a = {"a.jsonl": lines([{"k": 1, "t": "x"}, {"k": 2, "t": "x"}])}
    known = "  fix: choose from k, t\n"
    yield (
        ["full"],
        {"full/x": b""},
        2,
        (
            "error[DIR_NOT_EMPTY] full: is not empty, and nothing is overwritten\n"
            "  fix: name a folder that is new or empty\n"
        ),
    )
    yield (
        ["file"],
        {"file": b""},
        2,
        "error[DIR_NOT_EMPTY] file: is a file\n  fix: name a folder that is new or empty\n",
    )
    yield (
        ["no/mine"],
        {},
        2,
        ("error[DIR_MISSING] no/mine: there is no folder to make it in\n  fix: make it first: mkdir -p no\n"),
    )
    yield (
        ["mine", "--from", "b.csv"],
        {},
        2,
        ("error[SOURCE_MISSING] b.csv: there is no such file\n  fix: correct the path\n"),
    )
    yield (
        ["mine", "--from", "b.ods"],
        {"b.ods": b"PK"},
        2,
        (
            "error[INPUT_TYPE] b.ods: no records are read from this kind of file\n  fix: use .jsonl, .ndjson, .json, "
            ".parquet, .arrow, .feather, .csv, .tsv, .xlsx, .txt or .md; JSON and CSV plain or with .gz or .zst\n"
        ),
    )
    yield (
        ["mine", "--from", "a.jsonl", "--license", "cc0"],
        a,
        2,
        ("error[RIGHTS_LICENSE_UNKNOWN] --license: unknown licence id 'cc0'\n  fix: did you mean 'cc0-1.0'?\n"),
    )
    yield (
        ["mine", "--from", "a.jsonl", "--released", "today"],
        a,
        2,
        ("error[RECIPE_VALUE] --released: 'today' is not a day\n  fix: write it like '2026-11-22'\n"),
    )
    yield (
        ["mine", "--from", "a.jsonl", "--id", "x"],
        a,
        2,
        (f"error[RECIPE_FIELD] --id: there is no property 'x'\n{known}"),
    )
    yield (
        ["mine", "--from", "a.jsonl", "--id", "t"],
        a,
        2,
        (
            "error[ID_DUPLICATE] --id: 't': two records share it, or one lacks it\n"
            "  fix: name another property, or several, or let the records be numbered: --number row\n"
        ),
    )
    yield (
        ["mine", "--from", "a.jsonl", "--text", "x"],
        a,
        2,
        (f"error[RECIPE_FIELD] --text: there is no property 'x'\n{known}"),
    )
    yield (
        ["mine", "--from", "a.jsonl", "--number", "k"],
        a,
        2,
        ("error[USAGE] --number: the records have a property 'k'\n  fix: choose another name\n"),
    )
    yield (
        ["mine", "--from", "b.csv"],
        {"b.csv": b"a,,b\n1,2,3\n"},
        3,
        (
            "error[CSV_HEADER_EMPTY] b.csv:1: columns without a name: 2\n"
            "  fix: name every column, or remove those without a name\n"
        ),
    )
    yield (
        ["mine", "--from", "b.csv"],
        {"b.csv": b"a,b\n"},
        3,
        ("error[INPUT_EMPTY] b.csv: the file holds no records\n  fix: remove it, or fetch it again\n"),
    )
    yield (
        ["mine", "--from", "b.csv"],
        {"b.csv": b",".join(b"c%d" % number for number in range(1001)) + b"\n"},
        3,
        (
            "error[FIELD_COUNT] b.csv: 1001 columns; a table has at most 1000\n"
            "  fix: keep those that are to be published\n"
        ),
    )
    yield (
        ["mine", "--from", "b.csv"],
        {"b.csv": b"a,b\n" + b"\r\n\n" * 3_000_000 + b"1\n"},
        3,
        (
            "error[CSV_FIELD_COUNT] b.csv:6000002: expected 2 cells, found 1\n"
            "  fix: correct the records: a build ends in 3 because of them, unless limits.rejected in the recipe "
            "allows them\n"
        ),
    )
    yield (
        ["mine", "--from", "b.jsonl"],
        {"b.jsonl": b"[1]\n"},
        3,
        (
            "error[JSON_NOT_OBJECT] b.jsonl:1: a record is a JSON object\n"
            "  fix: correct the records: a build ends in 3 because of them, unless limits.rejected in the recipe "
            "allows them\n"
        ),
    )
    yield (
        ["mine", "--from", "a.jsonl", "--from", "b.csv"],
        a | {"b.csv": b"a\n1\n"},
        2,
        ("error[INPUT_TYPE] b.csv: is of another kind than a.jsonl\n  fix: give files of one kind\n"),
    )
    yield (
        ["mine", "--encoding", "nope"],
        {},
        2,
        ("error[USAGE] command line: --encoding: 'nope' is not an encoding of text\n  fix: see --help\n"),
    )


@pytest.mark.parametrize(("words", "there", "code", "message"), list(refusals()))
def test_what_is_refused_is_told_and_leaves_nothing(
    tmp_path: Path, words: list[str], there: dict[str, bytes], code: int, message: str
) -> None:
    for name, raw in there.items():
        stored(tmp_path, name, raw)
    before = contents(tmp_path)
    done = new(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (code, "", message)
    assert contents(tmp_path) == before
    assert not (tmp_path / "mine").exists()


def test_records_that_cannot_be_read_are_told_and_copied_and_no_number_is_given_to_them(tmp_path: Path) -> None:
    path = stored(tmp_path, "a.jsonl", b'{"k": 1}\n{"k": 2,}\n')
    done = new("mine", "--from", path, "--number", "row", cwd=tmp_path)
    assert (done.returncode, [file.name for file in tmp_path.iterdir()]) == (3, ["a.jsonl"])
    done = new("mine", "--from", path, cwd=tmp_path)
    assert (done.returncode, done.stderr.splitlines()[0].split(":")[0]) == (0, "warning[JSON_SYNTAX] a.jsonl")
    assert (tmp_path / "mine/data/corpus/a.jsonl").read_bytes() == path.read_bytes()


def test_on_a_terminal_each_question_has_an_answer_to_be_taken(tmp_path: Path) -> None:
    source(tmp_path, "notes.csv", ROWS)
    leader, follower = pty.openpty()
    typed = ["My notes", "", "cc0", "cc0-1.0", "", "Doe, Jane; Roe, Max", "nope", "", ""]
    os.write(leader, "".join(f"{answer}\n" for answer in typed).encode())
    command = [sys.executable, "-m", "parquetry", "new", "mine", "--from", "notes.csv"]
    done = subprocess.run(
        command, cwd=tmp_path, stdin=follower, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[0] == (
        "30 records of notes.csv, 6 properties. Enter takes what stands in brackets."
    )
    assert "  unknown licence id 'cc0'; did you mean 'cc0-1.0'?" in done.stderr
    assert "  there is no property 'nope'; choose from id, day, kind, stars, share, note" in done.stderr
    recipe = (tmp_path / "mine/recipe.toml").read_text("utf-8")
    assert 'title = "My notes"' in recipe
    assert 'license = "cc0-1.0"' in recipe
    assert 'creators = [{ name = "Doe, Jane" }, { name = "Roe, Max" }]' in recipe
    assert 'id = "id"' in recipe


REAL: dict[str, tuple[str, ...]] = {
    "fivethirtyeight-events/antiquities-act/actions_under_antiquities_act.csv": ("--number", "row"),
    "fivethirtyeight-events/congress-resignations/congressional_resignations.csv": (),
    "fivethirtyeight-events/daily-show-guests/daily_show_guests.csv": ("--number", "row"),
    "fivethirtyeight-events/police-deaths/all_data.csv": (),
    "fivethirtyeight-events/state-of-the-state/index.csv": (),
    "fivethirtyeight-events/state-of-the-state/words.csv": (),
    "gsm8k/train.jsonl.gz": ("--from", "gsm8k/test.jsonl"),
    "tldr-pages/pages.jsonl.zst": (),
}
OWID = sorted(p.relative_to(SHARED / "corpora").as_posix() for p in (SHARED / "corpora").glob("owid-*/*/*.csv"))[:2]


@pytest.mark.slow
@pytest.mark.skipif(not (SHARED / "corpora").is_dir(), reason="the shared corpora are not here")
@pytest.mark.parametrize("name", [*REAL, *OWID])
def test_what_others_made_becomes_a_dataset_at_once(tmp_path: Path, name: str) -> None:
    words = [SHARED / "corpora" / word if "/" in word else word for word in REAL.get(name, ())]
    done = new("mine", "--from", SHARED / "corpora" / name, *words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    built(tmp_path / "mine")


def test_more_fields_than_usual_are_allowed_in_the_recipe(tmp_path: Path) -> None:
    """Each record has few, and no two of them the same."""
    rows = [{"id": str(row)} | {f"c{row}-{number}": "x" for number in range(600)} for row in range(2)]
    (tmp_path / "wide.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = new("mine", "--from", tmp_path / "wide.jsonl", "--id", "id", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "\nfields = 1201  # of a record\n" in (tmp_path / "mine/recipe.toml").read_text("utf-8")
    assert subprocess.run([sys.executable, "build_dataset.py"], cwd=tmp_path / "mine", check=False).returncode == 0
