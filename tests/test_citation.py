"""CITATION.cff and LICENSE say what the recipe says."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import RELEASE, ROOT, Project
from ruamel.yaml import YAML

from parquetry.files import manifest
from parquetry.papers.citation import citation
from parquetry.papers.facts import Facts
from parquetry.words.vocabulary import LICENSES

CFFCONVERT = ROOT / ".venv/cffconvert/bin/python"
#: What that environment runs: each text is judged by the schema of the format, and turned into BibTeX.
SCRIPT = """
import json, sys
from cffconvert import Citation
def judged(text):
    try:
        Citation(text).validate()
        return Citation(text).as_bibtex()
    except Exception as error:
        return f"{type(error).__name__}: {str(error)[:300]}"
json.dump([judged(text) for text in json.load(sys.stdin)], sys.stdout)
"""


def converted(*facts: dict[str, Any]) -> list[str]:
    """The citations of releases with other facts than the bundled one, as BibTeX by `cffconvert`."""
    if not CFFCONVERT.exists():
        pytest.skip("make test sets up the environment of cffconvert")
    known = manifest.load(RELEASE)
    said = known.dataset.model_dump(mode="json")
    changed = [known.dataset.model_validate_json(json.dumps(said | one)) for one in facts]
    texts = [citation(Facts(known.model_copy(update={"dataset": one}), {}, {}, {})) for one in changed]
    command = [str(CFFCONVERT), "-c", SCRIPT]
    done = subprocess.run(command, input=json.dumps(texts), capture_output=True, text=True, check=True)
    found: list[str] = json.loads(done.stdout)
    return found


def test_cffconvert_takes_it_with_any_licence() -> None:
    found = dict(zip(LICENSES, converted(*({"license": one} for one in LICENSES)), strict=True))
    assert [(one, said) for one, said in found.items() if not said.startswith("@misc{")] == []


def test_cffconvert_reads_what_the_recipe_says() -> None:
    people = [
        {"name": "Doe, Jane", "orcid": "https://orcid.org/0000-0002-1825-0097", "affiliation": "A University"},
        {"name": "A: Body #1"},
    ]
    more = {"doi": "10.5281/zenodo.1234567", "homepage": "https://example.org/a?b=c", "creators": people}
    (said,) = converted(more | {"title": 'No: "yes" # {1} é 中', "version": "2.0.0-rc.1", "released": "2026-01-02"})
    for line in (
        "author = {Doe, Jane and A: Body #1}",
        "doi = {10.5281/zenodo.1234567}",
        "url = {https://example.org/a?b=c}",
        'title = {No: "yes" # {1} é 中}',
        "year = {2026}",
    ):
        assert line in said


def test_the_citation_is_the_same_in_yaml_1_1_and_1_2() -> None:
    text = (RELEASE / "CITATION.cff").read_text("utf-8")
    assert yaml.safe_load(text) == YAML(typ="safe", pure=True).load(text)


def test_the_citation_has_all_that_the_format_asks_for() -> None:
    known = yaml.safe_load((RELEASE / "CITATION.cff").read_text("utf-8"))
    assert known["cff-version"] == "1.2.0"
    assert known["type"] == "dataset"
    assert known["authors"] == [{"name": "The Parquetry authors"}]
    assert known["license"] == "CC-BY-4.0"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", known["date-released"])
    assert {"title", "message", "version", "abstract"} <= known.keys()


def build(project: Project, **facts: str) -> Path:
    for old, new in facts.items():
        project.edit({"creators": '{ name = "Doe, Jane" }', "license": "cc0-1.0"}[old], new)
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    return project.build().place


def test_a_person_is_cited_by_family_and_given_name(project: Project) -> None:
    place = build(
        project, creators='{ name = "Doe, Jane", orcid = "https://orcid.org/0000-0002-1825-0097" }, { name = "A Body" }'
    )
    authors = yaml.safe_load((place / "CITATION.cff").read_text("utf-8"))["authors"]
    person = {"family-names": "Doe", "given-names": "Jane", "orcid": "https://orcid.org/0000-0002-1825-0097"}
    assert authors == [person, {"name": "A Body"}]


def test_a_licence_without_spdx_id_claims_none(project: Project) -> None:
    place = build(project, license="other")
    known = yaml.safe_load((place / "CITATION.cff").read_text("utf-8"))
    assert "license" not in known
    assert "SPDX" not in (place / "LICENSE").read_text("utf-8")


def test_a_licence_that_the_citation_format_does_not_know_is_given_by_its_address(project: Project) -> None:
    known = yaml.safe_load((build(project, license="cdla-permissive-2.0") / "CITATION.cff").read_text("utf-8"))
    assert known["license-url"] == "https://spdx.org/licenses/CDLA-Permissive-2.0.html"
