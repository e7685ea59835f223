"""A release -> what stands in it that should not be public: secrets, and personal data that the card does not count.

Every text value of every Parquet file is looked at, and every other file as it is: names, card, manifest, papers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parquetry.corpus.keys import Array
from parquetry.files.manifest import NAME, Manifest
from parquetry.files.stats import batches
from parquetry.gates.secrets import Secret, masked, secrets
from parquetry.record.personal import personal
from parquetry.words.engine import Engine
from parquetry.words.errors import Problem, VerificationError
from parquetry.words.records import counted

#: Bytes of a file that are looked at together, and how many of them are looked at again with the next.
_PORTION, _AGAIN = 4 << 20, 16 << 10
#: Between two values, so that nothing is found that stands in both.
_BETWEEN = "\n\x1f\n"
#: Places that are told one by one.
_TOLD = 20


class Find(NamedTuple):
    """A secret, and where it stands."""

    secret: Secret
    where: str  #: A file, with the number of the row and its column, or of the line.


class Scan(NamedTuple):
    """What was found in a release."""

    finds: tuple[Find, ...]
    personal: Mapping[str, int]  #: Values that hold personal data, by its kind.
    bytes: int  #: That were looked at.

    def refused(self, manifest: Manifest) -> list[Problem]:
        """What keeps the release from being published; what its recipe allows does not."""
        allowed = {one.what for one in manifest.dataset.allowed}
        fix = "take it out, and end its validity; if it is none, say so in the recipe: [[dataset.allowed]]"
        found = [
            Problem("SECRET_FOUND", one.where, f"looks like a secret ({one.secret.kind}): {one.secret.masked}", fix)
            for one in self.finds
            if one.secret.kind not in allowed
        ]
        if len(found) > _TOLD:
            what = f"{len(found) - _TOLD:,} more places look like secrets"
            found = [*found[:_TOLD], Problem("SECRET_FOUND", manifest.name, what, "--json has the kinds of all")]
        if self.personal and manifest.dataset.personal == "off":
            said = ", ".join(f"{rows:,} {kind}" for kind, rows in self.personal.items())
            what = f"values hold personal data, and the card does not say so: {said}"
            fix = 'write personal = "count" below [dataset] in the recipe, and build again'
            found.append(Problem("PERSONAL_UNCOUNTED", manifest.name, what, fix))
        return found


def scan(release: Path, manifest: Manifest, engine: Engine) -> Scan:
    """Look at all that is in a release.

    Args:
        release: The folder.
        manifest: Its manifest; files that it does not name are not published.
        engine: Runs the work.

    Raises:
        VerificationError: A file cannot be read.
        RecipeError: The program that finds secrets is not installed.
    """
    jobs = list[tuple[str, int]]()
    for file in manifest.files:
        groups = _groups(release / file.path) if file.path.endswith(".parquet") else 1
        jobs += [(file.path, group) for group in range(groups)]
    jobs.append((NAME, 0))  # it names the files, too
    finds, people, size = list[Find](), dict[str, int](), 0
    for part in engine.map(lambda job: _part(release, *job), jobs):
        finds += part.finds
        people = {kind: people.get(kind, 0) + part.personal.get(kind, 0) for kind in {**people, **part.personal}}
        size += part.bytes
    return Scan(tuple(finds), people, size)


def _groups(path: Path) -> int:
    try:
        return int(pq.read_metadata(path).num_row_groups)
    except (OSError, pa.ArrowException) as error:
        what, fix = f"is not a sound Parquet file: {str(error)[:120]}", "build it again"
        raise VerificationError(Problem("FILE_UNREADABLE", str(path), what, fix)) from None


def _part(release: Path, path: str, group: int) -> Scan:
    return _rows(release, path, group) if path.endswith(".parquet") else _file(release, path)


def _file(release: Path, path: str) -> Scan:
    """Look at a file as it is; its name was looked at with the manifest."""
    finds, start, line, held = list[Find](), 0, 1, b""
    with (release / path).open("rb") as file:
        while block := file.read(_PORTION):
            text = held + block
            for secret in secrets(text):
                if secret.stop > len(held):
                    place = line + text[: secret.start].count(b"\n")
                    finds.append(Find(secret, masked(f"{path}:{place}")))
            line += text[: max(0, len(text) - _AGAIN)].count(b"\n")
            held, start = text[-_AGAIN:], start + len(block)
    return Scan(tuple(finds), {}, start)


def _rows(release: Path, path: str, group: int) -> Scan:
    """Look at the texts of a row group."""
    finds, people, size, row = list[Find](), dict[str, int](), 0, _before(release / path, group)
    for batch in batches(path, release, [group]):
        for name, column in zip(batch.schema.names, batch.columns, strict=True):
            for steps, texts, rows in _texts(column, name, np.arange(row, row + batch.num_rows)):
                raw, starts = _joined(texts)
                size += len(raw)
                for secret in secrets(raw):
                    place = int(rows[np.searchsorted(starts, secret.start, side="right") - 1])
                    finds.append(Find(secret, masked(f"{path}: row {place + 1}, {steps}")))
                for kind, count in personal(texts).items():
                    people[kind] = people.get(kind, 0) + count
        row += batch.num_rows
    return Scan(tuple(finds), people, size)


def _before(path: Path, group: int) -> int:
    known = pq.read_metadata(path)
    return sum(known.row_group(number).num_rows for number in range(group))


def _texts(column: pa.Array, steps: str, rows: Array) -> Iterator[tuple[str, pa.Array, Array]]:
    """The texts in a column and in what is inside of it, without nulls, with the rows that they are of."""
    there = pc.is_valid(column).to_numpy(zero_copy_only=False)
    found, mine = column.drop_null(), rows[there]
    if pa.types.is_struct(column.type):
        for index, field in enumerate(column.type):
            yield from _texts(pc.struct_field(found, index), f"{steps}.{field.name}", mine)
    elif pa.types.is_list(column.type):
        yield from _texts(pc.list_flatten(found), steps, mine[pc.list_parent_indices(found).to_numpy()])
    elif pa.types.is_string(column.type) and len(found):
        yield steps, found, mine


def _joined(texts: pa.Array) -> tuple[bytes, Array]:
    """Some texts as one, and where each begins in it."""
    lengths = pc.binary_length(texts).to_numpy().astype(np.int64) + len(_BETWEEN)
    starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    one = pc.binary_join(pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts), _BETWEEN)
    return one[0].as_buffer().to_pybytes(), starts


def told(found: Scan, manifest: Manifest) -> str:
    """What was found, in a few lines."""
    people = ", ".join(f"{rows:,} {kind}" for kind, rows in found.personal.items()) or "none that has a form"
    allowed = {one.what for one in manifest.dataset.allowed}
    passed = sum(one.secret.kind in allowed for one in found.finds)
    secret = f"{counted(len(found.finds) - passed, 'secret')}" + (f", {passed} allowed" if passed else "")
    return f"{manifest.name}: {secret}\n  personal data in values: {people}"
