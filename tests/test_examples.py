"""The examples: real corpora that nobody here wrote, built as their README says."""

from __future__ import annotations

import datetime as dt
import gzip
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import build_dataset
import datasets
import pyarrow.parquet as pq
import pytest
import yaml
from conftest import ROOT, SHARED

from parquetry.files import manifest
from parquetry.reader.verify import verify
from parquetry.words.engine import Local
from parquetry.words.errors import InputError

EXAMPLES = ROOT / "examples"
TABLES = {"digitalgov-news": ["articles"], "openstates-people": ["people", "committees"]}
OLD = ROOT / ".venv/datasets-3.6/bin/python"
#: What the old environment runs: load a table, and print the rows of its splits and one of its rows.
SCRIPT = """
import datasets, json, sys
loaded = datasets.load_dataset(sys.argv[1], sys.argv[2], cache_dir=sys.argv[3], verification_mode="all_checks")
found = {"version": datasets.__version__, "rows": {split: rows.num_rows for split, rows in loaded.items()}}
json.dump(found | {"last": loaded["test"][-1]}, sys.stdout, default=str)
"""


class Example(NamedTuple):
    """An example that was built in a folder of its own."""

    folder: Path
    release: Path
    said: str  #: Standard output of the build.

    @property
    def facts(self) -> manifest.Manifest:
        return manifest.load(self.release)

    def removed(self, name: str) -> list[dict[str, Any]]:
        """The removed rows of a file beside the release."""
        path = self.release.with_name(f"{self.release.name}.removed") / name
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []

    def rows(self, table: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Every published row of a table with its split."""
        for file in self.facts.shards(table):
            for row in pq.read_table(self.release / file.path).to_pylist():
                yield Path(file.path).name.split("-")[0], row


def prepared(name: str, folder: Path) -> Path:
    """A copy of an example, with the corpus in its work folder as the README asks for it."""
    corpus = SHARED / "corpora" / name
    if not corpus.is_dir():
        pytest.skip(f"the corpus {name} is not beside this repository (../shared/corpora)")
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("work", "release"))
    (folder / "work").mkdir()
    for file in corpus.glob("*.jsonl.gz"):
        shutil.copyfile(file, folder / "work" / file.name)
    if (folder / "adapt.py").exists():
        command = [sys.executable, "adapt.py", "work/articles.jsonl.gz", "work/articles.jsonl"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        assert done.stdout == "2,083 rows\n"
    return folder


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Example]:
    """Builds an example as its README says, once."""
    built: dict[str, Example] = {}

    def of(name: str) -> Example:
        if name not in built:
            folder = prepared(name, tmp_path_factory.mktemp("examples") / name)
            command = [sys.executable, str(ROOT / "build_dataset.py"), "recipe.toml", "--out", "release"]
            environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), str(ROOT)])}
            done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
            assert done.returncode == 0, done.stderr
            built[name] = Example(folder, folder / "release" / f"{name}-1.0.0", done.stdout)
        return built[name]

    return of


@pytest.fixture
def news(example: Callable[[str], Example]) -> Example:
    return example("digitalgov-news")


@pytest.fixture
def states(example: Callable[[str], Example]) -> Example:
    return example("openstates-people")


def corpus(name: str, file: str) -> list[dict[str, Any]]:
    """The records as they were found."""
    with gzip.open(SHARED / "corpora" / name / file, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def snippets(name: str) -> list[str]:
    """The Python of a README."""
    return re.findall(r"```python\n(.*?)```", (EXAMPLES / name / "README.md").read_text("utf-8"), re.DOTALL)


def plain(value: Any) -> Any:
    """A published value as its source had it: no nulls, days as text."""
    if isinstance(value, dict):
        return {name: plain(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [plain(inner) for inner in value]
    return value.isoformat() if isinstance(value, dt.date) else value


def composed(value: Any) -> Any:
    """A value with every text in NFC."""
    if isinstance(value, dict):
        return {name: composed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [composed(inner) for inner in value]
    return unicodedata.normalize("NFC", value) if isinstance(value, str) else value


# Both.


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_the_release_of_an_example_is_sound_row_by_row(name: str, example: Callable[[str], Example]) -> None:
    report = verify(example(name).release, "deep")
    assert report.problems == ()
    assert report.rows == {"digitalgov-news": 2074, "openstates-people": 8801 + 3004}[name]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "table"), [(name, table) for name, tables in TABLES.items() for table in tables])
def test_datasets_loads_an_example_as_it_was_written(
    name: str, table: str, example: Callable[[str], Example], tmp_path: Path
) -> None:
    built = example(name)
    loaded = datasets.load_dataset(str(built.release), table, cache_dir=str(tmp_path), verification_mode="all_checks")
    found = [(split, row) for split, rows in loaded.items() for row in rows]
    assert found == list(built.rows(table))


@pytest.mark.slow
@pytest.mark.skipif(not OLD.exists(), reason="`make test` sets up datasets 3.6.0 in an environment of its own")
@pytest.mark.parametrize(("name", "table"), [(name, table) for name, tables in TABLES.items() for table in tables])
def test_datasets_3_6_loads_an_example_too(
    name: str, table: str, example: Callable[[str], Example], tmp_path: Path
) -> None:
    built = example(name)
    command = [str(OLD), "-c", SCRIPT, str(built.release), table, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = list(built.rows(table))
    expected = {"version": "3.6.0", "rows": dict(Counter(split for split, _ in rows)), "last": rows[-1][1]}
    assert json.loads(done.stdout) == json.loads(json.dumps(expected, default=str))


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_the_readme_of_an_example_shows_what_the_build_says(name: str, example: Callable[[str], Example]) -> None:
    readme = (EXAMPLES / name / "README.md").read_text("utf-8")
    shown = re.findall(rf"^(?:{name}-1|  (?:table|books) ).*$", readme, re.MULTILINE)
    assert len(shown) == 2 + len(TABLES[name])
    said = example(name).said.splitlines()
    assert [line for line in said if line.startswith((f"{name}-1", "  table ", "  books "))] == shown


@pytest.mark.slow
@pytest.mark.parametrize("name", TABLES)
def test_no_path_of_this_machine_is_in_a_release(name: str, example: Callable[[str], Example]) -> None:
    built = example(name)
    texts = [path for path in built.release.rglob("*") if path.is_file() and path.suffix != ".parquet"]
    assert len(texts) >= 6
    assert [path.name for path in texts if str(built.folder.parent) in path.read_text("utf-8")] == []


@pytest.mark.parametrize("name", TABLES)
def test_every_field_of_an_example_is_described_and_every_object_is_closed(name: str) -> None:
    """An object without properties is an open map on purpose: there is one, `extras`."""

    def lacking(spec: dict[str, Any], where: str) -> Iterator[str]:
        if not spec.get("description"):
            yield f"{where}: no description"
        if "properties" in spec and spec.get("additionalProperties") is not False:
            yield f"{where}: open"
        if spec.get("type") == "object" and "properties" not in spec and where != "/extras":
            yield f"{where}: an open map"
        for member, inner in spec.get("properties", {}).items():
            yield from lacking(inner, f"{where}/{member}")
        if spec.get("items", {}).get("type") == "object":
            yield from lacking({"description": "an element"} | spec["items"], f"{where}/items")

    schemas = sorted((EXAMPLES / name).glob("*.schema.json"))
    assert [path.name.split(".")[0] for path in schemas] == sorted(TABLES[name])
    for path in schemas:
        assert list(lacking(json.loads(path.read_text("utf-8")), "")) == []


# Digital.gov: an adapter, refused rows, dates.


@pytest.fixture(scope="module")
def adapter() -> Any:
    spec = importlib.util.spec_from_file_location("adapt", EXAMPLES / "digitalgov-news/adapt.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("date", "day", "instant"),
    [
        ("2014-07-01 10:00:02 -0400", "2014-07-01", "2014-07-01T10:00:02-04:00"),
        ("2011-11-28 8:32:24 -0500", "2011-11-28", "2011-11-28T08:32:24-05:00"),
        ("2019-05-07T10:00:00", "2019-05-07", None),
        ("2024-07-09", "2024-07-09", None),
        ("2014-07-01 10:00", "2014-07-01 10:00", None),
        ("1 July 2014", "1 July 2014", None),
        (None, None, None),
    ],
)
def test_the_adapter_reads_four_shapes_of_dates_and_guesses_no_fifth(
    adapter: Any, date: str | None, day: str | None, instant: str | None
) -> None:
    assert adapter.written(date) == (day, instant)


def test_the_readme_turns_a_clone_into_posts_that_the_adapter_reads(
    adapter: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    posts = {
        "_index.md": "---\ntitle: News\n---\n",
        "2019-05-07-a.md": "---\n# note\nslug: 124062\ndate: 2019-05-07 10:00:00\ntitle: A\nauthors: [x, y]\n---\n",
        "2019-05-08-b.md": "---\r\ndate: 2011-11-28 8:32:24 -0400\r\ntitle: É\r\n---\r\n\n---\nBody\r\n",
        "2019-05-09-c.md": "\n---\ntitle: C\n---\nBody",
    }
    folder = tmp_path / "digitalgov.gov/content/news/2019/05"
    folder.mkdir(parents=True)
    (tmp_path / "work").mkdir()
    for name, text in posts.items():
        (folder / name).write_bytes(text.encode())
    monkeypatch.chdir(tmp_path)
    exec(compile(snippets("digitalgov-news")[0], "README.md", "exec"), {})
    assert adapter.main(Path("work/articles.jsonl.gz"), Path("work/articles.jsonl")) == 3
    rows = [json.loads(line) for line in Path("work/articles.jsonl").read_text("utf-8").splitlines()]
    assert [(row["id"], row["slug"], row["title"], row["date"], row["published_at"], row["text"]) for row in rows] == [
        ("2019-05-07-a", "124062", "A", "2019-05-07", None, None),
        ("2019-05-08-b", None, "É", "2011-11-28", "2011-11-28T08:32:24-04:00", "\n---\nBody\r\n"),
        ("2019-05-09-c", None, None, None, None, "\n---\ntitle: C\n---\nBody"),
    ]
    assert [row["first_author"] for row in rows] == ["x", None, None]


@pytest.mark.slow
def test_every_post_is_published_or_removed_with_a_reason(news: Example) -> None:
    (source,) = news.facts.tables["articles"].sources
    reasons = {"DUPLICATE": 1, "SCHEMA_ENUM": 1, "SCHEMA_LENGTH": 2, "SCHEMA_REQUIRED": 5}
    assert (source.read, source.published, source.removed) == (2083, 2074, reasons)
    assert source.read == source.published + sum(source.removed.values())
    removed = [*news.removed("rejected.jsonl"), *news.removed("duplicates.jsonl")]
    assert Counter(row["code"] for row in removed) == reasons
    ids = [row["id"] for _, row in news.rows("articles")] + [row["row"]["id"] for row in removed]
    assert sorted(ids) == sorted(post["id"] for post in corpus("digitalgov-news", "articles.jsonl.gz"))


@pytest.mark.slow
def test_the_limit_is_the_number_of_refusals_that_were_looked_at(tmp_path: Path) -> None:
    folder = prepared("digitalgov-news", tmp_path / "news")
    recipe = folder / "recipe.toml"
    text = recipe.read_text("utf-8")
    assert "\nrejected = 8\n" in text
    recipe.write_text(text.replace("\nrejected = 8\n", "\nrejected = 7\n"), "utf-8")
    with pytest.raises(InputError) as caught:
        build_dataset.build(recipe, folder / "release", Local())
    codes = Counter(problem.code for problem in caught.value.problems)
    assert codes == {"SCHEMA_ENUM": 1, "SCHEMA_LENGTH": 2, "SCHEMA_REQUIRED": 5, "REFUSED": 1}
    assert [path.name for path in (folder / "release").iterdir()] == ["digitalgov-news-1.0.0.refused"]


@pytest.mark.slow
def test_articles_have_a_text_and_links_an_address(news: Example) -> None:
    rows = [row for _, row in news.rows("articles")]
    assert Counter(row["kind"] for row in rows) == {"article": 1806, "link": 268}
    assert [row["id"] for row in rows if (row["kind"] == "article") != (row["text"] is not None)] == []
    assert [row["id"] for row in rows if (row["kind"] == "link") != (row["source_url"] is not None)] == []


@pytest.mark.slow
def test_texts_are_those_of_the_corpus_but_for_carriage_returns(news: Example) -> None:
    bodies = {post["id"]: post["body_markdown"] for post in corpus("digitalgov-news", "articles.jsonl.gz")}
    published = {row["id"]: row["text"] or "" for _, row in news.rows("articles")}
    changed = {post for post, text in published.items() if text != bodies[post]}
    assert len(changed) == 2
    assert {post: re.sub("\r\n?", "\n", bodies[post]) for post in changed} == {p: published[p] for p in changed}


@pytest.mark.slow
def test_an_instant_is_published_where_an_offset_was_written(news: Example) -> None:
    dates = {post["id"]: post["date"] for post in corpus("digitalgov-news", "articles.jsonl.gz")}
    rows = [row for _, row in news.rows("articles")]
    for row in rows:
        day, _, rest = dates[row["id"]].partition(" ")
        assert row["date"].isoformat() == day[:10]
        expected = dt.datetime.strptime(f"{day} {rest}", "%Y-%m-%d %H:%M:%S %z") if rest else None
        assert row["published_at"] == expected
    assert sum(row["published_at"] is None for row in rows) == 40


@pytest.mark.slow
def test_no_first_author_and_no_text_is_in_two_splits(news: Example) -> None:
    splits: dict[tuple[str, str], set[str]] = {}
    for split, row in news.rows("articles"):
        for key in ("first_author", "text"):
            if row[key] is not None:
                splits.setdefault((key, row[key]), set()).add(split)
    assert len(splits) > 2000
    assert [key for (key, _), found in splits.items() if len(found) > 1] == []


# Open States: nested records without an adapter.


@pytest.mark.slow
@pytest.mark.parametrize("table", TABLES["openstates-people"])
def test_every_record_comes_back_as_it_was_read(table: str, states: Example) -> None:
    (source,) = states.facts.tables[table].sources
    read = [composed(record) for record in corpus("openstates-people", f"{table}.jsonl.gz")]
    assert (source.read, source.published, source.removed) == (len(read), len(read), {})
    back = [plain(row | {"extras": json.loads(row["extras"] or "null")}) for _, row in states.rows(table)]
    asked = [record | ({"extras": plain(record["extras"])} if "extras" in record else {}) for record in read]
    assert sorted(back, key=lambda row: str(row["id"])) == sorted(asked, key=lambda row: str(row["id"]))


@pytest.mark.slow
def test_a_state_is_in_one_split_in_both_tables(states: Example) -> None:
    splits: dict[str, set[str]] = {}
    for table in ("people", "committees"):
        for split, row in states.rows(table):
            splits.setdefault(row["_state"], set()).add(split)
    assert len(splits) == 53
    assert {state for state, found in splits.items() if len(found) > 1} == set()


@pytest.mark.slow
def test_26_seats_of_committees_lead_to_nobody_as_the_card_says(states: Example) -> None:
    people = {row["id"] for _, row in states.rows("people")}
    seats = [member for _, row in states.rows("committees") for member in row["members"]]
    led = [member["person_id"] for member in seats if member["person_id"] is not None]
    assert (len(seats), len(led), sum(person not in people for person in led)) == (38616, 38608, 26)
    assert "26 of 38,608\nlead nowhere" in (EXAMPLES / "openstates-people/CARD.md").read_text("utf-8")


@pytest.mark.slow
def test_the_readme_turns_a_clone_into_records(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every hundredth record, written as the YAML file that it was, is read back by the code of the README."""
    folder = prepared("openstates-people", tmp_path / "example")
    wanted = {table: corpus("openstates-people", f"{table}.jsonl.gz")[::100] for table in TABLES["openstates-people"]}
    for record in (record for records in wanted.values() for record in records):
        file = folder / "people" / record["_path"]
        file.parent.mkdir(parents=True, exist_ok=True)
        members = {name: value for name, value in record.items() if name not in ("_state", "_kind", "_path")}
        text = yaml.safe_dump(members, allow_unicode=True, sort_keys=False)
        file.write_text(re.sub(r"'(\d{4}-\d\d-\d\d)'$", r"\1", text, flags=re.MULTILINE), "utf-8")
    monkeypatch.chdir(folder)
    exec(compile(snippets("openstates-people")[0], "README.md", "exec"), {})
    for table, records in wanted.items():
        with gzip.open(f"work/{table}.jsonl.gz", "rt", encoding="utf-8") as lines:
            assert [json.loads(line) for line in lines] == records


@pytest.mark.slow
def test_records_without_what_is_private_fit_the_same_schemas(tmp_path: Path) -> None:
    """What the README takes out before publishing is not required."""
    folder = prepared("openstates-people", tmp_path / "example")
    private = snippets("openstates-people")[1]
    for table in TABLES["openstates-people"]:
        with gzip.open(folder / f"work/{table}.jsonl.gz", "wt", encoding="utf-8") as file:
            for row in corpus("openstates-people", f"{table}.jsonl.gz")[:: 10 if table == "people" else 1]:
                scope = {"row": row}
                exec(compile("if True:\n" + private, "README.md", "exec"), scope)
                file.write(json.dumps(scope["row"]) + "\n")
    built = Example(folder, build_dataset.build(folder / "recipe.toml", folder / "out", Local()).place, "")
    people = [row for _, row in built.rows("people")]
    assert len(people) == 881
    assert [row["id"] for row in people if row["extras"] is not None] == []
    assert "home" not in {office["classification"] for row in people for office in row["offices"] or []}
