"""The door, as people meet it: exit codes, messages, streams."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from conftest import RELEASE, ROOT, Project, contents

from parquetry.files import seal

Done = subprocess.CompletedProcess[str]


def run(*words: str | Path, cwd: Path = ROOT, **options: object) -> Done:
    """Run the story or, where the first word is a verb, the console script."""
    program = (
        [str(ROOT / "build_dataset.py")]
        if not words or str(words[0]) not in ("build", "verify", "--version")
        else ["-m", "parquetry"]
    )
    command = [sys.executable, *program, *map(str, words)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, **options)  # type: ignore[call-overload, no-any-return]


def test_a_build_says_what_where_and_how_to_load_it_on_standard_output(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": str(i), "text": f"text {i}"} for i in range(40)])
    done = run("recipe.toml", "--out", "out", cwd=project.root)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "notes-1.0.0: built"
    assert lines[1].startswith("  in      out/notes-1.0.0/  (")
    assert re.fullmatch(r"  table   notes: train \d+, test \d+", lines[2])
    assert lines[3] == "  books   read 40 = published 40 + removed 0"
    assert lines[5] == '  load    datasets.load_dataset("out/notes-1.0.0", "notes")'
    assert done.stderr.splitlines()[0].startswith("read and check: 40 rows, 1.3 kB in ")


def test_the_story_and_the_verb_are_the_same(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    assert run("build", "--out", "a", cwd=project.root).returncode == 0
    assert run("recipe.toml", "--out", "b", cwd=project.root).returncode == 0
    assert contents(project.root / "a") == contents(project.root / "b")


def test_json_is_all_that_is_printed(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    done = run("build", "--json", "--out", "out", cwd=project.root)
    said = json.loads(done.stdout)
    assert (said["release"], said["outcome"], done.stderr) == ("notes-1.0.0", "built", "")
    said = json.loads(run("verify", "--json", project.root / "out/notes-1.0.0").stdout)
    assert (said["sound"], said["rows"], said["problems"]) == (True, 1, [])


def test_a_wrong_recipe_ends_in_2_with_every_mistake_and_nothing_written(project: Project) -> None:
    project.edit('license = "cc0-1.0"', 'license = "cc0"')
    project.edit("ratios = {", "ratois = {")
    project.recipe((project.root / "recipe.toml").read_text("utf-8") + '[files]\nrowz = 3\nshard_bytes = "much"\n')
    done = run("recipe.toml", cwd=project.root)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.splitlines() == [
        "error[RIGHTS_LICENSE_UNKNOWN] recipe.toml: dataset.license: unknown licence id 'cc0'",
        "  fix: did you mean 'cc0-1.0'?",
        "error[RECIPE_UNKNOWN_KEY] recipe.toml: tables.notes.split.ratois: unknown key",
        "  fix: did you mean 'ratios'?",
        "error[RECIPE_VALUE] recipe.toml: files.shard_bytes: 'much' is not a size",
        "  fix: write it like '256MB', '64MiB', or in bytes",
        "error[RECIPE_UNKNOWN_KEY] recipe.toml: files.rowz: unknown key",
        "  fix: did you mean 'row_group_bytes'?",
    ]
    assert sorted(p.name for p in project.root.iterdir()) == ["notes.schema.json", "recipe.toml"]


@pytest.mark.parametrize(
    "words", [("--nope",), ("--workers", "x"), ("a", "b"), ("missing.toml",), ("verify",), ("verify", "nowhere")]
)
def test_wrong_usage_ends_in_2_with_a_message(words: tuple[str, ...], tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error[")
    assert "Traceback" not in done.stderr


def test_bad_rows_end_in_3_with_place_pointer_and_fix(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": 5}, {"id": "2", "text": "two", "more": 1}])
    done = run("recipe.toml", "--out", "out", cwd=project.root)
    assert done.returncode == 3
    errors = done.stderr[done.stderr.index("error[") :].splitlines()
    assert errors == [
        "error[SCHEMA_ADDITIONAL] notes.jsonl:2 /more: the schema names no member 'more'",
        "  fix: name the field in the schema, or remove it from the records (1 row of notes rejected)",
        "error[SCHEMA_TYPE] notes.jsonl:1 /text: expected string, found integer",
        "  fix: correct the records, the schema, or limits.rejected (1 row of notes rejected)",
        "error[TABLE_EMPTY] notes: no row is left to publish",
        "  fix: see the removed rows",
        "error[REFUSED] notes-1.0.0: nothing was released; all removed rows are in out/notes-1.0.0.refused",
    ]


def test_only_the_first_twenty_rows_of_a_kind_are_shown(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "x", "text": "fine"}, *({"id": str(i), "text": ""} for i in range(30))])
    done = run("recipe.toml", "--out", "out", cwd=project.root)
    assert done.stderr.count("error[SCHEMA_LENGTH]") == 20
    assert "30 rows of notes rejected; 20 are shown" in done.stderr
    assert len((project.root / "out/notes-1.0.0.refused/rejected.jsonl").read_text().splitlines()) == 30


def test_rows_that_may_be_rejected_are_a_warning_with_count_and_first_place(project: Project) -> None:
    project.edit("[tables.notes.split]", "[limits]\nrejected = 2\n\n[tables.notes.split]")
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}, {"id": "2", "text": ""}, {"id": "3", "text": ""}])
    done = run("recipe.toml", "--out", "out", cwd=project.root)
    assert done.returncode == 0
    assert (
        "warning[SCHEMA_LENGTH] notes.jsonl:2 /text: '' should be non-empty (2 rows of notes rejected)" in done.stderr
    )
    assert "  books   read 3 = published 1 + removed 2" in done.stdout


def test_no_message_carries_control_characters(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "\x1b[31mred", "text": ""}, {"id": "\u202eabc", "text": ""}])
    done = run("recipe.toml", "--out", "out", cwd=project.root)
    assert not {"\x1b", "\u202e"} & set(done.stderr + done.stdout)


def test_a_change_in_a_release_ends_in_5_and_is_named(release: Path) -> None:
    with (release / "data/events/train-00000-of-00001.parquet").open("ab") as file:
        file.write(b" ")
    done = run("verify", release)
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith("error[FILE_CHANGED] data/events/train-00000-of-00001.parquet: has ")
    assert run("verify", "--only", "actors", release).returncode == 5
    (release / "manifest.json").unlink()
    assert run("verify", release).returncode == 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--quick", "--deep"], "USAGE] command line: --quick and --deep exclude each other\n  fix: see --help"),
        (
            ["--expect", "6eae2204"],
            "USAGE] command line: '6eae2204' is no release digest, which has 64 hexadecimal digits\n  fix: see --help",
        ),
        (
            ["--only", "nope"],
            f"TABLE_UNKNOWN] {RELEASE}: there is no table 'nope', only articles, events, actors\n"
            "  fix: choose one of them",
        ),
    ],
)
def test_what_cannot_be_asked_of_a_release_ends_in_2(words: list[str], message: str) -> None:
    done = run("verify", RELEASE, *words)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"error[{message}\n")


def test_a_folder_above_a_release_is_told_the_release() -> None:
    done = run("verify", RELEASE.parent)
    assert (done.returncode, done.stderr.splitlines()[1]) == (5, f"  fix: give the folder of a release: {RELEASE}")


def test_check_writes_nothing_and_ends_in_5_when_something_is_stale(repository: Path) -> None:
    target = repository / "data" / RELEASE.name
    (repository / "data").mkdir(exist_ok=True)
    assert run(repository / "recipe.toml").returncode == 0
    before = contents(repository)
    done = run(repository / "recipe.toml", "--check")
    assert (done.returncode, contents(repository) == before) == (0, True), done.stderr
    card = repository / "DATASET_CARD.md"
    card.write_text(card.read_text("utf-8").replace("| 67 | 8 | 14 | 45 |", "| 68 | 8 | 14 | 46 |"), "utf-8")
    done = run(repository / "recipe.toml", "--check")
    assert done.returncode == 5
    assert done.stderr.splitlines()[-2] == "error[DRIFT] DATASET_CARD.md: is not what a build makes of it"
    assert run(repository / "recipe.toml").returncode == 0
    events = repository / "data/corpus/events.jsonl"
    events.write_text(events.read_text("utf-8").replace('"confidence": "high"', '"confidence": "low"', 1), "utf-8")
    done = run(repository / "recipe.toml", "--check")
    assert done.returncode == 5
    assert "error[DRIFT] events/train: is not what the sources give now" in done.stderr
    assert contents(target) == {
        k.removeprefix(f"data/{RELEASE.name}/"): v for k, v in before.items() if k.startswith(f"data/{RELEASE.name}/")
    }


def test_check_says_when_other_versions_built_the_release(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seal, "version", lambda name: "1.0")
        project.build()
    done = run("recipe.toml", "--out", "out", "--check", cwd=project.root)
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "notes-1.0.0: up to date; release and card are what the sources give",
        "  but     it was built with matplotlib 1.0, pyarrow 1.0, pyyaml 1.0, regex 1.0, unicodedata2 1.0; "
        "a build would write the same data in fresh files",
    ]
    said = json.loads(run("recipe.toml", "--out", "out", "--check", "--json", cwd=project.root).stdout)
    assert said["other_versions"] == "matplotlib 1.0, pyarrow 1.0, pyyaml 1.0, regex 1.0, unicodedata2 1.0"
    assert run("recipe.toml", "--out", "out", cwd=project.root).stdout.startswith("notes-1.0.0: papers refreshed")


def test_without_out_the_regions_of_the_card_are_filled_as_the_last_step(repository: Path) -> None:
    card = repository / "DATASET_CARD.md"
    text = card.read_text("utf-8")
    card.write_text(text.replace("| 67 | 8 | 14 | 45 |", "| 0 | 0 | 0 | 0 |"), "utf-8")
    done = run(repository / "recipe.toml")
    assert "  filled  DATASET_CARD.md" in done.stdout
    assert card.read_text("utf-8") == text


def test_with_out_the_build_only_reads_its_inputs(repository: Path, tmp_path: Path) -> None:
    before = contents(repository)
    assert run(repository / "recipe.toml", "--out", tmp_path / "elsewhere").returncode == 0
    assert contents(repository) == before


def test_a_second_build_of_the_same_release_is_told_who_is_at_work(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    import fcntl

    lock = project.file("out/.notes-1.0.0.building/lock", "process 4711")
    with lock.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        done = run("recipe.toml", "--out", "out", cwd=project.root)
    assert done.returncode == 4
    assert done.stderr.splitlines()[0] == "error[LOCKED] out/notes-1.0.0: is being built by process 4711"


def test_a_folder_that_cannot_be_written_ends_in_4(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    project.file("blocked", "a file where a folder should be")
    done = run("recipe.toml", "--out", "blocked/out", cwd=project.root)
    assert done.returncode == 4
    assert done.stderr == (
        "error[DISK_IO] blocked/out/.notes-1.0.0.building: Not a directory\n"
        "  fix: see to this path or its disk, then run this again; a release is whole or not there, never half\n"
    )


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_an_interrupted_build_leaves_nothing(project: Project, number: signal.Signals, code: int) -> None:
    project.rows("notes.jsonl", [{"id": str(i), "text": f"text {i}" * 20} for i in range(60_000)])
    command = [sys.executable, str(ROOT / "build_dataset.py"), "recipe.toml", "--out", "out", "--workers", "1"]
    with subprocess.Popen(
        command, cwd=project.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        deadline = time.monotonic() + 30
        while not (project.root / "out/.notes-1.0.0.building/parts/notes").exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        child.send_signal(number)
        _, errors = child.communicate(timeout=60)
    assert child.returncode == code
    assert errors.splitlines()[-1] == f"interrupted by {number.name}; a release is whole or not there, never half"
    assert list((project.root / "out").iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
@pytest.mark.parametrize("program", [["build_dataset.py"], ["-m", "parquetry", "build"]], ids=" ".join)
def test_a_signal_is_answered_while_the_program_loads(
    tmp_path: Path, program: list[str], number: signal.Signals, code: int
) -> None:
    (tmp_path / "numpy.py").write_text(f"import os, time; os.kill(os.getpid(), {number}); time.sleep(60)")
    program = [str(ROOT / word) if word.endswith(".py") else word for word in program]
    done = subprocess.run(
        [sys.executable, *program], cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    said = f"interrupted by {number.name}; a release is whole or not there, never half\n"
    assert (done.returncode, done.stdout, done.stderr) == (code, "", said)


def test_a_signal_that_is_ignored_stays_ignored(project: Project) -> None:
    """As `nohup` asks for."""
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    code = "import os, signal, sys; signal.signal(signal.SIGHUP, signal.SIG_IGN); import build_dataset as b"
    code += "; build = lambda *a, **k: (os.kill(os.getpid(), signal.SIGHUP), b.build(*a, **k))[1]"
    code += "; from parquetry.reader import cli; sys.exit(cli.main(build))"
    command = [sys.executable, "-c", code, "recipe.toml", "--out", "out"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "notes-1.0.0: built")


def test_a_build_leaves_pandas_unimported(project: Project) -> None:
    """Arrow would import it where it is installed, and it costs two seconds."""
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    code = "import sys, build_dataset as b; from parquetry.reader import cli"
    code += "; cli.main(b.build); print('pandas' in sys.modules)"
    command = [sys.executable, "-c", code, "recipe.toml", "--out", "out"]
    done = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_on_a_terminal_progress_is_a_bar_with_time(project: Project) -> None:
    import pty

    project.rows("notes.jsonl", [{"id": str(i), "text": f"text {i}"} for i in range(100)])
    leader, follower = pty.openpty()
    command = [sys.executable, str(ROOT / "build_dataset.py"), "recipe.toml", "--out", "out"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen(command, cwd=project.root, stderr=follower, stdout=subprocess.DEVNULL, env=environment)
    os.close(follower)
    raw = bytearray()
    with suppress(OSError):  # which says that nobody writes any more
        while some := os.read(leader, 100_000):
            raw += some
    os.close(leader)
    assert process.wait() == 0
    shown = raw.decode()
    assert "read and check" in shown
    assert "100%" in shown and " rows/s" in shown


def test_a_sample_says_what_would_be_rejected_and_what_to_expect_and_writes_nothing(project: Project) -> None:
    rows: list[Any] = [{"id": str(i), "text": f"text {i}"} for i in range(2000)]
    rows[3], rows[7], rows[10] = {"id": "3", "text": ""}, '{"id": "7",', "not among the first ten"
    project.rows("notes.jsonl", rows)
    before = contents(project.root)
    done = run("recipe.toml", "--out", "out", "--sample", "10", cwd=project.root)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[:3] == [
        "notes: 10 rows tried, of 1 source",
        "  accepted   8",
        "  rejected   2  (a build would end in 3)",
    ]
    assert lines[3].split("notes.jsonl:")[0].split() == ["JSON_SYNTAX", "1"]
    assert lines[4].endswith("1  notes.jsonl:4 /text: '' should be non-empty")
    assert re.fullmatch(
        r"  estimate   2,000 rows, \S+ kB of Parquet, \S+ kB of disk while it runs, 1 s with .*", lines[5]
    )
    assert lines[6:] == [
        "  not tried  ids that stand twice, duplicates, references, held-out texts, splits",
        "nothing was written",
    ]
    assert contents(project.root) == before


def test_a_sample_prints_no_name_that_a_terminal_acts_on(project: Project) -> None:
    project.rows("notes-\x1b[2J.jsonl", [{"id": "a", "text": "a"}, {"id": "b", "text": 1}])
    done = run("recipe.toml", "--sample", "10", cwd=project.root)
    assert "1  notes-\\x1b[2J.jsonl:2 /text: expected string, found integer\n" in done.stdout


def test_a_sample_of_an_array_on_one_line_has_so_many_rows(project: Project) -> None:
    project.edit('sources = ["notes*.jsonl"]', 'sources = ["*/notes.json"]')
    for name in "ab":
        project.file(f"{name}/notes.json", json.dumps([{"id": str(i), "text": "x" * (i % 2)} for i in range(40)]))
    said = json.loads(run("recipe.toml", "--sample", "10", "--json", cwd=project.root).stdout)["tables"][0]
    assert (said["rows_tried"], said["estimated_rows"]) == (20, 80)
    assert 0 < said["rejected"]["SCHEMA_LENGTH"]["rows"] <= 20


def test_a_sample_of_a_large_source_is_its_start(project: Project) -> None:
    project.rows("notes.jsonl", [{"id": str(i), "text": "x" * 1000} for i in range(9000)])
    said = json.loads(run("recipe.toml", "--sample", "10", "--json", cwd=project.root).stdout)["tables"][0]
    assert said["rows_tried"] == 10
    assert said["estimated_rows"] == pytest.approx(9000, rel=0.05)
    assert said["rejected"] == {}


@pytest.mark.parametrize("words", ["verify DIR", "verify nowhere", "verify --help", "build -h", "verify DAMAGED"])
def test_a_reader_who_stops_reading_changes_no_exit_code(words: str, release: Path) -> None:
    (release / "LICENSE").unlink()
    text = words.replace("DIR", str(RELEASE)).replace("DAMAGED", str(release))
    script = f"{sys.executable} -m parquetry {text} 2>&1 | true; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["5" if "DAMAGED" in words else "2" if "nowhere" in words else "0"]


@pytest.mark.parametrize("stream", ["2>&-", "2>/dev/full", "</dev/null 2>/dev/full"])
def test_a_standard_error_that_takes_nothing_stops_no_build(project: Project, stream: str) -> None:
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    script = f"{sys.executable} -m parquetry build --out out {stream}"
    done = subprocess.run(["bash", "-c", script], cwd=project.root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.splitlines()[0]) == (0, "notes-1.0.0: built")


def test_with_json_failures_are_json_too(project: Project) -> None:
    done = run("build", "--json", "--out", "out", cwd=project.root)
    assert (done.returncode, json.loads(done.stdout)["problems"][0]["code"]) == (2, "SOURCE_MISSING")
    project.rows("notes.jsonl", [{"id": "1", "text": "one"}])
    done = run("build", "--json", "--check", "--out", "out", cwd=project.root)
    assert (done.returncode, json.loads(done.stdout)["problems"][0]["code"]) == (5, "DRIFT")
    assert run("build", "--out", "out", cwd=project.root).returncode == 0
    done = run("build", "--json", "--check", "--out", "out", cwd=project.root)
    assert (done.returncode, json.loads(done.stdout)["problems"]) == (0, [])


def test_the_program_alone_shows_its_help(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "parquetry"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "Commands:" in done.stderr


@pytest.mark.parametrize("flag", ["--check", "--replace"])
def test_a_sample_takes_no_flag_about_what_is_written(flag: str) -> None:
    done = run("recipe.toml", "--sample", "3", flag)
    assert done.returncode == 2
    assert "--sample writes nothing" in done.stderr
