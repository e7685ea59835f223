"""What a licence asks for is known, and a dataset whose own asks for less than that of an origin is warned of."""

from __future__ import annotations

import json

import pytest
from conftest import Project

from parquetry.reader.verify import verify
from parquetry.words.errors import RecipeError
from parquetry.words.licenses import ASKED, asked
from parquetry.words.vocabulary import LICENSES


@pytest.mark.parametrize(
    "license, expected",
    [
        ("cc-by-4.0", {"by"}),
        ("cc-by-sa-3.0", {"by", "sa"}),
        ("cc-by-nc-nd-4.0", {"by", "nc", "nd"}),
        ("pddl", set()),
        ("odbl", {"by", "sa"}),
        ("odc-by", {"by"}),
        ("cdla-sharing-1.0", {"by", "sa"}),
        ("cdla-permissive-2.0", {"by"}),
        ("gpl-3.0", {"by", "sa"}),
        ("mit", {"by"}),
        ("other", None),
        ("unknown", None),
        ("llama3", None),
        ("cc", None),
    ],
)
def test_what_a_licence_asks_for(license: str, expected: set[str] | None) -> None:
    assert asked(license) == expected


def test_every_licence_of_the_hub_is_understood_or_said_not_to_be() -> None:
    for license in LICENSES:
        found = asked(license)
        assert found is None or found <= set(ASKED)


def build(project: Project, license: str, origin: str) -> list[str]:
    """Build a dataset of one origin; what is said about its rights."""
    project.edit('license = "cc0-1.0"', f'license = "{license}"\norigins = [{{ name = "A book", {origin} }}]')
    project.rows("notes.jsonl", [{"id": "a", "text": "x"}])
    built = project.build()
    assert not verify(project.release, "deep").problems
    warned = [one for one in built.warnings if one.code in ("WARN_LICENSE_LOOSER", "WARN_RIGHTS_UNKNOWN")]
    assert all(one.where.startswith("recipe.toml: dataset.origins.0.") for one in warned)
    return [one.what for one in warned]


LOOSER = {
    ("cc-by-4.0", 'license = "cc-by-4.0"'): "",
    ("cc-by-sa-4.0", 'license = "cc-by-4.0"'): "",
    ("cc0-1.0", 'license = "cc0-1.0"'): "",
    ("cc-by-4.0", 'license = "other", rights = "We may."'): "",
    ("other", 'license = "cc-by-sa-4.0"'): "",
    ("cc0-1.0", 'license = "cc-by-4.0"'): "cc-by-4.0 asks to name the source; cc0-1.0 does not",
    ("cc-by-4.0", 'license = "cc-by-nc-sa-4.0"'): (
        "cc-by-nc-sa-4.0 asks to share under the same terms, no commercial use; cc-by-4.0 does not"
    ),
    ("cc-by-4.0", 'license = "cc-by-nd-4.0"'): "cc-by-nd-4.0 asks no changed versions; cc-by-4.0 does not",
    ("cc-by-4.0", 'license = "cc-by-sa-4.0", permission = "The author allowed it on 2020-01-01."'): "",
    ("cc-by-4.0", 'license = "other"'): "nothing is known of 'A book'",
}


@pytest.mark.parametrize("case", LOOSER)
def test_a_looser_licence_is_warned_of(case: tuple[str, str], project: Project) -> None:
    assert build(project, *case) == ([LOOSER[case]] if LOOSER[case] else [])


def test_an_origin_that_asks_to_be_named_is_named(project: Project) -> None:
    origin = 'url = "https://example.org/a_b", license = "cc-by-sa-4.0", rights = "Cut short", permission = "Asked"'
    build(project, "cc-by-4.0", origin)
    text = (project.release / "ATTRIBUTION.md").read_text()
    for part in ("A book", "https://example.org/a\\_b", "CC-BY-SA-4.0", "licenses/by-sa/4.0/", "Cut short", "Asked"):
        assert part in text
    card = (project.release / "README.md").read_text()
    assert "[CC-BY-SA-4.0](https://creativecommons.org/licenses/by-sa/4.0/) | Cut short. Asked |" in card
    known = json.loads((project.release / "croissant.json").read_text())["prov:wasDerivedFrom"]
    assert known[0]["license"] == "https://creativecommons.org/licenses/by-sa/4.0/"


def test_nobody_is_named_who_does_not_ask(project: Project) -> None:
    build(project, "cc-by-4.0", 'license = "other", rights = "We may."')
    assert not (project.release / "ATTRIBUTION.md").exists()


def test_a_licence_that_is_none_is_guessed(project: Project) -> None:
    with pytest.raises(RecipeError, match="unknown licence id 'CC BY-SA'"):
        build(project, "cc-by-4.0", 'license = "CC BY-SA"')
