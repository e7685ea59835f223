"""What stands in two splits is found, told and refused, when a release is built and from its files alone."""

from __future__ import annotations

import hashlib
import json
from itertools import combinations

import numpy as np
import pytest
from conftest import NOTE, SHARED, Project
from hypothesis import given
from hypothesis import strategies as st
from test_near import WORDS, note

from parquetry.corpus.overlap import overlap
from parquetry.files import manifest
from parquetry.files.seal import seal
from parquetry.reader.verify import verify
from parquetry.record.tokens import shingles
from parquetry.words.errors import InputError, RecipeError

GSM8K = SHARED / "corpora/gsm8k"
NEAR = '\n[tables.notes.duplicates]\nnear = "group"\n'

rows = st.lists(st.tuples(st.integers(0, 4), st.integers(-1, 2), st.integers(0, 3)), max_size=12)


@given(rows, st.data())
def test_what_stands_in_two_splits_is_counted(rows: list[tuple[int, int, int]], data: st.DataObject) -> None:
    texts, splits, groups = (np.array([row[i] for row in rows], np.int64) for i in range(3))
    keys, named = (np.stack([x, x], axis=1).astype(np.uint64).reshape(-1, 2) for x in (texts, groups))
    distinct = sorted({int(np.flatnonzero(texts == text)[0]) for text in texts})
    links = (
        data.draw(st.lists(st.sampled_from(list(combinations(distinct, 2))), unique=True))
        if rows[1:] and distinct[1:]
        else []
    )
    found = overlap(keys, splits, np.array(links, np.int64).reshape(-1, 2), named)
    there = [i for i in range(len(rows)) if splits[i] >= 0]
    apart = [(i, j) for i, j in combinations(there, 2) if splits[i] != splits[j]]
    assert found.exact == sum(texts[i] == texts[j] for i, j in apart)
    ends = [{texts[a], texts[b]} for a, b in links]
    assert found.near == sum(any({texts[i], texts[j]} == end for i, j in apart) for end in ends)
    assert found.groups == len({groups[i] for i, j in apart if groups[i] == groups[j]})
    assert all(splits[i] != splits[j] and min(splits[i], splits[j]) >= 0 for i, j in found.examples.tolist())
    assert found.alike == len({texts[i] for i, j in apart if texts[i] == texts[j]})


def given_splits(project: Project, duplicates: str, more: str = "") -> None:
    """Notes whose splits people decided, of which two pairs are alike: 0 and 1 nearly, 2 and 3 to the letter."""
    project.edit('id = "id"\n', f'id = "id"\ntext = ["text"]\n\n[tables.notes.duplicates]\n{duplicates}\n')
    project.edit("ratios = { train = 0.8, test = 0.2 }", f'assigned = "splits.csv"\n{more}')
    texts = [note(0)["text"], note(0, 9)["text"], note(100)["text"], note(100)["text"], note(200)["text"]]
    project.rows("notes.jsonl", [{"id": str(number), "text": text} for number, text in enumerate(texts)])
    project.file("splits.csv", "id,split\n0,train\n1,test\n2,train\n3,test\n4,train\n")


def test_duplicates_in_two_splits_are_refused(project: Project) -> None:
    given_splits(project, 'exact = "keep"\nnear = "group"')
    with pytest.raises(InputError) as refused:
        project.build()
    assert str(refused.value) == (
        "error[SPLIT_LEAK] notes.jsonl:3: is in train and has the text of notes.jsonl:4, which is in test\n"
        "error[SPLIT_LEAK] notes.jsonl:1: is in train and has nearly the text of notes.jsonl:2, which is in test\n"
        "  fix: drop duplicates, move these rows, or allow so many: limits.leaks = 2 "
        "(1 pair of rows with the same text, and 1 with nearly the same, in two splits of notes)"
    )
    assert not (project.root / "out/notes-1.0.0").exists()


def test_as_many_as_the_recipe_allows_are_told(project: Project) -> None:
    given_splits(project, 'exact = "keep"\nnear = "group"', "\n[limits]\nleaks = 2\n")
    known = project.build().manifest.tables["notes"].leakage
    assert known and (known.exact_pairs, known.near_pairs, known.groups) == (1, 1, 0)
    assert not verify(project.release, "deep").problems


def test_what_is_kept_as_it_was_given_is_refused_without_a_search_for_near_ones(project: Project) -> None:
    given_splits(project, 'exact = "keep"')
    with pytest.raises(InputError, match=r"limits\.leaks = 1 "):
        project.build()


def forged(project: Project, pairs: int) -> list[tuple[str, str, str]]:
    """A release with a pair of each kind in two splits, whose manifest says so many: what deep verification says."""
    given_splits(project, 'exact = "keep"\nnear = "group"', "\n[limits]\nleaks = 2\n")
    project.build()
    known = manifest.load(project.release)
    table = known.tables["notes"]
    assert table.leakage
    leakage = table.leakage.model_copy(update={"exact_pairs": pairs, "near_pairs": pairs})
    tables = {"notes": table.model_copy(update={"leakage": leakage})}
    seal(known.model_copy(update={"tables": tables}), project.release)
    return [(one.code, one.where, one.what) for one in verify(project.release, "deep").problems]


def test_a_release_that_hides_a_leak_is_found_out(project: Project) -> None:
    said = forged(project, 0)
    assert [code for code, _, _ in said if code == "SPLIT_LEAK"] == ["SPLIT_LEAK"] * 2
    what = "1 pair with the same text in two splits, the manifest says 0"
    assert ("SPLIT_LEAK", "data/notes", what) in said


def test_too_many_connected_rows_are_refused_with_the_links(project: Project) -> None:
    project.edit('id = "id"\n', 'id = "id"\ntext = ["text"]\n\n[tables.notes.duplicates]\nnear = "group"\n')
    chain(project)
    with pytest.raises(InputError, match=r"near-duplicates connect 150 rows of 150: notes\.jsonl:") as refused:
        project.build()
    assert "limits.cluster_share" in str(refused.value)
    project.edit(
        "ratios = { train = 0.8, test = 0.2 }", "ratios = { train = 0.8, test = 0.2 }\n\n[limits]\ncluster_share = 1\n"
    )
    known = project.build().manifest.tables["notes"].leakage
    assert known and (known.clusters, known.largest_cluster) == (1, 150)


def test_the_card_says_what_was_looked_for(project: Project) -> None:
    given_splits(project, 'near = "drop"')
    project.build()
    card = (project.release / "README.md").read_text("utf-8")
    assert "| `notes` | `text` | exact dropped, near dropped | 3 | 1 | 0 | 0 | – |" in card
    assert "2 pairs" not in card and "Of 4 pairs made from its texts" in card
    digests = {hashlib.sha256(path.read_bytes()).hexdigest() for path in project.release.glob("data/**/*.parquet")}
    assert len(digests) == len(json.loads((project.release / "manifest.json").read_text())["tables"]["notes"]["splits"])


def test_a_text_in_two_given_splits_is_a_leak(project: Project) -> None:
    project.edit('id = "id"\n', 'id = "id"\ntext = ["text"]\nduplicates = { exact = "keep" }\n')
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'given = { train = ["notes1*"], test = ["notes2*"] }')
    for name in ("notes1.jsonl", "notes2.jsonl"):
        project.rows(name, [{"id": name, "text": "the same"}])
    with pytest.raises(InputError, match=r"notes1\.jsonl:1: is in train and has the text of notes2\.jsonl:1"):
        project.build()


@pytest.mark.skipif(not GSM8K.exists(), reason="the corpus is not there")
def test_a_real_benchmark_keeps_its_splits_and_does_not_leak(project: Project) -> None:
    names = {"question": {"type": "string"}, "answer": {"type": "string"}}
    project.schema("notes", {"type": "object", "additionalProperties": False, "properties": names})
    project.edit('sources = ["notes*.jsonl"]\nid = "id"\n', f'id = "question"\ntext = ["question"]\n{NEAR}')
    project.edit(
        "ratios = { train = 0.8, test = 0.2 }", f'given = {{ train = ["{GSM8K}/train*"], test = ["{GSM8K}/test*"] }}'
    )
    known = project.build(workers=2).manifest.tables["notes"]
    assert {name: split.rows for name, split in known.splits.items()} == {"train": 7473, "test": 1319}
    assert known.leakage and (known.leakage.exact_pairs, known.leakage.near_pairs) == (0, 0)
    assert known.leakage.recall and known.leakage.recall[1] >= 0.995 * known.leakage.recall[0]
    assert not verify(project.release, "deep").problems


def test_a_removed_row_connects_nothing(project: Project) -> None:
    """The middle one of three is held out: the others are near each other, too, and stand in two splits."""
    base = [f"w{number}" for number in range(300)]
    rows = {name: " ".join([*base[:-1], name]) for name in "axc"}
    given_splits(project, 'near = "group"')
    project.edit(
        "[tables.notes.split]", '[tables.notes.decontaminate]\nagainst = ["bench.jsonl"]\n\n[tables.notes.split]'
    )
    project.edit('against = ["bench.jsonl"]', 'against = ["bench.jsonl"]\ntokens = 20')
    held = " ".join(f"held{number}" for number in range(30))
    project.rows("bench.jsonl", [{"text": held}])
    rows["x"] += f" {held}"
    project.rows("notes.jsonl", [{"id": str(i), "text": rows[name]} for i, name in enumerate("axc")])
    project.file("splits.csv", "id,split\n0,train\n1,train\n2,test\n")
    with pytest.raises(InputError, match=r"notes\.jsonl:1: is in train and has nearly the text of notes\.jsonl:3"):
        project.build()


def test_a_row_that_is_removed_for_its_reference_connects_nothing(project: Project) -> None:
    base = [f"w{number}" for number in range(300)]
    properties = {name: {"type": ["string", "null"]} for name in ("id", "text", "to")}
    project.schema("notes", {"type": "object", "additionalProperties": False, "properties": properties})
    given_splits(project, 'near = "group"', "\n[limits]\nrejected = 3\n")
    project.edit('id = "id"\n', 'id = "id"\nreferences = { to = "notes" }\n')
    rows = [{"id": name, "text": " ".join([*base[: -len(name)], name])} for name in ("a", "x", "c")]
    project.rows("notes.jsonl", [rows[0], rows[1] | {"to": "gone"}, rows[2]])
    project.file("splits.csv", "id,split\na,train\nx,train\nc,test\n")
    with pytest.raises(InputError, match=r"notes\.jsonl:1: is in train and has nearly the text of notes\.jsonl:3"):
        project.build()


def test_all_pairs_are_counted_and_not_only_links(project: Project) -> None:
    given_splits(project, 'near = "group"', "\n[limits]\nleaks = 25\n")
    rows = [{"id": str(n), "text": f"{note(0)['text']} end{n}"} for n in range(10)]
    project.rows("notes.jsonl", rows)
    project.file("splits.csv", "id,split\n" + "".join(f"{n},{'train' if n < 5 else 'test'}\n" for n in range(10)))
    known = project.build().manifest.tables["notes"].leakage
    assert known and known.near_pairs == 25
    assert "| exact dropped, near searched |" in (project.release / "README.md").read_text()
    assert not verify(project.release, "deep").problems
    project.edit("leaks = 25", "leaks = 24")
    with pytest.raises(InputError, match=r"limits\.leaks = 25 "):
        project.build(replace=True)


def test_a_number_of_pairs_that_is_too_large_is_found(project: Project) -> None:
    said = forged(project, 2)
    assert [code for code, where, _ in said if where == "data/notes"] == ["COUNTS_DIFFER"] * 2


def chain(project: Project) -> None:
    """Texts of which each is near the next, and the first not near the last."""
    words, texts = [*WORDS[:60]], list[str]()
    for number in range(150):
        words[number % 60] = f"step{number}"
        texts.append(" ".join(words))
    project.rows("notes.jsonl", [{"id": str(number), "text": text} for number, text in enumerate(texts)])


def test_a_row_that_is_dropped_is_told_a_row_that_it_is_like(project: Project) -> None:
    project.edit('id = "id"\n', 'id = "id"\ntext = ["text"]\n\n[tables.notes.duplicates]\nnear = "drop"\n')
    chain(project)
    with pytest.raises(InputError, match="near-duplicates connect 150 rows of 150"):
        project.build()
    project.edit("test = 0.2 }", "test = 0.2 }\n\n[limits]\ncluster_share = 1")
    project.build()
    texts = [json.loads(line)["text"] for line in (project.root / "notes.jsonl").read_text().splitlines()]
    told = [json.loads(line) for line in next(project.root.glob("out/*.removed/duplicates*")).read_text().splitlines()]
    assert len(told) == 149
    for one in told:
        line = int(one["message"].removeprefix("is nearly the text of notes.jsonl:"))
        mine, theirs = shingles(texts[one["line"] - 1]), shingles(texts[line - 1])
        assert len(mine & theirs) >= 0.8 * len(mine | theirs)


@pytest.mark.parametrize("exact", ["keep", "group"])
def test_the_same_text_cannot_stay_where_nearly_the_same_goes(exact: str, project: Project) -> None:
    project.edit('id = "id"\n', f'id = "id"\ntext = ["text"]\nduplicates = {{ exact = "{exact}", near = "drop" }}\n')
    project.rows("notes.jsonl", [note(0)])
    with pytest.raises(RecipeError, match="drops the same text too"):
        project.build()


@pytest.mark.parametrize(
    "kind, days",
    [("date", ["2019-12-31", "2020-01-01"]), ("date-time", ["2019-12-31T23:59:59.999999Z", "2020-01-01T00:00:00Z"])],
)
def test_rows_that_are_swapped_over_a_boundary_of_time_are_found(kind: str, days: list[str], project: Project) -> None:
    project.schema(
        "notes",
        NOTE
        | {
            "properties": {
                "id": {"type": "string"},
                "text": {"type": "string"},
                "day": {"type": "string", "format": kind},
            }
        },
    )
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'time = { column = "day", train = "2020-01-01", test = "" }')
    project.rows("notes.jsonl", [{"id": day, "text": day, "day": day} for day in days])
    project.build()
    assert not verify(project.release, "deep").problems
    one, two = sorted(project.release.glob("data/notes/*.parquet"))
    swapped = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(swapped)
    seal(manifest.load(project.release), project.release)
    told = [p.what for p in verify(project.release, "deep").problems if p.code == "SPLIT_LEAK"]
    assert len(told) == 2 and all("which is not the split of that time" in what for what in told)
