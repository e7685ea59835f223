"""An address -> the place to publish to."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from parquetry.remote.address import Address
from parquetry.remote.client import client
from parquetry.remote.directory import Directory
from parquetry.remote.hub import Hub
from parquetry.remote.sealed import Receipt, Sealed
from parquetry.remote.store import Store, filesystem
from parquetry.words.errors import Problem, RecipeError


class Place(Protocol):
    """Where a release is published."""

    @property
    def where(self) -> str:
        """What messages call it."""

    def planned(self, release: Sealed) -> Receipt:
        """What `converge` would do; nothing is changed."""

    def converge(self, release: Sealed) -> Receipt:
        """Do what is left to do; safe to repeat."""


def place(address: Address, *, create: bool) -> Place:
    """The place at an address.

    Args:
        address: Where.
        create: Whether a repository or branch of the Hub may be made.

    Raises:
        RecipeError: Nothing can be published there, or the program for it is not installed.
    """
    if address.kind == "hub":
        return Hub(client(address), address, create=create)
    if address.kind == "folder":
        return Directory(Path(address.place))
    if address.kind == "http":
        fix = "publish to hf://datasets/ORG/NAME, s3://BUCKET/PREFIX or a folder"
        raise RecipeError(Problem("TARGET", address.text, "a web address can be read, and not written", fix))
    files, root = filesystem(address)
    return Store(files, root, address.place)
