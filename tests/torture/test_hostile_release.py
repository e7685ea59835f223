"""A release that was made to hurt its reader is a finding: no crash, no hang, no look outside of its folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import RELEASE, SHARED

MATERIAL = SHARED / "test-material"
SHARD = "data/events/test-00000-of-00001.parquet"
SCHEMA = "schema/events.schema.json"
#: Seconds and bytes that no release may take.
SECONDS, BYTES = 20, 1 << 30
#: What a message of ours looks like.
SAID = re.compile(r"^error\[([A-Z_0-9]+)\] ", re.MULTILINE)
Harm = Callable[[Path], None]


def sealed(release: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> None:
    """Make the checksums true again, as who made the release would, and then change what the manifest says."""
    known = json.loads((RELEASE / "manifest.json").read_text("utf-8"))
    for file in known["files"]:
        if (path := release / file["path"]).is_file():
            file |= {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    change(known)
    raw = json.dumps(known).encode()
    (release / "manifest.json").write_bytes(raw)
    sums = {file["path"]: file["sha256"] for file in known["files"]} if isinstance(known["files"], list) else {}
    sums["manifest.json"] = hashlib.sha256(raw).hexdigest()
    text = "".join(f"{sums[path]}  {path}\n" for path in sorted(sums))
    (release / "SHA256SUMS").write_bytes(text.encode("utf-8", "surrogatepass"))


def says(change: Callable[[dict[str, Any]], None]) -> Harm:
    """A manifest that says something else."""
    return lambda release: sealed(release, change)


def names(path: str) -> Harm:
    """A manifest that names one more file, which is there if it can be."""

    def harm(release: Path) -> None:
        place = release / path
        if "\0" not in path and len(path) < 200 and place.resolve().is_relative_to(release) and not place.is_dir():
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(b"x")
        file = {"path": path, "bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()}
        sealed(release, lambda known: known["files"].append(file))

    return harm


def holds(path: str, raw: bytes | Callable[[], bytes]) -> Harm:
    """A file with other bytes, and checksums that are true of them."""

    def harm(release: Path) -> None:
        (release / path).write_bytes(raw if isinstance(raw, bytes) else raw())
        sealed(release)

    return harm


def stands(path: str, make: Callable[[Path], object]) -> Harm:
    """Something that is no file, in the place of one."""

    def harm(release: Path) -> None:
        (release / path).unlink()
        make(release / path)

    return harm


def table(**change: object) -> Harm:
    """Something else about a table."""
    return says(lambda known: known["tables"]["events"].update(change))


def renamed(name: str) -> Harm:
    """A table whose name leads elsewhere, and the file of its schema with it."""

    def change(known: dict[str, Any]) -> None:
        facts = known["tables"].pop("actors")
        known["tables"][name] = facts | {"schema_file": f"schema/{name}.schema.json"}

    return says(change)


def schema(**change: object) -> Harm:
    """A schema that says something else, with its digest."""

    def harm(release: Path) -> None:
        document = json.loads((RELEASE / SCHEMA).read_text("utf-8")) | change
        (release / SCHEMA).write_text(json.dumps(document), "utf-8")
        digest = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()
        sealed(release, lambda known: known["tables"]["events"].update(schema_sha256=digest))

    return harm


def doubled() -> dict[str, Any]:
    """Definitions of which each holds the next twice: a thousand million columns in a thousand bytes."""
    inner = {f"d{i}": {"type": "object", "properties": {n: {"$ref": f"#/$defs/d{i + 1}"} for n in "ab"}}
             for i in range(30)}  # fmt: skip
    return {"$defs": inner | {"d30": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/d0"}}}


def redos(release: Path) -> None:
    """A pattern that some engines never come to an end with."""
    document = json.loads((RELEASE / SCHEMA).read_text("utf-8"))
    document["properties"]["summary"]["pattern"] = r"^(?:(?=(\w+\s?)+)\1?|[^\w])*(\w+\s?)*!!$"
    schema(properties=document["properties"])(release)


def rows(columns: Callable[[pa.Table], pa.Table], **options: Any) -> Harm:
    """A shard that is written anew, in the schema of its table."""

    def harm(release: Path) -> None:
        known = pq.read_table(RELEASE / SHARD)
        found = columns(known)
        pq.write_table(found, release / SHARD, **options)

        def change(facts: dict[str, Any]) -> None:
            facts["tables"]["events"]["splits"]["test"]["rows"] = found.num_rows
            next(file for file in facts["files"] if file["path"] == SHARD)["rows"] = found.num_rows

        sealed(release, change)

    return harm


def dictionary(known: pa.Table) -> pa.Table:
    """One text of two thousand million bytes, which take a few thousand on the disk."""
    column = known.schema.get_field_index("note")
    big = pa.concat_arrays([pa.array(["x" * (1 << 30) + "y" * (1 << 29)]), pa.array(["z"] * (len(known) - 1))])
    return known.set_column(column, known.schema.field("note"), big)


def empty(known: pa.Table) -> pa.Table:
    """Fifty million rows of nothing."""
    columns = [pa.nulls(50_000_000, pa.int8()) for _ in range(1)]
    return pa.table({"x": columns[0]}).replace_schema_metadata(known.schema.metadata)


def sparse(size: int) -> Callable[[Path], None]:
    """Make a file of this size that takes no room."""

    def make(path: Path) -> None:
        path.unlink(missing_ok=True)
        with path.open("wb") as file:
            file.truncate(size)

    return make


def deep_folders(release: Path) -> None:
    """Folders in folders, more than a stack has frames."""
    here = os.open(release, os.O_RDONLY)
    for _ in range(1900):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def outside(path: str) -> Harm:
    """A link out of the release, to a file that has the bytes of the one that was there."""

    def harm(release: Path) -> None:
        target = release.parent / "secret"
        target.write_bytes((release / path).read_bytes())
        stands(path, lambda place: place.symlink_to(target))(release)

    return harm


def linked_folder(release: Path) -> None:
    shutil.move(release / "schema", release.parent / "elsewhere")
    (release / "schema").symlink_to("../elsewhere")


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
UNCLOSED = b"<!-- begin: summary -->\n" * 60_000
HARMS: dict[str, Harm] = {
    "manifest deep": lambda r: (r / "manifest.json").write_bytes(DEEP) and None,
    "manifest huge": lambda r: sparse(10 << 30)(r / "manifest.json"),
    "manifest of one number": lambda r: (r / "manifest.json").write_bytes(b"9" * 1_000_000) and None,
    "manifest of many names": lambda r: (r / "manifest.json").write_bytes(
        json.dumps({"tables": dict.fromkeys(map(str, range(3_000_000)))}).encode()) and None,
    "manifest a pipe": stands("manifest.json", os.mkfifo),
    "manifest a folder": stands("manifest.json", os.mkdir),
    "manifest a device": stands("manifest.json", lambda p: p.symlink_to("/dev/zero")),
    "manifest linked out": outside("manifest.json"),
    "manifest a circle": stands("manifest.json", lambda p: p.symlink_to("manifest.json")),
    "sums huge": lambda r: sparse(10 << 30)(r / "SHA256SUMS"),
    "sums a pipe": stands("SHA256SUMS", os.mkfifo),
    "sums endless": stands("SHA256SUMS", lambda p: p.symlink_to("/dev/zero")),
    "sums binary": lambda r: (r / "SHA256SUMS").write_bytes(bytes(range(256)) * 1000) and None,
    "card a pipe": stands("README.md", os.mkfifo),
    "card linked out": outside("README.md"),
    "card binary": holds("README.md", bytes(range(256)) * 4000),
    "card gigantic": lambda r: (sparse(3 << 30)(r / "README.md"), sealed_sparse(r, "README.md", 3 << 30)) and None,
    "card of unclosed regions": holds("README.md", lambda: (RELEASE / "README.md").read_bytes() + UNCLOSED),
    "document of unclosed regions": holds("docs/CODEBOOK.md", UNCLOSED),
    "shard a pipe": stands(SHARD, os.mkfifo),
    "shard a socket": stands(SHARD, lambda p: socket_at(p)),
    "shard linked out": outside(SHARD),
    "shard linked to memory": stands(SHARD, lambda p: p.symlink_to("/proc/self/mem")),
    "shard a circle": stands(SHARD, lambda p: p.symlink_to(p.name)),
    "shard of a text of 1.5 GB": rows(dictionary, compression="zstd"),
    "shard of many rows of nothing": rows(empty, compression="zstd"),
    "shard of repeated rows": rows(lambda t: pa.concat_tables([t] * 2000), compression="zstd"),
    "schema a pipe": stands(SCHEMA, os.mkfifo),
    "schema linked out": outside(SCHEMA),
    "schema folder linked out": linked_folder,
    "schema deep": holds(SCHEMA, DEEP),
    "schema binary": holds(SCHEMA, bytes(range(256)) * 100),
    "schema that is elsewhere": schema(**{"$ref": "http://127.0.0.1:9/schema.json"}),
    "schema in a file": schema(**{"$ref": "file:///etc/passwd"}),
    "schema in a circle": schema(**{"$ref": "#"}),
    "schema doubled": schema(**doubled()),
    "schema of a slow pattern": redos,
    "folders without end": deep_folders,
    "folder a circle": lambda r: (r / "data/more").symlink_to(".."),
    "extra pipe": lambda r: os.mkfifo(r / "more"),
    "extra names of bytes": lambda r: Path(os.fsdecode(os.fsencode(r) + b"/\xff\xfe")).write_bytes(b"") and None,
    "size that lies": says(lambda k: k["files"][0].update(bytes=2**62)),
    "size beyond all": says(lambda k: k["files"][0].update(bytes=10**30)),
    "rows beyond all": table(splits={"train": {"rows": 2**62, "bytes": 2**62, "sha256": "0" * 64}}),
    "table elsewhere": renamed("../../x"),
    "table at the root": renamed("/etc/x"),
    "table of a device": renamed("con/../x"),
    "table without a name": renamed(""),
    "schema place elsewhere": table(schema_file="../../../etc/passwd"),
    "split elsewhere": table(splits={"../x": {"rows": 1, "bytes": 1, "sha256": "0" * 64}}),
    "boundaries of no time": table(split_time=["date", {"train": "2020-01-01"}]),
    "times of no column": table(split_time=["nope", {"train": "2020-01-01"}]),
    "group of lists": table(group_by=["figures"]),
    "id of lists": table(id=["evidence"]),
    "text of numbers": table(text=["figures"]),
    "threshold of nothing": table(duplicates={"exact": "drop", "near": "group", "threshold": 1e-300}),
    "leaks not searched": table(leakage=dict.fromkeys(("exact_pairs", "near_pairs", "groups", "clusters"), 0)
                                | {"largest_cluster": 0}),
    "files no list": says(lambda k: k.update(files={})),
    "file twice": says(lambda k: k["files"].append(k["files"][0])),
    "manifest in itself": names("manifest.json"),
    "sums in manifest": names("SHA256SUMS"),
    **{f"path {path[:20]!a}": names(path) for path in (
        "../outside", "/etc/passwd", "data/../../x", "a//b", "./a", "a/.", "", "con", "docs/NUL.txt", "com1.md", "a.", "a ",
        "readme.md", "LICENSE/x", "a\u202eb", "a\x1b[2Jb", "a\nb", "x" * 256, "a/" * 600 + "b", "C:\\x", "a:b",
        ".git/config", "data/events/other-00000-of-00001.parquet", "e\u0301/\u00e9", "\u2028",
    )},
}  # fmt: skip


def sealed_sparse(release: Path, path: str, size: int) -> None:
    """Say how long a file is without reading it."""
    sealed_known = json.loads((release / "manifest.json").read_text("utf-8"))
    next(file for file in sealed_known["files"] if file["path"] == path)["bytes"] = size
    (release / "manifest.json").write_text(json.dumps(sealed_known), "utf-8")


def socket_at(path: Path) -> None:
    import socket

    here = Path.cwd()
    os.chdir(path.parent)  # an address has 100 bytes
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def bad_files() -> Iterator[Path]:
    """Parquet files that broke some reader."""
    for folder in ("parquet-bad", "arrow-parquet-fuzz"):
        yield from sorted(p for p in (MATERIAL / folder).rglob("*") if p.is_file() and p.suffix not in (".md", ""))
        yield from sorted(p for p in (MATERIAL / folder).rglob("clusterfuzz*") if p.is_file() and p.suffix == "")


class Ended(RuntimeError):
    """A verify that did not end as it should."""


def judged(release: Path, *strength: str) -> tuple[float, int, str]:
    """Verify a release in a process: seconds, bytes of the largest process, and the first code; an error if it is bad."""
    began = time.monotonic()
    command = [sys.executable, "-m", "parquetry", "verify", *strength, str(release)]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        said = child.communicate(timeout=4 * SECONDS)[1].decode("utf-8", "replace")
    except subprocess.TimeoutExpired:
        child.kill()
        raise Ended("hangs") from None
    seconds = time.monotonic() - began
    if child.returncode != 5 or "Traceback" in said or not (code := SAID.search(said)):
        raise Ended(f"ended in {child.returncode}: {said[-300:]}")
    return seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss << 10, code[1]


def copied(folder: Path) -> Path:
    release = folder / "a/b/release"
    shutil.rmtree(folder / "a", ignore_errors=True)
    shutil.copytree(RELEASE, release)
    return release


def tried(harms: dict[str, Harm], folder: Path) -> tuple[list[str], float, int, set[str]]:
    """What went wrong, the most seconds and bytes, and the codes that were said."""
    wrong, most, largest, codes = list[str](), 0.0, 0, set[str]()
    for name, harm in harms.items():
        release = copied(folder)
        harm(release)
        try:
            seconds, memory, code = judged(release, "--deep")
        except Ended as error:
            wrong.append(f"{name}: {error}")
            continue
        most, largest, codes = max(most, seconds), max(largest, memory), codes | {code}
        if seconds > SECONDS or memory > BYTES and not any("memory" in one for one in wrong):
            wrong.append(f"{name}: {seconds:.1f} s, {memory >> 20} MB of memory")
    return wrong, most, largest, codes


def some(harms: dict[str, Harm], little: int, full: bool) -> dict[str, Harm]:
    step = 1 if full else max(1, len(harms) // little)
    return dict(list(harms.items())[::step])


def test_a_hostile_release_is_a_finding(tmp_path: Path, figure: Callable[..., None]) -> None:
    from torture_times import FULL

    chosen = some(HARMS, 12, FULL)
    wrong, most, largest, codes = tried(chosen, tmp_path)
    told = {"seconds": round(most, 1), "megabytes": largest >> 20, "codes": sorted(codes), "wrong": wrong}
    figure("verify survives", "hostile releases", len(chosen), len(wrong), **told)
