"""``croissant.json`` is what the standard asks for, and loads the same rows."""

from __future__ import annotations

import hashlib
import json
import logging
from datetime import date
from pathlib import Path
from typing import Any

import mlcroissant
import numpy as np
import pytest
from conftest import RELEASE, Project
from test_corpora import CASES, project, read_built
from test_statistics import rows_of
from test_verify import found, reseal

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(autouse=True)
def quiet() -> Any:
    """What it logs is that a regular expression is tried where it cannot match."""
    logging.disable(logging.WARNING)
    yield
    logging.disable(logging.NOTSET)


def plain(value: Any, name: str) -> Any:
    """A value as a Parquet reader gives it, of what `mlcroissant` makes of it."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, dict):
        return {key.removeprefix(f"{name}/"): plain(inner, key) for key, inner in value.items()}
    if isinstance(value, list | np.ndarray):
        return [plain(item, name) for item in value]
    if (isinstance(value, float) and np.isnan(value)) or value is None or str(value) == "NaT":
        return None
    return value.item() if isinstance(value, np.generic) else value


def same(one: Any, two: Any) -> bool:
    """Whether two values are the same; dates come as instants, whole numbers beside nulls as floats."""
    if isinstance(two, date):
        return str(one)[:19].replace("T", " ") == str(two)[:19] or str(one)[:10] == str(two)
    if isinstance(two, dict):
        return isinstance(one, dict) and all(same(one[key], two[key]) for key in two)
    if isinstance(two, list):
        return len(one) == len(two) and all(map(same, one, two))
    return bool(one == two)


def check(release: Path) -> None:
    """All rows of all tables, and of each split, come back."""
    tables = json.loads((release / "manifest.json").read_text())["tables"]
    dataset = mlcroissant.Dataset(jsonld=str(release / "croissant.json"))
    for name, known in tables.items():
        described = next(one for one in document(release)["recordSet"] if one["@id"] == name)
        names = {one["@id"]: one["name"] for one in described["field"]}
        records = [{names[key]: plain(value, key) for key, value in one.items()} for one in dataset.records(name)]
        rows = sorted(
            (row | {"split": split} for split in known["splits"] for row in rows_of(release, name, split)), key=repr
        )
        ids = known["id"]
        by_id = {tuple(record[column] for column in ids): record for record in records}
        assert len(by_id) == len(records) == len(rows)
        for row in rows:
            record = by_id[tuple(row[column] for column in ids)]
            assert set(record) == set(row)
            assert all(same(record[key], value) for key, value in row.items()), (record, row)
        for split in known["splits"]:
            mine = mlcroissant.Dataset(jsonld=str(release / "croissant.json")).records(name, {f"{name}/split": split})
            assert len(list(mine)) == known["splits"][split]["rows"]


def test_the_bundled_dataset_loads_the_same_rows() -> None:
    check(RELEASE)
    dataset = mlcroissant.Dataset(jsonld=str(RELEASE / "croissant.json"))
    assert len(list(dataset.records("events"))) == 189
    assert not dataset.metadata.ctx.issues.errors and not dataset.metadata.ctx.issues.warnings


@pytest.mark.parametrize("name", ["fivethirtyeight-events", "eltec-eng"])
def test_a_real_corpus_loads_the_same_rows(name: str, tmp_path: Path) -> None:
    check(read_built(project(tmp_path, CASES[name]()), tmp_path / "out").place)


def document(release: Path) -> dict[str, Any]:
    return dict(json.loads((release / "croissant.json").read_text()))


def test_each_file_is_named_with_its_digest() -> None:
    files = {one["@id"]: one for one in document(RELEASE)["distribution"] if one["@id"].startswith("data/")}
    assert set(files) == {path.relative_to(RELEASE).as_posix() for path in RELEASE.glob("data/**/*.parquet")}
    for path, one in files.items():
        raw = (RELEASE / path).read_bytes()
        assert one["sha256"] == hashlib.sha256(raw).hexdigest()
        assert one["contentSize"] == f"{len(raw)} B"


def test_coded_values_keys_and_references_are_said() -> None:
    sets = {one["@id"]: one for one in document(RELEASE)["recordSet"]}
    values = sets["events/direction/values"]["data"]
    schema = json.loads((RELEASE / "schema/events.schema.json").read_text())
    spec = json.dumps(schema)
    assert [one["events/direction/values/value"] for one in values] == [
        "toward_russia",
        "toward_west",
        "neutral",
        "none",
    ]
    assert all(json.dumps(one["events/direction/values/description"]) in spec for one in values)
    assert sets["events"]["key"] == {"@id": "events/event_id"}
    fields = {one["@id"]: one for one in sets["events"]["field"]}
    assert fields["events/article_id"]["references"] == {"field": {"@id": "articles/article_id"}}
    assert fields["events/direction"]["references"] == {"field": {"@id": "events/direction/values/value"}}
    assert sets["splits"]["dataType"] == "cr:Split"


def test_what_people_wrote_is_said_in_the_words_of_the_standard() -> None:
    known = document(RELEASE)
    card = (RELEASE / "README.md").read_text()
    minimal = "dataLimitations dataBiases personalSensitiveInformation dataUseCases dataSocialImpact".split()
    for name in minimal:
        assert len(known[f"rai:{name}"]) > 100 and known[f"rai:{name}"] in card
    assert known["rai:hasSyntheticData"] is True
    assert [one["name"] for one in known["prov:wasDerivedFrom"]] and known["prov:wasGeneratedBy"]
    assert "<!--" not in json.dumps({name: text for name, text in known.items() if name.startswith("rai:")})


def test_a_digest_that_is_edited_is_found(release: Path) -> None:
    path = release / "croissant.json"
    path.write_text(path.read_text().replace('"contentSize": "', '"contentSize": "1', 1))
    reseal(release)
    assert found(release) == [("CARD_DIFFERS", "croissant.json")]


def test_a_table_may_have_a_column_called_split(project_with_split: Project) -> None:
    names = [one["@id"] for one in document(project_with_split.release)["recordSet"][-1]["field"]]
    assert names == ["notes/id", "notes/split"]


@pytest.fixture
def project_with_split(tmp_path: Path) -> Project:
    mine = Project(tmp_path / "mine")
    columns = {name: {"type": "string"} for name in ("id", "split")}
    mine.schema("notes", {"type": "object", "additionalProperties": False, "properties": columns})
    mine.rows("notes.jsonl", [{"id": "a", "split": "x"}])
    mine.build()
    return mine
