"""The check of ``croissant.json``: it agrees with files of others, and asks for more than `mlcroissant` does."""

from __future__ import annotations

import copy
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlcroissant
import pytest
from conftest import RELEASE, SHARED
from hypothesis import given, settings
from hypothesis import strategies as st
from test_lint import run

from parquetry.papers.conformance import conformance, errors
from parquetry.words.errors import is_warning

VALID = SHARED / "corpora/croissant/datasets"
INVALID = (SHARED / "corpora/croissant/invalid-examples", SHARED / "test-material/croissant-invalid")
pytestmark = pytest.mark.filterwarnings("ignore")  # those of mlcroissant
OURS: dict[str, Any] = json.loads((RELEASE / "croissant.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def quiet() -> Any:
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def judged(document: Any) -> list[str]:
    """The codes of what is wrong."""
    return [problem.code for problem in conformance(json.dumps(document).encode(), "croissant.json")]


def part(document: dict[str, Any], name: str) -> dict[str, Any]:
    """The node with an id, at any depth."""
    rest: list[Any] = [document["distribution"], document["recordSet"]]
    while rest:
        one = rest.pop()
        if isinstance(one, dict) and one.get("@id") == name and len(one) > 1:
            return one
        rest += one.values() if isinstance(one, dict) else one if isinstance(one, list) else []
    raise KeyError(name)


def test_of_what_a_build_makes_nothing_is_wrong() -> None:
    assert judged(OURS) == []


def real(*folders: Path) -> list[Path]:
    if not all(folder.is_dir() for folder in folders):
        pytest.skip("the files are not beside this repository (../shared)")
    found = [path for folder in folders for path in sorted(folder.rglob("*.json"))]
    return [path for path in found if "@context" in path.read_text("utf-8")]


def test_files_that_are_valid_have_no_errors() -> None:
    files = real(VALID)
    assert len(files) == 39
    assert {str(path): errors(path.read_bytes(), "x") for path in files} == {str(path): [] for path in files}


def test_files_that_are_invalid_have_errors() -> None:
    files = real(*INVALID)
    assert len(files) == 22
    assert [path for path in files if not errors(path.read_bytes(), "x")] == []


#: What may go wrong in our own file, and the code that says it; by what is done to the description.
Change = Callable[[dict[str, Any]], Any]
CHANGES: dict[str, tuple[str, Change]] = {
    "no context": ("CROISSANT_CONTEXT", lambda d: d.pop("@context")),
    "another vocabulary": ("CROISSANT_CONTEXT", lambda d: d["@context"].update({"@vocab": "http://schema.org/"})),
    "a word without meaning": ("CROISSANT_CONTEXT", lambda d: d["@context"].pop("source")),
    "not a dataset": ("CROISSANT_TYPE", lambda d: d.update({"@type": "sc:Book"})),
    "no name": ("CROISSANT_MISSING", lambda d: d.pop("name")),
    "no licence": ("WARN_CROISSANT_MISSING", lambda d: d.pop("license")),
    "no creator": ("WARN_CROISSANT_MISSING", lambda d: d.update(creator=[])),
    "another version": ("CROISSANT_VERSION", lambda d: d.update(conformsTo="http://mlcommons.org/croissant/2.0")),
    "no word on responsible AI": ("WARN_CROISSANT_VERSION", lambda d: d.update(conformsTo=d["conformsTo"][0])),
    "a property that is not there": ("WARN_CROISSANT_PROPERTY", lambda d: d.update({"rai:dataBias": "x"})),
    "a date that is none": ("CROISSANT_VALUE", lambda d: d.update(datePublished="22/11/2026")),
    "a version that is none": ("WARN_CROISSANT_VALUE", lambda d: d.update(version="v1")),
    "a name that is a number": ("CROISSANT_TYPE", lambda d: d.update(name=1)),
    "a file of another type": ("CROISSANT_TYPE", lambda d: d["distribution"][0].update({"@type": "cr:File"})),
    "a file that is no object": ("CROISSANT_TYPE", lambda d: d["distribution"].append("data.csv")),
    "no checksum": ("CROISSANT_MISSING", lambda d: d["distribution"][2].pop("sha256")),
    "a checksum that is none": ("WARN_CROISSANT_VALUE", lambda d: d["distribution"][2].update(sha256="abc")),
    "a size that is none": ("WARN_CROISSANT_VALUE", lambda d: d["distribution"][2].update(contentSize="big")),
    "no address": ("CROISSANT_MISSING", lambda d: d["distribution"][2].pop("contentUrl")),
    "no format": ("CROISSANT_MISSING", lambda d: d["distribution"][2].pop("encodingFormat")),
    "no pattern": ("CROISSANT_MISSING", lambda d: part(d, "events-files").pop("includes")),
    "in nothing": ("CROISSANT_REFERENCE", lambda d: part(d, "events-files").update(containedIn={"@id": "relese"})),
    "in itself": ("CROISSANT_REFERENCE", lambda d: d["distribution"][0].update(containedIn={"@id": "events-files"})),
    "an id twice": ("CROISSANT_ID", lambda d: d["distribution"].append(d["distribution"][2])),
    "an id with a blank": ("CROISSANT_ID", lambda d: d["distribution"][2].update({"@id": "a b"})),
    "no id": ("CROISSANT_ID", lambda d: part(d, "events/event_id").pop("@id")),
    "a set of another type": ("CROISSANT_TYPE", lambda d: d["recordSet"][0].update({"@type": "sc:Table"})),
    "a field of another type": ("CROISSANT_TYPE", lambda d: part(d, "events/event_id").update({"@type": "sc:Text"})),
    "a type of values that is not there": (
        "CROISSANT_VALUE",
        lambda d: part(d, "events/event_id").update(dataType="sc:String"),
    ),
    "no source": ("CROISSANT_SOURCE", lambda d: part(d, "events/event_id").pop("source")),
    "a source and a value": ("CROISSANT_SOURCE", lambda d: part(d, "events/event_id").update(value="x")),
    "an empty source": ("CROISSANT_SOURCE", lambda d: part(d, "events/event_id").update(source={})),
    "a source that is not there": (
        "CROISSANT_REFERENCE",
        lambda d: part(d, "events/event_id")["source"].update(fileSet={"@id": "event-files"}),
    ),
    "a set that is called a file": (
        "WARN_CROISSANT_REFERENCE",
        lambda d: part(d, "events/event_id")["source"].update(fileObject={"@id": "events-files"}, fileSet=None),
    ),
    "no type of values": ("CROISSANT_VALUE", lambda d: part(d, "events/event_id").pop("dataType")),
    "a column that is a number": (
        "CROISSANT_TYPE",
        lambda d: part(d, "events/event_id")["source"]["extract"].update(column=1),
    ),
    "a pattern that is a number": (
        "CROISSANT_TYPE",
        lambda d: part(d, "events/split")["source"].update(transform={"regex": 5}),
    ),
    "a holder that is a number": ("CROISSANT_TYPE", lambda d: part(d, "events-files").update(containedIn=5)),
    "a licence that is a number": ("CROISSANT_TYPE", lambda d: d.update(license=1)),
    "values from itself": (
        "CROISSANT_REFERENCE",
        lambda d: part(d, "events/event_id").update(source={"field": {"@id": "events/event_id"}}),
    ),
    "two ways": (
        "CROISSANT_SOURCE",
        lambda d: part(d, "events/event_id")["source"]["extract"].update(jsonPath="$.x"),
    ),
    "a property that no file has": (
        "CROISSANT_SOURCE",
        lambda d: part(d, "events/split")["source"].update(extract={"fileProperty": "owner"}),
    ),
    "a pattern that is none": (
        "CROISSANT_PATTERN",
        lambda d: part(d, "events/split")["source"].update(transform={"regex": "(train"}),
    ),
    "a pattern without a group": (
        "WARN_CROISSANT_VALUE",
        lambda d: part(d, "events/split")["source"].update(transform={"regex": "train"}),
    ),
    "a shape without a list": ("CROISSANT_ARRAY", lambda d: part(d, "events/actor_ids").pop("isArray")),
    "a shape that is none": ("CROISSANT_ARRAY", lambda d: part(d, "events/actor_ids").update(arrayShape="many")),
    "a key that is no field": ("CROISSANT_REFERENCE", lambda d: part(d, "events").update(key={"@id": "events/no"})),
    "a key by its name": ("WARN_CROISSANT_REFERENCE", lambda d: part(d, "events").update(key={"@id": "event_id"})),
    "a reference to nothing": (
        "CROISSANT_REFERENCE",
        lambda d: part(d, "events/article_id").update(references={"field": {"@id": "articles/id"}}),
    ),
    "two files and nothing between": (
        "CROISSANT_JOIN",
        lambda d: part(d, "actors/actor_id")["source"].update(fileSet={"@id": "release"}),
    ),
    "a row twice": ("CROISSANT_KEY", lambda d: part(d, "splits")["data"].append(part(d, "splits")["data"][0])),
    "a row that is none": ("CROISSANT_TYPE", lambda d: part(d, "splits")["data"].append("train")),
    "a value of no field": ("CROISSANT_REFERENCE", lambda d: part(d, "splits")["data"][0].update(size="1")),
    "a row that lacks a value": ("CROISSANT_MISSING", lambda d: part(d, "splits")["data"][0].pop("splits/url")),
    "a value of another type": (
        "WARN_CROISSANT_VALUE",
        lambda d: part(d, "splits")["data"][0].update({"splits/url": 1}),
    ),
    "no rows": ("CROISSANT_SOURCE", lambda d: part(d, "splits").pop("data")),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_mistake_is_found(name: str) -> None:
    code, change = CHANGES[name]
    document = copy.deepcopy(OURS)
    change(document)
    found = conformance(json.dumps(document).encode(), "croissant.json")
    assert code in [problem.code for problem in found], found
    assert all(problem.fix and problem.where.startswith("croissant.json: /") for problem in found)


@pytest.mark.parametrize("name", CHANGES)
def test_what_mlcroissant_refuses_is_an_error(name: str, tmp_path: Path) -> None:
    document = copy.deepcopy(OURS)
    CHANGES[name][1](document)
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(document), "utf-8")
    try:
        mlcroissant.Dataset(jsonld=str(path))
    except Exception:  # it raises its own errors, and those of the libraries that it calls
        assert any(not code.startswith("WARN_") for code in judged(document))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b"", "CROISSANT_JSON"),
        (b"\xff", "CROISSANT_JSON"),
        (b'{"name": "a", "name": "b"}', "CROISSANT_JSON"),
        (b"[]", "CROISSANT_TYPE"),
        (b"[" * 100_000, "CROISSANT_JSON"),
    ],
)
def test_what_is_no_description_is_said(text: bytes, code: str) -> None:
    assert [problem.code for problem in conformance(text, "x")] == [code]


KEYS = st.sampled_from(["@id", "field", "source", "extract", "data", "x"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text("a{}#", max_size=3) | st.sampled_from(["splits", "Field"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(KEYS, inner),
    max_leaves=4,
)


def places(value: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all values inside of one."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [way for key, inner in inside for way in [(*above, key), *places(inner, (*above, key))]]


@given(st.data())
@settings(deadline=None)
def test_whatever_stands_anywhere_it_is_judged(data: st.DataObject) -> None:
    document = copy.deepcopy(OURS)
    *way, last = data.draw(st.sampled_from(places(OURS)))
    above: Any = document
    for step in way:
        above = above[step]
    above[last] = data.draw(JSON)
    assert all(problem.what and problem.fix for problem in conformance(json.dumps(document).encode(), "x"))


def test_the_command_judges_it(tmp_path: Path) -> None:
    done = run(str(RELEASE / "croissant.json"))
    assert (done.returncode, done.stderr) == (0, "")
    document = copy.deepcopy(OURS)
    document["distribution"][2].pop("sha256")
    path = tmp_path / "croissant.json"
    path.write_text(json.dumps(document), "utf-8")
    done = run(str(path))
    assert done.returncode == 5
    assert done.stderr.startswith(f"error[CROISSANT_MISSING] {path}: /distribution/2: the FileObject ")
    assert [is_warning(one) for one in conformance(path.read_bytes(), "x")] == [False]
