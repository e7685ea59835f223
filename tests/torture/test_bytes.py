"""The same recipe and the same sources give the same bytes, wherever, whenever and by whomever they are built."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import DATASET, NOTE, ROOT, stored
from torture.conftest import FULL, times

RECIPE = f"""{DATASET}
[tables.notes]
schema = "notes.schema.json"
sources = ["in/**/*.jsonl", "in/**/*.gz", "in/*.csv", "in/*.parquet"]
id = "id"
text = ["text"]
default = true
duplicates = {{ exact = "drop", near = "group" }}

[tables.notes.split]
ratios = {{ train = 0.8, validation = 0.1, test = 0.1 }}
group_by = ["source"]

[tables.pages]
schema = "pages.schema.json"
sources = ["in/pages/*.txt", "in/pages/*.md"]
id = "path"
split = {{ only = "train" }}
"""
PAGE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["path", "text"],
    "properties": {
        "path": {"type": "string", "description": "Name."},
        "text": {"type": "string", "description": "What it says."},
        "title": {"type": ["string", "null"], "description": "Title, in İstanbul and elsewhere."},
    },
}
WORDS = "alone bright calm drift early fjord glade hymn ivory jetty kiln lunar mossy north oaken prime quiet".split()


def notes() -> list[dict[str, Any]]:
    """Some hundred records, among them texts that stand twice, or nearly."""
    draw = random.Random("notes")
    rows = list[dict[str, Any]]()
    for number in range(400):
        text = " ".join(draw.choice(WORDS) for _ in range(30)) + f" ıİß{number}"
        if number % 7 == 3:
            text = rows[-1]["text"].replace(" ıİß", " ıİßx")
        if number % 11 == 5:
            text = rows[-2]["text"]
        source = draw.choice(["a", "É", "ı", f"s{number % 90}"])
        rows.append({"id": f"n{number:03}", "text": text, "source": source, "day": f"2020-02-{1 + number % 28:02}"})
    return rows


def files(folder: Path) -> list[Callable[[], object]]:
    """What writes each file of the sources, in any order."""
    rows = notes()
    parts = [rows[at : at + 50] for at in range(0, len(rows), 50)]

    def lines(part: list[dict[str, Any]]) -> bytes:
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part).encode()

    made: list[Callable[[], object]] = []
    for name, part in zip(("b.jsonl", "B.jsonl", "é/c.jsonl", "a.jsonl.gz", "sub/İ.jsonl"), parts, strict=False):
        made.append(lambda name=name, part=part: stored(folder, name, lines(part)))
    cells = "id,text,source,day\n" + "".join(
        f"{r['id']},{r['text']},{r['source'] or ''},{r['day']}\n" for r in parts[5]
    )
    made.append(lambda: stored(folder, "d.csv", cells.encode()))
    for name, part in (("e.parquet", parts[6]), ("f.parquet", parts[7])):
        made.append(lambda name=name, part=part: pq.write_table(pa.Table.from_pylist(part), folder / name))
    for number in range(20):
        front = "---\ntitle: no\n---\n" if number % 2 else ""
        made.append(lambda n=number, front=front: stored(folder, f"pages/{n}.md", f"{front}Page {n}, ıİ.\n".encode()))
    made.append(lambda: stored(folder, "pages/z.txt", b"Last."))
    return made


def project(root: Path, seed: str) -> Path:
    """A project whose files were made in one order of many."""
    order = files(root / "in")
    random.Random(seed).shuffle(order)
    (root / "in").mkdir(parents=True)
    for make in order:
        make()
    for name, document in (("notes", NOTE), ("pages", PAGE)):
        (root / f"{name}.schema.json").write_text(json.dumps(document), "utf-8")
    (root / "recipe.toml").write_text(RECIPE, "utf-8")
    return root


def digest(release: Path) -> str:
    """The digest of a release and of what was removed from it."""
    removed = release.with_name(f"{release.name}.removed") / "duplicates.jsonl"
    sums = hashlib.sha256((release / "SHA256SUMS").read_bytes()).hexdigest()
    return f"{sums} {hashlib.sha256(removed.read_bytes()).hexdigest()}"


@pytest.fixture(scope="module")
def turkish(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Where a Turkish locale is, in which I and i are no pair; made where the system has none."""
    folder = tmp_path_factory.mktemp("locales")
    if shutil.which("localedef"):
        command = ["localedef", "-i", "tr_TR", "-f", "UTF-8", str(folder / "tr_TR.UTF-8")]
        if subprocess.run(command, capture_output=True, check=False).returncode == 0:
            return {"LOCPATH": str(folder)}
    return {}


@pytest.fixture
def places(tmp_path: Path) -> Iterator[list[Path]]:
    """Folders on file systems that list files in other orders."""
    found = [tmp_path]
    if os.access("/dev/shm", os.W_OK):
        found.append(Path(tempfile.mkdtemp(dir="/dev/shm")))
    yield found
    for extra in found[1:]:
        shutil.rmtree(extra)


CLOCKS = ("", "1970-01-02 00:00:00", "2038-01-19 03:14:07", "2099-12-31 23:59:58", "2024-02-29 12:00:00")
ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns", "Pacific/Kiritimati", "nowhere/at all")
LOCALES = ("C", "POSIX", "C.UTF-8", "tr_TR.UTF-8", "xx_XX")
MASKS = (0o022, 0o077, 0o000)
HOMES = ("own", "none", "missing", "file")
FOLDERS = ("plain", "with space", "ünï-İı", "a/b/c/d/e", "-rf", "[x]*")


class Variation:
    """How one build differs from the others."""

    def __init__(self, number: int, turkish: dict[str, str]) -> None:
        draw = random.Random(f"variation {number}")

        def one(of: tuple[Any, ...]) -> Any:  # each value of the small sets in turn, in any company
            return of[(number + draw.choice((0, 0, 0, 1, 2))) % len(of)]

        self.seed, self.folder, self.mask, self.clock = f"order {number}", one(FOLDERS), one(MASKS), one(CLOCKS)
        self.workers, self.cores, self.home = one((1, 2, 4)), one(("0", "0-1")), one(HOMES)
        self.relative, self.terminal, self.memory = draw.random() < 0.5, number % 4 == 1, number % 2
        self.locale, hashes = one(LOCALES), str(draw.randrange(2**32))
        self.environment = {"TZ": one(ZONES), "LC_ALL": self.locale, "PYTHONHASHSEED": hashes} | turkish

    def run(self, root: Path) -> tuple[Path, str]:
        """Build in a child process, and say where the release is and what was printed."""
        environment = os.environ | self.environment | {"PYTHONDONTWRITEBYTECODE": "1"}
        homes = {"none": None, "missing": str(root / "no home"), "file": str(root / "recipe.toml")}
        if self.home in homes:
            environment.pop("HOME")
            environment |= {"HOME": home} if (home := homes[self.home]) else {}
        cwd = root / "in" if self.relative else Path("/")
        recipe, out = root / "recipe.toml", root / "releases"
        given = (os.path.relpath(recipe, cwd), os.path.relpath(out, cwd)) if self.relative else (str(recipe), str(out))
        command = [sys.executable, str(ROOT / "build_dataset.py"), "--workers", str(self.workers), "--out", given[1]]
        if self.clock and shutil.which("faketime"):
            command = ["faketime", "-f", f"@{self.clock}", *command]
        if shutil.which("taskset") and (os.cpu_count() or 1) > 1:
            command = ["taskset", "-c", self.cores, *command]
        code, said = start([*command, "--", given[0]], environment, cwd, self.mask, terminal=self.terminal)
        assert code == 0, (vars(self), said)
        return out / "notes-1.0.0", said


def start(command: list[str], environment: dict[str, str], cwd: Path, mask: int, *, terminal: bool) -> tuple[int, str]:
    """Run a command, on a terminal or not, and say how it ended and what it printed."""
    if not terminal:
        done = subprocess.run(
            command, env=environment, cwd=cwd, umask=mask, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        return done.returncode, done.stdout.decode("utf-8", "replace")
    here, there = pty.openpty()
    with subprocess.Popen(command, env=environment, cwd=cwd, umask=mask, stdout=there, stderr=there) as child:
        os.close(there)
        said = b""
        with suppress(OSError):  # EIO is the end of a terminal
            while some := os.read(here, 65536):
                said += some
    os.close(here)
    return child.returncode, said.decode("utf-8", "replace")


def test_where_when_and_how_it_is_built_does_not_show(
    figure: Callable[..., None], places: list[Path], turkish: dict[str, str]
) -> None:
    digests, orders, modes = dict[str, list[int]](), set[tuple[str, ...]](), set[str]()
    builds = times(8, 40)
    for number in range(builds):
        one = Variation(number, turkish)
        root = project(places[number % len(places)] / f"{number}" / one.folder, one.seed)
        orders.add(tuple(path.name for path in (root / "in/pages").iterdir()))
        release, _ = one.run(root)
        digests.setdefault(digest(release), []).append(number)
        modes |= {f"{path.stat().st_mode & 0o777:o}" for path in [release, *release.rglob("*")]}
        assert not (root / "no home").exists()
        shutil.rmtree(root.parent)
    assert modes == {"755", "644"}
    left_out = [name for name in ("faketime", "taskset") if not shutil.which(name)] + ["tr_TR"] * (not turkish)
    what = (
        "builds over time zone, locale, hash seed, clock, cores, workers, order of files, umask, folder, home, terminal"
    )
    figure(
        "The same bytes",
        what,
        builds,
        builds - max(map(len, digests.values())),
        digests=len(digests),
        orders_of_files=len(orders),
        not_tried=left_out,
    )
    assert len(orders) > 1, "all folders listed their files in one order"


def pythons() -> dict[str, str]:
    """Other interpreters that the package takes, by version."""
    found = dict[str, str]()
    candidates = [*Path.home().glob(".pyenv/versions/3.1[1-9]*/bin/python"), *Path("/usr/bin").glob("python3.1[1-9]")]
    for path in sorted(candidates):
        done = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        found.setdefault(done.stdout.removeprefix("Python ").strip(), str(path))
    return {version: path for version, path in found.items() if version and version != sys.version.split()[0]}


@pytest.mark.skipif(not FULL, reason="sets up other interpreters: only with FULL=1")
def test_the_version_of_python_does_not_show(figure: Callable[..., None], tmp_path: Path) -> None:
    if not (others := pythons()):
        pytest.skip("there is no other Python 3.11 or newer")
    root, digests, skipped = project(tmp_path / "project", "one"), dict[str, str](), list[str]()
    here = sys.version.split()[0]
    for version, python in {here: sys.executable, **others}.items():
        if python != sys.executable and not (python := set_up(python, tmp_path / version / "venv")):
            skipped.append(version)
            continue
        out = tmp_path / version / "out"
        command = [python, str(ROOT / "build_dataset.py"), str(root / "recipe.toml"), "--out", str(out)]
        path = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        subprocess.run(command, check=True, capture_output=True, env=path)
        digests[version] = digest(out / "notes-1.0.0")
    broke = sum(one != digests[here] for one in digests.values())
    figure("The same bytes", "versions of Python", len(digests), broke, versions=list(digests), not_set_up=skipped)


def set_up(python: str, folder: Path) -> str:
    """An interpreter in a folder with all that the package needs; nothing where that cannot be had quickly."""
    needs = subprocess.run([sys.executable, "-c", NEEDS], check=True, capture_output=True, text=True, cwd=ROOT)
    program = str(folder / "bin/python")
    install = [program, "-m", "pip", "install", "-q", "--only-binary", ":all:", "-c", "constraints.txt"]
    try:
        subprocess.run([python, "-m", "venv", str(folder)], check=True, capture_output=True)
        subprocess.run([*install, *needs.stdout.splitlines()], check=True, capture_output=True, cwd=ROOT, timeout=300)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return ""
    return program


#: Prints what the package needs, as pyproject.toml says it.
NEEDS = "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\\n')"
