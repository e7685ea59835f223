"""One column of a table, read three ways: Arrow, Hub features and prose.

A new type of value is one line of `KINDS`, so that no reading can forget it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import pyarrow as pa


class Kind(NamedTuple):
    """One type of value, in the languages we speak."""

    name: str
    arrow: pa.DataType
    hub: str  #: `datasets.Value` dtype.
    prose: str  #: As the card says it.


#: JSON Schema type, format or ``x-arrow`` -> the same type elsewhere.
KINDS = {
    kind.name: kind
    for kind in (
        Kind("string", pa.string(), "string", "text"),
        Kind("date", pa.date32(), "date32", "date"),
        Kind("date-time", pa.timestamp("us", "UTC"), "timestamp[us, tz=UTC]", "date and time (UTC)"),
        Kind("integer", pa.int64(), "int64", "integer"),
        Kind("number", pa.float64(), "float64", "number"),
        Kind("boolean", pa.bool_(), "bool", "true or false"),
        Kind("map", pa.string(), "string", "open map, as JSON text"),
        *(Kind(n, pa.type_for_alias(n), n, "integer") for n in ("int8", "int16", "int32", "int64")),
        *(Kind(n, pa.type_for_alias(n), n, "integer") for n in ("uint8", "uint16", "uint32", "uint64")),
        *(Kind(n, pa.type_for_alias(n), n, "number") for n in ("float32", "float64")),
    )
}
#: The types that ``x-arrow`` may ask for, by JSON Schema type: the starts of their names.
NARROWER = {"integer": ("int", "uint"), "number": ("float",)}


class Value(NamedTuple):
    """One value that a coded field may have, with its label."""

    const: Any
    title: str
    description: str


@dataclass(frozen=True)
class Field:
    """One column, or a part of one: a member of an object, the elements of a list."""

    name: str
    pointer: str  #: Where the schema describes it.
    kind: str  #: A name of `KINDS`, or ``list`` or ``struct``.
    nullable: bool  #: Whether the schema admits null.
    required: bool
    description: str = ""
    unit: str = ""
    example: Any = None
    values: tuple[Value, ...] = ()  #: Of a coded field: all it may have, in the order of the schema.
    feature: str = ""  #: ``ClassLabel``, if the schema asks for it.
    fields: tuple[Field, ...] = ()  #: Members of a struct; the one element of a list.

    @cached_property
    def arrow(self) -> pa.DataType:
        """As an Arrow type."""
        if self.kind == "list":
            return pa.list_(self.fields[0].arrow)
        if self.kind == "struct":
            return pa.struct([pa.field(f.name, f.arrow) for f in self.fields])
        return KINDS[self.kind].arrow

    @property
    def hub(self) -> Any:
        """As a feature of `datasets`, in the spelling of the Parquet metadata that 3.6 and 5.2 both read."""
        if self.kind == "list":
            return [self.fields[0].hub]
        if self.kind == "struct":
            return {f.name: f.hub for f in self.fields}
        return {"dtype": KINDS[self.kind].hub, "_type": "Value"}

    @property
    def card(self) -> dict[str, Any]:
        """As an entry of ``dataset_info.features`` in the front matter of a card, without the name."""
        if self.kind == "list":
            inner = self.fields[0].card
            return {"list": inner.get("dtype", inner.get("struct", inner))}
        if self.kind == "struct":
            return {"struct": [{"name": f.name} | f.card for f in self.fields]}
        if self.feature == "ClassLabel" and self.kind == "string" and self.values:
            return {"dtype": {"class_label": {"names": {str(i): v.const for i, v in enumerate(self.values)}}}}
        return {"dtype": KINDS[self.kind].hub}

    @property
    def prose(self) -> str:
        """As the card says it."""
        if self.kind == "list":
            return f"list of {self.fields[0].prose}"
        return "object" if self.kind == "struct" else KINDS[self.kind].prose
