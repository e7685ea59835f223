"""Every value comes back identical, in every reader; what readers cannot hold is known."""

from __future__ import annotations

import datetime as dt
import json
import struct
import tempfile
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any, NamedTuple

import datasets
import duckdb
import pandas
import polars
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import SHARED, Project
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import NAMES, NARROW_INTEGERS, days, floats, instants, json_values, schemas_with_matching, table, texts

from parquetry.files.shards import writer
from parquetry.record.read import read
from parquetry.sources.conform import record
from parquetry.sources.partitions import Partition, Piece
from parquetry.words.recipe import Files, Limits, Split, Table
from parquetry.words.schema import Schema

Spec = dict[str, Any]
Rows = list[dict[str, Any]]
RULES = Table(schema="s", sources=("s",), id=("id",), split=Split(only="train"))


def published(schema: Schema, rows: Rows, folder: Path) -> Path:
    """A Parquet file of ours with these rows, which came in as JSON Lines."""
    source, file = folder / "a.jsonl", folder / "a.parquet"
    source.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    part = Partition("t", 0, "lines", (Piece(source, "a.jsonl", source.stat().st_size),))
    batches = [batch.kept.select(schema.arrow.names) for batch in read(part, schema, RULES, Limits())]
    with writer(file, schema, Files()) as sink:
        sink.write_table(pa.Table.from_batches(batches).cast(schema.arrow))
    return file


def with_datasets(file: Path) -> Rows:
    return list(datasets.load_dataset("parquet", data_files=str(file), split="train", streaming=True))


def with_pandas(file: Path) -> Rows:
    frame = pandas.read_parquet(file, dtype_backend="pyarrow")
    return pa.Table.from_pandas(frame, preserve_index=False).to_pylist()


def with_duckdb(file: Path, zone: str = "UTC") -> Rows:
    """duckdb says instants in the time zone of its session, which is the machine's unless it is told."""
    with duckdb.connect() as session:
        session.execute(f"SET TimeZone = '{zone}'")
        return session.read_parquet(str(file)).to_arrow_table().to_pylist()


READERS: dict[str, Callable[[Path], Rows]] = {
    "pyarrow": lambda file: pq.read_table(file).to_pylist(),
    "datasets": with_datasets,
    "polars": lambda file: polars.read_parquet(file).to_dicts(),
    "pandas": with_pandas,
    "duckdb": with_duckdb,
}
readers = pytest.mark.parametrize("reader", READERS)


def same(value: Any) -> Any:
    """A value as all readers can say it: instants in UTC."""
    if isinstance(value, dict):
        return {name: same(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [same(inner) for inner in value]
    return value.astimezone(UTC) if hasattr(value, "astimezone") else value


@readers
@given(schemas_with_matching())
@settings(max_examples=40)
def test_every_value_comes_back_identical(reader: str, case: tuple[Schema, Rows]) -> None:
    schema, rows = case
    if not rows:
        return
    with tempfile.TemporaryDirectory() as folder:
        file = published(schema, rows, Path(folder))
        found = READERS[reader](file)
    expected = [record(schema, row) for row in rows]
    assert [repr(same(row)) for row in found] == [repr(same(row)) for row in expected]


EDGES = table(
    text={"type": ["string", "null"]},
    whole={"type": ["integer", "null"]},
    large={"type": ["integer", "null"], "x-arrow": "uint64"},
    number={"type": ["number", "null"]},
    day={"type": ["string", "null"], "format": "date"},
    at={"type": ["string", "null"], "format": "date-time"},
    flags={"type": ["array", "null"], "items": {"type": ["boolean", "null"]}},
    part={
        "type": ["object", "null"],
        "additionalProperties": False,
        "properties": {"x": {"type": ["string", "null"]}},
    },
)
ROWS: Rows = [
    {"text": "", "whole": -(2**63), "large": 2**64 - 1, "number": -0.0, "day": "0001-01-01", "flags": []},
    {"text": None, "whole": 2**63 - 1, "large": 0, "number": 5e-324, "day": "9999-12-31", "flags": [None, True]},
    {"text": "\u2028\u0085\ufeff\U0001f600\u202e\u0301", "number": 1.7976931348623157e308, "flags": None},
    {"text": "NA", "at": "2020-02-29T23:59:59.000001Z", "part": {"x": None}},
    {"text": "null", "at": "1677-09-21T00:12:43Z", "part": None},
    {"text": " leading and trailing ", "at": "2262-04-12T00:00:00Z", "part": {"x": ""}},
    {"text": "x" * 300_000, "at": "1969-12-31T23:59:59.999999Z"},
]


@readers
def test_what_stands_at_the_edge_comes_back_identical(reader: str, tmp_path: Path) -> None:
    found = READERS[reader](published(EDGES, ROWS, tmp_path))
    expected = [record(EDGES, row) for row in ROWS]
    assert [repr(same(row)) for row in found] == [repr(same(row)) for row in expected]


@readers
def test_naughty_strings_come_back_identical(reader: str, tmp_path: Path) -> None:
    path = SHARED / "test-material/blns/blns.json"
    if not path.exists():
        pytest.skip("the list of naughty strings is not beside this repository")
    texts = [text for text in json.loads(path.read_text("utf-8")) if "\0" not in text]
    schema = table(text={"type": "string"})
    found = READERS[reader](published(schema, [{"text": text} for text in texts], tmp_path))
    assert [row["text"] for row in found] == texts


# The same through a whole build, judged by the JSON that went in and by nothing of ours.

BLNS = SHARED / "test-material/blns/blns.json"
EDGE_TEXTS = (
    *("", " ", "\t", "\n", "\r\n", "NA", "null", "None", "nan", "true", "0", "007", "1e5", "-0", "[]", "{}", '"', "\\"),
    *("\u2028", "\u2029", "\u0085", "\ufeff", "\ufffe", "\uffff", "\u200d", "\u202e abc \u202c", "\u2066 abc \u2069"),
    *("\U0001f600", "\U0010ffff", "e\u0301", "é", "\u0001", "\x1f", "\x7f", "x" * 70_000, "\U0001f469\u200d" * 9_000),
    *(text for text in (json.loads(BLNS.read_text("utf-8")) if BLNS.exists() else ()) if "\0" not in text),
)
EDGE_DAYS = ("0001-01-01", "9999-12-31", "1970-01-01", "1969-12-31", "2000-02-29", "1582-10-10")
EDGE_INSTANTS = (
    *("0001-01-01T00:00:00Z", "0001-01-01T23:59:00+23:59", "9999-12-31T23:59:59.999999Z", "9999-12-31T00:00:00-23:59"),
    *(
        "1969-12-31T23:59:59.999999Z",
        "1970-01-01T00:00:00Z",
        "1677-09-21T00:12:43.145224Z",
        "2262-04-11T23:47:16.854776Z",
    ),
    *("2020-02-29T12:00:00.000001+05:45", "2016-12-31T23:59:59z", "2020-01-01t00:00:00.5-00:00"),
)
EDGE_NUMBERS = (
    0.0,
    -0.0,
    0,
    1,
    0.1,
    5e-324,
    1.7976931348623157e308,
    -1e300,
    2**53,
    -(2**53),
    1e16,
    1e22,
    0.30000000000000004,
)
EDGE_NARROW = (0.0, -0.0, 1, 0.1, 3.4028234663852886e38, 1e-45, 2**24, 16777215.0)


def bounds(kind: str) -> tuple[int, int]:
    """The least and the largest integer of a type."""
    bits = NARROW_INTEGERS.get(kind, 64)
    return (0, 2**bits - 1) if kind.startswith("u") else (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


@st.composite
def columns(draw: st.DrawFn, depth: int) -> Spec:
    """The schema of a column of any kind, with no rule that a value could break."""
    plain: list[Spec] = [
        {"type": "string"},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "date-time"},
        {"type": "integer"},
        {"type": "integer", "x-arrow": draw(st.sampled_from(sorted(NARROW_INTEGERS)))},
        {"type": "number"},
        {"type": "number", "x-arrow": "float32"},
        {"type": "boolean"},
        {"type": "object"},
    ]
    kind = draw(st.sampled_from(["plain", "plain", "list", "struct", "structs"] if depth else ["plain"]))
    spec = draw(st.sampled_from(plain))
    if kind in ("struct", "structs"):
        names = draw(st.sets(st.sampled_from(NAMES), min_size=1, max_size=3))
        members = {name: draw(columns(depth - 1)) for name in sorted(names)}
        spec = {"type": "object", "additionalProperties": False, "properties": members}
    if kind in ("list", "structs"):
        spec = {"type": "array", "items": draw(columns(depth - 1)) if kind == "list" else draw(nullable(spec))}
    return draw(nullable(spec))


def nullable(spec: Spec) -> st.SearchStrategy[Spec]:
    return st.sampled_from([spec, spec | {"type": [spec["type"], "null"]}])


def kind_of(spec: Spec) -> str:
    return spec["type"] if isinstance(spec["type"], str) else spec["type"][0]


def values(spec: Spec) -> st.SearchStrategy[Any]:
    """Values of a column, those at the edge more often than others."""
    null = st.none() if isinstance(spec["type"], list) else st.nothing()
    match kind_of(spec), spec.get("format"), spec.get("x-arrow", ""):
        case "string", "date", _:
            return null | days | st.sampled_from(EDGE_DAYS)
        case "string", "date-time", _:
            return null | instants() | st.sampled_from(EDGE_INSTANTS)
        case "string", _, _:
            return null | texts | st.sampled_from(EDGE_TEXTS)
        case "integer", _, arrow:
            least, most = bounds(arrow)
            small = st.integers(0, 100)
            return null | st.sampled_from([least, most]) | st.integers(least, most) | small | small.map(float)
        case "number", _, "float32":
            wide = st.floats(allow_nan=False, allow_infinity=False, width=32)
            return null | wide | st.sampled_from(EDGE_NARROW)
        case "number", _, _:
            return null | floats | st.integers(-(2**53), 2**53) | st.sampled_from(EDGE_NUMBERS)
        case "array", _, _:
            return null | st.lists(values(spec["items"]), max_size=4)
        case "object", _, _ if "properties" in spec:
            members = {name: values(member) for name, member in spec["properties"].items()}
            return null | st.fixed_dictionaries({}, optional=members)
        case "object", _, _:
            return null | st.dictionaries(texts.filter(bool) | st.sampled_from("zya"), json_values(4), max_size=3)
    return null | st.booleans()


@st.composite
def tables_with_rows(draw: st.DrawFn, depth: int = 2) -> tuple[Spec, Rows]:
    """The schema of a table, and rows of it, each with a number."""
    properties = {name: draw(columns(depth)) for name in draw(st.sets(st.sampled_from(NAMES), min_size=1, max_size=5))}
    spec: Spec = {"type": "object", "additionalProperties": False, "properties": properties}
    rows = draw(st.lists(values(spec), min_size=1, max_size=6))
    spec["properties"] = {"id": {"type": "integer"}} | properties
    return spec | {"required": ["id"]}, [{"id": number} | row for number, row in enumerate(rows)]


def sent(spec: Spec, value: Any) -> Any:
    """A JSON value that went in, in the one spelling of it that its column can have."""
    if value is None:
        return None
    match kind_of(spec), spec.get("format"), spec.get("x-arrow", ""):
        case "string", "date-time", _:
            return dt.datetime.fromisoformat(value.upper()).astimezone(UTC).isoformat()
        case "integer", _, _:
            return int(value)
        case "number", _, "float32":
            return struct.unpack("<f", struct.pack("<f", value))[0]
        case "number", _, _:
            return float(value)
        case "array", _, _:
            return [sent(spec["items"], item) for item in value]
        case "object", _, _ if "properties" in spec:  # absent and null are one
            return {name: sent(member, value.get(name)) for name, member in spec["properties"].items()}
    return value


def back(spec: Spec, value: Any) -> Any:
    """A value as a reader gave it, in the same spelling."""
    if value is None:
        return None
    match kind_of(spec), spec.get("format"):
        case "string", "date":
            assert type(value) is dt.date
            return value.isoformat()
        case "string", "date-time":
            assert isinstance(value, dt.datetime)
            return value.astimezone(UTC).isoformat()
        case "array", _:
            return [back(spec["items"], item) for item in value]
        case "object", _ if "properties" in spec:
            assert list(value) == list(spec["properties"])
            return {name: back(member, value[name]) for name, member in spec["properties"].items()}
        case "object", _:
            return json.loads(value)
    return value


def told(value: Any) -> str:
    """A value as text that tells 1 from 1.0 and from true, and 0.0 from -0.0; the order of members does not count."""
    return json.dumps(value, sort_keys=True)


def built(spec: Spec, rows: Rows, folder: Path) -> Path:
    """The release of a build of these rows, which came in as JSON Lines."""
    project = Project(folder)
    project.edit("ratios = { train = 0.8, test = 0.2 }", "only = 'train'")
    project.schema("notes", spec)
    project.rows("notes.jsonl", rows)
    return project.build().place


def all_come_back(spec: Spec, rows: Rows) -> None:
    expected = [told(sent(spec, row)) for row in rows]
    with tempfile.TemporaryDirectory() as folder:
        file = built(spec, rows, Path(folder)) / "data/notes/train-00000-of-00001.parquet"
        for reader, found in READERS.items():
            assert [told(back(spec, row)) for row in found(file)] == expected, reader


@given(tables_with_rows())
@settings(max_examples=60)
def test_a_build_gives_every_value_to_every_reader(case: tuple[Spec, Rows]) -> None:
    all_come_back(*case)


@pytest.mark.slow
@given(tables_with_rows(depth=3))
@settings(max_examples=100)
def test_a_build_gives_every_nested_value_to_every_reader(case: tuple[Spec, Rows]) -> None:
    all_come_back(*case)


@pytest.mark.slow
@pytest.mark.parametrize("streaming", [False, True])
@given(tables_with_rows())
@settings(max_examples=40)
def test_datasets_loads_every_value_of_a_release_by_its_card(streaming: bool, case: tuple[Spec, Rows]) -> None:
    """Not a file alone, but the folder: the features are those of the card, and all checks are made."""
    spec, rows = case
    with tempfile.TemporaryDirectory() as folder:
        options = {"streaming": True} if streaming else {"verification_mode": "all_checks"}
        release = str(built(spec, rows, Path(folder)))
        found = list(datasets.load_dataset(release, split="train", cache_dir=f"{folder}/cache", **options))
    assert [told(back(spec, row)) for row in found] == [told(sent(spec, row)) for row in rows]


def everything() -> tuple[Spec, Rows]:
    """A table with a column of every kind, also as a list and in an object, and rows of all their edges."""
    edges: dict[str, tuple[Spec, tuple[Any, ...]]] = {
        "text": ({"type": ["string", "null"]}, EDGE_TEXTS),
        "day": ({"type": ["string", "null"], "format": "date"}, EDGE_DAYS),
        "at": ({"type": ["string", "null"], "format": "date-time"}, EDGE_INSTANTS),
        "number": ({"type": ["number", "null"]}, EDGE_NUMBERS),
        "float32": ({"type": ["number", "null"], "x-arrow": "float32"}, EDGE_NARROW),
        "flag": ({"type": ["boolean", "null"]}, (True, False)),
        "map": ({"type": ["object", "null"]}, ({}, {"b": 1, "a": [1.0, -0.0, True, None, "\u2028"]}, {"é": {"z": {}}})),
    }
    edges |= {kind: ({"type": ["integer", "null"], "x-arrow": kind}, bounds(kind)) for kind in NARROW_INTEGERS}
    properties, rows = dict[str, Spec](id={"type": "integer"}), Rows()
    for name, (spec, found) in edges.items():
        inner = {"type": ["object", "null"], "additionalProperties": False, "properties": {"x": spec}}
        properties[name] = spec
        properties[f"{name}s"] = {"type": ["array", "null"], "items": spec}
        properties[f"{name} in"] = inner
        properties[f"{name}s in"] = {"type": ["array", "null"], "items": inner}
        rows += [{name: one, f"{name}s": [None, one], f"{name} in": {"x": one}} for one in found]
        rows += [{f"{name}s": [], f"{name} in": {}, f"{name}s in": [{"x": one} for one in found]}, {f"{name}s in": []}]
        rows += [{name: None, f"{name}s": [None], f"{name} in": {"x": None}, f"{name}s in": [None, {}, {"x": None}]}]
        rows += [{name: None, f"{name}s": None, f"{name} in": None, f"{name}s in": None}]
    spec = {"type": "object", "additionalProperties": False, "required": ["id"], "properties": properties}
    return spec, [{"id": number} | row for number, row in enumerate(rows)]


def test_every_kind_of_column_gives_its_edges_to_every_reader() -> None:
    all_come_back(*everything())


# What readers do on their own.


class Limit(NamedTuple):
    """Something that a reader makes of values that it was given whole."""

    sentence: str
    spec: Spec
    values: tuple[Any, ...]
    reader: Callable[[Path], list[Any]]
    found: str  #: What `repr` says of the column, or how the reader fails.


def in_pandas(backend: str = "") -> Callable[[Path], list[Any]]:
    return lambda file: pandas.read_parquet(file, **({"dtype_backend": backend} if backend else {}))["v"].tolist()


def by_fetchall(file: Path) -> list[Any]:
    with duckdb.connect() as session:
        return [row[0] for row in session.execute("SELECT v FROM read_parquet(?)", [str(file)]).fetchall()]


def in_a_frame_of_duckdb(file: Path) -> list[Any]:
    with duckdb.connect() as session:
        return session.read_parquet(str(file)).df()["v"].tolist()  # type: ignore[no-any-return]


def in_zone(zone: str) -> Callable[[Path], list[Any]]:
    return lambda file: [str(row["v"]) for row in with_duckdb(file, zone)]


WHOLE: Spec = {"type": ["integer", "null"]}
BEYOND = 2**53 + 1  #: The first integer that no float is.
LIST, PART = {"type": "array", "items": WHOLE}, {"type": "object", "additionalProperties": False}
INSTANT: Spec = {"type": ["string", "null"], "format": "date-time"}
LIMITS = [
    Limit(
        "pandas makes floats of a column of integers with a null, and rounds beyond 2**53.",
        *(WHOLE, (BEYOND, None), in_pandas(), "[9007199254740992.0, nan]"),
    ),
    Limit(
        "So it does with integers of 64 bits without a sign.",
        *(WHOLE | {"x-arrow": "uint64"}, (2**64 - 1, None), in_pandas(), "[1.8446744073709552e+19, nan]"),
    ),
    Limit(
        "It keeps them where no value is null.",
        *(WHOLE, (BEYOND, 2**63 - 1), in_pandas(), "[9007199254740993, 9223372036854775807]"),
    ),
    Limit(
        'With dtype_backend="numpy_nullable" it keeps a column of integers,',
        *(WHOLE, (BEYOND, None), in_pandas("numpy_nullable"), "[9007199254740993, <NA>]"),
    ),
    Limit(
        "but not those in an object,",
        PART | {"properties": {"x": WHOLE}},
        ({"x": BEYOND}, {"x": None}),
        *(in_pandas("numpy_nullable"), "[{'x': 9007199254740992.0}, {'x': None}]"),
    ),
    Limit(
        "nor those in a list.",
        *(LIST, ([BEYOND, None],), in_pandas("numpy_nullable"), "[array([9.00719925e+15,            nan])]"),
    ),
    Limit(
        'With dtype_backend="pyarrow" it keeps a column of integers,',
        *(WHOLE, (BEYOND, None), in_pandas("pyarrow"), "[9007199254740993, <NA>]"),
    ),
    Limit(
        "and those in objects and lists.",
        PART | {"properties": {"x": WHOLE, "y": LIST}},
        ({"x": BEYOND, "y": [BEYOND, None]}, {}),
        *(in_pandas("pyarrow"), "[{'x': 9007199254740993, 'y': [9007199254740993, None]}, {'x': None, 'y': None}]"),
    ),
    Limit(
        "A missing text is nan in pandas, not None; an empty text stays empty.",
        *({"type": ["string", "null"]}, ("", None, "NA"), in_pandas(), "['', nan, 'NA']"),
    ),
    Limit(
        "In a list instants lose their zone in pandas.",
        {"type": "array", "items": INSTANT},
        (["2020-01-01T00:00:00.000001Z"],),
        *(in_pandas(), "[array(['2020-01-01T00:00:00.000001'], dtype='datetime64[us]')]"),
    ),
    Limit(
        "duckdb calls a column that differs from another in case alone by another name.",
        *(WHOLE, (1,), lambda file: list(with_duckdb(file)[0]), "['v', 'V_1']"),
    ),
    Limit(
        "duckdb makes instants at midnight of days in a frame of pandas.",
        {"type": ["string", "null"], "format": "date"},
        ("0001-01-01", None),
        *(in_a_frame_of_duckdb, "[Timestamp('0001-01-01 00:00:00'), NaT]"),
    ),
    Limit(
        "duckdb says an instant in the time zone of its session.",
        *(INSTANT, ("2020-01-01T00:00:00Z",), in_zone("Asia/Tokyo"), "['2020-01-01 09:00:00+09:00']"),
    ),
    Limit(
        "East of Greenwich its last hours are beyond what Python can say, though duckdb holds them.",
        *(INSTANT, ("9999-12-31T23:59:59Z",), in_zone("Asia/Tokyo"), "OverflowError: date value out of range"),
    ),
    Limit(
        "West of Greenwich so are its first.",
        *(INSTANT, ("0001-01-01T00:00:00Z",), in_zone("America/New_York"), "OverflowError: date value out of range"),
    ),
]


@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit.sentence)
def test_what_readers_cannot_hold_is_known(limit: Limit, tmp_path: Path) -> None:
    """docs/READERS.md lists these; a reader that learns better shows here."""
    schema = table(v=limit.spec, **({"V": WHOLE} if "case alone" in limit.sentence else {}))
    file = published(schema, [{"v": value} for value in limit.values], tmp_path)
    try:
        found = repr(limit.reader(file))
    except OverflowError as error:
        found = f"OverflowError: {error}"
    assert found == limit.found


def test_duckdb_needs_pytz_to_fetch_instants(tmp_path: Path) -> None:
    file = published(table(v=INSTANT), [{"v": "2020-01-01T00:00:00Z"}], tmp_path)
    try:
        import pytz  # type: ignore[import-untyped]  # noqa: F401
    except ImportError:
        with pytest.raises(duckdb.InvalidInputException, match="Required module 'pytz' failed to import"):
            by_fetchall(file)
    else:
        assert by_fetchall(file) == [dt.datetime(2020, 1, 1, tzinfo=UTC)]


def test_datasets_gives_the_number_of_a_label(tmp_path: Path) -> None:
    """Where the schema asks for labels and the card says so; the text stands in the file."""
    label = {"enum": ["x", "y"], "x-feature": "ClassLabel"}
    spec = {"type": "object", "additionalProperties": False, "required": ["id"]}
    spec |= {"properties": {"id": {"type": "integer"}, "v": label}}
    release = built(spec, [{"id": 1, "v": "y"}, {"id": 2}], tmp_path)
    loaded = datasets.load_dataset(str(release), split="train", cache_dir=str(tmp_path / "cache"))
    assert list(loaded["v"]) == [1, None]
    assert loaded.features["v"].int2str(1) == "y"
    (file,) = release.glob("data/notes/*")
    for reader, found in READERS.items():
        assert [row["v"] for row in found(file)] == ["y", None], reader
