"""Sheets of workbooks read like the same cells in a CSV file, and what is no workbook is refused."""

from __future__ import annotations

import csv
import datetime
import io
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow.parquet as pq
import pytest
from conftest import SHARED, Project
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from strategies import schema
from test_cells import KINDS, LIMITS, Found, rules

from parquetry.files import manifest
from parquetry.sources.partitions import Piece
from parquetry.sources.workbook import Sheet, written
from parquetry.words.errors import InputError
from parquetry.words.recipe import Limits

TEXT = {"type": "string"}


def workbook(path: Path, *sheets: Sequence[Sequence[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for number, rows in enumerate(sheets):
        sheet = book.create_sheet(f"Sheet {number + 1}")
        for line, row in enumerate(rows, 1):
            for column, value in enumerate(row, 1):
                cell = sheet.cell(line, column, value)
                if isinstance(value, str):
                    cell.data_type = "s"  # also where it looks like a formula
    book.save(path)
    return path


def records(path: Path, sheet: str = "", most: int = 1000, ratio: int = 1000) -> list[Any]:
    return Sheet(Piece(path, path.name, path.stat().st_size), sheet, most, ratio).take(1_000_000)


def refused(path: Path, sheet: str = "", **limits: int) -> str:
    with pytest.raises(InputError) as error:
        records(path, sheet, **limits)
    return str(error.value)


#: Text that a workbook can hold.
SAID = st.text(st.characters(codec="utf-8"), max_size=8).filter(lambda text: not ILLEGAL_CHARACTERS_RE.search(text))
CELLS: dict[str, st.SearchStrategy[Any]] = {
    "s": SAID.filter(lambda text: "\r" not in text and not text.startswith("_x")) | st.integers(0, 99),
    "n": st.integers(-(2**40), 2**40) | SAID,
    "small": st.integers(-200, 200),
    "d": st.floats(-1e12, 1e12, allow_subnormal=False).map(lambda number: float(f"{number:.10g}")) | st.integers(0, 9),
    "b": st.booleans() | st.sampled_from(["true", "yes"]),
    "day": st.dates(datetime.date(1950, 1, 1)) | st.sampled_from(["2026-11-22", "22/11/2026"]),
    "at": st.sampled_from(["2026-11-22T10:00:00Z", datetime.datetime(2026, 11, 22, 10)]),
    "f": st.integers(-100, 100).map(lambda number: number / 4),
    "l": st.sampled_from(["[1, 2]", "[1"]),
    "m": st.sampled_from(['{"a": 1}', "x"]),
}


@given(
    st.lists(st.fixed_dictionaries({name: st.none() | cells for name, cells in CELLS.items()}), min_size=1, max_size=6)
)
def test_a_sheet_reads_like_the_same_cells_in_a_csv_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.getbasetemp()
    cells = [[*CELLS], *([row[name] for name in CELLS] for row in rows)]
    book = workbook(folder / "a.xlsx", cells)
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([[written(value) for value in row] for row in cells])
    plain = folder / "a.csv"
    plain.write_text(text.getvalue(), "utf-8", newline="")
    if not text.getvalue().strip(",\n").removeprefix(",".join(CELLS)).strip(",\n"):
        return  # nothing but empty rows, which a build refuses
    table = rules()
    try:
        one, two = Found(book, KINDS, table, LIMITS), Found(plain, KINDS, table, LIMITS)
    except InputError:
        with pytest.raises(InputError):
            Found(plain, KINDS, table, LIMITS)
        return
    assert one.kept == two.kept
    assert [(row.code, row.pointer, row.message) for row in one.removed] == [
        (row.code, row.pointer, row.message) for row in two.removed
    ]


def test_rows_keep_their_numbers_and_empty_ones_are_passed_over(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [[], ["a", "b", None], ["line\nbreak", 1], [], ["x", None, None], [None, 2]])
    assert [(one.line, one.cells) for one in records(path) if not one.blank] == [
        (2, (b"a", b"b")), (3, (b"line\nbreak", b"1")), (5, (b"x", b"")), (6, (b"", b"2")),
    ]  # fmt: skip


def test_more_cells_than_the_header_has_are_no_row(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["s"], ["x"], ["y", "z"]])
    found = Found(path, KINDS, rules(), LIMITS)
    assert ([row["s"] for row in found.kept], found.lines) == (["x"], [2])
    assert [(row.code, row.line) for row in found.removed] == [("CSV_FIELD_COUNT", 3)]


def test_values_are_written_as_csv_has_them() -> None:
    some = [None, True, 3, 3.0, 0.1, 1e300, "007", datetime.date(2026, 1, 2), datetime.datetime(2026, 1, 2),
            datetime.datetime(2026, 1, 2, 3, 4), datetime.time(3, 4),
            datetime.timedelta(hours=30, seconds=5)]  # fmt: skip
    assert [written(value) for value in some] == [
        "", "true", "3", "3", "0.1", "1e+300", "007", "2026-01-02", "2026-01-02",
        "2026-01-02T03:04:00", "03:04:00", "30:00:05",
    ]  # fmt: skip


def test_a_cell_with_an_error_rejects_its_row(tmp_path: Path) -> None:
    path = tmp_path / "a.xlsx"
    book = openpyxl.Workbook()
    for row in (["s"], ["x"], ["#N/A"], ["y"]):
        book.active.append(row)
    book.save(path)
    found = Found(path, KINDS, rules(), LIMITS)
    assert [row["s"] for row in found.kept] == ["x", "y"]
    assert [(row.code, row.line, row.message) for row in found.removed] == [
        ("XLSX_ERROR", 3, "cell A3 holds the error #N/A")
    ]


def test_one_sheet_is_meant_or_named(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [], [["s"], ["x"]], [])
    assert [one.cells for one in records(path)] == [(b"s",), (b"x",)]
    path = workbook(tmp_path / "b.xlsx", [["s"], ["x"]], [["s"], ["y"]])
    assert refused(path) == (
        "error[XLSX_SHEET] b.xlsx: 2 sheets hold something: 'Sheet 1', 'Sheet 2'\n"
        '  fix: say which: --sheet, or read = { sheet = "Sheet 1" } in the table of the recipe'
    )
    assert [one.cells for one in records(path, "Sheet 2")] == [(b"s",), (b"y",)]
    assert "there is no sheet 'sheet 2'\n  fix: choose from 'Sheet 1', 'Sheet 2'" in refused(path, "sheet 2")
    assert refused(workbook(tmp_path / "c.xlsx", [])).startswith("error[INPUT_EMPTY]")


def test_a_row_that_is_too_long_is_set_aside(tmp_path: Path) -> None:
    path = workbook(tmp_path / "a.xlsx", [["s"], ["x" * 200], ["y"]])
    found = Found(path, KINDS, rules(), Limits(line_bytes=100))
    assert ([row["s"] for row in found.kept], [row.code for row in found.removed]) == (["y"], ["LINE_TOO_LONG"])


def packed(path: Path, changes: dict[str, bytes]) -> Path:
    """A workbook with other parts."""
    source = workbook(path.with_suffix(".old.xlsx"), [["s"], ["x"]])
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in old.namelist():
            archive.writestr(name, changes.get(name, old.read(name)))
    return path


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    path, sound = tmp_path / "a.xlsx", workbook(tmp_path / "b.xlsx", [["s"], ["x"]]).read_bytes()
    packed_other = packed(tmp_path / "c.xlsx", {"[Content_Types].xml": b"<Types/>"}).read_bytes()
    for raw in (b"", b"s\nx\n", packed_other, b"\xd0\xcf\x11\xe0" + bytes(100), sound[: len(sound) // 2], sound[:-30]):
        path.write_bytes(raw)
        assert refused(path).startswith("error[XLSX_INVALID] a.xlsx: is not a workbook that can be read: ")
        assert "fix: save it as .xlsx, without a password, or as CSV" in refused(path)
    book, sheet = "xl/workbook.xml", "xl/worksheets/sheet1.xml"
    entities = b'<!DOCTYPE a [<!ENTITY a0 "lol">' + b"".join(
        b'<!ENTITY a%d "%s">' % (i, b"&a%d;" % (i - 1) * 10) for i in range(1, 12)
    ) + b"]><worksheet>&a11;</worksheet>"  # fmt: skip
    for changes in ({book: b"<a/>"}, {book: b""}, {sheet: b"<a"}, {sheet: entities}):
        assert refused(packed(path, changes)).startswith(("error[XLSX_INVALID]", "error[INPUT_EMPTY]"))


def test_a_bomb_is_refused_before_it_is_opened(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.xlsx", {"xl/worksheets/sheet1.xml": b" " * 70_000_000})
    assert refused(path, ratio=10).startswith("error[DECOMPRESSION_RATIO] a.xlsx: grew beyond 5000000 bytes")


def test_a_bomb_beside_the_sheets_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.xlsx", {"xl/styles.xml": b" " * 17_000_000})
    assert refused(path).startswith("error[DECOMPRESSION_RATIO]")


def test_escaped_characters_are_read(tmp_path: Path) -> None:
    assert written("a_x000D_b_x005F_x000D_") == "a\rb_x000D_"


def test_a_compressed_workbook_is_not_read(project: Project) -> None:
    project.edit(SOURCES, 'sources = ["book.xlsx.gz"]\n')
    (project.root / "book.xlsx.gz").write_bytes(b"x")
    with pytest.raises(Exception, match=r"decompress \.xlsx files"):
        project.build()


SCHEMA = {
    "type": "object", "additionalProperties": False, "required": ["id", "day"],
    "properties": {"id": TEXT, "day": {"type": "string", "format": "date"}, "stars": {"type": ["integer", "null"]}},
}  # fmt: skip
SOURCES = 'sources = ["notes*.jsonl"]\n'


def test_a_workbook_is_a_source(project: Project) -> None:
    project.edit(SOURCES, 'sources = ["book.xlsx"]\nread = { sheet = "Sheet 2" }\n')
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    project.schema("notes", SCHEMA)
    rows = [["id", "day", "stars"], ["007", datetime.date(2026, 1, 2), 5], [8, "2026-01-03", None]]
    workbook(project.root / "book.xlsx", [["something else"]], rows)
    project.build()
    found = manifest.load(project.release).tables["notes"]
    assert (found.sources[0].path, found.sources[0].read, found.sources[0].published) == ("book.xlsx", 2, 2)
    assert pq.read_table(project.release / "data/notes/train-00000-of-00001.parquet").to_pylist() == [
        {"id": "007", "day": datetime.date(2026, 1, 2), "stars": 5},
        {"id": "8", "day": datetime.date(2026, 1, 3), "stars": None},
    ]


@pytest.mark.parametrize("numbered", [False, True])
def test_new_reads_a_workbook(tmp_path: Path, numbered: bool) -> None:
    rows = [["id", "day", "stars"], *([f"n{i}", datetime.date(2026, 1, i + 1), i] for i in range(9))]
    path = workbook(tmp_path / "book.xlsx", [["cover"]], rows)
    command = [sys.executable, "-m", "parquetry", "new", "repo", "--from", str(path), "--sheet", "Sheet 2", "--yes"]
    command += ["--number", "row"] if numbered else []
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    done = subprocess.run([sys.executable, "build_dataset.py"], cwd=tmp_path / "repo", capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "train 9" in done.stdout


def test_a_real_file_gives_the_same_release_from_a_workbook(tmp_path: Path) -> None:
    source = SHARED / "corpora/owid-frictionless"
    if not source.is_dir():
        pytest.skip("the corpus is not beside this repository (../shared/corpora)")
    plain = max(source.rglob("*.csv"), key=lambda path: path.stat().st_size)
    with plain.open(encoding="utf-8", newline="") as file:
        rows = [[None if cell == "" else cell for cell in row] for row in csv.reader(file)][:3000]
    header = [f"c{number}" for number in range(len(rows[0]))]
    book = workbook(tmp_path / "a.xlsx", [header, *rows[1:]])
    (tmp_path / "a.csv").write_text("", "utf-8")
    with (tmp_path / "a.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *([cell or "" for cell in row] for row in rows[1:])])
    shape = schema({"type": "object", "additionalProperties": False, "properties": dict.fromkeys(header, TEXT)})
    one, two = Found(book, shape, rules(), LIMITS), Found(tmp_path / "a.csv", shape, rules(), LIMITS)
    assert one.kept == two.kept
    assert len(one.kept) == len(rows) - 1
    assert one.removed == two.removed == []
