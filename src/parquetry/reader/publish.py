"""A release -> a public dataset: verified, let through by the gates, sent, and confirmed.

Nothing is sent but the files that the manifest names, and the two that seal them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from parquetry.files.manifest import NAME
from parquetry.gates.scan import Scan, scan
from parquetry.papers.markdown import sized
from parquetry.reader.progress import say
from parquetry.reader.verify import verify
from parquetry.remote.places import Place
from parquetry.remote.sealed import Receipt, Sealed, loading, sealed
from parquetry.remote.trying import persistently
from parquetry.words.engine import Engine
from parquetry.words.errors import GateError, Problem, VerificationError
from parquetry.words.licenses import rights
from parquetry.words.records import counted

#: Files that are named in the answer; all are with --json.
_NAMED = 20


def checked(folder: Path) -> Sealed:
    """The release in a folder, verified to its last row.

    Raises:
        VerificationError: It is not what its manifest says.
    """
    report = verify(folder, "deep")
    if report.problems:
        fix = "build it again; nothing was sent"
        first = Problem("VERIFY_FIRST", str(folder), f"{counted(len(report.problems), 'problem')} found", fix)
        raise VerificationError(first, *report.problems)
    return sealed(folder)


def gated(release: Sealed, engine: Engine) -> Scan:
    """Look for what must not be public, and for licences that do not allow it.

    Raises:
        GateError: There is something.
        RecipeError: The program that finds secrets is not installed.
    """
    found = scan(release.root, release.manifest, engine)
    dataset = release.manifest.dataset
    problems = found.refused(release.manifest)
    problems += [one._replace(code=one.code.removeprefix("WARN_")) for one in rights(dataset, NAME)]
    if dataset.license == "unknown":
        fix = "choose a licence, and write its id in the recipe"
        problems.append(Problem("RIGHTS_LICENSE_MISSING", f"{NAME}: dataset.license", "there is no licence", fix))
    if problems:
        raise GateError(*problems)
    return found


def sent(release: Sealed, there: Place, *, dry: bool, tell: Callable[[str], None] = say) -> Receipt:
    """Publish a release that was checked, or, if ``dry``, find out what would be done.

    Raises:
        PublishError: It is not known to be there; running it again goes on where it ended.
        VerificationError: The place holds other bytes than were sent.
    """
    return persistently(lambda: there.planned(release) if dry else there.converge(release), tell)


def facts(receipt: Receipt, release: Sealed) -> dict[str, Any]:
    """What became of it, for programs."""
    return {"release": release.name, **receipt._asdict()}


def said(receipt: Receipt, release: Sealed, there: Place) -> str:
    """What became of it, in words."""
    size = f"{counted(len(receipt.sent), 'file')}, {sized(receipt.bytes)}"
    if receipt.status == "unchanged":
        lines = [f"{release.name}: is there already", f"  in      {receipt.where}"]
    elif receipt.status == "planned":
        lines = [f"{release.name}: nothing was sent", f"  in      {there.where}", f"  send    {size}"]
        lines += _listed(receipt.sent) + (
            [f"  delete  {counted(len(receipt.deleted), 'file')}"] if receipt.deleted else []
        )
        lines += _listed(receipt.deleted)
    else:
        lines = [f"{release.name}: published", f"  in      {there.where}", f"  sent    {size}"]
        lines += [f"  deleted {counted(len(receipt.deleted), 'file')} of the last version"] if receipt.deleted else []
    if there.where.startswith("hf://") and receipt.status != "planned":
        lines.append(f"  commit  {receipt.revision}, tag v{release.version}")
        lines += [f"  load    {line}" for line in loading(receipt.where, release, f"v{release.version}").splitlines()]
    digest = release.files["SHA256SUMS"].sha256
    lines.append(f"  check   parquetry get {_source(receipt, release, there)} {release.name} --expect {digest}")
    return "\n".join(lines)


def _source(receipt: Receipt, release: Sealed, there: Place) -> str:
    """Where this version can be got from."""
    if there.where.startswith("hf://"):
        return f"hf://datasets/{receipt.where}@v{release.version}"
    return receipt.where


def _listed(paths: Sequence[str]) -> list[str]:
    more = [f"          and {len(paths) - _NAMED} more"] if len(paths) > _NAMED else []
    return [f"          {path}" for path in paths[:_NAMED]] + more
