"""A JSON array of records -> rows, element by element."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import SHARED, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import json_values, schema, table

from parquetry.sources import array, elements, encodings, lines
from parquetry.sources.partitions import Piece
from parquetry.words.errors import InputError
from parquetry.words.recipe import Limits, Table
from parquetry.words.records import LINE
from parquetry.words.schema import Schema

GOFUZZ = SHARED / "test-material/gofuzz-json"
SUITE = SHARED / "test-material/jsontestsuite"
BAD = SHARED / "test-material/generated-bad-inputs/jsonl"
LIMITS = Limits()
NOTE = table(a={"type": "string"}, n={"type": ["integer", "null"]}, l={"type": "array", "items": {"type": "string"}})
shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
#: Row by row: code, line, pointer, message, row.
Facts = tuple[list[dict[str, Any]], list[int], list[tuple[Any, ...]], int]


def rules(**read: str) -> Table:
    """A table whose files are read in this way."""
    rule = {"schema": "s", "sources": ["a"], "id": "id", "split": {"only": "train"}, "read": read}
    return Table.model_validate_json(json.dumps(rule))


class Folder:
    """Where files are written and read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(
        self, raw: bytes | str, shape: Schema = NOTE, limits: Limits = LIMITS, name: str = "a.json", **how: str
    ) -> Facts:
        """Kept rows, their lines, removed rows, and all lines of a file with this content."""
        path = stored(self.root, name, raw.encode() if isinstance(raw, str) else raw)
        read = array.read if ".json" in name and ".jsonl" not in name else lines.read
        batches = list(read(Piece(path, name, path.stat().st_size), shape, rules(**how), limits))
        assert all(batch.kept.schema == pa.schema([*shape.arrow, LINE]) for batch in batches)
        assert all((row.table, row.source) == ("", name) for batch in batches for row in batch.removed)
        placed = [row for batch in batches for row in batch.kept.to_pylist()]
        kept = [{key: row[key] for key in row if key != LINE.name} for row in placed]
        removed = [
            (row.code, row.line, row.pointer, row.message, row.row) for batch in batches for row in batch.removed
        ]
        return kept, [row[LINE.name] for row in placed], removed, sum(batch.lines for batch in batches)

    def refused(self, raw: bytes | str, **more: Any) -> str:
        """The message that refuses such a file."""
        with pytest.raises(InputError) as caught:
            self.read(raw, **more)
        return str(caught.value)

    def result(self, raw: bytes | str, **more: Any) -> Facts | str:
        """What it holds, or the message."""
        try:
            return self.read(raw, **more)
        except InputError as error:
            return str(error)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


RIGHT = st.fixed_dictionaries(
    {"a": st.text('ab\u2028é"\\{}[],', max_size=5)},
    optional={"n": st.integers(0, 9) | st.none(), "l": st.lists(st.text('"]}', max_size=2), max_size=2)},
)
ODD = [
    b'{"a":"x","a":"y"}',
    b'{"a":NaN}',
    b'{"a":"\xff"}',
    b'{"a":"\\ud800"}',
    b'{"a":"x",}',
    b'{"a" "x"}',
    b"01",
    b"-",
]
ODD += [b"[1 2]", b'{"a":"\x01"}', b'{"a":"\\x"}', b"[" * 99 + b"]" * 99, b'{"a":"' + b"x" * 99 + b'"}', b"{}"]
ELEMENTS = st.lists(
    (RIGHT | json_values(3)).map(json.dumps).map(str.encode) | st.sampled_from(ODD),
    min_size=1,
    max_size=9,
)
SPACE = st.sampled_from([b"", b" ", b"\n", b"\r\n", b"\t", b" \n\n "])
SCRAPS = st.lists(
    st.sampled_from(
        ["[", "]", "{", "}", ",", ":", '"', "\\", "a", "1", " ", "\n", '{"a":"x"}', '"a":', "null", "é", "'"]
    ),
    max_size=14,
).map("".join)


@given(ELEMENTS, SPACE)
@shared_folder
def test_an_element_is_read_as_a_line_of_json_lines_is(tmp_path: Path, values: list[bytes], space: bytes) -> None:
    one = Folder(tmp_path).read(b"\n".join(values), name="a.jsonl")
    other = Folder(tmp_path).read(b"[" + (space + b",\n").join(values) + b"]")
    gaps = space.count(b"\n")
    places = [1 + index * (1 + gaps) for index in range(len(values))]
    assert other[0] == one[0]
    assert other[1] == [places[line - 1] for line in one[1]]
    assert other[2] == [(code, places[line - 1], *rest) for code, line, *rest in one[2]]
    assert other[3] == places[-1]


@given(ELEMENTS, SPACE, SPACE)
@shared_folder
def test_no_order_is_lost_where_elements_share_a_line(
    tmp_path: Path, values: list[bytes], before: bytes, after: bytes
) -> None:
    raw = b"[" + b",".join(before + element + after for element in values) + b"]"
    numbered = [b'{"a":"x","n":%d}' % index for index in range(20)]
    kept, *_ = Folder(tmp_path).read(raw[:-1] + b"," + b",".join(numbered) + b"]")
    assert [row["n"] for row in kept[-20:]] == list(range(20))


@given(SCRAPS, st.sampled_from([1, 2, 3, 7]), st.sampled_from([1, 4, 16_000_000]))
@settings(shared_folder, max_examples=500)
def test_how_much_is_read_at_a_time_does_not_show(tmp_path: Path, scraps: str, some: int, most: int) -> None:
    raw, limits = "[" + scraps + "]", Limits(line_bytes=most)
    whole = Folder(tmp_path).result(raw, limits=limits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "BLOCK_BYTES", some)
        patch.setattr(elements, "BATCH_ELEMENTS", some)
        patch.setattr(elements, "BATCH_BYTES", some)
        patch.setattr(elements, "_NEXT", re.compile(b"(x)(?!x)x"))  # which is nowhere: only the definition reads
        small = Folder(tmp_path).result(raw, limits=limits)
    if isinstance(whole, str) or isinstance(small, str):
        what = re.compile(r", found .*|'.*' is no JSON", re.DOTALL)  # as much as is held is shown
        assert what.sub("", str(small)) == what.sub("", str(whole))
    else:
        assert small == whole


@given(ELEMENTS)
@shared_folder
def test_the_fast_way_and_the_definition_agree(tmp_path: Path, values: list[bytes]) -> None:
    raw = b"[\n" + b" ,\n".join(values) + b"\n]"
    fast = Folder(tmp_path).result(raw)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elements, "_NEXT", re.compile(b"(x)(?!x)x"))
        patch.setattr(lines.Reader, "lines", lines.Reader.exactly)
        assert fast == Folder(tmp_path).result(raw)


@given(ELEMENTS)
@shared_folder
def test_compression_does_not_show(tmp_path: Path, values: list[bytes]) -> None:
    raw = b"[" + b",".join(values) + b"]"
    plain, *others = (Folder(tmp_path).read(raw, name=f"a.json{suffix}") for suffix in ("", ".gz", ".zst"))
    assert others == [plain, plain]


@given(st.lists(RIGHT, min_size=1), st.sampled_from([None, 0, 1, "\t"]))
@shared_folder
def test_how_the_array_is_laid_out_does_not_show(tmp_path: Path, records: list[Any], indent: Any) -> None:
    kept, _, removed, _ = Folder(tmp_path).read(json.dumps(records, indent=indent))
    assert removed == []
    assert kept == [{"n": None, "l": None} | record for record in records]


def test_elements_have_the_line_that_they_begin_on(folder: Folder) -> None:
    raw = (
        b'\xef\xbb\xbf \n[ {"a":\n"x"}, {"a":"y"}\n,\r\n{"a":1}, {"a":"z","a":"q"},\n\n {"a":\n NaN}, {"a":"last"}]\n\n'
    )
    kept, numbers, removed, count = folder.read(raw)
    assert ([row["a"] for row in kept], numbers, count) == (["x", "y", "last"], [2, 3, 8], 8)
    assert removed == [
        ("SCHEMA_TYPE", 5, "/a", "expected string, found integer", {"a": 1}),
        ("JSON_DUPLICATE_KEY", 5, "", "key 'a' stands twice", '{"a":"z","a":"q"}'),
        ("JSON_NONFINITE", 7, "", "NaN is not a JSON number", '{"a":\n NaN}'),
    ]


def test_what_is_no_object_is_set_aside(folder: Folder) -> None:
    _, _, removed, _ = folder.read('[1, "x", null, true, [{"a":"c"}]]')
    assert [(code, message, row) for code, _, _, message, row in removed] == [
        ("JSON_NOT_OBJECT", f"a record is a JSON object, found {kind}", row)
        for kind, row in [("integer", 1), ("string", "x"), ("null", None), ("boolean", True), ("array", [{"a": "c"}])]
    ]


def test_an_element_that_is_too_long_is_set_aside_and_its_end_found(folder: Folder) -> None:
    long = ['{"a":"' + '\\"]}\\\\' * 700_000 + '"}', "9" * 3_000_000, '"' + "{" * 3_000_000 + '"', "[" * 9 + "]" * 9]
    raw = '[{"a":"x"},\n' + ",\n".join([*long, '{"a":"y"}']) + "]"
    kept, numbers, removed, _ = folder.read(raw, limits=Limits(line_bytes=10))
    assert ([row["a"] for row in kept], numbers) == (["x", "y"], [1, 6])
    assert [row[:2] for row in removed] == [("LINE_TOO_LONG", line) for line in (2, 3, 4, 5)]
    assert [len(row[4]) for row in removed] == [12] * 4


def test_nul_is_kept_if_the_recipe_says_so(folder: Folder) -> None:
    assert folder.read('[{"a":"\\u0000"}]')[2][0][0] == "UNICODE_NUL"
    assert folder.read('[{"a":"\\u0000"}]', nul="keep")[0][0]["a"] == "\0"


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.jsonl.gz"])
@pytest.mark.parametrize(
    ("encoding", "raw", "bad", "shown"),
    [("cp1252", b"\xe9\x81", "81", "é\\x81"), ("shift_jis", b"\x88\x9f\xff", "ff", "亜\\xff")],
)
def test_what_its_encoding_does_not_have_rejects_its_record(
    folder: Folder, name: str, encoding: str, raw: bytes, bad: str, shown: str
) -> None:
    lines = [b'{"a":"1"}', b'{"a":"' + raw + b'"}', b'{"a":"3"}'] * 9
    text = b"\n".join(lines) if "jsonl" in name else b"[" + b",\n".join(lines) + b"]"
    kept, _, removed, _ = folder.read(text, name=name, encoding=encoding)
    assert len(kept) == 18
    message = f"character 8 of the record is not {encoding} (hex {bad})"
    assert removed == [("ENCODING_INVALID", line, "", message, f'{{"a":"{shown}"}}') for line in range(2, 27, 3)]


def test_lines_in_utf_16_are_refused_until_the_recipe_says_so(folder: Folder) -> None:
    text = '{"a":"é"}\n{"a":"x"}\n'
    for encoding, found in (("utf-16", "utf-16"), ("utf-16-le",) * 2, ("utf-16-be",) * 2, ("utf-32", "utf-32")):
        for name in ("a.jsonl", "a.jsonl.zst"):
            assert folder.refused(text.encode(encoding), name=name) == (
                f"error[ENCODING_UTF{found[4:6]}] {name}: the text is {found[:6].upper()}, not utf-8\n"
                f'  fix: say read = {{ encoding = "{found}" }} in the table of the recipe'
            )
        assert len(folder.read(text.encode(encoding), name="a.jsonl", encoding=encoding)[0]) == 2


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-32-le"])
def test_a_file_is_read_in_its_encoding(folder: Folder, encoding: str) -> None:
    assert folder.read('[{"a":"é"}]'.encode(encoding), encoding=encoding)[0][0]["a"] == "é"


ARRAY = "write the records as [ …, … ], or one on each line of a file that is named .jsonl"
SHOULD = "the file should hold a JSON array of records, and holds"
CUT = "the end of the file, which looks cut off"


@pytest.mark.parametrize(
    ("raw", "code", "place", "what", "fix"),
    [
        ("", "INPUT_EMPTY", "", "the file holds nothing", "remove it, or fetch it again"),
        (" [ ] ", "INPUT_EMPTY", "", "the array has no elements", "remove the file, or fill it"),
        (" \n", "JSON_NOT_ARRAY", ":2", f"{SHOULD} nothing but white space", ARRAY),
        ('{"a":"x"}', "JSON_NOT_ARRAY", ":1", f"{SHOULD} a JSON object", ARRAY),
        ("<html>", "JSON_NOT_ARRAY", ":1", f"{SHOULD} something else", ARRAY),
        ('[{"a":"x"},\n]', "JSON_SYNTAX", ":2", "column 1: expected a value, found ']'", "correct the file"),
        ("[,1]", "JSON_SYNTAX", ":1", "column 2: expected a value, found ',1]'", "correct the file"),
        (
            '[{"a":"x"} {"a":"y"}]', "JSON_SYNTAX", ":1",
            "column 12: expected ',' or ']' behind an element, found '{\"a\":\"y\"}]'", "correct the file",
        ),
        (
            '[\n{"a":"x"}', "JSON_SYNTAX", ":2",
            f"column 10: expected ',' or ']' behind an element, found {CUT}", "correct the file",
        ),
        ('[\n{"a":"x"},', "JSON_SYNTAX", ":2", f"column 11: expected a value, found {CUT}", "correct the file"),
        (
            '[\n {"a":"x"', "JSON_SYNTAX", ":2",
            "column 2: an element does not end; the file looks cut off, or a quote is missing",
            "fetch the file again, or correct its end",
        ),
        ('[{"a":"x"}]\ntail', "JSON_SYNTAX", ":2", "column 1: the array has ended, found 'tail'", "correct the file"),
        (
            "[{},\n{'a':'x'}]", "JSON_SYNTAX", ":2",
            "column 2: \"'a':'x'}\" is no JSON, and hides where the element ends", "correct the file",
        ),
        (
            '[{"a":\n"x"],\n{"a":"y"}]', "JSON_SYNTAX", ":2",
            "column 4: ']' is no JSON, and hides where the element ends", "correct the file",
        ),
        (
            '[{"a":"x},\n{"b":"y"},{"c":"}]', "JSON_SYNTAX", ":2",
            "column 3: 'b\":\"y\"},{\"c\":\"}' is no JSON, and hides where the element ends", "correct the file",
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_no_array_is_refused(
    folder: Folder, raw: str, code: str, place: str, what: str, fix: str
) -> None:
    assert folder.refused(raw) == f"error[{code}] a.json{place}: {what}\n  fix: {fix}"


def test_what_is_behind_a_long_element_is_told_with_its_place(folder: Folder) -> None:
    raw = '[\n  "' + "x" * 3_000_000 + '\\"\n", tail x]'
    message = folder.refused(raw, limits=Limits(line_bytes=10))
    assert message == (
        "error[JSON_SYNTAX] a.json:3: column 4: 'tail' is no JSON, and hides where the element ends\n"
        "  fix: correct the file"
    )


def test_a_long_element_without_an_end_is_told_with_its_start(folder: Folder) -> None:
    raw = '[{},\n  [{"a":["' + 'x\\"\n' * 1_000_000
    assert folder.refused(raw, limits=Limits(line_bytes=10)) == (
        "error[JSON_SYNTAX] a.json:2: column 3: "
        "an element does not end; the file looks cut off, or a quote is missing\n"
        "  fix: fetch the file again, or correct its end"
    )


def test_a_bomb_of_brackets_is_set_aside(folder: Folder) -> None:
    _, numbers, removed, _ = folder.read("[" + "[" * 100_000 + "]" * 100_000 + ',\n{"a":"x"}]')
    assert ([row[:4] for row in removed], numbers) == (
        [("JSON_DEPTH", 1, "", "nested deeper than 64 levels")],
        [2],
    )


@pytest.mark.skipif(not BAD.is_dir(), reason="the bad inputs are not beside the repository")
def test_bad_lines_are_bad_elements(folder: Folder) -> None:
    """Of the files with one bad line, each as an array: the same row is set aside, or the file is refused."""
    shape = schema({"type": "object", "properties": {"id": {"type": "string"}, "text": {"type": "string"}}})
    same = 0
    for path in sorted(BAD.glob("*.jsonl")):
        raw = path.read_bytes().removesuffix(b"\n")
        if (
            path.stem == "pretty_printed"
            or path.stem.startswith(("utf16", "utf32"))
            or b"\r" in raw
            or b"\xef\xbb\xbf" in raw
            or raw.count(b"\n") < 39
            or b"\n\n" in raw
            or b"\n \n" in raw
        ):
            continue
        kept, _, removed, _ = folder.read(raw, shape=shape, name="a.jsonl")
        found = folder.result(b"[" + raw.replace(b"\n", b"\n,") + b"]", shape=shape)
        if isinstance(found, str):
            assert found.startswith("error[JSON_SYNTAX]")
            assert removed
        else:
            same += 1
            assert (found[0], [row[:4] for row in found[2]]) == (kept, [row[:4] for row in removed])
    assert same > 30


@pytest.mark.skipif(not SUITE.is_dir(), reason="the files of other parsers are not beside the repository")
def test_no_file_of_other_parsers_ends_in_a_crash(folder: Folder) -> None:
    paths = sorted(path for root in (SUITE, GOFUZZ) for path in root.rglob("*") if path.is_file())
    assert len(paths) > 300
    for path in paths:
        raw = path.read_bytes()
        folder.result(raw)
        folder.result(b"[" + raw + b"]")
        folder.result(b'[{"a":"x"},' + raw + b"]", limits=Limits(line_bytes=10))
