"""A text or Markdown file -> one row."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import SHARED
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import table

from parquetry.sources import documents
from parquetry.sources.partitions import Piece
from parquetry.words.recipe import Limits, Table
from parquetry.words.records import LINE, Removed
from parquetry.words.schema import Schema

BAD = SHARED / "test-material/generated-bad-inputs/docs"
YAML = SHARED / "test-material/yaml-test-suite"
SPEECHES = SHARED / "corpora/fivethirtyeight-events/state-of-the-state/speeches"
LIMITS = Limits()
TEXT = {"type": "string"}
PLAIN = table(text=TEXT, path=TEXT)
PAGE = table(
    text=TEXT,
    title={"type": ["string", "null"]},
    day={"type": "string", "format": "date"},
    at={"type": "string", "format": "date-time"},
    n={"type": "integer"},
    x={"type": "number"},
    b={"type": "boolean"},
    tags={"type": "array", "items": TEXT},
    who={
        "type": "object",
        "additionalProperties": False,
        "properties": {"name": TEXT, "age": {"type": "integer"}},
    },
    more={"type": "object"},
)
shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def rules(**read: str) -> Table:
    """A table whose files are read in this way."""
    rule = {"schema": "s", "sources": ["a"], "id": "id", "split": {"only": "train"}, "read": read}
    return Table.model_validate_json(json.dumps(rule))


def outcome(path: Path, shape: Schema, table: Table, limits: Limits) -> dict[str, Any] | Removed:
    """The row of a file without what is null in it, or the reason why it has none."""
    (batch,) = documents.read(Piece(path, path.name, path.stat().st_size), shape, table, limits)
    assert batch.kept.schema == pa.schema([*shape.arrow, LINE])
    assert batch.kept.num_rows + len(batch.removed) == batch.lines == 1
    if batch.removed:
        assert batch.removed[0][1:4] == ("", path.name, 1)
        json.dumps(batch.removed[0].row).encode()
        return batch.removed[0]
    (row,) = batch.kept.to_pylist()
    assert row.pop(LINE.name) == 1
    return {name: value for name, value in row.items() if value is not None}


class Folder:
    """Where files are written and read."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def read(
        self, raw: bytes | str, shape: Schema = PAGE, name: str = "a.md", limits: Limits = LIMITS, **how: str
    ) -> dict[str, Any] | Removed:
        """The outcome of a file with this content."""
        path = self.root / name
        path.write_bytes(raw.encode() if isinstance(raw, str) else raw)
        return outcome(path, shape, rules(**how), limits)

    def refused(self, raw: bytes | str, **more: Any) -> tuple[str, str, str]:
        """Why such a file has no row: code, pointer and message."""
        removed = self.read(raw, **more)
        assert isinstance(removed, Removed)
        return removed.code, removed.pointer, removed.message


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40))
@shared_folder
def test_a_text_is_not_changed(tmp_path: Path, text: str) -> None:
    found = Folder(tmp_path).read("x" + text, PLAIN, "a.txt")
    assert found == {"text": "x" + text, "path": "a.txt"}


@given(
    st.binary(max_size=60)
    | st.text("-\n: ab'\"&*!<[]{}#|>\r\t01", max_size=60).map(lambda text: b"---\n" + text.encode())
)
@settings(shared_folder, max_examples=500)
def test_every_file_is_a_row_or_is_set_aside(tmp_path: Path, raw: bytes) -> None:
    Folder(tmp_path).read(raw)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "title": st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=8),
            "n": st.integers(-(2**63), 2**63 - 1),
            "b": st.booleans(),
            "tags": st.lists(st.text("ab'\"\\é\n: #", max_size=5), max_size=3),
        },
    ).filter(bool),
    st.text("ab-\n\r", max_size=12),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
@shared_folder
def test_front_matter_in_the_words_of_json_is_what_it_says(
    tmp_path: Path, members: dict[str, Any], body: str, end: str
) -> None:
    """JSON with escapes is YAML too."""
    lines = ["---", *(f"{key}: {json.dumps(value)}" for key, value in members.items()), "---", body]
    found = Folder(tmp_path).read(end.join(lines))
    if end == "\r" and body.startswith("\n"):
        body = body[1:]  # which was the end of the line before
    assert found == members | {"text": body}


def test_front_matter_is_typed_by_the_schema_and_not_guessed(folder: Folder) -> None:
    lines = [
        "---",
        "title: no",
        "day: 2020-01-31",
        "at: 2020-01-31T12:00:00+02:00",
        "n: 7",
        "x: 1.50",
        "b: True",
        "tags: [1.10, yes, 2020-01-01, ~, 'null']",
        "who: {name: 12:30, age: 5}",
        "more:",
        "  a: no",
        "  b: 010",
        "  c: 1_000",
        "  d: 2020-01-01",
        "  e: [.inf, 1.5, 12:30, null]",
        "---",
        "Body\n---\n",
    ]
    found = folder.read("\n".join(lines))
    assert isinstance(found, dict)
    assert (str(found.pop("day")), str(found.pop("at"))) == ("2020-01-31", "2020-01-31 10:00:00+00:00")
    assert json.loads(found.pop("more")) == {
        "a": "no", "b": "010", "c": "1_000", "d": "2020-01-01", "e": [".inf", 1.5, "12:30", None],
    }  # fmt: skip
    assert found == {
        "title": "no", "n": 7, "x": 1.5, "b": True, "tags": ["1.10", "yes", "2020-01-01", None, "null"],
        "who": {"name": "12:30", "age": 5}, "text": "Body\n---\n",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("n: 010", ("SCHEMA_TYPE", "/n", "expected integer, found string")),
        ("n: '7'", ("SCHEMA_TYPE", "/n", "expected integer, found string")),
        (
            "n: 99999999999999999999",
            ("JSON_NUMBER_RANGE", "/n", "integer 99999999999999999999 does not fit into 64 bits"),
        ),
        (
            "more: {a: [1.0e+999]}",
            ("JSON_NUMBER_RANGE", "/more/a/0", "number 1.0e+999 is too large for a 64-bit float"),
        ),
        ("b: yes", ("SCHEMA_TYPE", "/b", "expected boolean, found string")),
        ("day: 2020-1-31", ("SCHEMA_FORMAT", "/day", "'2020-1-31' is not a date (YYYY-MM-DD)")),
        ("colour: red", ("SCHEMA_ADDITIONAL", "/colour", "the schema names no member 'colour'")),
        ("text: mine", ("DOC_FRONT_MATTER", "/text", "the front matter names 'text', which is the file's own")),
        ("n: 1\nn: 2", ("DOC_FRONT_MATTER", "/n", "the front matter names 'n' twice")),
        ("more: {a: {b: 1, b: 2}}", ("DOC_FRONT_MATTER", "/more/a/b", "the front matter names 'b' twice")),
        ('title: "\\ud800"', ("UNICODE_SURROGATE", "/title", "lone surrogate U+D800")),
        ('title: "a\\0b"', ("UNICODE_NUL", "/title", "the character U+0000 stands in a string")),
        ("'': 1", ("FIELD_NAME_EMPTY", "", "a member has an empty name")),
        ("more: " + "[" * 70 + "]" * 70, ("JSON_DEPTH", "", "nested deeper than 64 levels")),
    ],
)
def test_front_matter_that_is_no_record_is_set_aside(folder: Folder, line: str, reason: tuple[str, str, str]) -> None:
    assert folder.refused(f"---\n{line}\n---\nBody") == reason


@pytest.mark.parametrize(
    "front",
    [
        "title: !!python/object/apply:os.system ['true']",
        "title: !mine x",
        "!!python/object:x.y {title: x}",
        "!!set {title, n}",
        "a: &a [x]\nb: *a",
        "a: &a {title: x}\n<<: *a",
        "&a title: x\n*a : y",
        "a: &a [*a]",
    ],
)
def test_front_matter_that_would_have_to_be_followed_stays_text(folder: Folder, front: str) -> None:
    assert folder.read(f"---\n{front}\n---\nBody") == {"text": f"---\n{front}\n---\nBody"}


@pytest.mark.parametrize(
    ("front", "pointer", "what"),
    [
        ("just words", "", "is text, not a mapping of names to values"),
        ("- a list", "", "is a list, not a mapping of names to values"),
        ("title: Rome: a history", "", "is not YAML: mapping values are not allowed here, line 2, column 12"),
        ("n: 1\ntitle: 'never closed", "", "is not YAML: found unexpected end of stream, line 4, column 1"),
        ("title: [1, 2", "", "is not YAML: expected ',' or ']', but got '<stream end>', line 3, column 1"),
        ("title: x\n  n: 1", "", "is not YAML: mapping values are not allowed here, line 3, column 4"),
        ("\ttitle: x", "", "is not YAML: found character '\\t' that cannot start any token, line 2, column 1"),
        ("? [a, b]\n: 1", "", "has a key that is not a word"),
        ('title: "\\U00110000"', "", "is not YAML: it holds a character that cannot be"),
        ('title: "\\UFFFFFFFF"', "", "is not YAML: it holds a character that cannot be"),
        ("title: \a", "", "is not YAML: it holds a character that cannot be"),
        (
            "title: x\n...\nn: 1",
            "",
            "is not YAML: expected '<document start>', but found '<block mapping start>', line 4, column 1",
        ),
        ("title: " + "[" * 5000, "", "is nested too deep to be read"),
        ("title: " + "x" * 70_000, "", "is longer than 65,536 characters"),
    ],
)
def test_front_matter_that_cannot_be_read_safely_is_set_aside(
    folder: Folder, front: str, pointer: str, what: str
) -> None:
    text = f"---\n{front}\n---\nBody"
    assert folder.refused(text) == ("DOC_FRONT_MATTER", pointer, f"the front matter {what}")
    assert folder.read("\n" + text) == {"text": "\n" + text}


@pytest.mark.parametrize("front", ["", "\n", "# a comment\n", " \n  # two\n#comments\n"])
def test_front_matter_without_members_is_no_text(folder: Folder, front: str) -> None:
    assert folder.read(f"---\n{front}---\nBody") == {"text": "Body"}


@pytest.mark.parametrize("text", ["---\ntitle: x\n", "---\ntitle: x\n----\n", "\n---\ntitle: x\n---\n", "--- \ntitle"])
def test_what_is_not_between_two_lines_at_the_start_is_text(folder: Folder, text: str) -> None:
    assert folder.read(text) == {"text": text}


def test_only_markdown_has_front_matter(folder: Folder) -> None:
    assert folder.read("---\ntitle: x\n---\nBody", name="a.txt") == {"text": "---\ntitle: x\n---\nBody"}


def test_what_is_behind_the_front_matter_may_be_nothing(folder: Folder) -> None:
    assert folder.read("---\ntitle: x\n---") == {"title": "x", "text": ""}


def test_the_path_is_told_if_the_schema_asks_for_it(folder: Folder) -> None:
    assert folder.read("Body", PLAIN) == {"text": "Body", "path": "a.md"}
    assert folder.read("Body", table(text=TEXT)) == {"text": "Body"}
    assert folder.refused("---\npath: mine\n---\n", shape=PLAIN) == (
        "DOC_FRONT_MATTER", "/path", "the front matter names 'path', which is the file's own",
    )  # fmt: skip


def test_a_schema_without_text_admits_no_document(folder: Folder) -> None:
    expected = ("SCHEMA_ADDITIONAL", "/text", "the schema names no member 'text'")
    assert folder.refused("Body", shape=table(title=TEXT)) == expected


def test_a_byte_order_mark_is_no_part_of_the_text(folder: Folder) -> None:
    assert folder.read(b"\xef\xbb\xbf---\ntitle: x\n---\nBody") == {"title": "x", "text": "Body"}


@pytest.mark.parametrize("encoding", ["cp1252", "utf-16", "utf-16-be", "utf-32", "shift_jis_2004"])
def test_a_file_is_read_in_its_encoding(folder: Folder, encoding: str) -> None:
    assert folder.read("é1".encode(encoding), encoding=encoding) == {"text": "é1"}


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", ("DOC_EMPTY", "", "the file holds no text")),
        (b"\xef\xbb\xbf \r\n\xc2\xa0", ("DOC_EMPTY", "", "the file holds no text")),
        (b"%PDF-1.7\n", ("DOC_BINARY", "", "not text but PDF")),
        (gzip.compress(b"x", mtime=0), ("DOC_BINARY", "", "not text but gzip")),
        (b"PK\x03\x04x", ("DOC_BINARY", "", "not text but zip, perhaps of an Office document")),
        (b"\x89PNG\r\n\x1a\n", ("DOC_BINARY", "", "not text but PNG image")),
        (b"\0\xff\x01", ("DOC_BINARY", "", "not text: it holds control characters and is not UTF-8")),
        (b"ab\0" * 9, ("DOC_BINARY", "", "not text: 9 of 27 characters are U+0000")),
        (b"a" * 200 + b"\0", ("UNICODE_NUL", "/text", "the character U+0000 stands in the text")),
        ("aé".encode("utf-16"), ("ENCODING_UTF16", "", "the text is UTF-16, not utf-8")),
        ("aé".encode("utf-32"), ("ENCODING_UTF32", "", "the text is UTF-32, not utf-8")),
        (b"caf\xe9 au lait", ("UTF8_INVALID", "", "byte 4 of the file is not UTF-8 (hex e9)")),
        (b"x" * 301, ("LINE_TOO_LONG", "", "longer than 300 bytes; the file is one record")),
    ],
)
def test_what_is_no_text_is_set_aside(folder: Folder, raw: bytes, reason: tuple[str, str, str]) -> None:
    assert folder.refused(raw, limits=Limits(line_bytes=300)) == reason


def test_what_its_encoding_does_not_have_is_set_aside(folder: Folder) -> None:
    assert folder.refused(b"a\x81", encoding="cp1252") == (
        "ENCODING_INVALID", "", "byte 2 of the file is not cp1252 (hex 81)",
    )  # fmt: skip
    assert folder.refused(b"+2AA-", encoding="utf-7")[0] == "ENCODING_INVALID"


def test_nul_is_kept_if_the_recipe_says_so(folder: Folder) -> None:
    assert folder.read(b"a\0b", nul="keep") == {"text": "a\0b"}


@pytest.mark.skipif(not BAD.is_dir(), reason="the bad inputs are not beside the repository")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("binary_named.txt", "DOC_BINARY"),
        ("pdf_named.md", "DOC_BINARY"),
        ("utf16.txt", "ENCODING_UTF16"),
        ("u2028.txt", ""),
        ("front_matter_evil.md", ""),
        ("front_matter_bomb.md", ""),
    ],
)
def test_bad_inputs_are_told_from_good_ones(name: str, code: str) -> None:
    found = outcome(BAD / name, PLAIN, rules(), LIMITS)
    if isinstance(found, Removed):
        assert found.code == code
    else:
        assert (code, found) == ("", {"text": (BAD / name).read_bytes().decode(), "path": name})


@pytest.mark.skipif(not YAML.is_dir(), reason="the YAML test suite is not beside the repository")
def test_no_front_matter_ends_in_a_crash(folder: Folder) -> None:
    paths = sorted(path for path in YAML.rglob("*") if path.is_file())
    assert len(paths) > 200
    for path in paths:
        folder.read(b"---\n" + path.read_bytes() + b"\n---\nBody")


@pytest.mark.skipif(not SPEECHES.is_dir(), reason="the corpora are not beside the repository")
def test_speeches_come_back_byte_by_byte() -> None:
    paths = sorted(SPEECHES.glob("*.txt"))
    assert len(paths) == 50
    for path in paths:
        found = outcome(path, PLAIN, rules(), LIMITS)
        assert isinstance(found, dict)
        assert found["text"].encode() == path.read_bytes().removeprefix(b"\xef\xbb\xbf")
