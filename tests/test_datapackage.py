"""``datapackage.json`` is valid for those who check such packages, and its digests, keys and types are true."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import frictionless
import pytest
from conftest import RELEASE
from test_corpora import CASES, project, read_built
from test_verify import found, reseal

pytestmark = pytest.mark.filterwarnings("ignore")


def problems(release: Path) -> list[Any]:
    report = frictionless.validate(str(release / "datapackage.json"))
    return list(report.flatten(["title", "message", "path"]))


def test_the_bundled_dataset_is_valid() -> None:
    assert problems(RELEASE) == []


@pytest.mark.parametrize("name", ["fivethirtyeight-events", "eltec-eng"])
def test_a_real_corpus_is_valid(name: str, tmp_path: Path) -> None:
    assert problems(read_built(project(tmp_path, CASES[name]()), tmp_path / "out").place) == []


def test_every_file_is_a_resource_with_its_digest() -> None:
    known = json.loads((RELEASE / "datapackage.json").read_text())
    files = {one["path"]: one["sha256"] for one in json.loads((RELEASE / "manifest.json").read_text())["files"]}
    told = {one["path"]: one["hash"] for one in known["resources"]}
    assert told == {path: f"sha256:{sha256}" for path, sha256 in files.items() if path.endswith((".parquet", ".csv"))}
    assert len({one["name"] for one in known["resources"]}) == len(told)


def test_keys_and_references_are_said_where_one_file_has_the_rows() -> None:
    known = json.loads((RELEASE / "datapackage.json").read_text())
    schemas = {one["name"]: one["schema"] for one in known["resources"]}
    assert schemas["events-test-00000-of-00001"]["primaryKey"] == ["event_id"]
    foreign = {
        tuple(one["fields"]): one["reference"]["resource"]
        for one in schemas["events-test-00000-of-00001"]["foreignKeys"]
    }
    assert foreign == {
        ("article_id",): "articles-test-00000-of-00001",
        ("attributed_to_id",): "actors-train-00000-of-00001",
        ("reported_via_id",): "actors-train-00000-of-00001",
    }
    fields = {one["name"]: one for one in schemas["events-test-00000-of-00001"]["fields"]}
    assert fields["direction"]["constraints"]["enum"] == ["toward_russia", "toward_west", "neutral", "none"]
    assert fields["actor_ids"]["type"] == "any"


def test_a_package_that_is_edited_is_found(release: Path) -> None:
    path = release / "datapackage.json"
    path.write_text(path.read_text().replace('"sha256:', '"sha256:0', 1))
    reseal(release)
    assert found(release) == [("CARD_DIFFERS", "datapackage.json")]
