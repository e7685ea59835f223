"""CSV and TSV -> rows, typed by the schema and never guessed."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import SHARED, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import schema

from parquetry.sources import cells, encodings
from parquetry.sources.partitions import Piece
from parquetry.words.errors import InputError
from parquetry.words.recipe import Limits, Table
from parquetry.words.records import LINE, Removed
from parquetry.words.schema import Schema

BAD = SHARED / "test-material/generated-bad-inputs"
SPECTRUM = SHARED / "test-material/csv-spectrum"
FUZZ = [SHARED / "test-material/gofuzz-csv/csv", SHARED / "test-material/arrow-csv-fuzz/data"]
CORPORA = SHARED / "corpora"
TEXT = {"type": "string"}
shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def columns(*required: str, **properties: Any) -> Schema:
    """The schema of records with these properties."""
    return schema({"type": "object", "additionalProperties": False, "required": required, "properties": properties})


def rules(**read: str) -> Table:
    """A table whose files are read in this way."""
    table = {"schema": "s", "sources": ["a"], "id": "id", "split": {"only": "train"}, "read": read}
    return Table.model_validate_json(json.dumps(table))


LIMITS = Limits()
NOTE = columns("a", a=TEXT, n={"type": ["integer", "null"]})
#: One column of each kind, the last two of which Arrow is not asked to read.
KINDS = columns(
    s=TEXT,
    n={"type": "integer"},
    small={"type": "integer", "x-arrow": "int8"},
    d={"type": "number"},
    b={"type": "boolean"},
    day={"type": "string", "format": "date"},
    at={"type": "string", "format": "date-time"},
    f={"type": "number", "x-arrow": "float32"},
    l={"type": "array", "items": {"type": "integer"}},
    m={"type": "object"},
)


class Found:
    """All that a file holds, its batches put together."""

    def __init__(self, path: Path, shape: Schema, table: Table, limits: Limits) -> None:
        piece = Piece(path, path.name, path.stat().st_size)
        self.batches = list(cells.read(piece, shape, table, limits))
        assert all(batch.kept.schema == pa.schema([*shape.arrow, LINE]) for batch in self.batches)
        for batch in self.batches:
            batch.kept.validate(full=True)
        placed = [row for batch in self.batches for row in batch.kept.to_pylist()]
        self.kept = [{name: row[name] for name in row if name != LINE.name} for row in placed]
        self.lines = [row[LINE.name] for row in placed]
        self.removed: list[Removed] = [row for batch in self.batches for row in batch.removed]
        self.blank = sum(batch.blank for batch in self.batches)
        self.all_lines = sum(batch.lines for batch in self.batches)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Found) and self.facts == other.facts

    @property
    def facts(self) -> tuple[Any, ...]:
        return self.kept, self.lines, [tuple(row) for row in self.removed], self.blank, self.all_lines

    @property
    def said(self) -> list[tuple[str, int, str, str]]:
        return [(row.code, row.line, row.pointer, row.message) for row in self.removed]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


class Folder:
    """Where files are written and read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(
        self, raw: bytes | str, shape: Schema = NOTE, limits: Limits = LIMITS, name: str = "a.csv", **how: str
    ) -> Found:
        """What a file with this content holds, compressed as its name says."""
        stored(self.root, name, raw.encode() if isinstance(raw, str) else raw)
        return Found(self.root / name, shape, rules(**how), limits)

    def refused(self, raw: bytes | str, shape: Schema = NOTE, **more: Any) -> str:
        """The message that refuses such a file."""
        with pytest.raises(InputError) as caught:
            self.read(raw, shape, **more)
        return str(caught.value)

    def result(self, raw: bytes | str, shape: Schema = NOTE, **more: Any) -> Any:
        """What it holds, or the message."""
        try:
            return self.read(raw, shape, **more).facts
        except InputError as error:
            return str(error)


@pytest.fixture
def no_hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """Only the definition reads."""
    monkeypatch.setattr(cells.Reader, "quickly", lambda _: None)
    yield monkeypatch


#: Cells in which a reader may err.
ODD = """NA null nan None True true false 007 7 -0 1e5 1.0 1.5 9007199254740993 1e999 999 12345678901234567890 +1 0x1F
    2020-01-31 2020-02-30 0000-01-01 9999-12-31 2020-01-31T00:00:00Z 2020-01-31T24:00:00Z [1] [1, [] {} é x
    {"a":[1,null]} {"a":1,"a":2} "\\u0000" " "" a,b \ufeff"""
WORDS = st.sampled_from([*ODD.split(), "", " ", "1 ", "a\nb", "a\r\nb", "a\rb"])
#: Bits of text of which many are no CSV.
SCRAPS = st.sampled_from(
    [
        '"',
        '""',
        ",",
        "\n",
        "\r\n",
        "\r",
        "a",
        "1",
        " ",
        "é",
        "x,1\n",
        '"x",1\r\n',
        '"a\nb",2\n',
        "\n\n",
        ";",
        "\t",
        "\ufeff",
    ]
)
BYTES = st.lists(SCRAPS.map(str.encode) | st.sampled_from([b"\xff", b"\0", b"\xed\xb2\x80"]), max_size=14).map(b"".join)


def written(rows: list[list[str]], end: str, *, quote: bool) -> str:
    """Rows as CSV, by another hand."""
    out = io.StringIO()
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if quote else csv.QUOTE_MINIMAL).writerows(rows)
    return out.getvalue()


@given(
    st.lists(st.lists(WORDS, min_size=len(KINDS.fields), max_size=len(KINDS.fields)), max_size=6),
    st.permutations([field.name for field in KINDS.fields]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.booleans(),
)
@shared_folder
def test_reading_blocks_is_reading_record_by_record(
    tmp_path: Path, rows: list[list[str]], names: list[str], end: str, quote: bool
) -> None:
    raw = written([names, *rows], end, quote=quote)
    fast = Folder(tmp_path).result(raw, KINDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells.Reader, "quickly", lambda _: None)
        assert fast == Folder(tmp_path).result(raw, KINDS)


@given(BYTES, st.sampled_from(["a,n\n", '"a","n"\r\n', "a\n", "\n\na,n\r"]), st.sampled_from([1, 5, 16_000_000]))
@settings(shared_folder, max_examples=400)
def test_so_it_is_with_any_text(tmp_path: Path, raw: bytes, start: str, most: int) -> None:
    raw, limits = start.encode() + raw, Limits(line_bytes=most)
    fast = Folder(tmp_path).result(raw, limits=limits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cells.Reader, "quickly", lambda _: None)
        assert fast == Folder(tmp_path).result(raw, limits=limits)


@given(
    BYTES, st.sampled_from([1, 2, 3, 7]), st.sampled_from([1, 5, 16_000_000]), st.sampled_from([",", "é", "\U0001f600"])
)
@settings(shared_folder, max_examples=400)
def test_how_much_is_read_at_a_time_does_not_show(
    tmp_path: Path, raw: bytes, some: int, most: int, between: str
) -> None:
    raw, limits = b"a,n\n" + raw, Limits(line_bytes=most)
    raw = raw.replace(b",", between.encode())
    whole = Folder(tmp_path).result(raw, limits=limits, delimiter=between)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "BLOCK_BYTES", some)
        patch.setattr(cells, "BATCH_RECORDS", some)
        assert whole == Folder(tmp_path).result(raw, limits=limits, delimiter=between)


@given(BYTES)
@shared_folder
def test_every_record_is_kept_or_set_aside(tmp_path: Path, raw: bytes) -> None:
    found = Folder(tmp_path).result(b"a,n\n" + raw)
    if isinstance(found, str):
        assert found.startswith(("error[INPUT_EMPTY] a.csv: ", "error[CSV_UNCLOSED_QUOTE] a.csv:"))
        return
    kept, lines, removed, blank, all_lines = found
    text = raw.decode("utf-8", "replace")
    ends = text.count("\n") + text.count("\r") - text.count("\r\n")
    assert all_lines == 1 + ends + (not text.endswith(("\n", "\r")))
    numbers = sorted([*lines, *(row[3] for row in removed)])
    assert len(set(numbers)) == len(numbers) == len(kept) + len(removed)
    if b'"' not in raw:
        assert len(numbers) + blank == all_lines - 1


@given(
    st.lists(
        st.lists(
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=5),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
    )
)
@shared_folder
def test_text_comes_back_as_it_was_written(tmp_path: Path, rows: list[list[str]]) -> None:
    shape = columns("a", "b", a=TEXT, b=TEXT)
    for end in ("\n", "\r\n", "\r"):
        found = Folder(tmp_path).read(written([["a", "b"], *rows], end, quote=True), shape)
        assert [[row["a"], row["b"]] for row in found.kept] == rows
        assert not found.removed


@given(BYTES)
@shared_folder
def test_compression_does_not_show(tmp_path: Path, raw: bytes) -> None:
    plain, *others = (Folder(tmp_path).result(b"a,n\n" + raw, name=f"a.csv{suffix}") for suffix in ("", ".gz", ".zst"))
    for suffix, other in zip((".gz", ".zst"), others, strict=True):
        assert json.dumps(other).replace(f"a.csv{suffix}", "a.csv") == json.dumps(plain)


@pytest.mark.parametrize("word", "NA null nan None N/A NULL - True 1e5 007 =1+1 ' 2020-1-1".split())
def test_a_text_column_holds_what_stands_in_the_file(folder: Folder, word: str) -> None:
    assert folder.read(f"a,n\n{word},1\n").kept == [{"a": word, "n": 1}]


def test_what_is_quoted_is_kept_byte_by_byte(folder: Folder) -> None:
    found = folder.read(b'a,n\r\n"x\r\ny",1\r\n"a\nb\rc",2\r\n"say ""hi"", he,said",3\r\n""" ""","4"')
    assert [row["a"] for row in found.kept] == ["x\r\ny", "a\nb\rc", 'say "hi", he,said', '" "']
    assert (found.lines, found.all_lines) == ([2, 4, 7, 8], 8)


def test_a_field_may_be_long(folder: Folder) -> None:
    assert folder.read("a,n\n" + "x" * 200_000 + ",1\n").kept == [{"a": "x" * 200_000, "n": 1}]
    assert folder.read('a,n\n"' + "x\n" * 1_000_000 + '",1\n').kept == [{"a": "x\n" * 1_000_000, "n": 1}]


def test_values_are_written_as_in_json(folder: Folder, no_hurry: pytest.MonkeyPatch) -> None:
    lines = [
        "s,n,small,d,b,day,at,f,l,m",
        'x,1.0,-128,1e5,true,2020-02-29,2020-01-01T02:00:00+02:00,0.5,"[1, 2]","{""b"":1, ""a"":null}"',
    ]
    (row,) = folder.read("\n".join(lines), KINDS).kept
    assert (row["n"], row["small"], row["d"], row["b"], row["f"], row["l"]) == (1, -128, 100_000.0, True, 0.5, [1, 2])
    assert (str(row["day"]), str(row["at"]), row["m"]) == (
        "2020-02-29",
        "2020-01-01 00:00:00+00:00",
        '{"a":null,"b":1}',
    )


@pytest.mark.parametrize(
    ("column", "cell", "code", "message"),
    [
        ("d", "1,193.91", "SCHEMA_TYPE", "expected number, found '1,193.91'"),
        ("d", "NA", "SCHEMA_TYPE", "expected number, found 'NA'"),
        ("d", "NaN", "SCHEMA_TYPE", "expected number, found 'NaN'"),
        ("d", " 1", "SCHEMA_TYPE", "expected number, found ' 1'"),
        ("d", "1e999", "JSON_NUMBER_RANGE", "number 1e999 is too large for a 64-bit float"),
        ("f", "1e39", "JSON_NUMBER_RANGE", "1e+39 is not a value of type float"),
        ("n", "007", "SCHEMA_TYPE", "expected integer, found '007'"),
        ("n", "1.5", "SCHEMA_TYPE", "expected integer, found 1.5"),
        ("n", "+1", "SCHEMA_TYPE", "expected integer, found '+1'"),
        ("n", "99999999999999999999", "JSON_NUMBER_RANGE", "integer 99999999999999999999 does not fit into 64 bits"),
        ("small", "128", "JSON_NUMBER_RANGE", "128 is not a value of type int8"),
        ("b", "True", "SCHEMA_TYPE", "expected boolean, found 'True'"),
        ("b", "1", "SCHEMA_TYPE", "expected boolean, found '1'"),
        ("day", "1/21/77", "SCHEMA_FORMAT", "'1/21/77' is not a date (YYYY-MM-DD)"),
        ("l", "1", "SCHEMA_TYPE", "expected array, found integer"),
        ("l", "a;b", "JSON_SYNTAX", "expecting value, column 1"),
        ("m", '{"a":1,"a":1}', "JSON_DUPLICATE_KEY", "key 'a' stands twice"),
        ("s", "x\0y", "UNICODE_NUL", "the character U+0000 stands in a cell"),
    ],
)
def test_what_is_not_a_value_of_its_column_is_set_aside(
    folder: Folder, column: str, cell: str, code: str, message: str
) -> None:
    found = folder.read(written([[column, "at"], [cell, ""], ["", ""]], "\n", quote=True), KINDS)
    assert found.said == [(code, 2, f"/{column}", message)]
    assert found.removed[0].row == {column: cell, "at": ""}
    assert found.lines == [3]


def test_the_place_in_json_text_is_told(folder: Folder) -> None:
    found = folder.read('l\n"[1,""x""]"\n', KINDS)
    assert found.said == [("SCHEMA_TYPE", 2, "/l/1", "expected integer, found string")]


@pytest.mark.parametrize(
    ("kind", "required", "value"),
    [
        (TEXT, True, ""),
        (TEXT, False, None),
        ({"type": ["string", "null"]}, True, None),
        ({"type": "integer"}, True, None),
        ({"type": "string", "format": "date"}, True, None),
        ({"type": "array", "items": TEXT}, True, None),
    ],
)
def test_an_empty_cell_is_null_but_where_only_text_may_stand(
    folder: Folder, kind: Any, required: bool, value: str | None
) -> None:
    shape = columns("a", *(["c"] if required else []), a=TEXT, c=kind)
    assert [row["c"] for row in folder.read('a,c\nx,\nx,""\n', shape).kept] == [value, value]


def test_a_column_that_the_file_does_not_have_is_null(folder: Folder) -> None:
    assert folder.read("a\nx\n").kept == [{"a": "x", "n": None}]


def test_nul_is_kept_if_the_recipe_says_so(folder: Folder) -> None:
    assert folder.read("a,n\nx\0y,1\n", nul="keep").kept == [{"a": "x\0y", "n": 1}]


def test_each_broken_record_is_set_aside_with_its_line_and_the_others_are_kept(folder: Folder) -> None:
    raw = b'a,n\nx,1\ny\nz,1,2\n\nq"r,1\n"s"t,1\n "u",1\n"v\nw"x",1\n\xe9,1\nk,1\n'
    found = folder.read(raw)
    assert found.said == [
        ("CSV_FIELD_COUNT", 3, "", "expected 2 cells, found 1"),
        ("CSV_FIELD_COUNT", 4, "", "expected 2 cells, found 3"),
        ("CSV_QUOTE", 6, "", "a quote stands inside cell 1"),
        ("CSV_QUOTE", 7, "", "text stands behind the closing quote of cell 1"),
        ("CSV_QUOTE", 8, "", "a quote stands inside cell 1"),
        ("CSV_QUOTE", 9, "", "text stands behind the closing quote of cell 1"),
        ("UTF8_INVALID", 11, "", "byte 1 of the record is not UTF-8 (hex e9)"),
    ]
    assert [row.row for row in found.removed] == ["y", "z,1,2", 'q"r,1', '"s"t,1', ' "u",1', '"v\nw"x",1', "\\xe9,1"]
    assert (found.kept, found.lines, found.blank) == ([{"a": "x", "n": 1}, {"a": "k", "n": 1}], [2, 12], 1)


def test_a_record_that_is_too_long_is_set_aside_and_its_end_found(folder: Folder) -> None:
    raw = 'a,n\n"' + 'x,""\r\n' * 1_000_000 + '",1\nshort,2\n' + "y" * 3_000_000 + "\r\nlast,3"
    found = folder.read(raw, limits=Limits(line_bytes=10))
    long = "longer than 10 bytes; what follows them is not kept"
    assert found.said == [("LINE_TOO_LONG", 2, "", long), ("LINE_TOO_LONG", 1_000_004, "", long)]
    assert [row.row for row in found.removed] == ['"x,""\r\nx,"', "y" * 10]
    assert (found.kept, found.lines) == ([{"a": "short", "n": 2}, {"a": "last", "n": 3}], [1_000_003, 1_000_005])


def test_blank_lines_are_counted(folder: Folder) -> None:
    found = folder.read("\n\r\na,n\n\n  \nx,1\n\n")
    assert (found.kept, found.lines, found.blank, found.all_lines) == ([{"a": "x", "n": 1}], [6], 5, 7)


def test_in_a_file_of_one_column_spaces_are_a_text(folder: Folder) -> None:
    found = folder.read('a\n \n\n""\n')
    assert ([row["a"] for row in found.kept], found.blank) == ([" ", ""], 1)


def test_a_byte_order_mark_is_no_part_of_the_header(folder: Folder) -> None:
    assert folder.read(b'\xef\xbb\xbf"a",n\nx,1\n').kept == [{"a": "x", "n": 1}]


def test_a_tsv_file_has_tabs_whatever_the_recipe_says(folder: Folder) -> None:
    assert folder.read("a\tn\nx,y\t1\n\t2\n", name="a.tsv.gz", delimiter=";").kept == [
        {"a": "x,y", "n": 1},
        {"a": "", "n": 2},
    ]


@pytest.mark.parametrize("delimiter", [";", "|", "\t", "^", "]", "-", "\\", "§", "😀", "."])
def test_any_character_can_stand_between_cells(folder: Folder, delimiter: str) -> None:
    found = folder.read(f'a{delimiter}n\nx,y{delimiter}1\n"p{delimiter}q"{delimiter}2\n', delimiter=delimiter)
    assert found.kept == [{"a": "x,y", "n": 1}, {"a": f"p{delimiter}q", "n": 2}]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-16-le", "utf-32-be", "utf-8-sig", "gb18030"])
def test_a_file_is_read_in_its_encoding(folder: Folder, encoding: str) -> None:
    raw = "a,n\né,1\n".encode(encoding)
    assert folder.read(raw, encoding=encoding).kept == [{"a": "é", "n": 1}]


def test_a_byte_that_its_encoding_does_not_have_costs_one_record(folder: Folder) -> None:
    found = folder.read(b"a,n\nx\x81,1\n\xe9,2\n", encoding="cp1252")
    assert found.said == [("ENCODING_INVALID", 2, "", "character 2 of the record is not cp1252 (hex 81)")]
    assert ([row.row for row in found.removed], found.kept) == (["x\\x81,1"], [{"a": "é", "n": 2}])


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_text_of_another_width_is_recognised(folder: Folder, encoding: str) -> None:
    name = encoding.upper()
    assert folder.refused("a,n\nx,1\n".encode(encoding)) == (
        f"error[ENCODING_{name.replace('-', '')}] a.csv: the text is {name}, not utf-8\n"
        f'  fix: say read = {{ encoding = "{encoding}" }} in the table of the recipe'
    )


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", "error[INPUT_EMPTY] a.csv: the file holds nothing\n  fix: remove it, or fetch it again"),
        ("\n \n", "error[INPUT_EMPTY] a.csv: the file holds nothing but empty lines\n  fix: remove it"),
        (
            "a,n\n\n",
            "error[INPUT_EMPTY] a.csv: the file holds a header and no rows\n  fix: remove it, or fetch it again",
        ),
        (
            'a,n\nx,1\n"y\n,",1\nz,"2',
            "error[CSV_UNCLOSED_QUOTE] a.csv:5: a quote is opened and never closed\n"
            "  fix: close it, and write a quote inside a quoted cell twice",
        ),
        (
            'a,n\n"x\n,1\n',
            "error[CSV_UNCLOSED_QUOTE] a.csv:2: a quote is opened and never closed\n"
            "  fix: close it, and write a quote inside a quoted cell twice",
        ),
        ("a,n,a\nx,1,y\n", "error[CSV_HEADER_DUPLICATE] a.csv:1: columns that stand twice: 'a'\n  fix: name each once"),
        (
            "a,,n,\nx,,1,\n",
            "error[CSV_HEADER_EMPTY] a.csv:1: columns without a name: 2, 4\n"
            "  fix: name every column, or remove those without a name",
        ),
        (
            "\nx,1\ny,2\n",
            "error[CSV_HEADER_MISSING] a.csv:2: required columns that are not there: 'a'\n"
            "  fix: add them, or correct the first line of the file: it must name the columns\n"
            "error[SCHEMA_ADDITIONAL] a.csv:2: columns that the schema does not name: 'x', '1'\n"
            "  fix: remove them, or add them to the schema",
        ),
        (
            "sep=;\na;n\nx;1\n",
            "error[CSV_HEADER_MISSING] a.csv:1: a line that begins with 'sep=' is no header\n"
            "  fix: remove it; the recipe says what the delimiter is",
        ),
        (
            "a;n\nx;1\n",
            "error[CSV_DELIMITER] a.csv:1: the cells are separated by ';', not by ','\n"
            '  fix: say read = { delimiter = ";" } in the table of the recipe',
        ),
        (
            '"a"\t"n"\nx\t1\n',
            "error[CSV_DELIMITER] a.csv:1: the cells are separated by '\\t', not by ','\n"
            '  fix: say read = { delimiter = "\\t" } in the table of the recipe',
        ),
        (
            'a"b,n\nx,1\n',
            "error[CSV_QUOTE] a.csv:1: in the header, a quote stands inside cell 1\n  fix: correct the first line",
        ),
        (
            b"a,\xe9\nx,1\n",
            "error[UTF8_INVALID] a.csv:1: byte 3 of the header is not UTF-8 (hex e9)\n"
            '  fix: say the encoding in the recipe: read = { encoding = "cp1252" }',
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_with_a_way_out(folder: Folder, raw: str | bytes, message: str) -> None:
    assert folder.refused(raw) == message


def test_a_tsv_file_with_commas_should_have_another_name(folder: Folder) -> None:
    assert folder.refused("a,n\nx,1\n", name="a.tsv") == (
        "error[CSV_DELIMITER] a.tsv:1: the cells are separated by ',', not by '\\t'\n"
        '  fix: name the file .csv, and say read = { delimiter = "," } in the table of the recipe'
    )


def test_a_quote_that_opens_in_a_long_record_is_found(folder: Folder) -> None:
    raw = "a,n\n" + "x" * 2_000_000 + ',"\n' + "y\n" * 1_000_000
    assert folder.refused(raw, limits=Limits(line_bytes=10)).startswith("error[CSV_UNCLOSED_QUOTE] a.csv:2: ")
    raw = 'a,n\n"' + "x\n" * 1_000_000 + '","' + '""' * 1_000_000
    assert folder.refused(raw, limits=Limits(line_bytes=10)).startswith("error[CSV_UNCLOSED_QUOTE] a.csv:1000002: ")


EXPECTED = {
    "ok": (40, ""), "ragged_short": (40, "CSV_FIELD_COUNT"), "ragged_long": (40, "CSV_FIELD_COUNT"),
    "newline_in_quotes": (41, ""), "unclosed_quote": (0, "CSV_UNCLOSED_QUOTE"), "quote_mid_field": (40, "CSV_QUOTE"),
    "nul": (40, "UNICODE_NUL"), "latin1": (40, "UTF8_INVALID"), "bom": (40, ""),
    "dup_header": (0, "CSV_HEADER_DUPLICATE"), "empty_header": (0, "CSV_HEADER_EMPTY"),
    "no_header": (0, "CSV_HEADER_MISSING"), "semicolon": (0, "CSV_DELIMITER"), "tab_named_csv": (0, "CSV_DELIMITER"),
    "na_words": (10, ""), "formula": (41, ""), "field_200k": (41, ""), "only_header": (0, "INPUT_EMPTY"),
    "cr_only": (40, ""), "excel_sep_line": (0, "CSV_HEADER_MISSING"),
}  # fmt: skip


@pytest.mark.skipif(not BAD.is_dir(), reason="the bad inputs are not beside the repository")
@pytest.mark.parametrize("name", EXPECTED)
def test_bad_inputs_are_told_from_good_ones(name: str) -> None:
    rows, code = EXPECTED[name]
    path, shape = BAD / f"csv/{name}.csv", columns("id", "text", id=TEXT, text=TEXT)
    if not rows:
        with pytest.raises(InputError) as caught:
            Found(path, shape, rules(), Limits())
        assert caught.value.problems[0].code == code
    else:
        found = Found(path, shape, rules(), Limits())
        assert (len(found.kept), [row.code for row in found.removed]) == (rows, [code] if code else [])


@pytest.mark.skipif(not SPECTRUM.is_dir(), reason="csv-spectrum is not beside the repository")
@pytest.mark.parametrize("name", sorted(path.stem for path in SPECTRUM.glob("csvs/*.csv")))
def test_csv_spectrum_is_read_as_it_says(name: str) -> None:
    if name == "location_coordinates":
        pytest.skip("its CSV and its JSON hold different telephone numbers")
    rows = json.loads((SPECTRUM / f"json/{name}.json").read_text("utf-8"))
    shape = columns(*rows[0], **dict.fromkeys(rows[0], TEXT))
    kept = Found(SPECTRUM / f"csvs/{name}.csv", shape, rules(), Limits()).kept
    unix = [{key: value.replace("\r\n", "\n") for key, value in row.items()} for row in rows]
    assert kept in (rows, unix)


@pytest.mark.skipif(not FUZZ[0].is_dir(), reason="the fuzzers' files are not beside the repository")
def test_no_file_of_a_fuzzer_ends_in_a_crash(folder: Folder) -> None:
    paths = sorted(path for root in FUZZ for path in root.rglob("*") if path.is_file())
    assert len(paths) > 180
    for path in paths:
        raw = path.read_bytes()
        folder.result(raw)
        folder.result(b"a,n\n" + raw)
        first = raw.split(b"\n")[0].decode("utf-8", "replace").strip("\r").split(",")
        names = [name for name in dict.fromkeys(first) if name.strip() and name.isascii() and name.isprintable()]
        if names and len(names) == len(first):
            folder.result(raw, columns(**dict.fromkeys(names, TEXT)))


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the repository")
def test_real_files_are_read_to_the_last_cell() -> None:
    paths = [path for path in CORPORA.glob("fivethirtyeight-events/*/*.csv") if path.stem != "cabinet-turnover"]
    paths += CORPORA.glob("owid-frictionless/*/*.csv")
    assert len(paths) > 10
    for path in paths:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header, *rows = csv.reader(file)
        shape = columns(*header, **dict.fromkeys(header, TEXT))
        found = Found(path, shape, rules(), Limits())
        assert (found.removed, [list(row.values()) for row in found.kept]) == ([], rows)


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the repository")
def test_a_real_header_without_names_is_refused() -> None:
    path = CORPORA / "fivethirtyeight-events/cabinet-turnover/cabinet-turnover.csv"
    names = "president position appointee start_date end_date length departure_day gender".split()
    with pytest.raises(InputError) as caught:
        Found(path, columns(**dict.fromkeys(names, TEXT)), rules(), Limits())
    assert str(caught.value) == (
        "error[CSV_HEADER_EMPTY] cabinet-turnover.csv:1: columns without a name: 9, 10\n"
        "  fix: name every column, or remove those without a name"
    )


@pytest.mark.skipif(not CORPORA.is_dir(), reason="the corpora are not beside the repository")
def test_numbers_with_separators_of_thousands_are_not_guessed() -> None:
    path = CORPORA / "fivethirtyeight-events/antiquities-act/actions_under_antiquities_act.csv"
    names = path.read_text("utf-8-sig").split("\n")[0].strip("\r").split(",")
    properties: dict[str, Any] = dict.fromkeys(names, TEXT)
    found = Found(path, columns(**properties | {"acres_affected": {"type": "number"}}), rules(), Limits())
    assert len(found.kept) + len(found.removed) == 344
    assert found.removed[0].message == "expected number, found '1,193.91'"
    assert {row.code for row in found.removed} == {"SCHEMA_TYPE"}
