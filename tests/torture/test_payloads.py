"""No code from data runs: whatever text, file or name is given to whatever command, nothing of it is executed.

Each payload would make a file (the canary) if something evaluated it, or bring a secret or a connection into the open.
All commands run in one child process that is watched from inside by an audit hook, and from outside by strace.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import NOTE, ROOT, Project
from openpyxl import Workbook
from torture.conftest import times
from torture.test_silence import NETWORK, STARTING, judged
from torture.watched import CANARY, SECRET

WATCHED = str(Path(__file__).with_name("watched.py"))
TOUCH = f"touch {CANARY}"


class Evil:
    """What a pickle of this does when it is loaded."""

    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, (TOUCH,)


PICKLE = pickle.dumps(Evil())
FILE = "file:///{root}/" + SECRET
#: Text that one or the other program would evaluate; it stands in data, names, titles, descriptions and prose.
TEXTS = [
    "{{7000003*7}}",
    "{{ cycler.__init__.__globals__.os.system('" + TOUCH + "') }}",
    "{% include '" + SECRET + "' %}",
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "${7000003*7}",
    "#{`" + TOUCH + "`}",
    "<%= `" + TOUCH + "` %>",
    f"$({TOUCH})",
    f"`{TOUCH}`",
    f"; {TOUCH}",
    f"| {TOUCH}",
    f"&& {TOUCH}",
    f"a\n{TOUCH}\n",
    f"'; {TOUCH} #",
    "-rf",
    "--out=/",
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "</style></script><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "<!-- end: summary -->",
    "]]><x>",
    "\u202etxt.exe",
    f"=cmd|'/c {TOUCH}'!A1",
    '=HYPERLINK("http://127.0.0.1:9/","x")',
    f"@SUM(1+1)*cmd|'/c {TOUCH}'!A0",
    f"+cmd|'{TOUCH}'!A0",
    f"-2+3+cmd|'{TOUCH}'!A0",
    f"__import__('os').system('{TOUCH}')",
    f"eval(compile('open(\"{CANARY}\",\"w\")','','exec'))",
    "%s%s%n%x",
    "{0.__class__}",
    "$\\input{" + SECRET + "}$",
    "$\\immediate\\write18{" + TOUCH + "}$",
    "$\\frac{",
    "$" * 99,
    f"!!python/object/apply:os.system ['{TOUCH}']",
    f"!!python/object/new:os.system [{TOUCH}]",
    "!!python/name:os.system",
    f"<!DOCTYPE x [<!ENTITY e SYSTEM '{FILE}'>]><x>&e;</x>",
    f"<?php system('{TOUCH}') ?>",
    "${jndi:ldap://127.0.0.1:9/x}",
    base64.b64encode(PICKLE).decode(),
    f"cos\nsystem\n(S'{TOUCH}'\ntR.",
    FILE,
    "http://127.0.0.1:9/x",
    "\\\\127.0.0.1\\x",
    '{"$ref": "http://127.0.0.1:9/x"}',
    "../../../../" + SECRET,
    "'; DROP TABLE notes; --",
    "\x1b]0;x\x07\x1b[2J",
]


def everywhere(text: str) -> Callable[[Project], None]:
    """A payload that puts a text wherever one can stand."""

    def plant(project: Project) -> None:
        text_ = text.replace("{root}", str(project.root.parent).strip("/"))
        shown = "".join(c for c in text_ if c.isprintable() and c not in "\u202e") or "x"
        project.rows("notes-1.jsonl", [{"id": text_, "text": text_, "source": text_}, {"id": "b", "text": "b"}])
        file = shown.replace("/", "∕")[:80]
        project.rows(f"notes-{file}.jsonl", [{"id": "c", "text": text_}])
        project.file(f"notes-doc/{file}.md", f"---\ntitle: {json.dumps(text_)}\nmore: {text_}\n---\n{text_}")
        properties = NOTE["properties"] | {
            "source": {"type": ["string", "null"], "enum": [None, text_], "title": text_}
        }
        properties |= {
            "tags": {"type": "array", "items": {"type": "string"}, "description": text_, "examples": [[text_]]}
        }
        project.schema("notes", NOTE | {"description": text_, "properties": properties})
        title = json.dumps(shown, ensure_ascii=False)
        project.edit('title = "Notes"', f"title = {title}\ncard = 'CARD.md'\nkeywords = [{title}]\npersonal = 'count'")
        project.edit("Doe, Jane", shown.replace("\\", "\\\\").replace('"', '\\"'))
        project.file("CARD.md", f"---\ntags: [{text_}]\n---\n# {text_}\n\n{text_}\n")
        with (project.root / "recipe.toml").open("a") as recipe:
            recipe.write(f"salt = {title}\n[files]\ncsv = true\n[limits]\nrejected = 99\n")

    return plant


def file(name: str, raw: bytes) -> Callable[[Project], None]:
    """A payload that is a file among the sources."""

    def plant(project: Project) -> None:
        project.rows("notes-1.jsonl", [{"id": "b", "text": "b"}])
        (project.root / f"notes-x{name}").write_bytes(raw)
        project.edit('"notes*.jsonl"', f'"notes*.jsonl", "notes-x{name}"')

    return plant


def archive(kind: str) -> bytes:
    """An archive whose files would be put outside the folder that it is unpacked into."""
    target, raw = io.BytesIO(), b'{"id":"x","text":"x"}\n'
    if kind == "zip":
        with zipfile.ZipFile(target, "w") as made:
            made.writestr(f"../../{CANARY}", raw)
    else:
        with tarfile.open(fileobj=target, mode="w") as made_tar:
            entry = tarfile.TarInfo(f"../../{CANARY}")
            entry.size = len(raw)
            made_tar.addfile(entry, io.BytesIO(raw))
    return target.getvalue()


def workbook(sheet: str, slip: bool) -> bytes:
    """A workbook with a formula; its sheet is XML with entities, or a part of it leads out of the folder."""
    book, target = Workbook(), io.BytesIO()
    for row in (["id", "text"], ["x", '=WEBSERVICE("http://127.0.0.1:9/")'], ["y", f"=cmd|'/c {TOUCH}'!A1"]):
        book.active.append(row)
    book.save(target)
    changed = io.BytesIO()
    with zipfile.ZipFile(target) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            if name.endswith("sheet1.xml") and sheet:
                text = sheet + text[text.index("<worksheet") :].replace("x</t>", "&e;</t>")
            new.writestr(name, text)
        if slip:
            new.writestr(f"../../{CANARY}", "x")
    return changed.getvalue()


def extension(project: Project, kind: str) -> None:
    """A column of the type whose description is a pickle (CVE-2023-47248)."""
    for name in (b"arrow.py_extension_type", b"arrow.json", b"arrow.opaque"):
        facts = {b"ARROW:extension:name": name, b"ARROW:extension:metadata": PICKLE}
        shape = pa.schema([pa.field("id", pa.string()), pa.field("text", pa.string(), metadata=facts)])
        table = pa.table([["x"], ["x"]], schema=shape.with_metadata({b"pandas": PICKLE, b"huggingface": b"{{7*7}}"}))
        path = project.root / f"notes-{name.decode()}.{kind}"
        if kind == "parquet":
            pq.write_table(table, path)
        else:
            with pa.ipc.new_file(str(path), table.schema) as writer:
                writer.write_table(table)
    project.edit("notes*.jsonl", f"notes*.{kind}")


def schema(**keywords: Any) -> Callable[[Project], None]:
    """A payload that is a keyword of a schema."""

    def plant(project: Project) -> None:
        where = json.dumps(NOTE | keywords).replace("{root}", str(project.root.parent).strip("/"))
        project.file("notes.schema.json", where)
        project.rows("notes-1.jsonl", [{"id": "b", "text": "b"}])

    return plant


def recipe(old: str, new: str) -> Callable[[Project], None]:
    """A payload that is a value of a recipe."""

    def plant(project: Project) -> None:
        project.rows("notes-1.jsonl", [{"id": "b", "text": "b"}])
        project.edit(old, new.replace("{root}", str(project.root.parent).strip("/")))

    return plant


def beside(files: dict[str, str]) -> Callable[[Project], None]:
    """A payload that lies in the folder where a command runs."""

    def plant(project: Project) -> None:
        project.rows("notes-1.jsonl", [{"id": "b", "text": "b"}])
        for name, text in files.items():
            project.file(name, text)

    return plant


def named(name: str) -> Callable[[Project], None]:
    """A payload that is the name of files."""

    def plant(project: Project) -> None:
        project.rows(f"notes-{name}.jsonl", [{"id": "b", "text": "b"}])
        project.rows(f"notes-d/{name}/a.jsonl", [{"id": "c", "text": "c"}, {"id": 1}])
        project.edit('"notes*.jsonl"', '"notes*.jsonl", "notes-d/*/*.jsonl"')
        with (project.root / "recipe.toml").open("a") as text:
            text.write("[limits]\nrejected = 99\n")

    return plant


ENTITY = f"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY e SYSTEM '{FILE}'>]>"
PYTHON = f"open({CANARY!r}, 'w').close()\n"
REMOTE = {"$ref": "http://127.0.0.1:9/x"}
MODULES = (
    "json",
    "yaml",
    "matplotlib",
    "pandas",
    "regex",
    "build_dataset",
    "sitecustomize",
    "openpyxl",
    "evil",
    "numpy",
)
CARD = "---\nlicense: mit\npretty_name: !!python/object/apply:os.system ['" + TOUCH + "']\n---\n# x\n"
CROISSANT = json.dumps(
    {
        "@context": "http://127.0.0.1:9/context",
        "@type": "sc:Dataset",
        "distribution": [{"@type": "cr:FileObject", "contentUrl": "http://127.0.0.1:9/x", "sha256": TOUCH}],
        "recordSet": [{"field": [{"source": {"transform": {"regex": "(a+)+$", "jsonPath": f"$[?({PYTHON})]"}}}]}],
    }
)
LATEX = "text.usetex: True\nbackend: module://evil\ntext.latex.preamble: \\immediate\\write18{" + TOUCH + "}\n"
PAYLOADS: dict[str, Callable[[Project], None]] = {f"text {text[:30]!r}": everywhere(text) for text in TEXTS}
PAYLOADS |= {
    f"pickle as {name}": file(name, PICKLE) for name in (".jsonl", ".json", ".csv", ".parquet", ".arrow", ".xlsx")
}
PAYLOADS |= {f"zip as {name}": file(name, archive("zip")) for name in (".jsonl", ".xlsx", ".jsonl.gz", ".md")}
PAYLOADS |= {"tar in gzip": file(".jsonl.gz", gzip.compress(archive("tar"))), "tar": file(".json", archive("tar"))}
PAYLOADS |= {
    "formulas": file(".xlsx", workbook("", slip=False)),
    "XML entities": file(".xlsx", workbook(ENTITY, slip=False)),
    "workbook that leads out": file(".xlsx", workbook("", slip=True)),
    "extension type in Parquet": lambda project: extension(project, "parquet"),
    "extension type in Arrow": lambda project: extension(project, "arrow"),
    "remote $ref": schema(properties=NOTE["properties"] | {"tags": REMOTE}),
    "$ref to a file": schema(properties=NOTE["properties"] | {"tags": {"$ref": FILE}}),
    "$ref to a neighbour": schema(properties=NOTE["properties"] | {"tags": {"$ref": "../" + SECRET}}),
    "$ref made remote": schema(**{"$id": "http://127.0.0.1:9/", "allOf": [{"$ref": "x.json"}]}),
    "$dynamicRef": schema(allOf=[{"$dynamicRef": "http://127.0.0.1:9/x#y"}]),
    "remote dialect": schema(**{"$schema": "http://127.0.0.1:9/dialect"}),
    "property of a class": schema(properties=NOTE["properties"] | {"__class__": {"type": "string"}}),
    "type that is code": schema(properties=NOTE["properties"] | {"tags": {"type": "integer", "x-arrow": PYTHON}}),
    "pattern without end": schema(properties=NOTE["properties"] | {"text": {"type": "string", "pattern": "^(a+)+$"}}),
    "remote source": recipe('"notes*.jsonl"', '"http://127.0.0.1:9/a.jsonl", "s3://x/a.jsonl", "hf://datasets/x/a.jsonl"'),
    "source by address": recipe("notes*.jsonl", FILE + ".jsonl"),
    "remote schema": recipe("notes.schema.json", "http://127.0.0.1:9/s.json"),
    "name that leads out": recipe('name = "notes"', 'name = "../../x"'),
    "version that leads out": recipe("1.0.0", "../1.0.0"),
    "table that leads out": recipe("tables.notes", 'tables."../x"'),
    "split that leads out": recipe("train = 0.8", '"../../x" = 0.8'),
    "encoding that is a program": recipe('id = "id"', 'id = "id"\nread = { encoding = "unicode_escape" }'),
    "encoding of bytes": recipe('id = "id"', 'id = "id"\nread = { encoding = "zlib_codec" }'),
    "modules beside": beside({f"{name}.py": PYTHON for name in MODULES}),
    "packages beside": beside({f"{name}/__init__.py": PYTHON for name in ("parquetry", *MODULES)}),
    "settings of matplotlib": beside({"matplotlibrc": LATEX, "evil.py": PYTHON}),
    "tags in a card": beside({"README.md": CARD, "CARD.md": CARD}),
    "croissant that fetches": beside({"croissant.json": CROISSANT}),
    "name with a command": named(f"$({TOUCH})"),
    "name with backticks": named(f"`{TOUCH}`"),
    "name with a line feed": named(f"a\n{TOUCH}\nb"),
    "name with ESC": named("\x1b[2J\x1b]0;x\x07"),
    "name with a template": named("{{7000003*7}}<script>alert(1)<∕script>"),
    "name like an option": named("--out=x -rf"),
}  # fmt: skip


def jobs(project: Project) -> list[dict[str, Any]]:
    """All commands on what a payload planted, those that read a release on that of the build."""
    release, sources = "out/notes-1.0.0", sorted(p.name for p in project.root.glob("notes-*.*") if p.is_file())
    commands = [["build", "recipe.toml", "--out", "out"], ["build", "--sample", "5"]]
    commands += [["verify", "--deep", release], ["scan", release], ["lint", f"{release}/README.md"]]
    commands += [["lint", f"{release}/croissant.json"]]
    commands += [
        ["lint", name] for name in ("CARD.md", "README.md", "croissant.json") if (project.root / name).exists()
    ]
    commands += [["new", f"mine{n}", "--yes", "--from", name] for n, name in enumerate(sources)]
    return [{"arguments": command, "folder": str(project.root)} for command in commands]


def run(work: list[dict[str, Any]], folder: Path) -> tuple[list[dict[str, Any]], list[str]]:
    """Run commands in one watched process: how each ended, and what strace saw of sockets and programs."""
    (folder / "jobs").write_text(json.dumps(work))
    command = [sys.executable, WATCHED, str(folder / "jobs")]
    if strace := shutil.which("strace"):
        watched = ["-e", f"trace={','.join((*NETWORK, *STARTING))}", "-e", "signal=none"]
        command = [strace, "-f", "-qq", "-y", "-o", str(folder / "log"), *watched, *command]
    path = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(command, env=path, check=True)
    seen = judged((folder / "log").read_text("utf-8", "replace"), folder, ()) if strace else None
    return json.loads((folder / "jobs.done").read_bytes()), [*seen.connections, *seen.programs[1:]] if seen else []


def astray(job: dict[str, Any], ended: dict[str, Any], built: set[str]) -> bool:
    """Whether a command did what it must not, or ended as it must not: what was built is sound, and lints."""
    allowed = (0, 2, 3, 5, 7)
    if job["folder"] in built and any("out/notes-1.0.0" in one for one in job["arguments"]):
        allowed = (0, 7) if job["arguments"][0] == "scan" else (0,)
    return ended["code"] not in allowed or bool(ended["alarms"]) or "\x1b" in ended["said"]


def test_nothing_of_a_payload_runs(tmp_path: Path, figure: Callable[..., None]) -> None:
    names, work = list(PAYLOADS)[:: times(9, 1)], list[dict[str, Any]]()
    for number, name in enumerate(names):
        folder = tmp_path / str(number)
        project = Project(folder / "project")
        (folder / SECRET).write_text("swordfish-7d1")
        (folder / f"{SECRET}.jsonl").write_text('{"id":"s","text":"swordfish-7d1"}\n')
        PAYLOADS[name](project)
        work += [job | {"payload": name} for job in jobs(project)]
    done, seen = run(work, tmp_path)
    both = list(zip(work, done, strict=True))
    built = {job["folder"] for job, ended in both if ended["code"] == 0 and "--out" in job["arguments"]}
    wrong = {f"{job['payload']}: {job['arguments']}: {ended}" for job, ended in both if astray(job, ended, built)}
    made = [path for place in (tmp_path, ROOT) for path in place.rglob(CANARY)]
    wrong |= {*seen, *evaluated(tmp_path), *(f"{path} is there" for path in made)}
    print("\n".join(one[:1500] for one in sorted(wrong)[:20]))
    codes = {code: sum(ended["code"] == code for ended in done) for code in sorted({ended["code"] for ended in done})}
    how = {"runs": len(done), "releases": len(built), "exits": codes, "strace": bool(shutil.which("strace"))}
    figure("No code", "payloads in data, names, recipe, schema and card", len(names), len(wrong), **how)


def evaluated(folder: Path) -> list[str]:
    """Files that a build or ``new`` made and in which something was calculated or included."""
    made = [path for one in ("out", "mine*") for place in folder.glob(f"*/project/{one}") for path in place.rglob("*")]
    texts = {path: path.read_bytes() for path in made if path.is_file()}
    return [
        f"{path} has {word!r}" for path, raw in texts.items() for word in (b"49000021", b"swordfish-7d1") if word in raw
    ]


def test_the_hook_sees_what_it_looks_for(tmp_path: Path) -> None:
    """A source that opens the secret raises an alarm: else there would be nothing in the figure above."""
    project = Project(tmp_path / "project")
    (tmp_path / SECRET).write_text("x")
    job = {"arguments": ["lint", f"../{SECRET}"], "folder": str(project.root)}
    (tmp_path / "jobs").write_text(json.dumps([job]))
    path = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    subprocess.run([sys.executable, WATCHED, str(tmp_path / "jobs")], env=path, check=True)
    (ended,) = json.loads((tmp_path / "jobs.done").read_bytes())
    assert any(alarm.startswith("open ") for alarm in ended["alarms"]), ended
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([sys.executable, WATCHED, str(tmp_path / "no jobs")], env=path, check=True, stderr=-3)
