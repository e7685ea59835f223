"""Text -> the same text, normalised.

Cleaning never drops a row and never looks at more than one: what must not be published is refused by the JSON Schema,
in `validate`, where it is counted. What Unicode says is taken from one pinned library, not from the interpreter.
"""

from __future__ import annotations

import re
from typing import Any

import pyarrow as pa
import unicodedata2

from parquetry.words.recipe import Clean
from parquetry.words.records import LINE

_NEWLINE = re.compile("\r\n?")


def clean(batch: pa.RecordBatch, rules: Clean) -> pa.RecordBatch:
    """Normalise every text, also inside lists and objects; same rows, same columns, same order.

    Cleaning twice is cleaning once.
    """
    if rules == Clean():
        return batch
    columns = [
        column if field.name == LINE.name else pa.array([_walk(v, rules) for v in column.to_pylist()], field.type)
        for field, column in zip(batch.schema, batch.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=batch.schema)


def normalise(text: str, rules: Clean) -> str:
    """Normalise one text.

    >>> normalise("Cafe\\u0301\\r\\n", Clean(unicode="NFC", newlines=True))
    'Café\\n'
    """
    if rules.newlines:
        text = _NEWLINE.sub("\n", text)
    return str(unicodedata2.normalize(rules.unicode, text)) if rules.unicode else text


def _walk(value: Any, rules: Clean) -> Any:
    if isinstance(value, str):
        return normalise(value, rules)
    if isinstance(value, list):
        return [_walk(item, rules) for item in value]
    if isinstance(value, dict):
        return {name: _walk(item, rules) for name, item in value.items()}
    return value
