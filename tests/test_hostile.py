"""Whatever stands in data, schema and recipe, the card shows it: two Markdown engines and a browser make the same of
it as of harmless words, and readers of YAML read it back."""

from __future__ import annotations

import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import cmarkgfm
import pytest
import yaml
from cmarkgfm.cmark import Options
from conftest import NOTE, SHARED, Project
from huggingface_hub import DatasetCard
from markdown_it import MarkdownIt
from ruamel.yaml import YAML
from test_card import INJECTIONS, matter
from test_preview import INJECTED, browsed, browser

from parquetry.papers.lint import errors

__all__ = ["browser"]  # the fixture
MATERIAL = SHARED / "test-material"


def texts(name: str) -> list[str]:
    """Texts of a set, without those that a record cannot hold."""
    if name == "ours":
        found = [*INJECTIONS, *INJECTED]
    elif not MATERIAL.is_dir():
        pytest.skip("the material is not beside this repository (../shared)")
    elif name == "blns":
        found = json.loads((MATERIAL / "blns/blns.json").read_text("utf-8"))
    elif name == "xss-h5sc":
        found = (MATERIAL / "xss-h5sc/vectors.txt").read_text("utf-8").split("\n")
    else:
        files = sorted((MATERIAL / "yaml-test-suite/src").glob("*.yaml"))
        cases = [case for path in files for case in yaml.safe_load(path.read_text("utf-8"))]
        found = [case["yaml"] for case in cases if "yaml" in case]
    return [*dict.fromkeys(text[:900] for text in found if text.strip() and "\0" not in text)][:190]


def lines(said: list[str]) -> list[str]:
    """What of these a recipe can hold: one line, and nothing that a terminal would act on."""
    return [line for line in (" ".join(text.split()) for text in said) if line.isprintable()]


def build(project: Project, said: list[str]) -> dict[str, str]:
    """A release in which all that people write is one of these texts; what its files say, by name."""
    title, summary, origin, rights, permission, *_ = (json.dumps(line, ensure_ascii=False) for line in lines(said))
    keywords = json.dumps(lines(said)[:60], ensure_ascii=False)
    project.edit('title = "Notes"', f"title = {title}\nkeywords = {keywords}")
    project.edit('summary = "Notes to try things out."', f"summary = {summary}")
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    project.recipe(
        (project.root / "recipe.toml").read_text("utf-8")
        + f'[[dataset.origins]]\nname = {origin}\nrights = {rights}\npermission = {permission}\nlicense = "cc-by-4.0"\n'
    )
    columns = {f"c{number} {line}"[:200].strip(): line for number, line in enumerate(lines(said)[:40])}
    properties = NOTE["properties"] | {
        "text": {"type": "string", "title": said[0], "description": "".join(said)},
        "kind": {"oneOf": [{"const": text, "title": text, "description": text} for text in said]},
        **{column: {"type": "string", "description": text} for column, text in columns.items()},
    }
    project.schema("notes", NOTE | {"properties": properties, "description": said[0] + said[4]})
    rows = [{"id": f"{number}{text}", "text": text, "kind": text} | columns for number, text in enumerate(said)]
    project.rows("notes.jsonl", rows)
    place = project.build().place
    return {name: (place / name).read_text("utf-8") for name in ("README.md", "ATTRIBUTION.md")}


class Elements(HTMLParser):
    """Counts the elements of a page, and notes what they would do."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found, self.acting, self.text = Counter[str](), list[str](), list[str]()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found[tag] += 1
        for name, value in attrs:
            if name.startswith("on") or (value or "").lower().lstrip().startswith(
                ("javascript:", "data:", "vbscript:")
            ):
                self.acting.append(f"{tag} {name}={value}")

    def handle_comment(self, data: str) -> None:
        if not re.fullmatch(r" (begin|end): [\w-]+ ", data):
            self.acting.append(f"comment {data}")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def github(text: str) -> str:
    """The page that GitHub's engine makes, with nothing filtered; addresses in text become links there."""
    return str(cmarkgfm.markdown_to_html_with_extensions(text, Options.CMARK_OPT_UNSAFE, ["table", "strikethrough"]))


def markdown_it(text: str) -> str:
    return str(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(text))


SETS = ["ours", "blns", "xss-h5sc", "yaml-test-suite"]
ENGINES = [github, markdown_it]


@pytest.mark.parametrize("name", SETS)
def test_the_card_has_the_elements_that_harmless_words_give(name: str, tmp_path: Path) -> None:
    said = texts(name)
    made = build(Project(tmp_path / "hostile"), said)
    words = [f"word {number} ".ljust(len(text), "w") for number, text in enumerate(said)]
    other = build(Project(tmp_path / "harmless"), words)
    for engine in ENGINES:
        for paper in ("README.md", "ATTRIBUTION.md"):
            mine, theirs = Elements(engine(body(made[paper]))), Elements(engine(body(other[paper])))
            assert mine.acting == []
            assert mine.found == theirs.found
        shown = "".join("".join(Elements(engine(body(made["README.md"]))).text).split())
        assert all("".join(line.split()) in shown for line in lines(said)[:2])


def body(text: str) -> str:
    """A paper without its front matter."""
    return text.split("---\n", 2)[2] if text.startswith("---\n") else text


@pytest.mark.parametrize("name", SETS)
def test_the_front_matter_is_read_back(name: str, project: Project) -> None:
    said = texts(name)
    text = build(project, said)["README.md"]
    assert errors(text, "README.md") == []
    for found in (yaml.safe_load(matter(text)), YAML(typ="safe", pure=True).load(matter(text))):
        assert (found["pretty_name"], found["tags"]) == (lines(said)[0], lines(said)[:60])
    assert DatasetCard(text).data.tags == lines(said)[:60]


@browsed
@pytest.mark.parametrize("name", SETS)
def test_a_browser_runs_nothing_of_it(name: str, browser: Any, project: Project, tmp_path: Path) -> None:
    made = build(project, texts(name))
    for engine in ENGINES:
        page = tmp_path / f"{engine.__name__}.html"
        papers = engine(body(made["README.md"])) + engine(made["ATTRIBUTION.md"])
        page.write_text(f"<!doctype html><meta charset=utf-8><title>card</title><body>{papers}", "utf-8")
        opened, asked, heard = browser.new_page(), list[str](), list[str]()
        opened.on("request", lambda request, asked=asked: asked.append(request.url))
        opened.on("dialog", lambda dialog, heard=heard: (heard.append(dialog.message), dialog.dismiss()))
        opened.on("pageerror", lambda error, heard=heard: heard.append(str(error)))
        opened.goto(f"file://{page}")
        opened.wait_for_load_state("networkidle")
        assert [url for url in asked if not url.startswith(f"file://{tmp_path}/")] == []
        assert (heard, opened.title()) == ([], "card")
        assert opened.evaluate("document.querySelectorAll('script, iframe, object, embed, style, form').length") == 0
