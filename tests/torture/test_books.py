"""Nothing disappears: what was read is published or removed, each record with its place and its reason.

The mixtures are made record by record, and each record is made together with what must become of it; the counts of the
product are held against those, never against each other alone.
"""

from __future__ import annotations

import io
import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, NamedTuple

import build_dataset
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
from conftest import DATASET, Project, stored
from openpyxl import Workbook
from torture.conftest import times

from parquetry.reader.cli import build_command

NOTE: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "text"],
    "properties": {
        "id": {"type": "string", "description": "Name."},
        "text": {"type": "string", "minLength": 1, "description": "What it says."},
        "n": {"type": ["integer", "null"], "maximum": 1000, "description": "Number."},
    },
}
PAGE = NOTE | {"properties": NOTE["properties"] | {"path": NOTE["properties"]["id"]}, "required": ["path", "text"]}
RECIPE = (
    DATASET
    + """
[tables.notes]
schema = "notes.schema.json"
sources = ["in/*.*"]
id = "id"
text = ["text"]
default = true
split = { ratios = { train = 0.5, test = 0.5 } }
[tables.pages]
schema = "pages.schema.json"
sources = ["pages/*.*"]
id = "path"
text = ["text"]
split = { only = "train" }
[limits]
rejected = "100%"
line_bytes = 2000
"""
)
#: Bad records of JSON, and why they are removed.
JSON_BAD = {
    b'{"id":"a","text":5}': "SCHEMA_TYPE",
    b'{"id":"a","text":"x","n":"1"}': "SCHEMA_TYPE",
    b'{"id":"a","text":"x","n":1.5}': "SCHEMA_TYPE",
    b'{"text":"x"}': "SCHEMA_REQUIRED",
    b'{"id":null,"text":"x"}': "SCHEMA_REQUIRED",
    b'{"id":"a","id":"b","text":"x"}': "JSON_DUPLICATE_KEY",
    b'{"id":"a","text":"\xff"}': "UTF8_INVALID",
    b'{"id":"a","text":"' + b"x" * 3000 + b'"}': "LINE_TOO_LONG",
    b'{"id":"a","text":"x","z":1}': "SCHEMA_ADDITIONAL",
    b'{"id":"a","text":"x","n":NaN}': "JSON_NONFINITE",
    b'{"id":"a","text":"x","n":99999999999999999999}': "JSON_NUMBER_RANGE",
    b'["a","x"]': "JSON_NOT_OBJECT",
    b'"a"': "JSON_NOT_OBJECT",
    b'{"id":"a","text":"\\u0000"}': "UNICODE_NUL",
    b'{"id":"a","text":"\\ud800"}': "UNICODE_SURROGATE",
    b'{"id":"a","text":"\x01"}': "JSON_CONTROL_CHAR",
    b'{"id":"a","text":"x","n":1001}': "SCHEMA_RANGE",
    b'{"id":"a","text":""}': "SCHEMA_LENGTH",
    b'{"id":"","text":"x"}': "ID_EMPTY",
}
LINE_BAD = {
    b'{"id":"a",': "JSON_SYNTAX",
    b'{"id":"a","text":"x"}{"id":"b","text":"y"}': "JSON_SYNTAX",
    b"x": "JSON_SYNTAX",
}
CELL_BAD = {
    b"a,x,one": "SCHEMA_TYPE",
    b"a,x,1.5": "SCHEMA_TYPE",
    b",x,1": "ID_EMPTY",
    b"a,x": "CSV_FIELD_COUNT",
    b"a,x,1,2": "CSV_FIELD_COUNT",
    b"a,\xff,1": "UTF8_INVALID",
    b"a,\x00,1": "UNICODE_NUL",
    b"a," + b"x" * 3000 + b",1": "LINE_TOO_LONG",
    b"a,x,1001": "SCHEMA_RANGE",
    b"a,,1": "SCHEMA_LENGTH",
}
SHEET_BAD = {
    ("a", "x", "one"): "SCHEMA_TYPE",
    (None, "x", 1): "ID_EMPTY",
    ("a", "#N/A", 1): "XLSX_ERROR",
    ("a", "x", 1001): "SCHEMA_RANGE",
    ("a", None, 1): "SCHEMA_LENGTH",
    ("a", "x", 1.5): "SCHEMA_TYPE",
    ("a", "x", 1, 5): "CSV_FIELD_COUNT",
}
COLUMN_BAD = {
    (None, b"x", 1): "SCHEMA_REQUIRED",
    ("a", None, 1): "SCHEMA_REQUIRED",
    ("a", b"", 1): "SCHEMA_LENGTH",
    ("a", b"x", 1001): "SCHEMA_RANGE",
    ("", b"x", 1): "ID_EMPTY",
    ("a", b"\xff", 1): "UTF8_INVALID",
}
PAGE_BAD = {
    b"": "DOC_EMPTY",
    b"  \n": "DOC_EMPTY",
    b"%PDF-1.7 x": "DOC_BINARY",
    b"\x7fELF\x02\x01": "DOC_BINARY",
    b"fa\xe7ade": "UTF8_INVALID",
    b"\xff\xfea\x00b\x00": "ENCODING_UTF16",
    b"a\x00" + b"b" * 200: "UNICODE_NUL",
    b"x" * 3000: "LINE_TOO_LONG",
    b"---\nz: 1\n---\nx": "SCHEMA_ADDITIONAL",
    b"---\nn: one\n---\nx": "SCHEMA_TYPE",
    b"---\n- 1\n---\nx": "DOC_FRONT_MATTER",
    b"---\nn: 1\nn: 2\n---\nx": "DOC_FRONT_MATTER",
}
BLANKS = (b"", b" ", b"\t ")


class Item(NamedTuple):
    """A record of a source, and what must become of it."""

    value: Any  #: A row ``(id, text, n)``, or what stands there instead.
    fate: str  #: Empty: published; "blank": no record; else the code of the removal.
    plain: bool  #: Whether it is a row, bad or not by what others say.


BAD: dict[str, dict[Any, str]] = {
    ".jsonl": JSON_BAD | LINE_BAD, ".ndjson": JSON_BAD | LINE_BAD, ".jsonl.gz": JSON_BAD | LINE_BAD,
    ".jsonl.zst": JSON_BAD | LINE_BAD, ".json": JSON_BAD, ".json.gz": JSON_BAD, ".csv": CELL_BAD, ".tsv": CELL_BAD,
    ".csv.gz": CELL_BAD, ".csv.zst": CELL_BAD, ".xlsx": SHEET_BAD, ".parquet": COLUMN_BAD, ".arrow": COLUMN_BAD,
    ".feather": COLUMN_BAD,
}  # fmt: skip
WITH_BLANKS = (".jsonl", ".ndjson", ".jsonl.gz", ".jsonl.zst", ".csv", ".tsv", ".csv.gz", ".csv.zst", ".xlsx")


class Mixture:
    """Sources of any kind with records of any kind."""

    def __init__(self, root: Path, seed: int) -> None:
        self.root, self.draw = root, random.Random(f"mixture {seed}")
        self.rows, self.texts = list[tuple[str, str, int | None]](), 0
        self.sources: dict[str, dict[str, list[tuple[int, str]]]] = {"notes": {}, "pages": {}}

    def write(self) -> None:
        """Write the files, in the order in which they will be read: the first of what stands twice comes first."""
        kinds = [self.draw.choice(sorted(BAD)) for _ in range(self.draw.randint(1, 5))]
        for number, suffix in enumerate(kinds):
            items = [self.item(suffix) for _ in range(self.draw.randint(1, self.draw.choice((3, 30, 120))))]
            if number == 0 or all(item.fate == "blank" for item in items):  # a file of no records is refused
                items = [self.fresh(), *items]
            while suffix == ".xlsx" and items[-1].fate == "blank":  # no row of a workbook is written behind the last
                items.pop()
            name = f"in/{number}{suffix}"
            lines = WRITERS[suffix.split(".")[1]](self.root, name, items)
            self.sources["notes"][name] = [(line, item.fate) for line, item in zip(lines, items, strict=True)]
        self.rows = []
        for number in range(self.draw.randint(1, 8)):
            name = f"pages/{number}{self.draw.choice(('.md', '.txt'))}"
            if number and self.draw.random() < 0.4:
                raw, fate = self.draw.choice(list(PAGE_BAD.items()))
                if raw.startswith(b"---"):
                    name = name.replace(".txt", ".md")
            else:
                again = bool(self.rows) and self.draw.random() < 0.3
                text = self.draw.choice(self.rows)[1] if again else self.fresh().value[1]
                raw, fate = text.encode(), "DUPLICATE" if again else ""
            stored(self.root, name, raw)
            self.sources["pages"][name] = [(1, fate)]

    def fresh(self) -> Item:
        """A record like no other."""
        self.texts += 1
        text = f"text {self.texts} " + self.draw.choice(("", "ünï", "a\u2028b", '"quoted", and more', "👍", "x" * 900))
        row = f"id{self.texts}", text.strip(), self.draw.choice((None, 7, -1))
        self.rows.append(row)
        return Item(row, "", plain=True)

    def item(self, suffix: str) -> Item:
        """A record of some kind for a file with this suffix."""
        kind = self.draw.random()
        if kind < 0.15:
            value, fate = self.draw.choice(list(BAD[suffix].items()))
            return Item(value, fate, plain=False)
        if kind < 0.25 and suffix in WITH_BLANKS:
            empty = suffix.startswith((".csv", ".tsv"))
            return Item(b"" if empty else self.draw.choice(BLANKS), "blank", plain=False)
        if kind < 0.4 and self.rows:
            number, text, n = self.draw.choice(self.rows)
            return Item((self.draw.choice((number, f"{number}b")), text, n), "DUPLICATE", plain=True)
        if kind < 0.5 and self.rows:
            number = self.draw.choice(self.rows)[0]
            self.texts += 1
            return Item((number, f"other {self.texts}", None), "ID_DUPLICATE", plain=True)
        return self.fresh()


def as_json(row: tuple[str, str, int | None]) -> bytes:
    """A row as a JSON object."""
    members = {"id": row[0], "text": row[1]} | ({} if row[2] is None else {"n": row[2]})
    return json.dumps(members, ensure_ascii=len(row[1]) % 2 == 0).encode()


def write_lines(root: Path, name: str, items: Sequence[Item]) -> list[int]:
    """JSON Lines: the line of each record."""
    raw = [as_json(item.value) if item.plain else item.value for item in items]
    stored(root, name, b"\n".join(raw) + b"\n")
    return list(range(1, len(items) + 1))


def write_array(root: Path, name: str, items: Sequence[Item]) -> list[int]:
    """A JSON array, an element a line."""
    raw = [as_json(item.value) if item.plain else item.value for item in items]
    stored(root, name, b"[\n" + b",\n".join(raw) + b"\n]\n")
    return list(range(2, len(items) + 2))


def write_cells(root: Path, name: str, items: Sequence[Item]) -> list[int]:
    """CSV or TSV: a record goes over two lines where its text does."""
    mark, lines, line, raw = "\t" if ".tsv" in name else ",", list[int](), 2, list[bytes]()
    for item in items:
        if item.plain:
            number, text, n = item.value
            quoted = '"' + text.replace('"', '""') + '"'
            one = mark.join((number, quoted, "" if n is None else str(n))).encode()
        else:
            one = item.value.replace(b",", mark.encode())
        lines.append(line)
        line += one.count(b"\n") + 1
        raw.append(one)
    stored(root, name, b"\n".join([mark.join(("id", "text", "n")).encode(), *raw]) + b"\n")
    return lines


def write_sheet(root: Path, name: str, items: Sequence[Item]) -> list[int]:
    """A sheet of a workbook."""
    book = Workbook()
    sheet = book.active
    sheet.append(["id", "text", "n"])
    for at, item in enumerate(items, start=2):
        for column, value in enumerate(item.value if item.fate != "blank" else (), start=1):
            cell = sheet.cell(at, column, value)
            if value == "#N/A":
                cell.data_type = "e"
    (root / name).parent.mkdir(exist_ok=True, parents=True)
    book.save(root / name)
    return list(range(2, len(items) + 2))


def write_columns(root: Path, name: str, items: Sequence[Item]) -> list[int]:
    """Parquet, or Arrow in one of its two names."""
    rows = [
        (item.value[0], item.value[1].encode() if isinstance(item.value[1], str) else item.value[1], item.value[2])
        for item in items
    ]
    raw = pa.array([row[1] for row in rows], pa.binary())
    text = pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())  # no one has looked whether it is UTF-8
    ids, numbers = pa.array([row[0] for row in rows], pa.string()), pa.array([row[2] for row in rows], pa.int64())
    table = pa.table({"id": ids, "text": text, "n": numbers})
    (root / name).parent.mkdir(exist_ok=True, parents=True)
    if name.endswith(".parquet"):
        pq.write_table(table, root / name, row_group_size=17)
    else:
        pa.feather.write_feather(table, root / name, compression="uncompressed", chunksize=13)
    return list(range(1, len(items) + 1))


WRITERS: dict[str, Callable[[Path, str, Sequence[Item]], list[int]]] = {
    "jsonl": write_lines, "ndjson": write_lines, "json": write_array, "csv": write_cells, "tsv": write_cells,
    "xlsx": write_sheet, "parquet": write_columns, "arrow": write_columns, "feather": write_columns,
}  # fmt: skip


def build(project: Project) -> str:
    """Build, and say what was printed."""
    said, aside = io.StringIO(), io.StringIO()
    command = build_command(build_dataset.build)
    with redirect_stdout(said), redirect_stderr(aside):
        arguments = [str(project.root / "recipe.toml"), "--out", str(project.root / "out"), "--workers", "1"]
        code = command.main(arguments, prog_name="build_dataset.py", standalone_mode=False)
    assert code == 0, aside.getvalue()
    return said.getvalue()


def mismatches(project: Project, mixture: Mixture, said: str) -> list[str]:
    """What the books say and is not so."""
    found, place = list[str](), project.root / "out/notes-1.0.0"
    manifest = json.loads((place / "manifest.json").read_bytes())
    card = (place / "README.md").read_text("utf-8")
    total, places = Counter[str](), Counter[tuple[str, str, int, str]]()
    for table, sources in mixture.sources.items():
        told = {source["path"]: source for source in manifest["tables"][table]["sources"]}
        found += [f"{table} has the sources {sorted(told)}"] * (sorted(told) != sorted(sources))
        published = 0
        for name, records in sources.items():
            fates = Counter(fate for _, fate in records)
            blank, kept = fates.pop("blank", 0), fates.pop("", 0)
            read = kept + fates.total()
            mine = {"read": read, "published": kept, "removed": dict(fates), "blank_lines": blank}
            theirs = {key: told.get(name, {}).get(key) for key in mine}
            found += [f"{name}: {theirs} instead of {mine}"] * (mine != theirs)
            removed = ", ".join(f"{count:,} `{code}`" for code, count in sorted(fates.items())) or "none"
            row = f"| `{table}` | `{name}` | {read:,} | {kept:,} | {removed} |"
            found += [f"the card has not {row}"] * (row not in card)
            total += Counter(read=read, published=kept)
            published += kept
            places.update((table, name, line, fate) for line, fate in records if fate not in ("", "blank"))
        rows = sum(split["rows"] for split in manifest["tables"][table]["splits"].values())
        on_disk = sum(pq.read_metadata(path).num_rows for path in (place / "data" / table).glob("*.parquet"))
        found += [f"{table}: {rows} rows told, {on_disk} there, {published} due"] * (not rows == on_disk == published)
    read, published = total["read"], total["published"]
    books = f"read {read:,} = published {published:,} + removed {read - published:,}"
    found += [f"the message does not say {books!r}"] * (f"  books   {books}\n" not in said)
    found += [f"the card does not say {books!r}"] * (f"R{books[1:]}." not in card)
    return found + astray(place, places)


def astray(place: Path, due: Counter[tuple[str, str, int, str]]) -> list[str]:
    """Removed records that are not written down with their place and reason, or that are and should not be."""
    written = Counter[tuple[str, str, int, str]]()
    for name in ("rejected", "duplicates"):
        path = place.with_name(f"{place.name}.removed") / f"{name}.jsonl"
        for line in path.read_bytes().splitlines() if path.exists() else ():
            row = json.loads(line)
            written[row["table"], row["source"], row["line"], row["code"]] += 1
            if (row["code"] == "DUPLICATE") != (name == "duplicates") or not row["message"]:
                return [f"{name}.jsonl has {row}"]
    return [f"not written down: {one}" for one in (due - written)] + [f"written down: {one}" for one in written - due]


def test_the_books_balance_for_every_mixture(tmp_path: Path, figure: Callable[..., None]) -> None:
    mixtures, wrong, records, removed, codes = times(16, 500), list[str](), 0, 0, set[str]()
    for seed in range(mixtures):
        project = Project(tmp_path / str(seed))
        project.recipe(RECIPE)
        project.schema("notes", NOTE)
        project.schema("pages", PAGE)
        mixture = Mixture(project.root, seed)
        mixture.write()
        found = mismatches(project, mixture, build(project))
        wrong += [f"mixture {seed}: {one}" for one in found]
        fates = [fate for sources in mixture.sources.values() for some in sources.values() for _, fate in some]
        records += len(fates) - fates.count("blank")
        removed += len(fates) - fates.count("blank") - fates.count("")
        codes |= set(fates) - {"", "blank"}
        shutil.rmtree(project.root)
    print("\n".join(wrong[:20]))
    broke = len({one.split(":")[0] for one in wrong})
    counts = {"records": records, "removed": removed, "reasons": len(codes)}
    figure("Balanced books", "mixtures in every kind of source", mixtures, broke, **counts)
