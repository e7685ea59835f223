"""``parquetry publish``, ``get``, ``scan`` and ``trace``: arguments, and what is printed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from parquetry.gates.scan import scan as look
from parquetry.gates.scan import told
from parquetry.papers.markdown import sized
from parquetry.reader.edition import trusted
from parquetry.reader.get import get as download
from parquetry.reader.progress import say
from parquetry.reader.publish import checked, facts, gated, said, sent
from parquetry.reader.trace import facts as traced
from parquetry.reader.trace import recipe_of
from parquetry.reader.trace import told as said_of
from parquetry.reader.trace import trace as find
from parquetry.remote.address import parse
from parquetry.remote.places import place
from parquetry.words.engine import Local
from parquetry.words.errors import GateError
from parquetry.words.records import counted


@click.command("publish")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("target")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would change there; change nothing.")
@click.option("--create", is_flag=True, help="Make the repository of the Hub, or the branch, if it is not there.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def publish(folder: Path, target: str, *, dry: bool, create: bool, as_json: bool) -> int:
    """Publish the release in the folder DIR, all at once, to TARGET.

    TARGET is hf://datasets/ORG/NAME[@BRANCH], s3://BUCKET/PREFIX or another store, or a folder. A release that does not
    verify, that holds secrets, or whose rights are not known is refused. It is safe to repeat.
    """
    address = parse(target)
    release = checked(folder)
    gated(release, Local())
    there = place(address, create=create)
    receipt = sent(release, there, dry=dry)
    click.echo(json.dumps(facts(receipt, release), indent=1) if as_json else said(receipt, release, there))
    return 0


@click.command("get")
@click.argument("source")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--only", default="", metavar="TABLE", help="Get one table; files of others are left out.")
@click.option("--expect", default="", metavar="DIGEST", help="The release digest that it must have.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def get(source: str, folder: Path, *, only: str, expect: str, as_json: bool) -> int:
    """Download the release at SOURCE into the new folder DIR, and verify it while it comes.

    SOURCE is hf://datasets/ORG/NAME[@REVISION], an address that begins with https:// or s3://, or a folder. A download
    that ended is gone on with.
    """
    if expect and not re.fullmatch("[0-9a-fA-F]{64}", expect):
        raise click.UsageError(f"{expect!r} is no release digest, which has 64 hexadecimal digits")
    got = download(parse(source), folder, only, expect, say)
    if as_json:
        click.echo(json.dumps({"folder": str(folder), **got._asdict()}, indent=1))
    else:
        came = f"{counted(got.files, 'file')}, {sized(got.bytes)}" if got.files else "nothing new"
        click.echo(f"{folder}: verified\n  from    {got.where}\n  came    {came}\n  digest  {got.digest}")
    return 0


@click.command("scan")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def scan(folder: Path, *, as_json: bool) -> int:
    """Look for secrets and personal data in the release in the folder DIR; end in 7 if it must not be published."""
    manifest = trusted(folder)
    found = look(folder, manifest, Local())
    refused = found.refused(manifest)
    if as_json:
        places = [{"kind": one.secret.kind, "where": one.where, "shown": one.secret.masked} for one in found.finds]
        problems = [problem._asdict() for problem in refused]
        said = {"release": manifest.name, "clear": not refused, "personal": dict(found.personal), "problems": problems}
        click.echo(json.dumps(said | {"secrets": places, "bytes": found.bytes}, indent=1))
    else:
        click.echo(told(found, manifest))
    if refused:
        raise GateError(*refused)
    return 0


@click.command("trace")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("id")
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    help="Its recipe, to find the line of its source; default: DIR/../../recipe.toml.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def trace(folder: Path, id: str, recipe: Path | None, *, as_json: bool) -> int:
    """Tell where the row with this ID stands in the release in the folder DIR, and how it came there.

    That is its file, its split and why, its digest, the rows that belong with it, and the line of its source; or why it
    was removed. The parts of an id are joined by a comma and a space.
    """
    found = find(folder, id, recipe or recipe_of(folder))
    click.echo(traced(found) if as_json else "\n".join(map(said_of, found)))
    return 0
