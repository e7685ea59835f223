"""No command but ``publish`` and ``get`` opens a connection, starts a program, or writes where it was not told to."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
from conftest import ROOT, Project
from torture.conftest import FULL

#: System calls that reach a network, start a program, or change what is on a disk.
NETWORK = ("socket", "connect", "sendto", "sendmsg", "bind", "listen", "accept4")
STARTING = ("execve", "execveat")
CHANGING = (
    "open", "openat", "openat2", "creat", "mkdir", "mkdirat", "mknod", "mknodat", "rename", "renameat", "renameat2",
    "unlink", "unlinkat", "rmdir", "link", "linkat", "symlink", "symlinkat", "chmod", "fchmod", "fchmodat", "chown",
    "fchown", "lchown", "fchownat", "truncate", "ftruncate", "utimensat", "setxattr",
)  # fmt: skip
CALL = re.compile(r"^\d+ +(\w+)\((.*)\) += (-?\d+|\?)(.*)$")
#: Where anyone may write: it is no place.
NOWHERE = ("/dev/null", "/dev/tty")


class Command(NamedTuple):
    """A command, and where it may write."""

    arguments: tuple[str, ...]
    places: tuple[str, ...] = ()  #: Relative to the project: names that begin so.


#: All commands but ``publish`` and ``get``, in an order in which each finds what it needs.
COMMANDS = {
    "build into a folder": Command(("build", "recipe.toml", "--out", "out"), ("out",)),
    "build": Command(("build",), ("data", "CARD.md", ".CARD.md.new")),
    "check": Command(("build", "--check")),
    "sample": Command(("build", "--sample", "10")),
    "verify quick": Command(("verify", "--quick", "data/notes-1.0.0")),
    "verify": Command(("verify", "data/notes-1.0.0")),
    "verify deep": Command(("verify", "--deep", "data/notes-1.0.0")),
    "diff": Command(("diff", "out/notes-1.0.0", "data/notes-1.0.0")),
    "lint a card": Command(("lint", "data/notes-1.0.0/README.md")),
    "lint croissant": Command(("lint", "data/notes-1.0.0/croissant.json")),
    "scan": Command(("scan", "data/notes-1.0.0")),
    "new": Command(("new", "mine", "--yes"), ("mine", ".mine.")),
    "new from a file": Command(("new", "theirs", "--yes", "--from", "notes.jsonl"), ("theirs", ".theirs.")),
}
SOME = ("build into a folder", "build", "verify deep", "lint a card", "scan", "new from a file")


class Seen(NamedTuple):
    """What a process did that it should not."""

    connections: list[str]
    programs: list[str]
    writes: list[str]


def watch(strace: str, command: Command, root: Path, environment: Mapping[str, str], aside: Path) -> Seen:
    """Run a command under strace, and say what it did."""
    log, temporary = aside / "log", aside / "tmp"
    temporary.mkdir(exist_ok=True)
    watched = ",".join((*NETWORK, *STARTING, *CHANGING))
    watcher = [strace, "-f", "-qq", "-y", "-s", "4096", "-o", str(log), "-e", f"trace={watched}", "-e", "signal=none"]
    program = [sys.executable, "-m", "parquetry", *command.arguments]
    done = subprocess.run(
        [*watcher, *program], cwd=root, env=environment | {"TMPDIR": str(temporary)}, capture_output=True, check=False
    )
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    allowed = (f"{temporary}/", *(str(root / place) for place in command.places))
    return judged(log.read_text("utf-8", "replace"), root, allowed)


def judged(log: str, root: Path, allowed: tuple[str, ...]) -> Seen:
    """What in a log of system calls reaches out, starts a program, or changes what is not allowed."""
    seen = Seen([], [], [])
    for line in whole(log):
        if not (match := CALL.match(line)):
            assert "exited with" in line or "killed by" in line or "+++" in line or "---" in line, line
            continue
        name, arguments = match[1], match[2]
        if name in NETWORK:
            family = re.search(r"\bAF_\w+", arguments)
            if not family or family[0] not in ("AF_UNIX", "AF_LOCAL"):  # in which libc asks for the home folder
                seen.connections.append(line)
        elif name in STARTING:
            seen.programs.append(line)
        elif name not in ("open", "openat", "openat2") or re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|APPEND)", arguments):
            paths = changed(name, arguments, root)
            assert paths, line
            if not all(path in NOWHERE or path.startswith(allowed) for path in paths):
                seen.writes.append(line)
    return seen


def whole(log: str) -> list[str]:
    """The calls of a log, those put together that another thread cut in two."""
    begun, found = dict[str, str](), list[str]()
    for line in log.splitlines():
        thread = line.split(" ", 1)[0]
        if line.endswith("<unfinished ...>"):
            begun[thread] = line.removesuffix("<unfinished ...>").rstrip()
        elif match := re.match(r"\d+ +<\.\.\. \w+ resumed>(.*)", line):
            found.append(begun.pop(thread) + match[1])
        else:
            found.append(line)
    return found


def changed(name: str, arguments: str, root: Path) -> list[str]:
    """The paths that a call changes: a path may be relative to a folder that is open, which strace names."""
    found, folder = list[str](), str(root)
    for handle, text in re.findall(r'(?:AT_FDCWD|\d+)(?:<([^>]*)>)|"((?:[^"\\]|\\.)*)"', arguments):
        if handle:
            folder = handle
            if name.startswith("f") and not name.endswith("at"):  # of an open file
                found.append(handle)
        else:
            found.append(os.path.normpath(Path(folder, text)))
            if name in ("symlink", "symlinkat") and len(found) == 2:
                found.pop(0)  # what a link says is no place
    return found


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project with near-duplicates, a card, prose, CSV files and personal data: all that a build may do."""
    made = Project(tmp_path / "project")
    texts = [f"word{n % 7} one two three four five six seven eight nine ten {n % 40}" for n in range(120)]
    made.rows("notes.jsonl", [{"id": f"n{n}", "text": text, "source": f"s{n % 5}"} for n, text in enumerate(texts)])
    made.edit('id = "id"', 'id = "id"\ntext = ["text"]\nduplicates = { near = "group" }')
    made.edit("creators =", 'card = "CARD.md"\npersonal = "count"\ncreators =')
    made.file("CARD.md", "# Notes\n\nProse.\n")
    with (made.root / "recipe.toml").open("a") as file:
        file.write("[files]\ncsv = true\n[limits]\ncluster_share = 1.0\nleaks = 100\n")
    return made


def environments(aside: Path) -> dict[str, dict[str, str]]:
    """What a process may find: a home folder, one that may not be written, none."""
    (aside / "home").mkdir()
    (aside / "shut").mkdir(mode=0o500)
    kept = {name: text for name, text in os.environ.items() if not re.match("HOME$|XDG_|MPL|HF_|TMPDIR|FULL", name)}
    kept |= {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    return {
        "a home folder": kept | {"HOME": str(aside / "home")},
        "a home folder that is shut": kept | {"HOME": str(aside / "shut")},
        "a home folder that is missing": kept | {"HOME": str(aside / "missing")},
        "no HOME": kept,
    }


def test_no_command_reaches_out_starts_a_program_or_writes_elsewhere(
    project: Project, tmp_path: Path, strace: list[str], figure: Callable[..., None]
) -> None:
    names, seen, runs = list(COMMANDS if FULL else SOME), dict[str, Seen](), 0
    for kind, environment in environments(tmp_path).items():
        for made in ("out", "data", "mine", "theirs") if FULL else ():
            shutil.rmtree(project.root / made, ignore_errors=True)
        mine = names if FULL else [names.pop(0)] + ([] if kind != "no HOME" else names)
        for name in mine:
            seen[f"{name}, {kind}"] = watch(strace[0], COMMANDS[name], project.root, environment, tmp_path)
            runs += 1
        assert not any((tmp_path / "home").iterdir()) and not any((tmp_path / "shut").iterdir())
        assert not (tmp_path / "missing").exists()
        assert not any((tmp_path / "tmp").iterdir()), "a command leaves something in the temporary folder"
    programs = {name: one.programs[1:] for name, one in seen.items() if len(one.programs) != 1}
    writes = {name: one.writes for name, one in seen.items() if one.writes}
    connections = {name: one.connections for name, one in seen.items() if one.connections}
    for found in (programs, writes, connections):
        print(json.dumps(found, indent=1)[:4000])
    tried = {"commands": len({name.split(",")[0] for name in seen})}
    figure("No network", "connections of all commands but publish and get", runs, len(connections), **tried)
    figure("No foreign writes", "files changed outside what a command was told", runs, len(writes), **tried)
    figure("No code", "programs started by all commands but publish and get", runs, len(programs), **tried)


def test_the_watcher_sees_what_it_looks_for(tmp_path: Path, strace: list[str]) -> None:
    """A program that does all of it is told so: else there would be nothing in the figures above."""
    (tmp_path / "sub").mkdir()
    program = (
        "import os, socket, subprocess\n"
        "socket.socket(socket.AF_INET).connect_ex(('127.0.0.1', 9))\n"
        "open('made', 'w').close(); os.rename('made', 'moved'); os.chmod('moved', 0o600); os.unlink('moved')\n"
        "here = os.open('sub', os.O_RDONLY); os.open('x', os.O_CREAT | os.O_WRONLY, dir_fd=here)\n"
        "subprocess.run(['/bin/true'], check=False)\n"
    )
    command = [strace[0], "-f", "-qq", "-y", "-o", "log", "-e", f"trace={','.join((*NETWORK, *STARTING, *CHANGING))}"]
    subprocess.run([*command, sys.executable, "-c", program], cwd=tmp_path, check=True)
    seen = judged((tmp_path / "log").read_text("utf-8"), tmp_path, (f"{tmp_path}/allowed",))
    assert [line.split()[1].split("(")[0] for line in seen.connections] == ["socket", "connect"]
    assert len(seen.programs) == 2 and "true" in seen.programs[1]
    assert [re.split(r"[ (]+", line)[1] for line in seen.writes] == ["openat", "rename", "chmod", "unlink", "openat"]
    assert judged((tmp_path / "log").read_text("utf-8"), tmp_path, (f"{tmp_path}/",)).writes == []
