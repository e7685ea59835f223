"""A small file that asks for much: each ends in seconds, within a gigabyte, with an answer."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from conftest import DATASET, ROOT
from torture.conftest import times

#: What none of them may take: seconds, and megabytes of all processes together.
SECONDS, MEGABYTES = 10, 1000
TEXT, NUMBER = {"type": "string"}, {"type": ["number", "null"]}
MEMBERS = {"id": TEXT, "text": TEXT, "n": {"type": ["integer", "null"]}, "x": NUMBER, "any": {"type": "object"}}
MIB = 1 << 20
BUILD = ["build", "recipe.toml", "--out", "out"]


class Bomb(NamedTuple):
    """Files in a folder, and the command lines that meet them."""

    name: str
    lines: Callable[[Path], list[list[str]]]


def table(folder: Path, source: str, members: dict[str, Any] | None = None, key: str = "id") -> list[str]:
    """Write a recipe and a schema for a source, and say how it is built."""
    spec = {"type": "object", "additionalProperties": False, "required": [key], "properties": members or MEMBERS}
    (folder / "t.schema.json").write_text(json.dumps(spec), "utf-8")
    more = f'[tables.t]\nschema = "t.schema.json"\nsources = ["{source}"]\nid = "{key}"\n'
    (folder / "recipe.toml").write_text(
        DATASET + more + "[tables.t.split]\nratios = { train = 0.8, test = 0.2 }\n", "utf-8"
    )
    return BUILD


def source(
    name: str, *parts: bytes, repeated: int = 1, then: bytes = b"", members: dict[str, Any] | None = None
) -> Bomb:
    """A file of text: the parts, the last so often, and an end; compressed as its name says."""

    def lines(folder: Path) -> list[list[str]]:
        with written(folder / name) as file:
            for part in parts[:-1]:
                file.write(part)
            for _ in range(repeated):
                file.write(parts[-1])
            file.write(then)
        made = ["new", "made", "--from", name, "--number", "number_of_the_record", "--yes"]
        return [table(folder, name, members)] + ([made] if not members and not name.endswith((".txt", ".md")) else [])

    return Bomb("", lines)


@contextlib.contextmanager
def written(path: Path) -> Iterator[Any]:
    """A file to write, through the compressor that its name asks for."""
    codec = {".gz": "gzip", ".zst": "zstd"}.get(path.suffix)
    with pa.OSFile(str(path), "wb") as file:
        if codec is None:
            yield file
            return
        with pa.CompressedOutputStream(file, codec) as stream:
            yield stream


def text_bombs(megabytes: int) -> dict[str, Bomb]:
    """Long lines, and files that grow when they are decompressed."""
    found = {
        f"{what} of 256 MiB": source(name, start, b"a" * MIB, repeated=256, then=end)
        for what, name, start, end in (
            ("line", "in.jsonl", b'{"id": "', b'"}\n'),
            ("element", "in.json", b'[{"id": "', b'"}]\n'),
            ("cell", "in.csv", b"id,text\na,", b"\n"),
            ("quoted cell", "in.csv", b'id,text\na,"', b'"\n'),
            ("document", "in.txt", b"", b"\n"),
            ("front matter", "in.md", b"---\nid: ", b"\n---\ntext\n"),
            ("header", "in.csv", b"id,", b"\n1,2\n"),
        )
    }
    sorts = {"zeros": b"\0", "newlines": b"\n", "letters": b"a", "brackets": b"["}
    for suffix in ("jsonl.zst", "jsonl.gz", "json.zst", "csv.zst"):
        for what, one in sorts.items():
            if suffix != "jsonl.gz" or what in ("zeros", "newlines"):  # it is slow to make
                bomb = source(f"in.{suffix}", one * MIB, repeated=megabytes)
                found[f"{megabytes / 1024:g} GiB of {what} in .{suffix}"] = bomb
    return found


def json_bombs() -> dict[str, Bomb]:
    """What is deep, wide, or a number without end."""
    deep, number = 100_000, b"1" * 1_000_000
    found = {
        "100,000 arrays": source("in.jsonl", b'{"id": "a", "any": ' + b"[" * deep + b"]" * deep + b"}\n"),
        "100,000 objects": source("in.jsonl", b'{"id": "a", "any": ' + b'{"a":' * deep + b"1" + b"}" * deep + b"}\n"),
        "100,000 objects in an element": source("in.json", b'[{"id": "a", "any": ' + b'{"a":' * deep + b"1}]"),
        "100,000 arrays in a cell": source("in.csv", b'id,any\na,"' + b"[" * deep + b'"\n'),
        "1,000,000 open arrays": source("in.json", b"[" * 1_000_000),
        "escapes of 8 MB": source("in.jsonl", b'{"id": "' + b"\\u0061" * 1_300_000 + b'"}\n'),
        "1,000,000 keys": source("in.jsonl", b'{"id": "a"' + b"".join(b',"%d":1' % n for n in range(1_000_000)) + b"}"),
    }
    for field in ("n", "x", "any"):
        said = b'{"id": "a", "%s": ' % field.encode()
        found[f"a number of a million digits for {field}"] = source("in.jsonl", said + number + b"}\n")
        found[f"1e1000000 for {field}"] = source("in.jsonl", said + b"1e1000000}\n")
        found[f"a fraction of a million digits for {field}"] = source("in.jsonl", said + b"0." + number + b"}\n")
        found[f"a million digits in a cell for {field}"] = source(
            "in.csv", b"id,%s\na," % field.encode() + number + b"\n"
        )
    return found


def yaml_bombs() -> dict[str, Bomb]:
    """Front matter of documents and of cards that multiplies, or is deep."""
    laughs = "a: &a [lol,lol,lol,lol,lol,lol,lol,lol,lol]\n" + "".join(
        f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    sorts = {
        "billion laughs": laughs,
        "100,000 lists": f"a: {'[' * 100_000}\n",
        "100,000 mappings": f"a: {'{a: ' * 100_000}\n",
        "10,000 lists, closed": f"a: {'[' * 10_000}{']' * 10_000}\n",
        "30,000 dashes": f"a:\n  {'- ' * 30_000}a\n",
        "deep by indent": "".join(" " * n + "a:\n" for n in range(400)),
        "100,000 questions": "? " * 100_000 + "\n",
        "60,000 anchors": "".join(f"k{n}: &a{n} 1\n" for n in range(60_000)),
        "merges": "a: &a {x: 1}\n" + "".join(f"b{n}: {{<<: *a}}\n" for n in range(30_000)),
        "a million digits": f"n: {'1' * 1_000_000}\n",
        "sexagesimal": f"n: {':'.join(['59'] * 100_000)}\n",
        "long key": f"{'a' * 1_000_000}: 1\n",
        "quotes": 'a: "' + "\\x41" * 250_000 + '"\n',
    }
    found = {}
    for what, front in sorts.items():
        found[f"YAML: {what}"] = Bomb("", lambda folder, front=front: documents(folder, front))
    return found


def documents(folder: Path, front: str) -> list[list[str]]:
    text = f"---\n{front}---\n\n# Title\n\nText.\n"
    (folder / "in.md").write_text(text, "utf-8")
    (folder / "CARD.md").write_text(text, "utf-8")
    (folder / "a.jsonl").write_text('{"path": "a"}\n', "utf-8")
    members = {"path": TEXT, "text": TEXT, "n": NUMBER}
    (folder / "card").mkdir()
    card = table(folder / "card", "a.jsonl", members, "path")
    (folder / "card/a.jsonl").write_text('{"path": "a"}\n', "utf-8")
    (folder / "card/CARD.md").write_text(text, "utf-8")
    recipe = (folder / "card/recipe.toml").read_text("utf-8").replace("[tables.t]", 'card = "CARD.md"\n[tables.t]', 1)
    (folder / "card/recipe.toml").write_text(recipe, "utf-8")
    return [table(folder, "in.md", members, "path"), ["lint", "CARD.md"], ["build", "card/recipe.toml", *card[2:]]]


def wide_bombs() -> dict[str, Bomb]:
    """Ten thousand columns."""
    names = [f"c{number}" for number in range(10_000)]
    row = {"id": "a", **dict.fromkeys(names, "x")}
    line = json.dumps(row).encode() + b"\n"
    head = ",".join(["id", *names]).encode() + b"\n"
    members = {"id": TEXT, **dict.fromkeys(names, TEXT)}
    found = {
        "10,000 members of JSON": source("in.jsonl", line, repeated=100),
        "10,000 columns of CSV": source("in.csv", head, b",".join([b"a"] * 10_001) + b"\n", repeated=100),
        "10,000 columns of a schema": source("in.jsonl", line, repeated=100, members=members),
        "1,000,000 commas": source("in.csv", b"id,text\n" + b"," * 1_000_000 + b"\n"),
        "1,000,000 columns of CSV": source("in.csv", b"id" + b",a" * 1_000_000 + b"\n", b"," * 1_000_000),
    }

    def parquet(folder: Path) -> list[list[str]]:
        pq.write_table(pa.table({name: [value] * 100 for name, value in row.items()}), folder / "in.parquet")
        return columns(folder, members)

    return found | {"10,000 columns of Parquet": Bomb("", parquet)}


def columns(folder: Path, members: dict[str, Any] | None = None) -> list[list[str]]:
    made = ["new", "made", "--from", "in.parquet", "--number", "number_of_the_record", "--yes"]
    return [table(folder, "in.parquet", members), made]


def parquet_bombs(megabytes: int) -> dict[str, Bomb]:
    """Texts that a dictionary repeats, and pages that are larger than the footer says."""

    def repeated(length: int, rows: int, **options: Any) -> Bomb:
        def lines(folder: Path) -> list[list[str]]:
            ids = pa.array([str(number) for number in range(rows)])
            text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), [noise(length, options)])
            page = {"compression": "zstd", "dictionary_pagesize_limit": 1 << 30, "store_schema": False}
            options_ = {name: value for name, value in options.items() if name != "noise"}
            pq.write_table(pa.table({"id": ids, "text": text}), folder / "in.parquet", **{**page, **options_})
            return columns(folder)

        return Bomb("", lines)

    def listed(folder: Path) -> list[list[str]]:
        texts = pa.DictionaryArray.from_arrays(pa.array([0] * megabytes, pa.int32()), ["x" * MIB])
        rows = pa.table({"id": ["a"], "tags": pa.ListArray.from_arrays([0, megabytes], texts)})
        pq.write_table(rows, folder / "in.parquet", compression="zstd", dictionary_pagesize_limit=1 << 30)
        return columns(folder, {"id": TEXT, "tags": {"type": "array", "items": TEXT}})

    return {
        "Parquet: a text of 1 MB repeated": repeated(1_000_000, megabytes),
        "Parquet: noise of 1 MB repeated": repeated(1_000_000, megabytes, noise=True),
        "Parquet: a text of 60 MB repeated": repeated(60_000_000, max(megabytes // 64, 20)),
        "Parquet: a text of 512 MB": repeated(512_000_000, 1),
        "Parquet: texts of 1 MB in a list": Bomb("", listed),
        "Parquet: 600 MB of text in a page, its footer lies": Bomb("", lambda folder: lying(folder, dictionary=False)),
        "Parquet: 600 MB in a dictionary, its footer lies": Bomb("", lambda folder: lying(folder, dictionary=True)),
        "Parquet: a page that promises 2 GB": Bomb("", lambda folder: lying(folder, dictionary=True, promise=True)),
    }


def noise(length: int, options: dict[str, Any]) -> str:
    """A text that can be compressed, or cannot."""
    return os.urandom(length // 2).hex() if options.get("noise") else "x" * length


def varint(value: int, count: int = 0) -> bytes:
    """An integer of Thrift's compact protocol, in so many bytes at least."""
    value, out = value << 1, bytearray()
    while value >= 0x80 or len(out) + 1 < count:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def lying(folder: Path, *, dictionary: bool, promise: bool = False) -> list[list[str]]:
    """A file whose footer says that its texts take a kilobyte; a page of them says what it takes, or far more."""
    path, length = folder / "in.parquet", 600_000_000
    rows = pa.table({"id": ["a", "b"], "text": ["x" * length, "x" * length if dictionary else "y"]})
    options: dict[str, Any] = {"use_dictionary": ["text"] if dictionary else False, "store_schema": False}
    pq.write_table(rows, path, compression="zstd", dictionary_pagesize_limit=1 << 30, write_statistics=False, **options)
    raw, group = path.read_bytes(), pq.ParquetFile(path).metadata.row_group(0)
    start = len(raw) - 8 - struct.unpack("<I", raw[-8:-4])[0]
    footer = raw[start:]
    for value in (group.column(1).total_uncompressed_size, group.total_byte_size):
        true = varint(value)
        assert true in footer
        footer = footer.replace(true, varint(1000, len(true)))
    pages = raw[:start]
    if promise:
        true = varint(length + 4)
        assert true in pages
        pages = pages.replace(true, varint(2**31 - 1, len(true)), 1)
    path.write_bytes(pages + footer)
    return columns(folder)


def pattern_bombs() -> dict[str, Bomb]:
    """Patterns for which a backtracking engine needs longer than there is, and rows that make it need that."""
    sorts = {
        "^(a+)+$": "a" * 40 + "!", "^(a|a)*$": "a" * 40 + "!", "^(a|aa)+$": "a" * 60 + "!",
        r"^(\w|\w\w)*$": "a" * 60 + "!", "(.*)*x": "a" * 40, "^(([a-z])+.)+[A-Z]([a-z])+$": "a" * 50,
        r"^(\d+)*\d*$": "1" * 50 + "x", "a*a*a*a*a*a*a*b": "a" * 5000, "^(?=(a+)+$)": "a" * 40 + "!",
        r"(x+x+)+y": "x" * 5000, r"^(a{1,1000}){1,1000}$": "a" * 5000 + "!", "(a{0,30000})?$": "a" * 100_000 + "!",
        r"^(?:a?){60}a{60}$": "a" * 60, r"\p{L}*\p{L}*\p{L}*1": "é" * 3000, "^((a*)*)*$": "a" * 50 + "!",
        "((((((((((a{9}){9}){9}){9}){9}){9}){9}){9}){9}){9})": "a" * 1000,
    }  # fmt: skip

    def one(pattern: str, text: str) -> Bomb:
        line = json.dumps({"id": "a", "text": text}).encode() + b"\n"
        rows = b"".join(json.dumps({"id": str(n), "text": text}).encode() + b"\n" for n in range(200))
        return source("in.jsonl", line + rows, members={"id": TEXT, "text": {**TEXT, "pattern": pattern}})

    return {f"pattern {pattern}": one(pattern, text) for pattern, text in sorts.items()}


def schema_bombs() -> dict[str, Bomb]:
    """Schemas that are deep, wide, or go round, and recipes like them."""
    level = 100_000

    def schema(text: str) -> Bomb:
        def lines(folder: Path) -> list[list[str]]:
            (folder / "in.jsonl").write_text('{"id": "a", "x": 1}\n' * 1, "utf-8")
            build = table(folder, "in.jsonl")
            (folder / "t.schema.json").write_text(text, "utf-8")
            return [build]

        return Bomb("", lines)

    def rule(text: str) -> Bomb:
        return schema('{"type":"object","properties":{"id":{"type":"string"},"x":' + text + "}}")

    def recipe(text: str) -> Bomb:
        def lines(folder: Path) -> list[list[str]]:
            table(folder, "in.jsonl")
            with (folder / "recipe.toml").open("a", encoding="utf-8") as file:
                file.write(text)
            return [BUILD]

        return Bomb("", lines)

    doubling = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {"minimum": 0}}
    doubled = {"type": "object", "properties": {"id": TEXT, "x": {"type": "number", "$ref": "#/$defs/d0"}}}
    return {
        "schema of 100,000 levels": schema('{"a":' * level + "1" + "}" * level),
        "schema of 5,000 levels": rule('{"type":"object","properties":{"a":' * 5000 + "{}" + "}}" * 5000),
        "schema of 300 levels of rules": rule('{"type":"number","not":' + '{"not":' * 300 + "{}" + "}" * 301),
        "schema that doubles 40 times": schema(json.dumps({**doubled, "$defs": doubling})),
        "schema with a loop": rule('{"$ref":"#/properties/x"}'),
        "minimum of a million digits": rule('{"type":"number","minimum":' + "1" * 1_000_000 + "}"),
        "minimum of 1e1000000": rule('{"type":"number","minimum":1e1000000}'),
        "multiple of 1e-1000000": rule('{"type":"number","multipleOf":1e-1000000}'),
        "maxLength of a million digits": rule('{"type":"string","maxLength":' + "9" * 1_000_000 + "}"),
        "100,000 choices": rule('{"enum":[' + ",".join(map(str, range(100_000))) + "]}"),
        "recipe of 100,000 levels": recipe("a = " + "[" * level + "]" * level + "\n"),
        "recipe of 10,000 dots": recipe("[" + ".".join(["a"] * 10_000) + "]\n"),
        "recipe with a number of a million digits": recipe("a = " + "1" * 1_000_000 + "\n"),
        "recipe of 30 MB": recipe("# " + "a" * 30_000_000 + "\n"),
    }


def workbook_bombs(megabytes: int) -> dict[str, Bomb]:
    """Workbooks that are nothing but zeros, or one text again and again."""

    def book(parts: dict[str, tuple[bytes, bytes, int, bytes]]) -> Bomb:
        def lines(folder: Path) -> list[list[str]]:
            import openpyxl

            whole = openpyxl.Workbook()
            whole.active.append(["id", "text"])
            whole.active.append(["a", "b"])
            whole.save(folder / "small.xlsx")
            with zipfile.ZipFile(folder / "small.xlsx") as old, zipfile.ZipFile(folder / "in.xlsx", "w", 8) as new:
                for part in old.infolist():
                    start, middle, count, end = parts.get(part.filename, (old.read(part), b"", 0, b""))
                    with new.open(part.filename, "w", force_zip64=True) as file:
                        file.write(start)
                        for _ in range(count):
                            file.write(middle)
                        file.write(end)
            made = ["new", "made", "--from", "in.xlsx", "--number", "number_of_the_record", "--yes"]
            return [table(folder, "in.xlsx"), made]

        return Bomb("", lines)

    sheet, end = (
        b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>',
        b"</sheetData></worksheet>",
    )
    row = b'<row><c t="inlineStr"><is><t>id</t></is></c><c t="inlineStr"><is><t>' + b"a" * 1000 + b"</t></is></c></row>"
    laughs = b'<!DOCTYPE a [<!ENTITY a "lollollol">' + b"".join(
        b'<!ENTITY %c "%s">' % (new, b"&%c;" % old * 10) for old, new in zip(b"abcdefghi", b"bcdefghij", strict=True)
    )
    name, strings = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
    said = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>'
    return {
        "workbook: a sheet of zeros": book({name: (sheet, b"\0" * MIB, megabytes, b"")}),
        "workbook: a sheet of spaces": book({name: (sheet, b" " * MIB, megabytes, end)}),
        "workbook: a sheet of rows": book({name: (sheet, row * 1000, 60, end)}),
        "workbook: a text of 60 MB": book({strings: (said, b"a" * MIB, 60, b"</t></si></sst>")}),
        "workbook: styles of zeros": book({"xl/styles.xml": (b"", b" " * MIB, megabytes, b"")}),
        "workbook: one row of 300,000 cells": book(
            {name: (sheet + b"<row>", b"<c><v>1</v></c>" * 1000, 300, b"</row>" + end)}
        ),
        "workbook: the last row is far": book(
            {name: (sheet, b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row>', 1, end)}
        ),
        "workbook: 100,000 elements in each other": book({name: (sheet, b"<a>", 100_000, b"</a>" * 100_000 + end)}),
        "workbook: billion laughs": book(
            {name: (laughs + b"]>" + sheet + b"<row><c><v>&j;</v></c></row>", b"", 0, end)}
        ),
    }


def run(folder: Path, words: list[str]) -> tuple[float, int, int, str]:
    """Run a command line: seconds, megabytes of all its processes together, the exit code, and what it said."""
    program = [str(ROOT / "build_dataset.py"), *words[1:]] if words[0] == "build" else ["-m", "parquetry", *words]
    began, most = time.monotonic(), 0
    with (folder / "said.txt").open("wb") as said:
        child = subprocess.Popen(
            [sys.executable, *program], cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            start_new_session=True,
        )  # fmt: skip
        while True:
            found, status = os.waitpid(child.pid, os.WNOHANG)
            if found:
                break
            most = max(most, memory(child.pid))
            if time.monotonic() - began > 6 * SECONDS or most > 8000 * MIB:
                os.killpg(child.pid, signal.SIGKILL)
            time.sleep(0.01)
        child.returncode = os.waitstatus_to_exitcode(status)
    return time.monotonic() - began, most // MIB, child.returncode, (folder / "said.txt").read_text("utf-8", "replace")


def memory(process: int) -> int:
    """Bytes that a process and all that it started have had at most."""
    try:
        own = 1024 * int(Path(f"/proc/{process}/status").read_text().split("VmHWM:")[1].split()[0])
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except (OSError, IndexError):
        return 0
    return own + sum(memory(int(child)) for child in children)


def bombs(megabytes: int) -> dict[str, Bomb]:
    """All of them by their names; some grow to so many megabytes."""
    found = text_bombs(megabytes) | json_bombs() | yaml_bombs() | wide_bombs() | parquet_bombs(megabytes)
    return found | pattern_bombs() | schema_bombs() | workbook_bombs(megabytes)


def wrong(seconds: float, megabytes: int, code: int, said: str) -> str:
    """What is wrong with how a command line ended, if anything is."""
    if code not in (0, 2, 3, 5) or "Traceback" in said:
        return f"ended in {code}: {said[-600:]}"
    if code and "error[" not in said:
        return f"ended in {code} without an error"
    if seconds > SECONDS or megabytes > MEGABYTES:
        return f"took {seconds:.1f} s and {megabytes} MB, and ended in {code}: {said[:300]}"
    return ""


def test_bombs_end_soon_and_small(tmp_path: Path, figure: Callable[..., None]) -> None:
    every = bombs(times(256, 4096))
    names = list(every)[:: times(12, 1)]
    broke, ran, took = list[str](), 0, dict[str, tuple[float, int]]()
    for number, name in enumerate(names):
        folder = tmp_path / str(number)
        folder.mkdir()
        for words in every[name].lines(folder):
            seconds, megabytes, code, said = run(folder, words)
            ran += 1
            took[name] = max(took.get(name, (0.0, 0))[0], seconds), max(took.get(name, (0.0, 0))[1], megabytes)
            if what := wrong(seconds, megabytes, code, said):
                broke.append(f"{name}: {words}: {what}")
        subprocess.run(["rm", "-rf", str(folder)], check=True)
    print("\n".join(broke))
    slowest, largest = max(took.values()), max(took.values(), key=lambda one: one[1])
    more = {"bombs": len(took), "slowest": f"{slowest[0]:.1f} s", "largest": f"{largest[1]} MB"}
    each = {name: f"{seconds:.1f} s {megabytes} MB" for name, (seconds, megabytes) in took.items()}
    figure("No hang", "bombs", ran, len(broke), **more, **each)
