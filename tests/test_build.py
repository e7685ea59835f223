"""The whole build: the same bytes whatever does not matter, all or nothing, and balanced books."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import build_dataset
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import RELEASE, ROOT, Project, contents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parquetry.reader.drift import BUILT, REFRESHED, REPLACED, UP_TO_DATE
from parquetry.reader.verify import verify
from parquetry.sources import lines as jsonl
from parquetry.sources import partitions
from parquetry.words.engine import Local
from parquetry.words.errors import InputError, RecipeError


def bundled(repository: Path, workers: int = 1) -> dict[str, bytes]:
    """The files of the bundled dataset, built anew."""
    out = repository / "out"
    return contents(build_dataset.build(repository / "recipe.toml", out, Local(workers)).place)


def test_the_committed_release_is_what_the_sources_give(repository: Path) -> None:
    assert bundled(repository) == contents(RELEASE)


def test_the_bundled_dataset_has_189_events_in_three_splits() -> None:
    rows = {
        table: {f.name.split("-")[0]: pq.read_metadata(f).num_rows for f in (RELEASE / "data" / table).iterdir()}
        for table in ("articles", "events", "actors")
    }
    assert rows == {
        "articles": {"train": 5, "validation": 2, "test": 2},
        "events": {"train": 79, "validation": 22, "test": 88},
        "actors": {"train": 66},
    }


@pytest.mark.parametrize("workers", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 700, 50_000])
def test_workers_blocks_and_partitions_do_not_show(
    repository: Path, monkeypatch: pytest.MonkeyPatch, workers: int, size: int
) -> None:
    monkeypatch.setattr(jsonl, "BLOCK_BYTES", size)
    monkeypatch.setattr(partitions, "PARTITION_BYTES", max(size, 100))
    assert bundled(repository, workers) == contents(RELEASE)


@pytest.mark.parametrize(
    "variation",
    [
        {"TZ": "Pacific/Kiritimati"},
        {"LC_ALL": "C"},
        {"LC_ALL": "tr_TR.UTF-8"},
        {"PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "4242"},
        {"umask": "0o077"},
        {"umask": "0o000"},
        {"cwd": "/"},
        {"PYTHONOPTIMIZE": "2"},
    ],
    ids=str,
)
def test_the_surroundings_do_not_show(repository: Path, variation: dict[str, str]) -> None:
    """Another time zone, locale, hash seed, umask or working directory gives the same bytes."""
    environment = os.environ | {k: v for k, v in variation.items() if k.isupper()}
    command = [
        sys.executable,
        str(ROOT / "build_dataset.py"),
        str(repository / "recipe.toml"),
        "--out",
        str(repository / "out"),
    ]
    umask = int(variation.get("umask", "0o022"), 8)
    subprocess.run(
        command, env=environment, cwd=variation.get("cwd", "."), umask=umask, check=True, capture_output=True
    )
    assert contents(repository / "out" / RELEASE.name) == contents(RELEASE)


def test_a_released_file_can_be_read_by_all_whatever_the_umask(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    before = os.umask(0o077)
    try:
        place = project.build().place
    finally:
        os.umask(before)
    assert {oct(path.stat().st_mode & 0o777) for path in place.rglob("*") if path.is_file()} == {"0o644"}


def test_a_second_build_finds_the_same_bytes(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    assert project.build().outcome == BUILT
    before = {p: p.stat().st_mtime_ns for p in project.release.rglob("*")}
    assert project.build().outcome == UP_TO_DATE
    assert {p: p.stat().st_mtime_ns for p in project.release.rglob("*")} == before


def test_other_papers_may_take_the_place_of_the_same_data(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    project.build()
    project.edit("Notes to try things out.", "Notes, better said.")
    assert project.build().outcome == REFRESHED
    assert "Notes, better said" in (project.release / "README.md").read_text("utf-8")


def test_other_data_does_not_take_the_place_of_a_version_unless_it_is_said(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    project.build()
    before = contents(project.release)
    project.rows("notes.jsonl", [{"id": "1", "text": "two"}])
    with pytest.raises(InputError) as error:
        project.build()
    assert error.value.problems[0].code == "VERSION_EXISTS"
    assert contents(project.release) == before
    assert project.build(replace=True).outcome == REPLACED
    assert not verify(project.release, "deep").problems


def test_a_folder_that_is_not_ours_is_left_alone(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    mine = project.file("out/notes-1.0.0/thesis.txt", "years of work")
    with pytest.raises(InputError) as error:
        project.build()
    assert error.value.problems[0].code == "OUTPUT_NOT_OURS"
    assert mine.read_text("utf-8") == "years of work"


def test_a_refused_build_changes_nothing_and_tells_all(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    project.build()
    before = contents(project.release)
    project.rows(
        "notes.jsonl",
        [
            {"id": "1", "text": "one"},
            '{"id": "2", "text": ',
            {"id": "3", "text": ""},
            {"id": "1", "text": "another"},
            {"id": "5", "text": "five", "tags": ["a", "z"]},
            {"id": "", "text": "nameless"},
        ],
    )
    with pytest.raises(InputError) as error:
        project.build()
    assert [(p.code, p.where, p.what) for p in error.value.problems[:-1]] == [
        ("ID_DUPLICATE", "notes.jsonl:4 /id", "the id stands in notes.jsonl:1 too"),
        ("ID_EMPTY", "notes.jsonl:6 /id", "the id is null or empty"),
        ("JSON_SYNTAX", "notes.jsonl:2", "expecting value, column 21 (the line looks cut off)"),
        ("SCHEMA_ENUM", "notes.jsonl:5 /tags/1", "'z' is not one of 'a', 'b'"),
        ("SCHEMA_LENGTH", "notes.jsonl:3 /text", "'' should be non-empty"),
    ]
    assert contents(project.release) == before
    refused = project.root / "out/notes-1.0.0.refused"
    lines = [json.loads(line) for line in (refused / "rejected.jsonl").read_text("utf-8").splitlines()]
    assert [(line["line"], line["code"]) for line in lines] == [
        (2, "JSON_SYNTAX"),
        (3, "SCHEMA_LENGTH"),
        (4, "ID_DUPLICATE"),
        (5, "SCHEMA_ENUM"),
        (6, "ID_EMPTY"),
    ]
    assert lines[0]["row"] == '{"id": "2", "text": '
    assert lines[2]["row"]["text"] == "another"
    assert oct(refused.stat().st_mode & 0o777) == "0o700"
    assert sorted(p.name for p in (project.root / "out").iterdir()) == ["notes-1.0.0", "notes-1.0.0.refused"]


def test_a_build_that_succeeds_forgets_what_an_earlier_one_was_refused_for(project: Project) -> None:
    project.rows("notes.jsonl", ["no"])
    with pytest.raises(InputError):
        project.build()
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    project.build()
    assert [p.name for p in (project.root / "out").iterdir()] == ["notes-1.0.0"]


def test_a_reference_to_a_row_that_goes_is_broken_too(project: Project) -> None:
    """Removing one row can break a reference, and removing that row another."""
    document = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"id": {"type": "string"}, "next": {"type": ["string", "null"]}},
    }
    project.schema("chain", document)
    project.recipe(
        project.root.joinpath("recipe.toml").read_text("utf-8")
        + '\n[tables.chain]\nschema = "chain.schema.json"\nsources = ["chain.jsonl"]\nid = "id"\n'
        'references = { next = "chain" }\nsplit = { only = "train" }\n[limits]\nrejected = 3\n'
    )
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    rows = [{"id": "a", "next": "b"}, {"id": "b", "next": "c"}, {"id": "c", "next": "gone"}, {"id": "d", "next": None}]
    project.rows("chain.jsonl", [*rows, {"id": "e", "next": "d"}])
    built = project.build()
    (source,) = built.manifest.tables["chain"].sources
    assert (source.read, source.published, source.removed) == (5, 2, {"REFERENCE_BROKEN": 3})
    lines = (project.root / "out/notes-1.0.0.removed/rejected.jsonl").read_text("utf-8").splitlines()
    assert [(r["line"], r["pointer"], r["message"]) for r in map(json.loads, lines)] == [
        (1, "/next", "'b' is not the id of a row that stays"),
        (2, "/next", "'c' is not the id of a row that stays"),
        (3, "/next", "'gone' is not the id of a row that stays"),
    ]


def test_duplicates_are_dropped_and_kept_beside_the_release(project: Project) -> None:
    project.edit('id = "id"', 'id = "id"\ntext = ["text"]')
    project.rows(
        "notes.jsonl", [{"id": "1", "text": "same"}, {"id": "2", "text": "other"}, {"id": "3", "text": "same"}]
    )
    project.build()
    beside = project.root / "out/notes-1.0.0.removed"
    (line,) = map(json.loads, (beside / "duplicates.jsonl").read_text("utf-8").splitlines())
    assert (line["code"], line["line"], line["message"]) == ("DUPLICATE", 3, "repeats notes.jsonl:1")
    assert not (beside / "rejected.jsonl").exists()


@pytest.mark.parametrize(
    ("rules", "second", "what"),
    [
        ("", "one", "the whole record stands in notes.jsonl:1 too"),
        ("", "other", "the id stands in notes.jsonl:1 too"),
        ('duplicates = { exact = "drop" }', "other", "the id stands in notes.jsonl:1 too"),
        ('text = ["text"]\nduplicates = { exact = "keep" }', "one", "the id stands in notes.jsonl:1 too"),
    ],
)
def test_an_id_that_stands_twice_is_told_how_to_drop_whole_repeats(
    project: Project, rules: str, second: str, what: str
) -> None:
    project.edit('id = "id"', f'id = "id"\n{rules}')
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}, {"id": "1", "text": second}])
    with pytest.raises(InputError) as error:
        project.build()
    assert error.value.problems[0].text() == (
        f"error[ID_DUPLICATE] notes.jsonl:2 /id: {what}\n"
        '  fix: give each record an id of its own; duplicates = { exact = "drop" } drops whole repeats '
        "(1 row of notes rejected)"
    )


def test_a_row_that_follows_stands_where_its_target_stands(project: Project) -> None:
    document = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"id": {"type": "string"}, "note": {"type": "string"}},
    }
    project.schema("marks", document)
    project.recipe(
        project.root.joinpath("recipe.toml").read_text("utf-8")
        + '\n[tables.marks]\nschema = "marks.schema.json"\nsources = ["marks.jsonl"]\nid = "id"\n'
        'references = { note = "notes" }\nsplit = { follow = "note" }\n'
    )
    project.rows("notes.jsonl", [{"id": f"n{i}", "text": f"text {i}"} for i in range(50)])
    project.rows("marks.jsonl", [{"id": f"m{i}", "note": f"n{i % 50}"} for i in range(120)])
    place = project.build().place
    for split in ("train", "test"):
        notes = set(pq.read_table(place / f"data/notes/{split}-00000-of-00001.parquet")["id"].to_pylist())
        marks = set(pq.read_table(place / f"data/marks/{split}-00000-of-00001.parquet")["note"].to_pylist())
        assert marks == notes
    there = pq.read_table(place / "data/notes/test-00000-of-00001.parquet")["id"].to_pylist()
    project.rows("marks.jsonl", [{"id": "m", "note": there[0]}])
    assert [warning.text("warning") for warning in project.build(replace=True).warnings] == [
        "warning[WARN_SPLIT_EMPTY] recipe.toml: tables.marks.split.follow: no row came to the split 'train'; "
        "it is not written\n  fix: find out why no row points to those of notes there"
    ]
    project.rows("marks.jsonl", [{"id": "m"}])
    with pytest.raises(InputError) as error:
        project.build(replace=True)
    assert error.value.problems[0].what == "1 row follows no row: note is null (lines 1)"


def test_a_group_without_a_line_ends_the_build_and_a_line_without_a_group_is_a_warning(project: Project) -> None:
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'assigned = "splits.csv"\ngroup_by = ["source"]')
    project.rows("notes.jsonl", [{"id": "1", "text": "one", "source": "x"}, {"id": "2", "text": "two", "source": "y"}])
    project.file("splits.csv", "source,split\nx,train\nz,test\n")
    with pytest.raises(InputError) as error:
        project.build()
    (problem,) = error.value.problems
    assert problem.code == "SPLIT_UNASSIGNED"
    assert problem.what == "1 row with a value of source that has no line (lines 2 of the sources)"
    project.file("splits.csv", "source,split\nx,train\ny,test\nz,dev\n")
    built = project.build()
    assert [(w.code, w.where) for w in built.warnings] == [
        ("WARN_SPLIT_UNUSED", "splits.csv:4"),
        ("WARN_SPLIT_EMPTY", "recipe.toml: tables.notes.split.assigned"),
    ]


def test_nothing_is_written_when_the_recipe_is_wrong(project: Project) -> None:
    project.edit('id = "id"', 'id = "nope"\ntext = ["tags"]')
    with pytest.raises(RecipeError) as error:
        project.build()
    assert [(p.where, p.what) for p in error.value.problems] == [
        ("recipe.toml: tables.notes.id", "the schema has no property 'nope'"),
        ("recipe.toml: tables.notes.text", "'tags' is list of text, not text"),
    ]
    assert not (project.root / "out").exists()


def test_a_table_that_loses_every_row_ends_the_build(project: Project) -> None:
    project.edit("[tables.notes.split]", "[limits]\nrejected = 10\n\n[tables.notes.split]")
    project.rows("notes.jsonl", ["no", "never"])
    with pytest.raises(InputError) as error:
        project.build()
    assert [p.code for p in error.value.problems] == ["TABLE_EMPTY", "REFUSED"]


def test_a_table_without_records_ends_the_build_and_leaves_nothing(project: Project) -> None:
    project.rows("notes.jsonl", ["", " "])
    with pytest.raises(InputError) as error:
        project.build()
    assert str(error.value) == (
        "error[TABLE_EMPTY] notes: the sources hold no record\n"
        "  fix: fill them, or remove the table from the recipe\n"
        "error[REFUSED] notes-1.0.0: nothing was released"
    )
    assert list((project.root / "out").iterdir()) == []


def test_shards_and_row_groups_are_cut_by_bytes(project: Project) -> None:
    project.edit(
        "[tables.notes.split]", '[files]\nshard_bytes = "20kB"\nrow_group_bytes = "5kB"\n\n[tables.notes.split]'
    )
    project.rows("notes.jsonl", [{"id": str(i), "text": "x" * (i % 500)} for i in range(1, 1000) if i % 500])
    place = project.build(workers=2).place
    files = sorted((place / "data/notes").glob("train-*"))
    assert len(files) > 5
    sizes = [pq.read_table(file).nbytes for file in files]
    assert max(sizes) < 21_000
    assert min(sizes[:-1]) > 19_000
    assert 4 <= pq.ParquetFile(files[0]).num_row_groups <= 5
    rows = [row for file in files for row in pq.read_table(file)["id"].to_pylist()]
    assert rows == sorted(rows, key=int)


lines = st.one_of(
    st.builds(
        lambda i, t: json.dumps({"id": str(i), "text": t}), st.integers(0, 30), st.sampled_from(["a", "b", "", "c"])
    ),
    st.sampled_from(["", "  ", "nonsense", "[]", '{"id": "7"}', '{"id": "8", "text": "x", "more": 1}', '{"id": "9"']),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(lines, min_size=1, max_size=30), min_size=1, max_size=3))
def test_the_books_balance(tmp_path_factory: pytest.TempPathFactory, files: list[list[str]]) -> None:
    """Read = published + removed for each source, by a count of our own."""
    project = Project(tmp_path_factory.mktemp("books"))
    project.edit("[tables.notes.split]", '[limits]\nrejected = "100%"\n\n[tables.notes.split]')
    project.edit('id = "id"', 'id = "id"\ntext = ["text"]')
    for index, some in enumerate(files):
        project.rows(f"notes{index}.jsonl", some)
    try:
        built = project.build()
    except InputError as error:
        assert {p.code for p in error.problems} <= {"TABLE_EMPTY", "REFUSED"}
        return
    beside = project.root / "out/notes-1.0.0.removed"
    removed = (
        [json.loads(x) for p in beside.glob("*") for x in p.read_text("utf-8").splitlines()] if beside.exists() else []
    )
    for source in built.manifest.tables["notes"].sources:
        some = files[int(source.path.removeprefix("notes").removesuffix(".jsonl"))]
        assert source.read == sum(1 for line in some if line.strip())
        assert source.blank_lines == sum(1 for line in some if not line.strip())
        mine = [row for row in removed if row["source"] == source.path]
        assert source.read == source.published + len(mine)
        assert sum(source.removed.values()) == len(mine)
        assert len({row["line"] for row in mine}) == len(mine)
    assert sum(pq.read_metadata(p).num_rows for p in built.place.glob("data/notes/*.parquet")) == sum(
        source.published for source in built.manifest.tables["notes"].sources
    )


def test_without_a_recipe_the_story_takes_the_one_beside_it(repository: Path, tmp_path: Path) -> None:
    (repository / "build_dataset.py").write_bytes((ROOT / "build_dataset.py").read_bytes())
    command = [sys.executable, str(repository / "build_dataset.py")]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    assert contents(repository / "data" / RELEASE.name) == contents(RELEASE)


def test_a_release_that_is_replaced_is_never_missing(project: Project) -> None:
    """A reader who looks all the time sees the old or the new one, whole."""
    import threading

    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    place, gaps, looks = project.build().place, [], []
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            looks.append(1)
            if not (place / "SHA256SUMS").exists():
                gaps.append(1)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        for index in range(20):
            project.rows("notes.jsonl", [{"id": "1", "text": f"text {index}"}])
            project.build(replace=True)
    finally:
        done.set()
        watcher.join()
    assert len(looks) > 100
    assert gaps == []


AWKWARD = ["row", "text", "key", "bytes", "_line", "-> id", "element", "item"]


def test_fields_may_have_any_name_and_be_references(project: Project) -> None:
    """No name of ours can collide with one of theirs."""
    fields = {name: {"type": ["string", "null"]} for name in AWKWARD}
    document = {"type": "object", "additionalProperties": False, "properties": {"id": {"type": "string"}, **fields}}
    project.schema("notes", document)
    references = ", ".join(f'"{name}" = "notes"' for name in ("id", *AWKWARD))
    project.edit('id = "id"', f'id = "id"\nreferences = {{ {references} }}')
    project.rows("notes.jsonl", [{"id": str(i), **{name: str(i // 2) for name in AWKWARD}} for i in range(20)])
    place = project.build().place
    assert not verify(place, "deep").problems
    assert pq.read_schema(next(place.glob("data/notes/*"))).names == ["id", *AWKWARD]


def test_a_repeated_row_is_told_where_the_first_stands_also_across_files(project: Project) -> None:
    project.edit('id = "id"', 'id = "id"\ntext = ["text"]')
    project.edit("[tables.notes.split]", "[limits]\nrejected = 9\n\n[tables.notes.split]")
    project.rows("notes-a.jsonl", ["nothing", "to read"])
    project.rows("notes-b.jsonl", [{"id": "1", "text": "same"}])
    project.rows("notes-c.jsonl", ["", {"id": "2", "text": "same"}])
    project.build()
    beside = project.root / "out/notes-1.0.0.removed/duplicates.jsonl"
    (line,) = map(json.loads, beside.read_text("utf-8").splitlines())
    assert (line["source"], line["line"], line["message"]) == ("notes-c.jsonl", 2, "repeats notes-b.jsonl:1")


def test_cleaning_reaches_into_open_maps_and_keeps_them_json(project: Project) -> None:
    fields = {"id": {"type": "string"}, "more": {"type": "object"}}
    project.schema("notes", {"type": "object", "additionalProperties": False, "properties": fields})
    project.edit(
        "[tables.notes.split]", '[tables.notes.clean]\nunicode = "NFKC"\nnewlines = true\n\n[tables.notes.split]'
    )
    project.rows("notes.jsonl", [{"id": "1", "more": {"a\uff02": "x\r\n\uff02", "e\u0301": 1, "\u00e9": 2}}])
    place = project.build().place
    (row,) = pq.read_table(next(place.glob("data/notes/*"))).to_pylist()
    assert json.loads(row["more"]) == {"a\uff02": 'x\n"', "e\u0301": 1, "\u00e9": 2}
    assert not verify(place, "deep").problems


def test_a_dataset_in_the_public_domain_claims_no_copyright(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    assert "Copyright" not in (project.build().place / "LICENSE").read_text("utf-8")
    project.edit("cc0-1.0", "cc-by-4.0")
    assert "Copyright (c) Doe, Jane, 2026" in (project.build().place / "LICENSE").read_text("utf-8")


def test_groups_cannot_be_asked_for_where_they_cannot_hold(project: Project) -> None:
    project.edit('id = "id"', 'id = "id"\nreferences = { source = "notes" }')
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'follow = "source"\ngroup_by = "day"')
    with pytest.raises(RecipeError) as error:
        project.build()
    assert [p.what for p in error.value.problems] == ["group_by has no effect beside follow"]
    project.edit('follow = "source"\ngroup_by = "day"', 'assigned = "splits.csv"')
    project.edit("[tables.notes.split]", '[tables.notes.duplicates]\nexact = "group"\n\n[tables.notes.split]')
    with pytest.raises(RecipeError) as error:
        project.build()
    assert error.value.problems[0].code == "SPLIT_METHOD"


def test_what_a_build_left_beside_a_release_is_no_source(project: Project) -> None:
    project.edit('sources = ["notes*.jsonl"]', 'sources = ["**/*.jsonl"]')
    project.edit('id = "id"', 'id = "id"\ntext = ["text"]')
    project.rows("data/notes.jsonl", [{"id": "1", "text": "same"}, {"id": "2", "text": "same"}])
    for outcome in (BUILT, UP_TO_DATE):
        built = build_dataset.build(project.root / "recipe.toml", None, Local(1))
        assert built.outcome == outcome
        assert (built.place.parent / "notes-1.0.0.removed/duplicates.jsonl").exists()


def test_a_release_is_no_source_of_the_next(project: Project) -> None:
    project.edit('sources = ["notes*.jsonl"]', 'sources = ["**/*.parquet"]')
    project.edit('id = "id"', 'id = "id"\ntext = ["text"]')
    for version, texts in (("1.0.0", ["one", "two"]), ("1.0.1", ["one"])):
        project.edit('version = "1.0.0"', f'version = "{version}"')
        rows = [{"id": text, "text": text} for text in texts]
        pq.write_table(pa.Table.from_pylist(rows), project.file("corpus/a.parquet", ""))
        built = build_dataset.build(project.root / "recipe.toml", None, Local(1))
        assert [source.path for source in built.manifest.tables["notes"].sources] == ["corpus/a.parquet"]
        assert sum(split.rows for split in built.manifest.tables["notes"].splits.values()) == len(texts)


def test_a_file_named_in_two_ways_is_read_once(project: Project) -> None:
    project.edit('sources = ["notes*.jsonl"]', 'sources = ["notes.jsonl", "../project/notes.jsonl"]')
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    assert [source.read for source in project.build().manifest.tables["notes"].sources] == [1]


def test_a_null_in_a_list_of_references_is_no_reference(project: Project) -> None:
    fields = {"id": {"type": "string"}, "to": {"type": "array", "items": {"type": ["string", "null"]}}}
    project.schema("notes", {"type": "object", "additionalProperties": False, "properties": fields})
    project.edit('id = "id"', 'id = "id"\nreferences = { to = "notes" }')
    project.rows("notes.jsonl", [{"id": "1", "to": ["1", None]}, {"id": "2", "to": [None]}])
    assert not verify(project.build().place, "deep").problems
    project.rows("notes.jsonl", [{"id": "1", "to": [None, "1", None, "gone"]}, {"id": "2", "to": []}])
    with pytest.raises(InputError) as error:
        project.build(replace=True)
    assert error.value.problems[0].where == "notes.jsonl:1 /to/3"


def test_two_documents_of_one_name_are_refused(project: Project) -> None:
    project.edit('title = "Notes"', 'title = "Notes"\ndocuments = ["a/x.md", "b/x.md"]')
    project.file("a/x.md", "a")
    project.file("b/x.md", "b")
    with pytest.raises(RecipeError) as error:
        project.build()
    assert error.value.problems[0].what == "x.md would be one file in a release"


@pytest.mark.parametrize(
    ("values", "rows", "expected"),
    [
        ({"type": "number", "enum": [1, 2.5]}, [1, 2.5, 1.0], {"1.0": 2, "2.5": 1}),
        ({"enum": [True, False]}, [True, True], {"true": 2, "false": 0}),
        ({"format": "date", "type": "string", "enum": ["2020-01-01"]}, ["2020-01-01"], {"2020-01-01": 1}),
    ],
)
def test_coded_values_of_any_type_are_counted(
    project: Project, values: dict[str, object], rows: list[object], expected: dict[str, int]
) -> None:
    fields = {"id": {"type": "integer"}, "a.b": values, "a": {"type": "object", "properties": {"b": values}}}
    project.schema("notes", {"type": "object", "properties": fields})
    project.edit('title = "Notes"', 'title = "Notes"\ncard = "CARD.md"')
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    project.file("CARD.md", "# x\n\n<!-- begin: values notes.a.b -->\n<!-- end: values notes.a.b -->\n")
    project.rows("notes.jsonl", [{"id": index, "a.b": value} for index, value in enumerate(rows)])
    text = (project.build().place / "README.md").read_text("utf-8")
    for value, count in expected.items():
        assert f"| `{value}` |  | {count} |" in text


@pytest.mark.parametrize(
    "raw", [b"id,split\n\xe9,train\n", b'id,split\n"' + b"x" * 200_000 + b'",train\n', b"id,split\n1\x00,train"]
)
def test_a_table_of_assignments_that_is_no_csv_is_told(project: Project, raw: bytes) -> None:
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'assigned = "splits.csv"')
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    (project.root / "splits.csv").write_bytes(raw)
    with pytest.raises((RecipeError, InputError)):
        project.build()


@pytest.mark.parametrize(("raw", "more"), [("id;split\n", ", not ';'"), ("id\tsplit\n", ", not '\\t'"), ("x,y\n", "")])
def test_a_table_of_assignments_with_other_delimiters_is_told(project: Project, raw: str, more: str) -> None:
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'assigned = "splits.csv"')
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    project.file("splits.csv", raw)
    with pytest.raises(RecipeError) as error:
        project.build()
    fix = "its header names id and split" + (f"; write commas between its cells{more}" if more else "")
    assert error.value.problems[0][1:] == ("splits.csv", "has no column 'id'", fix)
