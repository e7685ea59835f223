"""CSV, TSV and sheets of workbooks -> batches of rows, typed by the schema and never guessed.

A cell of a text column stays exactly as it is: ``NA``, ``null``, ``007`` and ``1e5`` are text. Numbers, booleans and
dates are written as in JSON, lists and objects as JSON text. An empty cell is null; in a text column that is required
and never null it is the empty text. A record that breaks these rules is set aside, a file whose records cannot be told
apart is refused.

`Reader.exactly` reads record by record and is the definition; `Reader.quickly` reads whole blocks where it is surely
right.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pv

from parquetry.sources import blocks, conform
from parquetry.sources.encodings import decoded, legible, utf8
from parquetry.sources.lines import joined
from parquetry.sources.partitions import Piece
from parquetry.sources.separated import Record, Survey, Text, header
from parquetry.sources.streams import Stream
from parquetry.sources.workbook import SUFFIX, Sheet
from parquetry.words import strict_json
from parquetry.words.errors import InputError, Problem, pointer
from parquetry.words.fields import Field
from parquetry.words.recipe import Limits, Read, Table
from parquetry.words.records import LINE, Mask, Removed, Sifted
from parquetry.words.schema import Schema
from parquetry.words.strict_json import NotJson

#: Records that are read one by one into a batch.
BATCH_RECORDS = 4096
#: Integers that surely fit into 64 bits.
_INTEGER = "^-?(0|[1-9][0-9]{0,17})$"
_INTEGERS = ("integer", *(f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)))


def read(piece: Piece, schema: Schema, rules: Table, limits: Limits) -> Iterator[Sifted]:
    """Yield the records of a piece in batches, each with the number of the line that it begins on.

    Raises:
        InputError: The file cannot be read as text, its header does not fit the schema, a quote is never closed, or
            there is nothing but a header.
    """
    with opened(piece, rules.read, limits) as (text, stream):
        for batch in Reader(text, schema, rules, limits).batches():
            yield batch._replace(position=stream.position if stream else 0)


@contextmanager
def opened(piece: Piece, rules: Read, limits: Limits) -> Iterator[tuple[Text, Stream | None]]:
    """The records of a file, and the stream that they come from; a workbook has none.

    Raises:
        InputError: The file is empty, or not what its name says.
    """
    if piece.suffix == SUFFIX:
        yield Sheet(piece, rules.sheet, limits.line_bytes, limits.decompression_ratio), None
        return
    delimiter = "\t" if piece.suffix == ".tsv" else rules.delimiter
    with Stream(piece, limits.decompression_ratio) as stream:
        yield Text(utf8(stream, rules.encoding, piece.name), delimiter, piece.name, limits.line_bytes), stream


def cell(field: Field, text: str, structure: strict_json.Limits) -> Any:
    """The text of a cell as a JSON value of the type of its column.

    Raises:
        NotJson: It is none.
    """
    if not text:
        return "" if _is_text(field) else None
    if field.kind in ("string", "date", "date-time"):
        return text
    if field.kind in ("list", "struct", "map"):
        return strict_json.loads(text.encode(), structure)
    if re.fullmatch("true|false" if field.kind == "boolean" else strict_json.NUMBER, text):
        return strict_json.loads(text.encode())
    wanted = "boolean" if field.kind == "boolean" else "integer" if field.kind in _INTEGERS else "number"
    raise NotJson("SCHEMA_TYPE", f"expected {wanted}, found {text[:40]!r}")


def _is_text(field: Field) -> bool:
    """Whether an empty cell is the empty text, and not null."""
    return field.kind == "string" and field.required and not field.nullable


class Reader:
    """Reads the records of a file as rows."""

    def __init__(self, text: Text, schema: Schema, rules: Table, limits: Limits) -> None:
        self.text, self.schema, self.encoding = text, schema, rules.read.encoding
        self.nul = rules.read.nul == "keep"
        self.structure = strict_json.Limits(limits.depth - 1, limits.fields, self.nul)  # the record is one level
        self.columns = pa.schema([*schema.arrow, LINE])
        self.fields: tuple[Field, ...] = ()  #: In the order of the header.
        self.blank, self.line = 0, 1  #: Empty lines that are not reported yet, and the first such line.

    def batches(self) -> Iterator[Sifted]:
        """The records of the file."""
        self.fields = self._header()
        records = 0
        while self.text.ready():
            if batch := self.quickly():
                records += batch.kept.num_rows + len(batch.removed)
                yield batch
                continue
            while some := self.text.take(BATCH_RECORDS):
                batch = self._reported(self.exactly(some))
                records += batch.kept.num_rows + len(batch.removed)
                yield batch
            self.text.more()
        if not records:
            fix = "remove it, or fetch it again"
            raise InputError(Problem("INPUT_EMPTY", self.text.name, "the file holds a header and no rows", fix))

    def _header(self) -> tuple[Field, ...]:
        """The columns that the first line names."""
        while self.text.ready():
            for record in self.text.take(1):
                if not record.blank:
                    return header(record, self.schema, self.text, self.encoding)
                self.blank += 1
            else:
                self.text.more()
        raise InputError(Problem("INPUT_EMPTY", self.text.name, "the file holds nothing but empty lines", "remove it"))

    def exactly(self, records: Sequence[Record]) -> Sifted:
        """Some records as rows, one by one: the definition."""
        rows, removed, blank = list[dict[str, Any]](), list[Removed](), 0
        for record in records:
            value: Any = legible(record.text, self.encoding)
            if record.blank and (len(self.fields) > 1 or not record.text):
                blank += 1
                continue
            try:
                value = self._cells(record)
                rows.append(self._row(value) | {LINE.name: record.line})
            except NotJson as error:
                place = ("", self.text.name, record.line, error.pointer)
                removed.append(Removed(error.code, *place, error.what, value))
        return Sifted(pa.RecordBatch.from_pylist(rows, schema=self.columns), tuple(removed), blank)

    def _cells(self, record: Record) -> dict[str, str]:
        """The texts of a record by the names of their columns."""
        if record.fault[0] == "LINE_TOO_LONG":
            raise NotJson(*record.fault)
        decoded(record.text, self.encoding, "record")
        if record.fault[0]:
            raise NotJson(*record.fault)
        if (found := len(record.cells)) != len(self.fields):
            raise NotJson("CSV_FIELD_COUNT", f"expected {len(self.fields)} cells, found {found}")
        return {field.name: text.decode() for field, text in zip(self.fields, record.cells, strict=True)}

    def _row(self, texts: dict[str, str]) -> dict[str, Any]:
        value = {}
        for field in self.fields:
            text = texts[field.name]
            if "\0" in text and not self.nul:
                raise NotJson("UNICODE_NUL", "the character U+0000 stands in a cell", pointer(field.name))
            try:
                value[field.name] = cell(field, text, self.structure)
            except NotJson as error:
                raise NotJson(error.code, error.what, pointer(field.name) + error.pointer) from None
        return conform.record(self.schema, value)

    def quickly(self) -> Sifted | None:
        """The whole records that are held as rows, if it is surely known what they are."""
        where, text = self.text.survey(), self.text.held
        if where is None or not len(where.starts):
            return None
        unsure = np.zeros(len(where.starts), bool)
        if (table := self._parsed(text[: where.end], unsure)) is None:
            return None
        made = {f.name: self._column(f, table.column(i), unsure) for i, f in enumerate(self.fields)}
        columns = [made.get(f.name, pa.nulls(len(unsure), f.arrow)) for f in self.schema.fields]
        lines = pa.array(where.lines + self.text.line, LINE.type)
        batch = Sifted(pa.RecordBatch.from_arrays([*columns, lines], schema=self.columns), blank=where.empty)
        if unsure.any():
            batch = self._mended(batch, where, unsure)
        self.text.held, self.text.line = text[where.end :], self.text.line + where.all_lines
        return self._reported(batch)

    def _parsed(self, text: bytes, unsure: Mask) -> pa.Table | None:
        """The cells of a text by Arrow's reader; records with too few or too many are marked, and null."""

        def skip(row: Any) -> str:
            unsure[row.number - 1] = True
            return "skip"

        names = [str(index) for index in range(len(self.fields))]
        convert = {"column_types": dict.fromkeys(names, pa.string()), "null_values": [], "check_utf8": False}
        parse = {"newlines_in_values": True, "invalid_row_handler": skip, "delimiter": self.text.delimiter.decode()}
        try:
            text.decode()  # as `skip` is not called with what is not UTF-8
            table = pv.read_csv(
                pa.BufferReader(text),
                pv.ReadOptions(use_threads=False, block_size=len(text) + 1, column_names=names),
                pv.ParseOptions(**parse),
                pv.ConvertOptions(**convert),
            ).combine_chunks()
        except (UnicodeDecodeError, pa.ArrowInvalid):
            return None
        if table.num_rows + unsure.sum() != len(unsure):
            return None
        return table.take(pa.array(np.cumsum(~unsure) - 1, mask=unsure)) if unsure.any() else table

    def _column(self, field: Field, texts: pa.ChunkedArray, unsure: Mask) -> pa.Array:
        """Cells in the exact type of their column; where they may have none, null, and their records are marked."""
        texts = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
        if field.kind == "string" and _is_text(field):
            return texts
        texts = pc.if_else(pc.equal(pc.binary_length(texts), 0), pa.scalar(None, pa.string()), texts)
        if field.kind == "string":
            return texts
        try:
            if field.kind in ("date", "date-time"):
                return blocks.exact(field, texts, unsure)
            if field.kind == "boolean":
                return pc.equal(blocks.sure(texts, pc.is_in(texts, pa.array(["true", "false"])), unsure), "true")
            if field.kind in _INTEGERS:
                texts = blocks.sure(texts, pc.match_substring_regex(texts, _INTEGER), unsure)
                return texts.cast(pa.int64()).cast(field.arrow)
            if field.kind in ("number", "float64"):
                texts = blocks.sure(texts, pc.match_substring_regex(texts, f"^{strict_json.NUMBER}$"), unsure)
                return blocks.exact(field, texts.cast(pa.float64()), unsure)
        except pa.ArrowInvalid:  # one of them is out of range
            pass
        return self._one_by_one(field, texts, unsure)

    def _one_by_one(self, field: Field, texts: pa.Array, unsure: Mask) -> pa.Array:
        values = list[Any]()
        for index, text in enumerate(texts.to_pylist()):
            try:
                value = None if text is None else cell(field, text, self.structure)
                values.append(conform.typed(field, value, ()))
            except NotJson:
                values.append(None)
                unsure[index] = True
        return pa.array(values, field.arrow)

    def _mended(self, batch: Sifted, where: Survey, unsure: Mask) -> Sifted:
        """A batch with its marked records read one by one."""
        records = list[Record]()
        for index in np.flatnonzero(unsure).tolist():
            found = self.text.record(int(where.starts[index]), int(where.lines[index]) + self.text.line)
            assert found, "it was read to its end before"
            records.append(found[0])
        exact = self.exactly(records)
        sure = Sifted(batch.kept.filter(pa.array(~unsure)))
        return joined([sure, exact])._replace(blank=batch.blank + exact.blank)

    def _reported(self, batch: Sifted) -> Sifted:
        """A batch with the lines read since the last one, those before the header too."""
        batch = batch._replace(blank=batch.blank + self.blank, lines=self.text.line - self.line)
        self.blank, self.line = 0, self.text.line
        return batch
