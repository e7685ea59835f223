"""Releases that were changed by someone who made what vouches for them true again, but for one thing."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from parquetry.files import manifest as manifests
from parquetry.files.manifest import SUMS
from parquetry.files.stats import measure
from parquetry.record.content import content_digest, contents
from parquetry.words.schema import load

Change = Callable[["Forger"], object]
SPLITS = ("train", "validation", "test")


class Forger:
    """Changes a release, and makes its manifest and its checksums true again."""

    def __init__(self, release: Path) -> None:
        self.release = release
        self.known: dict[str, Any] = json.loads((release / "manifest.json").read_text("utf-8"))

    def place(self, table: str, split: str) -> Path:
        return self.release / f"data/{table}/{split}-00000-of-00001.parquet"

    def rows(self, table: str, split: str) -> pa.Table:
        return pq.read_table(self.place(table, split))

    def write(self, table: str, split: str, rows: pa.Table, metadata: dict[bytes, bytes] | None = None) -> None:
        """Write a shard anew, with the metadata that it had."""
        place = self.place(table, split)
        kept = metadata or pq.read_schema(place).metadata
        pq.write_table(rows.replace_schema_metadata(kept), place, compression="zstd")

    def sets(self, table: str, split: str, column: str, row: int, value: object) -> None:
        """Change one value."""
        rows = self.rows(table, split)
        values = rows[column].to_pylist()
        assert values[row] != value
        values[row] = value
        kind = rows.schema.field(column)
        self.write(table, split, rows.set_column(rows.schema.names.index(column), kind, pa.array(values, kind.type)))

    def text(self, path: str, old: str, new: str) -> None:
        """Change what a file says, where it says it first."""
        text = (self.release / path).read_bytes().decode()
        assert old in text, f"{path} does not say {old!r}"
        (self.release / path).write_bytes(text.replace(old, new, 1).encode())

    def document(self, path: str, change: Callable[[Any], object]) -> None:
        """Change a file of JSON, and keep its form."""
        known = json.loads((self.release / path).read_text("utf-8"))
        before = json.dumps(known)
        change(known)
        assert json.dumps(known) != before
        (self.release / path).write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", "utf-8")

    def counted(self, *, digests: bool) -> None:
        """Make the counts of rows and bytes true in the manifest, and the content digests if they are known."""
        for name, facts in self.known["tables"].items():
            fields = load(self.release / facts["schema_file"], facts["schema_file"]).fields
            for split, stated in facts["splits"].items():
                batch = self.rows(name, split).combine_chunks().to_batches()[0]
                stated["rows"] = batch.num_rows
                if batch.schema.names != [field.name for field in fields]:
                    continue
                stated["bytes"] = measure(batch, fields).bytes
                if digests:
                    stated["sha256"] = content_digest(fields, [contents(batch, fields)])
            total = sum(stated["rows"] for stated in facts["splits"].values())
            source = facts["sources"][0]
            source |= {"read": total + sum(source["removed"].values()), "published": total}
        if digests:
            tables = manifests.Manifest.model_validate_json(json.dumps(self.known)).tables
            self.known["data_sha256"] = manifests.data_digest(tables)

    def seal(self) -> None:
        """Make sizes, checksums and rows of the files true, and the two files that seal them."""
        for file in self.known["files"]:
            place = self.release / file["path"]
            file |= {"bytes": place.stat().st_size, "sha256": hashlib.sha256(place.read_bytes()).hexdigest()}
            if "rows" in file:
                file["rows"] = pq.read_metadata(place).num_rows
        manifest = manifests.Manifest.model_validate_json(json.dumps(self.known))
        raw = manifest.text().encode()
        (self.release / "manifest.json").write_bytes(raw)
        (self.release / SUMS).write_text(manifests.sums(manifest, hashlib.sha256(raw).hexdigest()), "utf-8")


def without(rows: pa.Table, row: int) -> pa.Table:
    return pa.concat_tables([rows.slice(0, row), rows.slice(row + 1)])


def deletes(forger: Forger) -> None:
    forger.write("events", "test", without(forger.rows("events", "test"), 3))


def reorders(forger: Forger) -> None:
    rows = forger.rows("events", "test")
    forger.write("events", "test", rows.take(list(reversed(range(len(rows))))))


def exchanges(forger: Forger) -> None:
    """Two rows in each other's place."""
    rows = forger.rows("events", "train")
    forger.write("events", "train", rows.take([1, 0, *range(2, len(rows))]))


def moves(forger: Forger) -> None:
    rows, others = forger.rows("events", "test"), forger.rows("events", "train")
    forger.write("events", "train", pa.concat_tables([others, rows.slice(5, 1)]))
    forger.write("events", "test", without(rows, 5))


def repeats(forger: Forger) -> None:
    """The text of a row of one split in a row of another."""
    forger.sets("events", "train", "summary", 7, forger.rows("events", "test")["summary"][7].as_py())


def nearly(forger: Forger) -> None:
    """Nearly the text of a row of one split in a row of another."""
    longest = max(forger.rows("events", "test")["summary"].to_pylist(), key=len)
    forger.sets("events", "train", "summary", 7, " ".join(longest.split()[:-1]).rstrip(",;") + ".")


def plants(forger: Forger) -> None:
    """A row of one split once more in another, under an id of its own."""
    row = forger.rows("events", "test").slice(0, 1)
    named = row.set_column(0, row.schema.field(0), pa.array(["Z99-01"], row.schema.field(0).type))
    forger.write("events", "train", pa.concat_tables([forger.rows("events", "train"), named]))


def twice(forger: Forger) -> None:
    rows = forger.rows("events", "train")
    forger.write("events", "train", pa.concat_tables([rows, rows.slice(0, 1)]))


def swaps(forger: Forger) -> None:
    """Two splits under each other's names."""
    train, test = forger.rows("events", "train"), forger.rows("events", "test")
    forger.write("events", "train", test)
    forger.write("events", "test", train)


def drops(forger: Forger) -> None:
    for split in SPLITS:
        forger.write("events", split, forger.rows("events", split).drop_columns(["note"]))


def retypes(forger: Forger) -> None:
    for split in SPLITS:
        rows = forger.rows("articles", split)
        place = rows.schema.names.index("word_count")
        narrow = pa.field("word_count", pa.int32())
        forger.write("articles", split, rows.set_column(place, narrow, pc.cast(rows["word_count"], pa.int32())))


def relabels(forger: Forger) -> None:
    """Features that tell `datasets` something else."""
    rows = forger.rows("events", "test")
    features = rows.schema.metadata[b"huggingface"].replace(b'"summary"', b'"summery"', 1)
    forger.write("events", "test", rows, rows.schema.metadata | {b"huggingface": features})


def schema(change: Callable[[Any], object], *, told: bool = False) -> Change:
    """A schema that says something else, and its digest in the manifest if the forger thinks of that."""

    def forge(forger: Forger) -> None:
        path = "schema/events.schema.json"
        forger.document(path, change)
        if told:
            forger.known["tables"]["events"]["schema_sha256"] = load(forger.release / path, path).sha256

    return forge


def looser(document: Any) -> None:
    """Ids of any form: no paper shows what form they have."""
    del document["properties"]["event_id"]["pattern"]


def wider(document: Any) -> None:
    """A code more, which the papers show."""
    document["$defs"]["direction"]["oneOf"].append({"const": "toward_mars", "description": "Up."})


def says(change: Callable[[dict[str, Any]], object]) -> Change:
    """A manifest that says something else."""

    def forge(forger: Forger) -> None:
        before = json.dumps(forger.known)
        change(forger.known)
        assert json.dumps(forger.known) != before

    return forge


def events(change: Callable[[dict[str, Any]], object]) -> Change:
    return says(lambda known: change(known["tables"]["events"]))


def forgets(path: str) -> Change:
    """A file that is gone, and stands in no list."""

    def change(forger: Forger) -> None:
        (forger.release / path).unlink()
        forger.known["files"] = [file for file in forger.known["files"] if file["path"] != path]

    return change


def adds(path: str, like: str) -> Change:
    """A file more, and a line for it in each list."""

    def change(forger: Forger) -> None:
        (forger.release / path).write_bytes((forger.release / like).read_bytes())
        of = next(file for file in forger.known["files"] if file["path"] == like)
        forger.known["files"] = sorted(
            [*forger.known["files"], of | {"path": path}], key=lambda file: str(file["path"])
        )

    return change


def sets(table: str, split: str, column: str, row: int, value: object) -> Change:
    return lambda forger: forger.sets(table, split, column, row, value)


def text(path: str, old: str, new: str) -> Change:
    return lambda forger: forger.text(path, old, new)


#: What leaves nothing that is not true any more: a schema whose rules no paper tells.
WHOLE = schema(looser, told=True)
#: Changes of rows: each is tried by who makes the counts true, and by who makes the content digests true as well.
ROWS: dict[str, Change] = {
    "a row deleted": deletes,
    "a text changed": sets("events", "test", "note", 3, "another note"),
    "a code changed": sets("events", "test", "confidence", 3, "low"),
    "a code that is none": sets("events", "test", "direction", 3, "toward_mars"),
    "a value taken out": sets("events", "test", "summary", 3, None),
    "an id changed": sets("events", "test", "event_id", 3, "Z99-99"),
    "a reference to nothing": sets("events", "test", "article_id", 3, "nothing"),
    "a number changed": sets("articles", "train", "paragraph_count", 0, 99),
    "a group torn": sets("articles", "train", "group", 0, "G2"),
    "rows reordered": reorders,
    "two rows exchanged": exchanges,
    "a row moved to another split": moves,
    "a row twice": twice,
    "a duplicate planted across splits": plants,
    "a text repeated in another split": repeats,
    "a text nearly repeated in another split": nearly,
    "two splits swapped": swaps,
    "a column dropped": drops,
    "a column retyped": retypes,
    "features relabelled": relabels,
}
#: Changes of what is said.
SAYINGS: dict[str, Change] = {
    "a schema loosened": schema(looser),
    "a code more": schema(wider),
    "a code more, and the digest of the schema made": schema(wider, told=True),
    "a description in a schema": schema(lambda s: s["properties"]["note"].update(description="Something else.")),
    "a description in a schema, and its digest made": schema(
        lambda s: s["properties"]["note"].update(description="Something else."), told=True
    ),
    "a number of the statistics": lambda f: f.text("statistics.json", "189", "190"),
    "a count of the card": text("README.md", "num_examples: 88", "num_examples: 89"),
    "a count of a region": text("README.md", "| 67 | 8 | 14 | 45 |", "| 67 | 9 | 13 | 45 |"),
    "the licence of the card": text("README.md", 'license: "cc-by-4.0"', 'license: "cc0-1.0"'),
    "a region cut out": text("README.md", "<!-- begin: ledger -->", ""),
    "a count of a document": text("docs/CODEBOOK.md", "| Energy | 14 |", "| Energy | 15 |"),
    "a digest of croissant.json": lambda f: f.text("croissant.json", '"sha256": "', '"sha256": "0'),
    "a name in croissant.json": text("croissant.json", "Belarus foreign", "Belarus domestic"),
    "a number of datapackage.json": text("datapackage.json", '"bytes": ', '"bytes": 1'),
    "the text of the licence": text("LICENSE", "the ", "no "),
    "the author of the citation": text("CITATION.cff", "Parquetry", "Parquetty"),
    "a cell of a sheet": text("csv/events.csv", "toward_russia", "toward_third_party"),
    "a number of the preview": text("index.html", "189", "190"),
    "a picture": text("assets/rows.svg", "<svg", "<svg id='x'"),
    "the licence of the manifest": says(lambda k: k["dataset"].update(license="cc0-1.0")),
    "the author of the manifest": says(lambda k: k["dataset"]["creators"][0].update(name="Somebody Else")),
    "an origin of the manifest": says(lambda k: k["dataset"]["origins"].pop()),
    "rows that were read": events(lambda t: t["sources"][0].update(read=200)),
    "rows that were removed": events(lambda t: t["sources"][0].update(read=190, removed={"DUPLICATE": 1})),
    "a source": events(lambda t: t["sources"][0].update(sha256="0" * 64)),
    "leaks that were found": events(lambda t: t["leakage"].update(exact_pairs=1)),
    "clusters that were found": events(lambda t: t["leakage"].update(clusters=188, largest_cluster=2)),
    "a data digest": says(lambda k: k.update(data_sha256="0" * 64)),
    "a content digest": events(lambda t: t["splits"]["test"].update(sha256="0" * 64)),
    "a sheet forgotten": forgets("csv/events.csv"),
    "a shard forgotten": forgets("data/events/test-00000-of-00001.parquet"),
    "a paper forgotten": forgets("statistics.json"),
    "a picture forgotten": forgets("assets/rows.svg"),
    "a shard more": adds("data/events/test-00001-of-00002.parquet", "data/events/test-00000-of-00001.parquet"),
    "a split more": adds("data/events/more-00000-of-00001.parquet", "data/events/test-00000-of-00001.parquet"),
}  # fmt: skip


def forged(release: Path, change: Change, *, counts: bool, digests: bool) -> None:
    """Change a release, and make it look sound."""
    forger = Forger(release)
    change(forger)
    if counts:
        forger.counted(digests=digests)
    forger.seal()
