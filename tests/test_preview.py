"""The page of a release shows its rows in a real browser, asks for nothing, and runs no program but its own."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from conftest import NOTE, RELEASE, SHARED, Project
from test_statistics import rows_of
from test_verify import found, reseal

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
browsed = pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium (Debian: apt-get install chromium)")
MATERIAL = SHARED / "test-material"
#: Texts that would act if they were taken for anything but text.
INJECTED = [
    "<script>document.title='hacked'</script>", "</script><script>document.title='hacked'</script>", "<!--", "-->",
    "<img src=x onerror=\"document.title='hacked'\">", "'\"><svg onload=document.title='hacked'>", "{{ 7 * 7 }}",
    "javascript:document.title='hacked'", "<!-- <script>", "\u2028\u2029", "&lt;b&gt;", "${7*7}", "`",
    "[x](javascript:1)",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield opened
        opened.close()


class Opened:
    """A page in the browser, and what it asked for and said meanwhile."""

    def __init__(self, browser: Any, release: Path, **options: Any) -> None:
        self.page = browser.new_page(**options)
        self.asked, self.said = list[str](), list[str]()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))
        self.page.goto(f"file://{release}/index.html")

    def table(self, number: int) -> Any:
        return self.page.locator(f"#table-{number}")

    def column(self, number: int, name: str) -> list[str]:
        """The cells of a column that are shown."""
        heads = self.table(number).locator("thead th").all_inner_texts()
        place = [head.strip() for head in heads].index(name) + 1
        return [text.strip() for text in self.table(number).locator(f"tbody td:nth-child({place})").all_inner_texts()]


@browsed
def test_rows_are_shown_searched_filtered_and_sorted(browser: Any) -> None:
    opened = Opened(browser, RELEASE)
    events = rows_of(RELEASE, "events")
    count = opened.table(2).locator(".count")
    assert count.inner_text() == "Rows 1 to 25 of 189"
    opened.table(2).locator(".search").fill("nuclear plant")
    expected = [
        row
        for row in events
        if all(w in json.dumps(row, default=str, ensure_ascii=False).lower() for w in ("nuclear", "plant"))
    ]
    assert count.inner_text().endswith(f"of {len(expected)}")
    assert sorted(opened.column(2, "event_id")) == sorted(row["event_id"] for row in expected)[:25]
    opened.table(2).locator(".search").fill("")
    opened.table(2).locator(".split").select_option("validation")
    assert count.inner_text() == "Rows 1 to 22 of 22"
    opened.table(2).locator(".split").select_option("")
    opened.table(2).locator(".column").select_option(label="direction")
    opened.table(2).locator(".holds").fill("toward_russia")
    assert count.inner_text() == "Rows 1 to 25 of 67"
    opened.table(2).locator(".after").click()
    assert count.inner_text() == "Rows 26 to 50 of 67"
    opened.table(2).locator(".holds").fill("")
    opened.table(2).get_by_role("button", name="date_earliest").click()
    dates = sorted(str(row["date_earliest"]) for row in events if row["date_earliest"])
    assert opened.column(2, "date_earliest") == dates[:25]
    opened.table(2).get_by_role("button", name="date_earliest").click()
    assert opened.column(2, "date_earliest") == dates[::-1][:25], "rows without a value come last both ways"
    opened.table(1).get_by_role("button", name="word_count").click()
    counts = [int(text) for text in opened.column(1, "word_count")]
    assert counts == sorted(row["word_count"] for row in rows_of(RELEASE, "articles")), "numbers, not texts"


@browsed
def test_it_asks_for_nothing_and_says_nothing(browser: Any) -> None:
    opened = Opened(browser, RELEASE)
    opened.page.wait_for_load_state("networkidle")
    assert [url for url in opened.asked if not url.startswith("data:")] == [f"file://{RELEASE}/index.html"]
    assert opened.said == []
    assert opened.page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")


@browsed
def test_it_is_used_with_the_keyboard_alone(browser: Any) -> None:
    opened = Opened(browser, RELEASE)
    button = opened.table(2).get_by_role("button", name="event_id")
    button.focus()
    opened.page.keyboard.press("Enter")
    heading = opened.table(2).locator("thead th", has_text="event_id")
    assert heading.get_attribute("aria-sort") == "ascending"
    opened.page.keyboard.press("Space")
    assert heading.get_attribute("aria-sort") == "descending"
    names = opened.page.evaluate("[...document.querySelectorAll('input, select')].every(one => one.labels.length)")
    assert names, "every control has a label"
    assert opened.page.evaluate("[...document.images].every(one => one.alt)")
    order = opened.page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(one => +one.tagName[1])")
    assert order[0] == 1 and all(two - one <= 1 for one, two in pairwise(order))


@browsed
@pytest.mark.parametrize("width", [360, 1200])
def test_it_fits_a_phone(browser: Any, width: int) -> None:
    opened = Opened(browser, RELEASE, viewport={"width": width, "height": 800})
    assert opened.page.evaluate("document.documentElement.scrollWidth") <= width


def hostile(project: Project, texts: list[str]) -> str:
    """Build a dataset in which everything that people write is hostile; its title."""
    title = " ".join("".join(texts[:6]).split())
    project.edit('title = "Notes"', f"title = {json.dumps(title)}")
    project.edit('summary = "Notes to try things out."', f"summary = {json.dumps(title)}")
    properties = NOTE["properties"] | {
        "text": {"type": "string", "description": "".join(texts)},
        "kind": {"oneOf": [{"const": text, "title": text, "description": text} for text in texts[:8]]},
    }
    project.schema("notes", NOTE | {"properties": properties, "description": texts[0] + texts[4]})
    rows = [{"id": f"{n}{text}", "text": text or "x", "kind": texts[n % 8]} for n, text in enumerate(texts)]
    project.rows("notes.jsonl", rows)
    project.build()
    return title


def harmless(browser: Any, project: Project, texts: list[str], title: str) -> None:
    opened = Opened(browser, project.release)
    assert opened.page.evaluate("document.querySelectorAll('script').length") == 2
    assert opened.page.title() == title, "no program has changed it"
    assert opened.said == []
    assert not [url for url in opened.asked if not url.startswith(("data:", "file://"))]
    acting = "[...one.attributes].some(at => at.name.startsWith('on') || /^javascript:/i.test(at.value))"
    odd = f"[...document.querySelectorAll('*')].filter(one => {acting}).length"
    assert opened.page.evaluate(odd) == 0
    tags = opened.page.evaluate(
        "[...new Set([...document.body.querySelectorAll('*')].map(one => one.tagName.toLowerCase()))]"
    )
    known = set(re.findall(r"<(\w+)", Path("src/parquetry/papers/preview.html").read_text())) | set(
        re.findall(r'make\("(\w+)"', Path("src/parquetry/papers/preview.html").read_text())
    )
    assert set(tags) <= known
    shown = opened.page.evaluate("TABLES[0].rows.map(row => row[TABLES[0].columns.indexOf('text')])")
    assert shown == [text or "x" for text in texts]


@browsed
def test_text_from_data_schema_and_recipe_is_text(
    browser: Any, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(RELEASE.parent.parent)
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    harmless(browser, project, INJECTED, hostile(project, INJECTED))


@browsed
@pytest.mark.skipif(not MATERIAL.is_dir(), reason="the material is not beside this repository (../shared)")
@pytest.mark.parametrize("name", ["blns", "xss-h5sc"])
def test_naughty_strings_are_text(name: str, browser: Any, project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(RELEASE.parent.parent)
    if name == "blns":
        texts = json.loads((MATERIAL / "blns/blns.json").read_text())
    else:
        texts = (MATERIAL / "xss-h5sc/vectors.txt").read_text().split("\n")
    texts = list(dict.fromkeys(text[:900] for text in texts if text and "\0" not in text))[:190]
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    harmless(browser, project, texts, hostile(project, texts))


def test_what_is_edited_in_the_page_is_found(release: Path) -> None:
    path = release / "index.html"
    path.write_text(path.read_text().replace("189 rows", "190 rows", 1))
    reseal(release)
    assert found(release) == [("CARD_DIFFERS", "index.html")]


def test_long_texts_are_cut_and_the_page_says_so(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": f"n{n}", "text": "x" * 9000} for n in range(500)])
    project.build()
    page = (project.release / "index.html").read_text()
    assert "x" * 1000 + "…" in page and "x" * 1001 not in page
    assert re.search(r"500 rows: train \d+, test \d+\.\nHere are the first \d+; long texts are cut\.", page)
