"""The card: prose is left alone, regions are computed, and no text can break or inject anything."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RELEASE, SHARED, Project
from huggingface_hub import DatasetCard
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml import YAML

from parquetry.papers import sections
from parquetry.papers.card import fill, size_category
from parquetry.papers.markdown import code, escape
from parquetry.papers.regions import HEADINGS
from parquetry.words.errors import RecipeError

names = st.text("abc .", min_size=1, max_size=8).map(str.strip).filter(bool)
prose = st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(lambda t: "<!--" not in t)


@given(st.lists(st.tuples(prose, names), max_size=5), prose)
def test_nothing_changes_outside_regions_and_filling_twice_is_filling_once(
    parts: list[tuple[str, str]], tail: str
) -> None:
    def page(content: str) -> str:
        regions = "".join(f"{text}\n<!-- begin: {name} -->\n{content}<!-- end: {name} -->\n" for text, name in parts)
        return regions + tail

    once = fill(page("old\n"), lambda name: f"new {name}", "page")
    assert fill(once, lambda name: f"new {name}", "page") == once
    blank = re.compile(r"(<!-- begin: (.+?) -->\n).*?(<!-- end: \2 -->)", re.DOTALL)
    assert blank.sub(r"\1\3", once) == blank.sub(r"\1\3", page("old\n"))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("<!-- begin: nope -->\n<!-- end: nope -->", "there is no region 'nope'"),
        ("<!-- begin: fields -->\n", "'<!-- begin: fields -->' has no other end"),
        ("<!-- end: fields -->\n", "'<!-- end: fields -->' has no other end"),
        ("<!-- begin: a -->\n<!-- end: b -->", "'<!-- begin: a -->' has no other end"),
    ],
)
def test_a_region_that_cannot_be_filled_is_named(text: str, what: str) -> None:
    with pytest.raises(RecipeError) as error:
        fill(text, lambda name: None if name == "nope" else "", "card.md")
    assert [(p.code, p.where, p.what) for p in error.value.problems] == [("CARD_REGION", "card.md", what)]


def matter(text: str) -> str:
    return text.split("---\n")[1]


def test_the_front_matter_is_the_same_in_yaml_1_1_and_1_2() -> None:
    text = matter((RELEASE / "README.md").read_text("utf-8"))
    assert yaml.safe_load(text) == json.loads(json.dumps(YAML(typ="safe", pure=True).load(text)))


def test_the_front_matter_survives_the_hub_s_own_reader() -> None:
    card = DatasetCard.load(RELEASE / "README.md")
    assert card.data.license == "cc-by-4.0"
    assert [c["config_name"] for c in card.data.configs] == ["articles", "events", "actors"]
    assert card.data.size_categories == ["n<1K"]


def test_words_that_yaml_takes_for_something_else_stay_text(project: Project) -> None:
    """``no`` is false in YAML 1.1, ``1e3`` a number in 1.2: every string is quoted."""
    tricky = ["no", "1e3", "0o17", "12:30", "null", "~", "on", "=", "<<", "2026-11-22", "- x", "a: b", "# c", "\u00fc"]
    project.edit('title = "Notes"', f'title = "no"\nkeywords = {json.dumps(tricky)}')
    project.edit('languages = ["en"]', 'languages = ["no"]')
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    text = matter((project.build().place / "README.md").read_text("utf-8"))
    for found in (yaml.safe_load(text), YAML(typ="safe", pure=True).load(text)):
        assert (found["tags"], found["language"], found["pretty_name"]) == (tricky, ["no"], "no")


def naughty() -> list[str]:
    path = SHARED / "test-material/blns"
    found = list(path.rglob("*.json")) if path.is_dir() else []
    return [text for p in found for text in json.loads(p.read_text("utf-8")) if isinstance(text, str)] if found else []


INJECTIONS = [
    *[
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "a | b",
        "```",
        "`` ` ``",
    ],
    *[
        "{{7*7}}",
        "<!-- end: fields -->",
        "<!-- begin: fields -->",
        "-->",
        "# heading",
        "* item",
        "~~gone~~",
        "$x$",
        "\\",
    ],
    *["![x](http://example.org/y.png)", "&lt;b&gt;", "line\nbreak\n\n---\nlicense: mit", "_a_ *b* **c**"],
]


def rendered(text: str) -> tuple[set[str], str]:
    """The elements and the text that a Markdown engine makes of a table with this cell."""
    from markdown_it import MarkdownIt

    page = (
        MarkdownIt("commonmark", {"html": True})
        .enable(["table", "strikethrough"])
        .render(f"| a |\n| --- |\n| {text} |\n")
    )
    import html

    return set(re.findall(r"<(\w+)", page)), html.unescape(re.sub(r"<[^>]*>", "", page))


@pytest.mark.parametrize("text", [*INJECTIONS, *naughty()[:600:3]], ids=lambda t: repr(t)[:40])
def test_text_is_shown_and_never_acts(text: str) -> None:
    plain = {"table", "thead", "tbody", "tr", "th", "td"}
    elements, shown = rendered(escape(text))
    assert elements <= plain
    wanted = "".join(" ".join(text.replace("\0", "\ufffd").split()).split())
    assert "".join(shown.split())[1:] == wanted or not wanted.isprintable()
    elements, _ = rendered(code(text) if text.strip() else "`x`")
    assert elements <= {*plain, "code"}


def test_descriptions_and_names_from_schema_and_recipe_cannot_break_the_card(project: Project) -> None:
    document: dict[str, Any] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "id": {"type": "string", "description": "<!-- end: fields --> | <script>x</script>"},
            "a|`b`": {"type": "string"},
        },
    }
    project.schema("notes", document)
    project.edit('summary = "Notes to try things out."', 'summary = "<b>bold</b> <!-- end: summary --> | `x`"')
    project.rows("notes.jsonl", [{"id": "1"}])
    text = (project.build().place / "README.md").read_text("utf-8")
    assert "<script" not in text
    assert "<b>" not in text
    assert text.count("<!-- end: fields -->") == text.count("<!-- end: summary -->") == 1


def test_a_card_without_prose_has_all_regions(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    text = (project.build().place / "README.md").read_text("utf-8")
    assert [name for name in HEADINGS if f"<!-- begin: {name} -->" not in text] == []


def test_a_missing_region_is_appended_to_the_prose(project: Project) -> None:
    project.file("CARD.md", "# Mine\n\nProse.\n\n<!-- begin: fields -->\n<!-- end: fields -->\n\nMore prose.\n")
    project.edit('title = "Notes"', 'title = "Notes"\ncard = "CARD.md"')
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    text = (project.build().place / "README.md").read_text("utf-8")
    assert text.index("Prose.") < text.index("begin: fields") < text.index("More prose.") < text.index("begin: ledger")


def test_labels_of_a_coded_field_can_be_a_class_label_of_the_hub(project: Project, tmp_path: Any) -> None:
    import datasets

    document = {
        "type": "object",
        "additionalProperties": False,
        "properties": {"id": {"type": "string"}, "c": {"enum": ["x", "y"], "x-feature": "ClassLabel"}},
    }
    project.schema("notes", document)
    project.rows("notes.jsonl", [{"id": str(i), "c": "xy"[i % 2]} for i in range(9)])
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    loaded = datasets.load_dataset(str(project.build().place), split="train", cache_dir=str(tmp_path / "cache"))
    assert loaded.features["c"].names == ["x", "y"]
    assert loaded["c"][:3] == [0, 1, 0]


@pytest.mark.parametrize(
    ("rows", "name"),
    [(0, "n<1K"), (999, "n<1K"), (1000, "1K<n<10K"), (99_999, "10K<n<100K"), (10**12, "n>1T"), (10**11, "100B<n<1T")],
)
def test_size_categories_are_those_of_the_hub(rows: int, name: str) -> None:
    assert size_category(rows) == name


def test_the_card_says_how_to_load_it_and_that_works(release: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = release.rename(release.with_name("belarus-foreign-alignment-1.0.0"))
    monkeypatch.chdir(place.parent)
    monkeypatch.setenv("HF_HOME", str(place.parent / "cache"))
    block = re.search(r"```python\n(.*?)```", (place / "README.md").read_text("utf-8"), re.DOTALL)
    assert block and block[1].count("\n") == 6
    done = subprocess.run([sys.executable, "-c", block[1]], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_very_many_sources_are_told_in_one_line(project: Project) -> None:
    for number in range(25):
        project.rows(f"notes-{number:02}.jsonl", [{"id": f"n{number}", "text": "x"}])
    project.build()
    card = (project.release / "README.md").read_text("utf-8")
    assert "| `notes` | `notes-19.jsonl` | 1 | 1 | none |" in card and "notes-20" not in card
    assert "| `notes` | 5 more, in `manifest.json` | 5 | 5 | none |  |" in card


@pytest.mark.parametrize(
    "text, said",
    [
        ("# T\n\n## Empty\n\n## Next\n\ntext\n", "CARD.md:3: nothing stands under the heading 'Empty'"),
        ("# T\n\ntext\n\n## Last\n", "CARD.md:5: nothing stands under the heading 'Last'"),
        (
            "# T\n\n## A\n\n<!-- rai: dataBias -->\n\ntext\n",
            "CARD.md:5: there is no 'dataBias'\n  fix: did you mean 'dataBiases'?",
        ),
        (
            "# T\n<!-- rai: dataBiases -->\na\n## B\n<!-- rai: dataBiases -->\nb\n",
            "CARD.md:5: 'dataBiases' stands twice",
        ),
    ],
)
def test_a_section_without_text_or_a_wrong_mark_ends_the_build(text: str, said: str, project: Project) -> None:
    project.edit("[dataset]\n", '[dataset]\ncard = "CARD.md"\n')
    project.file("CARD.md", text)
    project.rows("notes.jsonl", [{"id": "a", "text": "x"}])
    with pytest.raises(RecipeError) as refused:
        project.build()
    assert said in str(refused.value)


def test_a_heading_may_stand_over_others_code_and_regions() -> None:
    text = "# T\n## A\n### B\ntext\n## C\n```\n# no heading\n```\n## D\n<!-- begin: load -->\n<!-- end: load -->\n"
    assert list(sections.problems(text, "x")) == []


def test_a_section_ends_at_the_next_heading_of_its_rank() -> None:
    text = (
        "# T\n## A\n<!-- rai: dataBiases -->\none\n### B\n<!-- rai: dataUseCases -->\ntwo\n"
        "<!-- begin: x -->\ncomputed\n<!-- end: x -->\n## C\nthree <!-- rai: dataLimitations --> four\n"
    )
    assert sections.sections(text) == {
        "dataBiases": "one\n### B\n\ntwo",
        "dataUseCases": "two",
        "dataLimitations": "three  four",
    }
