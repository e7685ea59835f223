"""A build that is killed anywhere, or that the machine lets down, harms nothing, and the next gives the same bytes."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, Project, contents
from tests.torture.conftest import times

#: System calls that change something.
CALLS = ("openat", "write", "pwrite64", "fsync", "rename", "renameat2", "mkdir", "unlink", "unlinkat", "rmdir", "chmod")
#: How a call that opens a file says that it will change it.
CHANGING = re.compile("O_CREAT|O_WRONLY|O_RDWR|O_TRUNC")
NAME = "notes-1.0.0"


class Ground:
    """A project whose release stands already, and a build of other data that will be let down."""

    def __init__(self, project: Project, rows: int) -> None:
        self.project, self.out = project, project.root / "out"
        project.edit("[tables.notes.split]", '[limits]\nrejected = "50%"\n\n[tables.notes.split]')
        for text in ("before", "after"):
            lines = ({"id": f"n{n}", "text": f"{text} {n} " * 20 if n % 9 else ""} for n in range(rows))
            project.rows("notes.jsonl", lines)
            if text == "before":
                self.build()
                shutil.copytree(self.out, project.root / "kept")
        begun = time.monotonic()
        self.build()
        self.seconds = time.monotonic() - begun
        self.before, self.after = contents(project.root / "kept" / NAME), contents(self.out / NAME)
        self.tried = self.partial = self.other = self.harmed = self.exits = self.late = 0
        self.taken, self.parts, self.codes = 0, 0, set[int]()

    def command(self, *before: str) -> list[str]:
        build = [sys.executable, str(ROOT / "build_dataset.py"), "recipe.toml", "--out", "out", "--replace"]
        return [*before, *build, "--workers", "1"]

    def start(self, *before: str) -> subprocess.Popen[str]:
        known = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.Popen(
            self.command(*before), cwd=self.project.root, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            text=True, env=known, start_new_session=True,
        )  # fmt: skip

    def build(self, *before: str) -> tuple[int, str]:
        with self.start(*before) as process:
            _, said = process.communicate(timeout=300)
        return process.returncode, said

    def restore(self) -> None:
        shutil.rmtree(self.out, ignore_errors=True)
        shutil.copytree(self.project.root / "kept", self.out)

    def judge(self, code: int, expected: tuple[int, ...]) -> None:
        """Look at what a run left, run again, and look at that."""
        place = self.out / NAME
        there = contents(place) if place.exists() else None
        self.tried += 1
        self.exits += code not in expected
        self.codes.add(code)
        self.harmed += there is None
        self.partial += there not in (None, self.before, self.after)
        self.late += there == self.after
        again, said = self.build()
        if match := re.search(r"(\d+) parts? taken over", said):
            self.taken += int(match[1])
        left = sorted(path.name for path in self.out.iterdir())
        if again != 0 or contents(place) != self.after or left != [NAME, f"{NAME}.removed"]:
            self.other += 1
            now = contents(place)
            wrong = [name for name in {**now, **self.after} if now.get(name) != self.after.get(name)]
            print(f"the next run ended in {again} and left {left}, other bytes in {wrong}: {said}")
        self.restore()

    def tell(self, figure: Callable[..., None], what: str) -> None:
        broke = self.partial + self.other + self.harmed + self.exits
        figure(
            "All or nothing", what, self.tried, broke, partial_views=self.partial, harmed=self.harmed,
            reruns_with_other_bytes=self.other, wrong_exits=self.exits, too_late=self.late, parts_reused=self.taken,
        )  # fmt: skip


@pytest.fixture
def small(project: Project) -> Ground:
    return Ground(project, 80)


def points(ground: Ground, strace: list[str], most: int) -> list[tuple[str, int]]:
    """The calls of one build that change something below its output: their names, and which of their name they are."""
    log = ground.project.root / "calls.log"
    ground.restore()
    code, said = ground.build(*strace[:-1], str(log), "-y", "-e", f"trace={','.join(CALLS)}")
    assert code == 0, said
    ground.restore()
    found, counts, main = list[tuple[str, int]](), dict[str, int](), ""
    for line in log.read_text("utf-8", "replace").splitlines():
        if match := re.match(r"(\d+) +(\w+)\((.*)", line):
            main = main or match[1]
            if match[1] == main:
                counts[match[2]] = counts.get(match[2], 0) + 1
                ours = '"out' in match[3] or str(ground.out) in match[3]
                if ours and (match[2] != "openat" or CHANGING.search(match[3])):
                    found.append((match[2], counts[match[2]]))
    assert len(found) > 100, "a build makes more calls than that"
    return found if len(found) <= most else random.Random(1).sample(found, most)


def test_a_build_is_killed_at_each_call_that_changes_something(
    small: Ground, strace: list[str], figure: Callable[..., None]
) -> None:
    for name, number in points(small, strace, times(8, 1000)):
        inject = ("-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}")
        code, _ = small.build(*strace, *inject)
        small.judge(code, (-9, 137))
    small.tell(figure, "killed at each system call that changes something")


@pytest.mark.parametrize("error", ["ENOSPC", "EIO", "EACCES"])
def test_a_call_fails(small: Ground, strace: list[str], figure: Callable[..., None], error: str) -> None:
    """The build says so and ends in 4, or the call was one of tidying up."""
    for name, number in points(small, strace, times(4, 1000)):
        inject = ("-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={number}")
        code, _ = small.build(*strace, *inject)
        small.judge(code, (4, 0))
    small.tell(figure, f"each such call fails with {error}")


def test_a_large_build_is_killed_at_any_time(project: Project, figure: Callable[..., None]) -> None:
    ground, dice = Ground(project, times(20_000, 500_000)), random.Random(2)
    size = (project.root / "notes.jsonl").stat().st_size
    for _ in range(times(3, 100)):
        process = ground.start()
        time.sleep(dice.uniform(0.3, ground.seconds))
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        ground.judge(process.returncode, (-9, 0))
    parts = max(1, -(-size // 32_000_000))
    saved = round(100 * ground.taken / (parts * max(1, ground.tried - ground.late)))
    ground.tell(figure, f"a build of {size / 1e6:.0f} MB killed at random times; {saved} % of its parts not made again")


@pytest.fixture
def little_disks() -> Iterator[Callable[[Path, int], None]]:
    """Puts a disk of so many kilobytes at a folder."""
    mounted = list[Path]()

    def mount(place: Path, kilobytes: int) -> None:
        place.mkdir(exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("no disk can be mounted: not the superuser")
        mounted.append(place)

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=False)


def test_the_disk_is_full(
    project: Project, figure: Callable[..., None], little_disks: Callable[[Path, int], None]
) -> None:
    """On each of some disks, from one that holds nothing more to one that holds nearly all."""
    ground = Ground(project, 4000)
    needed = sum(path.stat().st_size for path in ground.out.rglob("*") if path.is_file()) // 1000
    tried = broke = codes = 0
    count = times(3, 20)
    for step in range(count):
        shutil.rmtree(ground.out, ignore_errors=True)
        kept = sum(path.stat().st_size for path in (project.root / "kept").rglob("*") if path.is_file()) // 1000
        little_disks(ground.out, kept + 120 + needed * 3 * step // count)
        shutil.copytree(project.root / "kept", ground.out, dirs_exist_ok=True)
        code, said = ground.build()
        there = contents(ground.out / NAME)
        whole = there == ground.after if code == 0 else there == ground.before
        tried += 1
        codes += code == 4 and "DISK_FULL" in said
        broke += code not in (0, 4) or not whole
        subprocess.run(["umount", "-l", str(ground.out)], check=True)
        ground.out.rmdir()
    figure("All or nothing", "disks that are too small", tried, broke, told_DISK_FULL=codes)


def test_two_builds_race_for_one_folder(small: Ground, figure: Callable[..., None]) -> None:
    """One of them wins, even if its rival is killed; who comes second is told who is at work."""
    tried = broke = refused = kills = 0
    dice = random.Random(3)
    for _ in range(times(4, 100)):
        rivals = [small.start()]
        time.sleep(dice.uniform(0, small.seconds / 2))
        rivals.append(small.start())
        if dice.random() < 0.5:
            time.sleep(dice.uniform(0.2, small.seconds))
            os.killpg(dice.choice(rivals).pid, signal.SIGKILL)
            kills += 1
        said = [rival.communicate()[1] for rival in rivals]
        codes = [rival.returncode for rival in rivals]
        locked = [text for text, code in zip(said, codes, strict=True) if code == 4]
        refused += len(locked)
        there = contents(small.out / NAME)
        tried += 1
        wrong = any(code not in (0, 4, -9) for code in codes) or there not in (small.before, small.after)
        wrong |= any("LOCKED" not in text or not re.search(r"process \d+ on \S+", text) for text in locked)
        wrong |= 0 in codes and there != small.after
        wrong |= -9 not in codes and 0 not in codes
        if wrong:
            print(codes, said)
        broke += wrong
        small.restore()
    figure("One build at a time", "two builds for one folder", tried, broke, refused=refused, killed=kills)
