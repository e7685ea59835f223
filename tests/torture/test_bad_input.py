"""Bad input never ends in a traceback: every file of the test material goes through the command line."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import DATASET, ROOT, SHARED
from test_docs import CODE, documented
from torture.conftest import times

MATERIAL = SHARED / "test-material"
EXPECTED = MATERIAL / "generated-bad-inputs/expected.jsonl"
pytestmark = pytest.mark.skipif(not MATERIAL.is_dir(), reason="needs the test material beside this repository")

#: What a folder of the material is read as, by the ends of names that its files get; `""` keeps the one they have.
SOURCES = {
    "gofuzz-json": (".jsonl", ".json"), "jsontestsuite": (".jsonl", ".json"), "presidio-synth-pii": (".json",),
    "gofuzz-csv": (".csv",), "arrow-csv-fuzz": (".csv",), "csv-spectrum": (".csv",), "parquet-bad": (".parquet",),
    "arrow-parquet-fuzz": (".parquet",), "parquet-good": (".parquet",), "gofuzz-gzip": (".jsonl.gz", ".csv.gz"),
    "zlib-cve": (".jsonl.gz",), "zstd-golden": (".jsonl.zst",), "gofuzz-tar-zip": (".xlsx", ".jsonl.gz"),
    "gofuzz-html": (".txt", ".md"), "html5lib": (".txt", ".md"), "utf8tests": (".txt", ".md", ".jsonl"),
    "blns": (".txt", ".md", ".json"), "xss-h5sc": (".txt", ".md"), "yaml-test-suite": (".md",), "hf-cards": (".md",),
}  # fmt: skip
RECORD = {
    "type": "object",
    "additionalProperties": False,
    "required": ["id"],
    "properties": {"id": {"type": "string"}, "text": {"type": ["string", "null"]}, "any": {"type": "object"}},
}
RECIPE = """
[tables.{table}]
schema = "{table}.schema.json"
sources = ["{source}"]
id = "id"
{more}
[tables.{table}.split]
ratios = {{ train = 0.8, test = 0.2 }}
"""


class Job(NamedTuple):
    """What runs in a folder: command lines, each after the one before."""

    name: str
    make: Callable[[Path], list[list[str]]]  #: Writes the files of a folder, and says what is run there.


def material(folder: str) -> list[Path]:
    """The files of a folder of the material, without what tells where they are from."""
    found = (path for path in sorted((MATERIAL / folder).rglob("*")) if path.is_file())
    return [path for path in found if path.name != "ORIGIN.md" and not path.name.startswith("LICENSE")]


def jobs() -> Iterator[Job]:
    """Everything that is tried with all files."""
    for folder, ends in SOURCES.items():
        for path in material(folder):
            for end in ends:
                name = f"{path.relative_to(MATERIAL)} as {end}"
                yield Job(name, lambda place, path=path, end=end: as_source(place, path, "in" + end))
                if end == ".parquet":
                    yield Job(f"{name}, columns", lambda place, path=path: as_columns(place, path))
                if end not in (".txt", ".md"):
                    yield Job(f"{name}, new", lambda place, path=path, end=end: as_new(place, path, "in" + end))
    for path in material("generated-bad-inputs"):
        name = str(path.relative_to(MATERIAL))
        if path.suffix != ".py" and path != EXPECTED and path.parent.name not in ("schema", "card", "names"):
            yield Job(name, lambda place, path=path: as_source(place, path, path.name))
            yield Job(f"{name}, new", lambda place, path=path: as_new(place, path, path.name))
        elif path.parent.name == "schema":
            yield Job(name, lambda place, path=path: as_schemas(place, [path.read_bytes()]))
    for path in material("json-schema-test-suite"):
        if path.suffix == ".json" and isinstance(found := json.loads(path.read_bytes()), list):
            specs = [case["schema"] for case in found if isinstance(case, dict) and "schema" in case]
            wrapped = [{**RECORD, "properties": {"id": {"type": "string"}, "v": spec}} for spec in specs]
            yield Job(f"{path.relative_to(MATERIAL)}", lambda place, specs=specs: as_schemas(place, specs))
            yield Job(f"{path.relative_to(MATERIAL)} inside", lambda place, some=wrapped: as_schemas(place, some))
    for path in [*material("croissant-invalid"), *material("yaml-test-suite"), *material("hf-cards")]:
        name = str(path.relative_to(MATERIAL))
        end = ".json" if path.suffix == ".json" else ".md"
        yield Job(f"{name}, lint", lambda place, path=path, end=end: as_lint(place, path, end))
        if end == ".md":
            yield Job(f"{name}, card", lambda place, path=path: as_card(place, path))


def recipe(place: Path, *tables: str, dataset: str = DATASET) -> list[str]:
    """Write the recipe, and say how it is built; the path of a file stands where a command line has it."""
    (place / "recipe.toml").write_text(dataset + "\n".join(tables), "utf-8")
    return ["build", "recipe.toml", "--out", "out", "--workers", "1"]


def as_source(place: Path, path: Path, name: str) -> list[list[str]]:
    shutil.copy(path, place / name)
    spec = RECORD
    if name.endswith((".txt", ".md")):
        members = {one: {"type": "string"} for one in ("path", "text")} | {"meta": {"type": "object"}}
        spec = {**RECORD, "required": [], "properties": members}
    (place / "notes.schema.json").write_text(json.dumps(spec), "utf-8")
    table = RECIPE.format(table="notes", source=name, more="")
    if "path" in spec["properties"]:
        table = table.replace('id = "id"', 'id = "path"')
    return [recipe(place, table), ["then", "verify", "out/notes-1.0.0"]]


def as_columns(place: Path, path: Path) -> list[list[str]]:
    """A Parquet file with a schema that asks for the columns that it has, so that they are read."""
    shutil.copy(path, place / "in.parquet")
    try:
        found = {field.name: spec_of(field.type) for field in pq.read_schema(path)}
    except (pa.ArrowException, OSError, ValueError):
        found = RECORD["properties"]
    spec = {"type": "object", "additionalProperties": False, "properties": found}
    (place / "notes.schema.json").write_text(json.dumps(spec), "utf-8")
    table = RECIPE.format(table="notes", source="in.parquet", more="")
    table = table.replace('id = "id"', f"id = {json.dumps(next(iter(found), 'id'))}")
    return [recipe(place, '[limits]\nrejected = "100%"\n', table), ["then", "verify", "out/notes-1.0.0", "--deep"]]


def spec_of(kind: pa.DataType) -> dict[str, Any]:
    """What a schema says of a column of this type."""
    if pa.types.is_struct(kind):
        members = {member.name: spec_of(member.type) for member in kind}
        return {"type": ["object", "null"], "additionalProperties": False, "properties": members}
    if pa.types.is_list(kind):
        return {"type": ["array", "null"], "items": spec_of(kind.value_type)}
    if pa.types.is_map(kind):
        return {"type": ["object", "null"], "additionalProperties": spec_of(kind.item_type)}
    simple = {pa.types.is_boolean: "boolean", pa.types.is_integer: "integer", pa.types.is_floating: "number"}
    return {"type": [next((name for fits, name in simple.items() if fits(kind)), "string"), "null"]}


def as_new(place: Path, path: Path, name: str) -> list[list[str]]:
    shutil.copy(path, place / name)
    made = ["new", "made", "--from", name, "--number", "number_of_the_record", "--yes"]
    return [made, ["then", "build", "made/recipe.toml", "--workers", "1"]]


def as_schemas(place: Path, specs: Sequence[Any]) -> list[list[str]]:
    (place / "in.jsonl").write_text(
        '{"id": "a", "v": {}}\n{"id": "b", "v": "x"}\n{"id": "c", "v": [1, null]}\n', "utf-8"
    )
    tables = []
    for number, spec in enumerate(specs):
        raw = spec if isinstance(spec, bytes) else json.dumps(spec).encode()
        (place / f"t{number}.schema.json").write_bytes(raw)
        tables.append(RECIPE.format(table=f"t{number}", source="in.jsonl", more=""))
    together = recipe(place, *tables)
    lines = [together]
    for number, table in enumerate(tables):  # each alone, too: together they are refused for one of them
        alone = place / f"alone{number}.toml"
        alone.write_text(DATASET + "[limits]\nrejected = 3\n" + table, "utf-8")
        lines.append(["build", alone.name, "--sample", "3"])
    return lines


def as_lint(place: Path, path: Path, end: str) -> list[list[str]]:
    shutil.copy(path, place / f"card{end}")
    return [["lint", f"card{end}"]]


def as_card(place: Path, path: Path) -> list[list[str]]:
    shutil.copy(path, place / "CARD.md")
    (place / "notes.schema.json").write_text(json.dumps(RECORD), "utf-8")
    (place / "in.jsonl").write_text('{"id": "a"}\n', "utf-8")
    return [
        recipe(place, RECIPE.format(table="notes", source="in.jsonl", more=""), dataset=f'{DATASET}card = "CARD.md"\n')
    ]


def run(jobs: Sequence[Job], place: Path) -> Iterator[dict[str, Any]]:
    """Run jobs in a child process, each in a folder of its own, and say how they ended."""
    asked = []
    for number, job in enumerate(jobs):
        folder = place / str(number)
        folder.mkdir(parents=True)
        asked.append({"name": job.name, "folder": str(folder), "lines": job.make(folder)})
    text = "".join(json.dumps(one) + "\n" for one in asked)
    script = [sys.executable, str(Path(__file__).with_name("forks.py"))]
    done = subprocess.run(script, input=text, capture_output=True, text=True, cwd=ROOT, check=True)
    for line in done.stdout.splitlines():
        yield json.loads(line)


def wrong(result: dict[str, Any], known: dict[str, set[str]]) -> str:
    """What is wrong with how a command line ended, if anything is."""
    err, code = result["err"], result["exit"]
    if code not in (0, 2, 3, 4, 5) or "Traceback" in err:
        return f"ended in {code}"
    if result["seconds"] > 20:
        return f"took {result['seconds']} s"
    if result["mb"] > 1000:
        return f"took {result['mb']} MB"
    if "\x1b" in err:
        return "an escape reaches the terminal"
    said = re.findall(rf"^(error|warning)\[({CODE})\]", err, re.MULTILINE)
    if odd := [code for _, code in said if code not in known]:
        return f"{odd[0]} is not on the page"
    ends = {str(code), "row is removed"} if code == 3 else {str(code)}
    if odd := [one for kind, one in said if kind == "error" and not ends & known[one]]:
        return f"{odd[0]} ended in {code}"
    if code and not any(kind == "error" for kind, _ in said):
        return f"ended in {code} without an error"
    return ""


def test_no_file_of_the_material_ends_in_a_traceback(tmp_path: Path, figure: Callable[..., None]) -> None:
    every = list(jobs())
    some = every[:: max(1, len(every) // times(150, len(every)))]
    codes, broke, slowest, largest, ran = Counter[str](), list[str](), 0.0, 0, 0
    known, ends = documented(), Counter[int]()
    for result in run(some, tmp_path):
        ran += 1
        ends[result["exit"]] += 1
        codes.update(set(re.findall(rf"^(?:error|warning)\[({CODE})\]", result["err"], re.MULTILINE)))
        slowest, largest = max(slowest, result["seconds"]), max(largest, result["mb"])
        if what := wrong(result, known):
            broke.append(f"{result['job']}: {result['words']}: {what}\n{result['err'][-1500:]}")
    print("\n\n".join(broke[:40]))
    more = {"files": len(some), "ends": dict(sorted(ends.items())), "codes": len(codes), "slowest": f"{slowest:.1f} s"}
    figure("No traceback", "files of bad input through the command line", ran, len(broke), **more, peak=f"{largest} MB")


#: Our codes, and those of the material that mean the same.
CALLED = {
    "INPUT_CORRUPT": "GZ_TRUNCATED GZ_CORRUPT GZ_CRC GZ_TRAILING ZST_TRUNCATED ZST_CORRUPT ZST_TRAILING ZST_WINDOW",
    "COMPRESSION_MISMATCH": "GZ_NOT_GZIP COMPRESSION_NESTED INPUT_ARCHIVE",
    "INPUT_GIT_LFS": "GIT_LFS_POINTER",
    "TABLE_EMPTY": "REJECT_RATIO",
}
_MARK = "a byte order mark is no part of a text, and nobody has to do anything about it"
_HTML = "HTML is not read: what of a page is text is a question of cleaning it"
_LINES = "each line is removed with its place; the advice says what the file is"
_TERMS = "a build warns, and publishing refuses"
#: Bad inputs that are answered otherwise than expected: the exit, the code, and why.
OTHERWISE = {
    "JSON-43": (0, "", _MARK),
    "JSON-44": (0, "", _MARK),
    "JSON-49": (3, "JSON_SYNTAX", _LINES),
    "JSON-53": (3, "TABLE_EMPTY", "an empty file among others is a warning, and all of them together are an error"),
    "JSON-54": (3, "JSON_NOT_OBJECT", _LINES),
    "JSON-55": (3, "JSON_SYNTAX", _LINES),
    "JSON-56": (3, "JSON_SYNTAX", _LINES),
    "JSON-59": (0, "JSON_SYNTAX", "the tail is a line that is removed, which no limit allows unasked"),
    "COMP-08": (3, "INPUT_CORRUPT", "whatever follows the stream is refused, zeros too"),
    "COMP-23": (0, "", "a checksum is not asked of every file"),
    "COMP-26": (3, "DECOMPRESSION_RATIO", "the file is refused as a whole, before its line ends"),
    "CSV-09": (0, "", _MARK),
    "PQ-17": (3, "SCHEMA_TYPE", "a time without a zone is no instant"),
    "SCHEMA-13": (0, "WARN_SCHEMA_UNKNOWN_KEYWORD", "JSON Schema lets words of one's own pass: a warning"),
    "SCHEMA-18": (2, "SCHEMA_ROOT", "a schema names the columns of a table"),
    "SCHEMA-19": (2, "SCHEMA_DIALECT", "one dialect means one thing"),
    "SCHEMA-30": (2, "SCHEMA_COLUMN_TYPE", "a column has a type, and this one has none"),
    **{f"DOC-{number:02}": (2, "INPUT_TYPE", _HTML) for number in (1, 2, 3, 4, 5, 6, 11, 12)},
    "DOC-09": (0, "", "a block that is no front matter is text"),
    "DOC-10": (0, "", "a block that is no front matter is text"),
    "ARC-01": (2, "INPUT_TYPE", "what cannot be a source is a mistake of the recipe"),
    "ARC-02": (2, "INPUT_TYPE", "what cannot be a source is a mistake of the recipe"),
    "ARC-04": (3, "UTF8_INVALID", _LINES),
    "CARD-03": (2, "CARD_NAME", "a summary is one line"),
    "CARD-05": (2, "RECIPE_MISSING_KEY", "it is refused as any key that is missing"),
    "CARD-07": (0, "WARN_LICENSE_LOOSER", _TERMS),
    "CARD-08": (0, "WARN_LICENSE_LOOSER", _TERMS),
    "CARD-09": (0, "WARN_RIGHTS_UNKNOWN", _TERMS),
    "CARD-16": (2, "RECIPE_UNKNOWN_KEY", "the recipe does not say where a release is published"),
    "CARD-17": (2, "RECIPE_VALUE", "it is refused as any value that is wrong"),
}  # fmt: skip


TEXT = {"type": "string"}
#: The columns of some cases, beside those that all have.
ODD: dict[str, dict[str, Any]] = {
    "JSON-14": {"n": {"type": "integer"}},
    "PQ-14": {"meta": {"type": ["object", "null"]}},
    "PQ-17": {"ts": {"type": ["string", "null"], "format": "date-time"}},
    "PQ-18": dict.fromkeys(("../x", "a.b", "__index_level_0__", "<img src=x onerror=alert(1)>|`"), TEXT),
}


def expected() -> list[dict[str, Any]]:
    """The cases of the material, one for each file."""
    return [json.loads(line) for line in EXPECTED.read_text("utf-8").splitlines()] if EXPECTED.is_file() else []


def as_case(place: Path, case: dict[str, Any]) -> list[list[str]]:
    """A case as a dataset: rejected rows are allowed, so that what is kept can be counted."""
    path, kind, text = EXPECTED.parent / case["path"], case["path"].split("/")[0], TEXT
    if kind == "schema":
        return as_schema(place, path)
    if kind == "card":
        return [[*as_settings(place, json.loads(path.read_bytes())), "--json"]]
    members = {"path": text, "text": text, "meta": {"type": "object"}} if kind == "docs" else {"id": text, "text": text}
    members |= ODD.get(case["id"], {})
    rest = {"type": "object", "additionalProperties": False, "required": list(members)[: 1 if kind == "docs" else 2]}
    (place / "notes.schema.json").write_text(json.dumps({**rest, "properties": members}), "utf-8")
    name = path.name
    if path.is_dir():
        shutil.copytree(path, place / name)
        name += "/*.parquet"
    else:
        shutil.copy(path, place / name)
    table = RECIPE.format(table="notes", source=name, more="").replace('id = "id"', f'id = "{next(iter(members))}"')
    limits = '[limits]\nrejected = "100%"\nline_bytes = 1_000_000\n'
    return [[*recipe(place, limits, table), "--json"]]


def as_settings(place: Path, said: dict[str, Any]) -> list[str]:
    """Settings of a card, as the recipe has them."""
    dataset = {"name": "notes", "version": "1.0.0", "title": said.get("name", "Notes"), "summary": said["description"]}
    dataset |= {
        "keywords": said.get("tags"),
        "license": said.get("license"),
        "languages": said.get("language"),
        "released": "2026-11-22",
    }
    lines = [f"{key} = {json.dumps(value)}" for key, value in dataset.items() if value is not None]
    known = {"name", "license", "language", "description", "splits", "sources", "tags"}
    lines += [f"{key} = {json.dumps(value)}" for key, value in said.items() if key not in known]
    lines.append('creators = [{ name = "Doe, Jane" }]')
    for source in said.get("sources", ()):
        lines += ["[[dataset.origins]]", f'name = "{source["path"]}"']
        lines += [f'license = "{source["license"]}"'] if source.get("license") else []
    splits = said.get("splits", {"train": 0.8, "test": 0.2})
    ratios = ", ".join(f"{json.dumps(name)} = {str(share).lower()}" for name, share in splits.items())
    table = RECIPE.format(table="notes", source="in.jsonl", more="")
    table = re.sub("ratios = .*", lambda _: f"ratios = {{ {ratios} }}", table)
    (place / "in.jsonl").write_text("".join(json.dumps({"id": str(n)}) + "\n" for n in range(9)), "utf-8")
    (place / "notes.schema.json").write_text(json.dumps(RECORD), "utf-8")
    return recipe(place, table, dataset="[dataset]\n" + "\n".join(lines) + "\n")


def as_schema(place: Path, path: Path) -> list[list[str]]:
    """A schema, and one row of its kind."""
    shutil.copy(path, place / "notes.schema.json")
    (place / "in.jsonl").write_text('{"id": "a"}\n' if "typo" in path.name else '{"id": "aa", "text": "t"}\n', "utf-8")
    return [[*recipe(place, RECIPE.format(table="notes", source="in.jsonl", more="")), "--json"]]


def answer(result: dict[str, Any]) -> tuple[int, set[str], int, int]:
    """How a case was answered: the exit, the codes, the rows that were kept and those that were removed."""
    codes, kept, removed = set(re.findall(rf"^(?:error|warning)\[({CODE})\]", result["err"], re.MULTILINE)), 0, 0
    for table in json.loads(result["out"] or "{}").get("tables", {}).values() if not result["exit"] else ():
        codes |= {code for source in table["sources"] for code in source["removed"]}
        kept += sum(source["published"] for source in table["sources"])
        removed += sum(count for source in table["sources"] for count in source["removed"].values())
    for path in Path(result["folder"]).glob("out/*.refused/rejected.jsonl"):
        lines = path.read_text("utf-8").splitlines()
        codes, removed = codes | {json.loads(line)["code"] for line in lines}, removed + len(lines)
    for warning in json.loads(result["out"] or "{}").get("warnings", ()):
        codes.add(warning["code"])
    return result["exit"], codes, kept, removed


def unlike(case: dict[str, Any], result: dict[str, Any]) -> str:
    """How the answer to a case is another one than is expected, or than is listed; nothing if it is not."""
    ended, codes, kept, removed = answer(result)
    ends = {"config": 2, "ok": 0, "record": 0 if case["rows_ok"] else 3}.get(case["layer"], 3)
    code = case["code"]
    code = "" if code == "OK" else next((ours for ours, theirs in CALLED.items() if code in theirs.split()), code)
    if case["id"] in OTHERWISE:
        if (ended, not code or code in codes) == (ends, True):
            return "is answered as expected after all"
        ends, code, _ = OTHERWISE[case["id"]]
    if ended != ends or (code and code not in codes) or (not code and any("WARN" not in one for one in codes)):
        return f"ended in {ended} with {sorted(codes)}, not in {ends} with {code or 'nothing'}"
    wanted = (case["rows_ok"], case["rows_bad"])
    counts = {0: (kept, removed) == wanted, 3: removed in (0, wanted[1])}
    if case["layer"] in ("ok", "record") and wanted[0] is not None and not counts.get(ended, True):
        return f"kept {kept} and removed {removed}, not {wanted}"
    return ""


def test_generated_bad_inputs_are_answered_as_expected(tmp_path: Path, figure: Callable[..., None]) -> None:
    cases = {case["id"]: case for case in expected() if case["path"].split("/")[0] not in ("names", "secrets")}
    some = list(cases.values())[:: times(4, 1)]
    results = run([Job(case["id"], lambda place, case=case: as_case(place, case)) for case in some], tmp_path)
    broke = [f"{one['job']} {what}\n{one['err'][:600]}" for one in results if (what := unlike(cases[one["job"]], one))]
    print("\n".join(broke))
    more = {"as_expected": sum(case["id"] not in OTHERWISE for case in some)}
    more["otherwise"] = len(some) - more["as_expected"]
    figure("No traceback", "expected bad inputs", len(some), len(broke), **more)
