"""Links, pipes, names and permissions: each has its exit and its code, and none is waited for."""

from __future__ import annotations

import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from conftest import NOTE, ROOT, Project
from torture.conftest import times

#: Seconds that a build of a few rows may take before it is taken to wait for something.
PATIENCE = 60
ROW = '{"id":"x","text":"x"}\n'
DOCUMENT = NOTE | {
    "properties": {"path": NOTE["properties"]["id"], "text": NOTE["properties"]["text"]},
    "required": ["text", "path"],
}


PAGES = """
[tables.pages]
schema = "pages.schema.json"
sources = ["pages/*.md"]
id = "path"
split.only = "train"
"""


class Case(NamedTuple):
    """Something odd, and how a build of it must end."""

    plant: Callable[[Project], object]
    exit: int
    code: str = ""
    arguments: tuple[str, ...] = ("build", "recipe.toml", "--out", "out")
    weak: bool = False  #: Whether it is run without the right to read everything.


def link(name: str, target: str, pattern: str = "notes*.jsonl") -> Callable[[Project], None]:
    """A link among the sources."""

    def plant(project: Project) -> None:
        (project.root.parent / "else").mkdir()
        (project.root.parent / "else/notes-e.jsonl").write_text(ROW)
        (project.root / name).parent.mkdir(exist_ok=True)
        (project.root / name).symlink_to(target)
        project.edit("notes*.jsonl", pattern)

    return plant


def pipe(name: str, old: str = "", new: str = "") -> Callable[[Project], None]:
    """A pipe that nobody writes to."""

    def plant(project: Project) -> None:
        path = project.root / name
        path.unlink(missing_ok=True)
        os.mkfifo(path)
        if old:
            project.edit(old, new)

    return plant


def tell(project: Project) -> None:
    """A socket."""
    one, here = socket.socket(socket.AF_UNIX), Path.cwd()
    os.chdir(project.root)  # the name of a socket is short
    try:
        one.bind("notes-s.jsonl")
    finally:
        os.chdir(here)
        one.close()


def twice(project: Project) -> None:
    """Two ways from a folder to itself: 2^40 to each file in it, before the system gives up."""
    for name in ("one", "two"):
        (project.root / name).symlink_to(".")
    project.edit("notes*", "**/notes*")


def shut(name: str, pattern: str) -> Callable[[Project], None]:
    """A file or folder that may not be read."""

    def plant(project: Project) -> None:
        project.file("notes-d/x.jsonl", ROW)
        (project.root / name).chmod(0)
        project.edit('"notes*.jsonl"', f'"notes*.jsonl", "{pattern}"')

    return plant


def into(name: str) -> Callable[[Project], None]:
    """A source where the build puts its own."""

    def plant(project: Project) -> None:
        project.file(f"out/{name}/a.jsonl", ROW)
        project.edit("notes*.jsonl", f"out/{name}/*.jsonl")

    return plant


def raw(name: bytes, row: str = ROW) -> Callable[[Project], None]:
    """A source with a name of any bytes."""

    def plant(project: Project) -> None:
        path = Path(os.fsdecode(os.fsencode(project.root) + b"/" + name))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(row)
        project.edit("notes*.jsonl", "**/*.jsonl")

    return plant


def pages(name: str) -> Callable[[Project], None]:
    """A document whose name is a value of its row."""

    def plant(project: Project) -> None:
        project.schema("notes", DOCUMENT)
        project.file(f"pages/{name}.md", "Text.")
        project.edit("notes*.jsonl", "pages/*.md")
        project.edit('id = "id"', 'id = "path"')

    return plant


NFC, NFD = (unicodedata.normalize(form, "notes-é.jsonl").encode() for form in ("NFC", "NFD"))
AGAINST = 'text = ["text"]\ndecontaminate = { against = ["held.jsonl"] }\nid = "id"'
CASES = {
    "link to itself": Case(link("notes-l.jsonl", "notes-l.jsonl"), 3, "INPUT_LINK"),
    "link to nowhere": Case(link("notes-l.jsonl", "nowhere"), 3, "INPUT_LINK"),
    "link out of the folder": Case(link("notes-l.jsonl", "../else/notes-e.jsonl"), 3, "INPUT_LINK"),
    "link to a folder outside": Case(link("sub", "../else", "**/notes*.jsonl"), 3, "INPUT_LINK"),
    "link to a folder outside by a star": Case(link("sub", "../else", "*/notes*.jsonl"), 3, "INPUT_LINK"),
    "link to the folder above": Case(link("sub/up", "../..", "**/notes*.jsonl"), 3, "INPUT_LINK"),
    "link to the folder itself": Case(link("sub/up", "..", "**/notes*.jsonl"), 0),
    "two links to the folder itself": Case(twice, 0),
    "link to a neighbour": Case(link("notes-l.jsonl", "notes.jsonl"), 0),
    "link that is named": Case(link("notes-l.jsonl", "../else/notes-e.jsonl", "notes-l.jsonl"), 0),
    "folder above": Case(link("sub", "../else", "../else/*.jsonl"), 0),
    "pipe": Case(pipe("notes-p.jsonl"), 3, "INPUT_TYPE"),
    "pipe that is named": Case(pipe("p.jsonl", "notes*.jsonl", "p.jsonl"), 3, "INPUT_TYPE"),
    "pipe that is given for a split": Case(
        pipe("notes-p.jsonl", "ratios = { train = 0.8, test = 0.2 }", 'given = { train = ["notes*"] }'), 3, "INPUT_TYPE"
    ),
    "pipe that is held out": Case(pipe("held.jsonl", 'id = "id"', AGAINST), 3, "INPUT_TYPE"),
    "pipe instead of a recipe": Case(pipe("recipe.toml"), 2, "RECIPE_MISSING"),
    "pipe instead of a schema": Case(pipe("notes.schema.json"), 2, "RECIPE_FILE_MISSING"),
    "pipe instead of a card": Case(pipe("c.md", "creators =", 'card = "c.md"\ncreators ='), 2, "RECIPE_FILE_MISSING"),
    "pipe for a new dataset": Case(pipe("p.jsonl"), 2, "SOURCE_MISSING", ("new", "x", "--yes", "--from", "p.jsonl")),
    "pipe to lint": Case(pipe("p.md"), 2, "FILE_MISSING", ("lint", "p.md")),
    "socket": Case(tell, 3, "INPUT_TYPE"),
    "device": Case(lambda project: project.edit("notes*.jsonl", "/dev/nul*"), 3, "INPUT_TYPE"),
    "device that is named": Case(lambda project: project.edit("notes*.jsonl", "/dev/zero"), 3, "INPUT_TYPE"),
    "folder called like a file": Case(lambda project: (project.root / "notes-d.jsonl").mkdir(), 3, "INPUT_TYPE"),
    "file that may not be read": Case(shut("notes-d/x.jsonl", "notes-d/*"), 3, "INPUT_PERMISSION", weak=True),
    "folder that may not be read": Case(shut("notes-d", "notes-d/*"), 3, "INPUT_PERMISSION", weak=True),
    "folder that may not be read on the way": Case(shut("notes-d", "**/x*.jsonl"), 3, "INPUT_PERMISSION", weak=True),
    "source in the place of the release": Case(into("notes-1.0.0"), 3, "OUTPUT_NOT_OURS"),
    "output in a folder that is searched": Case(lambda project: project.edit("notes*.jsonl", "**/*.jsonl"), 0),
    "output is a file": Case(lambda project: project.file("out", "x"), 4, "DISK_IO"),
    "release is a link": Case(link("out/notes-1.0.0", "../../else"), 3, "OUTPUT_NOT_OURS"),
    "line feed in a name": Case(raw(b"a\nb.jsonl"), 0),
    "ESC in a name": Case(raw(b"\x1b[2J\x1b]0;x\x07.jsonl"), 0),
    "ESC in a name of bad rows": Case(raw(b"\x1b[2J.jsonl", '{"id":1}\n'), 3, "SCHEMA_"),
    "option as a name": Case(raw(b"-rf.jsonl"), 0),
    "wildcards in a name": Case(raw(b"*?[]{}.jsonl"), 0),
    "250 bytes in a name": Case(raw(b"x" * 244 + b".jsonl"), 0),
    "bidirectional name": Case(raw("\u202egnp.jsonl".encode()), 0),
    "reserved name": Case(raw(b"con/aux.jsonl"), 0),
    "NFC": Case(lambda project: [raw(NFC)(project), project.file(NFD.decode(), '{"id":"y","text":"y"}\n')], 0),
    "not UTF-8": Case(raw(b"a\xff.jsonl"), 3, "INPUT_NAME"),
    "not UTF-8 in a folder": Case(raw(b"\xff/a.jsonl"), 3, "INPUT_NAME"),
    "document with a line feed in its name": Case(pages("a\nb"), 0),
    "document with ESC in its name": Case(pages("\x1b[2J"), 0),
    "document with HTML in its name": Case(pages("<script>alert(1)<∕script>"), 0),
}


def run(case: Case, project: Project) -> tuple[int, str]:
    """Run the command of a case; 99 is one that was waited for in vain."""
    command = [sys.executable, "-m", "parquetry", *case.arguments]
    if case.weak and os.geteuid() == 0:
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    path = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    try:
        done = subprocess.run(command, cwd=project.root, env=path, capture_output=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return 99, ""
    return done.returncode, (done.stdout + done.stderr).decode("utf-8", "backslashreplace")


def told(project: Project) -> bool:
    """Whether the manifest has the exact name of each source, and no paper what a terminal or browser acts on."""
    release = project.root / "out/notes-1.0.0"
    manifest = json.loads((release / "manifest.json").read_bytes())
    names = [source["path"] for source in manifest["tables"]["notes"]["sources"]]
    papers = [(release / name).read_text("utf-8") for name in ("README.md", "index.html", "SHA256SUMS")]
    there = all(os.path.lexists(project.root / name) for name in names) and len(names) == len(set(names))
    return there and not any(word in paper for paper in papers for word in ("\x1b", "\u202e"))


def test_each_odd_source_has_its_exit_and_its_code(tmp_path: Path, figure: Callable[..., None]) -> None:
    names = list(CASES)[:: times(6, 1)]
    weak = os.geteuid() != 0 or bool(shutil.which("setpriv"))
    wrong, left_out = list[str](), [name for name in names if CASES[name].weak and not weak]
    for number, name in enumerate(names):
        if name in left_out:
            continue
        case, project = CASES[name], Project(tmp_path / f"{number}/project")
        project.rows("notes.jsonl", [{"id": f"n{n}", "text": f"text {n}"} for n in range(4)])
        case.plant(project)
        ended, said = run(case, project)
        code = f"error[{case.code}" if case.code else "notes-1.0.0: built"
        if ended != case.exit or code not in said or "\x1b" in said or "Traceback" in said:
            wrong.append(f"{name}: {ended} {said}")
        elif ended == 0 and not told(project):
            wrong.append(f"{name}: not as it should be in manifest or card")
    print("\n".join(wrong))
    how = {"waited_in_vain": sum(": 99 " in one for one in wrong), "not_tried": left_out}
    figure(
        "No traceback",
        "links, pipes, permissions and names among the sources",
        len(names) - len(left_out),
        len(wrong),
        **how,
    )


def test_many_small_files_need_few_open_ones(project: Project, figure: Callable[..., None]) -> None:
    many = times(600, 20_000)
    for folder, suffix, row in (("many", "jsonl", '{{"id":"m{0}","text":"t{0}"}}\n'), ("pages", "md", "Page {0}.")):
        (project.root / folder).mkdir(parents=True)
        for number in range(many):
            (project.root / folder / f"{number:05}.{suffix}").write_text(row.format(number))
    project.edit("notes*.jsonl", "many/*.jsonl")
    project.schema("pages", DOCUMENT)
    with (project.root / "recipe.toml").open("a") as recipe:
        recipe.write(PAGES)
    command = [sys.executable, "-m", "parquetry", "build", "recipe.toml", "--out", "out", "--workers", "2"]
    path = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    done = subprocess.run(
        command, cwd=project.root, env=path, capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)),
    )  # fmt: skip
    said = f"books   read {2 * many:,} = published {2 * many:,} + removed 0"
    figure(
        "No traceback",
        "small files with a limit of 64 open files",
        2 * many,
        int(done.returncode != 0 or said not in done.stdout),
    )
