"""A sealed release verifies; with any byte of any file changed, a file more or less, it does not."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import RELEASE, Project, contents

from parquetry.files import manifest as manifests
from parquetry.files.seal import seal
from parquetry.reader.verify import Strength, verify
from parquetry.words.errors import VerificationError

FILES = sorted(contents(RELEASE))


def found(release: Path, strength: Strength = "full", only: str = "") -> list[tuple[str, str]]:
    """Code and place of all that is wrong."""
    try:
        return [(p.code, p.where) for p in verify(release, strength, only).problems]
    except VerificationError as error:
        return [(p.code, Path(p.where.split(":")[0]).name) for p in error.problems]


def reseal(release: Path) -> None:
    """Forge: make manifest and sums agree with files that were changed, but not what is said of their content."""
    manifest = manifests.load(release)
    seal(manifest, release)


@pytest.mark.parametrize("strength", ["quick", "full", "deep"])
def test_a_sealed_release_is_sound(strength: Strength) -> None:
    assert found(RELEASE, strength) == []


def test_a_release_may_have_any_name(release: Path) -> None:
    assert found(release, "deep") == []


@pytest.mark.parametrize("file", FILES)
def test_one_changed_bit_is_found_and_the_file_named(release: Path, file: str) -> None:
    path, dice = release / file, random.Random(file)
    original = path.read_bytes()
    for _ in range(3):
        raw = bytearray(original)
        raw[dice.randrange(len(raw))] ^= 1 << dice.randrange(8)
        path.write_bytes(raw)
        places = {where.split(":")[0] for _, where in found(release)}
        told = {file, "manifest.json"} if file == "SHA256SUMS" else {file}  # one of its lines is that of the manifest
        assert told & places, f"{places} after a flip in {file}"


@pytest.mark.parametrize("file", FILES)
def test_a_missing_file_is_named(release: Path, file: str) -> None:
    (release / file).unlink()
    assert file in {where for _, where in found(release)}
    assert file in {where for _, where in found(release, "quick")}


@pytest.mark.parametrize("file", ["notes.txt", "data/events/train-00001-of-00002.parquet", ".env", "docs/x/y"])
def test_a_file_more_is_named(release: Path, file: str) -> None:
    (release / file).parent.mkdir(parents=True, exist_ok=True)
    (release / file).write_text("x")
    assert found(release, "quick") == [("FILE_EXTRA", file)]


def test_two_swapped_files_are_named(release: Path) -> None:
    a, b = release / "data/events/train-00000-of-00001.parquet", release / "data/events/test-00000-of-00001.parquet"
    first, second = a.read_bytes(), b.read_bytes()
    a.write_bytes(second)
    b.write_bytes(first)
    expected = [("FILE_CHANGED", f"data/events/{name}-00000-of-00001.parquet") for name in ("test", "train")]
    assert found(release) == expected


def test_what_transport_adds_is_no_change(release: Path) -> None:
    for name in (".gitattributes", ".cache/huggingface/x.lock", ".git/HEAD", ".huggingface/a"):
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_text("x")
    assert found(release, "deep") == []


def test_links_into_a_download_cache_are_followed(release: Path, tmp_path: Path) -> None:
    for index, path in enumerate([p for p in release.rglob("*") if p.is_file()]):
        blob = tmp_path / f"blobs/{index:064x}"
        blob.parent.mkdir(exist_ok=True)
        shutil.move(path, blob)
        path.symlink_to(blob)
    assert found(release, "deep") == []


def test_one_table_can_be_judged_alone(release: Path) -> None:
    shutil.rmtree(release / "data/articles")
    shutil.rmtree(release / "data/actors")
    assert found(release, "deep", only="events") == []
    assert found(release, "quick") != []


def test_the_release_digest_can_be_asked_for() -> None:
    digest = hashlib.sha256((RELEASE / "SHA256SUMS").read_bytes()).hexdigest()
    assert verify(RELEASE, expect=digest).problems == ()
    (problem,) = verify(RELEASE, expect="0" * 64).problems
    assert problem.code == "DIGEST_UNEXPECTED"


def rewrite(release: Path, file: str, change: pa.Table | None = None, keep: slice | None = None) -> None:
    """Write a Parquet file anew with fewer or other rows, as a forger would."""
    path = release / file
    table = pq.read_table(path) if change is None else change
    table = table.slice(keep.start or 0, keep.stop) if keep else table
    pq.write_table(table.replace_schema_metadata(pq.read_schema(path).metadata), path, compression="zstd")


def test_a_row_removed_by_a_careful_forger_is_found(release: Path) -> None:
    """The file is rewritten and the checksums too; counts and content digests do not fit any more."""
    rewrite(release, "data/events/test-00000-of-00001.parquet", keep=slice(0, 87))
    reseal(release)
    assert ("COUNTS_DIFFER", "events/test") in found(release, "quick")
    assert ("CARD_DIFFERS", "README.md: splits") not in found(release, "quick")
    assert {code for code, _ in found(release)} >= {"COUNTS_DIFFER", "CARD_DIFFERS"}


def test_a_value_changed_by_a_careful_forger_is_found(release: Path) -> None:
    file = "data/events/test-00000-of-00001.parquet"
    table = pq.read_table(release / file)
    texts = table["note"].to_pylist()
    texts[3] = "another note, as long as you like"
    column = pa.array(texts, table.schema.field("note").type)
    rewrite(release, file, table.set_column(table.schema.get_field_index("note"), "note", column))
    reseal(release)
    assert ("CONTENT_DIFFERS", "events/test") in found(release, "deep")


def test_a_number_changed_in_the_card_by_a_careful_forger_is_found(release: Path) -> None:
    readme = release / "README.md"
    readme.write_text(readme.read_text("utf-8").replace("| 67 | 8 | 14 | 45 |", "| 67 | 9 | 13 | 45 |"), "utf-8")
    reseal(release)
    assert found(release) == [("CARD_DIFFERS", "README.md: values events.direction")]


def test_a_number_changed_in_the_front_matter_is_found(release: Path) -> None:
    readme = release / "README.md"
    readme.write_text(readme.read_text("utf-8").replace("num_examples: 88", "num_examples: 89"), "utf-8")
    reseal(release)
    assert found(release) == [("CARD_DIFFERS", "README.md: front matter")]


def test_a_number_changed_in_a_document_is_found(release: Path) -> None:
    page = release / "docs/CODEBOOK.md"
    page.write_text(page.read_text("utf-8").replace("| Energy | 14 |", "| Energy | 15 |"), "utf-8")
    reseal(release)
    assert found(release) == [("CARD_DIFFERS", "docs/CODEBOOK.md: values events.issue_area")]


def test_prose_is_free_but_sealed(release: Path) -> None:
    readme = release / "README.md"
    readme.write_text(readme.read_text("utf-8").replace("for study and demonstration", "for everything"), "utf-8")
    assert found(release) == [("FILE_CHANGED", "README.md")]


def test_a_schema_that_is_not_the_one_the_rows_were_checked_by_is_found(release: Path) -> None:
    path = release / "schema/events.schema.json"
    document = json.loads(path.read_text("utf-8"))
    document["properties"]["summary"]["maxLength"] = 10
    path.write_text(json.dumps(document), "utf-8")
    reseal(release)
    assert ("SCHEMA_DIFFERS", "schema/events.schema.json") in found(release)


@pytest.mark.parametrize("path", ["../outside.txt", "/etc/hostname", "data/../../x"])
def test_a_manifest_that_leads_out_of_the_folder_is_refused(release: Path, path: str) -> None:
    manifest = json.loads((release / "manifest.json").read_text("utf-8"))
    manifest["files"][0]["path"] = path
    (release / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    assert ("MANIFEST_PATH", path) in found(release)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"files": 3}', "null", "\ud800".encode("utf-16", "surrogatepass").hex()]
)
def test_a_manifest_that_cannot_be_read_is_a_finding(release: Path, text: str) -> None:
    (release / "manifest.json").write_text(text, "utf-8")
    assert found(release) == [("MANIFEST_INVALID", "manifest.json")]


def test_a_group_in_two_splits_is_a_leak(project: Project) -> None:
    """A release that claims to keep groups together, and does not."""
    project.edit("train = 0.8, test = 0.2", "train = 0.5, test = 0.5")
    project.rows("notes.jsonl", [{"id": str(i), "text": f"t{i}", "source": "abcd"[i % 4]} for i in range(40)])
    built = project.build()
    facts = built.manifest.tables["notes"].model_copy(update={"group_by": ("source",)})
    forged = built.manifest.model_copy(update={"tables": {"notes": facts}})
    seal(forged, built.place)
    leaks = [p for p in verify(built.place, "deep").problems if p.code == "SPLIT_LEAK"]
    assert "the group 'a' stands in train and test" in {p.what for p in leaks}


def test_rows_that_do_not_satisfy_their_schema_are_found_by_deep(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": str(i), "text": f"t{i}"} for i in range(10)])
    place = project.build().place
    schema = json.loads((place / "schema/notes.schema.json").read_text("utf-8"))
    schema["properties"]["text"]["maxLength"] = 1
    (place / "schema/notes.schema.json").write_text(json.dumps(schema, indent=1) + "\n", "utf-8")
    facts = json.loads((place / "manifest.json").read_text("utf-8"))
    digest = hashlib.sha256(json.dumps(schema, sort_keys=True).encode()).hexdigest()
    facts["tables"]["notes"]["schema_sha256"] = digest
    (place / "manifest.json").write_text(json.dumps(facts), "utf-8")
    reseal(place)
    assert {code for code, _ in found(place, "deep")} == {"SCHEMA_LENGTH"}


def test_a_linked_folder_is_a_file_more(release: Path, tmp_path: Path) -> None:
    (release / "data/more").symlink_to(tmp_path)
    assert found(release, "quick") == [("FILE_EXTRA", "data/more")]


def test_what_stands_in_the_place_of_a_file_and_is_none_is_named(release: Path) -> None:
    for name in ("LICENSE", "CITATION.cff"):
        (release / name).unlink()
    os.mkfifo(release / "LICENSE")  # reading it would wait for ever
    (release / "CITATION.cff").symlink_to("nowhere")
    assert found(release) == [("FILE_CHANGED", "CITATION.cff"), ("FILE_CHANGED", "LICENSE")]


def test_a_region_that_was_cut_out_of_the_card_is_missed(release: Path) -> None:
    readme = release / "README.md"
    text = readme.read_text("utf-8")
    start, end = text.index("<!-- begin: ledger -->"), text.index("<!-- end: ledger -->")
    readme.write_text(text[:start] + text[end + len("<!-- end: ledger -->") :], "utf-8")
    reseal(release)
    assert found(release) == [("CARD_DIFFERS", "README.md: ledger")]


FORGED: list[dict[str, object]] = [
    *[{"id": ["nope"]}, {"id": []}, {"group_by": ["nope"]}, {"references": {"nope": "events"}}, {"schema_sha256": "x"}],
    *[
        {"references": {"article_id": "nope"}},
        {"split_method": "nope"},
        {"split_rule": "nope"},
        {"schema_file": "../x"},
    ],
    *[{"schema_file": "a\0b"}, {"splits": {}}, {"splits": {"../x": {}}}],
]


@pytest.mark.parametrize("change", FORGED, ids=repr)
def test_a_forged_manifest_is_a_finding_and_no_crash(release: Path, change: dict[str, object]) -> None:
    path = release / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["tables"]["events"] |= change
    path.write_text(json.dumps(manifest), "utf-8")
    assert "MANIFEST_INVALID" in {code for code, _ in found(release, "deep")}


@pytest.mark.parametrize(
    "change", [{"manifest_version": 99}, {"tables": {}}, {"files": [{"path": "x", "bytes": -1, "sha256": ""}]}]
)
def test_a_manifest_of_another_form_is_not_read(release: Path, change: dict[str, object]) -> None:
    path = release / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), "utf-8")
    assert found(release) == [("MANIFEST_INVALID", "manifest.json")]


def test_a_split_whose_files_stand_in_no_list_is_a_finding_and_no_crash(release: Path) -> None:
    for split in ("test", "validation"):
        (release / f"data/events/{split}-00000-of-00001.parquet").unlink()
    reseal(release)
    problems = verify(release, "deep").problems
    assert ("MANIFEST_INVALID", "no file holds the rows of 'validation'") in {(p.code, p.what) for p in problems}


def test_a_data_digest_that_is_made_up_is_found(release: Path) -> None:
    known = manifests.load(release)
    seal(known.model_copy(update={"data_sha256": "0" * 64}), release)
    assert ("COUNTS_DIFFER", "manifest.json") in found(release)
