"""Whatever is changed in a sealed release is found, and nothing is found in one that is as it was sealed."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import build_dataset
import pytest
from conftest import RELEASE, Project, contents
from test_publish import double, publish
from torture.conftest import times
from torture.downloads import WAYS, from_the_hub
from torture.forgeries import ROWS, SAYINGS, WHOLE, Change, forged
from torture.varied import varied

from parquetry.files.manifest import SUMS, sha256_of
from parquetry.reader.verify import Strength, verify
from parquetry.remote.sealed import sealed
from parquetry.words.engine import Local
from parquetry.words.errors import ParquetryError

PROMISE = "Every change is found"
#: One file of each kind.
KINDS = (
    "README.md", "manifest.json", "SHA256SUMS", "schema/events.schema.json", "csv/events.csv", "docs/CODEBOOK.md",
    "data/events/train-00000-of-00001.parquet",
)  # fmt: skip


def sound(release: Path, strength: Strength = "full", expect: str = "") -> bool:
    """Whether nothing is found; what is none of our errors is let through, and fails the test."""
    try:
        return not verify(release, strength, expect=expect).problems
    except ParquetryError:
        return False


def test_each_single_bit_flip_is_found(release: Path, figure: Callable[..., None]) -> None:
    files, dice, missed = contents(release), random.Random("flips"), list[str]()
    count = times(60, 3000)
    for number in range(count):
        name = sorted(files)[number % len(files)]
        raw, place = bytearray(files[name]), dice.randrange(8 * len(files[name]))
        raw[place // 8] ^= 1 << place % 8
        (release / name).write_bytes(raw)
        missed += [f"{name}: bit {place}"] if sound(release) else []
        (release / name).write_bytes(files[name])
    assert sound(release)
    figure(PROMISE, "single-bit flips", count, len(missed), files=len(files), missed=missed)


def moved(path: Path, name: str) -> None:
    """Rename a file, in two steps where the file system takes the two names for one."""
    path.rename(path.with_name("between"))
    path.with_name("between").rename(path.with_name(name))


def swapped(path: Path, other: Path) -> None:
    first, second = path.read_bytes(), other.read_bytes()
    path.write_bytes(second)
    other.write_bytes(first)


def outside(path: Path, link: Callable[[Path, Path], object]) -> None:
    """Put a link in the place of a file that leads to the same bytes elsewhere."""
    elsewhere = path.parents[len(path.parents) - 4] / "elsewhere"
    elsewhere.write_bytes(path.read_bytes())
    path.unlink()
    link(path, elsewhere)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()
    (path / path.name).write_bytes(b"")


def emptied(path: Path) -> None:
    path.unlink()
    path.mkdir()


#: What can become of any file.
OPERATIONS: dict[str, Callable[[Path], object]] = {
    "deleted": Path.unlink,
    "truncated by a byte": lambda p: os.truncate(p, p.stat().st_size - 1),
    "truncated to half": lambda p: os.truncate(p, p.stat().st_size // 2),
    "emptied": lambda p: os.truncate(p, 0),
    "appended a line": lambda p: p.write_bytes(p.read_bytes() + b"\n"),
    "appended itself": lambda p: p.write_bytes(p.read_bytes() * 2),
    "a byte taken out": lambda p: p.write_bytes(p.read_bytes()[:100] + p.read_bytes()[101:]),
    "halves swapped": lambda p: p.write_bytes(p.read_bytes()[200:] + p.read_bytes()[:200]),
    "zeros in the middle": lambda p: p.write_bytes(p.read_bytes()[:300] + bytes(64) + p.read_bytes()[364:]),
    "ends of lines": lambda p: p.write_bytes(p.read_bytes().replace(b"\n", b"\r\n")),
    "renamed": lambda p: p.rename(p.with_name("renamed" + p.suffix)),
    "duplicated": lambda p: shutil.copy(p, p.with_name("copy-" + p.name)),
    "case changed": lambda p: moved(p, p.name.swapcase()),
    "a folder in its place": folder,
    "an empty folder in its place": emptied,
    "a link in its place": lambda p: outside(p, Path.symlink_to),
}
EVENTS = "data/events/{}-00000-of-00001.parquet"
#: What can be done once.
SINGLE: dict[str, Callable[[Path], object]] = {
    "splits swapped": lambda r: swapped(r / EVENTS.format("train"), r / EVENTS.format("test")),
    "tables swapped": lambda r: swapped(r / EVENTS.format("test"), r / "data/articles/test-00000-of-00001.parquet"),
    "schemas swapped": lambda r: swapped(r / "schema/events.schema.json", r / "schema/actors.schema.json"),
    "one more shard": lambda r: shutil.copy(r / EVENTS.format("test"), r / "data/events/test-00001-of-00002.parquet"),
    "one more split": lambda r: shutil.copy(r / EVENTS.format("test"), r / EVENTS.format("more")),
    "one more table": lambda r: shutil.copytree(r / "data/events", r / "data/more"),
    "a table deleted": lambda r: shutil.rmtree(r / "data/actors"),
    "a table renamed": lambda r: (r / "data/actors").rename(r / "data/Actors"),
    "a table linked": lambda r: (r / "data/more").symlink_to("events"),
    "a hidden file": lambda r: (r / ".hidden").write_bytes(b""),
    "a hidden folder": lambda r: shutil.copytree(r / "docs", r / "data/.docs"),
    "a script of a loader": lambda r: (r / f"{r.name}.py").write_text("import datasets\n"),
    "the release in itself": lambda r: shutil.copytree(r, r / "again"),
    "git of a subfolder": lambda r: shutil.copytree(r / "docs", r / "docs/.git"),
}  # fmt: skip


def older(repository: Path) -> Iterator[tuple[str, bytes]]:
    """The files of another version of the dataset."""
    recipe = repository / "recipe.toml"
    recipe.write_text(recipe.read_text("utf-8").replace('version = "1.0.0"', 'version = "0.9.0"'), "utf-8")
    yield from contents(build_dataset.build(recipe, repository / "out", Local(1)).place).items()


def test_each_change_to_files_is_found(
    release: Path, repository: Path, tmp_path: Path, figure: Callable[..., None]
) -> None:
    changes: dict[str, Callable[[Path], object]] = {
        f"{name}: {what}": lambda r, name=name, change=change: change(r / name)
        for what, change in OPERATIONS.items()
        for name in KINDS
    } | SINGLE
    kept, missed = contents(release), list[str]()
    for name, raw in older(repository):
        if kept.get(name) != raw and not name.endswith(".parquet"):
            changes[f"{name}: of an older version"] = lambda r, name=name, raw=raw: (r / name).write_bytes(raw)
    chosen = random.Random("files").sample(sorted(changes), times(10, len(changes)))
    for what in chosen:
        restore(release, kept)
        changes[what](release)
        missed += [what] if sound(release) else []
    figure(PROMISE, "changes to files", len(chosen), len(missed), missed=missed)


def restore(release: Path, kept: Mapping[str, bytes]) -> None:
    """Put a release back as it was."""
    shutil.rmtree(release)
    for name, raw in kept.items():
        (release / name).parent.mkdir(parents=True, exist_ok=True)
        (release / name).write_bytes(raw)


def forgeries() -> dict[str, tuple[Change, bool, bool]]:
    """What is forged, whether the counts are made true, and whether the content digests are."""
    found = {what: (change, True, False) for what, change in ROWS.items()}
    found |= {f"{what}, and the digests made": (change, True, True) for what, change in ROWS.items()}
    return found | {what: (change, False, False) for what, change in SAYINGS.items()}


def test_each_forgery_is_found(release: Path, figure: Callable[..., None]) -> None:
    """By ``--deep``, and without knowing what the release was."""
    known, kept, missed = forgeries(), contents(release), list[str]()
    chosen = random.Random("forgeries").sample(sorted(known), times(6, len(known)))
    for what in chosen:
        restore(release, kept)
        change, counts, digests = known[what]
        forged(release, change, counts=counts, digests=digests)
        missed += [what] if sound(release, "deep") else []
    figure(PROMISE, "forgeries", len(chosen), len(missed), missed=missed)


def test_who_makes_everything_anew_is_found_by_the_digest_that_is_expected(
    release: Path, repository: Path, figure: Callable[..., None]
) -> None:
    """A forger who builds other data with the same tool makes a sound release: it is only not the one that was."""
    expect, corpus = sha256_of(release / SUMS), repository / "data/corpus/events.jsonl"
    text = corpus.read_text("utf-8")
    assert "year inferred (2011)" in text
    corpus.write_text(text.replace("year inferred (2011)", "year inferred (2012)", 1), "utf-8")
    built = build_dataset.build(repository / "recipe.toml", repository / "out", Local(1)).place
    assert sound(release, "deep", expect)
    forged(release, WHOLE, counts=False, digests=False)
    assert sound(built, "deep") and sound(release, "deep"), "else it is no test of the digest"
    missed = [str(folder) for folder in (built, release) if sound(folder, "quick", expect)]
    figure(PROMISE, "forgeries in which everything is made anew, by --expect", 2, len(missed), missed=missed)


def test_a_clean_build_is_sound(tmp_path: Path, figure: Callable[..., None]) -> None:
    count, alarms = times(5, 50), list[str]()
    for number in range(count):
        project = Project(tmp_path / str(number))
        what = varied(project, number)
        alarms += [f"{number}: {what}"] if not sound(project.build().place, "deep") else []
    figure(PROMISE, "false alarms on clean builds", count, len(alarms), alarms=alarms)


@pytest.mark.filterwarnings("ignore")  # those of the client of the Hub
def test_a_download_is_sound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, figure: Callable[..., None]) -> None:
    with double(tmp_path / "double", monkeypatch, xet=False) as hub:
        publish(hub, sealed(RELEASE))
        downloads = WAYS | {
            "the Hub, --local-dir": partial(from_the_hub, hub, local=True),
            "the Hub, its cache": partial(from_the_hub, hub, local=False),
        }
        chosen, alarms = list(downloads)[:: times(4, 1)], list[str]()
        for number, way in enumerate(chosen):
            folder = tmp_path / str(number)
            folder.mkdir()
            alarms += [way] if not sound(downloads[way](folder), "deep") else []
    figure(PROMISE, "false alarms on downloads", len(chosen), len(alarms), alarms=alarms, ways=chosen)
