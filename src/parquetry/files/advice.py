"""A rejected row -> what to do about it.

The code says most of it; the rest depends on the kind of file that the row stands in.
"""

from __future__ import annotations

from pathlib import Path

from parquetry.sources.partitions import FORMATS, Piece
from parquetry.words.records import Removed

#: What to do about a rejected row, by its code.
FIXES = {
    "ID_DUPLICATE": 'give each record an id of its own; duplicates = { exact = "drop" } drops whole repeats',
    "ID_EMPTY": "give each record an id",
    "DOC_FRONT_MATTER": "correct the block between the lines ---, or put an empty line before it if it is text",
    "REFERENCE_BROKEN": "correct the reference, or add the row that it points to",
    "JSON_DUPLICATE_KEY": "keep one of them",
    "JSON_NONFINITE": "write null, or a string",
    "JSON_NUMBER_RANGE": "write a string, or give the field another type",
    "LINE_TOO_LONG": "shorten it, or raise limits.line_bytes in the recipe",
    "JSON_DEPTH": "flatten it, or raise limits.depth in the recipe",
    "FIELD_COUNT": "write fewer, or raise limits.fields in the recipe",
    "UNICODE_NUL": 'remove it, or say read = { nul = "keep" } in the recipe',
    "SCHEMA_ADDITIONAL": "name the field in the schema, or remove it from the records",
    "UTF8_INVALID": 'save the file as UTF-8, or name its encoding in the recipe: read = { encoding = "cp1252" }',
    "ENCODING_INVALID": "correct read.encoding in the recipe, or the records",
    "ENCODING_UTF16": 'name the encoding in the recipe: read = { encoding = "utf-16" }',
    "ENCODING_UTF32": 'name the encoding in the recipe: read = { encoding = "utf-32" }',
}
FIX = "correct the records, the schema, or limits.rejected"
#: What to do about text that is not JSON, by the format of its file.
SYNTAX = {
    "lines": "write one JSON object on each line",
    "array": "correct the element",
    "cells": "write lists and objects as JSON, quoted as a cell",
}


def fix(row: Removed) -> str:
    """What to do about a row, and others of its code."""
    kind = FORMATS.get(Piece(Path(), row.source, 0).suffix, "lines")
    if kind == "lines" and row.code in ("JSON_SYNTAX", "JSON_NOT_OBJECT"):
        start = row.row.strip() if isinstance(row.row, str) else ""
        if row.line == 1 and (start.startswith("[") or isinstance(row.row, list)):
            return "name the file .json if it is one JSON array; in this one, write one JSON object on each line"
        if start == "{":
            return "write each object on one line, or all of them as [ …, … ] in a file that is named .json"
        if row.line == 1 and start[:5].lower() in ("<!doc", "<html"):
            return "fetch the file again: this is a page of the web in place of it"
        if "\r" in start:
            return "end lines with a line feed: here they end with a carriage return alone"
        if row.message.endswith("(the line looks cut off)"):
            return "fetch the file again, or complete the line"
    return SYNTAX[kind] if row.code == "JSON_SYNTAX" and kind in SYNTAX else FIXES.get(row.code, FIX)
