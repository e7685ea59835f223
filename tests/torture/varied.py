"""Little datasets of all kinds, drawn by lot: what a build of them gives is sound."""

from __future__ import annotations

import csv
import io
import json
import random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from conftest import NOTE, Project, stored

#: Of what texts are made: scripts from right to left, characters of several code points, signs that papers must escape.
WORDS = """
    the a river border minister says that grain moves north again weather report Straße naïve Łódź München garçon
    река граница міністр 河流 边界 気象 報告 حدود נהר नदी ไทย 👩‍👩‍👧 🏳️‍🌈 é ǅ ﬁ
    <b> | ** _x_ `y` [z](w) --- {{a}} \\n $m$ & ; # =1+1 -2 @a "q" 'r'
""".split()
FORMATS = ("jsonl", "jsonl.gz", "jsonl.zst", "json", "csv", "tsv", "parquet", "arrow")
SPLITS = (
    'ratios = { train = 0.7, test = 0.3 }',
    'ratios = { train = 0.5, validation = 0.25, test = 0.25 }\ngroup_by = ["source"]',
    'only = "train"',
    'time = { column = "day", train = "2015-01-01", test = "" }',
    'assigned = "splits.csv"',
)  # fmt: skip
REPLY: dict[str, Any] = {
    "type": "object",
    "required": ["number", "note"],
    "properties": {
        "number": {"type": "integer", "description": "Number."},
        "note": {"type": "string", "description": "What it answers."},
        "also": {"type": "array", "items": {"type": "string"}, "description": "More of them."},
        "said": {"type": "array", "items": {"type": "object", "properties": {
            "by": {"type": ["string", "null"]}, "score": {"type": ["number", "null"]}, "sure": {"type": "boolean"},
        }}, "description": "Who says what."},
        "at": {"type": ["string", "null"], "format": "date-time", "description": "When."},
    },
}  # fmt: skip
PAGE = {
    "type": "object",
    "required": ["path", "text"],
    "properties": {
        "path": {"type": "string", "description": "Name."},
        "text": {"type": "string", "description": "Text."},
        "title": {"type": ["string", "null"], "description": "Title."},
    },
}


def varied(project: Project, number: int) -> str:
    """Write a dataset: the number decides which, so that formats and splits take turns; what it is, in words."""
    dice = random.Random(number)
    kind, split = FORMATS[number % len(FORMATS)], SPLITS[number % len(SPLITS)]
    rows, said = _notes(dice, flat=kind in ("csv", "tsv")), [kind, split.split(" ")[0]]
    recipe = (project.root / "recipe.toml").read_text("utf-8").replace("notes*.jsonl", f"notes[01].{kind}")
    recipe = recipe.replace("ratios = { train = 0.8, test = 0.2 }", split)
    project.schema("notes", NOTE | {"properties": dict(list(NOTE["properties"].items())[: len(rows[0])])})
    _store(project, kind, rows)
    lines = "".join(f"{row['id']},{'train' if place % 3 else 'test'}\n" for place, row in enumerate(rows))
    project.file("splits.csv", "id,split\n" + lines)
    keys, more = ['id = "id"'], ['[limits]\nrejected = "30%"\nleaks = 1000\n']
    if near := dice.choice(("", "group", "drop")):
        keys += ['text = ["text"]']
        more += [f'[tables.notes.duplicates]\nnear = "{near}"\n']
    if dice.random() < 0.4:
        keys += ['removals = "removals.csv"']
        project.file("removals.csv", f"id,reason,date\n{rows[0]['id']},asked,2026-01-01\n")
        said += ["withdrawn"]
    if dice.random() < 0.3:
        more += ['[tables.notes.clean]\nunicode = "NFC"\nnewlines = true\n']
    sizes = dice.choice(("", 'shard_bytes = "2kB"\nrow_group_bytes = "1kB"\n', 'row_group_bytes = "1kB"\n'))
    more += [f"[files]\n{sizes}csv = {'true' if dice.random() < 0.5 else 'false'}\n"]
    if dice.random() < 0.4:
        more += _replies(project, _alone(rows), dice)
        keys, said = [*keys, "default = true"], [*said, "references"]
    if dice.random() < 0.3:
        more += _pages(project, dice)
        keys, said = [*dict.fromkeys([*keys, "default = true"])], [*said, "documents"]
    if dice.random() < 0.5:
        recipe = recipe.replace("[tables.notes]", 'personal = "count"\nkeywords = ["<b>", "ключ"]\n\n[tables.notes]', 1)
    project.recipe(recipe.replace('id = "id"', "\n".join(keys), 1) + "\n" + "\n".join(more))
    return ", ".join([*said, near or "no near"])


def _text(dice: random.Random, least: int = 1, most: int = 40) -> str:
    return dice.choice((" ", " ", " ", "\n", "  ", "\u00a0")).join(dice.choices(WORDS, k=dice.randint(least, most)))


def _notes(dice: random.Random, *, flat: bool) -> list[dict[str, Any]]:
    """Rows, some of which repeat others nearly."""
    rows = list[dict[str, Any]]()
    for number in range(dice.randint(12, 90)):
        text = _text(dice)
        if rows and dice.random() < 0.1:
            text = rows[-1]["text"] + " " + dice.choice(WORDS)
        day = f"20{dice.randint(10, 19)}-{dice.randint(1, 12):02d}-{dice.randint(1, 28):02d}"
        row = {"id": f"n{number}", "text": text, "source": dice.choice(("a", "b", "c", None)), "day": day}
        rows.append(row if flat else row | {"tags": dice.choices("ab", k=dice.randint(0, 3))})
    return rows


def _alone(rows: list[dict[str, Any]]) -> list[str]:
    """The ids of rows that nothing drops: not the first, which may be withdrawn, and none that is like another."""
    texts = [row["text"] for row in rows]
    return [
        row["id"]
        for place, row in enumerate(rows)
        if place and sum(a.startswith(row["text"]) or row["text"].startswith(a) for a in texts) == 1
    ]


def _store(project: Project, kind: str, rows: list[dict[str, Any]]) -> None:
    """Write the rows as two files of a kind."""
    for number, part in enumerate((rows[::2], rows[1::2])):
        name, target = f"notes{number}.{kind}", io.StringIO(newline="")
        if kind.startswith("jsonl"):
            raw = "".join(json.dumps(row, ensure_ascii=bool(number)) + "\n" for row in part).encode()
        elif kind == "json":
            raw = json.dumps(part, indent=number or None).encode()
        elif kind in ("csv", "tsv"):
            writer = csv.DictWriter(target, list(rows[0]), delimiter="," if kind == "csv" else "\t")
            writer.writeheader()
            writer.writerows(part)
            raw = target.getvalue().encode()
        else:
            shape = {"day": pa.string(), "id": pa.string(), "text": pa.string(), "source": pa.string()}
            table = pa.Table.from_pylist(part, pa.schema([*shape.items(), ("tags", pa.list_(pa.string()))]))
            sink = pa.BufferOutputStream()
            if kind == "parquet":
                pq.write_table(table, sink)
            else:
                with pa.ipc.new_file(sink, table.schema) as writer:
                    writer.write_table(table)
            raw = sink.getvalue().to_pybytes()
        stored(project.root, name, raw)


def _replies(project: Project, notes: list[str], dice: random.Random) -> list[str]:
    """A table that follows the other."""
    rows = [
        {
            "number": number - 3, "note": dice.choice(notes), "also": dice.sample(notes, dice.randint(0, 2)),
            "said": [{"by": dice.choice((None, _text(dice))), "score": dice.choice((None, -0.0, 1e300, 0.1)),
                      "sure": bool(number % 2)} for _ in range(dice.randint(0, 3))],
            "at": dice.choice((None, "2020-02-29T23:59:59Z", "1969-12-31T23:59:59.5+02:00")),
        }
        for number in range(dice.randint(1, 40))
    ]  # fmt: skip
    project.schema("replies", REPLY)
    project.rows("replies.jsonl", rows)
    known = 'schema = "replies.schema.json"\nsources = ["replies.jsonl"]\nid = "number"\n'
    references = '[tables.replies.references]\nnote = "notes"\nalso = "notes"\n'
    return [f'[tables.replies]\n{known}{references}[tables.replies.split]\nfollow = "note"\n']


def _pages(project: Project, dice: random.Random) -> list[str]:
    """A table of documents."""
    for number in range(dice.randint(2, 8)):
        front = f"---\ntitle: {json.dumps(_text(dice, 1, 4).strip())}\n---\n" if number % 2 else ""
        project.file(f"pages/ü {number}.{'md' if number % 2 else 'txt'}", front + _text(dice))
    project.schema("pages", PAGE)
    known = 'schema = "pages.schema.json"\nsources = ["pages/*.md", "pages/*.txt"]\nid = "path"\ntext = ["text"]\n'
    return [f'[tables.pages]\n{known}[tables.pages.split]\nonly = "train"\n']
