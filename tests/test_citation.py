"""CITATION.cff and LICENSE say what the recipe says."""

from __future__ import annotations

import re
from pathlib import Path

import yaml
from conftest import RELEASE, Project
from ruamel.yaml import YAML


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
