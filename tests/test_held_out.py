"""Rows that overlap a held-out text are found, all of them, and told: held against every pair, by definition."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from conftest import NOTE, SHARED, Project, contents
from test_near import WORDS, variants
from test_sketch import WAYS

from parquetry.reader.verify import verify
from parquetry.record import sketch
from parquetry.record.held_out import HeldOut, held_out
from parquetry.record.tokens import shingles, tokens
from parquetry.words.errors import InputError, RecipeError
from parquetry.words.recipe import load

GSM8K = SHARED / "corpora/gsm8k"
TEXT = " ".join(WORDS[:40])


def note(number: int) -> dict[str, str]:
    """A record that has nothing in common with another."""
    return {"id": str(number), "text": " ".join(random.Random(number).choices(WORDS, k=60))}


def lines(path: Path) -> list[bytes]:
    raw = path.read_bytes()
    return (gzip.decompress(raw) if path.suffix == ".gz" else raw).splitlines()


def against(project: Project, files: Sequence[str], more: str = "") -> None:
    project.edit(
        'id = "id"\n',
        f'id = "id"\ntext = ["text"]\n\n[tables.notes.decontaminate]\nagainst = {json.dumps(list(files))}\n{more}\n',
    )


def held(project: Project) -> HeldOut:
    return held_out(load(project.root / "recipe.toml"), project.root)["notes"]


def overlaps(held: HeldOut, texts: Sequence[str | None]) -> list[str | None]:
    return held.overlaps(pa.record_batch([pa.array(texts, pa.string())], ["text"])).to_pylist()


def runs(text: str, length: int) -> list[tuple[str, ...]]:
    own = tokens(text)
    return [tuple(own[start : start + length]) for start in range(len(own) - length + 1)]


def by_definition(row: str, texts: Sequence[str], length: int, threshold: float) -> set[str]:
    """All that may be said of a row, found by looking at each text."""
    said, own, mine = set[str](), set(runs(row, length)), shingles(row)
    for line, text in enumerate(texts, 1):
        if own & set(runs(text, length)):
            said.add(f"has {length} tokens in a row of bench.jsonl:{line}")
    for line, text in enumerate(texts, 1):
        theirs = shingles(text)
        if not said and mine and len(mine & theirs) / len(mine | theirs) >= threshold:
            said.add(f"is nearly the text of bench.jsonl:{line}")
            break
    return said


@WAYS
@pytest.mark.parametrize("length", [8, 50])
@pytest.mark.parametrize("threshold", [0.3, 0.8])
def test_each_row_that_overlaps_is_found(
    native: Any, length: int, threshold: float, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sketch, "native", native)
    texts = variants(length, 130)
    random.Random(1).shuffle(texts)
    bench, rows = texts[:45], [*texts[45:], "…", *(text[:60] for text in texts[:20])]
    project.rows("bench.jsonl", [{"text": text} for text in bench])
    against(project, ["bench.jsonl"], f"tokens = {length}\nthreshold = {threshold}")
    found = overlaps(held(project), rows)
    expected = [by_definition(row, bench, length, threshold) for row in rows]
    assert [one is None for one in found] == [not said for said in expected]
    assert all(one is None or one in said for one, said in zip(found, expected, strict=True))
    near = [one for one in found if one and one.startswith("is nearly")]
    assert len([one for one in found if one]) > 10
    assert near or length < 50, "texts of fewer tokens than a run"


def test_a_run_is_as_long_as_it_is_said(project: Project) -> None:
    words = WORDS[:60]
    project.rows("bench.jsonl", [{"text": " ".join(words)}])
    against(project, ["bench.jsonl"], "tokens = 19")
    rows = [" ".join(["x", *words[20 : 20 + count], "y"]) for count in (18, 19, 20)]
    told = "has 19 tokens in a row of bench.jsonl:1"
    assert overlaps(held(project), rows) == [None, told, told]
    apart = " ".join([*words[:12], "x", *words[12:24], *words[30:42]])
    assert overlaps(held(project), [apart]) == [None], "pieces that stand elsewhere are no run"


def test_order_counts_in_a_run(project: Project) -> None:
    project.rows("bench.jsonl", [{"text": "a b c d e f g h i j k l m n o p"}])
    against(project, ["bench.jsonl"], "threshold = 1")
    rows = ["p o n m l k j i h g f e d c b a", "x a b c d e f g h i j k l m", "a b c d e f g h i j k l"]
    assert overlaps(held(project), rows) == [None, "has 13 tokens in a row of bench.jsonl:1", None]


def test_rows_that_overlap_are_dropped_and_told(project: Project) -> None:
    project.rows("bench.jsonl", [{"text": note(1)["text"]}, {"text": note(2)["text"]}])
    rows = [note(index) for index in range(6)] + [{"id": "cut", "text": f"so: {note(2)['text'][:200]} and so on"}]
    project.rows("notes.jsonl", rows)
    against(project, ["bench.jsonl"])
    built = project.build()
    known = built.manifest.tables["notes"]
    assert known.decontamination and known.leakage
    assert (known.decontamination.rows, known.decontamination.action) == (3, "drop")
    assert [(file.path, file.texts) for file in known.decontamination.files] == [("bench.jsonl", 2)]
    assert known.sources[0].removed == {"CONTAMINATED": 3}
    assert {one.id for one in known.leakage.examples} == {"1", "2", "cut"}
    assert {one.other for one in known.leakage.examples} == {
        f"has 13 tokens in a row of bench.jsonl:{line}" for line in (1, 2)
    }
    removed = [json.loads(line) for line in lines(next(project.root.glob("out/*.removed/*")))]
    assert {(one["line"], one["code"]) for one in removed} == {
        (2, "CONTAMINATED"),
        (3, "CONTAMINATED"),
        (7, "CONTAMINATED"),
    }
    assert "has 13 tokens in a row of bench.jsonl:1" in {one["message"] for one in removed}
    card = (project.release / "README.md").read_text()
    assert "Texts that are held out: 2. A row" in card
    assert "Rows that overlap: 3 (dropped)." in card
    assert "| `notes` | `cut` | dropped: it has 13 tokens in a row of bench.jsonl:2 |" in card
    assert not verify(project.release, "deep").problems
    assert not [one for one in built.warnings if one.code == "WARN_CONTAMINATED"]


def test_rows_that_overlap_may_stay_and_are_told(project: Project) -> None:
    project.rows("bench.jsonl", [{"text": note(1)["text"]}])
    project.rows("notes.jsonl", [note(index) for index in range(4)])
    against(project, ["bench.jsonl"], 'action = "report"')
    built = project.build()
    known = built.manifest.tables["notes"]
    assert known.decontamination and known.decontamination.rows == 1
    assert sum(split.rows for split in known.splits.values()) == 4
    warning = next(one for one in built.warnings if one.code == "WARN_CONTAMINATED")
    assert (warning.where, warning.what) == (
        "notes.jsonl:2",
        "has 13 tokens in a row of bench.jsonl:1; rows of notes that overlap what is held out: 1",
    )
    assert "Rows that overlap: 1 (published nevertheless)." in (project.release / "README.md").read_text()
    assert not verify(project.release, "deep").problems


def test_a_row_that_has_a_twin_and_overlaps_is_gone_for_good(project: Project) -> None:
    project.rows("bench.jsonl", [{"text": note(1)["text"]}])
    project.rows("notes.jsonl", [note(1), note(1) | {"id": "twin"}, note(2)])
    against(project, ["bench.jsonl"])
    known = project.build().manifest.tables["notes"]
    assert known.sources[0].removed == {"CONTAMINATED": 2}


def test_nothing_depends_on_workers(project: Project) -> None:
    project.rows("bench.jsonl", [{"text": text} for text in variants(3, 50)])
    for file in range(4):
        texts = variants(3, 60)[file * 15 :]
        project.rows(f"notes-{file}.jsonl", [{"id": f"{file}-{i}", "text": text} for i, text in enumerate(texts)])
    against(project, ["bench.jsonl"])
    project.build()
    one = contents(project.root / "out")
    shutil.rmtree(project.root / "out")
    project.build(workers=2)
    assert contents(project.root / "out") == one
    assert any(b"CONTAMINATED" in raw for raw in one.values())


RECORDS = [{"n": 1, "question": TEXT, "extra": {"a": [1]}}, {"n": 2, "question": None}, {"n": 3, "question": "short"}]


def _parquet(path: Path) -> None:
    pq.write_table(pa.table({"n": [1, 2, 3], "question": pa.array([TEXT, None, "short"], pa.large_string())}), path)


def _arrow(path: Path) -> None:
    table = pa.table({"question": pa.array([TEXT, None, "short"]).dictionary_encode(), "label": [True, False, None]})
    pyarrow.feather.write_feather(table, str(path), compression="uncompressed")


def _json(path: Path) -> None:
    path.write_text(json.dumps(RECORDS))


def _lines(path: Path) -> None:
    raw = "".join(json.dumps(one) + "\n" for one in RECORDS).encode()
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)


def _csv(path: Path) -> None:
    path.write_text(f'n,question,"what, else"\n1,{TEXT},x\n2,,\n3,short,\n')


@pytest.mark.parametrize(
    "name, write",
    [
        ("bench.jsonl", _lines), ("bench.jsonl.gz", _lines), ("bench.json", _json), ("bench.parquet", _parquet),
        ("bench.arrow", _arrow), ("bench.csv", _csv),
    ],
)  # fmt: skip
def test_what_is_held_out_may_be_any_file_and_have_other_members(name: str, write: Any, project: Project) -> None:
    write(project.root / name)
    against(project, ["bench.*"], 'text = ["question"]')
    found = held(project)
    assert [(file.path, file.texts) for file in found.files] == [(name, 2)]
    said = overlaps(found, [TEXT + " more", "other", "short", None])
    line = {"bench.csv": (2, 4), "bench.json": (1, 1)}.get(name, (1, 3))
    assert said == [
        f"has 13 tokens in a row of {name}:{line[0]}",
        None,
        f"is nearly the text of {name}:{line[1]}",
        None,
    ]


def test_what_is_held_out_may_be_a_text_file(project: Project) -> None:
    project.file("held/one.txt", TEXT)
    project.file("held/two.md", "---\nlabel: x\n---\nshort text\n")
    against(project, ["held/*"])
    assert overlaps(held(project), [TEXT, "short text"]) == [
        "has 13 tokens in a row of held/one.txt:1",
        "is nearly the text of held/two.md:1",
    ]


def test_what_is_held_out_may_be_a_release(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "other")
    other.rows("notes.jsonl", [note(index) for index in range(30)])
    other.build()
    project.rows("notes.jsonl", [note(index) | {"id": f"n{index}"} for index in (3, 29, 31)])
    against(project, [str(other.release)])
    known = project.build().manifest.tables["notes"]
    assert known.decontamination and known.leakage
    files = {file.path: file.texts for file in known.decontamination.files}
    assert set(files) == {f"notes-1.0.0/{path}" for path in contents(other.release) if path.endswith(".parquet")}
    assert sum(files.values()) == 30
    assert {one.id for one in known.leakage.examples} == {"n3", "n29"}


def test_texts_of_several_properties_are_one(project: Project) -> None:
    project.rows("bench.jsonl", [{"id": "a b c d e f g", "text": "h i j k l m n"}])
    project.rows("notes.jsonl", [{"id": "a b c d e f g", "text": "h i j k l m and more"}, {"id": "x", "text": "a b c"}])
    against(project, ["bench.jsonl"])
    project.edit('text = ["text"]', 'text = ["id", "text"]')
    assert project.build().manifest.tables["notes"].sources[0].removed == {"CONTAMINATED": 1}


def refused(project: Project) -> str:
    with pytest.raises((RecipeError, InputError)) as caught:
        project.build()
    assert not (project.root / "out").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    "files, more, said",
    [
        (["none.jsonl"], "", "error[SOURCE_MISSING] recipe.toml: tables.notes.decontaminate.against.0: "),
        (["bench.jsonl", "none*.csv"], "", "tables.notes.decontaminate.against.1: "),
        (
            ["bench.jsonl"],
            'text = ["question"]',
            "error[HELD_OUT_TEXT] recipe.toml: tables.notes.decontaminate.against.0: "
            "no record of 'bench.jsonl' has a text in 'question'",
        ),
        (
            ["bench.jsonl"],
            'text = ["text", "question"]',
            "error[HELD_OUT_TEXT] recipe.toml: tables.notes.decontaminate.text: "
            "no record that is held out has a text in 'question'",
        ),
        (["bench.jsonl"], "tokens = 7", "tables.notes.decontaminate.tokens"),
        (["bench.jsonl"], 'action = "keep"', "tables.notes.decontaminate.action"),
        ([], "", "tables.notes.decontaminate.against"),
        (["broken.jsonl"], "", "broken.jsonl:2"),
        (["number.jsonl"], "", "number.jsonl:1"),
        (["list.jsonl"], "", "list.jsonl:1"),
    ],
)
def test_a_mistake_is_told(files: list[str], more: str, said: str, project: Project) -> None:
    project.rows("notes.jsonl", [note(0)])
    project.rows("bench.jsonl", [{"text": TEXT}])
    project.file("broken.jsonl", '{"text": "one"}\n{"text": \n')
    project.file("number.jsonl", '{"text": 5}\n')
    project.file("list.jsonl", '["text"]\n')
    against(project, files, more)
    assert said in refused(project)


def test_files_of_the_same_name_are_all_held_out(project: Project) -> None:
    for place, first in (("one", 0), ("two", 10), ("three/two", 20)):
        project.rows(f"{place}/test.jsonl", [note(first)])
    folders = [str(project.root / place) for place in ("one", "two", "three/two")]
    against(project, [*(f"{folder}/*.jsonl" for folder in folders), f"{folders[0]}/test.jsonl"])
    found = held(project)
    assert [file.path for file in found.files] == ["test.jsonl", "two/test.jsonl", "three/two/test.jsonl"]
    assert [one is not None for one in overlaps(found, [note(n)["text"] for n in (0, 10, 20, 30)])] == [True] * 3 + [
        False
    ]


def test_what_is_a_source_cannot_be_held_out(project: Project) -> None:
    project.rows("notes.jsonl", [note(0)])
    project.rows("bench.jsonl", [note(1)])
    against(project, ["bench.jsonl", "./notes.jsonl"])
    assert "error[HELD_OUT_SOURCE] recipe.toml: tables.notes.decontaminate.against.1: " in refused(project)


def test_a_release_that_lacks_a_file_cannot_be_held_out(project: Project, tmp_path: Path) -> None:
    other = Project(tmp_path / "other")
    other.rows("notes.jsonl", [note(index) for index in range(30)])
    other.build()
    next(other.release.glob("data/notes/test-*")).unlink()
    project.rows("notes.jsonl", [note(0)])
    against(project, [str(other.release)])
    assert "error[HELD_OUT_MISSING]" in refused(project)


@pytest.mark.parametrize("shared, either, least", [(14, 25, 0.56), (55, 100, 0.55), (51, 75, 0.68), (81, 100, 0.81)])
def test_the_threshold_itself_is_reached(shared: int, either: int, least: float, project: Project) -> None:
    words = [f"word{number}" for number in range(either + 4)]
    project.rows("bench.jsonl", [{"text": " ".join(words)}])
    against(project, ["bench.jsonl"], f"tokens = 100\nthreshold = {least}")
    part = " ".join(words[: shared + 4])
    told = overlaps(held(project), [part, " ".join(words[: shared + 3])])
    assert told == ["is nearly the text of bench.jsonl:1", None]
    project.rows("bench.jsonl", [{"text": part}])
    assert overlaps(held(project), [" ".join(words)]) == ["is nearly the text of bench.jsonl:1"]


def test_it_needs_a_text(project: Project) -> None:
    project.edit('id = "id"\n', 'id = "id"\n\n[tables.notes.decontaminate]\nagainst = ["bench.jsonl"]\n')
    assert "decontaminate needs text" in refused(project)


def test_the_training_split_of_a_benchmark_is_held_against_its_test_split(project: Project) -> None:
    if not GSM8K.is_dir():
        pytest.skip("the corpus gsm8k is not beside this repository (../shared/corpora)")
    train = [json.loads(line) for line in lines(GSM8K / "train.jsonl.gz")]
    test = [json.loads(line)["question"] for line in lines(GSM8K / "test.jsonl")]
    columns: Mapping[str, Any] = {"id": {"type": "string"}, "text": {"type": "string"}}
    project.schema("notes", NOTE | {"properties": columns})
    project.rows("notes.jsonl", [{"id": str(i), "text": row["question"]} for i, row in enumerate(train)])
    against(project, [str(GSM8K / "test.jsonl")], 'text = ["question"]')
    holders, sets = defaultdict[tuple[str, ...], list[int]](list), [shingles(text) for text in test]
    for index, own in enumerate(sets):
        for shingle in own:
            holders[shingle].append(index)
    known = {run for text in test for run in runs(text, 13)}
    expected = 0
    for text in (row["question"] for row in train):
        own = shingles(text)
        near = (sets[index] for index in {index for shingle in own for index in holders[shingle]})
        expected += not known.isdisjoint(runs(text, 13)) or any(len(own & s) >= 0.8 * len(own | s) for s in near)
    decontamination = project.build().manifest.tables["notes"].decontamination
    assert decontamination and decontamination.rows == expected > 0
