"""The door: arguments, messages, exit codes.

Results go to standard output, all else to standard error: progress, warnings, errors. Exit codes: 0 done · 2 usage,
recipe or schema wrong · 3 input refused · 4 the machine · 5 verification failed or drift found · 6 not known to be
published · 7 must not be published · 129, 130, 143 interrupted · 1 a bug of ours.
"""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import click

import parquetry
from parquetry.files.manifest import SUMS, sha256_of
from parquetry.papers.markdown import sized
from parquetry.reader import confined, diff, inspect, interrupts, versions
from parquetry.reader.commands import get, publish, scan, trace
from parquetry.reader.drift import UP_TO_DATE, Built, drift, other_versions, stale_prose
from parquetry.reader.new_command import new
from parquetry.reader.progress import say, watching
from parquetry.reader.sample import sample
from parquetry.reader.story import Build, story
from parquetry.reader.verify import Report, Strength
from parquetry.words.engine import Engine, Local
from parquetry.words.errors import MachineError, ParquetryError, Problem, RecipeError, VerificationError, printable

#: Codes of what a machine refuses.
_DISK = {errno.ENOSPC: "DISK_FULL", errno.EDQUOT: "DISK_QUOTA", errno.EROFS: "DISK_READONLY", errno.EIO: "DISK_IO"}
#: What to do about it; about anything else, see to the path.
_DISK_FIXES = dict.fromkeys(("DISK_FULL", "DISK_QUOTA"), "make room")
_DISK_FIXES |= {"DISK_READONLY": "write elsewhere", "PERMISSION": "correct the permissions of this path"}
_STRENGTHS: tuple[Strength, ...] = get_args(Strength)


def main(build: Build | None = None, beside: str = "") -> int:
    """Run ``build_dataset.py`` at the path ``beside``, or, without ``build``, the console script."""
    sys.meta_path.insert(0, _WithoutPandas())
    interrupts.raise_from_now_on()
    recipe = Path(os.path.relpath(Path(beside).parent)) / "recipe.toml"
    command = build_command(build, fallback=recipe) if build else group
    try:
        return int(command.main(prog_name=None if build else "parquetry", standalone_mode=False) or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        say(error.format_message())
        return 2
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        what = error.format_message().rstrip(".")
        return _fail(RecipeError(Problem("USAGE", "command line", what, "see --help")))
    except ParquetryError as error:
        return _fail(error)
    except (interrupts.Stopped, KeyboardInterrupt, click.Abort) as stop:
        number = stop.number if isinstance(stop, interrupts.Stopped) else signal.SIGINT
        say(interrupts.said(number))
        return 128 + number
    except SystemExit:  # so click ends when nobody reads its help
        return 0
    except OSError as error:
        return _fail(_machine(error))
    except MemoryError:
        return _fail(MachineError(Problem("MEMORY", "this machine", "the memory is used up", "use fewer --workers")))


@click.group(context_settings={"help_option_names": ["-h", "--help"]}, commands=[new, publish, get, scan, trace])
@click.version_option(parquetry.__version__, prog_name="parquetry")
def group() -> None:
    """Turn a cleaned corpus into a published dataset that anyone can check."""


def build_command(build: Build, name: str = "build_dataset.py", fallback: Path | None = None) -> click.Command:
    """The command that builds with ``build``; without RECIPE it takes ``fallback``."""

    @click.command(name, context_settings={"help_option_names": ["-h", "--help"]})
    @click.argument("recipe", type=click.Path(path_type=Path), required=False)
    @click.option(
        "--out", type=click.Path(path_type=Path), help="Folder of the releases; default: data/ beside the recipe."
    )
    @click.option("--workers", type=click.IntRange(min=0), default=0, help="Threads; 0 means one per processor.")
    @click.option(
        "--engine", type=click.Choice(["local"]), default="local", expose_value=False, help="What runs the work."
    )
    @click.option("--replace", is_flag=True, help="Let other data take the place of the same version.")
    @click.option("--check", is_flag=True, help="Write nothing; end in 5 if release or card are stale.")
    @click.option(
        "--sample", "rows", type=click.IntRange(min=1), metavar="N", help="Try the first N rows; write nothing."
    )
    @click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, and no progress.")
    def command(recipe: Path | None, out: Path | None, workers: int, rows: int | None, **flags: bool) -> int:
        """Build the dataset of RECIPE (default: recipe.toml) into <name>-<version>, verified before it is visible."""
        path = recipe or fallback or Path("recipe.toml")
        if rows:
            if flags["check"] or flags["replace"]:
                raise click.UsageError("--sample writes nothing: leave out --check and --replace")
            return _sample(path, rows, Local(workers), as_json=flags["as_json"])
        with watching(Local(workers), quiet=flags["as_json"]) as runner:
            if flags["check"]:
                return _check(build, path, out, runner, as_json=flags["as_json"])
            built = build(path, out, runner, replace=flags["replace"])
        if flags["as_json"]:
            _print(_json(built))
        else:
            _say_warnings(built.warnings)
            _print(_said(built))
        return 0

    return command


@group.command("build", add_help_option=False, context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def _build(arguments: tuple[str, ...]) -> int:
    """Build the dataset of a recipe; the same as build_dataset.py."""
    command = build_command(story(), "parquetry build")
    return int(command.main(list(arguments), prog_name="parquetry build", standalone_mode=False) or 0)


@group.command("verify")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--quick", is_flag=True, help="Names, sizes and counts of rows only.")
@click.option("--full", is_flag=True, help="Checksums, schemas and card too (the default).")
@click.option("--deep", is_flag=True, help="Every row again: schema, ids, references, splits, digests.")
@click.option("--only", default="", metavar="TABLE", help="Judge one table; files of others may be missing.")
@click.option("--expect", default="", metavar="DIGEST", help="The release digest that it must have.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def _verify(folder: Path, only: str, expect: str, **flags: bool) -> int:
    """Check a release against its manifest; it needs nothing but the folder DIR."""
    if len(asked := [strength for strength in _STRENGTHS if flags[strength]]) > 1:
        raise click.UsageError(f"{' and '.join(f'--{one}' for one in asked)} exclude each other")
    if expect and not re.fullmatch("[0-9a-fA-F]{64}", expect):
        raise click.UsageError(f"{expect!r} is no release digest, which has 64 hexadecimal digits")
    _there(folder)
    strength = asked[0] if asked else "full"
    report = confined.confined(folder, strength, only, expect)
    if flags["as_json"]:
        problems = [problem._asdict() for problem in report.problems]
        said = {"release": report.manifest.name, "digest": report.digest, "strength": strength, "rows": report.rows}
        _print(json.dumps(said | {"sound": not problems, "problems": problems}, indent=1))
    elif not report.problems:
        _print(_sound(report, strength, only))
    if report.problems:
        raise _Told(*report.problems)
    return 0


@group.command("diff")
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON, with all ids.")
def _diff(old: Path, new: Path, *, as_json: bool) -> int:
    """Say what became of each row from the release in OLD to the one in NEW, and what version that asks for."""
    for folder in (old, new):
        _there(folder)
    found = diff.diff(old, new)
    advised = versions.advice(found)
    _print(versions.facts(advised, found) if as_json else diff.told(found) + versions.told(advised, found))
    return 0


@group.command("lint")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def _lint(file: Path, *, as_json: bool) -> int:
    """Check FILE without a network: a dataset card by the rules of the Hub, or a croissant.json by its standard."""
    errors, warnings = inspect.inspect(file)
    _say_warnings(warnings)
    if as_json or not errors:
        _print(inspect.facts(file, errors, warnings) if as_json else inspect.told(file, warnings))
    if errors:
        raise _Told(*errors)
    return 0


def _there(folder: Path) -> None:
    if not folder.is_dir():
        fix = "give the folder of a release"
        raise RecipeError(Problem("DIR_MISSING", str(folder), "there is no such folder", fix))


def _sample(path: Path, rows: int, engine: Local, *, as_json: bool) -> int:
    """Try the first rows of each source, and say what a build would refuse and take."""
    recipe, found = sample(path, rows)
    if as_json:
        _print(json.dumps({"tables": [table.facts(engine.threads) for table in found]}, indent=1))
    else:
        _print("\n".join([*(table.text(recipe, engine.threads) for table in found), "nothing was written"]))
    return 0


def _check(build: Build, path: Path, out: Path | None, engine: Engine, *, as_json: bool) -> int:
    """Build aside, and compare with what stands."""
    with tempfile.TemporaryDirectory(prefix="parquetry-") as aside:
        built = build(path, Path(aside), engine)
        standing = (out or path.parent / "data") / built.place.name
        problems = drift(built.place, standing)
        if out is None:
            problems += stale_prose(built.prose, built.place, standing)
        if problems:
            raise VerificationError(*dict.fromkeys(problems))
        others = other_versions(built.place, standing)
    said = f"{built.manifest.name}: up to date; release and card are what the sources give"
    if others:
        said += f"\n  but     it was built with {others}; a build would write the same data in fresh files"
    facts = {"release": built.manifest.name, "problems": [], "other_versions": others}
    _print(json.dumps(facts, indent=1) if as_json else said)
    return 0


def _said(built: Built) -> str:
    """What was built, where, and how to load it."""
    manifest, place = built.manifest, _shown(built.place)
    total = sum(split.rows for table in manifest.tables.values() for split in table.splits.values())
    read = sum(source.read for table in manifest.tables.values() for source in table.sources)
    size = sum(path.stat().st_size for path in built.place.rglob("*") if path.is_file())
    head = "the same bytes are already there" if built.outcome == UP_TO_DATE else built.outcome
    lines = [f"{manifest.name}: {head}", f"  in      {place}/  ({len(manifest.files) + 2} files, {sized(size)})"]
    for name, table in manifest.tables.items():
        splits = ", ".join(f"{split} {rows.rows:,}" for split, rows in table.splits.items())
        lines.append(f"  table   {name}: {splits}")
    lines.append(f"  books   read {read:,} = published {total:,} + removed {read - total:,}")
    if read != total:
        lines.append(f"  removed {place}.removed/ has each row with place and reason")
    if built.refreshed:
        lines.append(f"  filled  {', '.join(built.refreshed)}")
    name = next((n for n, table in manifest.tables.items() if table.default), next(iter(manifest.tables)))
    load = f'  load    datasets.load_dataset("{place}", "{name}")'
    return "\n".join(
        [*lines, f"  digest  {sha256_of(built.place / SUMS)}", load, f"  check   parquetry verify {place}"]
    )


def _shown(path: Path) -> str:
    """A path as one would type it here."""
    here = Path.cwd()
    return str(path.resolve().relative_to(here) if path.resolve().is_relative_to(here) else path)


def _json(built: Built) -> str:
    facts = json.loads(built.manifest.text())
    said: dict[str, Any] = {"release": built.manifest.name, "place": str(built.place), "outcome": built.outcome}
    said |= {"digest": sha256_of(built.place / SUMS), "data_digest": built.manifest.data_sha256}
    said |= {"warnings": [warning._asdict() for warning in built.warnings], "tables": facts["tables"]}
    return json.dumps(said, indent=1)


def _sound(report: Report, strength: str, only: str) -> str:
    what = f"table {only}" if only else f"{len(report.manifest.files) + 2} files"
    return f"{report.manifest.name}: sound ({strength}), {what}, {report.rows:,} rows\n  digest  {report.digest}"


def _say_warnings(warnings: Iterable[Problem]) -> None:
    for warning in warnings:
        say(warning.text("warning"))


def _print(text: str) -> None:
    """Write a result to standard output; whoever stops reading it has seen enough."""
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that the interpreter can close it


def _fail(error: ParquetryError) -> int:
    for problem in error.problems:
        say(problem.text())
    if "--json" in sys.argv[1:] and not isinstance(error, _Told):
        _print(json.dumps({"problems": [problem._asdict() for problem in error.problems]}, indent=1))
    return error.exit_code


class _Told(VerificationError):
    """What was found, when the report on standard output has it already."""


def _machine(error: OSError) -> MachineError:
    code = _DISK.get(error.errno or 0, "PERMISSION" if isinstance(error, PermissionError) else "DISK_IO")
    fix = _DISK_FIXES.get(code, "see to this path or its disk")
    fix += ", then run this again; a release is whole or not there, never half"
    where = printable(str(error.filename or "this machine"))
    return MachineError(Problem(code, where, str(error.strerror or error), fix))


class _WithoutPandas:
    """Keeps Arrow from loading pandas where it happens to be installed: two seconds of a build, for nothing."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        if name == "pandas":
            raise ModuleNotFoundError("not used by a build", name=name)
