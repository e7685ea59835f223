"""Text -> the same text, normalised.

Cleaning never drops a row and never looks at more than one: what must not be published is refused by the JSON Schema,
in `validate`, where it is counted. What Unicode says is taken from one pinned library, not from the interpreter.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pyarrow as pa
import unicodedata2

from parquetry.sources.conform import canonical
from parquetry.words.fields import Field
from parquetry.words.recipe import Clean
from parquetry.words.schema import Schema

_NEWLINE = re.compile("\r\n?")


def clean(batch: pa.RecordBatch, schema: Schema, rules: Clean) -> pa.RecordBatch:
    """Normalise every text, also inside lists, objects and open maps; same rows, same columns, same order.

    Cleaning twice is cleaning once.
    """
    if rules == Clean():
        return batch
    for index, field in enumerate(schema.fields):
        values = [_clean(field, value, rules) for value in batch.column(index).to_pylist()]
        batch = batch.set_column(index, batch.schema.field(index), pa.array(values, field.arrow))
    return batch


def normalise(text: str, rules: Clean) -> str:
    """Normalise one text.

    >>> normalise("Cafe\\u0301\\r\\n", Clean(unicode="NFC", newlines=True))
    'Café\\n'
    """
    if rules.newlines:
        text = _NEWLINE.sub("\n", text)
    return str(unicodedata2.normalize(rules.unicode, text)) if rules.unicode else text


def _clean(field: Field, value: Any, rules: Clean) -> Any:
    """A value of a column, normalised."""
    if value is None:
        return None
    if field.kind == "list":
        return [_clean(field.fields[0], item, rules) for item in value]
    if field.kind == "struct":
        return {inner.name: _clean(inner, value[inner.name], rules) for inner in field.fields}
    if field.kind == "map":
        return canonical(_walk(json.loads(value), rules))
    return normalise(value, rules) if isinstance(value, str) else value


def _walk(value: Any, rules: Clean) -> Any:
    """A JSON value with its texts normalised, and its keys too, unless two of them would become one."""
    if isinstance(value, str):
        return normalise(value, rules)
    if isinstance(value, list):
        return [_walk(item, rules) for item in value]
    if isinstance(value, dict):
        names = [normalise(name, rules) for name in value]
        keys = names if len(set(names)) == len(names) else list(value)
        return {name: _walk(item, rules) for name, item in zip(keys, value.values(), strict=True)}
    return value
