"""The Belarus foreign alignment record itself: the rules that a JSON Schema cannot express."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from typing import Any

import pytest
from conftest import ROOT, SHARED

PAGES = SHARED / "pages"
needs_pages = pytest.mark.skipif(not PAGES.is_dir(), reason="the source pages are not redistributed")
Row = dict[str, Any]


@cache
def rows(table: str) -> list[Row]:
    return [json.loads(x) for x in (ROOT / f"data/corpus/{table}.jsonl").read_text("utf-8").splitlines()]


ARTICLES = {row["article_id"]: row for row in rows("articles")}
ACTORS = {row["actor_id"]: row for row in rows("actors")}
EVENTS = rows("events")
#: A period of twenty years that ends on its date; two happenings that lie ahead of their article.
PERIOD, AHEAD = {"K20-04"}, {"L20-08", "L20-57"}


def test_ids_and_summaries_are_unique() -> None:
    for table, key in (
        ("articles", "article_id"),
        ("events", "event_id"),
        ("actors", "actor_id"),
        ("events", "summary"),
    ):
        assert max(Counter(row[key] for row in rows(table)).values()) == 1


def test_ids_that_were_withdrawn_are_not_used_again() -> None:
    assert not {"B17-03", "B17-04", "B17-06"} & {row["event_id"] for row in EVENTS}


def test_every_reference_leads_to_a_row() -> None:
    for row in EVENTS:
        assert row["article_id"] in ARTICLES
        assert {*row["actor_ids"], *row["target_ids"]} <= ACTORS.keys()
        assert {row["attributed_to_id"], row["reported_via_id"]} <= {*ACTORS, None}


def test_names_are_those_of_the_ids_in_the_same_order() -> None:
    for row in EVENTS:
        for kind in ("actor", "target"):
            assert row[f"{kind}_names"] == [ACTORS[one]["name"] for one in row[f"{kind}_ids"]], row["event_id"]


def test_nobody_is_actor_and_target_of_one_row() -> None:
    assert [row["event_id"] for row in EVENTS if {*row["actor_ids"]} & {*row["target_ids"]}] == []


def test_event_count_is_the_number_of_events() -> None:
    counts = Counter(row["article_id"] for row in EVENTS)
    assert {name: row["event_count"] for name, row in ARTICLES.items()} == {name: counts[name] for name in ARTICLES}


def test_only_articles_in_scope_have_events() -> None:
    assert {name for name, row in ARTICLES.items() if row["in_scope"]} == {row["article_id"] for row in EVENTS}


def test_the_group_of_an_event_is_that_of_its_article() -> None:
    assert all(row["group"] == ARTICLES[row["article_id"]]["group"] for row in EVENTS)


def test_the_prefix_of_an_event_id_names_one_article() -> None:
    prefixes = defaultdict(set)
    for row in EVENTS:
        prefixes[row["event_id"].split("-")[0]].add(row["article_id"])
    assert all(len(articles) == 1 for articles in prefixes.values())
    assert len(prefixes) == 6


def test_every_group_has_one_split_and_every_split_a_group() -> None:
    with (ROOT / "data/curation/splits.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert {line["group"]: line["split"] for line in lines} == {"G1": "train", "G2": "validation", "G3": "test"}
    assert {line["group"] for line in lines} == {row["group"] for row in ARTICLES.values()}
    assert len(lines) == 3


def test_no_story_stands_in_two_groups_and_each_has_two_rows() -> None:
    stories = defaultdict(list)
    for row in EVENTS:
        if row["story_id"]:
            stories[row["story_id"]].append(row["group"])
    assert {story for story, groups in stories.items() if len(set(groups)) > 1} == set()
    assert {story for story, groups in stories.items() if len(groups) < 2} == set()


def bounds(date: str) -> tuple[str, str]:
    """First and last day of a date that is cut to its precision."""
    if len(date) == 4:
        return f"{date}-01-01", f"{date}-12-31"
    if len(date) == 7:
        last = {"02": "28", "04": "30", "06": "30", "09": "30", "11": "30"}.get(date[5:], "31")
        return f"{date}-01", f"{date}-29" if date[5:] == "02" and int(date[:4]) % 4 == 0 else f"{date}-{last}"
    return date, date


@pytest.mark.parametrize("table", ["articles", "events"])
def test_bounds_lie_inside_the_date_and_in_order(table: str) -> None:
    for row in rows(table):
        if row["date"] is None:
            assert (row["date_earliest"], row["date_latest"]) == (None, None)
            continue
        first, last = bounds(row["date"])
        assert row["date_earliest"] <= row["date_latest"]
        if row.get("event_id") in PERIOD:
            assert row["date_latest"] <= last
        elif table == "events":
            assert first <= row["date_earliest"]
            assert row["date_latest"] <= last, row["event_id"]
        else:  # an article may be dated to one day and have bounds of two
            assert first <= row["date_latest"]
            assert row["date_earliest"] <= last, row["article_id"]


def test_no_date_is_coarser_than_its_bounds_allow() -> None:
    """Rule D4: the date is the finest of day, month and year that contains both bounds."""
    for row in EVENTS:
        if row["date"] and row["event_id"] not in PERIOD:
            one, two = row["date_earliest"], row["date_latest"]
            finest = next(cut for cut in (10, 7, 4) if one[:cut] == two[:cut])
            assert len(row["date"]) == finest, row["event_id"]


def test_nothing_past_is_dated_after_its_article() -> None:
    late = {
        row["event_id"]
        for row in EVENTS
        if row["date"] and row["date_latest"] > ARTICLES[row["article_id"]]["date_latest"]
    }
    assert late == AHEAD


def test_a_date_taken_from_the_article_is_that_of_the_article() -> None:
    for row in EVENTS:
        if row["date_basis"] == "article_date":
            assert row["date"] == ARTICLES[row["article_id"]]["date"], row["event_id"]


def test_the_second_issue_is_another_issue() -> None:
    assert [row["event_id"] for row in EVENTS if row["issue_area"] == row["issue_area_secondary"]] == []


def test_cameo_and_plover_codes_follow_the_table_of_the_codebook() -> None:
    section = (ROOT / "docs/CODEBOOK.md").read_text("utf-8").split("## 4. CAMEO")[1].split("## 5.")[0]
    allowed = set()
    for line in re.findall(r"^\| (\w+) \| [^|]+ \| (\w+) \| (\w+) \|$", section, re.MULTILINE):
        allowed.add(tuple(None if cell == "none" else cell for cell in line))
    assert len(allowed) >= 23
    used = {(row["event_type"], row["cameo_root"], row["plover_type"]) for row in EVENTS}
    assert used <= allowed


def test_every_actor_is_used_or_explained() -> None:
    used = {
        one
        for row in EVENTS
        for one in (*row["actor_ids"], *row["target_ids"], row["attributed_to_id"], row["reported_via_id"])
    }
    told = " ".join(row["note"] or "" for row in EVENTS)
    for actor, row in ACTORS.items():
        assert actor in used or row["note"] or actor in told, actor


def test_the_card_quotes_the_agreement_as_it_was_measured() -> None:
    measured = json.loads((ROOT / "data/curation/agreement.json").read_text("utf-8"))["bases"]
    card = (ROOT / "DATASET_CARD.md").read_text("utf-8")
    section = card.split("### Agreement")[1].split("## Sources")[0]
    quoted = re.findall(
        r"^\| (\w+)[^|]*\| ([\d.]+) \[([\d.]+), ([\d.]+)\] \| ([\d.]+) \[([\d.]+), ([\d.]+)\] \|$",
        section,
        re.MULTILINE,
    )
    assert len(quoted) == 8
    for name, *figures in quoted:
        key = {"actors": "actors_exact", "targets": "targets_exact"}.get(name, name)
        both = [measured[basis][key] for basis in ("all_60", "unit_known_60")]
        expected = [value for one in both for value in (one["alpha"], *one["alpha_95"])]
        assert all(abs(float(figure) - value) <= 0.0051 for figure, value in zip(figures, expected, strict=True)), name


def test_the_figures_in_the_prose_of_the_card_are_true() -> None:
    """Numbers that people wrote are checked here, because nothing else would notice that they went stale."""
    card = " ".join((ROOT / "DATASET_CARD.md").read_text("utf-8").split())
    by_korybko = sum(row["group"] == "G1" for row in EVENTS)
    in_scope = sum(row["in_scope"] for row in ARTICLES.values())
    known = sum(bool(row["source_url"]) for row in ARTICLES.values())
    without = [row for row in ARTICLES.values() if not row["source_url"]]
    assert f"{by_korybko} of the {len(EVENTS)} rows come from one author" in card
    assert f"{len(EVENTS)} rows from six articles in three groups" in card
    assert (in_scope, known, len(without), sum(row["in_scope"] for row in without)) == (6, 4, 5, 2)
    assert 0.3 < sum(row["date_precision"] == "day" for row in EVENTS) / len(EVENTS) < 0.36
    years = sorted(row["date"][:4] for row in ARTICLES.values() if row["in_scope"])
    assert (years[0], years[-1]) == ("2011", "2020")


# What holders of the pages can check.


@cache
def page(article: str) -> str:
    return (PAGES / ARTICLES[article]["page_file"]).read_bytes().decode("utf-8")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@needs_pages
def test_pages_titles_and_bodies_are_where_the_rows_say() -> None:
    for name, row in ARTICLES.items():
        assert hashlib.sha256((PAGES / row["page_file"]).read_bytes()).hexdigest() == row["page_sha256"]
        span = row["title_span"]
        title = page(name)[span["char_start"] : span["char_end"]]
        assert " ".join(title.split()) == row["title"]
        for body in row["body_spans"]:
            assert digest(page(name)[body["char_start"] : body["char_end"]]) == body["sha256"]


def sentences(line: str) -> list[tuple[int, int]]:
    """The sentences of a line, as section 2 of the codebook cuts them."""
    short = re.compile(r"(?:\b(?:Mr|Mrs|Dr|U\.S|R|vs))\.$")
    cuts, start = [], 0
    for match in re.finditer(r"[.!?…]+[\"'”’»)\]]*(?=\s+[\"'“‘«(\[]?[A-ZÀ-Ž“‘\"])", line):
        if not short.search(line[start : match.end()].rstrip("\"'”’»)]")):
            cuts.append((start, match.end()))
            start = match.end() + len(line[match.end() :]) - len(line[match.end() :].lstrip())
    return [*cuts, (start, len(line.rstrip()))]


@needs_pages
def test_evidence_is_whole_sentences_at_its_place() -> None:
    for row in EVENTS:
        text = page(row["article_id"])
        for piece in row["evidence"]:
            span = text[piece["char_start"] : piece["char_end"]]
            assert digest(span) == piece["sha256"], row["event_id"]
            assert text.count("\n", 0, piece["char_start"]) + 1 == piece["line"], row["event_id"]
            assert "\n" not in span
            begin = text.rfind("\n", 0, piece["char_start"]) + 1
            end = text.find("\n", begin)
            found = sentences(text[begin : end if end >= 0 else len(text)])
            first, last = found[piece["sentence_first"] - 1], found[piece["sentence_last"] - 1]
            assert (begin + first[0], begin + last[1]) == (piece["char_start"], piece["char_end"]), row["event_id"]


@needs_pages
def test_spellings_of_actors_stand_on_the_pages() -> None:
    text = " ".join(" ".join(path.read_text("utf-8").split()) for path in sorted(PAGES.glob("*.txt"))).replace(
        "\u00a0", " "
    )
    assert [(a, s) for a, row in ACTORS.items() for s in row["spellings_on_pages"] if s not in text] == []


@needs_pages
def test_nothing_in_this_repository_is_copied_from_the_pages() -> None:
    tool = SHARED / "tools/check_copying.py"
    done = subprocess.run([sys.executable, str(tool), str(ROOT)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
