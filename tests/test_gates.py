"""What must not be published is found wherever it stands, and never shown."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from conftest import RELEASE, SHARED, Project
from hypothesis import given
from hypothesis import strategies as st

from parquetry.files import manifest
from parquetry.gates.scan import Scan, scan
from parquetry.gates.secrets import secrets
from parquetry.reader.publish import gated
from parquetry.record.personal import KINDS, personal, spans
from parquetry.remote.sealed import sealed
from parquetry.words.engine import Local
from parquetry.words.errors import GateError

PARTS = SHARED / "test-material/generated-bad-inputs/secrets/secrets_parts.json"
PEOPLE = SHARED / "test-material/presidio-synth-pii/data/synth_dataset_v2.json"
#: Put together here, so that no scanner of repositories takes them for real.
TOKEN = "ghp_" + "cx5WNuXT6LraYk6D3HfxXQnPilyh7j2MxLpp"
KEY = "AK" + "IAFLKRWCJOQRKBIME6"
SIGNED = "https://x.blob.core.windows.net/a?sv=2022&" + "sig=RoA1vZb3Qd8sLk7TfWq2Yx9Mn4Pc6Hj5Gv0Bt3Er8Uo%3D"


def looked(project: Project) -> Scan:
    place = project.build().place
    return scan(place, manifest.load(place), Local(1))


def test_of_the_bundled_release_nothing_is_refused() -> None:
    found = gated(sealed(RELEASE), Local(2))
    assert (found.finds, dict(found.personal)) == ((), {})


@pytest.mark.parametrize("secret", [TOKEN, KEY, SIGNED])
@pytest.mark.parametrize("where", ["start", "end", "inside", "base64"])
def test_a_secret_in_a_value_is_found_with_its_row(project: Project, secret: str, where: str) -> None:
    said = {"start": f"{secret} and so on", "end": f"it is {secret}", "inside": f"a {secret} b",
            "base64": base64.b64encode(f"it is {secret} here".encode()).decode()}[where]  # fmt: skip
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    project.rows("notes.jsonl", [{"id": f"n{n}", "text": said if n == 1234 else f"harmless {n}"} for n in range(3000)])
    found = looked(project)
    places = [one.where for one in found.finds]
    assert "data/notes/train-00000-of-00001.parquet: row 1235, text" in places
    told = "\n".join(problem.text() for problem in found.refused(manifest.load(project.release)))
    assert "SECRET_FOUND" in told and "****" in told
    assert secret not in told and secret[8:] not in told


def test_a_secret_deep_inside_or_in_the_recipe_is_found(project: Project) -> None:
    inner = {"type": "object", "additionalProperties": False, "properties": {"b": {"type": "string"}}}
    properties = {"id": {"type": "string"}, "a": {"type": "array", "items": inner}, TOKEN: {"type": "string"}}
    project.schema(
        "notes", {"type": "object", "additionalProperties": False, "required": ["id"], "properties": properties}
    )
    project.edit('summary = "Notes to try things out."', f'summary = "See {SIGNED}"')
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    project.rows("notes.jsonl", [{"id": "x"}, {"id": "y", "a": [{"b": "no"}, {"b": f"yes {KEY}"}]}])
    found = looked(project)
    kinds = Counter(one.secret.kind for one in found.finds)
    assert {"aws-access-key-id", "github-pat", "azure-sas"} <= kinds.keys()
    assert TOKEN not in str(found.finds), "a name that is a secret is not shown whole either"
    places = {one.where.split(":")[0] for one in found.finds}
    assert {"data/notes/train-00000-of-00001.parquet", "README.md", "manifest.json"} <= places
    assert "data/notes/train-00000-of-00001.parquet: row 2, a.b" in [one.where for one in found.finds]


def test_what_is_allowed_is_said_in_the_card(project: Project) -> None:
    project.edit("ratios = { train = 0.8, test = 0.2 }", 'only = "train"')
    project.recipe(
        (project.root / "recipe.toml").read_text("utf-8")
        + '[[dataset.allowed]]\nwhat = "github-pat"\nreason = "An example that GitHub revoked in 2020"\n'
    )
    project.rows("notes.jsonl", [{"id": "x", "text": f"it was {TOKEN}"}])
    found = looked(project)
    assert found.finds and found.refused(manifest.load(project.release)) == []
    assert "An example that GitHub revoked in 2020" in (project.release / "README.md").read_text("utf-8")


def test_personal_data_must_be_counted_in_the_card(project: Project) -> None:
    rows = [{"id": "x", "text": "Write to jane.doe@example.com or call +44 20 7946 0958"}, {"id": "y", "text": "no"}]
    project.rows("notes.jsonl", rows)
    (refused,) = looked(project).refused(manifest.load(project.release))
    assert (refused.code, refused.what) == (
        "PERSONAL_UNCOUNTED", "values hold personal data, and the card does not say so: 1 email, 1 phone",
    )  # fmt: skip
    project.edit('title = "Notes"', 'title = "Notes"\npersonal = "count"')
    project.build()
    assert looked(project).refused(manifest.load(project.release)) == []
    card = (project.release / "README.md").read_text("utf-8")
    assert "| `notes: text` | e-mail addresses | 1 |" in card
    told = json.loads((project.release / "statistics.json").read_text("utf-8"))
    assert told["tables"]["notes"]["columns"]["text"]["personal"] == {"email": 1, "phone": 1}


@pytest.mark.parametrize(
    ("origin", "code"),
    [
        ('license = "cc-by-sa-4.0"', "LICENSE_LOOSER"),
        ('license = "other"', "RIGHTS_UNKNOWN"),
        ('license = "cc-by-sa-4.0"\npermission = "By letter of 1 May 2026"', ""),
        ('license = "other"\nrights = "Facts alone"', ""),
    ],
)
def test_rights_of_origins_are_a_gate(project: Project, origin: str, code: str) -> None:
    recipe = (project.root / "recipe.toml").read_text("utf-8")
    project.recipe(f'{recipe}[[dataset.origins]]\nname = "A book"\n{origin}\n')
    project.rows("notes.jsonl", [{"id": "x", "text": "one"}])
    place = project.build().place
    if not code:
        gated(sealed(place), Local(1))
        return
    with pytest.raises(GateError, match=code):
        gated(sealed(place), Local(1))


def test_a_dataset_without_a_licence_is_not_published(project: Project) -> None:
    project.edit("cc0-1.0", "unknown")
    project.rows("notes.jsonl", [{"id": "x", "text": "one"}])
    with pytest.raises(GateError, match="RIGHTS_LICENSE_MISSING"):
        gated(sealed(project.build().place), Local(1))


def test_the_command_ends_in_7_and_shows_nothing(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "x", "text": f"it is {TOKEN}"}])
    place, target = project.build().place, project.root / "public"
    for words in (["scan", str(place)], ["scan", str(place), "--json"], ["publish", str(place), str(target)]):
        done = subprocess.run([sys.executable, "-m", "parquetry", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 7, done.stderr
        assert "SECRET_FOUND" in done.stderr
        assert TOKEN not in done.stdout + done.stderr
    assert not target.exists()


def parts() -> list[dict[str, Any]]:
    if not PARTS.is_file():
        pytest.skip("the material is not beside this repository (../shared)")
    found: list[dict[str, Any]] = json.loads(PARTS.read_text("utf-8"))
    return found


def test_all_kinds_of_secrets_are_found_and_nothing_else() -> None:
    for one in parts():
        text = one["before"] + "".join(one["parts"]) + one["after"]
        assert bool([*secrets(text.encode())]) == (one["class"] == "secret"), one["kind"]
        if one["class"] == "secret":
            assert [*secrets(base64.b64encode(text.encode()))], one["kind"]
        if one["class"] == "pii" and one["kind"] != "ipv4":  # that one is for documentation, and leads to nobody
            assert [*spans(text)], one["kind"]


def test_people_are_found_as_labelled() -> None:
    """Of what has a form: the shares are those of docs/PUBLISH.md."""
    if not PEOPLE.is_file():
        pytest.skip("the material is not beside this repository (../shared)")
    names = {"EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "CREDIT_CARD": "card", "IBAN_CODE": "iban",
             "US_SSN": "ssn", "IP_ADDRESS": "ip"}  # fmt: skip
    hit, missed, wrong = Counter[str](), Counter[str](), Counter[str]()
    for row in json.loads(PEOPLE.read_text("utf-8")):
        marked = [(names[one["entity_type"]], one["start_position"], one["end_position"])
                  for one in row["spans"] if one["entity_type"] in names]  # fmt: skip
        mine = [*spans(row["full_text"])]
        for kind, start, stop in marked:
            same = any(one[0] == kind and one[1] < stop and start < one[2] for one in mine)
            (hit if same else missed)[kind] += 1
        for kind, start, stop in mine:
            wrong[kind] += not any(one[0] == kind and start < one[2] and one[1] < stop for one in marked)
    recall = {kind: (hit[kind], hit[kind] + missed[kind]) for kind in names.values()}
    assert recall == {
        "email": (39, 39),
        "phone": (30, 53),
        "card": (77, 87),
        "iban": (12, 17),
        "ssn": (13, 13),
        "ip": (9, 9),
    }
    assert +wrong == Counter({"phone": 2})


SOME = ["a@b.cd", "+49 30 123456789", "8.8.8.8"]


@given(st.lists(st.text("ab @.0123456789+-()/", max_size=40) | st.sampled_from(SOME)))
def test_counting_a_column_is_counting_each_text(texts: list[str]) -> None:
    expected = Counter(kind for text in texts for kind in {kind for kind, _, _ in spans(text)})
    assert personal(pa.array(texts, pa.string())) == {kind: expected[kind] for kind in KINDS if expected[kind]}


def test_a_secret_over_the_edge_of_what_is_read_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from parquetry.gates import scan as module

    monkeypatch.setattr(module, "_PORTION", 1000)
    monkeypatch.setattr(module, "_AGAIN", 200)
    for shift in range(900, 1000, 9):
        (tmp_path / "a.txt").write_bytes(b"x\n" * (shift // 2) + TOKEN.encode() + b" \n" + b"y\n" * 600)
        finds = module._file(tmp_path, "a.txt").finds
        assert [one.where for one in finds] == [f"a.txt:{shift // 2 + 1}"], shift
