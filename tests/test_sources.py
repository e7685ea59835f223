"""Files -> batches of rows in the exact types of their columns."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import SHARED, stored
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import json_values, schema, table

from parquetry.record.read import read as read_partition
from parquetry.sources import lines as jsonl
from parquetry.sources import partitions as cutting
from parquetry.sources import streams
from parquetry.sources.partitions import Partition, Piece, digest, partitions
from parquetry.words.errors import InputError, RecipeError
from parquetry.words.recipe import Limits, Recipe, Split, Table
from parquetry.words.records import LINE, SOURCE, Removed, Sifted
from parquetry.words.schema import Schema

NOTE = table(a={"type": "string"}, n={"type": ["integer", "null"]})
BAD = SHARED / "test-material/generated-bad-inputs/compressed"
shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def part(*paths: Path) -> Partition:
    return Partition("notes", 0, "lines", tuple(Piece(path, path.name, path.stat().st_size) for path in paths))


def read(partition: Partition, shape: Schema = NOTE, limits: Limits | None = None) -> Iterator[Sifted]:
    rules = Table(schema="notes.schema.json", sources=("a",), id=("a",), split=Split(only="train"))
    return read_partition(partition, shape, rules, limits or Limits())


def everything(
    path: Path, shape: Schema = NOTE, limits: Limits | None = None
) -> tuple[list[dict[str, Any]], list[Removed], int]:
    """Kept rows, removed rows and blank lines of a file, its batches put together."""
    batches = list(read(part(path), shape, limits))
    kept = [row for batch in batches for row in batch.kept.to_pylist()]
    return kept, [row for batch in batches for row in batch.removed], sum(batch.blank for batch in batches)


def said(path: Path, limits: Limits | None = None) -> str:
    """The message that refuses a file."""
    with pytest.raises(InputError) as caught:
        everything(path, limits=limits)
    return str(caught.value)


RIGHT = st.fixed_dictionaries({"a": st.text("ab\u2028é", max_size=3)}, optional={"n": st.integers(0, 9) | st.none()})
LINES = st.lists(
    RIGHT.map(lambda row: json.dumps(row, ensure_ascii=False).encode())
    | json_values(3).map(lambda value: json.dumps(value).encode())
    | st.sampled_from(
        [b"", b" ", b"\t", b"\r", b'{"a":', b"\xff", b'{"a":"x"}{"a":"y"}', b'{"a":1}', b'{"z":"x"}', b"[]"]
    )
    | st.binary(max_size=6).map(lambda raw: b"{" + raw.replace(b"\n", b"")),
    max_size=9,
)


@given(LINES, st.sampled_from([b"\n", b"\r\n"]), st.booleans())
@shared_folder
def test_every_line_is_kept_or_set_aside(tmp_path: Path, lines: list[bytes], end: bytes, last: bool) -> None:
    raw = end.join(lines) + (end if last else b"")
    path = stored(tmp_path, "a.jsonl", raw)
    if not raw:
        assert said(path) == "error[INPUT_EMPTY] a.jsonl: the file holds nothing\n  fix: remove it, or fetch it again"
        return
    there = raw.removesuffix(b"\n").split(b"\n")
    kept, removed, blank = everything(path)
    numbers = [row[LINE.name] for row in kept] + [row.line for row in removed]
    assert sorted(numbers) == [number for number, line in enumerate(there, start=1) if line.strip()]
    assert len(numbers) + blank == len(there)
    assert [row[LINE.name] for row in kept] == sorted(row[LINE.name] for row in kept)
    for row in removed:
        assert row.code and row.message and (row.table, row.source) == ("notes", "a.jsonl")


@given(LINES, st.sampled_from([1, 2, 7, 40, 1 << 20]))
@shared_folder
def test_the_size_of_a_block_does_not_show(tmp_path: Path, lines: list[bytes], size: int) -> None:
    path = stored(tmp_path, "a.jsonl", b"\n".join([*lines, b'{"a":"x"}']))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonl, "BLOCK_BYTES", size)
        small = everything(path)
    assert small == everything(path)


@given(LINES, st.sampled_from([1, 2, 7, 40]), st.booleans())
@shared_folder
def test_the_cut_of_a_file_does_not_show(tmp_path: Path, lines: list[bytes], size: int, last: bool) -> None:
    """A file in pieces is the same lines, whose numbers count on from piece to piece."""
    path = stored(tmp_path, "a.jsonl", b"\n".join([*lines, b'{"a":"x"}']) + (b"\n" if last else b""))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cutting, "PARTITION_BYTES", size)
        cut = partitions(recipe(notes=["a.jsonl"]), tmp_path)
    kept, removed, blank, before = list[dict[str, Any]](), list[Removed](), 0, 0
    for one in cut:
        batches = list(read(one))
        kept += [row | {LINE.name: row[LINE.name] + before} for b in batches for row in b.kept.to_pylist()]
        removed += [row._replace(line=row.line + before) for batch in batches for row in batch.removed]
        blank += sum(batch.blank for batch in batches)
        before += sum(batch.lines for batch in batches)
    assert (kept, removed, blank) == everything(path)
    assert len(cut) == -(-path.stat().st_size // size)


@given(LINES)
@shared_folder
def test_compression_does_not_show(tmp_path: Path, lines: list[bytes]) -> None:
    raw = b"\n".join([*lines, b'{"a":"x"}'])
    plain, *others = (everything(stored(tmp_path, f"a.jsonl{suffix}", raw)) for suffix in ("", ".gz", ".zst"))
    names = [f"a.jsonl{suffix}" for suffix in (".gz", ".zst")]
    for (kept, removed, blank), name in zip(others, names, strict=True):
        assert (kept, removed, blank) == (plain[0], [row._replace(source=name) for row in plain[1]], plain[2])


def test_kept_rows_have_the_columns_of_the_schema_and_their_line(tmp_path: Path) -> None:
    path = stored(tmp_path, "a.jsonl", b'{"a":"x"}\n\n{"n":1.0}\n')
    batch = next(read(part(path))).kept
    assert batch.schema == pa.schema([*NOTE.arrow, LINE, SOURCE])
    assert batch.drop_columns([SOURCE.name]).to_pylist() == [
        {"a": "x", "n": None, LINE.name: 1},
        {"a": None, "n": 1, LINE.name: 3},
    ]


def test_rows_of_several_files_say_which_they_come_from(tmp_path: Path) -> None:
    one, two = stored(tmp_path, "a.jsonl", b'{"a":"x"}\n'), stored(tmp_path, "b.jsonl", b'{"a":1}\n{"a":"y"}\n')
    batches = list(read(part(one, two)))
    assert [row[SOURCE.name] for batch in batches for row in batch.kept.to_pylist()] == [0, 1]
    assert [row.source for batch in batches for row in batch.removed] == ["b.jsonl"]


def test_a_line_set_aside_keeps_its_place_its_reason_and_its_text(tmp_path: Path) -> None:
    raw = b'{"a":"x","n":"1"}\n{"a":"x",}\nnull\n{"a":"x","m":{"k":1}}\n'
    _, removed, _ = everything(stored(tmp_path, "a.jsonl", raw))
    assert [tuple(row) for row in removed] == [
        (
            "SCHEMA_TYPE", "notes", "a.jsonl", 1, "/n", "expected integer, found string",
            {"a": "x", "n": "1"},
        ),
        (
            "JSON_SYNTAX", "notes", "a.jsonl", 2, "",
            "expecting property name enclosed in double quotes, column 10", '{"a":"x",}',
        ),
        ("JSON_NOT_OBJECT", "notes", "a.jsonl", 3, "", "a record is a JSON object, found null", None),
        (
            "SCHEMA_ADDITIONAL", "notes", "a.jsonl", 4, "/m", "the schema names no member 'm'",
            {"a": "x", "m": {"k": 1}},
        ),
    ]  # fmt: skip


def test_blank_lines_are_counted(tmp_path: Path) -> None:
    kept, removed, blank = everything(stored(tmp_path, "a.jsonl", b'\n \t \r\n{"a":"x"}\n\n\n'))
    assert ([row[LINE.name] for row in kept], removed, blank) == ([3], [], 4)


def test_a_file_of_blank_lines_has_no_rows(tmp_path: Path) -> None:
    assert everything(stored(tmp_path, "a.jsonl", b"\n\n \n")) == ([], [], 3)


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_a_line_as_long_as_the_limit_is_read_and_one_byte_more_is_not(tmp_path: Path, end: bytes) -> None:
    limits = Limits(line_bytes=13)
    for length, fits in ((4, True), (5, True), (6, False), (7, False), (8, False), (5000, False)):
        path = stored(tmp_path, "a.jsonl", b'{"a":"1"}\n' + b'{"a":"' + b"x" * length + b'"}' + end)
        kept, removed, _ = everything(path, limits=limits)
        assert [row[LINE.name] for row in kept] == ([1, 2] if fits else [1])
        assert [(row.code, row.line, row.message) for row in removed] == (
            [] if fits else [("LINE_TOO_LONG", 2, "longer than 13 bytes; what follows them is not kept")]
        )


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"], ids=["plain", "with a byte order mark"])
def test_the_lines_behind_a_long_line_keep_their_numbers(tmp_path: Path, start: bytes) -> None:
    raw = start + b'{"a":"1234"}   ' + b"y" * 3_000_000 + b'\n{"a":"2"}\n' + b"z" * 100 + b'\n{"a":"4"}'
    kept, removed, _ = everything(stored(tmp_path, "a.jsonl", raw), limits=Limits(line_bytes=14))
    assert [(row["a"], row[LINE.name]) for row in kept] == [("2", 2), ("4", 4)]
    assert [(row.code, row.line) for row in removed] == [("LINE_TOO_LONG", 1), ("LINE_TOO_LONG", 3)]


def test_a_record_behind_many_spaces_does_not_disappear(tmp_path: Path) -> None:
    kept, removed, blank = everything(
        stored(tmp_path, "a.jsonl", b" " * 100 + b'{"a":"1"}\n{"a":"2"}\n'), limits=Limits(line_bytes=20)
    )
    assert ([row["a"] for row in kept], [row.code for row in removed], blank) == (["2"], ["LINE_TOO_LONG"], 0)


def test_what_was_read_of_a_long_line_is_kept(tmp_path: Path) -> None:
    _, removed, _ = everything(stored(tmp_path, "a.jsonl", b"[" * 50_000), limits=Limits(line_bytes=30_000))
    assert [len(row.row) for row in removed] == [30_002]


def test_a_byte_order_mark_at_the_start_is_no_part_of_the_text(tmp_path: Path) -> None:
    for raw in (b'\xef\xbb\xbf{"a":"x"}', b'\xef\xbb\xbf\n{"a":"x"}'):
        assert [row["a"] for row in everything(stored(tmp_path, "a.jsonl", raw))[0]] == ["x"]


def test_a_byte_order_mark_where_two_files_were_joined_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = stored(tmp_path, "a.jsonl", b'{"a":"x"}\n\xef\xbb\xbf{"a":"y"}\n')
    assert [row["a"] for row in everything(path)[0]] == ["x", "y"]


def test_only_line_feeds_end_a_line(tmp_path: Path) -> None:
    text = "\u2028\u2029\x85"
    kept, removed, _ = everything(stored(tmp_path, "a.jsonl", json.dumps({"a": text}, ensure_ascii=False).encode()))
    assert ([row["a"] for row in kept], removed) == ([text], [])


@pytest.mark.parametrize("name", ["_line", "line", "bytes", "row", "id", "text", "key"])
def test_a_property_is_not_mistaken_for_a_column_of_ours(tmp_path: Path, name: str) -> None:
    path = stored(tmp_path, "a.jsonl", json.dumps({name: 77}).encode())
    assert everything(path, table(**{name: {"type": "integer"}}))[0] == [{name: 77, LINE.name: 1, SOURCE.name: 0}]


def test_deep_and_wide_records_are_set_aside(tmp_path: Path) -> None:
    shape = table(a={"type": "object"})
    raw = b'{"a":{"b":{"c":1}}}\n{"a":{"b":1,"c":2,"d":3}}\n{"a":{}}'
    kept, removed, _ = everything(stored(tmp_path, "a.jsonl", raw), shape, Limits(depth=2, fields=3))
    assert [(row.code, row.message) for row in removed] == [
        ("JSON_DEPTH", "nested deeper than 2 levels"),
        ("FIELD_COUNT", "more than 3 members"),
    ]
    assert [row[LINE.name] for row in kept] == [3]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.zst"])
def test_an_empty_file_is_refused(tmp_path: Path, name: str) -> None:
    expected = f"error[INPUT_EMPTY] {name}: the file holds nothing\n  fix: remove it, or fetch it again"
    assert said(stored(tmp_path, name, b"")) == expected
    (tmp_path / name).write_bytes(b"")
    assert said(tmp_path / name) == expected


@pytest.mark.parametrize(
    ("name", "raw", "what"),
    [
        ("a.jsonl", gzip.compress(b"{}", mtime=0), "the content is gz, the name says plain text"),
        ("a.jsonl", b"BZh9", "the content is bz2, the name says plain text"),
        ("a.jsonl", b"PK\3\4", "the content is zip, the name says plain text"),
        ("a.jsonl", b"\xfd7zXZ\0", "the content is xz, the name says plain text"),
        ("a.jsonl.gz", b"{}", "the content is not compressed, the name says .gz"),
        ("a.jsonl.gz", pa.Codec("zstd").compress(b"{}", asbytes=True), "the content is zst, the name says .gz"),
        ("a.jsonl.zst", gzip.compress(b"{}", mtime=0), "the content is gz, the name says .zst"),
    ],
)
def test_a_file_is_what_its_name_says(tmp_path: Path, name: str, raw: bytes, what: str) -> None:
    (tmp_path / name).write_bytes(raw)
    assert said(tmp_path / name) == f"error[COMPRESSION_MISMATCH] {name}: {what}\n  fix: give the file its right suffix"


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (gzip.compress(b"{}", mtime=0), "gz"),
        (pa.Codec("zstd").compress(b"{}", asbytes=True), "zst"),
        (b"a.jsonl".ljust(257, b"\0") + b"ustar".ljust(999, b"\0"), "tar"),
    ],
)
def test_what_is_inside_of_a_compressed_file_is_text(tmp_path: Path, raw: bytes, what: str) -> None:
    expected = f"error[COMPRESSION_MISMATCH] a.jsonl.gz: what was compressed is {what}, the name says text"
    assert said(stored(tmp_path, "a.jsonl.gz", raw)) == f"{expected}\n  fix: unpack it once more"


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet", "a.jsonl.gz"])
def test_a_pointer_of_git_lfs_is_told_as_that(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:2d\nsize 12345\n")
    what = "the file is with Git LFS, and only a pointer to it is here"
    with pytest.raises(InputError) as caught:
        streams.found(Piece(tmp_path / name, name, 1))
    assert str(caught.value) == f"error[INPUT_GIT_LFS] {name}: {what}\n  fix: run `git lfs pull`"


@pytest.mark.parametrize("suffix", ["gz", "zst"])
def test_no_cut_and_no_flipped_file_is_read_to_its_end(tmp_path: Path, suffix: str) -> None:
    rows = b"".join(b'{"a":"%d"}\n' % (number * 7919) for number in range(300))
    whole = stored(tmp_path, f"a.jsonl.{suffix}", rows).read_bytes()
    path = tmp_path / f"b.jsonl.{suffix}"
    for end in range(1, len(whole), 37):
        path.write_bytes(whole[:end])
        assert said(path).startswith(
            f"error[{'COMPRESSION_MISMATCH' if end < 4 else 'INPUT_CORRUPT'}] b.jsonl.{suffix}:"
        )
    path.write_bytes(whole + b"rubbish")
    assert said(path).startswith(f"error[INPUT_CORRUPT] b.jsonl.{suffix}: cannot be decompressed: ")
    assert said(path).endswith("\n  fix: fetch the file again")


@pytest.mark.skipif(not BAD.is_dir(), reason="the bad inputs are not beside the repository")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ok.jsonl.gz", ""),
        ("ok.jsonl.zst", ""),
        ("multi_member.jsonl.gz", ""),
        ("member_split_mid_line.jsonl.gz", ""),
        ("multi_frame.jsonl.zst", ""),
        ("no_checksum.jsonl.zst", ""),
        ("skippable_frame.jsonl.zst", ""),
        ("truncated.jsonl.gz", "INPUT_CORRUPT"),
        ("truncated_trailer.jsonl.gz", "INPUT_CORRUPT"),
        ("bitflip.jsonl.gz", "INPUT_CORRUPT"),
        ("bad_crc.jsonl.gz", "INPUT_CORRUPT"),
        ("trailing_garbage.jsonl.gz", "INPUT_CORRUPT"),
        ("truncated.jsonl.zst", "INPUT_CORRUPT"),
        ("truncated_checksum.jsonl.zst", "INPUT_CORRUPT"),
        ("bitflip.jsonl.zst", "INPUT_CORRUPT"),
        ("trailing_garbage.jsonl.zst", "INPUT_CORRUPT"),
        ("header_only.jsonl.zst", "INPUT_CORRUPT"),
        ("window_2GiB.jsonl.zst", "INPUT_CORRUPT"),
        ("plain_text.jsonl.gz", "COMPRESSION_MISMATCH"),
        ("zstd_inside.jsonl.gz", "COMPRESSION_MISMATCH"),
        ("gzip_inside.jsonl.zst", "COMPRESSION_MISMATCH"),
        ("empty.jsonl.gz", "INPUT_EMPTY"),
        ("empty_member.jsonl.gz", "INPUT_EMPTY"),
        ("empty.jsonl.zst", "INPUT_EMPTY"),
        ("bomb_256MiB_one_line.jsonl.gz", "DECOMPRESSION_RATIO"),
    ],
)
def test_a_damaged_archive_is_refused_and_a_sound_one_is_read(name: str, code: str) -> None:
    shape = schema({"type": "object", "properties": {"id": {"type": "string"}, "text": {"type": "string"}}})
    if code:
        assert said(BAD / name).startswith(f"error[{code}] {name}: ")
    else:
        kept, removed, blank = everything(BAD / name, shape)
        assert (len(kept), removed, blank) == (4000, [], 0)


def test_a_file_that_grows_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "RATIO_FLOOR", 10_000)
    path = stored(tmp_path, "a.jsonl.gz", b'{"a":"x"}\n' * 5_000)
    allowed = max(10_000, 50 * path.stat().st_size)
    assert said(path, Limits(decompression_ratio=50)) == (
        f"error[DECOMPRESSION_RATIO] a.jsonl.gz: grew beyond {allowed} bytes\n"
        "  fix: raise limits.decompression_ratio if this is no attack"
    )
    assert len(everything(path, limits=Limits(decompression_ratio=1000))[0]) == 5_000
    assert (
        len(everything(stored(tmp_path, "a.jsonl", b'{"a":"x"}\n' * 5_000), limits=Limits(decompression_ratio=1))[0])
        == 5_000
    )


def test_the_digest_of_a_source_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = stored(tmp_path, "a.jsonl.gz", b'{"a":"x"}\n')
    raw = path.read_bytes()
    assert digest(part(path).pieces[0]) == hashlib.sha256(raw).hexdigest()


def recipe(**tables: list[str]) -> Recipe:
    """A recipe whose tables have these sources."""
    dataset = {"name": "d", "version": "1.0.0", "title": "T", "summary": "S", "license": "mit", "languages": ["en"]}
    dataset |= {"released": "2026-11-22", "creators": [{"name": "N"}]}
    rules = {n: {"schema": "s.json", "sources": s, "id": "id", "split": {"only": "train"}} for n, s in tables.items()}
    return Recipe.model_validate_json(json.dumps({"dataset": dataset, "tables": rules}))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    for name in ("b.jsonl", "a.jsonl.gz", "Z.ndjson", "é.jsonl", "sub/a.jsonl", "sub/deep/c.jsonl.zst", "x/a.jsonl"):
        stored(tmp_path / "corpus", name, b'{"a":"x"}\n')
    stored(tmp_path / "corpus", "notes.csv", b"a\n")
    stored(tmp_path / "corpus", ".hidden.jsonl", b"")
    return tmp_path / "corpus"


def names(root: Path, **tables: list[str]) -> list[tuple[str, int, str]]:
    found = [(one.table, piece.name) for one in partitions(recipe(**tables), root) for piece in one.pieces]
    return [(table, [name for t, name in found if t == table].index(name), name) for table, name in found]


def refused(root: Path, **tables: list[str]) -> str:
    with pytest.raises(RecipeError) as caught:
        partitions(recipe(**tables), root)
    return str(caught.value)


def test_files_come_in_the_order_of_the_bytes_of_their_names(corpus: Path) -> None:
    found = names(corpus, notes=["**/*.jsonl", "*.ndjson", "**/*.gz", "**/*.zst"])
    expected = ["Z.ndjson", "a.jsonl.gz", "b.jsonl", "sub/a.jsonl", "sub/deep/c.jsonl.zst", "x/a.jsonl", "é.jsonl"]
    assert found == [("notes", index, name) for index, name in enumerate(expected)]
    assert expected == sorted(expected, key=os.fsencode)


def test_the_order_of_patterns_does_not_show_and_a_file_is_read_once(corpus: Path) -> None:
    found = names(corpus, notes=["sub/*.jsonl", "*.jsonl", "./b.jsonl", "x/../b.jsonl", "**/a.jsonl"])
    assert [name for _, _, name in found] == ["b.jsonl", "sub/a.jsonl", "x/a.jsonl", "é.jsonl"]


def test_each_table_has_its_own_files(corpus: Path) -> None:
    assert names(corpus, one=["b.jsonl"], two=["sub/*.jsonl", "b.jsonl"]) == [
        ("one", 0, "b.jsonl"),
        ("two", 0, "b.jsonl"),
        ("two", 1, "sub/a.jsonl"),
    ]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("{}/b.jsonl", ["b.jsonl"]),
        ("{}/*.jsonl", ["b.jsonl", "é.jsonl"]),
        ("{}/sub/**/*.zst", ["deep/c.jsonl.zst"]),
        ("{}/s*/*.jsonl", ["sub/a.jsonl"]),
        ("{}/sub/../b.jsonl", ["b.jsonl"]),
    ],
)
def test_no_name_is_absolute(corpus: Path, pattern: str, expected: list[str]) -> None:
    found = names(corpus.parent, notes=[pattern.format(corpus)])
    assert [name for _, _, name in found] == expected


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A corpus beside a release, and beside what a build left."""
    stored(tmp_path, "x/a.jsonl", b'{"a":"x"}\n')
    for name in ("manifest.json", "SHA256SUMS", "data/notes/b.jsonl"):
        stored(tmp_path / "x/any name", name, b'{"a":"x"}\n')
    for name in ("d-1.0.0.removed/c", "o-2.0.0-rc.1.refused/c", ".d-1.0.0.building/parts/c", "my.removed/c"):
        stored(tmp_path / "x", f"{name}.jsonl", b'{"a":"x"}\n')
    return tmp_path


@pytest.mark.parametrize("pattern", ["**/*.jsonl", "./x/**/*.jsonl", "x/../x/**", "{}/**/*.jsonl", "x/.*/**/*.jsonl"])
def test_what_stands_in_a_release_or_beside_it_is_no_source_in_passing(released: Path, pattern: str) -> None:
    root, pattern = released, pattern.format(released)
    if ".*" in pattern:
        assert refused(root, notes=[pattern]) == (
            "error[SOURCE_MISSING] recipe.toml: tables.notes.sources.0: all that 'x/.*/**/*.jsonl' matches stands in a "
            "release, or beside one: x/.d-1.0.0.building/parts/c.jsonl\n"
            "  fix: name the folder of the release without wildcards if it is to be read"
        )
    else:
        assert [name for _, _, name in names(root, notes=[pattern])] == ["x/a.jsonl", "x/my.removed/c.jsonl"]


@pytest.mark.parametrize(
    "pattern",
    ["x/any name/data/notes/b.jsonl", "x/any name/**/*.jsonl", "x/d-1.0.0.removed/*.jsonl", "{}/x/any name/**/b*"],
)
def test_a_release_that_is_named_is_read(released: Path, pattern: str) -> None:
    assert len(names(released, notes=[pattern.format(released)])) == 1


def test_an_absolute_pattern_finds_the_same_files_from_anywhere(corpus: Path, tmp_path: Path) -> None:
    near, far = (partitions(recipe(notes=[f"{corpus}/**/*.jsonl"]), root) for root in (corpus, tmp_path))
    assert [one.pieces for one in near] == [one.pieces for one in far]


def test_a_file_above_the_recipe_is_named_by_the_way_to_it(corpus: Path) -> None:
    assert names(corpus / "sub", notes=["../b.jsonl"]) == [("notes", 0, "../b.jsonl")]


def test_two_files_cannot_have_one_name(corpus: Path) -> None:
    assert refused(corpus, notes=[f"{corpus}/sub/*.jsonl", f"{corpus}/x/*.jsonl"]) == (
        "error[SOURCE_TWICE] recipe.toml: tables.notes.sources.1: two files would both be called 'a.jsonl'\n"
        "  fix: rename one"
    )


def test_all_that_is_wrong_with_the_sources_is_said_at_once(corpus: Path) -> None:
    stored(corpus, "notes.ods", b"PK")
    assert refused(corpus, one=["*.ods", "no*.jsonl"], two=["sub/"]) == (
        f"error[INPUT_TYPE] notes.ods: this kind of file is not read\n  fix: {READ}\n"
        "error[SOURCE_MISSING] recipe.toml: tables.one.sources.1: no file matches 'no*.jsonl'\n"
        "  fix: correct the path, or make the file first\n"
        "error[SOURCE_MISSING] recipe.toml: tables.two.sources.0: 'sub/' is a folder\n"
        "  fix: name the files in it: 'sub/*.jsonl', or 'sub/**/*.jsonl' for those in its folders too"
    )


def test_a_folder_is_told_how_to_name_its_files(tmp_path: Path) -> None:
    for name, end in (("a/x.csv.gz", ".csv.gz"), ("b/y.txt", ".txt"), ("c/.z", ".jsonl"), ("d/z.pdf", ".jsonl")):
        stored(tmp_path, name, b"x")
        folder = name[0]
        assert f"name the files in it: '{folder}/*{end}', or '{folder}/**/*{end}'" in refused(tmp_path, one=[folder])


#: What to do about a file that is not read.
READ = (
    "use .jsonl, .ndjson, .json, .parquet, .arrow, .feather, .csv, .tsv, .xlsx, .txt or .md; "
    "JSON and CSV plain or with .gz or .zst"
)


@pytest.mark.parametrize("name", ["a.ods", "a.xls", "a.gz", "a.jsonl.bz2", "a.JSONL", "jsonl", "a.zip"])
def test_other_kinds_of_files_are_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"{}")
    what = f"error[INPUT_TYPE] {name}: this kind of file is not read\n  fix: {READ}"
    assert refused(tmp_path, notes=[name]) == what


def test_a_file_that_compresses_inside_is_not_compressed_outside(tmp_path: Path) -> None:
    (tmp_path / "a.parquet.gz").write_bytes(b"{}")
    what = "error[INPUT_TYPE] a.parquet.gz: this kind of file is not read\n  fix: decompress .parquet files"
    assert refused(tmp_path, notes=["a.parquet.gz"]) == what
