"""A release that was made to hurt its reader is a finding: no crash, no hang, no look outside of its folder."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import RELEASE, ROOT, SHARED
from torture.conftest import FULL

MATERIAL = SHARED / "test-material"
SHARD = "data/events/test-00000-of-00001.parquet"
SCHEMA = "schema/events.schema.json"
#: Seconds of the processor and bytes that no release may take.
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


def names(*paths: str) -> Harm:
    """A manifest that names more files, which are there if they can be."""

    def harm(release: Path) -> None:
        for path in paths:
            place = release / path
            inside = len(path) < 200 and place.resolve().is_relative_to(release)
            if inside and not place.is_dir() and not any(above.is_file() for above in place.parents):
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(b"x")
        files = [{"path": path, "bytes": 1, "sha256": hashlib.sha256(b"x").hexdigest()} for path in paths]
        sealed(release, lambda known: known["files"].extend(files))

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
        count = found.num_rows
        del found
        pa.default_memory_pool().release_unused()

        def change(facts: dict[str, Any]) -> None:
            facts["tables"]["events"]["splits"]["test"]["rows"] = count
            next(file for file in facts["files"] if file["path"] == SHARD)["rows"] = count

        sealed(release, change)

    return harm


def long_text(known: pa.Table) -> pa.Table:
    """One text of 1,500 million bytes, which take a few hundred thousand on the disk."""
    ends = np.full(len(known) + 1, 1_500_000_000, np.int32)
    ends[0] = 0
    texts = np.full(1_500_000_000, ord("x"), np.uint8)
    column = pa.StringArray.from_buffers(len(known), pa.py_buffer(ends), pa.py_buffer(texts))
    return known.set_column(known.schema.get_field_index("note"), known.schema.field("note"), column)


def empty(known: pa.Table) -> pa.Table:
    """Fifty million rows of nothing."""
    return pa.table({"x": pa.nulls(50_000_000, pa.int8())}).replace_schema_metadata(known.schema.metadata)


def sparse(size: int) -> Callable[[Path], None]:
    """Make a file of this size that takes no room."""

    def make(path: Path) -> None:
        path.unlink(missing_ok=True)
        with path.open("wb") as file:
            file.truncate(size)

    return make


def deep_folders(release: Path) -> None:
    """A file in folders in folders, deeper than a stack has frames and longer than a path may be."""
    here = os.open(release, os.O_RDONLY)
    for _ in range(2500):
        os.mkdir("d", dir_fd=here)
        inner = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=here))
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


def socket_at(path: Path) -> None:
    """Make a socket."""
    here = Path.cwd()
    os.chdir(path.parent)  # an address has 100 bytes
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def gigantic(release: Path) -> None:
    """A card of three thousand million bytes, which take no room."""
    sparse(3 << 30)(release / "README.md")
    known = json.loads((release / "manifest.json").read_text("utf-8"))
    next(file for file in known["files"] if file["path"] == "README.md")["bytes"] = 3 << 30
    (release / "manifest.json").write_text(json.dumps(known), "utf-8")


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
    "card gigantic": gigantic,
    "card of unclosed regions": holds("README.md", lambda: (RELEASE / "README.md").read_bytes() + UNCLOSED),
    "document of unclosed regions": holds("docs/CODEBOOK.md", UNCLOSED),
    "shard a pipe": stands(SHARD, os.mkfifo),
    "shard a socket": stands(SHARD, socket_at),
    "shard linked out": outside(SHARD),
    "shard linked to memory": stands(SHARD, lambda p: p.symlink_to("/proc/self/mem")),
    "shard a circle": stands(SHARD, lambda p: p.symlink_to(p.name)),
    "shard of a text of 1.5 GB": rows(long_text, compression="zstd", use_dictionary=False, write_statistics=False),
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
    "names of two forms": names("docs/e\u0301", "docs/\u00e9"),
    "manifest in itself": names("manifest.json"),
    "sums in manifest": names("SHA256SUMS"),
    **{f"path {path[:20]!a}": names(path) for path in (
        "../outside", "/etc/passwd", "data/../../x", "a//b", "./a", "a/.", "", "con", "docs/NUL.txt", "com1.md", "a.",
        "a ", "readme.md", "LICENSE/x", "a\u202eb", "a\x1b[2Jb", "a\nb", "x" * 256, "a/" * 600 + "b", "C:\\x", "a:b",
        ".git/config", "data/events/other-00000-of-00001.parquet", "\u2028",
    )},
}  # fmt: skip


def bad_files() -> dict[str, Path]:
    """Parquet files that broke some reader, by their names."""
    found = [path for name in ("parquet-bad", "arrow-parquet-fuzz") for path in sorted((MATERIAL / name).rglob("*"))]
    return {p.name: p for p in found if p.is_file() and (p.suffix == ".parquet" or p.name.startswith("clusterfuzz"))}


class Ended(RuntimeError):
    """A verify that did not end as it should."""


class Judged(NamedTuple):
    """How one verify went."""

    seconds: float  #: Of the processor, so that others who are at work on the machine do not count.
    bytes: int  #: Of the largest of its processes.
    code: str  #: The first that was said.


def judged(release: Path, *before: str) -> Judged:
    """Verify a release in a process, which must say what is wrong and nothing else.

    Raises:
        Ended: It crashed, did not end, found nothing, or said what is no message.
    """
    command = [*before, sys.executable, "-m", "parquetry", "verify", "--deep", str(release)]
    Path("/proc/self/clear_refs").write_text("5")  # a child begins at the most memory that its parent ever took
    with tempfile.TemporaryFile() as heard:
        child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=heard, start_new_session=True)
        timer = threading.Timer(4 * SECONDS, os.killpg, (child.pid, signal.SIGKILL))
        timer.start()
        _, status, used = os.wait4(child.pid, 0)
        timer.cancel()
        child.returncode = os.waitstatus_to_exitcode(status)
        heard.seek(0)
        said = heard.read().decode("utf-8", "replace")
    seconds, memory = used.ru_utime + used.ru_stime, used.ru_maxrss << 10
    if odd := insane(said):
        raise Ended(f"says {odd!r}")
    if child.returncode != 5 or not (code := SAID.search(said)):
        raise Ended(f"ended in {child.returncode} after {seconds:.0f} s: {said[-300:]}")
    if seconds > SECONDS or memory > BYTES:
        raise Ended(f"took {seconds:.1f} s and {memory >> 20} MB of memory")
    return Judged(seconds, memory, code[1])


def insane(said: str) -> str:
    """What stands in messages that no reader should see; empty if nothing does."""
    odd = re.search(
        r"Traceback|<[\w.]+ object at|[^\n -\x7e\xa0-\ud7ff\ue000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]", said
    )
    if odd:
        return said[max(0, odd.start() - 60) : odd.end() + 60]
    return next((line[:200] for line in said.splitlines() if len(line) > 3000), "")


def copied(folder: Path) -> Path:
    release = folder / "a/b/release"
    subprocess.run(["rm", "-rf", str(folder / "a")], check=True)  # folders may be deeper than Python can remove
    return Path(shutil.copytree(RELEASE, release))


def tried(harms: Mapping[str, Harm], folder: Path) -> dict[str, Any]:
    """What went wrong, the most seconds and bytes, and the codes that were said."""
    wrong, found = list[str](), list[Judged]()
    for name, harm in harms.items():
        release = copied(folder)
        harm(release)
        try:
            found.append(judged(release))
        except Ended as error:
            wrong.append(f"{name}: {error}")
    copied(folder)  # what pytest can remove
    return {
        "seconds": round(max((one.seconds for one in found), default=0), 1),
        "megabytes": max((one.bytes for one in found), default=0) >> 20,
        "codes": sorted({one.code for one in found}),
        "wrong": wrong,
    }


def some(harms: Mapping[str, Harm], little: int) -> dict[str, Harm]:
    """All of them, or a few from the whole list."""
    return dict(list(harms.items())[0 if FULL else 1 :: 1 if FULL else max(1, len(harms) // little)])


def test_a_hostile_release_is_a_finding(tmp_path: Path, figure: Callable[..., None]) -> None:
    chosen = some(HARMS, 4)
    told = tried(chosen, tmp_path)
    figure("Every change is found", "hostile releases", len(chosen), len(told["wrong"]), **told)


def opened(release: Path, strace: Sequence[str]) -> set[str]:
    """The files and folders that a verify opens, without those of its process, by their real paths."""
    log = release.parent / "calls"
    judged(release, *strace[:-1], str(log), "-y", "-e", "trace=open,openat,openat2")
    found = re.findall(r"= \d+<(/.*?)>$", log.read_text("utf-8", "replace"), re.MULTILINE)
    return {path for path in found if not path.startswith("/proc/")} | {
        path for path in found if re.match(r"/proc/(self|\d+)/(mem|environ|fd)", path)
    }


def test_nothing_outside_of_a_hostile_release_is_opened(
    tmp_path: Path, strace: list[str], figure: Callable[..., None]
) -> None:
    """What is opened is inside of it, or is opened for any release."""
    leading = re.compile("link|elsewhere|root|device|circle|endless|memory|socket|in a file|path")
    chosen, wrong = some({name: harm for name, harm in HARMS.items() if leading.search(name)}, 2), list[str]()
    release = copied(tmp_path)
    (release / "more").write_bytes(b"")
    usual = opened(release, strace)
    for name, harm in chosen.items():
        release = copied(tmp_path)
        harm(release)
        more = [path for path in opened(release, strace) - usual if not Path(path).is_relative_to(release)]
        wrong += [
            f"{name}: {path}"
            for path in more
            if not re.match(rf"{sys.prefix}/|{sys.base_prefix}/|/usr/|{ROOT}/src/", path)
        ]
    assert any(path.startswith(f"{release}/") for path in usual), "the calls are seen"
    figure(
        "Every change is found", "hostile releases that lead out of their folder", len(chosen), len(wrong), wrong=wrong
    )


def test_a_bad_parquet_file_in_a_sealed_release_is_a_finding(tmp_path: Path, figure: Callable[..., None]) -> None:
    if not MATERIAL.is_dir():
        pytest.skip("the material is not beside this repository (../shared)")
    chosen = some({name: holds(SHARD, path.read_bytes()) for name, path in bad_files().items()}, 3)
    told = tried(chosen, tmp_path)
    figure("Every change is found", "bad Parquet files in a sealed release", len(chosen), len(told["wrong"]), **told)
