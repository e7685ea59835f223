"""A fresh build beside the release that stands -> the same, the same data, or other data.

A version's data never changes once it is released: the same data with other papers may take its place, other data only
when it is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from parquetry.files.manifest import NAME, SUMS, Manifest, load
from parquetry.papers.card import DOCUMENTS, Prose, at_home
from parquetry.reader.verify import verify
from parquetry.words.errors import InputError, Problem, VerificationError

#: What a build did to the release that stands: nothing, or put the fresh one in its place, for this reason.
UP_TO_DATE, BUILT, REFRESHED, REPAIRED, REPLACED = "up to date", "built", "papers refreshed", "repaired", "replaced"


class Built(NamedTuple):
    """What a build brought about."""

    manifest: Manifest
    place: Path
    outcome: str  #: One of the words above.
    warnings: list[Problem]
    prose: Prose
    refreshed: list[str]  #: Files of the repository whose regions were filled.


def outcome(fresh: Path, standing: Path, *, replace: bool) -> str:
    """What a fresh, verified release means for the one that stands at its place.

    Raises:
        InputError: Other data stands there under the same version, or something that is no release.
    """
    if not standing.exists():
        return BUILT
    new, old = load(fresh), _standing(standing)
    if old.data_sha256 == new.data_sha256:
        if (fresh / SUMS).read_bytes() != (standing / SUMS).read_bytes():
            return REFRESHED
        return REPAIRED if verify(standing).problems else UP_TO_DATE
    if replace:
        return REPLACED
    changed = ", ".join(_changes(new, old))
    fix = "raise dataset.version in the recipe, or build with --replace"
    what = f"stands there with other data ({changed}); a version's data never changes"
    raise InputError(Problem("VERSION_EXISTS", str(standing), what, fix))


def drift(fresh: Path, standing: Path) -> list[Problem]:
    """What the release that stands does not have in common with a fresh build of the same sources.

    Bytes are compared where the versions of what writes them are the same, else content digests and papers.
    """
    if not standing.exists():
        return [Problem("DRIFT", str(standing), "has not been built", "build again without --check")]
    try:
        new, old = load(fresh), load(standing)
    except VerificationError as error:
        return list(error.problems)
    fix = "build again without --check, and raise the version if the data changed"
    found = [Problem("DRIFT", where, "is not what the sources give now", fix) for where in _changes(new, old)]
    if old.versions == new.versions:
        pairs = {file.path: file.sha256 for file in new.files}
        stale = [file.path for file in old.files if pairs.get(file.path) != file.sha256]
        found += [Problem("DRIFT", path, "has other bytes than a fresh build", fix) for path in stale]
        missing = sorted(pairs.keys() - {file.path for file in old.files})
        found += [Problem("DRIFT", path, "is missing from the release", fix) for path in missing]
        if not found and (fresh / NAME).read_bytes() != (standing / NAME).read_bytes():
            found.append(Problem("DRIFT", NAME, "has other bytes than a fresh build", fix))
    return found + list(verify(standing).problems)


def other_versions(fresh: Path, standing: Path) -> str:
    """The versions that a release was built with, where a fresh build has others; empty where they are the same."""
    new, old = load(fresh).versions, load(standing).versions
    return ", ".join(
        f"{name} {old.get(name, 'none')}" for name in sorted({*new, *old}) if new.get(name) != old.get(name)
    )


def stale_prose(prose: Prose, fresh: Path, standing: Path) -> list[Problem]:
    """The card and documents of the repository that are not those of the release.

    They are compared with the fresh one; where other versions made it, which a card says, with the one that stands.
    """
    release = fresh if not standing.exists() or load(fresh).versions == load(standing).versions else standing
    places = {name: release / DOCUMENTS / Path(name).name for name in prose.documents}
    texts = {name: at_home(path.read_bytes().decode(), release.name) for name, path in places.items()}
    found = [name for name, text in texts.items() if text != prose.documents[name]]
    whole = at_home((release / "README.md").read_bytes().decode(), release.name)
    if prose.name and not whole.endswith(f"\n---\n\n{prose.text}"):
        found.append(prose.name)
    fix = "build again without --check"
    return [Problem("DRIFT", name, "is not what a build makes of it", fix) for name in found]


def _standing(place: Path) -> Manifest:
    try:
        return load(place)
    except VerificationError:
        what, fix = "stands there and is no release of ours", "move it away, or build with --out into another folder"
        raise InputError(Problem("OUTPUT_NOT_OURS", str(place), what, fix)) from None


def _changes(new: Manifest, old: Manifest) -> Iterator[str]:
    """The splits whose rows differ."""
    for table in sorted({*new.tables, *old.tables}):
        mine = new.tables[table].splits if table in new.tables else {}
        theirs = old.tables[table].splits if table in old.tables else {}
        for split in sorted({*mine, *theirs}):
            if split not in mine or split not in theirs or mine[split].sha256 != theirs[split].sha256:
                yield f"{table}/{split}"
