"""A glob -> the paths that it matches, and why some of them are no input."""

from __future__ import annotations

import glob
import os
import socket
from pathlib import Path

import pytest
from conftest import DATASET, Project
from hypothesis import given
from hypothesis import strategies as st

from parquetry.record import read
from parquetry.record.read import same
from parquetry.sources.globs import matches
from parquetry.sources.partitions import Piece, partitions
from parquetry.words.errors import InputError, RecipeError
from parquetry.words.recipe import Recipe, load

ROW = '{"id":"a","text":"x"}\n'
PART = st.sampled_from(["a", "b", "*", "**", "a*", ".*", "[ab]", "?", "c.jsonl", "*.jsonl"])


@pytest.fixture
def corpus(project: Project) -> Path:
    """A project with one file."""
    project.file("notes.jsonl", ROW)
    return project.root


def found(root: Path, *patterns: str, place: Path | None = None) -> list[str]:
    """The names of the files that patterns mean."""
    recipe = load(root / "recipe.toml")
    table = recipe.tables["notes"].model_copy(update={"sources": patterns or ("notes*.jsonl",)})
    recipe = recipe.model_copy(update={"tables": {"notes": table}})
    assert isinstance(recipe, Recipe)
    return [piece.name for one in partitions(recipe, root, place) for piece in one.pieces]


def refused(root: Path, *patterns: str) -> list[str]:
    """The first lines of what refuses the files that patterns match, in 3."""
    with pytest.raises(InputError) as caught:
        found(root, *patterns)
    return [problem.text().splitlines()[0].removeprefix("error") for problem in caught.value.problems]


@given(st.lists(PART, min_size=1, max_size=4))
def test_what_matches_is_what_a_shell_matches(tmp_path_factory: pytest.TempPathFactory, parts: list[str]) -> None:
    root = tmp_path_factory.mktemp("tree")
    for name in ("a/c.jsonl", "a/b/c.jsonl", "b/.c/c.jsonl", ".a/c.jsonl", "c.jsonl", "ab/d.jsonl", "ab/b/.d.jsonl"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()
    found = glob.glob("/".join(parts), root_dir=root, recursive=True)
    theirs = {os.path.normpath(path) for path in found if not path.endswith("/")}  # `file/**` is no file
    ours = {os.path.normpath(match.path) for match in matches("/".join(parts), root)}
    assert {path for path in ours if (root / path).is_file()} == {path for path in theirs if (root / path).is_file()}


def test_a_link_to_a_file_that_is_found_anyway_is_no_second_file(corpus: Path) -> None:
    """Whatever the order of the folder, the file has the name that is its own."""
    (corpus / "notes-0.jsonl").symlink_to("notes.jsonl")
    assert found(corpus) == ["notes.jsonl"]


def test_a_link_that_leads_nowhere_or_out_is_refused(corpus: Path) -> None:
    (corpus.parent / "else").mkdir()
    (corpus.parent / "else/secret.jsonl").write_text(ROW)
    (corpus / "notes-1.jsonl").symlink_to("nowhere")
    (corpus / "notes-2.jsonl").symlink_to("notes-2.jsonl")
    (corpus / "notes-3.jsonl").symlink_to("../else/secret.jsonl")
    assert refused(corpus) == [
        "[INPUT_LINK] notes-1.jsonl: is a link that leads nowhere",
        "[INPUT_LINK] notes-2.jsonl: is a link that leads back to itself",
        "[INPUT_LINK] notes-3.jsonl: leads out of the folder of the recipe, where 'notes*.jsonl' starts",
    ]
    (corpus / "in").symlink_to("../else")
    out = "leads out of the folder of the recipe, where"
    assert refused(corpus, "**/n*.txt") == [f"[INPUT_LINK] in: {out} '**/n*.txt' starts"]
    assert refused(corpus, "i*/*.jsonl") == [f"[INPUT_LINK] in/secret.jsonl: {out} 'i*/*.jsonl' starts"]


def test_a_link_that_is_named_is_followed(corpus: Path) -> None:
    (corpus.parent / "else").mkdir()
    (corpus.parent / "else/more.jsonl").write_text(ROW)
    (corpus / "in").symlink_to("../else")
    (corpus / "one.jsonl").symlink_to("../else/more.jsonl")
    assert found(corpus, "in/*.jsonl") == ["in/more.jsonl"]
    assert found(corpus, "one.jsonl") == ["one.jsonl"]
    assert found(corpus, "../e*/*.jsonl") == ["../else/more.jsonl"]


def test_links_to_folders_are_no_way_without_end(corpus: Path) -> None:
    """Two links to the folder that they are in would be 2^40 ways to each file."""
    for name in ("one", "two"):
        (corpus / name).symlink_to(".")
    assert found(corpus, "**/*.jsonl") == ["notes.jsonl"]


def test_what_is_no_file_is_refused_and_not_waited_for(corpus: Path) -> None:
    os.mkfifo(corpus / "notes-1.jsonl")
    (corpus / "notes-2.jsonl").mkdir()
    with socket.socket(socket.AF_UNIX) as one:
        here = Path.cwd()
        os.chdir(corpus)  # the name of a socket is short
        try:
            one.bind("notes-3.jsonl")
        finally:
            os.chdir(here)
    assert refused(corpus) == [
        "[INPUT_TYPE] notes-1.jsonl: is a pipe, not a file",
        "[INPUT_TYPE] notes-2.jsonl: is a folder, not a file",
        "[INPUT_TYPE] notes-3.jsonl: is a socket, not a file",
    ]
    assert refused(corpus, "notes-1.jsonl") == ["[INPUT_TYPE] notes-1.jsonl: is a pipe, not a file"]
    assert refused(corpus, "/dev/n*ll") == ["[INPUT_TYPE] null: is a device, not a file"]


def test_a_folder_whose_files_are_read_may_be_called_like_a_file(corpus: Path) -> None:
    (corpus / "all.jsonl").mkdir()
    (corpus / "all.jsonl/part.jsonl").write_text(ROW)
    assert found(corpus, "**/*.jsonl") == ["all.jsonl/part.jsonl", "notes.jsonl"]


def test_a_name_that_is_not_utf8_is_refused(corpus: Path) -> None:
    Path(os.fsdecode(os.fsencode(corpus) + b"/notes-\xff.jsonl")).write_text(ROW)
    (said,) = refused(corpus)
    assert said.startswith("[INPUT_NAME] notes-\\udcff.jsonl: the path is not UTF-8 (it ends in hex ")
    assert said.endswith(" 6e 6f 74 65 73 2d ff 2e 6a 73 6f 6e 6c), and cannot be told")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything; the torture drops that right")
def test_what_may_not_be_read_is_refused(corpus: Path) -> None:
    (corpus / "shut").mkdir(mode=0)
    (corpus / "notes.jsonl").chmod(0)
    who = f"the user {os.geteuid()} may not read it (its mode is 0000)"
    assert refused(corpus) == [f"[INPUT_PERMISSION] notes.jsonl: {who}"]
    assert refused(corpus, "**/m*") == [f"[INPUT_PERMISSION] shut: {who}"]
    (corpus / "shut").chmod(0o700)


@pytest.mark.parametrize("name", ["{}", ".{}.building", "{}.removed", "{}.refused"])
def test_no_source_stands_in_the_way_of_the_build(corpus: Path, name: str) -> None:
    place = corpus / "out/notes-1.0.0"
    folder = place.with_name(name.format(place.name))
    (folder / "in").mkdir(parents=True)
    (folder / "in/a.jsonl").write_text(ROW)
    pattern = f"out/{folder.name}/in/*.jsonl"
    assert found(corpus, pattern, place=corpus / "else/notes-1.0.0") == [pattern.replace("*", "a")]
    with pytest.raises(RecipeError) as caught:
        found(corpus, pattern, place=place)
    assert str(caught.value) == (
        f"error[PATH_OVERLAP] recipe.toml: tables.notes.sources: the source {pattern.replace('*', 'a')!r} stands in "
        f"{folder.name!r}, which this build replaces or empties\n  fix: copy it elsewhere, and name the copy"
    )


def test_a_file_that_is_changed_while_it_is_read_is_refused(corpus: Path) -> None:
    path = corpus / "notes.jsonl"
    piece = Piece(path, "notes.jsonl", path.stat().st_size, changed=path.stat().st_mtime_ns)
    same(piece)
    os.utime(path, ns=(0, piece.changed + 1))
    with pytest.raises(InputError, match=r"INPUT_CHANGED\] notes.jsonl: was changed while it was read"):
        same(piece)
    path.write_text(ROW * 2)
    os.utime(path, ns=(0, piece.changed))
    with pytest.raises(InputError, match="INPUT_CHANGED"):
        same(piece)


def test_a_build_of_a_file_that_is_changed_meanwhile_ends_in_3(project: Project, corpus: Path) -> None:
    """What was read would not be what the manifest names: by its size, by its SHA-256."""
    listed = read.agree

    def late(sources: object) -> object:
        (corpus / "notes.jsonl").write_text(ROW + '{"id":"b","text":"y"}\n')
        return listed(sources)  # type: ignore[arg-type]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("build_dataset.agree", late)
        with pytest.raises(InputError, match="INPUT_CHANGED"):
            project.build()
    assert list((corpus / "out").iterdir()) == []


def test_a_recipe_that_is_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "recipe.toml")
    with pytest.raises(RecipeError, match="RECIPE_MISSING"):
        load(tmp_path / "recipe.toml")


def test_what_is_wrong_in_one_table_does_not_hide_what_is_wrong_in_the_next(project: Project) -> None:
    os.mkfifo(project.root / "a.jsonl")
    os.mkfifo(project.root / "b.jsonl")
    table = '[tables.{0}]\nschema = "notes.schema.json"\nsources = ["{0}*.jsonl"]\nid = "id"\nsplit.only = "train"\n'
    project.recipe(DATASET + table.format("a") + table.format("b"))
    recipe = load(project.root / "recipe.toml")
    with pytest.raises(InputError) as caught:
        partitions(recipe, project.root)
    assert [problem.where for problem in caught.value.problems] == ["a.jsonl", "b.jsonl"]
