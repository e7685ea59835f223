"""A text or Markdown file -> one row.

The row has the text of the file as ``text``, the members of the front matter of a Markdown file, and the name of the
file as ``path`` if the schema names such a property. The text is not changed. Front matter is typed by the schema, and
never guessed: ``no``, ``010`` and ``12:30`` are the text that they look like. No tag makes an object of it, no alias is
followed: with either it stays part of the text. Other front matter that is no plain mapping is a mistake, and the file
is set aside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa
import yaml

from parquetry.sources import conform
from parquetry.sources.encodings import wide
from parquetry.sources.partitions import Piece
from parquetry.words import strict_json
from parquetry.words.errors import pointer
from parquetry.words.fields import Field
from parquetry.words.recipe import Limits, Table
from parquetry.words.records import LINE, Removed, Sifted
from parquetry.words.schema import Schema
from parquetry.words.strict_json import NotJson

#: How files begin that are no text, and what they are.
MAGIC = {
    b"%PDF-": "PDF", b"PK\x03\x04": "zip, perhaps of an Office document", b"PK\x05\x06": "zip", b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd", b"BZh91AY&SY": "bzip2", b"\xfd7zXZ\x00": "xz", b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar", b"\x89PNG\r\n": "PNG image", b"\xff\xd8\xff": "JPEG image", b"GIF87a": "GIF image",
    b"GIF89a": "GIF image", b"II*\x00": "TIFF image", b"MM\x00*": "TIFF image", b"PAR1\x15": "Parquet",
    b"ARROW1\x00\x00": "Arrow", b"\xd0\xcf\x11\xe0": "old Office document", b"SQLite format 3\x00": "SQLite",
    b"\x7fELF": "program",
}  # fmt: skip
#: Longest front matter: reading YAML is slow.
FRONT_CHARACTERS = 65_536
#: Bytes of a file that is no text which are kept beside the reason.
_SAMPLE = 200
_FRONT = re.compile(r"---[ \t]*(?:\r\n?|\n)(.*?)(?<=[\r\n])---[ \t]*(?:\r\n?|\n|\Z)", re.DOTALL)
#: Control characters that no text has; those of old printers and terminals are not among them.
_CONTROL = bytes({*range(32)} - {*b"\b\t\n\v\f\r\x1b"})
#: Tags that YAML gives to plain values by itself.
_TAGS = tuple(f"tag:yaml.org,2002:{name}" for name in "str int float bool null timestamp value seq map".split())


def read(piece: Piece, schema: Schema, rules: Table, limits: Limits) -> Iterator[Sifted]:
    """Yield the one record of a file, or the reason why it holds none."""
    with piece.path.open("rb") as file:
        raw = file.read(limits.line_bytes + 1)
    structure = strict_json.Limits(limits.depth, limits.fields, rules.read.nul == "keep")
    kept, removed = list[dict[str, Any]](), list[Removed]()
    value: Any = raw[:_SAMPLE].decode("utf-8", "backslashreplace")
    try:
        if len(raw) > limits.line_bytes:
            raise NotJson("LINE_TOO_LONG", f"longer than {limits.line_bytes} bytes; the file is one record")
        value = decoded(raw, rules.read.encoding, nul=structure.nul)
        value = _record(piece, value, schema, structure)
        kept.append(conform.record(schema, value) | {LINE.name: 1})
    except NotJson as error:
        removed.append(Removed(error.code, "", piece.name, 1, error.pointer, error.what, value))
    columns = pa.schema([*schema.arrow, LINE])
    yield Sifted(pa.RecordBatch.from_pylist(kept, schema=columns), tuple(removed), lines=1)


def decoded(raw: bytes, encoding: str, *, nul: bool) -> str:
    """The text of a file, without a byte order mark.

    Args:
        raw: The file.
        encoding: Of the text.
        nul: Whether the character U+0000 may stand in it.

    Raises:
        NotJson: With one of the codes DOC_EMPTY, DOC_BINARY, ENCODING_UTF16, ENCODING_UTF32, UTF8_INVALID,
            ENCODING_INVALID, UNICODE_NUL.
    """
    if bits := wide(raw, encoding):
        raise NotJson(f"ENCODING_UTF{bits}", f"the text is UTF-{bits}, not {encoding}")
    if kind := next((kind for magic, kind in MAGIC.items() if raw.startswith(magic)), ""):
        raise NotJson("DOC_BINARY", f"not text but {kind}")
    try:
        text = raw.decode(encoding).removeprefix("\ufeff")
        text.encode()  # there are encodings of half surrogate pairs
    except UnicodeDecodeError as error:
        if raw.translate(None, _CONTROL) != raw:
            raise NotJson(
                "DOC_BINARY", f"not text: it holds control characters and is not {encoding.upper()}"
            ) from None
        code, shown = ("UTF8_INVALID", "UTF-8") if encoding.startswith("utf-8") else ("ENCODING_INVALID", encoding)
        bad = raw[error.start : error.end][:8].hex(" ")
        raise NotJson(code, f"byte {error.start + 1} of the file is not {shown} (hex {bad})") from None
    except UnicodeError as error:
        raise NotJson("ENCODING_INVALID", f"not {encoding}: {error}") from None
    if not text.strip():
        raise NotJson("DOC_EMPTY", "the file holds no text")
    if (count := text.count("\0")) and not nul:
        if count * 100 > len(text):
            raise NotJson("DOC_BINARY", f"not text: {count} of {len(text)} characters are U+0000")
        raise NotJson("UNICODE_NUL", "the character U+0000 stands in the text", "/text")
    return text


def _record(piece: Piece, text: str, schema: Schema, structure: strict_json.Limits) -> dict[str, Any]:
    """What a file says, as a JSON object."""
    given: dict[str, Any] = {"text": text} | ({"path": piece.name} if "path" in schema else {})
    if match := _FRONT.match(text) if piece.suffix == ".md" else None:
        try:
            front = front_matter(match[1], schema.fields)
        except _Foreign:
            return given
        if twice := [name for name in given if name in front]:
            raise _wrong(f"names {twice[0]!r}, which is the file's own", (twice[0],))
        given["text"] = text[match.end() :]
        return strict_json.loads(json.dumps(front).encode(), structure) | given  # type: ignore[no-any-return]
    return given


def front_matter(text: str, fields: Sequence[Field]) -> dict[str, Any]:
    """The members that a block of YAML names; one without anything but comments names none.

    Raises:
        NotJson: It is no mapping of plain values, a key stands twice, or a number is out of range.
    """
    if len(text) > FRONT_CHARACTERS:
        raise _wrong(f"is longer than {FRONT_CHARACTERS:,} characters")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)  # nodes are text: nothing is constructed of them
        if node is None:
            return {}
        if not isinstance(node, yaml.MappingNode):
            found = "a list" if isinstance(node, yaml.SequenceNode) else "text"
            raise _wrong(f"is {found}, not a mapping of names to values")
        _check_tag(node)
        return _mapping(node, fields, set(), ())
    except NotJson:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f", line {mark.line + 2}, column {mark.column + 1}" if mark else ""  # a line stands before the block
        raise _wrong(f"is not YAML: {error.problem or error.context}{place}") from None
    except RecursionError:
        raise _wrong("is nested too deep to be read") from None
    except (yaml.YAMLError, ValueError, OverflowError):  # a control character, or an escape that Unicode does not have
        raise _wrong("is not YAML: it holds a character that cannot be") from None


class _Foreign(Exception):
    """Front matter that would have to be followed to be read, and is not: it stays what it is, text."""


def _wrong(what: str, where: tuple[Any, ...] = ()) -> NotJson:
    return NotJson("DOC_FRONT_MATTER", f"the front matter {what}", pointer(*where))


def _check_tag(node: yaml.Node) -> None:
    """Refuse a tag that someone wrote."""
    if node.tag not in _TAGS:
        raise _Foreign


def _check_alias(node: yaml.Node, seen: set[int]) -> None:
    """Refuse a node that was met before."""
    if id(node) in seen:
        raise _Foreign
    seen.add(id(node))


def _mapping(node: yaml.MappingNode, fields: Sequence[Field], seen: set[int], where: tuple[Any, ...]) -> dict[str, Any]:
    """A mapping as JSON; ``seen`` are the nodes that were met before, ``where`` the steps of its JSON Pointer."""
    known, members = {field.name: field for field in fields}, dict[str, Any]()
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise _wrong("has a key that is not a word", where)
        place = (*where, key.value)
        _check_tag(key)
        _check_alias(key, seen)
        if key.value in members:
            raise _wrong(f"names {key.value!r} twice", place)
        members[key.value] = _value(value, known.get(key.value), seen, place)
    return members


def _value(node: yaml.Node, field: Field | None, seen: set[int], where: tuple[Any, ...]) -> Any:
    """A node as JSON; a plain scalar is what both YAML and JSON say it is, else text."""
    _check_tag(node)
    _check_alias(node, seen)
    if isinstance(node, yaml.MappingNode):
        return _mapping(node, field.fields if field and field.kind == "struct" else (), seen, where)
    if isinstance(node, yaml.SequenceNode):
        inner = field.fields[0] if field and field.kind == "list" else None
        return [_value(item, inner, seen, (*where, index)) for index, item in enumerate(node.value)]
    text, kind = str(node.value), node.tag.rpartition(":")[2]
    if kind == "null":
        return None
    quoted = kind == "str" or getattr(node, "style", None)
    if quoted or (field and field.kind in ("string", "date", "date-time")):
        return text
    if kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return strict_json.loads(text.encode()) if re.fullmatch(strict_json.NUMBER, text) else text
    except NotJson as error:
        raise NotJson(error.code, error.what, pointer(*where)) from None
