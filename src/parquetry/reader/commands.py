"""``parquetry publish``: arguments, and what is printed."""

from __future__ import annotations

import json
from pathlib import Path

import click

from parquetry.reader.publish import checked, facts, said, sent
from parquetry.remote.address import parse
from parquetry.remote.places import place


@click.command("publish")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.argument("target")
@click.option("--dry-run", "dry", is_flag=True, help="Say what would change there; change nothing.")
@click.option("--create", is_flag=True, help="Make the repository of the Hub, or the branch, if it is not there.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def publish(folder: Path, target: str, *, dry: bool, create: bool, as_json: bool) -> int:
    """Publish the release in the folder DIR, all at once, to TARGET.

    TARGET is hf://datasets/ORG/NAME[@BRANCH], s3://BUCKET/PREFIX or another store, or a folder. A release that does not
    verify is refused. It is safe to repeat.
    """
    address = parse(target)
    release = checked(folder)
    there = place(address, create=create)
    receipt = sent(release, there, dry=dry)
    click.echo(json.dumps(facts(receipt, release), indent=1) if as_json else said(receipt, release, there))
    return 0
